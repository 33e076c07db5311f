package exchangetest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func post(t *testing.T, s *Server, address, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.SetBasicAuth("svc", "secret")
	answer, err := transport(t, s).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(text); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return string(text)
}

func TestAutodiscoverBySOAP(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Servers: []string{"mbx1.example.test", "mbx2.example.test"}})
	if _, err := s.AddMailbox(Person{Address: "ben@example.test", Server: "mbx2.example.test"}); err != nil {
		t.Fatal(err)
	}
	s.SetRedirect("gone@example.test", Redirect{Address: "gone@cloud.test"})
	s.SetRedirect("away@example.test", Redirect{URL: "https://autodiscover.cloud.test/autodiscover/autodiscover.svc"})
	users := ""
	for _, address := range []string{"a.alias@example.test", "ben@example.test", "nobody@example.test", "gone@example.test", "away@example.test"} {
		users += "<a:User><a:Mailbox>" + address + "</a:Mailbox></a:User>"
	}
	said := post(t, s, s.SOAPDiscovery(), `<s:Envelope xmlns:s="`+soapSpace+`" xmlns:a="`+discoverSpace+`" xmlns:w="`+addressingSpace+`"><s:Header>`+
		`<a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion><w:Action>`+discoverSpace+`/Autodiscover/GetUserSettings</w:Action><w:To>`+s.SOAPDiscovery()+`</w:To></s:Header>`+
		`<s:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users>`+users+`</a:Users><a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting><a:Setting>GroupingInformation</a:Setting><a:Setting>Colour</a:Setting></a:RequestedSettings>`+
		`</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>`)
	for _, want := range []string{
		"<Name>ExternalEwsUrl</Name><Value>" + s.URL() + "</Value>",
		"<Name>GroupingInformation</Name><Value>mbx1.example.test</Value>", "<Name>GroupingInformation</Name><Value>mbx2.example.test</Value>",
		"<ErrorCode>InvalidSetting</ErrorCode>", "<SettingName>Colour</SettingName>", "<ErrorCode>InvalidUser</ErrorCode>",
		"<ErrorCode>RedirectAddress</ErrorCode><ErrorMessage>Redirection address.</ErrorMessage><RedirectTarget>gone@cloud.test</RedirectTarget>",
		"<RedirectTarget>https://autodiscover.cloud.test/autodiscover/autodiscover.svc</RedirectTarget>",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %s in\n%s", want, said)
		}
	}
}

func TestAutodiscoverByXML(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	s.SetRedirect("gone@example.test", Redirect{Address: "gone@cloud.test"})
	s.SetRedirect("away@example.test", Redirect{URL: "https://autodiscover.cloud.test/autodiscover/autodiscover.xml"})
	ask := func(address, schema string) string {
		return post(t, s, s.XMLDiscovery(), xmlHead+`<Autodiscover xmlns="`+poxRequest+`"><Request><EMailAddress>`+address+`</EMailAddress><AcceptableResponseSchema>`+schema+`</AcceptableResponseSchema></Request></Autodiscover>`)
	}
	for _, test := range []struct{ name, said, want string }{
		{"found", ask("anna@example.test", poxAnswer), "<EwsUrl>" + s.URL() + "</EwsUrl>"},
		{"elsewhere", ask("gone@example.test", poxAnswer), "<Action>redirectAddr</Action><RedirectAddr>gone@cloud.test</RedirectAddr>"},
		{"at another address", ask("away@example.test", poxAnswer), "<Action>redirectUrl</Action><RedirectUrl>https://autodiscover.cloud.test/autodiscover/autodiscover.xml</RedirectUrl>"},
		{"unknown", ask("nobody@example.test", poxAnswer), "<ErrorCode>500</ErrorCode>"},
		{"another schema", ask("anna@example.test", "x"), "<ErrorCode>601</ErrorCode>"},
		{"no request", post(t, s, s.XMLDiscovery(), "<x/>"), "<ErrorCode>600</ErrorCode>"},
	} {
		if !strings.Contains(test.said, test.want) {
			t.Errorf("%s: no %s in\n%s", test.name, test.want, test.said)
		}
	}
}
