// Package demo is an invented office that lives: sixty people in two places who come, telephone, meet, take breaks and
// go home, so that Doorlight can be tried without anybody having to install anything. Everything it does it does from
// outside, as real sources would: people and groups are entered through the office, what happens becomes claims through
// the hub, and appointments stand in published calendars that are read like any others. Nothing in the server knows
// that the office is invented.
//
// What a day brings is worked out beforehand and purely (Roster.Day); a Clock says when it is to happen, and Life makes
// it happen.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/store"
)

// Password is what everybody of the office signs in with.
const Password = "doorlight-demo"

// Speeds of the day.
const (
	Slowest = 1
	Fastest = 3600
)

// Config holds what has a default.
type Config struct {
	Seed  uint64       // another seed, other days; zero: 1
	Speed float64      // how much faster than real the day goes; zero: 1
	Log   *slog.Logger // nil: slog.Default
}

// Demo is an invented office that is ready to live. Make it with Open.
type Demo struct {
	roster *Roster
	clock  Clock
	seed   uint64
	log    *slog.Logger
	token  string // secret of the token to try the API with; empty: made by an earlier run
}

// Open enters the invented office into an empty store, or takes up the one that an earlier run has left there. It must
// be done before the server reads the store.
func Open(ctx context.Context, st store.Store, cfg Config) (*Demo, error) {
	if cfg.Seed == 0 {
		cfg.Seed = 1
	}
	if cfg.Speed == 0 {
		cfg.Speed = Slowest
	}
	if cfg.Speed < Slowest || cfg.Speed > Fastest {
		return nil, fmt.Errorf("demo: speed %g is not between %d and %d", cfg.Speed, Slowest, Fastest)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	d := &Demo{roster: NewRoster(), clock: NewClock(time.Now(), cfg.Speed), seed: cfg.Seed, log: cfg.Log}
	var err error
	if d.token, err = d.roster.enter(ctx, st, cfg.Log); err != nil {
		return nil, err
	}
	return d, nil
}

// CalendarEvery is how often the server should read calendars to keep up with the days; zero: as usual.
func (d *Demo) CalendarEvery() time.Duration {
	if d.clock.Speed() == Slowest {
		return 0
	}
	return min(max(d.clock.Length()/6, time.Second), 10*time.Minute)
}

// Run makes the office live until ctx ends; it returns when everything it started has stopped. The hub and the agenda
// must be running.
func (d *Demo) Run(ctx context.Context, st store.Store, of *office.Office, h *hub.Hub, ag *agenda.Agenda) error {
	publisher, err := publish(d.roster, d.clock, d.seed)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer publisher.close()
	life := NewLife(d.roster, d.clock, d.seed, h, LifeConfig{
		Log: d.log, Profile: profiles(of), Assisted: auditing(st, d.log),
	})
	// The past first, so that nobody is seen to come and go twice; the calendars follow within a second.
	if err := life.Begin(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := publisher.subscribe(ctx, ag); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return life.Run(ctx)
}

// SignIn is somebody to sign in as.
type SignIn struct{ Login, Name, As string }

// SignIns returns those who are worth signing in as.
func (d *Demo) SignIns() []SignIn {
	list := []SignIn{
		{Login: "anna", As: "an employee, in the team Produktdesign"},
		{Login: "jonas", As: "a team colleague of Anna Berger"},
		{Login: "miriam", As: "the assistant of Dr. Katharina Lindner, who is a VIP"},
		{Login: "sabine", As: "reception, which observes everybody"},
		{Login: "thomas", As: "system administrator"},
		{Login: "johanna", As: "administrator of the location Wien"},
	}
	for i := range list {
		list[i].Name = d.roster.Member(list[i].Login).Name
	}
	return list
}

// Print writes who can sign in, and how fast the day goes.
func (d *Demo) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nThis is an invented office of %d people. All of them sign in with the password %s\n\n", len(d.roster.Members), Password)
	for _, s := range d.SignIns() {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", s.Login, s.Name, s.As)
	}
	_, at := d.clock.Sim(time.Now())
	fmt.Fprintf(t, "\nIn the office it is %02d:%02d", int(at.Hours()), int(at.Minutes())%60)
	if s := d.clock.Speed(); s != Slowest {
		fmt.Fprintf(t, "; the day goes %g times as fast, takes %s and repeats", s, d.clock.Length().Round(time.Second))
	}
	fmt.Fprint(t, ".\n")
	if d.token != "" {
		fmt.Fprintf(t, "To try the API as a program, with an origin of its own, there is the token %s\n", d.token)
	}
	fmt.Fprintln(t)
	return t.Flush()
}
