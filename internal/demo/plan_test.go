package demo

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorlight/doorlight/presence"
)

func TestDayIsDeterministic(t *testing.T) {
	t.Parallel()
	a, b := NewRoster().Day(7, 3), NewRoster().Day(7, 3)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same day differs from itself")
	}
	if reflect.DeepEqual(a.Steps, NewRoster().Day(8, 3).Steps) || reflect.DeepEqual(a.Steps, NewRoster().Day(7, 4).Steps) {
		t.Error("another seed or another day is the same")
	}
}

// TestDayMakesSense looks at many days for what no day may hold.
func TestDayMakesSense(t *testing.T) {
	t.Parallel()
	r := NewRoster()
	for seed := range uint64(5) {
		for day := -3; day < 12; day++ {
			checkDay(t, r, seed, day)
		}
	}
}

func checkDay(t *testing.T, r *Roster, seed uint64, day int) {
	t.Helper()
	p := r.Day(seed, day)
	if !slices.IsSortedFunc(p.Steps, func(a, b Step) int { return int(a.At - b.At) }) {
		t.Errorf("seed %d, day %d: the steps are not in order", seed, day)
	}
	ends := map[Deed]Deed{Talk: HangUp, Ring: HangUp, JoinTeams: QuitTeams, Record: StopRecord, BadgeOut: BadgeIn, Vanish: Come}
	var seen [deedCount]int
	for i, s := range p.Steps {
		seen[s.Do]++
		switch {
		case r.Member(s.Person) == nil || s.By != "" && r.Member(s.By) == nil:
			t.Errorf("seed %d, day %d: nobody is called so: %+v", seed, day, s)
		case s.At < 0 || s.At > 24*time.Hour:
			t.Errorf("seed %d, day %d: not in the day: %+v", seed, day, s)
		case s.Until != 0 && s.Until <= s.At:
			t.Errorf("seed %d, day %d: over before it begins: %+v", seed, day, s)
		}
		if end, ok := ends[s.Do]; ok && !slices.ContainsFunc(p.Steps[i:], func(x Step) bool {
			return x.Person == s.Person && x.Do == end && x.Call == s.Call
		}) {
			t.Errorf("seed %d, day %d: it never ends: %+v", seed, day, s)
		}
	}
	for d, n := range seen {
		if n == 0 {
			t.Errorf("seed %d, day %d: no step is of kind %d", seed, day, d)
		}
	}
	kinds := map[string]int{}
	for _, a := range p.Appointments {
		if a.To <= a.From || a.From < dayBegins || a.To > dayEnds || len(a.People) == 0 {
			t.Errorf("seed %d, day %d: %+v is no appointment of a day", seed, day, a)
		}
		kinds[a.ShowAs.String()]++
		for kind, is := range map[string]bool{"private": a.Private, "daily": a.Daily, "category": a.Category != "", "in Teams": a.URL != ""} {
			if is {
				kinds[kind]++
			}
		}
	}
	for _, kind := range []string{"busy", "out_of_office", "tentative", "free", "private", "daily", "category", "in Teams"} {
		if kinds[kind] == 0 {
			t.Errorf("seed %d, day %d: no appointment is %s", seed, day, kind)
		}
	}
}

// Recurring appointments are the same every day, or they would be others.
func TestDailyAppointments(t *testing.T) {
	t.Parallel()
	daily := func(seed uint64, day int) []Appointment {
		return slices.DeleteFunc(NewRoster().Day(seed, day).Appointments, func(a Appointment) bool { return !a.Daily })
	}
	if a, b := daily(1, 0), daily(9, 5); len(a) == 0 || !reflect.DeepEqual(a, b) {
		t.Errorf("%+v, another day %+v", a, b)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation(homeZone)
	if err != nil {
		t.Fatal(err)
	}
	real := func(hour, minute int) time.Time { return time.Date(2026, 3, 4, hour, minute, 0, 0, berlin) }
	for _, tt := range []struct {
		start time.Time
		speed float64
		begin time.Duration
		after time.Duration
		day   int
		at    time.Duration
	}{
		{real(10, 30), 1, at(10, 30), time.Hour, 0, at(11, 30)},       // a good time is left as it is
		{real(3, 0), 1, midMorning, 0, 0, midMorning},                 // at night it is morning
		{real(22, 0), 1, midMorning, 14 * time.Hour, 1, at(0, 5)},     // real days have nights
		{real(10, 0), 60, at(10, 0), 10 * time.Minute, 1, at(6, 0)},   // fast ones do not: eight in the evening is six in the morning
		{real(10, 0), 60, at(10, 0), 24 * time.Minute, 2, at(6, 0)},   // and that every 14 minutes
		{real(10, 0), 60, at(10, 0), -5 * time.Minute, -1, at(19, 0)}, // also before
	} {
		c := NewClock(tt.start, tt.speed)
		if day, sim := c.Sim(tt.start); day != 0 || sim != tt.begin {
			t.Errorf("start %v at speed %g: day %d at %v, want %v", tt.start, tt.speed, day, sim, tt.begin)
		}
		when := tt.start.Add(tt.after)
		if day, sim := c.Sim(when); day != tt.day || sim != tt.at {
			t.Errorf("start %v at speed %g, %v later: day %d at %v, want day %d at %v", tt.start, tt.speed, tt.after, day, sim, tt.day, tt.at)
		}
		if got := c.Real(tt.day, tt.at); !got.Equal(when) {
			t.Errorf("start %v at speed %g: day %d at %v is %v, want %v", tt.start, tt.speed, tt.day, tt.at, got, when)
		}
	}
}

// What the plan says of statuses that somebody chooses without a profile must be permitted where they are.
func TestChoicesArePermitted(t *testing.T) {
	t.Parallel()
	r := NewRoster()
	for day := range 5 {
		for _, s := range r.Day(1, day).Steps {
			if s.Do == Choose && r.Member(s.Person).Team == Support && (s.Status == presence.DoNotDisturb || s.Profile == profileFocus) {
				t.Errorf("day %d: %+v", day, s)
			}
		}
	}
}
