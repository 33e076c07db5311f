package exchangetest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// of returns what is compared of an item: a text, and what sorts like the property.
func of(v view, uri string) (string, bool) {
	switch uri {
	case "item:Subject":
		return v.ev.Subject, true
	case "calendar:Location":
		return v.ev.Location, true
	case "item:Body":
		return v.ev.Body, true
	case "item:Sensitivity":
		return v.ev.Sensitivity, true
	case "item:Importance":
		return v.ev.Importance, true
	case "item:ItemClass":
		return "IPM.Appointment", true
	case "item:Categories":
		return strings.Join(v.ev.Categories, ", "), true
	case "calendar:UID":
		return v.ev.UID, true
	case "calendar:Start":
		return utc(v.start), true
	case "calendar:End":
		return utc(v.end), true
	case "item:LastModifiedTime":
		return utc(v.modified), true
	case "item:DateTimeCreated", "item:DateTimeReceived", "item:DateTimeSent":
		return utc(v.it.created), true
	case "calendar:IsAllDayEvent":
		return xmlBool(v.ev.AllDay), true
	case "calendar:IsMeeting":
		return xmlBool(v.ev.Meeting), true
	case "calendar:IsCancelled":
		return xmlBool(v.ev.Cancelled), true
	case "calendar:IsRecurring":
		return xmlBool(v.ev.Recurrence != nil), true
	case "calendar:LegacyFreeBusyStatus":
		return v.ev.ShowAs, true
	case "calendar:MyResponseType":
		return v.ev.Response, true
	case "item:ReminderIsSet":
		return xmlBool(!v.ev.NoReminder), true
	case "item:HasAttachments", "item:IsDraft", "item:IsFromMe":
		return "false", true
	}
	return "", false
}

var errFilter = inner("ErrorUnsupportedPathForQuery", "The property cannot be searched for.")

// matches evaluates m:Restriction, or nothing.
func (c *call) matches(restriction *node, v view) (bool, error) {
	if restriction == nil {
		return true, nil
	}
	return c.holds(restriction.kids[0], v)
}

func (c *call) holds(n *node, v view) (bool, error) {
	switch n.name {
	case "t:And", "t:Or":
		for _, k := range n.kids {
			ok, err := c.holds(k, v)
			if err != nil || ok == (n.name == "t:Or") {
				return ok, err
			}
		}
		return n.name == "t:And", nil
	case "t:Not":
		ok, err := c.holds(n.kids[0], v)
		return !ok, err
	}
	if len(n.kids) == 0 || n.kids[0].name != "t:FieldURI" {
		return false, errFilter
	}
	have, ok := of(v, n.kids[0].attr("FieldURI"))
	if !ok {
		return false, errFilter
	}
	switch n.name {
	case "t:Exists":
		return have != "", nil
	case "t:Contains":
		want := n.kid("t:Constant").attr("Value")
		if mode := n.attr("ContainmentComparison"); mode != "" && mode != "Exact" {
			have, want = strings.ToLower(have), strings.ToLower(want)
		}
		switch n.attr("ContainmentMode") {
		case "FullString":
			return have == want, nil
		case "Prefixed":
			return strings.HasPrefix(have, want), nil
		}
		return strings.Contains(have, want), nil
	case "t:IsEqualTo", "t:IsNotEqualTo", "t:IsGreaterThan", "t:IsGreaterThanOrEqualTo", "t:IsLessThan", "t:IsLessThanOrEqualTo":
	default:
		return false, inner("ErrorUnsupportedQueryFilter", "The filter is not supported.")
	}
	want := ""
	if other := n.at("t:FieldURIOrConstant", "t:FieldURI"); other != nil {
		if want, ok = of(v, other.attr("FieldURI")); !ok {
			return false, errFilter
		}
	} else {
		want = n.at("t:FieldURIOrConstant", "t:Constant").attr("Value")
		if _, err := time.Parse(time.RFC3339, have); err == nil {
			t, err := parseTime(want, c.loc)
			if err != nil {
				return false, inner("ErrorInvalidValueForProperty", "The value is not one of the property.")
			}
			want = utc(t)
		}
	}
	order := cmp.Compare(strings.ToLower(have), strings.ToLower(want))
	switch n.name {
	case "t:IsEqualTo":
		return order == 0, nil
	case "t:IsNotEqualTo":
		return order != 0, nil
	case "t:IsGreaterThan":
		return order > 0, nil
	case "t:IsGreaterThanOrEqualTo":
		return order >= 0, nil
	case "t:IsLessThan":
		return order < 0, nil
	}
	return order <= 0, nil
}

// sortViews puts items into the order of m:SortOrder.
func sortViews(views []view, order *node) error {
	for _, f := range slices.Backward(order.kids) {
		uri := f.kid("t:FieldURI").attr("FieldURI")
		for _, v := range views {
			if _, ok := of(v, uri); !ok {
				return inner("ErrorUnsupportedPathForSortGroup", "The property cannot be sorted by.")
			}
		}
		slices.SortStableFunc(views, func(a, b view) int {
			x, _ := of(a, uri)
			y, _ := of(b, uri)
			if f.attr("Order") == "Descending" {
				x, y = y, x
			}
			return cmp.Compare(strings.ToLower(x), strings.ToLower(y))
		})
	}
	return nil
}

// atoi reads a number of which the schema has made sure that it is one.
func atoi(s string) int { n, _ := strconv.Atoi(strings.TrimSpace(s)); return n }
