package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/doorlight/doorlight/internal/source"
)

// Further steps of CheckPresence and CheckSignIn, which begin with those of Check up to StepCredential.
const (
	StepReadPermission  = "read-permission"  // to read presence
	StepWritePermission = "write-permission" // to write it
	StepUser            = "user"             // somebody with the address is there
	StepRead            = "read"             // the presence can be read
	StepWrite           = "write"            // it can be written
	StepConsent         = "consent"          // what people are asked who connect an account; never fails
)

// CheckPresence tries each step that presence in Teams needs as the application, and tells what is missing and where it is granted. The
// names of its steps, in this order, are StepLogin, StepGraph, StepToken, StepCredential, StepReadPermission, StepWritePermission, StepDirectory,
// StepUser, StepRead, StepWrite and StepConsent; later ones are left out where they need an earlier one. An empty mailbox leaves
// out those from StepUser to StepWrite. For "organizations" and "common" what is left are StepLogin, StepGraph and StepConsent.
//
// It asks the service anew, and leaves nothing behind: to see whether it may write it puts the application's session for the user to
// Away, which shows only if Teams is not running, and clears it. If there was a session of ours it is gone then, and has to be written
// again.
func (s *System) CheckPresence(ctx context.Context, mailbox string) []source.Step {
	c := &checker{s: s, mailbox: strings.TrimSpace(mailbox)}
	login, graph := c.login(ctx), c.graph(ctx)
	if login && guid.MatchString(s.c.Tenant) && c.token(ctx) && graph {
		c.credential(ctx)
		c.presencePermissions()
		if c.mailbox != "" {
			if id := c.user(ctx); id != "" {
				c.readPresence(ctx, id)
				c.writePresence(ctx, id)
			}
		}
	}
	if login {
		c.consent()
	}
	return c.steps
}

// CheckSignIn tries what presence in Teams needs with the sign-in of a user: StepToken, StepReadPermission, StepWritePermission, StepRead and
// StepWrite. What is said of CheckPresence holds for the user's own presence.
func (s *System) CheckSignIn(ctx context.Context, as *SignIn) []source.Step {
	c := &checker{s: s, signedIn: true}
	host := s.login.Hostname()
	if as == nil {
		c.add(StepToken, host, "No account is connected.", connectAgain)
		return c.steps
	}
	a, err := s.asker(as)
	if err == nil {
		defer a.done()
		c.access, err = s.userToken(ctx, a.one, "")
	}
	if err != nil {
		remedy := "Try again in a few minutes."
		e, _ := errors.AsType[*source.Error](err)
		if e.Kind == source.Credentials {
			remedy = connectAgain
		}
		c.add(StepToken, host, e.Text, remedy)
		return c.steps
	}
	c.add(StepToken, host, "The sign-in is valid.", "")
	c.roles = scopesOf(c.access)
	server := s.graph.Hostname()
	for _, one := range []struct{ step, scope, may, mayNot string }{
		{StepReadPermission, "Presence.Read.All", "The sign-in is good for reading everybody's presence in Teams", "The sign-in is not good for reading everybody's presence in Teams"},
		{StepWritePermission, "Presence.ReadWrite", "The sign-in is good for setting the own presence in Teams", "The sign-in is not good for setting the own presence in Teams"},
	} {
		if c.has(one.scope) != "" {
			c.add(one.step, server, one.may+" ("+one.scope+").", "")
		} else {
			c.add(one.step, server, one.mayNot+": it needs "+one.scope+".", connectAgain)
		}
	}
	got, err := s.sendWithin(ctx, s.teams.reads, c.access, call{method: http.MethodGet, path: "/me/presence"}, false, maxAnswer)
	if !c.presenceStep(StepRead, "The own presence can be read.", "Presence.Read.All", got, err) {
		return c.steps
	}
	own, err := readPresence(got.body)
	if err != nil {
		c.steps = c.steps[:len(c.steps)-1]
		c.add(StepRead, server, "Microsoft 365 gave an answer that is damaged.", "Try again in a few minutes.")
		return c.steps
	}
	c.writePresence(ctx, own.ID)
	return c.steps
}

const connectAgain = "Let the user connect the account again and agree to what is asked. Where people may not agree themselves, an administrator does it for all: " +
	"in the Entra admin center, under App registrations, the application, API permissions, with Grant admin consent."

// grantPresence is how to give an application permission, with our own ID.
func (c *checker) grantPresence(role string) string {
	return fmt.Sprintf("In the Entra admin center open App registrations, the application %s, API permissions, Add a permission, Microsoft Graph, Application permissions, "+
		"choose %s, then Grant admin consent. Changes take up to an hour to take effect.", c.s.c.ClientID, role)
}

func (c *checker) presencePermissions() {
	server := c.s.graph.Hostname()
	if role := c.has("Presence.Read.All", "Presence.ReadWrite.All"); role != "" {
		c.add(StepReadPermission, server, "The application may read everybody's presence in Teams ("+role+").", "")
	} else {
		c.add(StepReadPermission, server, "The application may not read presence in Teams.", c.grantPresence("Presence.Read.All"))
	}
	if role := c.has("Presence.ReadWrite.All"); role != "" {
		c.add(StepWritePermission, server, "The application may set everybody's presence in Teams ("+role+").", "")
	} else {
		c.add(StepWritePermission, server, "The application may not set presence in Teams. Calls and do not disturb are then not shown there.", c.grantPresence("Presence.ReadWrite.All"))
	}
	if role := c.has("User.ReadBasic.All", "User.Read.All", "Directory.Read.All"); role != "" {
		c.add(StepDirectory, server, "The application may find people by the name they sign in with and by their first e-mail address ("+role+").", "")
	} else {
		c.add(StepDirectory, server, "The application may not look people up. Presence is asked for by their IDs in the directory, which are found in no other way.",
			c.grantPresence("User.ReadBasic.All"))
	}
}

// user finds who has the address.
func (c *checker) user(ctx context.Context) string {
	server := c.s.graph.Hostname()
	address := strings.ToLower(c.mailbox)
	got, err := c.s.sendWithin(ctx, c.s.teams.directory, c.access, userCall(address), false, maxAnswer)
	if err == nil && got.failure != nil {
		err = got.failure
	}
	if err != nil {
		c.add(StepUser, server, found(err), "Try again in a few minutes.")
		return ""
	}
	r := got.refusal()
	switch {
	case r == nil:
	case r.status == http.StatusForbidden:
		c.add(StepUser, server, "The application may not look people up"+reason(r)+".", c.grantPresence("User.ReadBasic.All"))
		return ""
	case r.status == http.StatusTooManyRequests || r.status >= 500:
		c.add(StepUser, server, fmt.Sprintf("Microsoft 365 has no answer at the moment (%d)%s.", r.status, reason(r)), "Try again in a few minutes.")
		return ""
	default:
		c.add(StepUser, server, fmt.Sprintf("Microsoft 365 refuses the address (%d)%s.", r.status, reason(r)), "Compare the address with the user's page in the Microsoft 365 admin center.")
		return ""
	}
	f := finder{wanted: map[string]hit{address: {}}}
	if err := f.parse(got.body, nil); err != nil {
		c.add(StepUser, server, "Microsoft 365 gave an answer that is damaged.", "Try again in a few minutes.")
		return ""
	}
	id := f.wanted[address].id
	if id == "" {
		c.add(StepUser, server, "Microsoft 365 knows nobody with this address.",
			"Compare the address with the user's page in the Microsoft 365 admin center: it must be the user name or the first e-mail address there.")
		return ""
	}
	c.add(StepUser, server, "The user is there.", "")
	return id
}

// reason is what Microsoft's support wants to know of a refusal.
func reason(r *refused) string {
	if r == nil || r.requestID == "" {
		return ""
	}
	return " (" + strings.TrimPrefix(r.code+", ", ", ") + "request-id " + r.requestID + ")"
}

func (c *checker) readPresence(ctx context.Context, id string) {
	got, err := c.s.sendWithin(ctx, c.s.teams.reads, c.access, presencesCall([]string{id}), false, maxAnswer)
	server := c.s.graph.Hostname()
	if err == nil && got.failure == nil && got.status == http.StatusOK {
		list, err := readPresences(got.body, []string{id}, nil)
		switch {
		case err != nil:
			c.add(StepRead, server, "Microsoft 365 gave an answer that is damaged.", "Try again in a few minutes.")
		case len(list) == 0:
			c.add(StepRead, server, "The user has no presence in Teams.", "Give the user a licence that includes Teams.")
		default:
			c.add(StepRead, server, "The presence can be read.", "")
		}
		return
	}
	c.presenceStep(StepRead, "", "Presence.Read.All", got, err)
}

// writePresence sets a session that shows as little as possible, and clears it.
func (c *checker) writePresence(ctx context.Context, id string) {
	scope := "Presence.ReadWrite.All"
	if c.signedIn {
		scope = "Presence.ReadWrite"
	}
	session := map[string]string{"sessionId": c.s.c.ClientID}
	box := c.s.teams.written.Get(id)
	release, err := box.Turn(ctx)
	if err != nil {
		c.presenceStep(StepWrite, "", scope, answer{}, err)
		return
	}
	defer release()
	got, err := c.s.sendWithin(ctx, c.s.teams.writes, c.access, call{method: http.MethodPost, path: "/users/" + id + "/presence/setPresence",
		body: map[string]string{"sessionId": c.s.c.ClientID, "availability": "Away", "activity": "Away", "expirationDuration": isoDuration(MinLease)}}, false, maxAnswer)
	if err != nil || got.failure != nil || got.refusal() != nil {
		c.presenceStep(StepWrite, "", scope, got, err)
		return
	}
	got, err = c.s.sendWithin(context.WithoutCancel(ctx), c.s.teams.writes, c.access, call{method: http.MethodPost, path: "/users/" + id + "/presence/clearPresence", body: session}, false, maxAnswer)
	if r := got.refusal(); err == nil && got.failure == nil && (r == nil || r.status404()) {
		c.add(StepWrite, c.s.graph.Hostname(), "The presence can be set, and cleared again.", "")
		return
	}
	c.add(StepWrite, c.s.graph.Hostname(), "The presence was set, but could not be cleared. That ends by itself, five minutes after.", "Try again in a few minutes.")
}

// presenceStep enters what came of a call about presence.
func (c *checker) presenceStep(name, well, permission string, got answer, err error) bool {
	server := c.s.graph.Hostname()
	if err == nil && got.failure != nil {
		err = got.failure
	}
	if err != nil {
		return c.add(name, server, found(err), "Try again in a few minutes.")
	}
	r := got.refusal()
	grant := c.grantPresence(permission)
	if c.signedIn {
		grant = connectAgain
	}
	switch {
	case r == nil:
		return c.add(name, server, well, "")
	case r.status == http.StatusForbidden && c.has(permission) == "":
		return c.add(name, server, "Microsoft 365 does not allow that: it needs "+permission+reason(r)+".", grant)
	case r.status == http.StatusForbidden:
		return c.add(name, server, "Microsoft 365 does not allow that for this user, although the permission "+permission+" is there"+reason(r)+".",
			"If the permission was given within the last hour, try again later. Else look whether the user has a licence that includes Teams.")
	case r.status404():
		return c.add(name, server, "Microsoft 365 knows no presence of this user"+reason(r)+".", "Give the user a licence that includes Teams.")
	case r.status == http.StatusTooManyRequests || r.status >= 500 || r.status == http.StatusUnauthorized:
		return c.add(name, server, fmt.Sprintf("Microsoft 365 has no answer at the moment (%d)%s.", r.status, reason(r)), "Try again in a few minutes.")
	}
	return c.add(name, server, fmt.Sprintf("Microsoft 365 refuses what it was asked about the presence in Teams (%d)%s.", r.status, reason(r)),
		"Ask Microsoft's support, who want to know the request-id.")
}

// consent tells what people agree to who connect an account of their own.
func (c *checker) consent() {
	c.add(StepConsent, c.s.login.Hostname(), fmt.Sprintf("People who connect an account of their own are asked for %s. "+
		"Where they may not agree themselves, an administrator does it for all: in the Entra admin center open App registrations, the application %s, API permissions, "+
		"Add a permission, Microsoft Graph, Delegated permissions, choose these, then Grant admin consent.",
		strings.Join(scopes[ForPresence], ", "), c.s.c.ClientID), "")
}
