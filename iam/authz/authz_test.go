package authz_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

func asFault(err error, f **fault.Error) bool { return errors.As(err, f) }

func names(held map[string]bool) []string { return slices.Sorted(maps.Keys(held)) }

func TestFoundingMakesOneAdministratorOfTheWholeTree(t *testing.T) {
	b := setup(t)
	all := perm.Names(perm.All())
	for _, org := range []httpapi.Org{b.A.Root, b.A.Partner, b.A.Branch} {
		held := b.held(t, b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]), org)
		if !held.Visible || !slices.Equal(names(held.Names), all) {
			t.Fatalf("in %s: %v", org.Handle, held)
		}
	}
	// The same token in the look-alike tenant.
	if held := b.held(t, b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]), b.B.Root); held.Visible || len(held.Names) > 0 {
		t.Fatalf("the other tenant: %v", held)
	}
	var viewer ids.Role
	roles, err := b.authz.ListRoles(b.root(b.A), b.A.Tenant.ID, b.A.Branch.ID, authz.RoleFilter{}, first)
	if err != nil || len(roles.Items) != 2 {
		t.Fatalf("%v %v", roles, err)
	}
	for _, r := range roles.Items {
		if r.Name == "Viewer" {
			viewer = r.ID
		}
		if !r.Builtin || !r.Inherited {
			t.Errorf("%+v", r)
		}
	}
	jo := b.user(t, b.A, b.A.Branch, "jo")
	b.give(t, b.A, b.A.Branch, viewer, "user", jo.String(), "org")
	for name := range b.held(t, b.as(b.A, b.A.Branch, jo), b.A.Branch).Names {
		if !strings.HasSuffix(name, ".read") {
			t.Errorf("Viewer holds %s", name)
		}
	}
}

// TestReach: where an assignment holds, by its reach, the token's organization, and the target.
func TestReach(t *testing.T) {
	b := setup(t)
	role := b.newRole(t, b.A, b.A.Partner, "Reader", "users.read")
	jo, kim := b.user(t, b.A, b.A.Partner, "jo"), b.user(t, b.A, b.A.Partner, "kim")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return join(ctx, tx, b.A.Branch, jo, "invited") })
	b.give(t, b.A, b.A.Partner, role, "user", jo.String(), "org")
	b.give(t, b.A, b.A.Partner, role, "group", b.group(t, b.A, b.A.Partner, "readers", kim).String(), "subtree")
	for name, c := range map[string]struct {
		user          ids.User
		token, target httpapi.Org
		visible, may  bool
	}{
		"org, in it":                     {jo, b.A.Partner, b.A.Partner, true, true},
		"org, below it":                  {jo, b.A.Partner, b.A.Branch, true, false},
		"org, token of a child":          {jo, b.A.Branch, b.A.Branch, true, false},
		"subtree, in it":                 {kim, b.A.Partner, b.A.Partner, true, true},
		"subtree, below it":              {kim, b.A.Partner, b.A.Branch, true, true},
		"subtree, token of a child":      {kim, b.A.Branch, b.A.Branch, true, true},
		"subtree, token of child, above": {kim, b.A.Branch, b.A.Partner, false, false},
		"sibling":                        {kim, b.A.Partner, b.A.Rivals, false, false},
		"root":                           {kim, b.A.Partner, b.A.Root, false, false},
		"other tenant":                   {kim, b.A.Partner, b.B.Partner, false, false},
	} {
		held := b.held(t, b.as(b.A, c.token, c.user), c.target)
		if held.Visible != c.visible || held.Names["users.read"] != c.may || held.Names["users.write"] {
			t.Errorf("%s: %+v", name, held)
		}
	}
	if held := b.held(t, b.as(b.A, b.A.Partner, kim, "users.write"), b.A.Partner); len(held.Names) != 0 {
		t.Errorf("a token without the scope: %v", held)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		scopes, err := b.authz.ScopesOf(ctx, tx, kim, b.A.Branch.ID)
		if err != nil || !scopes["users.read"] || len(scopes) != 1 {
			t.Errorf("%v %v", scopes, err)
		}
		together, roles, err := b.authz.HeldBy(ctx, tx, kim, b.A.Branch.ID, ids.NewApp(), "organization")
		if err != nil || !maps.Equal(together, scopes) || len(roles) != 0 {
			t.Errorf("%v %v %v", together, roles, err)
		}
		return nil
	})
	for org, want := range map[ids.Org]string{b.A.Partner.ID: "group", b.A.Branch.ID: ""} {
		page, err := b.authz.UserRoles(b.root(b.A), b.A.Tenant.ID, org, kim, first)
		if want == "" {
			wantCode(t, err, "resource.not_found")
			continue
		}
		if err != nil || len(page.Items) != 1 || page.Items[0].How != want || page.Items[0].GroupID == nil {
			t.Errorf("%+v %v", page, err)
		}
	}
}

func TestRoleRules(t *testing.T) {
	b := setup(t)
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	foreign := b.newRole(t, b.B, b.B.Partner, "Clerk", "users.read")
	role := b.newRole(t, b.A, b.A.Partner, "Clerk", "users.read")
	rename, none := "Other", []string{}
	update := func(org httpapi.Org, id ids.Role, version int64) error {
		_, err := b.authz.UpdateRole(ctx, tenant, org.ID, id, version, authz.UpdateRoleRequest{Name: &rename, Permissions: &none})
		return err
	}
	wantCode(t, update(b.A.Root, b.role[tenant], 0), "role.builtin")
	wantCode(t, update(b.A.Branch, b.role[tenant], 0), "role.builtin")
	wantCode(t, update(b.A.Branch, role, 0), "resource.not_found") // organization roles do not go down
	wantCode(t, update(b.A.Partner, foreign, 0), "resource.not_found")
	wantCode(t, update(b.A.Partner, role, 7), "resource.stale")
	wantCode(t, update(b.A.Partner, role, 1), "")
	wantCode(t, b.authz.DeleteRole(ctx, tenant, b.A.Root.ID, b.role[tenant], 0), "role.builtin")
	wantCode(t, b.authz.DeleteRole(ctx, tenant, b.A.Partner.ID, foreign, 0), "resource.not_found")
	wantCode(t, b.authz.DeleteRole(ctx, tenant, b.A.Partner.ID, role, 2), "")
	wantCode(t, b.authz.DeleteRole(ctx, tenant, b.A.Partner.ID, role, 0), "resource.not_found")

	b.newRole(t, b.A, b.A.Partner, "Straße")
	for name, c := range map[string]struct {
		in   authz.CreateRoleRequest
		code string
	}{
		"same name":           {authz.CreateRoleRequest{Name: " STRASSE "}, "role.name_taken"},
		"only spaces":         {authz.CreateRoleRequest{Name: " \u00a0 "}, "request.invalid"},
		"null byte":           {authz.CreateRoleRequest{Name: "a\x00b"}, "request.invalid"},
		"null in description": {authz.CreateRoleRequest{Name: "a", Description: "\x00"}, "request.invalid"},
		"right-to-left":       {authz.CreateRoleRequest{Name: "a\u202eb"}, "request.invalid"},
		"unknown scope":       {authz.CreateRoleRequest{Name: "a", Permissions: []string{"nobody.knows"}}, "api_scope.unknown"},
		"alias as scope":      {authz.CreateRoleRequest{Name: "a", Permissions: []string{authz.AllScopes}}, "api_scope.unknown"},
		"other org":           {authz.CreateRoleRequest{Name: "a", Audience: &authz.RoleAudience{Type: "organization", ID: b.A.Root.ID.String()}}, "role.audience"},
		"other tenant's org":  {authz.CreateRoleRequest{Name: "a", Audience: &authz.RoleAudience{Type: "organization", ID: b.B.Partner.ID.String()}}, "role.audience"},
		"no app":              {authz.CreateRoleRequest{Name: "a", Audience: &authz.RoleAudience{Type: "application", ID: ids.NewApp().String()}}, "role.audience"},
		"app of wrong prefix": {authz.CreateRoleRequest{Name: "a", Audience: &authz.RoleAudience{Type: "application", ID: b.A.Partner.ID.String()}}, "role.audience"},
	} {
		_, err := b.authz.CreateRole(ctx, tenant, b.A.Partner.ID, c.in)
		t.Log(name)
		wantCode(t, err, c.code)
	}
	page, err := b.authz.ListRoles(ctx, tenant, b.A.Partner.ID, authz.RoleFilter{}, first)
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("what was refused left something: %+v %v", page, err)
	}
}

func TestAssignmentRules(t *testing.T) {
	b := setup(t)
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	role := b.newRole(t, b.A, b.A.Partner, "Clerk", "users.read")
	jo, rival, foreign := b.user(t, b.A, b.A.Partner, "jo"), b.user(t, b.A, b.A.Rivals, "ri"), b.user(t, b.B, b.B.Partner, "jo")
	rivals := b.group(t, b.A, b.A.Rivals, "rivals")
	for name, c := range map[string]struct {
		org      httpapi.Org
		role     ids.Role
		kind, id string
		code     string
	}{
		"sibling's person":     {b.A.Partner, role, "user", rival.String(), "role.principal_unknown"},
		"other tenant's":       {b.A.Partner, role, "user", foreign.String(), "role.principal_unknown"},
		"nobody":               {b.A.Partner, role, "user", ids.NewUser().String(), "role.principal_unknown"},
		"sibling's group":      {b.A.Partner, role, "group", rivals.String(), "role.principal_unknown"},
		"person as group":      {b.A.Partner, role, "group", jo.String(), "request.invalid"},
		"no id":                {b.A.Partner, role, "user", "", "request.invalid"},
		"role of above":        {b.A.Branch, role, "user", jo.String(), "resource.not_found"},
		"role of sibling":      {b.A.Rivals, role, "user", rival.String(), "resource.not_found"},
		"role of other tenant": {b.A.Partner, b.role[b.B.Tenant.ID], "user", jo.String(), "resource.not_found"},
	} {
		_, err := b.authz.Assign(ctx, tenant, c.org.ID, c.role, authz.AssignRoleRequest{Principal: authz.Principal{Type: c.kind, ID: c.id}})
		t.Log(name)
		wantCode(t, err, c.code)
	}
	made := b.give(t, b.A, b.A.Partner, role, "user", jo.String(), "org")
	_, err := b.authz.Assign(ctx, tenant, b.A.Partner.ID, role, authz.AssignRoleRequest{Principal: made.Principal, Reach: "subtree"})
	wantCode(t, err, "role.already_assigned")
	other := b.newRole(t, b.A, b.A.Partner, "Other")
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Partner.ID, other, made.ID, false), "resource.not_found")
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Rivals.ID, role, made.ID, false), "resource.not_found")
	wantCode(t, b.authz.Unassign(b.root(b.B), b.B.Tenant.ID, b.B.Partner.ID, role, made.ID, false), "resource.not_found")
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Partner.ID, role, made.ID, false), "")
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Partner.ID, role, made.ID, false), "resource.not_found")

	// A member who leaves and comes back has none of his roles.
	b.give(t, b.A, b.A.Partner, role, "user", jo.String(), "org")
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		return b.authz.UnassignAllTx(ctx, tx, b.A.Partner.ID, jo)
	})
	if held := b.held(t, b.as(b.A, b.A.Partner, jo), b.A.Partner); len(held.Names) != 0 {
		t.Errorf("%v", held)
	}
}

// TestLastAdministratorOfACustomerStays: an organization that has an Administrator keeps one, whoever acts. Only who acts
// from above may say that he means it.
func TestLastAdministratorOfACustomerStays(t *testing.T) {
	b := setup(t)
	tenant, role, org := b.A.Tenant.ID, b.role[b.A.Tenant.ID], b.A.Partner
	tina, tom, guest := b.user(t, b.A, org, "tina"), b.user(t, b.A, org, "tom"), b.user(t, b.A, b.A.Rivals, "guest")
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error { return join(ctx, tx, org, guest, "invited") })
	vendor, own := b.root(b.A), actor.Into(context.Background(), b.as(b.A, org, tina))
	last := func(ctx context.Context, where ids.Org, user ids.User, anyway bool) (is bool) {
		if err := b.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
			is, err = b.authz.LastAdministrator(ctx, tx, where, user, anyway)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return is
	}
	if last(vendor, org.ID, tina, false) {
		t.Error("an organization without Administrators has a last one")
	}
	given := b.give(t, b.A, org, role, "user", tina.String(), "org")
	for name, c := range map[string]struct {
		ctx    context.Context
		org    ids.Org
		user   ids.User
		anyway bool
		want   bool
	}{
		"herself":                 {own, org.ID, tina, false, true},
		"herself, anyway":         {own, org.ID, tina, true, true},
		"anywhere":                {own, ids.Org{}, tina, false, true},
		"the vendor":              {vendor, ids.Org{}, tina, false, true},
		"the vendor, anyway":      {vendor, ids.Org{}, tina, true, false},
		"in another organization": {vendor, b.A.Rivals.ID, tina, false, false},
		"somebody else":           {vendor, ids.Org{}, tom, false, false},
		"the root's, anyway":      {vendor, ids.Org{}, b.admin[tenant], true, true},
	} {
		if got := last(c.ctx, c.org, c.user, c.anyway); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	wantCode(t, b.authz.Unassign(own, tenant, org.ID, role, given.ID, true), "role.last_administrator")
	wantCode(t, b.authz.Unassign(vendor, tenant, org.ID, role, given.ID, false), "role.last_administrator")

	// A second one by a group, who is a member from elsewhere.
	group := b.group(t, b.A, org, "admins", guest)
	b.give(t, b.A, org, role, "group", group.String(), "org")
	if last(own, org.ID, tina, false) {
		t.Error("the group's member does not count")
	}
	wantCode(t, b.authz.Unassign(own, tenant, org.ID, role, given.ID, false), "")
	leave := func(ctx context.Context, anyway bool) (last bool) {
		err := b.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
			last, err = b.authz.TakeFromGroupTx(ctx, tx, group, anyway, func() error {
				_, err := tx.Exec(ctx, `DELETE FROM group_members WHERE tenant_id = $1 AND group_id = $2`, tx.Tenant(), group)
				return err
			})
			if err == nil && last {
				err = errors.New("last")
			}
			return err
		})
		if err != nil && !last {
			t.Fatal(err)
		}
		return last
	}
	if !leave(vendor, false) || leave(vendor, true) {
		t.Error("the last one left by the group, or the vendor was not heard")
	}
	if leave(vendor, false) {
		t.Error("a group without people keeps an Administrator that there is not")
	}
}

func TestLastAdministratorStays(t *testing.T) {
	b := setup(t)
	ctx, tenant, role := b.root(b.A), b.A.Tenant.ID, b.role[b.A.Tenant.ID]
	ada := b.admin[tenant]
	assignments := func() map[string]ids.Assignment {
		page, err := b.authz.ListAssignments(ctx, tenant, b.A.Root.ID, role, first)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]ids.Assignment{}
		for _, a := range page.Items {
			by[a.Principal.ID] = a.ID
		}
		return by
	}
	last := func(org httpapi.Org, user ids.User) (is bool) {
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) (err error) {
			is, err = b.authz.LastAdministrator(ctx, tx, org.ID, user, false)
			return err
		})
		return is
	}
	jo, kim := b.user(t, b.A, b.A.Root, "jo"), b.user(t, b.A, b.A.Root, "kim")
	if !last(b.A.Root, ada) || last(b.A.Partner, ada) || last(b.A.Root, jo) {
		t.Fatal("ada alone is the last administrator, and at the root alone")
	}
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Root.ID, role, assignments()[ada.String()], false), "role.last_administrator")

	// Somebody who is Administrator of the root alone does not count.
	b.give(t, b.A, b.A.Root, role, "user", jo.String(), "org")
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Root.ID, role, assignments()[ada.String()], false), "role.last_administrator")

	// By a group counts, but not while disabled.
	group := b.group(t, b.A, b.A.Root, "admins", kim)
	b.give(t, b.A, b.A.Root, role, "group", group.String(), "subtree")
	status := func(status string) {
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE users SET status = $3 WHERE tenant_id = $1 AND id = $2`, tenant, kim, status)
			return err
		})
	}
	status("disabled")
	wantCode(t, b.authz.Unassign(ctx, tenant, b.A.Root.ID, role, assignments()[ada.String()], false), "role.last_administrator")
	status("active")
	if last(b.A.Root, ada) {
		t.Fatal("kim is one too")
	}
	// Two at once: one of them stays.
	by := assignments()
	var wg sync.WaitGroup
	results := make([]error, 2)
	for i, id := range []ids.Assignment{by[ada.String()], by[group.String()]} {
		wg.Go(func() { results[i] = b.authz.Unassign(ctx, tenant, b.A.Root.ID, role, id, false) })
	}
	wg.Wait()
	if (results[0] == nil) == (results[1] == nil) {
		t.Fatalf("want one of two to fail: %v", results)
	}
}

func TestSyncCompletesEveryTenant(t *testing.T) {
	b := setup(t)
	conn, err := pgx.Connect(t.Context(), b.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	// As if the tenants were founded by a program that did not know these yet.
	if _, err := conn.Exec(t.Context(), `DELETE FROM grove.api_scopes WHERE name IN ('users.read', 'roles.write');
		UPDATE grove.api_resources SET catalogue = 'of before' WHERE builtin`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.authz.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, tree := range []treekit.Tree{b.A, b.B} {
		held := b.held(t, b.as(tree, tree.Root, b.admin[tree.Tenant.ID]), tree.Partner)
		if !slices.Equal(names(held.Names), perm.Names(perm.All())) {
			t.Errorf("%v", held)
		}
		roles, err := b.authz.ListRoles(b.root(tree), tree.Tenant.ID, tree.Root.ID, authz.RoleFilter{}, first)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range roles.Items {
			if r.Name == "Viewer" && (!slices.Contains(r.Permissions, "users.read") || slices.Contains(r.Permissions, "roles.write")) {
				t.Errorf("Viewer: %v", r.Permissions)
			}
		}
	}
}

func TestOverHTTP(t *testing.T) {
	b := setup(t)
	admin := b.api.Token(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]))
	viewer := b.api.Token(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID], "roles.read"))
	const base = "/t/acme/v1/orgs/partner/roles"
	body := map[string]any{"name": "Clerk", "permissions": []string{"users.read"}}
	b.api.Want(t, 401, "", "", "POST", base, body)
	b.api.Want(t, 403, "", viewer, "POST", base, body)
	made := b.api.Want(t, 201, "", admin, "POST", base, body, "Idempotency-Key", "k1")
	var role authz.Role
	made.Into(t, &role)
	again := b.api.Want(t, 201, "", admin, "POST", base, body, "Idempotency-Key", "k1")
	var same authz.Role
	if again.Into(t, &same); same.ID != role.ID || !slices.Contains(role.AllowedActions, "update") {
		t.Fatalf("%+v %+v", role, same)
	}
	one := base + "/" + role.ID.String()
	patch := map[string]any{"description": "Clerks."}
	b.api.Want(t, 428, "request.if_match_required", admin, "PATCH", one, patch)
	b.api.Want(t, 412, "resource.stale", admin, "PATCH", one, patch, "If-Match", `"9"`)
	b.api.Want(t, 200, "", admin, "PATCH", one, patch, "If-Match", made.Header.Get("ETag"))
	b.api.Want(t, 422, "", admin, "PATCH", base+"/"+ids.NewUser().String(), patch, "If-Match", "*")
	b.api.Want(t, 422, "", admin, "POST", base, `{"name":"x","builtin":true}`)
	b.api.Want(t, 422, "", admin, "GET", base+"?nonsense=1", nil)
	// Who may do nothing is told so: a list that is left out says nothing.
	var shown authz.Role
	if b.api.Want(t, 200, "", viewer, "GET", one, nil).Into(t, &shown); shown.AllowedActions == nil || len(shown.AllowedActions) > 0 {
		t.Errorf("a viewer may %v", shown.AllowedActions)
	}
	b.api.Want(t, 404, "", admin, "GET", "/t/acme/v1/orgs/partner/roles/"+b.role[b.B.Tenant.ID].String(), nil)

	jo := b.user(t, b.A, b.A.Partner, "jo")
	assign := map[string]any{"principal": map[string]string{"type": "user", "id": jo.String()}}
	var assignment, repeated authz.RoleAssignment
	b.api.Want(t, 201, "", admin, "POST", one+"/assignments", assign, "Idempotency-Key", "k2").Into(t, &assignment)
	b.api.Want(t, 201, "", admin, "POST", one+"/assignments", assign, "Idempotency-Key", "k2").Into(t, &repeated)
	if assignment.ID != repeated.ID || assignment.Reach != "org" {
		t.Fatalf("%+v %+v", assignment, repeated)
	}
	b.api.Want(t, 409, "role.already_assigned", admin, "POST", one+"/assignments", assign)
	b.api.Want(t, 200, "", admin, "GET", "/t/acme/v1/orgs/partner/users/"+jo.String()+"/roles", nil)
	b.api.Want(t, 204, "", admin, "DELETE", one+"/assignments/"+assignment.ID.String(), nil)
	b.api.Want(t, 204, "", admin, "DELETE", one, nil, "If-Match", "*")

	// Pages: every item once, in order, and a page token only for its own list.
	for _, name := range []string{"c", "a", "b"} {
		b.newRole(t, b.A, b.A.Partner, name)
	}
	var seen []string
	var page struct {
		Items []authz.Role `json:"items"`
		Next  string       `json:"next_page_token"`
	}
	for next := "?page_size=2"; next != ""; {
		page.Next = ""
		b.api.Want(t, 200, "", admin, "GET", base+next, nil).Into(t, &page)
		for _, r := range page.Items {
			seen = append(seen, r.Name)
		}
		if next = ""; page.Next != "" {
			next = "?page_size=2&page_token=" + page.Next
			b.api.Want(t, 400, "request.page_token", admin, "GET", "/t/acme/v1/orgs/rivals/roles"+next, nil)
		}
	}
	if !slices.Equal(seen, []string{"a", "Administrator", "b", "c", "Viewer"}) {
		t.Fatal(seen)
	}
}

func TestClientsHoldWhatTheyAreAuthorizedFor(t *testing.T) {
	b := setup(t)
	c := newMachine(t, b, b.A.Partner, "users.read")
	a := b.A.Client(b.A.Partner, "users.read", "users.write")
	a.App = c
	for org, may := range map[string]httpapi.Org{"yes": b.A.Branch, "no": b.A.Root} {
		held := b.held(t, a, may)
		if held.Visible != (org == "yes") || held.Names["users.read"] != (org == "yes") || held.Names["users.write"] {
			t.Errorf("%s: %+v", may.Handle, held)
		}
	}
	resource, err := b.authz.ManagementResource(b.root(b.A), b.A.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.apps.Withdraw(b.root(b.A), b.A.Tenant.ID, b.A.Partner.ID, c, resource); err != nil {
		t.Fatal(err)
	}
	if held := b.held(t, a, b.A.Branch); len(held.Names) != 0 {
		t.Errorf("after the authorization was withdrawn: %v", held)
	}
	if held := b.held(t, actor.ForJob(b.A.Tenant.ID, "test"), b.A.Branch); len(held.Names) != 0 || !held.Visible {
		t.Errorf("a job without permissions: %v", held)
	}
}

func TestZPlans(t *testing.T) { testkit.CheckPlans(t, setup(t).Database) }
