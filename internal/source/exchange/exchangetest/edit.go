package exchangetest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// withItem finds what a t:ItemId, t:OccurrenceItemId or t:RecurringMasterItemId names, if the caller may read it, and
// to write, change it. fn runs with the mailbox's mu held.
func (c *call) withItem(n *node, write bool, fn func(*Mailbox, *folder, view) error) error {
	named := n.attr("Id")
	switch n.name {
	case "t:OccurrenceItemId":
		named = n.attr("RecurringMasterId")
	case "t:RecurringMasterItemId":
		named = n.attr("OccurrenceId")
	}
	i, err := parseID(named)
	if err != nil {
		return err
	}
	m := c.s.numbered(i.mailbox)
	if m == nil {
		return errItemNotFound
	}
	right := c.right(m)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n.name {
	case "t:OccurrenceItemId":
		if i.kind != 'I' {
			return inner("ErrorCalendarCannotUseIdForOccurrenceId", "The Id cannot be used for an OccurrenceItemId.")
		}
		if i, err = m.indexed(i, n.attr("InstanceIndex")); err != nil {
			return err
		}
	case "t:RecurringMasterItemId":
		if i.kind != 'O' {
			return inner("ErrorCalendarCannotUseIdForRecurringMasterId", "The Id cannot be used for a RecurringMasterItemId.")
		}
		i.kind = 'I'
	}
	f, v, err := m.lookup(i)
	if err != nil {
		return err
	}
	switch {
	case right == FullAccess, f.index == calendarFolder && right == Editor, f.index == calendarFolder && right == Reviewer && !write:
	case right == 0:
		return errItemNotFound
	default:
		return inner("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	return fn(m, f, v)
}

// indexed returns the id of an occurrence by its number in the series, the deleted ones counted.
func (m *Mailbox) indexed(i id, number string) (id, error) {
	_, it := m.find(i.number)
	if it == nil {
		return i, errItemNotFound
	}
	if it.ev.Recurrence == nil {
		return i, inner("ErrorCalendarCannotUseIdForOccurrenceId", "The Id cannot be used for an OccurrenceItemId.")
	}
	wanted, _ := strconv.Atoi(strings.TrimSpace(number))
	count := 0
	if wanted >= 1 && wanted < 100000 {
		for day := range it.ev.Recurrence.days() {
			if count++; count < wanted {
				continue
			}
			if it.deleted[day] {
				return i, inner("ErrorCalendarOccurrenceIsDeletedFromRecurrence", "Occurrence was deleted from the recurrence.")
			}
			i.kind, i.day = 'O', int32(day)
			return i, nil
		}
	}
	return i, inner("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", "Occurrence index is out of recurrence range.")
}

// fresh refuses a write with a change key that is not the current one.
func fresh(n *node, v view, conflict string) error {
	key := n.attr("ChangeKey")
	switch {
	case key == "" && n.name == "t:ItemId":
		if _, ok := n.attrs["ChangeKey"]; ok {
			return inner("ErrorInvalidChangeKey", "The change key is invalid.")
		}
		return inner("ErrorChangeKeyRequiredForWriteOperations", "Change key is required for this operation.")
	case key != "" && !validChangeKey(key):
		return inner("ErrorInvalidChangeKey", "The change key is invalid.")
	case key != "" && key != changeKey(v.change) && conflict == "NeverOverwrite":
		return inner("ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
	}
	return nil
}

func validChangeKey(key string) bool {
	return len(key) == len(changeKey(0)) && key[:8] == changeKey(0)[:8]
}

func (c *call) getItem(n *node) error {
	shape, shapeErr := c.readShape(n.kid("m:ItemShape"), false)
	return c.responses(func(w *writer) {
		for _, wanted := range n.kid("m:ItemIds").kids {
			c.info(w, "GetItemResponseMessage", func(inside *writer) error {
				if shapeErr != nil {
					return shapeErr
				}
				return c.withItem(wanted, false, func(m *Mailbox, f *folder, v view) error {
					c.item(inside, v, shape)
					return nil
				})
			})
		}
	})
}

// info writes an ItemInfoResponseMessage with the items that fn writes, or its error.
func (c *call) info(w *writer, name string, fn func(inside *writer) error) {
	inside := &writer{}
	err := fn(inside)
	if err != nil {
		w.failure(name, err)
		w.empty("m:Items")
		w.close("m:" + name)
		return
	}
	w.message(name, nil, func() {
		if inside.Len() == 0 {
			w.empty("m:Items")
		} else {
			w.open("m:Items")
			w.Write(inside.Bytes())
			w.close("m:Items")
		}
		if name == "UpdateItemResponseMessage" {
			w.open("m:ConflictResults")
			w.element("t:Count", "0")
			w.close("m:ConflictResults")
		}
	})
}

func (c *call) writeID(w *writer, v view) {
	w.open("t:CalendarItem")
	w.empty("t:ItemId", "Id", v.id(), "ChangeKey", changeKey(v.change))
	w.close("t:CalendarItem")
}

func (c *call) createItem(n *node) error {
	target, index, targetErr := c.mailbox, calendarFolder, error(nil)
	if f := n.kid("m:SavedItemFolderId"); f != nil {
		if target, index, targetErr = c.folder(f.kids[0]); targetErr == errFolderNotFound {
			targetErr = inner("ErrorSavedItemFolderNotFound", "The folder to save the item in could not be found.")
		}
	} else if target == nil {
		targetErr = inner("ErrorMissingEmailAddress", "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.")
	}
	if targetErr == nil && !c.mayWrite(target, index) {
		targetErr = inner("ErrorCreateItemAccessDenied", "Access to create an item in the folder is denied.")
	}
	if targetErr == nil && folderTable[index].element != "t:CalendarFolder" {
		targetErr = inner("ErrorCannotCreateCalendarItemInNonCalendarFolder", "Calendar items can be created in calendar folders only.")
	}
	return c.responses(func(w *writer) {
		for _, one := range n.kid("m:Items").kids {
			c.info(w, "CreateItemResponseMessage", func(inside *writer) error {
				if one.kid("t:ReferenceItemId") != nil {
					if n.attr("MessageDisposition") == "" {
						return inner("ErrorMessageDispositionRequired", "The MessageDisposition attribute is required.")
					}
					return c.answerMeeting(inside, one)
				}
				if one.name != "t:CalendarItem" {
					return inner("ErrorInvalidItemForOperationCreateItem", "Item type is invalid for a CreateItem action.")
				}
				if n.attr("SendMeetingInvitations") == "" {
					return inner("ErrorSendMeetingInvitationsRequired", "The SendMeetingInvitations attribute is required for calendar items.")
				}
				if targetErr != nil {
					return targetErr
				}
				e, err := c.readEvent(one)
				if err != nil {
					return err
				}
				if err := e.settle(target.p.Address); err != nil {
					return err
				}
				target.mu.Lock()
				defer target.mu.Unlock()
				c.writeID(inside, target.add(index, e).whole(target))
				return nil
			})
		}
	})
}

// answerMeeting accepts, declines or cancels a meeting.
func (c *call) answerMeeting(w *writer, n *node) error {
	return c.withItem(n.kid("t:ReferenceItemId"), true, func(m *Mailbox, f *folder, v view) error {
		mine := v.ev.Response == "Organizer"
		if n.name == "t:CancelCalendarItem" != mine || !v.ev.Meeting {
			if n.name == "t:CancelCalendarItem" {
				return inner("ErrorCalendarIsNotOrganizer", "You must be the organizer to cancel.")
			}
			return inner(map[string]string{"t:AcceptItem": "ErrorCalendarIsOrganizerForAccept", "t:TentativelyAcceptItem": "ErrorCalendarIsOrganizerForTentative",
				"t:DeclineItem": "ErrorCalendarIsOrganizerForDecline"}[n.name], "You are the organizer of the meeting.")
		}
		var edit func(e *Event) error
		switch n.name {
		case "t:AcceptItem":
			edit = func(e *Event) error { e.Response, e.ShowAs = "Accept", "Busy"; return nil }
		case "t:TentativelyAcceptItem":
			edit = func(e *Event) error { e.Response, e.ShowAs = "Tentative", "Tentative"; return nil }
		case "t:DeclineItem", "t:CancelCalendarItem":
			if v.kind == "Occurrence" || v.kind == "Exception" {
				m.deleteOccurrence(f, v)
				return nil
			}
			moved := m.move(f, v.it, deletedFolder)
			c.writeID(w, moved.whole(m))
			return nil
		default:
			return inner("ErrorInvalidItemForOperationCreateItem", "Item type is invalid for a CreateItem action.")
		}
		changed, err := m.edit(f, v, edit)
		if err == nil {
			c.writeID(w, changed)
		}
		return err
	})
}

// readEvent reads a t:CalendarItem that is to be created.
func (c *call) readEvent(n *node) (*Event, error) {
	e := &Event{Reminder: 15 * time.Minute}
	now := c.s.now().Truncate(30 * time.Minute).Add(30 * time.Minute)
	e.Start = now
	loc := c.loc
	if id := n.kid("t:StartTimeZone").attr("Id"); id != "" {
		at, ok := zone(id)
		if !ok {
			return nil, inner("ErrorTimeZone", "The time zone isn't valid.")
		}
		loc = at
	} else {
		e.Zone = c.zoneName()
	}
	ended := false
	for _, k := range n.kids {
		uri, set := setter(k.name)
		if set == nil {
			if readOnly(k.name) {
				return nil, &innerError{"ErrorInvalidPropertySet", "Set action is invalid for property.", []value{{"FieldURI", uri}}}
			}
			continue // kept by Exchange; of no interest here
		}
		if err := set(e, k, loc); err != nil {
			return nil, err
		}
		ended = ended || k.name == "t:End"
	}
	if !ended {
		e.End = e.Start.Add(30 * time.Minute)
	}
	return e, nil
}

func (c *call) zoneName() string {
	for _, z := range zoneNames {
		if zones()[strings.ToLower(z.name)] == c.loc {
			return z.name
		}
	}
	return "UTC"
}

// setters are the properties that can be set, by element.
var setters = map[string]func(e *Event, n *node, loc *time.Location) error{
	"item:Subject":     func(e *Event, n *node, _ *time.Location) error { e.Subject = n.text; return nil },
	"item:Sensitivity": func(e *Event, n *node, _ *time.Location) error { e.Sensitivity = n.value(); return nil },
	"item:Body":        func(e *Event, n *node, _ *time.Location) error { e.Body = n.text; return nil },
	"item:Importance":  func(e *Event, n *node, _ *time.Location) error { e.Importance = n.value(); return nil },
	"item:Categories": func(e *Event, n *node, _ *time.Location) error {
		e.Categories = nil
		for _, k := range n.kids {
			e.Categories = append(e.Categories, k.text)
		}
		return nil
	},
	"item:ReminderIsSet": func(e *Event, n *node, _ *time.Location) error { e.NoReminder = !isTrue(n.value()); return nil },
	"item:ReminderMinutesBeforeStart": func(e *Event, n *node, _ *time.Location) error {
		m, err := strconv.Atoi(n.value())
		if err != nil || m < 0 {
			return inner("ErrorInvalidPropertySet", "The reminder is invalid.")
		}
		e.Reminder = time.Duration(m) * time.Minute
		return nil
	},
	"calendar:UID": func(e *Event, n *node, _ *time.Location) error { e.UID = n.value(); return nil },
	"calendar:Start": func(e *Event, n *node, loc *time.Location) (err error) {
		if e.Start, err = parseTime(n.text, loc); err != nil {
			return inner("ErrorInvalidPropertySet", "Start is invalid.")
		}
		return nil
	},
	"calendar:End": func(e *Event, n *node, loc *time.Location) (err error) {
		if e.End, err = parseTime(n.text, loc); err != nil {
			return inner("ErrorInvalidPropertySet", "End is invalid.")
		}
		return nil
	},
	"calendar:IsAllDayEvent":        func(e *Event, n *node, _ *time.Location) error { e.AllDay = isTrue(n.value()); return nil },
	"calendar:LegacyFreeBusyStatus": func(e *Event, n *node, _ *time.Location) error { e.ShowAs = n.value(); return nil },
	"calendar:Location":             func(e *Event, n *node, _ *time.Location) error { e.Location = n.text; return nil },
	"calendar:RequiredAttendees":    func(e *Event, n *node, _ *time.Location) error { e.Required = addresses(n); return nil },
	"calendar:OptionalAttendees":    func(e *Event, n *node, _ *time.Location) error { e.Optional = addresses(n); return nil },
	"calendar:StartTimeZone":        setZone(func(e *Event, name string) { e.Zone = name }),
	"calendar:EndTimeZone":          setZone(func(e *Event, name string) { e.EndZone = name }),
	"calendar:MeetingTimeZone": func(e *Event, n *node, _ *time.Location) error {
		if name := n.attr("TimeZoneName"); name != "" && e.Zone == "" {
			e.Zone = name
		}
		return nil
	},
	"calendar:Recurrence": func(e *Event, n *node, _ *time.Location) (err error) {
		e.Recurrence, err = readRecurrence(n)
		return err
	},
}

func setZone(set func(*Event, string)) func(*Event, *node, *time.Location) error {
	return func(e *Event, n *node, _ *time.Location) error {
		for _, z := range zoneNames {
			if strings.EqualFold(z.name, n.attr("Id")) {
				set(e, z.name)
				return nil
			}
		}
		return inner("ErrorTimeZone", "The time zone isn't valid.")
	}
}

// deleters are the properties that can be taken away.
var deleters = map[string]func(*Event){
	"item:Subject":               func(e *Event) { e.Subject = "" },
	"item:Body":                  func(e *Event) { e.Body = "" },
	"item:Categories":            func(e *Event) { e.Categories = nil },
	"calendar:Location":          func(e *Event) { e.Location = "" },
	"calendar:Recurrence":        func(e *Event) { e.Recurrence = nil },
	"calendar:RequiredAttendees": func(e *Event) { e.Required = nil },
	"calendar:OptionalAttendees": func(e *Event) { e.Optional = nil },
	"item:ReminderIsSet":         func(e *Event) { e.NoReminder = true },
}

func setter(element string) (uri string, set func(*Event, *node, *time.Location) error) {
	local := strings.TrimPrefix(element, "t:")
	for _, uri := range []string{"item:" + local, "calendar:" + local} {
		if set := setters[uri]; set != nil {
			return uri, set
		}
		if _, ok := propertyIndex[uri]; ok {
			return uri, nil
		}
	}
	return "item:" + local, nil
}

// readOnly lists what only the server decides.
func readOnly(element string) bool {
	return slices.Contains([]string{"t:ItemId", "t:ParentFolderId", "t:DateTimeReceived", "t:Size", "t:IsSubmitted", "t:IsDraft", "t:IsFromMe", "t:IsResend",
		"t:IsUnmodified", "t:DateTimeSent", "t:DateTimeCreated", "t:HasAttachments", "t:EffectiveRights", "t:LastModifiedName", "t:LastModifiedTime",
		"t:RecurrenceId", "t:DateTimeStamp", "t:OriginalStart", "t:IsMeeting", "t:IsCancelled", "t:IsRecurring", "t:MeetingRequestWasSent",
		"t:CalendarItemType", "t:MyResponseType", "t:Organizer", "t:AppointmentSequenceNumber", "t:AppointmentState", "t:FirstOccurrence",
		"t:LastOccurrence", "t:ModifiedOccurrences", "t:DeletedOccurrences", "t:Duration", "t:WebClientReadFormQueryString", "t:IsOrganizer"}, element)
}

func addresses(n *node) []string {
	var all []string
	for _, k := range n.kids {
		if address := k.at("t:Mailbox", "t:EmailAddress").value(); address != "" {
			all = append(all, address)
		}
	}
	return all
}

func readRecurrence(n *node) (*Recurrence, error) {
	bad := inner("ErrorCalendarInvalidRecurrence", "The recurrence pattern is not valid.")
	if len(n.kids) != 2 {
		return nil, bad
	}
	p, span := n.kids[0], n.kids[1]
	r := &Recurrence{Pattern: Pattern(strings.TrimSuffix(strings.TrimPrefix(p.name, "t:"), "Recurrence"))}
	number := func(n *node) int { i, _ := strconv.Atoi(n.value()); return i }
	if r.Interval = number(p.kid("t:Interval")); p.kid("t:Interval") != nil && r.Interval < 1 {
		return nil, bad
	}
	r.Days = strings.Fields(p.kid("t:DaysOfWeek").value())
	r.DayOfMonth = number(p.kid("t:DayOfMonth"))
	r.Index = p.kid("t:DayOfWeekIndex").value()
	if first := p.kid("t:FirstDayOfWeek"); first != nil {
		r.FirstDay = time.Weekday(slices.Index(dayNames, first.value()))
	}
	for m := time.January; m <= time.December; m++ {
		if m.String() == p.kid("t:Month").value() {
			r.Month = m
		}
	}
	var ok bool
	if r.StartDate, ok = parseDate(span.kid("t:StartDate").value()); !ok {
		return nil, bad
	}
	switch span.name {
	case "t:EndDateRecurrence":
		if r.EndDate, ok = parseDate(span.kid("t:EndDate").value()); !ok {
			return nil, bad
		}
	case "t:NumberedRecurrence":
		if r.Count = number(span.kid("t:NumberOfOccurrences")); r.Count < 1 || r.Count > 999 {
			return nil, bad
		}
	}
	return r, r.check()
}

func (c *call) updateItem(n *node) error {
	return c.responses(func(w *writer) {
		for _, change := range n.kid("m:ItemChanges").kids {
			c.info(w, "UpdateItemResponseMessage", func(inside *writer) error {
				if n.attr("SendMeetingInvitationsOrCancellations") == "" {
					return inner("ErrorSendMeetingInvitationsOrCancellationsRequired", "The SendMeetingInvitationsOrCancellations attribute is required for calendar items.")
				}
				named := change.kids[0]
				return c.withItem(named, true, func(m *Mailbox, f *folder, v view) error {
					if err := fresh(named, v, n.attr("ConflictResolution")); err != nil {
						return err
					}
					changed, err := m.edit(f, v, func(e *Event) error { return c.update(e, v, change.kid("t:Updates")) })
					if err == nil {
						c.writeID(inside, changed)
					}
					return err
				})
			})
		}
	})
}

// update makes the changes of t:Updates to an event.
func (c *call) update(e *Event, v view, updates *node) error {
	loc := c.loc
	for _, u := range updates.kids {
		if u.kid("t:FieldURI").attr("FieldURI") == "calendar:StartTimeZone" {
			if at, ok := zone(u.at("t:CalendarItem", "t:StartTimeZone").attr("Id")); ok {
				loc = at
			}
		}
	}
	start, length, moved, ended := e.Start, e.End.Sub(e.Start), false, false
	for _, u := range updates.kids {
		path := u.kids[0]
		if path.name == "t:ExtendedFieldURI" {
			continue // kept by Exchange; of no interest here
		}
		uri := path.attr("FieldURI")
		_, local, _ := strings.Cut(uri, ":")
		refused := &innerError{"ErrorInvalidPropertySet", "Set action is invalid for property.", []value{{"FieldURI", uri}}}
		if _, known := propertyIndex[uri]; !known {
			return refused
		}
		if u.name == "t:DeleteItemField" {
			remove := deleters[uri]
			if remove == nil {
				if setters[uri] == nil && !readOnly("t:"+local) {
					continue
				}
				return &innerError{"ErrorInvalidPropertyDelete", "Delete action is invalid for property.", []value{{"FieldURI", uri}}}
			}
			remove(e)
			continue
		}
		item := u.kid("t:CalendarItem")
		if item == nil && u.kid("t:Item") != nil && strings.HasPrefix(uri, "item:") {
			item = u.kid("t:Item")
		}
		if item == nil {
			return inner("ErrorIncorrectUpdatePropertyCount", "An object within a change description must contain one and only one property to modify.")
		}
		if len(item.kids) != 1 {
			return inner("ErrorIncorrectUpdatePropertyCount", "An object within a change description must contain one and only one property to modify.")
		}
		if item.kids[0].name != "t:"+local {
			return inner("ErrorUpdatePropertyMismatch", "The property in the change description and the property in the object do not match.")
		}
		set := setters[uri]
		if set == nil || uri == "calendar:UID" {
			if readOnly("t:"+local) || uri == "calendar:UID" {
				return refused
			}
			continue
		}
		if u.name == "t:AppendToItemField" {
			if uri != "item:Body" {
				return &innerError{"ErrorInvalidPropertyAppend", "Append action is invalid for property.", []value{{"FieldURI", uri}}}
			}
			e.Body += item.kids[0].text
			continue
		}
		if err := set(e, item.kids[0], loc); err != nil {
			return err
		}
		moved = moved || uri == "calendar:Start"
		ended = ended || uri == "calendar:End"
	}
	if moved && !ended { // the end goes with the start
		e.End = e.Start.Add(length)
	}
	if e.Recurrence != nil && v.ev.Recurrence != nil && moved && !e.Start.Equal(start) && e.Recurrence == v.ev.Recurrence {
		// A series moved to another day begins on that day.
		at, _ := zone(or(e.Zone, "UTC"))
		r := *e.Recurrence
		first := dateOf(int(wall(e.Start, at) / 86400))
		if first.number() != int(wall(start, at)/86400) {
			r.StartDate = first
			e.Recurrence = &r
		}
	}
	return nil
}

func (c *call) deleteItem(n *node) error {
	return c.responses(func(w *writer) {
		for _, named := range n.kid("m:ItemIds").kids {
			err := error(nil)
			if n.attr("SendMeetingCancellations") == "" {
				err = inner("ErrorSendMeetingCancellationsRequired", "The SendMeetingCancellations attribute is required for calendar items.")
			} else {
				err = c.withItem(named, true, func(m *Mailbox, f *folder, v view) error {
					if key := named.attr("ChangeKey"); key != "" && !validChangeKey(key) {
						return inner("ErrorInvalidChangeKey", "The change key is invalid.")
					}
					switch {
					case v.kind == "Occurrence" || v.kind == "Exception":
						m.deleteOccurrence(f, v)
					case n.attr("DeleteType") == "MoveToDeletedItems" && f.index != deletedFolder:
						m.move(f, v.it, deletedFolder)
					default:
						m.remove(f, v.it, true)
					}
					return nil
				})
			}
			w.message("DeleteItemResponseMessage", err, nil)
		}
	})
}

func (c *call) moveItem(n *node) error {
	target, index, targetErr := c.folder(n.kid("m:ToFolderId").kids[0])
	if targetErr == nil && !c.mayWrite(target, index) {
		targetErr = inner("ErrorCreateItemAccessDenied", "Access to create an item in the folder is denied.")
	}
	returned := n.kid("m:ReturnNewItemIds") == nil || isTrue(n.kid("m:ReturnNewItemIds").value())
	return c.responses(func(w *writer) {
		for _, named := range n.kid("m:ItemIds").kids {
			c.info(w, "MoveItemResponseMessage", func(inside *writer) error {
				if targetErr != nil {
					return inner("ErrorToFolderNotFound", "The destination folder could not be found.")
				}
				return c.withItem(named, true, func(m *Mailbox, f *folder, v view) error {
					if v.kind == "Occurrence" || v.kind == "Exception" {
						return inner("ErrorCalendarCannotMoveOrCopyOccurrence", "Occurrences cannot be moved or copied.")
					}
					if m != target {
						return inner("ErrorCrossMailboxMoveCopy", "Items cannot be moved between mailboxes.")
					}
					moved := m.move(f, v.it, index)
					if returned {
						c.writeID(inside, moved.whole(m))
					}
					return nil
				})
			})
		}
	})
}
