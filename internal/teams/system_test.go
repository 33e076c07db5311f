package teams

import (
	"testing"

	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/source"
)

// An application that is replaced before it was begun leaves nobody waiting for a write that nobody makes.
func TestAnApplicationThatIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	tm := &Teams{people: map[string]*person{}, systems: map[string]*system{}, touched: map[string]bool{}, unkept: map[string]bool{}, left: map[string]*State{},
		manage: make(chan struct{}, 1), wake: make(chan struct{}, 1), keep: make(chan struct{}, 1)}
	tm.PutSystem(System{ID: "microsoft"})
	anna := &person{id: "anna"}
	anna.state.Begin(SetCall, hub.Now())
	anna.job = &job{p: anna, op: SetCall}
	tm.people["anna"] = anna
	tm.systems["microsoft"].queue = append(tm.systems["microsoft"].queue, anna.job)
	<-tm.PutSystem(System{ID: "microsoft"})
	if anna.state.Busy() {
		t.Error("she is waited for for ever")
	}
}

// A gateway that gives up on a write says nothing of whether it was made.
func TestWhatCameOfAWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want Outcome
	}{
		{nil, Done},
		{&source.Error{Kind: source.Other, Status: 400}, Refused},
		{&source.Error{Kind: source.NotAllowed, Status: 403}, Refused},
		{&source.Error{Kind: source.Unavailable, Status: 429}, Refused},
		{&source.Error{Kind: source.Unavailable, Whole: true}, Refused}, // it was not sent
		{&source.Error{Kind: source.Unavailable, Status: 408}, Unsure},
		{&source.Error{Kind: source.Unavailable, Status: 504}, Unsure},
		{&source.Error{Kind: source.Unavailable}, Unsure},
	} {
		if got := outcomeOf(c.err); got != c.want {
			t.Errorf("of %#v came %d, want %d", c.err, got, c.want)
		}
	}
}
