package authz_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/orgs/sharing"
)

// told is what a role's event says.
type told struct {
	App         string   `json:"app_id"`
	AppName     string   `json:"app_name"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	Principal   string   `json:"principal_id"`
	Role        string   `json:"role_id"`
	RoleName    string   `json:"role_name"`
}

// log returns what the events of a type in an organization's log say.
func (b bundle) log(t *testing.T, tree treekit.Tree, org httpapi.Org, kind string) (all []told) {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		rows, err := db.Scalars[json.RawMessage](ctx, tx, `SELECT data FROM events WHERE tenant_id = $1 AND org_id = $2 AND type = $3 ORDER BY id`, tree.Tenant.ID, org.ID, kind)
		for _, raw := range rows {
			var one told
			if err := json.Unmarshal(raw, &one); err != nil {
				return err
			}
			all = append(all, one)
		}
		return err
	})
	return all
}

// TestEventsOfRoles: an event about a role has the names of then; who loses a role because it, its app or the app's share goes
// is told of one by one, each in the log of the organization where he had it, however many they are.
func TestEventsOfRoles(t *testing.T) {
	const many = 1203
	for name, tc := range map[string]struct {
		do      func(b bundle, ctx context.Context, app ids.App, role ids.Role) error
		stays   bool // the role, and who has it at the root
		deleted bool
	}{
		"role deleted": {do: func(b bundle, ctx context.Context, _ ids.App, role ids.Role) error {
			return b.authz.DeleteRole(ctx, b.A.Tenant.ID, b.A.Root.ID, role, 0)
		}, deleted: true},
		"app deleted": {do: func(b bundle, ctx context.Context, app ids.App, _ ids.Role) error {
			return b.apps.Delete(ctx, b.A.Tenant.ID, b.A.Root.ID, app, 0)
		}, deleted: true},
		"app not shared": {do: func(b bundle, ctx context.Context, app ids.App, _ ids.Role) error {
			_, err := b.sharing.SetShare(ctx, b.A.Tenant.ID, b.A.Root.ID, app, 0, sharing.ShareAppRequest{Policy: sharing.PolicyNone})
			return err
		}, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			ctx, tenant := b.root(b.A), b.A.Tenant.ID
			resource, err := b.authz.CreateResource(ctx, tenant, b.A.Root.ID, authz.CreateAPIResourceRequest{Name: "Notes", Identifier: "https://notes.example",
				Scopes: []authz.CreateAPIScopeRequest{{Name: "notes.read"}}})
			if err != nil {
				t.Fatal(err)
			}
			app, _, err := b.apps.Create(ctx, tenant, b.A.Root.ID, apps.CreateAppRequest{Name: "Field Notes", Template: "m2m"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.apps.Authorize(ctx, tenant, b.A.Root.ID, app.ID, apps.AuthorizeAPIRequest{Resource: resource.ID, Policy: "rbac", Scopes: []string{"notes.read"}}); err != nil {
				t.Fatal(err)
			}
			if _, err := b.sharing.SetShare(ctx, tenant, b.A.Root.ID, app.ID, 0, sharing.ShareAppRequest{Policy: sharing.PolicyAll, Roles: "all"}); err != nil {
				t.Fatal(err)
			}
			role, err := b.authz.CreateRole(ctx, tenant, b.A.Root.ID, authz.CreateRoleRequest{Name: "Note editor", Permissions: []string{"notes.read"},
				Audience: &authz.RoleAudience{Type: authz.AudienceApplication, ID: app.ID.String()}})
			if err != nil {
				t.Fatal(err)
			}
			one, two := b.user(t, b.A, b.A.Root, "one"), b.user(t, b.A, b.A.Partner, "two")
			b.give(t, b.A, b.A.Root, role.ID, authz.PrincipalUser, one.String(), "")
			b.give(t, b.A, b.A.Partner, role.ID, authz.PrincipalUser, two.String(), "")
			treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO role_assignments (tenant_id, id, org_id, role_id, principal_kind, principal_id, reach, created_at)
					SELECT $1, gen_random_uuid(), $2, $3, 'user', gen_random_uuid(), 'org', now() FROM generate_series(1, $4)`, tenant, b.A.Rivals.ID, role.ID, many)
				return err
			})
			if made := b.log(t, b.A, b.A.Root, "role.created"); len(made) != 1 || made[0].App != app.ID.String() || made[0].AppName != "Field Notes" {
				t.Errorf("role.created says %+v", made)
			}
			want := told{App: app.ID.String(), AppName: "Field Notes", Principal: two.String(), Role: role.ID.String(), RoleName: "Note editor"}
			same := func(got []told, want told) bool {
				return len(got) == 1 && got[0].Permissions == nil && got[0].App == want.App && got[0].AppName == want.AppName && got[0].Principal == want.Principal &&
					got[0].Role == want.Role && got[0].RoleName == want.RoleName
			}
			if got := b.log(t, b.A, b.A.Partner, "role.assigned"); !same(got, want) {
				t.Errorf("role.assigned says %+v", got)
			}
			if err := tc.do(b, ctx, app.ID, role.ID); err != nil {
				t.Fatal(err)
			}
			if got := b.log(t, b.A, b.A.Partner, "role.unassigned"); !same(got, want) {
				t.Errorf("role.unassigned says %+v", got)
			}
			principals := map[string]bool{}
			for _, e := range b.log(t, b.A, b.A.Rivals, "role.unassigned") {
				principals[e.Principal] = e.RoleName == "Note editor"
			}
			if len(principals) != many {
				t.Errorf("%d of %d are told of", len(principals), many)
			}
			want.Principal = one.String()
			if got := b.log(t, b.A, b.A.Root, "role.unassigned"); tc.stays && len(got) != 0 || !tc.stays && !same(got, want) {
				t.Errorf("at the root, role.unassigned says %+v", got)
			}
			gone := b.log(t, b.A, b.A.Root, "role.deleted")
			if tc.deleted && (len(gone) != 1 || gone[0].Name != "Note editor" || gone[0].App != app.ID.String() || gone[0].AppName != "Field Notes" || !slices.Equal(gone[0].Permissions, []string{"notes.read"})) || !tc.deleted && len(gone) != 0 {
				t.Errorf("role.deleted says %+v", gone)
			}
			testkit.CheckPlans(t, b.Database)
		})
	}
}

// TestNewResourceHasItsScopes: who registers an API sees the scopes that it was made with, when the request is sent again too.
func TestNewResourceHasItsScopes(t *testing.T) {
	b := setup(t)
	token := b.api.Token(b.as(b.A, b.A.Root, b.admin[b.A.Tenant.ID]))
	body := map[string]any{"name": "Notes", "identifier": "https://notes.example", "scopes": []any{map[string]any{"name": "notes.write"}, map[string]any{"name": "notes.read"}}}
	for range 2 {
		var made authz.APIResource
		b.api.Want(t, 201, "", token, "POST", "/t/acme/v1/orgs/root/api-resources", body, "Idempotency-Key", "one").Into(t, &made)
		if len(made.Scopes) != 2 || made.Scopes[0].Name != "notes.read" || made.Scopes[0].DisplayName != "notes.read" || made.Scopes[1].ID.IsZero() {
			t.Errorf("scopes %+v", made.Scopes)
		}
	}
}
