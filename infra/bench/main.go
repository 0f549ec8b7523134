// Command bench measures Grove against limit handlers: bare net/http programs that do only the unavoidable part of an
// operation. Both run on this machine, in turn, under the same load, so that a ratio means something where a time does
// not. It starts everything that it needs, talks to Grove from outside only, and stops what it started.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/infra/db/embedded"
)

type options struct {
	program               string
	plan                  plan
	people, organizations int
	tenants               int
	only                  string
	write                 bool
}

func main() {
	var o options
	flag.StringVar(&o.program, "grove", "bin/grove", "the program to measure")
	flag.IntVar(&o.plan.rounds, "rounds", 3, "runs of each side of a pair; the median counts")
	flag.DurationVar(&o.plan.duration, "duration", time.Second, "length of one run")
	flag.IntVar(&o.people, "users", 1_000_000, "people in the tenant")
	flag.IntVar(&o.organizations, "orgs", 10_000, "organizations in the tenant's tree")
	flag.IntVar(&o.tenants, "tenants", 10_000, "tenants of the installation whose start and memory are measured; 0 for none")
	flag.StringVar(&o.only, "only", "", "measure only operations whose name contains this")
	flag.BoolVar(&o.write, "write", false, "write docs/performance.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case flag.Arg(0) == "limit":
		err = limit(ctx, flag.Arg(1))
	case o.people < 100 || o.organizations < 500 || o.plan.rounds < 1:
		err = errors.New("at least 100 users, 500 organizations and 1 round are needed")
	default:
		err = bench(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// bench starts the servers, measures and prints.
func bench(ctx context.Context, o options) (err error) {
	folder, err := os.MkdirTemp("", "grove-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	// Postgres may run as another user, who has to get through.
	if err := os.Chmod(folder, 0o755); err != nil { //nolint:gosec // it holds folders that are closed themselves
		return err
	}
	program, err := filepath.Abs(o.program)
	if err != nil {
		return err
	}
	r := &report{when: time.Now().UTC(), loadBefore: loadAverage(), options: o}

	postgres, err := embedded.Start(ctx, embedded.Config{DataDir: filepath.Join(folder, "postgres")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop(context.WithoutCancel(ctx))) }()
	if err := prepareLimit(ctx, postgres.URL(), r); err != nil {
		return err
	}
	databaseURL, err := migrated(ctx, program, postgres.URL())
	if err != nil {
		return err
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	rootKey := base64.StdEncoding.EncodeToString(key[:])
	if r.start, err = measureStart(ctx, program, databaseURL, rootKey, folder, 5); err != nil {
		return err
	}
	if o.tenants > 0 {
		if r.crowd, err = measureTenants(ctx, program, databaseURL, rootKey, folder, o.tenants); err != nil {
			return err
		}
	}
	l, err := startLimit(ctx, postgres.URL())
	if err != nil {
		return err
	}
	defer l.stop()
	g, err := startGrove(ctx, program, folder)
	if err != nil {
		return err
	}
	defer g.stop()

	begin := time.Now()
	if err := seed(ctx, g, o.people, o.organizations); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "seeded %d people and %d organizations in %s\n", o.people, o.organizations, time.Since(begin).Round(time.Second))
	time.Sleep(idleTime)
	r.idle = memory(g.pid())
	if err := measureAll(ctx, o, &rows{g: g, limit: l.addr, people: o.people, organizations: o.organizations}, r); err != nil {
		return err
	}
	r.memory, r.loadAfter = memory(g.pid()), loadAverage()
	text := r.markdown()
	fmt.Println(text)
	if o.write {
		return os.WriteFile(filepath.Join("docs", "performance.md"), []byte(text), 0o644) //nolint:gosec // a document
	}
	return nil
}

func measureAll(ctx context.Context, o options, all *rows, r *report) error {
	for _, p := range all.all() {
		if !strings.Contains(p.name, o.only) {
			continue
		}
		made, err := p.pair(ctx)
		made.name = p.name
		var m result
		if err == nil {
			m, err = measure(ctx, made, o.plan, all.g.pid())
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%-34s not measured: %v\n", p.name, err)
			r.missing = append(r.missing, missing{name: p.name, why: err.Error()})
			continue
		}
		r.results = append(r.results, m)
		if r.afterTokens == 0 {
			r.afterTokens = memory(all.g.pid())
		}
	}
	return nil
}

// prepareLimit makes the tables of the limit handlers.
func prepareLimit(ctx context.Context, databaseURL string, r *report) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&r.postgres); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, limitSchema)
	return err
}
