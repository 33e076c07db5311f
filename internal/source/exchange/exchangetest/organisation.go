package exchangetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *call) findFolder(n *node) error {
	return c.responses(func(w *writer) {
		for _, wanted := range n.kid("m:ParentFolderIds").kids {
			m, index, err := c.folder(wanted)
			w.message("FindFolderResponseMessage", err, func() {
				all := under(index, n.attr("Traversal") == "Deep")
				if n.attr("Traversal") == "SoftDeleted" {
					all = nil
				}
				total, start := len(all), 0
				attrs := []string{}
				if page := n.kid("m:IndexedPageFolderView"); page != nil {
					start = min(max(atoi(page.attr("Offset")), 0), total)
					stop := total
					if rows, ok := page.attrs["MaxEntriesReturned"]; ok {
						stop = min(start+max(atoi(rows), 0), total)
					}
					all = all[start:stop]
					attrs = append(attrs, "IndexedPagingOffset", itoa(stop))
					start = stop
				} else {
					start = total
				}
				attrs = append(attrs, "TotalItemsInView", itoa(total), "IncludesLastItemInRange", xmlBool(start == total))
				w.open("m:RootFolder", attrs...)
				w.open("t:Folders")
				for _, i := range all {
					c.folderView(w, m, i, n.kid("m:FolderShape"))
				}
				w.close("t:Folders", "m:RootFolder")
			})
		}
	})
}

const hierarchyMark = 0x48494552

// syncFolderHierarchy tells of folders. They never change here, so that a state has nothing after it.
func (c *call) syncFolderHierarchy(n *node) error {
	m, index, err := c.mailbox, topFolder, error(nil)
	if f := n.kid("m:SyncFolderId"); f != nil {
		m, index, err = c.folder(f.kids[0])
	} else if m == nil {
		err = inner("ErrorMissingEmailAddress", "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.")
	}
	state := n.kid("m:SyncState").value()
	var k mark
	if err == nil {
		k = mark{mailbox: m.number, epoch: m.currentEpoch(), folder: uint32(index)}
		if state != "" && state != k.String(hierarchyMark) {
			err = errSyncState
		}
	}
	return c.responses(func(w *writer) {
		w.message("SyncFolderHierarchyResponseMessage", err, func() {
			w.element("m:SyncState", k.String(hierarchyMark))
			w.element("m:IncludesLastFolderInRange", "true")
			w.open("m:Changes")
			if state == "" {
				for _, i := range under(index, true) {
					w.open("t:Create")
					c.folderView(w, m, i, n.kid("m:FolderShape"))
					w.close("t:Create")
				}
			}
			w.close("m:Changes")
		})
	})
}

// resolveNames finds people by the beginning of a name or an address.
func (c *call) resolveNames(n *node) error {
	entry := strings.ToLower(n.kid("m:UnresolvedEntry").value())
	exact := strings.TrimPrefix(entry, "smtp:")
	var found []*Mailbox
	c.s.mu.RLock()
	if m := c.s.byAddress[exact]; m != nil {
		found = []*Mailbox{m}
	} else if !strings.Contains(entry, "@") && exact != "" {
		for _, m := range c.s.mailboxes {
			name := strings.ToLower(m.p.Name)
			if strings.HasPrefix(strings.ToLower(m.p.Address), exact) || strings.HasPrefix(name, exact) || strings.Contains(name, " "+exact) {
				if found = append(found, m); len(found) > 100 {
					break
				}
			}
		}
	}
	c.s.mu.RUnlock()
	var err error
	switch {
	case c.mailbox == nil:
		err = inner("ErrorNameResolutionNoMailbox", "A caller without a mailbox cannot resolve names.")
	case slices.Contains([]string{"", ",", "-"}, exact):
		err = inner("ErrorInvalidNameForNameResolution", "The name is invalid for name resolution.")
	case len(found) == 0:
		err = inner("ErrorNameResolutionNoResults", "No results were found.")
	}
	return c.responses(func(w *writer) {
		if err != nil {
			w.message("ResolveNamesResponseMessage", err, nil)
			return
		}
		complete := len(found) <= 100
		if !complete {
			found = found[:100]
		}
		if len(found) > 1 { // a warning, which is no error
			w.open("m:ResolveNamesResponseMessage", "ResponseClass", "Warning")
			w.element("m:MessageText", "Multiple results were found.")
			w.element("m:ResponseCode", "ErrorNameResolutionMultipleResults")
			w.element("m:DescriptiveLinkKey", "0")
		} else {
			w.open("m:ResolveNamesResponseMessage", "ResponseClass", "Success")
			w.element("m:ResponseCode", "NoError")
		}
		w.open("m:ResolutionSet", "TotalItemsInView", itoa(len(found)), "IncludesLastItemInRange", xmlBool(complete))
		for _, m := range found {
			w.open("t:Resolution")
			c.person(w, m.p.Address)
			if isTrue(n.attr("ReturnFullContactData")) {
				w.open("t:Contact")
				w.element("t:DisplayName", m.p.Name)
				w.open("t:EmailAddresses")
				for i, address := range append([]string{m.p.Address}, m.p.Aliases...) {
					if i < 3 {
						w.element("t:Entry", "smtp:"+address, "Key", fmt.Sprintf("EmailAddress%d", i+1))
					}
				}
				w.close("t:EmailAddresses")
				w.element("t:ContactSource", "ActiveDirectory")
				w.close("t:Contact")
			}
			w.close("t:Resolution")
		}
		w.close("m:ResolutionSet", "m:ResolveNamesResponseMessage")
	})
}

// change is when a zone's clocks are changed in a year.
type change struct {
	at     int64 // what they show then
	before int   // seconds east of UTC
	after  int
}

// changes are those of a year.
func changes(loc *time.Location, year int) []change {
	var all []change
	end := time.Date(year+1, 1, 1, 0, 0, 0, 0, loc)
	for t := time.Date(year, 1, 1, 0, 0, 0, 0, loc); t.Before(end); {
		_, next := t.ZoneBounds()
		if next.IsZero() || !next.Before(end) {
			break
		}
		_, before := next.Add(-time.Second).Zone()
		_, after := next.Zone()
		if before != after {
			all = append(all, change{next.Unix() + int64(before), before, after})
		}
		t = next
	}
	return all
}

// nth returns which of its weekdays in the month a day is; -1 for the last, as long as it can be the fifth.
func nth(wall int64) int {
	t := time.Unix(wall, 0).UTC()
	if t.Day()+7 > daysIn(t.Year(), t.Month()) {
		return -1
	}
	return (t.Day()-1)/7 + 1
}

func bias(east int) string { // xs:duration to be added to local time to get UTC
	d := time.Duration(-east) * time.Second
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	return fmt.Sprintf("%sPT%dH%dM", sign, int(d.Hours()), int(d.Minutes())%60)
}

// zoneDefinition writes a t:TimeZoneDefinition with the rules of the present year.
func (c *call) zoneDefinition(w *writer, name, title string, full bool) {
	if !full {
		w.empty("t:TimeZoneDefinition", "Id", name, "Name", title)
		return
	}
	loc, _ := zone(name)
	year := c.s.now().Year()
	all := changes(loc, year)
	_, offset := time.Date(year, 1, 1, 0, 0, 0, 0, loc).Zone()
	standard := offset
	for _, ch := range all {
		standard = min(standard, ch.before, ch.after)
	}
	w.open("t:TimeZoneDefinition", "Id", name, "Name", title)
	w.open("t:Periods")
	w.empty("t:Period", "Bias", bias(standard), "Name", "Standard", "Id", "trule:Microsoft/Registry/"+name+"/1-Standard")
	if len(all) == 2 {
		w.empty("t:Period", "Bias", bias(max(all[0].before, all[0].after)), "Name", "Daylight", "Id", "trule:Microsoft/Registry/"+name+"/1-Daylight")
	}
	w.close("t:Periods")
	w.open("t:TransitionsGroups")
	w.open("t:TransitionsGroup", "Id", "0")
	if len(all) != 2 {
		w.open("t:Transition")
		w.element("t:To", "trule:Microsoft/Registry/"+name+"/1-Standard", "Kind", "Period")
		w.close("t:Transition")
	} else {
		for _, ch := range all {
			period := "Standard"
			if ch.after > ch.before {
				period = "Daylight"
			}
			at := time.Unix(ch.at, 0).UTC()
			w.open("t:RecurringDayTransition")
			w.element("t:To", "trule:Microsoft/Registry/"+name+"/1-"+period, "Kind", "Period")
			w.element("t:TimeOffset", fmt.Sprintf("PT%dH%dM", at.Hour(), at.Minute()))
			w.element("t:Month", itoa(int(at.Month())))
			w.element("t:DayOfWeek", at.Weekday().String())
			w.element("t:Occurrence", itoa(nth(ch.at)))
			w.close("t:RecurringDayTransition")
		}
	}
	w.close("t:TransitionsGroup", "t:TransitionsGroups")
	w.open("t:Transitions")
	w.open("t:Transition")
	w.element("t:To", "0", "Kind", "Group")
	w.close("t:Transition", "t:Transitions", "t:TimeZoneDefinition")
}

func (c *call) getServerTimeZones(n *node) error {
	full := n.attr("ReturnFullTimeZoneData") == "" || isTrue(n.attr("ReturnFullTimeZoneData"))
	return c.responses(func(w *writer) {
		w.message("GetServerTimeZonesResponseMessage", nil, func() {
			w.open("m:TimeZoneDefinitions")
			for _, z := range zoneNames {
				wanted := n.kid("m:Ids") == nil
				if ids := n.kid("m:Ids"); ids != nil {
					wanted = slices.ContainsFunc(ids.kids, func(k *node) bool { return strings.EqualFold(k.value(), z.name) })
				}
				if wanted {
					c.zoneDefinition(w, z.name, z.title, full)
				}
			}
			w.close("m:TimeZoneDefinitions")
		})
	})
}

// given is the zone of a GetUserAvailability request, which brings its own rules (SerializableTimeZone).
type given struct {
	bias               int // minutes to be added to get UTC
	standard, daylight rule
}

type rule struct {
	bias, month, order int
	day                int // of the week
	at                 time.Duration
}

func readGiven(n *node) given {
	read := func(n *node) rule {
		t, _ := time.Parse("15:04:05", n.kid("t:Time").value())
		return rule{atoi(n.kid("t:Bias").value()), atoi(n.kid("t:Month").value()), atoi(n.kid("t:DayOrder").value()),
			slices.Index(dayNames, n.kid("t:DayOfWeek").value()), t.Sub(t.Truncate(24 * time.Hour))}
	}
	return given{atoi(n.kid("t:Bias").value()), read(n.kid("t:StandardTime")), read(n.kid("t:DaylightTime"))}
}

// on returns what clocks show when the rule sets them anew in a year.
func (r rule) on(year int) time.Time {
	first := Date{year, time.Month(r.month), 1}
	n := first.number() + (r.day-weekday(first.number())+7)%7 + 7*(min(r.order, 5)-1)
	for dateOf(n).Month != first.Month {
		n -= 7
	}
	return time.Unix(int64(n)*86400, 0).UTC().Add(r.at)
}

// shift returns how many minutes are to be added to what clocks show to get UTC.
func (g given) shift(wall time.Time) int {
	if g.standard.month == 0 || g.daylight.month == 0 {
		return g.bias
	}
	toStandard, toDaylight := g.standard.on(wall.Year()), g.daylight.on(wall.Year())
	summer := !wall.Before(toDaylight) && wall.Before(toStandard)
	if toStandard.Before(toDaylight) {
		summer = !wall.Before(toDaylight) || wall.Before(toStandard)
	}
	if summer {
		return g.bias + g.daylight.bias
	}
	return g.bias + g.standard.bias
}

func (g given) utc(wall time.Time) time.Time {
	return wall.Add(time.Duration(g.shift(wall)) * time.Minute)
}

func (g given) local(t time.Time) time.Time {
	for _, rule := range []rule{g.daylight, g.standard} {
		wall := t.Add(-time.Duration(g.bias+rule.bias) * time.Minute)
		if g.shift(wall) == g.bias+rule.bias {
			return wall
		}
	}
	return t.Add(-time.Duration(g.bias) * time.Minute)
}

var busyRank = map[string]int{"Free": 0, "Tentative": 1, "Busy": 2, "OOF": 3, "WorkingElsewhere": 4, "NoData": 5}

// getUserAvailability tells when people are free or busy, in the zone that the request brings.
func (c *call) getUserAvailability(n *node) error {
	g := given{}
	if z := n.kid("t:TimeZone"); z != nil {
		g = readGiven(z)
	} else {
		return faultf("ErrorInvalidRequest", "The request is invalid: TimeZone is missing.")
	}
	options := n.kid("t:FreeBusyViewOptions")
	if options == nil {
		return faultf("ErrorInvalidRequest", "The request is invalid: FreeBusyViewOptions is missing.")
	}
	local := func(name string) time.Time { // without zone, in that of the request
		text := options.at("t:TimeWindow", name).value()
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return g.local(t.UTC())
		}
		t, _ := time.Parse("2006-01-02T15:04:05", text)
		return t
	}
	start, end := local("t:StartTime"), local("t:EndTime")
	interval := 30
	if n := options.kid("t:MergedFreeBusyIntervalInMinutes"); n != nil {
		interval = atoi(n.value())
	}
	kind := or(options.kid("t:RequestedView").value(), "MergedOnly")
	people := n.kid("m:MailboxDataArray").kids
	var err error
	switch {
	case len(people) == 0:
		return faultf("ErrorMailboxDataArrayEmpty", "There must be at least one mailbox.")
	case len(people) > 100:
		return faultf("ErrorMailboxDataArrayTooBig", "There are more than 100 mailboxes.")
	case !end.After(start):
		return faultf("ErrorInvalidTimeInterval", "The end of the time window is not after its start.")
	case end.Sub(start) > 62*24*time.Hour:
		return faultf("ErrorTimeIntervalTooBig", "The requested time duration specified for FreeBusyViewOptions.TimeWindow is too long. The allowed limit = 62 days.")
	case interval < 5 || interval > 1440:
		return faultf("ErrorInvalidMergedFreeBusyInterval", "The interval is not between 5 and 1440 minutes.")
	case kind == "None":
		return faultf("ErrorInvalidFreeBusyViewType", "The view None cannot be asked for.")
	}
	return c.respond("GetUserAvailabilityResponse", func(w *writer) {
		w.open("m:FreeBusyResponseArray")
		for _, who := range people {
			m := c.s.Mailbox(who.at("t:Email", "t:Address").value())
			if err = nil; m == nil {
				err = inner("ErrorMailRecipientNotFound", "Unable to resolve e-mail address to an Active Directory object.")
			}
			w.open("m:FreeBusyResponse")
			w.message("ResponseMessage", err, nil)
			if m != nil {
				c.freeBusy(w, m, g, start, end, interval, kind)
			}
			w.close("m:FreeBusyResponse")
		}
		w.close("m:FreeBusyResponseArray")
	})
}

func (c *call) freeBusy(w *writer, m *Mailbox, g given, start, end time.Time, interval int, kind string) {
	m.mu.Lock()
	found := m.folder(calendarFolder).between(m, g.utc(start), g.utc(end))
	m.mu.Unlock()
	right := c.right(m)
	if right < Reviewer { // the default right of all is to see when, not what
		kind = map[string]string{"Detailed": "FreeBusy", "DetailedMerged": "FreeBusyMerged"}[kind]
		if kind == "" {
			kind = "FreeBusyMerged"
		}
	}
	step := time.Duration(interval) * time.Minute
	merged := make([]byte, 0, int(end.Sub(start)/step)+1)
	for at := start; at.Before(end); at = at.Add(step) {
		rank := 0
		for _, v := range found {
			if g.local(v.start).Before(at.Add(step)) && g.local(v.end).After(at) {
				rank = max(rank, busyRank[v.ev.ShowAs])
			}
		}
		merged = append(merged, byte('0'+rank))
	}
	w.open("m:FreeBusyView")
	w.element("t:FreeBusyViewType", kind)
	if strings.Contains(kind, "Merged") {
		w.element("t:MergedFreeBusy", string(merged))
	}
	if kind != "MergedOnly" && len(found) > 0 {
		w.open("t:CalendarEventArray")
		slices.SortStableFunc(found, func(a, b view) int { return cmp.Compare(a.start.Unix(), b.start.Unix()) })
		for _, v := range found {
			w.open("t:CalendarEvent")
			w.element("t:StartTime", g.local(v.start).Format("2006-01-02T15:04:05"))
			w.element("t:EndTime", g.local(v.end).Format("2006-01-02T15:04:05"))
			w.element("t:BusyType", v.ev.ShowAs)
			if strings.HasPrefix(kind, "Detailed") {
				private := v.ev.Sensitivity == "Private" && right < FullAccess
				w.open("t:CalendarEventDetails")
				if !private {
					w.element("t:ID", v.id())
					w.element("t:Subject", v.ev.Subject)
					w.element("t:Location", v.ev.Location)
				}
				w.element("t:IsMeeting", xmlBool(v.ev.Meeting))
				w.element("t:IsRecurring", xmlBool(v.kind != "Single"))
				w.element("t:IsException", xmlBool(v.kind == "Exception"))
				w.element("t:IsReminderSet", xmlBool(!v.ev.NoReminder))
				w.element("t:IsPrivate", xmlBool(v.ev.Sensitivity == "Private"))
				w.close("t:CalendarEventDetails")
			}
			w.close("t:CalendarEvent")
		}
		w.close("t:CalendarEventArray")
	}
	w.close("m:FreeBusyView")
}
