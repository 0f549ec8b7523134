package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/app"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/db/embedded"
	"grove/infra/notify"
	"grove/infra/notify/inbox"
	"grove/infra/notify/smtp"
)

type devCommand struct {
	Addr string `help:"Address to listen on; loopback only." default:"127.0.0.1:8080"`
	Data string `help:"Folder that keeps database, keys and mail over restarts." default:".grove" type:"path"`
	TLS  bool   `name:"tls" help:"Serve https with a certificate of a test authority, DATA/ca.pem."`
	Tree int    `help:"Seed this many further organizations, to see how a large tree feels." default:"0"`
}

// devLimits are the rate limits of the development mode where the environment sets none: everybody comes from one
// address there, and seeding a large tree is one client's burst.
var devLimits = []string{"GROVE_RATE_LIMIT_PER_ADDRESS=60000", "GROVE_RATE_LIMIT_PER_CLIENT=60000"}

// devFile is DATA/dev.json: what tools need to reach the running server.
type devFile struct {
	BaseURL       string `json:"base_url"`
	Tenant        string `json:"tenant"`
	TenantBase    string `json:"tenant_base"`
	RootOrgID     string `json:"root_org_id"`
	AdminUsername string `json:"admin_username"`
	AdminPassword string `json:"admin_password"`
	ClientID      string `json:"client_id"`
	ClientSecret  string `json:"client_secret"`
	PlatformKey   string `json:"platform_key"`
	DatabaseURL   string `json:"database_url"`
	InboxURL      string `json:"inbox_url"`
	ConsoleURL    string `json:"console_url"`
	AccountURL    string `json:"account_url"`
}

// Run starts the database, migrates, seeds once, and serves.
func (d devCommand) Run(ctx context.Context) (err error) {
	if err := loopback(d.Addr); err != nil {
		return err
	}
	if err := os.MkdirAll(d.Data, 0o755); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w", err)
	}
	// A busy port is said before anything is started.
	probe, err := listen(d.Addr)
	if err != nil {
		return err
	}
	if err := probe.Close(); err != nil {
		return err
	}
	secrets, err := devSecrets(d.Data)
	if err != nil {
		return err
	}
	log := newLog(config.Config{LogFormat: "text"})
	server, err := embedded.Start(ctx, embedded.Config{DataDir: filepath.Join(d.Data, "postgres"), Log: log})
	if err != nil {
		return err
	}
	defer func() {
		if stop := server.Stop(context.WithoutCancel(ctx)); !errors.Is(err, errDatabaseGone) { // which is all that there is to say
			err = errors.Join(err, stop)
		}
	}()
	databaseURL, err := devDatabase(ctx, server.URL())
	if err != nil {
		return err
	}
	mail, err := inbox.Open(inbox.Options{Addr: "127.0.0.1:0", Dir: d.Data, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mail.Close()) }()

	certificate, client, err := d.tls()
	if err != nil {
		return err
	}
	environ := slices.Concat(devLimits, os.Environ(), []string{"GROVE_ADDR=" + d.Addr, "GROVE_DATABASE_URL=" + databaseURL,
		"GROVE_ROOT_KEY=" + secrets.RootKey, "GROVE_PLATFORM_KEY=" + secrets.PlatformKey, "GROVE_LOG_FORMAT=text"})
	if certificate != nil && os.Getenv("GROVE_BASE_URL") == "" {
		environ = append(environ, "GROVE_BASE_URL=https://"+d.Addr)
	}
	c, err := config.Load(environ)
	if err != nil {
		return err
	}
	c.DrainDelay = 0 // nobody is in front
	sender, err := smtp.New(mail.SMTPURL(), smtp.Options{From: "Grove <no-reply@grove.localhost>", TLS: &tls.Config{RootCAs: mail.Roots()}})
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: c, Dev: true, Log: newLog(c), TLS: certificate != nil, Version: version, Workers: jobsAtATime,
		Sender: notify.Route{notify.Email: sender, notify.SMS: notify.SenderFunc(mail.Deliver)}})
	if err != nil {
		return err
	}
	a.MountInbox(mail.Handler())
	// Ready means seeded and written down, for those who wait for it; and a database that died ends the server too.
	release := a.Hold()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-server.Done():
			cancel(errDatabaseGone)
		case <-ctx.Done():
		}
	}()
	err = serve(ctx, a, certificate, func() error {
		seed, err := a.Seed(ctx, client, secrets.AdminPassword, previousSecret(d.Data), d.Tree)
		if err != nil {
			return fmt.Errorf("seed the development tenant: %w", err)
		}
		file := devFile{BaseURL: c.BaseURL, Tenant: seed.Tenant, TenantBase: c.BaseURL + "/t/" + seed.Tenant, RootOrgID: seed.Root,
			AdminUsername: seed.AdminUsername, AdminPassword: secrets.AdminPassword, ClientID: seed.ClientID, ClientSecret: seed.ClientSecret,
			PlatformKey: secrets.PlatformKey, DatabaseURL: databaseURL, InboxURL: c.BaseURL + "/dev/inbox",
			ConsoleURL: c.BaseURL + "/t/" + seed.Tenant + "/console", AccountURL: c.BaseURL + "/t/" + seed.Tenant + "/account"}
		if err := writeDevFile(d.Data, file); err != nil {
			return err
		}
		fmt.Printf(devGreeting, file.ConsoleURL, file.AdminUsername, file.AdminPassword, file.AccountURL, file.InboxURL,
			c.BaseURL+"/docs", file.TenantBase, filepath.Join(d.Data, "dev.json"))
		release()
		return nil
	})
	if cause := context.Cause(ctx); errors.Is(cause, errDatabaseGone) {
		return cause
	}
	return err
}

var errDatabaseGone = errors.New("the development database has ended; see postgres.log in the data folder, and start again")

// tls returns the server's certificate, nil without --tls, and a client that trusts it.
func (d devCommand) tls() (*tls.Certificate, *http.Client, error) {
	client := &http.Client{Timeout: 30 * time.Second}
	if !d.TLS {
		return nil, client, nil
	}
	certificate, err := devCertificate(d.Data)
	if err != nil {
		return nil, nil, fmt.Errorf("make the test authority: %w", err)
	}
	authority, err := x509.ParseCertificate(certificate.Certificate[1])
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return &certificate, client, nil
}

// loopback refuses an address that others can reach: the inbox asks nobody who he is, and the secrets lie in a file.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--addr is host:port: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("the development mode listens on loopback only, such as 127.0.0.1:8080, and not on %s; grove serve is for others", addr)
}

const devGreeting = `
  Grove is ready.

    Console    %s
               sign in as %s with %s
    Account    %s
    Inbox      %s
    API        %s
    Issuer     %s
    For tools  %s

  Stop with Ctrl-C. Data stays.

`

type devSecretsFile struct {
	RootKey       string `json:"root_key"`
	PlatformKey   string `json:"platform_key"`
	AdminPassword string `json:"admin_password"`
}

// devSecrets makes the secrets of a data folder once.
func devSecrets(data string) (devSecretsFile, error) {
	name := filepath.Join(data, "secrets.json")
	var s devSecretsFile
	raw, err := os.ReadFile(name)
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, fmt.Errorf("%s is broken; move the data folder away to start anew: %w", name, err)
		}
		return s, nil
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	}
	s = devSecretsFile{RootKey: base64.StdEncoding.EncodeToString(random(32)),
		PlatformKey: "dev_" + base64.RawURLEncoding.EncodeToString(random(32)), AdminPassword: strings.ToLower(rand.Text()[:20])}
	return s, writePrivate(name, s)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// writePrivate writes JSON that only its owner can read, whole or not at all.
func writePrivate(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	temporary := name + ".new"
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

func writeDevFile(data string, f devFile) error {
	return writePrivate(filepath.Join(data, "dev.json"), f)
}

// previousSecret keeps the management client's secret over restarts: the database has its hash only.
func previousSecret(data string) string {
	var f devFile
	raw, err := os.ReadFile(filepath.Join(data, "dev.json"))
	if err != nil || json.Unmarshal(raw, &f) != nil {
		return ""
	}
	return f.ClientSecret
}

const devDatabaseName = "grove"

// devDatabase makes the login and the database of the development mode, migrates, and returns the login's URL. The
// login may SET ROLE to each of Grove's roles, for inspection; it is no superuser.
func devDatabase(ctx context.Context, super string) (string, error) {
	err := superuser(ctx, super, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `DO $$ BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grove') THEN CREATE ROLE grove LOGIN; END IF; END $$`)
		if err != nil {
			return err
		}
		var there bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, devDatabaseName).Scan(&there); err != nil || there {
			return err
		}
		_, err = conn.Exec(ctx, `CREATE DATABASE `+devDatabaseName)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make the development database: %w", err)
	}
	superURL, err := withLogin(super, "postgres", devDatabaseName)
	if err != nil {
		return "", err
	}
	if _, err := db.Migrate(ctx, superURL, app.Folders()); err != nil {
		if errors.Is(err, db.ErrChanged) {
			return "", fmt.Errorf("%w; the data folder was made by another development version: move it away to start anew", err)
		}
		return "", err
	}
	err = superuser(ctx, super, devDatabaseName, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `GRANT grove_owner, grove_app, grove_system TO grove`)
		return err
	})
	if err != nil {
		return "", err
	}
	return withLogin(super, "grove", devDatabaseName)
}

func superuser(ctx context.Context, super, database string, f func(*pgx.Conn) error) error {
	u, err := withLogin(super, "postgres", database)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, u)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return f(conn)
}

func withLogin(raw, user, database string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	u.User, u.Path = url.User(user), "/"+database
	return u.String(), nil
}
