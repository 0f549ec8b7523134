package sessions_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/tenants/settings"
)

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
		return b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) error {
			_, err := all.ChangeTx(ctx, tx, org, "sessions", settings.AnyVersion, map[string]json.RawMessage{field: json.RawMessage(strconv.Itoa(seconds))})
			return err
		})
	}
}

func TestSessionsLastAsLongAsTheirOrganizationSays(t *testing.T) {
	b := setup(t)
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
