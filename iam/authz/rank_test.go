package authz_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

// counter counts statements.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestAttack28_RankInEachOrganization: a person is compared organization by organization, with what is held just there, and
// in as many statements as for one.
func TestAttack28_RankInEachOrganization(t *testing.T) {
	count := &counter{}
	b := setup(t, func(o *db.Options) { o.Tracer = count })
	reader := map[ids.Org]ids.Role{}
	for _, org := range []httpapi.Org{b.A.Partner, b.A.Branch, b.A.Rivals} {
		reader[org.ID] = b.newRole(t, b.A, org, "Reader", "users.read")
	}
	people := map[string]ids.User{}
	for name, where := range map[string]struct {
		orgs  []httpapi.Org
		reach string
	}{
		"nobody":  {},
		"partner": {[]httpapi.Org{b.A.Partner}, "org"},
		"branch":  {[]httpapi.Org{b.A.Branch}, "org"},
		"below":   {[]httpapi.Org{b.A.Partner}, "subtree"},
		"rivals":  {[]httpapi.Org{b.A.Rivals}, "org"},
		"all":     {[]httpapi.Org{b.A.Partner, b.A.Branch, b.A.Rivals}, "org"},
	} {
		people[name] = b.user(t, b.A, b.A.Partner, name)
		for _, org := range where.orgs {
			if org.ID != b.A.Partner.ID {
				treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return join(ctx, tx, org, people[name], "invited") })
			}
			b.give(t, b.A, org, reader[org.ID], "user", people[name].String(), where.reach)
		}
	}
	here, deep := b.user(t, b.A, b.A.Partner, "here"), b.user(t, b.A, b.A.Partner, "deep")
	b.give(t, b.A, b.A.Partner, reader[b.A.Partner.ID], "user", here.String(), "org")
	b.give(t, b.A, b.A.Partner, reader[b.A.Partner.ID], "user", deep.String(), "subtree")
	machine := newMachine(t, b, b.A.Partner, "users.read")
	orgs := []ids.Org{b.A.Partner.ID, b.A.Branch.ID, b.A.Rivals.ID}
	check := func(a actor.Actor, who ids.User, orgs ...ids.Org) (err error, statements int64) {
		err = b.InTenant(actor.Into(context.Background(), a), b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			before := count.n.Load()
			err := b.authz.CheckUserTx(ctx, tx, orgs, who)
			statements = count.n.Load() - before
			return err
		})
		return err, statements
	}
	for actorName, c := range map[string]struct {
		actor actor.Actor
		below map[string]bool // whom he is not above of
	}{
		"who holds it in one":    {b.as(b.A, b.A.Partner, here), map[string]bool{"branch": true, "below": true, "rivals": true, "all": true}},
		"who holds it below too": {b.as(b.A, b.A.Partner, deep), map[string]bool{"rivals": true, "all": true}},
		"who has another token":  {b.as(b.A, b.A.Partner, deep, "users.write"), map[string]bool{"partner": true, "branch": true, "below": true, "rivals": true, "all": true}},
		"a machine":              {actor.Actor{Kind: actor.Client, Tenant: b.A.Tenant.ID, Org: b.A.Partner.ID, App: machine, Scopes: map[string]bool{"users.read": true}}, map[string]bool{"rivals": true, "all": true}},
		"the administrator":      {b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]), nil},
	} {
		for name, who := range people {
			want := ""
			if c.below[name] {
				want = "role.above_granter"
			}
			err, _ := check(c.actor, who, orgs...)
			t.Log(actorName, name)
			wantCode(t, err, want)
		}
	}
	_, one := check(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]), people["partner"], b.A.Partner.ID)
	if _, many := check(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]), people["all"], orgs...); one != many || one == 0 {
		t.Errorf("%d statements for one organization, %d for several", one, many)
	}
}
