package ami

import (
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/telephony/ami/amitest"
	"github.com/doorlight/doorlight/internal/telephony/wire/wiretest"
)

// Check says what is missing, step by step, and changes nothing.
func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		user amitest.User
		edit func(*Config)
		line string
		want string // steps, with a ! before those that are not well
		says string // in what was found, or the remedy
	}{
		"all well":       {line: "201", want: "connection sign_in rights ready calls line forwarding", says: "PJSIP/201: NOT_INUSE"},
		"without a line": {want: "connection sign_in rights ready calls"},
		"wrong secret":   {edit: func(c *Config) { c.Secret = "x" }, want: "connection !sign_in", says: "permit"},
		"few rights": {user: amitest.User{Secret: secret, Read: "call", Write: "reporting"}, line: "201", want: "connection sign_in !rights !ready calls line forwarding",
			says: "read = system,call"},
		"no rights":      {user: amitest.User{Secret: secret, Read: "system,call"}, want: "connection sign_in !rights ready !calls", says: "write = system,call"},
		"unknown line":   {line: "999", want: "connection sign_in rights ready calls !line forwarding", says: "exten => 999,hint,PJSIP/999"},
		"other context":  {line: "201", edit: func(c *Config) { c.Context = "office" }, want: "connection sign_in rights ready calls !line forwarding", says: "another context"},
		"no forwarding":  {line: "201", edit: func(c *Config) { c.Forwarding = "" }, want: "connection sign_in rights ready calls line"},
		"not there":      {edit: func(c *Config) { c.Port = 9 }, want: "!connection", says: "manager.conf"},
		"plain sign-in":  {edit: func(c *Config) { c.Auth, c.AllowPlain = AuthPlain, true }, want: "connection sign_in rights ready calls"},
		"only reporting": {user: amitest.User{Secret: secret, Read: "system,call", Write: "call,reporting"}, edit: func(c *Config) { c.Forwarding = "" }, want: "connection sign_in rights ready calls"},
	} {
		t.Run(name, func(t *testing.T) {
			wiretest.In(t, func(t *testing.T) {
				if tc.user.Secret == "" {
					tc.user = amitest.User{Secret: secret, Read: "system,call", Write: "system,call"}
				}
				h := newHouse(t, amitest.Config{Users: map[string]amitest.User{"doorlight": tc.user}}, tc.edit, "201")
				defer h.end()
				var got []string
				text := ""
				for _, s := range h.sys.Check(t.Context(), tc.line) {
					mark := ""
					if !s.OK {
						mark = "!"
					}
					if s.OK != (s.Remedy == "") || s.Found == "" {
						t.Errorf("%+v", s)
					}
					got = append(got, mark+s.Name)
					text += s.Found + "\n" + s.Remedy + "\n"
				}
				if strings.Join(got, " ") != tc.want || !strings.Contains(text, tc.says) || strings.Contains(text, secret) {
					t.Errorf("%v, want %s, with %q in\n%s", got, tc.want, tc.says, text)
				}
				if h.server.Asked("DBPut")+h.server.Asked("DBDel")+h.server.Asked("Setvar") > 0 {
					t.Error("it changed something")
				}
			})
		})
	}
}
