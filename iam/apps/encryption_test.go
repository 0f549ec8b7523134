package apps_test

import (
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
)

// TestEncryptionOfAnApp: what an app is told is encrypted to a key that it has, and by what is safe.
func TestEncryptionOfAnApp(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	update := func(in apps.UpdateAppOIDCRequest) (apps.VersionedApp, error) {
		return b.apps.UpdateOIDC(ctx, tenant, org, app.ID, 0, in)
	}
	to := func(alg string) apps.UpdateAppOIDCRequest {
		return apps.UpdateAppOIDCRequest{EncryptionPatch: apps.EncryptionPatch{IDTokenEncryptionAlg: &alg}}
	}
	signing, _ := keySet(t, jose.ES256)
	set, _ := keySet(t, jose.ES256)
	delete(set.Keys[0], "alg")
	set.Keys[0]["use"] = "enc"
	agreement, wrapping, weak, none, enc, uri := "ECDH-ES", "RSA-OAEP-256", "RSA1_5", "", "A256GCM", "https://app.example.com/jwks.json"
	wrong := apps.UpdateAppOIDCRequest{JWKS: set, EncryptionPatch: apps.EncryptionPatch{UserinfoEncryptionEnc: &enc}}
	for name, in := range map[string]apps.UpdateAppOIDCRequest{"no key": to(agreement), "an enc alone": wrong, "padding that tells tales": to(weak)} {
		_, err := update(in)
		t.Log(name)
		wantCode(t, err, "request.invalid")
	}
	if _, err := update(apps.UpdateAppOIDCRequest{JWKS: signing}); err != nil {
		t.Fatal(err)
	}
	_, err := update(to(agreement))
	wantCode(t, err, "request.invalid") // its key is for signatures
	if _, err := update(apps.UpdateAppOIDCRequest{JWKS: set}); err != nil {
		t.Fatal(err)
	}
	_, err = update(to(wrapping))
	wantCode(t, err, "request.invalid") // its key is no RSA key
	changed, err := update(to(agreement))
	if err != nil || changed.OIDC.IDTokenEncryptionAlg != agreement || changed.OIDC.IDTokenEncryptionEnc != jose.DefaultEnc {
		t.Fatalf("%+v %v", changed.OIDC.Encryption, err)
	}
	client, err := b.apps.Client(ctx, tenant, app.ClientID)
	if err != nil || client.EncryptionKeys[agreement] == nil || len(client.Keys) != 0 {
		t.Errorf("%v %v %v", client.EncryptionKeys, client.Keys, err)
	}
	_, err = update(apps.UpdateAppOIDCRequest{JWKS: signing})
	wantCode(t, err, "request.invalid") // the key is needed
	if _, err := update(apps.UpdateAppOIDCRequest{JWKSURI: &uri}); err != nil {
		t.Errorf("keys elsewhere: %v", err)
	}
	if changed, err = update(to(none)); err != nil || changed.OIDC.Encryption != (apps.Encryption{}) {
		t.Errorf("%+v %v", changed.OIDC.Encryption, err)
	}
}
