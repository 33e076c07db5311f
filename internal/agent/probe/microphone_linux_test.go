package probe

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jfreymuth/pulse/proto"

	"github.com/doorlight/doorlight/internal/agent/probe/probetest"
	"github.com/doorlight/doorlight/internal/policy"
)

func followMicrophone(t *testing.T, c Config) *told[Microphone] {
	return follow(t, func(ctx context.Context, tell func(Microphone)) { WatchMicrophone(ctx, c, tell) })
}

// names returns who records.
func names(m Microphone) string {
	var all []string
	for _, p := range m.Programs {
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}

func TestWhoRecordsIsToldByPulseAudio(t *testing.T) {
	t.Parallel()
	s := probetest.NewSound(t)
	s.Start()
	f := followMicrophone(t, Config{Getenv: s.Getenv})
	if m := f.next(); m.Err != nil || names(m) != "" || m.Way != "pulseaudio" {
		t.Fatalf("nobody records, told %+v", m)
	}
	loudspeaker := s.Record("obs", "spk.monitor") // records what others hear: no use of the microphone
	began := time.Now()
	zoom := s.Record("zoom", "mic")
	if m := f.next(); names(m) != "zoom" || m.Programs[0].Since.Before(began) || time.Since(began) < shortUse {
		t.Errorf("zoom records, told %+v after %v", m, time.Since(began))
	}
	again := s.Record("zoom", "mic") // a second process of the same name
	s.Record("teams", "mic")
	if m := f.next(); names(m) != "teams zoom" {
		t.Errorf("teams and zoom record, told %+v", m)
	}
	again.Stop()
	loudspeaker.Stop()
	zoom.Stop()
	if m := f.next(); names(m) != "teams" {
		t.Errorf("zoom has ended, told %+v", m)
	}
	f.silent()
}

func TestTheSoundServerMayRestart(t *testing.T) {
	t.Parallel()
	s := probetest.NewSound(t)
	f := followMicrophone(t, Config{Getenv: s.Getenv})
	if m := f.next(); m.Err == nil || !strings.Contains(words(m.Err), "the microphone cannot be measured here: no sound server answers") {
		t.Fatalf("no sound server runs, told %+v", m)
	}
	s.Start()
	f.until("the sound server", func(m Microphone) bool { return m.Err == nil })
	s.Record("zoom", "mic")
	f.until("zoom", func(m Microphone) bool { return names(m) == "zoom" })
	s.Stop() // and with it whatever records
	m := f.until("its end", func(m Microphone) bool { return m.Err != nil })
	if len(m.Programs) > 0 || m.Way != "" {
		t.Errorf("the sound server has ended, told %+v", m)
	}
	s.Start()
	s.Record("zoom", "mic")
	f.until("zoom again", func(m Microphone) bool { return names(m) == "zoom" })
}

// A stream of the sound server's own, which passes the microphone on, is nobody who records.
func TestTheSoundServersOwnStreamsDoNotCount(t *testing.T) {
	t.Parallel()
	s := probetest.NewSound(t)
	s.Start()
	s.Control("load-module", "module-remap-source", "source_name=passed_on", "master=mic")
	s.Control("load-module", "module-loopback", "source=mic", "sink=spk")
	p, err := connectPulse(t.Context(), Config{Getenv: s.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	recorder := s.Record("zoom", "passed_on")
	recorder.Eventually("zoom to record", func() bool {
		got, err := p.recorders()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 && !slices.Equal(got, []string{"zoom"}) {
			t.Fatalf("%q record, want zoom alone", got)
		}
		return len(got) > 0
	})
	if list := s.Control("list", "short", "source-outputs"); strings.Count(list, "\n") < 3 {
		t.Errorf("the sound server has no streams of its own, so nothing was tested:\n%s", list)
	}
}

func TestWhoRecordsIsToldByPipeWire(t *testing.T) {
	t.Parallel()
	s := probetest.NewSound(t)
	s.StartPipeWire()
	f := followMicrophone(t, Config{Getenv: s.Getenv})
	if m := f.next(); m.Err != nil || names(m) != "" || !strings.Contains(m.Way, "on PipeWire") {
		t.Fatalf("nobody records, told %+v", m)
	}
	s.Record("obs", "spk.monitor")
	s.Control("load-module", "module-loopback", "source=mic", "sink=spk") // a stream of PipeWire's own
	zoom := s.Record("zoom", "mic")
	if m := f.next(); names(m) != "zoom" {
		t.Errorf("zoom records, told %+v", m)
	}
	s.RecordByPipeWire("webex", "mic")
	if m := f.next(); names(m) != "webex zoom" {
		t.Errorf("zoom and, without PulseAudio's protocol, webex record, told %+v", m)
	}
	if list := s.Control("list", "source-outputs"); strings.Count(list, "Source Output #") != 4 {
		t.Errorf("obs, zoom, webex and PipeWire itself should record; what does:\n%s", list)
	}
	zoom.Stop()
	if m := f.next(); names(m) != "webex" {
		t.Errorf("zoom has ended, told %+v", m)
	}
}

// A page that records counts by the browser's name, and the shipped table has a row for it.
func TestABrowserRecords(t *testing.T) {
	t.Parallel()
	s := probetest.NewSound(t)
	s.Start()
	f := followMicrophone(t, Config{Getenv: s.Getenv})
	if m := f.next(); m.Err != nil || names(m) != "" {
		t.Fatalf("nobody records, told %+v", m)
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<!doctype html><title>call</title><script>navigator.mediaDevices.getUserMedia({audio: true}).then(s => window.s = s)</script>`)
	}))
	t.Cleanup(page.Close)
	browser := s.Browse(page.URL)
	m := f.next()
	if names(m) != "chromium" {
		t.Fatalf("Chromium records, told %+v", m)
	}
	shipped := policy.Factory().Microphone
	shipped.Enabled = true
	if row := shipped.Program(names(m)); row == nil || row.Alias != "Google Chrome" {
		t.Errorf("in the shipped table %s has the row %+v, want Chrome's", names(m), row)
	}
	browser.Stop()
	if m := f.next(); names(m) != "" || m.Err != nil {
		t.Errorf("Chromium has ended, told %+v", m)
	}
}

func TestWhoCountsAsRecording(t *testing.T) {
	t.Parallel()
	props := func(pairs ...string) proto.PropList {
		p := proto.PropList{}
		for i := 0; i < len(pairs); i += 2 {
			p[pairs[i]] = proto.PropListString(pairs[i+1])
		}
		return p
	}
	sources := proto.GetSourceInfoListReply{
		{SourceIndex: 0, MonitorSourceIndex: 7},
		{SourceIndex: 1, MonitorSourceIndex: proto.Undefined},
		{SourceIndex: 2, MonitorSourceIndex: proto.Undefined, Properties: props("device.class", "monitor")},
	}
	clients := proto.GetClientInfoListReply{
		{ClientIndex: 10, Properties: props("application.process.binary", "pw-cat", "application.name", "pw-cat")},
		{ClientIndex: 11, Properties: props("application.name", "Recorder")},
		{ClientIndex: 12},
	}
	binary := props("application.process.binary", "/opt/zoom/zoom", "application.name", "ZOOM VoiceEngine")
	for name, c := range map[string]struct {
		output proto.GetSourceOutputInfoReply
		want   string
	}{
		"a program":                             {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: 12, Properties: binary}, "zoom"},
		"one that is paused":                    {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: 12, Properties: binary, Corked: true}, ""},
		"of a loudspeaker":                      {proto.GetSourceOutputInfoReply{SourceIndex: 0, ClientIndex: 12, Properties: binary}, ""},
		"of a loudspeaker, by its class":        {proto.GetSourceOutputInfoReply{SourceIndex: 2, ClientIndex: 12, Properties: binary}, ""},
		"of nothing":                            {proto.GetSourceOutputInfoReply{SourceIndex: proto.Undefined, ClientIndex: 12, Properties: binary}, ""},
		"only its client tells":                 {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: 10, Properties: props("media.name", "r")}, "pw-cat"},
		"no file, a name of its own":            {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: 11}, "Recorder"},
		"the sound server's own":                {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: proto.Undefined, Properties: props("media.name", "Loopback")}, ""},
		"the same, with a name":                 {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: proto.Undefined, Properties: props("application.name", "Loopback")}, ""},
		"nameless":                              {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: 12}, ""},
		"a property that is no text is nothing": {proto.GetSourceOutputInfoReply{SourceIndex: 1, ClientIndex: 12, Properties: proto.PropList{"application.process.binary": {1, 2}}}, ""},
	} {
		if got := recording(proto.GetSourceOutputInfoListReply{&c.output}, sources, clients); strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q record, want %q", name, got, c.want)
		}
	}
}

func TestWhereTheSoundServerIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  Config
		want []address
		err  string
	}{
		{env: env("XDG_RUNTIME_DIR", "/run/user/1000"), want: []address{{"unix", "/run/user/1000/pulse/native"}}},
		{env: env("XDG_RUNTIME_DIR", "/run/user/1000", "PULSE_RUNTIME_PATH", "/elsewhere"), want: []address{{"unix", "/elsewhere/native"}}},
		{env: env("PULSE_SERVER", "unix:/a/b /c {another-computer}tcp:1.2.3.4"), want: []address{{"unix", "/a/b"}, {"unix", "/c"}}},
		{env: env("PULSE_SERVER", "tcp:127.0.0.1 tcp6:[::1]:99"), want: []address{{"tcp", "127.0.0.1:4713"}, {"tcp6", "[::1]:99"}}},
		{env: env("PULSE_SERVER", "{another-computer}unix:/a"), err: "PULSE_SERVER names no server for this computer"},
		{env: env(), err: "neither PULSE_SERVER nor XDG_RUNTIME_DIR is set"},
	} {
		got, err := pulseAddresses(c.env)
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v, %v; want %v, %q", c.env.getenv("PULSE_SERVER"), got, err, c.want, c.err)
		}
	}
}

// Not everything that listens where a sound server should be is one.
func TestWhatIsNoSoundServerIsSaidToBeNone(t *testing.T) {
	t.Parallel()
	b := probetest.NewBus(t) // it hangs up on whoever does not speak its protocol
	where, _, _ := strings.Cut(strings.TrimPrefix(b.Address, "unix:path="), ",")
	if !path.IsAbs(where) {
		t.Fatalf("the bus is at %q", b.Address)
	}
	f := followMicrophone(t, env("PULSE_SERVER", "unix:"+where))
	if m := f.next(); m.Err == nil || !strings.Contains(words(m.Err), "the sound server does not let in") {
		t.Errorf("told %+v", m)
	}
}
