package oauth_test

import (
	"net/http"
	"testing"

	"grove/cmd/grove/apptest"
)

// TestSubjectIsNotGivenAgain: who is given the username and the address of somebody who was deleted is somebody else to every app
// (OpenID Connect Core 1.0, section 2).
func TestSubjectIsNotGivenAgain(t *testing.T) {
	v := newVendor(t)
	told := func() (sub, username string) {
		t.Helper()
		info := v.Do(v.Client(), http.MethodGet, v.A.Base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+v.Tokens(v.A, v.person("north")).Text("access_token"))
		return info.Text("sub"), info.Text("preferred_username")
	}
	first, name := told()
	v.Must(v.A, v.manage, "DELETE", "/orgs/north/users/"+v.user, nil)
	v.Must(v.A, v.manage, "POST", "/orgs/north/users", map[string]any{"username": "eva@north.example", "email": "eva@north.example", "password": apptest.Password, "must_change_password": false})
	second, same := told()
	if first == "" || second == "" || first == second || name != same {
		t.Errorf("%s, %s: %s and %s", name, same, first, second)
	}
}
