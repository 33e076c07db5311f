package ami

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
)

// Bounds of what is read: an AMI message is a few dozen short lines.
const (
	maxLine  = 16 << 10
	maxLines = 1000
)

var errTooLong = errors.New("ami: a message is too long")

// message is an event or an answer: its fields by name in lower case; of several with one name the first.
type message map[string]string

func (m message) get(name string) string { return m[name] }

// readMessage reads lines up to an empty one, skipping empty ones before. Lines without a colon are ignored, as old versions put them into
// answers.
func readMessage(r *bufio.Reader) (message, error) {
	m := message{}
	for n := 0; ; n++ {
		if n > maxLines {
			return nil, errTooLong
		}
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		if line == "" {
			if len(m) == 0 {
				continue
			}
			return m, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, there := m[name]; !there {
			m[name] = strings.TrimSpace(value)
		}
	}
}

func readLine(r *bufio.Reader) (string, error) {
	part, err := r.ReadSlice('\n')
	if err == nil && len(part) <= maxLine { // nearly always
		return string(bytes.TrimRight(part, "\r\n")), nil
	}
	var b strings.Builder
	for ; ; part, err = r.ReadSlice('\n') {
		if b.Len()+len(part) > maxLine {
			return "", errTooLong
		}
		b.Write(part)
		if err == nil {
			return strings.TrimRight(b.String(), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
}

// writeMessage is an action as it is sent: pairs of names and values. What would begin another line is left out of values, so that nobody's number
// becomes an action.
func writeMessage(pairs []string) []byte {
	var b strings.Builder
	clean := strings.NewReplacer("\r", "", "\n", "")
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(pairs[i])
		b.WriteString(": ")
		b.WriteString(clean.Replace(pairs[i+1]))
		b.WriteString("\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}
