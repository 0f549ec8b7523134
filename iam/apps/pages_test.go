package apps_test

import (
	"testing"

	"grove/iam/apps"
)

// TestPagesOfAnApp: people are sent to pages that a browser can open safely, and whoever may change an app may name them.
func TestPagesOfAnApp(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	update := func(policy, terms string) (apps.VersionedApp, error) {
		return b.apps.UpdateOIDC(ctx, tenant, org, app.ID, 0, apps.UpdateAppOIDCRequest{PagesPatch: apps.PagesPatch{PolicyURI: &policy, TosURI: &terms}})
	}
	const policy, terms = "https://app.example.com/privacy?lang=en", "https://app.example.com/terms"
	changed, err := update(policy, terms)
	if err != nil || changed.OIDC.Pages != (apps.Pages{PolicyURI: policy, TosURI: terms}) {
		t.Fatalf("%+v %v", changed.OIDC.Pages, err)
	}
	for _, bad := range []string{"javascript:alert(1)", "http://app.example.com/", "//app.example.com/", "https://jo:secret@app.example.com/", "privacy"} {
		_, err := update(bad, terms)
		wantCode(t, err, "request.invalid")
		_, err = update(policy, bad)
		wantCode(t, err, "request.invalid")
	}
	client, err := b.apps.Client(ctx, tenant, app.ClientID)
	if err != nil || client.PolicyURI != policy || client.TosURI != terms {
		t.Errorf("%q %q %v", client.PolicyURI, client.TosURI, err)
	}
	if changed, err = update("", ""); err != nil || changed.OIDC.Pages != (apps.Pages{}) {
		t.Errorf("%+v %v", changed.OIDC.Pages, err)
	}
}
