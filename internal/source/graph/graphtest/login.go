package graphtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token is an access token.
type token struct {
	app     *App
	box     *mailbox // who signed in; nil: the application itself
	roles   []string
	scopes  []string
	expires time.Time
}

type refresh struct {
	app      string
	box      *mailbox
	scopes   []string
	replaced time.Time // zero: it is the newest
	revoked  int       // AADSTS number; zero: it is good
}

type code struct {
	app       string
	box       *mailbox
	redirect  string
	challenge string
	scopes    []string
	nonce     string
	expires   time.Time
	used      bool
}

const graphResource = "00000003-0000-0000-c000-000000000000" // Microsoft Graph's own application ID

func (s *Server) loginHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.op("token", s.serveToken))
	mux.HandleFunc("GET /{tenant}/oauth2/v2.0/authorize", s.op("authorize", s.serveAuthorize))
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/authorize", s.op("authorize", s.serveAuthorize))
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.op("configuration", s.serveConfiguration))
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", s.op("keys", s.serveKeys))
	return mux
}

// op counts a call to the sign-in service, and does badly what a rule says.
func (s *Server) op(name string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.counted(name)
		if rule := s.rule(name, nil); rule != nil {
			switch rule.Do {
			case Drop, Half:
				panic(http.ErrAbortHandler)
			case Hang:
				s.hang(r)
				panic(http.ErrAbortHandler)
			case Slow:
				s.pause(r, rule.Delay)
			case Answer:
				if rule.RetryAfter > 0 {
					w.Header().Set("Retry-After", fmt.Sprint(int(rule.RetryAfter/time.Second)))
				}
				s.refuseToken(w, rule.Status, rule.Code, 90033, "A transient error has occurred. Please try again.")
				return
			}
		}
		start := time.Now()
		defer func() { s.worked(time.Since(start)) }()
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		h(w, r)
	}
}

func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.life.Done():
	}
}

func (s *Server) pause(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.life.Done():
	}
}

// refuseToken answers as the token endpoint does (entra/identity-platform/v2-oauth2-auth-code-flow, error response).
func (s *Server) refuseToken(w http.ResponseWriter, status int, code string, number int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	now := s.now().UTC()
	trace, correlation := randomGUID(), randomGUID()
	json.NewEncoder(w).Encode(map[string]any{
		"error": code, "error_codes": []int{number}, "timestamp": now.Format("2006-01-02 15:04:05Z"), "trace_id": trace, "correlation_id": correlation,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", number, text, trace, correlation, now.Format("2006-01-02 15:04:05Z")),
		"error_uri":         fmt.Sprintf("%s/error?code=%d", s.LoginURL, number),
	})
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.refuseToken(w, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
		return
	}
	f := r.PostForm
	for name, values := range f {
		if len(values) > 1 {
			s.refuseToken(w, 400, "invalid_request", 9002313, "Invalid request. The parameter "+name+" is repeated.")
			return
		}
	}
	tenant := strings.ToLower(r.PathValue("tenant"))
	kind := f.Get("grant_type")
	if f.Has("claims") {
		s.counted("claims")
	}
	if tenant != s.Tenant && !(tenant == "organizations" || tenant == "common") {
		s.refuseToken(w, 400, "invalid_request", 90002, "Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.")
		return
	}
	if tenant != s.Tenant && kind == "client_credentials" {
		s.refuseToken(w, 400, "invalid_request", 50059, "No tenant-identifying information found in either the request or implied by any provided credentials.")
		return
	}
	s.mu.RLock()
	app := s.apps[strings.ToLower(f.Get("client_id"))]
	s.mu.RUnlock()
	switch {
	case f.Get("client_id") == "":
		s.refuseToken(w, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
		return
	case app == nil:
		s.refuseToken(w, 400, "unauthorized_client", 700016, "Application with identifier '"+f.Get("client_id")+"' was not found in the directory.")
		return
	}
	if status, number, text := s.authenticate(app, f, s.LoginURL+r.URL.Path); number != 0 {
		s.refuseToken(w, status, "invalid_client", number, text)
		return
	}
	switch kind {
	case "client_credentials":
		if f.Get("scope") != s.GraphURL+"/.default" {
			s.refuseToken(w, 400, "invalid_scope", 1002012, "The provided value for scope "+f.Get("scope")+" is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
			return
		}
		s.issue(w, &token{app: app, roles: app.Roles}, nil, "")
	case "authorization_code":
		s.redeemCode(w, app, f)
	case "refresh_token":
		s.redeemRefresh(w, app, f)
	case "":
		s.refuseToken(w, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
	default:
		s.refuseToken(w, 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '"+kind+"'.")
	}
}

// authenticate checks the application's secret or assertion. number is zero if it is good.
func (s *Server) authenticate(app *App, f url.Values, endpoint string) (status, number int, text string) {
	now := s.now()
	switch {
	case f.Get("client_secret") != "" && f.Has("client_assertion"):
		return 400, 9002313, "Invalid request. Request is malformed or invalid."
	case f.Get("client_secret") != "":
		if app.Secret == "" || subtle.ConstantTimeCompare([]byte(f.Get("client_secret")), []byte(app.Secret)) != 1 {
			return 401, 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + app.ID + "'."
		}
		if !app.SecretExpires.IsZero() && now.After(app.SecretExpires) {
			return 401, 7000222, "The provided client secret keys for app '" + app.ID + "' are expired."
		}
		return 0, 0, ""
	case f.Has("client_assertion"):
		if f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return 400, 700023, "The client assertion type is not supported."
		}
		return s.checkAssertion(app, f.Get("client_assertion"), endpoint, now)
	}
	return 401, 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
}

// checkAssertion is strict about entra/identity-platform/certificate-credentials.
func (s *Server) checkAssertion(app *App, text, endpoint string, now time.Time) (int, int, string) {
	bad := func(number int, text string) (int, int, string) { return 401, number, text }
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return bad(50027, "JWT token is invalid or malformed.")
	}
	var header struct {
		Alg  string `json:"alg"`
		Typ  string `json:"typ"`
		X5t  string `json:"x5t"`
		X5t2 string `json:"x5t#S256"`
	}
	var claims struct {
		Aud any    `json:"aud"`
		Iss string `json:"iss"`
		Sub string `json:"sub"`
		Jti string `json:"jti"`
		Nbf int64  `json:"nbf"`
		Iat int64  `json:"iat"`
		Exp int64  `json:"exp"`
	}
	for i, into := range []any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			return bad(50027, "JWT token is invalid or malformed.")
		}
	}
	if header.Alg != "PS256" || header.Typ != "JWT" || header.X5t2 == "" {
		return bad(50027, "JWT token is invalid or malformed: alg, typ or x5t#S256 of the header.")
	}
	var key *rsa.PublicKey
	var ends time.Time
	for _, c := range app.Certificates {
		sum := sha256.Sum256(c.Raw)
		if b64(sum[:]) == header.X5t2 {
			key, _ = c.PublicKey.(*rsa.PublicKey)
			ends = c.NotAfter
		}
	}
	if key == nil {
		return bad(700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
	}
	if now.After(ends) {
		return bad(700027, "The certificate with identifier used to sign the client assertion is expired on application.")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
		return bad(700027, "Client assertion failed signature validation.")
	}
	audience, _ := claims.Aud.(string)
	if list, ok := claims.Aud.([]any); ok && len(list) == 1 {
		audience, _ = list[0].(string)
	}
	const skew = 300
	switch at := now.Unix(); {
	case audience != endpoint:
		return bad(700023, "Client assertion audience claim does not match Realm issuer.")
	case !strings.EqualFold(claims.Iss, app.ID):
		return bad(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	case !strings.EqualFold(claims.Sub, app.ID):
		return bad(700021, "Client assertion subject doesn't match 'client_id' parameter.")
	case claims.Jti == "" || claims.Exp == 0 || claims.Nbf == 0:
		return bad(50027, "JWT token is invalid or malformed: jti, nbf or exp is missing.")
	case claims.Exp+skew < at || claims.Nbf-skew > at:
		return bad(700024, "Client assertion is not within its valid time range.")
	case claims.Exp-claims.Nbf > 24*3600:
		return bad(700024, "Client assertion is valid for too long.")
	}
	return 0, 0, ""
}

func (s *Server) redeemCode(w http.ResponseWriter, app *App, f url.Values) {
	s.mu.Lock()
	c := s.codes[f.Get("code")]
	var again bool
	if c != nil {
		again, c.used = c.used, true
	}
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(f.Get("code_verifier")))
	switch {
	case c == nil || c.app != app.ID || s.now().After(c.expires):
		s.refuseToken(w, 400, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity.")
	case again:
		s.refuseToken(w, 400, "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
	case f.Get("redirect_uri") != c.redirect:
		s.refuseToken(w, 400, "invalid_grant", 500112, "The reply address does not match the reply address provided when requesting the authorization code.")
	case f.Get("code_verifier") == "" || subtle.ConstantTimeCompare([]byte(b64(sum[:])), []byte(c.challenge)) != 1:
		s.refuseToken(w, 400, "invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	default:
		s.issue(w, &token{app: app, box: c.box, scopes: c.scopes}, c.scopes, c.nonce)
	}
}

func (s *Server) redeemRefresh(w http.ResponseWriter, app *App, f url.Values) {
	now := s.now()
	s.mu.Lock()
	r := s.refreshes[f.Get("refresh_token")]
	number := 0
	switch {
	case r == nil || r.app != app.ID:
		number = 9002313
	case r.revoked != 0:
		number = r.revoked
	case !r.replaced.IsZero() && now.Sub(r.replaced) > s.c.Grace:
		number = 70000
	case r.replaced.IsZero():
		r.replaced = now
	}
	s.mu.Unlock()
	if number != 0 {
		s.refuseToken(w, 400, "invalid_grant", number, "The provided grant has expired, was revoked, or is malformed.")
		return
	}
	scopes := r.scopes
	if f.Get("scope") != "" {
		for _, one := range s.parseScopes(f.Get("scope")) {
			if !slices.Contains(r.scopes, one) {
				s.refuseToken(w, 400, "invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '"+app.ID+"'. Send an interactive authorization request for this user and resource.")
				return
			}
		}
	}
	s.issue(w, &token{app: app, box: r.box, scopes: scopes}, scopes, "")
}

// parseScopes strips the address of Graph.
func (s *Server) parseScopes(text string) []string {
	var out []string
	for _, one := range strings.Fields(text) {
		out = append(out, strings.TrimPrefix(one, s.GraphURL+"/"))
	}
	return out
}

// issue answers with tokens.
func (s *Server) issue(w http.ResponseWriter, t *token, scopes []string, nonce string) {
	now := s.now()
	t.expires = now.Add(s.c.TokenLife)
	claims := map[string]any{"aud": s.GraphURL, "iss": "https://sts.windows.net/" + s.Tenant + "/", "iat": now.Unix(), "nbf": now.Unix(), "exp": t.expires.Unix(),
		"appid": t.app.ID, "tid": s.Tenant, "ver": "1.0", "uti": rand.Text()}
	if t.box != nil {
		claims["scp"], claims["oid"], claims["upn"] = strings.Join(scopes, " "), t.box.info.ID, t.box.info.UPN
	} else {
		claims["roles"], claims["idtyp"] = t.roles, "app"
	}
	access, err := s.jwt(claims)
	if err != nil {
		panic(err) // a key that signed before
	}
	answer := map[string]any{"token_type": "Bearer", "expires_in": int(s.c.TokenLife / time.Second), "ext_expires_in": int(s.c.TokenLife / time.Second), "access_token": access}
	s.mu.Lock()
	s.tokens[access] = t
	if t.box != nil {
		var granted []string
		for _, one := range scopes {
			if strings.Contains(one, ".") {
				granted = append(granted, one)
			}
		}
		answer["scope"] = strings.Join(granted, " ")
		if slices.Contains(scopes, "offline_access") {
			text := "1.A" + rand.Text() + rand.Text()
			s.refreshes[text] = &refresh{app: t.app.ID, box: t.box, scopes: scopes}
			answer["refresh_token"] = text
		}
	}
	s.mu.Unlock()
	if t.box != nil && slices.Contains(scopes, "openid") {
		id := map[string]any{"aud": t.app.ID, "iss": s.LoginURL + "/" + s.Tenant + "/v2.0", "iat": now.Unix(), "nbf": now.Unix(), "exp": t.expires.Unix(),
			"tid": s.Tenant, "oid": t.box.info.ID, "sub": s.guid("sub" + t.app.ID + t.box.info.ID), "ver": "2.0"}
		if nonce != "" {
			id["nonce"] = nonce
		}
		if slices.Contains(scopes, "profile") {
			id["name"], id["preferred_username"] = t.box.info.Name, t.box.info.UPN
		}
		text, err := s.jwt(id)
		if err != nil {
			panic(err)
		}
		answer["id_token"] = text
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	json.NewEncoder(w).Encode(answer)
}

func (s *Server) serveConfiguration(w http.ResponseWriter, r *http.Request) {
	tenant := strings.ToLower(r.PathValue("tenant"))
	if tenant != s.Tenant && tenant != "common" && tenant != "organizations" {
		s.refuseToken(w, 400, "invalid_tenant", 90002, "Tenant '"+tenant+"' not found.")
		return
	}
	base := s.LoginURL + "/" + tenant
	issuer := s.LoginURL + "/" + tenant + "/v2.0"
	if tenant != s.Tenant {
		issuer = s.LoginURL + "/{tenantid}/v2.0"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(map[string]any{
		"issuer": issuer, "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
		"jwks_uri": base + "/discovery/v2.0/keys", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"scopes_supported": []string{"openid", "profile", "email", "offline_access"},
	})
}

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{"kty": "RSA", "use": "sig", "kid": s.keyID(),
		"n": b64(s.key.N.Bytes()), "e": b64(big.NewInt(int64(s.key.E)).Bytes())}}})
}

// serveAuthorize is the page where a user signs in and consents.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	f := r.Form
	page := func(status int, name string, data map[string]any) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		pages.ExecuteTemplate(w, name, data)
	}
	fail := func(number int, text string) {
		page(http.StatusBadRequest, "error", map[string]any{"Number": number, "Text": text})
	}
	tenant := strings.ToLower(r.PathValue("tenant"))
	if tenant != s.Tenant && tenant != "organizations" && tenant != "common" {
		fail(90002, "Tenant not found.")
		return
	}
	s.mu.RLock()
	app := s.apps[strings.ToLower(f.Get("client_id"))]
	s.mu.RUnlock()
	if app == nil {
		fail(700016, "Application was not found in the directory.")
		return
	}
	if !slices.Contains(app.RedirectURIs, f.Get("redirect_uri")) {
		fail(50011, "The redirect URI specified in the request does not match the redirect URIs configured for the application.")
		return
	}
	back, err := url.Parse(f.Get("redirect_uri"))
	if err != nil {
		fail(50011, "The redirect URI is not valid.")
		return
	}
	finish := func(values url.Values) {
		if state := f.Get("state"); state != "" {
			values.Set("state", state)
		}
		values.Set("session_state", randomGUID())
		u := *back
		query := u.Query()
		for name := range values {
			query.Set(name, values.Get(name))
		}
		u.RawQuery = query.Encode()
		http.Redirect(w, r, u.String(), http.StatusFound)
	}
	refuse := func(code string, number int, text string) {
		finish(url.Values{"error": {code}, "error_description": {fmt.Sprintf("AADSTS%d: %s", number, text)}})
	}
	scopes := s.parseScopes(f.Get("scope"))
	switch {
	case f.Get("response_type") != "code":
		refuse("unsupported_response_type", 700054, "response_type is not enabled for the application.")
		return
	case len(scopes) == 0:
		refuse("invalid_request", 900144, "The request body must contain the following parameter: 'scope'.")
		return
	case f.Get("code_challenge") == "" || f.Get("code_challenge_method") != "S256":
		refuse("invalid_request", 9002325, "Proof Key for Code Exchange is required.")
		return
	}
	for _, one := range scopes {
		if !slices.Contains([]string{"offline_access", "openid", "profile", "email", "User.Read", "Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite",
			"Presence.Read", "Presence.Read.All", "Presence.ReadWrite"}, one) {
			refuse("invalid_client", 650053, "The application asked for scope '"+one+"' that doesn't exist on the resource.")
			return
		}
	}
	hidden := url.Values{}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "login_hint"} {
		if f.Has(name) {
			hidden.Set(name, f.Get(name))
		}
	}
	data := map[string]any{"Hidden": hidden, "Login": f.Get("login_hint"), "Scopes": scopes, "App": app.ID}
	if r.Method == http.MethodGet {
		page(http.StatusOK, "login", data)
		return
	}
	s.mu.RLock()
	box := s.addresses[strings.ToLower(strings.TrimSpace(f.Get("login")))]
	s.mu.RUnlock()
	if f.Get("cancel") != "" {
		refuse("access_denied", 65004, "User declined to consent to access the app.")
		return
	}
	if box == nil || box.info.Password == "" || subtle.ConstantTimeCompare([]byte(box.info.Password), []byte(f.Get("password"))) != 1 {
		data["Login"], data["Wrong"] = f.Get("login"), true
		page(http.StatusOK, "login", data)
		return
	}
	s.mu.RLock()
	consented := s.c.NoConsents || box.consented[app.ID]
	s.mu.RUnlock()
	if !consented && f.Get("accept") == "" {
		hidden.Set("login", f.Get("login"))
		hidden.Set("password", f.Get("password"))
		page(http.StatusOK, "consent", data)
		return
	}
	finish(url.Values{"code": {s.newCode(app, box, f, scopes)}})
}

func (s *Server) newCode(app *App, box *mailbox, f url.Values, scopes []string) string {
	text := "1.B" + rand.Text() + rand.Text()
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	box.consented[app.ID] = true
	s.codes[text] = &code{app: app.ID, box: box, redirect: f.Get("redirect_uri"), challenge: f.Get("code_challenge"), scopes: scopes,
		nonce: f.Get("nonce"), expires: now.Add(10 * time.Minute)}
	return text
}

// Revoke ends a user's sign-ins: refresh tokens are answered with that number of AADSTS, access tokens with 401. 65001
// stands for a consent that was withdrawn, 50173 for a password that was changed; of the first, consent is asked for again.
func (s *Server) Revoke(address string, number int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.addresses[strings.ToLower(address)]
	if box == nil {
		return errNoMailbox
	}
	if number == 65001 {
		clear(box.consented)
	}
	for _, r := range s.refreshes {
		if r.box == box {
			r.revoked = number
		}
	}
	for text, t := range s.tokens {
		if t.box == box {
			delete(s.tokens, text)
		}
	}
	return nil
}

// ForgetTokens has all access tokens answered with 401 from now on.
func (s *Server) ForgetTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// SignIn makes a refresh token for a user without the page: with the scopes that Doorlight asks for to read calendars, or, besides those that every
// sign-in has, with others, such as Presence.Read.All and Presence.ReadWrite.
func (s *Server) SignIn(appID, address string, scopes ...string) (string, error) {
	if len(scopes) == 0 {
		scopes = []string{"Calendars.Read"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.addresses[strings.ToLower(address)]
	if box == nil {
		return "", errNoMailbox
	}
	text := "1.A" + rand.Text() + rand.Text()
	s.refreshes[text] = &refresh{app: strings.ToLower(appID), box: box, scopes: append([]string{"offline_access", "openid", "profile", "User.Read"}, scopes...)}
	return text, nil
}

var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body{font:16px system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem}label,input,button{display:block;margin:.5rem 0;font:inherit}input{width:100%;box-sizing:border-box;padding:.4rem}button{padding:.4rem 1rem}[role=alert]{color:#a4262c}</style>{{end}}
{{define "hidden"}}{{range $name, $values := .Hidden}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}{{end}}
{{define "login"}}{{template "head"}}<title>Sign in to your account</title><main><h1>Sign in</h1><p>A stand-in for Microsoft 365.</p>
{{if .Wrong}}<p role="alert">Your account or password is incorrect.</p>{{end}}
<form method="post">{{template "hidden" .}}<label for="login">Email address</label><input id="login" name="login" value="{{.Login}}" autocomplete="username" required>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form></main></html>{{end}}
{{define "consent"}}{{template "head"}}<title>Permissions requested</title><main><h1>Permissions requested</h1><p>The application {{.App}} would like to:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="post">{{template "hidden" .}}<button name="accept" value="yes">Accept</button><button name="cancel" value="yes">Cancel</button></form></main></html>{{end}}
{{define "error"}}{{template "head"}}<title>Sign in to your account</title><main><h1>Sorry, but we’re having trouble signing you in.</h1><p role="alert">AADSTS{{.Number}}: {{.Text}}</p></main></html>{{end}}
`))
