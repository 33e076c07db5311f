package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/policy"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/source/exchange"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
	"github.com/doorlight/doorlight/presence"
)

const (
	mailboxes  = 10_000
	eachHolds  = 40                   // appointments, in the days ahead
	changesFor = 30 * time.Second     // of the steady part
	changeRate = 20                   // a second
	reader     = "doorlight"          // the account
	readerPass = "bench"              // its password
	mailDomain = "@example.test"      // of the mailboxes
	mailServer = "mbx%d.example.test" // there are ten
)

func mailbox(i int) string { return fmt.Sprintf("p%05d%s", i, mailDomain) }

// exchangeServer is the stand-in for Exchange, in a process of its own: `bench exchange N`. It prints its address and that
// of a page by which it is told to change a mailbox, and tells what it has done.
func exchangeServer(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var servers []string
	for i := range 10 {
		servers = append(servers, fmt.Sprintf(mailServer, i))
	}
	s, err := exchangetest.Start(exchangetest.Config{Servers: servers})
	if err != nil {
		return err
	}
	defer s.Close()
	s.AddAccount(exchangetest.Account{Name: reader, Password: readerPass, Impersonates: []string{"*"}})
	start := time.Now().Truncate(time.Hour).Add(2 * time.Hour)
	for i := range n {
		m, err := s.AddMailbox(exchangetest.Person{Address: mailbox(i), Server: servers[i%len(servers)]})
		if err != nil {
			return err
		}
		for k := range eachHolds {
			at := start.Add(time.Duration(k) * 17 * time.Hour)
			if _, err := m.Put(exchangetest.Event{Subject: fmt.Sprintf("Appointment %d", k), Start: at, End: at.Add(time.Hour)}); err != nil {
				return err
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/change", func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse(time.RFC3339, r.FormValue("at"))
		if err == nil {
			_, err = s.Mailbox(r.FormValue("mailbox")).Put(exchangetest.Event{Subject: "Change", Start: at, End: at.Add(30 * time.Minute)})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("/counters", func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(s.Counters()) })
	fmt.Printf("exchange %s %s\n", s.URL(), "http://"+l.Addr().String())
	return http.Serve(l, mux)
}

// own returns the processor time that this process has used.
func own() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measureMailboxes has an office of 10,000 people read from an Exchange that stands in on the other processor.
func measureMailboxes(ctx context.Context) error {
	fmt.Fprintf(os.Stderr, "== %d mailboxes of Exchange with %d appointments each\n", mailboxes, eachHolds)
	if err := pinSelf(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	standIn, err := start(ctx, "exchange http", self, "exchange", strconv.Itoa(mailboxes))
	if err != nil {
		return err
	}
	defer standIn.stop()
	f := strings.Fields(standIn.ready)
	ews, page := f[1], f[2]
	counters := func() (c exchangetest.Counters, all int64, err error) {
		resp, err := http.Get(page + "/counters")
		if err != nil {
			return c, 0, err
		}
		defer resp.Body.Close()
		err = json.NewDecoder(resp.Body).Decode(&c)
		for _, n := range c.Requests {
			all += n
		}
		return c, all, err
	}

	floor, floorOurs, floorTheirs, err := floorMailboxes(ctx, ews, standIn)
	if err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "doorlight-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := sqlite.Open(ctx, filepath.Join(dir, "doorlight.db"))
	if err != nil {
		return err
	}
	defer st.Close()
	quiet := slog.New(slog.DiscardHandler)
	of, err := office.Open(ctx, st, quiet)
	if err != nil {
		return err
	}
	of.UseSystems(func(string) (office.System, bool) { return office.System{Calendar: true}, true })
	var heardMu sync.Mutex
	heard := map[string]time.Time{}
	h, err := hub.Open(ctx, st, of, func(list []hub.Update) {
		heardMu.Lock()
		defer heardMu.Unlock()
		for _, u := range list {
			if u.Presence.Status == presence.Busy && heard[u.PersonID].IsZero() {
				heard[u.PersonID] = time.Now()
			}
		}
	}, hub.Config{Log: quiet})
	if err != nil {
		return err
	}
	of.Listen(func(c office.Change) { h.Repolicy(c.Policies, c.Removed) })
	box, err := secret.NewBox(make([]byte, 32))
	if err != nil {
		return err
	}
	a := agenda.New(st, of, h, box, nil, agenda.Config{Log: quiet})
	running, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	parts.Go(func() { h.Run(running) })
	parts.Go(func() { a.Run(running) })
	l := store.Location{Name: "Office", TimeZone: "UTC"}
	if err := of.PutLocation(ctx, office.By{}, &l); err != nil {
		return err
	}
	people := make([]*store.Person, mailboxes)
	for i := range people {
		people[i] = &store.Person{ID: personID(i), Name: mailbox(i), Email: mailbox(i), LocationID: l.ID, CreatedAt: time.Now().UTC()}
	}
	for some := range slices.Chunk(people, 500) {
		if err := of.PutPeople(ctx, office.By{}, "bench", some...); err != nil {
			return err
		}
	}
	if err := of.ChangeSection(ctx, office.By{}, l.ID, policy.SectionCalendar, func(s *policy.Settings) error {
		s.Calendar.Method, s.Calendar.Connector = policy.CalendarCentral, "exchange"
		return nil
	}); err != nil {
		return err
	}
	client := outbound.NewClient(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer client.CloseIdleConnections()
	system, err := exchange.New(exchange.Config{
		URL: ews, AllowPlain: true, Auth: exchange.AuthBasic, Account: reader, Password: readerPass, Client: client, Log: quiet,
	})
	if err != nil {
		return err
	}
	defer system.Close()
	_, before, err := counters()
	if err != nil {
		return err
	}
	memory, cpu, standInCPU, began := heap(), own(), standIn.cpu(), time.Now()
	a.PutSystem(agenda.System{ID: "exchange", Kind: agenda.KindExchange, Name: "Exchange", System: system, Mailbox: func(p *office.Person) string { return p.Email }})
	read := func() (n int) {
		a.Each(func(s agenda.Status) {
			if !s.SucceededAt.IsZero() {
				n++
			}
		})
		return n
	}
	for n := 0; n < mailboxes; n = read() {
		if time.Since(began) > 10*time.Minute {
			return fmt.Errorf("after ten minutes %d of %d mailboxes are read", n, mailboxes)
		}
		time.Sleep(50 * time.Millisecond)
	}
	took := time.Since(began)
	// All are heard of before the steady part begins.
	for {
		c, _, err := counters()
		if err != nil {
			return err
		}
		if c.Subscriptions >= mailboxes || time.Since(began) > 10*time.Minute {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	settled := time.Since(began)
	// Until nothing is asked any more: what was told of with the subscriptions is read, and streams have all their mailboxes.
	c, after, err := counters()
	for quiet := 0; err == nil && quiet < 8 && time.Since(began) < 5*time.Minute; {
		time.Sleep(time.Second)
		was := after
		if c, after, err = counters(); after-was > 10 {
			quiet = 0
		} else {
			quiet++
		}
	}
	if err != nil {
		return err
	}
	ours, theirs := own()-cpu, standIn.cpu()-standInCPU
	report("10,000 mailboxes: all read for the first time", took.Round(100*time.Millisecond).String(), floor.Round(100*time.Millisecond).String(), times(float64(took)/float64(floor)), "", true)
	report("10,000 mailboxes: and changes of all heard of", settled.Round(100*time.Millisecond).String(), "", "", "< 5 min", settled < 5*time.Minute)
	ratio := ours.Seconds() / floorOurs.Seconds()
	report("10,000 mailboxes: processor time of that, ours", cpuOf(ours), cpuOf(floorOurs), times(ratio), "<= 12 x", ratio <= 12)
	report("10,000 mailboxes: and the stand-in's", cpuOf(theirs), cpuOf(floorTheirs), times(theirs.Seconds()/floorTheirs.Seconds()), "", true)
	perBox := float64(after-before) / mailboxes
	report("10,000 mailboxes: requests a mailbox, until they are heard of", fmt.Sprintf("%.2f", perBox), "2", "", "<= 6", perBox <= 6)
	each := int64(heap()-memory) / mailboxes
	report("10,000 mailboxes: memory of each, with its claims of two days", fmt.Sprintf("%d B", each), "", "", "<= 8192 B", each <= 8192)
	fmt.Fprintf(os.Stderr, "   %d streams, %v\n", c.Streams, c.Requests)

	// Steady: somebody gets an appointment that begins at once.
	cpu, standInCPU, before = own(), standIn.cpu(), after
	sent := map[string]time.Time{}
	tick := time.NewTicker(time.Second / changeRate)
	defer tick.Stop()
	for i := range int(changesFor.Seconds()) * changeRate {
		<-tick.C
		n := i * 7919 % mailboxes
		sent[personID(n)] = time.Now()
		resp, err := http.Post(page+"/change?mailbox="+mailbox(n)+"&at="+time.Now().UTC().Add(-time.Minute).Truncate(time.Second).Format(time.RFC3339), "", nil)
		if err != nil {
			return err
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	time.Sleep(10 * time.Second)
	c, after, err = counters()
	if err != nil {
		return err
	}
	ours, theirs = own()-cpu, standIn.cpu()-standInCPU
	var waits []time.Duration
	heardMu.Lock()
	for id, at := range sent {
		if t := heard[id]; !t.IsZero() {
			waits = append(waits, t.Sub(at))
		}
	}
	heardMu.Unlock()
	slices.Sort(waits)
	missing := len(sent) - len(waits)
	if len(waits) == 0 {
		return fmt.Errorf("of %d changes none became a presence", len(sent))
	}
	median, most := at(waits, 50), at(waits, 99)
	report("10,000 mailboxes, 20 changes/s: seen after (median, 99 %)", fmt.Sprintf("%s, %s", median.Round(time.Millisecond), most.Round(time.Millisecond)), "", "", "99 % < 5 s, none lost", most < 5*time.Second && missing == 0)
	perChange := float64(after-before) / float64(len(sent))
	report("10,000 mailboxes, 20 changes/s: requests a change", fmt.Sprintf("%.2f", perChange), "2", "", "<= 2.5", perChange <= 2.5)
	report("10,000 mailboxes, 20 changes/s: processor time a change, ours and the stand-in's",
		cpuOf(ours/time.Duration(len(sent)))+", "+cpuOf(theirs/time.Duration(len(sent))), "", times(ours.Seconds()/theirs.Seconds()), "", true)
	return nil
}

// floorMailboxes asks the stand-in two questions for each mailbox and reads the answers word by word, without making anything of
// them: what a first reading cannot do without. It returns the time it took, and the processor time of both sides.
func floorMailboxes(ctx context.Context, ews string, standIn *process) (took, ours, theirs time.Duration, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 10}}
	defer client.CloseIdleConnections()
	ask := func(i int, body string) error {
		envelope := `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>` +
			mailbox(i) + `</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, ews, bytes.NewReader([]byte(envelope)))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "text/xml; charset=utf-8")
		r.SetBasicAuth(reader, readerPass)
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		words := 0
		d := xml.NewDecoder(resp.Body)
		for {
			if _, err = d.RawToken(); err != nil {
				break
			}
			words++
		}
		if err != io.EOF || resp.StatusCode != http.StatusOK || words < 50 {
			return fmt.Errorf("the stand-in answers %s, %d words: %w", resp.Status, words, err)
		}
		return nil
	}
	now := time.Now().UTC()
	view := fmt.Sprintf(`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/><t:FieldURI FieldURI="item:Sensitivity"/><t:FieldURI FieldURI="calendar:Start"/><t:FieldURI FieldURI="calendar:End"/><t:FieldURI FieldURI="calendar:LegacyFreeBusyStatus"/><t:FieldURI FieldURI="calendar:UID"/></t:AdditionalProperties></m:ItemShape><m:CalendarView StartDate="%s" EndDate="%s"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>`,
		now.AddDate(0, 0, -7).Format(time.RFC3339), now.AddDate(0, 0, 32).Format(time.RFC3339))
	const sync1 = `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId><m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>`
	began, mine, cpu := time.Now(), own(), standIn.cpu()
	var work sync.WaitGroup
	var failed error
	var once sync.Once
	for k := range 10 {
		work.Go(func() {
			for i := k; i < mailboxes && ctx.Err() == nil; i += 10 {
				if err := ask(i, sync1); err != nil {
					once.Do(func() { failed = err })
					return
				}
				if err := ask(i, view); err != nil {
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	work.Wait()
	return time.Since(began), own() - mine, standIn.cpu() - cpu, failed
}
