package exchangetest

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

const (
	discoverSpace   = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	addressingSpace = "http://www.w3.org/2005/08/addressing"
	poxRequest      = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	poxAnswer       = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	poxOuter        = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
)

// Redirect is where autodiscover sends somebody: to ask for another address, or at another URL. Zero: nowhere.
type Redirect struct{ Address, URL string }

// SetRedirect has autodiscover send on who asks for an address, which need not have a mailbox here.
func (s *Server) SetRedirect(address string, to Redirect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirects[strings.ToLower(address)] = to
}

// SOAPDiscovery returns the address of autodiscover by SOAP.
func (s *Server) SOAPDiscovery() string { return s.url + "/autodiscover/autodiscover.svc" }

// XMLDiscovery returns the address of the older autodiscover by plain XML.
func (s *Server) XMLDiscovery() string { return s.url + "/autodiscover/autodiscover.xml" }

func (s *Server) autodiscover(rw http.ResponseWriter, r *http.Request) {
	if s.authenticate(rw, r) == nil {
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	soap := strings.HasSuffix(strings.ToLower(r.URL.Path), ".svc")
	if soap && r.Method != http.MethodPost {
		rw.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	root, err := parse(text)
	if !soap {
		s.counts.request("AutodiscoverXML")
		if err != nil {
			root = nil
		}
		w := &writer{}
		s.discoverXML(w, root)
		send(rw, http.StatusOK, w.Bytes())
		return
	}
	s.counts.request("GetUserSettings")
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	w := &writer{}
	status := s.discoverSOAP(w, root)
	send(rw, status, w.Bytes())
}

// find returns who an address belongs to, and where else to ask.
func (s *Server) find(address string) (*Mailbox, Redirect) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	address = strings.ToLower(address)
	return s.byAddress[address], s.redirects[address]
}

// discoverSOAP answers GetUserSettings (MS-OXWSADISC §3.1.4.1), and returns the HTTP status.
func (s *Server) discoverSOAP(w *writer, root *node) int {
	in := func(name string) string { return "{" + discoverSpace + "}" + name }
	message := root.at("s:Body", in("GetUserSettingsRequestMessage"))
	action := root.at("s:Header", "{"+addressingSpace+"}Action").value()
	version := root.at("s:Header", in("RequestedServerVersion"))
	if message == nil || action != discoverSpace+"/Autodiscover/GetUserSettings" || version != nil && !slices.Contains(discoverVersions, version.value()) {
		w.fault(notSupported(action))
		return http.StatusInternalServerError
	}
	w.WriteString(xmlHead)
	w.open("s:Envelope", "xmlns:s", soapSpace, "xmlns:a", addressingSpace)
	w.open("s:Header")
	w.element("a:Action", discoverSpace+"/Autodiscover/GetUserSettingsResponse", "s:mustUnderstand", "1")
	w.open("h:ServerVersionInfo", "xmlns:h", discoverSpace, "xmlns:i", xsiSpace)
	v := s.config.Version
	w.element("h:MajorVersion", itoa(v.Major))
	w.element("h:MinorVersion", itoa(v.Minor))
	w.element("h:MajorBuildNumber", itoa(v.Build))
	w.element("h:MinorBuildNumber", itoa(v.Revision))
	w.element("h:Version", "Exchange2013_SP1")
	w.close("h:ServerVersionInfo", "s:Header")
	w.open("s:Body")
	w.open("GetUserSettingsResponseMessage", "xmlns", discoverSpace)
	w.open("Response", "xmlns:i", xsiSpace)
	request := message.kid(in("Request"))
	users, settings := request.kid(in("Users")), request.kid(in("RequestedSettings"))
	switch {
	case version == nil:
		w.element("ErrorCode", "InvalidRequest")
		w.element("ErrorMessage", "The RequestedServerVersion header is missing.")
		w.empty("UserResponses", "i:nil", "true")
	case users == nil || len(users.kids) == 0 || settings == nil || len(settings.kids) == 0:
		w.element("ErrorCode", "InvalidRequest")
		w.element("ErrorMessage", "There are no users, or no settings.")
		w.empty("UserResponses", "i:nil", "true")
	default:
		w.element("ErrorCode", "NoError")
		w.empty("ErrorMessage")
		w.open("UserResponses")
		for _, u := range users.kids {
			s.userSettings(w, u.kid(in("Mailbox")).value(), settings)
		}
		w.close("UserResponses")
	}
	w.close("Response", "GetUserSettingsResponseMessage", "s:Body", "s:Envelope")
	return http.StatusOK
}

// discoverVersions are those of autodiscover (MS-OXWSADISC §2.2.4.3), and what its servers took up since.
var discoverVersions = []string{"Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2012", "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2016"}

func (s *Server) userSettings(w *writer, address string, settings *node) {
	m, to := s.find(address)
	w.open("UserResponse")
	code, text, target := "NoError", "No error.", ""
	switch {
	case to.Address != "":
		code, text, target = "RedirectAddress", "Redirection address.", to.Address
	case to.URL != "":
		code, text, target = "RedirectUrl", "Redirection URL.", to.URL
	case m == nil:
		code, text = "InvalidUser", "Invalid user: '"+address+"'"
	}
	w.element("ErrorCode", code)
	w.element("ErrorMessage", text)
	if target == "" {
		w.empty("RedirectTarget", "i:nil", "true")
	} else {
		w.element("RedirectTarget", target)
	}
	if code != "NoError" {
		w.empty("UserSettingErrors")
		w.empty("UserSettings")
		w.close("UserResponse")
		return
	}
	have := map[string]string{
		"UserDisplayName": m.p.Name, "ExternalEwsUrl": s.URL(), "InternalEwsUrl": s.URL(), "GroupingInformation": m.Server(),
		"EwsSupportedSchemas":   "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013, Exchange2013_SP1",
		"ExternalMailboxServer": s.ln.Addr().String(), "InternalMailboxServer": m.Server(), "AutoDiscoverSMTPAddress": m.p.Address,
		"CasVersion": "15.02.1748.010",
	}
	var found, missing []string
	for _, one := range settings.kids {
		if _, ok := have[one.value()]; ok {
			found = append(found, one.value())
		} else {
			missing = append(missing, one.value())
		}
	}
	w.open("UserSettingErrors")
	for _, name := range missing {
		w.open("UserSettingError")
		w.element("ErrorCode", "InvalidSetting")
		w.element("ErrorMessage", "The requested setting, '"+name+"', wasn't found or is not available for the user.")
		w.element("SettingName", name)
		w.close("UserSettingError")
	}
	w.close("UserSettingErrors")
	w.open("UserSettings")
	for _, name := range found {
		w.open("UserSetting", "i:type", "StringSetting")
		w.element("Name", name)
		w.element("Value", have[name])
		w.close("UserSetting")
	}
	w.close("UserSettings", "UserResponse")
}

// discoverXML answers an Autodiscover request of plain XML (MS-OXDSCLI §2.2.4). root is nil if it was no XML.
func (s *Server) discoverXML(w *writer, root *node) {
	in := func(name string) string { return "{" + poxRequest + "}" + name }
	w.WriteString(xmlHead)
	w.open("Autodiscover", "xmlns", poxOuter)
	refuse := func(code, text string) {
		w.open("Response")
		w.open("Error", "Time", s.now().Format("15:04:05.0000000"), "Id", "1")
		w.element("ErrorCode", code)
		w.element("Message", text)
		w.empty("DebugData")
		w.close("Error", "Response", "Autodiscover")
	}
	var request *node
	if root != nil && root.name == in("Autodiscover") {
		request = root.kid(in("Request"))
	}
	if request == nil {
		refuse("600", "Invalid Request")
		return
	}
	if request.kid(in("AcceptableResponseSchema")).value() != poxAnswer {
		refuse("601", "Provider is not available")
		return
	}
	m, to := s.find(request.kid(in("EMailAddress")).value())
	if m == nil && to == (Redirect{}) {
		refuse("500", "The email address can't be found.")
		return
	}
	w.open("Response", "xmlns", poxAnswer)
	if to != (Redirect{}) {
		w.open("Account")
		if to.Address != "" {
			w.element("Action", "redirectAddr")
			w.element("RedirectAddr", to.Address)
		} else {
			w.element("Action", "redirectUrl")
			w.element("RedirectUrl", to.URL)
		}
		w.close("Account", "Response", "Autodiscover")
		return
	}
	w.open("User")
	w.element("DisplayName", m.p.Name)
	w.element("LegacyDN", "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="+itoa(int(m.number)))
	w.element("AutoDiscoverSMTPAddress", m.p.Address)
	w.element("DeploymentId", "3f0e7f4c-0000-4000-8000-000000000001")
	w.close("User")
	w.open("Account")
	w.element("AccountType", "email")
	w.element("Action", "settings")
	w.element("MicrosoftOnline", "False")
	for _, kind := range []string{"EXCH", "EXPR"} {
		w.open("Protocol")
		w.element("Type", kind)
		w.element("Server", m.Server())
		w.element("ASUrl", s.URL())
		w.element("EwsUrl", s.URL())
		w.close("Protocol")
	}
	w.close("Account", "Response", "Autodiscover")
}
