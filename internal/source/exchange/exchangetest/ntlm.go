package exchangetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/md4"
)

// The flags of MS-NLMP §2.2.2.5 that matter here.
const (
	ntlmUnicode      = 0x00000001
	ntlmTarget       = 0x00000004
	ntlmSign         = 0x00000010
	ntlmSeal         = 0x00000020
	ntlmNTLM         = 0x00000200
	ntlmAlwaysSign   = 0x00008000
	ntlmTargetDomain = 0x00010000
	ntlmExtended     = 0x00080000
	ntlmTargetInfo   = 0x00800000
	ntlmVersion      = 0x02000000
	ntlm128          = 0x20000000
	ntlmKeyExchange  = 0x40000000
	ntlm56           = 0x80000000

	ntlmSupported = ntlmUnicode | ntlmTarget | ntlmSign | ntlmSeal | ntlmNTLM | ntlmAlwaysSign | ntlmExtended | ntlmVersion | ntlm128 | ntlmKeyExchange | ntlm56
)

var ntlmSignature = []byte("NTLMSSP\x00")

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func fromUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// ntlmHandshake is what a connection remembers between the messages of NTLM.
type ntlmHandshake struct{ negotiate, challenge []byte }

// ntlmChallenge answers a NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1) with a CHALLENGE_MESSAGE (§2.2.1.2).
func (s *Server) ntlmChallenge(negotiate []byte) *ntlmHandshake {
	flags := uint32(ntlmUnicode | ntlmNTLM | ntlmExtended | ntlmAlwaysSign)
	if len(negotiate) >= 16 {
		flags = binary.LittleEndian.Uint32(negotiate[12:]) & ntlmSupported
	}
	flags |= ntlmUnicode | ntlmTargetInfo | ntlmTargetDomain | ntlmTarget
	computer, _, _ := strings.Cut(s.config.Servers[0], ".")
	var info []byte
	av := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	av(2, utf16le(s.config.NetBIOS))
	av(1, utf16le(strings.ToUpper(computer)))
	av(4, utf16le(s.config.Domain))
	av(3, utf16le(s.config.Servers[0]))
	av(5, utf16le(s.config.Domain))
	av(7, binary.LittleEndian.AppendUint64(nil, uint64(s.now().UnixNano()/100)+116444736000000000))
	av(0, nil)
	target := utf16le(s.config.NetBIOS)
	b := append([]byte(nil), ntlmSignature...)
	field := func(value []byte, offset int) {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
		b = binary.LittleEndian.AppendUint32(b, uint32(offset))
	}
	b = binary.LittleEndian.AppendUint32(b, 2)
	field(target, 56)
	b = binary.LittleEndian.AppendUint32(b, flags)
	random := make([]byte, 8)
	rand.Read(random)
	b = append(b, random...)
	b = append(b, make([]byte, 8)...)
	field(info, 56+len(target))
	b = append(b, 10, 0, 0x63, 0x45, 0, 0, 0, 15) // version 10.0.17763 of Windows
	b = append(append(b, target...), info...)
	return &ntlmHandshake{negotiate: bytes.Clone(negotiate), challenge: b}
}

// ntlmVerify checks an AUTHENTICATE_MESSAGE (MS-NLMP §2.2.1.3, §3.3.2) and returns who it is from; nil if it proves
// nothing, or, where that is demanded, is not bound to this channel.
func (s *Server) ntlmVerify(h *ntlmHandshake, message []byte) *principal {
	if h == nil || len(message) < 64 || binary.LittleEndian.Uint32(message[8:]) != 3 {
		return nil
	}
	field := func(at int) []byte {
		length, offset := int(binary.LittleEndian.Uint16(message[at:])), int(binary.LittleEndian.Uint32(message[at+4:]))
		if offset < 0 || offset+length > len(message) {
			return nil
		}
		return message[offset : offset+length]
	}
	response, domain, user := field(20), fromUTF16(field(28)), fromUTF16(field(36))
	if len(response) < 16+28 { // NTLM of version 1 is not accepted
		return nil
	}
	name := user
	if domain != "" && !strings.Contains(user, "@") {
		if strings.EqualFold(domain, s.config.Domain) {
			domain = s.config.NetBIOS
		}
		name = domain + `\` + user
	}
	s.mu.RLock()
	who := s.logins[strings.ToLower(name)]
	s.mu.RUnlock()
	if who == nil || who.password == "" {
		return nil
	}
	hash := md4.New()
	hash.Write(utf16le(who.password))
	key := hmacMD5(hash.Sum(nil), utf16le(strings.ToUpper(user)), field(28))
	proof, temp := response[:16], response[16:]
	if !hmac.Equal(proof, hmacMD5(key, h.challenge[24:32], temp)) {
		return nil
	}
	pairs := avPairs(temp[28:])
	if flags := pairs[6]; len(flags) == 4 && binary.LittleEndian.Uint32(flags)&2 != 0 && !micIsRight(h, message, key, proof, field(52)) {
		return nil
	}
	if s.config.ChannelBinding && s.config.TLS && !hmac.Equal(pairs[10], channelBinding(s.cert.Leaf)) {
		return nil
	}
	return who
}

func avPairs(b []byte) map[uint16][]byte {
	pairs := map[uint16][]byte{}
	for len(b) >= 4 {
		id, length := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if id == 0 || len(b) < 4+length {
			break
		}
		pairs[id] = b[4 : 4+length]
		b = b[4+length:]
	}
	return pairs
}

// micIsRight checks that nobody changed the messages on the way (MS-NLMP §3.1.5.1.2).
func micIsRight(h *ntlmHandshake, message, key, proof, encrypted []byte) bool {
	if len(message) < 88 {
		return false
	}
	session := hmacMD5(key, proof)
	if binary.LittleEndian.Uint32(message[60:])&ntlmKeyExchange != 0 {
		cipher, err := rc4.NewCipher(session)
		if err != nil || len(encrypted) != 16 {
			return false
		}
		exported := make([]byte, 16)
		cipher.XORKeyStream(exported, encrypted)
		session = exported
	}
	without := bytes.Clone(message)
	clear(without[72:88])
	return hmac.Equal(message[72:88], hmacMD5(session, h.negotiate, h.challenge, without))
}

// endPoint is what tls-server-end-point means of a certificate (RFC 5929 §4.1).
func endPoint(cert *x509.Certificate) []byte {
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		sum := sha512.Sum384(cert.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		sum := sha512.Sum512(cert.Raw)
		return sum[:]
	}
	sum := sha256.Sum256(cert.Raw)
	return sum[:]
}

// channelBinding is the MD5 sum of the structure of RFC 2744 §3.11 with that, without addresses (RFC 4121 §4.1.1.2).
func channelBinding(cert *x509.Certificate) []byte {
	data := append([]byte("tls-server-end-point:"), endPoint(cert)...)
	b := make([]byte, 16, 20+len(data))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := md5.Sum(append(b, data...))
	return sum[:]
}
