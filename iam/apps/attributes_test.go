package apps_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

// TestAttributesOfApps: an app's lists hold claims of its organization, once each, and what its tokens have is on its list.
func TestAttributesOfApps(t *testing.T) {
	b := setup(t)
	claim := func(org ids.Org, name string) {
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO oidc_claims (tenant_id, id, org_id, name, attribute, type, display_name, self_service, created_at, updated_at)
				VALUES ($1, $2, $3, $4, 'attributes.' || $4, 'text', $4, false, $5, $5)`, tx.Tenant(), ids.NewOIDCClaim(), org, name, tx.Now())
			return err
		})
	}
	claim(b.A.Root.ID, "department")
	claim(b.A.Root.ID, "desk")
	claim(b.A.Root.ID, "connection")
	claim(b.A.Branch.ID, "below")
	app, _ := b.create(t, b.A, b.A.Root, apps.CreateAppRequest{Name: "Desks", Template: "web", RedirectURIs: []string{"https://desks.example/cb"}})
	of := func(claims ...string) *[]apps.RequestedAttribute {
		all := []apps.RequestedAttribute{}
		for _, name := range claims {
			all = append(all, apps.RequestedAttribute{Claim: name})
		}
		return &all
	}
	update := func(in apps.UpdateAppOIDCRequest) (apps.AppOIDC, error) {
		v, err := b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, b.A.Root.ID, app.ID, 0, in)
		return v.OIDC, err
	}
	for name, c := range map[string]struct {
		in      apps.UpdateAppOIDCRequest
		code    string
		pointer string
	}{
		"unknown":                  {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{RequestedAttributes: of("department", "nothing")}}, "app.claim_unknown", "/requested_attributes/1/claim"},
		"of an organization below": {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{RequestedAttributes: of("below")}}, "app.claim_unknown", "/requested_attributes/0/claim"},
		"twice":                    {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{RequestedAttributes: of("desk", "desk")}}, fault.CodeInvalid.Name, "/requested_attributes/1/claim"},
		"unknown in tokens":        {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{AccessTokenAttributes: &[]string{"nothing"}}}, "app.claim_unknown", "/access_token_attributes/0"},
		"not on the list":          {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{AccessTokenAttributes: &[]string{"desk"}, RequestedAttributes: of("department")}}, fault.CodeInvalid.Name, "/access_token_attributes/0"},
		"a claim of tokens":        {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{AccessTokenAttributes: &[]string{"Roles"}}}, fault.CodeInvalid.Name, "/access_token_attributes/0"},
		"an old one of tokens":     {apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{AccessTokenAttributes: &[]string{"connection"}}}, fault.CodeInvalid.Name, "/access_token_attributes/0"},
	} {
		t.Log(name)
		_, err := update(c.in)
		wantCode(t, err, c.code)
		if f := (*fault.Error)(nil); !errors.As(err, &f) || len(f.Fields) != 1 || f.Fields[0].Pointer != c.pointer {
			t.Errorf("%s: %+v", name, err)
		}
	}
	if v := b.client(t, b.A, app.OIDC.ClientID); v.ByAttribute() || len(v.RequestedAttributes) > 0 || !v.Requests("anything") || v.Mandatory("department") {
		t.Errorf("refused, and yet: %+v", v.RequestedAttributes)
	}
	if v, err := update(apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{AccessTokenAttributes: &[]string{"department"}}}); err != nil || v.AttributesAsked || !v.Mandatory("department") {
		t.Errorf("in tokens alone: %+v %v", v.Settings, err)
	}
	if _, err := update(apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{RequestedAttributes: of("desk")}}); err == nil {
		t.Error("a list without what is in tokens")
	}
	v, err := update(apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{RequestedAttributes: &[]apps.RequestedAttribute{{Claim: "department", Mandatory: true}, {Claim: "desk"}}}})
	if err != nil || !v.AttributesAsked || !v.Mandatory("department") || v.Mandatory("desk") || !v.Requests("desk") || v.Requests("email") {
		t.Errorf("a list: %+v %v", v.Settings, err)
	}
	if v, err = update(apps.UpdateAppOIDCRequest{AttributesPatch: apps.AttributesPatch{RequestedAttributes: of()}}); err != nil || !v.AttributesAsked || !v.Requests("email") || v.RequestedAttributes == nil || !slices.Equal(v.AccessTokenAttributes, []string{"department"}) {
		t.Errorf("emptied: %+v %v", v.Settings, err)
	}
}
