package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/store"
)

func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong, and say how to mend it", Args: cobra.NoArgs,
		Long: `Look for what is wrong with the settings, the data folder, the database, the certificate and the outside systems, and
say how to mend it. It changes nothing, also while the server runs, and ends with an error if anything is wrong. Give it
the same settings as the server.`,
		Example: `  doorlight doctor
  doorlight doctor --config /etc/doorlight.toml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd.Flags())
			if err != nil {
				return err
			}
			d := doctor{c: &c, w: cmd.OutOrStdout()}
			d.examine(cmd.Context())
			if d.wrong > 0 {
				return fmt.Errorf("%d of %d things are wrong", d.wrong, d.looked)
			}
			return nil
		},
	}
	addFlags(cmd.Flags())
	addServeFlags(cmd.Flags())
	cmd.AddCommand(doctorCalendarCommand(), doctorTeamsCommand(), doctorTelephonyCommand())
	return cmd
}

func doctorCalendarCommand() *cobra.Command {
	return systemCommand(connector.PurposeCalendar, &cobra.Command{
		Use: "calendar [MAILBOX]", Short: "Try each step that reading calendars needs",
		Long: `Try each step that reading calendars of Exchange, Microsoft 365 or Domino needs: names, encryption, signing in, rights,
notifications. With the address of somebody's mailbox their calendar is read too; nothing of it is shown. What fails is told
with its remedy. With --scripts it prints what is run at the outside system to set it up, filled in with your names. It
changes nothing here, also while the server runs.`,
		Example: `  doorlight doctor calendar
  doorlight doctor calendar anna@example.com
  doorlight doctor calendar --system Exchange --scripts`,
	})
}

func doctorTeamsCommand() *cobra.Command {
	return systemCommand(connector.PurposeTeams, &cobra.Command{
		Use: "teams [MAILBOX]", Short: "Try each step that Microsoft Teams needs",
		Long: `Try each step that being in step with Microsoft Teams needs: names, encryption, signing in, permissions. With the address
of somebody they are found, their presence is read, and a call is shown and taken back at once; nothing of it is shown here.
What fails is told with its remedy. With --scripts it prints what is run at Microsoft 365 to set it up, filled in with your
names. It changes nothing here, also while the server runs.`,
		Example: `  doorlight doctor teams
  doorlight doctor teams anna@example.com
  doorlight doctor teams --system "Microsoft 365" --scripts`,
	})
}

// purposeTelephony is that of telephone systems.
const purposeTelephony = "telephony"

func doctorTelephonyCommand() *cobra.Command {
	return systemCommand(purposeTelephony, &cobra.Command{
		Use: "telephony [LINE]", Short: "Try each step that telephone systems need",
		Long: `Try each step that hearing of telephone lines and forwarding them needs: names, encryption, signing in, permissions. With the
number of a line it is looked for too, and how it is forwarded is read; nothing is set. What fails is told with its remedy. It
changes nothing here, also while the server runs.`,
		Example: `  doorlight doctor telephony
  doorlight doctor telephony 201 --system Telephones`,
	})
}

// systemCommand makes a command that tries the outside systems that serve a purpose.
func systemCommand(purpose string, cmd *cobra.Command) *cobra.Command {
	var scripts bool
	var only string
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := load(cmd.Flags())
		if err != nil {
			return err
		}
		d := doctor{c: &c, w: cmd.OutOrStdout()}
		about := ""
		if len(args) == 1 {
			about = args[0]
		}
		if err := d.systems(cmd.Context(), purpose, only, about, scripts); err != nil {
			return err
		}
		if d.wrong > 0 {
			return fmt.Errorf("%d of %d things are wrong", d.wrong, d.looked)
		}
		return nil
	}
	if purpose != purposeTelephony {
		cmd.Flags().BoolVar(&scripts, "scripts", false, "print what is run at the outside system")
	}
	cmd.Flags().StringVar(&only, "system", "", "only the system of this name")
	addFlags(cmd.Flags())
	addServeFlags(cmd.Flags())
	return cmd
}

// systems tries the outside systems that serve a purpose, with a mailbox or a line if about is not empty, or prints their scripts.
func (d *doctor) systems(ctx context.Context, purpose, only, about string, scripts bool) error {
	st, err := d.c.openExisting(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	quiet := slog.New(slog.DiscardHandler)
	of, err := office.Open(ctx, st, quiet)
	if err != nil {
		return err
	}
	box, err := secret.OpenBox(d.c.keyFile())
	if err != nil {
		return err
	}
	connectors, err := connector.Open(ctx, st, of, nil, box, d.c.PublicURL, quiet)
	if err != nil {
		return err
	}
	defer connectors.Close()
	found := false
	for _, x := range connectors.All() {
		s, ok := connectors.System(x.ID)
		serves := map[string]bool{connector.PurposeTeams: s.Teams, connector.PurposeCalendar: s.Calendar, purposeTelephony: s.Lines || s.Forwards}[purpose]
		if !ok || !serves || only != "" && x.Name != only {
			continue
		}
		found = true
		if scripts {
			all, err := connectors.Scripts(x.ID, d.c.PublicURL)
			if err != nil {
				return err
			}
			for _, one := range all {
				fmt.Fprintf(d.w, "# %s: %s (%s)\n%s\n", x.Name, one.Name, one.Shell, one.Text)
			}
			continue
		}
		if purpose == connector.PurposeTeams {
			d.check(ctx, connectors.CheckTeams, x, about)
		} else {
			d.check(ctx, connectors.Check, x, about)
		}
	}
	switch {
	case !found && only != "" && purpose == connector.PurposeTeams:
		return fmt.Errorf("there is no application %q with which Microsoft Teams is reached", only)
	case !found && only != "" && purpose == purposeTelephony:
		return fmt.Errorf("there is no telephone system %q", only)
	case !found && only != "":
		return fmt.Errorf("there is no system %q that holds calendars", only)
	case !found && purpose == connector.PurposeTeams:
		d.say("Microsoft Teams", "no application reaches it here", "")
	case !found && purpose == purposeTelephony:
		d.say("telephony", "there are no telephone systems here", "")
	case !found:
		d.say("calendars", "no system holds calendars here", "")
	}
	return nil
}

// check tries one outside system.
func (d *doctor) check(ctx context.Context, try func(ctx context.Context, id, about string) ([]directory.Step, error), x connector.Connector, about string) {
	if !x.Enabled {
		d.say(x.Name, "is switched off", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	steps, err := try(ctx, x.ID, about)
	if err != nil {
		d.say(x.Name, err.Error(), "Enter its settings again.")
		return
	}
	for _, step := range steps {
		remedy := step.Remedy
		if step.OK {
			remedy = ""
		}
		d.say(x.Name+", "+step.Name, step.Found, remedy)
	}
}

// doctor looks at one thing after the other.
type doctor struct {
	c             *config
	w             io.Writer
	looked, wrong int
}

// say tells how one thing is; with a remedy it is wrong.
func (d *doctor) say(what, found, remedy string) {
	d.looked++
	mark := "ok   "
	if remedy != "" {
		d.wrong++
		mark = "WRONG"
	}
	fmt.Fprintf(d.w, "%s  %s: %s\n", mark, what, found)
	if remedy != "" {
		fmt.Fprintf(d.w, "       %s\n", remedy)
	}
}

func (d *doctor) examine(ctx context.Context) {
	d.address()
	d.certificate(time.Now())
	d.folder()
	st, err := d.c.openExisting(ctx)
	if err != nil {
		d.say("database", err.Error(), "Start the server once to make it, or say with --data or --database where it is.")
		return
	}
	defer st.Close()
	began := time.Now()
	if err := st.Ping(ctx); err != nil {
		d.say("database", err.Error(), "See that it runs and lets this computer in.")
		return
	}
	d.say("database", fmt.Sprintf("answers within %s", time.Since(began).Round(time.Millisecond)), "")
	of, err := office.Open(ctx, st, slog.New(slog.DiscardHandler))
	if err != nil {
		d.say("organisation", err.Error(), "Restore a backup, or ask for help with this message.")
		return
	}
	all, err := st.LoadOffice(ctx)
	if err != nil {
		d.say("organisation", err.Error(), "Restore a backup, or ask for help with this message.")
		return
	}
	d.people(of, &all)
	d.secrets(ctx, st, of)
	d.calendars(of)
}

// address looks at where the server listens.
func (d *doctor) address() {
	host, _, err := net.SplitHostPort(d.c.Listen)
	switch {
	case err != nil:
		d.say("listen", fmt.Sprintf("%q is no address", d.c.Listen), "It looks like localhost:8080, or :443 for all networks.")
	case host == "localhost" || net.ParseIP(host).IsLoopback():
		d.say("listen", d.c.Listen+", for this computer only", "")
	case !d.c.encrypts() && !d.c.BehindTLS:
		d.say("listen", d.c.Listen+" without encryption", "Passwords cross the network readable. Give tls-cert and tls-key, or put a proxy in front and set behind-tls.")
	default:
		d.say("listen", d.c.Listen+", encrypted", "")
	}
}

// soon is when the end of a certificate is worth a word.
const soon = 21 * 24 * time.Hour

func (d *doctor) certificate(now time.Time) {
	for _, domain := range d.c.ACMEDomains {
		d.domain(domain, now)
	}
	if d.c.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(d.c.TLSCert, d.c.TLSKey)
	if err != nil {
		d.say("certificate", err.Error(), "tls-cert and tls-key must be PEM files that belong together.")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		d.say("certificate", err.Error(), "Have it made anew.")
		return
	}
	d.validity("certificate", leaf, now, "Renew it. The server reads it again by itself.")
}

// validity looks at how long a certificate is good.
func (d *doctor) validity(what string, leaf *x509.Certificate, now time.Time, renew string) {
	found := fmt.Sprintf("for %q, until %s", leaf.DNSNames, leaf.NotAfter.Format(time.DateOnly))
	switch {
	case now.After(leaf.NotAfter):
		d.say(what, found, "It has expired. "+renew)
	case now.Before(leaf.NotBefore):
		d.say(what, found, "It is not valid yet: see that the clock of this computer is right.")
	case leaf.NotAfter.Sub(now) < soon:
		d.say(what, found, "It expires soon. "+renew)
	default:
		d.say(what, found, "")
	}
}

// domain looks at a name for which a certificate is got from an authority.
func (d *doctor) domain(name string, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if addresses, err := net.DefaultResolver.LookupHost(ctx, name); err != nil {
		d.say("name "+name, "leads nowhere: "+err.Error(), "Enter it in the DNS: an authority gives a certificate to whoever answers there.")
	} else {
		d.say("name "+name, fmt.Sprintf("leads to %q", addresses), "")
	}
	text, err := os.ReadFile(filepath.Join(d.c.Data, "acme", name)) // as autocert.DirCache keeps it: key, then certificates
	if err != nil {
		d.say("certificate for "+name, "is not there yet", "Start the server, and read its log: port 443, or 80 with listen-plain, must be open to the authority.")
		return
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err == nil {
			d.validity("certificate for "+name, leaf, now, "It is renewed 30 days before its end: read the server's log for why it was not.")
		}
		return
	}
}

func (d *doctor) folder() {
	info, err := os.Stat(d.c.Data)
	if err != nil || !info.IsDir() {
		d.say("data folder", fmt.Sprintf("%s is not there", d.c.Data), "Say with --data where it is, or start the server once to make it.")
		return
	}
	for _, file := range []string{d.c.keyFile(), d.c.databaseFile()} {
		info, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // told elsewhere
		case err != nil:
			d.say("data folder", err.Error(), "Run this as the user that the server runs as.")
		case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
			d.say("data folder", fmt.Sprintf("%s may be read by others (%v)", file, info.Mode().Perm()), "chmod 600 "+file)
		default:
			d.say("data folder", file+" is for its owner only", "")
		}
	}
}

func (d *doctor) people(of *office.Office, all *store.Office) {
	canSignIn := false
	passwords := d.directoriesWithPasswords(all)
	_, admins, _ := of.Records("", "", 1, func(p *store.Person) bool {
		if p.Role != office.RoleAdmin || p.Blocked {
			return false
		}
		canSignIn = canSignIn || p.Login != "" && p.PasswordHash != "" || len(of.Identities(p.ID)) > 0 || passwords[p.Directory.ConnectorID]
		return true
	})
	found := fmt.Sprintf("%d people, %d of them system administrators", of.Count(), admins)
	switch {
	case admins == 0:
		d.say("people", found, "Open the server's first page to make the first administrator, or: doorlight user admin LOGIN")
	case !canSignIn:
		d.say("people", found+", of whom none can sign in", "doorlight user link LOGIN makes a link with which one of them sets a password.")
	default:
		d.say("people", found, "")
	}
}

// directoriesWithPasswords returns the connectors whose people sign in with a password that these check.
func (d *doctor) directoriesWithPasswords(all *store.Office) map[string]bool {
	found := map[string]bool{}
	for _, c := range all.Connectors {
		var config connector.LDAP
		if c.Kind == connector.KindLDAP && c.Enabled && json.Unmarshal(c.Config, &config) == nil {
			found[c.ID] = config.SignIn
		}
	}
	return found
}

// secrets looks whether what is sealed can be opened, and whether outside systems work.
func (d *doctor) secrets(ctx context.Context, st store.Store, of *office.Office) {
	all, err := st.LoadOffice(ctx)
	if err != nil {
		d.say("secrets", err.Error(), "Restore a backup, or ask for help with this message.")
		return
	}
	if _, err := os.Stat(d.c.keyFile()); err != nil {
		signIns := false
		if err := st.LoadTeams(ctx, func(r store.TeamsRecord) error {
			signIns = signIns || len(r.Token) > 0
			return nil
		}); err != nil {
			d.say("secrets", err.Error(), "Restore a backup, or ask for help with this message.")
			return
		}
		if err := st.LoadSIPAccounts(ctx, func(store.SIPAccount) error {
			signIns = true
			return nil
		}); err != nil {
			d.say("secrets", err.Error(), "Restore a backup, or ask for help with this message.")
			return
		}
		if !sealed(&all) && !signIns {
			return
		}
		d.say("key file", fmt.Sprintf("%s is not there", d.c.keyFile()), "Put the one back that belongs to this database; without it all stored passwords have to be entered again.")
		return
	}
	box, err := secret.OpenBox(d.c.keyFile())
	if err == nil {
		_, err = agenda.Reseal(box, all.Calendars)
	}
	if err == nil {
		_, err = connector.Reseal(box, all.Connectors)
	}
	if err == nil {
		_, err = resealTeams(ctx, box, st)
	}
	if err == nil {
		_, err = resealTelephones(ctx, box, st)
	}
	if err != nil {
		d.say("key file", err.Error(), "Put the key file back that belongs to this database, or enter the passwords again.")
		return
	}
	d.say("key file", "opens all stored credentials", "")
	connectors, err := connector.Open(ctx, st, of, nil, box, d.c.PublicURL, slog.New(slog.DiscardHandler))
	if err != nil {
		d.say("outside systems", err.Error(), "Ask for help with this message.")
		return
	}
	defer connectors.Close()
	calendars, forTeams := uses(of)
	for _, x := range connectors.All() {
		if forTeams[x.ID] && x.Enabled {
			if d.check(ctx, connectors.CheckTeams, x, ""); !calendars[x.ID] { // it needs no rights on calendars then
				continue
			}
		}
		d.check(ctx, connectors.Check, x, "")
	}
}

// uses returns which connectors settings name for calendars, and which to reach Microsoft Teams with the application's own permission.
func uses(of *office.Office) (calendars, forTeams map[string]bool) {
	calendars, forTeams = map[string]bool{}, map[string]bool{}
	note := func(scope string) {
		s, _, err := of.Settings(scope)
		if err != nil {
			return
		}
		calendars[s.Calendar.Connector], calendars[s.Calendar.Accounts] = true, true
		if s.Teams.Access == policy.TeamsApplication {
			forTeams[s.Teams.Connector] = true
		}
	}
	locations, _ := of.Locations()
	for _, l := range locations {
		note(l.ID)
	}
	groups, _ := of.Groups()
	for _, g := range groups {
		note(g.ID)
	}
	return calendars, forTeams
}

func sealed(all *store.Office) bool {
	for _, c := range all.Calendars {
		if len(c.Password) > 0 {
			return true
		}
	}
	for _, c := range all.Connectors {
		if len(c.Secret) > 0 {
			return true
		}
	}
	return false
}

func (d *doctor) calendars(of *office.Office) {
	failing, silent := 0, 0
	all := of.Calendars()
	for _, c := range all {
		switch {
		case c.Error == "":
		case time.Since(c.SucceededAt) > 24*time.Hour:
			silent++
		default:
			failing++
		}
	}
	found := fmt.Sprintf("%d, %d of them with an error, %d not read for a day", len(all), failing+silent, silent)
	if silent > 0 && silent*2 >= len(all) {
		d.say("calendars", found, "So many together are seldom their owners' fault: see that this computer reaches the calendars' servers, and calendar-allow-networks.")
		return
	}
	d.say("calendars", found, "")
}
