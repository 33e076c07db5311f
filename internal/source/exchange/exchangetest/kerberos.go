package exchangetest

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

// krbVerify checks a token of SPNEGO with Kerberos in it against the service's keytab (RFC 4559, RFC 4120 §3.2), and
// returns who it is from.
func (s *Server) krbVerify(b []byte) (*principal, error) {
	if s.keytab == nil {
		return nil, errors.New("no keytab")
	}
	var token spnego.SPNEGOToken
	if err := token.Unmarshal(b); err != nil {
		return nil, err
	}
	if !token.Init {
		return nil, errors.New("not the first token")
	}
	var mech spnego.KRB5Token
	if err := mech.Unmarshal(token.NegTokenInit.MechTokenBytes); err != nil {
		return nil, err
	}
	if !mech.IsAPReq() {
		return nil, errors.New("no AP-REQ")
	}
	var name *types.PrincipalName // nil: as the ticket says
	if s.config.ServiceName != "" {
		n := types.NewPrincipalName(nametype.KRB_NT_SRV_INST, s.config.ServiceName)
		name = &n
	}
	// Not by the library's service package, whose cache of replays has a goroutine for ever.
	ok, err := mech.APReq.Verify(s.keytab, 5*time.Minute, types.HostAddress{}, name)
	if err != nil || !ok {
		return nil, fmt.Errorf("the ticket: %w", err)
	}
	by := mech.APReq.Authenticator
	if s.replayed(fmt.Sprint(by.CName.PrincipalNameString(), by.CTime.UnixNano(), by.Cusec, by.SeqNumber)) {
		return nil, errors.New("seen before")
	}
	if s.config.ChannelBinding && s.config.TLS {
		sum := mech.APReq.Authenticator.Cksum.Checksum // RFC 4121 §4.1.1
		if len(sum) < 20 || !hmac.Equal(sum[4:20], channelBinding(s.cert.Leaf)) {
			return nil, errors.New("not bound to the channel")
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, name := range []string{by.CName.PrincipalNameString() + "@" + by.CRealm, by.CName.PrincipalNameString()} {
		if who := s.logins[strings.ToLower(name)]; who != nil {
			return who, nil
		}
	}
	return nil, errors.New("unknown principal")
}

// krbAccepted is what the service says when it took a ticket (RFC 4178 §4.2.2).
func krbAccepted() string {
	token := spnego.NegTokenResp{NegState: 0, SupportedMech: gssapi.OIDKRB5.OID()} // accept-completed
	b, err := token.Marshal()
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

// replayed tells whether an authenticator came before (RFC 4120 §3.2.3).
func (s *Server) replayed(authenticator string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for old, at := range s.seen {
		if now.Sub(at) > 10*time.Minute {
			delete(s.seen, old)
		}
	}
	_, again := s.seen[authenticator]
	s.seen[authenticator] = now
	return again
}

func readKeytab(b []byte) (*keytab.Keytab, error) {
	if len(b) == 0 {
		return nil, nil
	}
	kt := keytab.New()
	if err := kt.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("exchangetest: Keytab: %w", err)
	}
	return kt, nil
}
