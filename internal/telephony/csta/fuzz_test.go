package csta

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/presence"
)

// Whatever a system sends, nothing breaks, and what is told has a state and a name.
func FuzzMessage(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.xml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("<ConferencedEvent><primaryOldCall><callID>1</callID></primaryOldCall><conferenceConnections/></ConferencedEvent>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b bytes.Buffer
		if (ECMA323{}).Write(&b, Unasked, data) == nil {
			if _, read, err := (ECMA323{}).Read(bufio.NewReader(&b)); err != nil || !bytes.Equal(read, data) {
				t.Fatalf("%q is read as %q, %v", data, read, err)
			}
		}
		n, err := parse(data)
		if err != nil {
			return
		}
		if again, err := parse(n.write(editionSpace + "ed4")); err != nil || again.name != n.name || len(again.nodes) != len(n.nodes) {
			t.Fatalf("%q is written so that it is not read: %v", data, err)
		}
		l, now := newLine("201", wire.Numbers{}.Extension), time.Now()
		l.calls["1"] = &connection{id: "1", state: connected}
		l.apply(n, now)
		l.snapshot(n, now)
		for _, c := range l.told(func(string) presence.Reach { return presence.ReachUnknown }) {
			if c.ID == "" || c.State == presence.LineIdle {
				t.Fatalf("%q makes %+v", data, c)
			}
		}
	})
}
