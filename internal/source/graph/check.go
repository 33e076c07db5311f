package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Steps of Check, in this order. Later ones are left out where they need an earlier one.
const (
	StepLogin         = "login"         // Entra ID is reached, and knows the directory
	StepGraph         = "graph"         // Microsoft Graph is reached
	StepToken         = "token"         // the application signs in
	StepCredential    = "credential"    // when the secret or the certificate ends
	StepPermissions   = "permissions"   // to read calendars
	StepDirectory     = "directory"     // to find people by their other addresses
	StepMailbox       = "mailbox"       // the user is there, and has a mailbox
	StepCalendar      = "calendar"      // it can be read
	StepNotifications = "notifications" // the service reaches this server
)

// soon is how long before its end a credential is complained about.
const soon = 30 * 24 * time.Hour

// Check implements source.System. The names of its steps are the constants above. It asks the service anew, whatever is known of
// it, and changes nothing but for a subscription, which it makes and deletes if there is a NotifyURL. For "organizations"
// and "common" there is no application to sign in: what is left are the first two steps.
func (s *System) Check(ctx context.Context, mailbox string) []source.Step {
	c := &checker{s: s, mailbox: strings.TrimSpace(mailbox)}
	login, graph := c.login(ctx), c.graph(ctx)
	if !login || !guid.MatchString(s.c.Tenant) || !c.token(ctx) || !graph {
		return c.steps
	}
	c.credential(ctx)
	c.permissions()
	if c.mailbox != "" && c.calendar(ctx) && s.c.NotifyURL != "" {
		c.notifications(ctx)
	}
	return c.steps
}

type checker struct {
	s        *System
	mailbox  string
	signedIn bool // it is a user who asks, not the application
	steps    []source.Step
	access   string   // token
	roles    []string // its permissions
	name     string   // what the mailbox is called in addresses
}

// add enters a step; without a remedy it is well.
func (c *checker) add(name, server, found, remedy string) bool {
	c.steps = append(c.steps, source.Step{Name: name, Server: server, OK: remedy == "", Found: found, Remedy: remedy})
	return remedy == ""
}

const checkNetwork = "Let this server reach the address by https, by name: look at its name servers and at the firewall. A proxy is not used."

// unreachable is the remedy for an error of the connection.
func unreachable(err error) string {
	e, ok := errors.AsType[*outbound.Error](err)
	if ok && e.Kind == outbound.Untrusted {
		return "Something between this server and Microsoft opens encrypted connections, such as a firewall that inspects them. Exempt the address, or have this server trust the firewall's authority."
	}
	return checkNetwork
}

func found(err error) string {
	if e, ok := errors.AsType[*outbound.Error](err); ok {
		return e.Text
	}
	return source.Failure(err).(*source.Error).Text
}

// login reads what Entra ID says about the directory (OpenID Connect Discovery 1.0 §4).
func (c *checker) login(ctx context.Context) bool {
	u := c.s.login.JoinPath(c.s.c.Tenant, "v2.0", ".well-known", "openid-configuration")
	resp, err := c.s.http.Do(ctx, outbound.Request{URL: u, MaxBody: maxAnswer})
	switch {
	case err != nil:
		return c.add(StepLogin, u.Hostname(), found(err), unreachable(err))
	case resp.Status == http.StatusBadRequest || resp.Status == http.StatusNotFound:
		return c.add(StepLogin, u.Hostname(), "Entra ID answers, but knows no directory "+c.s.c.Tenant+".",
			"Compare the directory (tenant) ID with the overview page of the app registration in the Entra admin center, and check that the cloud is the right one.")
	case resp.Status != http.StatusOK:
		return c.add(StepLogin, u.Hostname(), fmt.Sprintf("Entra ID has a problem at the moment (%d).", resp.Status), "Try again in a few minutes.")
	}
	return c.add(StepLogin, u.Hostname(), "Entra ID is reached by an encrypted connection and knows the directory.", "")
}

func (c *checker) graph(ctx context.Context) bool {
	host := c.s.graph.Hostname()
	resp, err := c.s.http.Do(ctx, outbound.Request{URL: c.s.graph.JoinPath("/"), MaxBody: 4 << 20})
	switch {
	case err != nil:
		return c.add(StepGraph, host, found(err), unreachable(err))
	case resp.Status >= 500:
		return c.add(StepGraph, host, fmt.Sprintf("Microsoft Graph has a problem at the moment (%d).", resp.Status), "Try again in a few minutes.")
	}
	return c.add(StepGraph, host, "Microsoft Graph is reached by an encrypted connection.", "")
}

// token signs in anew: what was granted before may be of a secret that has ended since.
func (c *checker) token(ctx context.Context) bool {
	host := c.s.login.Hostname()
	g, err := c.s.token(ctx, url.Values{"grant_type": {"client_credentials"}, "scope": {c.s.c.GraphURL + "/.default"}}, true)
	if err != nil {
		e, _ := errors.AsType[*source.Error](err)
		text, remedy := e.Text, checkNetwork
		if l, ok := errors.AsType[*loginError](err); ok {
			text, remedy = l.words()
			if l.number != 0 && !strings.Contains(text, "AADSTS") {
				text += fmt.Sprintf(" (AADSTS%d)", l.number)
			}
		}
		if remedy == "" {
			remedy = "Try again in a few minutes."
		}
		return c.add(StepToken, host, text, remedy)
	}
	c.access = g.Access
	c.roles = rolesOf(g.Access)
	return c.add(StepToken, host, "The application signed in.", "")
}

// credential tells when what the application signs in with ends.
func (c *checker) credential(ctx context.Context) {
	const replace = "Make a new %s on the page Certificates & secrets of the app registration in good time, and enter it here; the old one works beside it until it ends."
	say := func(kind string, ends time.Time) {
		left := time.Until(ends)
		text := fmt.Sprintf("The %s ends on %s.", kind, ends.UTC().Format("2 January 2006"))
		remedy := ""
		if left < soon {
			remedy = fmt.Sprintf(replace, kind)
		}
		c.add(StepCredential, "", text, remedy)
	}
	if c.s.cert != nil {
		say("certificate", c.s.cert.NotAfter)
		return
	}
	unknown := func() {
		c.add(StepCredential, "", "When the secret ends is not known here: only an application with the permission Application.Read.All may read it. "+
			"It is on the page Certificates & secrets of the app registration.", "")
	}
	if !slices.Contains(c.roles, "Application.Read.All") {
		unknown()
		return
	}
	a, err := c.ask(ctx, call{method: http.MethodGet, path: "/applications(appId='" + c.s.c.ClientID + "')?$select=passwordCredentials"})
	var app struct {
		Secrets []struct {
			Hint string    `json:"hint"` // the first three letters
			Ends time.Time `json:"endDateTime"`
		} `json:"passwordCredentials"`
	}
	if err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &app) != nil {
		unknown()
		return
	}
	var ends time.Time
	for _, one := range app.Secrets {
		if one.Hint != "" && strings.HasPrefix(c.s.c.Secret, one.Hint) && one.Ends.After(ends) {
			ends = one.Ends
		}
	}
	if ends.IsZero() {
		unknown()
		return
	}
	say("secret", ends)
}

// ask sends a call with the token of the check.
func (c *checker) ask(ctx context.Context, one call) (answer, error) {
	return c.s.send(ctx, c.access, one, false, maxPage)
}

func (c *checker) has(roles ...string) string {
	for _, one := range roles {
		if slices.Contains(c.roles, one) {
			return one
		}
	}
	return ""
}

func (c *checker) permissions() {
	server := c.s.graph.Hostname()
	read := c.has("Calendars.Read", "Calendars.ReadWrite")
	basic := c.has("Calendars.ReadBasic.All", "Calendars.ReadBasic")
	switch {
	case read != "":
		c.add(StepPermissions, server, "The application may read the calendars of the whole directory ("+read+").", "")
	case basic != "":
		c.add(StepPermissions, server, "The application may read when people are busy, but no subjects ("+basic+").", "")
	default:
		// With RBAC for Applications the permission is Exchange's and not in the token; whether it is there shows when a calendar is read.
		text, remedy := "The application has no permission for calendars in the directory.", c.grant()
		if c.mailbox != "" {
			text += " It may still have one in Exchange Online (RBAC for Applications): whether it has shows below, when the calendar is read."
			remedy = ""
		}
		c.add(StepPermissions, server, text, remedy)
	}
	full, first := c.has("User.Read.All", "Directory.Read.All"), c.has("User.ReadBasic.All")
	switch {
	case full != "":
		c.add(StepDirectory, server, "The application may find people by all of their addresses ("+full+").", "")
	case first != "":
		c.add(StepDirectory, server, "The application may find people by the name they sign in with and by their first e-mail address ("+first+"). For further addresses it needs the application permission User.Read.All.", "")
	default:
		c.add(StepDirectory, server, "The application cannot look people up: mailboxes are found by the name people sign in with only. That is enough where it is the e-mail address. "+
			"For others it needs the application permission User.ReadBasic.All, or User.Read.All for further addresses.", "")
	}
}

// grant is how to give the permission, in two ways, with our own IDs.
func (c *checker) grant() string {
	return fmt.Sprintf(`Either, for all mailboxes: in the Entra admin center open App registrations, the application %[1]s, API permissions, Add a permission, Microsoft Graph, Application permissions, choose Calendars.Read and User.Read.All, then Grant admin consent.
Or, for some mailboxes: leave Calendars.Read out there, and use RBAC for Applications, in Exchange Online PowerShell (the object ID is that under Enterprise applications):
New-ServicePrincipal -AppId %[1]s -ObjectId <object ID> -DisplayName "Doorlight"
New-ManagementScope -Name "Doorlight mailboxes" -RecipientRestrictionFilter "MemberOfGroup -eq '<distinguished name of a group>'"
New-ManagementRoleAssignment -App %[1]s -Role "Application Calendars.Read" -CustomResourceScope "Doorlight mailboxes"
Changes take up to two hours to take effect.`, c.s.c.ClientID)
}

// calendar finds the mailbox and reads a day of it.
func (c *checker) calendar(ctx context.Context) bool {
	server := c.s.graph.Hostname()
	now := time.Now()
	read := func(name string) (answer, error) {
		return c.ask(ctx, viewCall("/users/"+url.PathEscape(name)+viewQuery(now, now.Add(24*time.Hour), c.s.t.page)))
	}
	c.name = c.mailbox
	a, err := read(c.name)
	if err == nil && a.failure == nil && a.refusal().status404() && a.refusal().code != "MailboxNotEnabledForRESTAPI" {
		b := newBox(strings.ToLower(c.mailbox)) // one of its own: a check changes nothing
		id, lookErr := c.s.lookUp(ctx, b, a.refusal(), false)
		if lookErr == nil {
			c.name = id
			a, err = read(id)
		} else if e, ok := errors.AsType[*source.Error](lookErr); ok {
			return c.add(StepMailbox, server, e.Text, "Compare the address with the user's page in the Microsoft 365 admin center: the user name or one of the aliases. "+
				"To be found by an alias, the application needs the application permission User.Read.All, with admin consent.")
		}
	}
	if err == nil && a.failure != nil {
		err = a.failure
	}
	if err != nil {
		return c.add(StepMailbox, server, found(err), "Try again in a few minutes.")
	}
	r := a.refusal()
	reason := ""
	if r != nil && r.requestID != "" {
		reason = " (" + strings.TrimSpace(r.code+", request-id "+r.requestID) + ")"
	}
	switch {
	case r == nil:
		c.add(StepMailbox, server, "The mailbox is there.", "")
		var page struct {
			Value []json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			return c.add(StepCalendar, server, "The calendar's answer is damaged.", "Try again in a few minutes.")
		}
		return c.add(StepCalendar, server, fmt.Sprintf("The calendar can be read: %d appointments from yesterday to the day after tomorrow.", len(page.Value)), "")
	case r.code == "MailboxNotEnabledForRESTAPI" || r.code == "ErrorNonExistentMailbox":
		return c.add(StepMailbox, server, "The user is there, but has no mailbox in Exchange Online"+reason+".",
			"Give the user a licence that includes Exchange Online. A mailbox on an Exchange server of your own is read with a connector for Exchange.")
	case r.status404():
		return c.add(StepMailbox, server, "There is no mailbox with this address"+reason+".", "Compare the address with the user's page in the Microsoft 365 admin center.")
	case r.status == http.StatusForbidden && blockedByPolicy(r):
		return c.add(StepCalendar, server, "An application access policy keeps the application from this mailbox"+reason+".", fmt.Sprintf(
			`Add the user to the group of the policy, in Exchange Online PowerShell:
Get-ApplicationAccessPolicy | Where-Object AppId -eq %[1]s
Add-DistributionGroupMember -Identity "<the policy's group>" -Member "%[2]s"
Test-ApplicationAccessPolicy -AppId %[1]s -Identity "%[2]s"
Changes take up to an hour to take effect. Microsoft replaces these policies with RBAC for Applications.`, c.s.c.ClientID, quotable(c.mailbox)))
	case r.status == http.StatusForbidden:
		return c.add(StepCalendar, server, "The application may not read this mailbox"+reason+".", c.grant()+fmt.Sprintf(
			"\nTest-ServicePrincipalAuthorization -Identity %s -Resource \"%s\"", c.s.c.ClientID, quotable(c.mailbox)))
	case r.status == http.StatusTooManyRequests || r.status >= 500:
		return c.add(StepCalendar, server, fmt.Sprintf("Microsoft 365 has no answer at the moment (%d)%s.", r.status, reason), "Try again in a few minutes.")
	}
	return c.add(StepCalendar, server, fmt.Sprintf("Microsoft 365 refuses to hand out the calendar (%d)%s.", r.status, reason),
		"Ask Microsoft's support, who want to know the request-id.")
}

// quotable is an address within a line of PowerShell: letters that mean something there are left out.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"`$\r\n;&|“”„", r) {
			return -1
		}
		return r
	}, s)
}

// notifications makes a subscription, for which the service calls this server, and deletes it.
func (c *checker) notifications(ctx context.Context) {
	u, err := url.Parse(c.s.c.NotifyURL)
	if err != nil {
		return // New checked it
	}
	server := u.Hostname()
	j := &job{todo: create, one: &subscription{mailbox: c.name}}
	c.s.fill(j)
	a, err := c.ask(ctx, j.call)
	if err == nil && a.failure != nil {
		err = a.failure
	}
	if err != nil {
		c.add(StepNotifications, server, found(err), "Try again in a few minutes.")
		return
	}
	r := a.refusal()
	var made struct {
		ID string `json:"id"`
	}
	switch {
	case r == nil && json.Unmarshal(a.body, &made) == nil && made.ID != "":
		if gone, err := c.ask(ctx, call{method: http.MethodDelete, path: "/subscriptions/" + url.PathEscape(made.ID)}); err != nil || gone.failure != nil || gone.refusal() != nil {
			c.s.subs.mu.Lock()
			c.s.subs.gone = append(c.s.subs.gone, made.ID) // Watch does it
			c.s.subs.mu.Unlock()
		}
		c.add(StepNotifications, server, "Microsoft 365 reaches this server, and tells it of changes.", "")
	case r == nil:
		c.add(StepNotifications, server, "Microsoft 365 gave an answer that is damaged.", "Try again in a few minutes.")
	case r.status == http.StatusTooManyRequests || r.status >= 500:
		c.add(StepNotifications, server, fmt.Sprintf("Microsoft 365 has no answer at the moment (%d).", r.status), "Try again in a few minutes.")
	case r.status == http.StatusForbidden:
		c.add(StepNotifications, server, "The application may not be told of changes in this mailbox. Calendars are polled until it may.", c.grant())
	default:
		c.add(StepNotifications, server, "Microsoft 365 could not reach this server at its address for notifications. Calendars are polled until it can.", fmt.Sprintf(
			"Let Microsoft reach https://%s%s from the internet, by POST, with a certificate of a public authority, and have the proxy or firewall before it pass the path and its query on to this server unchanged. Answers must come within ten seconds.", u.Host, u.Path))
	}
}
