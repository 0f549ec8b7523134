package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"grove/cmd/grove/app"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/notify"
	"grove/infra/notify/smtp"
)

// jobsAtATime bounds the jobs that one process works at once.
const jobsAtATime = 20

type serveCommand struct{}

// Run serves until it is told to stop, then lets open requests and running jobs finish.
func (serveCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	if err := c.RequireServing(); err != nil {
		return err
	}
	a, err := newApp(ctx, c, jobsAtATime)
	if err != nil {
		return err
	}
	return serve(ctx, a, nil, func() error { return a.OfferSetup(ctx, os.Stdout) })
}

type workCommand struct{}

// Run works jobs until it is told to stop. It serves nothing.
func (workCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	if err := c.RequireServing(); err != nil {
		return err
	}
	a, err := newApp(ctx, c, jobsAtATime)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return stopApp(a)
}

func newApp(ctx context.Context, c config.Config, workers int) (*app.App, error) {
	var sender notify.Sender
	if url := c.SMTPURL.Reveal(); url != "" {
		s, err := smtp.New(url, smtp.Options{From: c.MailFrom})
		if err != nil {
			return nil, err
		}
		sender = notify.Route{notify.Email: s}
	} else {
		newLog(c).WarnContext(ctx, "no mail server is configured (GROVE_SMTP_URL): invitations and other mail wait in the queue")
	}
	return app.New(ctx, app.Options{Config: c, Log: newLog(c), Sender: sender, Version: version, Workers: workers})
}

// serve listens, with TLS where there is a certificate, starts the app and answers until ctx ends, then drains. ready is
// called once requests are taken.
func serve(ctx context.Context, a *app.App, certificate *tls.Certificate, ready func() error) error {
	listener, err := listen(a.Config.Addr)
	if err != nil {
		return errors.Join(err, stopApp(a))
	}
	if certificate != nil {
		listener = tls.NewListener(listener, tlsConfig(*certificate, a.Config.MTLSBaseURL))
	}
	server := &http.Server{Handler: a.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if err := a.Start(ctx); err != nil {
		_ = server.Close()
		return errors.Join(err, stopApp(a))
	}
	if ready != nil {
		if err := ready(); err != nil {
			_ = server.Close()
			return errors.Join(err, stopApp(a))
		}
	}
	giveBack()
	a.Log.InfoContext(ctx, "ready", "addr", listener.Addr().String(), "base_url", a.Config.BaseURL)
	select {
	case err := <-failed:
		return errors.Join(err, stopApp(a))
	case <-ctx.Done():
	}
	a.Drain()
	// A load balancer goes on sending until it has asked for readiness again.
	select {
	case err := <-failed:
		return errors.Join(err, stopApp(a))
	case <-time.After(a.Config.DrainDelay):
	}
	grace, cancel := context.WithTimeout(context.Background(), a.Config.ShutdownTimeout)
	defer cancel()
	return errors.Join(server.Shutdown(grace), stopApp(a))
}

// suites are those of TLS 1.2 that FAPI allows, and their ECDSA siblings (Financial-grade API 1.0, Part 2, section 8.5; RFC 9325,
// section 4.2).
var suites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}

// tlsConfig asks clients for a certificate and takes any, or none: who needs one judges it (RFC 8705). Where there is an origin
// for that, who comes by another name, such as a person's browser, is not asked.
func tlsConfig(certificate tls.Certificate, mtls string) *tls.Config {
	asking := &tls.Config{Certificates: []tls.Certificate{certificate}, CipherSuites: suites, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"}}
	u, err := url.Parse(mtls)
	if err != nil || mtls == "" {
		return asking
	}
	c := asking.Clone()
	c.ClientAuth = tls.NoClientCert
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if strings.EqualFold(hello.ServerName, u.Hostname()) {
			return asking, nil
		}
		return nil, nil //nolint:nilnil // as the field's documentation says: the one that is there
	}
	return c
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; is another program there? Choose another address", addr, errors.Unwrap(err))
	}
	return l, nil
}

func stopApp(a *app.App) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Config.ShutdownTimeout)
	defer cancel()
	return a.Stop(ctx)
}

type migrateCommand struct{}

// Run migrates the database and says what it did.
func (migrateCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	if c.DatabaseURL.IsZero() {
		return errors.New("GROVE_DATABASE_URL is not set")
	}
	applied, err := db.Migrate(ctx, c.DatabaseURL.Reveal(), app.Folders())
	for _, name := range applied {
		fmt.Println("applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Println("nothing to do")
	}
	return err
}
