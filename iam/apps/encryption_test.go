package apps_test

import (
	"reflect"
	"slices"
	"strings"
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

// TestEncryptionIsDescribed: the description of the API lists for each member of [apps.EncryptionPatch] what the server can do, and
// each lands in the member of [apps.Encryption] that has its name.
func TestEncryptionIsDescribed(t *testing.T) {
	b := setup(t)
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	set, _ := keySet(t, jose.ES256)
	delete(set.Keys[0], "alg")
	set.Keys[0]["use"] = "enc"
	algs := slices.DeleteFunc(jose.EncryptionAlgs(), func(alg string) bool { return !strings.HasPrefix(alg, "ECDH") })
	var patch apps.EncryptionPatch
	want := map[string]string{}
	members := reflect.TypeFor[apps.EncryptionPatch]()
	for i := range members.NumField() {
		member := members.Field(i)
		name, _, _ := strings.Cut(member.Tag.Get("json"), ",")
		able, value := jose.Encs(), jose.Encs()[i/2%len(jose.Encs())] // another for each
		if strings.HasSuffix(name, "_alg") {
			able, value = jose.EncryptionAlgs(), algs[i/2%len(algs)]
		}
		told := strings.Split(member.Tag.Get("enum"), ",")
		slices.Sort(able)
		slices.Sort(told)
		if !slices.Equal(told, append([]string{""}, able...)) {
			t.Errorf("%s: %q are described, and %q are there", name, told, able)
		}
		want[name] = value
		reflect.ValueOf(&patch).Elem().Field(i).Set(reflect.ValueOf(&value))
	}
	changed, err := b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, app.ID, 0, apps.UpdateAppOIDCRequest{JWKS: set, EncryptionPatch: patch})
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.ValueOf(changed.OIDC.Encryption)
	for i := range got.NumField() {
		name := got.Type().Field(i).Tag.Get("json")
		if got.Field(i).String() != want[name] {
			t.Errorf("%s is %s, not %s", name, got.Field(i), want[name])
		}
	}
	if len(want) != got.NumField() {
		t.Errorf("%d members can be changed, of %d", len(want), got.NumField())
	}
}
