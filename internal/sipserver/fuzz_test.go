package sipserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) == 0 {
		f.Fatal("the messages of RFC 4475 are missing: ", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, m := range []string{
		"SUBSCRIBE sip:202@office.example SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:202@office.example>\r\nCall-ID: 1\r\nCSeq: 1 SUBSCRIBE\r\n" +
			"Contact: <sip:a@b>\r\nEvent: dialog;id=1\r\nAccept: application/dialog-info+xml\r\nExpires: 60\r\nAuthorization: Digest username=\"desk1\", realm=\"office.example\", nonce=\"x\", uri=\"sip:202@office.example\", response=\"0\", algorithm=MD5, cnonce=\"c\", qop=auth, nc=00000001\r\nContent-Length: 0\r\n\r\n",
		"INVITE sip:201@office.example SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nt: <sip:201@office.example>\r\ni: 1\r\nCSeq: 1 INVITE\r\n" +
			"History-Info: \"A, \\\" B\" <sip:1@x?Reason=SIP%3Bcause%3D302>;index=1,<sip:201@office.example>;index=1.1\r\nDiversion: <sip:1@x>;reason=away\r\nP-Asserted-Identity: <tel:+49>,<sip:2@x>\r\nk: histinfo\r\nl: 0\r\n\r\n",
	} {
		f.Add([]byte(m))
	}
}

// Whatever comes, the server stays; what it answers can be read, and is an answer.
func FuzzReceive(f *testing.F) {
	seeds(f)
	o := newTown()
	o.targets["anna"] = Target{Kind: Forward, Contacts: []Contact{{"sip:desk@pbx.example", 1}}}
	o.lists["team"] = []string{"201"}
	var log safeBuffer
	s := begin(f, o, func(c *Config) { c.Log = logTo(&log) }, nil)
	var one sync.Mutex // what is looked at afterwards is one message's doing
	f.Fuzz(func(t *testing.T, data []byte) {
		one.Lock()
		defer one.Unlock()
		late := time.AfterFunc(patience/2, func() { panic(fmt.Sprintf("it is not dealt with in time: %q", data)) })
		got := hand(t, s, data)
		late.Stop()
		if strings.Contains(log.String(), "was not answered") {
			t.Fatalf("it broke something:\n%s", log.String())
		}
		if got == "" {
			return
		}
		code := strings.Fields(got)[1]
		if !strings.HasPrefix(got, "SIP/2.0 ") {
			t.Errorf("the answer is none:\n%q", got)
		}
		if _, err := sip.ParseMessage([]byte(got)); err != nil && code[0] != '4' && code[0] != '5' {
			t.Errorf("the answer cannot be read: %v\n%q", err, got)
		}
		if n := strings.Count(got, "\r\n\r\n"); n != 1 {
			t.Errorf("the answer is %d:\n%q", n, got)
		}
		if s.Stats().Subscriptions > 0 {
			t.Errorf("somebody subscribed without a password:\n%q", data)
		}
	})
}

func FuzzFrame(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := frame(data)
		switch {
		case err == nil && (n <= 0 || n > len(data) || n > largest || !bytes.Contains(data[:n], []byte("\r\n\r\n"))):
			t.Errorf("%d of %d bytes are a message", n, len(data))
		case errors.Is(err, io.ErrUnexpectedEOF) && len(data) > 2*largest:
			t.Error("more is waited for")
		}
	})
}

func FuzzEntries(f *testing.F) {
	f.Add(`"A, \" B" <sip:1@x;a=b,c>;index=1, <sip:2@x>,,"`)
	f.Fuzz(func(t *testing.T, v string) {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "1", Host: "x"})
		req.AppendHeader(sip.NewHeader("Diversion", v))
		total := 0
		for _, e := range entries(req, "Diversion") {
			total += len(e)
		}
		if total > len(v) {
			t.Errorf("%q has entries %q", v, entries(req, "Diversion"))
		}
		history(req)
	})
}
