package laws_test

import (
	"net/http"
	"testing"

	"grove/cmd/grove/apptest"
	"grove/infra/httpapi"
)

// operatorOnly checks an operation of the platform: no tenant's token opens it, whatever it holds.
func (p *pair) operatorOnly(t *testing.T, c *callers, r httpapi.RouteInfo) {
	own := p.platform(r)
	p.unchanged(t, func() {
		p.refused(t, "", "no key", []call{own}, http.StatusUnauthorized)
		p.refused(t, "platform", "not the key", []call{own}, http.StatusUnauthorized)
		p.refused(t, p.a.root.manage, "a token with every permission", []call{own}, http.StatusUnauthorized)
		p.refused(t, c.foreign, "a token of the other tenant", []call{own}, http.StatusUnauthorized)
	})
	mark := p.ledger().newest()
	got := p.send(p.A, apptest.PlatformKey, own)
	if got.StatusCode != r.Status {
		t.Fatalf("%s %s: %d %s, not %d", r.Method, own.at(), got.StatusCode, got.Raw, r.Status)
	}
	for _, e := range p.ledger().since(mark) {
		if e.Tenant == p.A.Handle || e.Tenant == p.B.Handle {
			t.Errorf("told in the log of another tenant: %+v", e)
		}
	}
	if len(p.ledger().since(mark)) == 0 && r.Method != http.MethodGet {
		t.Errorf("%s wrote no event", r.ID)
	}
}

func (p *pair) operate(method, path string, body any) apptest.Response {
	got := p.Do(p.plain(), method, apptest.Origin+"/platform/v1"+path, body, bearer(apptest.PlatformKey)...)
	if got.StatusCode >= 300 {
		shared.Fatalf("%s %s: %d %s", method, path, got.StatusCode, got.Raw)
	}
	return got
}

// platform is a call of the operator's that has to succeed, about a tenant of its own.
func (p *pair) platform(r httpapi.RouteInfo) call {
	c := call{route: r, path: map[string]string{}, body: bodyOf(r)}
	for _, name := range parameters(r) {
		switch name {
		case "tenant":
			body := m{"handle": unique("tenant"), "name": unique("Tenant"), "admin": m{"email": "ada@made.example", "password": apptest.Password}}
			c.path[name] = p.operate("POST", "/tenants", body).Text("id")
		case "host":
			c.path[name] = unique("host") + ".example"
			p.operate("POST", "/tenants/"+c.path["tenant"]+"/hosts", m{"host": c.path[name]})
		default:
			shared.Fatalf("nothing makes a sample of {%s}", name)
		}
	}
	switch r.ID {
	case "deleteTenant":
		c.query = "?handle=" + p.operate("GET", "/tenants/"+c.path["tenant"], nil).Text("handle")
	case "restoreTenant":
		p.operate("DELETE", "/tenants/"+c.path["tenant"]+"?handle="+p.operate("GET", "/tenants/"+c.path["tenant"], nil).Text("handle"), nil)
	case "resumeTenant":
		p.operate("POST", "/tenants/"+c.path["tenant"]+":suspend", nil)
	}
	return c
}

// self is a call of a person's about himself that has to succeed, and the person.
func (at *place) self(r httpapi.RouteInfo) (call, person) {
	who := at.person()
	c := call{route: r, path: map[string]string{}, body: bodyOf(r)}
	for _, name := range parameters(r) {
		switch name {
		case "consent":
			c.path[name] = at.consentOf(who)
		case "session":
			c.path[name] = at.sessionOf(who)
		default:
			shared.Fatalf("nothing makes a sample of {%s} for a person", name)
		}
	}
	if r.ID == "endMyOtherSessions" {
		at.sessionOf(who)
	}
	if r.ID == "changeMyPassword" {
		c.body.(m)["current_password"] = apptest.Password
	}
	return c, who
}

// ownOnly checks an operation of the signed-in person: he reaches what is his, and a machine has nothing.
func (p *pair) ownOnly(t *testing.T, c *callers, r httpapi.RouteInfo) {
	own, who := p.a.north.self(r)
	theirs, stranger := p.b.north.self(r)
	token, foreign := p.a.north.tokenOf(who), p.b.north.tokenOf(stranger)
	var others []call
	if len(own.path) > 0 {
		for _, at := range []*place{p.a.north, p.a.south, p.b.north} {
			other, _ := at.self(r)
			others = append(others, other)
		}
	}
	p.unchanged(t, func() {
		p.refused(t, "", "no token", []call{own}, http.StatusUnauthorized)
		p.refused(t, foreign, "a token of the other tenant's", []call{own, theirs}, http.StatusUnauthorized)
		p.refused(t, c.tokens["a machine of north"], "a machine", []call{own}, http.StatusForbidden)
		p.refused(t, token, "another's", others, http.StatusNotFound)
		p.alike(t, token, own, others)
	})
	mark := p.ledger().newest()
	got := p.send(p.A, token, own)
	if got.StatusCode != r.Status {
		t.Fatalf("%s %s: %d %s, not %d", r.Method, own.at(), got.StatusCode, got.Raw, r.Status)
	}
	p.told(t, r, mark, p.A.Handle, []string{p.a.north.org})
}
