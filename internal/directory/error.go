package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
)

// What may go wrong, for errors.Is. The texts of ErrWrong to ErrExpired hold nothing that was typed: people type
// passwords where their name belongs.
var (
	ErrWrong    = errors.New("unknown login or wrong password")
	ErrDisabled = errors.New("the account is disabled")
	ErrLocked   = errors.New("the account is locked for a while")
	ErrExpired  = errors.New("the account or its password has expired")
	// ErrAmbiguous comes along with ErrWrong: several entries match a login, so nobody is let in.
	ErrAmbiguous = errors.New("several entries match the login")
	// ErrUnreachable: no server answered, or the connection broke, or took too long. It may be better later.
	ErrUnreachable = errors.New("the directory cannot be reached")
	// ErrRefused: a server answered, but does not do what was asked, such as letting in the account that reads. It
	// takes somebody to set it right.
	ErrRefused = errors.New("the directory refuses")
	// ErrIncomplete: a listing ended before its end. ReferralError is one.
	ErrIncomplete = errors.New("the listing is not complete")
)

// ReferralError says that a part of the base is kept by other servers, which were not asked: they are not in the
// configuration, so they get no password.
type ReferralError struct {
	To []string // addresses without anything but server and DN
}

func (e *ReferralError) Error() string {
	return "the server refers to others for a part of the base: " + strings.Join(e.To, ", ")
}

func (e *ReferralError) Is(target error) bool { return target == ErrIncomplete }

// network reports whether an error is of the connection and not an answer.
func network(err error) bool {
	e, ok := errors.AsType[*ldap.Error](err)
	return !ok || local(e)
}

// local reports whether the library made up the result and not the server, whose codes may be of any size.
func local(e *ldap.Error) bool {
	return e.ResultCode >= ldap.ErrorNetwork && e.ResultCode <= ldap.ErrorMalformedPacket
}

// explain wraps an error of a call in what it means. ctx is the caller's: where it has ended, that is the reason.
func explain(ctx context.Context, doing string, err error) error {
	switch e, ok := errors.AsType[*ldap.Error](err); {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil:
		return fmt.Errorf("directory: %s: %w", doing, context.Cause(ctx))
	case errors.Is(err, ErrUnreachable), errors.Is(err, ErrRefused), errors.Is(err, ErrIncomplete):
		return fmt.Errorf("directory: %s: %w", doing, err)
	case network(err), ok && (e.ResultCode == ldap.LDAPResultBusy || e.ResultCode == ldap.LDAPResultUnavailable):
		return fmt.Errorf("directory: %s: %w: %s", doing, ErrUnreachable, words(err))
	case ok && (e.ResultCode == ldap.LDAPResultSizeLimitExceeded || e.ResultCode == ldap.LDAPResultTimeLimitExceeded ||
		e.ResultCode == ldap.LDAPResultAdminLimitExceeded):
		return fmt.Errorf("directory: %s: %w: %s", doing, ErrIncomplete, words(err))
	}
	return fmt.Errorf("directory: %s: %w: %s", doing, ErrRefused, words(err))
}

// words are what an error says, with what a server wrote made fit for a log line.
func words(err error) string {
	e, ok := errors.AsType[*ldap.Error](err)
	if !ok {
		return clip(err.Error())
	}
	if local(e) {
		return clip(e.Err.Error())
	}
	name := ldap.LDAPResultCodeMap[e.ResultCode]
	if name == "" {
		name = "unknown result"
	}
	s := fmt.Sprintf("%s (%d)", strings.ToLower(name), e.ResultCode)
	if said := clip(e.Err.Error()); said != "" {
		s += ": " + said
	}
	return s
}

// clip makes outside text harmless: one line, valid UTF-8, not long.
func clip(s string) string {
	const most = 300
	s = clean(s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// clean makes a value valid UTF-8 on one line.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
}

// subCode reads the code that Active Directory hides in the diagnostic message of a refused bind: "80090308: LdapErr:
// DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v2580".
func subCode(message string) (code uint32, ok bool) {
	if !strings.Contains(message, "AcceptSecurityContext") {
		return 0, false
	}
	_, rest, found := strings.Cut(message, ", data ")
	if !found {
		return 0, false
	}
	digits, _, _ := strings.Cut(rest, ",")
	n, err := strconv.ParseUint(strings.TrimRight(digits, " \x00"), 16, 32)
	return uint32(n), err == nil && n != 0
}

// subCodes are the reasons of Active Directory: Windows system error codes, in hexadecimal ([MS-ERREF] §2.2).
var subCodes = map[uint32]struct {
	err error
	why string
}{
	0x525: {ErrWrong, ""},                                              // ERROR_NO_SUCH_USER
	0x52e: {ErrWrong, ""},                                              // ERROR_LOGON_FAILURE
	0x52f: {ErrDisabled, "its restrictions do not allow to sign in"},   // ERROR_ACCOUNT_RESTRICTION
	0x530: {ErrDisabled, "it may not sign in at this hour"},            // ERROR_INVALID_LOGON_HOURS
	0x531: {ErrDisabled, "it may not sign in from this computer"},      // ERROR_INVALID_WORKSTATION
	0x532: {ErrExpired, "the password has expired"},                    // ERROR_PASSWORD_EXPIRED
	0x533: {ErrDisabled, ""},                                           // ERROR_ACCOUNT_DISABLED
	0x534: {ErrDisabled, "it may not sign in this way"},                // ERROR_LOGON_TYPE_NOT_GRANTED
	0x701: {ErrExpired, "the account has expired"},                     // ERROR_ACCOUNT_EXPIRED
	0x773: {ErrExpired, "the password has to be changed first"},        // ERROR_PASSWORD_MUST_CHANGE
	0x775: {ErrLocked, "after too many attempts with wrong passwords"}, // ERROR_ACCOUNT_LOCKED_OUT
}

// refusal returns an error with its reason, if there is one.
func refusal(err error, why string) error {
	if why == "" {
		return fmt.Errorf("directory: sign in: %w", err)
	}
	return fmt.Errorf("directory: sign in: %w: %s", err, why)
}
