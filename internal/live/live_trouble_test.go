package live

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A client that reports often still hears that the server lives: it would take the silence of a minute and a half for a broken connection.
func TestAClientThatTalksHearsThatTheServerLives(t *testing.T) {
	t.Parallel()
	list := &clients{ended: make(chan string, 1)}
	s := open(t, false, Config{Clients: list, Ping: 2 * time.Second}, "anna")
	w := s.client("anna&desktop=1", "anna")
	w.connect()
	w.send(`{"type":"client","id":"desk"}`)
	w.said() // settings
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	heard := make(chan bool, 1)
	go func() {
		for {
			_, text, err := w.conn.Read(ctx)
			if err != nil || strings.Contains(string(text), "alive") {
				heard <- err == nil
				return
			}
		}
	}()
	for {
		select {
		case ok := <-heard:
			if !ok {
				t.Error("for four times the interval there was no sign of life")
			}
			return
		case <-time.After(300 * time.Millisecond):
			w.send(`{"type":"client","id":"desk","activity":"active"}`)
		}
	}
}
