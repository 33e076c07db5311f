package exchangetest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// code returns the first ResponseCode of an answer, and whether it is that of a fault.
func code(answer *node) (string, bool) {
	if f := answer.first("s:Fault"); f != nil {
		if d := f.kid("detail"); d != nil {
			return d.kid("{" + errorsSpace + "}ResponseCode").value(), true
		}
		return "", true
	}
	return answer.first("m:ResponseCode").value(), false
}

func findIn(view, folder string) string {
	return `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>` + view +
		`<m:ParentFolderIds>` + folder + `</m:ParentFolderIds></m:FindItem>`
}

const (
	march    = `<m:CalendarView StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>`
	calendar = `<t:DistinguishedFolderId Id="calendar"/>`
)

func subscribing(kind, folders, attrs, rest string) string {
	return `<m:Subscribe><m:` + kind + `SubscriptionRequest` + attrs + `>` + folders + `<t:EventTypes><t:EventType>ModifiedEvent</t:EventType></t:EventTypes>` + rest +
		`</m:` + kind + `SubscriptionRequest></m:Subscribe>`
}

// What Exchange refuses is refused in its words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	var seen recorder
	t.Run("in its words", func(t *testing.T) { refuse(t, &seen) })
	seen.in = nil // some are invalid, on purpose
	seen.check(t)
}

func refuse(t *testing.T, seen *recorder) {
	s, anna := office(t, Config{Record: seen.record})
	if _, err := s.AddMailbox(Person{Address: "ben@example.test"}); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"xaver@example.test", "yan@example.test", "zoe@example.test"} {
		if _, err := s.AddMailbox(Person{Address: address}); err != nil {
			t.Fatal(err)
		}
	}
	s.Mailbox("yan@example.test").Grant("zoe@example.test", FullAccess)
	s.Mailbox("yan@example.test").Grant("xaver@example.test", Reviewer)
	single, err := anna.Put(Event{Start: at("2027-03-02T08:00:00Z"), End: at("2027-03-02T09:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	of := func(address string) string {
		return `<t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>` + address + `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`
	}
	folders := func(inside string) string { return `<t:FolderIds>` + inside + `</t:FolderIds>` }
	item := func(id, key string) string {
		if key != "" {
			key = ` ChangeKey="` + key + `"`
		}
		return `<t:ItemId Id="` + id + `"` + key + `/>`
	}
	get := func(id string) string {
		return `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds>` + id + `</m:ItemIds></m:GetItem>`
	}
	update := func(id, conflict, field, inside string) string {
		return `<m:UpdateItem ConflictResolution="` + conflict + `" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>` + id +
			`<t:Updates><t:SetItemField><t:FieldURI FieldURI="` + field + `"/><t:CalendarItem>` + inside + `</t:CalendarItem></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`
	}
	create := func(attrs, inside string) string {
		return `<m:CreateItem` + attrs + `><m:Items><t:CalendarItem>` + inside + `</t:CalendarItem></m:Items></m:CreateItem>`
	}
	const toNone = ` SendMeetingInvitations="SendToNone"`
	current := anna.View(at("2027-03-01T00:00:00Z"), at("2027-04-01T00:00:00Z"))[0].ItemID
	if current != single {
		t.Fatal("the view names the item by another id")
	}
	key := changeKey(1)
	for _, test := range []struct {
		name, act, body, want string
		fault                 bool
	}{
		{"elements in the wrong order", "", `<m:FindItem Traversal="Shallow"><m:ParentFolderIds>` + calendar + `</m:ParentFolderIds><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape></m:FindItem>`, "ErrorSchemaValidation", true},
		{"an unknown element", "", findIn(march+`<m:Colour/>`, calendar), "ErrorSchemaValidation", true},
		{"an element in the wrong namespace", "", findIn(strings.Replace(march, "m:", "t:", 1), calendar), "ErrorSchemaValidation", true},
		{"a missing attribute", "", strings.Replace(findIn(march, calendar), ` Traversal="Shallow"`, "", 1), "ErrorSchemaValidation", true},
		{"an unknown attribute", "", strings.Replace(findIn(march, calendar), ` Traversal="Shallow"`, ` Traversal="Shallow" Colour="red"`, 1), "ErrorSchemaValidation", true},
		{"a value that is none", "", strings.Replace(findIn(march, calendar), `"Shallow"`, `"Flat"`, 1), "ErrorSchemaValidation", true},
		{"a date that is none", "", findIn(`<m:CalendarView StartDate="yesterday" EndDate="2027-04-01T00:00:00Z"/>`, calendar), "ErrorSchemaValidation", true},
		{"a reminder after the start", "", `<m:CreateItem><m:Items><t:CalendarItem><t:ReminderMinutesBeforeStart>-1</t:ReminderMinutesBeforeStart></t:CalendarItem></m:Items></m:CreateItem>`, "ErrorSchemaValidation", true},
		{"513 changes at a time", "", strings.Replace(syncWith(""), ">512<", ">513<", 1), "ErrorSchemaValidation", true},
		{"31 minutes of streaming", "", `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>x</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>31</m:ConnectionTimeout></m:GetStreamingEvents>`, "ErrorSchemaValidation", true},
		{"subscription ids in the namespace of the answer", "", `<m:GetStreamingEvents><m:SubscriptionIds><m:SubscriptionId>x</m:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>30</m:ConnectionTimeout></m:GetStreamingEvents>`, "ErrorSchemaValidation", true},
		{"an event type that is none", "", strings.Replace(subscribing("Streaming", folders(calendar), "", ""), "ModifiedEvent", "StatusEvent", 1), "ErrorSchemaValidation", true},
		{"an operation that is not served", "", `<m:GetMailTips/>`, "ErrorInvalidOperation", true},
		{"no request", "", ``, "ErrorInvalidRequest", true},

		{"a mailbox that is not there", "nobody@example.test", viewOfMarch, "ErrorNonExistentMailbox", true},
		{"an alias as primary address", "a.alias@example.test", viewOfMarch, "ErrorNonPrimarySmtpAddress", true},
		{"no mailbox of one's own", "", viewOfMarch, "ErrorMissingEmailAddress", false},
		{"somebody else's calendar", "ben@example.test", findIn(march, of("anna@example.test")), "ErrorFolderNotFound", false},
		{"the calendar of nobody", "ben@example.test", findIn(march, of("nobody@example.test")), "ErrorNonExistentMailbox", false},
		{"somebody else's item", "ben@example.test", get(item(single, "")), "ErrorItemNotFound", false},

		{"a view of more than two years", "anna@example.test", findIn(`<m:CalendarView StartDate="2027-03-01T00:00:00Z" EndDate="2029-03-01T00:00:01Z"/>`, calendar), "ErrorCalendarViewRangeTooBig", false},
		{"a view from the beginning of time", "anna@example.test", findIn(`<m:CalendarView StartDate="0001-01-01T00:00:00Z" EndDate="2027-02-01T00:00:00Z"/>`, calendar), "ErrorValueOutOfRange", false},
		{"a folder of somebody else to sync", "ben@example.test", strings.Replace(syncWith(""), calendar, of("anna@example.test"), 1), "ErrorSyncFolderNotFound", false},
		{"a view that ends before it starts", "anna@example.test", findIn(`<m:CalendarView StartDate="2027-03-01T00:00:00Z" EndDate="2027-02-01T00:00:00Z"/>`, calendar), "ErrorCalendarEndDateIsEarlierThanStartDate", false},
		{"a view of nothing", "anna@example.test", findIn(`<m:CalendarView MaxEntriesReturned="0" StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>`, calendar), "ErrorInvalidPagingMaxRows", false},
		{"a calendar view of the inbox", "anna@example.test", findIn(march, `<t:DistinguishedFolderId Id="inbox"/>`), "ErrorCalendarFolderIsInvalidForCalendarView", false},
		{"a body in FindItem", "anna@example.test", strings.Replace(findIn(march, calendar), "</t:BaseShape>", `</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties>`, 1), "ErrorInvalidPropertyForOperation", false},
		{"a property of folders in an item", "anna@example.test", strings.Replace(findIn(march, calendar), "</t:BaseShape>", `</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:DisplayName"/></t:AdditionalProperties>`, 1), "ErrorInvalidPropertyRequest", false},

		{"an id that is none", "anna@example.test", get(item("bm9uZQ==", "")), "ErrorInvalidIdMalformed", false},
		{"an id in other letters", "anna@example.test", get(item(swapCase(single), "")), "ErrorInvalidIdMalformed", false},
		{"an empty id", "anna@example.test", get(item("", "")), "ErrorInvalidIdEmpty", false},
		{"a folder's id as an item's", "anna@example.test", get(item(anna.folderID(calendarFolder), "")), "ErrorCannotUseFolderIdForItemId", false},
		{"an occurrence of a single item", "anna@example.test", get(`<t:OccurrenceItemId RecurringMasterId="` + single + `" InstanceIndex="1"/>`), "ErrorCalendarCannotUseIdForOccurrenceId", false},

		{"a sync state that is none", "anna@example.test", syncWith("bm9uZQ=="), "ErrorInvalidSyncStateData", false},
		{"a write without change key", "anna@example.test", update(item(single, ""), "AutoResolve", "item:Subject", "<t:Subject>x</t:Subject>"), "ErrorChangeKeyRequiredForWriteOperations", false},
		{"a write over a newer state", "anna@example.test", update(item(single, changeKey(99)), "NeverOverwrite", "item:Subject", "<t:Subject>x</t:Subject>"), "ErrorIrresolvableConflict", false},
		{"two properties in one change", "anna@example.test", update(item(single, key), "AlwaysOverwrite", "item:Subject", "<t:Subject>x</t:Subject><t:Location>y</t:Location>"), "ErrorIncorrectUpdatePropertyCount", false},
		{"another property than announced", "anna@example.test", update(item(single, key), "AlwaysOverwrite", "item:Subject", "<t:Location>y</t:Location>"), "ErrorUpdatePropertyMismatch", false},
		{"a property the server decides on", "anna@example.test", update(item(single, key), "AlwaysOverwrite", "calendar:IsCancelled", "<t:IsCancelled>true</t:IsCancelled>"), "ErrorInvalidPropertySet", false},
		{"an end before the start", "anna@example.test", create(toNone, "<t:Start>2027-03-02T10:00:00Z</t:Start><t:End>2027-03-02T09:00:00Z</t:End>"), "ErrorCalendarEndDateIsEarlierThanStartDate", false},
		{"a creation that does not say whom to invite", "anna@example.test", create("", "<t:Subject>x</t:Subject>"), "ErrorSendMeetingInvitationsRequired", false},
		{"a zone that is none", "anna@example.test", create(toNone, `<t:Start>2027-03-02T10:00:00</t:Start><t:StartTimeZone Id="Middle Earth Standard Time"/>`), "ErrorTimeZone", false},

		{"a subscription to two mailboxes", "anna@example.test", subscribing("Streaming", folders(calendar+of("ben@example.test")), "", ""), "ErrorFolderNotFound", false},
		{"a calendar view with a restriction", "anna@example.test", findIn(march+`<m:Restriction><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists></m:Restriction>`, calendar), "ErrorInvalidOperation", false},
		{"a third of the half", "anna@example.test", findIn(`<m:FractionalPageItemView Numerator="3" Denominator="2"/>`, calendar), "ErrorInvalidFractionalPagingParameters", false},
		{"items from before the first", "anna@example.test", findIn(`<m:IndexedPageItemView Offset="-1" BasePoint="Beginning"/>`, calendar), "ErrorInvalidIndexedPagingParameters", false},
		{"a search by words", "anna@example.test", strings.Replace(findIn("", calendar), "</m:ParentFolderIds>", "</m:ParentFolderIds><m:QueryString>x</m:QueryString>", 1), "ErrorContentIndexingNotEnabled", false},
		{"a subscription to the calendars of two who let", "zoe@example.test", subscribing("Streaming", folders(calendar+of("yan@example.test")), "", ""), "ErrorInvalidSubscriptionRequest", false},
		{"a subscription to the calendar of somebody who lets read it", "xaver@example.test", subscribing("Streaming", folders(of("yan@example.test")), "", ""), "ErrorSubscriptionDelegateAccessNotSupported", false},
		{"a subscription to nothing", "anna@example.test", subscribing("Streaming", "", "", ""), "ErrorInvalidSubscriptionRequest", false},
		{"a subscription to all and to one", "anna@example.test", subscribing("Streaming", folders(calendar), ` SubscribeToAllFolders="true"`, ""), "ErrorInvalidSubscriptionRequest", false},
		{"a pull subscription for more than a day", "anna@example.test", subscribing("Pull", folders(calendar), "", "<t:Timeout>1441</t:Timeout>"), "ErrorSchemaValidation", true},
		{"a subscription with an old watermark", "anna@example.test", subscribing("Pull", folders(calendar), "", "<t:Watermark>AAAA</t:Watermark><t:Timeout>10</t:Timeout>"), "ErrorInvalidWatermark", false},
		{"an unknown subscription", "anna@example.test", `<m:GetEvents><m:SubscriptionId>JABleDAx</m:SubscriptionId><m:Watermark>AAAA</m:Watermark></m:GetEvents>`, "ErrorSubscriptionNotFound", false},
		{"the end of an unknown subscription", "anna@example.test", `<m:Unsubscribe><m:SubscriptionId>JABleDAx</m:SubscriptionId></m:Unsubscribe>`, "ErrorSubscriptionNotFound", false},
		{"names for somebody without a mailbox", "", `<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>anna</m:UnresolvedEntry></m:ResolveNames>`, "ErrorNameResolutionNoMailbox", false},
		{"somebody nobody knows", "anna@example.test", `<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>zacharias</m:UnresolvedEntry></m:ResolveNames>`, "ErrorNameResolutionNoResults", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, s, "svc", "secret")
			c.act = test.act
			status, answer := c.ask(test.body)
			want := http.StatusOK
			if test.fault {
				want = http.StatusInternalServerError
			}
			got, fault := code(answer)
			if status != want || got != test.want || fault != test.fault {
				t.Errorf("status %d, %s (fault: %v), want %d, %s (%v)", status, got, fault, want, test.want, test.fault)
			}
		})
	}
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

func TestWhatIsNoSOAPIsRefusedByTheWebServer(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	for _, test := range []struct {
		name, kind, body string
		want             int
	}{
		{"another content type", "application/soap+xml", (&client{}).envelope(viewOfMarch), 415},
		{"no XML", "text/xml", "<s:Envelope", 400},
		{"with a DTD", "text/xml", `<!DOCTYPE x [<!ENTITY y "z">]>` + strings.TrimPrefix((&client{}).envelope(viewOfMarch), xmlHead), 400},
		{"not an envelope", "text/xml", "<x/>", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			r.SetBasicAuth("svc", "secret")
			answer, err := transport(t, s).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != test.want {
				t.Errorf("status %d, want %d", answer.StatusCode, test.want)
			}
		})
	}
}

func TestImpersonationNeedsARight(t *testing.T) {
	t.Parallel()
	s, _ := office(t, Config{})
	if _, err := s.AddMailbox(Person{Address: "ben@example.test", UPN: "b.bauer@corp.test", SID: "S-1-5-21-1-2-3-4711"}); err != nil {
		t.Fatal(err)
	}
	s.AddAccount(Account{Name: "narrow", Password: "secret", Impersonates: []string{"ben@example.test"}})
	ask := func(who, how string) string {
		c := newClient(t, s, who, "secret")
		envelope := strings.Replace(c.envelope(viewOfMarch), "</s:Header>", "<t:ExchangeImpersonation><t:ConnectingSID>"+how+"</t:ConnectingSID></t:ExchangeImpersonation></s:Header>", 1)
		_, answer := c.send(envelope)
		got, _ := code(answer)
		return got
	}
	for _, test := range []struct{ who, how, want string }{
		{"narrow", "<t:PrimarySmtpAddress>ben@example.test</t:PrimarySmtpAddress>", "NoError"},
		{"narrow", "<t:PrincipalName>B.Bauer@corp.test</t:PrincipalName>", "NoError"},
		{"narrow", "<t:SID>S-1-5-21-1-2-3-4711</t:SID>", "NoError"},
		{"svc", "<t:SmtpAddress>a.alias@example.test</t:SmtpAddress>", "NoError"},
		{"narrow", "<t:PrimarySmtpAddress>anna@example.test</t:PrimarySmtpAddress>", "ErrorImpersonateUserDenied"},
		{"anna@example.test", "<t:PrimarySmtpAddress>ben@example.test</t:PrimarySmtpAddress>", "ErrorImpersonateUserDenied"},
		{"svc", "<t:PrincipalName>nobody@corp.test</t:PrincipalName>", "ErrorInvalidUserPrincipalName"},
		{"svc", "<t:SID>S-1-5-21-1-2-3-4</t:SID>", "ErrorInvalidUserSid"},
		{"svc", "<t:PrincipalName/>", "ErrorSchemaValidation"},
	} {
		if got := ask(test.who, test.how); got != test.want && !(test.want == "ErrorSchemaValidation" && got == "ErrorInvalidExchangeImpersonationHeaderData") {
			t.Errorf("%s as %s: %s, want %s", test.who, test.how, got, test.want)
		}
	}
	s.SetImpersonation("narrow", "anna@example.test")
	if got := ask("narrow", "<t:PrimarySmtpAddress>anna@example.test</t:PrimarySmtpAddress>"); got != "NoError" {
		t.Errorf("with the right given later: %s", got)
	}
}

func TestDelegatesReadWhatTheyWereGiven(t *testing.T) {
	t.Parallel()
	s, anna := office(t, Config{})
	if _, err := s.AddMailbox(Person{Address: "ben@example.test", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	if _, err := anna.Put(Event{Subject: "Jour fixe", Start: at("2027-03-02T08:00:00Z"), End: at("2027-03-02T09:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	const annas = `<t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>anna@example.test</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`
	c := newClient(t, s, "ben@example.test", "secret")
	entry := `<m:CreateItem SendMeetingInvitations="SendToNone"><m:SavedItemFolderId>` + annas + `</m:SavedItemFolderId><m:Items><t:CalendarItem><t:Subject>x</t:Subject></t:CalendarItem></m:Items></m:CreateItem>`
	ask := func(body string) string {
		_, answer := c.ask(body)
		got, _ := code(answer)
		return got
	}
	var got []string
	for _, right := range []Right{0, Reviewer, Editor, FullAccess} {
		anna.Grant("ben@example.test", right)
		got = append(got, fmt.Sprint(ask(findIn(march, annas)), " ", ask(entry), " ", ask(findIn("", strings.Replace(annas, `"calendar"`, `"inbox"`, 1)))))
	}
	want := []string{"ErrorFolderNotFound ErrorSavedItemFolderNotFound ErrorFolderNotFound", "NoError ErrorCreateItemAccessDenied ErrorFolderNotFound", "NoError NoError ErrorFolderNotFound", "NoError NoError NoError"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Requests that others published or recorded get an answer of sense: success, or a refusal that tells what is wrong
// with ids that are of another server.
func TestRecordedRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	var seen recorder
	s, _ := office(t, Config{Record: seen.record})
	for _, name := range sampleNames(t) {
		text, err := os.ReadFile(filepath.Join("testdata", "samples", name))
		if err != nil {
			t.Fatal(err)
		}
		status, answer := newClient(t, s, "anna@example.test", "secret").send(string(text))
		if answer == nil {
			t.Errorf("%s: status %d and nothing else", name, status)
			continue
		}
		if got, fault := code(answer); fault && status != 500 || !fault && status != 200 || got == "ErrorInternalServerError" || got == "" && !strings.Contains(name, "cancel-meetings-03") && !strings.HasPrefix(name, "SendNotification") {
			t.Errorf("%s: status %d, %s", name, status, got)
		}
	}
	seen.in = nil // some are invalid, on purpose
	seen.check(t)
}

func TestPagesOfAFolder(t *testing.T) {
	t.Parallel()
	var seen recorder
	s, anna := office(t, Config{Record: seen.record})
	for day := range 25 {
		if _, err := anna.Put(meeting(day)); err != nil {
			t.Fatal(err)
		}
	}
	c := newClient(t, s, "anna@example.test", "secret")
	page := func(view string) string {
		_, answer := c.ask(findIn(view, calendar))
		root := answer.first("m:RootFolder")
		return fmt.Sprint(len(answer.all("t:CalendarItem")), " ", root.attr("TotalItemsInView"), " ", root.attr("IncludesLastItemInRange"), " ", root.attr("IndexedPagingOffset"), root.attr("NumeratorOffset"))
	}
	for _, test := range []struct{ view, want string }{
		{"", "25 25 true "},
		{`<m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>`, "10 25 false 10"},
		{`<m:IndexedPageItemView MaxEntriesReturned="10" Offset="20" BasePoint="Beginning"/>`, "5 25 true 25"},
		{`<m:IndexedPageItemView MaxEntriesReturned="10" Offset="40" BasePoint="Beginning"/>`, "0 25 true 25"},
		{`<m:IndexedPageItemView MaxEntriesReturned="10" Offset="20" BasePoint="End"/>`, "5 25 true 25"},
		{`<m:FractionalPageItemView MaxEntriesReturned="5" Numerator="1" Denominator="5"/>`, "5 25 false 10"},
		{`<m:CalendarView MaxEntriesReturned="7" StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>`, "7 7 false "},
		{`<m:CalendarView MaxEntriesReturned="25" StartDate="2027-03-01T00:00:00Z" EndDate="2027-04-01T00:00:00Z"/>`, "25 25 true "},
	} {
		if got := page(test.view); got != test.want {
			t.Errorf("%s: %s, want %s", test.view, got, test.want)
		}
	}
	seen.check(t)
}
