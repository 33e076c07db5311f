package probe

import "strings"

// macName returns how a program of macOS is called, by its file: Contents/MacOS/zoom.us. Browsers and the like record in helpers, which are called by
// the program and what they do: "Google Chrome Helper (Renderer)".
func macName(path string) string {
	name := path[strings.LastIndex(path, "/")+1:]
	if program, _, ok := strings.Cut(name, " Helper"); ok && program != "" {
		return program
	}
	return name
}
