// Package domino reads the calendars of an HCL Domino server through its REST service, Domino Access Services (DAS). A
// System is one server, read as one technical user who may read everybody's mail file. Domino tells nobody of changes:
// its calendars are polled.
//
// What is read is the list of events in JSON. It is the cheap and the reliable form: the service makes it of the
// calendar view, without opening documents, and each occurrence of a series stands in it by itself, with its
// recurrenceId, as the server's own expansion has it (Notes C API, CalReadRange; the service's published source,
// EventCollectionResource). Three things about that list are easily got wrong. It holds what begins in the span that is
// asked for, not what reaches into it, so it is asked for from a month earlier. More than 100 entries are not handed
// out at once. And where the next page begins is said by Content-Range: entries of the view that give no event count
// too. Appointments that were declined, tasks and drafts of series are not in the list. That it could leave fields out
// is not made use of: versions before 9.0.1 FP8 cannot, and those after spell recurrenceId in two ways.
//
// The description of the service does not say that series come expanded. Should one come as a series, with its
// recurrenceRule, it is read as a whole in iCalendar, with its exceptions and its time zone, and package calendar
// expands it: one question for a series, where its list of instances knows neither changed occurrences nor daylight
// saving, ends after ten years and would need a question for each.
//
// Who the mail files belong to and when they are read is up to the caller.
package domino

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Config is one server. URL, Username, Password and MailFile are required.
type Config struct {
	URL       string // of the server: https://mail.example.com. A path in it is kept, for servers behind a proxy
	AllowHTTP bool   // the URL may begin with http://: the password then goes over the network in clear text

	// Username and Password are those of a technical user with an Internet password. They are sent with HTTP Basic; to a
	// server that does not take that, because it signs people in with a form only, they are handed in there once, for a
	// cookie.
	Username string
	Password string

	// MailFile says where somebody's mail file is, from the server's data folder: mail/{local}.nsf. {local} is the
	// e-mail address up to the @, {email} the whole of it, and {login} is Account.Mailbox as it is handed in, for
	// callers who hand in something else than addresses. An Account.Mailbox that ends in .nsf is such a path itself.
	MailFile string

	Limit int // questions about calendars under way at a time; zero: 10

	HTTP *outbound.Client // nil: one of this System's own, which reaches the public internet only
	Log  *slog.Logger     // nil: slog.Default

	timing timing // for tests
}

// timing is how long things take. Zero values mean what withDefaults says.
type timing struct {
	backoff gate.Backoff
	polled  time.Duration // Result.Every
	refused time.Duration // between two tries to sign in with a password that was not taken, so that nobody is locked out
	page    int           // entries asked for at a time
}

func (t timing) withDefaults() timing {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&t.polled, 5*time.Minute)
	set(&t.refused, 5*time.Minute)
	if t.page == 0 {
		t.page = 100 // the most that the service hands out (EventCollectionResource)
	}
	return t
}

// System implements source.System. Close it when done with it.
type System struct {
	c     Config
	base  *url.URL // with a path that ends in a slash
	http  *outbound.Client
	owned bool // http is closed with the System
	log   *slog.Logger
	t     timing
	life  context.Context // ends with Close
	end   context.CancelFunc

	sign  signIn
	gate  *gate.Gate
	boxes *gate.Boxes[*box]
}

const defaultLimit = 10

// New returns a system, or an Invalid fault.Error that names the fields of Config that are wrong, as the configuration
// spells them: url, username, password, mail_file, limit. It asks the server nothing yet.
func New(c Config) (*System, error) {
	var bad fault.Fields
	s := &System{t: c.timing.withDefaults(), log: c.Log, http: c.HTTP}
	c.URL, c.Username = strings.TrimSpace(c.URL), strings.TrimSpace(c.Username)
	var why string
	if s.base, why = parseAddress(c.URL, c.AllowHTTP); why != "" {
		bad.Add("url", "%s", why)
	}
	switch {
	case c.Username == "":
		bad.Add("username", "must not be empty: it is a technical user who may read the mail files")
	case strings.ContainsFunc(c.Username, control) || len(c.Username) > 500:
		bad.Add("username", "is no user name")
	case strings.Contains(c.Username, ":"):
		bad.Add("username", "must not contain a colon (RFC 7617)")
	}
	switch {
	case c.Password == "":
		bad.Add("password", "must not be empty: it is the Internet password in the person document of the technical user")
	case strings.ContainsFunc(c.Password, control) || len(c.Password) > 500:
		bad.Add("password", "contains characters that no password has")
	}
	if c.MailFile, why = parsePattern(c.MailFile); why != "" {
		bad.Add("mail_file", "%s", why)
	}
	if c.Limit < 0 || c.Limit > 100 {
		bad.Add("limit", "must be from 1 to 100: so many requests are under way at a time")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if c.Limit == 0 {
		c.Limit = defaultLimit
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.http == nil {
		s.http, s.owned = outbound.NewClient(outbound.Config{}), true
	}
	s.c = c
	s.life, s.end = context.WithCancel(context.Background())
	s.gate = gate.New(gate.Config{Limit: c.Limit, Backoff: s.t.backoff, Probe: s.probe, Silent: silent,
		Failing: "The Domino server has a problem with its mail files at the moment.",
		Crowded: source.Error{Text: "The Domino server answers so slowly that this calendar's turn did not come."}})
	s.boxes = gate.NewBoxes(func(key string) *box { return &box{Box: gate.NewBox(key, 1)} })
	s.sign.init(s.http)
	return s, nil
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// parseAddress says what is wrong with the address of a server.
func parseAddress(text string, allowHTTP bool) (*url.URL, string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, "must not be empty: it is the address of the Domino server, such as https://mail.example.com"
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, "is no address such as https://mail.example.com"
	case u.User != nil:
		return nil, "must not contain a user name or a password: they have fields of their own"
	case u.RawQuery != "" || u.Fragment != "":
		return nil, "must end before the ? or #"
	case strings.Contains(u.Path, ".nsf"):
		return nil, "must be that of the server only: where the mail files are is said by mail_file"
	case u.Scheme == "https", u.Scheme == "http" && allowHTTP:
		u.Path, u.RawPath = strings.TrimRight(u.Path, "/")+"/", ""
		return u, ""
	case u.Scheme == "http":
		return nil, "must begin with https://, because the password goes over the network; http:// has to be allowed expressly"
	}
	return nil, "must begin with https://"
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// parsePattern tidies up where mail files are, and says what is wrong with it.
func parsePattern(text string) (pattern, why string) {
	text = strings.Trim(strings.ReplaceAll(strings.TrimSpace(text), `\`, "/"), "/")
	found := placeholder.FindAllString(text, -1)
	for _, one := range found {
		if one != "{login}" && one != "{local}" && one != "{email}" {
			return "", one + " is not one of {login}, {local}, {email}"
		}
	}
	rest := placeholder.ReplaceAllString(text, "")
	switch {
	case text == "":
		return "", "must not be empty: it says where somebody's mail file is, such as mail/{local}.nsf"
	case len(found) == 0:
		return "", "must contain one of {login}, {local}, {email}: without, everybody would have the same mail file"
	case strings.ContainsAny(rest, "{}"):
		return "", "has a brace without its other one"
	case strings.ContainsFunc(rest, control) || strings.ContainsAny(rest, "?#%") || strings.Contains(text, "//") || strings.Contains("/"+rest+"/", "/../"):
		return "", "is no path such as mail/{local}.nsf"
	case !strings.HasSuffix(strings.ToLower(rest), ".nsf"):
		return "", "must end in .nsf"
	}
	return text, ""
}

// mailFile returns the path of somebody's mail file, escaped, or what is wrong with the mailbox in words.
func (s *System) mailFile(mailbox string) (path, why string) {
	const odd = "It cannot be told from the user's address where the mail file is."
	if strings.TrimSpace(mailbox) == "" {
		return "", "It is not known which mail file is to be read: the user has no e-mail address."
	}
	if len(mailbox) > 500 || strings.ContainsFunc(mailbox, control) {
		return "", odd
	}
	text := strings.Trim(strings.ReplaceAll(mailbox, `\`, "/"), "/")
	if !strings.HasSuffix(strings.ToLower(text), ".nsf") {
		local, _, isAddress := strings.Cut(mailbox, "@")
		switch {
		case strings.ContainsAny(mailbox, `/\`) || local == "" || local == "." || local == "..":
			return "", odd
		case !isAddress && strings.Contains(s.c.MailFile, "{email}"):
			return "", "It is not known which mail file is to be read: the user has no e-mail address."
		}
		text = strings.NewReplacer("{login}", mailbox, "{local}", local, "{email}", mailbox).Replace(s.c.MailFile)
	}
	parts := strings.Split(text, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", odd
		}
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/"), ""
}

// Follow implements source.System. Domino tells nobody of changes, so it does nothing.
func (s *System) Follow([]string) {}

// Watch implements source.System. Domino tells nobody of changes, so it returns nil at once.
func (s *System) Watch(context.Context, func(string)) error { return nil }

// Close gives up what is under way.
func (s *System) Close() {
	s.end()
	s.sign.close()
	if s.owned {
		s.http.CloseIdleConnections()
	}
}
