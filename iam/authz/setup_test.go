package authz_test

import (
	"context"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
	"grove/orgs/sharing"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var first = page.Request{Size: 50}

type bundle struct {
	*testkit.Database
	treekit.Pair
	api     *apikit.Server
	apps    *apps.Service
	authz   *authz.Service
	sharing *sharing.Service
	admin   map[ids.Tenant]ids.User // Administrator of the whole tree
	role    map[ids.Tenant]ids.Role // the role
}

func setup(t testing.TB, options ...func(*db.Options)) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "orgs/members", "iam/authz", "iam/apps", "orgs/sharing"), "authz", nil, options...)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), admin: map[ids.Tenant]ids.User{}, role: map[ids.Tenant]ids.Role{}}
	log := events.NewLog(nil)
	b.authz = authz.New(d.DB, log)
	b.apps = apps.New(d.DB, log, cache.NewHub(testkit.Quiet()), b.authz)
	b.sharing = sharing.New(d.DB, log, b.authz)
	b.api = apikit.New(t, d, b.Pair, b.authz.Module(), b.apps.Module(), b.sharing.Module())
	for _, tree := range []treekit.Tree{b.A, b.B} {
		tenant := tree.Tenant.ID
		b.admin[tenant], b.role[tenant] = b.user(t, tree, tree.Root, "ada"), ids.NewRole()
		f := module.Founding{Tenant: tenant, Root: tree.Root.ID, Handle: tree.Tenant.Handle, Name: "Acme", Base: tree.Tenant.Base,
			Admin: module.FoundingAdmin{User: b.admin[tenant]}, AdminRole: b.role[tenant]}
		for _, m := range []module.Manifest{b.authz.Module(), b.apps.Module(), b.sharing.Module()} {
			treekit.In(t, d, tenant, func(ctx context.Context, tx db.Tx) error { return m.Found(ctx, tx, f) })
		}
	}
	return b
}

// user makes a resident of org.
func (b bundle) user(t testing.TB, tree treekit.Tree, org httpapi.Org, name string) ids.User {
	t.Helper()
	id := ids.NewUser()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4, 'active', $5, $5)`, tree.Tenant.ID, id, org.ID, name, tx.Now()); err != nil {
			return err
		}
		return join(ctx, tx, org, id, "resident")
	})
	return id
}

func join(ctx context.Context, tx db.Tx, org httpapi.Org, user ids.User, kind string) error {
	_, err := tx.Exec(ctx, `INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		tx.Tenant(), ids.NewMembership(), org.ID, user, kind, tx.Now())
	return err
}

// group makes a group of org with members.
func (b bundle) group(t testing.TB, tree treekit.Tree, org httpapi.Org, name string, members ...ids.User) ids.Group {
	t.Helper()
	id := ids.NewGroup()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO groups (tenant_id, id, org_id, name, name_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4, $5, $5)`,
			tree.Tenant.ID, id, org.ID, name, tx.Now())
		for _, m := range members {
			if err == nil {
				err = addToGroup(ctx, tx, org, id, m)
			}
		}
		return err
	})
	return id
}

func addToGroup(ctx context.Context, tx db.Tx, org httpapi.Org, group ids.Group, user ids.User) error {
	_, err := tx.Exec(ctx, `INSERT INTO group_members (tenant_id, id, org_id, group_id, user_id, added_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`, tx.Tenant(), ids.NewMembership(), org.ID, group, user, tx.Now())
	return err
}

// as is a person's actor with a token of org that carries every permission, or only those named.
func (b bundle) as(tree treekit.Tree, org httpapi.Org, user ids.User, scopes ...string) actor.Actor {
	a := actor.Actor{Kind: actor.User, Tenant: tree.Tenant.ID, Org: org.ID, User: user, Scopes: map[string]bool{}}
	if len(scopes) == 0 {
		scopes = perm.Names(perm.All())
	}
	for _, s := range scopes {
		a.Scopes[s] = true
	}
	return a
}

// root is the context of the tenant's administrator.
func (b bundle) root(tree treekit.Tree) context.Context {
	return actor.Into(context.Background(), b.as(tree, tree.Root, b.admin[tree.Tenant.ID]))
}

// newRole makes a role of org with permissions, as the administrator.
func (b bundle) newRole(t testing.TB, tree treekit.Tree, org httpapi.Org, name string, permissions ...string) ids.Role {
	t.Helper()
	role, err := b.authz.CreateRole(b.root(tree), tree.Tenant.ID, org.ID, authz.CreateRoleRequest{Name: name, Permissions: permissions})
	if err != nil {
		t.Fatal(err)
	}
	return role.ID
}

// give assigns a role, as the administrator.
func (b bundle) give(t testing.TB, tree treekit.Tree, org httpapi.Org, role ids.Role, kind, id, reach string) authz.RoleAssignment {
	t.Helper()
	made, err := b.authz.Assign(b.root(tree), tree.Tenant.ID, org.ID, role, authz.AssignRoleRequest{Principal: authz.Principal{Type: kind, ID: id}, Reach: reach})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (b bundle) held(t testing.TB, a actor.Actor, org httpapi.Org) httpapi.Held {
	t.Helper()
	held, err := b.authz.Permissions(context.Background(), a, org)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// wantCode fails the test unless err is a fault of the code named; "" is no error.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
		if f := (*fault.Error)(nil); asFault(err, &f) {
			got = f.Code.Name
		}
	}
	if got != code {
		t.Fatalf("got %q, want %q (%v)", got, code, err)
	}
}
