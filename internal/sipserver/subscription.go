package sipserver

import (
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// dialogID tells dialogs apart (RFC 3261 §12): ours has the local tag.
type dialogID struct{ callID, local, remote string }

// subscription is one telephone's interest in one address, or in a list of them. What may change is guarded by Server.mu.
type subscription struct {
	id      dialogID
	account string
	viewer  string // whose telephone it is
	pack    pack
	event   string   // value of Event: the package, and the id that the telephone chose
	entity  string   // the address as it was subscribed to
	from    string   // our end of the dialog, as it stands in From
	to      string   // the telephone's
	routes  []string // values of Route

	flow    *flow
	target  string // the telephone's Contact
	contact string // ours
	via     string // host and port of ours, as they stand in Via
	theirs  uint32 // CSeq of the telephone's last request

	cseq    uint32
	version uint32 // of the next document
	until   time.Time
	who     one
	list    *list // nil: it is no list

	under   bool   // a notification is under way, or is about to be
	pending bool   // there may be something to be told
	due     bool   // a notification must be sent, whether or not anything changed
	over    string // the reason for which it has ended; the last notification says so. Empty: it has not
	gone    bool   // nobody is told any more
	failed  int    // notifications in a row that nobody answered; none is sent then because somebody changed
}

// one is a person in a subscription.
type one struct {
	person  string // empty: the address means nobody
	told    uint64 // what was told last, as a sum; 0: nothing
	version uint32 // of the next document: in lists
}

// list is a subscription's list.
type list struct {
	users  []string // addresses' user parts
	people []one
	dirty  map[int]struct{} // of whom there may be something to be told
	named  bool             // the telephone knows who is on it
	edit   int              // counts the changes of users and people
}

// watched is somebody whom telephones are interested in.
type watched struct {
	person string
	stop   func()
	subs   map[*subscription]struct{}
}

// Longest list, and how large the documents of one notification of a list may become. What does not fit comes with the next.
const (
	longestList     = 500
	largestDatagram = 8 << 10
	largestStream   = 48 << 10
)

// subscribe answers SUBSCRIBE (RFC 6665 §4.2).
func (s *Server) subscribe(f *flow, req *sip.Request, key string) {
	id := dialogID{req.CallID().Value(), tag(req.To().Params), tag(req.From().Params)}
	if id.local != "" {
		// Whose dialog is not known here any more is to begin anew: so do telephones after a restart. They need not sign in to hear of it.
		s.mu.Lock()
		known := s.subs[id] != nil
		s.mu.Unlock()
		if !known {
			s.respond(f, req, nil, 481, "Subscription Does Not Exist")
			return
		}
	}
	user, acc, ok := s.identify(f, req, key)
	if !ok {
		return
	}
	tx, first := s.trans.begin(key, f, req)
	if !first {
		return // it came twice at once
	}
	event, p, ok := eventOf(req)
	if !ok {
		s.respond(f, req, tx, 489, "Bad Event", "Allow-Events", allowEvents)
		return
	}
	expires, ok := s.expires(req)
	if !ok {
		s.respond(f, req, tx, 423, "Interval Too Brief", "Min-Expires", seconds(s.c.MinExpires))
		return
	}
	if id.local != "" {
		s.renew(f, req, tx, id, user, event, expires)
		return
	}
	code, extra := s.subscribed(f, req, tx, user, acc.PersonID, event, p, expires)
	if code != 200 {
		s.respond(f, req, tx, code, refusals[code], extra...)
	}
}

// refusals say why somebody may not subscribe.
var refusals = map[int]string{
	400: "Contact And From Tag Are Needed", 404: "Not Found", 406: "Not Acceptable", 421: "Extension Required", 503: "Too Many Subscriptions",
}

// subscribed begins a subscription for somebody who has signed in. It answers with 200, or returns another code that is to be answered with.
func (s *Server) subscribed(f *flow, req *sip.Request, tx *sip.ServerTx, account, viewer, event string, p pack, expires time.Duration) (code int, extra []string) {
	id := dialogID{req.CallID().Value(), "", tag(req.From().Params)}
	if id.remote == "" {
		return 400, nil
	}
	if !accepts(req, p.contentType()) {
		return 406, []string{"Accept", p.contentType()}
	}
	contact := req.Contact()
	if contact == nil || contact.Address.Wildcard || !isSIP(contact.Address.Scheme) || contact.Address.Host == "" {
		return 400, nil
	}
	if !s.ours(req.Recipient.Host) {
		return 404, nil
	}
	called := calledUser(req.Recipient.User)
	var l *list
	if s.c.Lists != nil {
		if users := s.c.Lists.Lists(viewer, called); len(users) > 0 {
			if !slices.Contains(tokens(req, "Supported", "k"), "eventlist") && !slices.Contains(tokens(req, "Require", ""), "eventlist") {
				return 421, []string{"Require", "eventlist"}
			}
			if len(users) > longestList {
				s.log.Warn("sip list is too long", "most", longestList)
				users = users[:longestList]
			}
			l = &list{users: slices.Clone(users), dirty: map[int]struct{}{}}
		}
	}
	sub := &subscription{
		id: id, account: account, viewer: viewer, pack: p, event: strings.Clone(event), entity: strings.Clone(entityOf(req.Recipient)),
		theirs: req.CSeq().SeqNo, cseq: 1, list: l, due: true,
		under: true, // nothing is told before the answer
	}
	sub.id.local = newTag()
	sub.id.callID, sub.id.remote = strings.Clone(sub.id.callID), strings.Clone(sub.id.remote)
	res := s.answer(f, req, 200, "OK")
	res.To().Params.Add("tag", sub.id.local)
	sub.from, sub.to = res.To().Value(), res.From().Value()
	for _, r := range values(req, "Record-Route", "") {
		sub.routes = append(sub.routes, strings.Clone(r))
	}
	s.reach(sub, f, req)
	if expires > 0 {
		expires = s.jitter(expires)
	}
	sub.until = time.Now().Add(expires)
	if expires == 0 {
		sub.over = "timeout" // it is told once how things are
	}
	if !s.enter(sub, called) {
		return 503, []string{"Retry-After", "60"}
	}
	s.accepted(f, tx, res, sub, expires)
	s.mu.Lock()
	sub.under = false
	s.enqueue(sub)
	s.mu.Unlock()
	return 200, nil
}

// accepted sends the 200. The state comes after it: telephones that are told of it before do not all know what it is about.
func (s *Server) accepted(f *flow, tx *sip.ServerTx, res *sip.Response, sub *subscription, expires time.Duration) {
	res.AppendHeader(sip.NewHeader("Expires", seconds(expires)))
	res.AppendHeader(sip.NewHeader("Contact", sub.contact))
	if sub.list != nil {
		res.AppendHeader(sip.NewHeader("Require", "eventlist"))
	}
	s.reply(f, tx, res)
}

// renew deals with a SUBSCRIBE within its dialog: it goes on, or it ends.
func (s *Server) renew(f *flow, req *sip.Request, tx *sip.ServerTx, id dialogID, user, event string, expires time.Duration) {
	if expires > 0 {
		expires = s.jitter(expires)
	}
	s.mu.Lock()
	sub := s.subs[id]
	code, why := 0, ""
	switch {
	case sub == nil || sub.over != "" || sub.gone:
		code, why = 481, "Subscription Does Not Exist"
	case sub.account != user:
		code, why = 403, "It Is Somebody Else's"
	case sub.event != event:
		code, why = 481, "There Is No Such Subscription In This Dialog" // one dialog, one subscription
	case req.CSeq().SeqNo <= sub.theirs:
		code, why = 500, "CSeq Out Of Order" // RFC 3261 §12.2.2
	}
	if code != 0 {
		s.mu.Unlock()
		s.respond(f, req, tx, code, why)
		return
	}
	sub.theirs = req.CSeq().SeqNo
	s.reach(sub, f, req)
	sub.until = time.Now().Add(expires)
	sub.due, sub.failed = true, 0
	if sub.list != nil {
		sub.list.named = false // RFC 4662 §4.5: all of it
		sub.list.all()
	}
	if expires == 0 {
		sub.over = "timeout"
	}
	s.mu.Unlock()
	s.accepted(f, tx, s.answer(f, req, 200, "OK"), sub, expires)
	s.mu.Lock()
	s.enqueue(sub)
	s.mu.Unlock()
}

// enter keeps a new subscription, if there are not too many.
func (s *Server) enter(sub *subscription, called string) bool {
	if sub.list != nil {
		sub.list.people = make([]one, len(sub.list.users))
		for i, u := range sub.list.users {
			sub.list.people[i].person, _ = s.c.Directory.Person(u)
		}
		sub.list.all()
	} else {
		sub.who.person, _ = s.c.Directory.Person(called)
	}
	s.mu.Lock()
	var stops []func()
	if s.account[sub.account] >= s.c.MostPerAccount {
		stops = s.supersede(sub)
	}
	if s.closing || len(s.subs) >= s.c.MostSubscriptions || s.account[sub.account] >= s.c.MostPerAccount || s.subs[sub.id] != nil {
		s.mu.Unlock()
		for _, stop := range stops {
			stop()
		}
		return false
	}
	s.subs[sub.id] = sub
	s.account[sub.account]++
	if sub.list != nil {
		s.lists++
	}
	begin := s.follow(sub)
	s.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	s.watch(begin)
	return true
}

// supersede forgets the oldest subscription that is for the same as a new one. A telephone that starts again and again leaves one behind each time.
// The caller holds the lock, and calls what is returned without it.
func (s *Server) supersede(sub *subscription) (stops []func()) {
	var oldest *subscription
	for _, o := range s.subs {
		if o.account == sub.account && o.entity == sub.entity && o.event == sub.event && (oldest == nil || o.until.Before(oldest.until)) {
			oldest = o
		}
	}
	if oldest == nil {
		return nil
	}
	return s.leave(oldest)
}

// follow has a subscription hear of its people, and returns whom nobody was interested in before. The caller holds the lock, and calls watch without it.
func (s *Server) follow(sub *subscription) (begin []*watched) {
	for p := range sub.everybody() {
		w := s.people[p]
		if w == nil {
			w = &watched{person: p, subs: map[*subscription]struct{}{}, stop: func() {}}
			s.people[p] = w
			begin = append(begin, w)
		}
		w.subs[sub] = struct{}{}
	}
	return begin
}

// watch asks to be told of people. What changed before it is told of, nobody would hear; so it is looked at once more.
func (s *Server) watch(people []*watched) {
	for _, w := range people {
		stop := s.c.Presences.Watch([]string{w.person}, s.changed)
		s.mu.Lock()
		still := s.people[w.person] == w
		if still {
			w.stop = stop
		}
		s.mu.Unlock()
		if !still { // everybody has lost interest meanwhile
			stop()
		}
		s.changed(w.person)
	}
}

// leave forgets a subscription. The caller holds the lock, and calls what is returned without it.
func (s *Server) leave(sub *subscription) (stops []func()) {
	if sub.gone {
		return nil
	}
	sub.gone = true
	if s.subs[sub.id] == sub {
		delete(s.subs, sub.id)
		if s.account[sub.account]--; s.account[sub.account] <= 0 {
			delete(s.account, sub.account)
		}
		if sub.list != nil {
			s.lists--
		}
	}
	return s.unfollow(sub)
}

func (s *Server) unfollow(sub *subscription) (stops []func()) {
	for p := range sub.everybody() {
		w := s.people[p]
		if w == nil {
			continue
		}
		if delete(w.subs, sub); len(w.subs) == 0 {
			delete(s.people, p)
			stops = append(stops, w.stop)
		}
	}
	return stops
}

// everybody yields the people of a subscription; some may come twice.
func (sub *subscription) everybody() func(func(string) bool) {
	return func(yield func(string) bool) {
		if sub.list == nil {
			if sub.who.person != "" {
				yield(sub.who.person)
			}
			return
		}
		for _, o := range sub.list.people {
			if o.person != "" && !yield(o.person) {
				return
			}
		}
	}
}

// all has everybody on the list be told of.
func (l *list) all() {
	for i := range l.people {
		l.dirty[i] = struct{}{}
		l.people[i].told = 0
	}
}

// changed notes that somebody may look different to somebody.
func (s *Server) changed(personID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.people[personID]
	if w == nil {
		return
	}
	for sub := range w.subs {
		if sub.list != nil {
			for i := range sub.list.people {
				if sub.list.people[i].person == personID {
					sub.list.dirty[i] = struct{}{}
				}
			}
		}
		if sub.failed == 0 || sub.under { // otherwise it is tried again anyway
			s.enqueue(sub)
		}
	}
}

// sweep ends subscriptions that were not renewed.
func (s *Server) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub.over == "" && now.After(sub.until) {
			s.count.lapsed.Add(1)
			s.finish(sub, "timeout")
		}
	}
	for to, d := range s.dials {
		if d.flow != nil && d.flow.dead() {
			delete(s.dials, to)
		}
	}
}

// finish ends a subscription; the telephone is told why. The caller holds the lock.
func (s *Server) finish(sub *subscription, why string) {
	sub.over, sub.due = why, true
	s.enqueue(sub)
}

// Reload looks once more whom addresses mean, who is on lists, and whose telephones there are. It is to be called when any of that may have changed. A telephone
// whose account is gone, or is somebody else's now, has to sign in anew; so has one that subscribed to a list that is none any more, or to
// nobody, where there is a list now.
func (s *Server) Reload() {
	s.mu.Lock()
	all := make([]*subscription, 0, len(s.subs))
	for _, sub := range s.subs {
		all = append(all, sub)
	}
	s.mu.Unlock()
	accounts := map[string]Account{}
	for _, sub := range all {
		acc, ok := accounts[sub.account]
		if !ok {
			acc, _ = s.c.Directory.Account(sub.account)
			accounts[sub.account] = acc
		}
		called := calledUser(userOf(sub.entity))
		person, users, people := "", []string(nil), []one(nil)
		if sub.list != nil {
			if s.c.Lists != nil {
				users = s.c.Lists.Lists(sub.viewer, called)
			}
			users = slices.Clone(users[:min(len(users), longestList)])
			for _, u := range users {
				p, _ := s.c.Directory.Person(u)
				people = append(people, one{person: p})
			}
		} else {
			person, _ = s.c.Directory.Person(called)
		}
		// Nobody may have become a list, which is subscribed to in another way.
		becomes := sub.list == nil && person == "" && s.c.Lists != nil && len(s.c.Lists.Lists(sub.viewer, called)) > 0
		s.mu.Lock()
		if sub.gone || sub.over != "" {
			s.mu.Unlock()
			continue
		}
		if acc.PersonID == "" || acc.PersonID != sub.viewer || sub.list != nil && len(users) == 0 || becomes {
			s.finish(sub, "deactivated")
			s.mu.Unlock()
			continue
		}
		same := sub.list == nil && sub.who.person == person
		if sub.list != nil {
			same = slices.Equal(sub.list.users, users) && slices.EqualFunc(sub.list.people, people, func(a, b one) bool { return a.person == b.person })
		}
		if same {
			s.mu.Unlock()
			continue
		}
		stops := s.unfollow(sub)
		if sub.list != nil {
			// Who stays goes on with the versions of their documents.
			for i, u := range users {
				if at := slices.Index(sub.list.users, u); at >= 0 {
					people[i].version = sub.list.people[at].version
				}
			}
			sub.list.users, sub.list.people, sub.list.named = users, people, false
			sub.list.edit++
			clear(sub.list.dirty)
			sub.list.all()
			sub.due = true
		} else {
			sub.who.person = person
		}
		begin := s.follow(sub)
		s.enqueue(sub)
		s.mu.Unlock()
		for _, stop := range stops {
			stop()
		}
		s.watch(begin)
	}
}

// reach notes how a telephone is reached, and how it reaches us. The caller holds the lock, or nobody knows the subscription yet.
func (s *Server) reach(sub *subscription, f *flow, req *sip.Request) {
	if c := req.Contact(); c != nil && !c.Address.Wildcard && isSIP(c.Address.Scheme) && c.Address.Host != "" {
		sub.target = c.Address.String()
	}
	to := *f
	if f.conn == nil {
		// By the way it came (RFC 3581), unless it does not ask for that and names a port at its own address: then it listens there only. A server
		// in between is told as it is answered.
		source, _ := netip.ParseAddrPort(req.Source())
		if v := req.Via(); v != nil && v.Params.Has("rport") {
			to.remote = source
		} else if len(sub.routes) == 0 {
			to.remote = source
			if at, ok := contactAt(sub.target, source.Addr()); ok {
				to.remote = at
			}
		}
	}
	host, port := s.local(&to)
	sub.flow, sub.via = &to, hostPort(host, port)
	u := sip.Uri{Scheme: "sip", User: req.Recipient.User, Host: host, Port: int(port)}
	switch to.socket.network {
	case "tcp":
		u.UriParams.Add("transport", "tcp")
	case "tls":
		u.UriParams.Add("transport", "tls")
	}
	sub.contact = "<" + u.String() + ">"
}

// contactAt returns where a Contact says that somebody is, if that is at the address that they have.
func contactAt(contact string, source netip.Addr) (netip.AddrPort, bool) {
	var u sip.Uri
	if sip.ParseUri(contact, &u) != nil {
		return netip.AddrPort{}, false
	}
	a, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	if err != nil || a.Unmap() != source.Unmap() || u.Port < 0 || u.Port > 65535 {
		return netip.AddrPort{}, false
	}
	port := uint16(u.Port)
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(source, port), true
}

// expires returns how long a subscription is to last; ok is false if that is too short.
func (s *Server) expires(req *sip.Request) (d time.Duration, ok bool) {
	n := uint64(3600) // RFC 3856 §6.4, RFC 4235 §3.4
	if v := header(req, "Expires", ""); v != "" {
		n, _ = strconv.ParseUint(v, 10, 32)
	}
	d = time.Duration(n) * time.Second
	if d > 0 && d < s.c.MinExpires {
		return 0, false
	}
	return min(d, s.c.MaxExpires), true
}

// jitter shortens a time by up to a tenth, so that telephones which began together do not go on so.
func (s *Server) jitter(d time.Duration) time.Duration {
	d = (d - time.Duration(mathrand.Int64N(int64(d/10)+1))).Round(time.Second)
	return max(d, s.c.MinExpires)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// eventOf returns what a telephone subscribes to: the package with the id it chose.
func eventOf(req *sip.Request) (event string, p pack, ok bool) {
	name, params, _ := strings.Cut(header(req, "Event", "o"), ";")
	name = strings.TrimSpace(name)
	switch strings.ToLower(name) {
	case "presence":
		p = packPresence
	case "dialog":
		p = packDialog
	default:
		return "", 0, false
	}
	for x := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(x), "=")
		if strings.EqualFold(strings.TrimSpace(k), "id") {
			return p.String() + ";id=" + strings.TrimSpace(v), p, true
		}
	}
	return p.String(), p, true
}

// accepts reports whether a telephone takes documents of a kind.
func accepts(req *sip.Request, kind string) bool {
	a := tokens(req, "Accept", "")
	return len(a) == 0 || slices.Contains(a, kind) || slices.Contains(a, "*/*") || slices.Contains(a, "application/*")
}

func isSIP(scheme string) bool {
	return strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")
}

// entityOf returns an address as it was subscribed to, without what only says how it is reached.
func entityOf(u sip.Uri) string {
	e := sip.Uri{Scheme: strings.ToLower(u.Scheme), User: u.User, Host: u.Host, Port: u.Port}
	return e.String()
}

// userOf returns the user part of an address that entityOf made.
func userOf(entity string) string {
	_, rest, _ := strings.Cut(entity, ":")
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	return user
}

// calledUser returns whom a user part means, without what says how that is to be dialled.
func calledUser(u string) string {
	u, _, _ = strings.Cut(u, ";")
	return unescape(u)
}

// unescape resolves the escapes of a user part (RFC 3261 §19.1.2).
func unescape(u string) string {
	if !strings.Contains(u, "%") {
		return u
	}
	var b strings.Builder
	for i := 0; i < len(u); i++ {
		if u[i] == '%' && i+2 < len(u) {
			if n, err := strconv.ParseUint(u[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(u[i])
	}
	return b.String()
}

func newTag() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
