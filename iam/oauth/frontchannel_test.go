package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// TestFrontchannelLogout: the browser that signs out tells the apps of that session, and no others.
func TestFrontchannelLogout(t *testing.T) {
	v := newVendor(t)
	other := v.Must(v.A, v.manage, "POST", "/orgs/root/apps", map[string]any{"name": "Elsewhere", "template": "web", "redirect_uris": []string{appCallback}})
	home, _ := url.Parse(appCallback)
	at := home.Scheme + "://" + home.Host + "/logout?tenant=a"
	for _, app := range []map[string]any{v.app, other} {
		v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+app["id"].(string)+"/oidc", map[string]any{"frontchannel_logout_uri": at})
	}
	for name, uri := range map[string]string{"another origin": "https://evil.example/logout", "another port": home.Scheme + "://" + home.Host + ":8443/logout", "a fragment": at + "#x", "plain http": "http://" + home.Host + "/logout"} {
		if r := v.API(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"frontchannel_logout_uri": uri}); r.StatusCode != 422 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	in := v.person("north")
	in.Browser = v.Client()
	tokens := v.Tokens(v.A, in)
	v.Must(v.A, v.manage, "PUT", "/orgs/south/members/"+v.user, nil)
	elsewhere := in
	elsewhere.Org = "south"
	v.Code(v.A, elsewhere) // the same app, which is told once all the same
	page := v.Do(in.Browser, "GET", v.A.Base+"/login/logout?request="+v.logoutRequest(in, tokens.Text("id_token")), nil)
	if page.StatusCode != 200 || strings.Count(string(page.Raw), "<iframe") != 1 {
		t.Fatalf("%d %s", page.StatusCode, page.Raw)
	}
	want := strings.ReplaceAll(at+"&iss="+url.QueryEscape(v.A.Base)+"&sid=", "&", "&amp;")
	if !strings.Contains(string(page.Raw), `src="`+want) {
		t.Errorf("%s", page.Raw)
	}
	if again := v.Do(in.Browser, "GET", v.A.Base+"/login/logout", nil); again.StatusCode != 303 {
		t.Errorf("told again: %d", again.StatusCode)
	}
}

// logoutRequest asks for a sign-out as an app does and returns what the page is given.
func (v *vendor) logoutRequest(in apptest.SignIn, idToken string) string {
	r := v.Do(in.Browser, "GET", v.A.Base+"/oauth2/logout?id_token_hint="+url.QueryEscape(idToken), nil)
	u, _ := url.Parse(r.Header.Get("Location"))
	return url.QueryEscape(u.Query().Get("request"))
}

// TestSessionState: what an app gets to ask the iframe with is made of the app, its origin and the state that the browser has in a
// cookie, as Session Management 1.0 says in section 2. It is another one after another sign-in.
func TestSessionState(t *testing.T) {
	v := newVendor(t)
	in := v.person("north")
	in.Browser = v.Client()
	base, _ := url.Parse(v.A.Base)
	home, _ := url.Parse(appCallback)
	cookie := func() string {
		for _, c := range in.Browser.Jar.Cookies(base) {
			if strings.HasSuffix(c.Name, "grove-acme-state") {
				return c.Value
			}
		}
		return ""
	}
	check := func(state string) {
		t.Helper()
		hash, salt, _ := strings.Cut(state, ".")
		sum := sha256.Sum256([]byte(in.ClientID + " " + home.Scheme + "://" + home.Host + " " + cookie() + " " + salt))
		if len(salt) < 16 || cookie() == "" || base64.RawURLEncoding.EncodeToString(sum[:]) != hash {
			t.Errorf("session_state %q, cookie %q", state, cookie())
		}
	}
	first := v.Code(v.A, in).Get("session_state")
	check(first)
	before := cookie()
	second := v.Code(v.A, in).Get("session_state")
	if check(second); second == first || cookie() != before {
		t.Error("no salt, or the browser's state changed without a sign-in")
	}
	tokens := v.Tokens(v.A, in)
	v.Do(in.Browser, "GET", v.A.Base+"/login/logout?request="+v.logoutRequest(in, tokens.Text("id_token")), nil)
	if cookie() != "" {
		t.Error("the state outlives the sign-out")
	}
	check(v.Code(v.A, in).Get("session_state"))
	if cookie() == before {
		t.Error("two sign-ins look the same")
	}
	in.Scope = "profile"
	if v.Code(v.A, in).Has("session_state") {
		t.Error("a request that is not OpenID Connect is told of the session")
	}
	page := v.Do(v.Client(), "GET", v.A.Base+"/oauth2/check_session", nil)
	if page.StatusCode != 200 || !strings.Contains(string(page.Raw), `data-cookie="grove-acme-state"`) && !strings.Contains(string(page.Raw), `data-cookie="__Host-grove-acme-state"`) {
		t.Errorf("%d %s", page.StatusCode, page.Raw)
	}
}
