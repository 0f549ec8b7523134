package sessions_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// crowd asks for the same over and over, so that others wait and share, until the test ends.
func (b bundle) crowd(t *testing.T, size int, of sessions.Subjects) {
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range size {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.sessions.StandingBatch(context.Background(), of); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	t.Cleanup(func() { close(stop); all.Wait() })
}

// TestSharedStanding: who shares a query with others learns how his own subjects stand, and nothing of theirs.
func TestSharedStanding(t *testing.T) {
	b := setup(t)
	session, _ := b.signIn(t, b.a)
	app, support, other := ids.NewApp(), ids.NewSupportAccess(), ids.NewOrg()
	all := []sessions.Subjects{
		{Org: b.a.branch, User: b.a.user, Session: session.ID},
		{Org: b.a.partner, App: app},
		{Org: b.a.root},
		{Org: other, Began: b.a.branch, User: b.a.user},
		{Org: b.a.root, ImpersonatorOrg: b.a.branch, Impersonator: b.a.user, Support: support},
		{App: app, Origins: []ids.App{ids.NewApp()}, Exchanged: []ids.AccessToken{ids.NewAccessToken()}},
		{User: ids.NewUser()},
	}
	tenants := []tree{b.a, b.b}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		return errors.Join(tx.Raise(ctx, db.KindOrg, b.a.partner.UUID(), "test"), tx.Block(ctx, db.KindClient, app.UUID(), "test"), tx.Raise(ctx, db.KindSupport, support.UUID(), "test"))
	})
	want := map[ids.Tenant][]sessions.Standing{}
	for _, at := range tenants {
		in(t, b.Database, at.tenant, func(ctx context.Context, tx db.Tx) error {
			for _, of := range all {
				one, err := b.sessions.Standing(ctx, tx, of)
				if err != nil {
					return err
				}
				want[at.tenant] = append(want[at.tenant], one)
			}
			many, err := b.sessions.Standings(ctx, tx, all)
			for i := range many {
				if many[i] != want[at.tenant][i] {
					t.Errorf("%d of many: %v, alone %v", i, many[i], want[at.tenant][i])
				}
				if !all[i].Tenant.IsZero() {
					t.Errorf("%d was changed", i)
				}
			}
			return err
		})
	}
	if w := want[b.a.tenant]; w[0].Stamp == 0 || w[0].Blocked || !w[1].Blocked || w[2].Stamp != 0 || w[3] != w[0] || w[4].Stamp == 0 || w[4] == w[0] || !w[5].Blocked || w[6].Stamp != 0 {
		t.Fatalf("the standings: %+v", w)
	}
	for i, w := range want[b.b.tenant] {
		if w.Stamp != 0 || w.Blocked {
			t.Fatalf("%d of the other tenant: %+v", i, w)
		}
	}
	var asking sync.WaitGroup
	for range 50 {
		for _, at := range tenants {
			for i, of := range all {
				asking.Go(func() {
					of.Tenant = at.tenant
					if got, err := b.sessions.StandingBatch(context.Background(), of); err != nil || got != want[at.tenant][i] {
						t.Errorf("%d in a crowd: %v %v, alone %v", i, got, err, want[at.tenant][i])
					}
				})
			}
		}
	}
	asking.Wait()
}

// TestAttack21_SharedStandingIsNotOld: what was revoked before somebody asked he is told of, however many ask at the time.
func TestAttack21_SharedStandingIsNotOld(t *testing.T) {
	b := setup(t)
	of := sessions.Subjects{Tenant: b.a.tenant, Org: b.a.branch, User: b.a.user}
	b.crowd(t, 16, of)
	for range 200 {
		mine := of
		mine.User = ids.NewUser()
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error { return tx.Block(ctx, db.KindUser, mine.User.UUID(), "test") })
		if got, err := b.sessions.StandingBatch(context.Background(), mine); err != nil || !got.Blocked {
			t.Fatalf("after the revocation: %+v %v", got, err)
		}
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error { return tx.Raise(ctx, db.KindOrg, b.a.root.UUID(), "test") })
		before, err := b.sessions.StandingBatch(context.Background(), of)
		if err != nil {
			t.Fatal(err)
		}
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error { return tx.Raise(ctx, db.KindOrg, b.a.root.UUID(), "test") })
		if after, err := b.sessions.StandingBatch(context.Background(), of); err != nil || after.Stamp == before.Stamp {
			t.Fatalf("the same stamp after a revocation: %+v %v", after, err)
		}
	}
}

// TestWhoLeavesACrowd harms nobody who stays.
func TestWhoLeavesACrowd(t *testing.T) {
	b := setup(t)
	of := sessions.Subjects{Tenant: b.a.tenant, Org: b.a.branch, User: b.a.user}
	b.crowd(t, 16, of)
	var leaving sync.WaitGroup
	for range 16 {
		leaving.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				if _, err := b.sessions.StandingBatch(ctx, of); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		})
	}
	leaving.Wait()
}
