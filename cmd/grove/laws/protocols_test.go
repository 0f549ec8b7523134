package laws_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
)

// answer is what a protocol must say to something that belongs elsewhere.
type answer struct {
	name string
	got  apptest.Response
	want func(apptest.Response) bool
}

func is(status int, code string) func(apptest.Response) bool {
	return func(r apptest.Response) bool { return r.StatusCode == status && r.Code() == code }
}

func status(all ...int) func(apptest.Response) bool {
	return func(r apptest.Response) bool {
		for _, s := range all {
			if r.StatusCode == s {
				return true
			}
		}
		return false
	}
}

func inactive(r apptest.Response) bool { return string(r.Raw) == `{"active":false}` }

func check(t *testing.T, answers []answer) {
	t.Helper()
	for _, a := range answers {
		if !a.want(a.got) {
			t.Errorf("%s: %d %s %s", a.name, a.got.StatusCode, a.got.Header.Get("Location"), said(a.got))
		}
	}
}

var paragraph = regexp.MustCompile(`<p class="lead">.*?</p>`)

// said is what a person would read of an answer.
func said(r apptest.Response) string {
	if found := paragraph.Find(r.Raw); found != nil {
		return string(found)
	}
	return string(r.Raw)
}

func (l *life) form(fields ...string) url.Values {
	form := url.Values{"client_id": {l.client}, "client_secret": {l.secret}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

// disguised is the visitor's browser as if its cookies were those of another tenant, whose names carry its handle.
func (v *visitor) disguised(from, to apptest.Tenant) *visitor {
	out := visit(v.World)
	at, _ := url.Parse(apptest.Origin)
	var cookies []*http.Cookie
	for _, c := range v.browser.Jar.Cookies(at) {
		cookies = append(cookies, &http.Cookie{Name: strings.ReplaceAll(c.Name, from.Handle, to.Handle), Value: c.Value, Path: "/"})
	}
	if len(cookies) == 0 {
		shared.Fatal("the browser has no cookies")
	}
	out.browser.Jar.SetCookies(at, cookies)
	return out
}

// TestAttack02_Protocols presents everything that one tenant has issued at the protocol routes of another, with the good
// credentials of the other's clients: all is refused, nothing changes, and at home it still works.
func TestAttack02_Protocols(t *testing.T) {
	p := world(t)
	here, there := p.live(), p.live()
	base := here.root.tenant.Base
	post := func(path string, form url.Values, header ...string) apptest.Response {
		return p.Do(p.plain(), "POST", base+path, form, header...)
	}
	get := func(path string, header ...string) apptest.Response {
		return p.Do(p.plain(), "GET", base+path, nil, header...)
	}
	manage := func(token string) url.Values {
		return url.Values{"client_id": {here.root.tenant.ClientID}, "client_secret": {here.root.tenant.ClientSecret}, "token": {token}}
	}
	p.unchanged(t, func() {
		check(t, []answer{
			{"code", post("/oauth2/token", here.form("grant_type", "authorization_code", "code", there.code, "redirect_uri", callback, "code_verifier", verifier)), is(400, "invalid_grant")},
			{"refresh token", post("/oauth2/token", here.form("grant_type", "refresh_token", "refresh_token", there.refresh)), is(400, "invalid_grant")},
			{"switch", post("/oauth2/token", here.form("grant_type", "organization_switch", "token", there.access, "switching_organization", here.org.org)), is(400, "invalid_grant")},
			{"switch there", post("/oauth2/token", here.form("grant_type", "organization_switch", "token", here.access, "switching_organization", there.org.org)), is(400, "invalid_grant")},
			{"client", post("/oauth2/token", there.form("grant_type", "refresh_token", "refresh_token", there.refresh)), is(401, "invalid_client")},
			{"machine", post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {there.machine.ClientID}, "client_secret": {there.machine.ClientSecret}}), is(401, "invalid_client")},
			{"introspect access", post("/oauth2/introspect", manage(there.access)), inactive},
			{"introspect machine", post("/oauth2/introspect", manage(there.machineToken)), inactive},
			{"introspect refresh", post("/oauth2/introspect", here.form("token", there.refresh)), inactive},
			{"introspect as", post("/oauth2/introspect", there.form("token", there.access)), is(401, "invalid_client")},
			{"revoke refresh", post("/oauth2/revoke", here.form("token", there.refresh)), status(200)},
			{"revoke access", post("/oauth2/revoke", here.form("token", there.access)), status(200)},
			{"revoke machine", post("/oauth2/revoke", manage(there.machineToken)), status(200)},
			{"userinfo", get("/oauth2/userinfo", bearer(there.access)...), is(401, "invalid_token")},
			{"api", get("/v1/orgs/root/groups", bearer(there.access)...), status(401)},
			{"me", get("/v1/me", bearer(there.portal)...), status(401)},
		})
	})
	p.foreignPages(t, here, there)
	for _, path := range paths {
		if !path.try(there, p.World) {
			t.Errorf("%s does not work at home any more", path.name)
		}
	}
}

// foreignPages presents what a browser of another tenant holds at the pages.
func (p *pair) foreignPages(t *testing.T, here, there *life) {
	t.Helper()
	base := here.root.tenant.Base
	invitation := strings.Replace(there.link, there.root.tenant.Base, base, 1)
	halfway, form := there.halfway.form("password", apptest.Password)
	halfway = strings.Replace(halfway, there.root.tenant.Base, base, 1)
	flow := mustParse(halfway).Query().Get("flow")
	thief := there.halfway.disguised(there.root.tenant, here.root.tenant)
	guest := there.browser.disguised(there.root.tenant, here.root.tenant)
	inviteTo, inviteForm := visit(p.World).open(there.link).form("given_name", "Gus", "family_name", "Guest", "password", apptest.Password)
	there.link = there.invite() // opening it changed nothing, but the form above belongs to another browser
	idToken := p.Tokens(there.root.tenant, there.signIn(there.browser, there.org)).Text("id_token")
	p.unchanged(t, func() {
		check(t, []answer{
			{"flow", p.Do(thief.browser, "GET", base+"/login?flow="+flow, nil), status(400, 404, 410)},
			{"password", p.Do(thief.browser, "POST", halfway, form, "Origin", apptest.Origin), status(400, 403, 404, 410)},
			{"resume", p.Do(thief.browser, "GET", base+"/oauth2/authorize/resume?flow="+flow, nil), status(400, 404, 410)},
			{"session", guest.see(here.authorize("prompt", "none")), noCode},
			{"client", guest.see(authorize(base, there.client, callback, "prompt", "none")), noRedirect},
			{"organization", guest.see(authorize(base, here.client, callback, "prompt", "none", "org", there.org.org)), noCode},
			{"id_token_hint", guest.see(here.authorize("prompt", "none", "id_token_hint", idToken)), noCode},
			{"invitation", p.Do(p.Client(), "GET", invitation, nil), status(410)},
			{"accepting", p.Do(p.Client(), "POST", strings.Replace(inviteTo, there.root.tenant.Base, base, 1), inviteForm, "Origin", apptest.Origin), status(403, 410)},
			{"logout hint", guest.see(base + "/oauth2/logout?id_token_hint=" + idToken), status(400)},
			{"logout client", guest.see(base + "/oauth2/logout?client_id=" + there.client), status(400, 401, 403)},
		})
	})
}

func noCode(r apptest.Response) bool {
	v := visitor{last: r}
	return v.code() == "" && v.location().Query().Get("error") != ""
}

func noRedirect(r apptest.Response) bool {
	return r.StatusCode >= 400 && r.Header.Get("Location") == ""
}

func mustParse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		shared.Fatal(err)
	}
	return u
}

// TestAttack03_OrganizationBases presents what one organization's base has issued at a sibling's base, and at the
// tenant's own.
func TestAttack03_OrganizationBases(t *testing.T) {
	p := world(t)
	l := p.live()
	root := l.root.tenant
	org, other := root.Base+"/o/"+l.org.org, root.Base+"/o/"+l.other.org
	s := l.signIn(l.browser, l.org)
	s.Base = org
	tokens := p.Tokens(root, s)
	code := func() string { return p.Code(root, s).Get("code") }
	redeem := func(base, code string) apptest.Response {
		return p.Do(p.plain(), "POST", base+"/oauth2/token", l.form("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier))
	}
	machine := url.Values{"grant_type": {"client_credentials"}, "client_id": {l.machine.ClientID}, "client_secret": {l.machine.ClientSecret}}
	v := visit(p.World).open(authorize(org, l.client, callback)).answer("username", l.who.username)
	halfway, form := v.form("password", apptest.Password)
	sealed := mustParse(p.Do(v.browser, "GET", org+"/oauth2/logout?client_id="+l.client, nil).Header.Get("Location")).Query().Get("request")
	if form == nil || sealed == "" {
		t.Fatalf("no form, or no sign-out: %q", sealed)
	}
	for _, wrong := range []string{other, root.Base} {
		once := code()
		p.unchanged(t, func() {
			check(t, []answer{
				{"code", redeem(wrong, once), is(400, "invalid_grant")},
				{"refresh token", p.Do(p.plain(), "POST", wrong+"/oauth2/token", l.form("grant_type", "refresh_token", "refresh_token", tokens.Text("refresh_token"))), is(400, "invalid_grant")},
				{"userinfo", p.Do(p.plain(), "GET", wrong+"/oauth2/userinfo", nil, bearer(tokens.Text("access_token"))...), is(401, "invalid_token")},
				{"resume", p.Do(v.browser, "GET", wrong+"/oauth2/authorize/resume?flow="+mustParse(halfway).Query().Get("flow"), nil), status(400, 404, 410)},
				{"logout", p.Do(v.browser, "GET", wrong+"/oauth2/logout/done?request="+sealed, nil), status(400)},
				{"logout page", p.Do(v.browser, "GET", wrong+"/login/logout?request="+sealed, nil), status(400)},
			})
		})
		if got := redeem(org, once); got.StatusCode != http.StatusOK {
			t.Errorf("the code does not work at home: %d %s", got.StatusCode, got.Raw)
		}
	}
	check(t, []answer{
		{"a machine at a sibling's", p.Do(p.plain(), "POST", other+"/oauth2/token", machine), is(400, "invalid_grant")},
		{"a machine above", p.Do(p.plain(), "POST", root.Base+"/o/"+l.top.org+"/oauth2/token", machine), is(400, "invalid_grant")},
		{"a machine at home", p.Do(p.plain(), "POST", org+"/oauth2/token", machine), status(200)},
		{"another organization than the base's", p.Do(l.browser.browser, "GET", authorize(org, l.client, callback, "prompt", "none", "org", l.other.org), nil), noCode},
	})
}
