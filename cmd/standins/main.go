// Command standins runs what stands in for Exchange and Microsoft 365, with mailboxes of people, so that calendars can be
// tried without either. With -telephones it runs a real telephone system and real telephones instead, which are told what to do. It prints one line of JSON that says what to enter, and serves until it is ended.
//
// With -connect it enters itself at a Doorlight that serves the demo office: the people of Berlin are read from Exchange for
// everybody, those of Wien connect their Microsoft accounts. Both are kept in step with Microsoft Teams, where people call
// one another. With a command behind -- it runs that too and ends with it. `make demo-exchange` does all of this.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/internal/demo"
	"github.com/doorlight/doorlight/internal/source/exchange/exchangetest"
	"github.com/doorlight/doorlight/internal/source/graph/graphtest"
)

// Offer is what to enter.
type Offer struct {
	Exchange struct {
		URL      string `json:"url"`
		Account  string `json:"account"`
		Password string `json:"password"`
	} `json:"exchange"`
	Graph struct {
		Tenant   string `json:"tenant"`
		ClientID string `json:"client_id"`
		Secret   string `json:"secret"`
		LoginURL string `json:"login_url"`
		GraphURL string `json:"graph_url"`
	} `json:"graph"`
	Password string   `json:"password"` // of everybody, at Microsoft
	People   []string `json:"people"`   // addresses
}

func main() {
	connect := flag.String("connect", "", "address of a Doorlight with the demo office, at which this enters itself")
	people := flag.String("people", "", "addresses of the mailboxes, with commas between; empty: those of the demo office")
	phones := flag.String("telephones", "", "run a telephone system and telephones with these numbers, with commas between, in place of everything else")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: standins [-connect URL] [-people ADDRESSES] [-- COMMAND ...]\n       standins -telephones NUMBERS")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *phones != "" {
		if err := telephones(ctx, strings.Split(*phones, ",")); err != nil {
			fmt.Fprintln(os.Stderr, "standins:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, *connect, *people, flag.Args()); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "standins:", err)
		os.Exit(1)
	}
}

// standIns are both servers.
type standIns struct {
	exchange *exchangetest.Server
	graph    *graphtest.Server
	app      graphtest.App
	offer    Offer
	talking  []string // who is in the call that talk began
}

func run(ctx context.Context, connect, people string, command []string) error {
	s := &standIns{app: graphtest.TeamsApp()}
	if people != "" {
		s.offer.People = strings.Split(people, ",")
	} else {
		for _, m := range demo.NewRoster().Members {
			s.offer.People = append(s.offer.People, m.Login+"@lindner-hartwig.example")
		}
	}
	var err error
	if s.exchange, err = exchangetest.Start(exchangetest.Config{}); err != nil {
		return err
	}
	defer s.exchange.Close()
	if s.graph, err = graphtest.Start(graphtest.Config{Apps: []graphtest.App{s.app}}); err != nil {
		return err
	}
	defer s.graph.Close()
	if err := s.fill(); err != nil {
		return err
	}
	line, err := json.Marshal(s.offer)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", line)
	go s.obey(os.Stdin)
	ended := make(chan error, 1)
	if len(command) > 0 {
		child := exec.CommandContext(ctx, command[0], command[1:]...)
		child.Stdout, child.Stderr = os.Stderr, os.Stderr
		child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
		child.WaitDelay = 20 * time.Second
		if err := child.Start(); err != nil {
			return err
		}
		go func() { ended <- child.Wait() }()
	}
	if connect != "" {
		if err := s.connect(ctx, strings.TrimSuffix(connect, "/")); err != nil {
			return fmt.Errorf("%s: %w", connect, err)
		}
	}
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			if len(command) > 0 {
				<-ended
			}
			return nil
		case <-tick.C:
			err := s.live()
			if connect != "" {
				err = errors.Join(err, s.talk())
			}
			if err != nil {
				return err
			}
		}
	}
}

// fill makes the mailboxes, with some appointments of the days ahead.
func (s *standIns) fill() error {
	o := &s.offer
	o.Exchange.URL, o.Exchange.Account, o.Exchange.Password = s.exchange.URL(), "doorlight", "a password of the account"
	o.Graph.Tenant, o.Graph.ClientID, o.Graph.Secret = s.graph.Tenant, s.app.ID, s.app.Secret
	o.Graph.LoginURL, o.Graph.GraphURL, o.Password = s.graph.LoginURL, s.graph.GraphURL, demo.Password
	s.exchange.AddAccount(exchangetest.Account{Name: o.Exchange.Account, Password: o.Exchange.Password, Impersonates: []string{"*"}})
	day := time.Now().Truncate(24 * time.Hour)
	subjects := []string{"Jour fixe", "Budget", "Interview", "Customer call", "Review", "Planning"}
	for i, address := range o.People {
		if _, err := s.exchange.AddMailbox(exchangetest.Person{Address: address}); err != nil {
			return err
		}
		if _, err := s.graph.AddMailbox(graphtest.Mailbox{UPN: address, Password: o.Password, Zone: "Europe/Vienna"}); err != nil {
			return err
		}
		for k := range 5 {
			start := day.AddDate(0, 0, k).Add(time.Duration(8+(i+3*k)%8) * time.Hour)
			if err := s.put(address, subjects[(i+k)%len(subjects)], start, time.Hour); err != nil {
				return err
			}
		}
	}
	return nil
}

// put enters an appointment in both mailboxes of somebody.
func (s *standIns) put(address, subject string, start time.Time, length time.Duration) error {
	if _, err := s.exchange.Mailbox(address).Put(exchangetest.Event{Subject: subject, Start: start, End: start.Add(length)}); err != nil {
		return err
	}
	_, err := s.graph.Put(address, graphtest.Event{Subject: subject, Start: start, End: start.Add(length)})
	return err
}

// live gives somebody an appointment that begins at once.
func (s *standIns) live() error {
	address := s.offer.People[rand.N(len(s.offer.People))]
	return s.put(address, "Spontaneous", time.Now().Truncate(time.Minute), 10*time.Minute)
}

// talk ends the call in Teams that it began last, and has somebody call somebody else.
func (s *standIns) talk() error {
	if s.talking != nil {
		if err := s.graph.EndCall(s.talking[0], s.talking[1]); err != nil {
			return err
		}
	}
	s.talking = nil
	if len(s.offer.People) < 2 {
		return nil
	}
	two := rand.Perm(len(s.offer.People))
	s.talking = []string{s.offer.People[two[0]], s.offer.People[two[1]]}
	return s.graph.Call(s.talking[0], s.talking[1])
}

// obey takes orders, one a line: "redirect URI" registers where the application may lead back to, "put ADDRESS SUBJECT"
// enters an appointment of an hour that begins now. In Teams, "call ADDRESS ADDRESS" begins a call, "share ADDRESS ADDRESS" one in
// which the first shares the screen, "end ADDRESS ADDRESS" ends either, "choose ADDRESS AVAILABILITY" is somebody's own choice,
// such as Away, "reset ADDRESS" takes it back, and "ask ADDRESS" prints what is shown of them.
func (s *standIns) obey(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		order, rest, _ := strings.Cut(lines.Text(), " ")
		var err error
		switch order {
		case "redirect":
			err = s.redirect(rest)
		case "put":
			address, subject, _ := strings.Cut(rest, " ")
			if s.exchange.Mailbox(address) == nil {
				err = fmt.Errorf("there is no mailbox %q", address)
				break
			}
			err = s.put(address, subject, time.Now().Add(-time.Minute), time.Hour)
		case "call", "share", "end", "choose":
			a, b, _ := strings.Cut(rest, " ")
			err = map[string]func(a, b string) error{
				"call": s.graph.Call, "share": s.graph.Share, "end": s.graph.EndCall,
				"choose": func(who, word string) error {
					return s.graph.Choose(who, graphtest.Pair{Availability: word, Activity: word}, 0)
				},
			}[order](a, b)
		case "reset":
			err = s.graph.Reset(rest)
		case "ask":
			shown := s.graph.Shown(rest)
			fmt.Printf("%s %s %s\n", rest, shown.Availability, shown.Activity)
		default:
			err = fmt.Errorf("%q is no order", order)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "standins:", err)
		}
	}
}

func (s *standIns) redirect(uri string) error {
	return s.graph.SetApp(s.app.ID, func(a *graphtest.App) { a.RedirectURIs = append(a.RedirectURIs, uri) })
}

// caller calls the API as an administrator.
type caller struct {
	base string
	http *http.Client
}

func (c *caller) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

type connector struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	CallbackPath string `json:"callback_path"`
}

// connect enters both at a server, and has the demo office use them.
func (s *standIns) connect(ctx context.Context, base string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c := &caller{base: base, http: &http.Client{Jar: jar, Timeout: 10 * time.Second}}
	signIn := map[string]string{"login": "thomas", "password": demo.Password}
	for try := 0; ; try++ { // until it serves
		if err = c.call(ctx, http.MethodPost, "/session", signIn, nil); err == nil {
			break
		}
		if try == 60 || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	exchange, err := c.enter(ctx, map[string]any{"kind": "exchange", "name": "Exchange (stand-in)", "enabled": true, "secret": s.offer.Exchange.Password, "exchange": map[string]any{
		"url": s.offer.Exchange.URL, "plaintext": true, "auth": "basic", "account": s.offer.Exchange.Account,
	}})
	if err != nil {
		return err
	}
	graph, err := c.enter(ctx, map[string]any{"kind": "graph", "name": "Microsoft 365 (stand-in)", "enabled": true, "secret": s.offer.Graph.Secret, "graph": map[string]any{
		"tenant": s.offer.Graph.Tenant, "client_id": s.offer.Graph.ClientID, "cloud": "custom", "login_url": s.offer.Graph.LoginURL, "graph_url": s.offer.Graph.GraphURL,
	}})
	if err != nil {
		return err
	}
	if err := s.redirect(base + graph.CallbackPath); err != nil {
		return err
	}
	var places struct {
		Locations []struct{ ID, Name string } `json:"locations"`
	}
	if err := c.call(ctx, http.MethodGet, "/locations", nil, &places); err != nil {
		return err
	}
	for _, l := range places.Locations {
		var scope struct {
			Sections []struct {
				Calendar map[string]any `json:"calendar"`
			} `json:"sections"`
		}
		if err := c.call(ctx, http.MethodGet, "/scopes/"+l.ID+"/settings", nil, &scope); err != nil {
			return err
		}
		section := map[string]any{}
		for _, x := range scope.Sections {
			if x.Calendar != nil {
				section = x.Calendar
			}
		}
		delete(section, "connector")
		delete(section, "accounts")
		if section["method"], section["connector"] = "central", exchange.ID; l.Name != "Berlin" {
			delete(section, "connector")
			section["method"], section["accounts"] = "local", graph.ID
		}
		section["subject_as_text"] = true
		teams := map[string]any{
			"sync": "telephony_and_status", "user_may_change": true, "connector": graph.ID, "access": "application", "remember": true, "keep_minutes": 10,
		}
		if l.Name != "Berlin" {
			teams["access"] = "delegated"
		}
		if err := c.call(ctx, http.MethodPut, "/scopes/"+l.ID+"/settings", map[string]any{"calendar": section, "teams": teams}, nil); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "standins: the calendars of %s: %v; Microsoft Teams: %v\n", l.Name, section["method"], teams["access"])
	}
	fmt.Fprintf(os.Stderr, "standins: Exchange and Microsoft 365 are connected. In Wien people connect their accounts under Settings › Calendars and Settings › Microsoft Teams, with their address and the password %s\n", s.offer.Password)
	return nil
}

// enter adds a connector, or changes the one of the same name that an earlier run has left.
func (c *caller) enter(ctx context.Context, in map[string]any) (out connector, err error) {
	var all struct {
		Connectors []connector `json:"connectors"`
	}
	if err := c.call(ctx, http.MethodGet, "/connectors", nil, &all); err != nil {
		return out, err
	}
	for _, x := range all.Connectors {
		if x.Name == in["name"] {
			err = c.call(ctx, http.MethodPut, "/connectors/"+x.ID, in, &out)
			return out, err
		}
	}
	err = c.call(ctx, http.MethodPost, "/connectors", in, &out)
	return out, err
}
