package api

import (
	"context"
	"time"

	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/rights"
	"github.com/doorlight/doorlight/internal/telephones"
)

// Telephones gives the server the accounts of telephones and the SIP servers; it is called before it is used.
func (s *Server) Telephones(t *telephones.Telephones) { s.telephones = t }

// Telephone is an account with which a desk telephone signs in, to show presence on its lamps (L2).
type Telephone struct {
	User      string     `json:"user" doc:"With which it signs in."`
	Name      string     `json:"name" doc:"As its owner calls it."`
	CreatedAt time.Time  `json:"created_at"`
	SeenAt    *time.Time `json:"seen_at,omitempty" doc:"When it signed in last. Absent: it has not since the server started."`
}

// TelephoneServer is where telephones sign in.
type TelephoneServer struct {
	Name      string   `json:"name"`
	Host      string   `json:"host,omitempty" doc:"The name or address by which telephones reach it. Absent: that of this server."`
	Domains   []string `json:"domains" doc:"Host parts of addresses that mean somebody. None: any."`
	Addresses []string `json:"addresses" doc:"Where it listens, such as udp:0.0.0.0:5060. None: it does not."`
}

// Telephones are the desk telephones of a person, and where they sign in.
type Telephones struct {
	Telephones []Telephone       `json:"telephones" doc:"The oldest first."`
	Servers    []TelephoneServer `json:"servers" doc:"None: no telephone can sign in."`
	Realm      string            `json:"realm" doc:"For which the passwords are good."`
	Address    string            `json:"address,omitempty" doc:"By which others subscribe to the person: the user part of a SIP address. Absent: they have neither a number nor a login."`
}

// TelephoneNew adds a telephone.
type TelephoneNew struct {
	PersonPath
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"60" doc:"Such as: Desk."`
	}
}

// TelephoneAdded is a telephone with its password, which is given out this once.
type TelephoneAdded struct {
	Telephone
	Password string `json:"password" doc:"Given out this once."`
}

// TelephonePath names a telephone of a person.
type TelephonePath struct {
	PersonPath
	Telephone string `path:"telephone" maxLength:"120" doc:"Its user."`
}

// ownerOrAdmin is the person of a path for who may write their own settings, and for whoever administers them.
func (s *Server) ownerOrAdmin(ctx context.Context, id string) (*office.Person, caller, error) {
	if p, c, err := s.target(ctx, id); err == nil && c.governs(p) {
		return p, c, nil
	}
	p, c, _, err := s.subjectWith(ctx, id, rights.Own, true)
	return p, c, err
}

// governs reports whether the caller administers somebody, and could set their password.
func (c caller) governs(p *office.Person) bool {
	return c.administers(p.LocationID) && c.mayGovern(p) == nil
}

func (s *Server) getTelephones(ctx context.Context, in *PersonPath) (*Out[Telephones], error) {
	p, _, err := s.ownerOrAdmin(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	out := Telephones{Telephones: []Telephone{}, Servers: []TelephoneServer{}, Realm: telephones.Realm, Address: p.WorkNumber}
	if out.Address == "" {
		out.Address = p.Login
	}
	if s.telephones == nil {
		return &Out[Telephones]{out}, nil
	}
	for _, a := range s.telephones.Accounts(p.ID) {
		out.Telephones = append(out.Telephones, telephoneOut(a))
	}
	for _, c := range s.connectors.All() {
		if x := c.SIPServer; c.Kind == connector.KindSIPServer && c.Enabled && x != nil {
			out.Servers = append(out.Servers, TelephoneServer{Name: c.Name, Host: x.Host, Domains: notNil(x.Domains), Addresses: notNil(s.telephones.Addrs(c.ID))})
		}
	}
	return &Out[Telephones]{out}, nil
}

func telephoneOut(a telephones.Account) Telephone {
	return Telephone{User: a.User, Name: a.Name, CreatedAt: a.CreatedAt, SeenAt: known(&a.SeenAt)}
}

func (s *Server) postTelephone(ctx context.Context, in *TelephoneNew) (*Out[TelephoneAdded], error) {
	p, c, err := s.ownerOrAdmin(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if c.person.ID != p.ID && !c.governs(p) { // it sees with its owner's eyes, also whom an assistant may see nothing of
		return nil, fault.New(fault.Forbidden, "%s has to add a telephone themselves, or an administrator for them", p.Name)
	}
	if s.telephones == nil {
		return nil, fault.New(fault.Unavailable, "this server has no telephones")
	}
	a, password, err := s.telephones.Add(ctx, c.by(), p.ID, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &Out[TelephoneAdded]{TelephoneAdded{telephoneOut(a), password}}, nil
}

func (s *Server) deleteTelephone(ctx context.Context, in *TelephonePath) (*struct{}, error) {
	p, c, err := s.ownerOrAdmin(ctx, in.Person)
	if err != nil {
		return nil, err
	}
	if s.telephones == nil {
		return nil, fault.New(fault.NotFound, "there is no telephone %q", in.Telephone)
	}
	return nil, s.telephones.Remove(ctx, c.by(), p.ID, in.Telephone)
}
