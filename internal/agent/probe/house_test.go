package probe

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follow runs a probe until the test ends, and returns what it tells.
func follow[T any](t *testing.T, watch func(ctx context.Context, tell func(T))) *told[T] {
	ctx, cancel := context.WithCancel(t.Context())
	f := &told[T]{t: t, c: make(chan T, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		watch(ctx, func(v T) { f.c <- v })
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Error("the probe does not end")
		}
	})
	return f
}

// told is what a probe tells.
type told[T any] struct {
	t *testing.T
	c chan T
}

// next returns what is told next.
func (f *told[T]) next() T {
	f.t.Helper()
	select {
	case v := <-f.c:
		f.t.Logf("told %+v", v)
		return v
	case <-time.After(time.Minute):
		f.t.Fatal("nothing is told for a minute")
		panic("not reached")
	}
}

// until waits for something to be told, whatever is told before.
func (f *told[T]) until(what string, is func(T) bool) T {
	f.t.Helper()
	for {
		v := f.next()
		if is(v) {
			return v
		}
		f.t.Logf("waiting for %s", what)
	}
}

// silent checks that nothing has been told.
func (f *told[T]) silent() {
	f.t.Helper()
	select {
	case v := <-f.c:
		f.t.Errorf("told %+v, want nothing", v)
	default:
	}
}

// env is an environment; what it does not name is not set.
func env(pairs ...string) Config {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return Config{Getenv: func(key string) string { return m[key] }}
}

func words(err error) string { return fmt.Sprint(err) }
