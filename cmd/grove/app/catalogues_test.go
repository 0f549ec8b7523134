package app_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"grove/cmd/grove/app"
)

// TestAppSettingsAreDescribed: the reference of apps' settings has each of them once, with a default, values and what it does.
func TestAppSettingsAreDescribed(t *testing.T) {
	t.Parallel()
	api := app.Describe("test")
	var page bytes.Buffer
	if err := app.WriteAppSettings(&page, api); err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| `+"`([a-z_]+)`"+` \| (.+) \| (.*) \| (.+) \|$`).FindAllStringSubmatch(page.String(), -1) {
		rows[row[1]] = row[2:]
	}
	settings := api.OpenAPI().Components.Schemas.Map()["UpdateAppOIDCRequest"].Properties
	if len(settings) < 40 {
		t.Fatalf("%d settings", len(settings))
	}
	for name := range settings {
		row := rows[name]
		if len(row) != 3 || len(row[2]) < 15 || (row[1] == "") != (name == "jwks") {
			t.Errorf("%s: %q", name, row)
		}
	}
	for name, want := range map[string]string{"access_token_format": "jwt", "grant_types": "authorization_code, organization_switch, refresh_token", "pkce_optional": "no", "profile": "none"} {
		if row := rows[name]; len(row) != 3 || row[0] != want {
			t.Errorf("%s starts with %q, not with %s", name, row, want)
		}
	}
	if !strings.Contains(page.String(), "| `m2m` | confidential | `grant_types` client_credentials |") {
		t.Error("what a template starts with is not told")
	}
}
