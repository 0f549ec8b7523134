package directory_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/tenants/directory"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type bundle struct {
	*testkit.Database
	api     *apikit.Server
	tenants *directory.Service
	founded []module.Founding
	fail    error // of the last founder, and of the erasure
	erased  []ids.Tenant
}

// noOrgs makes the tenant directory a whole one for operations that name no organization.
type noOrgs struct{ *directory.Service }

func (noOrgs) Org(context.Context, httpapi.Tenant, string) (httpapi.Org, error) {
	return httpapi.Org{}, fault.ErrNotFound
}

// passwords refuses one, as the rules do.
type passwords struct{ *password.Hasher }

func (p passwords) HashPassword(ctx context.Context, _ ids.Tenant, _ ids.Org, plain string, own ...string) (string, error) {
	if plain == "password" || slices.Contains(own, plain) {
		return "", fault.Code{Name: "test", Kind: fault.Invalid}.At("/password", "another one")
	}
	return p.Hash(ctx, plain)
}

func setup(t *testing.T, live bool) *bundle {
	t.Helper()
	d := testkit.New(t, []fs.FS{db.Migrations(), directory.Migrations(), events.Migrations()}, "", nil)
	hasher, err := password.New(password.Options{Params: password.Params{MemoryKiB: 8, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{Database: d}
	hub := cache.NewHub(testkit.Quiet())
	if live {
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		go hub.Run(ctx, d.SystemPool())
		testkit.Eventually(t, "the hub listens", hub.Live)
	}
	b.tenants = directory.New(d.DB, events.NewLog(nil), hub, "https://id.example.com:8443", func() []directory.Founder {
		return []directory.Founder{func(_ context.Context, _ db.Tx, f module.Founding) error {
			b.founded = append(b.founded, f)
			return b.fail
		}}
	}, passwords{hasher}, directory.Removal{Retention: 30 * 24 * time.Hour, Erase: func(_ context.Context, id ids.Tenant) error {
		b.erased = append(b.erased, id)
		return b.fail
	}})
	b.api = apikit.New(t, d, noOrgs{b.tenants}, b.tenants.Module())
	return b
}

func (b *bundle) create(t *testing.T, handle string) directory.Tenant {
	t.Helper()
	tenant, err := b.tenants.Create(context.Background(), directory.CreateTenant{Handle: handle, Name: "Acme Inc.",
		Admin: directory.Admin{Email: "Jo@acme.com", Password: "correct horse"}})
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func (b *bundle) events(t *testing.T, tenant ids.Tenant) (types []string) {
	t.Helper()
	err := b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) (err error) {
		types, err = db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 ORDER BY id`, tenant)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestCreateRunsEveryFounderOrLeavesNothing(t *testing.T) {
	b := setup(t, false)
	tenant := b.create(t, "acme")
	f := b.founded[0]
	if f.Tenant != tenant.ID || f.Root != tenant.Root || f.Base != "https://id.example.com:8443/t/acme" || f.Admin.Username != "Jo@acme.com" ||
		!strings.HasPrefix(f.Admin.PasswordHash, "$argon2id$") || !f.Admin.MustChange || f.AdminRole.IsZero() || f.Admin.User.IsZero() {
		t.Fatalf("founding: %+v", f)
	}
	if got := b.events(t, tenant.ID); len(got) != 1 || got[0] != "tenant.created" {
		t.Fatalf("events: %v", got)
	}

	b.fail = errors.New("no keys")
	_, err := b.tenants.Create(context.Background(), directory.CreateTenant{Handle: "globex", Name: "Globex", Admin: directory.Admin{Email: "a@globex.com", Password: "correct horse"}})
	if !errors.Is(err, b.fail) {
		t.Fatal(err)
	}
	if _, err := b.tenants.TenantByHandle(context.Background(), "globex"); !fault.CodeTenantNotFound.Is(err) {
		t.Fatalf("a failed founding left a tenant: %v", err)
	}
}

func TestAdministratorWithoutPasswordIsInvited(t *testing.T) {
	b := setup(t, false)
	in := directory.CreateTenant{Handle: "acme", Name: "Acme", Admin: directory.Admin{Email: "jo@acme.com"}}
	if _, err := b.tenants.Create(context.Background(), in); !fault.CodeInvalid.Is(err) {
		t.Fatalf("without an inviter: %v", err)
	}
	var invited []string
	b.tenants.InviteWith(func(_ context.Context, _ db.Tx, f module.Founding) error {
		invited = append(invited, f.Admin.Email)
		return nil
	})
	if _, err := b.tenants.Create(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	if len(invited) != 1 || len(b.founded) != 1 {
		t.Fatalf("invited %v, founded %d", invited, len(b.founded))
	}
}

func TestCreateRefuses(t *testing.T) {
	b := setup(t, false)
	b.create(t, "acme")
	good := func() map[string]any {
		return map[string]any{"handle": "globex", "name": "Globex", "admin": map[string]any{"email": "jo@globex.com", "password": "correct horse"}}
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		status int
		code   string
	}{
		"handle taken":           {func(m map[string]any) { m["handle"] = "acme" }, 409, "tenant.handle_taken"},
		"handle reserved":        {func(m map[string]any) { m["handle"] = "console" }, 422, "tenant.handle_reserved"},
		"handle punycode":        {func(m map[string]any) { m["handle"] = "xn--acme" }, 422, "tenant.handle_reserved"},
		"handle too short":       {func(m map[string]any) { m["handle"] = "a" }, 422, "request.invalid"},
		"handle upper case":      {func(m map[string]any) { m["handle"] = "Globex" }, 422, "request.invalid"},
		"handle with slash":      {func(m map[string]any) { m["handle"] = "glo/bex" }, 422, "request.invalid"},
		"handle ends in hyphen":  {func(m map[string]any) { m["handle"] = "globex-" }, 422, "request.invalid"},
		"handle with line break": {func(m map[string]any) { m["handle"] = "globex\n" }, 422, "request.invalid"},
		"handle too long":        {func(m map[string]any) { m["handle"] = strings.Repeat("a", 64) }, 422, "request.invalid"},
		"handle missing":         {func(m map[string]any) { delete(m, "handle") }, 422, "request.invalid"},
		"name of spaces":         {func(m map[string]any) { m["name"] = " \u00a0 " }, 422, "request.invalid"},
		"name with a bell":       {func(m map[string]any) { m["name"] = "Glo\abex" }, 422, "request.invalid"},
		"name too long":          {func(m map[string]any) { m["name"] = strings.Repeat("é", 101) }, 422, "request.invalid"},
		"two addresses":          {func(m map[string]any) { m["admin"].(map[string]any)["email"] = "a@b.com,c@d.com" }, 422, "request.invalid"},
		"address with a name":    {func(m map[string]any) { m["admin"].(map[string]any)["email"] = "Jo <jo@b.com>" }, 422, "request.invalid"},
		"short password":         {func(m map[string]any) { m["admin"].(map[string]any)["password"] = "hunter2" }, 422, "request.invalid"},
		"known password":         {func(m map[string]any) { m["admin"].(map[string]any)["password"] = "password" }, 422, "request.invalid"},
		"his own address":        {func(m map[string]any) { m["admin"].(map[string]any)["password"] = "jo@globex.com" }, 422, "request.invalid"},
		"no password, no inviter": {func(m map[string]any) { delete(m["admin"].(map[string]any), "password") }, 422,
			"request.invalid"},
		"unknown member": {func(m map[string]any) { m["colour"] = "gold" }, 422, "request.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			body := good()
			c.change(body)
			r := b.api.Want(t, c.status, c.code, apikit.PlatformKey, "POST", "/platform/v1/tenants", body)
			if strings.Contains(string(r.Raw), "hunter2") {
				t.Errorf("input echoed: %s", r.Raw)
			}
		})
	}
	if len(b.founded) != 1 {
		t.Fatalf("%d foundings", len(b.founded))
	}
	b.api.Want(t, 401, "request.unauthenticated", "wrong", "POST", "/platform/v1/tenants", good())
	b.api.Want(t, 401, "request.unauthenticated", "", "GET", "/platform/v1/tenants", nil)
}

func TestSuspensionStopsEveryLookUpAtOnce(t *testing.T) {
	ctx := context.Background()
	b := setup(t, true)
	acme, twin := b.create(t, "acme"), b.create(t, "acme-2")
	path := "/platform/v1/tenants/" + acme.ID.String()
	b.api.Want(t, 201, "", apikit.PlatformKey, "POST", path+"/hosts", map[string]string{"host": "ID.Acme.com"})
	lookUps := map[string]func() (httpapi.Tenant, error){
		"handle": func() (httpapi.Tenant, error) { return b.tenants.TenantByHandle(ctx, "acme") },
		"host":   func() (httpapi.Tenant, error) { return b.tenants.TenantByHost(ctx, "id.acme.com") },
		"id":     func() (httpapi.Tenant, error) { return b.tenants.ByID(ctx, acme.ID) },
	}
	for name, lookUp := range lookUps {
		got, err := lookUp()
		if err != nil || got.ID != acme.ID || got.Root != acme.Root {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
	}
	var was directory.PlatformTenant
	b.api.Want(t, 200, "", apikit.PlatformKey, "POST", path+":suspend", nil, "Idempotency-Key", "k1").Into(t, &was)
	if was.Status != directory.Suspended {
		t.Fatalf("%+v", was)
	}
	for name, lookUp := range lookUps {
		testkit.Eventually(t, name+" answers suspended", func() bool { _, err := lookUp(); return directory.CodeSuspended.Is(err) })
	}
	if _, err := b.tenants.TenantByHandle(ctx, "acme-2"); err != nil {
		t.Fatalf("the other tenant: %v", err)
	}
	blocked := func() (n int) {
		err := b.InTenant(ctx, acme.ID, func(ctx context.Context, tx db.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM epochs WHERE tenant_id = $1 AND kind = 'tenant' AND blocked`, acme.ID).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if blocked() != 1 {
		t.Fatal("no block in the epochs")
	}
	if active, err := b.tenants.ActiveTenants(ctx, ids.Tenant{}, 10); err != nil || len(active) != 1 || active[0] != twin.ID {
		t.Fatalf("active: %v %v", active, err)
	}
	b.api.Want(t, 200, "", apikit.PlatformKey, "POST", path+":suspend", nil, "Idempotency-Key", "k1")
	b.api.Want(t, 422, "idempotency.mismatch", apikit.PlatformKey, "POST", path+":resume", nil, "Idempotency-Key", "k1")
	b.api.Want(t, 200, "", apikit.PlatformKey, "POST", path+":suspend", nil, "Idempotency-Key", "k2") // which changes nothing
	b.api.Want(t, 200, "", apikit.PlatformKey, "POST", path+":resume", nil, "Idempotency-Key", "k3")
	for _, key := range []string{"k1", "k2"} {
		b.api.Want(t, 200, "", apikit.PlatformKey, "POST", path+":suspend", nil, "Idempotency-Key", key) // a repetition does nothing
	}
	for name, lookUp := range lookUps {
		testkit.Eventually(t, name+" finds it again", func() bool { _, err := lookUp(); return err == nil })
	}
	if blocked() != 0 {
		t.Fatal("still blocked")
	}
	want := "tenant.created tenant.host_added tenant.suspended tenant.resumed"
	if got := strings.Join(b.events(t, acme.ID), " "); got != want {
		t.Fatalf("events: %s", got)
	}
	if got := b.events(t, twin.ID); len(got) != 1 {
		t.Fatalf("the other tenant's events: %v", got)
	}
}

// TestUnknownTenants: who asks again and again for what is not there asks the database once, and finds it as soon as it is there.
func TestUnknownTenants(t *testing.T) {
	ctx := context.Background()
	b := setup(t, true)
	for name, lookUp := range map[string]func(name string) (httpapi.Tenant, error){
		"handle": func(name string) (httpapi.Tenant, error) { return b.tenants.TenantByHandle(ctx, name) },
		"host":   func(name string) (httpapi.Tenant, error) { return b.tenants.TenantByHost(ctx, name+".example") },
	} {
		// The listener takes its connection from the same pool, and nothing is kept while it has none.
		round := 0
		testkit.Eventually(t, name+": the database is asked once", func() bool {
			round++
			before := b.SystemPool().Stat().AcquireCount()
			for range 5 {
				if _, err := lookUp(fmt.Sprint("nobody-", round)); !fault.CodeTenantNotFound.Is(err) {
					t.Errorf("%s: %v", name, err)
				}
			}
			return b.SystemPool().Stat().AcquireCount() == before+1
		})
	}
	if _, err := b.tenants.TenantByHandle(ctx, "acme"); !fault.CodeTenantNotFound.Is(err) {
		t.Error(err)
	}
	acme := b.create(t, "acme")
	testkit.Eventually(t, "the new tenant is found", func() bool {
		got, err := b.tenants.TenantByHandle(ctx, "acme")
		return err == nil && got.ID == acme.ID
	})
}

func TestHosts(t *testing.T) {
	ctx := context.Background()
	b := setup(t, false)
	acme, globex := b.create(t, "acme"), b.create(t, "globex")
	for _, host := range []string{"id.acme.com", "id.acme.com:9443", "bücher.example"} {
		if _, err := b.tenants.AddHost(ctx, acme.ID, host); err != nil {
			t.Fatalf("%s: %v", host, err)
		}
	}
	if _, err := b.tenants.AddHost(ctx, globex.ID, "other.acme.com:9443"); err != nil {
		t.Fatal(err)
	}
	for host, base := range map[string]string{
		"id.acme.com":           "https://id.acme.com",
		"ID.ACME.COM":           "https://id.acme.com",
		"id.acme.com:443":       "https://id.acme.com",
		"id.acme.com:9443":      "https://id.acme.com:9443",
		"xn--bcher-kva.example": "https://xn--bcher-kva.example",
	} {
		got, err := b.tenants.TenantByHost(ctx, host)
		if err != nil || got.ID != acme.ID || got.Base != base {
			t.Errorf("%s: %+v %v", host, got, err)
		}
	}
	for _, host := range []string{"", "acme.com", "evil.id.acme.com", "id.acme.com.", "other.acme.com", "id.example.com:8443", strings.Repeat("a", 300)} {
		if _, err := b.tenants.TenantByHost(ctx, host); !fault.CodeTenantNotFound.Is(err) {
			t.Errorf("%q: %v", host, err)
		}
	}
	path := "/platform/v1/tenants/" + globex.ID.String() + "/hosts"
	b.api.Want(t, 409, "tenant.host_taken", apikit.PlatformKey, "POST", path, map[string]string{"host": "id.acme.com"})
	for _, host := range []string{"id.example.com", "id.example.com:8443", "127.0.0.1", "localhost", "a b.com", "acme.com:0", "acme.com:080", "acme.com/x", "https://acme.com", "user@acme.com"} {
		b.api.Want(t, 422, "request.invalid", apikit.PlatformKey, "POST", path, map[string]string{"host": host})
	}
	b.api.Want(t, 404, "", apikit.PlatformKey, "DELETE", path+"/id.acme.com", nil)
	if _, err := b.tenants.TenantByHost(ctx, "id.acme.com"); err != nil {
		t.Fatal("another tenant removed the host")
	}
	b.api.Want(t, 204, "", apikit.PlatformKey, "DELETE", path+"/other.acme.com:9443", nil)
	if _, err := b.tenants.TenantByHost(ctx, "other.acme.com:9443"); !fault.CodeTenantNotFound.Is(err) {
		t.Fatal(err)
	}
}

func TestListSearchAndRename(t *testing.T) {
	b := setup(t, false)
	for _, handle := range []string{"acme", "acorn", "globex", "initech"} {
		b.create(t, handle)
	}
	type list struct {
		Items []directory.PlatformTenant `json:"items"`
		Next  string                     `json:"next_page_token"`
	}
	get := func(query string) (l list) {
		b.api.Want(t, 200, "", apikit.PlatformKey, "GET", "/platform/v1/tenants"+query, nil).Into(t, &l)
		return l
	}
	first := get("?page_size=3")
	second := get("?page_size=3&page_token=" + first.Next)
	if len(first.Items) != 3 || len(second.Items) != 1 || second.Next != "" || second.Items[0].Handle != "initech" {
		t.Fatalf("%+v %+v", first, second)
	}
	if got := get("?q=AC"); len(got.Items) != 4 { // two by handle, and all by their name, Acme Inc.
		t.Fatalf("%+v", got.Items)
	}
	for query, want := range map[string]string{"?q=CME&match=end": "acme", "?q=c.&match=end": "acme acorn globex initech", "?q=lobe&match=contains": "globex",
		"?q=acme+inc&match=contains": "acme acorn globex initech", "?q=acme&match=equal": "acme", "?q=acm&match=equal": "", "?q=lobe": "", "?q=%25&match=contains": ""} {
		var handles []string
		for _, item := range get(query).Items {
			handles = append(handles, item.Handle)
		}
		if got := strings.Join(handles, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	b.api.Want(t, 422, "", apikit.PlatformKey, "GET", "/platform/v1/tenants?q=a&match=like", nil)
	globex := get("?q=glob").Items[0]
	path := "/platform/v1/tenants/" + globex.ID.String()
	b.api.Want(t, 200, "", apikit.PlatformKey, "PATCH", path, map[string]string{"name": " Globex "}, "If-Match", `"1"`)
	b.api.Want(t, 412, "resource.stale", apikit.PlatformKey, "PATCH", path, map[string]string{"name": "Again"}, "If-Match", `"1"`)
	b.api.Want(t, 422, "", apikit.PlatformKey, "PATCH", path, map[string]string{"name": "\u00a0"})
	b.api.Want(t, 422, "", apikit.PlatformKey, "PATCH", path, map[string]string{"handle": "other"})
	if got := get("?q=ac"); len(got.Items) != 3 {
		t.Fatalf("%+v", got.Items)
	}
	if got := get("?q=globex&status=active"); len(got.Items) != 1 || got.Items[0].Name != "Globex" {
		t.Fatalf("%+v", got.Items)
	}
	b.api.Want(t, 404, "tenant.not_found", apikit.PlatformKey, "GET", "/platform/v1/tenants/"+ids.NewTenant().String(), nil)
	b.api.Want(t, 404, "tenant.not_found", apikit.PlatformKey, "POST", "/platform/v1/tenants/"+ids.NewTenant().String()+":suspend", nil)
	b.api.Want(t, 404, "tenant.not_found", apikit.PlatformKey, "GET", "/platform/v1/tenants/"+ids.NewOrg().String(), nil)
	b.api.Want(t, 404, "tenant.not_found", apikit.PlatformKey, "GET", "/platform/v1/tenants/nobody", nil)
	var byHandle directory.PlatformTenant
	b.api.Want(t, 200, "", apikit.PlatformKey, "GET", "/platform/v1/tenants/globex", nil).Into(t, &byHandle)
	if byHandle.ID != globex.ID {
		t.Errorf("globex is %v, not %v", byHandle.ID, globex.ID)
	}
	testkit.CheckPlans(t, b.Database)
}
