package db_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/db"
	"grove/infra/db/embedded"
	"grove/infra/kernel/clock"
	"grove/infra/testkit"
)

// hosts is the URL of a database with other hosts listed before its own, each a socket folder or an address with a port.
func hosts(t *testing.T, of string, before ...string) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	var names, ports []string
	for _, host := range before {
		port := "5432"
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
		names, ports = append(names, host), append(ports, port)
	}
	query.Set("host", strings.Join(append(names, query.Get("host")), ","))
	query.Set("port", strings.Join(append(ports, "5432"), ","))
	u.RawQuery = query.Encode()
	return u.String()
}

func open(t *testing.T, address string) (*db.DB, error) {
	t.Helper()
	d, err := db.Open(ctx, db.Options{URL: address, MaxConn: 2, Clock: &clock.Movable{}, Log: testkit.Quiet()})
	if err == nil {
		t.Cleanup(d.Close)
	}
	return d, err
}

// TestFirstHostIsDead: the hosts of the URL are tried in order until one takes writes. Nobody listens at the first, and the
// second is a standby.
func TestFirstHostIsDead(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	standby := readOnly(t, d.URL)
	for name, before := range map[string][]string{
		"dead":                     {dead.Addr().String()},
		"a socket that is not":     {"/nowhere"},
		"a standby":                {standby},
		"dead, and then a standby": {dead.Addr().String(), standby},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			reached, err := open(t, hosts(t, d.URL, before...))
			if err != nil {
				t.Fatal(err)
			}
			var refuses string
			if err := reached.SystemPool().QueryRow(ctx, `SHOW transaction_read_only`).Scan(&refuses); err != nil || refuses != "off" {
				t.Errorf("reached a server that refuses to write: %q, %v", refuses, err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	// target_session_attrs asks for less: a standby would show what was revoked a moment ago as good.
	if _, err := open(t, standbyOnly(t, d.URL, standby)+"&target_session_attrs=any"); err == nil {
		t.Error("a standby is served from")
	}
	if _, err := db.Migrate(ctx, standbyOnly(t, d.URL, standby), nil); err == nil || !strings.Contains(err.Error(), "read only") {
		t.Errorf("migrating a standby: %v", err)
	}
}

func standbyOnly(t *testing.T, of, standby string) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = url.Values{"host": {standby}}.Encode()
	return u.String()
}

// readOnly starts a server that knows the same login and database and refuses to write, as a standby does. It returns the folder
// of its socket.
func readOnly(t *testing.T, as string) string {
	t.Helper()
	server, err := embedded.Start(ctx, embedded.Config{Ephemeral: true, Log: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(as)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, sql := range []string{
		`CREATE ROLE ` + u.User.Username() + ` LOGIN`, `CREATE ROLE grove_app`, `CREATE ROLE grove_system`, `GRANT grove_app, grove_system TO ` + u.User.Username(),
		`CREATE DATABASE ` + strings.TrimPrefix(u.Path, "/"), `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	own, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return own.Query().Get("host")
}

// TestIdleConnectionsClose: a connection that nobody uses is closed when its time is over, one that is used is not.
func TestIdleConnectionsClose(t *testing.T) {
	t.Parallel()
	d := newDB(t, func(o *db.Options) { o.MaxConn, o.ConnIdleTTL = 2, 400*time.Millisecond })
	patient := newDB(t, func(o *db.Options) { o.MaxConn = 2 })
	conn, err := pgx.Connect(ctx, d.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	connections := func(of *testkit.Database) (n int) {
		u, err := url.Parse(of.URL)
		if err != nil {
			t.Fatal(err)
		}
		err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name IN ('grove_app', 'grove_system')`,
			strings.TrimPrefix(u.Path, "/")).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, one := range []*testkit.Database{d, patient} {
		if err := one.Ping(ctx); err != nil {
			t.Fatal(err)
		}
	}
	held, err := d.SystemPool().Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release() // closing waits for it
	testkit.Eventually(t, "only the connection in use is left", func() bool { return connections(d) == 1 })
	held.Release()
	testkit.Eventually(t, "no connection is left", func() bool { return connections(d) == 0 })
	if connections(patient) == 0 {
		t.Error("connections end without being told to")
	}
	if err := d.Ping(ctx); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
