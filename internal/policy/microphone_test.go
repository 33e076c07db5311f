package policy

import (
	"slices"
	"testing"
)

func TestProgramsHaveTheRowOfWhatTheyAreCalledElsewhere(t *testing.T) {
	t.Parallel()
	shipped := Factory().Microphone
	shipped.Enabled = true
	own := shipped
	own.Programs = append([]Program{{Active: true, Process: "Chromium", Alias: "The browser of the hall"}, {Active: false, Process: "firefox-esr", Alias: "Old"}}, shipped.Programs...)
	without := shipped
	without.Programs = slices.DeleteFunc(slices.Clone(shipped.Programs), func(p Program) bool { return p.Process == "chrome" })
	inactive := shipped
	inactive.Programs = slices.Clone(shipped.Programs)
	for i := range inactive.Programs {
		inactive.Programs[i].Active = inactive.Programs[i].Process != "chrome"
	}
	off := shipped
	off.Enabled = false
	for _, c := range []struct {
		table   string
		of      Microphone
		process string
		want    string // the row; empty: it does not count
	}{
		{"the shipped table", shipped, "Chrome.exe", "chrome"},
		{"the shipped table", shipped, "chromium", "chrome"},
		{"the shipped table", shipped, "Chromium-Browser", "chrome"},
		{"the shipped table", shipped, "firefox-esr", "firefox"},
		{"the shipped table", shipped, "zoom.us", "Zoom"},
		{"the shipped table", shipped, "chromiumx", ""},
		{"the shipped table", shipped, "", ""},
		{"a table with a row of its own", own, "chromium", "Chromium"},
		{"a table with a row of its own", own, "chrome", "chrome"},
		{"a table with an inactive row of its own", own, "firefox-esr", ""},
		{"a table without Chrome", without, "chromium", ""},
		{"a table in which Chrome is inactive", inactive, "chromium", ""},
		{"a table that is off", off, "chromium", ""},
	} {
		got := ""
		if p := c.of.Program(c.process); p != nil {
			got = p.Process
		}
		if got != c.want {
			t.Errorf("%s: %q has row %q, want %q", c.table, c.process, got, c.want)
		}
		// What a client is told to look for is what counts.
		listed := slices.ContainsFunc(c.of.Processes(), func(name string) bool { p := c.of.Program(name); return p != nil && p.Process == c.want })
		if c.want != "" && !listed {
			t.Errorf("%s: nothing in %q is %s", c.table, c.of.Processes(), c.want)
		}
	}
	for table, m := range map[string]Microphone{"shipped": shipped, "own": own, "without": without, "inactive": inactive, "off": off} {
		for _, name := range m.Processes() {
			if m.Program(name) == nil {
				t.Errorf("%s: %q is looked for and does not count", table, name)
			}
		}
	}
	if all := shipped.Processes(); !slices.Contains(all, "chromium") || !slices.Contains(all, "chrome") {
		t.Errorf("a client looks for %q, want chrome and chromium among them", all)
	}
	if all := off.Processes(); all == nil || len(all) != 0 {
		t.Errorf("a client looks for %#v, want nothing", all)
	}
}
