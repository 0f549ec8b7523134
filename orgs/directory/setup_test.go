package directory_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/orgs/directory"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// recorder keeps the statements that run while it is on, besides what begins and ends transactions.
type recorder struct {
	pgx.QueryTracer
	mu   sync.Mutex
	on   bool
	seen []pgx.TraceQueryStartData
}

func (r *recorder) TraceQueryStart(ctx context.Context, c *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	sql := strings.ToLower(strings.TrimSpace(data.SQL))
	r.mu.Lock()
	if r.on && !strings.HasPrefix(sql, "begin") && !strings.HasPrefix(sql, "commit") && !strings.HasPrefix(sql, "rollback") {
		r.seen = append(r.seen, data)
	}
	r.mu.Unlock()
	return r.QueryTracer.TraceQueryStart(ctx, c, data)
}

// during returns the statements that f runs.
func (r *recorder) during(f func()) []pgx.TraceQueryStartData {
	r.mu.Lock()
	r.on, r.seen = true, nil
	r.mu.Unlock()
	f()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	return r.seen
}

// bundle has two tenants with look-alike trees: root → north → berlin, and root → south.
type bundle struct {
	*testkit.Database
	api      *apikit.Server
	orgs     *directory.Service
	recorder *recorder
	erased   []ids.Org
	a, b     tree
}

type tree struct {
	httpapi.Tenant
	north, berlin, south directory.Org
}

func setup(t *testing.T) *bundle { t.Helper(); return setupOf(t, 20) }

// setupOf lets trees have so many levels below the root.
func setupOf(t *testing.T, maxDepth int) *bundle {
	t.Helper()
	b := &bundle{recorder: &recorder{}}
	b.Database = testkit.New(t, []fs.FS{db.Migrations(), events.Migrations(), directory.Migrations()}, "", nil, func(o *db.Options) {
		b.recorder.QueryTracer = o.Tracer
		o.Tracer = b.recorder
	})
	hub := cache.NewHub(testkit.Quiet())
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go hub.Run(ctx, b.SystemPool())
	testkit.Eventually(t, "the hub listens", hub.Live)
	b.orgs = directory.New(b.DB, events.NewLog(nil), hub, func(_ context.Context, _ db.Tx, org ids.Org) error {
		b.erased = append(b.erased, org)
		return nil
	}, maxDepth)
	b.a, b.b = b.grow(t, "acme"), b.grow(t, "acme-2")
	b.api = apikit.New(t, b.Database, found{b}, b.orgs.Module())
	return b
}

// plant founds a tenant with nothing but a root.
func (b *bundle) plant(handle string) (httpapi.Tenant, error) {
	f := module.Founding{Tenant: ids.NewTenant(), Root: ids.NewOrg(), Handle: handle, Name: "Acme"}
	err := b.InTenant(context.Background(), f.Tenant, func(ctx context.Context, tx db.Tx) error {
		return b.orgs.Module().Found(ctx, tx, f)
	})
	return httpapi.Tenant{ID: f.Tenant, Handle: handle, Root: f.Root}, err
}

func (b *bundle) grow(t *testing.T, handle string) tree {
	t.Helper()
	tenant, err := b.plant(handle)
	if err != nil {
		t.Fatal(err)
	}
	tr := tree{Tenant: tenant}
	tr.north = b.create(t, tenant, tenant.Root, "North")
	tr.berlin = b.create(t, tenant, tr.north.ID, "Berlin")
	tr.south = b.create(t, tenant, tenant.Root, "South")
	return tr
}

func (b *bundle) create(t *testing.T, tenant httpapi.Tenant, parent ids.Org, name string) (o directory.Org) {
	t.Helper()
	o, err := b.tryCreate(tenant, directory.NewOrg{Parent: parent, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (b *bundle) tryCreate(tenant httpapi.Tenant, n directory.NewOrg) (o directory.Org, err error) {
	err = b.InTenant(context.Background(), tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		o, err = b.orgs.CreateTx(ctx, tx, n)
		return err
	})
	return o, err
}

func (b *bundle) do(tenant httpapi.Tenant, f func(ctx context.Context, tx db.Tx) error) error {
	return b.InTenant(context.Background(), tenant.ID, f)
}

// events lists the types of the events in an organization's log.
func (b *bundle) events(t *testing.T, tenant httpapi.Tenant, org ids.Org) string {
	t.Helper()
	var types []string
	err := b.do(tenant, func(ctx context.Context, tx db.Tx) (err error) {
		types, err = db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 AND org_id = $2 ORDER BY id`, tenant.ID, org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(types, " ")
}

type found struct{ b *bundle }

func (d found) TenantByHandle(_ context.Context, handle string) (httpapi.Tenant, error) {
	for _, t := range []tree{d.b.a, d.b.b} {
		if t.Handle == handle {
			return t.Tenant, nil
		}
	}
	return httpapi.Tenant{}, fault.ErrNotFound
}

func (d found) TenantByHost(context.Context, string) (httpapi.Tenant, error) {
	return httpapi.Tenant{}, fault.ErrNotFound
}

func (d found) Org(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	return d.b.orgs.Resolve(ctx, t, ref)
}

// token is one of an organization's, with the scopes given, or both of this capability's.
func (b *bundle) token(tr tree, org ids.Org, scopes ...string) string {
	a := actor.Actor{Kind: actor.Client, Tenant: tr.ID, Org: org, App: ids.NewApp(), Scopes: map[string]bool{}}
	if len(scopes) == 0 {
		scopes = []string{"orgs.read", "orgs.write"}
	}
	for _, s := range scopes {
		a.Scopes[s] = true
	}
	return b.api.Token(a)
}

var errUndo = errors.New("undo")
