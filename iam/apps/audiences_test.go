package apps_test

import (
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/kernel/ids"
)

// TestAttack20_IDTokenAudiences: nobody's app is issued ID tokens that another organization's app takes for its own.
func TestAttack20_IDTokenAudiences(t *testing.T) {
	b := setup(t)
	redirect := []string{"https://app.example.com/cb"}
	made := func(name, org string) apps.VersionedApp {
		owner := b.A.Partner
		if org == "root" {
			owner = b.A.Root
		}
		app, _ := b.create(t, b.A, owner, apps.CreateAppRequest{Name: name, Template: "web", RedirectURIs: redirect})
		return app
	}
	app, beside, above := made("app", ""), made("beside", ""), made("above", "root")
	const api, others = "https://api.example.com", "https://others.example.com"
	for identifier, owner := range map[string]ids.Org{api: b.A.Partner.ID, others: b.A.Root.ID} {
		if _, err := b.authz.CreateResource(all(b.A), b.A.Tenant.ID, owner, authz.CreateAPIResourceRequest{Identifier: identifier, Name: identifier}); err != nil {
			t.Fatal(err)
		}
	}
	update := func(in apps.UpdateAppOIDCRequest) (apps.VersionedApp, error) {
		return b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, app.ID, 0, in)
	}
	to := func(names ...string) apps.UpdateAppOIDCRequest {
		return apps.UpdateAppOIDCRequest{TokenPatch: apps.TokenPatch{IDTokenAudiences: &names}}
	}
	for _, name := range []string{above.ClientID, others, "console", authz.ManagementAPI, app.ClientID, "nobody", "https://nobody.example", ""} {
		_, err := update(to(beside.ClientID, name))
		t.Log(name)
		wantCode(t, err, "app.resource_unknown")
	}
	got, err := update(to(beside.ClientID, api))
	if err != nil || !slices.Equal(got.OIDC.IDTokenAudiences, []string{beside.ClientID, api}) {
		t.Fatalf("%+v %v", got.OIDC.IDTokenAudiences, err)
	}
	if c := b.client(t, b.A, app.ClientID); !slices.Equal(c.IDTokenAudiences, []string{beside.ClientID, api}) {
		t.Errorf("%v", c.IDTokenAudiences)
	}
	yes, profile, method, keys := true, apps.ProfileFAPI2, apps.AuthPrivateKeyJWT, "https://app.example.com/jwks.json"
	held := apps.UpdateAppOIDCRequest{Profile: &profile, AuthMethod: &method, JWKSURI: &keys, DPoPBound: &yes, RequirePushed: &yes}
	_, err = update(held)
	wantCode(t, err, "request.invalid")
	held.IDTokenAudiences = &[]string{}
	if _, err := update(held); err != nil {
		t.Error(err)
	}
}
