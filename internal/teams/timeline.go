package teams

import (
	"container/heap"
	"time"
)

// timeline has those first who are due first.
type timeline []*person

func (l timeline) Len() int           { return len(l) }
func (l timeline) Less(i, j int) bool { return l[i].due.Before(l[j].due) }
func (l timeline) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i+1, j+1
}

// Push implements heap.Interface.
func (l *timeline) Push(x any) {
	*l = append(*l, x.(*person))
	(*l)[len(*l)-1].index = len(*l)
}

// Pop implements heap.Interface.
func (l *timeline) Pop() any {
	last := len(*l) - 1
	p := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	p.index = 0
	return p
}

// set has somebody looked at at a time; zero: not by time.
func (l *timeline) set(p *person, at time.Time) {
	if at.IsZero() && p.index == 0 {
		return
	}
	p.due = at
	switch {
	case at.IsZero():
		heap.Remove(l, p.index-1)
	case p.index > 0:
		heap.Fix(l, p.index-1)
	default:
		heap.Push(l, p)
	}
}

// first returns somebody who is due, nil if nobody is.
func (l timeline) first(now time.Time) *person {
	if len(l) == 0 || l[0].due.After(now) {
		return nil
	}
	return l[0]
}

// wait is how long nobody is due, at most a minute: to notice suspension and clock steps.
func (l timeline) wait(now time.Time) time.Duration {
	if len(l) == 0 {
		return time.Minute
	}
	return min(max(l[0].due.Sub(now), 0), time.Minute)
}
