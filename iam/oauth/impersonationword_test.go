package oauth_test

import (
	"net/http"
	"net/url"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

func (d *desk) signedIn(org, name string) string {
	return d.Tokens(d.A, apptest.SignIn{ClientID: "console", Org: org, Username: name, Password: apptest.Password}).Text("access_token")
}

// TestAttack20_GuestsNeedTheWord: who comes from above is one of the organization's people neither as its member, nor signed in to it.
func TestAttack20_GuestsNeedTheWord(t *testing.T) {
	d := newDesk(t)
	d.hire("max@vendor.example", "root", "All", "subtree", "members.read", "members.write", "orgs.read", "support_access.write", "users.impersonate", "users.read")
	above := d.signedIn("root", "max@vendor.example")
	max := body(t, above)["sub"].(string)
	for _, guest := range []string{d.sam, max} {
		d.Must(d.A, above, "PUT", "/orgs/north/members/"+guest, nil)
	}
	if got := d.asks("org", "north"); got.Get("error") != "access_denied" {
		t.Errorf("a guest acts without the word: %v", got)
	}
	if r := d.API(d.A, d.signedIn("north", "max@vendor.example"), "POST", "/orgs/north/support-access", map[string]any{"mode": "full"}); r.Code() != "support_access.not_own" {
		t.Errorf("a guest gives the word: %d %s", r.StatusCode, r.Raw)
	}
	d.allows("read_only")
	if claims := body(t, d.redeems(d.asks("org", "north")).Text("access_token")); claims["sub"] != d.user || claims["read_only"] != true {
		t.Errorf("a guest with the word: %v", claims)
	}
}

// TestAttack20_WordOfWhoMay: an organization's word ends when who gave it may not give it any more, and when the organization gets
// under somebody else.
func TestAttack20_WordOfWhoMay(t *testing.T) {
	d := newDesk(t)
	ann := body(t, d.ann)["sub"].(string)
	hope := func(what string, want bool) {
		t.Helper()
		if got := d.asks(); got.Has("subject_token") != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	d.allows("full")
	hope("opened", true)
	d.Must(d.A, d.manage, "POST", "/orgs/north/users/"+ann+":disable", nil)
	hope("who opened it is disabled", false)
	d.Must(d.A, d.manage, "POST", "/orgs/north/users/"+ann+":enable", nil)
	d.ann = d.signedIn("north", "ann@north.example")
	hope("he is back", true)
	token := d.acts(t)
	d.Must(d.A, d.manage, "POST", "/orgs/north:move", map[string]any{"parent_id": d.south})
	if d.introspect(token) {
		t.Error("the token outlives the move")
	}
	hope("North lies elsewhere", false)
	d.ann = d.signedIn("north", "ann@north.example")
	d.allows("full")
	hope("opened there", true)
	for _, one := range d.Must(d.A, d.manage, "GET", "/orgs/north/roles", nil)["items"].([]any) {
		if role := one.(map[string]any); role["name"] == "North's own" {
			of := "/orgs/north/roles/" + role["id"].(string)
			for _, a := range d.Must(d.A, d.manage, "GET", of+"/assignments", nil)["items"].([]any) {
				d.Must(d.A, d.manage, "DELETE", of+"/assignments/"+a.(map[string]any)["id"].(string), nil)
			}
		}
	}
	hope("the role is gone", false)
}

// TestAttack20_RankAtOtherAPIs: who needs no word gets of other APIs' scopes what he holds himself too.
func TestAttack20_RankAtOtherAPIs(t *testing.T) {
	d := newDesk(t)
	api := d.Must(d.A, d.manage, "POST", "/orgs/root/api-resources", map[string]any{"identifier": "https://pay.example", "name": "Pay"})["id"].(string)
	for _, scope := range []string{"payments.approve", "payments.read"} {
		d.Must(d.A, d.manage, "POST", "/orgs/root/api-resources/"+api+"/scopes", map[string]any{"name": scope})
	}
	d.Must(d.A, d.manage, "PUT", "/orgs/root/apps/"+d.desk["id"].(string)+"/authorized-apis", map[string]any{"resource": api, "policy": "rbac", "scopes": []string{"payments.approve", "payments.read"}})
	cfo := d.hire("cfo@vendor.example", "root", "CFO", "org", "payments.approve", "payments.read")
	d.give("root", d.sam, "Clerk", "org", "root", "payments.read")
	got := d.redeems(d.asks("requested_subject", cfo, "scope", "openid users.impersonate payments.approve payments.read"))
	if got.StatusCode != http.StatusOK || got.Text("scope") != "openid payments.read" {
		t.Errorf("%d %s", got.StatusCode, got.Raw)
	}
}

// TestAttack20_RankGoesOn: who may do more by now than who acts as him is not acted as any more.
func TestAttack20_RankGoesOn(t *testing.T) {
	d := newDesk(t)
	d.allows("full")
	token := d.acts(t)
	d.give("north", d.user, "Risen", "org", "north", "users.write")
	if r := d.API(d.A, token, "GET", "/orgs/north/groups", nil); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
}

// TestAttack20_ClaimReadOnly: no attribute says what a customer allows.
func TestAttack20_ClaimReadOnly(t *testing.T) {
	d := newDesk(t)
	if r := d.API(d.A, d.manage, "POST", "/orgs/root/oidc-claims", map[string]any{"name": "read_only", "attribute": "attributes.ro", "type": "boolean"}); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
}

// TestAttack20_PromisesOfImpersonators: what somebody promised as another person ends with the word that let him.
func TestAttack20_PromisesOfImpersonators(t *testing.T) {
	d := newDesk(t)
	d.give("north", d.user, "Host", "org", "north", "invitations.read", "invitations.write")
	d.give("root", d.sam, "Host", "subtree", "root", "invitations.read", "invitations.write")
	for _, one := range d.Must(d.A, d.manage, "GET", "/orgs/root/api-resources", nil)["items"].([]any) {
		if api := one.(map[string]any); api["identifier"] == "urn:grove:api" {
			d.Must(d.A, d.manage, "PUT", "/orgs/root/apps/"+d.desk["id"].(string)+"/authorized-apis", map[string]any{"resource": api["id"], "policy": "rbac",
				"scopes": []string{"invitations.read", "invitations.write", "users.impersonate"}})
		}
	}
	access := d.allows("full")
	token := d.redeems(d.asks("scope", "openid users.impersonate invitations.read invitations.write")).Text("access_token")
	made := d.Must(d.A, token, "POST", "/orgs/north/invitations", map[string]any{"email": "new@north.example", "delivery": "link"})
	link := made["link"].(string)
	if r := d.Do(d.Client(), "GET", link, nil); r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	d.Must(d.A, d.ann, "DELETE", "/orgs/north/support-access/"+access, nil)
	if r := d.Do(d.Client(), "GET", link, nil); r.StatusCode == http.StatusOK {
		t.Errorf("the invitation stands: %s", r.Raw)
	}
}

// TestLogoutOfAnImpersonator: apps are told that he has signed out, and nothing of the person.
func TestLogoutOfAnImpersonator(t *testing.T) {
	d := newDesk(t, apptest.Configure(func(o *app.Options) { o.Dev = true }))
	e := listen(t)
	d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.desk["id"].(string)+"/oidc", map[string]any{"backchannel_logout_uri": e.URL + "/logout"})
	d.allows("full")
	d.acts(t)
	d.Must(d.A, d.manage, "POST", "/orgs/root/sessions:end", map[string]any{"user_id": d.sam})
	testkit.Eventually(t, "the app is told", func() bool { return len(e.all()) > 0 })
	for _, token := range e.all() {
		if sub := body(t, token)["sub"]; sub != d.sam {
			t.Errorf("about %v", sub)
		}
	}
}

// TestPushedRequestIsAnsweredOnce: with an error too.
func TestPushedRequestIsAnsweredOnce(t *testing.T) {
	d := newDesk(t)
	form := credentials(d.desk, url.Values{"response_type": {"id_token subject_token"}, "nonce": {"n"}, "redirect_uri": {appCallback}, "scope": {"openid users.impersonate groups.read"}, "requested_subject": {d.user}, "org": {"root"}})
	pushed := d.Do(d.Client(), "POST", d.A.Base+"/oauth2/par", form)
	d.Must(d.A, d.manage, "PATCH", "/orgs/root/apps/"+d.desk["id"].(string)+"/oidc", map[string]any{"response_types": []string{"code"}})
	q := url.Values{"client_id": {d.desk["client_id"].(string)}, "request_uri": {pushed.Text("request_uri")}}
	for n, status := range []int{http.StatusSeeOther, http.StatusBadRequest} {
		if r := d.Do(d.Client(), "GET", d.A.Base+"/oauth2/authorize?"+q.Encode(), nil); r.StatusCode != status {
			t.Errorf("%d: %d %s", n, r.StatusCode, r.Header.Get("Location"))
		}
	}
}

// TestAudienceOfIDTokensIsTheOwners: a name that is another organization's by now is left out.
func TestAudienceOfIDTokensIsTheOwners(t *testing.T) {
	v := newVendor(t)
	api := v.Must(v.A, v.manage, "POST", "/orgs/root/api-resources", map[string]any{"identifier": "https://pay.example", "name": "Pay"})["id"].(string)
	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"id_token_audiences": []string{"https://pay.example"}})
	audience := func() int {
		list, _ := body(t, v.Tokens(v.A, v.person("north")).Text("id_token"))["aud"].([]any)
		return len(list)
	}
	if n := audience(); n != 2 {
		t.Fatalf("%d before", n)
	}
	v.Must(v.A, v.manage, "DELETE", "/orgs/root/api-resources/"+api, nil)
	v.Must(v.A, v.manage, "POST", "/orgs/south/api-resources", map[string]any{"identifier": "https://pay.example", "name": "South's"})
	testkit.Eventually(t, "the app is read again", func() bool { return audience() == 0 })
}
