package authn_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"grove/iam/authn"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/tenants/settings"
)

// TestAttack31_SessionsOfOtherOrganizations: an organization that asks for the password more often than the one where somebody signed
// in does so for him too, also in the middle of a flow, and of a browser that somebody found and used elsewhere first.
func TestAttack31_SessionsOfOtherOrganizations(t *testing.T) {
	b := setup(t)
	all := settings.New(b.DB, events.NewLog(nil), cache.NewHub(testkit.Quiet()))
	b.sessions.WithSettings(all)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo", b.A.Partner, b.A.Rivals)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := all.ChangeTx(ctx, tx, b.A.Rivals.ID, "sessions", settings.AnyVersion,
			map[string]json.RawMessage{"absolute_seconds": json.RawMessage("3600"), "idle_seconds": json.RawMessage("600")})
		return err
	})
	w := b.tab(t, b.A)
	home, bank := authn.Request{App: app, Org: b.A.Partner.ID}, authn.Request{App: app, Org: b.A.Rivals.ID}
	silent := bank
	silent.Prompt = []string{"none"}

	first := w.signIn(home, "jo")
	b.Clock.Advance(9 * time.Minute)
	if out := w.begin(bank); out.Done == nil || out.Done.Session != first.Session {
		t.Fatalf("within the shorter times: %+v", out)
	}
	// A flow that began in time and ends too late.
	consent := bank
	consent.Prompt = []string{"consent"}
	late := w.start(consent)
	b.Clock.Advance(10 * time.Minute)
	if f, err := b.engine.Show(context.Background(), w.tenant, late, w.Browser); err != nil || f.Step != authn.StepPassword {
		t.Errorf("after the shorter idle time the flow is at %s: %v", f.Step, err)
	}
	for range 2 { // the first use elsewhere makes it no better
		if out := w.begin(home); out.Done == nil || out.Done.Session != first.Session {
			t.Fatalf("where it began: %+v", out)
		}
		if out := w.begin(silent); out.Error != authn.ErrorLoginRequired {
			t.Errorf("after the shorter idle time: %+v", out)
		}
	}
	id := w.start(bank)
	f, err := b.engine.Show(context.Background(), w.tenant, id, w.Browser)
	if err != nil || f.Step != authn.StepPassword || f.Challenge != (authn.PasswordChallenge{Username: "jo"}) {
		t.Fatalf("%+v %v", f, err)
	}
	if _, err := w.finish(id); !authn.IsGone(err) {
		t.Errorf("finished without a password: %v", err)
	}
	w.want(w.password(id, "wrong"), authn.StepPassword, authn.ProblemCredentials)
	w.want(w.password(id, secret), authn.StepDone, "")
	there, err := w.finish(id)
	if err != nil || there.Org != b.A.Rivals.ID || there.Session == first.Session {
		t.Fatalf("%+v %v", there, err)
	}
	// From there on it is a session of the stricter one, which is good at home.
	b.Clock.Advance(9 * time.Minute)
	if out := w.begin(home); out.Done == nil || out.Done.Session != there.Session {
		t.Errorf("back at home: %+v", out)
	}

	second := w.signIn(authn.Request{App: app, Org: b.A.Partner.ID, Prompt: []string{"login"}}, "jo")
	for range 7 {
		b.Clock.Advance(9 * time.Minute)
		if out := w.begin(home); out.Done == nil || out.Done.Session != second.Session {
			t.Fatalf("used all the time: %+v", out)
		}
	}
	if out := w.begin(silent); out.Error != authn.ErrorLoginRequired {
		t.Errorf("after the shorter absolute time: %+v", out)
	}
}

// TestAttack35_TheFirstWrongPassword: after a change of settings it costs the same statements for a name that there is and for one that
// there is not, and so does the second.
func TestAttack35_TheFirstWrongPassword(t *testing.T) {
	count := &counter{}
	b := setup(t, func(o *db.Options) { o.Tracer = count })
	hub := cache.NewHub(testkit.Quiet())
	b.OnChange(hub.Changed)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); hub.Run(ctx, b.SystemPool()) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := hub.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	b.users.WithSettings(settings.New(b.DB, events.NewLog(nil), hub))
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo", b.A.Partner)
	var cost []int64
	for _, name := range []string{"nobody", "jo", "nobody", "jo"} {
		w := b.tab(t, b.A)
		id := w.start(authn.Request{App: app})
		w.name(id, name)
		before := count.n.Load()
		w.want(w.password(id, "wrong"), authn.StepPassword, authn.ProblemCredentials)
		cost = append(cost, count.n.Load()-before)
	}
	if cost[0] != cost[1] || cost[2] != cost[3] {
		t.Errorf("nobody, jo, nobody, jo cost %v statements", cost)
	}
}
