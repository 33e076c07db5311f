package connector

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/provision"
)

// Kinds of outside systems. They are stored.
const (
	KindLDAP      = "ldap"       // a directory that is read over LDAP
	KindOIDC      = "oidc"       // a provider with which people sign in (OpenID Connect)
	KindWebhook   = "webhook"    // a program that is told of changed presences
	KindExchange  = "exchange"   // an Exchange organisation, whose calendars are read
	KindDomino    = "domino"     // an HCL Domino server, whose calendars are read
	KindGraph     = "graph"      // an application at Microsoft 365
	KindAsterisk  = "asterisk"   // an Asterisk, whose lines are followed and forwarded
	KindCSTA      = "csta"       // a telephone system that speaks CSTA, likewise
	KindSIP       = "sip"        // a telephone system that speaks SIP, whose lines are followed
	KindSIPServer = "sip_server" // this server as a SIP server, for lamps of telephones and redirected calls
	KindSCIM      = "scim"       // a provider of identities that sends its people by SCIM
)

// Settings are those of the one kind that a connector is of; the others are nil.
type Settings struct {
	LDAP      *LDAP      `json:"ldap,omitempty" doc:"Of kind ldap."`
	OIDC      *OIDC      `json:"oidc,omitempty" doc:"Of kind oidc."`
	Exchange  *Exchange  `json:"exchange,omitempty" doc:"Of kind exchange."`
	Graph     *Graph     `json:"graph,omitempty" doc:"Of kind graph."`
	Domino    *Domino    `json:"domino,omitempty" doc:"Of kind domino."`
	Asterisk  *Asterisk  `json:"asterisk,omitempty" doc:"Of kind asterisk."`
	CSTA      *CSTA      `json:"csta,omitempty" doc:"Of kind csta."`
	SIP       *SIP       `json:"sip,omitempty" doc:"Of kind sip."`
	SIPServer *SIPServer `json:"sip_server,omitempty" doc:"Of kind sip_server."`
	SCIM      *SCIM      `json:"scim,omitempty" doc:"Of kind scim."`
	Webhook   *Webhook   `json:"webhook,omitempty" doc:"Of kind webhook."`
}

// settings are those of one kind. A nil pointer in it says that they were not given.
type settings interface {
	// check enters what is wrong with them but for what the outside system itself says.
	check(of *office.Office, bad *fault.Fields)
	// sameWay reports whether a secret goes the same way to the same servers as with others of the same kind.
	sameWay(as *Settings) bool
}

// kinds tells where the settings of each kind are.
var kinds = map[string]struct {
	make  func(*Settings) any // in place of those that are there
	of    func(*Settings) settings
	given func(*Settings) bool
}{
	KindLDAP: {
		func(s *Settings) any { s.LDAP = &LDAP{}; return s.LDAP }, func(s *Settings) settings { return s.LDAP }, func(s *Settings) bool { return s.LDAP != nil },
	},
	KindOIDC: {
		func(s *Settings) any { s.OIDC = &OIDC{}; return s.OIDC }, func(s *Settings) settings { return s.OIDC }, func(s *Settings) bool { return s.OIDC != nil },
	},
	KindExchange: {
		func(s *Settings) any { s.Exchange = &Exchange{}; return s.Exchange }, func(s *Settings) settings { return s.Exchange }, func(s *Settings) bool { return s.Exchange != nil },
	},
	KindGraph: {
		func(s *Settings) any { s.Graph = &Graph{}; return s.Graph }, func(s *Settings) settings { return s.Graph }, func(s *Settings) bool { return s.Graph != nil },
	},
	KindDomino: {
		func(s *Settings) any { s.Domino = &Domino{}; return s.Domino }, func(s *Settings) settings { return s.Domino }, func(s *Settings) bool { return s.Domino != nil },
	},
	KindAsterisk: {
		func(s *Settings) any { s.Asterisk = &Asterisk{}; return s.Asterisk }, func(s *Settings) settings { return s.Asterisk }, func(s *Settings) bool { return s.Asterisk != nil },
	},
	KindCSTA: {
		func(s *Settings) any { s.CSTA = &CSTA{}; return s.CSTA }, func(s *Settings) settings { return s.CSTA }, func(s *Settings) bool { return s.CSTA != nil },
	},
	KindSIP: {
		func(s *Settings) any { s.SIP = &SIP{}; return s.SIP }, func(s *Settings) settings { return s.SIP }, func(s *Settings) bool { return s.SIP != nil },
	},
	KindSIPServer: {
		func(s *Settings) any { s.SIPServer = &SIPServer{}; return s.SIPServer }, func(s *Settings) settings { return s.SIPServer }, func(s *Settings) bool { return s.SIPServer != nil },
	},
	KindSCIM: {
		func(s *Settings) any { s.SCIM = &SCIM{}; return s.SCIM }, func(s *Settings) settings { return s.SCIM }, func(s *Settings) bool { return s.SCIM != nil },
	},
	KindWebhook: {
		func(s *Settings) any { s.Webhook = &Webhook{}; return s.Webhook }, func(s *Settings) settings { return s.Webhook }, func(s *Settings) bool { return s.Webhook != nil },
	},
}

// of returns the settings of a kind that there is.
func (s *Settings) of(kind string) settings { return kinds[kind].of(s) }

// shape enters if not exactly the settings of a kind are given.
func (s *Settings) shape(kind string, bad *fault.Fields) {
	if _, ok := kinds[kind]; !ok {
		bad.Add("kind", "%q is no kind of outside system", kind)
		return
	}
	for name, k := range kinds {
		switch {
		case name == kind && !k.given(s):
			bad.Add(name, "must be given for a connector of kind %s", kind)
		case name != kind && k.given(s):
			bad.Add(name, "is not for a connector of kind %s", kind)
		}
	}
}

// read reads the settings of a kind from a record.
func (s *Settings) read(kind string, config json.RawMessage) error {
	k, ok := kinds[kind]
	if !ok {
		return fault.New(fault.Conflict, "%q is no kind of system that this version knows", kind)
	}
	if err := json.Unmarshal(config, k.make(s)); err != nil {
		return fault.Wrap(fault.Conflict, err, "its settings cannot be read")
	}
	return nil
}

// checkPlaces enters what is wrong with where people belong.
func checkPlaces(field string, places []provision.Place, of *office.Office, bad *fault.Fields) {
	locations, _ := of.Locations()
	groups, _ := of.Groups()
	if len(places) == 0 {
		bad.Add(field, "say where people belong")
	}
	for i := range places {
		p, at := &places[i], field+"["+strconv.Itoa(i)+"]"
		p.Member = strings.TrimSpace(p.Member)
		found := false
		for _, x := range locations {
			found = found || x.ID == p.Location
		}
		if !found {
			bad.Add(at+".location", "there is no location %q", p.Location)
		}
		found = p.Group == ""
		for _, g := range groups {
			found = found || g.ID == p.Group && g.LocationID == p.Location
		}
		if !found {
			bad.Add(at+".group", "there is no configuration group %q in that location", p.Group)
		}
	}
}
