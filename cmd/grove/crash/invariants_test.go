package crash_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"grove/infra/events"
	"grove/infra/kernel/ids"
)

// whole are questions about half-done work; each has to count 0.
var whole = map[string]string{
	"invitations without one seat": `SELECT count(*) FROM invitations i WHERE state = 'pending' AND 1 <> (
		SELECT coalesce(sum(CASE WHEN e.to_account = 'reserved' THEN 1 WHEN e.from_account = 'reserved' THEN -1 ELSE 0 END), 0)
		FROM seat_entries e WHERE e.tenant_id = i.tenant_id AND e.org_id = i.org_id AND e.holder = i.id)`,
	"seats of nobody": `SELECT count(*) FROM seat_entries e
		WHERE NOT EXISTS (SELECT FROM invitations i WHERE i.tenant_id = e.tenant_id AND i.id = e.holder)
		  AND NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = e.tenant_id AND u.id = e.holder)`,
	"balances that are not the sum of their entries": `SELECT count(*) FROM seat_balances b CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE to_account = 'reserved') - count(*) FILTER (WHERE from_account = 'reserved') AS reserved,
		       count(*) FILTER (WHERE to_account = 'used') - count(*) FILTER (WHERE from_account = 'used') AS used
		FROM seat_entries e WHERE e.tenant_id = b.tenant_id AND e.org_id = b.org_id) e
		WHERE b.reserved <> e.reserved OR b.used <> e.used`,
	"users without their membership": `SELECT count(*) FROM users u WHERE NOT EXISTS (
		SELECT FROM memberships m WHERE m.tenant_id = u.tenant_id AND m.org_id = u.org_id AND m.user_id = u.id)`,
	"users without a seat": `SELECT count(*) FROM users u WHERE 1 <> (
		SELECT coalesce(sum(CASE WHEN e.to_account = 'used' THEN 1 WHEN e.from_account = 'used' THEN -1 ELSE 0 END), 0)
		FROM seat_entries e WHERE e.tenant_id = u.tenant_id AND e.org_id = u.org_id AND e.holder = u.id)`,
	"grants that ended":                      `SELECT count(*) FROM grants WHERE ended_at IS NOT NULL`,
	"grants whose newest token is not there": `SELECT count(*) FROM grants g WHERE generation <> coalesce((SELECT max(generation) FROM refresh_tokens r WHERE r.tenant_id = g.tenant_id AND r.grant_id = g.id), 0)`,
	"chains with a gap": `SELECT count(*) FROM grants g WHERE generation <> (
		SELECT count(DISTINCT generation) FROM refresh_tokens r WHERE r.tenant_id = g.tenant_id AND r.grant_id = g.id)`,
	"codes that were used without a token": `SELECT count(*) FROM authorization_codes c JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id
		WHERE (c.used_at IS NULL) <> (g.generation = 0)`,
	"keys whose effect is not there": `SELECT count(*) FROM idempotency_keys k WHERE NOT EXISTS (
		SELECT FROM events e WHERE e.tenant_id = k.tenant_id AND e.subject = k.subject)`,
}

// told are the events that tell of a new row, by table; each row has exactly one, and each event a row.
var told = map[string]string{assignments: "role.assigned", "grants": "grant.created", invitations: "invitation.created", users: "user.created"}

// check asks the database for everything that a crash could have left half done, and for what was acknowledged.
func (l *load) check() {
	l.t.Helper()
	ctx := context.Background()
	conn := database.connect(l.t, l.name)
	for what, sql := range whole {
		var n int
		if err := conn.QueryRow(ctx, sql).Scan(&n); err != nil {
			l.t.Fatalf("%s: %v", what, err)
		}
		if n != 0 {
			l.t.Errorf("%d %s", n, what)
		}
	}
	rows := map[string][]string{assignments: idsOf[ids.Assignment](l, conn, `SELECT id FROM role_assignments`), "grants": idsOf[ids.Grant](l, conn, `SELECT id FROM grants`),
		invitations: idsOf[ids.Invitation](l, conn, `SELECT id FROM invitations`), users: idsOf[ids.User](l, conn, `SELECT id FROM users`)}
	for table, event := range told {
		compare(l, table+" and their events", rows[table], l.column(conn, `SELECT subject FROM events WHERE type = $1`, event))
	}
	compare(l, "invitations and the jobs that end them", rows[invitations],
		l.column(conn, `SELECT args->>'invitation' FROM jobs.river_job WHERE kind = 'invitations.expire'`))
	compare(l, "invitations' events and the jobs that send the mail", idsOf[ids.Event](l, conn, `SELECT id FROM events WHERE type = 'invitation.created'`),
		l.column(conn, `SELECT args->>'event' FROM jobs.river_job WHERE args->>'subscriber' = 'notifications.invitation'`))
	for kind, acked := range l.acked {
		there := map[string]bool{}
		for _, id := range rows[kind] {
			there[id] = true
		}
		for _, id := range acked {
			if !there[id] {
				l.t.Errorf("%s was acknowledged and is not in %s", id, kind)
			}
		}
	}
	// Every client insisted until it was answered, so nothing is there that nobody was told of.
	if got, want := len(rows[invitations]), len(l.acked[invitations]); got != want {
		l.t.Errorf("%d invitations are there, %d were acknowledged", got, want)
	}
	l.checkChain(conn)
}

func idsOf[T fmt.Stringer](l *load, conn *pgx.Conn, sql string) []string {
	l.t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		l.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		l.t.Fatal(err)
	}
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = id.String()
	}
	return texts
}

func (l *load) column(conn *pgx.Conn, sql string, args ...any) []string {
	l.t.Helper()
	rows, err := conn.Query(context.Background(), sql, args...)
	if err != nil {
		l.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		l.t.Fatal(err)
	}
	return list
}

// compare reports what is in only one of two lists, or not once in each.
func compare(l *load, what string, a, b []string) {
	l.t.Helper()
	count := map[string][2]int{}
	for side, list := range [][]string{a, b} {
		for _, id := range list {
			c := count[id]
			c[side]++
			count[id] = c
		}
	}
	for id, c := range count {
		if c != [2]int{1, 1} {
			l.t.Errorf("%s: %s is there %d and %d times", what, id, c[0], c[1])
		}
	}
}

type link struct {
	Tenant ids.Tenant `db:"tenant_id"`
	Seq    int64      `db:"seq"`
	Hash   []byte     `db:"hash"`
	events.Event
}

// checkChain waits until all events are in the chain, and computes it anew.
func (l *load) checkChain(conn *pgx.Conn) {
	l.t.Helper()
	ctx := context.Background()
	eventually(l.t, "every event is in the chain", func() bool {
		var open int
		err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM event_chain)`).Scan(&open)
		if err != nil {
			l.t.Fatal(err)
		}
		return open == 0
	})
	rows, err := conn.Query(ctx, `
		SELECT c.tenant_id, c.seq, c.hash, e.id, e.org_id, e.type, e.actor_kind, e.actor_id, e.impersonator_id, e.subject, e.data, e.request_id, e.at
		FROM event_chain c JOIN events e ON e.tenant_id = c.tenant_id AND e.id = c.event_id ORDER BY c.tenant_id, c.seq`)
	if err != nil {
		l.t.Fatal(err)
	}
	links, err := pgx.CollectRows(rows, pgx.RowToStructByName[link])
	if err != nil {
		l.t.Fatal(err)
	}
	var before []byte
	for i, at := range links {
		if at.Seq != int64(i+1) || !bytes.Equal(events.Link(before, at.Tenant, at.Seq, at.Event), at.Hash) {
			l.t.Fatalf("the chain of events breaks at %d", at.Seq)
		}
		before = at.Hash
	}
}

// letTimePass makes the work of processes that were killed as old as it would be some minutes later. No process runs.
func (s *site) letTimePass() {
	s.t.Helper()
	for _, n := range s.nodes {
		if n.running() {
			s.t.Fatal("a job that runs would be taken for lost")
		}
	}
	for _, sql := range []string{`UPDATE jobs.river_job SET attempted_at = attempted_at - interval '2 minutes' WHERE state = 'running'`,
		`UPDATE jobs.river_job SET scheduled_at = scheduled_at - interval '2 minutes' WHERE state = 'retryable'`,
		`DELETE FROM jobs.river_leader`} {
		if err := database.exec(context.Background(), s.name, sql); err != nil {
			s.t.Fatal(err)
		}
	}
}

// checkMail waits until every invitation has its mail, and counts copies: each crash may cost one more.
func (l *load) checkMail(crashes int) {
	l.t.Helper()
	conn := database.connect(l.t, l.name)
	addresses := l.column(conn, `SELECT email FROM invitations`)
	eventually(l.t, "every invitation has its mail", func() bool {
		got := map[string]bool{}
		for _, e := range l.mail.Entries() {
			got[e.To] = true
		}
		for _, address := range addresses {
			if !got[address] {
				return false
			}
		}
		return true
	})
	type copies struct {
		ids   map[string]bool
		count int
	}
	mails := map[string]copies{}
	for _, e := range l.mail.Entries() {
		c := mails[e.To]
		if c.ids == nil {
			c.ids = map[string]bool{}
		}
		c.ids[e.Header.Get("Message-Id")] = true
		c.count++
		mails[e.To] = c
	}
	extra := 0
	for address, c := range mails {
		extra += c.count - 1
		if len(c.ids) != 1 || c.ids[""] || c.count > 1+crashes {
			l.t.Errorf("%s has %d mails with the ids %v", address, c.count, c.ids)
		}
	}
	l.t.Logf("%d mails, %d of them copies", len(l.mail.Entries()), extra)
	if len(mails) != len(addresses) {
		l.t.Errorf("%d were invited, %d have mail", len(addresses), len(mails))
	}
}
