package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/Azure/go-ntlmssp"
)

// ntlm signs in a connection (MS-NTHT), bound to its TLS.
type ntlm struct{ name, password string }

// errHandshake is why a sign-in stopped half-way, which says nothing about the password.
var errHandshake = errors.New("the server broke the sign-in off")

func (n ntlm) send(t *http.Transport, r *http.Request) (*http.Response, error) {
	legs := &ntlmLegs{transport: t}
	r.SetBasicAuth(n.name, n.password) // this is how the negotiator is given them; it sends none of it
	resp, err := ntlmssp.Negotiator{RoundTripper: legs}.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized && !legs.answered && n.offered(resp.Header) {
		// The negotiator hands back the first 401 if a later leg does not come off.
		resp.Body.Close()
		if legs.err != nil {
			return nil, legs.err
		}
		return nil, errHandshake
	}
	return resp, nil
}

func (ntlm) offered(h http.Header) bool { return offers(h, "NTLM", "Negotiate") }

// ntlmLegs carries the legs of one sign-in, all on one connection, and puts the channel binding into the challenge before it is
// answered: go-ntlmssp copies what the challenge tells of the server into its answer.
type ntlmLegs struct {
	transport *http.Transport
	err       error // of the last leg
	answered  bool  // a challenge was answered, and the server had its say
}

func (l *ntlmLegs) RoundTrip(r *http.Request) (*http.Response, error) {
	third := messageType(r.Header.Get("Authorization")) == 3
	var resp *http.Response
	if resp, l.err = l.transport.RoundTrip(r); l.err != nil {
		return nil, l.err
	}
	if l.answered = third; resp.StatusCode != http.StatusUnauthorized {
		return resp, nil
	}
	// What is left of it is not worth more than a new connection.
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, 64<<10), resp.Body}
	fields := resp.Header.Values("WWW-Authenticate")
	for i, field := range fields {
		scheme, data, _ := strings.Cut(field, " ")
		if messageType(field) != 2 {
			continue
		}
		message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
		if err != nil {
			continue
		}
		if message = bind(message, channelBinding(resp.TLS)); message != nil {
			fields[i] = scheme + " " + base64.StdEncoding.EncodeToString(message)
		}
	}
	return resp, nil
}

// messageType returns the type of the NTLM message in a header, or 0.
func messageType(field string) uint32 {
	scheme, data, _ := strings.Cut(field, " ")
	if scheme != "NTLM" && scheme != "Negotiate" {
		return 0
	}
	message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if err != nil || len(message) < 12 || string(message[:8]) != "NTLMSSP\x00" {
		return 0
	}
	return binary.LittleEndian.Uint32(message[8:])
}

// bind adds MsvAvChannelBindings (MS-NLMP 2.2.2.1) to what a CHALLENGE_MESSAGE (2.2.1.2) tells of the server. It returns nil if
// there is nothing to add, or nothing to add it to.
func bind(message, binding []byte) []byte {
	const fields, endOfList, channelBindings = 40, 0, 10
	if len(message) < fields+8 || len(binding) != md5Size {
		return nil
	}
	length := int(binary.LittleEndian.Uint16(message[fields:]))
	offset := int(binary.LittleEndian.Uint32(message[fields+4:]))
	if length < 4 || offset < fields+8 || offset > len(message) || length > len(message)-offset {
		return nil
	}
	info := append([]byte(nil), message[offset:offset+length]...)
	end := 0
	for {
		if end+4 > len(info) {
			return nil
		}
		id, n := binary.LittleEndian.Uint16(info[end:]), int(binary.LittleEndian.Uint16(info[end+2:]))
		if id == endOfList {
			break
		}
		if id == channelBindings || n > len(info)-end-4 {
			return nil
		}
		end += 4 + n
	}
	info = binary.LittleEndian.AppendUint16(info[:end], channelBindings)
	info = binary.LittleEndian.AppendUint16(info, md5Size)
	info = append(info, binding...)
	info = append(info, 0, 0, 0, 0)
	// The list goes to the end of the message, where there is room for it.
	out := append(append([]byte(nil), message...), info...)
	binary.LittleEndian.PutUint16(out[fields:], uint16(len(info)))
	binary.LittleEndian.PutUint16(out[fields+2:], uint16(len(info)))
	binary.LittleEndian.PutUint32(out[fields+4:], uint32(len(message)))
	return out
}

const md5Size = 16
