package exchangetest

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"time"
)

// folderView writes a folder with its counts. m.mu is not held.
func (c *call) folderView(w *writer, m *Mailbox, index int, shape *node) {
	f := folderTable[index]
	base := shape.kid("t:BaseShape").value()
	wants := func(name string, inDefault bool) bool {
		if base == "AllProperties" || base == "Default" && inDefault {
			return true
		}
		if extra := shape.kid("t:AdditionalProperties"); extra != nil {
			for _, path := range extra.kids {
				if path.attr("FieldURI") == "folder:"+name {
					return true
				}
			}
		}
		return false
	}
	m.mu.Lock()
	count, unread, change := 0, 0, uint64(1)
	if held := m.folders[index]; held != nil {
		count, change = len(held.items), held.seq+1
		for _, it := range held.items {
			if it.message && !it.read {
				unread++
			}
		}
	}
	m.mu.Unlock()
	w.open(f.element)
	w.empty("t:FolderId", "Id", m.folderID(index), "ChangeKey", changeKey(change))
	if wants("ParentFolderId", false) && index != rootFolder {
		w.empty("t:ParentFolderId", "Id", m.folderID(f.parent), "ChangeKey", changeKey(1))
	}
	if wants("FolderClass", false) && f.class != "" {
		w.element("t:FolderClass", f.class)
	}
	if wants("DisplayName", true) {
		w.element("t:DisplayName", f.name)
	}
	if wants("TotalCount", true) {
		w.element("t:TotalCount", itoa(count))
	}
	if wants("ChildFolderCount", true) {
		w.element("t:ChildFolderCount", itoa(len(under(index, false))))
	}
	if wants("EffectiveRights", false) {
		effectiveRights(w, "t:EffectiveRights", xmlBool(c.mayWrite(m, index)))
	}
	if wants("DistinguishedFolderId", false) && f.distinguished != "" {
		w.element("t:DistinguishedFolderId", f.distinguished)
	}
	if wants("UnreadCount", true) && f.element == "t:Folder" {
		w.element("t:UnreadCount", itoa(unread))
	}
	w.close(f.element)
}

// under lists the folders in a folder, or all below it.
func under(index int, deep bool) []int {
	var all []int
	for i, f := range folderTable {
		if i == rootFolder {
			continue
		}
		if f.parent == index {
			all = append(all, i)
			if deep {
				all = append(all, under(i, true)...)
			}
		}
	}
	return all
}

func (c *call) getFolder(n *node) error {
	return c.responses(func(w *writer) {
		for _, wanted := range n.kid("m:FolderIds").kids {
			m, index, err := c.folder(wanted)
			if err != nil {
				w.message("GetFolderResponseMessage", err, nil)
				continue
			}
			w.message("GetFolderResponseMessage", nil, func() {
				w.open("m:Folders")
				c.folderView(w, m, index, n.kid("m:FolderShape"))
				w.close("m:Folders")
			})
		}
	})
}

const findCountLimit = 1000 // EWSFindCountLimit

func (c *call) findItem(n *node) error {
	shape, err := c.readShape(n.kid("m:ItemShape"), true)
	if err != nil {
		return c.responses(func(w *writer) {
			for range n.kid("m:ParentFolderIds").kids {
				w.message("FindItemResponseMessage", err, nil)
			}
		})
	}
	return c.responses(func(w *writer) {
		for _, wanted := range n.kid("m:ParentFolderIds").kids {
			m, index, err := c.folder(wanted)
			var found []view
			last, total, next := true, 0, -1
			if err == nil {
				err = unserved(n)
			}
			if err == nil {
				if view := n.kid("m:CalendarView"); view != nil {
					found, last, err = c.calendarView(m, index, n, view)
					total = len(found)
				} else {
					found, total, next, err = c.pagedView(m, index, n)
					last = next < 0
				}
			}
			w.message("FindItemResponseMessage", err, func() {
				attrs := []string{"TotalItemsInView", itoa(total), "IncludesLastItemInRange", xmlBool(last)}
				if next < 0 {
					next = total
				}
				switch {
				case n.kid("m:IndexedPageItemView") != nil:
					attrs = append([]string{"IndexedPagingOffset", itoa(next)}, attrs...)
				case n.kid("m:FractionalPageItemView") != nil:
					attrs = append([]string{"NumeratorOffset", itoa(next), "AbsoluteDenominator", itoa(max(total, 1))}, attrs...)
				}
				w.open("m:RootFolder", attrs...)
				if len(found) == 0 {
					w.empty("t:Items")
				} else {
					w.open("t:Items")
					m.mu.Lock()
					for _, v := range found {
						c.item(w, v, shape)
					}
					m.mu.Unlock()
					w.close("t:Items")
				}
				w.close("m:RootFolder")
			})
		}
	})
}

// unserved refuses what this server does not do with FindItem.
func unserved(n *node) error {
	switch {
	case n.kid("m:GroupBy") != nil, n.kid("m:DistinguishedGroupBy") != nil, n.kid("m:SeekToConditionPageItemView") != nil, n.kid("m:ContactsView") != nil:
		return inner("ErrorInvalidOperation", "The view is not served here.")
	case n.kid("m:QueryString") != nil:
		return inner("ErrorContentIndexingNotEnabled", "The mailbox is not indexed.")
	case n.kid("m:CalendarView") != nil && n.attr("Traversal") != "Shallow":
		return inner("ErrorInvalidOperation", "A CalendarView needs the traversal Shallow.")
	}
	return nil
}

// calendarView answers with what is in a calendar between two instants (CalendarView): occurrences instead of series,
// by start, without pages.
func (c *call) calendarView(m *Mailbox, index int, n, view *node) (found []view, last bool, err error) {
	if folderTable[index].element != "t:CalendarFolder" {
		return nil, false, inner("ErrorCalendarFolderIsInvalidForCalendarView", "The folder is not a calendar folder, as a CalendarView needs.")
	}
	from, errFrom := parseTime(view.attr("StartDate"), c.loc)
	to, errTo := parseTime(view.attr("EndDate"), c.loc)
	limit := findCountLimit
	if s, ok := view.attrs["MaxEntriesReturned"]; ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, false, inner("ErrorInvalidPagingMaxRows", "Paging max rows must be larger than 0.")
		}
		limit = min(limit, n)
	}
	switch {
	case errFrom != nil || errTo != nil:
		return nil, false, inner("ErrorInvalidRequest", "The request is invalid.")
	case from.Year() < 2 || to.Year() > 9998:
		return nil, false, inner("ErrorValueOutOfRange", "The start or the end of the view is out of range.")
	case to.Before(from):
		return nil, false, inner("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.")
	case to.After(from.AddDate(2, 0, 0)):
		return nil, false, inner("ErrorCalendarViewRangeTooBig", "The specified view range exceeds the maximum range of two years.")
	case n.kid("m:Restriction") != nil || n.kid("m:SortOrder") != nil || n.kid("m:QueryString") != nil:
		return nil, false, inner("ErrorInvalidOperation", "CalendarView cannot be used with a restriction or a sort order.")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.folder(index).between(m, from, to)
	if len(all) > limit {
		if limit == findCountLimit && c.version < since2010SP1 { // newer clients are told that there is more
			return nil, false, inner("ErrorExceededFindCountLimit", "You have exceeded the maximum number of objects that can be returned for the find operation.")
		}
		return all[:limit], false, nil
	}
	return all, true, nil
}

// pagedView answers with the items of a folder as they are stored: series instead of occurrences.
func (c *call) pagedView(m *Mailbox, index int, n *node) (found []view, total, next int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.folder(index).items
	if n.attr("Traversal") != "Shallow" { // nothing is soft-deleted or associated here
		all = nil
	}
	views := make([]view, 0, len(all))
	for _, it := range all {
		v := it.whole(m)
		if ok, err := c.matches(n.kid("m:Restriction"), v); err != nil {
			return nil, 0, 0, err
		} else if ok {
			views = append(views, v)
		}
	}
	if order := n.kid("m:SortOrder"); order != nil {
		if err := sortViews(views, order); err != nil {
			return nil, 0, 0, err
		}
	}
	total, start, limit := len(views), 0, findCountLimit
	if page := n.kid("m:IndexedPageItemView"); page != nil {
		start, _ = strconv.Atoi(page.attr("Offset"))
		if s, ok := page.attrs["MaxEntriesReturned"]; ok {
			n, _ := strconv.Atoi(s)
			if n < 1 {
				return nil, 0, 0, inner("ErrorInvalidPagingMaxRows", "Paging max rows must be larger than 0.")
			}
			limit = min(limit, n)
		}
		if start < 0 {
			return nil, 0, 0, inner("ErrorInvalidIndexedPagingParameters", "Paging offset must not be negative.")
		}
		if page.attr("BasePoint") == "End" {
			stop := max(total-start, 0)
			start = max(stop-limit, 0)
			return views[start:stop], total, -1, nil
		}
	}
	if page := n.kid("m:FractionalPageItemView"); page != nil {
		numerator, denominator := atoi(page.attr("Numerator")), atoi(page.attr("Denominator"))
		if numerator < 0 || denominator <= 0 || numerator > denominator {
			return nil, 0, 0, inner("ErrorInvalidFractionalPagingParameters", "Fractional paging numerator or denominator is invalid.")
		}
		start = int(int64(total) * int64(numerator) / int64(denominator))
		if s, ok := page.attrs["MaxEntriesReturned"]; ok {
			n := atoi(s)
			if n < 1 {
				return nil, 0, 0, inner("ErrorInvalidPagingMaxRows", "Paging max rows must be larger than 0.")
			}
			limit = min(limit, n)
		}
	}
	start = min(start, total)
	stop := min(start+limit, total)
	next = -1
	if stop < total {
		next = stop
	}
	return views[start:stop], total, next, nil
}

// Sync states and watermarks are opaque. Here they say up to where a client knows a mailbox.
type mark struct {
	mailbox, epoch uint32
	folder         uint32
	since, until   uint64 // of sync: changes after since and up to until are being told
	stage, pos     uint64 // of sync: 0 items, 1 those that are gone; the last one told
}

const (
	syncMark  = 0x53594e43
	eventMark = 0x45564e54
)

func (k mark) String(kind uint32) string {
	b := binary.BigEndian.AppendUint32(nil, kind)
	for _, n := range []uint32{k.mailbox, k.epoch, k.folder} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, n := range []uint64{k.since, k.until, k.stage, k.pos} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func parseMark(kind uint32, s string) (mark, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != 48 || binary.BigEndian.Uint32(b) != kind {
		return mark{}, false
	}
	u, v := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	return mark{u(b[4:]), u(b[8:]), u(b[12:]), v(b[16:]), v(b[24:]), v(b[32:]), v(b[40:])}, true
}

var errSyncState = inner("ErrorInvalidSyncStateData", "Synchronization state data is corrupt or otherwise invalid.")

// syncChange is one line of an answer to SyncFolderItems.
type syncChange struct {
	kind   string // Create, Update, ReadFlagChange, Delete
	v      view
	number uint64
}

func (c *call) syncFolderItems(n *node) error {
	shape, err := c.readShape(n.kid("m:ItemShape"), false)
	var m *Mailbox
	var index int
	if err == nil {
		if m, index, err = c.folder(n.kid("m:SyncFolderId").kids[0]); err == errFolderNotFound {
			err = inner("ErrorSyncFolderNotFound", "The folder to synchronize could not be found.")
		}
	}
	limit, _ := strconv.Atoi(n.kid("m:MaxChangesReturned").value())
	ignored := map[string]bool{}
	if ignore := n.kid("m:Ignore"); ignore != nil {
		for _, one := range ignore.kids {
			ignored[one.attr("Id")] = true
		}
	}
	if err == nil && n.kid("m:SyncState").value() != "" && c.s.faults.draw(c, "BadSyncState", c.s.faults.now().BadSyncState) {
		err = errSyncState
	}
	return c.responses(func(w *writer) {
		var changes []syncChange
		var state mark
		last := true
		if err == nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			changes, state, last, err = m.sync(index, n.kid("m:SyncState").value(), limit, ignored)
		}
		if err != nil {
			w.failure("SyncFolderItemsResponseMessage", err)
			w.empty("m:SyncState")
			w.element("m:IncludesLastItemInRange", "true")
			w.close("m:SyncFolderItemsResponseMessage")
			return
		}
		w.message("SyncFolderItemsResponseMessage", nil, func() {
			w.element("m:SyncState", state.String(syncMark))
			w.element("m:IncludesLastItemInRange", xmlBool(last))
			w.open("m:Changes")
			for _, change := range changes {
				w.open("t:" + change.kind)
				switch change.kind {
				case "Delete":
					w.empty("t:ItemId", "Id", m.itemID(change.number), "ChangeKey", changeKey(change.number))
				case "ReadFlagChange":
					w.empty("t:ItemId", "Id", change.v.id(), "ChangeKey", changeKey(change.v.change))
					w.element("t:IsRead", xmlBool(change.v.it.read))
				default:
					c.item(w, change.v, shape)
				}
				w.close("t:" + change.kind)
			}
			w.close("m:Changes")
		})
	})
}

// sync tells what happened in a folder since a state, at most limit changes. m.mu is held. A round has what was true
// when it began: items in the order they came, then those that are gone.
func (m *Mailbox) sync(index int, state string, limit int, ignored map[string]bool) ([]syncChange, mark, bool, error) {
	k := mark{mailbox: m.number, epoch: m.epoch, folder: uint32(index), until: m.seq}
	if state != "" {
		var ok bool
		if k, ok = parseMark(syncMark, state); !ok || k.mailbox != m.number || k.epoch != m.epoch || k.folder != uint32(index) || k.since > m.seq {
			return nil, k, false, errSyncState
		}
		if k.stage == 0 && k.pos == 0 { // a new round
			k.until = m.seq
		}
	}
	f := m.folder(index)
	var changes []syncChange
	if k.stage == 0 {
		first, _ := f.find(k.pos + 1)
		for _, it := range f.items[first:] {
			if it.number > k.until {
				break
			}
			if it.change <= k.since || ignored[m.itemID(it.number)] {
				continue
			}
			if len(changes) == limit {
				return changes, k, false, nil
			}
			kind := "Update"
			switch {
			case it.number > k.since:
				kind = "Create"
			case it.content <= k.since:
				kind = "ReadFlagChange"
			}
			changes = append(changes, syncChange{kind: kind, v: it.whole(m)})
			k.pos = it.number
		}
		k.stage, k.pos = 1, k.since
	}
	first, _ := slices.BinarySearchFunc(f.gone, k.pos+1, func(g gone, seq uint64) int {
		if g.seq < seq {
			return -1
		}
		return 1
	})
	for _, g := range f.gone[first:] {
		if g.seq > k.until {
			break
		}
		if g.number > k.since { // came and went
			continue
		}
		if len(changes) == limit {
			return changes, k, false, nil
		}
		changes = append(changes, syncChange{kind: "Delete", number: g.number})
		k.pos = g.seq
	}
	k.since, k.stage, k.pos = k.until, 0, 0
	return changes, k, true, nil
}

func minutes(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func (s *Server) minutes(n int) time.Duration { return time.Duration(n) * s.config.Minute }
