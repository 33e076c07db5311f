package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

const checkTime = 90 * time.Second // for a whole Check

// Check implements source.System. Its steps are, as far as they apply: "name" (resolution), "connection" (with TLS), "autodiscover",
// "sign_in", "version", "access" (acting for the mailbox), "calendar" (the folder), "view" (reading it), "notifications" and
// "throttling". It stops where nothing further can be tried. Budgets that are stopped do not hold it up, and it stops none.
func (s *System) Check(ctx context.Context, mailbox string) []source.Step {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	c := &check{s: s, lane: s.newLane()}
	defer c.lane.transport.CloseIdleConnections()
	key := ""
	if mailbox = strings.TrimSpace(mailbox); mailbox != "" {
		var err error
		if key, err = s.mailbox(mailbox); err != nil {
			c.step("access", "", words(err), "Enter the mailbox as the setting for the names of mailboxes says ("+s.c.Names+").")
			return c.steps
		}
	}
	c.run(ctx, key, mailbox)
	return c.steps
}

type check struct {
	s     *System
	lane  *lane
	steps []source.Step
	busy  string // what asked to be left alone
}

func (c *check) step(name, server, found, remedy string) {
	c.steps = append(c.steps, source.Step{Name: name, Server: server, OK: remedy == "", Found: found, Remedy: remedy})
}

func words(err error) string {
	if e, ok := errors.AsType[*source.Error](err); ok {
		text := e.Text
		if f, ok := errors.AsType[*failure](err); ok && f.code != "" && strings.HasPrefix(f.code, "Error") && !strings.Contains(text, f.code) {
			text += " (" + safeCode(f.code) + ")"
		}
		return text
	}
	return "It was not answered in time."
}

func (c *check) run(ctx context.Context, key, mailbox string) {
	at := c.s.fixed
	if at == nil {
		if at = c.autodiscover(ctx, key, mailbox); at == nil {
			return
		}
	}
	if !c.reach(ctx, at.url) || !c.signIn(ctx, at) {
		return
	}
	if mailbox != "" {
		if c.access(ctx, at, key, mailbox) && c.view(ctx, at, key, mailbox) {
			c.notifications(ctx, at, key, mailbox)
		}
	}
	c.throttling()
}

// reach looks the name up and connects.
func (c *check) reach(ctx context.Context, u *url.URL) bool {
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err != nil {
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			c.step("name", host, words(explainNetwork(ctx, host, c.s.c.Timeout, err)), "See that the name server this machine uses knows "+host+", or enter an address it knows.")
			return false
		}
		c.step("name", host, "it is known, with "+number(len(addresses), "address", "addresses"), "")
	}
	timed, cancel := context.WithTimeout(ctx, c.s.c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(timed, http.MethodGet, u.String(), nil)
	if err != nil {
		c.step("connection", host, "the address is not valid", "Enter the address again.")
		return false
	}
	req.Header.Set("User-Agent", "Doorlight")
	resp, err := c.lane.transport.RoundTrip(req)
	if err != nil {
		f := explainNetwork(ctx, host, c.s.c.Timeout, err)
		c.step("connection", host, f.told.Text, connectionRemedy(f, host))
		return false
	}
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
	if resp.TLS == nil {
		c.step("connection", host, "it answers, without encryption", "")
		return true
	}
	found := "it answers by " + tls.VersionName(resp.TLS.Version)
	if certs := resp.TLS.PeerCertificates; len(certs) > 0 {
		left := time.Until(certs[0].NotAfter)
		found += ", with a certificate that is valid until " + certs[0].NotAfter.UTC().Format(time.DateOnly)
		if left < 30*24*time.Hour {
			found += ": renew it in time"
		}
	}
	c.step("connection", host, found, "")
	return true
}

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func connectionRemedy(f *failure, host string) string {
	switch text := f.told.Text; {
	case strings.Contains(text, "authority"):
		return "Enter the certificate of the authority that issued it as one to trust, or have Exchange use a certificate of a public authority."
	case strings.Contains(text, "another name"):
		return "Enter the name that the certificate is made out to, or have Exchange use a certificate for " + host + "."
	case strings.Contains(text, "expired"):
		return "Renew the certificate on the Exchange server, and look at the clocks of both machines."
	case strings.Contains(text, "certificate"):
		return "Look at the certificate of the Exchange server."
	case f.told.Kind == source.NotAllowed:
		return "Allow the network of " + host + " in the configuration of this server."
	case strings.Contains(text, "https"):
		return "Enter the address with the port of https, which is 443 as a rule."
	}
	return "See that " + host + " runs, and that no firewall stands between it and this server."
}

// autodiscover looks a mailbox up, or asks for one that does not exist.
func (c *check) autodiscover(ctx context.Context, key, mailbox string) *endpoint {
	probe := mailbox == ""
	if probe {
		mailbox = "nobody-doorlight@" + c.s.c.Domains[0]
		key = mailbox
	}
	at, err := c.s.search(ctx, key, mailbox, true)
	if err == nil {
		c.step("autodiscover", at.url.Hostname(), "the mailbox is served at "+at.url.String(), "")
		return at
	}
	f, _ := errors.AsType[*failure](err)
	if probe && f != nil && f.code == "InvalidUser" {
		c.step("autodiscover", "", "it answers, and lets the account in", "")
		c.throttling()
		return nil
	}
	remedy := "Enter the address of Autodiscover, or that of Exchange Web Services itself, which the command Get-WebServicesVirtualDirectory | Format-List ExternalUrl, InternalUrl tells on the Exchange server."
	switch {
	case f != nil && f.scope == ofSignIn:
		remedy = c.signInRemedy(f)
	case f != nil && f.code == "InvalidUser":
		remedy = "See that this is the mailbox's primary address, and that the mailbox is on this Exchange organisation's own servers."
	case strings.Contains(words(err), "mail domain"):
		remedy = "Add the mail domain of the address to those for which servers are looked up."
	}
	c.step("autodiscover", "", words(err), remedy)
	return nil
}

// ask sends a message past all budgets.
func (c *check) ask(ctx context.Context, at *endpoint, key, mailbox string, utc bool, body func(*writer, person)) (*soap, *message, *failure) {
	who := c.s.person(mailbox)
	h := c.s.host(at.url)
	r := request{key: key, who: who, at: at, utc: utc, force: true, body: func(w *writer) { body(w, who) }}
	answer, _, f := c.s.send(ctx, h, c.lane, r)
	if f != nil && f.scope == ofSignIn && f.code == "" {
		c.lane.transport.CloseIdleConnections()
		answer, _, f = c.s.send(ctx, h, c.lane, r)
	}
	var m *message
	if f == nil {
		m, f = c.s.single(answer, h.name, &r)
	}
	if f != nil && busy[f.code] {
		c.busy = words(f)
	}
	return answer, m, f
}

func (c *check) signIn(ctx context.Context, at *endpoint) bool {
	host := at.url.Hostname()
	name := c.s.c.Account
	if name == "" {
		name = c.s.c.OAuth.ClientID
	}
	answer, _, f := c.ask(ctx, at, "", "", false, func(w *writer, _ person) { w.resolveNames(name) })
	// Whatever the services themselves say to the question, they let the account in to ask it. An account needs no mailbox.
	if f != nil && answer == nil && !strings.HasPrefix(f.code, "Error") || f != nil && f.scope == ofSignIn {
		remedy := c.signInRemedy(f)
		if f.scope != ofSignIn {
			remedy = "See that this is the address of Exchange Web Services, which ends in /EWS/Exchange.asmx, and that no proxy that asks for a sign-in of its own stands before it."
		}
		c.step("sign_in", host, words(f), remedy)
		return false
	}
	found := "the account " + c.s.c.account() + " is let in by " + c.s.c.Auth
	c.step("sign_in", host, found, "")
	if answer == nil || answer.Version == nil {
		c.step("version", host, "it does not tell its version", "")
		return true
	}
	v := answer.Version
	release, old := release(v)
	full := strings.Join([]string{digits(v.Major), digits(v.Minor), digits(v.Build), digits(v.Sub)}, ".")
	if old {
		c.step("version", host, release+" ("+full+")", "Notifications and impersonation as they are used here need Exchange 2010 SP1 or later.")
		return false
	}
	c.step("version", host, release+" ("+full+")", "")
	return true
}

// account is how the account is named to an administrator.
func (c Config) account() string {
	switch {
	case c.Auth == AuthOAuth:
		return c.OAuth.ClientID
	case c.Domain != "":
		return c.Domain + `\` + c.Account
	}
	return c.Account
}

func digits(s string) string {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return "?"
}

// release names the product of a version, and reports whether it is too old.
func release(v *serverVersion) (name string, old bool) {
	major, _ := strconv.Atoi(v.Major)
	minor, _ := strconv.Atoi(v.Minor)
	switch {
	case major < 14:
		return "Exchange 2007 or older", true
	case major == 14 && minor == 0:
		return "Exchange 2010 without a service pack", true
	case major == 14:
		return "Exchange 2010", false
	case major == 15 && minor == 0:
		return "Exchange 2013", false
	case major == 15 && minor == 1:
		return "Exchange 2016", false
	case major == 15 && minor == 2:
		return "Exchange 2019 or Subscription Edition", false
	}
	return "Exchange", false
}

func (c *check) signInRemedy(f *failure) string {
	switch {
	case strings.Contains(f.told.Text, "does not offer"):
		return "Choose another way of signing in, or have the Exchange server offer " + c.s.c.Auth + ": Set-WebServicesVirtualDirectory " +
			map[string]string{AuthBasic: "-BasicAuthentication $true", AuthOAuth: "-OAuthAuthentication $true"}[c.s.c.Auth] + map[bool]string{true: "-WindowsAuthentication $true", false: ""}[c.s.c.Auth == AuthNTLM || c.s.c.Auth == AuthKerberos] + "."
	case c.s.c.Auth == AuthOAuth:
		return "Enter the ID and the secret of the client again, and see that the application may use Exchange with full_access_as_app. A secret may have expired."
	case c.s.c.Auth == AuthKerberos:
		return "Enter account, domain and password again, and see that a name of the service HTTP/ and the server's name is registered (setspn -L)."
	}
	return "Enter account, domain and password again; see that the account is not locked (Unlock-ADAccount), and that no proxy between here and Exchange takes TLS apart, which a sign-in bound to the connection does not bear."
}

// access tries to act for the mailbox and to find its calendar.
func (c *check) access(ctx context.Context, at *endpoint, key, mailbox string) bool {
	host := at.url.Hostname()
	_, _, f := c.ask(ctx, at, key, mailbox, false, func(w *writer, who person) { w.getFolder(who) })
	delegate := c.s.c.Access == AccessDelegate
	if f == nil {
		if !delegate {
			c.step("access", host, "the account may act for "+mailbox, "")
		}
		c.step("calendar", host, "the calendar is there", "")
		return true
	}
	reader := "Add-MailboxFolderPermission -Identity \"" + mailbox + ":\\Calendar\" -User \"" + c.s.c.account() + "\" -AccessRights Reviewer"
	switch f.code {
	case "ErrorImpersonateUserDenied", "ErrorImpersonationDenied":
		c.step("access", host, words(f), "On the Exchange server: New-ManagementRoleAssignment -Name \"Doorlight reads calendars\" -Role ApplicationImpersonation -User \""+c.s.c.account()+
			"\". With -CustomRecipientWriteScope it may be confined to the mailboxes of a management scope (New-ManagementScope), which "+mailbox+" has to be in. It may take some minutes to be in force.")
	case "ErrorImpersonationFailed":
		c.step("access", host, words(f), "See that the user of "+mailbox+" is enabled in Active Directory (Get-ADUser), and that its domain is trusted.")
	case "ErrorNonExistentMailbox", "ErrorNonPrimarySmtpAddress", "ErrorInvalidSmtpAddress", "ErrorInvalidUserPrincipalName", "ErrorInvalidUserSid", "ErrorInvalidSid", "ErrorCannotFindUser", "ErrorMailRecipientNotFound":
		c.step("access", host, words(f), "See how the mailbox is named: Get-Mailbox \""+mailbox+"\" | Format-List PrimarySmtpAddress, UserPrincipalName. The names of mailboxes are taken for "+c.s.c.Names+".")
	case "ErrorAccessDenied", "ErrorFolderNotFound", "ErrorItemNotFound":
		if delegate {
			c.step("calendar", host, words(f), "On the Exchange server: "+reader+". In other languages the folder has another name (Get-MailboxFolderStatistics -FolderScope Calendar).")
		} else {
			c.step("calendar", host, words(f), "See that the mailbox has a calendar: Get-MailboxFolderStatistics \""+mailbox+"\" -FolderScope Calendar.")
		}
	default:
		remedy := "Try again later. If it stays, look at the event log of the Exchange server, and at Get-Mailbox \"" + mailbox + "\" | Format-List Database, ServerName."
		if f.told.Status == http.StatusForbidden {
			remedy = "See that Exchange Web Services are allowed: Get-CASMailbox \"" + mailbox + "\" | Format-List EwsEnabled, EwsApplicationAccessPolicy; Get-OrganizationConfig | Format-List Ews*."
		}
		c.step("access", host, words(f), remedy)
	}
	return false
}

// view reads a day, and tells how much there is and nothing of what it is.
func (c *check) view(ctx context.Context, at *endpoint, key, mailbox string) bool {
	now := time.Now().UTC().Truncate(time.Second)
	_, m, f := c.ask(ctx, at, key, mailbox, true, func(w *writer, who person) { w.findItem(who, now, now.Add(24*time.Hour), c.s.c.timing.entries) })
	if f != nil {
		c.step("view", at.url.Hostname(), words(f), "Try again later. If it stays, look at the event log of the Exchange server.")
		return false
	}
	n := 0
	for i := range m.Root.Items.List {
		if _, ok := c.s.appointment(&m.Root.Items.List[i], at.webOrGuess()); ok {
			n++
		}
	}
	c.step("view", at.url.Hostname(), "it can be read: "+number(n, "appointment", "appointments")+" in the next 24 hours", "")
	return true
}

func (c *check) notifications(ctx context.Context, at *endpoint, key, mailbox string) {
	host := at.url.Hostname()
	minutes := 0
	switch c.s.c.Notify {
	case NotifyNone:
		c.step("notifications", host, fmt.Sprintf("none are asked for: calendars are read every %v", everyUnheard), "")
		return
	case NotifyPull:
		minutes = 10
	}
	_, m, f := c.ask(ctx, at, key, mailbox, false, func(w *writer, who person) { w.subscribe(who, minutes) })
	switch {
	case f != nil && f.code == "ErrorSubscriptionDelegateAccessNotSupported":
		c.step("notifications", host, words(f), "Have the account act for mailboxes by impersonation, or switch notifications off.")
	case f != nil && f.code == "ErrorExceededSubscriptionCount":
		c.step("notifications", host, words(f), "Other programs subscribe to this mailbox, or did and did not leave; their subscriptions end within the hour. EwsMaxSubscriptions in the throttling policy allows more.")
	case f != nil:
		c.step("notifications", host, words(f), "Try again later. If it stays, choose pull in place of stream, or none.")
	case m.SubscriptionID == "":
		c.step("notifications", host, "the server subscribes, but does not say under which name", "Choose none for notifications.")
	default:
		_, _, f := c.ask(ctx, at, key, mailbox, false, func(w *writer, _ person) { w.unsubscribe(strings.TrimSpace(m.SubscriptionID)) })
		if f != nil {
			c.step("notifications", host, "changes can be subscribed to; the subscription could not be ended and will end by itself", "")
			return
		}
		c.step("notifications", host, "changes can be subscribed to", "")
	}
}

func (c *check) throttling() {
	if c.busy != "" {
		c.step("throttling", "", c.busy, "Allow more, for the mailboxes that are read as the account acts for them, and for the account's own: New-ThrottlingPolicy -Name Doorlight -ThrottlingPolicyScope Regular "+
			"-EwsMaxConcurrency 27 -EwsMaxSubscriptions 5000 -EwsCutoffBalance Unlimited -EwsRechargeRate Unlimited; Set-Mailbox \""+c.s.c.account()+"\" -ThrottlingPolicy Doorlight.")
		return
	}
	h := ""
	c.s.mu.Lock()
	for _, one := range c.s.hosts {
		if e := one.gate.shut(time.Now()); e != nil {
			h = fmt.Sprintf("; %s is left alone for another %v", one.name, e.RetryAfter.Round(time.Second))
		}
	}
	c.s.mu.Unlock()
	c.step("throttling", "", fmt.Sprintf("nothing asked to be left alone; at most %d requests are made to a server at the same time", c.s.c.Limit)+h, "")
}
