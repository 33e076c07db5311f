package domino

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Steps of Check, in this order. Later ones are left out where they need an earlier one.
const (
	StepServer   = "server"   // there is such a name, and a web server behind it
	StepTLS      = "tls"      // the connection is encrypted, and the certificate proves whose it is
	StepSignIn   = "sign_in"  // the server takes user name and password
	StepService  = "service"  // the calendar service is enabled
	StepMailFile = "mailfile" // the user's mail file is where it should be
	StepAccess   = "access"   // it can be read
	StepCalendar = "calendar" // so can the calendar in it
)

// Check implements source.System. The names of its steps are the constants above. It asks the server anew, whatever is
// known of it, and changes nothing there. To find out whether the server looks at HTTP Basic at all, it tries a user that
// cannot exist, so that nobody is locked out.
func (s *System) Check(ctx context.Context, mailbox string) []source.Step {
	c := &checker{s: s, host: s.base.Hostname()}
	if c.reach(ctx) && c.signIn(ctx) && c.service(ctx) && strings.TrimSpace(mailbox) != "" {
		c.read(ctx, mailbox)
	}
	return c.steps
}

type checker struct {
	s      *System
	host   string
	steps  []source.Step
	cookie string // empty: Basic
}

// add enters a step; without a remedy it is well.
func (c *checker) add(name, found, remedy string) bool {
	c.steps = append(c.steps, source.Step{Name: name, Server: c.host, OK: remedy == "", Found: found, Remedy: remedy})
	return remedy == ""
}

const (
	later        = "Try again in a few minutes."
	checkNetwork = "Compare the address with that of the web server in the server document (Ports, Internet Ports, Web), see that the server runs its HTTP task, and let this server reach it: look at the name servers and at the firewall. A proxy is not used."
	trust        = "Give the Domino server a certificate that is made out to this name and comes from an authority this server trusts, or have this server trust the authority. Where the address names a host that others share, enter the name that the certificate has."
	enable       = "Enable it in the Domino directory. With Internet Site documents: Web, Internet Sites, the web site's document, Configuration, Domino Access Services, Enabled services: add Calendar. " +
		"Without: in the server document, Internet Protocols, Domino Web Engine, Domino Access Services, Enabled services. Then enter on the server's console: restart task http"
)

// broken enters a step that failed for an error of the connection, or of signing in.
func (c *checker) broken(name string, err error) bool {
	e := source.Failure(err).(*source.Error)
	return c.add(name, e.Text, later)
}

// reach tries the name, the connection and its encryption.
func (c *checker) reach(ctx context.Context) bool {
	resp, err := c.s.http.Do(ctx, outbound.Request{URL: c.s.base.JoinPath("api"), MaxBody: maxAnswer})
	if e, ok := errors.AsType[*outbound.Error](err); ok {
		switch e.Kind {
		case outbound.Untrusted:
			c.add(StepServer, "The server answers.", "")
			return c.add(StepTLS, e.Text, trust)
		case outbound.NotAllowed:
			return c.add(StepServer, e.Text, "Allow connections into private networks, or to this address, in the configuration of this server.")
		}
		return c.add(StepServer, e.Text, checkNetwork)
	}
	if err != nil {
		return c.broken(StepServer, err)
	}
	if resp.Status >= 500 {
		return c.add(StepServer, fmt.Sprintf("The server answers, but has a problem at the moment (%d).", resp.Status), later)
	}
	c.add(StepServer, "The server answers.", "")
	if c.s.base.Scheme != "https" {
		return c.add(StepTLS, "The connection is not encrypted, as was allowed: the password and all appointments can be read on the way.", "")
	}
	return c.add(StepTLS, "The connection is encrypted, and the certificate is the server's.", "")
}

// signIn finds out in which way the server takes the password, and whether it does.
func (c *checker) signIn(ctx context.Context) bool {
	const wrong = "Correct the user name and the password here. The password is the Internet password in the person document of the technical user in the Domino directory; the user name is its full name, its short name or its e-mail address. " +
		"Too many wrong passwords lock a user out: look at the view Internet Lockout of inetlockout.nsf."
	list := c.s.do(ctx, call{path: "api", limit: maxAnswer}, "")
	switch {
	case list.failure != nil:
		return c.broken(StepSignIn, list.failure)
	case list.stranger() && list.asksBasic():
		return c.add(StepSignIn, "The server does not accept the user name or the password.", wrong)
	case list.status == http.StatusNotFound: // then nothing tells whether the password is right
		return c.none()
	case !list.stranger():
		nobody := c.nobody(ctx)
		if nobody.failure != nil {
			return c.broken(StepSignIn, nobody.failure)
		}
		if nobody.stranger() { // so it looks at passwords
			return c.add(StepSignIn, "The technical user signs in with HTTP Basic.", "")
		}
	}
	cookie, err := c.s.signInByForm(ctx)
	if err != nil {
		e := source.Failure(err).(*source.Error)
		remedy := later
		switch e.Kind {
		case source.Credentials:
			remedy = wrong
		case source.Other:
			remedy = "In the web site's document, or in the server document, choose single server or multiple servers (SSO) for session authentication, or add an override of session authentication for /api and the mail files, so that HTTP Basic is taken there."
		}
		return c.add(StepSignIn, e.Text, remedy)
	}
	c.cookie = cookie
	return c.add(StepSignIn, "The technical user signs in with the server's form: it does not take HTTP Basic.", "")
}

func (c *checker) none() bool {
	return c.add(StepService, "The server has no Domino Access Services (404).", "They are part of Domino since 9.0.1; see that the address is that of a Domino server, and that what stands before it passes the path /api on.")
}

// nobody asks as a user that cannot exist.
func (c *checker) nobody(ctx context.Context) answer {
	return c.s.doAs(ctx, call{path: "api", limit: maxAnswer}, "nobody-"+rand.Text(), rand.Text(), "")
}

// service looks the calendar service up in the list of services.
func (c *checker) service(ctx context.Context) bool {
	a := c.s.do(ctx, call{path: "api", limit: maxAnswer}, c.cookie)
	list, err := parseServices(a)
	switch {
	case a.failure != nil:
		return c.broken(StepService, a.failure)
	case a.status == http.StatusForbidden:
		return c.add(StepService, "Domino Access Services are not enabled on this server (403).", enable)
	case a.status == http.StatusNotFound:
		return c.none()
	case a.status != http.StatusOK:
		return c.add(StepService, fmt.Sprintf("The server does not tell which services it has (%d).", a.status), later)
	case err != nil:
		return c.add(StepService, "The server's list of services is none: the address may be that of something else.", "Compare the address with that of the Domino server: its list of services is at /api.")
	}
	switch there, enabled := list.calendar(); {
	case !there:
		return c.add(StepService, "Domino Access Services have no calendar service on this server.", "It is part of Domino since 9.0.1: update the server.")
	case !enabled:
		return c.add(StepService, "The calendar service is there, but not enabled.", enable)
	}
	return c.add(StepService, "The calendar service is enabled.", "")
}

// services is the list of services of a server (DasServlet.getServicesResponse).
type services struct {
	Services []struct {
		Name    string `json:"name"`
		Enabled bool   `json:"enabled"`
	} `json:"services"`
}

func parseServices(a answer) (list services, err error) {
	if err := json.Unmarshal(a.body, &list); err != nil {
		return list, errors.New("domino: a list of services that is none")
	}
	return list, nil
}

func (s services) calendar() (there, enabled bool) {
	for _, one := range s.Services {
		if strings.EqualFold(one.Name, "Calendar") {
			return true, one.Enabled
		}
	}
	return false, false
}

// read reads a few days of a calendar.
func (c *checker) read(ctx context.Context, mailbox string) {
	file, why := c.s.mailFile(mailbox)
	if why != "" {
		c.add(StepMailFile, why, "Correct the user's e-mail address, or where mail files are.")
		return
	}
	now := time.Now()
	a := c.s.do(ctx, call{path: listPath(file, now.Add(-24*time.Hour), now.Add(48*time.Hour), 0, c.s.t.page), limit: maxPage}, c.cookie)
	place := "/" + file
	detail := ""
	if r := a.refusal(); r != nil && r.message != "" {
		detail = fmt.Sprintf(" (%d, %.200s)", r.status, strings.Join(strings.Fields(r.message), " "))
	} else if r != nil {
		detail = fmt.Sprintf(" (%d)", r.status)
	}
	switch {
	case a.failure != nil:
		c.broken(StepMailFile, a.failure)
	case a.status == http.StatusNotFound:
		c.add(StepMailFile, "There is no mail file "+place+" on this server"+detail+".",
			"Compare it with the field Mail file in the user's person document in the Domino directory, and with Mail server there: a mail file on another server needs a connector of its own. On Linux the case of letters matters.")
	case a.stranger():
		c.add(StepMailFile, "The mail file "+place+" is there.", "")
		c.add(StepAccess, "The technical user may not read the mail file"+detail+".", fmt.Sprintf(
			"Give %q reader access in the access control list of %s (in Domino Administrator: Files, the mail files, Access Control, Manage; many can be chosen at once). On its page Advanced, the maximum for Internet name and password must be reader at least.",
			c.s.c.Username, place))
	case a.status == http.StatusForbidden:
		c.add(StepMailFile, "The mail file "+place+" is there.", "")
		c.add(StepAccess, "The server does not hand out the calendar of the mail file"+detail+".", enable+"\nIf it is enabled, give the technical user reader access in the access control list of the mail file.")
	case a.refusal() != nil:
		c.add(StepMailFile, "The server has a problem with the mail file "+place+detail+".", "Look at the server's console for the time of this check. If it names the mail file, run fixup and updall on it.")
	default:
		c.add(StepMailFile, "The mail file "+place+" is there.", "")
		c.add(StepAccess, "The technical user may read the mail file.", "")
		p, err := parsePage(a)
		if err != nil {
			c.add(StepCalendar, "The calendar's answer is damaged.", later)
			return
		}
		for _, raw := range p.Events {
			var e event
			if json.Unmarshal(raw, &e) != nil || e.ID == "" || e.Start == nil {
				c.add(StepCalendar, "The calendar has entries that cannot be read.", "See that the address is that of a Domino server, and tell us its version.")
				return
			}
		}
		c.add(StepCalendar, fmt.Sprintf("The calendar can be read: %d entries from yesterday to the day after tomorrow.", len(p.Events)), "")
	}
}
