package domains_test

import (
	"context"
	"io/fs"
	"sort"
	"strings"
	"sync"
	"testing"

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
	orgdir "grove/orgs/directory"
	"grove/orgs/domains"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// bundle has two tenants with look-alike trees: root → north and root → south.
type bundle struct {
	*testkit.Database
	api     *apikit.Server
	orgs    *orgdir.Service
	domains *domains.Service
	a, b    tree
}

type tree struct {
	httpapi.Tenant
	north, south ids.Org
}

func setup(t *testing.T) *bundle {
	t.Helper()
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations(), orgdir.Migrations(), domains.Migrations()}, "", nil)
	log := events.NewLog(nil)
	b := &bundle{Database: d, orgs: orgdir.New(d.DB, log, cache.NewHub(testkit.Quiet()), nil, 20), domains: domains.New(d.DB, log)}
	b.a, b.b = b.grow(t, "acme"), b.grow(t, "acme-2")
	b.api = apikit.New(t, d, found{b}, b.domains.Module())
	return b
}

func (b *bundle) grow(t *testing.T, handle string) tree {
	t.Helper()
	f := module.Founding{Tenant: ids.NewTenant(), Root: ids.NewOrg(), Handle: handle, Name: "Acme"}
	tr := tree{Tenant: httpapi.Tenant{ID: f.Tenant, Handle: handle, Root: f.Root}}
	err := b.InTenant(context.Background(), f.Tenant, func(ctx context.Context, tx db.Tx) error {
		if err := b.orgs.Module().Found(ctx, tx, f); err != nil {
			return err
		}
		for name, id := range map[string]*ids.Org{"North": &tr.north, "South": &tr.south} {
			o, err := b.orgs.CreateTx(ctx, tx, orgdir.NewOrg{Parent: f.Root, Name: name})
			if err != nil {
				return err
			}
			*id = o.ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
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

func (b *bundle) token(tr tree, org ids.Org) string {
	return b.api.Token(actor.Actor{Kind: actor.Client, Tenant: tr.ID, Org: org, App: ids.NewApp(),
		Scopes: map[string]bool{"domains.read": true, "domains.write": true}})
}

func (b *bundle) owner(t *testing.T, tr tree, domain string) (owner ids.Org) {
	t.Helper()
	err := b.InTenant(context.Background(), tr.ID, func(ctx context.Context, tx db.Tx) error {
		org, ok, err := b.domains.OwnerOf(ctx, tx, domain)
		if ok {
			owner = org
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return owner
}

func named(name string) map[string]string { return map[string]string{"name": name} }

func TestOneOwnerPerTenant(t *testing.T) {
	b := setup(t)
	vendor, other := b.token(b.a, b.a.Root), b.token(b.b, b.b.Root)
	var first, again domains.EmailDomain
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/north/domains", named(" BÜCHER.example. "), "Idempotency-Key", "k").Into(t, &first)
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/north/domains", named(" BÜCHER.example. "), "Idempotency-Key", "k").Into(t, &again)
	if first.ID != again.ID || first.Name != "xn--bcher-kva.example" || first.VerifiedAt != nil || len(first.AllowedActions) != 1 {
		t.Fatalf("%+v", first)
	}
	b.api.Want(t, 409, "domain.duplicate", vendor, "POST", "/t/acme/v1/orgs/north/domains", named("bücher.example"))
	b.api.Want(t, 409, "domain.taken", vendor, "POST", "/t/acme/v1/orgs/south/domains", named("xn--bcher-kva.example"))
	b.api.Want(t, 201, "", other, "POST", "/t/acme-2/v1/orgs/south/domains", named("bücher.example"))
	for _, spelling := range []string{"bücher.example", "BÜCHER.EXAMPLE", "xn--bcher-kva.example."} {
		if b.owner(t, b.a, spelling) != b.a.north || b.owner(t, b.b, spelling) != b.b.south {
			t.Fatalf("%s: wrong owner", spelling)
		}
	}
	for _, none := range []string{"", "example", "sub.bücher.example", "a b", "\x00", "acme.com", strings.Repeat("a", 300) + ".com"} {
		if owner := b.owner(t, b.a, none); !owner.IsZero() {
			t.Fatalf("%q has an owner", none)
		}
	}
	path := "/t/acme/v1/orgs/south/domains/" + first.ID.String()
	for _, method := range []string{"GET", "DELETE"} {
		b.api.Want(t, 404, "resource.not_found", vendor, method, path, nil)
		b.api.Want(t, 404, "resource.not_found", other, method, "/t/acme-2/v1/orgs/north/domains/"+first.ID.String(), nil)
		b.api.Want(t, 404, "resource.not_found", b.token(b.a, b.a.south), method, "/t/acme/v1/orgs/north/domains/"+first.ID.String(), nil)
	}
	if b.owner(t, b.a, "bücher.example") != b.a.north {
		t.Fatal("the mapping is gone")
	}
	b.api.Want(t, 204, "", vendor, "DELETE", "/t/acme/v1/orgs/north/domains/"+first.ID.String(), nil)
	b.api.Want(t, 404, "", vendor, "DELETE", "/t/acme/v1/orgs/north/domains/"+first.ID.String(), nil)
	if !b.owner(t, b.a, "bücher.example").IsZero() || b.owner(t, b.b, "bücher.example") != b.b.south {
		t.Fatal("unmapping reached the other tenant, or nothing")
	}
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/south/domains", named("bücher.example"))
	testkit.CheckPlans(t, b.Database)
}

func TestOnlyFromAbove(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north)
	b.api.Want(t, 403, "domain.needs_proof", north, "POST", "/t/acme/v1/orgs/north/domains", named("acme.com"))
	b.api.Want(t, 404, "resource.not_found", north, "POST", "/t/acme/v1/orgs/south/domains", named("acme.com"))
	b.api.Want(t, 404, "resource.not_found", north, "POST", "/t/acme/v1/orgs/root/domains", named("acme.com"))
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/root/domains", named("vendor.com"))
	var made domains.EmailDomain
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/north/domains", named("acme.com")).Into(t, &made)
	// What was mapped for it an organization sees and may give up.
	b.api.Want(t, 200, "", north, "GET", "/t/acme/v1/orgs/north/domains/"+made.ID.String(), nil)
	b.api.Want(t, 204, "", north, "DELETE", "/t/acme/v1/orgs/north/domains/"+made.ID.String(), nil)
}

// TestAttack28_DomainOfSomebodyElse: who may make organizations below his own takes no domain for one of them. With a
// domain go the sign-ins and the invitations of everybody in it.
func TestAttack28_DomainOfSomebodyElse(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north)
	treeBelow(t, b, b.a, b.a.north, "Berlin")
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/south/domains", named("south.example"))
	for _, name := range []string{"rival.example", "south.example", "eu.south.example", "xnorth.example", "north.example.evil.example"} {
		for _, org := range []string{"north", "berlin"} {
			b.api.Want(t, 403, "domain.needs_proof", north, "POST", "/t/acme/v1/orgs/"+org+"/domains", named(name))
		}
	}
	// What lies in a domain that the organization has is its own to give.
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/north/domains", named("north.example"))
	b.api.Want(t, 201, "", north, "POST", "/t/acme/v1/orgs/berlin/domains", named("Berlin.North.example"))
	b.api.Want(t, 409, "domain.duplicate", north, "POST", "/t/acme/v1/orgs/berlin/domains", named("berlin.north.example."))
	b.api.Want(t, 403, "domain.needs_proof", north, "POST", "/t/acme/v1/orgs/berlin/domains", named("north.example"))
	b.api.Want(t, 403, "domain.needs_proof", north, "POST", "/t/acme/v1/orgs/berlin/domains", named("xnorth.example"))
}

func treeBelow(t *testing.T, b *bundle, tr tree, parent ids.Org, name string) {
	t.Helper()
	err := b.InTenant(context.Background(), tr.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := b.orgs.CreateTx(ctx, tx, orgdir.NewOrg{Parent: parent, Name: name})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMapRefuses(t *testing.T) {
	b := setup(t)
	vendor := b.token(b.a, b.a.Root)
	for _, c := range []struct{ name, code string }{
		{"gmail.com", "domain.public"}, {"OutLook.COM", "domain.public"}, {"yahoo.co.uk", "domain.public"}, {"co.uk", "domain.public"},
		{"com", "request.invalid"}, {"", "request.invalid"}, {"acme", "request.invalid"}, {"@acme.com", "request.invalid"}, {"jo@acme.com", "request.invalid"},
		{"acme.com/x", "request.invalid"}, {"acme .com", "request.invalid"}, {"acme..com", "request.invalid"}, {"-acme.com", "request.invalid"},
		{"acme.com\x00", "request.invalid"}, {"*.acme.com", "request.invalid"}, {"acme.com:25", "request.invalid"}, {"127.0.0.1", "request.invalid"}, {"[::1]", "request.invalid"},
		{strings.Repeat("a", 64) + ".com", "request.invalid"}, {strings.Repeat("a.", 130) + "com", "request.invalid"},
	} {
		b.api.Want(t, 422, c.code, vendor, "POST", "/t/acme/v1/orgs/north/domains", named(c.name))
	}
	b.api.Want(t, 422, "request.invalid", vendor, "POST", "/t/acme/v1/orgs/north/domains", map[string]any{"name": "acme.com", "verified_at": "2026-01-01T00:00:00Z"})
	b.api.Want(t, 422, "request.invalid", vendor, "GET", "/t/acme/v1/orgs/north/domains/acme.com", nil)
	var l struct {
		Items []domains.EmailDomain `json:"items"`
	}
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/north/domains", nil).Into(t, &l)
	if len(l.Items) != 0 {
		t.Fatalf("%+v", l.Items)
	}
}

func TestListAndEvents(t *testing.T) {
	b := setup(t)
	vendor := b.token(b.a, b.a.Root)
	for _, name := range []string{"c.example", "a.example", "b.example"} {
		b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/north/domains", named(name))
	}
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs/south/domains", named("d.example"))
	var got []string
	for token := ""; ; {
		var l struct {
			Items []domains.EmailDomain `json:"items"`
			Next  string                `json:"next_page_token"`
		}
		b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/north/domains?page_size=2&page_token="+token, nil).Into(t, &l)
		for _, d := range l.Items {
			got = append(got, d.Name)
		}
		if token = l.Next; token == "" {
			break
		}
	}
	if len(got) != 3 || !sort.StringsAreSorted(got) {
		t.Fatal(got)
	}
	var n int
	err := b.InOrg(context.Background(), b.a.ID, b.a.north, func(ctx context.Context, tx db.OrgTx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND org_id = $2 AND type = 'domain.mapped'`, b.a.ID, b.a.north).Scan(&n)
	})
	if err != nil || n != 3 {
		t.Fatal(n, err)
	}
}

func TestSimultaneousClaimsHaveOneWinner(t *testing.T) {
	b := setup(t)
	vendor := b.token(b.a, b.a.Root)
	statuses := make([]int, 8)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() {
			org := []string{"north", "south"}[i%2]
			statuses[i] = b.api.Do(t, vendor, "POST", "/t/acme/v1/orgs/"+org+"/domains", named("acme.com")).Status
		})
	}
	wg.Wait()
	won := 0
	for _, status := range statuses {
		if status == 201 {
			won++
		} else if status != 409 {
			t.Errorf("status %d", status)
		}
	}
	if won != 1 {
		t.Fatalf("%d winners", won)
	}
}
