package probe

import (
	"strings"
	"testing"
	"time"
)

func TestWhoRecordsByWindowsRecord(t *testing.T) {
	t.Parallel()
	const (
		zoomRow  = `C:#Users#anna#AppData#Roaming#Zoom#bin#Zoom.exe`
		zoomFile = `C:\Users\Anna\AppData\Roaming\Zoom\bin\Zoom.exe`
		teams    = "MSTeams_8wekyb3d8bbwe"
		chat     = "91750D7E.Slack_8she8kybcnzg4"
	)
	desktop := func(key string) []consent { return []consent{{key: key, start: at(60)}} }
	packaged := func(family string) []consent { return []consent{{key: family, packaged: true, start: at(60)}} }
	for name, c := range map[string]struct {
		rows      []consent
		processes []winProcess
		want      string
	}{
		"nobody":                       {nil, []winProcess{{path: zoomFile, began: at(0)}}, ""},
		"a program":                    {desktop(zoomRow), []winProcess{{path: `C:\Windows\explorer.exe`, began: at(-9)}, {path: zoomFile, began: at(0)}}, "Zoom"},
		"one that crashed":             {desktop(zoomRow), []winProcess{{path: `C:\Windows\explorer.exe`, began: at(-9)}}, ""},
		"one that crashed, and again":  {desktop(zoomRow), []winProcess{{path: zoomFile, began: at(61)}}, ""},
		"a namesake elsewhere":         {desktop(zoomRow), []winProcess{{path: `D:\Zoom.exe`, began: at(0)}}, ""},
		"one that tells only its name": {desktop(zoomRow), []winProcess{{path: "zoom.exe"}}, "zoom"},
		"a folder with #":              {desktop(`C:#C##rec.exe`), []winProcess{{path: `C:\C#\rec.exe`, began: at(0)}}, "rec"},
		"two processes of one":         {desktop(zoomRow), []winProcess{{path: zoomFile, began: at(0)}, {path: zoomFile, began: at(70)}}, "Zoom"},
		"two programs, sorted": {append(desktop(zoomRow), desktop(`C:#a.exe`)...),
			[]winProcess{{path: zoomFile, began: at(0)}, {path: `C:\a.exe`, began: at(0)}}, "Zoom a"},
		"Teams, whatever of it began first": {packaged(teams), []winProcess{
			{path: `C:\x\ms-teams_autostarter.exe`, family: teams, began: at(0)}, {path: `C:\x\ms-teams.exe`, family: teams, began: at(1)}}, "ms-teams"},
		"another package": {packaged(chat), []winProcess{
			{path: `C:\x\helper.exe`, family: chat, began: at(3)}, {path: `C:\x\Slack.exe`, family: strings.ToUpper(chat), began: at(1)}}, "Slack"},
		"a package that crashed": {packaged(teams), []winProcess{{path: `C:\x\Slack.exe`, family: chat, began: at(1)}, {path: `C:\y.exe`}}, ""},
	} {
		if got := consented(c.rows, c.processes); strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q record, want %q", name, got, c.want)
		}
	}
}

func TestWhichPackageAFileIsOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		`C:\Program Files\WindowsApps\MSTeams_24004.1307.2669.7070_x64__8wekyb3d8bbwe\ms-teams.exe`: "MSTeams_8wekyb3d8bbwe",
		`D:\windowsapps\91750D7E.Slack_4.41.105.0_x64__8she8kybcnzg4\app\Slack.exe`:                 "91750D7E.Slack_8she8kybcnzg4",
		`C:\Program Files\Zoom\Zoom.exe`:                                               "",
		`C:\Program Files\WindowsApps\Zoom.exe`:                                        "",
		`C:\Users\anna\AppData\Local\Microsoft\WindowsApps\winget.exe`:                 "",
		`C:\Program Files\WindowsApps\MSTeams_24004.1307.2669.7070_x64__8wekyb3d8bbwe`: "",
		`WindowsApps`: "",
		``:            "",
	} {
		if got := familyByFolder(path); got != want {
			t.Errorf("%s: of %q, want %q", path, got, want)
		}
	}
}

func TestProgramsAreCalledAsTheirFiles(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		`C:\Program Files\Zoom\Zoom.exe`: "Zoom", `chrome.EXE`: "chrome", `C:\Amazon Chime.exe`: "Amazon Chime", `C:\a\tool.com`: "tool.com", `C:\.exe`: ".exe", ``: "",
	} {
		if got := programName(path); got != want {
			t.Errorf("%s: called %q, want %q", path, got, want)
		}
	}
}

func TestTimesOfWindows(t *testing.T) {
	t.Parallel()
	// Example of MS-DTYP §2.3.3's definition: units of 100 ns since 1601-01-01.
	if got, want := fileTime(0), time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("file time 0 is %v, want %v", got.UTC(), want)
	}
	if got, want := fileTime(0x01DC5E2A12345678), time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(0x01DC5E2A12345678/864_000_000_000)).
		Add(time.Duration(0x01DC5E2A12345678%864_000_000_000)*100); !got.Equal(want) {
		t.Errorf("a file time is %v, want %v", got.UTC(), want.UTC())
	}
	for _, c := range []struct {
		now, tick uint32
		want      time.Duration
	}{
		{5000, 2000, 3 * time.Second},
		{1000, 1<<32 - 1000, 2 * time.Second},       // they began again in between
		{1000, 1016, 0},                             // read a little earlier
		{3_000_000_000, 0, 3_000_000 * time.Second}, // over a month
	} {
		if got := sinceTick(c.now, c.tick); got != c.want {
			t.Errorf("at tick %d, tick %d was %v ago, want %v", c.now, c.tick, got, c.want)
		}
	}
}
