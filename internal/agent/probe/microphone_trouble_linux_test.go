package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// soundServerThatDies answers as PulseAudio does, in the protocol of version 13, and is killed in the middle of its list of who records.
func soundServerThatDies(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		for {
			head := make([]byte, 20)
			if _, err := io.ReadFull(conn, head); err != nil {
				break
			}
			body := make([]byte, binary.BigEndian.Uint32(head))
			if _, err := io.ReadFull(conn, body); err != nil {
				break
			}
			what, tag := binary.BigEndian.Uint32(body[1:]), body[6:10]
			reply := append([]byte{'L', 0, 0, 0, proto.OpReply, 'L'}, tag...)
			size := 0
			switch what {
			case proto.OpAuth:
				reply = append(reply, 'L', 0, 0, 0, 13)
			case proto.OpSetClientName:
				reply = append(reply, 'L', 0, 0, 0, 7)
			case proto.OpGetServerInfo:
				reply = append(reply, "tpulse\x00t12\x00tanna\x00tdesk\x00a\x03\x02\x00\x00\xac\x44tsink\x00tsource\x00L\x00\x00\x00\x01"...)
			case proto.OpGetSourceOutputInfoList:
				size = 500 // of which nothing comes any more
			}
			descriptor := make([]byte, 20)
			binary.BigEndian.PutUint32(descriptor, uint32(len(reply)+size))
			binary.BigEndian.PutUint32(descriptor[4:], 0xFFFFFFFF)
			conn.Write(append(descriptor, reply...))
			if size > 0 {
				break
			}
		}
		conn.Close()
	}
}

// A sound server is killed, or restarted by an update, while it answers. The library would read on behind the end of the connection for ever and take all memory
// that there is: proto.Client.parseInfoList asks only how far it has come, and after an error it comes no further.
func TestASoundServerThatDiesWhileItAnswers(t *testing.T) {
	t.Parallel()
	if os.Getenv("DOORLIGHT_DYING_SOUND") == "" { // in a process of its own, as it does not end
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestASoundServerThatDiesWhileItAnswers$")
		cmd.Env = append(os.Environ(), "DOORLIGHT_DYING_SOUND=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, bytes.TrimSpace(out))
		}
		return
	}
	folder, err := os.MkdirTemp("", "sound")
	if err != nil {
		t.Fatal(err)
	}
	end := func(code int, text string) {
		os.RemoveAll(folder)
		os.Stderr.WriteString(text)
		os.Exit(code)
	}
	l, err := net.Listen("unix", filepath.Join(folder, "native"))
	if err != nil {
		end(2, err.Error())
	}
	go soundServerThatDies(l)
	said := make(chan Microphone, 100)
	go WatchMicrophone(context.Background(), Config{Getenv: func(key string) string {
		return map[string]string{"PULSE_SERVER": "unix:" + filepath.Join(folder, "native")}[key]
	}}, func(m Microphone) { said <- m })
	for over := time.Now().Add(12 * time.Second); time.Now().Before(over); time.Sleep(20 * time.Millisecond) { // longer than an answer may take
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > 128<<20 {
			end(1, "the probe takes more than 128 MB of memory, and goes on")
		}
	}
	select {
	case m := <-said:
		if m.Err == nil {
			end(1, "it is taken for a sound server")
		}
		end(0, m.Err.Error())
	default:
		end(1, "nothing is said of a sound server that has died")
	}
}
