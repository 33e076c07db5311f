package connector

import (
	"strings"
	"testing"
)

func TestScriptsAreFilledIn(t *testing.T) {
	t.Parallel()
	x := Exchange{Account: `EXAMPLE\o'brien`, Domains: []string{"example.org"}}
	text := map[string]string{}
	for _, s := range x.scripts() {
		text[s.Name] = s.Text
		if strings.Contains(s.Text, "%!") || strings.Contains(s.Text, "(MISSING)") {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
	}
	if want := "New-RoleGroup -Name 'Doorlight impersonation' -Roles 'ApplicationImpersonation' -Members 'o''brien'\n"; text[ScriptImpersonation] != want {
		t.Errorf("impersonation is\n%s", text[ScriptImpersonation])
	}
	if !strings.Contains(text[ScriptAccount], "-UserPrincipalName 'o''brien@example.org'") {
		t.Errorf("account is\n%s", text[ScriptAccount])
	}
	x = Exchange{Account: "reader@corp.example.org", Access: "delegate"}
	for _, s := range x.scripts() {
		if strings.Contains(s.Text, "%!") || s.Name == ScriptImpersonation {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
		if s.Name == ScriptAccount && !strings.Contains(s.Text, "-SamAccountName 'reader' -UserPrincipalName 'reader@corp.example.org'") {
			t.Errorf("account is\n%s", s.Text)
		}
	}
	g := Graph{Tenant: "84bd8158-6d4d-4958-8b9f-9d6445542f95", ClientID: "11111111-6d4d-4958-8b9f-9d6445542f95"}
	for _, s := range g.scripts("Doorlight", "https://presence.example.org/accounts/x/callback") {
		if strings.Contains(s.Text, "%!") || !strings.Contains(s.Text, "-TenantId '84bd8158-6d4d-4958-8b9f-9d6445542f95'") {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
		if s.Name == ScriptRegistration && !strings.Contains(s.Text, "RedirectUris = @('https://presence.example.org/accounts/x/callback')") {
			t.Errorf("registration is\n%s", s.Text)
		}
	}
}

// TestNamesDoNotBecomeCommands: whoever may enter a name is not who runs the script.
func TestNamesDoNotBecomeCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a'; Remove-Item C:\\": `'a''; Remove-Item C:\'`, "a\u2019; b": "'a\u2019\u2019; b'", "$(b)`n\r\nc": "'$(b)`nc'", "": "''",
	} {
		if got := literal(text); got != want {
			t.Errorf("literal(%q) is %s, want %s", text, got, want)
		}
	}
}

func TestScriptsOfTelephoneSystems(t *testing.T) {
	t.Parallel()
	a := Asterisk{Username: "door]light", Forwarding: "freepbx"}
	x := SIPServer{}
	x.Listen, x.Desk = []string{"tcp:0.0.0.0:5070", "udp:0.0.0.0:5060"}, "sip:desk-{line}@pbx.example.com"
	text := map[string]string{}
	for _, s := range append(a.scripts(), x.scripts()...) {
		text[s.Name] = s.Text
		if strings.Contains(s.Text, "%!") {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
	}
	for name, want := range map[string]string{
		ScriptManager: "[doorlight]\nsecret = SECRET\n", ScriptCodes: "UserEvent(DoorlightCode,Code: ${EXTEN})", ScriptRedirect: "$du = \"sip:ADDRESS_OF_DOORLIGHT:5060\";",
	} {
		if !strings.Contains(text[name], want) {
			t.Errorf("%s is\n%s", name, text[name])
		}
	}
	if !strings.Contains(text[ScriptManager], "write = system,call\n") {
		t.Errorf("manager is\n%s", text[ScriptManager])
	}
	if x.Desk = ""; len(x.scripts()) > 0 {
		t.Error("a server that answers no calls has a script for them")
	}
}
