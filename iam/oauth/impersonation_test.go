package oauth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"grove/cmd/grove/apptest"
)

const idTokenType = "urn:ietf:params:oauth:token-type:id_token"

// desk is a vendor whose support, Sam of the root, may act as Eva of North, by an app.
type desk struct {
	*vendor
	desk             map[string]any // the app
	sam, ann         string         // Sam's id, and a token of Ann's, who speaks for North
	role, assignment string         // of the last that was hired
	support          [2]string      // the same of Sam
}

func newDesk(t *testing.T, options ...apptest.Option) *desk {
	v := newVendor(t, options...)
	d := &desk{vendor: v}
	post := func(path string, body map[string]any) map[string]any {
		return v.Must(v.A, v.manage, "POST", path, body)
	}
	d.desk = post("/orgs/root/apps", map[string]any{"name": "Desk", "template": "web", "redirect_uris": []string{appCallback}})
	of := "/orgs/root/apps/" + d.desk["id"].(string)
	v.Must(v.A, v.manage, "PATCH", of+"/oidc", map[string]any{"grant_types": []string{"authorization_code", "refresh_token", "organization_switch", tokenExchange},
		"response_types": []string{"code", "id_token subject_token", "subject_token"}, "skip_consent": true})
	v.Must(v.A, v.manage, "PUT", of+"/shares", map[string]any{"policy": "all", "roles": "all"})
	for _, one := range v.Must(v.A, v.manage, "GET", "/orgs/root/api-resources", nil)["items"].([]any) {
		if api := one.(map[string]any); api["identifier"] == "urn:grove:api" {
			v.Must(v.A, v.manage, "PUT", of+"/authorized-apis", map[string]any{"resource": api["id"], "policy": "rbac",
				"scopes": []string{"groups.read", "groups.write", "users.impersonate", "users.read"}})
		}
	}
	d.sam = d.hire("sam@vendor.example", "root", "Support", "subtree", "users.impersonate", "users.read", "groups.read", "groups.write")
	d.support = [2]string{d.role, d.assignment}
	d.give("north", v.user, "Helper", "org", "north", "groups.read", "groups.write")
	d.hire("ann@north.example", "north", "North's own", "org", "support_access.read", "support_access.write")
	d.ann = d.Tokens(d.A, apptest.SignIn{Org: "north", ClientID: "console", Username: "ann@north.example", Password: apptest.Password}).Text("access_token")
	return d
}

// hire makes somebody who holds a role of these permissions.
func (d *desk) hire(name, org, role, reach string, permissions ...string) string {
	user := d.Must(d.A, d.manage, "POST", "/orgs/"+org+"/users", map[string]any{"username": name, "email": name, "password": apptest.Password, "must_change_password": false})["id"].(string)
	d.role, d.assignment = d.give(org, user, role, reach, org, permissions...)
	return user
}

func (d *desk) give(owner, user, name, reach, org string, permissions ...string) (role, assignment string) {
	role = d.Must(d.A, d.manage, "POST", "/orgs/"+owner+"/roles", map[string]any{"name": name, "audience": map[string]any{"type": "organization"}, "permissions": permissions})["id"].(string)
	assignment = d.Must(d.A, d.manage, "POST", "/orgs/"+org+"/roles/"+role+"/assignments", map[string]any{"principal": map[string]any{"type": "user", "id": user}, "reach": reach})["id"].(string)
	return role, assignment
}

// allows opens support access in North.
func (d *desk) allows(mode string) (id string) {
	return d.Must(d.A, d.ann, "POST", "/orgs/north/support-access", map[string]any{"mode": mode, "reason": "Ticket 4711", "expires_in_minutes": 30})["id"].(string)
}

func changed(form url.Values, changes []string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

// asks is Sam, who wants to act as Eva: what the browser brings back.
func (d *desk) asks(changes ...string) url.Values {
	q := changed(url.Values{"client_id": {d.desk["client_id"].(string)}, "redirect_uri": {appCallback}, "response_type": {"id_token subject_token"}, "nonce": {"n"}, "state": {"s"}, "org": {"root"},
		"scope": {"openid email users.impersonate groups.read groups.write users.read offline_access"}, "requested_subject": {d.user}}, changes)
	to := d.Walk(apptest.SignIn{Browser: d.Client(), Username: "sam@vendor.example", Password: apptest.Password}, d.A.Base+"/oauth2/authorize?"+q.Encode(), appCallback)
	values, err := url.ParseQuery(to.EscapedFragment())
	if err != nil {
		panic(err)
	}
	return values
}

// redeems exchanges what came back.
func (d *desk) redeems(got url.Values, changes ...string) apptest.Response {
	return d.Do(d.Client(), "POST", d.A.Base+"/oauth2/token", changed(credentials(d.desk, url.Values{"grant_type": {tokenExchange}, "subject_token": {got.Get("subject_token")},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}, "actor_token": {got.Get("id_token")}, "actor_token_type": {idTokenType}}), changes))
}

func (d *desk) acts(t *testing.T) string {
	t.Helper()
	got := d.redeems(d.asks())
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.Raw)
	}
	return got.Text("access_token")
}

func (d *desk) looksAt(token string) map[string]any {
	return d.Do(d.Client(), "POST", d.A.Base+"/oauth2/introspect", credentials(d.desk, url.Values{"token": {token}})).JSON
}

// TestImpersonation: with his customer's word Sam acts as Eva, for less than he could himself, and everything says so.
func TestImpersonation(t *testing.T) {
	d := newDesk(t)
	access := d.allows("full")
	got := d.asks()
	subject := body(t, got.Get("subject_token"))
	if act := subject["may_act"].(map[string]any); subject["sub"] != d.user || act["sub"] != d.sam || subject["org_id"] != d.north || subject["scope"] != "openid email groups.read groups.write users.read" ||
		subject["exp"].(float64)-subject["iat"].(float64) != 180 || got.Has("access_token") || got.Has("code") {
		t.Fatalf("%v %v", subject, got)
	}
	if id := body(t, got.Get("id_token")); id["sub"] != d.sam || id["nonce"] != "n" {
		t.Errorf("%v", id)
	}
	if used := d.API(d.A, got.Get("subject_token"), "GET", "/orgs/north/groups", nil); used.StatusCode != http.StatusUnauthorized {
		t.Errorf("a subject token opens something: %d", used.StatusCode)
	}
	answer := d.redeems(got)
	token := answer.Text("access_token")
	claims := body(t, token)
	if act, _ := claims["act"].(map[string]any); answer.StatusCode != http.StatusOK || answer.JSON["refresh_token"] != nil || answer.JSON["id_token"] != nil || answer.Text("issued_token_type") != accessType ||
		claims["sub"] != d.user || act["sub"] != d.sam || claims["org_id"] != d.north || answer.Text("scope") != "openid email groups.read groups.write" || claims["read_only"] != nil {
		t.Fatalf("%d %s %v", answer.StatusCode, answer.Raw, claims) // users.read is Sam's, and not Eva's
	}
	seen := d.looksAt(token)
	if act, _ := seen["act"].(map[string]any); seen["active"] != true || act["sub"] != d.sam || seen["username"] != "eva@north.example" {
		t.Errorf("%v", seen)
	}
	if info := d.Do(d.Client(), "GET", d.A.Base+"/oauth2/userinfo", nil, "Authorization", "Bearer "+token); info.Text("email") != "eva@north.example" || info.Text("sub") != d.user {
		t.Errorf("%d %s", info.StatusCode, info.Raw)
	}
	// What he does is Eva's doing, and his.
	group := d.Must(d.A, token, "POST", "/orgs/north/groups", map[string]any{"name": "Made by Sam"})["id"].(string)
	events := d.Must(d.A, d.manage, "GET", "/orgs/north/events?subject="+group, nil)["items"].([]any)
	made := events[0].(map[string]any)["actor"].(map[string]any)
	if made["id"] != d.user || made["impersonator_id"] != d.sam {
		t.Errorf("the log says %v", made)
	}
	for _, org := range []string{"north", "root"} {
		found := d.Must(d.A, d.manage, "GET", "/orgs/"+org+"/events?concerns="+d.sam+"&type=user.impersonated", nil)["items"].([]any)
		if len(found) != 1 {
			t.Fatalf("%s: told %d times", org, len(found))
		}
		if told := found[0].(map[string]any); told["subject"] != d.user || told["data"].(map[string]any)["support_access_id"] != access || told["data"].(map[string]any)["read_only"] != false {
			t.Errorf("%s: %v", org, told)
		}
	}
	if proof := d.Must(d.A, d.manage, "GET", "/orgs/root/event-chain", nil); proof["intact"] != true {
		t.Errorf("the chain: %v", proof)
	}
	// The person's own account is not for him.
	for _, path := range []string{"/me", "/me/apps", "/me/sessions"} {
		if r := d.API(d.A, token, "GET", path, nil); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

// TestImpersonationReadsOnly: where a customer allows no more, nothing can be changed.
func TestImpersonationReadsOnly(t *testing.T) {
	d := newDesk(t)
	d.allows("read_only")
	token := d.acts(t)
	if claims := body(t, token); claims["read_only"] != true || d.looksAt(token)["read_only"] != true {
		t.Errorf("%v", claims)
	}
	d.Must(d.A, token, "GET", "/orgs/north/groups", nil)
	if r := d.API(d.A, token, "POST", "/orgs/north/groups", map[string]any{"name": "x"}); r.StatusCode != http.StatusForbidden || r.Code() != "request.forbidden" {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
}

// TestImpersonationSwitches: to another organization of the person's, which has its own word, and still as Sam.
func TestImpersonationSwitches(t *testing.T) {
	d := newDesk(t)
	d.Must(d.A, d.manage, "PUT", "/orgs/south/members/"+d.user, nil)
	d.allows("full")
	token := d.acts(t)
	form := credentials(d.desk, url.Values{"grant_type": {"organization_switch"}, "token": {token}, "switching_organization": {"south"}})
	if r := d.Do(d.Client(), "POST", d.A.Base+"/oauth2/token", form); r.Code() != "invalid_grant" {
		t.Fatalf("South said nothing: %d %s", r.StatusCode, r.Raw)
	}
	d.hire("sue@south.example", "south", "South's own", "org", "support_access.write")
	sue := d.Tokens(d.A, apptest.SignIn{Org: "south", ClientID: "console", Username: "sue@south.example", Password: apptest.Password}).Text("access_token")
	d.Must(d.A, sue, "POST", "/orgs/south/support-access", map[string]any{})
	r := d.Do(d.Client(), "POST", d.A.Base+"/oauth2/token", form)
	claims := body(t, r.Text("access_token"))
	if act, _ := claims["act"].(map[string]any); r.StatusCode != http.StatusOK || r.JSON["refresh_token"] != nil || act["sub"] != d.sam || claims["sub"] != d.user || claims["org_id"] != d.south || claims["read_only"] != true {
		t.Errorf("%d %s %v", r.StatusCode, r.Raw, claims)
	}
	if told := d.Must(d.A, d.manage, "GET", "/orgs/south/events?type=user.impersonated", nil)["items"].([]any); len(told) != 1 || told[0].(map[string]any)["data"].(map[string]any)["impersonator_id"] != d.sam {
		t.Errorf("South's log says %v", told)
	}
}

// TestAttack20_Impersonation: everything that is not allowed, one at a time.
func TestAttack20_Impersonation(t *testing.T) {
	d := newDesk(t)
	refused := func(name string, got url.Values, code string) {
		t.Helper()
		if got.Get("error") != code || got.Has("subject_token") {
			t.Errorf("%s: %v", name, got)
		}
	}
	refused("without the customer's word", d.asks(), "access_denied")
	if r := d.API(d.A, d.manage, "POST", "/orgs/north/support-access", map[string]any{"mode": "full"}); r.Code() != "support_access.not_own" {
		t.Errorf("a machine of the vendor's gives North's word: %d %s", r.StatusCode, r.Raw)
	}
	admin := d.Tokens(d.A, apptest.SignIn{ClientID: "console"}).Text("access_token")
	if r := d.API(d.A, admin, "POST", "/orgs/north/support-access", map[string]any{"mode": "full"}); r.Code() != "support_access.not_own" {
		t.Errorf("the vendor's administrator gives North's word: %d %s", r.StatusCode, r.Raw)
	}
	d.allows("full")
	refused("nobody", d.asks("requested_subject", "usr_00000000000000000000000004"), "access_denied")
	refused("no name", d.asks("requested_subject", ""), "invalid_request")
	refused("no id", d.asks("requested_subject", "eva"), "invalid_request")
	refused("himself", d.asks("requested_subject", d.sam), "access_denied")
	refused("without the scope", d.asks("scope", "openid groups.read"), "invalid_scope")
	boss := d.hire("boss@north.example", "north", "Boss", "org", "users.write")
	refused("somebody who may do more", d.asks("requested_subject", boss), "access_denied")
	stranger := d.Must(d.A, d.manage, "POST", "/orgs/south/users", map[string]any{"username": "stan@south.example", "email": "stan@south.example"})["id"].(string)
	refused("somebody of an organization that said nothing", d.asks("requested_subject", stranger), "access_denied")
	d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.desk["id"].(string)+"/oidc", map[string]any{"response_types": []string{"code"}})
	refused("an app that may not", d.asks(), "unauthorized_client")
	d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.desk["id"].(string)+"/oidc", map[string]any{"response_types": []string{"code", "id_token subject_token", "subject_token"}})

	d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.app["id"].(string)+"/oidc", map[string]any{"id_token_audiences": []string{d.desk["client_id"].(string)}})
	sam := d.person("root")
	sam.Username = "sam@vendor.example"
	forBoth := d.Tokens(d.A, sam).Text("id_token")
	got, other := d.asks(), d.asks()
	for name, changes := range map[string][]string{
		"no actor":                    {"actor_token", "", "actor_token_type", ""},
		"another's token":             {"actor_token", d.Tokens(d.A, d.person("north")).Text("access_token"), "actor_token_type", accessType},
		"another's sign-in":           {"actor_token", other.Get("id_token")},
		"another app's sign-in":       {"actor_token", forBoth},
		"a subject token as actor":    {"actor_token", got.Get("subject_token")},
		"details":                     {"authorization_details", `[{"type":"x"}]`},
		"no subject token":            {"subject_token", got.Get("id_token")},
		"a subject token as access's": {"subject_token_type", accessType},
		"nothing that can be granted": {"scope", "orders.write"},
	} {
		if r := d.redeems(got, changes...); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Raw)
		}
	}
	if r := d.Do(d.Client(), "POST", d.A.Base+"/oauth2/token", credentials(d.app, url.Values{"grant_type": {tokenExchange}, "subject_token": {got.Get("subject_token")},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}, "actor_token": {got.Get("id_token")}, "actor_token_type": {idTokenType}})); r.StatusCode == http.StatusOK {
		t.Error("another app redeems it")
	}
	first := d.redeems(got)
	if first.StatusCode != http.StatusOK || !d.introspect(first.Text("access_token")) {
		t.Fatalf("%d %s", first.StatusCode, first.Raw)
	}
	if again := d.redeems(got); again.StatusCode != http.StatusBadRequest || d.introspect(first.Text("access_token")) {
		t.Errorf("redeemed twice: %d %s", again.StatusCode, again.Raw)
	}
	late := d.asks()
	d.Clock.Advance(3 * time.Minute)
	if r := d.redeems(late); r.StatusCode != http.StatusBadRequest {
		t.Errorf("late: %d", r.StatusCode)
	}
}

// TestAttack01_Impersonation: what somebody does as another person ends with everything that it stands on.
func TestAttack01_Impersonation(t *testing.T) {
	d := newDesk(t)
	access := d.allows("full")
	sam := "/orgs/root/users/" + d.sam
	for _, c := range []struct {
		name      string
		end, undo func()
	}{
		{"the access is closed", func() { d.Must(d.A, d.ann, "DELETE", "/orgs/north/support-access/"+access, nil) }, func() { access = d.allows("full") }},
		{"the impersonator is disabled", func() { d.Must(d.A, d.manage, "POST", sam+":disable", nil) }, func() { d.Must(d.A, d.manage, "POST", sam+":enable", nil) }},
		{"his sessions end", func() { d.Must(d.A, d.manage, "POST", "/orgs/root/sessions:end", map[string]any{"user_id": d.sam}) }, func() {}},
		{"the person is disabled", func() { d.Must(d.A, d.manage, "POST", "/orgs/north/users/"+d.user+":disable", nil) }, func() { d.Must(d.A, d.manage, "POST", "/orgs/north/users/"+d.user+":enable", nil) }},
		{"the organization is suspended", func() { d.Must(d.A, d.manage, "POST", "/orgs/north:suspend", nil) }, func() {
			d.Must(d.A, d.manage, "POST", "/orgs/north:resume", nil)
			d.ann = d.signedIn("north", "ann@north.example")
			access = d.allows("full") // what it said before is over
		}},
		{"the app is disabled", func() {
			d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.desk["id"].(string), map[string]any{"enabled": false})
		}, func() {
			d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.desk["id"].(string), map[string]any{"enabled": true})
		}},
	} {
		got := d.asks()
		held, token := d.asks(), d.redeems(got).Text("access_token")
		if !d.introspect(token) {
			t.Fatalf("%s: not active before", c.name)
		}
		c.end()
		if d.introspect(token) {
			t.Errorf("%s: the token goes on", c.name)
		}
		if r := d.API(d.A, token, "GET", "/orgs/north/groups", nil); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the API lets it in: %d", c.name, r.StatusCode)
		}
		if r := d.redeems(held); r.StatusCode == http.StatusOK {
			t.Errorf("%s: a subject token is redeemed", c.name)
		}
		c.undo()
		if d.introspect(token) {
			t.Errorf("%s: the token came back", c.name)
		}
	}
	// A role that is gone ends it where Grove itself is asked.
	token := d.acts(t)
	d.Must(d.A, d.manage, "DELETE", fmt.Sprintf("/orgs/root/roles/%s/assignments/%s", d.support[0], d.support[1]), nil)
	if r := d.API(d.A, token, "GET", "/orgs/north/groups", nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the permission: %d", r.StatusCode)
	}
	if got := d.asks(); got.Get("error") != "access_denied" && got.Get("error") != "invalid_scope" {
		t.Error("without the permission he asks again")
	}
}
