package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/doorlight/doorlight/internal/demo"
	"github.com/doorlight/doorlight/internal/store"
)

// demonstration is a server whose office is invented. A nil one is a server for real people; all methods do nothing.
type demonstration struct {
	config  demo.Config
	scratch string // data folder to be removed at the end; empty: none
	demo    *demo.Demo
}

func addDemoFlags(f *pflag.FlagSet) {
	f.Bool("demo", false, "serve an invented office that lives; without --data it is gone at the end")
	f.Float64("demo-speed", demo.Slowest, "how many times as fast the days of the invented office go, up to "+strconv.Itoa(demo.Fastest))
}

// wantedDemo returns what the flags ask for, nil without --demo, and makes the settings fit.
func wantedDemo(f *pflag.FlagSet, c *config) (*demonstration, error) {
	on, err := f.GetBool("demo")
	if err != nil {
		return nil, err
	}
	speed, err := f.GetFloat64("demo-speed")
	if err != nil {
		return nil, err
	}
	if !on {
		if f.Changed("demo-speed") {
			return nil, fmt.Errorf("--demo-speed needs --demo")
		}
		return nil, nil
	}
	if speed < demo.Slowest || speed > demo.Fastest {
		return nil, fmt.Errorf("--demo-speed: %g is not between %d and %d", speed, demo.Slowest, demo.Fastest)
	}
	d := &demonstration{config: demo.Config{Speed: speed}}
	if c.Data == defaults().Data && !f.Changed("data") && os.Getenv("DOORLIGHT_DATA") == "" {
		if d.scratch, err = os.MkdirTemp("", "doorlight-demo-"); err != nil {
			return nil, err
		}
		c.Data = d.scratch
	}
	// The calendars of the office are published by this process.
	c.AllowNetworks = append(c.AllowNetworks, "127.0.0.1/32")
	return d, nil
}

// open enters the office, before the server reads it.
func (d *demonstration) open(ctx context.Context, c *config, st store.Store, log *slog.Logger) (err error) {
	if d == nil {
		return nil
	}
	d.config.Log = log
	if d.demo, err = demo.Open(ctx, st, d.config); err != nil {
		return err
	}
	if every := d.demo.CalendarEvery(); every > 0 && c.CalendarEvery == 0 {
		c.CalendarEvery = duration(every)
	}
	return nil
}

// run lets the office live until ctx ends.
func (d *demonstration) run(ctx context.Context, p *parts, log *slog.Logger) {
	if d == nil {
		return
	}
	if err := d.demo.Run(ctx, p.store, p.office, p.hub, p.agenda); err != nil && ctx.Err() == nil {
		log.Error("the invented office stands still", "err", err)
	}
}

// print tells who can sign in.
func (d *demonstration) print(w io.Writer) {
	if d != nil {
		d.demo.Print(w) // the terminal may be gone
	}
}

// close removes what is not to be kept.
func (d *demonstration) close() {
	if d != nil && d.scratch != "" {
		os.RemoveAll(d.scratch)
	}
}
