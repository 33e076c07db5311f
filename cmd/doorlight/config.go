package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"
	"golang.org/x/crypto/acme/autocert"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/postgres"
	"github.com/doorlight/doorlight/internal/store/sqlite"
)

// config is everything that can be set. Each value comes from the flag, else from the environment
// (DOORLIGHT_ and the name in capitals, - as _), else from the file, else from the default.
type config struct {
	Data          string   `toml:"data"`
	Listen        string   `toml:"listen"`
	Database      string   `toml:"database"`
	TLSCert       string   `toml:"tls-cert"`
	TLSKey        string   `toml:"tls-key"`
	ACMEDomains   []string `toml:"acme-domains"`
	ACMEEmail     string   `toml:"acme-email"`
	ACMEDirectory string   `toml:"acme-directory"`
	ACMERoots     string   `toml:"acme-roots"`
	ListenPlain   string   `toml:"listen-plain"`
	BehindTLS     bool     `toml:"behind-tls"`
	PublicURL     string   `toml:"public-url"`
	Grace         duration `toml:"grace"`
	CalendarEvery duration `toml:"calendar-every"`
	AllowPrivate  bool     `toml:"calendar-allow-private"`
	AllowNetworks []string `toml:"calendar-allow-networks"`
	AuditDays     int      `toml:"audit-days"`
	LogLevel      string   `toml:"log-level"`
	LogFormat     string   `toml:"log-format"`

	demo *demonstration // nil: the office is a real one

	around func(store.Store) store.Store // of tests, which look at what is written; nil: nothing is around it
}

// duration is a time.Duration as people write it: "90s".
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

func defaults() config {
	return config{Data: "data", Listen: "localhost:8080", Grace: duration(90 * time.Second), ACMEDirectory: autocert.DefaultACMEDirectory, AuditDays: 365, LogLevel: "info", LogFormat: "text"}
}

// addFlags adds the flags that all subcommands with a database have.
func addFlags(f *pflag.FlagSet) {
	d := defaults()
	f.String("config", "", "read settings from this TOML file; its keys are the names of the flags")
	f.String("data", d.Data, "folder of the database, the key file and backups")
	f.String("database", "", "postgres:// address; empty: the embedded database in the data folder")
	f.String("log-level", d.LogLevel, "debug, info, warn or error")
	f.String("log-format", d.LogFormat, "text or json")
}

func addServeFlags(f *pflag.FlagSet) {
	d := defaults()
	f.String("listen", d.Listen, "address of the web server; :8080 is all networks of this computer")
	f.String("tls-cert", "", "certificate file (PEM), with --tls-key")
	f.String("tls-key", "", "private key file (PEM)")
	f.StringSlice("acme-domains", nil, "get a certificate for these names by itself (ACME); with it the authority's terms are agreed to")
	f.String("acme-email", "", "where the authority writes to if something is wrong")
	f.String("acme-directory", d.ACMEDirectory, "address of the authority")
	f.String("acme-roots", "", "certificates (PEM) to trust the authority by, if it is one of your own")
	f.String("listen-plain", "", "also listen here, such as :80, to lead browsers to https and to answer the authority")
	f.Bool("behind-tls", false, "a proxy speaks https to the browsers: cookies are for https only")
	f.String("public-url", "", "where browsers find this server, such as https://presence.example.com; empty: where they say they did")
	f.Duration("grace", time.Duration(d.Grace), "how long a client may be silent before it counts as ended")
	f.Duration("calendar-every", 0, "how often calendars are read; 0: CalDAV 2m, published addresses 10m")
	f.Bool("calendar-allow-private", false, "calendars may be in private networks of the office")
	f.Int("audit-days", d.AuditDays, "how long the audit log is kept, in days; 0: for ever")
	f.StringSlice("calendar-allow-networks", nil, "further networks in which calendars may be, such as 127.0.0.0/8")
}

// load reads all settings and checks them.
func load(f *pflag.FlagSet) (config, error) {
	c := defaults()
	path, _ := f.GetString("config") // the flag is there
	if path == "" {
		path = os.Getenv("DOORLIGHT_CONFIG")
	}
	if path != "" {
		if err := c.file(path); err != nil {
			return c, err
		}
	}
	var errs []error
	text := func(name string, set func(string) error) {
		flag := f.Lookup(name)
		if flag == nil {
			return
		}
		env := "DOORLIGHT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value, from := os.Getenv(env), env
		if flag.Changed {
			value, from = flag.Value.String(), "--"+name
		}
		if value == "" {
			return
		}
		if err := set(value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", from, err))
		}
	}
	str := func(p *string) func(string) error { return func(v string) error { *p = v; return nil } }
	boolean := func(p *bool) func(string) error {
		return func(v string) (err error) { *p, err = strconv.ParseBool(v); return err }
	}
	span := func(p *duration) func(string) error {
		return func(v string) error { return p.UnmarshalText([]byte(v)) }
	}
	text("data", str(&c.Data))
	text("database", str(&c.Database))
	text("listen", str(&c.Listen))
	text("tls-cert", str(&c.TLSCert))
	text("tls-key", str(&c.TLSKey))
	list := func(p *[]string) func(string) error {
		return func(v string) error {
			*p = strings.FieldsFunc(strings.Trim(v, "[]"), func(r rune) bool { return r == ',' || r == ' ' })
			return nil
		}
	}
	text("acme-domains", list(&c.ACMEDomains))
	text("acme-email", str(&c.ACMEEmail))
	text("acme-directory", str(&c.ACMEDirectory))
	text("acme-roots", str(&c.ACMERoots))
	text("listen-plain", str(&c.ListenPlain))
	text("behind-tls", boolean(&c.BehindTLS))
	text("public-url", str(&c.PublicURL))
	text("grace", span(&c.Grace))
	text("calendar-every", span(&c.CalendarEvery))
	text("calendar-allow-private", boolean(&c.AllowPrivate))
	text("calendar-allow-networks", list(&c.AllowNetworks))
	text("audit-days", func(v string) (err error) { c.AuditDays, err = strconv.Atoi(v); return err })
	text("log-level", str(&c.LogLevel))
	text("log-format", str(&c.LogFormat))
	return c, errors.Join(append(errs, c.check()...)...)
}

// file reads a configuration file. Unknown keys and bad values are refused with their line.
func (c *config) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = toml.NewDecoder(f).DisallowUnknownFields().Decode(c)
	var strict *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		row, _ := strict.Errors[0].Position()
		return fmt.Errorf("%s:%d: unknown key %q", path, row, strings.Join(strict.Errors[0].Key(), "."))
	case errors.As(err, &bad):
		row, _ := bad.Position()
		return fmt.Errorf("%s:%d: %v", path, row, bad)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (c *config) check() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("tls-cert and tls-key go together")
	}
	if d := time.Duration(c.Grace); d < 5*time.Second || d > time.Hour {
		bad("grace: %s is not between 5s and 1h", d)
	}
	if d := time.Duration(c.CalendarEvery); d != 0 && (d < time.Second || d > 24*time.Hour) {
		bad("calendar-every: %s is not between 1s and 24h", d)
	}
	if c.AuditDays < 0 || c.AuditDays > 36_500 {
		bad("audit-days: %d is not between 0 and 36500", c.AuditDays)
	}
	if _, err := c.networks(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.level(); err != nil {
		errs = append(errs, err)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		bad("log-format: %q is none of text, json", c.LogFormat)
	}
	for _, domain := range c.ACMEDomains {
		if net.ParseIP(domain) != nil || !strings.Contains(domain, ".") || strings.ContainsAny(domain, "/:*@") {
			bad("acme-domains: %q is no name such as presence.example.com", domain)
		}
	}
	switch {
	case len(c.ACMEDomains) > 0 && c.TLSCert != "":
		bad("acme-domains: there is a certificate already by tls-cert")
	case len(c.ACMEDomains) > 0 && c.BehindTLS:
		bad("acme-domains: with behind-tls the proxy has the certificate")
	case c.ListenPlain != "" && len(c.ACMEDomains) == 0 && c.TLSCert == "":
		bad("listen-plain: this is for servers with a certificate")
	}
	if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		bad("acme-directory: it must begin with https://")
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			bad("public-url: it must be an address without a path, such as https://presence.example.com")
		}
	}
	if c.Database != "" {
		if u, err := url.Parse(c.Database); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			bad("database: it must begin with postgres://")
		}
	}
	return errs
}

func (c *config) networks() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range c.AllowNetworks {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("calendar-allow-networks: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

func (c *config) level() (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return l, fmt.Errorf("log-level: %q is none of debug, info, warn, error", c.LogLevel)
	}
	return l, nil
}

// encrypts reports whether this server speaks https itself.
func (c *config) encrypts() bool { return c.TLSCert != "" || len(c.ACMEDomains) > 0 }

// open opens the database, made and migrated if need be. The data folder is there: lock made it.
func (c *config) open(ctx context.Context) (store.Store, error) {
	if c.Database != "" {
		return postgres.Open(ctx, c.Database)
	}
	return sqlite.Open(ctx, c.databaseFile())
}

// openExisting is open for what only makes sense with data. It leaves a database of an earlier version, which a server of
// that version may be using, as it is.
func (c *config) openExisting(ctx context.Context) (store.Store, error) {
	if c.Database == "" {
		if _, err := os.Stat(c.databaseFile()); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no database in %s", c.Data)
		} else if err != nil {
			return nil, err
		}
	}
	if c.Database != "" {
		return postgres.OpenCurrent(ctx, c.Database)
	}
	return sqlite.OpenCurrent(ctx, c.databaseFile())
}

func (c *config) databaseFile() string { return filepath.Join(c.Data, "doorlight.db") }

func (c *config) keyFile() string { return filepath.Join(c.Data, "secret.key") }
