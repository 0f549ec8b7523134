package authn_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

func nothingElse(context.Context, db.Tx, authn.Done) error { return nil }

// byPassword signs in without a browser.
func (b bundle) byPassword(t testing.TB, req authn.Request, login, plain string) authn.Outcome {
	t.Helper()
	out, err := b.engine.ByPassword(context.Background(), b.A.Tenant, req, login, plain, authn.Browser{Address: "203.0.113.7", UserAgent: "old app"}, nothingElse)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// liveSessions are those of a person.
func (b bundle) liveSessions(t testing.TB, user ids.User) (n int) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL`, tx.Tenant(), user).Scan(&n)
	})
	return n
}

func TestByPassword(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "old")
	jo := b.person(t, b.A, "jo@partner.example", b.A.Partner, b.A.Branch)
	b.domains[b.A.Tenant.ID.String()+"partner.example"] = b.A.Partner.ID
	for name, c := range map[string]struct {
		req  authn.Request
		want httpapi.Org
	}{
		"that of the address": {authn.Request{App: app}, b.A.Partner},
		"that is named":       {authn.Request{App: app, OrgRequested: b.A.Branch.ID.String()}, b.A.Branch},
		"that of the base":    {authn.Request{App: app, Org: b.A.Branch.ID}, b.A.Branch},
	} {
		before := b.liveSessions(t, jo.ID)
		out := b.byPassword(t, c.req, " jo@partner.example ", secret)
		if out.Done == nil || out.Done.User != jo.ID || out.Done.Org != c.want.ID || !slices.Equal(out.Done.AMR, []string{"pwd"}) || out.Done.AuthTime.IsZero() {
			t.Fatalf("%s: %+v %+v", name, out, out.Done)
		}
		if n := b.liveSessions(t, jo.ID); n != before+1 {
			t.Errorf("%s: %d sessions after %d", name, n, before)
		}
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			session, good, err := b.sessions.FindTx(ctx, tx, out.Done.Session)
			if !good || session.User != jo.ID || session.UserAgent != "old app" || session.Address != "203.0.113.7" {
				t.Errorf("%s: %+v", name, session)
			}
			return err
		})
	}
	before := b.liveSessions(t, jo.ID)
	failed := errors.New("no token after all")
	_, err := b.engine.ByPassword(t.Context(), b.A.Tenant, authn.Request{App: app}, "jo@partner.example", secret, authn.Browser{}, func(context.Context, db.Tx, authn.Done) error { return failed })
	if !errors.Is(err, failed) || b.liveSessions(t, jo.ID) != before {
		t.Errorf("a sign-in of which nothing came is one: %v, %d sessions", err, b.liveSessions(t, jo.ID)-before)
	}
}

// TestAttack31_ByPasswordPutsNoQuestion: where a page would ask something, nobody is signed in.
func TestAttack31_ByPasswordPutsNoQuestion(t *testing.T) {
	b := setup(t)
	app, asks, disabled := b.app(t, b.A, "old"), b.app(t, b.A, "asks"), b.app(t, b.A, "disabled")
	b.change(b.A.Tenant.ID, "asks", func(c *apps.Client) { c.SkipConsent = false; asks = *c })
	disabled.Enabled = false
	jo := b.person(t, b.A, "jo", b.A.Partner, b.A.Branch)
	given := b.person(t, b.A, "given", b.A.Partner)
	phc, err := b.users.HashPassword(t.Context(), b.A.Tenant.ID, ids.Org{}, secret)
	if err != nil {
		t.Fatal(err)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return b.users.SetTemporaryPasswordTx(ctx, tx, given, phc) })
	b.unshared[app.ID.String()+b.A.Root.ID.String()] = true
	partner := b.A.Partner.ID
	wanted := map[string]struct {
		req     authn.Request
		login   string
		step    authn.Step
		refusal authn.Refusal
		code    string
	}{
		"a password of somebody else's":  {authn.Request{App: app}, "given", authn.StepChangePassword, "", authn.ErrorInteractionRequired},
		"no consent":                     {authn.Request{App: asks, Org: partner, Scopes: []string{"openid"}}, "jo", authn.StepConsent, "", authn.ErrorConsentRequired},
		"several organizations":          {authn.Request{App: app}, "jo", authn.StepOrganization, "", authn.ErrorInteractionRequired},
		"no member":                      {authn.Request{App: app, Org: b.A.Rivals.ID}, "jo", authn.StepRefused, authn.RefusedMember, authn.ErrorAccessDenied},
		"not shared":                     {authn.Request{App: app, Org: b.A.Root.ID}, "jo", authn.StepRefused, authn.RefusedApp, authn.ErrorAccessDenied},
		"not shared, as a stranger asks": {authn.Request{App: app, OrgRequested: b.A.Root.ID.String()}, "jo", authn.StepRefused, authn.RefusedUnknown, authn.ErrorAccessDenied},
		"no organization":                {authn.Request{App: app, OrgRequested: "nowhere"}, "jo", authn.StepRefused, authn.RefusedUnknown, authn.ErrorAccessDenied},
		"an app that is switched off":    {authn.Request{App: disabled, Org: partner}, "jo", "", "", authn.ErrorAccessDenied},
		"another tenant's person":        {authn.Request{App: app}, "foreign", authn.StepPassword, "", authn.ErrorLoginRequired},
	}
	b.person(t, b.B, "foreign", b.B.Partner)
	for name, c := range wanted {
		out := b.byPassword(t, c.req, c.login, secret)
		if out.Done != nil || out.Error != c.code || out.Step != c.step || out.Refusal != c.refusal {
			t.Errorf("%s: %+v", name, out)
		}
	}
	b.suspend(t, b.A.Partner.ID)
	if out := b.byPassword(t, authn.Request{App: app, Org: partner}, "jo", secret); out.Done != nil || out.Refusal != authn.RefusedEverybody {
		t.Errorf("suspended: %+v", out)
	}
	if n := b.liveSessions(t, jo.ID) + b.liveSessions(t, given.ID); n != 0 {
		t.Errorf("%d sessions", n)
	}
	b.resume(t, b.A.Partner.ID)
	id := b.tab(t, b.A)
	flow := id.start(authn.Request{App: asks, Org: partner, Scopes: []string{"openid"}})
	id.name(flow, "jo")
	id.want(id.password(flow, secret), authn.StepConsent, "")
	id.want(id.answer(flow, authn.Input{Step: authn.StepConsent, Allow: true}), authn.StepDone, "")
	if out := b.byPassword(t, authn.Request{App: asks, Org: partner, Scopes: []string{"openid"}}, "jo", secret); out.Done == nil {
		t.Errorf("who has agreed is not let in: %+v", out)
	}
}

// TestAttack29_ByPasswordCounts: guesses by a page and by an app are guesses at one account.
func TestAttack29_ByPasswordCounts(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "old")
	b.person(t, b.A, "jo", b.A.Partner)
	for i := range users.DefaultLockout.MaxFailures {
		if i%2 == 0 {
			b.byPassword(t, authn.Request{App: app}, "jo", "wrong")
			continue
		}
		w := b.tab(t, b.A)
		id := w.start(authn.Request{App: app})
		w.name(id, "jo")
		w.want(w.password(id, "wrong"), authn.StepPassword, authn.ProblemCredentials)
	}
	if out := b.byPassword(t, authn.Request{App: app}, "jo", secret); out.Done != nil || out.Step != authn.StepPassword {
		t.Errorf("who is locked out is let in by an app: %+v", out)
	}
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo")
	w.want(w.password(id, secret), authn.StepPassword, authn.ProblemCredentials)
}

// TestAttack35_ByPasswordTellsNobodyApart: nobody, a wrong password, and people who are disabled or locked have one answer, after the
// same statements and one hash.
func TestAttack35_ByPasswordTellsNobodyApart(t *testing.T) {
	sent := &recorder{}
	b := setup(t, func(o *db.Options) { o.Tracer = sent })
	app := b.app(t, b.A, "old")
	b.person(t, b.A, "jo", b.A.Partner)
	b.person(t, b.A, "rival", b.A.Rivals)
	gone := b.person(t, b.A, "gone", b.A.Partner)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := b.users.DisableTx(ctx, tx, gone, false)
		return err
	})
	b.person(t, b.A, "locked", b.A.Partner)
	for range users.DefaultLockout.MaxFailures {
		b.byPassword(t, authn.Request{App: app}, "locked", "wrong")
	}
	for name, req := range map[string]authn.Request{"none": {App: app}, "named": {App: app, OrgRequested: "partner"}, "base": {App: app, Org: b.A.Partner.ID}} {
		var first authn.Outcome
		var statements []string
		for i, login := range []string{"nobody", "jo", "rival", "gone", "locked"} {
			sent.take()
			before := b.looked.n.Load()
			out := b.byPassword(t, req, login, "wrong")
			stated := sent.take()
			if n := b.looked.n.Load() - before; n != 1 {
				t.Errorf("%s, %s: %d passwords were looked at", name, login, n)
			}
			if i == 0 {
				if first, statements = out, stated; out.Error != authn.ErrorLoginRequired {
					t.Fatalf("%+v", out)
				}
				continue
			}
			if !reflect.DeepEqual(out, first) || !slices.Equal(stated, statements) {
				t.Errorf("%s, %s: %+v, not %+v\n%q\n%q", name, login, out, first, stated, statements)
			}
		}
		for _, login := range []string{"gone", "locked"} {
			if out := b.byPassword(t, req, login, secret); !reflect.DeepEqual(out, first) {
				t.Errorf("%s, %s with the password: %+v", name, login, out)
			}
		}
	}
}
