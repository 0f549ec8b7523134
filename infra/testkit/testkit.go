// Package testkit gives tests a real Postgres: one private server for a test binary, one database for a test, copied
// from a template that all migrations have made. Nothing is mocked and nothing is shared between tests.
package testkit

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/db/embedded"
	"grove/infra/kernel/clock"
	"grove/infra/kernel/ids"
)

var (
	mu        sync.Mutex
	server    *embedded.Server
	dir       string
	templates = map[string]bool{}
	counter   atomic.Int64
)

// Main runs a package's tests and stops the server that they started. Call it from TestMain:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop ends the test binary's Postgres, for those who write their own TestMain.
func Stop() {
	mu.Lock()
	defer mu.Unlock()
	if server != nil {
		_ = server.Stop(context.Background())
		_ = os.RemoveAll(dir)
		server = nil
	}
}

func start(ctx context.Context) error {
	if server != nil {
		return nil
	}
	var err error
	if dir, err = os.MkdirTemp("", "grove-test-"); err != nil {
		return err
	}
	if err = os.Chmod(dir, 0o755); err != nil {
		return err
	}
	server, err = embedded.Start(ctx, embedded.Config{DataDir: filepath.Join(dir, "pg"), Log: Quiet(), Ephemeral: true})
	return err
}

// Login is the non-superuser that the program connects as in tests and in the development mode.
const Login = "grove"

func withDatabase(raw, user, name string) string {
	u, err := url.Parse(raw)
	if err != nil {
		panic(err)
	}
	u.User, u.Path = url.User(user), "/"+name
	return u.String()
}

// Database is one test's own.
type Database struct {
	*db.DB
	Clock *clock.Movable
	Super string // URL of the superuser, for looking behind row-level security
	URL   string // URL of the program's login
}

// New gives t a database that the migrations in folders, and then prepare, have made. prepare runs once for all tests
// of the binary that pass the same key; its effects are in the template.
func New(t testing.TB, folders []fs.FS, key string, prepare func(ctx context.Context, url string) error, options ...func(*db.Options)) *Database {
	t.Helper()
	ctx := context.Background()
	template, err := makeTemplate(ctx, folders, key, prepare)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	name := fmt.Sprintf("t_%d", counter.Add(1))
	// CREATE DATABASE from a template wants it to be alone.
	mu.Lock()
	err = superExec(ctx, "postgres", `CREATE DATABASE `+name+` TEMPLATE `+template)
	mu.Unlock()
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	d := &Database{Clock: &clock.Movable{}, Super: withDatabase(server.URL(), "postgres", name), URL: withDatabase(server.URL(), Login, name)}
	o := db.Options{URL: d.URL, AnyPatch: true, MaxConn: 8, Clock: d.Clock, Log: Quiet(), Tracer: plans}
	for _, f := range options {
		f(&o)
	}
	if d.DB, err = db.Open(ctx, o); err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() {
		d.Close()
		if err := superExec(ctx, "postgres", `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("testkit: %v", err)
		}
	})
	return d
}

func makeTemplate(ctx context.Context, folders []fs.FS, key string, prepare func(context.Context, string) error) (string, error) {
	mu.Lock()
	defer mu.Unlock()
	if err := start(ctx); err != nil {
		return "", err
	}
	digest, err := db.Digest(folders)
	if err != nil {
		return "", err
	}
	name := "template_" + digest + key
	if templates[name] {
		return name, nil
	}
	if err := superExec(ctx, "postgres", `DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grove') THEN CREATE ROLE grove LOGIN; END IF; END $$`); err != nil {
		return "", err
	}
	if err := superExec(ctx, "postgres", `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	if _, err := db.Migrate(ctx, withDatabase(server.URL(), "postgres", name), folders); err != nil {
		return "", err
	}
	if err := superExec(ctx, name, `GRANT grove_owner, grove_app, grove_system TO grove`); err != nil {
		return "", err
	}
	if prepare != nil {
		if err := prepare(ctx, withDatabase(server.URL(), Login, name)); err != nil {
			return "", err
		}
	}
	templates[name] = true
	return name, nil
}

func superExec(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, withDatabase(server.URL(), "postgres", database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// Quiet is a logger that says nothing; set GROVE_TEST_LOG to see everything.
func Quiet() *slog.Logger {
	if os.Getenv("GROVE_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// Heard waits until a hub has heard of every change that was committed before: they come in the order of their commits. d is a
// pool that does not tell the hub itself.
func Heard(t testing.TB, d *db.DB, hub *cache.Hub) {
	t.Helper()
	const topic = "testkit"
	ctx, tenant, loads := context.Background(), ids.NewTenant(), 0
	kept := cache.New[int](hub, 1, time.Hour, topic)
	read := func() bool {
		before := loads
		if _, err := kept.Get(ctx, tenant.UUID(), "", func(context.Context) (int, error) { loads++; return loads, nil }); err != nil {
			t.Fatal(err)
		}
		return loads > before
	}
	Eventually(t, "the hub keeps what is read", func() bool { return !read() })
	// Past the hub's own ear for changes of this process: what others announced comes before it by the listener's way only.
	if _, err := d.SystemPool().Exec(ctx, `SELECT pg_notify($1, $2)`, db.Channel, topic+" "+tenant.UUID().String()); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the hub hears of what changes", read)
}

// FreeAddr is an address of this machine for a program that is to be told where to listen. No connection that anybody opens
// is given its port meanwhile: it is below those that Linux hands out.
func FreeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(12_000))); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("testkit: no free port")
	return ""
}

// Eventually waits until ok says true and fails t after half a minute.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	Within(t, 30*time.Second, what, ok)
}

// Within is Eventually for what takes longer.
func Within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}
