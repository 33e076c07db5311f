package winetest

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNothingIsLeftOfAWindows(t *testing.T) {
	t.Parallel()
	var p *Prefix
	t.Run("while it is used", func(t *testing.T) {
		p = New(t)
		p.Import(`[HKEY_CURRENT_USER\Software\Doorlight]
"word"="ä and b"
`)
		out, err := os.Create(p.Drive("out.txt"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd := p.Command(t.Context(), "reg", "query", `HKCU\Software\Doorlight`, "/v", "word")
		cmd.Stdout = out
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if said, err := os.ReadFile(out.Name()); err != nil || !strings.Contains(string(said), " and b") {
			t.Errorf("the registry says %q, %v", said, err)
		}
		// One that would run for ever.
		forever := p.Command(context.Background(), "notepad")
		if err := forever.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { forever.Wait() }()
		if len(p.processes()) == 0 {
			t.Error("nothing runs, so nothing is tested")
		}
	})
	if left := p.processes(); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
}
