package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/doorlight/doorlight/internal/api"
)

// certificates has the certificate of the web server: from files, or from an authority that gives them to whoever answers at
// a name (ACME, RFC 8555).
type certificates struct {
	how    string // as api.Certificate
	get    func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	fetch  func() // nil: nothing has to be fetched
	answer func(http.Handler) http.Handler
	acme   bool

	mu  sync.Mutex // guards what follows
	now *x509.Certificate
	err error // of the last attempt to get one
}

// certificates returns where the certificate comes from; nil: this server does not encrypt.
func (c *config) certificates(log *slog.Logger) (*certificates, error) {
	switch {
	case c.TLSCert != "":
		cs := fromFiles(c.TLSCert, c.TLSKey, log)
		if _, err := cs.get(nil); err != nil {
			return nil, fmt.Errorf("tls-cert and tls-key: %w", err)
		}
		return cs, nil
	case len(c.ACMEDomains) > 0:
		return c.fromAuthority(log)
	}
	return nil, nil
}

// fromFiles reads the certificate again when its file has changed, so that renewing it needs no restart.
func fromFiles(certFile, keyFile string, log *slog.Logger) *certificates {
	cs := &certificates{how: api.CertificateFile}
	var mu sync.Mutex // guards what follows
	var current *tls.Certificate
	var read, looked time.Time
	cs.get = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if current != nil && time.Since(looked) < time.Minute {
			return current, nil
		}
		looked = time.Now()
		info, err := os.Stat(certFile)
		if err == nil && (current == nil || info.ModTime().After(read)) {
			var pair tls.Certificate
			if pair, err = tls.LoadX509KeyPair(certFile, keyFile); err == nil {
				current, read = &pair, info.ModTime()
			}
		}
		if cs.note(current, err); err != nil && current != nil {
			log.Error("the certificate cannot be read again; the one before is used", "err", err)
		}
		if current == nil {
			return nil, err
		}
		return current, nil
	}
	cs.fetch = func() { cs.get(nil) } // noted there
	return cs
}

func (c *config) fromAuthority(log *slog.Logger) (*certificates, error) {
	folder := filepath.Join(c.Data, "acme")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	client := &acme.Client{DirectoryURL: c.ACMEDirectory, UserAgent: "Doorlight/" + version}
	if c.ACMERoots != "" {
		pem, err := os.ReadFile(c.ACMERoots)
		if err != nil {
			return nil, fmt.Errorf("acme-roots: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("acme-roots: %s holds no certificate in PEM form", c.ACMERoots)
		}
		client.HTTPClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(folder), HostPolicy: autocert.HostWhitelist(c.ACMEDomains...), Email: c.ACMEEmail, Client: client,
	}
	cs := &certificates{how: api.CertificateACME, answer: m.HTTPHandler, acme: true}
	first := c.ACMEDomains[0]
	cs.get = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "" || net.ParseIP(hello.ServerName) != nil { // asked by address: monitoring, and old programs
			asked := *hello
			asked.ServerName = first
			hello = &asked
		}
		pair, err := m.GetCertificate(hello)
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto { // the authority looks whether it is us
			return pair, err
		}
		if strings.EqualFold(hello.ServerName, first) { // strangers ask for any name
			cs.note(pair, err)
		}
		return pair, err
	}
	cs.fetch = func() {
		for _, domain := range c.ACMEDomains {
			if _, err := cs.get(&tls.ClientHelloInfo{ServerName: domain, SupportedVersions: []uint16{tls.VersionTLS13}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}); err != nil {
				log.Error("there is no certificate", "domain", domain, "err", err)
			} else {
				log.Info("the certificate is there", "domain", domain)
			}
		}
	}
	return cs, nil
}

// note keeps what the last attempt to get a certificate brought.
func (cs *certificates) note(pair *tls.Certificate, err error) {
	var leaf *x509.Certificate
	if pair != nil {
		if leaf = pair.Leaf; leaf == nil && len(pair.Certificate) > 0 {
			leaf, _ = x509.ParseCertificate(pair.Certificate[0]) // else it is not shown
		}
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.err = err; leaf != nil {
		cs.now = leaf
	}
}

// config returns the settings of a server that has these certificates.
func (cs *certificates) config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: cs.get}
	if cs.acme {
		c.NextProtos = append(c.NextProtos, acme.ALPNProto) // RFC 8737
	}
	return c
}

// renew fetches the certificate now, and looks at it every hour, until ctx ends.
func (cs *certificates) renew(ctx context.Context) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		done := make(chan struct{})
		go func() { // which cannot be broken off, and ends by itself
			defer close(done)
			cs.fetch()
		}()
		select {
		case <-ctx.Done():
			return
		case <-done:
		}
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		}
	}
}

// state tells administrators about the certificate; cs may be nil.
func (cs *certificates) state(behind bool) api.Certificate {
	switch {
	case cs == nil && behind:
		return api.Certificate{Source: api.CertificateProxy}
	case cs == nil:
		return api.Certificate{Source: api.CertificateNone}
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	out := api.Certificate{Source: cs.how}
	if cs.now != nil {
		out.Names, out.Issuer, out.ExpiresAt = cs.now.DNSNames, cs.now.Issuer.CommonName, &cs.now.NotAfter
		for _, ip := range cs.now.IPAddresses {
			out.Names = append(out.Names, ip.String())
		}
	}
	if cs.err != nil {
		out.Error = cs.err.Error()
	}
	return out
}

// plain serves what is not encrypted beside a server that is: it leads browsers there, and answers the authority.
// secure is the port of that, and public its address, if that is another.
func (cs *certificates) plain(log *slog.Logger, secure, public string) *http.Server {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead { // what it holds was sent in clear already
			http.Error(w, "use https", http.StatusBadRequest)
			return
		}
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if secure != "443" {
			host += ":" + secure
		}
		to := "https://" + host
		switch {
		case strings.HasPrefix(public, "https://"):
			to = strings.TrimSuffix(public, "/")
		case r.Host == "":
			http.Error(w, "say which host", http.StatusBadRequest)
			return
		}
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusMovedPermanently)
	})
	if cs.answer != nil {
		h = cs.answer(h)
	}
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
