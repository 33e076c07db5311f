package connector

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"time"

	"github.com/doorlight/doorlight/internal/directory"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/internal/telephony"
	"github.com/doorlight/doorlight/internal/telephony/ami"
	"github.com/doorlight/doorlight/internal/telephony/csta"
	"github.com/doorlight/doorlight/internal/telephony/sipline"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

// Asterisk are the settings of an Asterisk, with FreePBX or without, that is reached by its manager interface (F5b). The secret of the user in
// manager.conf is the secret of the connector.
type Asterisk struct {
	Host         string            `json:"host" maxLength:"253" doc:"Its name or address."`
	Port         int               `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"Of the manager interface. 0: 5038, with tls 5039."`
	TLS          bool              `json:"tls,omitempty" doc:"Encrypted from the first byte on (tlsenable in manager.conf)."`
	Certificates string            `json:"certificates,omitempty" maxLength:"100000" doc:"PEM: whom to trust. Absent: the authorities of the server's system."`
	Username     string            `json:"username" maxLength:"120" doc:"As in manager.conf."`
	Auth         string            `json:"auth,omitempty" enum:"md5,plain" default:"md5" doc:"md5: by a challenge, the secret is not sent. plain: as it is."`
	Plaintext    bool              `json:"plaintext,omitempty" doc:"Allow plain without tls. The secret can be read on the way then."`
	Context      string            `json:"context,omitempty" maxLength:"80" doc:"Of the dialplan in which the hints of lines are looked for, such as ext-local. Absent: all."`
	Devices      []string          `json:"devices,omitempty" maxItems:"20" doc:"Of a line that has no hint, with {line} for its number, such as PJSIP/{line}."`
	Prefixes     []string          `json:"prefixes,omitempty" maxItems:"50" doc:"How numbers of the office begin, up to the extension, such as +49 30 1234."`
	Internal     []string          `json:"internal,omitempty" maxItems:"100" doc:"Patterns of further internal numbers: 2XX, or 7. for all that begin with 7."`
	Forwarding   string            `json:"forwarding,omitempty" enum:"none,freepbx" default:"none" doc:"Where forwarding is kept: freepbx: in Asterisk's database, as the dialplan of FreePBX obeys it."`
	Families     *AsteriskFamilies `json:"families,omitempty" doc:"Where in the database. Absent: as FreePBX has it."`
}

// AsteriskFamilies say where in Asterisk's database forwarding is kept. Absent: as FreePBX has it. A dash: nowhere.
type AsteriskFamilies struct {
	DoNotDisturb       string   `json:"do_not_disturb,omitempty" maxLength:"80" doc:"DND, whose value YES is on."`
	All                string   `json:"all,omitempty" maxLength:"80" doc:"CF"`
	Busy               string   `json:"busy,omitempty" maxLength:"80" doc:"CFB"`
	NoAnswer           string   `json:"no_answer,omitempty" maxLength:"80" doc:"CFU"`
	DoNotDisturbStates []string `json:"do_not_disturb_states,omitempty" maxItems:"10" doc:"Device states that lamps show: Custom:DND{line}, Custom:DEVDND{device}."`
	AllStates          []string `json:"all_states,omitempty" maxItems:"10" doc:"Likewise: Custom:CF{line}, Custom:DEVCF{device}."`
}

func (x *Asterisk) check(*office.Office, *fault.Fields) {}

func (x *Asterisk) sameWay(as *Settings) bool {
	other := as.Asterisk
	return x.Host == other.Host && x.Port == other.Port && x.TLS == other.TLS && x.Certificates == other.Certificates && x.Auth == other.Auth && x.Plaintext == other.Plaintext
}

func (x *Asterisk) open(secret string, log *slog.Logger) (telephony.System, error) {
	client, err := clientTrusting("asterisk", x.Certificates)
	if err != nil {
		return nil, err
	}
	c := ami.Config{
		Host: x.Host, Port: x.Port, TLS: x.TLS, Username: x.Username, Secret: secret, Auth: x.Auth, AllowPlain: x.Plaintext, Context: x.Context,
		Devices: x.Devices, Prefixes: x.Prefixes, Internal: x.Internal, Forwarding: x.Forwarding, Client: client, Log: log,
	}
	if f := x.Families; f != nil {
		c.Families = ami.Families(*f)
	}
	s, err := ami.New(c)
	if err != nil {
		return nil, renamed(err, "asterisk.", map[string]string{"secret": "secret"})
	}
	return s, nil
}

// CSTA are the settings of a telephone system that speaks CSTA phase III in XML over TCP (F5c). The password of its sign-in, if it has one, is the secret of the
// connector.
type CSTA struct {
	Host         string              `json:"host" maxLength:"253" doc:"Its name or address."`
	Port         int                 `json:"port" minimum:"1" maximum:"65535" doc:"There is no usual one: 1040 with OpenScape Voice, 4721 and with tls 4722 with Avaya."`
	TLS          bool                `json:"tls,omitempty"`
	Certificates string              `json:"certificates,omitempty" maxLength:"100000" doc:"PEM: whom to trust. Absent: the authorities of the server's system."`
	Session      string              `json:"session,omitempty" enum:"session,register,none" default:"session" doc:"How a conversation begins: session: ECMA-354. register: SystemRegister, such as OpenScape without it. none: not at all."`
	Application  string              `json:"application,omitempty" maxLength:"120" doc:"How the system knows this application. Absent: doorlight."`
	Edition      string              `json:"edition,omitempty" enum:"ed2,ed3,ed4,ed5,ed6" default:"ed4" doc:"Of the namespace."`
	Username     string              `json:"username,omitempty" maxLength:"120" doc:"Of the sign-in that some sessions have."`
	Device       string              `json:"device,omitempty" maxLength:"200" doc:"How the system names a line, with {line} for its number, such as tel:{line}. Absent: its number."`
	Prefixes     []string            `json:"prefixes,omitempty" maxItems:"50" doc:"How numbers of the office begin, up to the extension, such as +49 30 1234."`
	Internal     []string            `json:"internal,omitempty" maxItems:"100" doc:"Patterns of internal numbers: 2XX, or 7. for all that begin with 7."`
	Forwarding   []telephony.Ability `json:"forwarding,omitempty" enum:"do_not_disturb,all,internal,external,busy,no_answer" doc:"What the system can do. Absent: it does not forward."`
	Split        bool                `json:"split,omitempty" doc:"It sets busy and no_answer for internal and external calls each."`
}

func (x *CSTA) check(*office.Office, *fault.Fields) {}

func (x *CSTA) sameWay(as *Settings) bool {
	other := as.CSTA
	return x.Host == other.Host && x.Port == other.Port && x.TLS == other.TLS && x.Certificates == other.Certificates
}

func (x *CSTA) open(password string, log *slog.Logger) (telephony.System, error) {
	client, err := clientTrusting("csta", x.Certificates)
	if err != nil {
		return nil, err
	}
	s, err := csta.New(csta.Config{
		Host: x.Host, Port: x.Port, TLS: x.TLS, Session: x.Session, Application: x.Application, Edition: x.Edition, Username: x.Username, Password: password,
		Device: x.Device, Prefixes: x.Prefixes, Internal: x.Internal, Forwarding: x.Forwarding, Split: x.Split, Client: client, Log: log,
	})
	if err != nil {
		return nil, renamed(err, "csta.", map[string]string{"password": "secret"})
	}
	return s, nil
}

// SIP are the settings of a telephone system whose lines are followed by subscriptions to their dialogs (L1). The password of the account is the secret of the
// connector.
type SIP struct {
	Server         string   `json:"server" maxLength:"253" doc:"Its name or address, with a port if it is not the usual one."`
	Transport      string   `json:"transport,omitempty" enum:"udp,tcp,tls" default:"udp"`
	Certificates   string   `json:"certificates,omitempty" maxLength:"100000" doc:"PEM: whom to trust, for tls. Absent: the authorities of the server's system."`
	ServerName     string   `json:"server_name,omitempty" maxLength:"253" doc:"To which the certificate is made out. Absent: the server."`
	Domain         string   `json:"domain,omitempty" maxLength:"253" doc:"Of the lines' addresses, sip:302@domain. Absent: the server."`
	Username       string   `json:"username,omitempty" maxLength:"120" doc:"Of the account that may subscribe. Absent: none is needed."`
	AuthName       string   `json:"auth_name,omitempty" maxLength:"120" doc:"With which it proves itself, if that is another name."`
	Numbers        []string `json:"numbers,omitempty" maxItems:"50" doc:"How numbers of the office begin, up to the extension, such as +49 30 1234."`
	Internal       []string `json:"internal,omitempty" maxItems:"100" doc:"Patterns of further internal numbers: x is any digit, * at the end anything."`
	InternalDigits int      `json:"internal_digits,omitempty" minimum:"-1" maximum:"15" doc:"Up to how many digits a number is internal that begins with neither 0 nor +. 0: 5. -1: none."`
	ExpiresMinutes int      `json:"expires_minutes,omitempty" minimum:"0" maximum:"1440" doc:"How long a subscription lasts. 0: 10."`
	Rate           int      `json:"rate,omitempty" minimum:"0" maximum:"1000" doc:"Requests a second, when many are due. 0: 20."`
}

func (x *SIP) check(*office.Office, *fault.Fields) {}

func (x *SIP) sameWay(as *Settings) bool {
	other := as.SIP
	return x.Server == other.Server && x.Transport == other.Transport && x.Certificates == other.Certificates && x.ServerName == other.ServerName && x.Domain == other.Domain
}

func (x *SIP) open(password string, log *slog.Logger) (telephony.System, error) {
	roots, err := rootsOf("sip", x.Certificates)
	if err != nil {
		return nil, err
	}
	s, err := sipline.New(sipline.Config{
		Server: x.Server, Transport: sipua.Transport(x.Transport), Domain: x.Domain, Username: x.Username, AuthName: x.AuthName, Password: password, Numbers: x.Numbers,
		Internal: x.Internal, InternalDigits: x.InternalDigits, Expires: time.Duration(x.ExpiresMinutes) * time.Minute, Rate: x.Rate, RootCAs: roots, ServerName: x.ServerName, Log: log,
	})
	if err != nil {
		return nil, renamed(err, "sip.", map[string]string{"password": "secret", "expires": "sip.expires_minutes"})
	}
	return s, nil
}

// rootsOf reads certificates in PEM form that an administrator has entered; nil: none were.
func rootsOf(kind, certificates string) (*x509.CertPool, error) {
	if certificates == "" {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(certificates)) {
		return nil, fault.Bad(kind+".certificates", "holds no certificate in PEM form")
	}
	return roots, nil
}

// clientTrusting returns a client for systems in the office's own networks and on this computer.
func clientTrusting(kind, certificates string) (*outbound.Client, error) {
	roots, err := rootsOf(kind, certificates)
	if err != nil {
		return nil, err
	}
	return outbound.NewClient(outbound.Config{
		AllowPrivate: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, MaxRedirects: -1, RootCAs: roots,
	}), nil
}

// SIPServer are the settings of this server as a SIP server: telephones subscribe to what it shows of people (L2), and telephone systems ask it where a call goes
// (F5a).
type SIPServer struct{ telephones.Settings }

func (x *SIPServer) check(_ *office.Office, bad *fault.Fields) { x.Settings.Check("sip_server.", bad) }

func (x *SIPServer) sameWay(*Settings) bool { return true } // it has no secret

// open finds the telephone system that the server is to whoever forwards lines.
func (x *SIPServer) open(id string, e *entry, c *Connectors) error {
	var bad fault.Fields
	if x.check(c.office, &bad); bad.Err() != nil {
		return bad.Err()
	}
	if c.telephones != nil {
		e.pbx = c.telephones.System(id)
	}
	return nil
}

// UseTelephones has SIP servers listen. It is to be called once, before UseSwitchboard.
func (c *Connectors) UseTelephones(t *telephones.Telephones) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.telephones = t
	for id, e := range c.all {
		if e.settings.SIPServer != nil {
			e.pbx = t.System(id)
			c.plugTelephones(e)
		}
	}
}

// plugTelephones has a SIP server listen as its connector is now; mu is held.
func (c *Connectors) plugTelephones(e *entry) {
	if c.telephones == nil || e.rec.Kind != KindSIPServer {
		return
	}
	id := e.rec.ID
	if e.settings.SIPServer == nil || !e.rec.Enabled {
		c.telephones.DropServer(id)
		return
	}
	c.telephones.PutServer(telephones.Server{ID: id, Name: e.rec.Name, Settings: e.settings.SIPServer.Settings, Used: func(err error) { c.used(id, err) }})
}

// UseSwitchboard has telephone systems used. It is to be called once, before it runs.
func (c *Connectors) UseSwitchboard(s *switchboard.Switchboard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.switchboard = s
	for _, e := range c.all {
		c.plugSwitchboard(e)
	}
}

// plugSwitchboard has lines served by a connector as it is now; mu is held. What it returns is closed when what was there before is not used
// any more; nil: nothing was.
func (c *Connectors) plugSwitchboard(e *entry) (left <-chan struct{}) {
	if f := holds(e.rec.Kind); c.switchboard == nil || !f.Lines && !f.Forwards {
		return nil
	}
	id := e.rec.ID
	if e.pbx == nil || !e.rec.Enabled {
		return c.switchboard.DropSystem(id)
	}
	return c.switchboard.PutSystem(switchboard.System{ID: id, Name: e.rec.Name, System: e.pbx, Used: func(err error) { c.used(id, err) }})
}

// checkPBX tries each step that a telephone system needs. Without a line what needs one is left out.
func checkPBX(ctx context.Context, s telephony.System, line string) []directory.Step {
	var steps []directory.Step
	for _, x := range s.Check(ctx, line) {
		steps = append(steps, directory.Step(x))
	}
	return steps
}

// forwards reports whether a telephone system can forward lines in any way.
func forwards(s telephony.System) bool { return s != nil && len(s.Can().Forwarding) > 0 }
