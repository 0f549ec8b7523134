// Package apptest starts the whole program for tests: on a database of their own, with two tenants that look alike, a movable
// clock and a real mail server. Nothing is mocked.
package apptest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"crypto/tls"
	"grove/cmd/grove/app"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/clock"
	"grove/infra/notify"
	"grove/infra/notify/inbox"
	"grove/infra/notify/smtp"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
)

// Origin is the installation's, for every test: it is part of what the template database holds.
const Origin = "http://id.grove.test"

// PlatformKey is the operator's key in tests.
const PlatformKey = "platform-key-for-tests-0123456789abcdef"

// Password is that of every seeded administrator.
const Password = "correct horse battery staple"

// World is one running program.
type World struct {
	*app.App
	A, B   Tenant
	Clock  *clock.Movable
	DB     *testkit.Database
	Mail   *inbox.Inbox
	Server *httptest.Server

	dial   func(context.Context) (net.Conn, error)
	origin string
	t      testing.TB
}

// Tenant is one of the two. Both have the same names everywhere; only ids and keys differ.
type Tenant struct {
	Base         string
	ClientID     string
	ClientSecret string
	Handle       string
	Root         string
}

// Option changes how a world starts.
type Option func(*options)

type options struct {
	app     func(*app.Options)
	sender  notify.Sender
	tracer  pgx.QueryTracer
	workers int
}

// Configure changes the program's options before it starts.
func Configure(f func(*app.Options)) Option { return func(o *options) { o.app = f } }

// WithoutWorkers starts a program that works no jobs.
func WithoutWorkers() Option { return func(o *options) { o.workers = 0 } }

// Config is the configuration of tests: cheap hashes, no limits.
func Config(databaseURL string) config.Config {
	c := config.Default()
	c.BaseURL = Origin
	c.DatabaseURL = config.Secret(databaseURL)
	c.DatabasePoolSize = 8
	copy(c.RootKey[:], "root key of tests, 32 bytes long")
	c.PlatformKey = PlatformKey
	c.RateLimitPerAddress, c.RateLimitPerClient, c.RateLimitPerTenant = 0, 0, 0
	c.Argon2MemoryKiB, c.Argon2Iterations = 64, 1
	return c
}

// secrets of the management clients, which the template keeps as hashes only. Filled by prepare.
var seeded struct{ a, b Tenant }

func prepare(ctx context.Context, databaseURL string) error {
	a, err := app.New(ctx, app.Options{Config: Config(databaseURL), Log: testkit.Quiet(), Version: "test"})
	if err != nil {
		return err
	}
	defer func() { _ = a.Stop(ctx) }()
	for handle, into := range map[string]*Tenant{"acme": &seeded.a, "umbra": &seeded.b} {
		s, err := a.SeedTenant(ctx, app.SeedTenant{Handle: handle, Name: "Vendor", AdminPassword: Password})
		if err != nil {
			return fmt.Errorf("seed %s: %w", handle, err)
		}
		*into = Tenant{Base: Origin + "/t/" + handle, ClientID: s.ClientID, ClientSecret: s.ClientSecret, Handle: handle, Root: s.Root}
	}
	return nil
}

// Database is a database with both tenants and no program on it.
func Database(t testing.TB, f ...func(*db.Options)) *testkit.Database {
	t.Helper()
	return testkit.New(t, app.Folders(), "app", prepare, f...)
}

// New starts a world.
func New(t testing.TB, opts ...Option) *World {
	t.Helper()
	database := Database(t)
	return Start(t, database, opts...)
}

// Start starts a program on a database that may have others on it.
func Start(t testing.TB, database *testkit.Database, opts ...Option) *World {
	t.Helper()
	ctx := context.Background()
	o := options{workers: 4}
	for _, f := range opts {
		f(&o)
	}
	mail, err := inbox.Open(inbox.Options{Addr: "127.0.0.1:0", Dir: t.TempDir(), Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	sender, err := smtp.New(mail.SMTPURL(), smtp.Options{From: "no-reply@grove.test", TLS: &tls.Config{RootCAs: mail.Roots()}})
	if err != nil {
		t.Fatal(err)
	}
	ao := app.Options{Clock: database.Clock, Config: Config(database.URL), Log: testkit.Quiet(), Tracer: testkit.Plans(),
		Sender: notify.Route{notify.Email: sender}, Version: "test", Workers: o.workers}
	if o.app != nil {
		o.app(&ao)
	}
	a, err := app.New(ctx, ao)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{App: a, A: seeded.a, B: seeded.b, Clock: database.Clock, DB: database, Mail: mail, Server: httptest.NewServer(a.Handler()), origin: Origin, t: t}
	w.dial = func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", w.Server.Listener.Addr().String())
	}
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the program is ready", func() bool { return a.Hub.Live() })
	t.Cleanup(func() {
		w.Server.Close()
		stop, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := a.Stop(stop); err != nil {
			t.Errorf("stopping: %v", err)
		}
		_ = mail.Close()
	})
	return w
}

// Remote is a world whose program runs in processes of its own, under origin; dial finds one of them. Only its HTTP methods
// can be used.
func Remote(t testing.TB, origin string, dial func(context.Context) (net.Conn, error)) *World {
	return &World{dial: dial, origin: origin, t: t}
}

// Client is an HTTP client with its own cookies that finds the world under its origin, and follows no redirect on its own.
func (w *World) Client() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails without options
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, _, _ := strings.Cut(addr, ":"); w.origin == "http://"+host {
				return w.dial(ctx)
			}
			return dialer.DialContext(ctx, network, addr)
		}}}
}

// described is what the program offers.
var described = sync.OnceValue(func() *httpapi.API { return app.Describe("") })

// Response is an answer read whole.
type Response struct {
	*http.Response
	Raw  []byte
	JSON map[string]any // nil where the body is no JSON object
}

// Code is the code of a problem, or the error of an OAuth answer.
func (r Response) Code() string {
	for _, name := range []string{"code", "error"} {
		if s, ok := r.JSON[name].(string); ok {
			return s
		}
	}
	return ""
}

// Do sends a request. body is JSON where it is no string or url.Values.
func (w *World) Do(c *http.Client, method, target string, body any, headers ...string) Response {
	w.t.Helper()
	var reader io.Reader
	contentType := ""
	switch b := body.(type) {
	case nil:
	case string:
		reader, contentType = strings.NewReader(b), "application/json"
	case url.Values:
		reader, contentType = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		reader, contentType = strings.NewReader(string(raw)), "application/json"
	}
	r, err := http.NewRequest(method, target, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	apikit.CheckCode(w.t, described(), method, r.URL.Path, raw)
	out := Response{Response: resp, Raw: raw}
	_ = json.Unmarshal(raw, &out.JSON)
	return out
}

// Token gets an access token of a tenant's management client.
func (w *World) Token(t Tenant, scopes ...string) string {
	w.t.Helper()
	scope := "grove"
	if len(scopes) > 0 {
		scope = strings.Join(scopes, " ")
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(t.ClientID) + ":" + url.QueryEscape(t.ClientSecret)))
	r := w.Do(w.Client(), "POST", t.Base+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}, "Authorization", "Basic "+basic)
	token, _ := r.JSON["access_token"].(string)
	if token == "" {
		w.t.Fatalf("no token: %d %s", r.StatusCode, r.Raw)
	}
	return token
}

// API calls a tenant's management API with a token. path is below /v1.
func (w *World) API(t Tenant, token, method, path string, body any, headers ...string) Response {
	w.t.Helper()
	return w.Do(w.Client(), method, t.Base+"/v1"+path, body, append([]string{"Authorization", "Bearer " + token}, headers...)...)
}

// Must is API for calls that have to succeed.
func (w *World) Must(t Tenant, token, method, path string, body any, headers ...string) map[string]any {
	w.t.Helper()
	r := w.API(t, token, method, path, body, headers...)
	if r.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, r.StatusCode, r.Raw)
	}
	return r.JSON
}
