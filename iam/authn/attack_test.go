package authn_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

// TestAttack31_NoWayAroundThePassword plays random answers, in random order, in two tabs of one browser and a second
// browser, and compares with a model that knows only what was really proven where.
func TestAttack31_NoWayAroundThePassword(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "third-party")
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = false })
	app.SkipConsent = false
	people := map[string]users.User{}
	rapid.Check(t, func(rt *rapid.T) {
		jo := fmt.Sprintf("jo-%d", len(people))
		people[jo] = b.person(t, b.A, jo, b.A.Partner, b.A.Branch)
		names := []string{jo, "nobody", "", "\x00", "  "}
		passwords := []string{secret, "wrong", "", "\x00", secret + " "}
		orgs := []string{b.A.Partner.ID.String(), b.A.Branch.ID.String(), b.A.Rivals.ID.String(), "", "org_x"}
		steps := []authn.Step{authn.StepIdentifier, authn.StepPassword, authn.StepOrganization, authn.StepConsent, authn.StepChangePassword,
			authn.StepDone, authn.StepSuspended, "", "restart"}

		browsers := []*tab{b.tab(t, b.A), b.tab(t, b.A)}
		type model struct {
			browser  *tab
			id       ids.Flow
			named    string
			proven   bool
			allowed  bool
			finished bool
		}
		req := authn.Request{App: app, Scopes: []string{"openid"}, Prompt: []string{"login"}}
		var flows []*model
		for _, at := range []*tab{browsers[0], browsers[0], browsers[1]} {
			flows = append(flows, &model{browser: at, id: at.start(req)})
		}
		for range rapid.IntRange(1, 25).Draw(rt, "actions") {
			m := rapid.SampledFrom(flows).Draw(rt, "flow")
			if rapid.IntRange(0, 4).Draw(rt, "finish") == 0 {
				done, err := m.browser.finish(m.id)
				if err != nil {
					if !authn.IsGone(err) {
						rt.Fatal(err)
					}
					continue
				}
				m.finished = true
				if done.Error != "" {
					if !done.User.IsZero() || len(done.AMR) != 0 {
						rt.Fatalf("an error that names somebody: %+v", done)
					}
					continue
				}
				if !m.proven || !m.allowed {
					rt.Fatalf("done without a password or consent: %+v after %+v", done, m)
				}
				if done.User != people[jo].ID || !slices.Equal(done.AMR, []string{"pwd"}) {
					rt.Fatalf("more was said than was done: %+v", done)
				}
				continue
			}
			if rapid.IntRange(0, 6).Draw(rt, "show") == 0 {
				if _, err := b.engine.Show(context.Background(), m.browser.tenant, m.id, m.browser.Browser); err != nil && !authn.IsGone(err) {
					rt.Fatal(err)
				}
				continue
			}
			in := authn.Input{Step: rapid.SampledFrom(steps).Draw(rt, "step"), Username: rapid.SampledFrom(names).Draw(rt, "name"),
				Password: rapid.SampledFrom(passwords).Draw(rt, "password"), NewPassword: rapid.SampledFrom(passwords).Draw(rt, "new"),
				Organization: rapid.SampledFrom(orgs).Draw(rt, "org"), Allow: rapid.Bool().Draw(rt, "allow")}
			before, err := b.engine.Show(context.Background(), m.browser.tenant, m.id, m.browser.Browser)
			if authn.IsGone(err) {
				if !m.finished {
					rt.Fatal("gone before it was finished")
				}
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			after := m.browser.answer(m.id, in)
			due := before.Step == in.Step
			switch {
			case in.Step == authn.StepIdentifier && (due || before.Step == authn.StepPassword) && after.Problem == "":
				m.named = in.Username
			case in.Step == authn.StepPassword && due && m.named == jo && in.Password == secret:
				m.proven = true
			case in.Step == authn.StepConsent && due && in.Allow:
				m.allowed = true
			}
			if past := after.Step != authn.StepIdentifier && after.Step != authn.StepPassword; past != m.proven {
				rt.Fatalf("at %q, proven %v", after.Step, m.proven)
			}
			if !due && !(in.Step == authn.StepIdentifier && before.Step == authn.StepPassword) && after.Step != before.Step {
				rt.Fatalf("an answer to %q moved %q to %q", in.Step, before.Step, after.Step)
			}
			if after.SessionSecret != "" && (!m.proven || !m.allowed || after.Step != authn.StepDone) {
				rt.Fatal("a session without a proof")
			}
		}
	})
}

// TestAttack31_ASessionThatEndedProvesNothing: a flow that began with a session asks for the password once it is gone.
func TestAttack31_ASessionThatEndedProvesNothing(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	asks := b.app(t, b.A, "third-party")
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = false })
	asks.SkipConsent = false
	b.person(t, b.A, "jo", b.A.Partner)
	b.person(t, b.A, "ann", b.A.Partner)
	for name, lose := range map[string]func(w *tab){
		"signed out": func(w *tab) {
			if _, found, err := b.engine.EndSession(context.Background(), w.tenant, w.Session); !found || err != nil {
				t.Fatal(found, err)
			}
		},
		"cookie gone": func(w *tab) { w.Session = "" },
		"somebody else's": func(w *tab) {
			other := b.tab(t, b.A)
			other.signIn(authn.Request{App: app}, "ann")
			w.Session = other.Session
		},
	} {
		w := b.tab(t, b.A)
		w.signIn(authn.Request{App: app}, "jo")
		id := w.start(authn.Request{App: asks, Scopes: []string{"openid"}})
		lose(w)
		got := w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true})
		if got.Step != authn.StepIdentifier {
			t.Errorf("%s: at %q", name, got.Step)
		}
		if _, err := w.finish(id); !authn.IsGone(err) {
			t.Errorf("%s: finished: %v", name, err)
		}
	}
}

// TestAttack31_ChangeBetweenProofAndEnd: a password that was changed after it was checked signs nobody in.
func TestAttack31_ChangeBetweenProofAndEnd(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	jo := b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo")
	w.want(w.password(id, secret), authn.StepOrganization, "")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		phc, err := b.users.HashPassword(context.Background(), b.A.Tenant.ID, ids.Org{}, "another one altogether")
		if err != nil {
			return err
		}
		return b.users.SetPasswordTx(ctx, tx, jo, phc)
	})
	got := w.answer(id, authn.Input{Step: authn.StepOrganization, Organization: b.A.Branch.ID.String()})
	w.want(got, authn.StepPassword, "")
}

// TestAttack35_UnknownAndKnownAreAnsweredAlike compares everything that a browser is shown.
func TestAttack35_UnknownAndKnownAreAnsweredAlike(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo@one.example", b.A.Partner)
	twins := b.person(t, b.A, "twin@one.example", b.A.Partner)
	b.person(t, b.A, "twin@one.example", b.A.Branch)
	disabled := b.person(t, b.A, "off@one.example", b.A.Partner)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := b.users.DisableTx(ctx, tx, disabled, false)
		return err
	})
	b.domains[b.A.Tenant.ID.String()+"one.example"] = b.A.Partner.ID
	_ = twins
	for _, org := range []ids.Org{{}, b.A.Partner.ID, b.A.Rivals.ID} {
		var first []authn.Flow
		for _, login := range []string{"jo@one.example", "xx@one.example", "twin@one.example", "off@one.example"} {
			w := b.tab(t, b.A)
			id := w.start(authn.Request{App: app, Org: org})
			answers := []authn.Flow{w.name(id, login), w.password(id, "wrong"), w.name(id, login), w.password(id, "wrong again")}
			for i := range answers {
				answers[i].ID = ids.Flow{}
				if c, ok := answers[i].Challenge.(authn.PasswordChallenge); !ok || c.Username != login {
					t.Errorf("%s is shown %+v", login, answers[i].Challenge)
				}
				answers[i].Challenge = nil
			}
			if first == nil {
				first = answers
			}
			if !reflect.DeepEqual(answers, first) {
				t.Errorf("%s differs:\n%+v\n%+v", login, answers, first)
			}
		}
	}
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "off@one.example")
	w.want(w.password(id, secret), authn.StepPassword, authn.ProblemCredentials)
}

// TestAttack24_AUsernameIsNoAddress: a user whom somebody gave another's address for a username does not stand in the way of him
// who has proved that it is his, neither at the tenant's base nor where both belong; the organization that the domain belongs
// to says itself whom it means.
func TestAttack24_AUsernameIsNoAddress(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	const address = "victim@corp.example"
	squatter := b.person(t, b.A, address, b.A.Partner)
	second := b.person(t, b.A, address, b.A.Root) // goes before others as the root's own, and before nobody who has proved the address
	victim := b.person(t, b.A, "vic", b.A.Rivals, b.A.Partner)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email = $3, email_key = $3, email_verified = true WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), victim.ID, address)
		return err
	})
	for name, c := range map[string]struct {
		req  authn.Request
		want users.User
	}{
		"where he resides":  {authn.Request{App: app, Org: b.A.Rivals.ID}, victim},
		"where both belong": {authn.Request{App: app, Org: b.A.Partner.ID}, victim},
		"where he does not": {authn.Request{App: app, Org: b.A.Root.ID}, second},
	} {
		if done := b.tab(t, b.A).signIn(c.req, address); done.User != c.want.ID {
			t.Errorf("%s: %s", name, done.User)
		}
	}
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "Victim@Corp.Example")
	w.want(w.password(id, secret), authn.StepOrganization, "") // of two organizations: it is the victim
	b.domains[b.A.Tenant.ID.String()+"corp.example"] = b.A.Partner.ID
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3`, tx.Tenant(), victim.ID, b.A.Partner.ID)
		return err
	})
	if done := b.tab(t, b.A).signIn(authn.Request{App: app}, address); done.User != squatter.ID {
		t.Errorf("of the organization that has the domain: %s", done.User)
	}
}

// TestAttack01_AFlowDoesNotOutlastASuspension: a flow whose person was proven before the organization was suspended and resumed,
// or moved, is where it began; nothing comes of an answer that was given on the page from before.
func TestAttack01_AFlowDoesNotOutlastASuspension(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	app.SkipConsent = false
	b.change(b.A.Tenant.ID, "portal", func(c *apps.Client) { c.SkipConsent = false })
	jo := b.person(t, b.A, "jo", b.A.Branch)
	ann := b.person(t, b.A, "ann", b.A.Rivals, b.A.Branch)
	happens := map[string]func(ctx context.Context, tx db.Tx) error{
		"suspended and resumed": func(ctx context.Context, tx db.Tx) error {
			if err := tx.Block(ctx, db.KindOrg, b.A.Branch.ID.UUID(), "test"); err != nil {
				return err
			}
			return tx.Unblock(ctx, db.KindOrg, b.A.Branch.ID.UUID(), "test")
		},
		"moved": func(ctx context.Context, tx db.Tx) error {
			return tx.Raise(ctx, db.KindOrg, b.A.Branch.ID.UUID(), "test")
		},
		"ancestor suspended and resumed": func(ctx context.Context, tx db.Tx) error {
			if err := tx.Block(ctx, db.KindOrg, b.A.Partner.ID.UUID(), "test"); err != nil {
				return err
			}
			return tx.Unblock(ctx, db.KindOrg, b.A.Partner.ID.UUID(), "test")
		},
	}
	consents := func() (n int) {
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM consents WHERE tenant_id = $1`, tx.Tenant()).Scan(&n)
		})
		return n
	}
	allow := authn.Input{Step: authn.StepConsent, Allow: true}
	for name, f := range happens {
		for _, requested := range []ids.Org{{}, b.A.Branch.ID} {
			w := b.tab(t, b.A)
			id := w.start(authn.Request{App: app, Org: requested, Scopes: []string{"openid"}})
			w.name(id, "jo")
			w.want(w.password(id, secret), authn.StepConsent, "")
			treekit.In(t, b.Database, b.A.Tenant.ID, f)
			w.want(w.answer(id, allow), authn.StepPassword, "")
			if _, err := w.finish(id); !authn.IsGone(err) {
				t.Errorf("%s: %v", name, err)
			}
			w.want(w.password(id, secret), authn.StepConsent, "")
		}
		// A session that began elsewhere is good still, and what it was taken for is not.
		w := b.tab(t, b.A)
		other := b.app(t, b.A, "other "+name)
		if done := w.signIn(authn.Request{App: other, Org: b.A.Rivals.ID}, "ann"); done.User != ann.ID {
			t.Fatal(done)
		}
		id := w.start(authn.Request{App: app, Org: b.A.Branch.ID, Scopes: []string{"openid"}})
		treekit.In(t, b.Database, b.A.Tenant.ID, f)
		w.want(w.answer(id, allow), authn.StepIdentifier, "")
	}
	if n := consents(); n != 0 {
		t.Errorf("%d consents came of pages from before", n)
	}
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app, Scopes: []string{"openid"}})
	w.name(id, "jo")
	w.password(id, secret)
	w.want(w.answer(id, allow), authn.StepDone, "")
	treekit.In(t, b.Database, b.A.Tenant.ID, happens["suspended and resumed"])
	if done, err := w.finish(id); err != nil || done.Error == "" || done.User == jo.ID {
		t.Errorf("settled before: %+v %v", done, err)
	}
}
