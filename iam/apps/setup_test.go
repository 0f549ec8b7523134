package apps_test

import (
	"context"
	"errors"
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
	api   *apikit.Server
	apps  *apps.Service
	authz *authz.Service
	hub   *cache.Hub
}

func setup(t testing.TB) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "orgs/members", "iam/authz", "iam/apps", "iam/attributes", "orgs/sharing"), "apps", nil)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), hub: cache.NewHub(testkit.Quiet())}
	log := events.NewLog(nil)
	b.authz = authz.New(d.DB, log)
	b.apps = apps.New(d.DB, log, b.hub, b.authz)
	b.api = apikit.New(t, d, b.Pair, b.apps.Module())
	for _, tree := range []treekit.Tree{b.A, b.B} {
		f := module.Founding{Tenant: tree.Tenant.ID, Root: tree.Root.ID, Handle: tree.Tenant.Handle, Name: "Acme", Base: tree.Tenant.Base, AdminRole: ids.NewRole()}
		for _, m := range []module.Manifest{b.authz.Module(), b.apps.Module(), sharing.New(d.DB, log, b.authz).Module()} {
			treekit.In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return m.Found(ctx, tx, f) })
		}
	}
	return b
}

// all is the context of a job that may do everything in a tenant.
func all(tree treekit.Tree) context.Context {
	return actor.Into(context.Background(), actor.ForJob(tree.Tenant.ID, "test", perm.All()...))
}

func (b bundle) create(t testing.TB, tree treekit.Tree, org httpapi.Org, in apps.CreateAppRequest) (apps.VersionedApp, string) {
	t.Helper()
	made, secret, err := b.apps.Create(all(tree), tree.Tenant.ID, org.ID, in)
	if err != nil {
		t.Fatal(err)
	}
	return made, secret
}

func (b bundle) client(t testing.TB, tree treekit.Tree, clientID string) apps.Client {
	t.Helper()
	c, err := b.apps.Client(context.Background(), tree.Tenant.ID, clientID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// epoch is the revocation epoch of a client: its number, and whether it is blocked.
func (b bundle) epoch(t testing.TB, tree treekit.Tree, app ids.App) (number int64, blocked bool) {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		err := tx.QueryRow(ctx, `SELECT epoch, blocked FROM epochs WHERE tenant_id = $1 AND subject = $2 AND kind = 'client'`, tree.Tenant.ID, app).Scan(&number, &blocked)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	return number, blocked
}

// wantCode fails the test unless err is a fault of the code named; "" is no error.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
		if f := (*fault.Error)(nil); errors.As(err, &f) {
			got = f.Code.Name
		}
	}
	if got != code {
		t.Fatalf("got %q, want %q (%v)", got, code, err)
	}
}
