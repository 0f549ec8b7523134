package attributes_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"grove/iam/attributes"
	"grove/iam/authz"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/module"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type bundle struct {
	*testkit.Database
	treekit.Pair
	told *attributes.Service
	t    *testing.T
}

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "iam/authz", "iam/apps", "iam/attributes", "orgs/members"), "attributes", nil)
	b := bundle{d, treekit.Plant(t, d), attributes.New(d.DB, events.NewLog(nil), cache.NewHub(testkit.Quiet()), authz.IsReserved), t}
	for _, tree := range []treekit.Tree{b.A, b.B} {
		treekit.In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			return b.told.Module().Found(ctx, tx, module.Founding{Tenant: tree.Tenant.ID, Root: tree.Root.ID})
		})
	}
	return b
}

// builtin returns the id of a claim and of a scope that every tenant has.
func (b bundle) builtin(tree treekit.Tree, claim, scope string) (ids.OIDCClaim, ids.OIDCScope) {
	b.t.Helper()
	all := page.Request{Size: page.MaxSize}
	claims, err := b.told.ListClaims(context.Background(), tree.Tenant.ID, tree.Root.ID, all)
	if err != nil {
		b.t.Fatal(err)
	}
	scopes, err := b.told.ListScopes(context.Background(), tree.Tenant.ID, tree.Root.ID, all)
	if err != nil {
		b.t.Fatal(err)
	}
	c := slices.IndexFunc(claims.Items, func(c attributes.OIDCClaim) bool { return c.Name == claim })
	s := slices.IndexFunc(scopes.Items, func(s attributes.OIDCScope) bool { return s.Name == scope })
	if c < 0 || s < 0 {
		b.t.Fatalf("%s and %s are not there", claim, scope)
	}
	return claims.Items[c].ID, scopes.Items[s].ID
}

func (b bundle) asked(tree treekit.Tree, org ids.Org, scopes ...string) (names []string) {
	b.t.Helper()
	d, err := b.told.Dialect(context.Background(), tree.Tenant.ID, org)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range d.Asked(scopes) {
		names = append(names, c.Name)
	}
	return names
}

func want(t *testing.T, code string, err error) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code.Name != code {
		t.Errorf("%v, want %s", err, code)
	}
}

func TestClaimsAndScopes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, root := context.Background(), b.A.Tenant.ID, b.A.Root.ID
	made, err := b.told.CreateClaim(ctx, tenant, root, attributes.CreateOIDCClaimRequest{Name: "department", Attribute: "attributes.department"})
	if err != nil {
		t.Fatal(err)
	}
	scope, err := b.told.CreateScope(ctx, tenant, root, attributes.CreateOIDCScopeRequest{Name: "staff", Claims: []string{"nickname", "department"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.asked(b.A, root, "staff", "email"); !slices.Equal(got, []string{"department", "nickname", "email", "email_verified"}) {
		t.Errorf("asked: %v", got)
	}
	if got := b.asked(b.B, b.B.Root.ID, "staff"); got != nil {
		t.Errorf("another tenant has it: %v", got)
	}
	if err := b.told.DeleteClaim(ctx, tenant, root, made.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got := b.asked(b.A, root, "staff"); !slices.Equal(got, []string{"nickname"}) {
		t.Errorf("after the claim was deleted: %v", got)
	}
	if err := b.told.DeleteScope(ctx, tenant, root, scope.ID, 1); !fault.CodeStale.Is(err) {
		t.Errorf("an old version: %v", err)
	}
	if err := b.told.DeleteScope(ctx, tenant, root, scope.ID, 2); err != nil {
		t.Fatal(err)
	}
	if got := b.asked(b.A, root, "staff"); got != nil {
		t.Errorf("after the scope was deleted: %v", got)
	}
}

func TestBuiltins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, root := context.Background(), b.A.Tenant.ID, b.A.Root.ID
	verified, openid := b.builtin(b.A, "email_verified", "openid")
	nickname, profile := b.builtin(b.A, "nickname", "profile")
	text := func(s string) *string { return &s }
	names := []string{"nickname"}
	_, err := b.told.UpdateClaim(ctx, tenant, root, verified, 0, attributes.UpdateOIDCClaimRequest{Attribute: text("attributes.verified")})
	want(t, "claim.builtin", err)
	want(t, "claim.builtin", b.told.DeleteClaim(ctx, tenant, root, nickname, 0))
	want(t, "claim.builtin", b.told.DeleteScope(ctx, tenant, root, profile, 0))
	_, err = b.told.UpdateScope(ctx, tenant, root, openid, 0, attributes.UpdateOIDCScopeRequest{Claims: &names})
	want(t, "claim.builtin", err)
	if _, err := b.told.UpdateScope(ctx, tenant, root, profile, 0, attributes.UpdateOIDCScopeRequest{Claims: &names}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.told.UpdateClaim(ctx, tenant, root, nickname, 0, attributes.UpdateOIDCClaimRequest{Attribute: text("attributes.alias")}); err != nil {
		t.Fatal(err)
	}
	d, _ := b.told.Dialect(ctx, tenant, root)
	if got := d.Asked([]string{"profile"}); len(got) != 1 || got[0].Attribute != "attributes.alias" {
		t.Errorf("profile asks for %+v", got)
	}
}

// What an organization defines is nobody's beside it, and what stands above is not its to change.
func TestDefinedBelow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, org := context.Background(), b.A.Tenant.ID, b.A.Partner.ID
	nickname, profile := b.builtin(b.A, "nickname", "profile")
	names := []string{}
	_, err := b.told.UpdateScope(ctx, tenant, org, profile, 0, attributes.UpdateOIDCScopeRequest{Claims: &names})
	want(t, "claim.inherited", err)
	want(t, "claim.inherited", b.told.DeleteClaim(ctx, tenant, org, nickname, 0))
	if _, err := b.told.CreateScope(ctx, tenant, org, attributes.CreateOIDCScopeRequest{Name: "own", Claims: []string{"nickname"}}); err != nil {
		t.Fatal(err)
	}
	if got := b.asked(b.A, org, "own"); len(got) != 1 {
		t.Errorf("in the organization: %v", got)
	}
	if got := b.asked(b.A, b.A.Root.ID, "own"); got != nil {
		t.Errorf("above it: %v", got)
	}
}

func TestRefusedClaimsAndScopes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, root := context.Background(), b.A.Tenant.ID, b.A.Root.ID
	for name, in := range map[string]struct {
		code string
		attributes.CreateOIDCClaimRequest
	}{
		"a protocol's":      {"claim.reserved", attributes.CreateOIDCClaimRequest{Name: "sub", Attribute: "attributes.sub"}},
		"taken":             {"claim.name_taken", attributes.CreateOIDCClaimRequest{Name: "nickname", Attribute: "attributes.other"}},
		"told already":      {"claim.attribute_taken", attributes.CreateOIDCClaimRequest{Name: "call_me", Attribute: "attributes.nickname"}},
		"what was verified": {"request.invalid", attributes.CreateOIDCClaimRequest{Name: "verified", Attribute: "email_verified"}},
		"nobody's":          {"request.invalid", attributes.CreateOIDCClaimRequest{Name: "secret", Attribute: "password"}},
		"username by hand":  {"request.invalid", attributes.CreateOIDCClaimRequest{Name: "login", Attribute: "username", SelfService: true}},
	} {
		_, err := b.told.CreateClaim(ctx, tenant, root, in.CreateOIDCClaimRequest)
		if t.Run(name, func(t *testing.T) { want(t, in.code, err) }); err == nil {
			return
		}
	}
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `WITH r AS (INSERT INTO api_resources (tenant_id, id, org_id, identifier, name, name_key, requires_authorization, created_at, updated_at)
			VALUES ($1, $2, $3, 'https://api.example', 'API', 'api', true, $4, $4) RETURNING id)
			INSERT INTO api_scopes (tenant_id, id, org_id, resource_id, name, display_name, description) SELECT $1, $5, $3, id, 'orders', 'Orders', '' FROM r`,
			tenant, ids.NewAPIResource(), root, tx.Now(), ids.NewScope())
		return err
	})
	for name, code := range map[string]string{"openid": "claim.reserved", "users.read": "claim.reserved", "groups": "oidc_scope.name_taken", "orders": "oidc_scope.name_taken"} {
		_, err := b.told.CreateScope(ctx, tenant, root, attributes.CreateOIDCScopeRequest{Name: name, Claims: []string{}})
		t.Run(name, func(t *testing.T) { want(t, code, err) })
	}
	_, err := b.told.CreateScope(ctx, tenant, root, attributes.CreateOIDCScopeRequest{Name: "staff", Claims: []string{"nowhere"}})
	want(t, "claim.unknown", err)
}
