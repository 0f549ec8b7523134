package oauth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// watcher is a token of an app of an organization's own that may do what scopes say at the management API.
func (v *vendor) watcher(org string, scopes ...string) string {
	made := v.Must(v.A, v.manage, "POST", "/orgs/"+org+"/apps", map[string]any{"name": "Watcher " + strings.Join(scopes, " "), "template": "m2m"})
	resources := v.Must(v.A, v.manage, "GET", "/orgs/"+org+"/api-resources", nil)["items"].([]any)
	at := slices.IndexFunc(resources, func(one any) bool { return one.(map[string]any)["identifier"] == "urn:grove:api" })
	v.Must(v.A, v.manage, "PUT", "/orgs/"+org+"/apps/"+made["id"].(string)+"/authorized-apis", map[string]any{"resource": resources[at].(map[string]any)["id"], "scopes": scopes, "policy": "none"})
	t := v.A
	t.ClientID, t.ClientSecret = made["client_id"].(string), made["client_secret"].(string)
	return v.Token(t, scopes...)
}

// revokes asks, at a base, that everything of somebody ends.
func (v *vendor) revokes(base, token string, body any) apptest.Response {
	var headers []string
	if token != "" {
		headers = []string{"Authorization", "Bearer " + token}
	}
	return v.Do(v.Client(), "POST", base+"/oauth2/global-revocation", body, headers...)
}

func subjectID(members ...string) map[string]any {
	of := map[string]any{}
	for i := 0; i < len(members); i += 2 {
		of[members[i]] = members[i+1]
	}
	return map[string]any{"sub_id": of}
}

func TestGlobalTokenRevocation(t *testing.T) {
	v := newVendor(t)
	v.Must(v.A, v.manage, "PUT", "/orgs/south/members/"+v.user, nil)
	v.Must(v.A, v.manage, "POST", "/orgs/north/token-issuers", map[string]any{"name": "Corp", "issuer": "https://idp.north.example", "jwks_uri": "https://idp.north.example/jwks.json", "subject_match": "username"})
	north, above := v.watcher("north", "tokens.revoke"), v.watcher("root", "tokens.revoke")
	metadata := v.Do(v.Client(), "GET", v.A.Base+"/.well-known/oauth-authorization-server", nil)
	if metadata.Text("global_token_revocation_endpoint") != v.A.Base+"/oauth2/global-revocation" {
		t.Errorf("metadata: %s", metadata.Text("global_token_revocation_endpoint"))
	}
	for name, c := range map[string]struct {
		base, token string
		body        map[string]any
	}{
		"an address":                          {v.A.Base, north, subjectID("format", "email", "email", "Eva@North.example")},
		"an account":                          {v.A.Base, north, subjectID("format", "account", "uri", "acct:eva@north.example")},
		"an id":                               {v.A.Base, north, subjectID("format", "opaque", "id", v.user)},
		"our sub":                             {v.A.Base, north, subjectID("format", "iss_sub", "iss", v.A.Base, "sub", v.user)},
		"our sub, at the organization's":      {v.A.Base + "/o/north", north, subjectID("format", "iss_sub", "iss", v.A.Base+"/o/north", "sub", v.user)},
		"a sub of an issuer that is believed": {v.A.Base, north, subjectID("format", "iss_sub", "iss", "https://idp.north.example", "sub", "eva@north.example")},
		"from above":                          {v.A.Base, above, subjectID("format", "email", "email", "eva@north.example")},
	} {
		here, there := v.Tokens(v.A, v.person("north")), v.Tokens(v.A, v.person("south")) // with offline access
		who := v.person("north")
		who.Scope, who.Browser = "openid", v.Client()
		bound := v.Tokens(v.A, who)
		if got := v.revokes(c.base, c.token, c.body); got.StatusCode != http.StatusNoContent || len(got.Raw) != 0 {
			t.Fatalf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
		for which, tokens := range map[string]apptest.Response{"here": here, "elsewhere": there, "of the session": bound} {
			if v.introspect(tokens.Text("access_token")) || v.refresh(tokens.Text("refresh_token")).StatusCode == http.StatusOK {
				t.Errorf("%s: what was issued %s goes on", name, which)
			}
		}
		if left := v.Must(v.A, v.manage, "GET", "/orgs/north/sessions?user="+v.user, nil)["items"].([]any); len(left) != 0 {
			t.Errorf("%s: %d sessions are left", name, len(left))
		}
		if again := v.Tokens(v.A, v.person("north")); !v.introspect(again.Text("access_token")) {
			t.Errorf("%s: nobody can sign in again", name)
		}
	}
	told := v.Must(v.A, v.manage, "GET", "/orgs/north/events?type=user.tokens_revoked", nil)["items"].([]any)
	formats := map[string]int{}
	for _, one := range told {
		formats[one.(map[string]any)["data"].(map[string]any)["format"].(string)]++
	}
	if len(told) != 7 || formats["email"] != 2 || formats["iss_sub"] != 3 {
		t.Errorf("the log tells of %v", formats)
	}
	if len(v.Must(v.A, v.manage, "GET", "/orgs/north/events?type=session.ended", nil)["items"].([]any)) < 7 {
		t.Error("the log does not tell of the sessions")
	}
}

// TestGlobalTokenRevocationOfMany: an address means everybody who has it where the caller reaches, however many have it elsewhere.
func TestGlobalTokenRevocationOfMany(t *testing.T) {
	v := newVendor(t)
	const others = 21
	person := map[string]any{"username": "many@shared.example"}
	v.Must(v.A, v.manage, "POST", "/orgs/north/users", person)
	v.Must(v.A, v.manage, "POST", "/orgs", map[string]any{"handle": "top", "name": "Top"})
	for i := range others {
		handle := fmt.Sprint("many-", i)
		v.Must(v.A, v.manage, "POST", "/orgs", map[string]any{"handle": handle, "name": handle, "parent_id": "top"})
		v.Must(v.A, v.manage, "POST", "/orgs/"+handle+"/users", person)
	}
	revoked := func(org string) int {
		return len(v.Must(v.A, v.manage, "GET", "/orgs/"+org+"/events?type=user.tokens_revoked", nil)["items"].([]any))
	}
	of, north := subjectID("format", "email", "email", "many@shared.example"), v.watcher("north", "tokens.revoke")
	if got := v.revokes(v.A.Base, north, of); got.StatusCode != http.StatusNoContent || revoked("north") != 1 || revoked("many-0") != 0 {
		t.Errorf("from the north: %d %s", got.StatusCode, got.Raw)
	}
	if got := v.revokes(v.A.Base, v.watcher("top", "tokens.revoke"), of); got.StatusCode != http.StatusNoContent || revoked("north") != 1 {
		t.Errorf("from the top: %d %s", got.StatusCode, got.Raw)
	}
	for i := range others {
		if n := revoked(fmt.Sprint("many-", i)); n != 1 {
			t.Errorf("of organization %d: %d", i, n)
		}
	}
	if got := v.revokes(v.A.Base, north, subjectID("format", "iss_sub", "iss", "a\x00", "sub", "x")); got.StatusCode != http.StatusBadRequest {
		t.Errorf("what no text holds: %d %s", got.StatusCode, got.Raw)
	}
}

// TestAttack02_GlobalTokenRevocation: whoever asks for what is not his to ask ends nothing, and learns of nobody.
func TestAttack02_GlobalTokenRevocation(t *testing.T) {
	v := newVendor(t)
	south := v.Must(v.A, v.manage, "POST", "/orgs/south/users", map[string]any{"username": "sue@south.example", "email": "sue@south.example", "password": apptest.Password, "must_change_password": false})["id"].(string)
	v.Must(v.A, v.manage, "PUT", "/orgs/north/members/"+south, nil) // a guest, who lives elsewhere
	north, above := v.watcher("north", "tokens.revoke"), v.watcher("root", "tokens.revoke")
	eva := v.Tokens(v.A, v.person("north"))
	of := v.person("south")
	of.Username = "sue@south.example"
	sue := v.Tokens(v.A, of)
	exchanged := v.Token(v.A, "users.read", "sessions.write")
	foreign := v.Token(v.B)
	email := func(of string) map[string]any { return subjectID("format", "email", "email", of) }
	type asked struct {
		base, token string
		body        any
		status      int
		code        string
	}
	for name, c := range map[string]asked{
		"nobody":                              {v.A.Base, "", email("eva@north.example"), http.StatusUnauthorized, ""},
		"an access token of a person's app":   {v.A.Base, eva.Text("access_token"), email("eva@north.example"), http.StatusUnauthorized, "invalid_token"},
		"an ID token":                         {v.A.Base, eva.Text("id_token"), email("eva@north.example"), http.StatusUnauthorized, "invalid_token"},
		"another tenant's":                    {v.A.Base, foreign, email("eva@north.example"), http.StatusUnauthorized, "invalid_token"},
		"of another tenant":                   {v.B.Base, above, email("eva@north.example"), http.StatusUnauthorized, "invalid_token"},
		"with another permission":             {v.A.Base, exchanged, email("eva@north.example"), http.StatusForbidden, "insufficient_scope"},
		"of another organization":             {v.A.Base, north, email("sue@south.example"), http.StatusNotFound, "user_not_found"},
		"of another organization, by id":      {v.A.Base, north, subjectID("format", "opaque", "id", south), http.StatusNotFound, "user_not_found"},
		"at another organization's":           {v.A.Base + "/o/south", above, email("eva@north.example"), http.StatusNotFound, "user_not_found"},
		"at another's, with the own's client": {v.A.Base + "/o/south", north, email("sue@south.example"), http.StatusNotFound, "user_not_found"},
		"somebody who is not there":           {v.A.Base, north, email("nobody@north.example"), http.StatusNotFound, "user_not_found"},
		"an issuer that nobody believes":      {v.A.Base, north, subjectID("format", "iss_sub", "iss", "https://idp.north.example", "sub", "eva@north.example"), http.StatusNotFound, "user_not_found"},
		"another tenant's issuer":             {v.A.Base, above, subjectID("format", "iss_sub", "iss", v.B.Base, "sub", v.user), http.StatusNotFound, "user_not_found"},
		"an id of something else":             {v.A.Base, above, subjectID("format", "opaque", "id", v.north), http.StatusNotFound, "user_not_found"},
		"no subject":                          {v.A.Base, north, map[string]any{"subject": map[string]any{}}, http.StatusBadRequest, "invalid_request"},
		"no format":                           {v.A.Base, north, subjectID("email", "eva@north.example"), http.StatusBadRequest, "invalid_request"},
		"a format that means nothing here":    {v.A.Base, north, subjectID("format", "phone_number", "phone_number", "+4930123456"), http.StatusBadRequest, "invalid_request"},
		"half of a subject":                   {v.A.Base, north, subjectID("format", "iss_sub", "sub", v.user), http.StatusBadRequest, "invalid_request"},
		"another kind of URI":                 {v.A.Base, north, subjectID("format", "account", "uri", "mailto:eva@north.example"), http.StatusBadRequest, "invalid_request"},
		"a form":                              {v.A.Base, north, url.Values{"sub_id": {v.user}}, http.StatusBadRequest, "invalid_request"},
		"no object":                           {v.A.Base, north, []string{"x"}, http.StatusBadRequest, "invalid_request"},
		"too much":                            {v.A.Base, north, subjectID("format", "email", "email", strings.Repeat("x", 10_000)), http.StatusBadRequest, "invalid_request"},
	} {
		got := v.revokes(c.base, c.token, c.body)
		if got.StatusCode != c.status || c.code != "" && got.Code() != c.code || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Raw)
		}
		if challenge := got.Header.Get("WWW-Authenticate"); strings.Count(challenge, `"`)%2 != 0 || strings.Count(challenge, `="`) != strings.Count(challenge, `"`)/2 {
			t.Errorf("%s: %s", name, challenge)
		}
		if c.status == http.StatusForbidden && !strings.Contains(got.Header.Get("WWW-Authenticate"), `scope="tokens.revoke"`) {
			t.Errorf("%s: %s", name, got.Header.Get("WWW-Authenticate"))
		}
	}
	for name, tokens := range map[string]apptest.Response{"eva": eva, "sue": sue} {
		if !v.introspect(tokens.Text("access_token")) {
			t.Errorf("%s was signed out", name)
		}
	}
	if told := v.Must(v.A, v.manage, "GET", "/orgs/root/events?type=user.tokens_revoked", nil)["items"].([]any); len(told) != 0 {
		t.Errorf("the log tells of %v", told)
	}
}
