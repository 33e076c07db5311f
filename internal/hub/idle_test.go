package hub

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/presence"
)

func TestNobodyWaitsForAHubThatDoesNotRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newStaff("anna", "bert")
		h, err := Open(t.Context(), newDisk(), st, func([]Update) {}, Config{Shards: 2, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		// It was put together and is not at work yet: somebody comes, somebody goes, somebody's presence is switched off.
		st.set("cora", usual())
		h.Repolicy([]string{"cora"}, nil)
		st.set("bert", nil)
		h.Repolicy(nil, []string{"bert"})
		st.set("anna", &presence.Policy{Off: true})
		h.Repolicy([]string{"anna"}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i, err := range h.ChangeAll(ctx, []PersonEdit{{"anna", choose(presence.Busy)}, {"nobody", choose(presence.Busy)}}) {
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("change %d was answered with %v, want unavailable", i, err)
			}
		}
		running, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(running) }()
		synctest.Wait()
		if p, _, _ := h.Presence("anna"); !p.Off {
			t.Error("anna's presence is on")
		}
		if _, _, ok := h.Presence("bert"); ok {
			t.Error("bert is still there")
		}
		if err := h.Change(t.Context(), "cora", choose(presence.Busy)); err != nil {
			t.Errorf("cora cannot choose: %v", err)
		}
		stop()
		<-ended
		h.Repolicy([]string{"anna"}, []string{"cora"})
		if err := h.Change(t.Context(), "anna", choose(presence.Busy)); !errors.Is(err, ErrStopped) {
			t.Errorf("answered with %v, want that it stops", err)
		}
	})
}
