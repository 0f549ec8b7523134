package sessions_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

// TestAttack01_RevokedSubjectEndsSessions goes through everything that a session stands on and every way to revoke it.
func TestAttack01_RevokedSubjectEndsSessions(t *testing.T) {
	b := setup(t)
	subjects := map[string]func(tree, sessions.Session) (db.Kind, uuid.UUID){
		"tenant":   func(a tree, _ sessions.Session) (db.Kind, uuid.UUID) { return db.KindTenant, a.tenant.UUID() },
		"root":     func(a tree, _ sessions.Session) (db.Kind, uuid.UUID) { return db.KindOrg, a.root.UUID() },
		"ancestor": func(a tree, _ sessions.Session) (db.Kind, uuid.UUID) { return db.KindOrg, a.partner.UUID() },
		"org":      func(a tree, _ sessions.Session) (db.Kind, uuid.UUID) { return db.KindOrg, a.branch.UUID() },
		"user":     func(a tree, _ sessions.Session) (db.Kind, uuid.UUID) { return db.KindUser, a.user.UUID() },
		"membership": func(a tree, _ sessions.Session) (db.Kind, uuid.UUID) {
			return db.KindMembership, ids.Pair(a.branch.UUID(), a.user.UUID())
		},
		"session": func(_ tree, s sessions.Session) (db.Kind, uuid.UUID) { return db.KindSession, s.ID.UUID() },
	}
	for name, subject := range subjects {
		for _, how := range []string{"blocked", "raised", "blocked and unblocked"} {
			t.Run(name+" "+how, func(t *testing.T) {
				session, secret := b.signIn(t, b.a)
				other, otherSecret := b.signIn(t, b.b)
				if !b.good(t, b.a.tenant, secret) {
					t.Fatal("a fresh session is not good")
				}
				kind, id := subject(b.a, session)
				in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
					switch how {
					case "blocked":
						return tx.Block(ctx, kind, id, "test")
					case "raised":
						return tx.Raise(ctx, kind, id, "test")
					}
					return errors.Join(tx.Block(ctx, kind, id, "test"), tx.Unblock(ctx, kind, id, "test"))
				})
				if b.good(t, b.a.tenant, secret) {
					t.Error("the session outlived its subject")
				}
				in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
					if _, found, err := b.sessions.FindTx(ctx, tx, session.ID); found || err != nil {
						t.Errorf("found by id: %v %v", found, err)
					}
					list, err := b.sessions.OfUser(ctx, tx, b.a.user, 50)
					for _, s := range list {
						if s.ID == session.ID {
							t.Error("listed as good")
						}
					}
					return err
				})
				if !b.good(t, b.b.tenant, otherSecret) {
					t.Error("the other tenant's session ended too")
				}
				if how == "blocked" && kind != db.KindSession {
					err := b.InTenant(context.Background(), b.a.tenant, func(ctx context.Context, tx db.Tx) error {
						_, _, err := b.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: b.a.branch, User: b.a.user})
						return err
					})
					if err == nil || !strings.Contains(err.Error(), "session.refused") {
						t.Errorf("a session was made for what is blocked: %v", err)
					}
				}
				in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error { return tx.Unblock(ctx, kind, id, "test") })
				_ = other
			})
		}
	}
}

func TestStandingIsTheSameByBothRoads(t *testing.T) {
	b := setup(t)
	of := sessions.Subjects{Tenant: b.a.tenant, Org: b.a.branch, User: b.a.user, App: ids.NewApp(), Grant: ids.NewGrant(), Session: ids.NewSession(), Token: uuid.New()}
	check := func() (out sessions.Standing) {
		t.Helper()
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) (err error) {
			out, err = b.sessions.Standing(ctx, tx, of)
			return err
		})
		batch, err := b.sessions.StandingBatch(context.Background(), of)
		if err != nil || batch != out {
			t.Fatalf("batch %+v, transaction %+v: %v", batch, out, err)
		}
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
			many, err := b.sessions.Standings(ctx, tx, []sessions.Subjects{{Org: b.a.branch, User: ids.NewUser()}, of, {User: ids.NewUser()}})
			if err != nil || len(many) != 3 || many[1] != out || many[0].Blocked || many[2] != (sessions.Standing{}) {
				t.Fatalf("among many %+v, alone %+v: %v", many, out, err)
			}
			return nil
		})
		return out
	}
	if got := check(); got != (sessions.Standing{}) {
		t.Fatalf("nothing was revoked: %+v", got)
	}
	kinds := map[db.Kind]uuid.UUID{db.KindClient: of.App.UUID(), db.KindGrant: of.Grant.UUID(), db.KindSession: of.Session.UUID(), db.KindToken: of.Token}
	stamp := int64(0)
	for kind, id := range kinds {
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error { return tx.Raise(ctx, kind, id, "test") })
		got := check()
		if got.Blocked || got.Stamp == stamp || got.Good(stamp) {
			t.Errorf("%s raised: %+v", kind, got)
		}
		stamp = got.Stamp
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return tx.Block(ctx, db.KindClient, of.App.UUID(), "test")
	})
	if got := check(); !got.Blocked || got.Good(got.Stamp) {
		t.Errorf("client blocked: %+v", got)
	}
}

func TestLifetimes(t *testing.T) {
	b := setup(t)
	b.Clock.Stop()
	_, secret := b.signIn(t, b.a)
	const pause = idle - 10*time.Minute
	for used := time.Duration(0); used+pause < life; used += pause { // each use starts the idle time again
		b.Clock.Advance(pause)
		if !b.good(t, b.a.tenant, secret) {
			t.Fatal("not good though it was used")
		}
	}
	b.Clock.Advance(pause)
	if b.good(t, b.a.tenant, secret) {
		t.Error("good after its absolute life")
	}
	_, secret = b.signIn(t, b.a)
	b.Clock.Advance(idle - time.Second)
	if !b.good(t, b.a.tenant, secret) {
		t.Error("not good just before the idle time is over")
	}
	b.Clock.Advance(idle)
	if b.good(t, b.a.tenant, secret) {
		t.Error("good after the idle time")
	}
}

func TestLastSeenIsWrittenOnceAMinute(t *testing.T) {
	b := setup(t)
	first, secret := b.signIn(t, b.a)
	seen := func() time.Time {
		s, _, err := b.sessions.FindBySecret(context.Background(), b.a.tenant, secret)
		if err != nil {
			t.Fatal(err)
		}
		return s.LastSeenAt
	}
	b.Clock.Advance(30 * time.Second)
	if !seen().Equal(first.LastSeenAt) {
		t.Error("written within the minute")
	}
	b.Clock.Advance(31 * time.Second)
	if !seen().After(first.LastSeenAt) {
		t.Error("not written after a minute")
	}
}

func TestAttack33_GarbageSecretsAreNobody(t *testing.T) {
	b := setup(t)
	_, secret := b.signIn(t, b.a)
	for name, s := range map[string]string{
		"cut short": secret[:len(secret)-1], "empty": "", "huge": strings.Repeat("A", 1<<16), "longer": secret + "A", "null": "\x00",
		"other kind": strings.Replace(secret, "grv_ses", "grv_rt", 1), "upper": strings.ToUpper(secret), "invalid UTF-8": "\xff\xfe",
	} {
		if b.good(t, b.a.tenant, s) {
			t.Errorf("%s is good", name)
		}
	}
	if b.good(t, b.b.tenant, secret) {
		t.Error("good in the other tenant")
	}
}

func TestEnding(t *testing.T) {
	b := setup(t)
	one, secretOne := b.signIn(t, b.a)
	_, secretTwo := b.signIn(t, b.a)
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return b.sessions.EndForUserTx(ctx, tx, b.a.user, one.ID, sessions.ReasonAdministrator)
	})
	if !b.good(t, b.a.tenant, secretOne) || b.good(t, b.a.tenant, secretTwo) {
		t.Error("the wrong session ended")
	}
	if _, found, err := b.sessions.EndBySecret(context.Background(), b.b.tenant, secretOne); found || err != nil {
		t.Errorf("ended from the other tenant: %v %v", found, err)
	}
	ended, found, err := b.sessions.EndBySecret(context.Background(), b.a.tenant, secretOne)
	if err != nil || !found || ended.ID != one.ID || b.good(t, b.a.tenant, secretOne) {
		t.Errorf("sign-out: %v %v", found, err)
	}
	// A token that stands on the session is dead as well.
	standing, err := b.sessions.StandingBatch(context.Background(), sessions.Subjects{Tenant: b.a.tenant, Session: one.ID})
	if err != nil || !standing.Blocked {
		t.Errorf("standing of an ended session: %+v %v", standing, err)
	}
	_, secretThree := b.signIn(t, b.a)
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return b.sessions.EndForUserInOrgTx(ctx, tx, b.a.partner, b.a.user, "test")
	})
	if !b.good(t, b.a.tenant, secretThree) {
		t.Error("ended by another organization")
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return b.sessions.EndForUserInOrgTx(ctx, tx, b.a.branch, b.a.user, "test")
	})
	if b.good(t, b.a.tenant, secretThree) {
		t.Error("not ended by its organization")
	}
}

func TestRestampKeepsTheActingSessionOnly(t *testing.T) {
	b := setup(t)
	acting, secretActing := b.signIn(t, b.a)
	_, secretOther := b.signIn(t, b.a)
	changePassword := func(ctx context.Context, tx db.Tx) error {
		return b.sessions.RestampTx(ctx, tx, acting.ID, func(ctx context.Context) error {
			return tx.Raise(ctx, db.KindUser, b.a.user.UUID(), "password changed")
		})
	}
	in(t, b.Database, b.a.tenant, changePassword)
	if !b.good(t, b.a.tenant, secretActing) || b.good(t, b.a.tenant, secretOther) {
		t.Error("the wrong session lived")
	}
	in(t, b.Database, b.a.tenant, changePassword) // and again
	if !b.good(t, b.a.tenant, secretActing) {
		t.Error("the second change ended the session")
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return tx.Raise(ctx, db.KindOrg, b.a.partner.UUID(), "test")
	})
	if err := b.InTenant(context.Background(), b.a.tenant, changePassword); !errors.Is(err, sessions.ErrNotGood) {
		t.Errorf("a dead session was brought back: %v", err)
	}
}

// A revocation that commits between the look and the new stamp is not lost.
func TestRestampDoesNotHideAnotherRevocation(t *testing.T) {
	b := setup(t)
	acting, secret := b.signIn(t, b.a)
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return b.sessions.RestampTx(ctx, tx, acting.ID, func(context.Context) error {
			in(t, b.Database, b.a.tenant, func(ctx context.Context, other db.Tx) error {
				return other.Raise(ctx, db.KindOrg, b.a.root.UUID(), "test")
			})
			return tx.Raise(ctx, db.KindUser, b.a.user.UUID(), "password changed")
		})
	})
	if b.good(t, b.a.tenant, secret) {
		t.Error("the organization's revocation was lost")
	}
}

func (b bundle) sweep(t *testing.T) {
	t.Helper()
	if err := b.sessions.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) count(t *testing.T, tenant ids.Tenant, sql string) (n int) {
	t.Helper()
	in(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, sql, tenant).Scan(&n)
	})
	return n
}

const (
	countAll   = `SELECT count(*) FROM sessions WHERE tenant_id = $1`
	countLive  = countAll + ` AND ended_at IS NULL AND NOT lapsed`
	countEnded = `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'session.ended' AND data->>'reason' = 'expired'`
)

func TestSweep(t *testing.T) {
	b := setup(t)
	lapsed, _ := b.signIn(t, b.a)
	b.signIn(t, b.b)
	b.Clock.Advance(idle)
	b.sweep(t)
	if live, ended := b.count(t, b.a.tenant, countLive), b.count(t, b.a.tenant, countEnded); live != 0 || ended != 0 {
		t.Errorf("after the idle time %d are live and %d ended", live, ended)
	}
	// What apps hold by one that lapsed goes on, and ends with its person's rights to it.
	if standing, err := b.sessions.StandingBatch(context.Background(), sessions.Subjects{Tenant: b.a.tenant, Session: lapsed.ID}); err != nil || standing.Blocked {
		t.Errorf("what apps hold by a session that lapsed ended with it: %v", err)
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return b.sessions.EndForUserTx(ctx, tx, b.a.user, ids.Session{}, sessions.ReasonAdministrator)
	})
	if standing, err := b.sessions.StandingBatch(context.Background(), sessions.Subjects{Tenant: b.a.tenant, Session: lapsed.ID}); err != nil || !standing.Blocked {
		t.Errorf("a session that lapsed was not ended with all others: %v", err)
	}
	_, secret := b.signIn(t, b.a)
	b.Clock.Advance(life - idle)
	b.sweep(t)
	if a, other := b.count(t, b.a.tenant, countEnded), b.count(t, b.b.tenant, countEnded); a != 0 || other != 1 {
		t.Errorf("after the absolute time of the first, %d and %d were ended", a, other)
	}
	b.Clock.Advance(idle)
	b.sweep(t)
	b.sweep(t)
	if ended := b.count(t, b.a.tenant, countEnded); ended != 1 || b.good(t, b.a.tenant, secret) {
		t.Errorf("after the absolute time of the second, %d were ended", ended)
	}
	b.Clock.Advance(29 * 24 * time.Hour)
	if b.sweep(t); b.count(t, b.a.tenant, countAll) != 1 || b.count(t, b.b.tenant, countAll) != 1 {
		t.Errorf("within a month of the end %d and %d are left", b.count(t, b.a.tenant, countAll), b.count(t, b.b.tenant, countAll))
	}
	_, secret = b.signIn(t, b.a)
	b.Clock.Advance(24*time.Hour + time.Second)
	if b.sweep(t); b.count(t, b.a.tenant, countAll) != 1 || b.count(t, b.b.tenant, countAll) != 0 {
		t.Errorf("after a month %d and %d are left", b.count(t, b.a.tenant, countAll), b.count(t, b.b.tenant, countAll))
	}
	if b.good(t, b.a.tenant, secret) {
		t.Error("good after its idle time")
	}
}

// More than one batch is ended, and what is good stays.
func TestSweepOfMany(t *testing.T) {
	b := setup(t)
	for range 201 {
		b.signIn(t, b.a)
	}
	b.Clock.Advance(life)
	_, secret := b.signIn(t, b.a)
	b.sweep(t)
	if n := b.count(t, b.a.tenant, countEnded); n != 201 || !b.good(t, b.a.tenant, secret) {
		t.Errorf("%d ended", n)
	}
}

// TestEndRevoked: what a person can do nothing with any more is ended, with an event; a sign-in since then stays.
func TestEndRevoked(t *testing.T) {
	b := setup(t)
	old, _ := b.signIn(t, b.a)
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, db.KindUser, b.a.user.UUID(), "test") })
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return tx.Unblock(ctx, db.KindUser, b.a.user.UUID(), "test")
	})
	fresh, secret := b.signIn(t, b.a)
	for range 2 { // the event may come twice
		if err := b.sessions.EndRevoked(context.Background(), b.a.tenant, b.a.user); err != nil {
			t.Fatal(err)
		}
	}
	if !b.good(t, b.a.tenant, secret) {
		t.Error("a sign-in since then was ended")
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		ended, err := db.Scalars[string](ctx, tx, `SELECT subject FROM events WHERE tenant_id = $1 AND type = 'session.ended'`, tx.Tenant())
		if len(ended) != 1 || ended[0] != old.ID.String() || ended[0] == fresh.ID.String() {
			t.Errorf("ended: %v", ended)
		}
		return err
	})
}

// TestZPlans runs last and looks at the statements of all tests before it.
func TestZPlans(t *testing.T) { testkit.CheckPlans(t, setup(t).Database) }

// TestNotesOfUseWriteNoIndex: what is written at each use is in no index, or every use would write all of them.
func TestNotesOfUseWriteNoIndex(t *testing.T) {
	b := setup(t)
	_, secret := b.signIn(t, b.a)
	b.Clock.Advance(b.Clock.Now().Truncate(time.Hour).Add(time.Hour).Sub(b.Clock.Now()))
	// The first use comes to another hour than the sign-in did, as the last one does.
	for i, later := range []time.Duration{time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute} {
		b.Clock.Advance(later)
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
			const updates = `SELECT pg_stat_get_xact_tuples_updated('grove.sessions'::regclass), pg_stat_get_xact_tuples_hot_updated('grove.sessions'::regclass)`
			var all, light, allBefore, lightBefore int
			if err := tx.QueryRow(ctx, updates).Scan(&allBefore, &lightBefore); err != nil {
				return err
			}
			found, good, err := b.sessions.FindBySecretTx(ctx, tx, secret)
			if !good || err != nil {
				t.Fatal(good, err)
			}
			if err := tx.QueryRow(ctx, updates).Scan(&all, &light); err != nil {
				return err
			}
			var right bool
			err = tx.QueryRow(ctx, `SELECT lapse_hour = date_trunc('hour', lapses_at, 'UTC') FROM sessions WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), found.ID).Scan(&right)
			if all-allBefore != 1 || !right || (i == 1 || i == 2) && light-lightBefore != 1 {
				t.Errorf("use %d: %d updates, of which %d wrote no index; the right hour: %v", i+1, all-allBefore, light-lightBefore, right)
			}
			return err
		})
	}
	testkit.CheckPlans(t, b.Database)
}
