package authn_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

func (b bundle) suspend(t *testing.T, org ids.Org) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.Block(ctx, db.KindOrg, org.UUID(), "suspended")
	})
}

func (b bundle) resume(t *testing.T, org ids.Org) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.Unblock(ctx, db.KindOrg, org.UUID(), "resumed")
	})
}

// show is what a browser is shown, without what differs from run to run.
func (w *tab) show(id ids.Flow) authn.Flow {
	w.t.Helper()
	f, err := w.b.engine.Show(context.Background(), w.tenant, id, w.Browser)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *tab) act(id ids.Flow, act authn.Act) authn.Flow {
	w.t.Helper()
	return w.answer(id, authn.Input{Act: act})
}

// TestAttack35_SuspensionIsToldToMembers: whoever types an organization's handle, or an address of its domain, is shown the same
// whether it is suspended or not; who has proved to belong there reads that it is, in whatever way he came.
func TestAttack35_SuspensionIsToldToMembers(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "eva@partner.example", b.A.Branch)
	b.domains[b.A.Tenant.ID.String()+"partner.example"] = b.A.Branch.ID
	requests := map[string]authn.Request{"by domain": {App: app, RedirectURI: "https://app.example/cb"},
		"by handle": {App: app, OrgRequested: "branch", RedirectURI: "https://app.example/cb"}, "by base": {App: app, Org: b.A.Branch.ID, RedirectURI: "https://app.example/cb"}}
	stranger := func(req authn.Request) (seen []authn.Flow) {
		w := b.tab(t, b.A)
		id := w.start(req)
		for _, f := range []authn.Flow{w.show(id), w.name(id, "no@partner.example"), w.password(id, "wrong"), w.name(id, "eva@partner.example"), w.password(id, "wrong")} {
			f.ID = ids.Flow{}
			seen = append(seen, f)
		}
		return seen
	}
	before := map[string][]authn.Flow{}
	for name, req := range requests {
		before[name] = stranger(req)
	}
	b.suspend(t, b.A.Partner.ID) // above it
	for name, req := range requests {
		if got := stranger(req); !reflect.DeepEqual(got, before[name]) {
			t.Errorf("%s: a stranger learns of it:\n%+v\n%+v", name, got, before[name])
		}
		req.Prompt = []string{"none"}
		if out := b.tab(t, b.A).begin(req); out.Error != authn.ErrorLoginRequired {
			t.Errorf("%s: silently: %+v", name, out)
		}
		req.Prompt = nil
		w := b.tab(t, b.A)
		id := w.start(req)
		w.name(id, "eva@partner.example")
		f := w.want(w.password(id, secret), authn.StepSuspended, "")
		c := f.Challenge.(authn.SuspendedChallenge)
		if f.OrgName != "branch" || c.Username != "eva@partner.example" || c.Administers || !c.Account || c.Organization || f.SessionSecret != "" || !f.Cancel {
			t.Errorf("%s: %+v %+v", name, f, c)
		}
		w.want(w.answer(id, authn.Input{Step: authn.StepSuspended}), authn.StepSuspended, "")
		if _, err := w.finish(id); !authn.IsGone(err) {
			t.Errorf("%s: %v", name, err)
		}
		// What was proven while it was suspended is not good once it is resumed.
		b.resume(t, b.A.Partner.ID)
		w.want(w.show(id), authn.StepPassword, "")
		b.suspend(t, b.A.Partner.ID)
		w.want(w.act(id, authn.ActCancel), authn.StepDone, "")
		if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied || done.Refusal != authn.RefusedEverybody {
			t.Errorf("%s: cancelled: %+v %v", name, done, err)
		}
	}
}

// TestSuspendedAtHome: who belongs elsewhere too is told before he goes on there, and goes on from the page that says so.
func TestSuspendedAtHome(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "eva@partner.example", b.A.Branch, b.A.Rivals)
	b.domains[b.A.Tenant.ID.String()+"partner.example"] = b.A.Branch.ID
	b.suspend(t, b.A.Branch.ID)
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "eva@partner.example")
	c := w.want(w.password(id, secret), authn.StepOrganization, "").Challenge.(authn.ChooseOrgChallenge)
	if c.Suspended != "branch" || len(c.Organizations) != 1 || c.Organizations[0].ID != b.A.Rivals.ID {
		t.Errorf("%+v", c)
	}
	w.want(w.answer(id, authn.Input{Step: authn.StepOrganization, Organization: b.A.Rivals.ID.String()}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Rivals.ID {
		t.Fatalf("%+v %v", done, err)
	}
	id = w.start(authn.Request{App: app, OrgRequested: "branch"})
	if c := w.want(w.show(id), authn.StepSuspended, "").Challenge.(authn.SuspendedChallenge); !c.Organization {
		t.Errorf("%+v", c)
	}
	w.want(w.act(id, authn.ActOrganization), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Rivals.ID {
		t.Errorf("%+v %v", done, err)
	}
}

// TestRefused: why, and what helps. What does not exist and what does not have the app look alike to those who do not belong.
func TestRefused(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo", b.A.Partner)
	b.person(t, b.A, "ann", b.A.Rivals)
	b.unshared[app.ID.String()+b.A.Branch.ID.String()] = true
	at := func(w *tab, org string, fixed bool) (ids.Flow, authn.RefusedChallenge, authn.Flow) {
		id := w.start(authn.Request{App: app, OrgRequested: org, OrgFixed: fixed, RedirectURI: "https://app.example/cb"})
		f := w.want(w.show(id), authn.StepRefused, "")
		return id, f.Challenge.(authn.RefusedChallenge), f
	}
	for _, signedIn := range []bool{false, true} {
		w := b.tab(t, b.A)
		if signedIn {
			w.signIn(authn.Request{App: app}, "jo")
		}
		_, unknown, f := at(w, "nosuchorg", false)
		_, without, f2 := at(w, "branch", false)
		if unknown.Named != "nosuchorg" || unknown.Refusal != authn.RefusedUnknown || unknown.Account != signedIn || !unknown.Organization || (unknown.Username != "") != signedIn {
			t.Errorf("%+v", unknown)
		}
		if without.Named = unknown.Named; without != unknown || f.OrgName != "" || f2.OrgName != "" {
			t.Errorf("an organization without the app is not like none: %+v %q", without, f2.OrgName)
		}
		if _, c, _ := at(w, "nosuchorg", true); c.Organization {
			t.Errorf("fixed: %+v", c)
		}
	}
	w := b.tab(t, b.A)
	// What could not be an organization's handle or id is not shown: anybody may have made the link.
	for org, shown := range map[string]bool{b.A.Branch.ID.String(): true, "Your account is locked. Call +1 555 0100": false, "call.us": false, strings.Repeat("a", 64): false, "org_": false} {
		if _, c, _ := at(w, org, false); (c.Named != "") != shown {
			t.Errorf("%q is shown as %q", org, c.Named)
		}
	}
	id, _, _ := at(w, "nosuchorg", false)
	w.want(w.act(id, authn.ActAccount), authn.StepRefused, "") // nobody is signed in
	w.want(w.act(id, authn.ActOrganization), authn.StepIdentifier, "")
	w.name(id, "jo")
	w.want(w.password(id, secret), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Partner.ID {
		t.Fatalf("without the organization that was mistyped: %+v %v", done, err)
	}
	id, c, f := at(w, "rivals", false)
	if c.Refusal != authn.RefusedMember || !c.Account || !c.Organization || c.Username != "jo" || f.OrgName != "rivals" {
		t.Errorf("%+v", c)
	}
	w.want(w.act(id, authn.ActAccount), authn.StepIdentifier, "")
	w.name(id, "ann")
	w.want(w.password(id, secret), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Rivals.ID {
		t.Errorf("another account: %+v %v", done, err)
	}
	// What a request has that nobody at the browser could change stays.
	w = b.tab(t, b.A)
	w.signIn(authn.Request{App: app}, "jo")
	id, _, _ = at(w, "rivals", true)
	w.want(w.act(id, authn.ActOrganization), authn.StepRefused, "")
	w.want(w.act(id, authn.ActCancel), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied || done.Refusal != authn.RefusedMember || !done.User.IsZero() {
		t.Errorf("%+v %v", done, err)
	}
	// An app of Grove's own hears it at once.
	b.change(b.A.Tenant.ID, "portal", func(c *apps.Client) { c.Builtin = true })
	app.Builtin = true
	for _, org := range []string{"nosuchorg", "rivals"} {
		if out := w.begin(authn.Request{App: app, OrgRequested: org}); out.Error != authn.ErrorAccessDenied {
			t.Errorf("built in: %+v", out)
		}
	}
}

// TestCancel: at each question, where there is an app to go back to.
func TestCancel(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	for name, steps := range map[string]func(w *tab, id ids.Flow){
		"identifier":   func(*tab, ids.Flow) {},
		"password":     func(w *tab, id ids.Flow) { w.name(id, "jo") },
		"organization": func(w *tab, id ids.Flow) { w.name(id, "jo"); w.password(id, secret) },
	} {
		for _, redirect := range []string{"https://app.example/cb", ""} {
			w := b.tab(t, b.A)
			id := w.start(authn.Request{App: app, RedirectURI: redirect})
			steps(w, id)
			at := w.show(id)
			got := w.act(id, authn.ActCancel)
			if redirect == "" {
				if at.Cancel || got.Step != at.Step {
					t.Errorf("%s: cancelled to nowhere: %+v", name, got)
				}
				continue
			}
			if !at.Cancel || got.Step != authn.StepDone || w.Session != "" {
				t.Errorf("%s: %+v", name, got)
			}
			if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied || !done.User.IsZero() {
				t.Errorf("%s: %+v %v", name, done, err)
			}
		}
	}
}

// TestChoosingWhereAnAppIsUsed: who belongs to several organizations chooses, unless he has let the app in where he is, or it asks
// for nothing.
func TestChoosingWhereAnAppIsUsed(t *testing.T) {
	b := setup(t)
	own := b.app(t, b.A, "own")
	other := b.app(t, b.A, "other")
	b.change(b.A.Tenant.ID, "other", func(c *apps.Client) { c.SkipConsent = false })
	other.SkipConsent = false
	b.person(t, b.A, "jo@partner.example", b.A.Partner, b.A.Branch)
	b.domains[b.A.Tenant.ID.String()+"partner.example"] = b.A.Partner.ID
	w := b.tab(t, b.A)
	if done := w.signIn(authn.Request{App: own}, "jo@partner.example"); done.Org != b.A.Partner.ID {
		t.Fatal(done)
	}
	req := authn.Request{App: other, Scopes: []string{"openid"}}
	silent := req
	silent.Prompt = []string{"none"}
	if out := w.begin(silent); out.Error != authn.ErrorConsentRequired {
		t.Errorf("silently: %+v", out)
	}
	id := w.start(req)
	w.want(w.show(id), authn.StepOrganization, "")
	w.want(w.answer(id, authn.Input{Step: authn.StepOrganization, Organization: b.A.Partner.ID.String()}), authn.StepConsent, "")
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Partner.ID {
		t.Errorf("%+v %v", done, err)
	}
	if out := w.begin(req); out.Done == nil || out.Done.Org != b.A.Partner.ID {
		t.Errorf("where it was let in: %+v", out)
	}
	if out := w.begin(authn.Request{App: own}); out.Done == nil {
		t.Errorf("asks for nothing: %+v", out)
	}
}

// TestSelectAccount: a session is good for it. Who has several organizations chooses one, who has none to choose says that it is he,
// and both may be somebody else. It takes no password that max_age or another value of prompt would not.
func TestSelectAccount(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "own")
	jo := b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	ann := b.person(t, b.A, "ann", b.A.Partner)
	b.person(t, b.A, "ida", b.A.Rivals)
	seconds := func(n int) *int { return &n }
	req := authn.Request{App: app, Prompt: []string{"select_account"}}
	ask := func(change func(*authn.Request)) authn.Request { r := req; change(&r); return r }
	choose := func(org ids.Org) authn.Input {
		return authn.Input{Step: authn.StepOrganization, Organization: org.String()}
	}
	goOn := authn.Input{Allow: true, Step: authn.StepAccount}

	w := b.tab(t, b.A)
	id := w.start(req) // nobody is signed in
	w.name(id, "jo")
	w.want(w.password(id, secret), authn.StepOrganization, "")
	w.want(w.answer(id, choose(b.A.Partner.ID)), authn.StepDone, "")
	first, err := w.finish(id)
	if err != nil || first.Org != b.A.Partner.ID {
		t.Fatalf("%+v %v", first, err)
	}
	id = w.start(req) // where he was is not where he goes
	if c := w.want(w.show(id), authn.StepOrganization, "").Challenge.(authn.ChooseOrgChallenge); len(c.Organizations) != 2 {
		t.Errorf("%+v", c)
	}
	w.want(w.answer(id, choose(b.A.Branch.ID)), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Branch.ID || done.Session != first.Session || !done.AuthTime.Equal(first.AuthTime) {
		t.Errorf("%+v %v", done, err)
	}
	if out := w.begin(authn.Request{App: app}); out.Done == nil {
		t.Errorf("without prompt: %+v", out)
	}
	if out := w.begin(ask(func(r *authn.Request) { r.Prompt = append(r.Prompt, "none") })); out.Error != authn.ErrorInvalidRequest {
		t.Errorf("with none: %+v", out)
	}
	named := ask(func(r *authn.Request) { r.OrgRequested = "branch" })
	id = w.start(named)
	if f := w.want(w.show(id), authn.StepAccount, ""); f.Challenge != (authn.AccountChallenge{Username: "jo"}) || f.OrgName != "branch" {
		t.Errorf("%+v", f)
	}
	if _, err := w.finish(id); !authn.IsGone(err) {
		t.Errorf("before he said so: %v", err)
	}
	w.want(w.answer(id, authn.Input{Step: authn.StepAccount}), authn.StepAccount, "") // what is no yes
	w.want(w.answer(id, goOn), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Branch.ID || done.User != jo.ID || done.Session != first.Session {
		t.Errorf("%+v %v", done, err)
	}
	// Who takes longer than max_age to say so proves anew who he is.
	id = w.start(ask(func(r *authn.Request) { r.OrgRequested, r.MaxAge = "branch", seconds(60) }))
	w.want(w.show(id), authn.StepAccount, "")
	b.Clock.Advance(2 * time.Minute)
	w.want(w.answer(id, goOn), authn.StepIdentifier, "")
	// A member of another organization is first asked who he is, and then told.
	id = w.start(ask(func(r *authn.Request) { r.OrgRequested = "rivals" }))
	w.want(w.show(id), authn.StepAccount, "")
	w.want(w.answer(id, goOn), authn.StepRefused, "")

	b.Clock.Advance(time.Minute)
	for name, r := range map[string]authn.Request{"max_age": ask(func(r *authn.Request) { r.MaxAge = seconds(30) }),
		"login": ask(func(r *authn.Request) { r.Prompt = append(r.Prompt, "login") }), "a hint of another": ask(func(r *authn.Request) { r.HintUser = ann.ID })} {
		if f := w.show(w.start(r)); f.Step != authn.StepIdentifier {
			t.Errorf("%s: at %s", name, f.Step)
		}
	}
	// An answer to the one page does not pass the other, and somebody else is asked for his password.
	for _, r := range []authn.Request{req, named} {
		id = w.start(r)
		at := w.show(id).Step
		if at == authn.StepOrganization {
			w.want(w.answer(id, goOn), at, "")
		} else {
			w.want(w.answer(id, choose(b.A.Partner.ID)), at, "")
		}
		w.want(w.act(id, authn.ActAccount), authn.StepIdentifier, "")
		w.want(w.answer(id, goOn), authn.StepIdentifier, "")
		if _, err := w.finish(id); !authn.IsGone(err) {
			t.Errorf("at %s: %v", at, err)
		}
	}
	w.name(id, "ann")
	w.want(w.password(id, secret), authn.StepRefused, "")
	id = w.start(req)
	w.act(id, authn.ActAccount)
	w.name(id, "ann")
	w.want(w.password(id, secret), authn.StepDone, "") // whoever proves who he is has said so
	if done, err := w.finish(id); err != nil || done.User != ann.ID || done.Session == first.Session {
		t.Errorf("%+v %v", done, err)
	}
	id = w.start(req) // with one organization
	w.want(w.show(id), authn.StepAccount, "")
	if _, _, err := b.engine.EndSession(context.Background(), w.tenant, w.Session); err != nil {
		t.Fatal(err)
	}
	w.want(w.answer(id, goOn), authn.StepIdentifier, "")
}
