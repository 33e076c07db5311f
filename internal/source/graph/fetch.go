package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/doorlight/doorlight/internal/calendar"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/source/outbound"
)

// Href is the name of the one object that Fetch hands out.
const Href = "view"

const (
	maxPages        = 60
	maxAppointments = 10_000
	maxSpan         = 1825 * 24 * time.Hour // of a calendar view (Exchange's limit)
)

// viewFields are the fields of an event that are asked for, and no more: neither the text of an invitation nor who is
// invited ever comes here.
var viewFields = []string{"id", "iCalUId", "seriesMasterId", "originalStart", "type", "subject", "start", "end", "isAllDay", "isCancelled",
	"showAs", "sensitivity", "responseStatus", "categories", "webLink", "isReminderOn", "reminderMinutesBeforeStart"}

// Fetch reads the calendar view of a.Mailbox, a user's sign-in name, e-mail address or ID, from a.From to a.To, as the
// application. If a.Password is a refresh token, as Redeem and Fetch hand them out, it reads that of its user instead, and
// a.Mailbox does not matter. Zero times mean from yesterday to in thirty days; more than five years are cut.
//
// The result is one object, named Href; its ETag is a hash of what it says, and a.Known is compared with it. Errors
// are of type *source.Error. Result.Password may be set beside an error, and is then to be kept too.
func (s *System) Fetch(ctx context.Context, a source.Account) (source.Result, error) {
	if s.life.Err() != nil {
		return source.Result{}, &source.Error{Kind: source.Unavailable, Whole: true, Text: "This server is shutting down."}
	}
	if a.Password != "" {
		return s.fetchDelegated(ctx, a)
	}
	if strings.TrimSpace(a.Mailbox) == "" {
		return source.Result{}, &source.Error{Kind: source.BadAddress, Text: "It is not known which mailbox is to be read: the user has no e-mail address."}
	}
	if err := s.gate.Admit(ctx); err != nil {
		return source.Result{}, err
	}
	b := s.boxes.Get(a.Mailbox)
	if err := b.Shut(); err != nil {
		return source.Result{}, err
	}
	release, err := b.Turn(ctx)
	if err != nil {
		return source.Result{}, err
	}
	defer release()
	query := viewQuery(a.From, a.To, s.t.page)
	name, lookedUp := b.name()
	first, err := s.firstPage(ctx, b, viewCall("/users/"+url.PathEscape(name)+query))
	if err != nil {
		return source.Result{}, err
	}
	if r := first.refusal(); first.failure == nil && r.status404() {
		// It may be an address of somebody whose sign-in name is another one; or of somebody who moved to another account.
		id, err := s.lookUp(ctx, b, r, lookedUp)
		if err != nil {
			return source.Result{}, err
		}
		if first, err = s.ask(ctx, viewCall("/users/"+url.PathEscape(id)+query), b.Doubtful(), maxPage); err != nil {
			return source.Result{}, err
		}
	}
	return s.read(ctx, b, a, first, func(c call) (answer, error) { return s.ask(ctx, c, b.Doubtful(), maxPage) }, false)
}

func viewCall(path string) call {
	return call{method: http.MethodGet, path: path, header: map[string]string{"Prefer": preferView}}
}

// viewQuery returns the rest of the address of a calendar view.
func viewQuery(from, to time.Time, page int) string {
	if from.IsZero() {
		from = time.Now().Add(-24 * time.Hour)
	}
	if to.IsZero() {
		to = from.Add(31 * 24 * time.Hour)
	}
	// All-day appointments are found by their hours in the zone of the mailbox, so a day more is asked for.
	from, to = from.UTC().Add(-24*time.Hour).Truncate(time.Second), to.UTC().Add(24*time.Hour).Truncate(time.Second)
	if to.Sub(from) > maxSpan {
		to = from.Add(maxSpan)
	}
	const layout = "2006-01-02T15:04:05Z"
	return "/calendarView?startDateTime=" + from.Format(layout) + "&endDateTime=" + to.Format(layout) +
		"&$select=" + strings.Join(viewFields, ",") + "&$orderby=start/dateTime&$top=" + fmt.Sprint(page)
}

// firstPage asks together with whoever asks at the same time. What a batch could not
// carry is asked for alone, and so is what its token was not good for.
func (s *System) firstPage(ctx context.Context, b *box, c call) (answer, error) {
	if !b.Doubtful() {
		a, err := s.together(ctx, c)
		if err != nil || a.failure == nil && a.status != 0 && a.status != http.StatusUnauthorized {
			return a, err
		}
	}
	return s.ask(ctx, c, b.Doubtful(), maxPage)
}

// gatherer collects calls of several callers into one batch.
type gatherer struct {
	mu      sync.Mutex // guards what follows
	waiting []*gathered
	closed  bool
}

type gathered struct {
	call call
	done chan struct{} // closed when what follows is set
	a    answer
	err  error
}

// together sends c in a batch with the calls that others make in the same few milliseconds. The answer has no status, if
// it has to be asked for alone.
func (s *System) together(ctx context.Context, c call) (answer, error) {
	one := &gathered{call: c, done: make(chan struct{})}
	g := &s.batch
	g.mu.Lock()
	g.waiting = append(g.waiting, one)
	var full []*gathered
	switch {
	case g.closed:
		g.mu.Unlock()
		return answer{}, &source.Error{Kind: source.Unavailable, Whole: true, Text: "This server is shutting down."}
	case len(g.waiting) == 1:
		s.background.Add(1)
		go func() {
			defer s.background.Done()
			timer := time.NewTimer(s.t.gather)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-s.life.Done():
			}
			g.mu.Lock()
			batch := g.waiting
			g.waiting = nil
			g.mu.Unlock()
			s.sendBatch(batch)
		}()
	case len(g.waiting) == maxBatch:
		full, g.waiting = g.waiting, nil
		s.background.Add(1)
		go func() {
			defer s.background.Done()
			s.sendBatch(full)
		}()
	}
	g.mu.Unlock()
	select {
	case <-one.done:
		return one.a, one.err
	case <-ctx.Done():
		return answer{}, source.GivenUp(ctx)
	}
}

func (s *System) sendBatch(batch []*gathered) {
	if len(batch) == 0 {
		return
	}
	if len(batch) == 1 { // whoever asked does so alone
		close(batch[0].done)
		return
	}
	calls := make([]call, len(batch))
	for i, one := range batch {
		calls[i] = one.call
	}
	ctx, cancel := context.WithTimeout(s.life, s.t.batch)
	defer cancel()
	answers, err := s.askMany(ctx, calls)
	if err == nil && answers[0].failure != nil && s.life.Err() == nil {
		// The batch as a whole; each is asked for alone then, so that one does not spoil it for the others.
		if e, ok := errors.AsType[*outbound.Error](answers[0].failure); !ok || e.Kind != outbound.TooLarge {
			s.log.Warn("graph: a batch was not answered", "source", "graph", "err", answers[0].failure)
			s.gate.Failed("batch " + calls[0].path)
		}
	}
	for i, one := range batch {
		if err != nil {
			one.err = err
		} else {
			one.a = answers[i]
		}
		close(one.done)
	}
}

// read takes the first page, asks for the others, and makes a result of them.
func (s *System) read(ctx context.Context, b *box, a source.Account, page answer, ask func(call) (answer, error), delegated bool) (source.Result, error) {
	var appointments []calendar.Appointment
	for pages := 1; ; pages++ {
		if err := s.settle(ctx, b, page, delegated); err != nil {
			return source.Result{}, err
		}
		var body struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(page.body, &body); err != nil || body.Value == nil {
			return source.Result{}, s.damaged(b, err)
		}
		for _, raw := range body.Value {
			one, keep, err := parseEvent(raw)
			if err != nil { // one odd appointment does not hide the others
				s.log.Warn("graph: an appointment could not be read", "source", "graph", "err", err)
				continue
			}
			if keep {
				appointments = append(appointments, one)
			}
		}
		if body.Next == "" {
			break
		}
		if pages >= maxPages || len(appointments) > maxAppointments {
			return source.Result{}, &source.Error{Kind: source.TooLarge,
				Text: fmt.Sprintf("The calendar has more than %d appointments in the time that is looked at.", len(appointments))}
		}
		path, err := s.nextPage(body.Next)
		if err != nil {
			return source.Result{}, &source.Error{Kind: source.Other, Text: "Microsoft 365 sends on to an address that is not its own for the rest of the calendar.", Err: err}
		}
		if page, err = ask(viewCall(path)); err != nil {
			return source.Result{}, err
		}
	}
	data := calendar.Write(tidy(appointments))
	sum := sha256.Sum256(data)
	etag := hex.EncodeToString(sum[:16])
	r := source.Result{Every: s.every(a.Mailbox, delegated)}
	if a.Known[Href] == etag {
		r.Unchanged = true
		return r, nil
	}
	r.Replace, r.Objects = true, []source.Object{{Href: Href, ETag: etag, Data: data}}
	return r, nil
}

func (s *System) every(mailbox string, delegated bool) time.Duration {
	if !delegated && s.subs.live(mailbox) {
		return s.t.watched
	}
	return s.t.polled
}

func (s *System) damaged(b *box, err error) *source.Error {
	if err == nil {
		err = errors.New("graph: a page without a value")
	}
	s.log.Warn("graph: a page could not be read", "source", "graph", "err", err)
	return b.Pause(s.t.backoff, 0, &source.Error{Kind: source.Unavailable, Text: "Microsoft 365 gave an answer that is damaged.", Err: err}, true)
}

// nextPage returns the path of a next link, which must be one of the same service: the token goes with it.
func (s *System) nextPage(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", errors.New("graph: a next link that is no address")
	}
	if u.Scheme != s.graph.Scheme || !strings.EqualFold(u.Host, s.graph.Host) || u.User != nil {
		return "", fmt.Errorf("graph: a next link to %s", u.Hostname())
	}
	rest, ok := strings.CutPrefix(u.EscapedPath(), s.graph.EscapedPath()+"/")
	if !ok || strings.Contains(rest, "..") {
		return "", errors.New("graph: a next link that leads elsewhere")
	}
	if u.RawQuery != "" {
		rest += "?" + u.RawQuery
	}
	return "/" + rest, nil
}

func (r *refused) status404() bool { return r != nil && r.status == http.StatusNotFound }

// settle takes note of what came back, in the budgets, and makes an error of what is not a success.
func (s *System) settle(ctx context.Context, b *box, a answer, delegated bool) error {
	if a.failure != nil {
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
		s.log.Warn("graph: a calendar was not read", "source", "graph", "err", a.failure)
		s.gate.Failed(b.Key)
		e.Kind = source.Unavailable
		return b.Pause(s.t.backoff, 0, e, true)
	}
	r := a.refusal()
	if r == nil {
		s.gate.Succeeded()
		b.Succeeded()
		if !delegated {
			s.app.works()
		}
		return nil
	}
	if r.status != http.StatusNotFound {
		s.log.Warn("graph: a calendar was refused", "source", "graph", "err", r)
	}
	fail := func(k source.Kind, text string) *source.Error {
		return &source.Error{Kind: k, Text: text, Status: r.status, Err: r}
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		if s.gate.turnedAway(b.Key) {
			return s.gate.Stop(r.wait, tooOften)
		}
		return b.Pause(s.t.backoff, r.wait, fail(source.Unavailable, "Microsoft 365 asks this server to wait before it reads this calendar again."), false)
	case r.status >= 500 || r.status == http.StatusRequestTimeout:
		s.gate.Failed(b.Key)
		return b.Pause(s.t.backoff, r.wait, fail(source.Unavailable, fmt.Sprintf("Microsoft 365 has a problem with this mailbox at the moment (%d).", r.status)), true)
	}
	s.gate.Succeeded() // it answers
	if r.status != http.StatusUnauthorized {
		b.Succeeded()
		if !delegated {
			s.app.works()
		}
	}
	switch {
	case r.status == http.StatusUnauthorized && delegated:
		return b.Pause(s.t.backoff, 0, fail(source.Unavailable, "Microsoft 365 does not accept the sign-in at the moment."), false)
	case r.status == http.StatusUnauthorized:
		return b.Pause(s.t.backoff, 0, fail(source.Unavailable, "Microsoft 365 does not accept the application's sign-in for this mailbox at the moment."), false)
	case r.status == http.StatusForbidden && delegated:
		return fail(source.Credentials, "Microsoft 365 does not allow the calendar to be read with this sign-in. Connect the account again, and agree that calendars may be read.")
	case r.status == http.StatusForbidden:
		s.app.doubted()
		return fail(source.NotAllowed, forbiddenWords(r))
	case r.status == http.StatusNotFound && (r.code == "MailboxNotEnabledForRESTAPI" || r.code == "ErrorNonExistentMailbox"):
		return fail(source.NotFound, "The user has no mailbox in Microsoft 365: it may be on an Exchange server of your own, or without a licence.")
	case r.status == http.StatusNotFound:
		return fail(source.NotFound, "Microsoft 365 knows no mailbox with this address.")
	}
	return fail(source.Other, fmt.Sprintf("Microsoft 365 refuses to hand out the calendar (%d).", r.status))
}

// forbiddenWords tells the reasons of a 403 apart, as far as the service does.
func forbiddenWords(r *refused) string {
	if blockedByPolicy(r) {
		return "A policy in Exchange Online keeps the application from this mailbox. An administrator can add it to those that the application may read."
	}
	return "The application may not read this mailbox. An administrator can grant it Calendars.Read, or add the mailbox to those that it may read."
}

// blockedByPolicy reports that an application access policy forbids (graph/auth-limit-mailbox-access: the message has
// "[RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings").
func blockedByPolicy(r *refused) bool {
	return strings.Contains(r.message, "AccessPolicy") || strings.Contains(r.message, "[RAOP]")
}

// lookUp finds the user by any e-mail address, and remembers the ID. The error of the refusal stands if there is none.
func (s *System) lookUp(ctx context.Context, b *box, r *refused, lookedUp bool) (string, error) {
	unknown := func() error {
		b.setID("")
		return s.settle(ctx, b, answer{status: r.status, header: http.Header{}, body: r.body()}, false)
	}
	if !strings.Contains(b.Key, "@") || r.code == "MailboxNotEnabledForRESTAPI" && !lookedUp {
		return "", unknown()
	}
	quoted := strings.ReplaceAll(b.Key, "'", "''") // OData 4.01 part 2, §5.1.1.14.1
	filter := fmt.Sprintf("mail eq '%s' or proxyAddresses/any(p:p eq 'smtp:%[1]s')", quoted)
	var a answer
	for {
		var err error
		a, err = s.ask(ctx, call{method: http.MethodGet, path: "/users?$select=id,userPrincipalName,mail&$top=5&$filter=" + url.QueryEscape(filter)}, false, maxAnswer)
		if err != nil {
			return "", err
		}
		refusal := a.refusal()
		if a.failure != nil || refusal == nil || refusal.status != http.StatusForbidden && refusal.status != http.StatusBadRequest {
			break
		}
		if first := fmt.Sprintf("mail eq '%s'", quoted); filter != first { // that much User.ReadBasic.All allows
			filter = first
			continue
		}
		s.log.Warn("graph: an address could not be looked up", "source", "graph", "err", refusal)
		b.setID("")
		return "", &source.Error{Kind: source.NotFound, Status: r.status, Err: refusal,
			Text: "Microsoft 365 knows nobody who signs in with this address. To find mailboxes by their e-mail addresses, the application needs the permission User.ReadBasic.All, and User.Read.All for further addresses."}
	}
	if err := s.settle(ctx, b, a, false); err != nil {
		return "", err
	}
	var found struct {
		Value []struct {
			ID   string `json:"id"`
			Name string `json:"userPrincipalName"`
			Mail string `json:"mail"`
		} `json:"value"`
	}
	if err := json.Unmarshal(a.body, &found); err != nil {
		return "", s.damaged(b, err)
	}
	id := ""
	for _, one := range found.Value {
		switch {
		case !guid.MatchString(one.ID):
		case id == "" || strings.EqualFold(one.Mail, b.Key): // the one whose first address it is
			id = one.ID
		}
	}
	if id == "" {
		return "", unknown()
	}
	b.setID(id)
	return id, nil
}

// body is an error body with the code, to settle a refusal that was read before.
func (r *refused) body() []byte {
	text, err := json.Marshal(map[string]any{"error": map[string]any{"code": r.code, "message": r.message, "innerError": map[string]string{"request-id": r.requestID}}})
	if err != nil {
		return nil
	}
	return text
}
