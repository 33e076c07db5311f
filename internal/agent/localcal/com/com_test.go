package com

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The dates are those of [MS-OAUT] 2.2.25, and what appointments have.
func TestDates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		days float64
		want string
	}{
		{0, "1899-12-30T00:00:00Z"},
		{0.75, "1899-12-30T18:00:00Z"},
		{-1, "1899-12-29T00:00:00Z"},
		{-1.25, "1899-12-29T06:00:00Z"},
		{-1.75, "1899-12-29T18:00:00Z"},
		{2, "1900-01-01T00:00:00Z"},
		{5.25, "1900-01-04T06:00:00Z"},
		{46352.375, "2026-11-26T09:00:00Z"},
		{46352.6041666667, "2026-11-26T14:30:00Z"}, // as it comes, with all that a double holds
		{46352.9993055556, "2026-11-26T23:59:00Z"},
		{46352.9999999999, "2026-11-27T00:00:00Z"},
		{46352.0000057870, "2026-11-26T00:00:00.5Z"},
		{949998, "4501-01-01T00:00:00Z"}, // what Outlook has where there is no date
		{-657434, "0100-01-01T00:00:00Z"},
		{2958465.5, "9999-12-31T12:00:00Z"},
	} {
		got, ok := Date(c.days)
		if s := got.Format(time.RFC3339Nano); !ok || s != c.want {
			t.Errorf("Date(%v) = %s, %v, want %s", c.days, s, ok, c.want)
		}
	}
	for _, days := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 2958466, -693595} {
		if got, ok := Date(days); ok {
			t.Errorf("Date(%v) = %v, want none", days, got)
		}
	}
}

// Every minute of some days comes back: a double is exact enough.
func TestEveryMinute(t *testing.T) {
	t.Parallel()
	zero := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	for _, first := range []time.Time{time.Date(2026, time.March, 29, 0, 0, 0, 0, time.UTC), time.Date(1999, time.December, 31, 0, 0, 0, 0, time.UTC)} {
		for i := range 3 * 24 * 60 {
			at := first.Add(time.Duration(i) * time.Minute)
			days := at.Sub(zero).Seconds() / 86400
			if got, ok := Date(days); !ok || !got.Equal(at) {
				t.Fatalf("Date(%v) = %v, %v, want %v", days, got, ok, at)
			}
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	for code, want := range map[uint32]error{0x80010001: ErrBusy, 0x8001010A: ErrBusy, 0x800706BA: ErrGone, 0x800401E3: ErrNotRunning, 0x800401F3: ErrNotInstalled, 0x80020006: ErrNoMember} {
		err := error(&Error{Op: "Outlook.Application", Code: code})
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
		if s := err.Error(); !strings.HasPrefix(s, "Outlook.Application: "+want.Error()) {
			t.Errorf("%q does not say %q", s, want)
		}
	}
	if err := error(&Error{Op: "Start", Code: 0x80004005}); errors.Unwrap(err) != nil || err.Error() != "Start: error 0x80004005" {
		t.Errorf("%v", err)
	}
}
