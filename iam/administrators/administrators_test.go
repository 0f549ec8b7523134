package administrators_test

import (
	"context"
	"testing"

	"grove/iam/administrators"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
	"grove/tenants/directory"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const anew = "a better horse battery"

// founders knows who the tenants were created for.
type founders map[ids.Tenant]directory.Tenant

func (f founders) Present(_ context.Context, ref string) (directory.Tenant, error) {
	var id ids.Tenant
	if err := id.UnmarshalText([]byte(ref)); err != nil {
		return directory.Tenant{}, err
	}
	t, ok := f[id]
	if !ok {
		return t, directory.CodeDeleted.With("", nil)
	}
	return t, nil
}

type ranks struct{}

func (ranks) CheckUserTx(context.Context, db.Tx, []ids.Org, ids.User) error { return nil }

func (ranks) LastAdministrator(context.Context, db.Tx, ids.Org, ids.User, bool) (bool, error) {
	return false, nil
}

// TestFirstAdministrator: the operator reads and changes the one person of each tenant, within the rules for everybody.
func TestFirstAdministrator(t *testing.T) {
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "orgs/members"), "administrators", nil)
	hasher, err := password.New(password.Options{Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	pair, first := treekit.Plant(t, d), founders{}
	people := users.New(d.DB, events.NewLog(nil), hasher, ranks{})
	for _, tree := range []treekit.Tree{pair.A, pair.B} {
		treekit.In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			u, err := people.CreateTx(ctx, tx, users.NewUser{Org: tree.Root.ID, Email: "jo@acme.example", EmailVerified: true, GivenName: "Jo"})
			first[tree.Tenant.ID] = directory.Tenant{ID: tree.Tenant.ID, Root: tree.Root.ID, Administrator: u.ID}
			return err
		})
	}
	api := apikit.New(t, d, pair, people.Module(), administrators.New(d.DB, first, people).Module())
	path := "/platform/v1/tenants/" + pair.A.Tenant.ID.String() + "/administrator"
	do := func(status int, code, method string, body any, headers ...string) (got administrators.TenantAdministrator) {
		t.Helper()
		if r := api.Want(t, status, code, apikit.PlatformKey, method, path, body, headers...); status == 200 {
			r.Into(t, &got)
		}
		return got
	}
	if got := do(200, "", "GET", nil); got.Username != "jo@acme.example" || !got.EmailVerified || got.GivenName != "Jo" || got.Status != "active" {
		t.Errorf("%+v", got)
	}
	got := do(200, "", "PATCH", map[string]any{"email": "kim@acme.example", "given_name": "Kim", "family_name": "Lee", "password": anew}, "If-Match", `"1"`)
	if got.Email != "kim@acme.example" || got.EmailVerified || got.Username != "jo@acme.example" || got.GivenName != "Kim" || got.FamilyName != "Lee" || !got.MustChangePassword {
		t.Errorf("changed: %+v", got)
	}
	var u users.User
	treekit.In(t, d, pair.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = people.Load(ctx, tx, got.UserID)
		return err
	})
	if _, err := people.CheckPassword(t.Context(), pair.A.Tenant.ID, []users.User{u}, anew); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if got := do(200, "", "PATCH", map[string]any{"family_name": nil, "password": anew + "!", "must_change_password": false}); got.FamilyName != "" || got.MustChangePassword || got.GivenName != "Kim" {
		t.Errorf("a merge patch: %+v", got)
	}
	do(412, "resource.stale", "PATCH", map[string]any{"given_name": "X", "password": anew}, "If-Match", `"1"`)
	do(422, "user.password", "PATCH", map[string]any{"given_name": "X", "password": "jo@acme.example"})
	do(422, "", "PATCH", map[string]any{"username": "other"})
	do(422, "", "PATCH", map[string]any{"email": "not an address"})
	if got := do(200, "", "GET", nil); got.GivenName != "Kim" || got.Email != "kim@acme.example" {
		t.Errorf("what was refused has changed something: %+v", got)
	}
	treekit.In(t, d, pair.B.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		other, err := people.Load(ctx, tx, first[pair.B.Tenant.ID].Administrator)
		if other.GivenName != "Jo" {
			t.Errorf("the other tenant's has changed: %+v", other)
		}
		return err
	})
	treekit.In(t, d, pair.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return people.DeleteTx(ctx, tx, got.UserID, false) })
	do(404, "resource.not_found", "GET", nil)
	do(404, "resource.not_found", "PATCH", map[string]any{"given_name": "X"})
	delete(first, pair.A.Tenant.ID)
	do(409, "tenant.deleted", "GET", nil)
}
