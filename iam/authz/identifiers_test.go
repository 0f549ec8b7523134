package authz_test

import (
	"context"
	"testing"

	"grove/iam/authz"
	"grove/infra/db"
)

// TestAttack05_NobodysAPIIsAnIssuer: what names the tenant to those who rely on its tokens names no organization's API, however
// it is spelled; what only looks like it does.
func TestAttack05_NobodysAPIIsAnIssuer(t *testing.T) {
	b := setup(t)
	b.authz.KeepClearOf(func(context.Context, db.Tx) ([]string, error) {
		return []string{"https://id.example/t", "https://login.vendor.example", "https://other.example:8443"}, nil
	})
	ctx, tenant := b.root(b.A), b.A.Tenant.ID
	for identifier, code := range map[string]string{
		"https://id.example/t/acme":             "request.invalid",
		"https://id.example/t/acme/":            "request.invalid",
		"https://id.example/t/acme/o/partner":   "request.invalid",
		"https://id.example/t/acme/v1":          "request.invalid",
		"https://id.example/t/umbra":            "request.invalid",
		"https://id.example/t":                  "request.invalid",
		"https://ID.example:443/t/acme":         "request.invalid",
		"https://id.example./t/acme":            "request.invalid",
		"HTTP://id.example/T/Acme":              "request.invalid",
		"https://id.example/%74/acme":           "request.invalid",
		"https://id.example/x/../t/acme":        "request.invalid",
		"https://id.example//t/./acme?x=1":      "request.invalid",
		"https://login.vendor.example":          "request.invalid",
		"https://login.vendor.example/":         "request.invalid",
		"https://login.vendor.example/o/x":      "request.invalid",
		"https://other.example:8443/api":        "request.invalid",
		"https://id.example":                    "",
		"https://id.example/tea":                "",
		"https://id.example/api/t/acme":         "",
		"https://api.login.vendor.example/":     "",
		"https://login.vendor.example.evil.tld": "",
		"https://other.example/api":             "",
		"urn:vendor:api":                        "",
	} {
		_, err := b.authz.CreateResource(ctx, tenant, b.A.Partner.ID, authz.CreateAPIResourceRequest{Identifier: identifier, Name: "x"})
		t.Log(identifier)
		wantCode(t, err, code)
	}
}
