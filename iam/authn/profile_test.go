package authn_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

// needs is an attribute that an application cannot do without.
func needs(claim, attribute, kind string) authn.Attribute {
	return authn.Attribute{Told: attributes.Told{Name: claim, Attribute: attribute, Type: kind, DisplayName: "The " + claim, Builtin: true}, Mandatory: true, Needed: true}
}

func (b bundle) reload(t testing.TB, tree treekit.Tree, u users.User) users.User {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.Load(ctx, tx, u.ID)
		return err
	})
	return u
}

// asked lists what a profile page asks for, with what is wrong and what was typed.
func asked(t testing.TB, f authn.Flow) (all []string) {
	t.Helper()
	c, ok := f.Challenge.(authn.ProfileChallenge)
	if !ok || c.Username == "" {
		t.Fatalf("challenge %+v", f.Challenge)
	}
	for _, v := range c.Values {
		all = append(all, strings.TrimSpace(v.Name+" "+string(v.Problem)+" "+v.Typed))
	}
	return all
}

// TestWhatIsLackingIsAskedFor: mandatory attributes without a value are filled in before consent, and kept.
func TestWhatIsLackingIsAskedFor(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "third-party")
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = false })
	app.SkipConsent = false
	jo := b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	w := b.tab(t, b.A)
	optional := needs("nickname", "attributes.nickname", "text")
	optional.Needed, optional.Mandatory = false, false
	locked := needs("middle_name", "attributes.middle_name", "text")
	locked.Needed = false
	req := authn.Request{App: app, Scopes: []string{"openid"}, Org: b.A.Branch.ID, Attributes: []authn.Attribute{needs("given_name", "given_name", "text"), needs("website", "attributes.website", "text"),
		needs("drives", "attributes.drives", "boolean"), needs("preferred_username", "username", "text"), optional, locked}}
	same := func(when string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", when, got)
		}
	}
	id := w.start(req)
	w.name(id, "jo")
	same("at first", asked(t, w.want(w.password(id, secret), authn.StepProfile, "")), "given_name", "website", "drives")
	if w.Session != "" {
		t.Error("signed in before anything was filled in")
	}
	fill := func(values map[string]string) authn.Flow {
		return w.answer(id, authn.Input{Step: authn.StepProfile, Values: values})
	}
	same("a part", asked(t, w.want(fill(map[string]string{"given_name": " Jo ", "website": "javascript:alert(1)"}), authn.StepProfile, authn.ProblemValues)), "given_name   Jo", "website form javascript:alert(1)", "drives missing")
	if got := b.reload(t, b.A, jo); got.GivenName != "" || got.Version != jo.Version {
		t.Errorf("kept a part: %+v", got)
	}
	// What is not asked for is not written, whoever sends it.
	w.want(fill(map[string]string{"given_name": " Jo ", "website": "https://jo.example", "drives": "true", "nickname": "x", "preferred_username": "x", "email": "x@y.example"}), authn.StepConsent, "")
	got := b.reload(t, b.A, jo)
	if got.GivenName != "Jo" || len(got.Attributes) != 2 || got.Attributes["website"] != "https://jo.example" || got.Attributes["drives"] != "true" || got.Email != "" || got.Username != "jo" {
		t.Errorf("kept: %+v", got)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		var n int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'user.updated' AND org_id = $2 AND subject = $3 AND actor_id = $3`,
			tx.Tenant(), b.A.Partner.ID, jo.ID.String()).Scan(&n)
		if n != 1 {
			t.Errorf("%d events", n)
		}
		return err
	})
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != "" || done.User != jo.ID || done.Org != b.A.Branch.ID {
		t.Fatalf("%+v %v", done, err)
	}
	// Nothing is asked twice, and where nothing may be asked the application is told that something is.
	req.Prompt = []string{"none"}
	if out := w.begin(req); out.Done == nil {
		t.Errorf("again: %+v", out)
	}
	req.Attributes = append(req.Attributes, needs("gender", "attributes.gender", "text"))
	if out := w.begin(req); out.Error != authn.ErrorInteractionRequired {
		t.Errorf("silently: %+v", out)
	}
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = true })
	req.Prompt = nil
	same("without consent", asked(t, w.want(w.shown(w.start(req)), authn.StepProfile, "")), "gender")
}

// TestAttack27_LackingIsForOthers: what administrators say of a person is not his to fill in, and he is told whom to ask.
func TestAttack27_LackingIsForOthers(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	jo := b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	w := b.tab(t, b.A)
	req := authn.Request{App: app, Org: b.A.Branch.ID, RedirectURI: "https://app.example/cb", Attributes: []authn.Attribute{needs("given_name", "given_name", "text"), needs("rank", "attributes.rank", "text")}}
	for name, of := range map[string]string{"the application's organization": b.A.Root.ID.String(), "the one that holds his record": b.A.Partner.ID.String()} {
		b.others = map[string]bool{of + "attributes.rank": true}
		id := w.start(req)
		w.name(id, "jo")
		f := w.want(w.password(id, secret), authn.StepIncomplete, "")
		c, _ := f.Challenge.(authn.IncompleteChallenge)
		if len(c.Attributes) != 1 || c.Attributes[0].Name != "rank" || c.Holder != "partner" || c.Username != "jo" || !c.Account || c.Organization {
			t.Errorf("%s: %+v", name, f.Challenge)
		}
		for _, step := range []authn.Step{authn.StepIncomplete, authn.StepProfile} {
			w.want(w.answer(id, authn.Input{Step: step, Allow: true, Values: map[string]string{"given_name": "Jo", "rank": "admiral"}}), authn.StepIncomplete, "")
		}
		if got := b.reload(t, b.A, jo); got.Version != jo.Version {
			t.Errorf("%s: written: %+v", name, got)
		}
		w.want(w.answer(id, authn.Input{Act: authn.ActCancel}), authn.StepDone, "")
		if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied || done.Refusal != authn.RefusedLacking {
			t.Errorf("%s: %+v %v", name, done, err)
		}
		id = w.start(req)
		w.name(id, "jo")
		w.password(id, secret)
		w.want(w.answer(id, authn.Input{Act: authn.ActAccount}), authn.StepIdentifier, "")
	}
	// The branch, where he is a guest, says nothing about his record.
	b.others = map[string]bool{b.A.Branch.ID.String() + "attributes.rank": true}
	id := w.start(req)
	w.name(id, "jo")
	w.want(w.password(id, secret), authn.StepProfile, "")
	// An administrator is faster: what he filled in stays.
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		rank := "cook"
		_, err := b.users.UpdateTx(ctx, tx, jo.Org, jo.ID, 0, users.Changes{Attributes: map[string]*string{"rank": &rank}})
		return err
	})
	w.want(w.answer(id, authn.Input{Step: authn.StepProfile, Values: map[string]string{"given_name": "Jo", "rank": "admiral"}}), authn.StepDone, "")
	if got := b.reload(t, b.A, jo); got.GivenName != "Jo" || got.Attributes["rank"] != "cook" {
		t.Errorf("%+v", got)
	}
}

// shown is a flow as its browser sees it.
func (w *tab) shown(id ids.Flow) authn.Flow {
	w.t.Helper()
	f, err := w.b.engine.Show(context.Background(), w.tenant, id, w.Browser)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}
