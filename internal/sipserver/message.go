package sipserver

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// What is served.
const (
	allow       = "INVITE, ACK, CANCEL, OPTIONS, REGISTER, SUBSCRIBE"
	allowEvents = "presence, dialog"
	supported   = "eventlist"
	accept      = "application/sdp"
)

// header returns the first value of a header that may stand in a short form, too (RFC 3261 §7.3.3); empty: there is none.
func header(m sip.Message, name, short string) string {
	for _, h := range headersOf(m) {
		if isNamed(h, name, short) {
			return h.Value()
		}
	}
	return ""
}

func headersOf(m sip.Message) []sip.Header {
	if all, ok := m.(interface{ Headers() []sip.Header }); ok {
		return all.Headers()
	}
	return nil
}

func isNamed(h sip.Header, name, short string) bool {
	n := h.Name()
	return len(n) == len(name) && strings.EqualFold(n, name) || short != "" && len(n) == len(short) && strings.EqualFold(n, short)
}

// howMany returns how many lines of a header there are.
func howMany(m sip.Message, name, short string) (n int) {
	for _, h := range headersOf(m) {
		if isNamed(h, name, short) {
			n++
		}
	}
	return n
}

// values returns a header's values, one a line.
func values(m sip.Message, name, short string) []string {
	var out []string
	for _, h := range headersOf(m) {
		if isNamed(h, name, short) {
			out = append(out, h.Value())
		}
	}
	return out
}

// tokens returns the values of a header that is a list of words, in lower case and without parameters.
func tokens(m sip.Message, name, short string) []string {
	var out []string
	for _, v := range values(m, name, short) {
		for t := range strings.SplitSeq(v, ",") {
			t, _, _ = strings.Cut(t, ";")
			if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
				out = append(out, t)
			}
		}
	}
	return out
}

// handle answers a request, which is no ACK: those are to answers that nothing is kept of.
func (s *Server) handle(f *flow, req *sip.Request) {
	if code, why, extra := examine(req); code != 0 {
		s.count.malformed.Add(1)
		if req.Via() != nil && why != "" { // without Via, nobody would know whose answer it is
			s.respond(f, req, nil, code, why, extra...)
		}
		return
	}
	key := keyOf(req)
	if s.trans.again(key, req) {
		return
	}
	switch req.Method {
	case sip.INVITE:
		s.invite(f, req, key)
	case sip.CANCEL:
		s.cancelled(f, req)
	case sip.OPTIONS:
		s.respond(f, req, nil, 200, "OK", "Allow", allow, "Accept", accept, "Supported", supported, "Allow-Events", allowEvents)
	case sip.REGISTER:
		s.register(f, req, key)
	case sip.SUBSCRIBE:
		s.subscribe(f, req, key)
	case sip.BYE, sip.INFO, sip.UPDATE, sip.PRACK, sip.NOTIFY, sip.REFER:
		if tag(req.To().Params) != "" {
			s.respond(f, req, nil, 481, "Call/Transaction Does Not Exist") // there are no dialogs in which we would get one
			return
		}
		s.respond(f, req, nil, 405, "Method Not Allowed", "Allow", allow)
	case sip.MESSAGE, sip.PUBLISH:
		s.respond(f, req, nil, 405, "Method Not Allowed", "Allow", allow)
	default:
		s.respond(f, req, nil, 501, "Not Implemented", "Allow", allow)
	}
}

// examine finds what makes a request impossible to answer as it is meant (RFC 3261 §8.2, §16.3). The code is 0 if nothing does; without a reason
// it is not answered at all.
func examine(req *sip.Request) (code int, why string, extra []string) {
	for _, h := range req.Headers() {
		if strings.ContainsAny(h.Value(), "\r\n") {
			return 400, "", nil // it would go into an answer; so there is none
		}
	}
	if !strings.EqualFold(req.SipVersion, "SIP/2.0") {
		return 505, "Version Not Supported", nil
	}
	for _, h := range [...][2]string{{"From", "f"}, {"To", "t"}, {"Call-ID", "i"}, {"CSeq", ""}, {"Via", "v"}} {
		n := howMany(req, h[0], h[1])
		if n == 0 {
			return 400, "Missing " + h[0], nil
		}
		if n > 1 && h[0] != "Via" {
			return 400, "More Than One " + h[0], nil
		}
	}
	for _, h := range [...][2]string{{"Max-Forwards", ""}, {"Content-Length", "l"}, {"Content-Type", "c"}, {"Expires", ""}, {"Event", "o"}} {
		if howMany(req, h[0], h[1]) > 1 {
			return 400, "More Than One " + h[0], nil
		}
	}
	if req.Via() == nil || req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil {
		return 400, "Bad Request", nil
	}
	if !strings.EqualFold(string(req.CSeq().MethodName), string(req.Method)) { // the library writes methods in capitals
		return 400, "CSeq Names Another Method", nil
	}
	if f := req.From().Address; f.Wildcard || f.Scheme == "" {
		return 400, "Bad From", nil
	}
	if t := req.To().Address; t.Wildcard || t.Scheme == "" {
		return 400, "Bad To", nil
	}
	if v := header(req, "Max-Forwards", ""); v != "" {
		if n, err := strconv.ParseUint(v, 10, 32); err != nil || n > 255 {
			return 400, "Bad Max-Forwards", nil
		}
	}
	if v := header(req, "Expires", ""); v != "" {
		if _, err := strconv.ParseUint(v, 10, 32); err != nil && req.Method == sip.SUBSCRIBE {
			return 400, "Bad Expires", nil
		}
	}
	switch strings.ToLower(req.Recipient.Scheme) {
	case "sip", "sips", "tel":
	default:
		return 416, "Unsupported URI Scheme", nil
	}
	if strings.EqualFold(req.Recipient.Scheme, "tel") && req.Method != sip.INVITE && req.Method != sip.OPTIONS && req.Method != sip.CANCEL && req.Method != sip.ACK {
		return 416, "Unsupported URI Scheme", nil
	}
	if req.Recipient.Headers.Length() > 0 {
		return 400, "Headers in the Request-URI", nil // RFC 3261 §19.1.1
	}
	if req.Method != sip.ACK && req.Method != sip.CANCEL {
		var unknown []string
		for _, t := range tokens(req, "Require", "") {
			if t != "eventlist" {
				unknown = append(unknown, t)
			}
		}
		if unknown != nil {
			return 420, "Bad Extension", []string{"Unsupported", strings.Join(unknown, ", ")}
		}
	}
	return 0, "", nil
}

// answer makes a response. Its tag is the same whenever the same request is answered.
func (s *Server) answer(f *flow, req *sip.Request, code int, why string, extra ...string) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, why, nil)
	res.SipVersion = "SIP/2.0"
	if to := req.To(); to != nil && tag(to.Params) == "" && code != 100 {
		res.To().Params.Add("tag", s.tagOf(req))
	}
	if v := res.Via(); v != nil {
		source, _ := netip.ParseAddrPort(req.Source())
		if v.Params.Has("rport") {
			v.Params.Add("rport", strconv.Itoa(int(source.Port())))
			v.Params.Add("received", source.Addr().Unmap().String())
		} else if !strings.EqualFold(strings.Trim(v.Host, "[]"), source.Addr().Unmap().String()) {
			v.Params.Add("received", source.Addr().Unmap().String())
		}
	}
	for i := 0; i+1 < len(extra); i += 2 {
		res.AppendHeader(sip.NewHeader(extra[i], extra[i+1]))
	}
	return res
}

// respond answers a request, in a transaction if it is kept.
func (s *Server) respond(f *flow, req *sip.Request, tx *sip.ServerTx, code int, why string, extra ...string) {
	s.reply(f, tx, s.answer(f, req, code, why, extra...))
}

func (s *Server) reply(f *flow, tx *sip.ServerTx, res *sip.Response) {
	var err error
	if tx != nil {
		err = tx.Respond(res)
	} else {
		err = f.WriteMsg(res)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Debug("a sip answer cannot be sent", "err", err)
	}
}

// tagOf returns the To tag of answers of which nothing is kept (RFC 3261 §8.2.7).
func (s *Server) tagOf(req *sip.Request) string {
	m := hmac.New(sha256.New, s.tags)
	if h := req.CallID(); h != nil {
		m.Write([]byte(h.Value()))
	}
	m.Write([]byte{0})
	if h := req.From(); h != nil {
		m.Write([]byte(tag(h.Params)))
	}
	m.Write([]byte{0})
	if h := req.Via(); h != nil {
		b, _ := h.Params.Get("branch")
		m.Write([]byte(b))
	}
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// tag returns the tag of From or To; empty: there is none.
func tag(p sip.HeaderParams) string {
	if t, ok := p.Get("tag"); ok {
		return t
	}
	for _, k := range p.Keys() {
		if strings.EqualFold(strings.TrimSpace(k), "tag") { // white space is allowed there
			v, _ := p.Get(k)
			return strings.Trim(v, " \t\"")
		}
	}
	return ""
}

// keyOf tells requests apart; of one that is sent again it is the same (RFC 3261 §17.2.3).
func keyOf(req *sip.Request) string {
	if k, err := sip.ServerTxKeyMake(req); err == nil {
		return k
	}
	// As RFC 2543 has it, and without a tag.
	return req.CallID().Value() + "\x00" + req.CSeq().Value() + "\x00" + req.Via().Value() + "\x00" + req.From().Value()
}

// malformed answers a request that cannot be read, from what lines of it can be told apart.
func (s *Server) malformed(f *flow, data []byte, cause error) {
	s.count.malformed.Add(1)
	head, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	first, rest, ok := bytes.Cut(head, []byte("\r\n"))
	if !ok || bytes.HasPrefix(first, []byte("SIP/")) || bytes.HasPrefix(first, []byte("ACK ")) || len(head) > 8192 {
		return
	}
	words := bytes.Fields(first)
	if len(words) < 3 || !bytes.HasPrefix(words[len(words)-1], []byte("SIP/")) {
		return // it is nothing like a request
	}
	status := "400 Bad Request"
	if errors.Is(cause, sip.ErrMessageTooLarge) {
		status = "513 Message Too Large"
	} else if !bytes.EqualFold(words[len(words)-1], []byte("SIP/2.0")) {
		status = "505 Version Not Supported"
	} else if scheme, _, ok := strings.Cut(strings.ToLower(string(words[1])), ":"); ok && scheme != "sip" && scheme != "sips" && scheme != "tel" && isScheme(scheme) {
		status = "416 Unsupported URI Scheme"
	}
	var out bytes.Buffer
	out.WriteString("SIP/2.0 " + status + "\r\n")
	kept := map[string]bool{}
	for line := range bytes.SplitSeq(rest, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.ContainsAny(value, "\r\n\x00") {
			continue
		}
		n := strings.ToLower(string(bytes.TrimSpace(name)))
		if full, ok := map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id"}[n]; ok {
			n = full
		}
		switch n {
		case "via":
			if !bytes.HasPrefix(bytes.ToUpper(bytes.TrimSpace(value)), []byte("SIP")) {
				return // nobody can be answered by it
			}
		case "from", "to", "call-id", "cseq":
			if kept[n] {
				continue
			}
		default:
			continue
		}
		out.WriteString(map[string]string{"via": "Via", "from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}[n] + ":")
		out.Write(value)
		if n == "to" && !bytes.Contains(value, []byte(";tag=")) {
			out.WriteString(";tag=malformed")
		}
		out.WriteString("\r\n")
		kept[n] = true
	}
	if !kept["via"] {
		return // nobody would know whose answer it is
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	f.write(out.Bytes())
}

// isScheme reports whether something is the scheme of an address (RFC 3986 §3.1), in lower case.
func isScheme(t string) bool {
	return t != "" && t[0] >= 'a' && t[0] <= 'z' && !strings.ContainsFunc(t, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '.'
	})
}

// identify finds out who sent a request. If it returns false, the request was answered.
func (s *Server) identify(f *flow, req *sip.Request, key string) (user string, acc Account, ok bool) {
	now := time.Now()
	var cred *digest.Credentials
	for _, v := range values(req, "Authorization", "") {
		if c, err := digest.ParseCredentials(v); err == nil && c.Realm == s.c.Realm {
			cred = c
			break
		}
	}
	if cred == nil {
		s.challenge(f, req, false)
		return "", Account{}, false
	}
	source := f.remote.Addr()
	if s.wrong.empty(source, now) {
		s.count.dropped.Add(1)
		s.respond(f, req, nil, 503, "Too Many Wrong Passwords", "Retry-After", "60")
		return "", Account{}, false
	}
	user = cred.Username
	if u, host, cut := strings.Cut(user, "@"); cut && (strings.EqualFold(host, s.c.Realm) || s.ours(host)) {
		user = u
	}
	acc, known := s.c.Directory.Account(user)
	h := fnv.New32a()
	h.Write([]byte(key))
	h.Write([]byte(req.CallID().Value()))
	v := wrong
	var uri sip.Uri
	// What was signed must be what is asked for. Servers in between may have changed all of an address but whom it means.
	if err := sip.ParseUri(cred.URI, &uri); err == nil && uri.User == req.Recipient.User {
		v = s.auth.check(cred, string(req.Method), acc, known, h.Sum32(), now)
	}
	switch v {
	case wrong:
		s.count.refused.Add(1)
		s.wrong.take(source, now)
		s.log.Debug("sip sign-in refused", "addr", source)
		s.challenge(f, req, false)
		return "", Account{}, false
	case outworn:
		s.challenge(f, req, true)
		return "", Account{}, false
	}
	if f.conn != nil {
		f.conn.known.Store(true)
	}
	if s.c.SignedIn != nil {
		s.c.SignedIn(user)
	}
	return user, acc, true
}

func (s *Server) challenge(f *flow, req *sip.Request, stale bool) {
	s.count.challenged.Add(1)
	var extra []string
	for _, c := range s.auth.challenges(time.Now(), stale) {
		extra = append(extra, "WWW-Authenticate", c)
	}
	s.respond(f, req, nil, 401, "Unauthorized", extra...)
}

// ours reports whether a host part means people here.
func (s *Server) ours(host string) bool {
	if len(s.c.Domains) == 0 {
		return true
	}
	host = strings.ToLower(host)
	for _, d := range s.c.Domains {
		if d == host {
			return true
		}
	}
	return host != "" && strings.EqualFold(host, s.c.Host)
}

// register tells telephones that they are signed in: many do not subscribe before. No call comes to them from here, so nothing is kept.
func (s *Server) register(f *flow, req *sip.Request, key string) {
	if _, _, ok := s.identify(f, req, key); !ok {
		return
	}
	tx, first := s.trans.begin(key, f, req)
	if !first {
		return // it came twice at once
	}
	contact := req.Contact()
	if contact == nil { // what is registered?
		s.respond(f, req, tx, 200, "OK")
		return
	}
	asked := header(req, "Expires", "")
	if v, ok := contact.Params.Get("expires"); ok {
		asked = v
	}
	seconds := int(s.c.MaxExpires.Seconds())
	if n, err := strconv.Atoi(asked); err == nil && n < seconds {
		seconds = max(n, 0)
	}
	if contact.Address.Wildcard || seconds == 0 {
		s.respond(f, req, tx, 200, "OK")
		return
	}
	if least := int(s.c.MinExpires.Seconds()); seconds < least {
		s.respond(f, req, tx, 423, "Interval Too Brief", "Min-Expires", strconv.Itoa(least))
		return
	}
	s.respond(f, req, tx, 200, "OK", "Contact", "<"+contact.Address.String()+">;expires="+strconv.Itoa(seconds), "Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05")+" GMT")
}
