package sipserver

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// calls are those that are being looked up. Of others nothing is kept (RFC 3261 §8.2.7): the same INVITE gets the same answer.
type calls struct {
	mu    sync.Mutex // guards what follows
	under map[string]*call
}

type call struct {
	cancel context.CancelFunc
	ended  bool // by CANCEL
}

// How often a call may have been sent on before it gets here.
const mostDiversions = 10

// invite answers a call: it tells where it goes (F5a).
func (s *Server) invite(f *flow, req *sip.Request, key string) {
	if tag(req.To().Params) != "" {
		s.respond(f, req, nil, 481, "Call/Transaction Does Not Exist")
		return
	}
	viewer := ""
	if !s.trusts(f.remote.Addr()) {
		_, acc, ok := s.identify(f, req, key)
		if !ok {
			return
		}
		viewer = acc.PersonID
	}
	ctx, cancel := context.WithTimeout(s.context(), s.timing.lookup)
	defer cancel()
	c := &call{cancel: cancel}
	s.calls.mu.Lock()
	if s.calls.under[key] != nil {
		s.calls.mu.Unlock()
		return // it came once more while it is looked up
	}
	s.calls.under[key] = c
	s.calls.mu.Unlock()
	trying := time.AfterFunc(s.timing.trying, func() { s.respond(f, req, nil, 100, "Trying") })
	res := s.decide(ctx, f, req, viewer)
	trying.Stop()
	s.calls.mu.Lock()
	delete(s.calls.under, key)
	ended := c.ended
	s.calls.mu.Unlock()
	if ended {
		res = s.answer(f, req, 487, "Request Terminated")
	}
	s.reply(f, nil, res)
}

// cancelled answers CANCEL (RFC 3261 §9.2).
func (s *Server) cancelled(f *flow, req *sip.Request) {
	h := *req.CSeq()
	h.MethodName = sip.INVITE
	as := sip.NewRequest(sip.INVITE, req.Recipient)
	as.AppendHeader(req.Via())
	as.AppendHeader(req.From())
	as.AppendHeader(req.CallID())
	as.AppendHeader(&h)
	key := keyOf(as)
	s.calls.mu.Lock()
	c := s.calls.under[key]
	if c != nil {
		c.ended = true
	}
	s.calls.mu.Unlock()
	if c == nil {
		s.respond(f, req, nil, 481, "Call/Transaction Does Not Exist")
		return
	}
	s.respond(f, req, nil, 200, "OK")
	c.cancel()
}

// decide finds the answer to a call. viewer is whose telephone signed in for it; empty: a telephone system that is trusted.
func (s *Server) decide(ctx context.Context, f *flow, req *sip.Request, viewer string) *sip.Response {
	if v := header(req, "Max-Forwards", ""); v == "0" {
		s.count.loops.Add(1)
		return s.answer(f, req, 483, "Too Many Hops") // nobody that it could be sent to would get it
	}
	called := calledOf(req.Recipient)
	if strings.EqualFold(req.Recipient.Scheme, "tel") {
		// A number is nobody's domain.
	} else if !s.ours(req.Recipient.Host) {
		s.count.unreachable.Add(1)
		return s.answer(f, req, 404, "Not Found")
	}
	if res := s.code(ctx, f, req, viewer, called); res != nil {
		return res
	}
	person, ok := "", false
	if called != "" && s.c.Targets != nil {
		person, ok = s.c.Directory.Person(called)
	}
	if !ok {
		s.count.unreachable.Add(1)
		return s.answer(f, req, 404, "Not Found")
	}
	passed := history(req)
	if len(passed) > mostDiversions || slices.ContainsFunc(passed, func(p sip.Uri) bool { return sameAddress(p, req.Recipient) }) {
		s.count.loops.Add(1)
		return s.answer(f, req, 482, "Loop Detected")
	}
	t, err := s.c.Targets.Target(ctx, person, Caller{Viewer: viewer, Internal: viewer != "" || s.internal(f, req)})
	if err != nil {
		s.log.Warn("where a call goes cannot be told", "user", person, "err", err)
		s.count.unreachable.Add(1)
		return s.answer(f, req, 480, "Temporarily Unavailable")
	}
	switch t.Kind {
	case DoNotDisturb:
		s.count.notDisturbed.Add(1)
		return s.answer(f, req, 486, "Do Not Disturb")
	case Ring, Forward:
	default:
		s.count.unreachable.Add(1)
		return s.answer(f, req, 404, "Not Found")
	}
	// The address that was called would send it round in a circle, and so would one that it was forwarded from. A desk is where the call was meant
	// to go: the telephone system may have tried there before it asked.
	var contacts []Contact
	looped := false
	for _, c := range t.Contacts {
		var u sip.Uri
		if err := sip.ParseUri(c.URI, &u); err != nil || strings.ContainsAny(c.URI, "<>\"\r\n ") || !isSIP(u.Scheme) && !strings.EqualFold(u.Scheme, "tel") {
			s.log.Warn("a call's target is not an address", "user", person)
			continue
		}
		if sameAddress(u, req.Recipient) || t.Kind == Forward && slices.ContainsFunc(passed, func(p sip.Uri) bool { return sameAddress(u, p) }) {
			looped = true
			continue
		}
		contacts = append(contacts, c)
	}
	if len(contacts) == 0 {
		if looped {
			s.count.loops.Add(1)
			return s.answer(f, req, 482, "Loop Detected")
		}
		s.count.unreachable.Add(1)
		return s.answer(f, req, 480, "Temporarily Unavailable")
	}
	slices.SortStableFunc(contacts, func(a, b Contact) int {
		switch {
		case a.Q > b.Q:
			return -1
		case a.Q < b.Q:
			return 1
		}
		return 0
	})
	s.count.redirected.Add(1)
	res := s.answer(f, req, 302, "Moved Temporarily")
	index := s.addHistory(req, res, t)
	for _, c := range contacts {
		v := "<" + c.URI + ">;q=" + q(c.Q) // without a time it is good for this call alone (RFC 3261 §21.3.3)
		if index != "" {
			v += ";mp=" + index
		}
		res.AppendHeader(sip.NewHeader("Contact", v))
	}
	return res
}

// code carries out a feature code that somebody has dialled at their telephone; nil: it is none of theirs.
func (s *Server) code(ctx context.Context, f *flow, req *sip.Request, viewer, called string) *sip.Response {
	if s.c.Codes == nil || called == "" || strings.Trim(called, "0123456789*#") != "" {
		return nil
	}
	person := viewer
	if person == "" {
		for _, c := range callers(req) {
			if p, ok := s.c.Directory.Person(c); ok {
				person = p
				break
			}
		}
	}
	if person == "" {
		return nil
	}
	said, confirm, ok := s.c.Codes(ctx, person, called)
	if !ok {
		return nil
	}
	if confirm == "" {
		s.count.unreachable.Add(1)
		return s.answer(f, req, 480, said)
	}
	s.count.redirected.Add(1)
	res := s.answer(f, req, 302, said)
	res.AppendHeader(sip.NewHeader("Contact", "<"+confirm+">"))
	return res
}

// q writes a preference (RFC 3261 §25.1: up to three digits).
func q(v float64) string {
	v = min(max(v, 0), 1)
	if v != v {
		v = 0
	}
	return strconv.FormatFloat(float64(int(v*1000+0.5))/1000, 'f', -1, 64)
}

// calledOf returns whom a Request-URI means.
func calledOf(u sip.Uri) string {
	if strings.EqualFold(u.Scheme, "tel") {
		n, _, _ := strings.Cut(u.Raw(), ";")
		return strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(n)
	}
	return calledUser(u.User)
}

// sameAddress reports whether two addresses mean the same: by user and host, whatever says how they are reached.
func sameAddress(a, b sip.Uri) bool {
	if calledOf(a) != calledOf(b) {
		return false
	}
	if x, y := strings.EqualFold(a.Scheme, "tel"), strings.EqualFold(b.Scheme, "tel"); x || y {
		return x && y // a number, and a telephone that has it
	}
	return strings.EqualFold(a.Host, b.Host)
}

// history returns where a call was sent away from, as History-Info (RFC 7044) and Diversion (RFC 5806) tell.
func history(req *sip.Request) []sip.Uri {
	var out []sip.Uri
	add := func(v string) {
		var u sip.Uri
		var p sip.HeaderParams
		if _, err := sip.ParseAddressValue(v, &u, &p); err == nil && calledOf(u) != "" {
			u.Headers = nil
			out = append(out, u)
		}
	}
	info := entries(req, "History-Info")
	for i, v := range info {
		// The last one is where the call is now: here.
		if i < len(info)-1 {
			add(v)
		}
	}
	for _, v := range entries(req, "Diversion") {
		add(v)
	}
	return out
}

// entries returns the entries of a header that is a list of addresses; commas in names, in addresses, and in what is in quotes part none.
func entries(m sip.Message, name string) []string {
	var out []string
	for _, v := range values(m, name, "") {
		quoted, angled, start := false, false, 0
		for i := 0; i < len(v); i++ {
			switch v[i] {
			case '\\':
				if quoted {
					i++
				}
			case '"':
				quoted = !quoted
			case '<':
				angled = angled || !quoted
			case '>':
				angled = angled && quoted
			case ',':
				if !quoted && !angled {
					out = append(out, strings.TrimSpace(v[start:i]))
					start = i + 1
				}
			}
		}
		if e := strings.TrimSpace(v[start:]); e != "" {
			out = append(out, e)
		}
	}
	return out
}

// addHistory keeps what the call has been through, and adds that it was sent on from here. It returns the index of the entry that did so; empty:
// the caller does not speak of it.
func (s *Server) addHistory(req *sip.Request, res *sip.Response, t Target) (index string) {
	here := sip.Uri{Scheme: req.Recipient.Scheme, User: req.Recipient.User, Host: req.Recipient.Host, Port: req.Recipient.Port}
	called := here.String()
	if strings.EqualFold(req.Recipient.Scheme, "tel") {
		called = req.Recipient.String()
	}
	before := entries(req, "History-Info")
	if len(before) > 0 || slices.Contains(tokens(req, "Supported", "k"), "histinfo") {
		index = "1"
		last := ""
		if len(before) > 0 {
			var u sip.Uri
			var p sip.HeaderParams
			if _, err := sip.ParseAddressValue(before[len(before)-1], &u, &p); err == nil {
				last, _ = p.Get("index")
				if sameAddress(u, req.Recipient) && last != "" {
					before = before[:len(before)-1] // that is here; it gets its reason
					index = last
				} else if last != "" {
					index = last + ".1"
				}
			}
		}
		for _, v := range before {
			res.AppendHeader(sip.NewHeader("History-Info", v))
		}
		res.AppendHeader(sip.NewHeader("History-Info", "<"+called+"?Reason=SIP%3Bcause%3D302>;index="+index))
	}
	old := entries(req, "Diversion")
	if t.Kind == Forward {
		why := t.Reason
		if why == "" || strings.ContainsFunc(why, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' }) {
			why = "unconditional"
		}
		res.AppendHeader(sip.NewHeader("Diversion", "<"+called+">;reason="+why+";counter=1"))
	}
	for _, v := range old {
		res.AppendHeader(sip.NewHeader("Diversion", v))
	}
	return index
}

// callers returns from whom a telephone system's call comes, as it says.
func callers(req *sip.Request) (all []string) {
	add := func(u sip.Uri) {
		if c := calledOf(u); c != "" {
			all = append(all, c)
		}
	}
	asserted := entries(req, "P-Asserted-Identity") // of trusted ones only; others have signed in
	for _, v := range asserted {
		var u sip.Uri
		var p sip.HeaderParams
		if _, err := sip.ParseAddressValue(v, &u, &p); err == nil {
			add(u)
		}
	}
	if len(all) == 0 {
		add(req.From().Address)
	}
	return all
}

// internal reports whether a telephone system's call comes from inside.
func (s *Server) internal(f *flow, req *sip.Request) bool {
	for _, c := range callers(req) {
		if slices.ContainsFunc(s.c.Internal, func(p string) bool { return matches(p, c) }) {
			return true
		}
		if _, ok := s.c.Directory.Person(c); ok {
			return true
		}
	}
	return false
}

// validPattern reports whether a pattern of Config.Internal can match anything.
func validPattern(p string) bool {
	p = strings.TrimSuffix(p, "*")
	p = strings.TrimPrefix(p, "+")
	return !strings.ContainsFunc(p, func(r rune) bool { return (r < '0' || r > '9') && r != 'x' })
}

// matches reports whether a number matches a pattern.
func matches(pattern, number string) bool {
	rest, open := strings.CutSuffix(pattern, "*")
	if len(number) < len(rest) || !open && len(number) != len(rest) {
		return false
	}
	for i := range len(rest) {
		digit := number[i] >= '0' && number[i] <= '9'
		if rest[i] == 'x' && !digit || rest[i] != 'x' && rest[i] != number[i] {
			return false
		}
	}
	for i := len(rest); i < len(number); i++ {
		if number[i] < '0' || number[i] > '9' {
			return false
		}
	}
	return true
}
