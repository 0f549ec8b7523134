package consents_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"

	"grove/iam/authz/details"
	"grove/iam/consents"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type tenant struct {
	id   ids.Tenant
	org  ids.Org
	user ids.User
	app  ids.App
}

func setup(t *testing.T) (*testkit.Database, *consents.Service, tenant, tenant) {
	t.Helper()
	folders := []fs.FS{db.Migrations(), events.Migrations(), consents.Migrations()}
	for _, name := range []string{"orgs/directory", "iam/users", "iam/groups", "iam/authz", "iam/apps"} {
		folders = append(folders, os.DirFS("../../"+name+"/migrations"))
	}
	d := testkit.New(t, folders, "consents", nil)
	return d, consents.New(d.DB, events.NewLog(nil)), seed(t, d), seed(t, d)
}

func seed(t *testing.T, d *testkit.Database) tenant {
	t.Helper()
	out := tenant{id: ids.NewTenant(), org: ids.NewOrg(), user: ids.NewUser(), app: ids.NewApp()}
	in(t, d, out.id, func(ctx context.Context, tx db.Tx) error {
		_, first := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, handle, name, name_key, status, created_at, updated_at)
			VALUES ($1, $2, 'root', 'root', 'root', 'active', $3, $3)`, out.id, out.org, tx.Now())
		_, second := tx.Exec(ctx, `INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, 'jo', 'jo', 'active', $4, $4)`, out.id, out.user, out.org, tx.Now())
		return errors.Join(first, second)
	})
	out.app = addApp(t, d, out, "one")
	return out
}

func addApp(t *testing.T, d *testkit.Database, of tenant, name string) ids.App {
	t.Helper()
	id := ids.NewApp()
	in(t, d, of.id, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO apps (tenant_id, id, org_id, client_id, name, name_key, template, client_type, grant_types, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4, $4, 'web', 'public', '{authorization_code}', $5, $5)`, of.id, id, of.org, name, tx.Now())
		return err
	})
	return id
}

func in(t *testing.T, d *testkit.Database, tenant ids.Tenant, f func(context.Context, db.Tx) error) {
	t.Helper()
	if err := d.InTenant(context.Background(), tenant, f); err != nil {
		t.Fatal(err)
	}
}

func TestConsentGrowsAndIsTakenBack(t *testing.T) {
	d, s, a, b := setup(t)
	ended := 0
	s.OnRevoke(func(context.Context, db.Tx, consents.Consent) error { ended++; return nil })
	missing := func(of tenant, scopes ...string) (out []string) {
		in(t, d, of.id, func(ctx context.Context, tx db.Tx) (err error) {
			out, err = s.Missing(ctx, tx, of.user, of.org, of.app, scopes)
			return err
		})
		return out
	}
	grant := func(scopes ...string) {
		in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
			return s.GrantTx(ctx, tx, a.user, a.org, a.app, scopes, nil, nil)
		})
	}
	if got := missing(a, "profile", "email"); !slices.Equal(got, []string{"profile", "email"}) {
		t.Errorf("before any consent: %v", got)
	}
	grant("email", "profile")
	grant("profile")
	if got := missing(a, "profile", "orders:read", "email"); !slices.Equal(got, []string{"orders:read"}) {
		t.Errorf("a new scope is asked for: %v", got)
	}
	grant("orders:read")
	if got := missing(a, "profile", "orders:read"); got != nil {
		t.Errorf("all allowed: %v", got)
	}
	if got := missing(b, "profile"); len(got) != 1 {
		t.Errorf("the other tenant's twin: %v", got)
	}
	var list page.Result[consents.Consent]
	in(t, d, a.id, func(ctx context.Context, tx db.Tx) (err error) {
		list, err = s.List(ctx, tx, a.user, page.Request{Size: 10})
		return err
	})
	if len(list.Items) != 1 || !slices.Equal(list.Items[0].Scopes, []string{"email", "orders:read", "profile"}) {
		t.Fatalf("list: %+v", list)
	}
	id := list.Items[0].ID
	for name, wrong := range map[string]error{
		"another person": s.Revoke(context.Background(), a.id, ids.NewUser(), id),
		"another tenant": s.Revoke(context.Background(), b.id, a.user, id),
	} {
		if !errors.Is(wrong, fault.ErrNotFound) {
			t.Errorf("%s takes it back: %v", name, wrong)
		}
	}
	if err := s.Revoke(context.Background(), a.id, a.user, id); err != nil || ended != 1 {
		t.Errorf("revoke: %v, ended %d", err, ended)
	}
	if got := missing(a, "profile"); len(got) != 1 {
		t.Errorf("asked again after it was taken back: %v", got)
	}
	var facts []string
	in(t, d, a.id, func(ctx context.Context, tx db.Tx) (err error) {
		facts, err = db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 ORDER BY id`, a.id)
		return err
	})
	if want := []string{"consent.granted", "consent.granted", "consent.revoked"}; !slices.Equal(facts, want) {
		t.Errorf("events %v", facts)
	}
	testkit.CheckPlans(t, d)
}

// TestDetailsAreRememberedAsAgreed: not a character more, in that organization, for that app; and not without end.
func TestDetailsAreRememberedAsAgreed(t *testing.T) {
	d, s, a, b := setup(t)
	other := addApp(t, d, a, "two")
	read := func(raw string) details.List {
		t.Helper()
		list, err := details.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	agreed := func(of tenant, app ids.App, raw string) (is bool) {
		in(t, d, of.id, func(ctx context.Context, tx db.Tx) (err error) {
			is, err = s.Agreed(ctx, tx, of.user, of.org, app, read(raw))
			return err
		})
		return is
	}
	grant := func(raw string, scopes ...string) {
		in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
			return s.GrantTx(ctx, tx, a.user, a.org, a.app, scopes, read(raw), nil)
		})
	}
	const one, two = `[{"type":"payment","amount":"1"}]`, `[{"type":"payment","amount":"1"},{"type":"ride"}]`
	if agreed(a, a.app, one) || !agreed(a, a.app, "") {
		t.Error("before any consent")
	}
	grant("", "email")
	if agreed(a, a.app, one) {
		t.Error("scopes are no details")
	}
	grant(one, "email")
	for name, c := range map[string]struct {
		of   tenant
		app  ids.App
		raw  string
		want bool
	}{
		"the same":             {a, a.app, one, true},
		"written otherwise":    {a, a.app, `[ {"amount":"1", "type":"payment"} ]`, true},
		"another amount":       {a, a.app, `[{"type":"payment","amount":"2"}]`, false},
		"a number":             {a, a.app, `[{"type":"payment","amount":1}]`, false},
		"less":                 {a, a.app, `[{"type":"payment"}]`, false},
		"one more":             {a, a.app, two, false},
		"another app":          {a, other, one, false},
		"another organization": {tenant{a.id, ids.NewOrg(), a.user, a.app}, a.app, one, false},
		"another person":       {tenant{a.id, a.org, ids.NewUser(), a.app}, a.app, one, false},
		"the other tenant":     {b, b.app, one, false},
	} {
		if got := agreed(c.of, c.app, c.raw); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	grant(two)
	if !agreed(a, a.app, two) {
		t.Error("grown")
	}
	for i := range 19 {
		grant(fmt.Sprintf(`[{"type":"payment","amount":"%d"}]`, 100+i))
	}
	if agreed(a, a.app, one) || !agreed(a, a.app, `[{"type":"payment","amount":"118"}]`) || !agreed(a, a.app, `[{"type":"ride"}]`) {
		t.Error("the oldest is forgotten, and it alone")
	}
	in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
		list, err := s.List(ctx, tx, a.user, page.Request{Size: 10})
		if len(list.Items) != 1 || len(list.Items[0].Details) != 20 || list.Items[0].Details[0] != `{"type":"ride"}` {
			t.Errorf("%+v", list.Items)
		}
		var types []string
		err = errors.Join(err, tx.QueryRow(ctx, `SELECT ARRAY(SELECT jsonb_array_elements_text(data->'authorization_details_types')) FROM events WHERE tenant_id = $1 AND data::text LIKE '%ride%'`, a.id).Scan(&types))
		if !slices.Equal(types, []string{"payment", "ride"}) {
			t.Errorf("the log says %v", types)
		}
		return err
	})
	testkit.CheckPlans(t, d)
}

func TestListIsPaged(t *testing.T) {
	d, s, a, _ := setup(t)
	for _, name := range []string{"two", "three"} {
		app := addApp(t, d, a, name)
		in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
			return s.GrantTx(ctx, tx, a.user, a.org, app, []string{"email"}, nil, nil)
		})
	}
	seen := map[ids.App]bool{}
	req := page.Request{Size: 1}
	for range 3 {
		in(t, d, a.id, func(ctx context.Context, tx db.Tx) error {
			got, err := s.List(ctx, tx, a.user, req)
			for _, c := range got.Items {
				seen[c.App] = true
			}
			req.After = got.Next
			return err
		})
		if req.After == nil {
			break
		}
	}
	if len(seen) != 2 {
		t.Errorf("saw %d of 2", len(seen))
	}
}
