package hub

import (
	"iter"
	"time"
)

// never is later than every instant that can be announced.
var never = time.Unix(1<<40, 0).UTC()

// longestWait bounds how long a shard sleeps, so that it notices suspension and steps of the clock.
const longestWait = time.Minute

// timeline holds who may change next: a heap of people by due. The zero value is empty. It is not safe for
// concurrent use.
type timeline struct{ heap []*person }

// set notes when p is due; never takes them out. The hub's time goes in milliseconds: what is due within one is due at
// its end.
func (t *timeline) set(p *person, at time.Time) {
	if whole := at.Truncate(time.Millisecond); whole.Before(at) {
		at = whole.Add(time.Millisecond)
	}
	p.due = at
	i := int(p.place) - 1
	switch {
	case i < 0 && at.Equal(never):
	case i < 0:
		t.heap = append(t.heap, p)
		p.place = int32(len(t.heap))
		t.up(len(t.heap) - 1)
	case at.Equal(never):
		last := len(t.heap) - 1
		t.swap(i, last)
		t.heap[last] = nil
		t.heap = t.heap[:last]
		p.place = 0
		if i < last {
			t.fix(i)
		}
	default:
		t.fix(i)
	}
}

func (t *timeline) fix(i int) {
	t.down(i)
	t.up(i)
}

// drain yields everybody who is due at now. Whoever is yielded is out of the timeline until set again.
func (t *timeline) drain(now time.Time) iter.Seq[*person] {
	return func(yield func(*person) bool) {
		for len(t.heap) > 0 && !t.heap[0].due.After(now) {
			p := t.heap[0]
			t.set(p, never)
			if !yield(p) {
				return
			}
		}
	}
}

// wait returns how long it is until somebody is due, between zero and longestWait.
func (t *timeline) wait(now time.Time) time.Duration {
	if len(t.heap) == 0 {
		return longestWait
	}
	return min(max(t.heap[0].due.Sub(now), 0), longestWait)
}

func (t *timeline) less(i, j int) bool { return t.heap[i].due.Before(t.heap[j].due) }

func (t *timeline) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].place, t.heap[j].place = int32(i+1), int32(j+1)
}

func (t *timeline) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.less(i, parent) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timeline) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(t.heap) && t.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}
