package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

const (
	maxFound = 1 << 20        // bytes of an answer
	maxHops  = 10             // redirects of all kinds for one mailbox
	placeOld = 24 * time.Hour // after which a mailbox is looked up again
)

// Paths of Autodiscover: of GetUserSettings (MS-OXWSADISC), and of the older one in plain XML (MS-OXDSCLI).
const (
	soapPath = "/autodiscover/autodiscover.svc"
	poxPath  = "/autodiscover/autodiscover.xml"
)

const (
	nsDiscover   = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	nsAddressing = "http://www.w3.org/2005/08/addressing"
	actionGet    = nsDiscover + "/Autodiscover/GetUserSettings"
	nsRequest    = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	nsResponse   = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

// way is an Autodiscover service.
type way struct {
	url string
	pox bool
}

// found is what Autodiscover says of a mailbox: where it is, or where else to ask.
type found struct {
	external, internal string // addresses of the services
	web, group         string
	address            string // ask for this one
	url                string // ask there
}

// discover returns where a mailbox is served, by Autodiscover if that is not known. Only servers whose certificate is good are
// believed, and they are trusted with the account's sign-in, as are those they send on to by https; a plain http redirect, which
// anybody on the way could make up, is not asked for.
func (s *System) discover(ctx context.Context, key, mailbox string, b *box) (*endpoint, error) {
	if b != nil {
		s.mu.Lock()
		at, placed := b.place, b.placed
		s.mu.Unlock()
		if at != nil && time.Since(placed) < placeOld {
			return at, nil
		}
	}
	at, err := s.search(ctx, key, mailbox, false)
	if err != nil {
		if f, ok := errors.AsType[*failure](err); ok && b != nil && !f.told.Whole {
			s.rest(b, f.wait, f.told)
		}
		return nil, err
	}
	if b != nil {
		s.mu.Lock()
		b.place, b.placed = at, time.Now()
		s.mu.Unlock()
	}
	return at, nil
}

// search asks the services that may know a mailbox, the one first that has known others of its domain.
func (s *System) search(ctx context.Context, key, mailbox string, force bool) (*endpoint, error) {
	_, domain, _ := strings.Cut(key, "@")
	if !slices.Contains(s.c.Domains, domain) {
		return nil, unknownDomain()
	}
	s.mu.Lock()
	known, ok := s.ways[domain]
	s.mu.Unlock()
	var all []way
	if ok {
		all = append(all, known)
	}
	for _, base := range s.bases(domain) {
		for _, w := range []way{{base + soapPath, false}, {base + poxPath, true}} {
			if w != known {
				all = append(all, w)
			}
		}
	}
	var first error
	for _, w := range all {
		at, err := s.follow(ctx, key, mailbox, w, force)
		if err == nil {
			s.mu.Lock()
			s.ways[domain] = w
			s.mu.Unlock()
			return at, nil
		}
		f, ok := errors.AsType[*failure](err)
		if first == nil || tells(f) > tells2(first) {
			first = err
		}
		// What is said of the mailbox itself is final, and a password that is not accepted is not tried elsewhere.
		if ctx.Err() != nil || ok && (f.scope == ofMailbox || f.scope == ofSignIn) {
			return nil, err
		}
	}
	s.mu.Lock()
	delete(s.ways, domain)
	s.mu.Unlock()
	return nil, first
}

// tells ranks failures by what they say to an administrator: a server that answers says more than one that is not
// there.
func tells(f *failure) int {
	switch {
	case f == nil:
		return 0
	case f.told.Status != 0 && f.told.Status != http.StatusNotFound:
		return 3
	case f.told.Status == 0 && f.scope == ofServer:
		return 1
	}
	return 2
}

func tells2(err error) int {
	f, _ := errors.AsType[*failure](err)
	return tells(f)
}

func unknownDomain() *failure {
	return &failure{scope: ofMailbox, told: &source.Error{Kind: source.NotFound, Err: errors.New("exchange: mail domain not listed"),
		Text: "No Exchange server is looked up for the mail domain of this address. An administrator can add the domain."}}
}

// bases are scheme and host of the services for a domain.
func (s *System) bases(domain string) []string {
	if s.c.AutodiscoverURL != "" {
		u, err := url.Parse(s.c.AutodiscoverURL)
		if err != nil {
			panic(err) // New has read it
		}
		return []string{u.Scheme + "://" + u.Host}
	}
	all := []string{"https://autodiscover." + domain}
	if s.c.Auth == AuthNTLM || s.c.Auth == AuthKerberos {
		all = append(all, "https://"+domain)
	}
	return all
}

// follow asks one service, and those it sends on to.
func (s *System) follow(ctx context.Context, key, mailbox string, w way, force bool) (*endpoint, error) {
	address := mailbox
	lost := func(format string, args ...any) error {
		return &failure{scope: ofNobody, told: &source.Error{Kind: source.NotFound, Text: fmt.Sprintf(format, args...), Err: errors.New("exchange: autodiscover leads nowhere")}}
	}
	for range maxHops {
		u, err := url.Parse(w.url)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && s.c.AllowPlain) {
			return nil, lost("Autodiscover sends on to an address that is not https.")
		}
		r := request{key: key, at: &endpoint{url: u}, route: route{anchor: address}, force: force}
		if w.pox {
			r.raw = poxRequest(address)
		} else {
			r.raw, r.action = soapRequest(u.String(), address), actionGet
		}
		resp, body, f := s.lookup(ctx, r)
		if f != nil {
			return nil, f
		}
		if resp.StatusCode >= 300 && resp.StatusCode < 400 {
			next, err := u.Parse(resp.Header.Get("Location"))
			if err != nil || resp.Header.Get("Location") == "" {
				return nil, lost("%s redirects, but does not say where.", u.Hostname())
			}
			w.url = next.String()
			continue
		}
		var got found
		if w.pox {
			got, f = s.readPOX(body, u.Hostname())
		} else {
			got, f = s.readSOAP(body, u.Hostname())
		}
		switch {
		case f != nil:
			return nil, f
		case got.address != "":
			_, domain, _ := strings.Cut(strings.ToLower(got.address), "@")
			if !slices.Contains(s.c.Domains, domain) {
				return nil, unknownDomain()
			}
			address = got.address
			if s.c.AutodiscoverURL == "" && !strings.HasSuffix(u.Hostname(), domain) {
				w.url = s.bases(domain)[0] + map[bool]string{false: soapPath, true: poxPath}[w.pox]
			}
			continue
		case got.url != "":
			w.url = got.url
			continue
		}
		return s.place(got, u.Hostname())
	}
	return nil, lost("Autodiscover sends on more than %d times.", maxHops)
}

// place makes an endpoint of what was found.
func (s *System) place(got found, where string) (*endpoint, error) {
	for _, address := range []string{got.external, got.internal} {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && s.c.AllowPlain) {
			continue
		}
		at := &endpoint{url: u, web: s.web, group: clip(got.group)}
		if web, err := url.Parse(got.web); at.web == "" && err == nil && web.Scheme == "https" && web.Host != "" && web.User == nil {
			at.web = strings.TrimSuffix(web.String(), "/") + "/"
		}
		// Thousands of mailboxes share a few places.
		name := placeOf(at) + " " + at.web
		s.mu.Lock()
		defer s.mu.Unlock()
		if known := s.places[name]; known != nil {
			return known, nil
		}
		if len(s.places) < 1000 {
			s.places[name] = at
		}
		return at, nil
	}
	return nil, &failure{scope: ofMailbox, told: &source.Error{Kind: source.NotFound, Err: errors.New("exchange: autodiscover names no service"),
		Text: where + " knows the mailbox, but names no address of Exchange Web Services that begins with https. The mailbox may be in Exchange Online."}}
}

// soapRequest is GetUserSettings (MS-OXWSADISC 3.1.4.1).
func soapRequest(to, address string) []byte {
	w := &writer{}
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	w.open("s:Envelope", "xmlns:s", nsSOAP, "xmlns:a", nsDiscover, "xmlns:w", nsAddressing)
	w.open("s:Header")
	w.text("a:RequestedServerVersion", "Exchange2010")
	w.text("w:Action", actionGet)
	w.text("w:To", to)
	w.close("s:Header")
	w.open("s:Body")
	w.open("a:GetUserSettingsRequestMessage")
	w.open("a:Request")
	w.open("a:Users")
	w.open("a:User")
	w.text("a:Mailbox", address)
	w.close("a:User")
	w.close("a:Users")
	w.open("a:RequestedSettings")
	for _, name := range []string{"ExternalEwsUrl", "InternalEwsUrl", "GroupingInformation", "ExternalWebClientUrls"} {
		w.text("a:Setting", name)
	}
	w.close("a:RequestedSettings")
	w.close("a:Request")
	w.close("a:GetUserSettingsRequestMessage")
	w.close("s:Body")
	w.close("s:Envelope")
	return w.Bytes()
}

func (s *System) readSOAP(body []byte, where string) (found, *failure) {
	var answer struct {
		Fault    *soapFault `xml:"Body>Fault"`
		Response *struct {
			Code  string `xml:"ErrorCode"`
			Users []struct {
				Code     string `xml:"ErrorCode"`
				Redirect string `xml:"RedirectTarget"`
				Settings []struct {
					Name  string   `xml:"Name"`
					Value string   `xml:"Value"`
					Web   []string `xml:"WebClientUrls>WebClientUrl>Url"`
				} `xml:"UserSettings>UserSetting"`
			} `xml:"UserResponses>UserResponse"`
		} `xml:"Body>GetUserSettingsResponseMessage>Response"`
	}
	if err := decode(body, &answer); err != nil {
		return found{}, notDiscover(where, err)
	}
	if answer.Fault != nil || answer.Response == nil {
		return found{}, notDiscover(where, errors.New("a fault"))
	}
	code := strings.TrimSpace(answer.Response.Code)
	if (code == "" || code == "NoError") && len(answer.Response.Users) == 1 {
		code = strings.TrimSpace(answer.Response.Users[0].Code)
	}
	if len(answer.Response.Users) != 1 && (code == "" || code == "NoError") {
		return found{}, notDiscover(where, errors.New("not one answer"))
	}
	switch code {
	case "", "NoError":
	case "RedirectAddress":
		return found{address: strings.TrimSpace(answer.Response.Users[0].Redirect)}, nil
	case "RedirectUrl":
		return found{url: strings.TrimSpace(answer.Response.Users[0].Redirect)}, nil
	default:
		return found{}, refusedDiscover(where, code)
	}
	var got found
	for _, one := range answer.Response.Users[0].Settings {
		value := strings.TrimSpace(one.Value)
		switch strings.TrimSpace(one.Name) {
		case "ExternalEwsUrl":
			got.external = value
		case "InternalEwsUrl":
			got.internal = value
		case "GroupingInformation":
			got.group = value
		case "ExternalWebClientUrls":
			if len(one.Web) > 0 {
				got.web = strings.TrimSpace(one.Web[0])
			}
		}
	}
	return got, nil
}

// poxRequest asks for the settings of Outlook (MS-OXDSCLI 2.2.3).
func poxRequest(address string) []byte {
	w := &writer{}
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	w.open("Autodiscover", "xmlns", nsRequest)
	w.open("Request")
	w.text("EMailAddress", address)
	w.text("AcceptableResponseSchema", nsResponse)
	w.close("Request")
	w.close("Autodiscover")
	return w.Bytes()
}

func (s *System) readPOX(body []byte, where string) (found, *failure) {
	var answer struct {
		Error *struct {
			Code string `xml:"ErrorCode"`
		} `xml:"Response>Error"`
		Account *struct {
			Action    string `xml:"Action"`
			Address   string `xml:"RedirectAddr"`
			URL       string `xml:"RedirectUrl"`
			Protocols []struct {
				Type  string   `xml:"Type"`
				EWS   string   `xml:"EwsUrl"`
				Group string   `xml:"GroupingInformation"`
				Web   []string `xml:"External>OWAUrl"`
			} `xml:"Protocol"`
		} `xml:"Response>Account"`
	}
	if err := decode(body, &answer); err != nil {
		return found{}, notDiscover(where, err)
	}
	switch {
	case answer.Error != nil:
		switch code := strings.TrimSpace(answer.Error.Code); code {
		case "500": // MS-OXDSCLI 2.2.4.1.1.3: the address is not known
			return found{}, refusedDiscover(where, "InvalidUser")
		default:
			return found{}, refusedDiscover(where, "Error"+safeCode(code))
		}
	case answer.Account == nil:
		return found{}, notDiscover(where, errors.New("no account"))
	}
	switch a := answer.Account; strings.ToLower(strings.TrimSpace(a.Action)) {
	case "redirectaddr":
		return found{address: strings.TrimSpace(a.Address)}, nil
	case "redirecturl":
		return found{url: strings.TrimSpace(a.URL)}, nil
	}
	var got found
	for _, p := range answer.Account.Protocols {
		ews, group := strings.TrimSpace(p.EWS), strings.TrimSpace(p.Group)
		switch strings.ToUpper(strings.TrimSpace(p.Type)) {
		case "EXPR", "EXHTTP":
			if got.external == "" {
				got.external = ews
			}
		case "EXCH":
			got.internal = ews
		case "WEB":
			if len(p.Web) > 0 {
				got.web = strings.TrimSpace(p.Web[0])
			}
		}
		if group != "" {
			got.group = group
		}
	}
	return got, nil
}

// notDiscover is for what does not answer as Autodiscover does; another may.
func notDiscover(where string, err error) *failure {
	return &failure{scope: ofNobody, told: &source.Error{Kind: source.NotFound, Text: where + " does not answer as Autodiscover does.",
		Err: fmt.Errorf("%s: autodiscover: %w", where, err)}}
}

// refusedDiscover is for an ErrorCode of Autodiscover (MS-OXWSADISC 2.2.5.1).
func refusedDiscover(where, code string) *failure {
	f := &failure{code: code, scope: ofMailbox, told: &source.Error{Err: fmt.Errorf("%s answers %s", where, safeCode(code))}}
	switch code {
	case "InvalidUser", "InvalidDomain", "InvalidRequest":
		f.told.Kind, f.told.Text = source.NotFound, "Autodiscover on "+where+" knows no mailbox with this address."
	case "ServerBusy":
		f.told.Kind, f.told.Text = source.Unavailable, "Autodiscover on "+where+" is busy and asked to be left alone for a while."
		f.scope = ofNobody
	default:
		f.told.Kind, f.told.Text = source.Unavailable, "Autodiscover on "+where+" has a problem at the moment ("+safeCode(code)+")."
		f.scope = ofNobody
	}
	return f
}
