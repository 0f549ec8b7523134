package oauth_test

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/authn"
)

// fragment reads what an answer sends the browser behind the #, where no server sees it.
func (w *world) fragment(a answer) url.Values {
	w.t.Helper()
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.StatusCode != http.StatusSeeOther || to.Query().Has("error") || to.Query().Has("code") || to.Query().Has("state") {
		w.t.Fatalf("no answer in the fragment: %d %s %s", a.StatusCode, to, a.raw)
	}
	values, err := url.ParseQuery(to.EscapedFragment())
	if err != nil {
		w.t.Fatal(err)
	}
	return values
}

// half is at_hash and c_hash for ES256.
func half(s string) string { sum := sha256.Sum256([]byte(s)); return b64(sum[:16]) }

func (w *world) allowTypes(client string, types ...string) {
	w.change(w.a, client, func(c *apps.Client) { c.ResponseTypes = append([]string{"code"}, types...) })
}

// TestResponseTypes: each type brings what it names and no more, in the fragment, and the ID token vouches for what goes with it.
func TestResponseTypes(t *testing.T) {
	w := setup(t)
	w.allowTypes("web", apps.Registrable...) // of the others see TestImpersonation
	for _, types := range append(slices.Clone(apps.Registrable), "token id_token code", "id_token code") {
		if types == "code" {
			continue
		}
		has := func(what string) bool { return strings.Contains(" "+types+" ", " "+what+" ") }
		q := request("web", "response_type", types, "scope", "openid profile orders.read offline_access")
		if !has("code") {
			q.Del("code_challenge")
			q.Del("code_challenge_method")
		}
		got := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+q.Encode(), nil))
		if got.Get("state") != "s t&a=t#e" || got.Get("iss") != w.a.Base || got.Has("refresh_token") {
			t.Errorf("%s: %v", types, got)
		}
		for parameter, wanted := range map[string]bool{"code": has("code"), "access_token": has("token"), "token_type": has("token"), "expires_in": has("token"), "id_token": has("id_token")} {
			if got.Has(parameter) != wanted {
				t.Errorf("%s: %s is there: %t", types, parameter, !wanted)
			}
		}
		if has("token") && (!w.active(w.a, got.Get("access_token")) || got.Get("token_type") != "Bearer" || strings.Contains(got.Get("scope"), "offline_access") != has("code")) {
			t.Errorf("%s: %v", types, got)
		}
		if has("id_token") {
			c := w.claimsOf(got.Get("id_token"))
			for name, want := range map[string]string{"nonce": "n", "s_hash": half("s t&a=t#e"), "at_hash": half(got.Get("access_token")), "c_hash": half(got.Get("code"))} {
				if name == "at_hash" && !has("token") || name == "c_hash" && !has("code") {
					want = ""
				}
				if have, _ := c.Text(name); have != want {
					t.Errorf("%s: %s is %q, not %q", types, name, have, want)
				}
			}
			if name, _ := c.Text("given_name"); c.Subject != w.a.user.String() || (name == "Ada") != (types == "id_token") {
				t.Errorf("%s: %+v", types, c)
			}
		}
		if has("code") {
			redeemed := w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", got.Get("code")))
			c := w.claimsOf(redeemed.text("id_token"))
			if _, there := c.Get("c_hash"); redeemed.StatusCode != http.StatusOK || redeemed.text("refresh_token") == "" || there {
				t.Errorf("%s: %d %s", types, redeemed.StatusCode, redeemed.raw)
			}
		}
	}
	posted := w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "code id_token", "response_mode", "form_post").Encode(), nil)
	if !strings.Contains(posted.raw, `name="id_token"`) || !strings.Contains(posted.raw, `name="code"`) {
		t.Errorf("form_post: %s", posted.raw)
	}
	signed := w.signed(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "code id_token", "response_mode", "jwt").Encode(), nil), "ES256")
	if token, _ := signed.Text("id_token"); w.claimsOf(token).Subject != w.a.user.String() {
		t.Errorf("signed: %+v", signed)
	}
	if at := w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "code id_token", "response_mode", "jwt").Encode(), nil).Header.Get("Location"); !strings.Contains(at, "#response=") {
		t.Errorf("the usual mode of a signed answer with a token is not the fragment: %s", at)
	}
}

// TestAttack15_ResponseTypes: no token travels through the browser that an administrator has not allowed, nor in a query.
func TestAttack15_ResponseTypes(t *testing.T) {
	w := setup(t)
	for _, types := range apps.ResponseTypes[1:] {
		got := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", types).Encode(), nil))
		if got.Get("error") != "unauthorized_client" || got.Has("code") || got.Has("access_token") || got.Has("id_token") {
			t.Errorf("%s: %v", types, got)
		}
	}
	w.allowTypes("web", apps.ResponseTypes[1:]...)
	for name, changes := range map[string][]string{
		"no nonce":         {"nonce", ""},
		"not openid":       {"scope", "profile orders.read"},
		"no challenge":     {"code_challenge", ""},
		"into the query":   {"response_mode", "query"},
		"into it, signed":  {"response_mode", "query.jwt"},
		"an unknown mode":  {"response_mode", "web_message"},
		"nobody signed in": nil,
	} {
		if changes == nil {
			w.person = func(authn.Request) authn.Outcome { return authn.Outcome{Error: "login_required"} }
			changes = []string{"prompt", "none"}
		}
		got := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", append([]string{"response_type", "code id_token token"}, changes...)...).Encode(), nil))
		if got.Get("error") == "" || got.Has("code") || got.Has("access_token") || got.Has("id_token") || got.Get("state") != "s t&a=t#e" {
			t.Errorf("%s: %v", name, got)
		}
		w.person = func(authn.Request) authn.Outcome { return w.signedIn(w.a, w.a.north) }
	}
	w.change(w.a, "web", func(c *apps.Client) { c.DPoPBound = true })
	if got := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "code token").Encode(), nil)); got.Get("error") != "unauthorized_client" {
		t.Errorf("a token that should be bound: %v", got)
	}
}
