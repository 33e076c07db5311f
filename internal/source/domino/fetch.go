package domino

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/gate"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Href is the name of the one object that Fetch hands out.
const Href = "view"

const (
	maxPages        = 200
	maxAppointments = 10_000
	maxSeries       = 200                  // that are read one by one
	maxSpan         = 366 * 24 * time.Hour // that is asked for
	lookback        = 31 * 24 * time.Hour  // how much earlier an appointment may begin: the list has what begins in its span
	smallPage       = 32 << 10             // see last
)

// box is what is known of one mail file. It has one reader at a time, since its pages follow one another; who has the turn has
// what is in it.
type box struct {
	gate.Box
	denied int  // refusals in a row
	kept   kept // of the last answer
}

// kept is what the last answer was, for a server that says whether it has changed.
type kept struct {
	path string // that was asked for
	etag string // of the server
	sum  string // ours
}

// Succeeded also forgets refusals.
func (b *box) Succeeded() {
	b.Box.Succeeded()
	b.denied = 0
}

// Fetch reads the calendar in the mail file of a.Mailbox, from a.From to a.To. Zero times mean from yesterday to in
// thirty days; more than a year is cut. What began more than a month before is not seen.
//
// The result is one object, named Href; its ETag is a hash of what it says, and a.Known is compared with it. Errors are
// of type *source.Error.
func (s *System) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	if s.life.Err() != nil {
		return source.Result{}, shuttingDown()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(errors.New("domino: closed")) })()
	file, why := s.mailFile(a.Mailbox)
	if why != "" {
		return source.Result{}, &source.Error{Kind: source.BadAddress, Text: why}
	}
	if err := s.gate.Admit(ctx); err != nil {
		return source.Result{}, err
	}
	b := s.boxes.Get(file)
	if err := b.Shut(); err != nil {
		return source.Result{}, err
	}
	release, err := b.Turn(ctx)
	if err != nil {
		return source.Result{}, err
	}
	defer release()
	return s.read(ctx, b, file, a)
}

func shuttingDown() *source.Error {
	return &source.Error{Kind: source.Unavailable, Whole: true, Text: "This server is shutting down."}
}

// window returns what is asked for, in whole hours, so that the same is asked for again.
func window(from, to time.Time) (since, before time.Time) {
	if from.IsZero() {
		from = time.Now().Add(-24 * time.Hour)
	}
	if to.IsZero() {
		to = from.Add(31 * 24 * time.Hour)
	}
	// All-day appointments are found by their hours in the zone of the owner, so a day more is asked for.
	since, before = from.UTC().Add(-24*time.Hour).Truncate(time.Hour), to.UTC().Add(25*time.Hour).Truncate(time.Hour)
	if before.Sub(since) > maxSpan {
		before = since.Add(maxSpan)
	}
	return since, before
}

func listPath(file string, since, before time.Time, start, count int) string {
	const layout = "2006-01-02T15:04:05Z"
	q := url.Values{"since": {since.Format(layout)}, "before": {before.Format(layout)}, "count": {strconv.Itoa(count)}}
	if start > 0 {
		q.Set("start", strconv.Itoa(start))
	}
	return file + "/api/calendar/events?" + q.Encode()
}

// read reads all pages, and the series that stand in them as such.
func (s *System) read(ctx context.Context, b *box, file string, a source.Account) (source.Result, error) {
	from, to := window(a.From, a.To)
	since := from.Add(-lookback)
	var appointments []calendar.Appointment
	var series []event
	first := listPath(file, since, to, 0, s.t.page)
	etag, keep := "", kept{}
	if b.kept.path == first && b.kept.sum != "" && a.Known[Href] == b.kept.sum {
		etag = b.kept.etag
	}
	for start, pages := 0, 1; ; pages++ {
		answer, err := s.ask(ctx, call{path: listPath(file, since, to, start, s.t.page), etag: etag, limit: maxPage}, b.Doubtful())
		if err != nil {
			return source.Result{}, err
		}
		if err := s.settle(ctx, b, answer); err != nil {
			return source.Result{}, err
		}
		if answer.status == http.StatusNotModified {
			if etag == "" {
				return source.Result{}, s.damaged(b, errors.New("domino: nothing new, where nothing was known"))
			}
			b.Succeeded()
			return source.Result{Unchanged: true, Every: s.t.polled}, nil
		}
		etag = ""
		one, problem := parsePage(answer)
		if problem != nil {
			return source.Result{}, s.damaged(b, problem)
		}
		events := make([]event, 0, len(one.Events))
		for _, raw := range one.Events {
			var e event
			if json.Unmarshal(raw, &e) != nil { // the error may quote it
				s.unreadable(errShape)
				continue
			}
			if !e.dropped(a.Mailbox) {
				events = append(events, e)
			}
		}
		zones := newResolver(one.Zones)
		zones.prepare(events)
		for i := range events {
			if events[i].series() {
				series = append(series, events[i])
				continue
			}
			appointment, err := events[i].appointment(zones)
			if err != nil {
				s.unreadable(err)
				continue
			}
			if appointment.End.After(from) || appointment.Start.Equal(from) {
				appointments = append(appointments, appointment)
			}
		}
		next := following(answer, start, len(one.Events))
		if last(answer, next-start, s.t.page) {
			if pages == 1 && len(series) == 0 {
				keep = kept{path: first, etag: answer.header.Get("ETag")}
			}
			break
		}
		if pages >= maxPages || len(appointments) > maxAppointments || len(series) > maxSeries {
			return source.Result{}, tooMany()
		}
		start = next
	}
	if len(appointments) > maxAppointments || len(series) > maxSeries {
		return source.Result{}, tooMany()
	}
	for i := range series {
		some, err := s.readSeries(ctx, b, file, &series[i], from, to, a.Mailbox)
		if err != nil {
			return source.Result{}, err
		}
		if appointments = append(appointments, some...); len(appointments) > maxAppointments {
			return source.Result{}, tooMany()
		}
	}
	b.Succeeded()
	data := calendar.Write(tidy(appointments))
	hash := sha256.Sum256(data)
	sum := hex.EncodeToString(hash[:16])
	if keep.sum = sum; keep.etag == "" {
		keep = kept{}
	}
	b.kept = keep
	r := source.Result{Every: s.t.polled}
	if a.Known[Href] == sum {
		r.Unchanged = true
		return r, nil
	}
	r.Replace, r.Objects = true, []source.Object{{Href: Href, ETag: sum, Data: data}}
	return r, nil
}

func tooMany() *source.Error {
	return &source.Error{Kind: source.TooLarge, Text: "The calendar has more appointments in the time that is looked at than are read."}
}

func (s *System) unreadable(err error) {
	s.log.Warn("domino: an appointment could not be read", "source", "domino", "err", err)
}

// parsePage reads a page. One without any event comes as no text at all (EventCollectionResource).
func parsePage(a answer) (p page, err error) {
	if len(bytes.TrimSpace(a.body)) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		return p, errors.New("domino: a page that is no JSON")
	}
	return p, nil
}

var contentRange = regexp.MustCompile(`^items ([0-9]{1,9})-([0-9]{1,9})$`)

// following returns where the next page begins: behind the last entry of the view that this one is made of, which need
// not be as many as there are events (CalReadRange).
func following(a answer, start, events int) int {
	next := start + events
	if m := contentRange.FindStringSubmatch(a.header.Get("Content-Range")); m != nil {
		if end, err := strconv.Atoi(m[2]); err == nil && end+1 > next {
			next = end + 1
		}
	}
	return next
}

// last reports whether nothing follows a page that took so many entries. A short one is the last, unless it may be
// short because the server's buffer was full, which holds 64 kB of iCalendar.
func last(a answer, entries, asked int) bool {
	return entries == 0 || entries < asked && len(a.body) < smallPage
}

// readSeries reads a series as a whole. One that was deleted meanwhile has no occurrences.
func (s *System) readSeries(ctx context.Context, b *box, file string, e *event, from, to time.Time, mailbox string) ([]calendar.Appointment, error) {
	if e.ID == "" {
		s.unreadable(errUID)
		return nil, nil
	}
	c := call{path: file + "/api/calendar/events/" + url.PathEscape(e.ID) + "?format=icalendar", accept: "text/calendar", limit: maxPage}
	answer, err := s.ask(ctx, c, b.Doubtful())
	if err != nil {
		return nil, err
	}
	if answer.failure == nil && answer.status == http.StatusNotFound {
		s.gate.Succeeded()
		return nil, nil
	}
	if err := s.settle(ctx, b, answer); err != nil {
		return nil, err
	}
	some, err := parseSeries(answer.body, e, from, to, mailbox)
	if err != nil {
		s.unreadable(err)
		return nil, nil
	}
	return some, nil
}

func (s *System) damaged(b *box, err error) *source.Error {
	s.log.Warn("domino: a page could not be read", "source", "domino", "err", err)
	return b.Pause(s.t.backoff, 0, &source.Error{Kind: source.Unavailable, Text: "The Domino server gave an answer that is damaged.", Err: err}, true)
}

// settle takes note of what came back, in the budgets, and makes an error of what is not a success.
func (s *System) settle(ctx context.Context, b *box, a answer) error {
	if a.failure != nil {
		if s.life.Err() != nil {
			return shuttingDown()
		}
		if ctx.Err() != nil {
			return source.GivenUp(ctx)
		}
		e := source.Failure(a.failure).(*source.Error)
		switch e.Kind {
		case source.TooLarge:
			return e
		case source.NotAllowed, source.BadAddress:
			e.Whole = true
			return e
		}
		s.log.Warn("domino: a calendar was not read", "source", "domino", "err", a.failure)
		if cause, ok := errors.AsType[*outbound.Error](a.failure); ok && cause.Kind == outbound.Untrusted {
			e.Kind = source.Unavailable
			return s.gate.Stop(0, e)
		}
		s.gate.Failed(b.Key)
		e.Kind = source.Unavailable
		return b.Pause(s.t.backoff, 0, e, true)
	}
	r := a.refusal()
	if r == nil && !a.form() {
		s.gate.Succeeded()
		return nil
	}
	if r == nil { // the form again, after signing in
		r = &refused{status: http.StatusUnauthorized}
	}
	if r.status != http.StatusNotFound {
		s.log.Warn("domino: a calendar was refused", "source", "domino", "err", r)
	}
	fail := func(k source.Kind, text string) *source.Error {
		return &source.Error{Kind: k, Text: text, Status: r.status, Err: r}
	}
	switch {
	case r.status == http.StatusTooManyRequests, r.status == http.StatusServiceUnavailable && r.wait > 0:
		return s.gate.Stop(r.wait, fail(source.Unavailable, "The Domino server asks to be left alone for a while."))
	case r.status >= 500 || r.status == http.StatusRequestTimeout:
		s.gate.Failed(b.Key)
		return b.Pause(s.t.backoff, r.wait, fail(source.Unavailable, fmt.Sprintf("The Domino server has a problem with this mail file at the moment (%d).", r.status)), true)
	}
	s.gate.Succeeded() // it answers
	switch r.status {
	case http.StatusUnauthorized:
		return s.denied(b, fail(source.NotAllowed, "The account that reads calendars may not read this mail file. An administrator has to give it reader access in the file's access control list."))
	case http.StatusForbidden:
		if s.disabled(ctx) {
			e := fail(source.NotAllowed, "The calendar service is not enabled on the Domino server. An administrator has to add it to the enabled services of Domino Access Services.")
			e.Whole, e.RetryAfter = true, s.t.refused
			s.gate.Stop(s.t.refused, e)
			return e
		}
		return s.denied(b, fail(source.NotAllowed, "The Domino server does not hand out the calendar of this mail file. An administrator has to give the account that reads calendars reader access to it."))
	case http.StatusNotFound:
		return fail(source.NotFound, "There is no mail file for this user where it should be on the Domino server.")
	}
	return fail(source.Other, fmt.Sprintf("The Domino server refuses to hand out the calendar (%d).", r.status))
}

// denied makes an error of a refusal that is about one mail file. It is not believed at once, but the third time in a row: a
// server that has just started refuses people whom it knows a little later.
func (s *System) denied(b *box, e *source.Error) *source.Error {
	if b.denied++; b.denied > 2 {
		return e
	}
	e.Kind = source.Unavailable
	return b.Pause(s.t.backoff, 0, e, false)
}

// disabled reports whether the server says that it has no calendar service.
func (s *System) disabled(ctx context.Context) bool {
	a := s.do(ctx, call{path: "api", limit: maxAnswer}, s.sign.current())
	services, err := parseServices(a)
	if a.failure != nil || a.status != http.StatusOK || err != nil {
		return a.status == http.StatusForbidden
	}
	_, enabled := services.calendar()
	return !enabled
}
