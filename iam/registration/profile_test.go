package registration_test

import (
	"net/http"
	"testing"
)

func signing() map[string]any {
	return map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
		"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}}} // RFC 7517, appendix A.1
}

// TestAttack20_RegisteredUnderProfile: where apps that register themselves are held to a profile, a new one gets what the profile asks
// for or is refused, and one that is held to less is out until it registers anew.
func TestAttack20_RegisteredUnderProfile(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	weak := v.register("", agent(nil)).Text("client_id")
	tokens := v.Tokens(v.A, v.person(weak, "", "north"))
	keyed := agent(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": signing()})
	before := v.register("", keyed)
	if weak == "" || tokens.Text("refresh_token") == "" || before.StatusCode != http.StatusCreated {
		t.Fatalf("%q %s %s", weak, tokens.Raw, before.Raw)
	}
	v.policy("root", map[string]any{"dynamic_registration": "open", "registration_profile": "fapi2_security"})
	if r := v.refresh(weak, tokens.Text("refresh_token")); r.StatusCode != http.StatusBadRequest || r.Code() != "invalid_grant" {
		t.Errorf("an app without the profile goes on: %d %s", r.StatusCode, r.Raw)
	}
	for name, metadata := range map[string]map[string]any{
		"public":           agent(nil),
		"by secret":        agent(map[string]any{"token_endpoint_auth_method": "client_secret_basic"}),
		"keys left out":    agent(map[string]any{"token_endpoint_auth_method": "private_key_jwt"}),
		"a device":         agent(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": signing(), "grant_types": []string{"urn:ietf:params:oauth:grant-type:device_code"}, "response_types": []string{}}),
		"another response": agent(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": signing(), "grant_types": []string{"authorization_code", "implicit"}, "response_types": []string{"code id_token"}}),
		"weak signatures":  agent(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": signing(), "id_token_signed_response_alg": "RS256"}),
	} {
		if r := v.register("", metadata); r.StatusCode != http.StatusBadRequest || r.Code() != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	held := func(what string, told map[string]any, id, profile string) {
		t.Helper()
		for name, want := range map[string]any{"token_endpoint_auth_method": "private_key_jwt", "dpop_bound_access_tokens": true, "require_pushed_authorization_requests": true} {
			if told[name] != want {
				t.Errorf("%s is told that %s is %v", what, name, told[name])
			}
		}
		app := v.appOf(id)
		if got := v.must("GET", "/orgs/root/apps/"+app["id"].(string)+"/oidc", nil); got["profile"] != profile {
			t.Errorf("%s is held to %v", what, got["profile"])
		}
	}
	delete(keyed, "token_endpoint_auth_method") // the one that the profile wants most
	fresh := v.register("", keyed)
	if fresh.StatusCode != http.StatusCreated || fresh.Text("id_token_signed_response_alg") != "ES256" {
		t.Fatalf("%d %s", fresh.StatusCode, fresh.Raw)
	}
	held("a new app", fresh.JSON, fresh.Text("client_id"), "fapi2_security")
	keyed["client_id"] = before.Text("client_id")
	again := v.manageAt("PUT", before.Text("registration_client_uri"), before.Text("registration_access_token"), keyed)
	if again.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", again.StatusCode, again.Raw)
	}
	held("an app that registers anew", again.JSON, before.Text("client_id"), "fapi2_security")
	// What an administrator asks of an app beyond that stays.
	path := "/orgs/root/apps/" + v.appOf(before.Text("client_id"))["id"].(string) + "/oidc"
	v.must("PATCH", path, map[string]any{"profile": "fapi2_message_signing", "require_signed_request_object": true})
	if r := v.manageAt("PUT", before.Text("registration_client_uri"), before.Text("registration_access_token"), keyed); r.StatusCode != http.StatusOK {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
	held("an app that is held to more", again.JSON, before.Text("client_id"), "fapi2_message_signing")
	// Below, more may be asked for, not less.
	for profile, status := range map[string]int{"none": http.StatusUnprocessableEntity, "fapi1_advanced": http.StatusUnprocessableEntity, "fapi2_message_signing": http.StatusOK} {
		if r := v.API(v.A, v.manage, "PATCH", "/orgs/north/settings/client_registration", map[string]any{"registration_profile": profile}); r.StatusCode != status {
			t.Errorf("%s below: %d %s", profile, r.StatusCode, r.Raw)
		}
	}
	v.policy("root", map[string]any{"registration_profile": "none"})
	if r := v.register("", agent(nil)); r.StatusCode != http.StatusCreated {
		t.Errorf("without a profile: %d %s", r.StatusCode, r.Raw)
	}
}

// TestRegisterByCertificate: what RFC 8705 has for registration.
func TestRegisterByCertificate(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	made := v.register("", agent(map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "client.example.com", "tls_client_certificate_bound_access_tokens": true}))
	if made.StatusCode != http.StatusCreated || made.Text("tls_client_auth_san_dns") != "client.example.com" || made.JSON["tls_client_certificate_bound_access_tokens"] != true || made.Text("client_secret") != "" {
		t.Errorf("%d %s", made.StatusCode, made.Raw)
	}
	own := v.register("", agent(map[string]any{"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": signing()}))
	if own.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", own.StatusCode, own.Raw)
	}
	for name, metadata := range map[string]map[string]any{
		"no name":   agent(map[string]any{"token_endpoint_auth_method": "tls_client_auth"}),
		"two names": agent(map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example", "tls_client_auth_san_uri": "spiffe://a.example/x"}),
		"no keys":   agent(map[string]any{"token_endpoint_auth_method": "self_signed_tls_client_auth"}),
	} {
		if r := v.register("", metadata); r.StatusCode != http.StatusBadRequest || r.Code() != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
}

// TestRegisteredWithoutPKCE: libraries that are older than RFC 9700 may leave PKCE out where the organization says so, if they keep a
// secret, and nobody may before.
func TestRegisteredWithoutPKCE(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "open"})
	optional := func(metadata map[string]any) bool {
		t.Helper()
		made := v.register("", agent(metadata))
		if made.StatusCode != 201 {
			t.Fatalf("%d %s", made.StatusCode, made.Raw)
		}
		return v.must("GET", "/orgs/root/apps/"+v.appOf(made.Text("client_id"))["id"].(string)+"/oidc", nil)["pkce_optional"].(bool)
	}
	secret := map[string]any{"token_endpoint_auth_method": "client_secret_basic"}
	if optional(secret) {
		t.Error("without the setting")
	}
	v.policy("root", map[string]any{"pkce_optional": true})
	if !optional(secret) {
		t.Error("with the setting")
	}
	if optional(nil) {
		t.Error("a public app")
	}
	v.policy("root", map[string]any{"registration_profile": "fapi1_advanced"})
	if optional(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://agent.example/jwks.json"}) {
		t.Error("under a profile")
	}
}
