package authz_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

// newMachine makes a machine-to-machine app of org with management scopes, as the administrator.
func newMachine(t testing.TB, b bundle, org httpapi.Org, scopes ...string) ids.App {
	t.Helper()
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	made, _, err := b.apps.Create(ctx, tenant, org.ID, apps.CreateAppRequest{Name: "machine " + org.Handle, Template: "m2m"})
	if err != nil {
		t.Fatal(err)
	}
	resource, err := b.authz.ManagementResource(ctx, tenant)
	if err == nil {
		_, err = b.apps.Authorize(ctx, tenant, org.ID, made.ID, apps.AuthorizeAPIRequest{Resource: resource, Policy: "none", Scopes: scopes})
	}
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// TestVisibleScopes: an organization sees the scopes of its own APIs and of those above, by name, in pages; nothing of those beside it
// and of other tenants.
func TestVisibleScopes(t *testing.T) {
	b := setup(t)
	tenant := b.A.Tenant.ID
	for _, of := range []struct {
		org   httpapi.Org
		names []string
	}{{b.A.Root, []string{"notes.read", "notes.write", "a.first"}}, {b.A.Partner, []string{"notes.partly", "own"}}, {b.A.Rivals, []string{"notes.theirs"}}} {
		org, names := of.org, of.names
		in := authz.CreateAPIResourceRequest{Identifier: "https://" + org.Handle + ".example", Name: "API of " + org.Handle}
		for _, name := range names {
			in.Scopes = append(in.Scopes, authz.CreateAPIScopeRequest{Name: name})
		}
		if _, err := b.authz.CreateResource(b.root(b.A), tenant, org.ID, in); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.authz.CreateResource(b.root(b.B), b.B.Tenant.ID, b.B.Root.ID, authz.CreateAPIResourceRequest{Identifier: "https://b.example", Name: "x", Scopes: []authz.CreateAPIScopeRequest{{Name: "notes.b"}}}); err != nil {
		t.Fatal(err)
	}
	seen := func(org httpapi.Org, prefix string, size int) (names []string) {
		t.Helper()
		req := page.Request{Size: size}
		for {
			got, err := b.authz.ListVisibleScopes(context.Background(), tenant, org.ID, prefix, req)
			if err != nil || len(got.Items) > size {
				t.Fatal(len(got.Items), err)
			}
			for _, s := range got.Items {
				names = append(names, s.Name+" of "+s.ResourceName)
			}
			if got.Next == nil {
				return names
			}
			req.After = got.Next
		}
	}
	for _, size := range []int{1, 2, 200} {
		for prefix, want := range map[string]string{
			"notes.": "notes.partly of API of partner,notes.read of API of root,notes.write of API of root",
			"own":    "own of API of partner", "Notes": "", "notes.read.x": "", "notes%": "",
		} {
			if got := strings.Join(seen(b.A.Partner, prefix, size), ","); got != want {
				t.Errorf("%q in pages of %d: %s, want %s", prefix, size, got, want)
			}
		}
	}
	all := seen(b.A.Partner, "", 7)
	if len(all) < 15 || !slices.IsSorted(all) || !slices.Contains(all, "users.read of Grove management API") || all[0] != "a.first of API of root" {
		t.Errorf("all: %v", all)
	}
	testkit.CheckPlans(t, b.Database)
}

func TestResourceRules(t *testing.T) {
	b := setup(t)
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	scope := func(name string) []authz.CreateAPIScopeRequest { return []authz.CreateAPIScopeRequest{{Name: name}} }
	made, err := b.authz.CreateResource(ctx, tenant, b.A.Root.ID, authz.CreateAPIResourceRequest{Identifier: "https://notes.example", Name: "Notes",
		Scopes: []authz.CreateAPIScopeRequest{{Name: "notes.read"}, {Name: "notes.write", DisplayName: "Write notes"}}})
	if err != nil || !made.RequiresAuthorization {
		t.Fatalf("%+v %v", made, err)
	}
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		named, err := b.authz.ScopesNamed(ctx, tx, []string{"openid", "notes.write", "gone"})
		if len(named) != 1 || named[0].DisplayName != "Write notes" {
			t.Errorf("scopes by name: %+v", named)
		}
		return err
	})
	for name, c := range map[string]struct {
		in   authz.CreateAPIResourceRequest
		code string
	}{
		"identifier taken":      {authz.CreateAPIResourceRequest{Identifier: "https://notes.example", Name: "x"}, "api_resource.identifier_taken"},
		"no scheme":             {authz.CreateAPIResourceRequest{Identifier: "console", Name: "x"}, "request.invalid"},
		"fragment":              {authz.CreateAPIResourceRequest{Identifier: "https://a.example/#x", Name: "x"}, "request.invalid"},
		"user":                  {authz.CreateAPIResourceRequest{Identifier: "https://u@a.example", Name: "x"}, "request.invalid"},
		"space":                 {authz.CreateAPIResourceRequest{Identifier: "urn:a b", Name: "x"}, "request.invalid"},
		"script":                {authz.CreateAPIResourceRequest{Identifier: "javascript:alert(1)", Name: "x"}, "request.invalid"},
		"Grove's own":           {authz.CreateAPIResourceRequest{Identifier: "urn:grove:other", Name: "x"}, "request.invalid"},
		"Grove's, capitals":     {authz.CreateAPIResourceRequest{Identifier: "URN:GROVE:api", Name: "x"}, "request.invalid"},
		"OpenID scope":          {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("openid")}, "api_scope.reserved"},
		"offline_access":        {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("offline_access")}, "api_scope.reserved"},
		"alias":                 {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("grove")}, "api_scope.reserved"},
		"the portal's scope":    {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("Account")}, "api_scope.reserved"},
		"management scope":      {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("users.write")}, "api_scope.reserved"},
		"scope taken":           {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("notes.read")}, "api_scope.name_taken"},
		"scope twice":           {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: append(scope("q"), scope("q")...)}, "api_scope.name_taken"},
		"scope with a space":    {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("a b")}, "request.invalid"},
		"scope with a quote":    {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope(`a"b`)}, "request.invalid"},
		"scope beyond ASCII":    {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "x", Scopes: scope("é")}, "request.invalid"},
		"name of control bytes": {authz.CreateAPIResourceRequest{Identifier: "urn:a:b", Name: "\x00"}, "request.invalid"},
	} {
		_, err := b.authz.CreateResource(ctx, tenant, b.A.Root.ID, c.in)
		t.Log(name)
		wantCode(t, err, c.code)
	}
	// The other tenant has the same names for itself.
	if _, err := b.authz.CreateResource(b.root(b.B), b.B.Tenant.ID, b.B.Root.ID, authz.CreateAPIResourceRequest{Identifier: "https://notes.example", Name: "Notes",
		Scopes: scope("notes.read")}); err != nil {
		t.Fatal(err)
	}
	// Descendants see it and do not change it; siblings' are not seen.
	page, err := b.authz.ListResources(ctx, tenant, b.A.Branch.ID, "", first)
	if err != nil || len(page.Items) != 2 || !page.Items[0].Inherited || !page.Items[1].Inherited {
		t.Fatalf("%+v %v", page, err)
	}
	name := "Renamed"
	change := func(org httpapi.Org, id ids.APIResource) error {
		_, err := b.authz.UpdateResource(ctx, tenant, org.ID, id, 0, authz.UpdateAPIResourceRequest{Name: &name})
		return err
	}
	management, _ := b.authz.ManagementResource(ctx, tenant)
	wantCode(t, change(b.A.Branch, made.ID), "api_resource.inherited")
	wantCode(t, change(b.A.Root, management), "api_resource.builtin")
	wantCode(t, change(b.A.Root, ids.NewAPIResource()), "resource.not_found")
	wantCode(t, b.authz.DeleteResource(ctx, tenant, b.A.Root.ID, management, 0), "api_resource.builtin")
	_, err = b.authz.AddScope(ctx, tenant, b.A.Branch.ID, made.ID, authz.CreateAPIScopeRequest{Name: "branch.x"})
	wantCode(t, err, "api_resource.inherited")
	_, err = b.authz.AddScope(ctx, tenant, b.A.Root.ID, management, authz.CreateAPIScopeRequest{Name: "more.x"})
	wantCode(t, err, "api_resource.builtin")
	_, err = b.authz.Resource(b.root(b.B), b.B.Tenant.ID, b.B.Root.ID, made.ID)
	wantCode(t, err, "resource.not_found")

	// A scope leaves roles with it, and stays while an app is authorized for it.
	extra, err := b.authz.AddScope(ctx, tenant, b.A.Root.ID, made.ID, authz.CreateAPIScopeRequest{Name: "notes.delete"})
	wantCode(t, err, "")
	role := b.newRole(t, b.A, b.A.Root, "Editor", "notes.delete", "notes.read")
	app, _, err := b.apps.Create(ctx, tenant, b.A.Root.ID, apps.CreateAppRequest{Name: "Notes", Template: "web", RedirectURIs: []string{"https://notes.example/cb"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.apps.Authorize(ctx, tenant, b.A.Root.ID, app.ID, apps.AuthorizeAPIRequest{Resource: made.ID, Scopes: []string{"notes.delete"}}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.authz.DeleteScope(ctx, tenant, b.A.Root.ID, made.ID, extra.ID), "api_scope.in_use")
	wantCode(t, b.authz.DeleteResource(ctx, tenant, b.A.Root.ID, made.ID, 0), "api_resource.in_use")
	wantCode(t, b.apps.Withdraw(ctx, tenant, b.A.Root.ID, app.ID, made.ID), "")
	wantCode(t, b.authz.DeleteScope(ctx, tenant, b.A.Root.ID, made.ID, extra.ID), "")
	roles, err := b.authz.ListRoles(ctx, tenant, b.A.Root.ID, authz.RoleFilter{}, first)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles.Items {
		if r.ID == role && strings.Join(r.Permissions, " ") != "notes.read" {
			t.Errorf("%v", r.Permissions)
		}
	}
	wantCode(t, b.authz.DeleteResource(ctx, tenant, b.A.Root.ID, made.ID, 0), "")
}

// TestWhatGivesAScope: resources are found by name and identifier, the roles that give a scope by its name, and the details types of all
// resources are one list, of what an organization sees.
func TestWhatGivesAScope(t *testing.T) {
	b := setup(t)
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	for _, in := range []struct {
		org  httpapi.Org
		name string
	}{{b.A.Root, "Notes"}, {b.A.Partner, "Partner's Ledger"}, {b.A.Rivals, "Notes of rivals"}} {
		r, err := b.authz.CreateResource(ctx, tenant, in.org.ID, authz.CreateAPIResourceRequest{Identifier: "https://" + in.org.Handle + ".example/API", Name: in.name,
			Scopes: []authz.CreateAPIScopeRequest{{Name: in.org.Handle + ".read"}, {Name: in.org.Handle + ".write"}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.authz.AddDetailsType(ctx, tenant, in.org.ID, r.ID, authz.CreateAuthorizationDetailsTypeRequest{Type: "type_of_" + in.org.Handle, Name: "Type", Schema: map[string]any{"type": "object"}}); err != nil {
			t.Fatal(err)
		}
	}
	for q, want := range map[string]string{"NOTES": "Notes", "ledger": "Partner's Ledger", "partner.example/API": "Partner's Ledger", ".example/API": "Notes,Partner's Ledger", "rivals": "", "%": "", "partner.example/api": ""} {
		got, err := b.authz.ListResources(ctx, tenant, b.A.Partner.ID, q, first)
		var names []string
		for _, r := range got.Items {
			names = append(names, r.Name)
		}
		if err != nil || strings.Join(names, ",") != want {
			t.Errorf("%q: %v, %v", q, names, err)
		}
	}
	var types []string
	req := page.Request{Size: 1}
	for {
		got, err := b.authz.ListVisibleDetailsTypes(ctx, tenant, b.A.Partner.ID, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got.Items {
			types = append(types, d.Type+" of "+d.ResourceName)
		}
		if got.Next == nil {
			break
		}
		req.After = got.Next
	}
	if got := strings.Join(types, ","); got != "type_of_partner of Partner's Ledger,type_of_root of Notes" {
		t.Error(got)
	}
	for name, scopes := range map[string][]string{"Reader": {"root.read"}, "Both": {"root.read", "root.write"}, "Other": {"root.write"}} {
		b.newRole(t, b.A, b.A.Root, name, scopes...)
	}
	for scope, want := range map[string]string{"root.read": "Both,Reader", "root": "", "rivals.read": "", "users.write": "Administrator"} {
		got, err := b.authz.ListRoles(ctx, tenant, b.A.Root.ID, authz.RoleFilter{Permission: scope}, first)
		var names []string
		for _, r := range got.Items {
			names = append(names, r.Name)
		}
		if err != nil || strings.Join(names, ",") != want {
			t.Errorf("%s: %v, %v", scope, names, err)
		}
	}
}
