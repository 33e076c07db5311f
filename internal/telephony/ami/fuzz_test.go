package ami

import (
	"bufio"
	"bytes"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/telephony/wire"
	"github.com/doorlight/doorlight/presence"
)

// Whatever a system sends, nothing breaks, and what is told has a state and a name.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("Event: Newstate\r\nPrivilege: call,all\r\nChannel: PJSIP/201-0000001a\r\nChannelState: 5\r\nConnectedLineNum: 202\r\nUniqueid: 1.1\r\n\r\n" +
		"Event: BridgeEnter\r\nBridgeUniqueid: b\r\nChannel: PJSIP/201-0000001a\r\nChannelState: 6\r\nUniqueid: 1.1\r\n\r\nEvent: Rename\r\nChannel: PJSIP/201-1\r\nNewname: PJSIP/202-1\r\nUniqueid: 1.1\r\n\r\n" +
		"Event: AttendedTransfer\r\nOrigTransfererChannel: PJSIP/201-1\r\nOrigTransfererUniqueid: 1.1\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1\r\n\r\n"))
	f.Add([]byte("Event: DeviceStateChange\r\nDevice: PJSIP/201\r\nState: INUSE\r\n\r\nEvent: ExtensionStatus\r\nExten: 201\r\nContext: x\r\nHint: PJSIP/201&&,\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBoard(Config{Devices: []string{"PJSIP/{line}"}}, wire.Numbers{})
		now := time.Now()
		b.replace(lists{devices: []message{{"device": "PJSIP/201", "state": "NOT_INUSE"}}}, []string{"201"}, now)
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			m, err := readMessage(r)
			if err != nil {
				break
			}
			b.apply(m, now)
			b.differs(m.get("device"), m.get("state"))
		}
		calls, _ := b.calls("201")
		for _, c := range calls {
			if c.ID == "" || c.State == presence.LineIdle {
				t.Fatalf("%q makes %+v", data, c)
			}
		}
		for _, index := range []map[string]map[string]*channel{b.devices, b.bridges} {
			for key, channels := range index {
				for id, c := range channels {
					if key == "" || b.channels[id] != c || c.device != key && c.bridge != key {
						t.Fatalf("%q leaves %q in %q", data, id, key)
					}
				}
			}
		}
	})
}
