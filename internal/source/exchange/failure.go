package exchange

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// scope says whose trouble a failure is, and so whose budget stops.
type scope uint8

const (
	ofNobody  scope = iota // the question's: nothing is stopped
	ofMailbox              // the mailbox's
	ofSilence              // the mailbox's, or the server's if others fare alike
	ofServer               // the server's
	ofSignIn               // the account's
)

// failure is why a call did not come off. What is told to callers is told.
type failure struct {
	told   *source.Error
	code   string // ResponseCode; may be empty
	scope  scope
	wait   time.Duration // that the server wants; not positive: it does not say
	look   bool          // the mailbox may be on another server by now
	detail string        // the server's own words, for the check alone
}

func (f *failure) Error() string { return f.told.Error() }
func (f *failure) Unwrap() error { return f.told }

// meaning is what a ResponseCode means to us.
type meaning struct {
	kind  source.Kind
	scope scope
	look  bool
	text  string
}

// The words are ours; the codes are of ResponseCodeType in the schema.
var meanings = map[string]meaning{
	"ErrorImpersonateUserDenied":                  {source.NotAllowed, ofMailbox, false, "The account that reads calendars may not act for this mailbox. An administrator of Exchange has to give it the role ApplicationImpersonation for it."},
	"ErrorImpersonationDenied":                    {source.NotAllowed, ofMailbox, false, "The account that reads calendars may not act for others on this Exchange server. An administrator of Exchange has to give it the role ApplicationImpersonation."},
	"ErrorImpersonationFailed":                    {source.NotAllowed, ofMailbox, false, "Exchange could not let the account that reads calendars act for this mailbox. Its user account may be disabled, or in a domain that is not trusted."},
	"ErrorInvalidExchangeImpersonationHeaderData": {source.NotAllowed, ofMailbox, false, "Exchange does not understand the name of this mailbox."},
	"ErrorNonExistentMailbox":                     {source.NotFound, ofMailbox, true, "Exchange knows no mailbox with this address."},
	"ErrorNonPrimarySmtpAddress":                  {source.NotFound, ofMailbox, false, "This address is a further one of its mailbox. Enter the primary e-mail address."},
	"ErrorInvalidSmtpAddress":                     {source.NotFound, ofMailbox, false, "Exchange does not take this for an e-mail address."},
	"ErrorInvalidUserPrincipalName":               {source.NotFound, ofMailbox, false, "Exchange knows nobody with this user principal name."},
	"ErrorInvalidUserSid":                         {source.NotFound, ofMailbox, false, "Exchange knows nobody with this security identifier."},
	"ErrorInvalidSid":                             {source.NotFound, ofMailbox, false, "Exchange knows nobody with this security identifier."},
	"ErrorCannotFindUser":                         {source.NotFound, ofMailbox, false, "Exchange knows nobody with this address."},
	"ErrorMailRecipientNotFound":                  {source.NotFound, ofMailbox, false, "Exchange knows nobody with this address."},
	"ErrorMissingExchangePrincipal":               {source.NotFound, ofMailbox, false, "Exchange knows nobody with this address."},
	"ErrorUserWithoutFederatedProxyAddress":       {source.NotFound, ofMailbox, false, "Exchange knows nobody with this address."},
	"ErrorNoCalendar":                             {source.NotFound, ofMailbox, false, "This mailbox has no calendar."},
	"ErrorFolderNotFound":                         {source.NotAllowed, ofMailbox, false, "The calendar of this mailbox is not there, or the account that reads calendars may not see it."},
	"ErrorSyncFolderNotFound":                     {source.NotAllowed, ofMailbox, false, "The calendar of this mailbox is not there, or the account that reads calendars may not see it."},
	"ErrorItemNotFound":                           {source.NotAllowed, ofMailbox, false, "The calendar of this mailbox is not there, or the account that reads calendars may not see it."},
	"ErrorAccessDenied":                           {source.NotAllowed, ofMailbox, false, "The account that reads calendars has no right to read this one."},
	"ErrorAccountDisabled":                        {source.NotAllowed, ofMailbox, false, "The account of this mailbox is disabled in Exchange."},
	"ErrorMailboxLogonFailed":                     {source.NotAllowed, ofMailbox, true, "Exchange could not open this mailbox."},
	"ErrorOrganizationAccessBlocked":              {source.NotAllowed, ofMailbox, false, "Exchange does not let programs into this organisation's mailboxes."},

	"ErrorMailboxMoveInProgress":     {source.Unavailable, ofMailbox, true, "The mailbox is being moved to another Exchange server."},
	"ErrorMailboxFailover":           {source.Unavailable, ofMailbox, true, "The mailbox has just moved to another Exchange server."},
	"ErrorMailboxStoreUnavailable":   {source.Unavailable, ofMailbox, true, "The mailbox cannot be opened at the moment: its database is not in use."},
	"ErrorCrossSiteRequest":          {source.Unavailable, ofMailbox, true, "The mailbox is on another Exchange server, which could not be found."},
	"ErrorProxyRequestNotAllowed":    {source.Unavailable, ofMailbox, true, "The mailbox is on another Exchange server, which could not be reached through this one."},
	"ErrorWrongServerVersion":        {source.Unavailable, ofMailbox, true, "The mailbox is on another Exchange server, of another version."},
	"ErrorConnectionFailed":          {source.Unavailable, ofMailbox, true, "Exchange could not reach the server with this mailbox."},
	"ErrorPasswordExpired":           {source.Credentials, ofSignIn, false, "The password of the account that reads calendars has expired."},
	"ErrorPasswordChangeRequired":    {source.Credentials, ofSignIn, false, "The password of the account that reads calendars has to be changed."},
	"ErrorCallerIsInvalidADAccount":  {source.Credentials, ofSignIn, false, "The account that reads calendars is not one that Exchange lets in."},
	"ErrorServerBusy":                {source.Unavailable, ofMailbox, false, "Exchange is busy and asked to be left alone for a while."},
	"ErrorExceededConnectionCount":   {source.Unavailable, ofMailbox, false, "Exchange allows no further connection at the moment."},
	"ErrorTooManyObjectsOpened":      {source.Unavailable, ofMailbox, false, "Exchange allows no further connection at the moment."},
	"ErrorInsufficientResources":     {source.Unavailable, ofMailbox, false, "Exchange is short of memory at the moment."},
	"ErrorNotEnoughMemory":           {source.Unavailable, ofMailbox, false, "Exchange is short of memory at the moment."},
	"ErrorExceededFindCountLimit":    {source.Unavailable, ofMailbox, false, "Exchange is busy and asked to be left alone for a while."},
	"ErrorExceededSubscriptionCount": {source.Unavailable, ofNobody, false, "Exchange allows no further subscription for this mailbox at the moment."},

	// Of subscriptions: the calendar itself can be read all the same.
	"ErrorSubscriptionNotFound":                   {source.Unavailable, ofNobody, true, "Exchange does not know the subscription to this mailbox any more."},
	"ErrorExpiredSubscription":                    {source.Unavailable, ofNobody, true, "The subscription to this mailbox has come to its end."},
	"ErrorInvalidSubscription":                    {source.Unavailable, ofNobody, true, "Exchange does not know the subscription to this mailbox any more."},
	"ErrorSubscriptionUnsubscribed":               {source.Unavailable, ofNobody, true, "Exchange has ended the subscription to this mailbox."},
	"ErrorSubscriptionAccessDenied":               {source.Unavailable, ofNobody, true, "The subscription to this mailbox is another account's."},
	"ErrorInvalidPullSubscriptionId":              {source.Unavailable, ofNobody, true, "Exchange does not know the subscription to this mailbox any more."},
	"ErrorInvalidWatermark":                       {source.Unavailable, ofNobody, false, "Exchange cannot say what has changed in this mailbox."},
	"ErrorMissedNotificationEvents":               {source.Unavailable, ofNobody, false, "Exchange cannot say what has changed in this mailbox."},
	"ErrorEventNotFound":                          {source.Unavailable, ofNobody, false, "Exchange cannot say what has changed in this mailbox."},
	"ErrorReadEventsFailed":                       {source.Unavailable, ofNobody, true, "Exchange cannot say what has changed in this mailbox."},
	"ErrorProxiedSubscriptionCallFailure":         {source.Unavailable, ofNobody, true, "Exchange could not reach the server with the subscription to this mailbox."},
	"ErrorNewEventStreamConnectionOpened":         {source.Unavailable, ofNobody, false, "Another connection asks for the same subscriptions."},
	"ErrorSubscriptionDelegateAccessNotSupported": {source.NotAllowed, ofNobody, false, "Exchange tells of no changes to accounts that read a calendar as a delegate. It is polled."},
	"ErrorInvalidSyncStateData":                   {source.Unavailable, ofNobody, false, "Exchange does not know what was read of this calendar."},

	"ErrorSchemaValidation":       {source.Other, ofMailbox, false, "Exchange does not understand what it was asked. It may be older than 2010 SP1."},
	"ErrorInvalidRequest":         {source.Other, ofMailbox, false, "Exchange does not understand what it was asked."},
	"ErrorInvalidOperation":       {source.Other, ofMailbox, false, "Exchange does not do what it was asked."},
	"ErrorInvalidPropertyRequest": {source.Other, ofMailbox, false, "Exchange does not know something it was asked for. It may be older than 2010 SP1."},
}

// transient are endings of codes that say it may go better next time; what is not known is taken for that too.
func meaningOf(code string) meaning {
	if m, ok := meanings[code]; ok {
		return m
	}
	return meaning{source.Unavailable, ofMailbox, strings.HasPrefix(code, "ErrorProxy"),
		"Exchange has a problem with this mailbox at the moment (" + safeCode(code) + ")."}
}

// safeCode lets a code through that may be one.
func safeCode(code string) string {
	if code == "" || len(code) > 80 {
		return "no code"
	}
	for _, r := range code {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return "no code"
		}
	}
	return code
}

// explainRefusal makes a failure of what the server said. Budgets are the mailbox's where the account acts for it (since 2010
// SP3), else the account's own, which is everybody's.
func (s *System) explainRefusal(r *refusal, where string, impersonated bool) *failure {
	m := meaningOf(r.code)
	f := &failure{code: r.code, scope: m.scope, wait: r.wait, look: m.look, detail: r.text,
		told: &source.Error{Kind: m.kind, Text: m.text, Status: statusOf(r.status), Err: fmt.Errorf("%s answers %s", where, safeCode(r.code))}}
	if busy[r.code] && !impersonated {
		f.scope, f.told.Whole = ofServer, true
	}
	if f.scope == ofSignIn {
		f.told.Whole = true
	}
	return f
}

func statusOf(status int) int {
	if status == http.StatusOK {
		return 0
	}
	return status
}

// explainStatus makes a failure of an answer without SOAP in it.
func explainStatus(resp *http.Response, where string) *failure {
	status := resp.StatusCode
	fail := func(k source.Kind, sc scope, format string, args ...any) *failure {
		return &failure{scope: sc, told: &source.Error{Kind: k, Text: fmt.Sprintf(format, args...), Status: status,
			Err: fmt.Errorf("%s answers %d %s", where, status, http.StatusText(status))}}
	}
	switch {
	case status == http.StatusOK:
		return fail(source.Other, ofSilence, "%s answers, but not as Exchange does. A page to sign in at or a firewall may stand in between.", where)
	case status == http.StatusUnauthorized:
		f := fail(source.Credentials, ofSignIn, "%s did not accept the account that reads calendars, or its password.", where)
		f.told.Whole = true
		return f
	case status == http.StatusForbidden:
		return fail(source.NotAllowed, ofMailbox, "%s does not allow programs to read this mailbox through Exchange Web Services.", where)
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusMethodNotAllowed:
		f := fail(source.NotFound, ofSilence, "%s has no Exchange Web Services at this address.", where)
		f.look = true
		return f
	case status >= 300 && status < 400:
		f := fail(source.Other, ofSilence, "%s sends on to another address. Enter the address of Exchange Web Services itself, which ends in /EWS/Exchange.asmx.", where)
		f.look = true
		return f
	case status == 456: // Exchange: the account is blocked
		f := fail(source.Credentials, ofSignIn, "The account that reads calendars is blocked.")
		f.told.Whole = true
		return f
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		f := fail(source.Unavailable, ofSilence, "%s is busy and asked to be left alone for a while.", where)
		if f.wait = source.RetryAfter(resp.Header); f.wait > 0 {
			f.scope, f.told.Whole = ofServer, true
		}
		return f
	}
	return fail(source.Unavailable, ofSilence, "%s has a problem at the moment (%d).", where, status)
}

// explainNetwork makes a failure of an error of the connection. ctx is the caller's: where it has ended, that is the
// reason, and nobody's trouble.
func explainNetwork(ctx context.Context, where string, limit time.Duration, err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if ctx.Err() != nil {
		return &failure{told: &source.Error{Kind: source.Unavailable, Text: "The request was given up before " + where + " answered.", Err: context.Cause(ctx)}}
	}
	fail := func(k source.Kind, sc scope, text string) *failure {
		return &failure{scope: sc, look: sc == ofServer, told: &source.Error{Kind: k, Text: text, Whole: sc == ofServer, Err: fmt.Errorf("%s: %w", where, err)}}
	}
	var (
		dns      *net.DNSError
		cert     *tls.CertificateVerificationError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		issuer   x509.UnknownAuthorityError
		record   tls.RecordHeaderError
		timeout  interface{ Timeout() bool }
		op       *net.OpError
	)
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &hostname):
		return fail(source.Unavailable, ofServer, "The certificate of "+where+" is made out to another name.")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail(source.Unavailable, ofServer, "The certificate of "+where+" has expired or is not valid yet.")
	case errors.As(err, &issuer):
		return fail(source.Unavailable, ofServer, "The certificate of "+where+" comes from an authority this server does not know.")
	case errors.As(err, &cert):
		return fail(source.Unavailable, ofServer, "The certificate of "+where+" is not valid.")
	case errors.As(err, &record):
		return fail(source.Unavailable, ofServer, where+" does not speak https on this port.")
	case errors.As(err, &dns) && dns.IsNotFound:
		return fail(source.Unavailable, ofServer, "There is no server with the name "+where+".")
	case errors.As(err, &dns):
		return fail(source.Unavailable, ofServer, "The name "+where+" cannot be looked up at the moment.")
	case dialing && errors.Is(err, syscall.ECONNREFUSED):
		return fail(source.Unavailable, ofServer, where+" refuses the connection.")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return fail(source.Unavailable, ofServer, "There is no way through the network to "+where+".")
	case dialing && outbound.Refused(err):
		return fail(source.NotAllowed, ofServer, where+" is in a network that this server may not reach; an administrator can allow it.")
	case dialing:
		return fail(source.Unavailable, ofServer, where+" cannot be reached.")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fail(source.Unavailable, ofSilence, fmt.Sprintf("%s did not answer in full within %v.", where, limit))
	}
	return fail(source.Unavailable, ofSilence, "The connection to "+where+" broke off.")
}

// garbled makes a failure of an answer that cannot be read.
func garbled(where string, err error) *failure {
	return &failure{scope: ofMailbox, told: &source.Error{Kind: source.Unavailable, Err: fmt.Errorf("%s: %w", where, err),
		Text: "What " + where + " answers cannot be understood: " + wordsOf(err) + "."}}
}

// wordsOf are what a parser says, without what it read.
func wordsOf(err error) string {
	switch {
	case errors.Is(err, errTooDeep), errors.Is(err, errTooMany):
		return err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it breaks off"
	}
	return "it is not what Exchange sends"
}
