package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/doorlight/doorlight/internal/source"
)

// brief says what an answer yields, in a line.
func brief(s *soap) string {
	var b strings.Builder
	if s.Version != nil {
		fmt.Fprintf(&b, "%s.%s ", s.Version.Major, s.Version.Minor)
	}
	if r := s.refused(); r != nil {
		fmt.Fprintf(&b, "refused %s wait %v", r.code, r.wait)
	}
	for _, m := range s.messages() {
		fmt.Fprintf(&b, "%s", strings.TrimSuffix(m.XMLName.Local, "ResponseMessage"))
		if r := m.refused(); r != nil {
			fmt.Fprintf(&b, " refused %s", r.code)
		}
		if m.SyncState != "" {
			fmt.Fprintf(&b, " state %s last %v", m.SyncState, !no(m.Includes))
		}
		for _, c := range m.Changes.List {
			fmt.Fprintf(&b, " %s", c.XMLName.Local)
		}
		for _, i := range m.Root.Items.List {
			fmt.Fprintf(&b, " %s %q %s", i.XMLName.Local, i.Subject, i.Type)
		}
		if no(m.Root.Includes) {
			b.WriteString(" cut off")
		}
		for _, f := range m.Folders.List {
			fmt.Fprintf(&b, " %s", f.XMLName.Local)
		}
		if m.SubscriptionID != "" {
			fmt.Fprintf(&b, " subscribed %s", m.SubscriptionID[:6])
		}
		all := m.Notifications
		if m.Notification != nil {
			all = append(all, *m.Notification)
		}
		for _, n := range all {
			fmt.Fprintf(&b, " told %s changed %v", n.SubscriptionID[:6], n.changed())
			if len(n.Events) > 0 && n.Events[len(n.Events)-1].Watermark != "" {
				fmt.Fprintf(&b, " up to %s", n.Events[len(n.Events)-1].Watermark)
			}
		}
		for _, id := range m.Lost {
			fmt.Fprintf(&b, " lost %s", id[:6])
		}
		if m.Status != "" {
			fmt.Fprintf(&b, " %s", m.Status)
		}
	}
	return strings.TrimSpace(b.String())
}

// Every sample is read, and yields what it holds.
func TestSamples(t *testing.T) {
	t.Parallel()
	const delegateSub = "8.0 Subscribe refused ErrorSubscriptionDelegateAccessNotSupported"
	want := map[string]string{
		"Fault__exchangelib-error_schema_validation.xml":                                                       "refused ErrorSchemaValidation wait 0s",
		"FindFolderResponse__exchangelib-error_too_many_objects_opened.xml":                                    "FindFolder refused ErrorTooManyObjectsOpened",
		"FindItemResponse__msdocs-access-a-calendar-as-a-delegate-06.xml":                                      `15.0 FindItem CalendarItem "Team building exercise"`,
		"FindItemResponse__msdocs-delete-appointments-and-cancel-meetings-11.xml":                              `15.0 FindItem CalendarItem "Team building exercise"  cut off`,
		"FindItemResponse__msdocs-finditem-operation-02.xml":                                                   "8.0 FindItem refused ErrorInvalidIdMalformed",
		"FindItemResponse__msdocs-recurrence-patterns-and-ews-02.xml":                                          `15.0 FindItem CalendarItem "Swim Team Practice" RecurringMaster`,
		"GetEventsResponse__msdocs-getevents-operation-01.xml":                                                 "8.0 GetEvents told f6bc65 changed true up to AAAAAOQGAAAAAAAAAQ==",
		"GetFolderResponse__msdocs-getfolder-operation-01.xml":                                                 "8.0 GetFolder Folder",
		"GetStreamingEventsResponse__exchangelib-get_streaming_events_connection_closed.xml":                   "GetStreamingEvents Closed",
		"GetStreamingEventsResponse__msdocs-stream-notifications-04.xml":                                       "15.0 GetStreamingEvents told JgBibj changed true",
		"ResolveNamesResponse__exchangelib-resolvenames_parsing.xml":                                           "ResolveNames refused ErrorNameResolutionMultipleResults",
		"ResolveNamesResponse__msdocs-resolvenames-operation-01.xml":                                           "8.0 ResolveNames",
		"SubscribeResponse__msdocs-maintain-affinity-between-group-of-subscriptions-and-mailbox-server-02.xml": "15.0 Subscribe subscribed JgBjbz",
		"SubscribeResponse__msdocs-stream-notifications-about-mailbox-events-02.xml":                           "15.0 Subscribe subscribed JgBibj",
		"SubscribeResponse__msdocs-subscribe-operation-02.xml":                                                 delegateSub,
		"SyncFolderItemsResponse__msdocs-syncfolderitems-operation-01.xml":                                     "8.0 SyncFolderItems state H4sIAAAAA= last true Create",
		"SyncFolderItemsResponse__msdocs-synchronize-items-02.xml":                                             "15.0 SyncFolderItems state H4sIAAA== last true Create Create Create Create Create",
		"UnsubscribeResponse__msdocs-unsubscribe-operation-01.xml":                                             "8.0 Unsubscribe",
		"fault_ErrorExceededConnectionCount.xml":                                                               "refused ErrorExceededConnectionCount wait 4m57.749s",
		"fault_ErrorImpersonateUserDenied.xml":                                                                 "refused ErrorImpersonateUserDenied wait 0s",
		"fault_ErrorNonExistentMailbox.xml":                                                                    "refused ErrorNonExistentMailbox wait 0s",
		"fault_ErrorServerBusy.xml":                                                                            "refused ErrorServerBusy wait 4m57.749s",
		"fault_ErrorServerBusy_no_backoff.xml":                                                                 "refused ErrorServerBusy wait -1ns",
		"getevents_ErrorInvalidWatermark.xml":                                                                  "15.2 GetEvents refused ErrorInvalidWatermark",
		"stream_calendar_events_two_mailboxes.xml":                                                             "15.2 GetStreamingEvents told JABleD changed true told JABleD changed true",
		"stream_closed_at_timeout.xml":                                                                         "15.2 GetStreamingEvents Closed",
		"stream_error_one_subscription_lost.xml":                                                               "15.2 GetStreamingEvents refused ErrorSubscriptionNotFound lost JABleD Closed",
		"stream_heartbeat.xml":                                                                                 "15.2 GetStreamingEvents OK",
		"stream_status_event.xml":                                                                              "15.2 GetStreamingEvents told JABleD changed false",
		"stream_three_envelopes_concatenated.txt":                                                              "15.2 GetStreamingEvents OK",
		"sync_ErrorInvalidSyncStateData.xml":                                                                   "15.2 SyncFolderItems refused ErrorInvalidSyncStateData",
	}
	files, err := os.ReadDir("testdata/samples")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		s, err := parse(sample(t, f.Name()))
		if err != nil {
			t.Errorf("%s: %v", f.Name(), err)
			continue
		}
		if got := brief(s); got != want[f.Name()] {
			t.Errorf("%s yields\n%q, want\n%q", f.Name(), got, want[f.Name()])
		}
		delete(want, f.Name())
	}
	if len(want) > 0 {
		t.Errorf("there are no samples %v", want)
	}
}

// Envelopes are handed out as they arrive, however they are cut up on the way.
func TestEnvelopesAreSplit(t *testing.T) {
	t.Parallel()
	text := sample(t, "stream_three_envelopes_concatenated.txt")
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(text), "byte by byte": iotest.OneByteReader(bytes.NewReader(text))} {
		e := newEnvelopes(r)
		var got []string
		for {
			s, err := e.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, strings.TrimPrefix(brief(s), "15.2 GetStreamingEvents "))
		}
		if g := strings.Join(got, ", "); g != "OK, told JABleD changed true, Closed" {
			t.Errorf("%s: %s", name, g)
		}
	}
	// The first one does not wait for the second.
	r, w := io.Pipe()
	first := text[:bytes.Index(text, []byte("</s:Envelope>"))+len("</s:Envelope>")]
	go w.Write(first)
	done := make(chan error, 1)
	go func() {
		_, err := newEnvelopes(r).next()
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("an envelope that is there is waited for")
	}
	w.Close()
	r.Close()
}

// An endless stream of envelopes takes no more memory than one; one that is too large is refused.
func TestEnvelopesAreBounded(t *testing.T) {
	t.Parallel()
	one := sample(t, "stream_heartbeat.xml")
	small := func(r io.Reader) *envelopes { // as newEnvelopes, but with less to read for those who run the test
		e := newEnvelopes(r)
		e.most, e.meter.left, e.bounds.elements = 64<<10, 64<<10, maxElements-1000
		return e
	}
	e := small(strings.NewReader(strings.Repeat(string(one), 1000)))
	for {
		if _, err := e.next(); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
	}
	head := string(one[:bytes.Index(one, []byte("<m:ResponseMessages>"))])
	for name, tc := range map[string]struct {
		r    io.Reader
		want error
	}{
		"text without end": {io.MultiReader(strings.NewReader(head+"<m:MessageText>"), strings.NewReader(strings.Repeat("x", 128<<10))), errEnvelope},
		"deep":             {strings.NewReader(head + strings.Repeat("<a>", 100)), errTooDeep},
		"many":             {strings.NewReader(head + strings.Repeat("<a/>", 1001)), errTooMany},
		"broken off":       {strings.NewReader(head), io.ErrUnexpectedEOF},
	} {
		if _, err := small(tc.r).next(); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	for _, hostile := range []string{
		`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Envelope><Body><Fault><faultstring>&b;</faultstring></Fault></Body></Envelope>`,
		`<Envelope><Body><Fault>`, `<html></html>`, `<Envelope/>`, ``, "\x00\x01", `<?xml version="1.0" encoding="utf-7"?><Envelope/>`,
	} {
		if s, err := parse([]byte(hostile)); err == nil {
			t.Errorf("%q is read as %v", hostile, s)
		}
	}
}

// What the server says is told as what it means to whoever can do something about it.
func TestRefusalsInWords(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "http://127.0.0.1:1", nil)
	for code, kind := range map[string]source.Kind{
		"ErrorImpersonateUserDenied": source.NotAllowed, "ErrorNonExistentMailbox": source.NotFound, "ErrorServerBusy": source.Unavailable,
		"ErrorMailboxMoveInProgress": source.Unavailable, "ErrorPasswordExpired": source.Credentials, "ErrorSomethingNew": source.Unavailable, "<script>": source.Unavailable,
	} {
		f := s.explainRefusal(&refusal{code: code, text: "Anna's secret"}, "mail.example.com", true)
		if f.told.Kind != kind || f.told.Text == "" || strings.Contains(f.told.Text+f.told.Error(), "secret") || strings.Contains(f.told.Text+f.told.Error(), "<") {
			t.Errorf("%s is told as %v %q", code, f.told.Kind, f.told.Text)
		}
	}
	// A nested reason counts, not what is wrapped around it.
	answer, err := parse([]byte(refusing("FindItem", "ErrorInternalServerError", `<m:MessageXml><t:Value Name="InnerErrorMessageText">busy</t:Value>`+
		`<t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="BackOffMilliseconds">1500</t:Value></m:MessageXml>`)))
	if err != nil {
		t.Fatal(err)
	}
	if r := answer.messages()[0].refused(); r == nil || r.code != "ErrorServerBusy" || r.wait != 1500*time.Millisecond {
		t.Errorf("a nested reason is read as %+v", r)
	}
}

func FuzzParse(f *testing.F) {
	files, err := os.ReadDir("testdata/samples")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile("testdata/samples/" + file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parse(data)
		if (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
		if err == nil {
			for _, m := range s.messages() {
				m.refused()
			}
		}
	})
}

// Characters that XML does not allow, which servers send all the same, cost a space and not the calendar.
func TestForbiddenCharacters(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"a&#x1F;b": "a b", "a&#31;b": "a b", "a\x02b": "a b", "a&#xFFFF;b": "a b", "a&#xD800;b": "a\ufffdb", "a&#99999999;b": "a b", "a\xffb": "a\ufffdb", "a&#xE4;&amp;&#10;b": "aä&\nb", "&#x1F600;": "😀",
	} {
		s, err := parse([]byte(items(true, strings.Replace(standUp, "Stand-up, daily", sent, 1))))
		if err != nil {
			t.Errorf("%q: %v", sent, err)
			continue
		}
		if got := s.messages()[0].Root.Items.List[0].Subject; got != want {
			t.Errorf("%q is read as %q, want %q", sent, got, want)
		}
	}
}
