package authz_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

// climber is a delegated administrator who tries everything that the API lets him, for himself, for an accomplice, and for
// clients that he gets hold of.
type climber struct {
	bundle
	t         *rapid.T
	orgs      []httpapi.Org
	names     []string
	people    []ids.User // himself first
	other     ids.User   // somebody whom he does not control
	groups    map[ids.Group]httpapi.Org
	definedBy map[ids.Role]ids.Org
	roles     []ids.Role
	machines  map[ids.App]httpapi.Org // made by others
	captured  []actor.Actor
	resource  ids.APIResource
	run       int
	allowed   int
	baselines []map[string]bool // by organization: what he could do at first
}

func (c *climber) permissions(label string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(c.names), 0, 3, rapid.ID[string]).Draw(c.t, label)
}

func pick[T any](c *climber, from []T, label string) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(c.t, label)]
}

func (c *climber) reach() string {
	return rapid.SampledFrom([]string{"org", "subtree"}).Draw(c.t, "reach")
}

// scene is a random graph of roles, assignments, groups and clients, made by the tenant's administrator.
func (c *climber) scene(t *testing.T) {
	for i, org := range c.orgs {
		for j := range 2 {
			id := c.newRole(t, c.A, org, fmt.Sprintf("%d role %d %d", c.run, i, j), append(c.permissions("role's permissions"), "roles.write")...)
			c.roles, c.definedBy[id] = append(c.roles, id), org.ID
		}
	}
	for i := range 3 {
		user := c.user(t, c.A, c.A.Partner, fmt.Sprintf("u%d-%d", c.run, i))
		treekit.In(t, c.Database, c.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			if err := join(ctx, tx, c.A.Root, user, "invited"); err != nil {
				return err
			}
			return join(ctx, tx, c.A.Branch, user, "invited")
		})
		c.people = append(c.people, user)
	}
	c.other, c.people = c.people[2], c.people[:2]
	for i, org := range c.orgs {
		id := c.group(t, c.A, org, fmt.Sprintf("g%d-%d", c.run, i), c.other)
		c.groups[id] = org
		c.tryGive(org, c.roles[i*2+1], "group", id.String())
	}
	for range rapid.IntRange(1, 3).Draw(c.t, "gifts") {
		i := rapid.IntRange(0, len(c.orgs)-1).Draw(c.t, "where")
		c.tryGive(c.orgs[i], c.roles[i*2], "user", c.people[0].String())
	}
	for i, org := range c.orgs {
		c.tryGive(org, c.roles[i*2], "user", c.other.String())
	}
	org := pick(c, c.orgs, "machine's owner")
	app, _, err := c.apps.Create(c.root(c.A), c.A.Tenant.ID, org.ID, apps.CreateAppRequest{Name: fmt.Sprintf("machine %d", c.run), Template: "m2m"})
	if err == nil {
		_, err = c.apps.Authorize(c.root(c.A), c.A.Tenant.ID, org.ID, app.ID, apps.AuthorizeAPIRequest{Resource: c.resource, Policy: "none", Scopes: c.permissions("machine's scopes")})
	}
	if err != nil {
		t.Fatal(err)
	}
	c.machines[app.ID] = org
}

func (c *climber) tryGive(org httpapi.Org, role ids.Role, kind, id string) {
	_, _ = c.authz.Assign(c.root(c.A), c.A.Tenant.ID, org.ID, role, authz.AssignRoleRequest{Principal: authz.Principal{Type: kind, ID: id}, Reach: c.reach()})
}

// powers is what the climber and all that he controls may do, by organization.
func (c *climber) powers(t *testing.T) []map[string]bool { return c.powersOf(t, c.people, c.captured) }

func (c *climber) powersOf(t *testing.T, people []ids.User, clients []actor.Actor) []map[string]bool {
	all := make([]map[string]bool, len(c.orgs))
	for i, org := range c.orgs {
		all[i] = map[string]bool{}
		treekit.In(t, c.Database, c.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			for _, user := range people {
				scopes, err := c.authz.ScopesOf(ctx, tx, user, org.ID)
				if err != nil {
					return err
				}
				if together, _, err := c.authz.HeldBy(ctx, tx, user, org.ID, ids.NewApp(), "organization"); err != nil || !maps.Equal(together, scopes) {
					t.Errorf("held %v, with roles %v: %v", scopes, together, err)
				}
				for name := range scopes {
					all[i][name] = true
				}
			}
			return nil
		})
		for _, a := range clients {
			for name := range c.held(t, a, org).Names {
				all[i][name] = true
			}
		}
	}
	return all
}

// opening is a token and an organization where it may do something.
type opening struct {
	me   actor.Actor
	org  httpapi.Org
	held httpapi.Held
}

// anyRole is one that the organization defines, more often than not.
func (c *climber) anyRole(org httpapi.Org) ids.Role {
	here := slices.DeleteFunc(slices.Clone(c.roles), func(r ids.Role) bool { return c.definedBy[r] != org.ID })
	if len(here) == 0 || rapid.IntRange(0, 3).Draw(c.t, "elsewhere") == 0 {
		return pick(c, append(slices.Clone(c.roles), c.role[c.A.Tenant.ID]), "role")
	}
	return pick(c, here, "role")
}

// step is one call, gated by its permission as the API gates it. Whether it is refused does not matter.
func (c *climber) step() {
	tenant := c.A.Tenant.ID
	var open []opening
	for _, token := range c.orgs {
		for _, org := range c.orgs {
			me := c.as(c.A, token, c.people[0])
			held, err := c.authz.Permissions(context.Background(), me, org)
			if err == nil && held.Visible && len(held.Names) > 0 {
				open = append(open, opening{me, org, held})
			}
		}
	}
	if len(open) == 0 {
		return
	}
	at := pick(c, open, "token and target")
	org, held, ctx := at.org, at.held, actor.Into(context.Background(), at.me)
	var err error
	switch op := rapid.SampledFrom([]string{"assign", "authorize", "create", "delete", "disband", "join", "leave", "secret", "unassign", "update"}).Draw(c.t, "call"); {
	case (op == "authorize" || op == "secret") && !held.Names["apps.write"], slices.Contains([]string{"disband", "join", "leave"}, op) && !held.Names["users.write"],
		slices.Contains([]string{"assign", "create", "delete", "unassign", "update"}, op) && !held.Names["roles.write"]:
		return
	case op == "create":
		var made authz.VersionedRole
		made, err = c.authz.CreateRole(ctx, tenant, org.ID, authz.CreateRoleRequest{
			Name: fmt.Sprintf("%d mine %d", c.run, len(c.roles)), Permissions: c.permissions("permissions")})
		if err == nil {
			c.roles, c.definedBy[made.ID] = append(c.roles, made.ID), org.ID
		}
	case op == "update":
		names := c.permissions("permissions")
		_, err = c.authz.UpdateRole(ctx, tenant, org.ID, c.anyRole(org), 0, authz.UpdateRoleRequest{Permissions: &names})
	case op == "assign":
		principal := authz.Principal{Type: "user", ID: pick(c, c.people, "principal").String()}
		for id, at := range c.groups {
			if at.ID == org.ID && rapid.Bool().Draw(c.t, "to a group") {
				principal = authz.Principal{Type: "group", ID: id.String()}
			}
		}
		_, err = c.authz.Assign(ctx, tenant, org.ID, c.anyRole(org), authz.AssignRoleRequest{Principal: principal, Reach: c.reach()})
	case op == "unassign":
		role := c.anyRole(org)
		page, listErr := c.authz.ListAssignments(ctx, tenant, org.ID, role, first) // also his own
		if listErr != nil || len(page.Items) == 0 {
			return
		}
		err = c.authz.Unassign(ctx, tenant, org.ID, role, page.Items[0].ID, false)
	case op == "join":
		for id, at := range c.groups {
			if at.ID != org.ID {
				continue
			}
			user := pick(c, c.people, "who")
			err = c.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
				if err := c.authz.CheckGroupTx(ctx, tx, id); err != nil {
					return err
				}
				return addToGroup(ctx, tx, at, id, user)
			})
		}
	case op == "leave" || op == "disband":
		for id, at := range c.groups {
			if at.ID != org.ID {
				continue
			}
			err = c.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
				_, err := c.authz.TakeFromGroupTx(ctx, tx, id, false, func() error {
					if op == "disband" {
						return c.authz.UnassignGroupTx(ctx, tx, at.ID, id)
					}
					_, err := tx.Exec(ctx, `DELETE FROM group_members WHERE tenant_id = $1 AND group_id = $2`, tx.Tenant(), id)
					return err
				})
				return err
			})
		}
	case op == "delete":
		err = c.authz.DeleteRole(ctx, tenant, org.ID, c.anyRole(org), 0)
	case op == "authorize":
		var made apps.VersionedApp
		made, _, err = c.apps.Create(ctx, tenant, org.ID, apps.CreateAppRequest{Name: fmt.Sprintf("%d mine %d", c.run, len(c.captured)), Template: "m2m"})
		if err == nil {
			c.capture(made.ID, org)
			_, err = c.apps.Authorize(ctx, tenant, org.ID, made.ID, apps.AuthorizeAPIRequest{Resource: c.resource, Scopes: c.permissions("scopes")})
		}
	case op == "secret":
		for id, at := range c.machines {
			if _, err = c.apps.CreateSecret(ctx, tenant, org.ID, id, apps.CreateAppSecretRequest{}); err == nil {
				c.capture(id, at)
			}
		}
	}
	if err == nil {
		c.allowed++
	}
}

func (c *climber) capture(app ids.App, owner httpapi.Org) {
	a := c.A.Client(owner, c.names...)
	a.App = app
	c.captured = append(c.captured, a)
}

// TestAttack28_DelegatedAdministratorNeverClimbs: for random graphs of roles, no sequence of allowed calls yields, to the
// caller or to anything that he controls, a permission in an organization where he lacked it, or takes such a one from
// somebody else.
func TestAttack28_DelegatedAdministratorNeverClimbs(t *testing.T) {
	b := setup(t)
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	_ = checks.Value.Set("40")
	defer func() { _ = checks.Value.Set(before) }()
	resource, err := b.authz.ManagementResource(b.root(b.A), b.A.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	run, allowed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		c := &climber{bundle: b, t: rt, orgs: []httpapi.Org{b.A.Root, b.A.Partner, b.A.Branch}, names: perm.Names(perm.All()),
			groups: map[ids.Group]httpapi.Org{}, definedBy: map[ids.Role]ids.Org{}, machines: map[ids.App]httpapi.Org{}, resource: resource, run: run}
		c.scene(t)
		// The accomplice has nothing of his own: only the climber's power counts.
		c.baselines = c.powers(t)
		others := c.powersOf(t, []ids.User{c.other}, nil)
		for range rapid.IntRange(10, 30).Draw(rt, "steps") {
			c.step()
		}
		for i, now := range c.powers(t) {
			for name := range now {
				if !c.baselines[i][name] {
					rt.Fatalf("in %s he gained %s", c.orgs[i].Handle, name)
				}
			}
		}
		for i, now := range c.powersOf(t, []ids.User{c.other}, nil) {
			for name := range others[i] {
				if !now[name] && !c.baselines[i][name] {
					rt.Fatalf("in %s he took %s from another", c.orgs[i].Handle, name)
				}
			}
		}
		allowed += c.allowed
	})
	if allowed < 40 {
		t.Errorf("only %d calls of all runs were allowed: the test tests nothing", allowed)
	}
	t.Logf("%d calls were allowed in %d runs", allowed, run)
}

// TestAttack28_RoleWidenedWhileAssigned: a role that grows between the check and the gift is not given.
func TestAttack28_RoleWidenedWhileAssigned(t *testing.T) {
	b := setup(t)
	tenant := b.A.Tenant.ID
	jo := b.user(t, b.A, b.A.Partner, "jo")
	b.give(t, b.A, b.A.Partner, b.newRole(t, b.A, b.A.Partner, "Delegate", "roles.write"), "user", jo.String(), "org")
	role := b.newRole(t, b.A, b.A.Partner, "Empty")
	conn, err := pgx.Connect(t.Context(), b.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The administrator's change is under way: the role's row is held, and it has one permission more.
	for _, sql := range []string{
		`SELECT FROM grove.roles WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
		`INSERT INTO grove.role_permissions (tenant_id, id, org_id, role_id, scope_id)
		 SELECT r.tenant_id, gen_random_uuid(), r.org_id, r.id, s.id FROM grove.roles r JOIN grove.api_scopes s ON s.tenant_id = r.tenant_id AND s.name = 'users.write'
		 WHERE r.tenant_id = $1 AND r.id = $2`,
	} {
		if _, err := tx.Exec(t.Context(), sql, tenant, role); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := b.authz.Assign(actor.Into(context.Background(), b.as(b.A, b.A.Partner, jo)), tenant, b.A.Partner.ID, role,
			authz.AssignRoleRequest{Principal: authz.Principal{Type: "user", ID: jo.String()}})
		done <- err
	}()
	testkit.Eventually(t, "the assignment waits for the role", func() bool {
		var waiting bool
		err := tx.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		return err == nil && waiting
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-done, "role.above_granter")
}

// TestAttack28_Ways names the ways that climbing has been done by, each refused.
func TestAttack28_Ways(t *testing.T) {
	b := setup(t)
	tenant := b.A.Tenant.ID
	jo := b.user(t, b.A, b.A.Partner, "jo")
	b.give(t, b.A, b.A.Partner, b.newRole(t, b.A, b.A.Partner, "Delegate", "apps.write", "roles.write", "users.read"), "user", jo.String(), "org")
	own := b.newRole(t, b.A, b.A.Partner, "Own")
	wide := b.newRole(t, b.A, b.A.Partner, "Wide")
	b.give(t, b.A, b.A.Partner, wide, "user", jo.String(), "subtree")
	strong := b.newRole(t, b.A, b.A.Partner, "Strong", "users.write")
	group := b.group(t, b.A, b.A.Partner, "strong")
	b.give(t, b.A, b.A.Partner, strong, "group", group.String(), "org")
	deep := b.group(t, b.A, b.A.Partner, "deep")
	b.give(t, b.A, b.A.Partner, b.newRole(t, b.A, b.A.Partner, "Deep", "users.read"), "group", deep.String(), "subtree")
	narrow := b.newRole(t, b.A, b.A.Partner, "Narrow", "users.read")
	b.give(t, b.A, b.A.Partner, narrow, "user", b.user(t, b.A, b.A.Partner, "ann").String(), "subtree")
	machine := newMachine(t, b, b.A.Partner, "users.read")
	vendor, err := b.authz.CreateResource(b.root(b.A), tenant, b.A.Root.ID, authz.CreateAPIResourceRequest{Identifier: "urn:vendor:api", Name: "Vendor",
		Scopes: []authz.CreateAPIScopeRequest{{Name: "vendor.premium"}}})
	if err != nil {
		t.Fatal(err)
	}
	management, err := b.authz.ManagementResource(b.root(b.A), tenant)
	if err != nil {
		t.Fatal(err)
	}
	ctx := actor.Into(context.Background(), b.as(b.A, b.A.Partner, jo))
	self := authz.Principal{Type: "user", ID: jo.String()}
	assign := func(role ids.Role, reach string) error {
		_, err := b.authz.Assign(ctx, tenant, b.A.Partner.ID, role, authz.AssignRoleRequest{Principal: self, Reach: reach})
		return err
	}
	create := func(names ...string) error {
		_, err := b.authz.CreateRole(ctx, tenant, b.A.Partner.ID, authz.CreateRoleRequest{Name: "Mine", Permissions: names})
		return err
	}
	update := func(role ids.Role, names ...string) error {
		_, err := b.authz.UpdateRole(ctx, tenant, b.A.Partner.ID, role, 0, authz.UpdateRoleRequest{Permissions: &names})
		return err
	}
	authorize := func(resource ids.APIResource, scopes ...string) error {
		_, err := b.apps.Authorize(ctx, tenant, b.A.Partner.ID, machine, apps.AuthorizeAPIRequest{Resource: resource, Scopes: scopes})
		return err
	}
	remove := func(role ids.Role) error { return b.authz.DeleteRole(ctx, tenant, b.A.Partner.ID, role, 0) }
	inTx := func(f func(ctx context.Context, tx db.Tx) error) error { return b.InTenant(ctx, tenant, f) }
	take := func(group ids.Group) func(context.Context, db.Tx) error {
		return func(ctx context.Context, tx db.Tx) error {
			_, err := b.authz.TakeFromGroupTx(ctx, tx, group, false, func() error { t.Error("taken"); return nil })
			return err
		}
	}
	const above = "role.above_granter"
	for name, err := range map[string]error{
		"assign Administrator":                 assign(b.role[tenant], "org"),
		"assign a stronger role":               assign(strong, "org"),
		"make a stronger role":                 create("users.write"),
		"make a role with the vendor's scope":  create("vendor.premium"),
		"widen a role":                         update(own, "users.write"),
		"widen a role held further down":       update(wide, "users.read"),
		"client with more":                     authorize(management, "users.write"),
		"client that reaches further down":     authorize(management, "users.read", "roles.write"),
		"client of the vendor's API":           authorize(vendor.ID, "vendor.premium"),
		"client with everything, also to come": authorize(management, authz.AllScopes),
		"secret of a stronger client": func() error {
			_, err := b.apps.CreateSecret(ctx, tenant, b.A.Partner.ID, machine, apps.CreateAppSecretRequest{})
			return err
		}(),
		"join a stronger group":                  inTx(func(ctx context.Context, tx db.Tx) error { return b.authz.CheckGroupTx(ctx, tx, group) }),
		"join a group that reaches further down": inTx(func(ctx context.Context, tx db.Tx) error { return b.authz.CheckGroupTx(ctx, tx, deep) }),
		"delete a stronger role":                 remove(strong),
		"strip a stronger role":                  update(strong),
		"delete a role held further down":        remove(narrow),
		"take from a stronger group":             inTx(take(group)),
		"take from a group that reaches further": inTx(take(deep)),
		"take over the administrator": inTx(func(ctx context.Context, tx db.Tx) error {
			return b.authz.CheckUserTx(ctx, tx, []ids.Org{b.A.Root.ID}, b.admin[tenant])
		}),
		"invite with a stronger role": inTx(func(ctx context.Context, tx db.Tx) error {
			_, err := b.authz.CheckGrantable(ctx, tx, map[string]bool{"users.read": true}, b.A.Partner.ID, []ids.Role{own, strong})
			return err
		}),
	} {
		t.Log(name)
		wantCode(t, err, above)
	}
	wantCode(t, assign(wide, "subtree"), "role.already_assigned")
	wantCode(t, update(own, "users.read"), "")
	wantCode(t, assign(own, "subtree"), above)
	wantCode(t, assign(own, "org"), "")
}

// TestAttack28_MovedUnderOneself: who may move an organization does not move it under one where he, a group of his or a
// machine holds more than he holds in it.
func TestAttack28_MovedUnderOneself(t *testing.T) {
	b := setup(t)
	tenant := b.A.Tenant.ID
	mover := b.user(t, b.A, b.A.Root, "mover")
	b.give(t, b.A, b.A.Root, b.newRole(t, b.A, b.A.Root, "Mover", "roles.read"), "user", mover.String(), "subtree")
	may := func(who ids.User, org, parent httpapi.Org) error {
		return b.InTenant(actor.Into(context.Background(), b.as(b.A, b.A.Root, who)), tenant, func(ctx context.Context, tx db.Tx) error {
			return b.authz.CheckMoveTx(ctx, tx, org.ID, parent.ID)
		})
	}
	strong := b.newRole(t, b.A, b.A.Partner, "Strong", "users.write")
	jo := b.user(t, b.A, b.A.Partner, "jo")
	b.give(t, b.A, b.A.Partner, strong, "user", jo.String(), "org")
	wantCode(t, may(mover, b.A.Rivals, b.A.Partner), "") // what is held there and no further down
	group := b.group(t, b.A, b.A.Partner, "own", jo)
	given := b.give(t, b.A, b.A.Partner, strong, "group", group.String(), "subtree")
	for _, parent := range []httpapi.Org{b.A.Partner, b.A.Branch} {
		wantCode(t, may(mover, b.A.Rivals, parent), "role.above_granter")
		wantCode(t, may(b.admin[tenant], b.A.Rivals, parent), "")
	}
	wantCode(t, may(mover, b.A.Branch, b.A.Root), "") // up: nobody comes to lie above it
	wantCode(t, may(mover, b.A.Branch, b.A.Rivals), "")
	if err := b.authz.Unassign(b.root(b.A), tenant, b.A.Partner.ID, strong, given.ID, false); err != nil {
		t.Fatal(err)
	}
	wantCode(t, may(mover, b.A.Rivals, b.A.Branch), "")
	newMachine(t, b, b.A.Partner, "users.read")
	wantCode(t, may(mover, b.A.Rivals, b.A.Branch), "role.above_granter")
	wantCode(t, may(b.admin[tenant], b.A.Rivals, b.A.Branch), "")
}

// TestAttack28_NobodyTakesWhatHeCouldNotGive: who only manages roles does not lock out those above him.
func TestAttack28_NobodyTakesWhatHeCouldNotGive(t *testing.T) {
	b := setup(t)
	tenant, org := b.A.Tenant.ID, b.A.Partner
	jo, ada := b.user(t, b.A, org, "jo"), b.user(t, b.A, org, "ada")
	b.give(t, b.A, org, b.newRole(t, b.A, org, "Delegate", "roles.write"), "user", jo.String(), "org")
	strong := b.newRole(t, b.A, org, "Strong", "roles.write", "users.write")
	b.give(t, b.A, org, strong, "user", ada.String(), "org")
	list, err := b.authz.ListAssignments(context.Background(), tenant, org.ID, strong, page.Request{Size: 10})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	take := func(as ids.User) error {
		return b.authz.Unassign(actor.Into(context.Background(), b.as(b.A, org, as)), tenant, org.ID, strong, list.Items[0].ID, false)
	}
	var f *fault.Error
	if err := take(jo); !errors.As(err, &f) || f.Code.Name != "role.above_granter" {
		t.Errorf("a delegate took a stronger role away: %v", err)
	}
	if err := take(ada); err != nil {
		t.Errorf("its holder cannot lay a role down: %v", err)
	}
}

// TestAttack28_LastAdministratorStaysInTheGroup: the tenant's last Administrator, who is one by a group, is not lost with
// the group or by leaving it, not even to two who take the role from each other at once.
func TestAttack28_LastAdministratorStaysInTheGroup(t *testing.T) {
	b := setup(t)
	tenant, org := b.A.Tenant.ID, b.A.Root
	ann, ben := b.user(t, b.A, org, "ann"), b.user(t, b.A, org, "ben")
	groups := map[ids.User]ids.Group{ann: b.group(t, b.A, org, "a", ann), ben: b.group(t, b.A, org, "b", ben)}
	for _, group := range groups {
		b.give(t, b.A, org, b.role[tenant], "group", group.String(), "subtree")
	}
	leave := func(as, user ids.User) (last bool, err error) {
		err = b.InTenant(actor.Into(context.Background(), b.as(b.A, org, as)), tenant, func(ctx context.Context, tx db.Tx) error {
			last, err = b.authz.TakeFromGroupTx(ctx, tx, groups[user], false, func() error {
				_, err := tx.Exec(ctx, `DELETE FROM group_members WHERE tenant_id = $1 AND group_id = $2 AND user_id = $3`, tx.Tenant(), groups[user], user)
				return err
			})
			if err == nil && last {
				err = errors.New("last")
			}
			return err
		})
		return last, err
	}
	list, err := b.authz.ListAssignments(context.Background(), tenant, org.ID, b.role[tenant], page.Request{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list.Items {
		if a.Principal.ID == b.admin[tenant].String() {
			if err := b.authz.Unassign(b.root(b.A), tenant, org.ID, b.role[tenant], a.ID, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	var both sync.WaitGroup
	for user, other := range map[ids.User]ids.User{ann: ben, ben: ann} {
		both.Go(func() {
			last, err := leave(user, other)
			// Who comes second would take from the last one, or is no Administrator any more.
			var f *fault.Error
			if err != nil && !last && (!errors.As(err, &f) || f.Code.Name != "role.above_granter") {
				t.Error(err)
			}
		})
	}
	both.Wait()
	var left []ids.User
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		left, err = db.Scalars[ids.User](ctx, tx, `SELECT user_id FROM group_members WHERE tenant_id = $1 AND group_id = ANY ($2)`, tx.Tenant(), []ids.Group{groups[ann], groups[ben]})
		return err
	})
	if len(left) != 1 {
		t.Fatalf("%d administrators are left", len(left))
	}
	if last, _ := leave(left[0], left[0]); !last {
		t.Error("the last Administrator left")
	}
}
