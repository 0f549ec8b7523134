package authn_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/iam/authn"
	"grove/iam/users"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
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

// recorder keeps the statements that are sent.
type recorder struct {
	mu   sync.Mutex
	sent []string
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	statement, _, _ := strings.Cut(q.SQL, "; set local grove.") // without the time
	r.sent = append(r.sent, statement)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.sent = nil }()
	return r.sent
}

// hashes counts the passwords that are looked at, each of which is one hash.
type hashes struct {
	authn.Users
	n atomic.Int64
}

func (h *hashes) CheckPassword(ctx context.Context, tenant ids.Tenant, candidates []users.User, plain string) (users.User, error) {
	h.n.Add(1)
	return h.Users.CheckPassword(ctx, tenant, candidates, plain)
}

// TestAttack35_AnOrganizationOfOthers: where an app names an organization that somebody does not belong to, a wrong password answers and
// costs as for nobody, whoever is locked or disabled is refused as ever, and the right one leads to the page that says so.
func TestAttack35_AnOrganizationOfOthers(t *testing.T) {
	sent := &recorder{}
	b := setup(t, func(o *db.Options) { o.Tracer = sent })
	app := b.app(t, b.A, "portal")
	eva := b.person(t, b.A, "eva@partner.example", b.A.Partner)
	b.person(t, b.A, "ida@partner.example", b.A.Rivals)
	b.person(t, b.A, "eva", b.A.Partner)
	b.person(t, b.A, "gus", b.A.Rivals)
	gone := b.person(t, b.A, "gone", b.A.Partner)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := b.users.DisableTx(ctx, tx, gone, false)
		return err
	})
	locked := b.person(t, b.A, "locked", b.A.Partner)
	away := map[string]authn.Request{"named": {App: app, OrgRequested: "rivals", RedirectURI: "https://app.example/cb"}, "base": {App: app, Org: b.A.Rivals.ID, RedirectURI: "https://app.example/cb"}}
	for range users.DefaultLockout.MaxFailures { // counted for him whose password was tried
		w := b.tab(t, b.A)
		id := w.start(away["named"])
		w.name(id, "locked")
		w.want(w.password(id, "wrong"), authn.StepPassword, authn.ProblemCredentials)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		u, err := b.users.Load(ctx, tx, locked.ID)
		if err == nil && u.LockedUntil == nil {
			t.Error("failures at another organization lock nobody")
		}
		return err
	})

	for name, req := range away {
		// No domain is owned, and then that of two of them is.
		for _, owner := range []ids.Org{{}, b.A.Partner.ID} {
			if delete(b.domains, b.A.Tenant.ID.String()+"partner.example"); !owner.IsZero() {
				b.domains[b.A.Tenant.ID.String()+"partner.example"] = owner
			}
			for _, logins := range [][]string{{"nobody@partner.example", "eva@partner.example", "ida@partner.example"}, {"nobody", "eva", "gus", "gone", "locked"}} {
				var page authn.Flow
				var statements []string
				for i, login := range logins {
					w := b.tab(t, b.A)
					id := w.start(req)
					w.name(id, login)
					sent.take()
					before := b.looked.n.Load()
					f := w.want(w.password(id, "wrong"), authn.StepPassword, authn.ProblemCredentials)
					stated := sent.take()
					if n := b.looked.n.Load() - before; n != 1 {
						t.Errorf("%s, %s: %d passwords were looked at", name, login, n)
					}
					if f.ID, f.Challenge = (ids.Flow{}), nil; i == 0 {
						page, statements = f, stated
						continue
					}
					if !reflect.DeepEqual(f, page) {
						t.Errorf("%s, %s: the page tells\n%+v\n%+v", name, login, f, page)
					}
					if !slices.Equal(stated, statements) {
						t.Errorf("%s, %s: the statements tell\n%q\n%q", name, login, stated, statements)
					}
				}
			}
		}
		for _, login := range []string{"gone", "locked"} {
			w := b.tab(t, b.A)
			id := w.start(req)
			w.name(id, login)
			w.want(w.password(id, secret), authn.StepPassword, authn.ProblemCredentials)
		}

		signedIn := b.tab(t, b.A)
		signedIn.signIn(authn.Request{App: app}, "eva@partner.example")
		want := signedIn.want(signedIn.show(signedIn.start(req)), authn.StepRefused, "")
		w := b.tab(t, b.A)
		id := w.start(req)
		w.name(id, "eva@partner.example")
		got := w.want(w.password(id, secret), authn.StepRefused, "")
		if got.ID = want.ID; !reflect.DeepEqual(got, want) || got.Challenge.(authn.RefusedChallenge).Refusal != authn.RefusedMember || w.Session != "" {
			t.Errorf("%s: with the password\n%+v\nwith a session\n%+v", name, got, want)
		}
		if _, err := w.finish(id); !authn.IsGone(err) {
			t.Errorf("%s: finished: %v", name, err)
		}
		if w.act(id, authn.ActOrganization); name == "named" {
			if done, err := w.finish(id); err != nil || done.Org != b.A.Partner.ID || done.User != eva.ID {
				t.Errorf("another organization: %+v %v", done, err)
			}
		}
		w = b.tab(t, b.A)
		id = w.start(req)
		w.name(id, "eva@partner.example")
		w.want(w.password(id, secret), authn.StepRefused, "")
		w.want(w.act(id, authn.ActAccount), authn.StepIdentifier, "")
		w.name(id, "gus")
		w.want(w.password(id, secret), authn.StepDone, "")
		if done, err := w.finish(id); err != nil || done.Org != b.A.Rivals.ID {
			t.Errorf("%s: another account: %+v %v", name, done, err)
		}
	}
	// Whom the organization finds goes before everybody else of that name.
	b.person(t, b.A, "gus", b.A.Root)
	w := b.tab(t, b.A)
	if done := w.signIn(away["named"], "gus"); done.Org != b.A.Rivals.ID {
		t.Errorf("%+v", done)
	}
}
