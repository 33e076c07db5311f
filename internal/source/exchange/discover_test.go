package exchange

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
)

const discovered = `<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body><GetUserSettingsResponseMessage xmlns="` + nsDiscover + `"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance">` +
	`<ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse><ErrorCode>%s</ErrorCode><ErrorMessage>said</ErrorMessage><RedirectTarget>%s</RedirectTarget><UserSettingErrors/>` +
	`<UserSettings><UserSetting i:type="StringSetting"><Name>ExternalEwsUrl</Name><Value>%s</Value></UserSetting>` +
	`<UserSetting i:type="StringSetting"><Name>GroupingInformation</Name><Value>Site-1</Value></UserSetting>` +
	`<UserSetting i:type="WebClientUrlCollectionSetting"><Name>ExternalWebClientUrls</Name><WebClientUrls><WebClientUrl><AuthenticationMethods>Fba</AuthenticationMethods>` +
	`<Url>https://mail.example.com/owa</Url></WebClientUrl></WebClientUrls></UserSetting></UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`

const outlook = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="` + nsResponse + `">%s</Response></Autodiscover>`

// directory is an Autodiscover service that answers each address as a test says, and the services beside it.
type directory struct {
	*script
	t      *testing.T
	soap   func(address string) string // an answer, a status, or a location
	pox    func(address string) string
	broken func(w http.ResponseWriter) bool // of the services
}

func newDirectory(t *testing.T) *directory {
	d := &directory{t: t}
	d.script = newScript(t, func(op, mailbox, body string, w http.ResponseWriter, r *http.Request) {
		var answer func(string) string
		var asked struct {
			Address string `xml:"Body>GetUserSettingsRequestMessage>Request>Users>User>Mailbox"`
			Outlook string `xml:"Request>EMailAddress"`
		}
		xml.Unmarshal([]byte(body), &asked)
		switch r.URL.Path {
		case soapPath:
			answer = d.soap
			if r.Header.Get("SOAPAction") != `"`+actionGet+`"` {
				t.Errorf("the action is %q", r.Header.Get("SOAPAction"))
			}
		case poxPath:
			answer = d.pox
		default:
			if d.broken != nil && d.broken(w) {
				return
			}
			switch op {
			case "SyncFolderItems":
				io.WriteString(w, synced("one", ""))
			case "FindItem":
				io.WriteString(w, items(true, standUp))
			}
			return
		}
		if answer == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		switch text := answer(asked.Address + asked.Outlook); {
		case strings.HasPrefix(text, "http"):
			w.Header().Set("Location", text)
			w.WriteHeader(http.StatusFound)
		default:
			io.WriteString(w, text)
		}
	})
	return d
}

func (d *directory) system(change func(*Config)) *System {
	return newSystem(d.t, d.URL, func(c *Config) {
		c.AutodiscoverURL, c.URL, c.Domains = d.URL+"/autodiscover/autodiscover.xml", "", []string{"example.com"}
		if change != nil {
			change(c)
		}
	})
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	here := func(d *directory) string { return d.URL + "/EWS/Exchange.asmx" }
	settings := func(d *directory) func(string) string {
		return func(string) string { return fmt.Sprintf(discovered, "NoError", "", here(d)) }
	}
	for name, tc := range map[string]struct {
		build   func(d *directory)
		mailbox string
		asked   string
		kind    source.Kind // if it does not come off
		says    string
	}{
		"settings": {build: func(d *directory) { d.soap = settings(d) }, asked: "GetUserSettingsRequestMessage SyncFolderItems FindItem"},
		"settings of Outlook": {build: func(d *directory) {
			d.pox = func(string) string {
				return fmt.Sprintf(outlook, `<User><DisplayName>Anna</DisplayName></User><Account><AccountType>email</AccountType><Action>settings</Action>`+
					`<Protocol><Type>EXCH</Type><EwsUrl>https://inside.invalid/EWS/Exchange.asmx</EwsUrl></Protocol><Protocol><Type>EXPR</Type><EwsUrl>`+here(d)+
					`</EwsUrl><GroupingInformation>Site-1</GroupingInformation></Protocol><Protocol><Type>WEB</Type><External><OWAUrl AuthenticationMethod="Fba">https://mail.example.com/owa/</OWAUrl></External></Protocol></Account>`)
			}
		}, asked: "GetUserSettingsRequestMessage Autodiscover SyncFolderItems FindItem"},
		"redirects of all kinds": {build: func(d *directory) {
			hops := 0
			d.soap = func(address string) string {
				switch hops++; {
				case hops == 1:
					return d.URL + soapPath
				case hops == 2:
					return fmt.Sprintf(discovered, "RedirectUrl", d.URL+soapPath, "")
				case address == "anna@example.com":
					return fmt.Sprintf(discovered, "RedirectAddress", "anna@mail.example.com", "")
				}
				return settings(d)(address)
			}
		}, asked: strings.Repeat("GetUserSettingsRequestMessage ", 4) + "SyncFolderItems FindItem"},
		"a circle": {build: func(d *directory) {
			d.soap = func(string) string { return d.URL + soapPath }
		}, kind: source.NotFound, says: "more than 10 times"},
		"away from https": {build: func(d *directory) {
			d.soap = func(string) string { return "http://user:password@mail.example.com/autodiscover/autodiscover.svc" }
		}, kind: source.NotFound, says: "not https"},
		"to a domain nobody listed": {build: func(d *directory) {
			d.soap = func(string) string { return fmt.Sprintf(discovered, "RedirectAddress", "anna@evil.test", "") }
		}, kind: source.NotFound, says: "domain"},
		"a domain nobody listed": {build: func(d *directory) { d.soap = settings(d) }, mailbox: "anna@evil.test", kind: source.NotFound, says: "domain"},
		"an unknown mailbox": {build: func(d *directory) {
			d.soap = func(string) string { return fmt.Sprintf(discovered, "InvalidUser", "", "") }
		}, kind: source.NotFound, says: "no mailbox"},
		"an unknown mailbox of Outlook": {build: func(d *directory) {
			d.pox = func(string) string {
				return fmt.Sprintf(outlook, `<Error Time="12:00:00" Id="1"><ErrorCode>500</ErrorCode><Message>The email address can't be found.</Message></Error>`)
			}
		}, kind: source.NotFound, says: "no mailbox"},
		"no services": {build: func(d *directory) {
			d.soap = func(string) string { return fmt.Sprintf(discovered, "NoError", "", "ftp://x/") }
		}, kind: source.NotFound, says: "Exchange Online"},
		"nothing": {build: func(*directory) {}, kind: source.NotFound, says: "has no"},
		"a web page": {build: func(d *directory) {
			d.soap = func(string) string { return "<html><body>Welcome</body></html>" }
			d.pox = d.soap
		}, kind: source.NotFound, says: "does not answer as Autodiscover"},
		"it is busy": {build: func(d *directory) {
			d.soap = func(string) string { return fmt.Sprintf(discovered, "ServerBusy", "", "") }
		}, kind: source.Unavailable, says: "left alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(t)
			tc.build(d)
			sys := d.system(func(c *Config) { c.Domains = append(c.Domains, "mail.example.com") })
			mailbox := tc.mailbox
			if mailbox == "" {
				mailbox = "anna@example.com"
			}
			_, err := sys.Fetch(within(t), march(mailbox))
			if tc.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := d.operations(); got != tc.asked {
					t.Errorf("it is asked for %q, want %q", got, tc.asked)
				}
				if at, err := sys.discover(within(t), "anna@example.com", "anna@example.com", sys.boxes["anna@example.com"]); err != nil || at.web != "https://mail.example.com/owa/" || at.group != "Site-1" {
					t.Errorf("the place is %+v, %v", at, err)
				}
				if got := d.operations(); got != "" {
					t.Errorf("it is looked up again: %s", got)
				}
				return
			}
			e, ok := errors.AsType[*source.Error](err)
			if !ok || e.Kind != tc.kind || !strings.Contains(e.Text, tc.says) {
				t.Errorf("it says %v (%+v), want %v and %q", err, e, tc.kind, tc.says)
			}
		})
	}
}

// A mailbox that was moved is looked for, once, and the calendar is read where it is.
func TestMovedMailboxIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.soap = func(string) string { return fmt.Sprintf(discovered, "NoError", "", d.URL+"/EWS/Exchange.asmx") }
	sys := d.system(nil)
	if _, err := sys.Fetch(within(t), march("anna@example.com")); err != nil {
		t.Fatal(err)
	}
	d.operations()
	first := true
	d.broken = func(w http.ResponseWriter) bool {
		if !first {
			return false
		}
		first = false
		faulting(w, "ErrorMailboxFailover", "")
		return true
	}
	if _, err := sys.Fetch(within(t), march("anna@example.com")); err != nil {
		t.Fatal(err)
	}
	if got, want := d.operations(), "SyncFolderItems GetUserSettingsRequestMessage SyncFolderItems FindItem"; got != want {
		t.Errorf("it is asked for %q, want %q", got, want)
	}
}

// Mailboxes of several servers are found, heard of in groups of their own, and found again after a move.
func TestDiscoveryOfAnOrganisation(t *testing.T) {
	t.Parallel()
	for name, pox := range map[string]bool{"settings": false, "settings of Outlook": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 9
			o := newOffice(t, n, exchangetest.Config{Servers: []string{"mbx1", "mbx2", "mbx3"}, TLS: true, Auth: []string{"NTLM"}, ChannelBinding: true}, nil)
			o.sys = newSystem(t, "", func(c *Config) {
				c.URL, c.Domains, c.AutodiscoverURL = "", []string{"example.test"}, o.server.SOAPDiscovery()
				c.Auth, c.Domain, c.Client, c.AllowPlain = AuthNTLM, "EXAMPLE", trusting(t, o.server), false
			})
			if pox {
				o.sys.ways["example.test"] = way{o.server.XMLDiscovery(), true}
			}
			o.server.SetRedirect(person0(8), exchangetest.Redirect{URL: "http://127.0.0.1:1" + soapPath})
			from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
			r := o.read(from, from.AddDate(0, 0, 7), everybody(8)...)
			r.w.hears(everybody(8)...)
			r.w.wait("three connections", func() bool { return o.server.Counters().Streams == 3 })
			if err := o.server.MoveMailbox(person0(3), "mbx2"); err != nil {
				t.Fatal(err)
			}
			o.put(3, meeting("moved", from))
			r.w.wait("it to be read", func() bool { return r.subjects(3) == "moved" })
			r.w.hears(everybody(8)...)
			o.put(3, meeting("settled", from.Add(time.Hour)))
			r.w.wait("it to be read", func() bool { return r.subjects(3) == "moved, settled" })
			// Where anybody on the way could have sent it, the password does not go.
			_, err := o.sys.Fetch(within(t), march(person0(8)))
			if e, ok := errors.AsType[*source.Error](err); !ok || !strings.Contains(e.Text, "not https") {
				t.Errorf("sent on to plain http, it says %v", err)
			}
			for mailbox, ok := range map[string]bool{person0(0): true, "": true, "nobody@example.test": false, "anna@elsewhere.test": false} {
				steps := o.sys.Check(within(t), mailbox)
				if last := steps[len(steps)-1]; last.OK != ok || steps[0].Name != "autodiscover" {
					t.Errorf("checked for %q, it finds %+v", mailbox, steps)
				}
			}
		})
	}
}
