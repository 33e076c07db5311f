package calendar

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// kdeDiffers lists where we deliberately differ, what we have (+) and what we
// have not (-).
var kdeDiffers = map[string]struct {
	reason    string
	have, not []string
}{
	"RFC2445/RFC2445_RRULETest36U": {
		reason: "FREQ=MINUTELY is refused and reported; the first occurrence remains",
		not: []string{
			"1997-09-02 09:15:00", "1997-09-02 09:30:00", "1997-09-02 09:45:00",
			"1997-09-02 10:00:00", "1997-09-02 10:15:00", "1997-09-02 10:30:00",
		},
	},
	"KOrganizer_3.4/KOrganizer_Test01": {
		reason: "a start that does not obey its rule is an occurrence and counts as the first (RFC 5545 §3.3.10, §3.8.5.3)",
		have:   []string{"2005-05-20 12:00:00"},
		not:    []string{"2005-11-29 12:00:00"},
	},
	"KOrganizer_3.4/KOrganizer_Test13": {
		reason: "a start that does not obey its rule is an occurrence (RFC 5545 §3.8.5.3; both other libraries agree)",
		have:   []string{"2005-05-20 18:00:00"},
	},
	"unsorted/rdate": {
		reason: "an RDATE with a time, in an event of whole days, adds its day and not five hours of it; " +
			"and the start counts, as above",
		have: []string{"2005-05-14 00:00:00", "2005-05-16 00:00:00"},
		not: []string{
			"2005-05-14 01:58:00", "2005-05-14 02:22:14", "2005-05-16 01:58:00", "2005-05-16 02:22:14",
			"2005-07-04 00:00:00",
		},
	},
}

// TestKCalendarCore compares with the lists of KDE's own test suite: the
// occurrences from the start on, at most 500.
func TestKCalendarCore(t *testing.T) {
	t.Parallel()
	for _, path := range referenceFiles(t, ".next.ref") {
		name := strings.TrimSuffix(strings.TrimPrefix(path, referenceFolder+"/kcalendarcore/"), ".ics.next.ref")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := parseFile(t, strings.TrimSuffix(path, ".next.ref"))
			zone := c.series[0].master.start.in(utc)
			var want []string
			for line := range strings.Lines(string(text)) {
				// 2004-07-14T18:00:00 MDT America/Denver. The zone is that of the
				// event; UTC-04:00 in its place is the offset of the first
				// occurrence, while the times are those of the clock.
				fields := strings.Fields(line)
				if len(fields) != 3 || fields[0] > "2201" {
					continue // beyond the horizon
				}
				at := strings.Replace(fields[0], "T", " ", 1)
				if !strings.HasPrefix(fields[2], "UTC-") {
					// Other files are printed in a zone of their own.
					in, err := time.LoadLocation(fields[2])
					if err != nil {
						t.Fatal(err)
					}
					local, err := time.ParseInLocation(time.DateTime, at, in)
					if err != nil {
						t.Fatal(err)
					}
					at = local.In(zone.loc).Format(time.DateTime)
				}
				want = append(want, at)
			}
			full := len(want) == 500
			last, err := time.Parse(time.DateTime, want[len(want)-1])
			if err != nil {
				t.Fatal(err)
			}
			first, _ := time.Parse(time.DateTime, want[0])
			got, problems, err := c.Expand(first.AddDate(-1, 0, 0), last.AddDate(1, 0, 0), time.UTC, Limits{})
			if err != nil || len(problems) > 0 {
				t.Fatalf("Expand: %v, problems %v", err, problems)
			}
			var have []string
			for _, a := range got {
				at := time.Unix(int64(zone.civil(a.Start.Unix())), 0).UTC()
				if !full || !at.After(last) {
					have = append(have, at.Format(time.DateTime))
				}
			}
			differs := kdeDiffers[name]
			want = append(slices.DeleteFunc(want, func(at string) bool { return slices.Contains(differs.not, at) }), differs.have...)
			compareLists(t, have, want)
		})
	}
}
