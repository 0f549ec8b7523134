package oauth_test

import (
	"net/http"
	"net/url"
	"testing"

	"grove/iam/apps"
	"grove/infra/jose"
)

// TestFAPI1WithoutPKCE: FAPI 1.0 asks for PKCE in pushed requests (Part 2, section 5.2.2, item 18). In signed ones that a browser brings an
// app may leave it out where its setting says so.
func TestFAPI1WithoutPKCE(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	h := w.held("web", apps.ProfileFAPI1, jose.ES256)
	none := any(nil)
	bare := map[string]any{"code_challenge": none, "code_challenge_method": none}
	if code, failure, signed := h.outcome(h.asks(bare)); code != "" || failure != "invalid_request" || !signed {
		t.Errorf("without the setting: %q %q", code, failure)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.PKCEOptional = true })
	code, failure, _ := h.outcome(h.asks(bare))
	form := w.redemption(w.a, "web", code)
	form.Del("code_verifier")
	if got := h.grant(form); got.StatusCode != http.StatusOK {
		t.Fatalf("%q %q: %d %s", code, failure, got.StatusCode, got.raw)
	}
	// A challenge that was sent is still asked for, and by S256.
	code, _, _ = h.outcome(h.asks(nil))
	form = w.redemption(w.a, "web", code)
	form.Del("code_verifier")
	if got := h.grant(form); got.text("error") != "invalid_grant" {
		t.Errorf("a code with a challenge, without a verifier: %d %s", got.StatusCode, got.raw)
	}
	bare["nbf"], bare["response_mode"] = w.Clock.Now().Unix(), "jwt"
	object := url.Values{"request": {h.object("oauth-authz-req+jwt", h.asserting.key, bare)}, "client_id": {h.id}}
	if got := h.holder.send("POST", "/oauth2/par", h.authentic(object)); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_request" {
		t.Errorf("pushed: %d %s", got.StatusCode, got.raw)
	}
}

// TestInteractionID: an answer of userinfo says which exchange it belongs to (FAPI 1.0 Part 1, section 6.2.1).
func TestInteractionID(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const header, id = "X-Fapi-Interaction-Id", "5b0b1f4a-8f0e-4f6e-9d5c-1f0b7a3b8a11"
	tokens := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", w.code(w.a, "web")))
	ask := func(sent string) string {
		return w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+tokens.text("access_token"), header, sent).Header.Get(header)
	}
	if got := []string{ask(id), ask("<script>"), ask("")}; got[0] != id || got[1] != "" || got[2] != "" {
		t.Errorf("%q", got)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.Profile = apps.ProfileFAPI1 })
	if got := []string{ask(id), ask("<script>"), ask("")}; got[0] != id || len(got[1]) != len(id) || len(got[2]) != len(id) || got[1] == got[2] {
		t.Errorf("FAPI 1.0: %q", got)
	}
}

// TestFAPI1RefusedObject: where an app reads signed responses alone it is told by one what is wrong with its request object, in which its
// response mode is.
func TestFAPI1RefusedObject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	h := w.held("web", apps.ProfileFAPI1, jose.ES256)
	for name, changes := range map[string]map[string]any{"over": {"exp": w.Clock.Now().Unix() - 3600}, "for somebody else": {"aud": "https://other.example"}, "no nbf": {}} {
		q := request("web", "response_mode", "")
		q.Set("request", h.object("oauth-authz-req+jwt", h.asserting.key, changes))
		code, failure, signed := h.outcome(w.send(w.a, "GET", "/oauth2/authorize?"+q.Encode(), nil))
		if code != "" || failure != "invalid_request_object" || !signed {
			t.Errorf("%s: %q %q, signed %v", name, code, failure, signed)
		}
	}
}
