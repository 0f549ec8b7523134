package sessions_test

import (
	"context"
	"io/fs"
	"os"
	"testing"
	"time"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/tenants/settings"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const life, idle = 24 * time.Hour, 2 * time.Hour

// tree is one tenant: root, a partner below it, a branch below that, and a person who lives in the branch.
type tree struct {
	tenant                ids.Tenant
	root, partner, branch ids.Org
	user                  ids.User
}

type bundle struct {
	*testkit.Database
	sessions *sessions.Service
	queue    *queue
	a, b     tree // two tenants that look alike
}

func setup(t *testing.T) bundle {
	t.Helper()
	return setupOn(t, migrations(sessions.Migrations()))
}

// migrations are these and those of all that the sessions stand on.
func migrations(own fs.FS) []fs.FS {
	folders := []fs.FS{db.Migrations(), events.Migrations(), own, settings.Migrations()}
	for _, name := range []string{"orgs/directory", "iam/users"} {
		folders = append(folders, os.DirFS("../../"+name+"/migrations"))
	}
	return folders
}

func setupOn(t *testing.T, folders []fs.FS) bundle {
	t.Helper()
	d := testkit.New(t, folders, "sessions", nil)
	b := bundle{Database: d, queue: &queue{}, sessions: sessions.New(d.DB, events.NewLog(nil), sessions.Lifetimes{Absolute: life, Idle: idle})}
	b.sessions.WithJobs(b.queue)
	b.a, b.b = seed(t, d), seed(t, d)
	return b
}

func seed(t *testing.T, d *testkit.Database) tree {
	t.Helper()
	out := tree{tenant: ids.NewTenant(), root: ids.NewOrg(), partner: ids.NewOrg(), branch: ids.NewOrg(), user: ids.NewUser()}
	in(t, d, out.tenant, func(ctx context.Context, tx db.Tx) error {
		path := []ids.Org{out.root, out.partner, out.branch}
		for i, org := range path {
			var parent ids.Org
			if i > 0 {
				parent = path[i-1]
			}
			name := []string{"root", "partner", "branch"}[i]
			if _, err := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				VALUES ($1, $2, $3, $4, $4, $4, 'active', $5, $5)`, out.tenant, org, parent, name, tx.Now()); err != nil {
				return err
			}
			for depth := range i + 1 {
				if _, err := tx.Exec(ctx, `INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth) VALUES ($1, $2, $3, $4)`,
					out.tenant, path[i-depth], org, depth); err != nil {
					return err
				}
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, 'jo', 'jo', 'active', $4, $4)`, out.tenant, out.user, out.branch, tx.Now())
		return err
	})
	return out
}

func in(t *testing.T, d *testkit.Database, tenant ids.Tenant, f func(context.Context, db.Tx) error) {
	t.Helper()
	if err := d.InTenant(context.Background(), tenant, f); err != nil {
		t.Fatal(err)
	}
}

// signIn makes a session of the tree's person.
func (b bundle) signIn(t *testing.T, at tree) (out sessions.Session, secret string) {
	t.Helper()
	in(t, b.Database, at.tenant, func(ctx context.Context, tx db.Tx) (err error) {
		out, secret, err = b.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: at.branch, User: at.user, AMR: []string{"pwd"}, UserAgent: "test", Address: "203.0.113.7"})
		return err
	})
	return out, secret
}

func (b bundle) good(t *testing.T, tenant ids.Tenant, secret string) bool {
	t.Helper()
	_, found, err := b.sessions.FindBySecret(context.Background(), tenant, secret)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
