package exchangetest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// events are those of an answer, in order.
func eventNames(answer *node) []string {
	var names []string
	for _, n := range answer.all("m:Notification") {
		for _, e := range n.kids {
			if strings.HasSuffix(e.name, "Event") {
				names = append(names, strings.TrimPrefix(e.name, "t:"))
			}
		}
	}
	return names
}

const allEvents = `<t:EventTypes><t:EventType>CreatedEvent</t:EventType><t:EventType>ModifiedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType>` +
	`<t:EventType>MovedEvent</t:EventType><t:EventType>FreeBusyChangedEvent</t:EventType></t:EventTypes>`

func pulling(c *client) (subscription, watermark string) {
	c.t.Helper()
	_, answer := c.ask(`<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds>` + calendar + `</t:FolderIds>` + allEvents + `<t:Timeout>10</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`)
	return answer.first("m:SubscriptionId").value(), answer.first("m:Watermark").value()
}

func streaming(c *client) string {
	c.t.Helper()
	_, answer := c.ask(`<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>` + calendar + `</t:FolderIds>` + allEvents + `</m:StreamingSubscriptionRequest></m:Subscribe>`)
	return answer.first("m:SubscriptionId").value()
}

func pull(c *client, subscription, watermark string) (*node, string) {
	c.t.Helper()
	_, answer := c.ask(`<m:GetEvents><m:SubscriptionId>` + subscription + `</m:SubscriptionId><m:Watermark>` + watermark + `</m:Watermark></m:GetEvents>`)
	for _, mark := range answer.all("t:Watermark") {
		watermark = mark.value()
	}
	return answer, watermark
}

func follow(c *client, minutes int, subscriptions ...string) *http.Response {
	c.t.Helper()
	ids := ""
	for _, one := range subscriptions {
		ids += "<t:SubscriptionId>" + one + "</t:SubscriptionId>"
	}
	return c.open(fmt.Sprintf(`<m:GetStreamingEvents><m:SubscriptionIds>%s</m:SubscriptionIds><m:ConnectionTimeout>%d</m:ConnectionTimeout></m:GetStreamingEvents>`, ids, minutes))
}

// envelopes reads a stream until done says so, or it ends.
func envelopes(t *testing.T, in io.Reader, done func(*node) bool) error {
	t.Helper()
	r := bufio.NewReader(in)
	text := ""
	for {
		part, err := r.ReadString('>')
		if err != nil {
			return err
		}
		if text += part; strings.HasSuffix(text, "</s:Envelope>") {
			n, err := parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if done(n) {
				return nil
			}
			text = ""
		}
	}
}

func meeting(day int) Event {
	start := at("2027-03-01T08:00:00Z").AddDate(0, 0, day)
	return Event{Subject: "Meeting", Start: start, End: start.Add(time.Hour)}
}

func TestEventsArePulled(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	c := newClient(t, s, "anna@example.test", "secret")
	subscription, mark := pulling(c)
	answer, mark := pull(c, subscription, mark)
	if got := eventNames(answer); !slices.Equal(got, []string{"StatusEvent"}) {
		t.Errorf("before anything happened: %v", got)
	}
	first, err := anna.Put(meeting(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := anna.Change(first, func(e *Event) { e.Subject = "Other" }); err != nil {
		t.Fatal(err)
	}
	moved, err := anna.Trash(first)
	if err != nil || moved == first {
		t.Fatalf("moved from %s to %s: %v", first, moved, err)
	}
	answer, after := pull(c, subscription, mark)
	want := []string{"CreatedEvent", "ModifiedEvent", "FreeBusyChangedEvent", "ModifiedEvent", "MovedEvent", "ModifiedEvent", "FreeBusyChangedEvent"}
	if got := eventNames(answer); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if e := answer.first("t:MovedEvent"); e.kid("t:OldItemId").attr("Id") != first || e.kid("t:ItemId").attr("Id") != moved {
		t.Error("the move tells of other ids")
	}
	again, _ := pull(c, subscription, mark)
	if got := eventNames(again); !slices.Equal(got, want) {
		t.Errorf("by the old watermark again: %v", got)
	}
	s.MissEvents("anna@example.test")
	answer, _ = pull(c, subscription, after)
	if got, _ := code(answer); got != "ErrorMissedNotificationEvents" {
		t.Errorf("after events were lost: %s", got)
	}
	answer, _ = pull(c, subscription, after)
	if got, _ := code(answer); got != "ErrorSubscriptionNotFound" {
		t.Errorf("and then: %s", got)
	}
}

func TestManyEventsComeInPortions(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	c := newClient(t, s, "anna@example.test", "secret")
	subscription, mark := pulling(c)
	for day := range 40 {
		if _, err := anna.Put(meeting(day)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	rounds := 0
	for more := true; more; rounds++ {
		var answer *node
		answer, mark = pull(c, subscription, mark)
		got = append(got, eventNames(answer)...)
		more = answer.first("t:MoreEvents").value() == "true"
	}
	if len(got) != 120 || rounds != 3 {
		t.Errorf("%d events in %d rounds, want 120 in 3", len(got), rounds)
	}
}

func TestAStreamTellsOfManyMailboxes(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	ben, err := s.AddMailbox(Person{Address: "ben@example.test"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s, "svc", "secret")
	c.act = "anna@example.test"
	first := streaming(c)
	c.act = "ben@example.test"
	second := streaming(c)
	if _, err := ben.Put(meeting(1)); err != nil { // before the connection: kept for it
		t.Fatal(err)
	}
	answer := follow(c, 30, first, second)
	defer answer.Body.Close()
	heard := map[string]int{}
	hear := func(n *node) {
		for _, one := range n.all("m:Notification") {
			heard[one.kid("t:SubscriptionId").value()] += len(one.all("t:CreatedEvent"))
		}
	}
	if err := envelopes(t, answer.Body, func(n *node) bool { hear(n); return heard[second] == 1 }); err != nil {
		t.Fatal(err)
	}
	if _, err := anna.Put(meeting(2)); err != nil {
		t.Fatal(err)
	}
	if err := envelopes(t, answer.Body, func(n *node) bool { hear(n); return heard[first] == 1 }); err != nil {
		t.Fatal(err)
	}
	// One that is lost closes the connection and is named.
	s.MoveMailbox("anna@example.test", s.config.Servers[0])
	var lost []*node
	if err := envelopes(t, answer.Body, func(n *node) bool {
		lost = n.first("m:ErrorSubscriptionIds").all("m:SubscriptionId")
		return n.first("m:ConnectionStatus").value() == "Closed"
	}); err != nil {
		t.Fatal(err)
	}
	if len(lost) != 1 || lost[0].value() != first {
		t.Errorf("%d subscriptions were lost, want anna's", len(lost))
	}
}

func TestSubscriptionsBelongToAnAccountAndAServer(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Servers: []string{"mbx1.example.test", "mbx2.example.test"}})
	if _, err := s.AddMailbox(Person{Address: "zoe@example.test", Server: "mbx2.example.test"}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s, "svc", "secret")
	c.act = "zoe@example.test"
	c.head.Set("X-AnchorMailbox", "zoe@example.test")
	c.head.Set("X-PreferServerAffinity", "true")
	answer := c.open(`<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds>` + calendar + `</t:FolderIds>` + allEvents + `<t:Timeout>10</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`)
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	root, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var cookie *http.Cookie
	for _, one := range answer.Cookies() {
		if one.Name == "X-BackEndOverrideCookie" {
			cookie = one
		}
	}
	if cookie == nil || !strings.HasPrefix(cookie.Value, "mbx2.example.test~") {
		t.Fatalf("the cookie is %v", cookie)
	}
	subscription, mark := root.first("m:SubscriptionId").value(), root.first("m:Watermark").value()
	ask := func(c *client) string {
		answer, _ := pull(c, subscription, mark)
		got, _ := code(answer)
		return got
	}
	if got := ask(c); got != "NoError" {
		t.Errorf("by the anchor: %s", got)
	}
	c.head.Del("X-AnchorMailbox")
	if got := ask(c); got != "ErrorSubscriptionNotFound" {
		t.Errorf("without anchor and cookie: %s", got)
	}
	c.head.Set("Cookie", cookie.Name+"="+cookie.Value)
	if got := ask(c); got != "NoError" {
		t.Errorf("by the cookie: %s", got)
	}
	s.AddAccount(Account{Name: "other", Password: "secret", Impersonates: []string{"*"}})
	o := newClient(t, s, "other", "secret")
	o.act, o.head = c.act, c.head.Clone()
	if got := ask(o); got != "ErrorSubscriptionAccessDenied" {
		t.Errorf("by another account: %s", got)
	}
	if err := s.MoveMailbox("zoe@example.test", "mbx1.example.test"); err != nil {
		t.Fatal(err)
	}
	if got := ask(c); got != "ErrorSubscriptionNotFound" {
		t.Errorf("after the mailbox moved: %s", got)
	}
}

func TestSubscriptionsExpire(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{Minute: time.Microsecond})
	c := newClient(t, s, "anna@example.test", "secret")
	_, answer := c.ask(subscribing("Pull", "<t:FolderIds>"+calendar+"</t:FolderIds>", "", "<t:Timeout>1</t:Timeout>"))
	subscription, mark := answer.first("m:SubscriptionId").value(), answer.first("m:Watermark").value()
	deadline := time.Now().Add(10 * time.Second)
	for {
		answer, _ := pull(c, subscription, mark)
		got, _ := code(answer)
		if got == "ErrorExpiredSubscription" || got == "ErrorSubscriptionNotFound" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it still lives: %s", got)
		}
	}
	if n := s.Counters().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestBudgetsAreOfWhoIsImpersonated(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{MaxStreams: 1, MaxSubscriptions: 2})
	if _, err := s.AddMailbox(Person{Address: "ben@example.test"}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s, "svc", "secret")
	c.act = "anna@example.test"
	first, second := streaming(c), streaming(c)
	_, answer := c.ask(subscribing("Streaming", "<t:FolderIds>"+calendar+"</t:FolderIds>", "", ""))
	if got, _ := code(answer); got != "ErrorExceededSubscriptionCount" {
		t.Errorf("a third subscription: %s", got)
	}
	open := follow(c, 1, first)
	defer open.Body.Close()
	if err := envelopes(t, open.Body, func(*node) bool { return true }); err != nil {
		t.Fatal(err)
	}
	const body = `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>%s</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>`
	status, answer := c.ask(fmt.Sprintf(body, second))
	if got, fault := code(answer); status != 500 || !fault || got != "ErrorExceededConnectionCount" {
		t.Errorf("a second stream: %d %s", status, got)
	}
	c.act = "ben@example.test" // another budget
	other := follow(c, 1, second)
	defer other.Body.Close()
	if err := envelopes(t, other.Body, func(*node) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if n := s.Counters().Streams; n != 2 {
		t.Errorf("%d streams, want 2", n)
	}
}

// Whatever happens, and however small the portions: who follows the sync states knows what is in the folder.
func TestSyncStatesLeadToTheTruth(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	number := 0
	rapid.Check(t, func(rt *rapid.T) {
		number++
		m, err := s.AddMailbox(Person{Address: fmt.Sprintf("p%d@example.test", number)})
		if err != nil {
			rt.Fatal(err)
		}
		known, state := map[string]uint64{}, ""
		portion := rapid.IntRange(1, 4).Draw(rt, "portion")
		step := func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			changes, next, last, err := m.sync(calendarFolder, state, portion, nil)
			if err != nil {
				rt.Fatal(err)
			}
			state = next.String(syncMark)
			for _, one := range changes {
				key := m.itemID(one.number)
				if one.kind == "Delete" {
					delete(known, key)
					continue
				}
				_, had := known[one.v.id()]
				if had != (one.kind == "Update") && one.kind == "Create" {
					rt.Fatalf("%s came as new, and was known", one.v.id())
				}
				known[one.v.id()] = one.v.change
			}
			return last
		}
		ids := func() []string {
			var all []string
			for _, o := range m.View(at("2027-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z")) {
				all = append(all, o.ItemID)
			}
			return all
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			there := ids()
			switch what := rapid.IntRange(0, 4).Draw(rt, "what"); {
			case what == 0 || len(there) == 0:
				if _, err := m.Put(meeting(rapid.IntRange(0, 100).Draw(rt, "day"))); err != nil {
					rt.Fatal(err)
				}
			case what == 1:
				if err := m.Change(rapid.SampledFrom(there).Draw(rt, "item"), func(e *Event) { e.Subject += "x" }); err != nil {
					rt.Fatal(err)
				}
			case what == 2:
				if err := m.Delete(rapid.SampledFrom(there).Draw(rt, "item")); err != nil {
					rt.Fatal(err)
				}
			default:
				step()
			}
		}
		for !step() {
		}
		for !step() { // a round has what was there when it began
		}
		want := map[string]uint64{}
		for _, it := range m.folder(calendarFolder).items {
			want[m.itemID(it.number)] = it.change
		}
		if fmt.Sprint(known) != fmt.Sprint(want) {
			rt.Fatalf("known %v\nthere %v", known, want)
		}
	})
}

func TestARestoredServerForgets(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	c := newClient(t, s, "anna@example.test", "secret")
	if _, err := anna.Put(meeting(1)); err != nil {
		t.Fatal(err)
	}
	backup := s.Backup()
	if _, err := anna.Put(meeting(2)); err != nil {
		t.Fatal(err)
	}
	_, answer := c.ask(syncWith(""))
	state := answer.first("m:SyncState").value()
	subscription, mark := pulling(c)
	s.Restore(backup)
	if n := len(anna.View(at("2027-03-01T00:00:00Z"), at("2027-04-01T00:00:00Z"))); n != 1 {
		t.Errorf("%d items after the restore, want 1", n)
	}
	_, answer = c.ask(syncWith(state))
	if got, _ := code(answer); got != "ErrorInvalidSyncStateData" {
		t.Errorf("the sync state: %s", got)
	}
	answer, _ = pull(c, subscription, mark)
	if got, _ := code(answer); got != "ErrorSubscriptionNotFound" {
		t.Errorf("the subscription: %s", got)
	}
	_, answer = c.ask(subscribing("Pull", "<t:FolderIds>"+calendar+"</t:FolderIds>", "", "<t:Watermark>"+mark+"</t:Watermark><t:Timeout>10</t:Timeout>"))
	if got, _ := code(answer); got != "ErrorInvalidWatermark" {
		t.Errorf("a new one by the watermark: %s", got)
	}
}

func TestAReadFlagIsAChangeOfItsOwn(t *testing.T) {
	t.Parallel()
	var seen recorder
	s, anna := office(t, Config{Record: seen.record})
	mail, err := anna.PutMail("Lunch?")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, s, "anna@example.test", "secret")
	inbox := func(state string) string {
		return strings.Replace(strings.Replace(syncWith(state), `Id="calendar"`, `Id="inbox"`, 1), "IdOnly", "AllProperties", 1)
	}
	_, answer := c.ask(inbox(""))
	if got := answer.first("t:Message"); got.kid("t:Subject").value() != "Lunch?" || got.kid("t:IsRead").value() != "false" {
		t.Fatal("the message is not there, or read")
	}
	if err := anna.SetRead(mail, true); err != nil {
		t.Fatal(err)
	}
	_, answer = c.ask(inbox(answer.first("m:SyncState").value()))
	if got := answer.first("t:ReadFlagChange"); got.kid("t:ItemId").attr("Id") != mail || got.kid("t:IsRead").value() != "true" {
		t.Error("no change of the read flag")
	}
	seen.check(t)
}
