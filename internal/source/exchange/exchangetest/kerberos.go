package exchangetest

import (
	"bytes"
	"crypto/hmac"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
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

// States of a negotiation (RFC 4178 §4.2.2).
const (
	accepted   = asn1.Enumerated(spnego.NegStateAcceptCompleted)
	incomplete = asn1.Enumerated(spnego.NegStateAcceptIncomplete)
)

var ntlmOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10} // MS-SPNG: NTLM within SPNEGO

// negotiated is an answer of SPNEGO; mech and token may be nil.
func negotiated(state asn1.Enumerated, mech asn1.ObjectIdentifier, token []byte) []byte {
	answer := spnego.NegTokenResp{NegState: state, SupportedMech: mech, ResponseToken: token}
	b, err := answer.Marshal()
	if err != nil {
		return nil
	}
	return b
}

// unwrapNTLM returns the NTLM message in a token of SPNEGO; nil if there is none.
func unwrapNTLM(b []byte) []byte {
	var token spnego.SPNEGOToken
	if token.Unmarshal(b) != nil {
		return nil
	}
	message := token.NegTokenInit.MechTokenBytes
	if token.Resp {
		message = token.NegTokenResp.ResponseToken
	}
	if !bytes.HasPrefix(message, ntlmSignature) {
		return nil
	}
	return message
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
