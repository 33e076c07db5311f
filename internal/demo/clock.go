package demo

import (
	"math"
	"time"
)

// Clock translates between the days of the office and real time. At speed 1 a day has 24 hours, and is the real one if
// that is a good time to look at an office; otherwise the day is shifted. Faster days leave the night out: they begin
// at six, end at eight in the evening and repeat.
type Clock struct {
	start  time.Time     // real time of the beginning
	begin  time.Duration // and what time it was in the office, since midnight of day 0
	first  time.Duration // where a day begins
	length time.Duration // how long it is, in the time of the office
	speed  float64
}

const (
	dayBegins = 6 * time.Hour
	dayEnds   = 20 * time.Hour

	// Between these the real day is good; otherwise it is made midMorning.
	goodFrom   = 8*time.Hour + 50*time.Minute
	goodTo     = 16 * time.Hour
	midMorning = 10*time.Hour + 5*time.Minute
)

// homeZone is where the office is.
const homeZone = "Europe/Berlin"

// NewClock returns a clock that starts now.
func NewClock(now time.Time, speed float64) Clock {
	c := Clock{start: now, begin: midMorning, length: 24 * time.Hour, speed: speed}
	local := now
	if zone, err := time.LoadLocation(homeZone); err == nil {
		local = now.In(zone)
	}
	h, m, s := local.Clock()
	wall := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	if wall >= goodFrom && wall <= goodTo {
		c.begin = wall
	}
	if speed != Slowest {
		c.first, c.length = dayBegins, dayEnds-dayBegins
	}
	return c
}

// Speed returns how much faster than real the days go.
func (c Clock) Speed() float64 { return c.speed }

// Length returns how long a day takes in real time.
func (c Clock) Length() time.Duration { return time.Duration(float64(c.length) / c.speed) }

// Sim returns which day of the office it is at t, the first being 0, and how long after midnight.
func (c Clock) Sim(t time.Time) (day int, at time.Duration) {
	// Two clocks that tick at the same rate need no floating point, nor its rounding.
	since := t.Sub(c.start)
	if c.speed != Slowest {
		since = time.Duration(float64(since) * c.speed)
	}
	since += c.begin - c.first
	day = int(math.Floor(float64(since) / float64(c.length)))
	return day, since - time.Duration(day)*c.length + c.first
}

// Real returns when it is so long after midnight of a day of the office, in whole milliseconds.
func (c Clock) Real(day int, at time.Duration) time.Time {
	since := time.Duration(day)*c.length + at - c.begin
	if c.speed != Slowest {
		since = time.Duration(float64(since) / c.speed)
	}
	return c.start.Add(since).UTC().Truncate(time.Millisecond)
}
