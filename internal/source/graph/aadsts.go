package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// trouble is what a number of Entra ID means here. The numbers are those of
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes. Microsoft may change them, so what the server
// does depends on the OAuth code only (RFC 6749 §5.2); the numbers choose the words.
type trouble struct {
	text   string // a sentence
	remedy string // what an administrator does about it
}

var troubles = map[int]trouble{
	7000215: {"Microsoft 365 does not accept the application's secret.", "Make a new client secret on the page Certificates & secrets of the app registration, and enter its value, not its ID."},
	7000222: {"The application's secret has expired.", "Make a new client secret on the page Certificates & secrets of the app registration, and enter its value."},
	7000216: {"Microsoft 365 asks for a secret or certificate of the application.", "Enter a client secret or a certificate."},
	700027:  {"Microsoft 365 does not know the application's certificate, or it has expired.", "Upload the certificate on the page Certificates & secrets of the app registration."},
	700024:  {"Microsoft 365 finds the signature of this server not valid yet or no longer valid.", "Set this server's clock: it differs from that of Microsoft 365 by minutes."},
	700016:  {"The directory knows no application with this ID.", "Compare the application (client) ID with the overview page of the app registration. Of an application of another directory, an administrator of yours has to consent first."},
	7000112: {"The application is switched off in the directory.", "Open Enterprise applications, choose the application and set Enabled for users to sign-in to Yes."},
	90002:   {"There is no directory with this ID.", "Compare the directory (tenant) ID with the overview page of the app registration, and the cloud."},
	900023:  {"There is no directory with this ID.", "Compare the directory (tenant) ID with the overview page of the app registration, and the cloud."},
	50011:   {"The address to return to is not registered with the application.", "Add the redirect URI, exactly as this server shows it, under Authentication of the app registration, as platform Web."},
	65001:   {"Nobody has agreed yet to what the application asks for.", "Open API permissions of the app registration and choose Grant admin consent, or let the user agree when signing in."},
	65004:   {"The user did not agree to what the application asks for.", "Connect the account again and accept what is asked, or grant admin consent under API permissions of the app registration."},
	90094:   {"In this directory an administrator has to agree first.", "Open API permissions of the app registration and choose Grant admin consent."},
	50105:   {"The user is not assigned to the application.", "Open Enterprise applications, choose the application and assign the user under Users and groups."},
	53003:   {"A rule of the directory (Conditional Access) blocks the sign-in.", "Look at the user's sign-in logs in Entra ID: they name the policy. Exclude the application or let the user meet it."},
	53000:   {"A rule of the directory (Conditional Access) asks for a managed device.", "Look at the user's sign-in logs in Entra ID: they name the policy."},
	53001:   {"A rule of the directory (Conditional Access) asks for a joined device.", "Look at the user's sign-in logs in Entra ID: they name the policy."},
	50076:   {"The directory asks for a second factor.", "Connect the account again and confirm with the second factor."},
	50078:   {"The confirmation by a second factor has expired.", "Connect the account again and confirm with the second factor."},
	50079:   {"The user has to set up a second factor first.", "Connect the account again and follow the instructions."},
	50158:   {"The directory asks for something that another provider checks.", "Connect the account again and follow the instructions."},
	50173:   {"The sign-in was withdrawn, perhaps because the password was changed.", "Connect the account again."},
	70008:   {"The sign-in has expired.", "Connect the account again."},
	700082:  {"The sign-in has expired, because it was not used for a long time.", "Connect the account again."},
	700084:  {"The sign-in has expired.", "Connect the account again."},
	70000:   {"The sign-in is not valid any more.", "Connect the account again."},
	700003:  {"The device that was used to sign in is gone.", "Connect the account again."},
	54005:   {"The code was used already.", "Connect the account again."},
	501481:  {"The sign-in was begun in another browser.", "Connect the account again."},
	50034:   {"The directory does not know the user.", "Sign in with a work account of this directory."},
	50020:   {"The user is of another directory.", "Sign in with a work account of this directory."},
	50055:   {"The user's password has expired.", "Let the user change the password, then connect the account again."},
	50057:   {"The user's account is switched off.", "Switch the account on in Entra ID, then connect it again."},
	50126:   {"User name or password are wrong.", "Connect the account again."},
	50194:   {"The application is registered for one directory only.", "Enter the directory's ID in place of common or organizations."},
	7000218: {"The application is registered as a web application and needs a secret or certificate.", "Enter a client secret or a certificate."},
	9002325: {"The redirect URI is registered for another kind of application.", "Register the redirect URI under Authentication of the app registration, as platform Web."},
	500011:  {"The directory does not have Microsoft Graph at this address.", "Check the cloud."},
	50196:   {"Microsoft 365 stops the application because it asks for tokens over and over.", "Wait five minutes."},
	90033:   {"Microsoft 365 has a problem with signing in at the moment.", ""},
	50132:   {"The sign-in was withdrawn.", "Connect the account again."},
	700030:  {"The application's certificate is not right.", "Upload the certificate on the page Certificates & secrets of the app registration."},
	50128:   {"There is no directory with this name.", "Check the directory (tenant) ID."},
	50059:   {"Microsoft 365 cannot tell which directory is meant.", "Enter the directory (tenant) ID."},
	530032:  {"A rule of the directory (Conditional Access) blocks the sign-in.", "Look at the user's sign-in logs in Entra ID: they name the policy."},
	50074:   {"The directory asks for a second factor.", "Connect the account again and confirm with the second factor."},
	50072:   {"The user has to set up a second factor first.", "Connect the account again and follow the instructions."},
	50058:   {"Nobody is signed in.", "Connect the account again."},
	500121:  {"The confirmation by a second factor did not succeed.", "Connect the account again."},
	53004:   {"The user has to set up a second factor first.", "Connect the account again and follow the instructions."},
	70043:   {"The sign-in has expired, because the directory allows it for a limited time.", "Connect the account again."},
	650057:  {"The application does not list Microsoft Graph among its permissions.", "Add Microsoft Graph under API permissions of the app registration, with the permissions that it is to have."},
	650053:  {"The application asks for a permission that Microsoft Graph does not have.", "Check the cloud."},
	700021:  {"The application's certificate is not right.", "Upload the certificate on the page Certificates & secrets of the app registration."},
	700023:  {"The application's signature is for somebody else.", "Check the cloud."},
	90072:   {"The account is not of this directory.", "Sign in with a work account of this directory."},
	50053:   {"The user's account is locked for the moment.", "Wait, then connect the account again."},
}

var aadsts = regexp.MustCompile(`\bAADSTS([0-9]{4,8})\b`)

// readLogin reads an error of Entra ID (entra/identity-platform/v2-oauth2-client-creds-grant-flow, error response).
func readLogin(status int, code, description string, numbers []int, correlation string) *loginError {
	e := &loginError{status: status, code: code, correlationID: correlation}
	if m := aadsts.FindStringSubmatch(description); m != nil {
		e.number, _ = strconv.Atoi(m[1])
	} else if len(numbers) > 0 {
		e.number = numbers[0]
	}
	if !wordOnly.MatchString(e.code) {
		e.code = ""
	}
	if !wordOnly.MatchString(e.correlationID) {
		e.correlationID = ""
	}
	return e
}

// words says what happened and what to do about it.
func (e *loginError) words() (text, remedy string) {
	if t, ok := troubles[e.number]; ok {
		return t.text, t.remedy
	}
	switch e.code {
	case "invalid_grant", "interaction_required", "login_required":
		text, remedy = "The sign-in with Microsoft 365 is not valid any more.", "Connect the account again."
	case "consent_required":
		return troubles[65001].text, troubles[65001].remedy
	case "access_denied":
		text, remedy = "The sign-in with Microsoft 365 was cancelled, or is not allowed.", "Connect the account again."
	case "invalid_client", "unauthorized_client":
		text, remedy = "Microsoft 365 does not accept the application.", "Compare its IDs, secret and certificate with the app registration."
	case "temporarily_unavailable", "server_error":
		text = "Microsoft 365 has a problem with signing in at the moment."
	default:
		text = "Microsoft 365 refuses the sign-in."
	}
	if e.number != 0 {
		text += fmt.Sprintf(" It calls the reason AADSTS%d.", e.number)
	}
	return text, remedy
}

// loginFailure makes an error of a refusal of the token endpoint. own says that it is the application that signed in,
// not a user.
func (s *System) loginFailure(resp *outbound.Response, own bool) *source.Error {
	var body struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
		Numbers     []int  `json:"error_codes"`
		Correlation string `json:"correlation_id"`
	}
	_ = json.Unmarshal(resp.Body, &body) // a body that is none leaves the status
	l := readLogin(resp.Status, body.Code, body.Description, body.Numbers, body.Correlation)
	e := &source.Error{Kind: source.Unavailable, Status: resp.Status, Err: l, Whole: true}
	text, remedy := l.words()
	e.Text = join(text, remedy)
	wait := source.RetryAfter(resp.Header)
	switch {
	case resp.Status == http.StatusTooManyRequests || resp.Status >= 500:
		e.RetryAfter = wait
		if l.code == "" {
			e.Text = "Microsoft 365 has a problem with signing in at the moment."
		}
	case l.code == "invalid_client" || l.code == "unauthorized_client" || own:
		// For an administrator, who changes the application there or here. Until then a question a minute is enough to notice.
		if l.code != "temporarily_unavailable" {
			e.RetryAfter = max(wait, time.Minute)
		}
	case l.code == "invalid_grant" || l.code == "interaction_required" || l.code == "login_required" || l.code == "consent_required" || l.code == "access_denied":
		e.Kind, e.Whole = source.Credentials, false
		e.Text = join(text, "Connect the account again.")
		if remedy != "" && remedy != "Connect the account again." {
			e.Text = join(text, remedy)
		}
	}
	return e
}

func join(text, remedy string) string {
	if remedy == "" {
		return text
	}
	return text + " " + remedy
}
