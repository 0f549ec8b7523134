package keys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/tenants/directory"
	"grove/tenants/keys"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type bundle struct {
	*testkit.Database
	keys *keys.Service
	hub  *cache.Hub
	a, b httpapi.Tenant
}

func rootKey(n byte) []byte { return bytes.Repeat([]byte{n}, secrets.KeySize) }

func setup(t *testing.T) *bundle {
	t.Helper()
	d := testkit.New(t, []fs.FS{db.Migrations(), directory.Migrations(), events.Migrations(), keys.Migrations()}, "", nil)
	b := &bundle{Database: d, hub: cache.NewHub(testkit.Quiet())}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go b.hub.Run(ctx, d.SystemPool())
	testkit.Eventually(t, "the hub listens", b.hub.Live)
	b.keys = b.service(t, rootKey(1))
	b.a, b.b = b.found(t, "acme"), b.found(t, "acme-2")
	return b
}

func (b *bundle) service(t *testing.T, newest []byte, older ...[]byte) *keys.Service {
	t.Helper()
	root, err := secrets.NewRoot(newest, older...)
	if err != nil {
		t.Fatal(err)
	}
	return keys.New(b.DB, events.NewLog(nil), b.hub, root, func(ctx context.Context, after ids.Tenant, limit int) ([]ids.Tenant, error) {
		return []ids.Tenant{b.a.ID, b.b.ID}, nil
	})
}

func (b *bundle) found(t *testing.T, handle string) httpapi.Tenant {
	t.Helper()
	f := module.Founding{Tenant: ids.NewTenant(), Root: ids.NewOrg(), Handle: handle}
	err := b.InTenant(context.Background(), f.Tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO tenants (tenant_id, handle, name, name_key, root_org_id, status, created_at, updated_at)
			VALUES ($1, $2, 'Acme', 'acme', $3, 'active', now(), now())`, f.Tenant, handle, f.Root)
		return errors.Join(err, b.keys.Module().Found(ctx, tx, f))
	})
	if err != nil {
		t.Fatal(err)
	}
	return httpapi.Tenant{ID: f.Tenant, Handle: handle, Root: f.Root}
}

func (b *bundle) published(t *testing.T, tenant ids.Tenant) (kids []string) {
	t.Helper()
	raw, err := b.keys.JWKS(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jose.ParseJWKSet(raw, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range set {
		kids = append(kids, key.KID())
	}
	return kids
}

func (b *bundle) signer(t *testing.T, tenant ids.Tenant, alg string) *jose.Key {
	t.Helper()
	key, err := b.keys.Signer(context.Background(), tenant, alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestFoundingMakesKeysOfTheTenantsOwn(t *testing.T) {
	ctx := context.Background()
	b := setup(t)
	if len(b.published(t, b.a.ID)) != 2 {
		t.Fatal("want an active and a next key")
	}
	for _, kid := range b.published(t, b.a.ID) {
		if slices.Contains(b.published(t, b.b.ID), kid) {
			t.Fatal("two tenants share a key")
		}
		if _, ok, err := b.keys.PublicKey(ctx, b.a.ID, kid); !ok || err != nil {
			t.Fatal("a published key is not found", err)
		}
		if _, ok, _ := b.keys.PublicKey(ctx, b.b.ID, kid); ok {
			t.Fatal("another tenant's key is found")
		}
	}
	one, err := b.keys.DataKey(ctx, b.a.ID)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.keys.DataKey(ctx, b.b.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Open(one.Seal([]byte("secret"), nil), nil); !errors.Is(err, secrets.ErrOpen) {
		t.Fatal("another tenant's data key opens", err)
	}
	if _, err := b.keys.DataKey(ctx, ids.NewTenant()); !fault.CodeTenantNotFound.Is(err) {
		t.Fatal(err)
	}
	if _, err := b.keys.Signer(ctx, b.a.ID, "HS256"); err == nil {
		t.Fatal("a symmetric algorithm was accepted")
	}
}

func TestKeySetShowsNoPrivateMember(t *testing.T) {
	b := setup(t)
	b.signer(t, b.a.ID, jose.RS256)
	raw, err := b.keys.JWKS(context.Background(), b.a.ID)
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		for _, private := range []string{"d", "dp", "dq", "k", "p", "q", "qi"} {
			if _, has := key[private]; has {
				t.Fatalf("member %s is published", private)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	ctx := context.Background()
	b := setup(t)
	first, before, others := b.signer(t, b.a.ID, ""), b.published(t, b.a.ID), b.published(t, b.b.ID)
	token, err := first.SignJSON("JWT", map[string]any{"sub": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.keys.Rotate(ctx, b.a.ID, b.a.Root, jose.ES256); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the next key signs", func() bool { return b.signer(t, b.a.ID, "").KID() != first.KID() })
	second := b.signer(t, b.a.ID, "")
	if !slices.Contains(before, second.KID()) {
		t.Fatal("the key was used before it was published")
	}
	if kids := b.published(t, b.a.ID); len(kids) != 3 || !slices.Contains(kids, first.KID()) || token == "" {
		t.Fatalf("published: %v", kids)
	}
	if !slices.Equal(others, b.published(t, b.b.ID)) {
		t.Fatal("the other tenant's keys changed")
	}

	b.Clock.Advance(keys.Overlap - time.Minute)
	if err := b.keys.UpkeepTenant(ctx, b.a.ID); err != nil {
		t.Fatal(err)
	}
	if len(b.published(t, b.a.ID)) != 3 {
		t.Fatal("retired before the overlap was over")
	}
	b.Clock.Advance(2 * time.Minute)
	if err := b.keys.UpkeepTenant(ctx, b.a.ID); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the old key leaves the key set", func() bool {
		_, ok, err := b.keys.PublicKey(ctx, b.a.ID, first.KID())
		return !ok && err == nil
	})
	var states, types []string
	var sealed int
	err = b.InTenant(ctx, b.a.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if states, err = db.Scalars[string](ctx, tx, `SELECT state FROM signing_keys WHERE tenant_id = $1 ORDER BY id`, b.a.ID); err != nil {
			return err
		}
		if types, err = db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 ORDER BY id`, b.a.ID); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM signing_keys WHERE tenant_id = $1 AND state = 'retired' AND sealed <> ''`, b.a.ID).Scan(&sealed)
	})
	if err != nil || strings.Join(states, " ") != "retired active next" || sealed != 0 {
		t.Fatalf("%v %v, %d retired keys can still sign", states, err, sealed)
	}
	if got := strings.Join(types, " "); got != "key.created key.created key.rotated key.retired" {
		t.Fatalf("events: %s", got)
	}
}

func TestConcurrentFirstUseAndRotations(t *testing.T) {
	ctx := context.Background()
	b := setup(t)
	var wg sync.WaitGroup
	kids := make([]string, 6)
	for i := range kids {
		wg.Go(func() {
			key, err := b.keys.Signer(ctx, b.a.ID, jose.EdDSA)
			if err != nil {
				t.Error(err)
				return
			}
			kids[i] = key.KID()
		})
	}
	wg.Wait()
	if len(slices.Compact(kids)) != 1 {
		t.Fatalf("several first keys: %v", kids)
	}
	for range 4 {
		wg.Go(func() {
			if _, err := b.keys.Rotate(ctx, b.a.ID, b.a.Root, jose.EdDSA); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	testkit.Eventually(t, "all rotations are published", func() bool { return len(b.published(t, b.a.ID)) == 2+6 })
}

func TestRootKeyRotationRewraps(t *testing.T) {
	ctx := context.Background()
	b := setup(t)
	before := b.signer(t, b.a.ID, "").KID()
	if _, err := b.service(t, rootKey(2)).DataKey(ctx, b.a.ID); !errors.Is(err, secrets.ErrOpen) {
		t.Fatal("opened without the root key", err)
	}
	if err := b.service(t, rootKey(2), rootKey(1)).UpkeepTenant(ctx, b.a.ID); err != nil {
		t.Fatal(err)
	}
	after, err := b.service(t, rootKey(2)).Signer(ctx, b.a.ID, "")
	if err != nil || after.KID() != before {
		t.Fatal("the data key was not wrapped anew", err)
	}
	if _, err := b.keys.DataKey(ctx, b.b.ID); err != nil {
		t.Fatal("the other tenant", err)
	}
}

type tree struct{ b *bundle }

func (d tree) TenantByHandle(_ context.Context, handle string) (httpapi.Tenant, error) {
	for _, t := range []httpapi.Tenant{d.b.a, d.b.b} {
		if t.Handle == handle {
			return t, nil
		}
	}
	return httpapi.Tenant{}, fault.ErrNotFound
}

func (d tree) TenantByHost(context.Context, string) (httpapi.Tenant, error) {
	return httpapi.Tenant{}, fault.ErrNotFound
}

var child = ids.NewOrg()

func (d tree) Org(_ context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	switch ref {
	case "root", t.Root.String():
		return httpapi.Org{ID: t.Root, Path: []ids.Org{t.Root}, Status: "active"}, nil
	case "child":
		return httpapi.Org{ID: child, Path: []ids.Org{t.Root, child}, Status: "active"}, nil
	}
	return httpapi.Org{}, fault.ErrNotFound
}

func TestAPI(t *testing.T) {
	b := setup(t)
	api := apikit.New(t, b.Database, tree{b}, b.keys.Module())
	admin := actor.Actor{Kind: actor.Client, Tenant: b.a.ID, Org: b.a.Root, App: ids.NewApp(), Scopes: map[string]bool{"keys.read": true, "keys.write": true}}
	reader := admin
	reader.Scopes = map[string]bool{"keys.read": true}
	token, readOnly := api.Token(admin), api.Token(reader)

	var rotated, again keys.SigningKey
	api.Want(t, 200, "", token, "POST", "/t/acme/v1/orgs/root/keys:rotate", nil, "Idempotency-Key", "one").Into(t, &rotated)
	api.Want(t, 200, "", token, "POST", "/t/acme/v1/orgs/root/keys:rotate", nil, "Idempotency-Key", "one").Into(t, &again)
	if rotated.ID != again.ID || rotated.State != keys.Active || rotated.Alg != jose.ES256 {
		t.Fatalf("%+v %+v", rotated, again)
	}
	var list struct {
		Items []keys.SigningKey `json:"items"`
		Next  string            `json:"next_page_token"`
	}
	r := api.Want(t, 200, "", readOnly, "GET", "/t/acme/v1/orgs/root/keys?page_size=2", nil)
	r.Into(t, &list)
	if len(list.Items) != 2 || list.Next == "" || list.Items[0].State != keys.Next || strings.Contains(string(r.Raw), "sealed") {
		t.Fatalf("%s", r.Raw)
	}
	api.Want(t, 200, "", readOnly, "GET", "/t/acme/v1/orgs/root/keys?page_size=2&page_token="+list.Next, nil).Into(t, &list)
	if len(list.Items) != 1 || list.Items[0].State != keys.Previous {
		t.Fatalf("%+v", list)
	}
	api.Want(t, 409, "key.unused_algorithm", token, "POST", "/t/acme/v1/orgs/root/keys:rotate", map[string]string{"alg": "PS256"})
	api.Want(t, 422, "request.invalid", token, "POST", "/t/acme/v1/orgs/root/keys:rotate", map[string]string{"alg": "none"})
	api.Want(t, 403, "request.forbidden", readOnly, "POST", "/t/acme/v1/orgs/root/keys:rotate", nil)
	api.Want(t, 404, "resource.not_found", token, "POST", "/t/acme/v1/orgs/child/keys:rotate", nil)
	api.Want(t, 404, "resource.not_found", token, "GET", "/t/acme/v1/orgs/child/keys", nil)
	api.Want(t, 401, "request.unauthenticated", token, "POST", "/t/acme-2/v1/orgs/root/keys:rotate", nil)
	testkit.CheckPlans(t, b.Database)
}
