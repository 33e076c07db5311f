package exchangetest

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"slices"
	"strings"
	"time"
)

// property is one of an item's. Its element is the part of uri after the colon.
type property struct {
	uri   string // of t:FieldURI
	shape int    // in which shapes it is, and whether FindItem may answer with it
	write func(c *call, w *writer, v view, name string)
}

const (
	inDefault = 1 << iota // BaseShape Default of calendar items
	inAll                 // AllProperties
	inFind                // FindItem can answer with it
	hasNone   = 0
)

const everywhere = inDefault | inAll | inFind

// properties are those of calendar items in the order of the schema (types.xsd, ItemType and CalendarItemType). Those
// that write nothing are known, but this server's items do not have them.
var properties = []property{
	{"item:MimeContent", hasNone, nil},
	{"item:ItemId", everywhere, func(c *call, w *writer, v view, name string) {
		w.empty(name, "Id", v.id(), "ChangeKey", changeKey(v.change))
	}},
	{"item:ParentFolderId", inAll | inFind, func(c *call, w *writer, v view, name string) {
		f, _ := v.m.find(v.it.number)
		if f != nil {
			w.empty(name, "Id", v.m.folderID(f.index), "ChangeKey", changeKey(1))
		}
	}},
	{"item:ItemClass", inAll | inFind, text(func(c *call, v view) string {
		switch {
		case v.it.message:
			return "IPM.Note"
		case v.kind == "Occurrence":
			return "IPM.Appointment.Occurrence"
		case v.kind == "Exception":
			return "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"
		}
		return "IPM.Appointment"
	})},
	{"item:Subject", everywhere, text(func(c *call, v view) string { return v.ev.Subject })},
	{"item:Sensitivity", inAll | inFind, text(func(c *call, v view) string { return v.ev.Sensitivity })},
	{"item:Body", inDefault | inAll, body},
	{"item:Attachments", hasNone, nil},
	{"item:DateTimeReceived", inAll | inFind, text(func(c *call, v view) string { return c.time(v.it.created) })},
	{"item:Size", inAll | inFind, text(func(c *call, v view) string {
		return itoa(1024 + len(v.ev.Subject) + len(v.ev.Body) + len(v.ev.Location))
	})},
	{"item:Categories", inAll | inFind, func(c *call, w *writer, v view, name string) {
		if len(v.ev.Categories) == 0 {
			return
		}
		w.open(name)
		for _, one := range v.ev.Categories {
			w.element("t:String", one)
		}
		w.close(name)
	}},
	{"item:Importance", inAll | inFind, text(func(c *call, v view) string { return v.ev.Importance })},
	{"item:InReplyTo", hasNone, nil},
	{"item:IsSubmitted", inAll | inFind, always("false")},
	{"item:IsDraft", inAll | inFind, always("false")},
	{"item:IsFromMe", inAll | inFind, always("false")},
	{"item:IsResend", inAll | inFind, always("false")},
	{"item:IsUnmodified", inAll | inFind, always("false")},
	{"item:InternetMessageHeaders", hasNone, nil},
	{"item:DateTimeSent", inAll | inFind, text(func(c *call, v view) string { return c.time(v.it.created) })},
	{"item:DateTimeCreated", inAll | inFind, text(func(c *call, v view) string { return c.time(v.it.created) })},
	{"item:ResponseObjects", inDefault | inAll, func(c *call, w *writer, v view, name string) {
		w.open(name)
		if v.ev.Meeting && v.ev.Response != "Organizer" {
			w.empty("t:AcceptItem")
			w.empty("t:TentativelyAcceptItem")
			w.empty("t:DeclineItem")
		} else if v.ev.Meeting {
			w.empty("t:CancelCalendarItem")
		}
		w.empty("t:ForwardItem")
		w.close(name)
	}},
	{"item:ReminderDueBy", inAll | inFind, text(func(c *call, v view) string { return c.time(v.start) })},
	{"item:ReminderIsSet", inAll | inFind, text(func(c *call, v view) string { return xmlBool(!v.ev.NoReminder) })},
	{"item:ReminderMinutesBeforeStart", inAll | inFind, text(func(c *call, v view) string { return itoa(int(v.ev.Reminder / time.Minute)) })},
	{"item:DisplayCc", inAll | inFind, text(func(c *call, v view) string { return strings.Join(v.ev.Optional, "; ") })},
	{"item:DisplayTo", inAll | inFind, text(func(c *call, v view) string { return strings.Join(v.ev.Required, "; ") })},
	{"item:DisplayBcc", hasNone, nil},
	{"item:HasAttachments", everywhere, always("false")},
	{"item:Culture", inAll | inFind, always("en-US")},
	{"item:EffectiveRights", inAll | inFind, func(c *call, w *writer, v view, name string) {
		write := "false"
		if c.mayWrite(v.m, calendarFolder) {
			write = "true"
		}
		effectiveRights(w, name, write)
	}},
	{"item:LastModifiedName", inAll | inFind, text(func(c *call, v view) string { return v.m.p.Name })},
	{"item:LastModifiedTime", inAll | inFind, text(func(c *call, v view) string { return c.time(v.modified) })},
	{"item:IsAssociated", inAll | inFind, always("false")},
	{"item:WebClientReadFormQueryString", inAll | inFind, text(func(c *call, v view) string {
		return "https://mail." + c.s.config.Domain + "/owa/?ItemID=" + url.QueryEscape(v.id()) + "&exvsurl=1&viewmodel=ICalendarItemDetailsViewModelFactory"
	})},
	{"item:WebClientEditFormQueryString", hasNone, nil},
	{"item:ConversationId", hasNone, nil},
	{"item:UniqueBody", hasNone, nil},
	{"item:Flag", hasNone, nil},
	{"item:StoreEntryId", hasNone, nil},
	{"item:InstanceKey", hasNone, nil},
	{"item:NormalizedBody", hasNone, nil},
	{"item:EntityExtractionResult", hasNone, nil},
	{"item:PolicyTag", hasNone, nil},
	{"item:ArchiveTag", hasNone, nil},
	{"item:RetentionDate", hasNone, nil},
	{"item:Preview", hasNone, nil},
	{"item:TextBody", 0, func(c *call, w *writer, v view, name string) { w.element(name, v.ev.Body, "BodyType", "Text") }},
	{"item:IconIndex", hasNone, nil},

	{"calendar:UID", inAll | inFind, text(func(c *call, v view) string { return v.ev.UID })},
	{"calendar:RecurrenceId", inAll | inFind, func(c *call, w *writer, v view, name string) {
		if !v.original.IsZero() {
			w.element(name, c.time(v.original))
		}
	}},
	{"calendar:DateTimeStamp", inAll | inFind, text(func(c *call, v view) string { return c.time(v.it.created) })},
	{"calendar:Start", everywhere, text(func(c *call, v view) string { return c.time(v.start) })},
	{"calendar:End", everywhere, text(func(c *call, v view) string { return c.time(v.end) })},
	{"calendar:OriginalStart", inAll | inFind, func(c *call, w *writer, v view, name string) {
		if v.kind == "Exception" {
			w.element(name, c.time(v.original))
		}
	}},
	{"calendar:IsAllDayEvent", inAll | inFind, text(func(c *call, v view) string { return xmlBool(v.ev.AllDay) })},
	{"calendar:LegacyFreeBusyStatus", everywhere, text(func(c *call, v view) string { return v.ev.ShowAs })},
	{"calendar:Location", everywhere, func(c *call, w *writer, v view, name string) {
		if v.ev.Location != "" {
			w.element(name, v.ev.Location)
		}
	}},
	{"calendar:When", hasNone, nil},
	{"calendar:IsMeeting", inAll | inFind, text(func(c *call, v view) string { return xmlBool(v.ev.Meeting) })},
	{"calendar:IsCancelled", inAll | inFind, text(func(c *call, v view) string { return xmlBool(v.ev.Cancelled) })},
	{"calendar:IsRecurring", inAll | inFind, text(func(c *call, v view) string { return xmlBool(v.kind == "Occurrence" || v.kind == "Exception") })},
	{"calendar:MeetingRequestWasSent", inAll | inFind, text(func(c *call, v view) string { return xmlBool(v.ev.Meeting) })},
	{"calendar:IsResponseRequested", inAll | inFind, text(func(c *call, v view) string { return xmlBool(v.ev.Meeting) })},
	{"calendar:CalendarItemType", everywhere, text(func(c *call, v view) string { return v.kind })},
	{"calendar:MyResponseType", inAll | inFind, text(func(c *call, v view) string { return v.ev.Response })},
	{"calendar:Organizer", everywhere, func(c *call, w *writer, v view, name string) {
		w.open(name)
		c.person(w, v.ev.Organizer)
		w.close(name)
	}},
	{"calendar:RequiredAttendees", inDefault | inAll, attendees(func(e *Event) []string { return e.Required })},
	{"calendar:OptionalAttendees", inDefault | inAll, attendees(func(e *Event) []string { return e.Optional })},
	{"calendar:Resources", hasNone, nil},
	{"calendar:InboxReminders", hasNone, nil},
	{"calendar:ConflictingMeetingCount", hasNone, nil},
	{"calendar:AdjacentMeetingCount", hasNone, nil},
	{"calendar:ConflictingMeetings", hasNone, nil},
	{"calendar:AdjacentMeetings", hasNone, nil},
	{"calendar:Duration", inAll | inFind, text(func(c *call, v view) string { return isoDuration(v.end.Sub(v.start)) })},
	{"calendar:TimeZone", inAll | inFind, text(func(c *call, v view) string { return zoneTitle(v.ev.Zone) })},
	{"calendar:AppointmentReplyTime", hasNone, nil},
	{"calendar:AppointmentSequenceNumber", inAll | inFind, always("0")},
	{"calendar:AppointmentState", inAll | inFind, text(func(c *call, v view) string {
		state := 0
		if v.ev.Meeting {
			state |= 1
			if v.ev.Response != "Organizer" {
				state |= 2
			}
		}
		if v.ev.Cancelled {
			state |= 4
		}
		return itoa(state)
	})},
	{"calendar:Recurrence", inAll, func(c *call, w *writer, v view, name string) {
		if v.kind == "RecurringMaster" {
			writeRecurrence(w, name, v.ev.Recurrence, v.ev.Zone)
		}
	}},
	{"calendar:FirstOccurrence", inAll, func(c *call, w *writer, v view, name string) {
		if v.kind != "RecurringMaster" {
			return
		}
		for day := range v.ev.Recurrence.days() {
			if !v.it.deleted[day] {
				c.occurrenceInfo(w, name, v.it.occurrence(v.m, day))
				return
			}
		}
	}},
	{"calendar:LastOccurrence", inAll, func(c *call, w *writer, v view, name string) {
		if v.kind != "RecurringMaster" || v.ev.Recurrence.Count == 0 && v.ev.Recurrence.EndDate == (Date{}) {
			return
		}
		last, ok := 0, false
		for day := range v.ev.Recurrence.days() {
			if !v.it.deleted[day] {
				last, ok = day, true
			}
		}
		if ok {
			c.occurrenceInfo(w, name, v.it.occurrence(v.m, last))
		}
	}},
	{"calendar:ModifiedOccurrences", inAll, func(c *call, w *writer, v view, name string) {
		if v.kind != "RecurringMaster" || len(v.it.exceptions) == 0 {
			return
		}
		w.open(name)
		for _, day := range sortedKeys(v.it.exceptions) {
			c.occurrenceInfo(w, "t:Occurrence", v.it.occurrence(v.m, day))
		}
		w.close(name)
	}},
	{"calendar:DeletedOccurrences", inAll, func(c *call, w *writer, v view, name string) {
		if v.kind != "RecurringMaster" || len(v.it.deleted) == 0 {
			return
		}
		w.open(name)
		for _, day := range sortedKeys(v.it.deleted) {
			start, _ := v.ev.on(day)
			w.open("t:DeletedOccurrence")
			w.element("t:Start", c.time(start))
			w.close("t:DeletedOccurrence")
		}
		w.close(name)
	}},
	{"calendar:MeetingTimeZone", hasNone, nil},
	{"calendar:StartTimeZone", inAll | inFind, func(c *call, w *writer, v view, name string) {
		w.empty(name, "Id", v.ev.Zone, "Name", zoneTitle(v.ev.Zone))
	}},
	{"calendar:EndTimeZone", inAll | inFind, func(c *call, w *writer, v view, name string) {
		w.empty(name, "Id", v.ev.EndZone, "Name", zoneTitle(v.ev.EndZone))
	}},
	{"calendar:ConferenceType", hasNone, nil},
	{"calendar:AllowNewTimeProposal", inAll | inFind, always("true")},
	{"calendar:IsOnlineMeeting", inAll | inFind, always("false")},
	{"calendar:MeetingWorkspaceUrl", hasNone, nil},
	{"calendar:NetShowUrl", hasNone, nil},
	{"calendar:EnhancedLocation", hasNone, nil},
	{"calendar:StartWallClock", 0, text(func(c *call, v view) string { return wallClock(v.start, v.ev.Zone) })},
	{"calendar:EndWallClock", 0, text(func(c *call, v view) string { return wallClock(v.end, v.ev.EndZone) })},
	{"calendar:StartTimeZoneId", inFind, text(func(c *call, v view) string { return v.ev.Zone })},
	{"calendar:EndTimeZoneId", inFind, text(func(c *call, v view) string { return v.ev.EndZone })},
	{"calendar:IntendedFreeBusyStatus", hasNone, nil},
	{"calendar:JoinOnlineMeetingUrl", hasNone, nil},
	{"calendar:OnlineMeetingSettings", hasNone, nil},
	{"calendar:IsOrganizer", inFind, text(func(c *call, v view) string { return xmlBool(v.ev.Response == "Organizer" || !v.ev.Meeting) })},
}

var propertyIndex = func() map[string]int {
	index := map[string]int{}
	for i, p := range properties {
		index[p.uri] = i
	}
	return index
}()

func text(fn func(*call, view) string) func(*call, *writer, view, string) {
	return func(c *call, w *writer, v view, name string) { w.element(name, fn(c, v)) }
}

func always(s string) func(*call, *writer, view, string) {
	return func(_ *call, w *writer, _ view, name string) { w.element(name, s) }
}

func body(_ *call, w *writer, v view, name string) {
	w.element(name, v.ev.Body, "BodyType", "Text")
}

func effectiveRights(w *writer, name, write string) {
	w.open(name)
	w.element("t:CreateAssociated", "false")
	w.element("t:CreateContents", "false")
	w.element("t:CreateHierarchy", "false")
	w.element("t:Delete", write)
	w.element("t:Modify", write)
	w.element("t:Read", "true")
	w.element("t:ViewPrivateItems", "true")
	w.close(name)
}

func attendees(of func(*Event) []string) func(*call, *writer, view, string) {
	return func(c *call, w *writer, v view, name string) {
		all := of(v.ev)
		if len(all) == 0 {
			return
		}
		w.open(name)
		for _, one := range all {
			w.open("t:Attendee")
			c.person(w, one)
			w.element("t:ResponseType", "Unknown")
			w.close("t:Attendee")
		}
		w.close(name)
	}
}

// person writes who has an address.
func (c *call) person(w *writer, address string) {
	w.open("t:Mailbox")
	name := address
	if m := c.s.Mailbox(address); m != nil {
		name = m.p.Name
	}
	w.element("t:Name", name)
	w.element("t:EmailAddress", address)
	w.element("t:RoutingType", "SMTP")
	w.element("t:MailboxType", "Mailbox")
	w.close("t:Mailbox")
}

func (c *call) occurrenceInfo(w *writer, name string, v view) {
	w.open(name)
	w.empty("t:ItemId", "Id", v.id(), "ChangeKey", changeKey(v.change))
	w.element("t:Start", c.time(v.start))
	w.element("t:End", c.time(v.end))
	w.element("t:OriginalStart", c.time(v.original))
	w.close(name)
}

// writeRecurrence writes t:Recurrence. Its dates carry the offset that the series' zone has then, as in answers of real
// servers.
func writeRecurrence(w *writer, name string, r *Recurrence, zoneName string) {
	loc, _ := zone(zoneName)
	date := func(d Date) string {
		return d.String() + instant(int64(d.number())*86400, loc).In(loc).Format("Z07:00")
	}
	w.open(name)
	kind := "t:" + string(r.Pattern) + "Recurrence"
	w.open(kind)
	interval := itoa(max(r.Interval, 1))
	switch r.Pattern {
	case Daily:
		w.element("t:Interval", interval)
	case Weekly:
		w.element("t:Interval", interval)
		w.element("t:DaysOfWeek", strings.Join(r.Days, " "))
		w.element("t:FirstDayOfWeek", dayNames[r.FirstDay])
	case AbsoluteMonthly:
		w.element("t:Interval", interval)
		w.element("t:DayOfMonth", itoa(r.DayOfMonth))
	case RelativeMonthly:
		w.element("t:Interval", interval)
		w.element("t:DaysOfWeek", r.Days[0])
		w.element("t:DayOfWeekIndex", r.Index)
	case AbsoluteYearly:
		w.element("t:DayOfMonth", itoa(r.DayOfMonth))
		w.element("t:Month", r.Month.String())
	case RelativeYearly:
		w.element("t:DaysOfWeek", r.Days[0])
		w.element("t:DayOfWeekIndex", r.Index)
		w.element("t:Month", r.Month.String())
	}
	w.close(kind)
	switch {
	case r.EndDate != (Date{}):
		w.open("t:EndDateRecurrence")
		w.element("t:StartDate", date(r.StartDate))
		w.element("t:EndDate", date(r.EndDate))
		w.close("t:EndDateRecurrence")
	case r.Count > 0:
		w.open("t:NumberedRecurrence")
		w.element("t:StartDate", date(r.StartDate))
		w.element("t:NumberOfOccurrences", itoa(r.Count))
		w.close("t:NumberedRecurrence")
	default:
		w.open("t:NoEndRecurrence")
		w.element("t:StartDate", date(r.StartDate))
		w.close("t:NoEndRecurrence")
	}
	w.close(name)
}

func sortedKeys[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// isoDuration writes xs:duration as Exchange does, such as P1DT2H30M.
func isoDuration(d time.Duration) string {
	minutes := int(d / time.Minute)
	s := "P"
	if days := minutes / 1440; days > 0 {
		s += itoa(days) + "D"
	}
	if rest := minutes % 1440; rest > 0 || s == "P" {
		s += "T"
		if rest >= 60 {
			s += itoa(rest/60) + "H"
		}
		if rest%60 > 0 || rest == 0 {
			s += itoa(rest%60) + "M"
		}
	}
	return s
}

func wallClock(t time.Time, name string) string {
	loc, _ := zone(name)
	return t.In(loc).Format("2006-01-02T15:04:05Z07:00")
}

// shape is what an answer is to hold of each item.
type shape struct {
	wanted   []bool // by index in properties
	extended []*node
	read     bool // message:IsRead
}

// readShape reads m:ItemShape. find tells that it is for FindItem.
func (c *call) readShape(n *node, find bool) (*shape, error) {
	s := &shape{wanted: make([]bool, len(properties))}
	mask := 0
	switch n.kid("t:BaseShape").value() {
	case "Default":
		mask = inDefault
	case "AllProperties":
		mask = inAll
	}
	for i, p := range properties {
		s.wanted[i] = p.shape&mask != 0 && (!find || p.shape&inFind != 0)
	}
	s.wanted[propertyIndex["item:ItemId"]] = true
	s.read = mask != 0
	if extra := n.kid("t:AdditionalProperties"); extra != nil {
		for _, path := range extra.kids {
			uri := path.attr("FieldURI")
			switch path.name {
			case "t:ExtendedFieldURI":
				s.extended = append(s.extended, path)
				continue
			case "t:IndexedFieldURI":
				continue // of contacts
			}
			i, ok := propertyIndex[uri]
			s.read = s.read || uri == "message:IsRead"
			if !ok {
				if strings.HasPrefix(uri, "folder:") {
					return nil, inner("ErrorInvalidPropertyRequest", "The property "+uri+" is not valid for this object type.")
				}
				continue // of messages, tasks and others: calendar items have none
			}
			if find && properties[i].write != nil && properties[i].shape&inFind == 0 && properties[i].shape != 0 {
				return nil, &innerError{"ErrorInvalidPropertyForOperation", "The property cannot be asked for in FindItem.", []value{{"FieldURI", uri}}}
			}
			s.wanted[i] = true
		}
	}
	return s, nil
}

// item writes a whole item. The mailbox's mu is held.
func (c *call) item(w *writer, v view, s *shape) {
	element := "t:CalendarItem"
	if v.it.message {
		element = "t:Message"
	}
	w.open(element)
	for i := range properties {
		if properties[i].uri == "item:Culture" { // extended ones stand before it
			c.extended(w, v, s)
		}
		if s.wanted[i] && properties[i].write != nil {
			of, name, _ := strings.Cut(properties[i].uri, ":")
			if of == "item" || !v.it.message {
				properties[i].write(c, w, v, "t:"+name)
			}
		}
	}
	if s.read && v.it.message {
		w.element("t:IsRead", xmlBool(v.it.read))
	}
	w.close(element)
}

// extended answers those MAPI properties that clients of calendars ask for: PidLidCleanGlobalObjectId and
// PidLidGlobalObjectId, by which they find meetings of one series.
func (c *call) extended(w *writer, v view, s *shape) {
	for _, path := range s.extended {
		id, set := path.attr("PropertyId"), path.attr("DistinguishedPropertySetId")
		if set != "Meeting" || id != "3" && id != "35" || path.attr("PropertyType") != "Binary" {
			continue
		}
		w.open("t:ExtendedProperty")
		w.empty("t:ExtendedFieldURI", "DistinguishedPropertySetId", set, "PropertyId", id, "PropertyType", "Binary")
		w.element("t:Value", base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte{4, 0, 0, 0, 0x82, 0, 0xe0, 0}, v.it.number)))
		w.close("t:ExtendedProperty")
	}
}
