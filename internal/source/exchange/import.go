package exchange

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/doorlight/doorlight/internal/fault"
)

// maxConfig is how large a file for ImportConfig may be.
const maxConfig = 1 << 20

// ImportConfig reads a CalendarSyncExchange.config.xml, the file in which a server that is to be replaced keeps how it
// hears of changes, and returns the same as a value of Config.Notify: NotifyStream for EwsStream, NotifyPull for
// EwsPull. Errors are of kind fault.Invalid.
func ImportConfig(r io.Reader) (notify string, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the file cannot be read")
	}
	if len(data) > maxConfig {
		return "", fault.New(fault.Invalid, "the file is too large for a CalendarSyncExchange.config.xml")
	}
	var file struct {
		XMLName xml.Name
		Sync    []struct {
			Exchange []struct {
				Events []struct {
					Advise []struct {
						Object *string `xml:"Object,attr"`
					} `xml:"advise"`
				} `xml:"events"`
			} `xml:"exchange"`
		} `xml:"calendar_sync"`
	}
	err = decode(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &file)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "", fault.New(fault.Invalid, "the file is empty or breaks off")
	case err != nil:
		return "", fault.Wrap(fault.Invalid, err, "the file is not XML, or is damaged")
	case file.XMLName.Local != "configuration":
		return "", fault.New(fault.Invalid, "this is no CalendarSyncExchange.config.xml: it does not begin with <configuration>")
	}
	var objects []string
	for _, sync := range file.Sync {
		for _, exchange := range sync.Exchange {
			for _, events := range exchange.Events {
				for _, advise := range events.Advise {
					if advise.Object == nil {
						return "", fault.New(fault.Invalid, "the element advise has no attribute Object")
					}
					objects = append(objects, strings.TrimSpace(*advise.Object))
				}
			}
		}
	}
	switch {
	case len(objects) == 0:
		return "", fault.New(fault.Invalid, "the file does not say how changes are heard of: there is no configuration/calendar_sync/exchange/events/advise in it")
	case len(objects) > 1:
		return "", fault.New(fault.Invalid, "the file says more than once how changes are heard of")
	}
	switch strings.ToLower(objects[0]) {
	case "ewsstream":
		return NotifyStream, nil
	case "ewspull":
		return NotifyPull, nil
	}
	return "", fault.New(fault.Invalid, "advise has the Object %q, where EwsStream and EwsPull are known", cut(objects[0], 100))
}
