package directory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// standIn is an LDAP server for what slapd cannot be brought to do. It is strict: whoever searches before signing in is
// refused, and what this package has no business to send, such as "Who am I?" or a password that is empty, fails the test.
type standIn struct {
	t      testing.TB
	url    string
	bind   func(dn, password string) answer // nil: everybody may
	search func(r request) answer

	listener net.Listener
	done     sync.WaitGroup
	mu       sync.Mutex // guards what follows
	conns    map[net.Conn]bool
	binds    []string // DN and password, a space between
	searches []request
}

// request is a search.
type request struct {
	base, filter string
	scope, size  int64
	attributes   []string
	paged        bool
	page         int64
	cookie       string
}

// answer is what is answered to a bind or a search.
type answer struct {
	entries    []entry
	references []string
	cookie     string // of the next page
	code       int64
	message    string
	referral   []string // with code 10
	unpaged    bool     // as from a server that does not know pages
	cut        bool     // the connection is closed after the entries
	silent     bool     // and nothing is answered at all
}

type entry struct {
	dn         string
	attributes []attribute
}

type attribute struct {
	name   string
	values []string
}

// start serves until the test ends.
func (s *standIn) start(t testing.TB) *standIn {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.listener, s.url, s.conns = t, l, "ldap://"+l.Addr().String(), map[net.Conn]bool{}
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			s.done.Go(func() {
				defer c.Close()
				if err := s.serve(c); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Errorf("stand-in: %v", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.done.Wait()
	})
	return s
}

// bound returns who signed in so far.
func (s *standIn) bound() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.binds...)
}

// asked returns the searches so far.
func (s *standIn) asked() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.searches...)
}

// serve answers one connection; it returns what the client did wrong.
func (s *standIn) serve(c net.Conn) error {
	in := bufio.NewReader(c)
	signedIn := false
	for {
		p, err := ber.ReadPacket(in)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return nil // the client closed it in the middle, as it may
		}
		if len(p.Children) < 2 {
			return fmt.Errorf("message with %d parts", len(p.Children))
		}
		id, op := p.Children[0].Value.(int64), p.Children[1]
		switch op.Tag {
		case ldap.ApplicationUnbindRequest:
			return nil
		case ldap.ApplicationBindRequest:
			dn, password := op.Children[1].Value.(string), op.Children[2].Data.String()
			if password == "" {
				return fmt.Errorf("bind of %q without a password", dn)
			}
			s.mu.Lock()
			s.binds = append(s.binds, dn+" "+password)
			s.mu.Unlock()
			a := answer{}
			if s.bind != nil {
				a = s.bind(dn, password)
			}
			if a.cut {
				return nil
			}
			if a.silent {
				continue
			}
			signedIn = a.code == 0
			if err := send(c, id, result(ldap.ApplicationBindResponse, a), nil); err != nil {
				return nil
			}
		case ldap.ApplicationSearchRequest:
			r, err := readSearch(p)
			if err != nil {
				return err
			}
			s.mu.Lock()
			s.searches = append(s.searches, r)
			s.mu.Unlock()
			a := answer{code: ldap.LDAPResultOperationsError, message: "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563"}
			if signedIn {
				a = s.search(r)
			}
			for _, e := range a.entries {
				if send(c, id, e.packet(), nil) != nil {
					return nil
				}
			}
			for _, to := range a.references {
				ref := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
				ref.AppendChild(octets(to))
				if send(c, id, ref, nil) != nil {
					return nil
				}
			}
			if a.cut {
				return nil
			}
			if a.silent {
				continue
			}
			var controls *ber.Packet
			if r.paged && !a.unpaged {
				controls = ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
				paging := ldap.NewControlPaging(0)
				paging.SetCookie([]byte(a.cookie))
				controls.AppendChild(paging.Encode())
			}
			if send(c, id, result(ldap.ApplicationSearchResultDone, a), controls) != nil {
				return nil
			}
		case ldap.ApplicationExtendedRequest:
			if oid := op.Children[0].Data.String(); oid != "1.3.6.1.4.1.1466.20037" {
				return fmt.Errorf("extended request %s", oid)
			}
			if send(c, id, result(ldap.ApplicationExtendedResponse, answer{code: ldap.LDAPResultProtocolError, message: "unsupported extended operation"}), nil) != nil {
				return nil
			}
		case ldap.ApplicationAbandonRequest:
		default:
			return fmt.Errorf("request %d", op.Tag)
		}
	}
}

func readSearch(p *ber.Packet) (r request, err error) {
	op := p.Children[1]
	if len(op.Children) != 8 {
		return r, fmt.Errorf("search with %d parts", len(op.Children))
	}
	r.base, r.scope, r.size = op.Children[0].Value.(string), op.Children[1].Value.(int64), op.Children[3].Value.(int64)
	if r.filter, err = ldap.DecompileFilter(op.Children[6]); err != nil {
		return r, err
	}
	for _, a := range op.Children[7].Children {
		r.attributes = append(r.attributes, a.Value.(string))
	}
	if len(p.Children) < 3 {
		return r, nil
	}
	for _, child := range p.Children[2].Children {
		control, err := ldap.DecodeControl(child)
		if err != nil {
			return r, err
		}
		if paging, ok := control.(*ldap.ControlPaging); ok {
			r.paged, r.page, r.cookie = true, int64(paging.PagingSize), string(paging.Cookie)
		}
	}
	return r, nil
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func result(op ber.Tag, a answer) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, op, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, a.code, ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets(a.message))
	if len(a.referral) > 0 {
		to := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, s := range a.referral {
			to.AppendChild(octets(s))
		}
		p.AppendChild(to)
	}
	return p
}

func (e entry) packet() *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(octets(e.dn))
	list := ber.NewSequence("")
	for _, a := range e.attributes {
		one := ber.NewSequence("")
		one.AppendChild(octets(a.name))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.values {
			values.AppendChild(octets(v))
		}
		one.AppendChild(values)
		list.AppendChild(one)
	}
	p.AppendChild(list)
	return p
}

func send(c net.Conn, id int64, op, controls *ber.Packet) error {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	if controls != nil {
		p.AppendChild(controls)
	}
	_, err := c.Write(p.Bytes())
	return err
}

// guid is the objectGUID that ends in n.
func guid(n byte) string {
	return "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee" + string([]byte{n})
}

const adBase = "DC=example,DC=com"

// user is a person of Active Directory.
func user(n byte, login string, more ...attribute) entry {
	return entry{dn: "CN=" + login + ",CN=Users," + adBase, attributes: append([]attribute{
		{"objectGUID", []string{guid(n)}}, {"sAMAccountName", []string{login}}, {"cn", []string{login}}, {"userAccountControl", []string{"512"}},
	}, more...)}
}

// controller is a stand-in of Active Directory with users; what it does about other searches is its groups.
func controller(t *testing.T, users []entry, groups func(r request) answer) *standIn {
	return (&standIn{search: func(r request) answer {
		if strings.Contains(r.filter, "objectCategory=person") {
			var found []entry
			for _, e := range users {
				// A search for one login names it; a listing none.
				if login := e.attributes[1].values[0]; !strings.Contains(r.filter, "sAMAccountName=") || strings.Contains(r.filter, "sAMAccountName="+login+")") {
					found = append(found, e)
				}
			}
			return answer{entries: found}
		}
		if groups == nil {
			return answer{}
		}
		return groups(r)
	}}).start(t)
}

// openAD returns the directory of a stand-in.
func openAD(t *testing.T, change func(*Config), servers ...*standIn) *Directory {
	t.Helper()
	c := Config{BindDN: `EXAMPLE\reader`, Password: "pw of the reader", Base: adBase, Kind: KindActiveDirectory}
	for _, s := range servers {
		c.URLs = append(c.URLs, s.url)
	}
	if change != nil {
		change(&c)
	}
	return open(t, c)
}
