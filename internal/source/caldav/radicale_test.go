package caldav

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/source/radicaletest"
)

var client = outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})

func TestMain(m *testing.M) {
	code := m.Run()
	radicaletest.Stop()
	client.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// event is an appointment as a calendar program would store it.
func event(uid, summary string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261123T090000Z\r\nDTEND:20261123T100000Z\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\nSUMMARY:" +
		summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// copyOf is a caller: it keeps what a calendar's results add up to.
type copyOf struct {
	t       *testing.T
	reader  *Reader
	account source.Account
	data    map[string]string
}

func newCopy(t *testing.T, r *Reader, a source.Account) *copyOf {
	a.Known = map[string]string{}
	return &copyOf{t: t, reader: r, account: a, data: map[string]string{}}
}

// fetch reads once, applies the result as Result says, and returns it.
func (c *copyOf) fetch() source.Result {
	c.t.Helper()
	res, err := c.reader.Fetch(c.t.Context(), c.account)
	if err != nil {
		c.t.Fatalf("fetch: %v", err)
	}
	if res.Unchanged && (len(res.Objects) > 0 || len(res.Gone) > 0 || res.Replace) {
		c.t.Fatalf("unchanged, and yet %+v", res)
	}
	if res.Replace {
		clear(c.data)
		clear(c.account.Known)
	}
	for _, o := range res.Objects {
		c.data[o.Href], c.account.Known[o.Href] = string(o.Data), o.ETag
	}
	for _, h := range res.Gone {
		if _, had := c.data[h]; !had {
			c.t.Errorf("%s is reported gone and was never there", h)
		}
		delete(c.data, h)
		delete(c.account.Known, h)
	}
	c.account.State = res.State
	return res
}

// want checks which summaries the copy has.
func (c *copyOf) want(summaries ...string) {
	c.t.Helper()
	var got []string
	for _, d := range c.data {
		_, rest, _ := strings.Cut(d, "SUMMARY:")
		s, _, _ := strings.Cut(rest, "\n")
		got = append(got, strings.TrimSpace(s))
	}
	slices.Sort(got)
	slices.Sort(summaries)
	if !slices.Equal(got, summaries) {
		c.t.Errorf("the copy has %q, want %q", got, summaries)
	}
}

func account(u *radicaletest.User, address string) source.Account {
	return source.Account{URL: address, Username: u.Name, Password: u.Password}
}

func TestRadicaleFollowsACalendar(t *testing.T) {
	t.Parallel()
	u := radicaletest.New(t)
	calendar := u.Calendar(t, "work", "Work")
	c := newCopy(t, New(client, Config{}), account(u, calendar))

	if res := c.fetch(); !res.Unchanged {
		t.Errorf("an empty calendar that nothing is known of: %+v, want unchanged", res)
	}
	u.Put(t, calendar+"e1.ics", event("e1", "Jour fixe"))
	u.Put(t, calendar+"a%20b%C3%A4.ics", event("e2", "Umlaut"))
	if res := c.fetch(); !res.Replace || len(res.Objects) != 2 {
		t.Errorf("first objects: replace %v with %d objects, want all 2", res.Replace, len(res.Objects))
	}
	c.want("Jour fixe", "Umlaut")
	if res := c.fetch(); !res.Unchanged {
		t.Errorf("nothing happened: %+v, want unchanged", res)
	}

	u.Put(t, calendar+"e1.ics", event("e1", "Jour fixe later"))
	if res := c.fetch(); res.Replace || len(res.Objects) != 1 {
		t.Errorf("after a change: replace %v with %d objects, want 1 changed", res.Replace, len(res.Objects))
	}
	c.want("Jour fixe later", "Umlaut")

	u.Move(t, calendar+"a%20b%C3%A4.ics", calendar+"moved.ics")
	if res := c.fetch(); len(res.Objects) != 1 || len(res.Gone) != 1 {
		t.Errorf("after a move: %d objects, gone %q, want 1 and 1", len(res.Objects), res.Gone)
	}
	c.want("Jour fixe later", "Umlaut")

	u.Delete(t, calendar+"e1.ics")
	if res := c.fetch(); len(res.Objects) != 0 || len(res.Gone) != 1 {
		t.Errorf("after a removal: %d objects, gone %q, want 0 and 1", len(res.Objects), res.Gone)
	}
	c.want("Umlaut")

	u.Delete(t, calendar+"moved.ics")
	c.fetch()
	c.want()
	u.Put(t, calendar+"e3.ics", event("e3", "Anew"))
	c.fetch()
	c.want("Anew")

	u.Delete(t, calendar)
	_, err := c.reader.Fetch(t.Context(), c.account)
	wantKind(t, err, source.NotFound)
}

func TestRadicaleTokenIsForgotten(t *testing.T) {
	t.Parallel()
	u := radicaletest.New(t)
	calendar := u.Calendar(t, "work", "Work")
	for i := range 3 {
		u.Put(t, fmt.Sprintf("%se%d.ics", calendar, i), event(fmt.Sprint("e", i), fmt.Sprint("E", i)))
	}
	c := newCopy(t, New(client, Config{}), account(u, calendar))
	c.fetch()
	u.Put(t, calendar+"e0.ics", event("e0", "E0 changed"))
	u.Delete(t, calendar+"e1.ics")
	for _, token := range []string{"nonsense", "http://radicale.org/ns/sync/" + strings.Repeat("0", 64), "<&>\"'"} {
		d := newCopy(t, c.reader, c.account)
		d.account.Known, d.data = maps.Clone(c.account.Known), maps.Clone(c.data)
		d.account.State = state{Key: d.account.Key(), URL: calendar, Token: token}.String()
		res := d.fetch()
		if len(res.Objects) != 1 || len(res.Gone) != 1 || res.Replace {
			t.Errorf("token %q: %d objects, gone %q, replace %v; want what changed, 1 and 1", token, len(res.Objects), res.Gone, res.Replace)
		}
		d.want("E0 changed", "E2")
		if res := d.fetch(); !res.Unchanged {
			t.Errorf("token %q: the state after starting over does not hold: %+v", token, res)
		}
	}
	// A state of another account, or one that is damaged, is as good as none.
	for _, s := range []string{"", "{", `{"key":"other","url":"http://127.0.0.1:1/","token":"x"}`, c.account.State[:20]} {
		d := newCopy(t, c.reader, c.account)
		d.account.State = s
		d.fetch()
		d.want("E0 changed", "E2")
	}
}

func TestRadicaleManyObjects(t *testing.T) {
	t.Parallel()
	u := radicaletest.New(t)
	var all strings.Builder
	all.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	for i := range 300 {
		fmt.Fprintf(&all, "BEGIN:VEVENT\r\nUID:e%03d\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261123T090000Z\r\nSUMMARY:E%d\r\nEND:VEVENT\r\n", i, i)
	}
	all.WriteString("END:VCALENDAR\r\n")
	u.Put(t, u.Home()+"big/", all.String())
	c := newCopy(t, New(client, Config{}), account(u, u.Home()+"big/"))
	if res := c.fetch(); len(res.Objects) != 300 || len(c.data) != 300 || len(res.Skipped) != 0 {
		t.Errorf("%d objects with %d hrefs, skipped %d, want 300", len(res.Objects), len(c.data), len(res.Skipped))
	}
	for h, d := range c.data {
		if !strings.HasPrefix(d, "BEGIN:VCALENDAR") || strings.Count(d, "BEGIN:VEVENT") != 1 {
			t.Fatalf("%s is %q, want one appointment", h, d)
		}
	}
	_, err := New(client, Config{MaxObjects: 299}).Fetch(t.Context(), account(u, u.Home()+"big/"))
	wantKind(t, err, source.TooLarge)
	_, err = New(client, Config{MaxBytes: 10_000}).Fetch(t.Context(), account(u, u.Home()+"big/"))
	wantKind(t, err, source.TooLarge)
}

func TestRadicaleWrongPassword(t *testing.T) {
	t.Parallel()
	u := radicaletest.New(t)
	calendar := u.Calendar(t, "work", "Work")
	r := New(client, Config{})
	for _, a := range []source.Account{
		{URL: calendar, Username: u.Name, Password: "wrong-password"},
		{URL: calendar, Username: "nobody", Password: u.Password},
		{URL: calendar},
		{URL: strings.Replace(calendar, "://", "://"+u.Name+":wrong-password@", 1)},
		account(radicaletest.New(t), calendar), // somebody else's
	} {
		_, err := r.Fetch(t.Context(), a)
		wantKind(t, err, source.Credentials)
		_, err = r.Discover(t.Context(), a)
		wantKind(t, err, source.Credentials)
	}
}

func TestRadicaleDiscovery(t *testing.T) {
	t.Parallel()
	r := New(client, Config{})
	one := radicaletest.New(t)
	calendar := one.Calendar(t, "work", "Work")
	one.Tasks(t, "todo", "To do")
	one.Put(t, calendar+"e1.ics", event("e1", "Jour fixe"))
	for _, address := range []string{one.Server, one.Server + "/", one.Home(), strings.TrimSuffix(one.Home(), "/"), calendar,
		strings.TrimSuffix(calendar, "/"), one.Server + "/.well-known/caldav", one.Server + "/no/such/thing"} {
		got, err := r.Discover(t.Context(), account(one, address))
		if err != nil || len(got) != 1 || strings.TrimSuffix(got[0].URL, "/") != strings.TrimSuffix(calendar, "/") || got[0].Name != "Work" {
			t.Errorf("discover %s: %+v, %v, want %s", address, got, err, calendar)
		}
		c := newCopy(t, r, account(one, address))
		c.fetch()
		c.want("Jour fixe")
		if res := c.fetch(); !res.Unchanged {
			t.Errorf("%s: %+v, want unchanged", address, res)
		}
	}

	two := radicaletest.New(t)
	a, b := two.Calendar(t, "a", "Büro &amp; Labor"), two.Calendar(t, "b", "Private")
	got, err := r.Discover(t.Context(), account(two, two.Server))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(x, y Collection) int { return strings.Compare(x.URL, y.URL) })
	if want := []Collection{{URL: a, Name: "Büro & Labor"}, {URL: b, Name: "Private"}}; !slices.Equal(got, want) {
		t.Errorf("discover %+v, want %+v", got, want)
	}
	_, err = r.Fetch(t.Context(), account(two, two.Server))
	choice, ok := errors.AsType[*Choice](err)
	if !ok || len(choice.Collections) != 2 || !strings.Contains(choice.Public(), "Büro & Labor") {
		t.Errorf("fetch from a server with two calendars: %v, want a choice of two", err)
	}
	two.Put(t, b+"e1.ics", event("e1", "Dentist"))
	c := newCopy(t, r, account(two, b))
	c.fetch()
	c.want("Dentist")

	none := radicaletest.New(t)
	_, err = r.Discover(t.Context(), account(none, none.Server))
	wantKind(t, err, source.NotFound)
	_, err = r.Fetch(t.Context(), account(none, none.Home()+"nothing/"))
	wantKind(t, err, source.NotFound)
}

// wantKind also checks what holds for every error.
func wantKind(t *testing.T, err error, want source.Kind) {
	t.Helper()
	e, ok := errors.AsType[*source.Error](err)
	if !ok || e.Kind != want {
		t.Errorf("error %v, want one of kind %v", err, want)
		return
	}
	if e.Public() == "" || strings.Contains(e.Public()+e.Error(), "wrong-password") {
		t.Errorf("error %q with text %q", e.Error(), e.Public())
	}
	if testing.Verbose() {
		t.Logf("%v: %s", e.Kind, e.Public())
	}
}
