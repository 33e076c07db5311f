package probe

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// consent is a row of Windows' record of who uses the microphone (the capability access manager's ConsentStore).
type consent struct {
	key      string // of a packaged program its package family name; of others the path of its file, with # for \
	packaged bool
	start    time.Time // when the use began that has not ended, as far as the record says
}

// winProcess is a process of Windows.
type winProcess struct {
	path   string    // of its file; only the file's name if no more is told
	family string    // package family name; empty: it is of no package, or no more is told
	began  time.Time // zero: not told
}

// mainPrograms are the main programs of packages, by their family, where it is not the first to start.
var mainPrograms = map[string]string{
	"MSTeams_8wekyb3d8bbwe": "ms-teams", // it may be started by an autostarter, and records in a helper
}

// consented returns the names of the programs that record, sorted, each once. A program that crashed leaves a row that says that it records for ever:
// a row counts only if a process of its file or package runs that began before the use did. Processes that tell nothing but their file's name count
// as whatever has that name. One that crashed while another process of its file goes on that began earlier is taken to record. A program of a package is called by the package's main program: the process that began first.
func consented(rows []consent, processes []winProcess) (names []string) {
	for _, row := range rows {
		var first *winProcess
		for i := range processes {
			p := &processes[i]
			if row.of(p) && !p.began.After(row.start) && (first == nil || p.began.Before(first.began)) {
				first = p
			}
		}
		if first == nil {
			continue
		}
		name := programName(first.path)
		if main := mainPrograms[row.key]; row.packaged && main != "" {
			name = main
		}
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare)
	return slices.Compact(names)
}

// of reports whether a process is one of the row's program.
func (row consent) of(p *winProcess) bool {
	if row.packaged {
		return strings.EqualFold(row.key, p.family)
	}
	if !strings.Contains(p.path, `\`) {
		file := row.key[strings.LastIndex(row.key, "#")+1:]
		return strings.EqualFold(file, p.path)
	}
	return strings.EqualFold(row.key, strings.ReplaceAll(p.path, `\`, "#"))
}

// programName returns a file's name without folder and .exe.
func programName(path string) string {
	name := path[strings.LastIndex(path, `\`)+1:]
	if n := len(name) - len(".exe"); n > 0 && strings.EqualFold(name[n:], ".exe") {
		name = name[:n]
	}
	return name
}

// familyByFolder returns the family of the package in whose folder a file is, empty if in none: packages are installed into folders called by their full
// name, WindowsApps\name_version_architecture_resource_publisher, and their family is name_publisher.
func familyByFolder(path string) string {
	folders := strings.Split(path, `\`)
	for i := 0; i+2 < len(folders); i++ {
		parts := strings.Split(folders[i+1], "_")
		if strings.EqualFold(folders[i], "WindowsApps") && len(parts) == 5 {
			return parts[0] + "_" + parts[4]
		}
	}
	return ""
}

// fileTime returns the instant that a FILETIME stands for: units of 100 ns since 1601.
func fileTime(t uint64) time.Time {
	const to1970 = 116_444_736_000_000_000
	return time.UnixMicro((int64(t) - to1970) / 10).Add(time.Duration((int64(t)-to1970)%10) * 100)
}
