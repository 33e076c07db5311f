package localcal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/agent/localcal/com"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recording is a recorded object model; testdata/README.md describes it. What it does not have must not be asked: that fails the test.
type recording struct {
	Classes map[string]recordedClass   `json:"classes"` // those that are installed
	Runs    []string                   `json:"runs"`    // files of the programs that run
	Objects map[string]*recordedObject `json:"objects"`
}

type recordedClass struct {
	Active json.RawMessage `json:"active,omitempty"` // value; absent: 0x800401E3, nothing has registered itself
	Create json.RawMessage `json:"create,omitempty"` // value; absent: it must not be made
}

type recordedObject struct {
	Is     string                     `json:"is"`               // its class, for people
	Get    map[string]json.RawMessage `json:"get,omitempty"`    // properties
	Call   []recordedCall             `json:"call,omitempty"`   // methods, in any order, as often as wanted
	Script []recordedCall             `json:"script,omitempty"` // in this order, each once, all else is wrong
}

type recordedCall struct {
	Name  string            `json:"name"`
	Args  []json.RawMessage `json:"args,omitempty"`
	Set   json.RawMessage   `json:"set,omitempty"` // it is a property that is written
	Gives json.RawMessage   `json:"gives,omitempty"`
}

// load reads a recording of testdata.
func load(t testing.TB, name string) *recording {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

func decode(t failer, text []byte) *recording {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	r := &recording{}
	if err := d.Decode(r); err != nil {
		t.Fatalf("the recording: %v", err)
	}
	return r
}

// failer is a test, or a round of a random one.
type failer interface {
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// replay is a system that has what is recorded.
type replay struct {
	t  failer
	mu sync.Mutex // guards what is below
	// recording may be replaced between two readings. What comes one after the other begins anew with each reading.
	recording *recording
	before    func(what string) error // called before anything is asked; nil: nothing is
	asked     int                     // questions so far
	most      int                     // objects that were there at a time
}

func (s *replay) play(r *recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recording = r
}

func (s *replay) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *replay) Do(f func(com.Model) error) error {
	s.mu.Lock()
	m := &replayModel{replay: s, r: s.recording, used: map[string]int{}, series: map[string][]json.RawMessage{}}
	s.mu.Unlock()
	defer func() { m.over = true }()
	return f(m)
}

type replayModel struct {
	*replay
	r    *recording
	used map[string]int // how often something was asked, for what comes one after the other
	// series are the values that come one after the other, as they were taken apart once: there may be thousands.
	series map[string][]json.RawMessage
	live   int
	over   bool
}

func (m *replayModel) ask(what string) error {
	if m.over {
		m.t.Errorf("%s is asked after the end", what)
	}
	m.mu.Lock()
	m.asked++
	before := m.before
	m.mu.Unlock()
	if before != nil {
		return before(what)
	}
	return nil
}

func (m *replayModel) Installed(class string) bool {
	_, ok := m.r.Classes[class]
	return ok
}

func (m *replayModel) Runs(file string) bool { return slices.Contains(m.r.Runs, file) }

func (m *replayModel) Active(class string) (com.Object, error) {
	if err := m.ask("active " + class); err != nil {
		return nil, err
	}
	c, ok := m.r.Classes[class]
	switch {
	case !ok:
		return nil, &com.Error{Op: class, Code: 0x800401F3}
	case c.Active == nil:
		return nil, &com.Error{Op: class, Code: 0x800401E3}
	}
	return m.root("active "+class, c.Active)
}

func (m *replayModel) Create(class string) (com.Object, error) {
	if err := m.ask("create " + class); err != nil {
		return nil, err
	}
	c, ok := m.r.Classes[class]
	if !ok || c.Create == nil {
		m.t.Errorf("a %s is made, which might start the program", class)
		return nil, &com.Error{Op: class, Code: 0x80080005}
	}
	return m.root("create "+class, c.Create)
}

func (m *replayModel) root(what string, v json.RawMessage) (com.Object, error) {
	o, err := m.value(what, v)
	if err != nil {
		return nil, err
	}
	return o.(com.Object), nil
}

// DateText writes dates as Germans do. What is asked has to be in the recording with these dates.
func (m *replayModel) DateText(wall time.Time) (string, error) {
	return wall.Format("02.01.2006 15:04"), nil
}

// value makes a value of a recorded one: null, true, 5, 2.5 and "text" are themselves; {"object": "id"}, {"clock": "2026-11-26T09:00:00"}, {"date": a date of
// OLE automation}, {"list": [values]}, {"fails": "0x80010001"}, and {"each": [values]}, one after the other.
func (m *replayModel) value(what string, raw json.RawMessage) (any, error) {
	if each, ok := m.series[what]; ok {
		return m.next(what, each)
	}
	text := bytes.TrimSpace(raw)
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	if text[0] != '{' {
		var v any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		if n, ok := v.(json.Number); ok {
			if i, err := n.Int64(); err == nil {
				return i, nil
			}
			return n.Float64()
		}
		return v, nil
	}
	var special struct {
		Object *string           `json:"object"`
		Clock  *string           `json:"clock"`
		Date   *float64          `json:"date"`
		List   []json.RawMessage `json:"list"`
		Fails  *string           `json:"fails"`
		Each   []json.RawMessage `json:"each"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&special); err != nil {
		m.t.Fatalf("%s: %v", what, err)
	}
	switch {
	case special.Object != nil:
		o, ok := m.r.Objects[*special.Object]
		if !ok {
			m.t.Fatalf("%s: there is no object %q", what, *special.Object)
		}
		m.live++
		m.mu.Lock()
		m.most = max(m.most, m.live)
		m.mu.Unlock()
		return &replayObject{model: m, id: *special.Object, recorded: o}, nil
	case special.Clock != nil:
		at, err := time.Parse("2006-01-02T15:04:05", *special.Clock)
		if err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		return at, nil
	case special.Date != nil:
		at, ok := com.Date(*special.Date)
		if !ok {
			m.t.Fatalf("%s: %v is no date", what, *special.Date)
		}
		return at, nil
	case special.Fails != nil:
		code, err := strconv.ParseUint(*special.Fails, 0, 32)
		if err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		_, name, _ := strings.Cut(what, ".")
		return nil, &com.Error{Op: name, Code: uint32(code)}
	case special.Each != nil:
		m.series[what] = special.Each
		return m.next(what, special.Each)
	default:
		all := []any{}
		for _, one := range special.List {
			v, err := m.value(what, one)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return all, nil
	}
}

func (m *replayModel) next(what string, each []json.RawMessage) (any, error) {
	n := m.used[what]
	m.used[what]++
	if n >= len(each) {
		m.t.Errorf("%s is asked more than %d times", what, n)
		return nil, nil
	}
	return m.value(fmt.Sprintf("%s[%d]", what, n), each[n])
}

type replayObject struct {
	model    *replayModel
	id       string
	recorded *recordedObject
	gone     bool
	step     int // of the script
}

func (o *replayObject) Release() {
	if !o.gone {
		o.gone = true
		o.model.live--
	}
}

func (o *replayObject) wrong(format string, args ...any) error {
	err := fmt.Errorf("%s (%s): %s", o.id, o.recorded.Is, fmt.Sprintf(format, args...))
	o.model.t.Errorf("not recorded: %v", err)
	return err
}

func (o *replayObject) use(what string) error {
	if o.gone {
		return o.wrong("%s after it was given back", what)
	}
	return o.model.ask(o.id + "." + what)
}

func (o *replayObject) Get(name string, args ...any) (any, error) {
	if err := o.use(name); err != nil {
		return nil, err
	}
	v, ok := o.recorded.Get[name]
	if !ok || len(args) > 0 {
		return nil, o.wrong("the property %s is read", name)
	}
	return o.model.value(o.id+"."+name, v)
}

func (o *replayObject) Set(name string, value any) error {
	if err := o.use(name); err != nil {
		return err
	}
	_, err := o.recordedCall(name, nil, value, true)
	return err
}

func (o *replayObject) Call(name string, args ...any) (any, error) {
	if err := o.use(name); err != nil {
		return nil, err
	}
	c, err := o.recordedCall(name, args, nil, false)
	if err != nil {
		return nil, err
	}
	return o.model.value(o.id+"."+name, c.Gives)
}

// recordedCall finds a call with these arguments.
func (o *replayObject) recordedCall(name string, args []any, set any, isSet bool) (*recordedCall, error) {
	matches := func(c *recordedCall) bool {
		if c.Name != name || len(c.Args) != len(args) || (c.Set != nil) != isSet || isSet && !o.same(c.Set, set) {
			return false
		}
		for i := range args {
			if !o.same(c.Args[i], args[i]) {
				return false
			}
		}
		return true
	}
	if o.recorded.Script != nil {
		if o.step < len(o.recorded.Script) && matches(&o.recorded.Script[o.step]) {
			o.step++
			return &o.recorded.Script[o.step-1], nil
		}
		return nil, o.wrong("%s%v as step %d of the script (set to %v)", name, args, o.step+1, set)
	}
	for i := range o.recorded.Call {
		if matches(&o.recorded.Call[i]) {
			return &o.recorded.Call[i], nil
		}
	}
	return nil, o.wrong("%s%v (set to %v)", name, args, set)
}

func (o *replayObject) same(recorded json.RawMessage, got any) bool {
	if string(recorded) == `{"any":true}` {
		return true
	}
	if other, ok := got.(*replayObject); ok {
		var want struct {
			Object string `json:"object"`
		}
		return json.Unmarshal(recorded, &want) == nil && want.Object == other.id && !other.gone
	}
	want, err := o.model.value("argument", recorded)
	if n, ok := got.(int); ok {
		got = int64(n)
	}
	return err == nil && reflect.DeepEqual(want, got)
}

// readAll reads a program's calendar once, without a watcher.
func readAll(s *replay, p Program, w Window) (all []Appointment, problems []string, err error) {
	err = (&watcher{Config: Config{System: s, Home: w.Home}}).attempt(context.Background(), &watched{program: p}, func(r *reader) error {
		src, err := p.open(r)
		if err != nil {
			return err
		}
		if _, err := src.stamp(); err != nil {
			return err
		}
		all, problems, err = src.read(w)
		return err
	})
	if err != nil {
		return nil, nil, explain(p.Name(), err)
	}
	return all, problems, nil
}
