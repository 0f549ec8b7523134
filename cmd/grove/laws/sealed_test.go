package laws_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/httpapi"
)

// TestAttack05_SealedThings replays what the server seals or derives for one place at every other: page tokens, cookies,
// forms' tokens, sign-outs. Nothing opens.
func TestAttack05_SealedThings(t *testing.T) {
	p := world(t)
	p.cursors(t)
	p.cookies(t)
}

// cursors takes the first page's token of every list to another organization, another tenant, another list and another
// filter, and cuts it short.
func (p *pair) cursors(t *testing.T) {
	for _, at := range []*place{p.a.north, p.a.south, p.b.north} {
		for range 2 { // two of everything, so that a page of one has a next
			at.child(unique("org"))
			at.consentOf(at.administrator())
			app := makers["app"](at, nil)
			scope := unique("scope")
			api := at.text("/api-resources", m{"identifier": "https://" + unique("api") + ".example", "name": "API", "scopes": []m{{"name": scope}}})
			at.put(at.at("/apps/%s/authorized-apis", app), m{"resource": api, "policy": "rbac", "scopes": []string{scope}})
			for _, kind := range []string{"domain", "group", "invitation", "role"} {
				makers[kind](at, nil)
			}
		}
	}
	tried := 0
	for _, r := range described.Routes() {
		op := described.OpenAPI().Paths[r.Path].Get
		if r.Method != http.MethodGet || r.Access != httpapi.ByPermission || op == nil || !accepts(op, "page_token") || !strings.Contains(r.Path, "{org}") || len(parameters(r)) > 0 {
			continue
		}
		first := p.send(p.A, p.a.root.manage, call{route: r, path: map[string]string{"org": p.a.north.org}, query: "?page_size=1"})
		cursor := first.Text("next_page_token")
		if cursor == "" {
			continue
		}
		tried++
		with := func(t apptest.Tenant, at *place, more string) apptest.Response {
			return p.send(t, at.manage, call{route: r, path: map[string]string{"org": at.org}, query: "?page_size=1&page_token=" + url.QueryEscape(cursor) + more})
		}
		if got := with(p.A, p.a.north, ""); got.StatusCode != http.StatusOK {
			t.Errorf("%s: its own page token: %d %s", r.ID, got.StatusCode, got.Raw)
		}
		refused := map[string]apptest.Response{"a sibling organization": with(p.A, p.a.south, ""), "the organization above": with(p.A, p.a.root, ""),
			"another tenant": with(p.B, p.b.north, "")}
		if accepts(op, "q") {
			refused["another filter"] = with(p.A, p.a.north, "&q=x")
		}
		whole := cursor
		for name, other := range map[string]string{"cut short": whole[:len(whole)-1], "with more": whole + "A", "of another list": p.otherCursor(r), "not sealed": "eyJhIjoxfQ"} {
			if cursor = other; other != "" {
				refused[name] = with(p.A, p.a.north, "")
			}
		}
		for name, got := range refused {
			if got.StatusCode != http.StatusUnprocessableEntity && got.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: a page token of %s: %d %.300s", r.ID, name, got.StatusCode, got.Raw)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d lists have a second page", tried)
	}
}

func accepts(op *operation, name string) bool {
	for _, p := range op.Parameters {
		if p.Name == name && p.In == "query" {
			return true
		}
	}
	return false
}

// otherCursor is the page token of another list of the same organization.
func (p *pair) otherCursor(r httpapi.RouteInfo) string {
	path := "/roles"
	if r.ID == "listRoles" {
		path = "/groups"
	}
	next, _ := p.Must(p.A, p.a.root.manage, "GET", p.a.north.at("%s?page_size=1", path), nil)["next_page_token"].(string)
	return next
}

// cookies swaps the cookies, flows and forms of two browsers and two tenants.
func (p *pair) cookies(t *testing.T) {
	here, there := p.live(), p.live()
	mine, other := here.halfway, visit(p.World).open(here.authorize()).answer("username", here.who.username)
	at, form := mine.form("password", apptest.Password)
	otherAt, otherForm := other.form("password", apptest.Password)
	sealed := mustParse(p.Do(there.browser.browser, "GET", there.root.tenant.Base+"/oauth2/logout?client_id="+there.client, nil).Header.Get("Location")).Query().Get("request")
	nobody := visit(p.World)
	gone := status(http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone)
	p.unchanged(t, func() {
		check(t, []answer{
			{"another browser's flow", p.Do(other.browser, "POST", at, form, "Origin", apptest.Origin), gone},
			{"nobody's flow", p.Do(nobody.browser, "POST", at, form, "Origin", apptest.Origin), gone},
			{"another flow's form", p.Do(mine.browser, "POST", at, otherForm, "Origin", apptest.Origin), gone},
			{"own form, another flow", p.Do(mine.browser, "POST", otherAt, form, "Origin", apptest.Origin), gone},
			{"another site", p.Do(mine.browser, "POST", at, form, "Origin", "https://evil.example"), gone},
			{"another tenant's sign-out", p.Do(here.browser.browser, "GET", here.root.tenant.Base+"/login/logout?request="+sealed, nil), status(http.StatusBadRequest)},
			{"another tenant's end", p.Do(here.browser.browser, "GET", here.root.tenant.Base+"/oauth2/logout/done?request="+sealed, nil), status(http.StatusBadRequest)},
			{"a changed sign-out", p.Do(there.browser.browser, "GET", there.root.tenant.Base+"/login/logout?request="+sealed+"A", nil), status(http.StatusBadRequest)},
		})
	})
	for name, l := range map[string]*life{"here": here, "there": there} {
		for _, path := range paths {
			if (path.name == "halfway" || path.name == "sso") && !path.try(l, p.World) {
				t.Errorf("%s does not work %s any more", path.name, name)
			}
		}
	}
}

// TestAttack06_Invitations: a link is good once, and only as it is.
func TestAttack06_Invitations(t *testing.T) {
	p := world(t)
	north := p.a.north
	address := unique("guest") + "@guest.example"
	link := north.invitationLink(address)
	id := north.find(north.at("/invitations"), "email", address)
	changedLinks := map[string]string{
		"cut short":       link[:len(link)-1],
		"another tenant":  strings.Replace(link, p.A.Base, p.B.Base, 1),
		"changed":         link[:len(link)-4] + "AAAA",
		"no token":        link[:strings.Index(link, "?")] + "?token=",
		"the identifier":  link[:strings.Index(link, "?")] + "?token=" + id,
		"another's token": link[:strings.Index(link, "?")] + "?token=grv_ses_" + strings.Repeat("a", 40),
	}
	p.unchanged(t, func() {
		for name, changed := range changedLinks {
			if got := visit(p.World).see(changed); got.StatusCode != http.StatusGone {
				t.Errorf("%s: %d %s", name, got.StatusCode, said(got))
			}
		}
		for range 3 { // as scanners of mail do
			if got := visit(p.World).see(link); got.StatusCode != http.StatusOK {
				t.Errorf("looking at it: %d %s", got.StatusCode, said(got))
			}
		}
	})
	late := visit(p.World).open(link)
	revoked := unique("guest") + "@guest.example"
	dead := north.invitationLink(revoked)
	north.Must(north.tenant, north.manage, "DELETE", north.at("/invitations/%s", north.find(north.at("/invitations"), "email", revoked)), nil)
	first := visit(p.World).open(link).answer("given_name", "Gus", "family_name", "Guest", "password", apptest.Password)
	if first.last.StatusCode != http.StatusOK || strings.Contains(first.last.Request.URL.Path, "/login") {
		t.Fatalf("accepting: %d %s", first.last.StatusCode, said(first.last))
	}
	p.unchanged(t, func() {
		for name, got := range map[string]apptest.Response{
			"a second use":         visit(p.World).see(link),
			"a page that was open": late.answer("given_name", "Eve", "family_name", "Evil", "password", apptest.Password).last,
			"revoked":              visit(p.World).see(dead),
		} {
			if got.StatusCode != http.StatusGone {
				t.Errorf("%s: %d %s", name, got.StatusCode, said(got))
			}
		}
	})
}
