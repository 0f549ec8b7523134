package oauth

import (
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/authz"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	orders := apps.ClientAPI{Identifier: "https://orders.example", Policy: apps.APIPolicyRBAC, Scopes: []string{"orders.read", "orders.write"}}
	status := apps.ClientAPI{Identifier: "https://status.example", Policy: "none", Scopes: []string{"status.read"}}
	manage := apps.ClientAPI{Identifier: authz.ManagementAPI, Policy: apps.APIPolicyRBAC, Scopes: []string{"users.read", "users.write"}}
	web := apps.Client{GrantTypes: []string{grantRefreshToken}, APIs: []apps.ClientAPI{orders, status}}
	console := apps.Client{Builtin: true, GrantTypes: []string{grantRefreshToken}, APIs: []apps.ClientAPI{manage}}
	for name, c := range map[string]struct {
		client                       apps.Client
		requested, held              string
		granted, effective, audience string
	}{
		"what roles give": {web, "openid orders.read orders.write", "orders.read", "openid orders.read orders.write", "openid orders.read", "https://orders.example"},
		"no roles needed": {web, "status.read", "", "status.read", "status.read", "https://status.example"},
		"two audiences":   {web, "status.read orders.write", "orders.write", "status.read orders.write", "status.read orders.write", "https://status.example https://orders.example"},
		"not authorized":  {web, "users.read grove account", "users.read", "", "", ""},
		"offline":         {web, "offline_access", "", "offline_access", "offline_access", ""},
		"the alias":       {console, "openid grove offline_access", "users.read orders.read", "openid users.read users.write account", "openid users.read account", authz.ManagementAPI},
		"the portal":      {console, "openid", "", "openid account", "openid account", authz.ManagementAPI},
	} {
		held := map[string]bool{}
		for _, s := range strings.Fields(c.held) {
			held[s] = true
		}
		granted := authorizedScopes(c.client, strings.Fields(c.requested))
		scopes, audience := effectiveScopes(c.client, granted, held, nil)
		if got := strings.Join(granted, " "); got != c.granted {
			t.Errorf("%s: granted %q, want %q", name, got, c.granted)
		}
		if got := strings.Join(scopes, " "); got != c.effective {
			t.Errorf("%s: effective %q, want %q", name, got, c.effective)
		}
		if got := strings.Join(audience, " "); got != c.audience {
			t.Errorf("%s: audience %q, want %q", name, got, c.audience)
		}
	}
}

func TestClientScopes(t *testing.T) {
	t.Parallel()
	client := apps.Client{APIs: []apps.ClientAPI{
		{Identifier: authz.ManagementAPI, Policy: apps.APIPolicyRBAC, Scopes: []string{"users.read", "users.write"}},
		{Identifier: "https://orders.example", Policy: apps.APIPolicyRBAC, Scopes: []string{"orders.read"}}}}
	for requested, want := range map[string]string{
		"":                             "users.read users.write orders.read|urn:grove:api https://orders.example",
		"grove":                        "users.read users.write|urn:grove:api",
		"orders.read openid profile":   "orders.read|https://orders.example",
		"account offline_access":       "|",
		"users.read nobody.knows.it":   "users.read|urn:grove:api",
		"orders.read grove users.read": "users.read users.write orders.read|urn:grove:api https://orders.example",
	} {
		scopes, audience := clientScopes(client, strings.Fields(requested), nil)
		if got := strings.Join(scopes, " ") + "|" + strings.Join(audience, " "); got != want {
			t.Errorf("%q: %q, want %q", requested, got, want)
		}
	}
}

// TestAttack05_OwnScopesAreReserved: no API has a scope by the name of one that means something here.
func TestAttack05_OwnScopesAreReserved(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{scopeAccount, scopeEmail, scopeGrove, scopeOfflineAccess, scopeOpenID, scopeProfile} {
		if !authz.IsReserved(scope) || !authz.IsReserved(strings.ToUpper(scope)) {
			t.Errorf("%s can be had by an API", scope)
		}
	}
}
