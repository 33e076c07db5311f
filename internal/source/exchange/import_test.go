package exchange

import (
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
)

func TestImportConfig(t *testing.T) {
	t.Parallel()
	file := func(inner string) string {
		return "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<configuration>\r\n <calendar_sync><exchange><events>" + inner + "</events></exchange></calendar_sync></configuration>"
	}
	for text, want := range map[string]string{
		file(`<advise Object="EwsStream"></advise>`):                       NotifyStream,
		file(`<!-- pull would do --><advise Object=" ewspull "/><other/>`): NotifyPull,
		file(`<advise Object="Mapi"/>`):                                    "!Mapi",
		file(`<advise/>`):                                                  "!attribute Object",
		file(`<advise Object="EwsPull"/><advise Object="EwsStream"/>`):     "!more than once",
		file(``): "!does not say",
		`<configuration><advise Object="EwsPull"/></configuration>`: "!does not say",
		`<settings/>`:     "!no CalendarSyncExchange.config.xml",
		``:                "!empty",
		`<configuration>`: "!breaks off",
		`not XML`:         "!empty",
		`<configuration>&unknown;</configuration>`: "!not XML",
		strings.Repeat(" ", maxConfig+1):           "!too large",
		file(strings.Repeat("<a>", 100)):           "!not XML",
	} {
		got, err := ImportConfig(strings.NewReader(text))
		if says, fails := strings.CutPrefix(want, "!"); fails {
			if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Public(err), says) {
				t.Errorf("%.80q: %v, want to hear of %q", text, err, says)
			}
		} else if err != nil || got != want {
			t.Errorf("%.80q: %q, %v", text, got, err)
		}
	}
}
