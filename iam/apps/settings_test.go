package apps_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

// TestSettingsAreMigrated: apps of all tenants keep what they had when the settings became one document.
func TestSettingsAreMigrated(t *testing.T) {
	ctx := context.Background()
	const created = "20261123T093300_apps_create.sql"
	raw, err := os.ReadFile("migrations/" + created)
	if err != nil {
		t.Fatal(err)
	}
	below := treekit.Migrations(t, "iam/users", "iam/groups", "orgs/members", "iam/authz")
	d := testkit.New(t, append(below, fs.FS(fstest.MapFS{created: {Data: raw}})), "old", nil)
	pair := treekit.Plant(t, d)
	conn, err := pgx.Connect(ctx, d.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, tree := range []treekit.Tree{pair.A, pair.B} {
		if _, err := conn.Exec(ctx, `INSERT INTO grove.apps (tenant_id, id, org_id, client_id, name, name_key, template, client_type, skip_consent,
			redirect_uris, post_logout_redirect_uris, grant_types, access_token_seconds, refresh_token_seconds, id_token_alg, created_at, updated_at)
			VALUES ($1, gen_random_uuid(), $2, 'c', 'n', 'n', 'web', 'confidential', true, '{https://a.example/cb,https://b.example/cb}', '{}', '{authorization_code}',
			60, 120, 'PS256', now(), now())`, tree.Tenant.ID.UUID(), tree.Root.ID.UUID()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Migrate(ctx, d.Super, append(below, apps.Migrations())); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, `SELECT oidc FROM grove.apps`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[apps.Settings])
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	want := apps.Settings{AccessTokenSeconds: 60, IDTokenAlg: "PS256", PostLogoutRedirectURIs: []string{}, RefreshTokenSeconds: 120,
		RedirectURIs: []string{"https://a.example/cb", "https://b.example/cb"}, SkipConsent: true, UserClaimsInIDToken: true}
	for _, s := range all {
		if got, want := text(t, s), text(t, want); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	var forced bool
	if err := conn.QueryRow(ctx, `SELECT relforcerowsecurity FROM pg_class WHERE oid = 'grove.apps'::regclass`).Scan(&forced); err != nil || !forced {
		t.Errorf("the rows are not hidden from their owner any more: %v", err)
	}
}

// TestAttack36_EndpointsHaveNoFragment: what is behind # is not sent, so that what is registered would not be what is asked.
func TestAttack36_EndpointsHaveNoFragment(t *testing.T) {
	b := setup(t)
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	for uri, code := range map[string]string{"https://a.example/x#f": "request.invalid", "https://a.example/x#": "request.invalid", "https://a.example/x?y=1": ""} {
		for _, in := range []apps.UpdateAppOIDCRequest{{BackchannelLogoutURI: &uri}, {JWKSURI: &uri}} {
			_, err := b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, app.ID, 0, in)
			t.Log(uri)
			wantCode(t, err, code)
		}
	}
	// What is only opened by a browser may have one.
	page := "https://a.example/#/home"
	_, err := b.apps.Update(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, app.ID, 0, apps.UpdateAppRequest{AccessURL: &page})
	wantCode(t, err, "")
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
