package authn_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

// counter counts the statements that are sent.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// join makes organizations below the root, so many, of which a person becomes a member.
func (b bundle) join(t *testing.T, user ids.User, n int) (made []ids.Org) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		made, err = db.Scalars[ids.Org](ctx, tx, `
			WITH made AS (
				INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), $2, 'many-' || i, 'Many ' || i, 'many ' || lpad(i::text, 5, '0'), 'active', now(), now()
				FROM generate_series(1, $4) i RETURNING id, name_key),
			closed AS (
				INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth, name_key)
				SELECT $1, id, id, 0, name_key FROM made UNION ALL SELECT $1, $2, id, 1, name_key FROM made),
			joined AS (
				INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) SELECT $1, gen_random_uuid(), id, $3, 'invited', now() FROM made)
			SELECT id FROM made ORDER BY name_key`, tx.Tenant(), b.A.Root.ID, user, n)
		return err
	})
	return made
}

// TestChoosingAmongMany: what it costs to offer organizations does not grow with their number, whoever belongs to more than
// a page shows is told so and finds the others by their names, and each may be chosen, shown or not.
func TestChoosingAmongMany(t *testing.T) {
	count := &counter{}
	b := setup(t, func(o *db.Options) { o.Tracer = count })
	app := b.app(t, b.A, "portal")
	b.person(t, b.A, "few@partner.example", b.A.Partner, b.A.Branch)
	many := b.person(t, b.A, "many@partner.example", b.A.Partner)
	made := b.join(t, many.ID, 1230)
	for _, org := range []ids.Org{made[5], made[7]} {
		b.unshared[app.ID.String()+org.String()] = true
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.Block(ctx, db.KindOrg, made[6].UUID(), "test")
	})
	var cost [2]int64
	for i, name := range []string{"few@partner.example", "many@partner.example"} {
		w := b.tab(t, b.A)
		id := w.start(authn.Request{App: app})
		w.name(id, name)
		w.want(w.password(id, secret), authn.StepOrganization, "")
		before := count.n.Load()
		if _, err := b.engine.Show(context.Background(), b.A.Tenant, id, w.Browser); err != nil {
			t.Fatal(err)
		}
		cost[i] = count.n.Load() - before
	}
	if cost[0] != cost[1] || cost[0] == 0 {
		t.Errorf("the question costs %d statements with two organizations and %d with many", cost[0], cost[1])
	}

	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "many@partner.example")
	first := w.want(w.password(id, secret), authn.StepOrganization, "").Challenge.(authn.ChooseOrgChallenge)
	if len(first.Organizations) != 100 || !first.More || first.Organizations[5].Name != "Many 9" {
		t.Errorf("offered %d, more: %v, after those that are not available %+v", len(first.Organizations), first.More, first.Organizations[5])
	}
	for find, want := range map[string]int{"many 0012": 10, "many 00": 100, "partner": 1, "nothing": 0, "many 00006": 0} {
		f, err := b.engine.Find(context.Background(), b.A.Tenant, id, w.Browser, find)
		if err != nil {
			t.Fatal(err)
		}
		found := f.Challenge.(authn.ChooseOrgChallenge)
		if len(found.Organizations) != want || found.Find != find || found.More != (want == 100) {
			t.Errorf("%q: %d found, more: %v", find, len(found.Organizations), found.More)
		}
	}
	for what, org := range map[string]ids.Org{"not shared": made[5], "suspended": made[6]} {
		if got := w.answer(id, authn.Input{Step: authn.StepOrganization, Organization: org.String()}); got.Problem != authn.ProblemOrganization {
			t.Errorf("%s: %+v", what, got)
		}
	}
	last := made[len(made)-1]
	w.want(w.answer(id, authn.Input{Step: authn.StepOrganization, Organization: last.String()}), authn.StepDone, "")
	if done, err := w.finish(id); err != nil || done.Org != last {
		t.Errorf("%+v %v", done, err)
	}
}

// TestOnlyOneOfManyHasTheApp: it is found wherever it stands in the list.
func TestOnlyOneOfManyHasTheApp(t *testing.T) {
	b := setup(t)
	app := b.app(t, b.A, "portal")
	jo := b.person(t, b.A, "jo", b.A.Partner)
	made := b.join(t, jo.ID, 1100)
	for _, org := range append(made[:len(made)-1:len(made)-1], b.A.Partner.ID) {
		b.unshared[app.ID.String()+org.String()] = true
	}
	if done := b.tab(t, b.A).signIn(authn.Request{App: app}, "jo"); done.Org != made[len(made)-1] {
		t.Errorf("%+v", done)
	}
	b.unshared[app.ID.String()+made[len(made)-1].String()] = true
	w := b.tab(t, b.A)
	id := w.start(authn.Request{App: app})
	w.name(id, "jo")
	got := w.want(w.password(id, secret), authn.StepRefused, "")
	if c := got.Challenge.(authn.RefusedChallenge); c.Refusal != authn.RefusedNowhere || c.Organization || !c.Account {
		t.Errorf("nowhere: %+v", c)
	}
}
