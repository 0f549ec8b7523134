package apps_test

import (
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
)

func TestAuthorizedDetailsTypes(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	pay, err := b.authz.CreateResource(ctx, tenant, org, authz.CreateAPIResourceRequest{Identifier: "https://pay.example", Name: "Pay",
		Scopes: []authz.CreateAPIScopeRequest{{Name: "pay.read"}, {Name: "pay.write"}}})
	wantCode(t, err, "")
	for _, kind := range []string{"payment", "mandate"} {
		_, err := b.authz.AddDetailsType(ctx, tenant, org, pay.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: kind, Name: kind, Schema: map[string]any{}})
		wantCode(t, err, "")
	}
	web, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "web", Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
	authorize := func(code string, in apps.AuthorizeAPIRequest) apps.AuthorizedAPI {
		t.Helper()
		in.Resource = pay.ID
		made, err := b.apps.Authorize(ctx, tenant, org, web.ID, in)
		wantCode(t, err, code)
		return made
	}
	authorize("request.invalid", apps.AuthorizeAPIRequest{Types: []string{"payment", "nothing"}})
	made := authorize("", apps.AuthorizeAPIRequest{Scopes: []string{"pay.read"}, Types: []string{"payment", "mandate", "payment"}})
	if !slices.Equal(made.Types, []string{"payment", "mandate"}) {
		t.Errorf("%+v", made)
	}
	api := b.client(t, b.A, web.ClientID).APIs[0]
	if !slices.Equal(api.Types, []string{"mandate", "payment"}) || !slices.Equal(api.Scopes, []string{"pay.read"}) || len(api.RoleScopes) != 2 {
		t.Errorf("%+v", api)
	}
	before, _ := b.epoch(t, b.A, web.ID)
	authorize("", apps.AuthorizeAPIRequest{Scopes: []string{"pay.read"}, Types: []string{"mandate", "payment"}})
	same, _ := b.epoch(t, b.A, web.ID)
	authorize("", apps.AuthorizeAPIRequest{Scopes: []string{"pay.read"}, Types: []string{"payment"}})
	narrower, _ := b.epoch(t, b.A, web.ID)
	if same != before || narrower == same {
		t.Errorf("epochs %d, %d, %d: what was issued ends where a type is taken away, and only there", before, same, narrower)
	}
	authorize("", apps.AuthorizeAPIRequest{Scopes: []string{"pay.read"}})
	api = b.client(t, b.A, web.ClientID).APIs[0]
	if len(api.Types) != 0 || len(api.RoleScopes) != 0 {
		t.Errorf("%+v", api)
	}
}

func TestGivesType(t *testing.T) {
	c := apps.Client{APIs: []apps.ClientAPI{
		{Identifier: "a", Policy: "rbac", Scopes: []string{"a.read"}, Types: []string{"of.a"}, RoleScopes: []string{"a.read", "a.write"}},
		{Identifier: "b", Policy: "none", Types: []string{"of.b"}},
		{Identifier: "c", Policy: "rbac", Types: []string{"of.c"}},
	}}
	for kind, want := range map[string][2]bool{"of.a": {false, true}, "of.b": {true, true}, "of.c": {false, false}, "of.d": {false, false}} {
		got := [2]bool{c.GivesType(kind, nil), c.GivesType(kind, map[string]bool{"a.write": true})}
		if got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
	if api, ok := c.APIOfType("of.b"); !ok || api.Identifier != "b" {
		t.Errorf("%+v", api)
	}
}
