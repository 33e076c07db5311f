package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/doorlight/doorlight/internal/source"
)

func broken() *source.Error { return &source.Error{Kind: source.Unavailable, Text: "broken"} }

// mailbox is what a source makes of a Box.
type mailbox struct {
	Box
	id string
}

func mailboxes() *Boxes[*mailbox] {
	return NewBoxes(func(key string) *mailbox { return &mailbox{Box: NewBox(key, 1)} })
}

// TestAMailboxThatFails is left alone, for longer each time, and in doubt until it works.
func TestAMailboxThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBox("anna", 1)
		if b.Shut() != nil || b.Wait() > 0 || b.Doubtful() {
			t.Error("a new one is not to be asked for")
		}
		for _, most := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
			told := b.Pause(Backoff{Most: 5 * time.Second}, 0, broken(), true)
			if told.RetryAfter > most || told.RetryAfter < most*4/5 || told.Whole || !b.Doubtful() {
				t.Errorf("told %+v, want a wait of up to %v", told, most)
			}
			time.Sleep(told.RetryAfter - time.Millisecond)
			if e, ok := errors.AsType[*source.Error](b.Shut()); !ok || e.RetryAfter != time.Millisecond || e.Text != "broken" {
				t.Errorf("a millisecond before the end others are told %+v", e)
			}
			time.Sleep(time.Millisecond)
			if err := b.Shut(); err != nil {
				t.Errorf("after the wait: %v", err)
			}
		}
		if b.Pause(Backoff{}, time.Second, broken(), false); !b.Doubtful() {
			t.Error("it is out of doubt without having worked")
		}
		b.Succeeded()
		if b.Doubtful() {
			t.Error("it is in doubt although it works")
		}
		time.Sleep(time.Second)
		if told := b.Pause(Backoff{}, 0, broken(), false); told.RetryAfter > time.Second || b.Doubtful() {
			t.Errorf("the first failure after: %v, in doubt %v", told.RetryAfter, b.Doubtful())
		}
	})
}

// TestAWishAboutAMailbox is obeyed to the second, counts as no failure, and stands if another reader succeeds meanwhile.
func TestAWishAboutAMailbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBox("anna", 4)
		for range 5 {
			if told := b.Pause(Backoff{}, 30*time.Second, broken(), false); told.RetryAfter != 30*time.Second || b.Doubtful() {
				t.Errorf("told %+v, in doubt %v", told, b.Doubtful())
			}
		}
		b.Pause(Backoff{}, 0, broken(), false)
		b.Succeeded()
		if b.Wait() != 30*time.Second {
			t.Errorf("it is left alone for %v, want the 30 seconds", b.Wait())
		}
		time.Sleep(30 * time.Second)
		b.Succeeded()
		if b.Shut() != nil || b.why != nil {
			t.Errorf("after: %v, and it holds on to %v", b.Shut(), b.why)
		}
	})
}

// TestReadersOfAMailbox are so many at a time; one who goes home lets the others wait.
func TestReadersOfAMailbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, begun := NewBox("anna", 4), time.Now()
		var readers sync.WaitGroup
		for range 12 {
			readers.Go(func() {
				release, err := b.Turn(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				release()
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("went home"))
		defer cancel()
		if _, err := b.Turn(ctx); err == nil || !strings.Contains(err.Error(), "went home") {
			t.Errorf("who went home is told %v", err)
		}
		readers.Wait()
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("twelve readers took %v, want three rounds of a second", took)
		}
	})
}

func TestAMailboxHasOneBox(t *testing.T) {
	t.Parallel()
	all := mailboxes()
	anna := all.Get("anna@example.com")
	anna.id = "42"
	for _, key := range []string{"Anna@Example.COM", " anna@example.com "} {
		if all.Get(key) != anna {
			t.Errorf("%q is somebody else", key)
		}
	}
	if anna.Key != "anna@example.com" || all.Get("bert@example.com") == anna {
		t.Errorf("Anna is %q, and Bert", anna.Key)
	}
}

// TestBoxesAreForgotten only if there are very many, and only those with nothing to remember.
func TestBoxesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := mailboxes()
		busy, paused, old := all.Get("busy"), all.Get("paused"), all.Get("old")
		release, err := busy.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		paused.Pause(Backoff{}, 24*time.Hour, broken(), false)
		for i := range maxBoxes - 4 {
			all.Get(fmt.Sprint(i))
		}
		time.Sleep(lately + time.Second)
		late := all.Get("late")
		if n := len(all.m); n != maxBoxes {
			t.Errorf("%d boxes, before there are too many", n)
		}
		if all.Get("one too many"); len(all.m) != 4 {
			t.Errorf("%d boxes are left, want the one that is busy, the one that is left alone, the late and the newest", len(all.m))
		}
		for key, one := range map[string]*mailbox{"busy": busy, "paused": paused, "late": late} {
			if all.Get(key) != one {
				t.Errorf("the one that is %s is forgotten", key)
			}
		}
		if all.Get("old") == old {
			t.Error("the old one is remembered")
		}
	})
}

// TestABoxIsSmall: there are a hundred thousand.
func TestABoxIsSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(Box{}); n > 96 {
		t.Errorf("a box takes %d bytes, want 96 at most", n)
	}
}
