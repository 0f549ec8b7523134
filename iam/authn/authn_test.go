package authn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

func TestSignInAndReuse(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	jo := b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	w := b.tab(t, b.A)
	if out := w.begin(authn.Request{App: app, Prompt: []string{"none"}}); out.Error != authn.ErrorLoginRequired {
		t.Errorf("prompt=none without a session: %+v", out)
	}
	id := w.start(authn.Request{App: app, Org: b.A.Partner.ID, LoginHint: "jo\x00\n", Return: json.RawMessage(`{"state":"s"}`)})
	shown, err := b.engine.Show(context.Background(), w.tenant, id, w.Browser)
	if err != nil || shown.Challenge != (authn.IdentifierChallenge{Username: "jo"}) || shown.OrgName != "partner" {
		t.Errorf("first page: %+v %v", shown, err)
	}
	w.want(w.name(id, ""), authn.StepIdentifier, authn.ProblemUsernameRequired)
	w.want(w.name(id, "jo"), authn.StepPassword, "")
	w.want(w.password(id, ""), authn.StepPassword, authn.ProblemPasswordRequired)
	w.want(w.password(id, "wrong"), authn.StepPassword, authn.ProblemCredentials)
	f := w.want(w.password(id, secret), authn.StepDone, "")
	if f.SessionSecret == "" || f.ResumeURL() != w.tenant.Base+"/oauth2/authorize/resume?flow="+id.String() {
		t.Errorf("done: %+v", f)
	}
	done, err := w.finish(id)
	if err != nil || done.User != jo.ID || done.Org != b.A.Partner.ID || !slices.Equal(done.AMR, []string{"pwd"}) || string(done.Return) != `{"state":"s"}` {
		t.Fatalf("%+v %v", done, err)
	}
	if _, err := w.finish(id); !authn.IsGone(err) {
		t.Errorf("finished twice: %v", err)
	}
	// Another organization that the person belongs to: nothing is asked.
	again := w.begin(authn.Request{App: app, OrgRequested: "branch", Prompt: []string{"none"}})
	if again.Done == nil || again.Done.Org != b.A.Branch.ID || again.Done.Session != done.Session || !again.Done.AuthTime.Equal(done.AuthTime) {
		t.Errorf("reuse: %+v", again)
	}
	for _, org := range []string{"rivals", "nowhere", ids.NewOrg().String()} {
		if out := w.begin(authn.Request{App: app, OrgRequested: org, Prompt: []string{"none"}}); out.Error != authn.ErrorAccessDenied {
			t.Errorf("not a member of %s: %+v", org, out)
		}
	}
}

func TestPromptMaxAgeAndHint(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo", b.A.Partner)
	ann := b.person(t, b.A, "ann", b.A.Partner)
	w := b.tab(t, b.A)
	first := w.signIn(authn.Request{App: app}, "jo")
	oldSecret := w.Session
	seconds := func(n int) *int { return &n }
	b.Clock.Advance(time.Minute)
	for name, c := range map[string]struct {
		req  authn.Request
		want string
	}{
		"fresh enough":        {authn.Request{MaxAge: seconds(90)}, ""},
		"too old":             {authn.Request{MaxAge: seconds(30)}, authn.ErrorLoginRequired},
		"zero":                {authn.Request{MaxAge: seconds(0)}, authn.ErrorLoginRequired},
		"huge":                {authn.Request{MaxAge: seconds(1 << 60)}, ""},
		"own hint":            {authn.Request{HintUser: first.User}, ""},
		"another's hint":      {authn.Request{HintUser: ann.ID}, authn.ErrorLoginRequired},
		"nobody's hint":       {authn.Request{HintUser: ids.NewUser()}, authn.ErrorLoginRequired},
		"another prompt with": {authn.Request{Prompt: []string{"login"}}, authn.ErrorInvalidRequest},
	} {
		c.req.App, c.req.Prompt = app, append(c.req.Prompt, "none")
		if out := w.begin(c.req); out.Error != c.want || (c.want == "") != (out.Done != nil) {
			t.Errorf("%s: %+v", name, out)
		}
	}
	second := w.signIn(authn.Request{App: app, Prompt: []string{"login"}}, "jo")
	if !second.AuthTime.After(first.AuthTime) || second.Session != first.Session {
		t.Error("prompt=login did not move auth_time, or other apps lose the session")
	}
	if _, found, err := b.sessions.FindBySecret(context.Background(), w.tenant.ID, oldSecret); found || err != nil {
		t.Errorf("the old secret is good: %v", err)
	}
	third := w.signIn(authn.Request{App: app, Prompt: []string{"login"}}, "ann")
	if third.Session == second.Session {
		t.Error("two people share a session")
	}
	err := b.DB.InTenant(context.Background(), w.tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, found, err := b.sessions.FindTx(ctx, tx, second.Session)
		if found {
			t.Error("the session of who was signed in before lives")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Somebody else than the hint signs in: the client must not take him for that person.
	id := w.start(authn.Request{App: app, HintUser: ann.ID, Prompt: []string{"login"}})
	w.name(id, "jo")
	w.want(w.password(id, secret), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != authn.ErrorLoginRequired || !done.User.IsZero() {
		t.Errorf("another person than the hint: %+v %v", done, err)
	}
}

func TestChoosingAnOrganization(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo@partner.example", b.A.Partner, b.A.Branch, b.A.Rivals)
	b.unshared[app.ID.String()+b.A.Rivals.ID.String()] = true
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo@partner.example")
	f := w.want(w.password(id, secret), authn.StepOrganization, "")
	if f.SessionSecret != "" {
		t.Error("a session before the flow is done")
	}
	offered := f.Challenge.(authn.ChooseOrgChallenge).Organizations
	if len(offered) != 2 {
		t.Errorf("offered %+v", offered)
	}
	choose := func(org string) authn.Flow {
		return w.answer(id, authn.Input{Step: authn.StepOrganization, Organization: org})
	}
	for name, org := range map[string]string{"empty": "", "garbage": "org_x", "not shared": b.A.Rivals.ID.String(), "not a member": b.A.Root.ID.String(),
		"of another tenant": b.B.Partner.ID.String(), "a handle": "branch"} {
		if got := choose(org); got.Step != authn.StepOrganization || got.Problem != authn.ProblemOrganization {
			t.Errorf("%s: %+v", name, got)
		}
	}
	w.want(choose(b.A.Branch.ID.String()), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != b.A.Branch.ID {
		t.Errorf("%+v %v", done, err)
	}
	if out := w.begin(authn.Request{App: app}); out.Done == nil || out.Done.Org != b.A.Branch.ID {
		t.Errorf("no organization named: the session's own: %+v", out)
	}
	// The domain of the address settles it, and its organization's name shows before anybody is proven.
	b.domains[b.A.Tenant.ID.String()+"partner.example"] = b.A.Partner.ID
	byDomain := b.tab(t, b.A)
	for login, want := range map[string]string{"jo@partner.example": "partner", "nobody@partner.example": "partner", "jo@other.example": "", "jo": ""} {
		if f := byDomain.name(byDomain.start(authn.Request{App: app}), login); f.OrgName != want {
			t.Errorf("%s is shown the organization %q", login, f.OrgName)
		}
	}
	if done := b.tab(t, b.A).signIn(authn.Request{App: app}, "jo@partner.example"); done.Org != b.A.Partner.ID {
		t.Errorf("domain: %+v", done)
	}
}

func TestConsent(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "third-party")
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) {
		c.SkipConsent = false
		c.APIs = []apps.ClientAPI{{Policy: apps.APIPolicyRBAC, Scopes: []string{"invoices.read", "invoices.write"}}, {Policy: "none", Scopes: []string{"status"}}}
	})
	app.SkipConsent = false
	b.person(t, b.A, "jo", b.A.Partner)
	w := b.tab(t, b.A)
	req := authn.Request{App: app, Scopes: []string{"openid", "email", "invoices.write", "invoices.read", "status"}}
	id := w.start(req)
	w.name(id, "jo")
	f := w.want(w.password(id, secret), authn.StepConsent, "")
	c := f.Challenge.(authn.ConsentChallenge)
	if !slices.Equal(c.Scopes, []string{"openid", "email", "invoices.read", "status"}) || !slices.Equal(c.Later, []string{"invoices.write"}) || c.Username != "jo" {
		t.Errorf("challenge %+v", c)
	}
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied || !done.Denied || done.User.IsZero() || done.Session != (ids.Session{}) || w.Session != "" {
		t.Fatalf("refused: %+v %v", done, err)
	}
	id = w.start(req)
	w.name(id, "jo")
	w.password(id, secret)
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != "" {
		t.Fatalf("allowed: %+v %v", done, err)
	}
	silent := func(scopes ...string) authn.Outcome {
		return w.begin(authn.Request{App: app, Scopes: scopes, Prompt: []string{"none"}})
	}
	if out := silent("email", "openid"); out.Done == nil {
		t.Errorf("allowed before: %+v", out)
	}
	if out := silent("email", "phone"); out.Error != authn.ErrorConsentRequired {
		t.Errorf("a new scope: %+v", out)
	}
	id = w.start(authn.Request{App: app, Scopes: req.Scopes, Prompt: []string{"consent"}})
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != "" {
		t.Errorf("prompt=consent: %+v %v", done, err)
	}
}

// TestConsentToAttributes: mandatory ones are locked, optional ones can be left out, and only what is new is asked for again.
func TestConsentToAttributes(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "third-party")
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = false })
	app.SkipConsent = false
	jo := b.person(t, b.A, "jo", b.A.Partner)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email = 'jo@partner.example', email_key = 'jo@partner.example' WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), jo.ID)
		return err
	})
	w := b.tab(t, b.A)
	asked := func(names ...string) authn.Request {
		req := authn.Request{App: app, Scopes: []string{"openid", "profile"}, Instead: []string{"profile"}}
		for _, name := range names {
			claim, mandatory := strings.CutSuffix(name, "!")
			req.Attributes = append(req.Attributes, authn.Attribute{Told: attributes.Told{Name: claim, Attribute: claim, DisplayName: "The " + claim}, Mandatory: mandatory})
		}
		return req
	}
	page := func(id ids.Flow, f authn.Flow) (all []string) {
		t.Helper()
		c, ok := f.Challenge.(authn.ConsentChallenge)
		if !ok || !slices.Equal(c.Scopes, []string{"openid"}) {
			t.Fatalf("challenge %+v", f.Challenge)
		}
		for _, a := range c.Attributes {
			all = append(all, fmt.Sprintf("%s %q %v %v", a.Name, a.Value, a.Mandatory, a.Allowed))
		}
		return all
	}
	same := func(when string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", when, got)
		}
	}
	id := w.start(asked("username!", "email", "given_name"))
	w.name(id, "jo")
	same("the first time", page(id, w.want(w.password(id, secret), authn.StepConsent, "")), `username "jo" true true`, `email "jo@partner.example" false true`, `given_name "" false true`)
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true, Attributes: []string{"given_name", "family_name"}}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != "" {
		t.Fatalf("allowed: %+v %v", done, err)
	}
	silent := func(req authn.Request) authn.Outcome { req.Prompt = []string{"none"}; return w.begin(req) }
	for when, req := range map[string]authn.Request{"the same": asked("username!", "email", "given_name"), "less": asked("email")} {
		if out := silent(req); out.Done == nil {
			t.Errorf("%s: %+v", when, out)
		}
	}
	for when, req := range map[string]authn.Request{"one more": asked("username!", "family_name"), "what was declined is needed now": asked("email!")} {
		if out := silent(req); out.Error != authn.ErrorConsentRequired {
			t.Errorf("%s: %+v", when, out)
		}
	}
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = true })
	skips := asked("username!", "family_name")
	skips.App.SkipConsent = true
	if out := silent(skips); out.Done == nil {
		t.Errorf("nobody is asked: %+v", out)
	}
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.SkipConsent = false })
	again := asked("username!", "email", "given_name")
	again.Prompt = []string{"consent"}
	id = w.start(again)
	f, err := b.engine.Show(context.Background(), b.A.Tenant, id, w.Browser)
	if err != nil {
		t.Fatal(err)
	}
	same("prompt=consent", page(id, f), `username "jo" true true`, `email "jo@partner.example" false false`, `given_name "" false true`)
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied {
		t.Errorf("no: %+v %v", done, err)
	}
	if out := silent(asked("username!", "email", "given_name")); out.Done == nil {
		t.Errorf("a no to the page takes nothing back: %+v", out)
	}
}

// TestConsentToDetails: a person is asked for exactly what the app asks for, each time that it is something else; what his roles do
// not give him to give is refused without a question.
func TestConsentToDetails(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "third-party")
	set := func(f func(*apps.Client)) {
		f(&app)
		b.change(b.A.Tenant.ID, "third-party", f)
	}
	set(func(c *apps.Client) {
		c.SkipConsent = false
		c.APIs = []apps.ClientAPI{{Policy: apps.APIPolicyRBAC, Types: []string{"payment"}, RoleScopes: []string{"invoices.read"}}, {Policy: "none", Types: []string{"ride"}},
			{Policy: apps.APIPolicyRBAC, Types: []string{"mandate"}, RoleScopes: []string{"invoices.write"}}}
	})
	b.person(t, b.A, "jo", b.A.Partner)
	w := b.tab(t, b.A)
	req := func(raw string, prompt ...string) authn.Request {
		t.Helper()
		list, err := details.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return authn.Request{App: app, Details: list, Prompt: prompt, Scopes: []string{"openid"}}
	}
	const pay, ride = `[{"amount":"1","type":"payment"}]`, `[{"type":"ride"}]`
	id := w.start(req(pay))
	w.name(id, "jo")
	f := w.want(w.password(id, secret), authn.StepConsent, "")
	if c := f.Challenge.(authn.ConsentChallenge); c.Details.String() != pay || !slices.Equal(c.Scopes, []string{"openid"}) {
		t.Errorf("challenge %+v", c)
	}
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != "" {
		t.Fatalf("allowed: %+v %v", done, err)
	}
	for name, c := range map[string]struct{ raw, want string }{
		"the same":           {pay, ""},
		"none":               {"", ""},
		"another amount":     {`[{"amount":"2","type":"payment"}]`, authn.ErrorConsentRequired},
		"another type":       {ride, authn.ErrorConsentRequired},
		"no role":            {`[{"type":"mandate"}]`, authn.ErrorAccessDenied},
		"one without a role": {`[{"type":"ride"},{"type":"mandate"}]`, authn.ErrorAccessDenied},
		"not the app's":      {`[{"type":"other"}]`, authn.ErrorAccessDenied},
	} {
		if out := w.begin(req(c.raw, "none")); out.Error != c.want || (out.Done == nil) != (c.want != "") {
			t.Errorf("%s: %+v", name, out)
		}
	}
	// What was taken from the app while the person typed is not given.
	id = w.start(req(ride))
	b.change(b.A.Tenant.ID, "third-party", func(c *apps.Client) { c.APIs = c.APIs[:1] })
	w.want(w.answer(id, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != authn.ErrorAccessDenied {
		t.Errorf("taken away: %+v %v", done, err)
	}
	// Who is not asked gives no more than he could.
	set(func(c *apps.Client) { c.SkipConsent, c.APIs = true, c.APIs[:1] })
	if out := w.begin(req(`[{"amount":"3","type":"payment"}]`, "none")); out.Done == nil {
		t.Errorf("consent skipped: %+v", out)
	}
	set(func(c *apps.Client) {
		c.APIs = []apps.ClientAPI{{Policy: apps.APIPolicyRBAC, Types: []string{"payment"}, RoleScopes: []string{"invoices.write"}}}
	})
	if out := w.begin(req(pay, "none")); out.Error != authn.ErrorAccessDenied {
		t.Errorf("consent skipped, no role: %+v", out)
	}
}

// TestAttack31_ForcedChangeIsAChange: a password that somebody else set is replaced by another one.
func TestAttack31_ForcedChangeIsAChange(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	jo := b.person(t, b.A, "jo", b.A.Partner)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		phc, err := b.users.HashPassword(context.Background(), b.A.Tenant.ID, ids.Org{}, "temporary secret")
		if err != nil {
			return err
		}
		return b.users.SetTemporaryPasswordTx(ctx, tx, jo, phc)
	})
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo")
	w.want(w.password(id, "temporary secret"), authn.StepChangePassword, "")
	change := func(plain string) authn.Flow {
		return w.answer(id, authn.Input{Step: authn.StepChangePassword, NewPassword: plain})
	}
	w.want(change(""), authn.StepChangePassword, authn.ProblemPasswordRequired)
	w.want(change("password"), authn.StepChangePassword, authn.ProblemPasswordPolicy)
	for range users.DefaultLockout.MaxFailures + 1 { // what is known to whoever set it, as often as one likes: it is no failed sign-in
		w.want(change("temporary secret"), authn.StepChangePassword, authn.ProblemPasswordPolicy)
	}
	w.want(change("a new one of my own"), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Error != "" || done.User != jo.ID {
		t.Fatalf("%+v %v", done, err)
	}
	again := b.tab(t, b.A)
	id = again.start(authn.Request{App: app})
	again.name(id, "jo")
	again.want(again.password(id, "temporary secret"), authn.StepPassword, authn.ProblemCredentials)
	again.want(again.password(id, "a new one of my own"), authn.StepDone, "")
}

// TestAttack01_RevokedWhileSigningIn revokes each thing that a flow stands on between its steps, and after it is done.
func TestAttack01_RevokedWhileSigningIn(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	revoke := map[string]func(ctx context.Context, tx db.Tx, jo users.User) error{
		"user disabled": func(ctx context.Context, tx db.Tx, jo users.User) error {
			_, err := b.users.DisableTx(ctx, tx, jo, false)
			return err
		},
		"user raised": func(ctx context.Context, tx db.Tx, jo users.User) error {
			return tx.Raise(ctx, db.KindUser, jo.ID.UUID(), "test")
		},
		"membership removed": func(ctx context.Context, tx db.Tx, jo users.User) error {
			_, err := tx.Exec(ctx, `DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), jo.ID)
			return err
		},
		"membership blocked": func(ctx context.Context, tx db.Tx, jo users.User) error {
			return tx.Block(ctx, db.KindMembership, ids.Pair(b.A.Branch.ID.UUID(), jo.ID.UUID()), "test")
		},
		"org blocked": func(ctx context.Context, tx db.Tx, _ users.User) error {
			return tx.Block(ctx, db.KindOrg, b.A.Branch.ID.UUID(), "test")
		},
		"ancestor blocked": func(ctx context.Context, tx db.Tx, _ users.User) error {
			return tx.Block(ctx, db.KindOrg, b.A.Partner.ID.UUID(), "test")
		},
		"client blocked": func(ctx context.Context, tx db.Tx, _ users.User) error {
			return tx.Block(ctx, db.KindClient, app.ID.UUID(), "test")
		},
	}
	for name, f := range revoke {
		t.Run(name, func(t *testing.T) {
			do := func(jo users.User) {
				treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return f(ctx, tx, jo) })
			}
			undo := func() {
				treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
					_, err := tx.Exec(ctx, `DELETE FROM epochs WHERE tenant_id = $1`, tx.Tenant())
					return err
				})
			}
			username := strings.ReplaceAll(name, " ", "-")
			jo := b.person(t, b.A, username, b.A.Branch, b.A.Rivals)
			w := b.tab(t, b.A)
			atChoice := w.start(authn.Request{App: app})
			w.name(atChoice, username)
			w.want(w.password(atChoice, secret), authn.StepOrganization, "")
			atEnd := w.start(authn.Request{App: app, Org: b.A.Branch.ID})
			w.name(atEnd, username)
			w.want(w.password(atEnd, secret), authn.StepDone, "")

			do(jo)
			if got := w.answer(atChoice, authn.Input{Step: authn.StepOrganization, Organization: b.A.Branch.ID.String()}); got.Step == authn.StepDone {
				// The one organization that is left needs no choosing.
				if done, err := w.finish(atChoice); err != nil || (done.Error == "" && done.Org != b.A.Rivals.ID) {
					t.Errorf("went on to the end: %+v %v", done, err)
				}
			}
			if done, err := w.finish(atEnd); err != nil || done.Error == "" || !done.User.IsZero() {
				t.Errorf("finished: %+v %v", done, err)
			}
			if out := w.begin(authn.Request{App: app, Org: b.A.Branch.ID, Prompt: []string{"none"}}); out.Done != nil {
				t.Errorf("reused: %+v", out)
			}
			undo()
		})
	}
	w := b.tab(t, b.A)
	b.person(t, b.A, "jo", b.A.Branch)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo")
	b.change(b.A.Tenant.ID, "portal", func(c *apps.Client) { c.Enabled = false })
	w.password(id, secret)
	if done, err := w.finish(id); err == nil && done.Error == "" {
		t.Errorf("a disabled application signs people in: %+v", done)
	}
}

func TestAttack05_FlowsStayInTheirTenantAndBrowser(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.app(t, b.B, "portal")
	b.person(t, b.A, "jo", b.A.Partner)
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	other := b.tab(t, b.A)
	foreign := *w
	foreign.tenant = b.B.Tenant
	nameless := *w
	nameless.Browser.Secret = ""
	for name, thief := range map[string]*tab{"another browser": other, "another tenant": &foreign, "no browser": &nameless} {
		if _, err := b.engine.Show(context.Background(), thief.tenant, id, thief.Browser); !authn.IsGone(err) {
			t.Errorf("%s shows: %v", name, err)
		}
		if _, err := b.engine.Continue(context.Background(), thief.tenant, id, thief.Browser, authn.Input{Step: authn.StepIdentifier, Username: "jo"}); !authn.IsGone(err) {
			t.Errorf("%s continues: %v", name, err)
		}
	}
	w.name(id, "jo")
	w.password(id, secret)
	for name, thief := range map[string]*tab{"another browser": other, "another tenant": &foreign} {
		if _, err := thief.finish(id); !authn.IsGone(err) {
			t.Errorf("%s finishes: %v", name, err)
		}
	}
	late := w.start(authn.Request{App: app, Prompt: []string{"login"}})
	b.Clock.Advance(16 * time.Minute)
	if _, err := b.engine.Show(context.Background(), w.tenant, late, w.Browser); !authn.IsGone(err) {
		t.Errorf("after its time: %v", err)
	}
	if err := b.engine.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	var left int
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM flows WHERE tenant_id = $1`, tx.Tenant()).Scan(&left)
	})
	if left != 0 {
		t.Errorf("%d flows left", left)
	}
}

func TestFinishedOnceByMany(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "jo", b.A.Partner)
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo")
	// Double submits: one session comes of them.
	var wait sync.WaitGroup
	made := make(chan string, 8)
	for range 8 {
		wait.Go(func() {
			f, err := b.engine.Continue(context.Background(), w.tenant, id, w.Browser, authn.Input{Step: authn.StepPassword, Password: secret})
			if err != nil || f.Step != authn.StepDone {
				t.Errorf("%+v %v", f, err)
			}
			if f.SessionSecret != "" {
				made <- f.SessionSecret
			}
		})
	}
	wait.Wait()
	if len(made) != 1 {
		t.Fatalf("%d sessions", len(made))
	}
	won := make(chan authn.Done, 8)
	for range 8 {
		wait.Go(func() {
			if done, err := w.finish(id); err == nil {
				won <- done
			} else if !authn.IsGone(err) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if len(won) != 1 {
		t.Errorf("finished %d times", len(won))
	}
}

// Nobody keeps another from signing in by taking his name elsewhere.
func TestLookAlikesDoNotShadowEachOther(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	older := b.person(t, b.A, "admin", b.A.Rivals)
	root := b.person(t, b.A, "admin", b.A.Root)
	if done := b.tab(t, b.A).signIn(authn.Request{App: app}, "admin"); done.User != root.ID {
		t.Error("the root's own goes first")
	}
	if done := b.tab(t, b.A).signIn(authn.Request{App: app, Org: b.A.Rivals.ID}, "ADMIN"); done.User != older.ID {
		t.Error("the organization's own is meant there")
	}
}

func TestZPlans(t *testing.T) { testkit.CheckPlans(t, setup(t).Database) }
