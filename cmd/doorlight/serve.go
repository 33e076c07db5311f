package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/agenda"
	"github.com/doorlight/doorlight/internal/api"
	"github.com/doorlight/doorlight/internal/connector"
	"github.com/doorlight/doorlight/internal/hub"
	"github.com/doorlight/doorlight/internal/live"
	"github.com/doorlight/doorlight/internal/office"
	"github.com/doorlight/doorlight/internal/secret"
	"github.com/doorlight/doorlight/internal/socket"
	"github.com/doorlight/doorlight/internal/source/caldav"
	"github.com/doorlight/doorlight/internal/source/feed"
	"github.com/doorlight/doorlight/internal/source/outbound"
	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/switchboard"
	"github.com/doorlight/doorlight/internal/teams"
	"github.com/doorlight/doorlight/internal/telephones"
	"github.com/doorlight/doorlight/web"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Example: `  doorlight serve                         # http://localhost:8080, data in ./data
  doorlight serve --listen :443 --tls-cert cert.pem --tls-key key.pem
  doorlight serve --listen :443 --listen-plain :80 --acme-domains presence.example.com
  doorlight serve --database postgres://doorlight@db/doorlight
  doorlight serve --demo                  # an invented office, to look around`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd.Flags())
			if err != nil {
				return err
			}
			if c.demo, err = wantedDemo(cmd.Flags(), &c); err != nil {
				return err
			}
			defer c.demo.close()
			return serve(cmd.Context(), c, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	addFlags(cmd.Flags())
	addServeFlags(cmd.Flags())
	addDemoFlags(cmd.Flags())
	return cmd
}

// parts is a server put together.
type parts struct {
	store       store.Store
	office      *office.Office
	hub         *hub.Hub
	broker      *live.Broker
	agenda      *agenda.Agenda
	teams       *teams.Teams
	switchboard *switchboard.Switchboard
	telephones  *telephones.Telephones
	api         *api.Server

	connectors   *connector.Connectors
	certificates *certificates // nil: this server does not encrypt
}

func serve(ctx context.Context, c config, stdout, stderr io.Writer) error {
	level, err := c.level()
	if err != nil {
		return err
	}
	var handler slog.Handler = slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})
	if c.LogFormat == "json" {
		handler = slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level})
	}
	log := slog.New(handler)
	lock, err := c.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	st, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	if c.around != nil {
		st = c.around(st)
	}
	if err := c.demo.open(ctx, &c, st, log); err != nil {
		return err
	}
	code := setupCode()
	p, err := assemble(ctx, c, st, log, code)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Doorlight %s is ready at %s\n", version, addressOf(c.Listen, l.Addr(), c.encrypts()))
	if !p.office.HasAdmin() {
		fmt.Fprintf(stdout, "Open it to make the first administrator. From another computer you need the set-up code %s\n", code)
	}
	c.demo.print(stdout)
	return p.run(ctx, c, l, log)
}

// addressOf returns where to open the server: the host that was asked for, with the port that was got. Asked for all
// networks, it is this computer's own name for itself.
func addressOf(listen string, got net.Addr, tls bool) string {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, err := net.SplitHostPort(got.String())
	if err != nil { // no address of TCP
		return got.String()
	}
	if tls {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}

func setupCode() string {
	var b [5]byte
	rand.Read(b[:])
	text := base32.StdEncoding.EncodeToString(b[:])
	return text[:4] + "-" + text[4:]
}

// assemble puts the server together. code is what the first administrator has to know.
func assemble(ctx context.Context, c config, st store.Store, log *slog.Logger, code string) (*parts, error) {
	began := time.Now()
	box, err := secret.OpenBox(c.keyFile())
	if err != nil {
		return nil, err
	}
	networks, err := c.networks()
	if err != nil {
		return nil, err
	}
	p := &parts{store: st}
	if p.certificates, err = c.certificates(log); err != nil {
		return nil, err
	}
	if p.office, err = office.Open(ctx, st, log); err != nil {
		return nil, err
	}
	p.broker = live.New(p.office, nil, live.Config{Log: log})
	if p.hub, err = hub.Open(ctx, st, p.office, p.publish, hub.Config{Grace: time.Duration(c.Grace), Log: log}); err != nil {
		return nil, err
	}
	p.broker.SetSource(p.hub)
	p.office.Listen(func(ch office.Change) { p.hub.Repolicy(ch.Policies, ch.Removed) })
	p.office.Listen(p.broker.Office)
	client := outbound.NewClient(outbound.Config{AllowPrivate: c.AllowPrivate, Allow: networks, UserAgent: "Doorlight/" + version})
	every := map[string]time.Duration{}
	if d := time.Duration(c.CalendarEvery); d > 0 {
		every[agenda.KindFeed], every[agenda.KindCalDAV] = d, d
	}
	p.agenda = agenda.New(st, p.office, p.hub, box, map[string]agenda.Source{
		agenda.KindFeed: feed.New(client), agenda.KindCalDAV: caldav.New(client, caldav.Config{}),
	}, agenda.Config{Log: log, Every: every})
	cfg := api.Config{Log: log, Version: version, Secure: c.encrypts() || c.BehindTLS || strings.HasPrefix(c.PublicURL, "https://"), Proxy: c.BehindTLS, Demo: c.demo != nil, SetupCode: code, PublicURL: c.PublicURL, Certificate: func() api.Certificate { return p.certificates.state(c.BehindTLS) }}
	if p.connectors, err = connector.Open(ctx, st, p.office, p.hub, box, c.PublicURL, log); err != nil {
		return nil, err
	}
	if p.teams, err = teams.New(ctx, st, p.office, p.hub, box, teams.Config{Log: log}); err != nil {
		return nil, err
	}
	if p.switchboard, err = switchboard.New(ctx, st, p.office, p.hub, switchboard.Config{Log: log, Lines: switchboard.LinesOf}); err != nil {
		return nil, err
	}
	encrypted := func() *tls.Config {
		if p.certificates == nil {
			return nil
		}
		return p.certificates.config()
	}
	if p.telephones, err = telephones.New(ctx, st, box, p.office, p.hub, telephones.Config{Log: log, Lines: switchboard.LinesOf, Choose: p.switchboard.Choose, TLS: encrypted}); err != nil {
		return nil, err
	}
	p.hub.Watch(func(personIDs []string) {
		p.teams.Touched(personIDs)
		p.switchboard.Touched(personIDs)
	})
	p.api = api.New(st, p.office, p.hub, p.agenda, cfg)
	p.connectors.UseAgenda(p.agenda)
	p.connectors.UseTeams(p.teams)
	p.connectors.UseTelephones(p.telephones)
	p.connectors.UseSwitchboard(p.switchboard)
	p.api.Connect(p.connectors)
	p.api.Teams(p.teams)
	p.api.Switchboard(p.switchboard)
	p.api.Telephones(p.telephones)
	p.api.Live(p.broker)
	log.Info("loaded", "people", p.office.Count(), "took", time.Since(began).Round(time.Millisecond))
	return p, nil
}

// publish takes changed presences to who wants to know of them.
func (p *parts) publish(updates []hub.Update) {
	p.broker.Publish(updates)
	p.connectors.Publish(updates)
	p.switchboard.Published(updates)
	p.telephones.Published(updates)
}

// run serves until ctx ends. What runs stops in the order in which it can still be of use to the rest.
func (p *parts) run(ctx context.Context, c config, l net.Listener, log *slog.Logger) error {
	static, err := api.Static(web.FS())
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	p.api.Mount(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := p.store.Ping(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ready\n")
	})
	mux.Handle("/", static)
	server := &http.Server{
		Handler: api.Secure(mux), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	l = socket.Listen(l)
	if p.certificates != nil {
		server.TLSConfig = p.certificates.config()
		l = tls.NewListener(l, server.TLSConfig)
	}
	var plain net.Listener
	if c.ListenPlain != "" {
		if plain, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.ListenPlain); err != nil {
			l.Close()
			return err
		}
	}

	// The hub outlives the HTTP server, which outlives nothing it calls; the stream is last told what changed.
	hubCtx, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	liveCtx, stopLive := context.WithCancel(context.WithoutCancel(ctx))
	agendaCtx, stopAgenda := context.WithCancel(ctx)
	defer stopHub()
	defer stopLive()
	defer stopAgenda()
	var running sync.WaitGroup
	running.Go(func() { p.hub.Run(hubCtx) })
	var streams sync.WaitGroup
	streams.Go(func() { p.broker.Run(liveCtx) })
	var calendars sync.WaitGroup
	calendars.Go(func() { p.agenda.Run(agendaCtx) })
	calendars.Go(func() { p.teams.Run(agendaCtx) })
	calendars.Go(func() { p.switchboard.Run(agendaCtx) })
	calendars.Go(func() { p.telephones.Run(agendaCtx) })
	calendars.Go(func() { c.demo.run(agendaCtx, p, log) })
	calendars.Go(func() { p.connectors.Run(agendaCtx) })
	calendars.Go(func() { tidy(agendaCtx, p.office, time.Duration(c.AuditDays)*24*time.Hour, log) })

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if plain != nil {
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		aside := p.certificates.plain(log, port, c.PublicURL)
		calendars.Go(func() {
			if err := aside.Serve(plain); !errors.Is(err, http.ErrServerClosed) {
				log.Error("nothing unencrypted is answered any more", "err", err)
			}
		})
		defer context.AfterFunc(agendaCtx, func() { aside.Close() })()
	}
	if p.certificates != nil {
		calendars.Go(func() { p.certificates.renew(agendaCtx) })
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		log.Info("stopping")
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if shutdown := server.Shutdown(stop); shutdown != nil {
			server.Close()
		}
		<-failed
	}
	p.api.Close()
	stopAgenda()
	calendars.Wait()
	stopLive()
	streams.Wait()
	stopHub()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// tidy deletes what has expired, now and every day, until ctx ends.
func tidy(ctx context.Context, of *office.Office, keepAudit time.Duration, log *slog.Logger) {
	daily := time.NewTicker(24 * time.Hour)
	defer daily.Stop()
	for {
		if err := of.Tidy(ctx, time.Now(), keepAudit); err != nil && ctx.Err() == nil {
			log.Error("what has expired could not be deleted", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-daily.C:
		}
	}
}
