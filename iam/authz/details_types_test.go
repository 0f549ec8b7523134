package authz_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

var amount = map[string]any{"type": "object", "required": []any{"amount"}, "properties": map[string]any{"amount": map[string]any{"type": "string"}}}

// newAPI registers an API of org with a scope.
func newAPI(t testing.TB, b bundle, org httpapi.Org, name string) authz.VersionedResource {
	t.Helper()
	made, err := b.authz.CreateResource(b.root(b.A), b.A.Tenant.ID, org.ID, authz.CreateAPIResourceRequest{Identifier: "https://" + name + ".example", Name: name,
		Scopes: []authz.CreateAPIScopeRequest{{Name: name + ".read"}}})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestDetailsTypes(t *testing.T) {
	b := setup(t)
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	pay := newAPI(t, b, b.A.Partner, "pay")
	add := func(org httpapi.Org, resource ids.APIResource, in authz.CreateAuthorizationDetailsTypeRequest) (authz.VersionedDetailsType, error) {
		return b.authz.AddDetailsType(ctx, tenant, org.ID, resource, in)
	}
	made, err := add(b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "payment", Name: " Payment ", Schema: amount})
	if err != nil || made.Name != "Payment" || made.Version != 1 || made.CreatedAt.IsZero() {
		t.Fatalf("%+v %v", made, err)
	}
	management, err := b.authz.ManagementResource(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		org      httpapi.Org
		resource ids.APIResource
		in       authz.CreateAuthorizationDetailsTypeRequest
		code     string
	}{
		"taken":            {b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "payment", Name: "x", Schema: amount}, "authorization_details_type.type_taken"},
		"a space":          {b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "a b", Name: "x", Schema: amount}, "request.invalid"},
		"no type":          {b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Name: "x", Schema: amount}, "request.invalid"},
		"no name":          {b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "a", Name: " ", Schema: amount}, "request.invalid"},
		"a remote schema":  {b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "a", Name: "x", Schema: map[string]any{"$ref": "https://evil.example/"}}, "authorization_details_type.schema"},
		"a NUL":            {b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "a", Name: "x", Schema: map[string]any{"title": "\x00"}}, "authorization_details_type.schema"},
		"the built-in API": {b.A.Root, management, authz.CreateAuthorizationDetailsTypeRequest{Type: "a", Name: "x", Schema: amount}, "api_resource.builtin"},
		"an inherited API": {b.A.Branch, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "a", Name: "x", Schema: amount}, "api_resource.inherited"},
		"a sibling's API":  {b.A.Rivals, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "a", Name: "x", Schema: amount}, "resource.not_found"},
	} {
		_, err := add(c.org, c.resource, c.in)
		t.Log(name)
		wantCode(t, err, c.code)
	}
	// The other tenant's name is its own.
	other, err := b.authz.CreateResource(b.root(b.B), b.B.Tenant.ID, b.B.Root.ID, authz.CreateAPIResourceRequest{Identifier: "https://pay.example", Name: "x"})
	wantCode(t, err, "")
	_, err = b.authz.AddDetailsType(b.root(b.B), b.B.Tenant.ID, b.B.Root.ID, other.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "payment", Name: "Theirs", Schema: map[string]any{}})
	wantCode(t, err, "")
	_, err = b.authz.LoadDetailsType(b.root(b.B), b.B.Tenant.ID, b.B.Root.ID, other.ID, made.ID)
	wantCode(t, err, "resource.not_found")

	// What the protocols read.
	of, err := b.authz.DetailsType(ctx, tenant, "payment")
	if err != nil || of.Kind != "payment" || of.Name != "Payment" || of.API != "https://pay.example" {
		t.Fatalf("%+v %v", of, err)
	}
	for raw, want := range map[string]bool{`[{"type":"payment","amount":"1"}]`: true, `[{"type":"payment"}]`: false, `[{"type":"payment","amount":"1","more":1}]`: false} {
		list, _ := details.Parse(raw)
		if got := of.Check(ctx, details.Request{}, list[0]); (got == nil) != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
	_, err = b.authz.DetailsType(ctx, tenant, "nothing")
	wantCode(t, err, "resource.not_found")
	for org, want := range map[ids.Org]string{b.A.Root.ID: "", b.A.Partner.ID: "payment", b.A.Branch.ID: "payment", b.A.Rivals.ID: ""} {
		names, err := b.authz.DetailsTypeNames(ctx, tenant, org, 10)
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%v %v", names, err)
		}
	}

	// Changes.
	name, schema := "Transfer", map[string]any{"properties": map[string]any{"amount": map[string]any{"type": "number"}}}
	_, err = b.authz.UpdateDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 7, authz.UpdateAuthorizationDetailsTypeRequest{Name: &name})
	wantCode(t, err, "resource.stale")
	_, err = b.authz.UpdateDetailsType(ctx, tenant, b.A.Branch.ID, pay.ID, made.ID, 0, authz.UpdateAuthorizationDetailsTypeRequest{Name: &name})
	wantCode(t, err, "api_resource.inherited")
	_, err = b.authz.UpdateDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 0, authz.UpdateAuthorizationDetailsTypeRequest{Schema: &map[string]any{"requird": 1}})
	wantCode(t, err, "authorization_details_type.schema")
	changed, err := b.authz.UpdateDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 1, authz.UpdateAuthorizationDetailsTypeRequest{Name: &name, Schema: &schema})
	if err != nil || changed.Version != 2 || changed.Name != "Transfer" || len(changed.Schema) != 1 {
		t.Fatalf("%+v %v", changed, err)
	}
	read, err := b.authz.LoadDetailsType(ctx, tenant, b.A.Branch.ID, pay.ID, made.ID)
	if err != nil || read.Version != 2 || read.Type != "payment" || read.Name != "Transfer" {
		t.Errorf("%+v %v", read, err)
	}

	// It stays while an app may ask for it.
	app, _, err := b.apps.Create(ctx, tenant, b.A.Partner.ID, apps.CreateAppRequest{Name: "Shop", Template: "m2m"})
	wantCode(t, err, "")
	_, err = b.apps.Authorize(ctx, tenant, b.A.Partner.ID, app.ID, apps.AuthorizeAPIRequest{Resource: pay.ID, Policy: "none", Types: []string{"payment"}})
	wantCode(t, err, "")
	wantCode(t, b.authz.DeleteDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 0), "authorization_details_type.in_use")
	_, err = b.apps.Authorize(ctx, tenant, b.A.Partner.ID, app.ID, apps.AuthorizeAPIRequest{Resource: pay.ID, Policy: "none"})
	wantCode(t, err, "")
	wantCode(t, b.authz.DeleteDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 1), "resource.stale")
	wantCode(t, b.authz.DeleteDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 2), "")
	wantCode(t, b.authz.DeleteDetailsType(ctx, tenant, b.A.Partner.ID, pay.ID, made.ID, 0), "resource.not_found")

	for i := range 50 {
		if _, err := add(b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: fmt.Sprintf("type%d", i), Name: "x", Schema: map[string]any{}}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = add(b.A.Partner, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "one.more", Name: "x", Schema: map[string]any{}})
	wantCode(t, err, "authorization_details_type.too_many")
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		types, err := db.Scalars[string](ctx, tx, `SELECT DISTINCT type FROM events WHERE tenant_id = $1 AND type LIKE 'api_resource.details%' ORDER BY type`, tenant)
		if !slices.Equal(types, []string{"api_resource.details_type_added", "api_resource.details_type_removed", "api_resource.details_type_updated"}) {
			t.Errorf("events %v", types)
		}
		return err
	})
	// With the API its types go.
	wantCode(t, b.apps.Withdraw(ctx, tenant, b.A.Partner.ID, app.ID, pay.ID), "")
	wantCode(t, b.authz.DeleteResource(ctx, tenant, b.A.Partner.ID, pay.ID, 0), "")
	_, err = b.authz.DetailsType(ctx, tenant, "type1")
	wantCode(t, err, "resource.not_found")
	testkit.CheckPlans(t, b.Database)
}

func TestDetailsTypesOverHTTP(t *testing.T) {
	b := setup(t)
	admin := b.api.Token(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]))
	viewer := b.api.Token(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID], "api_resources.read"))
	pay := newAPI(t, b, b.A.Partner, "pay")
	base := "/t/acme/v1/orgs/partner/api-resources/" + pay.ID.String() + "/authorization-details-types"
	body := map[string]any{"type": "payment", "name": "Payment", "description": "Money leaves.", "schema": amount}
	b.api.Want(t, 401, "", "", "POST", base, body)
	b.api.Want(t, 403, "", viewer, "POST", base, body)
	b.api.Want(t, 422, "", admin, "POST", base, map[string]any{"type": "payment", "name": "Payment"})
	b.api.Want(t, 422, "", admin, "POST", base, map[string]any{"type": "payment", "name": "Payment", "schema": true})
	refused := b.api.Want(t, 422, "authorization_details_type.schema", admin, "POST", base, map[string]any{"type": "x", "name": "X", "schema": map[string]any{"properties": map[string]any{"a": map[string]any{"$id": "x"}}}})
	if !strings.Contains(string(refused.Raw), "/schema/properties/a/$id") {
		t.Errorf("%s", refused.Raw)
	}
	made := b.api.Want(t, 201, "", admin, "POST", base, body, "Idempotency-Key", "k1")
	var one, same authz.AuthorizationDetailsType
	made.Into(t, &one)
	if b.api.Want(t, 201, "", admin, "POST", base, body, "Idempotency-Key", "k1").Into(t, &same); same.ID != one.ID || !strings.HasPrefix(one.ID.String(), "adt_") {
		t.Errorf("%+v, %+v", one, same)
	}
	at := base + "/" + one.ID.String()
	b.api.Want(t, 200, "", viewer, "GET", at, nil)
	b.api.Want(t, 412, "resource.stale", admin, "PATCH", at, map[string]any{"name": "x"}, "If-Match", `"9"`)
	b.api.Want(t, 200, "", admin, "PATCH", at, map[string]any{"name": "x"}, "If-Match", made.Header.Get("ETag"))
	b.api.Want(t, 412, "resource.stale", admin, "DELETE", at, nil, "If-Match", made.Header.Get("ETag"))
	for _, kind := range []string{"c", "a", "b"} {
		b.api.Want(t, 201, "", admin, "POST", base, map[string]any{"type": kind, "name": kind, "schema": map[string]any{}})
	}
	var seen []string
	var page struct {
		Items []authz.AuthorizationDetailsType `json:"items"`
		Next  string                           `json:"next_page_token"`
	}
	for next := "?page_size=2"; next != ""; {
		page.Next = ""
		b.api.Want(t, 200, "", viewer, "GET", base+next, nil).Into(t, &page)
		for _, item := range page.Items {
			seen = append(seen, item.Type)
		}
		if next = ""; page.Next != "" {
			next = "?page_size=2&page_token=" + page.Next
		}
	}
	if !slices.Equal(seen, []string{"a", "b", "c", "payment"}) {
		t.Errorf("%v", seen)
	}
	b.api.Want(t, 204, "", admin, "DELETE", at, nil)
	b.api.Want(t, 404, "", viewer, "GET", at, nil)
}

// TestAttack28_DetailsTypes: who may not have an API of another organization does not get it by its authorization details types, nor the
// codes of an app that has them.
func TestAttack28_DetailsTypes(t *testing.T) {
	b := setup(t)
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	bare, err := b.authz.CreateResource(ctx, tenant, b.A.Root.ID, authz.CreateAPIResourceRequest{Identifier: "https://bare.example", Name: "Bare"})
	wantCode(t, err, "")
	pay := newAPI(t, b, b.A.Root, "pay")
	_, err = b.authz.AddScope(ctx, tenant, b.A.Root.ID, pay.ID, authz.CreateAPIScopeRequest{Name: "pay.write"})
	wantCode(t, err, "")
	own := newAPI(t, b, b.A.Partner, "own")
	for resource, of := range map[ids.APIResource]struct {
		org  ids.Org
		kind string
	}{pay.ID: {b.A.Root.ID, "payment"}, bare.ID: {b.A.Root.ID, "bare"}, own.ID: {b.A.Partner.ID, "own"}} {
		_, err := b.authz.AddDetailsType(ctx, tenant, of.org, resource, authz.CreateAuthorizationDetailsTypeRequest{Type: of.kind, Name: of.kind, Schema: map[string]any{}})
		wantCode(t, err, "")
	}
	app, _, err := b.apps.Create(ctx, tenant, b.A.Partner.ID, apps.CreateAppRequest{Name: "Shop", Template: "web", RedirectURIs: []string{"https://shop.example/cb"}})
	wantCode(t, err, "")
	jo := b.user(t, b.A, b.A.Partner, "jo")
	as := actor.Into(context.Background(), b.as(b.A, b.A.Partner, jo))
	authorize := func(ctx context.Context, resource ids.APIResource, types ...string) error {
		_, err := b.apps.Authorize(ctx, tenant, b.A.Partner.ID, app.ID, apps.AuthorizeAPIRequest{Resource: resource, Types: types})
		return err
	}
	wantCode(t, authorize(as, own.ID, "own"), "")
	wantCode(t, authorize(as, own.ID, "payment"), "request.invalid")
	wantCode(t, authorize(as, pay.ID, "own"), "request.invalid")
	wantCode(t, authorize(as, pay.ID, "payment"), "role.above_granter")
	wantCode(t, authorize(as, bare.ID, "bare"), "role.above_granter") // which has no scope that he could hold
	half := b.newRole(t, b.A, b.A.Root, "Reader", "pay.read")
	b.give(t, b.A, b.A.Root, half, "user", b.admin[tenant].String(), "subtree")
	role := b.newRole(t, b.A, b.A.Partner, "Half", "pay.read")
	b.give(t, b.A, b.A.Partner, role, "user", jo.String(), "subtree")
	wantCode(t, authorize(as, pay.ID, "payment"), "role.above_granter")
	whole := b.newRole(t, b.A, b.A.Root, "Writer", "pay.write")
	b.give(t, b.A, b.A.Root, whole, "user", b.admin[tenant].String(), "subtree")
	role = b.newRole(t, b.A, b.A.Partner, "Rest", "pay.write")
	b.give(t, b.A, b.A.Partner, role, "user", jo.String(), "org")
	wantCode(t, authorize(as, pay.ID, "payment"), "role.above_granter") // in the organization, not below it
	wantCode(t, authorize(ctx, pay.ID, "payment"), "")
	// What is there may stay, but its codes are not his to send elsewhere.
	wantCode(t, authorize(as, pay.ID, "payment"), "")
	_, err = b.apps.UpdateOIDC(as, tenant, b.A.Partner.ID, app.ID, 0, apps.UpdateAppOIDCRequest{RedirectURIs: &[]string{"https://evil.example/cb"}})
	wantCode(t, err, "role.above_granter")
	read, err := b.apps.Load(ctx, tenant, b.A.Partner.ID, app.ID)
	if err != nil || !slices.Equal(read.OIDC.DetailsTypes, []string{"own", "payment"}) {
		t.Errorf("%v %v", read.OIDC.DetailsTypes, err)
	}
	wantCode(t, authorize(as, pay.ID), "")
	_, err = b.apps.UpdateOIDC(as, tenant, b.A.Partner.ID, app.ID, 0, apps.UpdateAppOIDCRequest{RedirectURIs: &[]string{"https://shop.example/new"}})
	wantCode(t, err, "")
}
