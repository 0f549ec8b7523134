package laws_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"grove/infra/testkit"
)

// unwatched are the tables of a tenant that change without anybody's doing, or that only tell of attempts.
var unwatched = []string{"event_chain", "event_concerns", "failed_requests", "idempotency_keys", "sign_in_failures"}

// refusalEvents tell of what was refused, at once or by a job.
const refusalEvents = `'form.refused', 'sign_in.failed'`

// ledger looks behind row-level security, to compare the tables of both tenants before and after.
type ledger struct {
	conn *pgx.Conn
	sql  string
}

var books *ledger

// ledger opens the shared one.
func (p *pair) ledger() *ledger {
	if books != nil {
		return books
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.DB.Super)
	if err != nil {
		shared.Fatal(err)
	}
	shared.Cleanup(func() { _ = conn.Close(ctx) })
	rows, err := conn.Query(ctx, `
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`)
	if err != nil {
		shared.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 30 {
		shared.Fatalf("%d tables, %v", len(tables), err)
	}
	var parts []string
	for _, t := range tables {
		if !slices.Contains(unwatched, t) {
			where := ""
			if t == "events" {
				where = ` WHERE type NOT IN (` + refusalEvents + `)`
			}
			name := pgx.Identifier{"grove", t}.Sanitize()
			parts = append(parts, `SELECT '`+t+`', count(*) || ' ' || coalesce(sum(hashtextextended((to_jsonb(x) - '{idled_seconds,lapse_hour,lapses_at,last_seen_at}'::text[])::text, 0)::numeric), 0) FROM `+name+` x`+where)
		}
	}
	books = &ledger{conn: conn, sql: strings.Join(parts, " UNION ALL ")}
	return books
}

// settle waits for the jobs that tell of what has happened: what they do belongs to the operation before, not to the next one. Those
// of what is suspended wait for another time.
func (l *ledger) settle() {
	testkit.Eventually(&shared, "the jobs of all events are done", func() (done bool) {
		if err := l.conn.QueryRow(context.Background(), `SELECT NOT EXISTS (SELECT FROM jobs.river_job
			WHERE kind IN ('events.deliver', 'sessions.shorten') AND state IN ('available', 'running', 'retryable'))`).Scan(&done); err != nil {
			shared.Fatal(err)
		}
		return done
	})
}

// digest is one value for each table.
func (l *ledger) digest() map[string]string {
	l.settle()
	rows, err := l.conn.Query(context.Background(), l.sql)
	if err != nil {
		shared.Fatal(err)
	}
	out := map[string]string{}
	var table, sum string
	if _, err := pgx.ForEachRow(rows, []any{&table, &sum}, func() error { out[table] = sum; return nil }); err != nil {
		shared.Fatal(err)
	}
	return out
}

// changed names the tables that differ.
func changed(before, after map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] != after[name] {
			names = append(names, name)
		}
	}
	return names
}

// written is an event as the log has it.
type written struct {
	ID      string `db:"id"`
	Tenant  string `db:"tenant"`
	Org     string `db:"org"`
	Type    string `db:"type"`
	Actor   string `db:"actor"`
	Subject string `db:"subject"`
}

// newest is the mark after which newer events are read.
func (l *ledger) newest() string {
	l.settle()
	var mark string
	if err := l.conn.QueryRow(context.Background(), `SELECT coalesce(max(id::text), '') FROM grove.events`).Scan(&mark); err != nil {
		shared.Fatal(err)
	}
	return mark
}

// since lists the events after a mark, in the order of their ids, but those that a job tells of some time later.
func (l *ledger) since(mark string) []written {
	rows, err := l.conn.Query(context.Background(), `
		SELECT e.id::text, t.handle AS tenant, e.org_id::text AS org, e.type, e.actor_kind || ':' || e.actor_id AS actor, e.subject
		FROM grove.events e JOIN grove.tenants t ON t.tenant_id = e.tenant_id WHERE e.id::text > $1 AND e.type NOT IN (`+refusalEvents+`) ORDER BY e.id`, mark)
	if err != nil {
		shared.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[written])
	if err != nil {
		shared.Fatal(err)
	}
	return all
}
