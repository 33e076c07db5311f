package domino

import (
	"strings"
	"testing"

	"github.com/doorlight/doorlight/internal/fault"
)

// TestWrongConfigIsNamed changes one thing of a configuration that is right.
func TestWrongConfigIsNamed(t *testing.T) {
	t.Parallel()
	right := Config{URL: "https://mail.example.com", Username: "Doorlight Reader", Password: "secret-1", MailFile: "mail/{local}.nsf"}
	if s, err := New(right); err != nil {
		t.Fatal(err, fieldsOf(err))
	} else {
		s.Close()
	}
	for name, one := range map[string]struct {
		change       func(*Config)
		field, words string // no field: it is right
	}{
		"no address":              {func(c *Config) { c.URL = " " }, "url", "must not be empty"},
		"a name only":             {func(c *Config) { c.URL = "mail.example.com" }, "url", "no address such as"},
		"http":                    {func(c *Config) { c.URL = "http://mail.example.com" }, "url", "https://"},
		"http that is allowed":    {func(c *Config) { c.URL, c.AllowHTTP = "http://mail.example.com", true }, "", ""},
		"ftp":                     {func(c *Config) { c.URL, c.AllowHTTP = "ftp://mail.example.com", true }, "url", "https://"},
		"a password in it":        {func(c *Config) { c.URL = "https://a:secret-1@mail.example.com" }, "url", "fields of their own"},
		"a query":                 {func(c *Config) { c.URL = "https://mail.example.com/?x=1" }, "url", "before the ?"},
		"a mail file in it":       {func(c *Config) { c.URL = "https://mail.example.com/mail/anna.nsf" }, "url", "mail_file"},
		"a path":                  {func(c *Config) { c.URL = "https://proxy.example.com/domino/" }, "", ""},
		"no user":                 {func(c *Config) { c.Username = "" }, "username", "must not be empty"},
		"a colon in the name":     {func(c *Config) { c.Username = "a:b" }, "username", "colon"},
		"a line in the name":      {func(c *Config) { c.Username = "a\nb" }, "username", "no user name"},
		"no password":             {func(c *Config) { c.Password = "" }, "password", "Internet password"},
		"a line in the password":  {func(c *Config) { c.Password = "secret-1\r\nX: y" }, "password", "characters"},
		"no place":                {func(c *Config) { c.MailFile = "" }, "mail_file", "must not be empty"},
		"the same place for all":  {func(c *Config) { c.MailFile = "mail/all.nsf" }, "mail_file", "everybody"},
		"a word that is none":     {func(c *Config) { c.MailFile = "mail/{name}.nsf" }, "mail_file", "{name} is not one of"},
		"half a brace":            {func(c *Config) { c.MailFile = "mail/{local}}.nsf" }, "mail_file", "brace"},
		"no database":             {func(c *Config) { c.MailFile = "mail/{local}" }, "mail_file", ".nsf"},
		"a way up":                {func(c *Config) { c.MailFile = "../{local}.nsf" }, "mail_file", "no path"},
		"a query in the path":     {func(c *Config) { c.MailFile = "mail/{local}.nsf?x.nsf" }, "mail_file", "no path"},
		"a path of Windows":       {func(c *Config) { c.MailFile = `\mail\{local}.nsf` }, "", ""},
		"the whole address in it": {func(c *Config) { c.MailFile = "mail/{email}.NSF" }, "", ""},
		"a limit below zero":      {func(c *Config) { c.Limit = -1 }, "limit", "1 to 100"},
		"a limit too high":        {func(c *Config) { c.Limit = 1000 }, "limit", "1 to 100"},
	} {
		c := right
		one.change(&c)
		s, err := New(c)
		if err == nil {
			s.Close()
		}
		fields := fieldsOf(err)
		switch {
		case one.field == "" && err != nil:
			t.Errorf("%s: %v %v, want none", name, err, fields)
		case one.field == "":
		case fault.KindOf(err) != fault.Invalid || len(fields) != 1 || fields[0].Path != one.field || !strings.Contains(fields[0].Message, one.words):
			t.Errorf("%s: %v %+v, want %s with %q", name, err, fields, one.field, one.words)
		case strings.Contains(fields[0].Message, "secret-1"):
			t.Errorf("%s: the password is told", name)
		}
	}
	if _, err := New(Config{}); len(fieldsOf(err)) != 4 {
		t.Errorf("of no configuration: %+v, want url, username, password and mail_file", fieldsOf(err))
	}
}

func TestWhereMailFilesAre(t *testing.T) {
	t.Parallel()
	for _, one := range []struct{ pattern, mailbox, want string }{
		{"mail/{local}.nsf", "anna.amsel@example.com", "mail/anna.amsel.nsf"},
		{"mail/{email}.nsf", "anna@example.com", "mail/anna@example.com.nsf"},
		{"mail/{login}.nsf", "aamsel", "mail/aamsel.nsf"},
		{"mail/{local}.nsf", "aamsel", "mail/aamsel.nsf"},
		{"mail/{email}.nsf", "aamsel", ""},
		{`mail\{login}.nsf`, "anna amsel", "mail/anna%20amsel.nsf"},
		{"mail/{local}.nsf", "o'hara#1?@example.com", "mail/o%27hara%231%3F.nsf"},
		{"mail/{local}.nsf", "mail7/Anna.nsf", "mail7/Anna.nsf"}, // a mail file itself
		{"mail/{local}.nsf", `mail7\sub\Anna.NSF`, "mail7/sub/Anna.NSF"},
		{"mail/{local}.nsf", "../names.nsf", ""},
		{"mail/{local}.nsf", "mail//x.nsf", ""},
		{"{local}.nsf", "anna@example.com", "anna.nsf"},
		{"{local}/{local}.nsf", "..@example.com", ""},
		{"mail/{local}.nsf", "@example.com", ""},
		{"mail/{local}.nsf", strings.Repeat("a", 600), ""},
	} {
		s, err := New(Config{URL: "https://mail.example.com", Username: "u", Password: "p", MailFile: one.pattern})
		must(t, err)
		got, why := s.mailFile(one.mailbox)
		s.Close()
		if got != one.want && strings.ReplaceAll(got, "'", "%27") != one.want || (why != "") != (one.want == "") {
			t.Errorf("%s of %q is %q, %q, want %q", one.pattern, one.mailbox, got, why, one.want)
		}
	}
}
