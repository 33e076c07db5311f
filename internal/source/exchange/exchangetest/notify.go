package exchangetest

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// subscription is somebody's to the events of folders of a mailbox. It lives on one mailbox server.
type subscription struct {
	id       string
	m        *Mailbox
	owner    string
	charged  string
	server   string
	stream   bool
	all      bool // folders of the mailbox
	folders  []int
	kinds    map[string]bool
	lifetime time.Duration // without anybody reading

	conn atomic.Pointer[stream]

	mu      sync.Mutex // guards what follows; taken after the mailbox's
	pos     uint64     // number of the last event that was told
	expires time.Time  // by time.Now
}

// stream is a streaming connection.
type stream struct {
	notice chan struct{} // of one: something may be there to tell

	mu    sync.Mutex // guards dirty; taken after the mailbox's
	dirty []*subscription
}

// wake tells the connection that reads it, if any, of news. It does not block.
func (sub *subscription) wake() {
	if st := sub.conn.Load(); st != nil {
		st.mu.Lock()
		if !slices.Contains(st.dirty, sub) {
			st.dirty = append(st.dirty, sub)
		}
		st.mu.Unlock()
		select {
		case st.notice <- struct{}{}:
		default:
		}
	}
}

var errMissed = inner("ErrorMissedNotificationEvents", "Events were missed.")

var errSubscriptionNotFound = inner("ErrorSubscriptionNotFound", "The specified subscription was not found.")

// streamLife is how long a streaming subscription lives that nobody reads. Observed by others: about half an hour.
const streamLife = 30

func (c *call) subscribe(n *node) error {
	sub, err := c.newSubscription(n.kids[0])
	var f *fault
	if errors.As(err, &f) {
		return err
	}
	return c.responses(func(w *writer) {
		w.message("SubscribeResponseMessage", err, func() {
			w.element("m:SubscriptionId", sub.id)
			if !sub.stream {
				w.element("m:Watermark", mark{mailbox: sub.m.number, epoch: sub.m.currentEpoch(), since: sub.pos}.String(eventMark))
			}
		})
	})
}

func (m *Mailbox) currentEpoch() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.epoch
}

func (c *call) newSubscription(n *node) (*subscription, error) {
	sub := &subscription{owner: c.who.name, charged: c.charged(), kinds: map[string]bool{}, stream: n.name == "m:StreamingSubscriptionRequest"}
	switch {
	case n.name == "m:PushSubscriptionRequest":
		return nil, inner("ErrorInvalidSubscriptionRequest", "The subscription request is invalid.")
	case sub.stream && c.version < since2010SP1:
		return nil, faultf("ErrorIncorrectSchemaVersion", "The request is valid for this server, but not for the RequestServerVersion.")
	}
	for _, kind := range n.kid("t:EventTypes").kids {
		sub.kinds[kind.value()] = true
	}
	sub.all = isTrue(n.attr("SubscribeToAllFolders"))
	ids := n.kid("t:FolderIds")
	if sub.all == (ids != nil) { // one of the two
		return nil, inner("ErrorInvalidSubscriptionRequest", "The subscription request is invalid. Either folders or all folders of a mailbox can be subscribed to.")
	}
	if sub.all {
		sub.m = c.mailbox
		if sub.m == nil {
			return nil, inner("ErrorMissingEmailAddress", "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.")
		}
	} else {
		for _, wanted := range ids.kids {
			m, index, err := c.folder(wanted)
			if err != nil {
				return nil, err
			}
			if sub.m != nil && sub.m != m {
				return nil, inner("ErrorInvalidSubscriptionRequest", "The subscription request is invalid. Folders of one mailbox only can be subscribed to.")
			}
			sub.m = m
			sub.folders = append(sub.folders, index)
		}
	}
	if !sub.all && !c.owner(sub.m) {
		return nil, inner("ErrorSubscriptionDelegateAccessNotSupported", "Subscriptions are not supported for delegate user access.")
	}
	sub.lifetime = c.s.minutes(streamLife)
	if !sub.stream {
		timeout, ok := minutes(n.kid("t:Timeout").value())
		if !ok || timeout < 1 || timeout > 1440 {
			return nil, inner("ErrorInvalidSubscriptionRequest", "The timeout is not between 1 and 1440 minutes.")
		}
		sub.lifetime = c.s.minutes(timeout)
	}
	sub.server = sub.m.Server() // the front of another server hands it on
	raw := append([]byte{byte(len(sub.server)), 0}, sub.server...)
	raw = binary.BigEndian.AppendUint32(append(raw, 0x10, 0, 0, 0), sub.m.number)
	raw = binary.BigEndian.AppendUint64(raw, c.s.serial.Add(1))
	sub.id = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(raw, sub.m.number*2654435761))
	sub.expires = time.Now().Add(sub.lifetime)

	c.s.subsMu.Lock()
	defer c.s.subsMu.Unlock()
	c.s.expire(sub.charged)
	sub.m.mu.Lock()
	others := slices.Clone(sub.m.subs)
	sub.m.mu.Unlock()
	for _, other := range others {
		if other.over() {
			c.s.drop(other)
		}
	}
	if !c.s.budgets.subscribe(sub.charged, 1, c.s.config.MaxSubscriptions) {
		return nil, &innerError{"ErrorExceededSubscriptionCount", "You have exceeded the available subscriptions for your account. Remove unnecessary subscriptions and try your request again.",
			[]value{{"Policy", "MaxSubscriptions"}, {"MaxSubscriptionsLimit", itoa(c.s.config.MaxSubscriptions)}}}
	}
	m := sub.m
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listening = true
	sub.pos = m.logged
	if mark := n.kid("t:Watermark"); mark != nil {
		pos, err := m.position(mark.value())
		if err != nil {
			c.s.budgets.subscribe(sub.charged, -1, -1)
			return nil, err
		}
		sub.pos = pos
	}
	m.subs = append(m.subs, sub)
	c.s.subs[sub.id] = sub
	return sub, nil
}

// subscribe counts subscriptions; false if there would be too many.
func (b *budgets) subscribe(charged string, n, limit int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := b.all[charged]
	if mine == nil {
		mine = &budget{}
		b.all[charged] = mine
	}
	if limit >= 0 && mine.subscriptions+n > limit {
		return false
	}
	mine.subscriptions += n
	return true
}

// position reads a watermark. m.mu is held.
func (m *Mailbox) position(watermark string) (uint64, error) {
	k, ok := parseMark(eventMark, watermark)
	if !ok || k.mailbox != m.number || k.epoch != m.epoch || k.since > m.logged {
		return 0, inner("ErrorInvalidWatermark", "The watermark is invalid.")
	}
	if len(m.log) > 0 && k.since+1 < m.log[0].number || len(m.log) == 0 && k.since < m.logged {
		return 0, errMissed
	}
	return k.since, nil
}

// drop ends a subscription. s.subsMu is held.
func (s *Server) drop(sub *subscription) {
	if s.subs[sub.id] != sub {
		return
	}
	delete(s.subs, sub.id)
	s.budgets.subscribe(sub.charged, -1, -1)
	sub.m.mu.Lock()
	sub.m.subs = slices.DeleteFunc(sub.m.subs, func(other *subscription) bool { return other == sub })
	sub.m.mu.Unlock()
	sub.wake()
}

// expire ends the subscriptions of one budget whose time is over. s.subsMu is held.
func (s *Server) expire(charged string) {
	if s.budgets.subscribe(charged, 1, s.config.MaxSubscriptions) {
		s.budgets.subscribe(charged, -1, -1)
		return // there is room: no need to look
	}
	for _, sub := range s.subs {
		if sub.charged == charged && sub.over() {
			s.drop(sub)
		}
	}
}

func (sub *subscription) over() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.conn.Load() == nil && time.Now().After(sub.expires)
}

// subscription returns one that this mailbox server has, and that the caller may use.
func (c *call) subscription(id string) (*subscription, error) {
	c.s.subsMu.Lock()
	defer c.s.subsMu.Unlock()
	sub := c.s.subs[id]
	if sub != nil && sub.over() {
		c.s.drop(sub)
		return nil, inner("ErrorExpiredSubscription", "The subscription has expired.")
	}
	if sub == nil || sub.server != c.backend {
		if b, err := base64.StdEncoding.DecodeString(id); err != nil || len(b) < 4 {
			return nil, inner("ErrorInvalidSubscription", "The subscription is invalid.")
		}
		return nil, errSubscriptionNotFound
	}
	if sub.owner != c.who.name {
		return nil, inner("ErrorSubscriptionAccessDenied", "The subscription is of another account.")
	}
	return sub, nil
}

func (c *call) unsubscribe(n *node) error {
	sub, err := c.subscription(n.kid("m:SubscriptionId").value())
	if err == nil {
		c.s.end(sub)
	}
	return c.responses(func(w *writer) { w.message("UnsubscribeResponseMessage", err, nil) })
}

// hears tells whether an event is one the subscription asked for.
func (sub *subscription) hears(e event) bool {
	if !sub.kinds[e.kind] {
		return false
	}
	return sub.all || slices.Contains(sub.folders, e.folder) || e.kind == "MovedEvent" && slices.Contains(sub.folders, e.oldFolder)
}

// news returns the events after a position, at most limit of them, and the position after them. m.mu is held.
func (sub *subscription) news(after uint64, limit int) (events []event, pos uint64, more bool) {
	pos = after
	first, _ := slices.BinarySearchFunc(sub.m.log, after+1, func(e event, number uint64) int {
		if e.number < number {
			return -1
		} else if e.number > number {
			return 1
		}
		return 0
	})
	for _, e := range sub.m.log[first:] {
		if sub.hears(e) {
			if len(events) == limit {
				return events, pos, true
			}
			events = append(events, e)
		}
		pos = e.number
	}
	return events, pos, false
}

// writeEvents writes what a notification holds of events. watermark says whether each has one, as those that are pulled.
func (c *call) writeEvents(w *writer, m *Mailbox, epoch uint32, events []event, watermark bool) {
	for _, e := range events {
		w.open("t:" + e.kind)
		if watermark {
			w.element("t:Watermark", mark{mailbox: m.number, epoch: epoch, since: e.number}.String(eventMark))
		}
		w.element("t:TimeStamp", utc(e.at))
		if e.item != 0 {
			w.empty("t:ItemId", "Id", m.itemID(e.item), "ChangeKey", changeKey(e.change))
			w.empty("t:ParentFolderId", "Id", m.folderID(e.folder), "ChangeKey", changeKey(1))
		} else {
			w.empty("t:FolderId", "Id", m.folderID(e.folder), "ChangeKey", changeKey(e.change))
			w.empty("t:ParentFolderId", "Id", m.folderID(folderTable[e.folder].parent), "ChangeKey", changeKey(1))
		}
		if e.kind == "MovedEvent" {
			w.empty("t:OldItemId", "Id", m.itemID(e.oldItem), "ChangeKey", changeKey(e.change))
			w.empty("t:OldParentFolderId", "Id", m.folderID(e.oldFolder), "ChangeKey", changeKey(1))
		}
		if e.kind == "ModifiedEvent" && e.item == 0 {
			w.element("t:UnreadCount", "0")
		}
		w.close("t:" + e.kind)
	}
}

const maxPulled = 50 // events in one answer to GetEvents

func (c *call) getEvents(n *node) error {
	sub, err := c.subscription(n.kid("m:SubscriptionId").value())
	if err == nil {
		err = c.losing(sub)
	}
	if err == nil && c.s.faults.draw(c, "BadWatermark", c.s.faults.now().BadWatermark) {
		err = inner("ErrorInvalidWatermark", "The watermark is invalid.")
	}
	if err == nil && sub.stream {
		err = inner("ErrorInvalidPullSubscriptionId", "The subscription is not one to pull.")
	}
	var events []event
	var more bool
	var epoch uint32
	previous := n.kid("m:Watermark").value()
	if err == nil {
		m := sub.m
		m.mu.Lock()
		var from, pos uint64
		if from, err = m.position(previous); err == nil {
			epoch = m.epoch
			events, pos, more = sub.news(from, maxPulled)
			sub.mu.Lock()
			sub.pos, sub.expires = pos, time.Now().Add(sub.lifetime)
			sub.mu.Unlock()
			if len(events) == 0 {
				previous = mark{mailbox: m.number, epoch: epoch, since: pos}.String(eventMark)
			}
		}
		m.mu.Unlock()
	}
	var e *innerError
	if errors.As(err, &e) && e.code == "ErrorMissedNotificationEvents" { // nothing can be read from it any more
		c.s.end(sub)
	}
	return c.responses(func(w *writer) {
		w.message("GetEventsResponseMessage", err, func() {
			w.open("m:Notification")
			w.element("t:SubscriptionId", sub.id)
			w.element("t:PreviousWatermark", n.kid("m:Watermark").value())
			w.element("t:MoreEvents", xmlBool(more))
			if len(events) == 0 {
				w.open("t:StatusEvent")
				w.element("t:Watermark", previous)
				w.close("t:StatusEvent")
			} else {
				c.writeEvents(w, sub.m, epoch, events, true)
			}
			w.close("m:Notification")
		})
	})
}

// losing lets a subscription go at random.
func (c *call) losing(sub *subscription) error {
	now := c.s.faults.now()
	if c.s.faults.draw(c, "LoseSubscription", now.LoseSubscription) {
		c.s.end(sub)
		return errSubscriptionNotFound
	}
	if c.s.faults.draw(c, "MissEvents", now.MissEvents) {
		c.s.end(sub)
		return errMissed
	}
	if c.s.faults.draw(c, "ReadFails", now.ReadFails) {
		c.s.end(sub)
		return inner("ErrorReadEventsFailed", "The server failed to read events.")
	}
	return nil
}

// end ends a subscription.
func (s *Server) end(sub *subscription) {
	s.subsMu.Lock()
	defer s.subsMu.Unlock()
	s.drop(sub)
}

const maxStreamIDs = 200

// getStreamingEvents answers with envelopes, one after the other, until the time is up.
func (c *call) getStreamingEvents(n *node) error {
	if c.version < since2010SP1 {
		return faultf("ErrorIncorrectSchemaVersion", "The request is valid for this server, but not for the RequestServerVersion.")
	}
	ids := n.kid("m:SubscriptionIds").kids
	timeout, ok := minutes(n.kid("m:ConnectionTimeout").value())
	if !ok || timeout < 1 || timeout > 30 || len(ids) > maxStreamIDs {
		return faultf("ErrorInvalidRequest", "The request is invalid.")
	}
	var lost []string
	var subs []*subscription
	var err error
	for _, one := range ids {
		sub, problem := c.subscription(one.value())
		if problem == nil {
			problem = c.losing(sub)
		}
		if problem == nil && !sub.stream {
			problem = inner("ErrorInvalidSubscription", "The subscription is not one to stream.")
		}
		if problem != nil {
			lost, err = append(lost, one.value()), problem
			continue
		}
		subs = append(subs, sub)
	}
	if err != nil { // one that is lost closes the connection for all
		w := &writer{}
		c.streamError(w, err, lost)
		c.streamHead()
		c.s.record(true, w.Bytes())
		c.rw.Write(w.Bytes())
		return nil
	}
	st := &stream{notice: make(chan struct{}, 1)}
	for _, sub := range subs {
		sub.conn.Store(st)
		sub.wake() // there may be events since the last connection
	}
	defer func() {
		for _, sub := range subs {
			sub.mu.Lock()
			sub.expires = time.Now().Add(sub.lifetime)
			sub.mu.Unlock()
			sub.conn.CompareAndSwap(st, nil)
		}
	}()
	c.streamHead()
	return c.streamEvents(st, c.s.minutes(timeout))
}

// streamHead begins an answer that stays open. It is never compressed: exchangelib, which follows real servers, could
// not read it.
func (c *call) streamHead() {
	c.rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
	c.rw.WriteHeader(http.StatusOK)
	http.NewResponseController(c.rw).Flush()
}

func (c *call) streamError(w *writer, err error, lost []string) {
	w.begin(c.s.config.Version, "GetStreamingEventsResponse", true)
	w.open("m:ResponseMessages")
	w.failure("GetStreamingEventsResponseMessage", err)
	if len(lost) > 0 {
		w.open("m:ErrorSubscriptionIds")
		for _, id := range lost {
			w.element("m:SubscriptionId", id) // the schema has them in the namespace of types; servers do not
		}
		w.close("m:ErrorSubscriptionIds")
	}
	w.element("m:ConnectionStatus", "Closed")
	w.close("m:GetStreamingEventsResponseMessage")
	w.close("m:ResponseMessages")
	w.end("GetStreamingEventsResponse", true)
}

// streamEvents tells of events until the time is up, the client goes or a subscription ends.
func (c *call) streamEvents(st *stream, timeout time.Duration) error {
	began := time.Now()
	defer func() { c.waited += time.Since(began) }()
	flush := http.NewResponseController(c.rw)
	put := func(w *writer) bool {
		c.s.record(true, w.Bytes())
		if c.half || c.s.faults.draw(c, "DropStream", c.s.faults.now().DropStream) {
			if c.half || c.s.serial.Load()%2 == 0 {
				c.rw.Write(w.Bytes()[:w.Len()/2])
				flush.Flush()
			}
			panic(http.ErrAbortHandler)
		}
		if _, err := c.rw.Write(w.Bytes()); err != nil {
			return false
		}
		return flush.Flush() == nil
	}
	status := func(word string) bool {
		w := &writer{}
		w.begin(c.s.config.Version, "GetStreamingEventsResponse", true)
		w.open("m:ResponseMessages")
		w.message("GetStreamingEventsResponseMessage", nil, func() { w.element("m:ConnectionStatus", word) })
		w.close("m:ResponseMessages")
		w.end("GetStreamingEventsResponse", true)
		return put(w)
	}
	if !status("OK") {
		return nil
	}
	over := time.NewTimer(timeout)
	defer over.Stop()
	beat := time.NewTimer(c.s.config.HeartBeat)
	defer beat.Stop()
	for {
		select {
		case <-c.s.done.Done():
			return nil
		case <-c.r.Context().Done():
			return nil
		case <-over.C:
			status("Closed")
			return nil
		case <-beat.C:
			if !status("OK") {
				return nil
			}
			beat.Reset(c.s.config.HeartBeat)
		case <-st.notice:
			worked := time.Now()
			w := &writer{}
			lost, err := c.streamNews(w, st)
			if err != nil {
				w.Reset()
				c.streamError(w, err, lost)
				put(w)
				return nil
			}
			if w.Len() > 0 {
				if !put(w) {
					return nil
				}
				beat.Reset(c.s.config.HeartBeat)
			}
			c.s.counts.spent.Add(int64(time.Since(worked)))
		}
	}
}

// streamNews writes an envelope with what is new in the subscriptions; nothing if nothing is.
func (c *call) streamNews(w *writer, st *stream) (lost []string, err error) {
	type news struct {
		sub    *subscription
		events []event
		epoch  uint32
	}
	var all []news
	var missed []*subscription
	st.mu.Lock()
	dirty := st.dirty
	st.dirty = nil
	st.mu.Unlock()
	for _, sub := range dirty {
		c.s.subsMu.Lock()
		there := c.s.subs[sub.id] == sub
		c.s.subsMu.Unlock()
		if !there || sub.conn.Load() != st {
			lost, err = append(lost, sub.id), errSubscriptionNotFound
			continue
		}
		m := sub.m
		m.mu.Lock()
		sub.mu.Lock()
		if len(m.log) > 0 && sub.pos+1 < m.log[0].number || len(m.log) == 0 && sub.pos < m.logged {
			lost, err = append(lost, sub.id), errMissed
			missed = append(missed, sub)
		} else if events, pos, _ := sub.news(sub.pos, -1); len(events) > 0 {
			all = append(all, news{sub, events, m.epoch})
			sub.pos = pos
		} else {
			sub.pos = pos
		}
		sub.mu.Unlock()
		m.mu.Unlock()
	}
	for _, sub := range missed {
		c.s.end(sub)
	}
	if err != nil || len(all) == 0 {
		return lost, err
	}
	w.begin(c.s.config.Version, "GetStreamingEventsResponse", true)
	w.open("m:ResponseMessages")
	w.message("GetStreamingEventsResponseMessage", nil, func() {
		w.open("m:Notifications")
		for _, one := range all {
			w.open("m:Notification") // the schema has it in the namespace of types; servers do not
			w.element("t:SubscriptionId", one.sub.id)
			c.writeEvents(w, one.sub.m, one.epoch, one.events, false)
			w.close("m:Notification")
		}
		w.close("m:Notifications")
	})
	w.close("m:ResponseMessages")
	w.end("GetStreamingEventsResponse", true)
	return nil, nil
}

// EndSubscriptions loses all subscriptions of a server, as a restart of its web services does; of all servers if the
// name is empty.
func (s *Server) EndSubscriptions(server string) {
	s.subsMu.Lock()
	defer s.subsMu.Unlock()
	for _, sub := range s.subs {
		if server == "" || strings.EqualFold(sub.server, server) {
			s.drop(sub)
		}
	}
}

// MoveMailbox moves a mailbox to another server. Its subscriptions are lost.
func (s *Server) MoveMailbox(address, server string) error {
	m := s.Mailbox(address)
	if m == nil {
		return inner("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
	}
	if !slices.Contains(s.config.Servers, server) {
		return errors.New("exchangetest: there is no server " + strconv.Quote(server))
	}
	s.subsMu.Lock()
	defer s.subsMu.Unlock()
	m.mu.Lock()
	m.server = server
	m.mu.Unlock()
	for _, sub := range s.subs {
		if sub.m == m {
			s.drop(sub)
		}
	}
	return nil
}
