// Package treekit plants the organizations that a capability's tests work in, without the rest of the program: always in
// two tenants that look alike.
package treekit

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

// Tree is one tenant: a root, two siblings below it, and a branch below the first.
type Tree struct {
	Tenant                        httpapi.Tenant
	Root, Partner, Branch, Rivals httpapi.Org
}

// Pair is two tenants with the same names, and their directory.
type Pair struct{ A, B Tree }

// Migrations are the foundation's and those of the capabilities named, as folders from the module's root.
func Migrations(t testing.TB, capabilities ...string) []fs.FS {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if parent := filepath.Dir(root); parent != root {
			root = parent
			continue
		}
		t.Fatal("treekit: no go.mod above the test")
	}
	folders := []fs.FS{db.Migrations(), events.Migrations()}
	for _, name := range append([]string{"tenants/directory", "orgs/directory"}, capabilities...) {
		folders = append(folders, os.DirFS(filepath.Join(root, name, "migrations")))
	}
	return folders
}

// Plant makes the two tenants.
func Plant(t testing.TB, d *testkit.Database) Pair {
	t.Helper()
	return Pair{A: plant(t, d, "acme"), B: plant(t, d, "bcme")}
}

func plant(t testing.TB, d *testkit.Database, handle string) Tree {
	t.Helper()
	root := ids.NewOrg()
	tree := Tree{Tenant: httpapi.Tenant{ID: ids.NewTenant(), Handle: handle, Root: root, Base: "https://id.example/t/" + handle}}
	below := func(parent httpapi.Org, handle string) httpapi.Org {
		o := httpapi.Org{ID: ids.NewOrg(), Handle: handle, Name: handle, Status: "active"}
		o.Path = append(append(o.Path, parent.Path...), o.ID)
		return o
	}
	tree.Root = httpapi.Org{ID: root, Handle: "root", Name: "root", Path: []ids.Org{root}, Status: "active"}
	tree.Partner, tree.Rivals = below(tree.Root, "partner"), below(tree.Root, "rivals")
	tree.Branch = below(tree.Partner, "branch")
	In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		for _, o := range tree.orgs() {
			var parent ids.Org
			if len(o.Path) > 1 {
				parent = o.Path[len(o.Path)-2]
			}
			if _, err := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				VALUES ($1, $2, $3, $4, $4, $4, 'active', $5, $5)`, tree.Tenant.ID, o.ID, parent, o.Handle, tx.Now()); err != nil {
				return err
			}
			for i, ancestor := range o.Path {
				if _, err := tx.Exec(ctx, `INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth) VALUES ($1, $2, $3, $4)`,
					tree.Tenant.ID, ancestor, o.ID, len(o.Path)-1-i); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return tree
}

func (t Tree) orgs() []httpapi.Org { return []httpapi.Org{t.Root, t.Partner, t.Branch, t.Rivals} }

// Client is an actor with a token of org and the scopes named.
func (t Tree) Client(org httpapi.Org, scopes ...string) actor.Actor {
	a := actor.Actor{Kind: actor.Client, Tenant: t.Tenant.ID, Org: org.ID, App: ids.NewApp(), Scopes: map[string]bool{}}
	for _, s := range scopes {
		a.Scopes[s] = true
	}
	return a
}

// In runs f in the tenant's door and fails t on an error.
func In(t testing.TB, d *testkit.Database, tenant ids.Tenant, f func(context.Context, db.Tx) error) {
	t.Helper()
	if err := d.InTenant(context.Background(), tenant, f); err != nil {
		t.Fatal(err)
	}
}

func (p Pair) trees() []Tree { return []Tree{p.A, p.B} }

// TenantByHandle finds one of the two tenants.
func (p Pair) TenantByHandle(_ context.Context, handle string) (httpapi.Tenant, error) {
	for _, t := range p.trees() {
		if t.Tenant.Handle == handle {
			return t.Tenant, nil
		}
	}
	return httpapi.Tenant{}, fault.ErrNotFound
}

// TenantByHost finds nothing: the tests use paths.
func (p Pair) TenantByHost(context.Context, string) (httpapi.Tenant, error) {
	return httpapi.Tenant{}, fault.ErrNotFound
}

// ByID finds one of the two tenants.
func (p Pair) ByID(_ context.Context, id ids.Tenant) (httpapi.Tenant, error) {
	for _, t := range p.trees() {
		if t.Tenant.ID == id {
			return t.Tenant, nil
		}
	}
	return httpapi.Tenant{}, fault.ErrNotFound
}

// Org finds an organization by id or handle.
func (p Pair) Org(_ context.Context, tenant httpapi.Tenant, ref string) (httpapi.Org, error) {
	for _, t := range p.trees() {
		for _, o := range t.orgs() {
			if t.Tenant.ID == tenant.ID && (o.Handle == ref || o.ID.String() == ref) {
				return o, nil
			}
		}
	}
	return httpapi.Org{}, fault.ErrNotFound
}

// Resolve is Org, as the directory of organizations calls it.
func (p Pair) Resolve(ctx context.Context, tenant httpapi.Tenant, ref string) (httpapi.Org, error) {
	return p.Org(ctx, tenant, ref)
}
