package exchangetest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client sends requests by hand.
type client struct {
	t      testing.TB
	s      *Server
	user   string
	secret string
	act    string // whom to impersonate; empty: nobody
	head   http.Header
	web    *http.Client
}

func newClient(t testing.TB, s *Server, user, secret string) *client {
	web := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(web.CloseIdleConnections)
	return &client{t: t, s: s, user: user, secret: secret, head: http.Header{}, web: web}
}

func (c *client) envelope(body string) string {
	who := ""
	if c.act != "" {
		who = "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>" + c.act + "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
	}
	return xmlHead + `<s:Envelope xmlns:s="` + soapSpace + `" xmlns:t="` + typesSpace + `" xmlns:m="` + messagesSpace + `"><s:Header>` +
		`<t:RequestServerVersion Version="Exchange2013_SP1"/>` + who + `</s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

// open sends a body and returns the answer as it comes.
func (c *client) open(body string) *http.Response {
	c.t.Helper()
	return c.post(c.envelope(body))
}

func (c *client) post(envelope string) *http.Response {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.s.URL(), strings.NewReader(envelope))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header = c.head.Clone()
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.SetBasicAuth(c.user, c.secret)
	answer, err := c.web.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

// ask sends a body and returns the status and what came back.
func (c *client) ask(body string) (int, *node) {
	c.t.Helper()
	return c.send(c.envelope(body))
}

func (c *client) send(envelope string) (int, *node) {
	c.t.Helper()
	answer := c.post(envelope)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if len(text) == 0 {
		return answer.StatusCode, nil
	}
	root, err := parse(text)
	if err != nil {
		c.t.Fatalf("%v in %s", err, text)
	}
	return answer.StatusCode, root
}

// all returns the elements of a name below n, in order.
func (n *node) all(name string) []*node {
	if n == nil {
		return nil
	}
	var found []*node
	for _, k := range n.kids {
		if k.name == name {
			found = append(found, k)
		}
		found = append(found, k.all(name)...)
	}
	return found
}

// first returns the first element of a name below n; nil if there is none.
func (n *node) first(name string) *node {
	if all := n.all(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

func office(t testing.TB, config Config) (*Server, *Mailbox) {
	t.Helper()
	s, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		for _, crash := range s.Counters().Crashes {
			t.Errorf("the server crashed: %s", crash)
		}
	})
	anna, err := s.AddMailbox(Person{Address: "anna@example.test", Aliases: []string{"a.alias@example.test"}, Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	s.AddAccount(Account{Name: "svc", Password: "secret", Impersonates: []string{"*"}})
	return s, anna
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

const viewOfMarch = `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>` +
	`<m:CalendarView StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>` +
	`<m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>`

func syncWith(state string) string {
	return `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>` +
		`<m:SyncState>` + state + `</m:SyncState><m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>`
}

func TestSomebodysCalendarIsReadAndFollowed(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{Minute: time.Second, HeartBeat: 100 * time.Millisecond})
	c := newClient(t, s, `EXAMPLE\svc`, "secret")
	c.act = "anna@example.test"
	series, err := anna.Put(Event{Subject: "Jour fixe", Start: at("2027-03-22T09:00:00Z"), End: at("2027-03-22T10:00:00Z"), Zone: "W. Europe Standard Time",
		Recurrence: &Recurrence{Pattern: Weekly, Days: []string{"Monday"}, Count: 3}})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := c.ask(viewOfMarch)
	var starts []string
	for _, item := range answer.all("t:CalendarItem") {
		starts = append(starts, item.kid("t:Start").value())
	}
	if want := "2027-03-22T09:00:00Z 2027-03-29T08:00:00Z"; status != 200 || strings.Join(starts, " ") != want {
		t.Fatalf("%d, starts %v, want %s", status, starts, want)
	}

	_, answer = c.ask(syncWith(""))
	if n := len(answer.all("t:Create")); n != 1 {
		t.Fatalf("%d created, want 1", n)
	}
	state := answer.first("m:SyncState").value()

	_, answer = c.ask(`<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="calendar"/></t:FolderIds>` +
		`<t:EventTypes><t:EventType>CreatedEvent</t:EventType><t:EventType>ModifiedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>`)
	subscription := answer.first("m:SubscriptionId").value()
	if subscription == "" || answer.first("m:Watermark") != nil {
		t.Fatal("no subscription, or one with a watermark")
	}
	stream := c.open(`<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>` + subscription + `</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>`)
	defer stream.Body.Close()
	second, err := anna.Occurrence(series, at("2027-03-29T08:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	if err := anna.Change(second, func(e *Event) { e.Start, e.End = e.Start.Add(time.Hour), e.End.Add(time.Hour) }); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(stream.Body)
	if err != nil {
		t.Fatal(err)
	}
	envelopes := bytes.Split(said, []byte("</s:Envelope>"))
	if len(envelopes) < 4 || !bytes.Contains(said, []byte("<t:ModifiedEvent>")) || !bytes.Contains(envelopes[len(envelopes)-2], []byte(">Closed<")) {
		t.Fatalf("the stream said %s", said)
	}
	_, answer = c.ask(syncWith(state))
	if updated := answer.all("t:Update"); len(updated) != 1 || updated[0].first("t:ItemId").attr("Id") != series {
		t.Fatalf("%d updated, want the series", len(updated))
	}
	view := anna.View(at("2027-03-01T00:00:00Z"), at("2027-04-30T00:00:00Z"))
	if len(view) != 3 || view[1].Type != "Exception" || !view[1].Event.Start.Equal(at("2027-03-29T09:00:00Z")) {
		t.Fatalf("the truth is %+v", view)
	}
}
