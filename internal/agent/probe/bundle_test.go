package probe

import "testing"

func TestProgramsOfMacOSAreCalledAsPeopleKnowThem(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/Applications/zoom.us.app/Contents/MacOS/zoom.us":                      "zoom.us",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome":          "Google Chrome",
		"/A/Google Chrome Helper.app/Contents/MacOS/Google Chrome Helper":       "Google Chrome",
		"/A/Slack Helper (Renderer).app/Contents/MacOS/Slack Helper (Renderer)": "Slack",
		"/usr/local/bin/sox": "sox", " Helper": " Helper", "": "",
	} {
		if got := macName(path); got != want {
			t.Errorf("%s: called %q, want %q", path, got, want)
		}
	}
}
