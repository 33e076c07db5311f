package scim

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a page.
const (
	MaxResults   = 500 // resources
	usualResults = 100
)

// Hint says which resources are wanted at most, so that a Backend need not offer all. An empty value is no condition.
type Hint struct{ ID, UserName, ExternalID, DisplayName string }

// Backend keeps resources. What it is given was read by Read or Patch; what it returns has an id and no meta but perhaps
// meta.created. Its errors that are an *Error are told to the client. Its methods may be called by several goroutines at
// once.
type Backend interface {
	// Each calls f with the resources of a type, in an order that stays, until f returns false.
	Each(ctx context.Context, t *Type, h Hint, f func(Object) bool) error
	// Get returns a resource; NotFound.
	Get(ctx context.Context, t *Type, id string) (Object, error)
	// Create adds a resource and returns what is kept of it.
	Create(ctx context.Context, t *Type, sent Object) (Object, error)
	// Change lets edit say what a resource is to become, and returns what is kept. Nobody else changes it meanwhile.
	// With patched, what edit returns is the resource with changes; without, it is what a client sent in its place.
	Change(ctx context.Context, t *Type, id string, patched bool, edit func(now Object) (Object, error)) (Object, error)
	// Delete removes a resource unless check refuses what it is now.
	Delete(ctx context.Context, t *Type, id string, check func(now Object) error) error
}

// Handler answers requests about the resources of one backend.
type Handler struct {
	Backend Backend
	// Base is the address under which the handler stands, such as https://host/scim/v2/x.
	Base string
	// Failed is told of each request that was refused, and what was answered.
	Failed func(r *http.Request, cause error, told *Error)
}

// Serve answers a request for a path below Base, such as /Users/7. It returns what was answered.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, path string) (status int) {
	a, err := h.answer(r, path)
	if err != nil {
		told := tell(err)
		if h.Failed != nil {
			h.Failed(r, err, told)
		}
		Refuse(w, r, told)
		return told.Status
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.version != "" {
		w.Header().Set("ETag", a.version)
	}
	if a.location != "" {
		w.Header().Set("Location", a.location)
		w.Header().Set("Content-Location", a.location)
	}
	write(w, r, a.status, a.body)
	return a.status
}

// tell returns what a client is told of an error.
func tell(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Detail: "something went wrong here; the server's log says what"}
}

// Refuse answers a request with an error.
func Refuse(w http.ResponseWriter, r *http.Request, e *Error) { write(w, r, e.Status, e.message()) }

func write(w http.ResponseWriter, r *http.Request, status int, body Object) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	kind := mediaType
	if accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ",")); strings.Contains(accept, plainMedia) && !strings.Contains(accept, mediaType) {
		kind = plainMedia
	}
	text, err := json.Marshal(body)
	if err != nil { // plain data
		panic(err)
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.WriteHeader(status)
	w.Write(append(text, '\n')) // the client may be gone
}

type answer struct {
	status            int
	body              Object
	version, location string
}

func notHere(r *http.Request) error {
	return &Error{Status: http.StatusNotFound, Detail: "there is nothing at this address for " + r.Method}
}

func (h *Handler) answer(r *http.Request, path string) (answer, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 2 {
		return answer{}, notHere(r)
	}
	last := ""
	if len(parts) == 2 {
		last = parts[1]
	}
	for _, t := range types {
		if parts[0] == t.Endpoint[1:] {
			return h.resources(r, t, last)
		}
	}
	switch parts[0] {
	case "Me", "Bulk": // RFC 7644 §3.11, and §3.7 of what is not supported
		return answer{}, &Error{Status: http.StatusNotImplemented, Detail: parts[0] + " is not supported"}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return answer{}, notHere(r)
	}
	return h.discover(r, parts[0], last)
}

// discover tells what there is (RFC 7644 §4).
func (h *Handler) discover(r *http.Request, what, id string) (answer, error) {
	if r.URL.Query().Get("filter") != "" {
		return answer{}, &Error{Status: http.StatusForbidden, Detail: "this cannot be filtered"}
	}
	var all []any
	switch {
	case what == "ServiceProviderConfig" && id == "":
		return answer{body: config(h.Base)}, nil
	case what == "ResourceTypes":
		for _, t := range types {
			all = append(all, t.resourceType(h.Base))
		}
	case what == "Schemas":
		for _, t := range types {
			all = append(all, t.schema(h.Base))
		}
	default:
		return answer{}, notHere(r)
	}
	if id == "" {
		return answer{body: page(all, len(all), 1)}, nil
	}
	for _, x := range all {
		if o := x.(Object); strings.EqualFold(o["id"].(string), id) {
			return answer{body: o}, nil
		}
	}
	return answer{}, notHere(r)
}

// page makes a list of resources (RFC 7644 §3.4.2).
func page(some []any, total, start int) Object {
	if some == nil {
		some = []any{}
	}
	return Object{"schemas": list(listURN), "totalResults": total, "startIndex": start, "itemsPerPage": len(some), "Resources": some}
}

// resources answers requests about users or groups.
func (h *Handler) resources(r *http.Request, t *Type, id string) (answer, error) {
	q := r.URL.Query()
	switch {
	case id == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return h.list(r.Context(), t, queryOf(q))
	case id == ".search" && r.Method == http.MethodPost: // RFC 7644 §3.4.3
		sent, err := h.body(r)
		if err != nil {
			return answer{}, err
		}
		return h.list(r.Context(), t, searchOf(sent))
	}
	s, err := selectionOf(split(q, "attributes"), split(q, "excludedAttributes"))
	if err != nil {
		return answer{}, err
	}
	switch {
	case id == "" && r.Method == http.MethodPost:
		sent, err := h.body(r)
		if err != nil {
			return answer{}, err
		}
		o, err := Read(t, sent)
		if err != nil {
			return answer{}, err
		}
		if o, err = h.Backend.Create(r.Context(), t, o); err != nil {
			return answer{}, err
		}
		a := h.show(t, &s, o)
		a.status = http.StatusCreated
		a.location = h.location(t, o)
		return a, nil
	case id == "" || id == ".search":
		return answer{}, &Error{Status: http.StatusMethodNotAllowed, Detail: r.Method + " is not for this address"}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		o, err := h.Backend.Get(r.Context(), t, id)
		if err != nil {
			return answer{}, err
		}
		a := h.show(t, &s, o)
		if v := r.Header.Get("If-None-Match"); v != "" && matches(v, a.version) {
			return answer{status: http.StatusNotModified, version: a.version}, nil
		}
		return a, nil
	case http.MethodPut, http.MethodPatch:
		return h.change(r, t, id, &s)
	case http.MethodDelete:
		err := h.Backend.Delete(r.Context(), t, id, func(now Object) error { return h.unchanged(r, now) })
		return answer{status: http.StatusNoContent}, err
	}
	return answer{}, &Error{Status: http.StatusMethodNotAllowed, Detail: r.Method + " is not for this address"}
}

func (h *Handler) change(r *http.Request, t *Type, id string, s *Selection) (answer, error) {
	sent, err := h.body(r)
	if err != nil {
		return answer{}, err
	}
	patched := r.Method == http.MethodPatch
	var into Object
	var ops []Operation
	if patched {
		ops, err = ReadPatch(sent)
	} else {
		into, err = Read(t, sent)
	}
	if err != nil {
		return answer{}, err
	}
	o, err := h.Backend.Change(r.Context(), t, id, patched, func(now Object) (Object, error) {
		if err := h.unchanged(r, now); err != nil {
			return nil, err
		}
		if !patched {
			return into, nil
		}
		return Patch(t, now, ops)
	})
	if err != nil {
		return answer{}, err
	}
	a := h.show(t, s, o)
	if patched && t == Groups && len(s.only) == 0 { // many members need not come back (RFC 7644 §3.5.2)
		a.status, a.body = http.StatusNoContent, nil
	}
	return a, nil
}

// unchanged refuses a change that was made for another version (RFC 7644 §3.14).
func (h *Handler) unchanged(r *http.Request, now Object) error {
	if v := strings.Join(r.Header.Values("If-Match"), ","); v != "" && !matches(v, Version(now)) {
		return &Error{Status: http.StatusPreconditionFailed, Detail: "the resource has changed meanwhile; its version is " + Version(now)}
	}
	return nil
}

// matches reports whether a list of ETags holds one, compared weakly: all of ours are weak.
func matches(listed, tag string) bool {
	for one := range strings.SplitSeq(listed, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

func (h *Handler) location(t *Type, o Object) string {
	return h.Base + t.Endpoint + "/" + url.PathEscape(String(o, "id"))
}

// full adds what every resource has.
func (h *Handler) full(t *Type, o Object) (Object, string) {
	version := Version(o)
	out := make(Object, len(o)+2)
	for k, v := range o {
		out[k] = v
	}
	out["schemas"] = list(t.URN)
	meta := Object{"resourceType": t.Name, "location": h.location(t, o), "version": version}
	if created := String(o, "meta", "created"); created != "" {
		meta["created"] = created
	}
	out["meta"] = meta
	return out, version
}

func (h *Handler) show(t *Type, s *Selection, o Object) answer {
	whole, version := h.full(t, o)
	return answer{body: s.of(t, whole), version: version}
}

// body reads what was sent.
func (h *Handler) body(r *http.Request) (Object, error) {
	if c := r.Header.Get("Content-Type"); c != "" {
		if kind, _, err := mime.ParseMediaType(c); err != nil || kind != mediaType && kind != plainMedia {
			return nil, &Error{Status: http.StatusUnsupportedMediaType, Type: InvalidSyntax, Detail: "send " + mediaType + " or " + plainMedia}
		}
	}
	return decode(r.Body)
}

// query is what a list is asked for.
type query struct {
	filter                 string
	attributes, without    []string
	start, count           int
	wrongStart, wrongCount bool
}

func split(q url.Values, name string) (all []string) {
	for k, values := range q {
		if strings.EqualFold(k, name) {
			for _, v := range values {
				all = append(all, strings.Split(v, ",")...)
			}
		}
	}
	return all
}

func queryOf(v url.Values) query {
	q := query{filter: v.Get("filter"), attributes: split(v, "attributes"), without: split(v, "excludedAttributes"), start: 1, count: usualResults}
	number(v.Get("startIndex"), &q.start, &q.wrongStart)
	number(v.Get("count"), &q.count, &q.wrongCount)
	return q
}

func number(text string, to *int, wrong *bool) {
	if text == "" {
		return
	}
	n, err := strconv.Atoi(text)
	if errors.Is(err, strconv.ErrRange) { // Atoi gives the nearest
		err = nil
	}
	if *wrong = err != nil; !*wrong {
		*to = n
	}
}

func searchOf(sent Object) query {
	q := query{start: 1, count: usualResults}
	texts := func(name string) (all []string) {
		v, _ := field(sent, name)
		items, _ := v.([]any)
		for _, x := range items {
			if s, ok := x.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	q.attributes, q.without = texts("attributes"), texts("excludedAttributes")
	if f, _ := field(sent, "filter"); f != nil {
		q.filter, _ = f.(string)
	}
	for name, to := range map[string]*int{"startIndex": &q.start, "count": &q.count} {
		if v, _ := field(sent, name); v != nil {
			if n, ok := v.(float64); ok {
				*to = int(max(min(n, 1<<30), -1))
			}
		}
	}
	return q
}

// list answers a page of resources. A start before the first counts as the first, a negative count as none (RFC 7644
// §3.4.2.4); more than MaxResults are never answered at once.
func (h *Handler) list(ctx context.Context, t *Type, q query) (answer, error) {
	if q.wrongStart || q.wrongCount {
		return answer{}, bad(InvalidValue, "startIndex and count must be whole numbers")
	}
	s, err := selectionOf(q.attributes, q.without)
	if err != nil {
		return answer{}, err
	}
	var f *Filter
	if strings.TrimSpace(q.filter) != "" {
		if f, err = ParseFilter(q.filter); err != nil {
			return answer{}, err
		}
	}
	q.start, q.count = max(q.start, 1), min(max(q.count, 0), MaxResults)
	seen, total, some := 0, 0, []any{}
	err = h.Backend.Each(ctx, t, f.hint(), func(o Object) bool {
		if seen++; seen%256 == 0 && ctx.Err() != nil {
			return false
		}
		if f != nil {
			x := o
			if f.names("meta") || f.names("schemas") {
				x, _ = h.full(t, o)
			}
			if !f.Match(t, x) {
				return true
			}
		}
		if total++; total >= q.start && len(some) < q.count {
			whole, _ := h.full(t, o)
			some = append(some, s.of(t, whole))
		}
		return true
	})
	if err == nil {
		err = ctx.Err()
	}
	return answer{body: page(some, total, q.start)}, err
}

func (f *Filter) hint() (h Hint) {
	for name, to := range map[string]*string{"id": &h.ID, "userName": &h.UserName, "externalId": &h.ExternalID, "displayName": &h.DisplayName} {
		*to, _ = f.Equal(name)
	}
	return h
}

// names reports whether a filter asks for an attribute.
func (f *Filter) names(attribute string) bool {
	return f != nil && (strings.EqualFold(f.path.Name, attribute) || slices.ContainsFunc([]*Filter{f.left, f.right}, func(g *Filter) bool { return g.names(attribute) }))
}
