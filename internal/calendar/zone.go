package calendar

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a container without zone files must give the same answers
)

// zone turns civil times into instants and back. It is either an IANA zone or
// the transitions of a VTIMEZONE; the zero zone is UTC.
type zone struct {
	name        string // what Strip writes as TZID
	loc         *time.Location
	transitions []transition // sorted by at; not empty if loc is nil
	before      int          // offset before the first transition
	source      *inlineZone  // where the transitions come from
}

type transition struct {
	at     int64 // Unix seconds
	offset int   // seconds east of UTC, from then on
}

var utc = &zone{name: "UTC", loc: time.UTC}

func location(name string, loc *time.Location) *zone {
	if loc == nil || loc == time.UTC {
		return utc
	}
	return &zone{name: name, loc: loc}
}

// offset returns seconds east of UTC at an instant.
func (z *zone) offset(unix int64) int {
	switch {
	case z.loc == time.UTC:
		return 0
	case z.loc != nil:
		_, offset := time.Unix(unix, 0).In(z.loc).Zone()
		return offset
	}
	i, found := slices.BinarySearchFunc(z.transitions, unix, func(t transition, unix int64) int { return cmp.Compare(t.at, unix) })
	switch {
	case found:
		return z.transitions[i].offset
	case i == 0:
		return z.before
	}
	return z.transitions[i-1].offset
}

// civil returns what clocks in z show at an instant.
func (z *zone) civil(unix int64) civil { return civil(unix + int64(z.offset(unix))) }

// instant returns when clocks in z show c. A time that occurs twice is the
// first one; a time that is skipped is read with the offset before the gap
// (RFC 5545 §3.3.5), and gap says so.
func (z *zone) instant(c civil) (unix int64, gap bool) {
	if z.loc == time.UTC {
		return int64(c), false
	}
	// No zone changes its clocks twice within two days, so one of these two
	// offsets is the right one.
	before, after := z.offset(int64(c)-secondsPerDay), z.offset(int64(c)+secondsPerDay)
	first := int64(c) - int64(before)
	if before == after || z.offset(first) == before {
		return first, false
	}
	second := int64(c) - int64(after)
	if z.offset(second) == after {
		return second, false
	}
	return first, true
}

// observance is a STANDARD or DAYLIGHT part of a VTIMEZONE.
type observance struct {
	start    civil // in offset from
	from, to int   // seconds east of UTC
	rules    []*rule
	dates    []civil
	has      [3]bool // DTSTART, TZOFFSETFROM, TZOFFSETTO
}

func (o *observance) complete() bool { return o.has == [3]bool{true, true, true} }

// inlineZone is a VTIMEZONE as read.
type inlineZone struct {
	id          string
	location    string // X-LIC-LOCATION
	observances []observance
}

const (
	// maxTransitions bounds what one VTIMEZONE may take; 300 years of daylight
	// saving are 600.
	maxTransitions = 2000
	// zoneWork is how many steps all VTIMEZONEs of a file may take; one with
	// ordinary rules takes about twenty thousand.
	zoneWork = 10_000_000
	// maxZones is how many different TZIDs of a file are looked up.
	maxZones = 1000
)

// zoneFrom is where the rules of a VTIMEZONE begin to be followed. Outlook
// writes 1601, others year 1; nobody's appointment is that old.
var zoneFrom = civilOf(1900, 1, 1, 0, 0, 0)

// build works out the transitions of a VTIMEZONE (RFC 5545 §3.6.5). It returns
// nil if there are none to be found. The steps are taken from budget.
func (in *inlineZone) build(budget *int) *zone {
	type onset struct {
		transition
		from int
	}
	var onsets []onset
	for _, o := range in.observances {
		if !o.complete() {
			continue
		}
		add := func(c civil) bool {
			onsets = append(onsets, onset{transition{int64(c) - int64(o.from), o.to}, o.from})
			return len(onsets) < maxTransitions
		}
		for _, r := range o.rules {
			e, err := newExpander(r, o.start, false)
			if err != nil {
				continue
			}
			if !r.until.isZero() {
				e.last = min(e.last, r.until.at)
				if r.until.utc {
					e.last = min(horizon, r.until.at+civil(o.from))
				}
			}
			left := r.count
			from := zoneFrom
			if left > 0 {
				from = o.start
			}
			e.each(from, horizon, budget, func(c civil) bool {
				left--
				return add(c) && left != 0
			})
		}
		// With a rule, a start that does not obey it is not a change: Outlook's
		// 1601-01-01 would otherwise be one for both observances.
		if len(o.rules) == 0 {
			add(o.start)
		}
		for _, c := range o.dates {
			if !add(c) {
				break
			}
		}
	}
	if len(onsets) == 0 {
		return nil
	}
	slices.SortStableFunc(onsets, func(a, b onset) int { return cmp.Compare(a.at, b.at) })
	z := &zone{name: in.id, before: onsets[0].from, source: in}
	for _, o := range onsets {
		if n := len(z.transitions); n > 0 && z.transitions[n-1].at == o.at {
			z.transitions[n-1] = o.transition
			continue
		}
		z.transitions = append(z.transitions, o.transition)
	}
	return z
}

// fixedZone is always the same offset from UTC.
func fixedZone(name string, offset int) *zone {
	always := observance{from: offset, to: offset, has: [3]bool{true, true, true}}
	return (&inlineZone{id: name, observances: []observance{always}}).build(new(int))
}

// loaded keeps the IANA zones that were asked for and exist, so there are at
// most a few hundred.
var loaded sync.Map // string → *zone

// ianaZone returns the zone an IANA name stands for, or nil.
func ianaZone(name string) *zone {
	if name == "" || len(name) > 64 || name == "Local" || strings.ContainsAny(name, ". \\") || name[0] == '/' {
		return nil
	}
	if z, ok := loaded.Load(name); ok {
		return z.(*zone)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	z := location(name, loc)
	loaded.Store(name, z)
	return z
}

// zones resolves the TZIDs of one file.
type zones struct {
	inline   map[string]*inlineZone // by zoneKey of the TZID
	resolved map[string]*zone       // by TZID as written
	guessed  map[string]bool        // TZIDs that were not found for certain
	work     int                    // steps left for VTIMEZONEs
}

// zoneKey makes equal what programs write differently for one TZID in the
// same file: quotes and space around it.
func zoneKey(id string) string { return strings.ToLower(strings.Trim(id, "\" \t'")) }

// find returns the zone id names. If it can only be guessed, sure is false; if
// not even that, the zone is nil.
//
// A name of the IANA database wins over a VTIMEZONE of that name, which often
// knows one year's rules only. For any other name the file's own VTIMEZONE is
// right; Windows names without one are looked up in the CLDR table.
func (zs *zones) find(id string) (z *zone, sure bool) {
	if z, ok := zs.resolved[id]; ok {
		return z, !zs.guessed[id]
	}
	if len(zs.resolved) >= maxZones {
		return nil, false
	}
	z, sure = zs.resolve(id)
	if zs.resolved == nil {
		zs.resolved, zs.guessed = map[string]*zone{}, map[string]bool{}
	}
	zs.resolved[id] = z
	zs.guessed[id] = !sure
	return z, sure
}

func (zs *zones) resolve(id string) (*zone, bool) {
	name := strings.Trim(id, "\" \t'")
	if strings.Contains(name, "/") {
		if z := ianaZone(name); z != nil {
			return z, true
		}
		// A globally unique TZID such as /example.org/20050809_1/Europe/Berlin
		// ends in the IANA name, of two or three parts.
		parts := strings.Split(name, "/")
		for _, n := range []int{3, 2} {
			if len(parts) > n {
				if z := ianaZone(strings.Join(parts[len(parts)-n:], "/")); z != nil {
					return z, true
				}
			}
		}
	}
	inline := zs.inline[zoneKey(id)]
	if inline != nil {
		if z := inline.build(&zs.work); z != nil {
			return z, true
		}
		if z := ianaZone(inline.location); z != nil {
			return z, true
		}
	}
	lower := strings.ToLower(name)
	if iana, ok := windowsZones[lower]; ok {
		return ianaZone(iana), true
	}
	switch lower {
	case "utc", "z", "gmt", "tzone://microsoft/utc", "coordinated universal time", "etc/utc":
		return utc, true
	}
	if z := ianaZone(name); z != nil {
		return z, true
	}
	if z := ianaZone(strings.ReplaceAll(name, " ", "_")); z != nil { // America/New York
		return z, true
	}
	if z := ianaZone(titled(lower)); z != nil {
		return z, true
	}
	if _, last, ok := strings.Cut(lower, "tzone://microsoft/"); ok {
		if iana, ok := windowsZones[last]; ok {
			return ianaZone(iana), true
		}
	}
	if place, _, _ := strings.Cut(displayPrefix.ReplaceAllString(lower, ""), ","); place != "" {
		if iana, ok := windowsPlaces[strings.ReplaceAll(strings.TrimSpace(place), "&", "and")]; ok {
			return ianaZone(iana), true
		}
	}
	if offset, ok := offsetIn(name); ok {
		return fixedZone(name, offset), false
	}
	return nil, false
}

// titled writes europe/berlin as the database does: Europe/Berlin.
func titled(lower string) string {
	b := []byte(lower)
	for i := range b {
		if (i == 0 || b[i-1] == '/' || b[i-1] == '_') && b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// displayPrefix is the offset before the places in the names Windows displays.
// It is that of winter, and of some past edition of Windows.
var displayPrefix = regexp.MustCompile(`^\([^)]*\) *`)

var offsetPattern = regexp.MustCompile(`^\(?(?i:UTC|GMT)? ?([+-])([0-9]{1,2})[:.]?([0-9]{2})?\b`)

// offsetIn reads the offset at the beginning of names like
// "(UTC+01:00) Amsterdam, Berlin, Bern" and "GMT+0100".
func offsetIn(name string) (seconds int, ok bool) {
	m := offsetPattern.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	hours, _ := strconv.Atoi(m[2])
	minutes, _ := strconv.Atoi(m[3])
	if hours > 14 || minutes > 59 {
		return 0, false
	}
	seconds = hours*secondsPerHour + minutes*60
	if m[1] == "-" {
		seconds = -seconds
	}
	return seconds, true
}

// Location returns the time zone that a name of the IANA database or of Windows stands for, or nil if it is not known
// for certain.
func Location(name string) *time.Location {
	if z, sure := (&zones{}).resolve(name); z != nil && sure {
		return z.loc
	}
	return nil
}
