package crash_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/db/embedded"
	"grove/infra/testkit"
)

// postgres is a durable server that can be killed and started again at the same address.
type postgres struct {
	dir    string
	server *embedded.Server
	tenant apptest.Tenant // of the template
}

const template = "grove_template"

func (p *postgres) start(ctx context.Context) (err error) {
	if p.server, err = embedded.Start(ctx, embedded.Config{DataDir: filepath.Join(p.dir, "pg")}); err != nil {
		return err
	}
	u, err := url.Parse(p.server.URL())
	if err != nil {
		return err
	}
	// Each start has another folder for its socket; the programs know one name.
	link := filepath.Join(p.dir, "socket")
	if err := os.Symlink(u.Query().Get("host"), link+".new"); err != nil {
		return err
	}
	return os.Rename(link+".new", link)
}

// end sends the postmaster a signal and waits until it is gone: SIGKILL, or SIGQUIT for an immediate shutdown.
func (p *postgres) end(t *testing.T, how syscall.Signal) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.dir, "pg", "cluster", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || pid <= 1 {
		t.Fatalf("postmaster.pid has %q", first)
	}
	if err := syscall.Kill(pid, how); err != nil {
		t.Fatal(err)
	}
	<-p.server.Done()
	_ = p.server.Stop(context.Background()) // says that it had ended
}

func (p *postgres) url(user, name string) string {
	u, err := url.Parse(p.server.URL())
	if err != nil {
		panic(err)
	}
	q := u.Query()
	q.Set("host", filepath.Join(p.dir, "socket"))
	u.User, u.Path, u.RawQuery = url.User(user), "/"+name, q.Encode()
	return u.String()
}

func (p *postgres) exec(ctx context.Context, name, sql string) error {
	conn, err := pgx.Connect(ctx, p.url("postgres", name))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// prepare makes the template: migrated, with one tenant.
func (p *postgres) prepare(ctx context.Context) error {
	for _, sql := range []string{`CREATE ROLE grove LOGIN`, `CREATE DATABASE ` + template} {
		if err := p.exec(ctx, "postgres", sql); err != nil {
			return err
		}
	}
	if _, err := db.Migrate(ctx, p.url("postgres", template), app.Folders()); err != nil {
		return err
	}
	if err := p.exec(ctx, template, `GRANT grove_owner, grove_app, grove_system TO grove`); err != nil {
		return err
	}
	c, err := config.Load(settings(p.url("grove", template), "127.0.0.1:0"))
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: c, Log: testkit.Quiet(), Version: "test"})
	if err != nil {
		return err
	}
	s, err := a.SeedTenant(ctx, app.SeedTenant{Handle: "acme", Name: "Vendor", AdminPassword: apptest.Password})
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	p.tenant = apptest.Tenant{Base: origin + "/t/acme", ClientID: s.ClientID, ClientSecret: s.ClientSecret, Handle: "acme", Root: s.Root}
	return a.Stop(ctx)
}

// connect is a superuser's connection, which sees behind row-level security.
func (p *postgres) connect(t *testing.T, name string) *pgx.Conn {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.url("postgres", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	if _, err := conn.Exec(ctx, `SET search_path = grove`); err != nil {
		t.Fatal(err)
	}
	return conn
}
