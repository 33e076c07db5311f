package exchange

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

// What is wrong with a configuration is told by field, all at once; what is right is taken.
func TestConfig(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	good := func() Config {
		return Config{URL: "https://mail.example.com", Account: `OFFICE\reader`, Password: "secret", Client: client}
	}
	for name, tc := range map[string]struct {
		edit func(*Config)
		want string // fields
	}{
		"good":                    {func(*Config) {}, ""},
		"empty":                   {func(c *Config) { *c = Config{Client: client} }, "url account password"},
		"autodiscover":            {func(c *Config) { c.URL, c.Domains = "", []string{"@Example.com", "example.de"} }, ""},
		"both":                    {func(c *Config) { c.Domains = []string{"example.com"} }, "domains"},
		"address of autodiscover": {func(c *Config) { c.AutodiscoverURL = "https://autodiscover.example.com" }, "domains"},
		"no domain":               {func(c *Config) { c.URL, c.Domains = "", []string{"exa mple", "*.example.com"} }, "domains domains"},
		"not https":               {func(c *Config) { c.URL = "http://mail.example.com/EWS/Exchange.asmx" }, "url"},
		"plain if wanted":         {func(c *Config) { c.URL, c.AllowPlain = "http://mail.example.com/EWS/Exchange.asmx", true }, ""},
		"password in the address": {func(c *Config) { c.URL = "https://a:b@mail.example.com" }, "url"},
		"no addresses":            {func(c *Config) { c.URL, c.WebURL = "ftp://x", "::" }, "url web_url"},
		"unknown words":           {func(c *Config) { c.Auth, c.Access, c.Names, c.Notify = "digest", "root", "x500", "push" }, "auth access names notify"},
		"two domains":             {func(c *Config) { c.Domain = "OFFICE" }, "account"},
		"upn and domain":          {func(c *Config) { c.Account, c.Domain = "reader@example.com", "OFFICE" }, "domain"},
		"oauth":                   {func(c *Config) { c.Auth = AuthOAuth }, "account oauth.token_url oauth.client_id oauth.client_secret"},
		"oauth for others":        {func(c *Config) { c.OAuth.ClientID = "app" }, "oauth"},
		"plain token service": {func(c *Config) {
			c.Auth, c.Account, c.Password = AuthOAuth, "", ""
			c.OAuth = OAuth{TokenURL: "http://login.example.com", ClientID: "a", ClientSecret: "b"}
		}, "oauth.token_url"},
		"kerberos without domain": {func(c *Config) { c.Auth, c.Account = AuthKerberos, "reader" }, "domain"},
		"kerberos":                {func(c *Config) { c.Auth, c.Account = AuthKerberos, "reader@example.com" }, ""},
		"odd controllers": {func(c *Config) {
			c.Auth, c.Kerberos = AuthKerberos, Kerberos{Realm: "EXAMPLE.COM\n[x]", KDCs: []string{"dc1\n}", "10.0.0.1:88", "[::1]:88", "dc2"}}
		}, "kerberos.kdcs kerberos.realm"},
		"colon with basic":               {func(c *Config) { c.Auth, c.Account = AuthBasic, "a:b" }, "account"},
		"limits":                         {func(c *Config) { c.Limit, c.Hanging, c.Timeout, c.Interval = -1, 5000, time.Hour, time.Microsecond }, "limit hanging timeout interval"},
		"names that cannot be looked up": {func(c *Config) { c.URL, c.Domains, c.Names = "", []string{"example.com"}, NamesSID }, "names"},
	} {
		c := good()
		tc.edit(&c)
		s, err := New(c)
		var fields []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			for _, f := range e.Fields {
				fields = append(fields, f.Path)
			}
			if strings.Contains(err.Error(), "secret") && !strings.Contains(err.Error(), "the secret of the client") && !strings.Contains(err.Error(), "its secret") {
				t.Errorf("%s: the error holds the password: %v", name, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := strings.Fields(tc.want)
		slices.Sort(fields)
		slices.Sort(want)
		if !slices.Equal(fields, want) {
			t.Errorf("%s: %v, want %v", name, fields, want)
		}
		if s != nil {
			s.Close()
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("without a client it is taken")
	}
	c := good()
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.LogValue().String()} {
		if strings.Contains(text, "secret") {
			t.Errorf("it is shown as %s", text)
		}
	}
}

// A mailbox is named as the setting says, and one that is not is refused before anything is asked.
func TestNamesOfMailboxes(t *testing.T) {
	t.Parallel()
	server, err := exchangetest.Start(exchangetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.AddAccount(exchangetest.Account{Name: "reader", Password: "secret", Impersonates: []string{"*"}})
	if _, err := server.AddMailbox(exchangetest.Person{Address: "anna@example.test", Aliases: []string{"a.meyer@example.test"}, UPN: "anna@office.test", SID: "S-1-5-21-1-2-3-1001"}); err != nil {
		t.Fatal(err)
	}
	for names, mailboxes := range map[string][]string{
		NamesPrimary: {"anna@example.test", "Anna@Example.Test", "!a.meyer@example.test", "!nobody@example.test", "!S-1-5-21-1-2-3-1001", "!", "!anna", "!a@b\r\nX-Header: 1"},
		NamesSMTP:    {"anna@example.test", "a.meyer@example.test", "!nobody@example.test"},
		NamesUPN:     {"anna@office.test", "!a.meyer@example.test"},
		NamesSID:     {"S-1-5-21-1-2-3-1001", "!S-1-5-21-1-2-3-1002", "!anna@example.test", "!S-1-5-21-"},
	} {
		sys := newSystem(t, server.Base(), func(c *Config) { c.Domain, c.Names = "EXAMPLE", names })
		for _, m := range mailboxes {
			m, refused := strings.CutPrefix(m, "!")
			_, err := sys.Fetch(within(t), march(m))
			e, _ := errors.AsType[*source.Error](err)
			switch {
			case !refused && err != nil:
				t.Errorf("%s %q: %v", names, m, err)
			case refused && (e == nil || e.Kind != source.NotFound && e.Kind != source.BadAddress):
				t.Errorf("%s %q: %v", names, m, err)
			}
		}
	}
}

// With rights on single calendars in place of impersonation, calendars are read, and polled.
func TestDelegate(t *testing.T) {
	t.Parallel()
	server, err := exchangetest.Start(exchangetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for _, p := range []exchangetest.Person{{Address: "reader@example.test", Password: "secret"}, {Address: person0(0)}, {Address: person0(1)}} {
		if _, err := server.AddMailbox(p); err != nil {
			t.Fatal(err)
		}
	}
	server.Mailbox(person0(0)).Grant("reader@example.test", exchangetest.Reviewer)
	o := &office{t: t, server: server, sys: newSystem(t, server.Base(), func(c *Config) { c.Access, c.Account, c.Domain = AccessDelegate, "reader@example.test", "" })}
	start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	o.put(0, meeting("here", start))
	c := o.copy(0, start.Add(-time.Hour), start.Add(time.Hour))
	w := o.watch(0)
	if r := c.fetch(); c.subjects() != "here" || r.Every != everyUnheard {
		t.Errorf("it reads %q, and wants to be asked every %v", c.subjects(), r.Every)
	}
	w.end()
	_, err = o.sys.Fetch(within(t), march(person0(1)))
	if e, ok := errors.AsType[*source.Error](err); !ok || e.Kind != source.NotAllowed {
		t.Errorf("without rights it says %v", err)
	}
	var said []string
	for _, s := range o.sys.Check(within(t), person0(0)) {
		said = append(said, fmt.Sprint(s.Name, " ", s.OK))
	}
	if got := strings.Join(said, ", "); got != "connection true, sign_in true, version true, calendar true, view true, notifications false, throttling true" {
		t.Errorf("checked, it finds %s", got)
	}
}

// A server older than 2013 is asked in its own words.
func TestOlderServer(t *testing.T) {
	t.Parallel()
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.Contains(body, `Version="Exchange2010_SP1"`):
			faulting(w, "ErrorInvalidServerVersion", "")
		case op == "SyncFolderItems":
			io.WriteString(w, synced("one", ""))
		default:
			io.WriteString(w, items(true, standUp))
		}
	})
	sys := newSystem(t, s.URL, nil)
	if _, err := sys.Fetch(within(t), march("anna@example.com")); err != nil {
		t.Fatal(err)
	}
	if got := s.operations(); got != "SyncFolderItems SyncFolderItems FindItem" {
		t.Errorf("it is asked for %s", got)
	}
}

// Everything that can be missing is said with what to do about it.
func TestCheckSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	const anna = "anna@example.com"
	denied := func(code string) func(op, mailbox string, w http.ResponseWriter) {
		return func(op, mailbox string, w http.ResponseWriter) {
			if mailbox != "" {
				faulting(w, code, "")
				return
			}
			io.WriteString(w, strings.Replace(refusing("ResolveNames", "ErrorNameResolutionNoResults", ""), "<s:Body>",
				`<s:Header><t:ServerVersionInfo MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="6"/></s:Header><s:Body>`, 1))
		}
	}
	in := func(operation, code string) func(op, mailbox string, w http.ResponseWriter) {
		return func(op, mailbox string, w http.ResponseWriter) {
			switch {
			case op == operation:
				io.WriteString(w, refusing(op, code, `<m:MessageXml><t:Value Name="BackOffMilliseconds">60000</t:Value></m:MessageXml>`))
			case op == "FindItem":
				io.WriteString(w, items(true, ""))
			default:
				io.WriteString(w, success(op, "<m:SubscriptionId>x</m:SubscriptionId>"))
			}
		}
	}
	status := func(code int) func(op, mailbox string, w http.ResponseWriter) {
		return func(op, mailbox string, w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			w.WriteHeader(code)
		}
	}
	for name, tc := range map[string]struct {
		answer func(op, mailbox string, w http.ResponseWriter)
		step   string // the one that fails
		found  string
		remedy string
	}{
		"no right":         {denied("ErrorImpersonateUserDenied"), "access", "may not act for this mailbox", `New-ManagementRoleAssignment -Name "Doorlight reads calendars" -Role ApplicationImpersonation -User "OFFICE\reader"`},
		"no such mailbox":  {denied("ErrorNonExistentMailbox"), "access", "no mailbox", `Get-Mailbox "anna@example.com"`},
		"disabled user":    {denied("ErrorImpersonationFailed"), "access", "could not let", "Get-ADUser"},
		"something new":    {denied("ErrorOfTomorrow"), "access", "ErrorOfTomorrow", "event log"},
		"no calendar":      {in("GetFolder", "ErrorFolderNotFound"), "calendar", "not there", "Get-MailboxFolderStatistics"},
		"view fails":       {in("FindItem", "ErrorInternalServerError"), "view", "ErrorInternalServerError", "event log"},
		"no subscriptions": {in("Subscribe", "ErrorExceededSubscriptionCount"), "notifications", "no further subscription", "EwsMaxSubscriptions"},
		"busy":             {in("Subscribe", "ErrorServerBusy"), "throttling", "busy", `Set-Mailbox "OFFICE\reader" -ThrottlingPolicy`},
		"other sign-in":    {status(401), "sign_in", "does not offer to sign in by basic; it offers Negotiate", "-BasicAuthentication $true"},
		"not there":        {status(404), "sign_in", "no Exchange Web Services", "/EWS/Exchange.asmx"},
		"old": {func(op, mailbox string, w http.ResponseWriter) {
			io.WriteString(w, strings.Replace(success(op, ""), "<s:Body>", `<s:Header><t:ServerVersionInfo MajorVersion="8" MinorVersion="3"/></s:Header><s:Body>`, 1))
		}, "version", "2007", "2010 SP1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) { tc.answer(op, mailbox, w) })
			sys := newSystem(t, s.URL, nil)
			steps := sys.Check(within(t), anna)
			i := slices.IndexFunc(steps, func(s source.Step) bool { return s.Name == tc.step })
			if i < 0 || steps[i].OK || !strings.Contains(steps[i].Found, tc.found) || !strings.Contains(steps[i].Remedy, tc.remedy) {
				t.Errorf("it finds %+v", steps)
			}
			for _, s := range steps[:max(i, 0)] {
				if !s.OK && s.Name != "notifications" {
					t.Errorf("before that, it finds %+v", s)
				}
			}
		})
	}
	// A certificate nobody vouches for, a name nobody knows, a server that is not there.
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for _, tc := range []struct{ url, step, found, remedy string }{
		{untrusted.URL, "connection", "authority", "authority that issued it"},
		{"https://no-such-name.invalid", "name", "no-such-name.invalid", "name server"},
		{"https://127.0.0.1:1", "connection", "refuses the connection", "firewall"},
	} {
		steps := newSystem(t, tc.url, nil).Check(within(t), anna)
		if last := steps[len(steps)-1]; last.Name != tc.step || last.OK || !strings.Contains(last.Found, tc.found) || !strings.Contains(last.Remedy, tc.remedy) {
			t.Errorf("%s: it finds %+v", tc.url, steps)
		}
	}
	// Without a mailbox, what needs none is tried.
	s := newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) { denied("")(op, mailbox, w) })
	if steps := newSystem(t, s.URL, nil).Check(within(t), ""); len(steps) != 4 || !allOK(steps) {
		t.Errorf("without a mailbox it finds %+v", steps)
	}
}
