package apps_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/infra/testkit/treekit"
)

// sealer gives each tenant a key.
type sealer map[ids.Tenant]*secrets.DataKey

func (s sealer) DataKey(_ context.Context, tenant ids.Tenant) (*secrets.DataKey, error) {
	return s[tenant], nil
}

func (sealer) EnsureTx(context.Context, db.Tx, ...string) error { return nil }

// TestSealedSecrets: the secret itself is kept for apps that sign with it, sealed, and for nobody else.
func TestSealedSecrets(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	root, err := secrets.NewRoot(bytes.Repeat([]byte{7}, secrets.KeySize))
	wantCode(t, err, "")
	key, _ := root.NewDataKey("test")
	other, _ := root.NewDataKey("other")
	app, plain := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	method, basic, hs256, es256 := apps.AuthSecretJWT, apps.AuthBasic, "HS256", "ES256"
	update := func(in apps.UpdateAppOIDCRequest) error {
		_, err := b.apps.UpdateOIDC(ctx, tenant, org, app.ID, 0, in)
		return err
	}
	wantCode(t, update(apps.UpdateAppOIDCRequest{AuthMethod: &method}), "request.invalid") // nothing to seal with
	keys := sealer{tenant: key, b.B.Tenant.ID: other}
	b.apps.WithKeys(keys)
	wantCode(t, update(apps.UpdateAppOIDCRequest{AuthSigningAlg: &hs256}), "request.invalid")
	wantCode(t, update(apps.UpdateAppOIDCRequest{AuthMethod: &method, AuthSigningAlg: &es256}), "request.invalid")
	wantCode(t, update(apps.UpdateAppOIDCRequest{AuthMethod: &method, AuthSigningAlg: &hs256}), "")
	have := func() (open []string) {
		t.Helper()
		all, err := b.apps.HMACKeys(ctx, tenant, b.client(t, b.A, app.ClientID))
		wantCode(t, err, "")
		for _, one := range all {
			open = append(open, string(one))
		}
		return open
	}
	if got := have(); len(got) != 0 {
		t.Errorf("a secret from before can be had: %d", len(got))
	}
	soon := b.Clock.Now().Add(time.Hour)
	first, err := b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{ExpiresAt: &soon})
	wantCode(t, err, "")
	second, err := b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{})
	wantCode(t, err, "")
	if got := have(); len(got) != 2 || got[0] != first.ClientSecret || got[1] != second.ClientSecret {
		t.Errorf("%d secrets overlap", len(got))
	}
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		var rows string
		err := tx.QueryRow(ctx, `SELECT string_agg(s::text, ' ') FROM app_secrets s WHERE tenant_id = $1`, tx.Tenant()).Scan(&rows)
		for _, secret := range []string{plain, first.ClientSecret, second.ClientSecret} {
			if strings.Contains(rows, secret) || strings.Contains(rows, strings.TrimPrefix(secret, "grv_cs")) {
				t.Error("a secret lies in the clear")
			}
		}
		return err
	})
	// A sealed secret opens in its own row, under its own tenant's key.
	moved := b.client(t, b.A, app.ClientID)
	moved.SecretHashes = append([]apps.SecretHash{}, moved.SecretHashes...)
	last := len(moved.SecretHashes) - 1
	moved.SecretHashes[last].Sealed = moved.SecretHashes[last-1].Sealed
	if _, err := b.apps.HMACKeys(ctx, tenant, moved); err == nil {
		t.Error("a secret opens in another's row")
	}
	if _, err := b.apps.HMACKeys(ctx, b.B.Tenant.ID, b.client(t, b.A, app.ClientID)); err == nil {
		t.Error("a secret opens under another tenant's key")
	}
	b.Clock.Advance(2 * time.Hour)
	if got := have(); len(got) != 1 || got[0] != second.ClientSecret {
		t.Errorf("after one expired: %d", len(got))
	}
	wantCode(t, b.apps.RevokeSecret(ctx, tenant, org, app.ID, second.ID), "")
	if got := have(); len(got) != 0 {
		t.Error("a secret that was taken away")
	}
	_, err = b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{})
	wantCode(t, err, "")
	empty := ""
	wantCode(t, update(apps.UpdateAppOIDCRequest{AuthMethod: &basic, AuthSigningAlg: &empty}), "")
	wantCode(t, update(apps.UpdateAppOIDCRequest{AuthMethod: &method}), "")
	if got := have(); len(got) != 0 {
		t.Error("secrets stay sealed for an app that does not sign with them")
	}
	fapi := apps.ProfileFAPI2
	wantCode(t, update(apps.UpdateAppOIDCRequest{Profile: &fapi}), "request.invalid")
}
