package sessions_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/iam/sessions"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/tenants/settings"
)

// reset inherits a field again.
const reset = -1

// withSettings lets organizations set how long sessions last. The returned function sets fields for one of them.
func withSettings(t *testing.T, b bundle) func(tenant ids.Tenant, org ids.Org, field string, seconds int) error {
	t.Helper()
	hub := cache.NewHub(testkit.Quiet())
	b.OnChange(hub.Changed)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); hub.Run(ctx, b.SystemPool()) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := hub.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	all := settings.New(b.DB, events.NewLog(nil), hub)
	b.sessions.WithSettings(all)
	return func(tenant ids.Tenant, org ids.Org, field string, seconds int) error {
		value := strconv.Itoa(seconds)
		if seconds == reset {
			value = "null"
		}
		return b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) error {
			_, err := all.ChangeTx(ctx, tx, org, "sessions", settings.AnyVersion, map[string]json.RawMessage{field: json.RawMessage(value)})
			return err
		})
	}
}

func TestSessionsLastAsLongAsTheirOrganizationSays(t *testing.T) {
	b := setup(t)
	b.Clock.Stop()
	set := withSettings(t, b)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, before := b.signIn(t, b.a)
	_, others := b.signIn(t, b.b)
	b.Clock.Advance(11 * time.Minute)
	if !b.good(t, b.a.tenant, before) {
		t.Fatal("not good before anything is set")
	}
	// The partner sets a shorter idle time for its branch, too: at once, also for sessions that there are.
	must(set(b.a.tenant, b.a.partner, "idle_seconds", 600))
	b.Clock.Advance(10*time.Minute - time.Second)
	if !b.good(t, b.a.tenant, before) {
		t.Error("not good just before the organization's idle time is over")
	}
	b.Clock.Advance(10 * time.Minute)
	if b.good(t, b.a.tenant, before) {
		t.Error("good after the organization's idle time")
	}
	if !b.good(t, b.b.tenant, others) {
		t.Error("another tenant's setting ended a session")
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		live, err := b.sessions.OfUser(ctx, tx, b.a.user, 10)
		if len(live) != 0 {
			t.Errorf("listed after the idle time: %v", live)
		}
		return err
	})

	// The absolute life of a session that there is becomes shorter, and not longer again.
	session, secret := b.signIn(t, b.a)
	must(set(b.a.tenant, b.a.branch, "absolute_seconds", 300))
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		live, err := b.sessions.OfUser(ctx, tx, b.a.user, 10)
		if len(live) != 1 || !live[0].ExpiresAt.Equal(session.CreatedAt.Add(5*time.Minute)) {
			t.Errorf("%v", live)
		}
		return err
	})
	b.Clock.Advance(5*time.Minute - time.Second)
	if !b.good(t, b.a.tenant, secret) {
		t.Error("not good just before the organization's absolute time is over")
	}
	b.Clock.Advance(time.Second)
	if b.good(t, b.a.tenant, secret) {
		t.Error("good after the organization's absolute time")
	}
	if session, _ := b.signIn(t, b.a); !session.ExpiresAt.Equal(session.CreatedAt.Add(5 * time.Minute)) {
		t.Errorf("a new session ends at %s, made %s", session.ExpiresAt, session.CreatedAt)
	}
	testkit.CheckPlans(t, b.Database)
}

// A customer's administrator makes the vendor's sessions shorter, never longer; the vendor may make them longer than what is installed.
func TestNobodyBelowMakesSessionsLonger(t *testing.T) {
	b := setup(t)
	set := withSettings(t, b)
	looser := func(err error) {
		t.Helper()
		var f *fault.Error
		if !errors.As(err, &f) || f.Code.Name != "setting.looser" {
			t.Error(err)
		}
	}
	looser(set(b.a.tenant, b.a.partner, "idle_seconds", int(idle/time.Second)+1))
	if err := set(b.a.tenant, b.a.root, "idle_seconds", 3600); err != nil {
		t.Error(err)
	}
	looser(set(b.a.tenant, b.a.branch, "idle_seconds", 3601))
	if err := set(b.a.tenant, b.a.root, "absolute_seconds", int(life/time.Second)*2); err != nil {
		t.Error(err)
	}
	if session, _ := b.signIn(t, b.a); !session.ExpiresAt.Equal(session.CreatedAt.Add(2 * life)) {
		t.Errorf("ends at %s, made %s", session.ExpiresAt, session.CreatedAt)
	}
}

// What a shorter time ended stays ended when the time is longer again, on the spot and without anybody having looked; what it left
// goes on as it began.
func TestWhatASettingEndedStaysEnded(t *testing.T) {
	for _, job := range []string{"before the job", "after the job"} {
		for field, seconds := range map[string]int{"absolute_seconds": 300, "idle_seconds": 60} {
			t.Run(field+" "+job, func(t *testing.T) {
				b := setup(t)
				set := withSettings(t, b)
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				_, over := b.signIn(t, b.a)
				b.Clock.Advance(time.Duration(seconds/2) * time.Second)
				left, kept := b.signIn(t, b.a)
				_, elsewhere := b.signIn(t, b.b)
				must(set(b.a.tenant, b.a.partner, field, seconds))
				b.Clock.Advance(time.Duration(seconds-seconds/2) * time.Second)
				if job == "after the job" {
					must(b.policyChanged(b.a.tenant, b.a.partner, "sessions"))
				}
				must(set(b.a.tenant, b.a.partner, field, reset))
				if b.good(t, b.a.tenant, over) {
					t.Error("good again")
				}
				in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
					if live, err := b.sessions.OfUser(ctx, tx, b.a.user, 10); err != nil || len(live) != 1 || live[0].ID != left.ID {
						t.Errorf("listed: %v %v", live, err)
					}
					return nil
				})
				if !b.good(t, b.a.tenant, kept) || !b.good(t, b.b.tenant, elsewhere) {
					t.Error("one that was not over ended")
				}
				must(b.policyChanged(b.a.tenant, b.a.partner, "sessions"))
				b.sweep(t)
				if live := b.count(t, b.a.tenant, countLive); live != 1 {
					t.Errorf("%d are live", live)
				}
				if b.good(t, b.a.tenant, over) || !b.good(t, b.a.tenant, kept) {
					t.Error("the job changed who is signed in")
				}
				_, fresh := b.signIn(t, b.a)
				b.Clock.Advance(time.Duration(seconds) * time.Second)
				if !b.good(t, b.a.tenant, fresh) {
					t.Error("a new one ends as early as the old ones")
				}
			})
		}
	}
}

// queue keeps jobs as the database does.
type queue struct{ waiting [][]byte }

func (q *queue) Insert(_ context.Context, _ db.Tx, args jobs.Args) error {
	raw, err := json.Marshal(args)
	q.waiting = append(q.waiting, raw)
	return err
}

// next does the job that has waited longest.
func (b bundle) next() error {
	var args sessions.ShortenArgs
	err := json.Unmarshal(b.queue.waiting[0], &args)
	b.queue.waiting = b.queue.waiting[1:]
	return errors.Join(err, b.sessions.Shorten(context.Background(), args))
}

// policyChanged does what follows when an organization changes a module of its settings.
func (b bundle) policyChanged(tenant ids.Tenant, org ids.Org, module string) error {
	return b.told("sessions.policy", tenant, events.Event{Type: "setting.changed", Org: org, Subject: org.String(), Data: json.RawMessage(`{"module":"` + module + `"}`)})
}

func (b bundle) told(subscriber string, tenant ids.Tenant, e events.Event) error {
	for _, s := range b.sessions.Module().Subscriptions {
		if s.Name == subscriber {
			err := s.Do(context.Background(), tenant, e)
			for err == nil && len(b.queue.waiting) > 0 {
				err = b.next()
			}
			return err
		}
	}
	return errors.New("nobody subscribes as " + subscriber)
}

// What a setting made shorter is out of the lists' indexes and told of with the next sweep, and blocks what apps hold for longer.
func TestSweepEndsWhatASettingEnds(t *testing.T) {
	b := setup(t)
	set := withSettings(t, b)
	session, _ := b.signIn(t, b.a)
	b.signIn(t, b.b)
	if err := set(b.a.tenant, b.a.root, "absolute_seconds", 300); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(300 * time.Second)
	if err := b.policyChanged(b.a.tenant, b.a.root, "passwords"); err != nil || b.count(t, b.a.tenant, countLive) != 1 {
		t.Fatalf("another module's change: %v", err)
	}
	for range 2 { // the event may come twice
		if err := b.told("sessions.policy", b.a.tenant, events.Event{Type: "org.moved", Org: b.a.root, Subject: b.a.root.String(), Data: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
		b.sweep(t)
	}
	if live, ended := b.count(t, b.a.tenant, countLive), b.count(t, b.a.tenant, countEnded); live != 0 || ended != 1 {
		t.Errorf("%d are live, %d ended", live, ended)
	}
	standing, err := b.sessions.StandingBatch(context.Background(), sessions.Subjects{Tenant: b.a.tenant, Session: session.ID})
	if err != nil || !standing.Blocked {
		t.Errorf("what apps hold for longer goes on: %v", err)
	}
	if n := b.count(t, b.b.tenant, countLive); n != 1 {
		t.Errorf("of the other tenant %d are live", n)
	}
}

// A session that began elsewhere is proof in an organization as long as it would be if it had begun there.
func TestSessionsOfOtherOrganizations(t *testing.T) {
	b := setup(t)
	b.Clock.Stop()
	set := withSettings(t, b)
	stranger, other := ids.NewOrg(), ids.NewOrg() // the first has what is installed
	lasts := map[ids.Org]time.Duration{stranger: life, other: 1200 * time.Second}
	suffices := func(secret string, org ids.Org) (yes bool) {
		t.Helper()
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
			session, good, err := b.sessions.FindBySecretTx(ctx, tx, secret)
			if err != nil || !good {
				t.Fatalf("not good where it began: %v", err)
			}
			var until time.Time
			if until, yes, err = b.sessions.SufficesIn(ctx, tx, session, org); org != b.a.branch && yes && until.After(session.BeganAt.Add(lasts[org])) {
				t.Errorf("until %s, began %s", until, session.BeganAt)
			}
			return err
		})
		return yes
	}
	_, secret := b.signIn(t, b.a)
	if !suffices(secret, stranger) || !suffices(secret, b.a.branch) {
		t.Fatal("a fresh one does not suffice")
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, 'bank', 'Bank', 'bank', 'active', $4, $4)`, b.a.tenant, other, b.a.root, tx.Now())
		for depth, ancestor := range []ids.Org{other, b.a.root} {
			if err == nil {
				_, err = tx.Exec(ctx, `INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth) VALUES ($1, $2, $3, $4)`, b.a.tenant, ancestor, other, depth)
			}
		}
		return err
	})
	for field, seconds := range map[string]int{"absolute_seconds": 1200, "idle_seconds": 600} {
		if err := set(b.a.tenant, other, field, seconds); err != nil {
			t.Fatal(err)
		}
	}
	b.Clock.Advance(599 * time.Second)
	if !suffices(secret, other) {
		t.Error("does not suffice before the idle time")
	}
	b.Clock.Advance(599 * time.Second)
	if !suffices(secret, other) {
		t.Error("does not suffice before the absolute time")
	}
	b.Clock.Advance(2 * time.Second)
	if suffices(secret, other) {
		t.Error("suffices after the absolute time")
	}
	if !suffices(secret, stranger) {
		t.Error("does not suffice where nothing shorter is set")
	}
	_, secret = b.signIn(t, b.a)
	b.Clock.Advance(600 * time.Second)
	if suffices(secret, other) {
		t.Error("suffices after the idle time")
	}
	if suffices(secret, other) {
		t.Error("suffices after the idle time, once it was used elsewhere")
	}
}

// Each job shortens the sessions of so many organizations, and the next one goes on after them.
func TestShorteningGoesOn(t *testing.T) {
	b := setup(t)
	set := withSettings(t, b)
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH made AS (
				INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), $2, 'many-' || i, 'many ' || i, 'many ' || i, 'active', $4, $4 FROM generate_series(1, 101) i RETURNING id
			), closed AS (
				INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth) SELECT $1, id, id, 0 FROM made UNION ALL SELECT $1, $2, id, 1 FROM made
			)
			INSERT INTO sessions (tenant_id, id, org_id, user_id, secret_hash, amr, auth_time, stamp, began_at, created_at, last_seen_at, lapses_at, expires_at)
			SELECT $1, gen_random_uuid(), id, $3, decode(replace(id::text, '-', ''), 'hex'), '{}', $4, 0, $4, $4, $4, $5, $5 FROM made`,
			b.a.tenant, b.a.root, b.a.user, tx.Now(), tx.Now().Add(life))
		return err
	})
	if err := set(b.a.tenant, b.a.root, "absolute_seconds", 300); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		return b.count(t, b.a.tenant, countAll+` AND expires_at > began_at + interval '5 minutes'`)
	}
	if err := b.sessions.Shorten(context.Background(), sessions.ShortenArgs{Tenant: b.a.tenant, Org: b.a.root}); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 1 || len(b.queue.waiting) != 1 {
		t.Fatalf("after the first job %d are left, and %d jobs", n, len(b.queue.waiting))
	}
	if err := b.next(); err != nil || left() != 0 || len(b.queue.waiting) != 0 {
		t.Errorf("after the second job %d are left, and %d jobs: %v", left(), len(b.queue.waiting), err)
	}
}

// Who proves himself anew while a job is at his session is signed in by what he has then.
func TestRenewedMeanwhile(t *testing.T) {
	for name, work := range map[string]func(b bundle) error{
		"lapsed":    func(b bundle) error { return b.sessions.Sweep(context.Background()) },
		"shortened": func(b bundle) error { return b.policyChanged(b.a.tenant, b.a.root, "sessions") },
	} {
		b := setup(t)
		b.Clock.Stop()
		set := withSettings(t, b)
		session, _ := b.signIn(t, b.a)
		if name == "shortened" {
			if err := set(b.a.tenant, b.a.root, "absolute_seconds", 300); err != nil {
				t.Fatal(err)
			}
			b.Clock.Advance(299 * time.Second)
		} else {
			b.Clock.Advance(idle)
		}
		done := make(chan error, 1)
		var secret string
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) (err error) {
			_, secret, err = b.sessions.RenewTx(ctx, tx, session.ID, sessions.NewSession{Org: session.Org, User: session.User, AMR: []string{"pwd"}})
			if err != nil {
				return err
			}
			b.meanwhile(t, func() { done <- work(b) })
			return nil
		})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(2 * time.Second)
		if !b.good(t, b.a.tenant, secret) {
			t.Errorf("%s: not good", name)
		}
		if n := b.count(t, b.a.tenant, countLive); n != 1 {
			t.Errorf("%s: %d are live", name, n)
		}
	}
}

// meanwhile starts what waits for the caller's transaction, and returns when it does.
func (b bundle) meanwhile(t *testing.T, start func()) {
	t.Helper()
	super, err := pgx.Connect(context.Background(), b.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = super.Close(context.Background()) }()
	go start()
	testkit.Eventually(t, "it waits", func() (waiting bool) {
		err := super.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		return err == nil && waiting
	})
}
