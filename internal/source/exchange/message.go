package exchange

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"time"
)

// Namespaces of the schema, and of what surrounds it.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
)

// Versions of the schema that are asked for. Streaming needs the second at least.
const (
	version2013 = "Exchange2013_SP1"
	version2010 = "Exchange2010_SP1"
)

// writer writes a message in the order it is called, which has to be that of the schema.
type writer struct {
	bytes.Buffer
}

// open begins an element; attributes are name, value, name, value.
func (w *writer) open(name string, attributes ...string) {
	w.tag(name, attributes)
	w.WriteByte('>')
}

func (w *writer) close(name string) { w.WriteString("</" + name + ">") }

func (w *writer) empty(name string, attributes ...string) {
	w.tag(name, attributes)
	w.WriteString("/>")
}

func (w *writer) text(name, text string, attributes ...string) {
	w.open(name, attributes...)
	xml.EscapeText(w, []byte(text))
	w.close(name)
}

func (w *writer) tag(name string, attributes []string) {
	w.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		w.WriteString(" " + attributes[i] + `="`)
		xml.EscapeText(w, []byte(attributes[i+1]))
		w.WriteByte('"')
	}
}

// person is for whom a message acts.
type person struct {
	mailbox string // as the caller wrote it; empty: the account itself
	names   string // one of the Names constants
	access  string // one of the Access constants
}

// envelope writes a whole message around body.
func envelope(version string, who person, utc bool, body func(*writer)) []byte {
	w := &writer{}
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	w.open("s:Envelope", "xmlns:s", nsSOAP, "xmlns:t", nsTypes, "xmlns:m", nsMessages)
	w.open("s:Header")
	w.empty("t:RequestServerVersion", "Version", version)
	if who.mailbox != "" && who.access != AccessDelegate {
		w.open("t:ExchangeImpersonation")
		w.open("t:ConnectingSID")
		name := "t:PrimarySmtpAddress"
		switch who.names {
		case NamesSMTP:
			name = "t:SmtpAddress"
		case NamesUPN:
			name = "t:PrincipalName"
		case NamesSID:
			name = "t:SID"
		}
		w.text(name, who.mailbox)
		w.close("t:ConnectingSID")
		w.close("t:ExchangeImpersonation")
	}
	if utc {
		w.open("t:TimeZoneContext")
		w.empty("t:TimeZoneDefinition", "Id", "UTC")
		w.close("t:TimeZoneContext")
	}
	w.close("s:Header")
	w.open("s:Body")
	body(w)
	w.close("s:Body")
	w.close("s:Envelope")
	return w.Bytes()
}

// calendarFolder names the calendar: the impersonated mailbox's own, or that of the mailbox the account has rights on.
func (w *writer) calendarFolder(who person) {
	if who.mailbox == "" || who.access != AccessDelegate {
		w.empty("t:DistinguishedFolderId", "Id", "calendar")
		return
	}
	w.open("t:DistinguishedFolderId", "Id", "calendar")
	w.open("t:Mailbox")
	w.text("t:EmailAddress", who.mailbox)
	w.close("t:Mailbox")
	w.close("t:DistinguishedFolderId")
}

// maxChanges is what the schema allows in one answer (MaxSyncChangesReturnedType).
const maxChanges = 512

func (w *writer) syncFolderItems(who person, state string) {
	w.open("m:SyncFolderItems")
	w.open("m:ItemShape")
	w.text("t:BaseShape", "IdOnly")
	w.close("m:ItemShape")
	w.open("m:SyncFolderId")
	w.calendarFolder(who)
	w.close("m:SyncFolderId")
	if state != "" {
		w.text("m:SyncState", state)
	}
	w.text("m:MaxChangesReturned", strconv.Itoa(maxChanges))
	w.text("m:SyncScope", "NormalItems")
	w.close("m:SyncFolderItems")
}

// viewFields are what is read of an appointment; no body, no attendees, no place.
var viewFields = []string{"item:Subject", "item:Sensitivity", "item:Categories", "item:ReminderIsSet", "item:ReminderMinutesBeforeStart",
	"item:WebClientReadFormQueryString", "calendar:Start", "calendar:End", "calendar:OriginalStart", "calendar:IsAllDayEvent",
	"calendar:LegacyFreeBusyStatus", "calendar:IsCancelled", "calendar:CalendarItemType", "calendar:MyResponseType", "calendar:UID",
	"calendar:RecurrenceId", "calendar:StartTimeZone"}

// findItem asks for all occurrences that overlap the time between from and to. There is no paging with a view.
func (w *writer) findItem(who person, from, to time.Time, most int) {
	w.open("m:FindItem", "Traversal", "Shallow")
	w.open("m:ItemShape")
	w.text("t:BaseShape", "IdOnly")
	w.open("t:AdditionalProperties")
	for _, f := range viewFields {
		w.empty("t:FieldURI", "FieldURI", f)
	}
	w.close("t:AdditionalProperties")
	w.close("m:ItemShape")
	w.empty("m:CalendarView", "MaxEntriesReturned", strconv.Itoa(most), "StartDate", instant(from), "EndDate", instant(to))
	w.open("m:ParentFolderIds")
	w.calendarFolder(who)
	w.close("m:ParentFolderIds")
	w.close("m:FindItem")
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (w *writer) getFolder(who person) {
	w.open("m:GetFolder")
	w.open("m:FolderShape")
	w.text("t:BaseShape", "IdOnly")
	w.close("m:FolderShape")
	w.open("m:FolderIds")
	w.calendarFolder(who)
	w.close("m:FolderIds")
	w.close("m:GetFolder")
}

// resolveNames asks for a name, which any account may that is let in.
func (w *writer) resolveNames(name string) {
	w.open("m:ResolveNames", "ReturnFullContactData", "false", "SearchScope", "ActiveDirectory")
	w.text("m:UnresolvedEntry", name)
	w.close("m:ResolveNames")
}

// eventTypes are what may change a calendar (NotificationEventTypeType); there is no new mail in one.
var eventTypes = []string{"CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent", "FreeBusyChangedEvent"}

// subscribe asks to be told of changes: by a stream, or with a watermark if minutes, after which an unused
// subscription ends, is not zero.
func (w *writer) subscribe(who person, minutes int) {
	request := "m:StreamingSubscriptionRequest"
	if minutes > 0 {
		request = "m:PullSubscriptionRequest"
	}
	w.open("m:Subscribe")
	w.open(request)
	w.open("t:FolderIds")
	w.calendarFolder(who)
	w.close("t:FolderIds")
	w.open("t:EventTypes")
	for _, e := range eventTypes {
		w.text("t:EventType", e)
	}
	w.close("t:EventTypes")
	if minutes > 0 {
		w.text("t:Timeout", strconv.Itoa(minutes))
	}
	w.close(request)
	w.close("m:Subscribe")
}

func (w *writer) unsubscribe(id string) {
	w.open("m:Unsubscribe")
	w.text("m:SubscriptionId", id)
	w.close("m:Unsubscribe")
}

func (w *writer) getEvents(id, watermark string) {
	w.open("m:GetEvents")
	w.text("m:SubscriptionId", id)
	w.text("m:Watermark", watermark)
	w.close("m:GetEvents")
}

func (w *writer) getStreamingEvents(ids []string, minutes int) {
	w.open("m:GetStreamingEvents")
	w.open("m:SubscriptionIds")
	for _, id := range ids {
		w.text("t:SubscriptionId", id)
	}
	w.close("m:SubscriptionIds")
	w.text("m:ConnectionTimeout", strconv.Itoa(minutes))
	w.close("m:GetStreamingEvents")
}
