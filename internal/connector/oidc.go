package connector

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/openid"
	"github.com/doorlight/doorlight/internal/store"
)

// OIDC are the settings of a sign-in provider.
type OIDC struct {
	Issuer          string   `json:"issuer" minLength:"1" maxLength:"1000" doc:"Exactly as in the provider's tokens, such as https://login.example.com/realms/office. The secret of the connector is that of the client."`
	ClientID        string   `json:"client_id" minLength:"1" maxLength:"255"`
	Scopes          []string `json:"scopes,omitempty" maxItems:"20" doc:"Asked for beside openid. Absent: profile and email."`
	Match           string   `json:"match,omitempty" enum:"login,email,directory" default:"login" doc:"What the claim is compared with when somebody comes for the first time: their login here, their e-mail address, or their identifier in the directory that they come from. From then on the provider's own identifier counts."`
	Claim           string   `json:"claim,omitempty" maxLength:"100" doc:"Absent: preferred_username for login, email for email, sub for directory."`
	Directory       string   `json:"directory,omitempty" maxLength:"64" doc:"The connector whose identifiers are compared, for match directory."`
	UnverifiedEmail bool     `json:"unverified_email,omitempty" doc:"Match an e-mail address also if the provider does not say that it was verified. Only for providers whose people cannot set it themselves, such as the own directory of Entra ID."`
	Administrators  bool     `json:"administrators,omitempty" doc:"Match administrators too. Otherwise they connect their account themselves, signed in with their password: whoever can choose a name at the provider is no administrator by it."`
	SessionHours    int      `json:"session_hours,omitempty" minimum:"0" maximum:"720" doc:"How long a sign-in lasts. 0: 720."`
}

// Ways to find who comes for the first time.
const (
	matchLogin     = "login"
	matchEmail     = "email"
	matchDirectory = "directory"
)

func (c *OIDC) match() string {
	if c.Match == "" {
		return matchLogin
	}
	return c.Match
}

func (c *OIDC) claim() string {
	if c.Claim != "" {
		return c.Claim
	}
	return map[string]string{matchLogin: "preferred_username", matchEmail: "email", matchDirectory: "sub"}[c.match()]
}

// lasts is how long a sign-in lasts; zero: as long as others.
func (c *OIDC) lasts() time.Duration { return time.Duration(c.SessionHours) * time.Hour }

func (c *OIDC) check(_ *office.Office, bad *fault.Fields) {
	switch c.match() {
	case matchLogin, matchEmail:
		if c.Directory != "" {
			bad.Add("oidc.directory", "is for match directory")
		}
	case matchDirectory:
		if c.Directory == "" {
			bad.Add("oidc.directory", "must be given for match directory")
		}
	default:
		bad.Add("oidc.match", "%q is none of login, email, directory", c.Match)
	}
	if c.SessionHours < 0 || c.SessionHours > 720 {
		bad.Add("oidc.session_hours", "must be from 0 to 720")
	}
}

func (c *OIDC) sameWay(as *Settings) bool {
	return strings.TrimSpace(c.Issuer) == strings.TrimSpace(as.OIDC.Issuer)
}

// open makes the provider that the settings describe.
func (c *OIDC) open(secret string, cs *Connectors) (*openid.Provider, error) {
	scopes := c.Scopes
	if len(scopes) == 0 {
		scopes = []string{"profile", "email"}
	}
	p, err := openid.New(openid.Config{
		Issuer: c.Issuer, ClientID: c.ClientID, Secret: secret, Claim: c.claim(), HTTP: cs.http,
		Scopes: slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == "openid" }),
	})
	var told *fault.Error
	if errors.As(err, &told) {
		var bad fault.Fields
		for _, f := range told.Fields {
			bad.Add("oidc."+f.Path, "%s", f.Message)
		}
		return nil, bad.Err()
	}
	return p, err
}

// Refusal is why somebody who comes from a provider is not let in. It is one word for the browser's page; Detail is for
// administrators.
type Refusal struct {
	Why    string // a Refused constant
	Detail string
	Person string // who fits; empty: nobody, or several
}

func (r *Refusal) Error() string { return "sign-in refused: " + r.Why + ": " + r.Detail }

// Why somebody is not let in.
const (
	RefusedDenied     = "denied"      // there, by the provider or themselves
	RefusedExpired    = "expired"     // the attempt is too old, or not of this browser
	RefusedProvider   = "provider"    // the provider cannot be reached or misbehaves
	RefusedUnknown    = "unknown"     // nobody here fits
	RefusedBlocked    = "blocked"     // who fits is blocked here
	RefusedAmbiguous  = "ambiguous"   // several fit
	RefusedUnverified = "unverified"  // the e-mail address is not known to be theirs
	RefusedOther      = "other"       // who fits is tied to another account of the provider, or the account to somebody else
	RefusedAdmin      = "admin"       // who fits is an administrator, who must connect the account themselves
	RefusedOff        = "switchedoff" // the provider is not used, or not there
)

// Providers are the sign-in providers that are used, by name.
func (c *Connectors) Providers() []Connector {
	return slices.DeleteFunc(c.All(), func(x Connector) bool { return x.OIDC == nil || !x.Enabled })
}

// signInProvider returns a sign-in provider that is used.
func (c *Connectors) signInProvider(id string) (*entry, error) {
	e, err := c.find(id)
	if err != nil || e.rec.Kind != KindOIDC || !e.rec.Enabled || e.op == nil {
		return nil, &Refusal{Why: RefusedOff, Detail: "there is no such sign-in provider that is used"}
	}
	return e, nil
}

// BeginSignIn returns an attempt to sign in with a provider, and its page. Errors are of type *Refusal.
func (c *Connectors) BeginSignIn(ctx context.Context, id, redirect string) (openid.Attempt, string, error) {
	e, err := c.signInProvider(id)
	if err != nil {
		return openid.Attempt{}, "", err
	}
	a, page, err := e.op.Begin(ctx, redirect)
	if err != nil {
		return a, "", c.refusal(ctx, e, err)
	}
	return a, page, nil
}

// SignedIn is somebody whom a provider vouches for.
type SignedIn struct {
	Person  *office.Person
	Session string        // as the provider calls it; empty: it does not tell
	For     time.Duration // zero: as long as other sign-ins
}

// FinishSignIn returns who came back from a provider. Errors are of type *Refusal, but for those of the store.
// If tie names a person, the provider's account is tied to them.
func (c *Connectors) FinishSignIn(ctx context.Context, by office.By, id string, a openid.Attempt, redirect string, answer url.Values, tie string) (SignedIn, error) {
	e, err := c.signInProvider(id)
	if err != nil {
		return SignedIn{}, err
	}
	if !c.spend(a.State) {
		return SignedIn{}, &Refusal{Why: RefusedExpired, Detail: "the attempt was used before"}
	}
	who, err := e.op.Finish(ctx, a, redirect, answer)
	if err != nil {
		return SignedIn{}, c.refusal(ctx, e, err)
	}
	c.noteUse(e.rec.ID, nil)
	var p *office.Person
	if tie == "" {
		p, err = c.whoIs(ctx, by, e, &who)
	} else {
		p, err = c.tie(ctx, by, e, who.Subject, tie)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Person: p, Session: who.SessionID, For: e.settings.OIDC.lasts()}, nil
}

// whoIs returns the person whom a provider's account belongs to, and ties the two together when it is seen first.
func (c *Connectors) whoIs(ctx context.Context, by office.By, e *entry, who *openid.Identity) (*office.Person, error) {
	if p, ok := c.office.ByIdentity(e.rec.ID, who.Subject); ok {
		if p.Blocked {
			return nil, &Refusal{RefusedBlocked, "the person is blocked", p.ID}
		}
		return p, nil
	}
	set := e.settings.OIDC
	value := who.Claim(set.claim())
	if value == "" {
		return nil, &Refusal{Why: RefusedUnknown, Detail: "the provider tells no claim " + set.claim()}
	}
	if set.claim() == "email" {
		if verified, said := who.EmailVerified(); !verified && (said || !set.UnverifiedEmail) {
			return nil, &Refusal{Why: RefusedUnverified, Detail: "the provider does not say that " + short(value) + " was verified"}
		}
	}
	if strings.ContainsAny(value, "\u212a\u017f") { // the two letters that are K and S for whoever does not look at capitals
		return nil, &Refusal{Why: RefusedUnknown, Detail: "nobody here has the " + set.match() + " " + short(value)}
	}
	var fits func(*store.Person) bool
	switch set.match() {
	case matchLogin:
		login := office.NormalLogin(value)
		fits = func(p *store.Person) bool { return p.Login == login }
	case matchEmail:
		fits = func(p *store.Person) bool { return strings.EqualFold(p.Email, value) }
	case matchDirectory:
		fits = func(p *store.Person) bool {
			return p.Directory.ConnectorID == set.Directory && p.Directory.ExternalID == value
		}
	}
	found, total, _ := c.office.Records("", "", 2, func(p *store.Person) bool { return fits(p) && !p.Blocked })
	if total == 0 {
		found, total, _ = c.office.Records("", "", 2, fits)
	}
	switch {
	case total == 0:
		return nil, &Refusal{Why: RefusedUnknown, Detail: "nobody here has the " + set.match() + " " + short(value)}
	case total > 1:
		return nil, &Refusal{Why: RefusedAmbiguous, Detail: "several people here have the " + set.match() + " " + short(value)}
	case found[0].Blocked:
		return nil, &Refusal{RefusedBlocked, "the person is blocked", found[0].ID}
	}
	if found[0].Role != office.RoleUser && !set.Administrators {
		return nil, &Refusal{RefusedAdmin, "the person is an administrator", found[0].ID}
	}
	by.Actor = found[0].ID
	return c.tie(ctx, by, e, who.Subject, found[0].ID)
}

// tie ties a provider's account to somebody.
func (c *Connectors) tie(ctx context.Context, by office.By, e *entry, subject, id string) (*office.Person, error) {
	p, ok := c.office.Person(id)
	if !ok || p.Blocked {
		return nil, &Refusal{RefusedBlocked, "the person is blocked or gone", id}
	}
	err := c.office.Tie(ctx, by, e.rec.ID, subject, id)
	var told *fault.Error
	if errors.As(err, &told) && told.Kind == fault.Conflict {
		return nil, &Refusal{RefusedOther, told.Public, id}
	}
	return p, err
}

// refusal says why a provider did not vouch for anybody, and notes if it is the provider's fault.
func (c *Connectors) refusal(ctx context.Context, e *entry, err error) error {
	var told *openid.Error
	if !errors.As(err, &told) {
		return err
	}
	why := RefusedProvider
	switch told.Kind {
	case openid.Refused:
		why = RefusedDenied
	case openid.Stale:
		why = RefusedExpired
	default:
		if !told.Doubtful && ctx.Err() == nil { // what a browser brings, or its going away, says nothing about the provider
			c.log.WarnContext(ctx, "nobody can sign in with a provider", "connector", e.rec.ID, "err", err)
			c.noteUse(e.rec.ID, err)
		}
	}
	return &Refusal{Why: why, Detail: told.Text}
}

// SignedOut returns the sessions that end because a provider says that somebody has signed out there.
func (c *Connectors) SignedOut(ctx context.Context, id, token string) ([]store.Session, error) {
	e, err := c.signInProvider(id)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "there is no sign-in provider %q that is used", id)
	}
	out, err := e.op.Logout(ctx, token)
	if err != nil {
		var told *openid.Error
		if errors.As(err, &told) && told.Kind == openid.Unreachable {
			return nil, fault.Wrap(fault.Unavailable, err, "%s", told.Text)
		}
		return nil, fault.Wrap(fault.Unauthorized, err, "the logout token is not good")
	}
	var ended []store.Session
	if out.SessionID != "" {
		if ended, err = c.store.ProviderSessions(ctx, e.rec.ID, out.SessionID, time.Now()); err != nil {
			return nil, err
		}
	}
	p, ok := c.office.ByIdentity(e.rec.ID, out.Subject)
	if !ok || out.Subject == "" {
		return ended, nil
	}
	all, err := c.store.Sessions(ctx, p.ID, time.Now())
	for _, s := range all { // those of one sign-in there only, if it says which; unless it said nothing when they began
		if s.ConnectorID == e.rec.ID && (out.SessionID == "" || s.ProviderSession == "") {
			ended = append(ended, s)
		}
	}
	return ended, err
}

// spend reports whether an attempt is used for the first time. Tickets are used up in the browser; whoever keeps one shall not
// have the provider asked again and again.
func (c *Connectors) spend(state string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if until, again := c.spent[state]; again && now.Before(until) {
		return false
	}
	if len(c.spent) >= mostSpent {
		maps.DeleteFunc(c.spent, func(_ string, until time.Time) bool { return !now.Before(until) })
	}
	if len(c.spent) >= mostSpent {
		clear(c.spent)
	}
	c.spent[state] = now.Add(attemptFor)
	return true
}

// mostSpent bounds the attempts that are remembered.
const mostSpent = 50_000

// Knows reports whether a provider that is used knows somebody.
func (c *Connectors) Knows(id, personID string) bool {
	if _, err := c.signInProvider(id); err != nil {
		return false
	}
	return slices.ContainsFunc(c.office.Identities(personID), func(v store.Identity) bool { return v.ConnectorID == id })
}

// short cuts what a stranger may have chosen to what fits into a sentence.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 120 {
		text = string(r[:120]) + "…"
	}
	return text
}

// attemptFor is how long somebody may take to sign in at a provider.
const attemptFor = 15 * time.Minute

// Ticket is what the browser keeps of an attempt to sign in.
type Ticket struct {
	openid.Attempt
	To      string    `json:"to"`             // the page to go on with
	Tie     string    `json:"tie,omitempty"`  // whom the account is to be tied to; empty: whom it fits
	Purpose string    `json:"for,omitempty"`  // of accounts: a Purpose constant
	Keep    bool      `json:"keep,omitempty"` // of accounts for Teams: the sign-in is to be remembered
	Expires time.Time `json:"expires"`
}

// Seal makes of a ticket what only this server can read, for only this provider, and for a while.
func (c *Connectors) Seal(id string, t Ticket) (text string, expires time.Time) {
	t.Expires = time.Now().Add(attemptFor)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // browsers keep no long cookies
	encoder.Encode(t)            // plain data, into memory
	return base64.RawURLEncoding.EncodeToString(c.box.Seal(b.String(), "sign-in/"+id)), t.Expires
}

// Unseal is the reverse; ok is false if it is not what Seal made for this provider, or too old.
func (c *Connectors) Unseal(id, text string) (t Ticket, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Ticket{}, false
	}
	plain, err := c.box.Open(b, "sign-in/"+id)
	if err != nil || json.Unmarshal([]byte(plain), &t) != nil || time.Now().After(t.Expires) {
		return Ticket{}, false
	}
	return t, true
}
