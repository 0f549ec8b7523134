package registration_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
)

// TestRegisterCIBA: an app registers for backchannel authentication by the members of OpenID Connect CIBA Core 1.0, section 4, is answered
// what it has, and may ask then; what the server does not offer, or does not hold together, is refused.
func TestRegisterCIBA(t *testing.T) {
	v := setup(t)
	v.policy("root", map[string]any{"dynamic_registration": "token"})
	const ciba = "urn:openid:params:grant-type:ciba"
	initial := v.initial("root", map[string]any{"uses": 20})
	asks := func(more map[string]any) map[string]any {
		body := agent(map[string]any{"token_endpoint_auth_method": "client_secret_post", "grant_types": []string{"authorization_code", "refresh_token", ciba}})
		for name, value := range more {
			body[name] = value
		}
		return body
	}
	poll := v.register(initial, asks(nil))
	if poll.StatusCode != http.StatusCreated || poll.JSON["backchannel_token_delivery_mode"] != "poll" {
		t.Fatalf("poll: %d %s", poll.StatusCode, poll.Raw)
	}
	form := url.Values{"client_id": {poll.Text("client_id")}, "client_secret": {poll.Text("client_secret")}, "scope": {"openid"}, "login_hint": {"nobody@north.example"}}
	if got := v.Do(v.Client(), "POST", v.A.Base+"/oauth2/bc-authorize", form); got.StatusCode != http.StatusOK || got.Text("auth_req_id") == "" {
		t.Errorf("it may not ask: %d %s", got.StatusCode, got.Raw)
	}
	ping := map[string]any{"backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": "https://agent.example/ciba", "backchannel_authentication_request_signing_alg": "ES256",
		"jwks_uri": "https://agent.example/jwks.json", "backchannel_user_code_parameter": false}
	made := v.register(initial, asks(ping))
	if made.StatusCode != http.StatusCreated {
		t.Fatalf("ping: %d %s", made.StatusCode, made.Raw)
	}
	for name, want := range ping {
		if got := made.JSON[name]; name != "backchannel_user_code_parameter" && !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v", name, got)
		}
	}
	settings := v.must("GET", "/orgs/root/apps/"+v.appOf(made.Text("client_id"))["id"].(string)+"/oidc", nil)
	for _, name := range []string{"backchannel_token_delivery_mode", "backchannel_client_notification_endpoint", "backchannel_authentication_request_signing_alg"} {
		if settings[name] != ping[name] {
			t.Errorf("the app's %s is %v", name, settings[name])
		}
	}
	without := v.register(initial, agent(map[string]any{"token_endpoint_auth_method": "client_secret_post"}))
	if _, has := without.JSON["backchannel_token_delivery_mode"]; has || without.StatusCode != http.StatusCreated {
		t.Errorf("an app without the grant is told of it: %s", without.Raw)
	}
	for name, body := range map[string]map[string]any{
		"push":                  asks(map[string]any{"backchannel_token_delivery_mode": "push", "backchannel_client_notification_endpoint": "https://agent.example/ciba"}),
		"ping to nowhere":       asks(map[string]any{"backchannel_token_delivery_mode": "ping"}),
		"ping over http":        asks(map[string]any{"backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": "http://agent.example/ciba"}),
		"user codes":            asks(map[string]any{"backchannel_user_code_parameter": true}),
		"an algorithm of ours":  asks(map[string]any{"backchannel_authentication_request_signing_alg": "none", "jwks_uri": "https://agent.example/jwks.json"}),
		"signed without a key":  asks(map[string]any{"backchannel_authentication_request_signing_alg": "ES256"}),
		"a client with nothing": asks(map[string]any{"token_endpoint_auth_method": "none"}),
	} {
		if got := v.register(initial, body); got.StatusCode != http.StatusBadRequest || got.Text("error") != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
	}
	if got := v.register("", asks(nil)); got.StatusCode == http.StatusCreated {
		t.Error("without a token")
	}
}
