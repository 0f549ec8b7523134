package laws_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"grove/cmd/grove/apptest"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

type (
	operation = huma.Operation
	schema    = huma.Schema
)

// callers are those whose reach ends at north.
type callers struct {
	machine apptest.Tenant // north's own client
	person  person         // north's administrator
	tokens  map[string]string
	foreign string            // a token of the other tenant's management client
	lacking map[string]string // by permission: a token with all others
}

func hire(p *pair) *callers {
	c := &callers{machine: p.a.north.machine(), person: p.a.north.administrator(), foreign: p.b.root.manage, lacking: map[string]string{}}
	s := p.a.north.signIn(c.person)
	s.ClientID, s.RedirectURI = "console", p.A.Base+"/console/callback"
	c.tokens = map[string]string{"a machine of north": p.Token(c.machine), "an administrator of north": p.Tokens(p.A, s).Text("access_token")}
	var all []string
	for _, r := range described.Routes() {
		if r.Permission != "" && !slices.Contains(all, r.Permission) {
			all = append(all, r.Permission)
		}
	}
	for i, without := range all {
		c.lacking[without] = p.Token(p.A, slices.Delete(slices.Clone(all), i, i+1)...)
	}
	return c
}

// TestEveryOperation asks for every operation of the API's description without a token, with a token that may not, with
// one of another tenant, and with one that may, but for things of another tenant, of a sibling organization and of one
// below; all of that must be refused and change nothing. Then it asks as one who may, which must work and be told in the
// log of the right organization, and only there.
func TestEveryOperation(t *testing.T) {
	p := world(t)
	c := hire(p)
	for _, r := range described.Routes() {
		t.Run(r.ID, func(t *testing.T) {
			lend(t)
			for _, name := range parameters(r) {
				if makers[name] == nil && r.Access != httpapi.Operator {
					t.Fatalf("nothing makes a sample of {%s}", name)
				}
			}
			switch r.Access {
			case httpapi.Operator:
				p.operatorOnly(t, c, r)
			case httpapi.Self:
				p.ownOnly(t, c, r)
			case httpapi.ByPermission:
				p.permittedOnly(t, c, r)
			default:
				t.Errorf("access %s has no test", r.Access)
			}
		})
	}
}

// refused sends calls that must all be refused with one of the statuses.
func (p *pair) refused(t *testing.T, token string, why string, calls []call, statuses ...int) {
	t.Helper()
	for _, c := range calls {
		got := p.send(p.A, token, c)
		if !slices.Contains(statuses, got.StatusCode) {
			t.Errorf("%s: %s %s: %d %s", why, c.route.Method, c.at(), got.StatusCode, got.Raw)
		}
		for _, secret := range []string{p.b.root.org, p.B.Handle} {
			if got.StatusCode >= 400 && strings.Contains(string(got.Raw), secret) {
				t.Errorf("%s: the refusal tells of the other tenant: %s", why, got.Raw)
			}
		}
	}
}

// unchanged fails when f changes a row of either tenant.
func (p *pair) unchanged(t *testing.T, f func()) {
	t.Helper()
	books := p.ledger()
	before := books.digest()
	f()
	if tables := changed(before, books.digest()); len(tables) > 0 {
		t.Errorf("what was refused has changed %v", tables)
	}
}

func (p *pair) permittedOnly(t *testing.T, c *callers, r httpapi.RouteInfo) {
	north := p.a.north
	own := north.good(r)
	own.as = ""
	own.path = with(north.sample(r), own.path)
	strangers, borrowed := p.strangers(r, own), p.borrowed(own)
	p.unchanged(t, func() {
		p.refused(t, "", "no token", []call{own}, http.StatusUnauthorized)
		p.refused(t, "no.token.atall", "not a token", []call{own}, http.StatusUnauthorized)
		p.refused(t, c.foreign, "a token of the other tenant", []call{own}, http.StatusUnauthorized)
		p.refused(t, c.lacking[r.Permission], "a token with all other permissions", []call{own}, http.StatusForbidden)
		for who, token := range c.tokens {
			p.refused(t, token, who, strangers, refusals(r.ID)...)
			p.alike(t, token, own, strangers)
			p.refused(t, token, who+" in the body", borrowed, bodyRefusals(r.ID)...)
			p.alike(t, token, own, borrowed)
			if rootOnly[r.ID] != "" || fromAbove[r.ID] != "" {
				p.refused(t, token, who, []call{own}, http.StatusForbidden, http.StatusNotFound)
			}
		}
	})
	switch {
	case rootOnly[r.ID] != "":
		p.allowed(t, p.a.root.manage, r, p.a.root)
	case fromAbove[r.ID] != "":
		p.allowed(t, p.a.root.manage, r, north)
	default:
		for _, token := range c.tokens {
			p.allowed(t, token, r, north)
		}
	}
}

// rootOnly are the operations that the root organization alone has, with the reason.
var rootOnly = map[string]string{
	"listKeys":         "keys are the tenant's",
	"rotateKeys":       "keys are the tenant's",
	"verifyEventChain": "the chain spans the tenant",
}

// fromAbove are the operations on an organization that its own administrators may not do, with the reason.
var fromAbove = map[string]string{
	"mapDomain":    "who owns a domain has to be proven, or be vouched for by an organization above",
	"setSeatLimit": "who pays sets the limit",
}

// refusals are the statuses with which an operation may refuse what is not there.
func refusals(id string) []int {
	if id == "addGroupMember" { // the same for a person who does not exist, and for one of another organization
		return []int{http.StatusNotFound, http.StatusConflict}
	}
	return []int{http.StatusNotFound}
}

func with(samples, own map[string]string) map[string]string {
	for name, value := range own {
		samples[name] = value
	}
	return samples
}

// strangers are the calls that name what a token of north must not reach: the organization of another, or its own
// organization and things of another, all of them or the last only.
func (p *pair) strangers(r httpapi.RouteInfo, own call) []call {
	var calls []call
	names := parameters(r)
	swap := func(org string, from map[string]string, which []string) {
		path := map[string]string{"org": org}
		for name, value := range own.path {
			if name != "org" {
				path[name] = value
			}
		}
		differs := org != p.a.north.org && strings.Contains(r.Path, "{org}")
		for _, name := range which {
			differs = differs || path[name] != from[name]
			path[name] = from[name]
		}
		if differs {
			calls = append(calls, call{route: r, path: path, body: own.body, header: own.header, query: own.query})
		}
	}
	for _, victim := range []*place{p.a.south, p.b.north, p.b.south, p.a.root, p.b.root} {
		theirs := victim.sample(r)
		swap(victim.org, theirs, names) // all theirs
		swap(victim.org, theirs, nil)   // their organization, own things
	}
	swap(p.a.south.handle, nil, nil)
	if strings.Contains(r.Path, "{org}") {
		swap("root", nil, nil)
	}
	for _, victim := range []*place{p.a.south, p.a.branch, p.b.north} {
		if len(names) == 0 || r.ID == "addMember" && victim == p.a.branch {
			continue // whoever may see a person below may make him a member
		}
		theirs := victim.sample(r)
		swap(p.a.north.org, theirs, names) // own organization, their things
		if len(names) > 1 {
			swap(p.a.north.org, theirs, names[len(names)-1:])
			swap(p.a.north.org, theirs, names[:len(names)-1])
		}
	}
	return calls
}

// bodyRefusals are those for what a body names.
func bodyRefusals(id string) []int {
	if id == "endUserSessions" || id == "revokeUserConsents" { // a person who is nobody here has no session here, and allowed nothing
		return []int{http.StatusNoContent}
	}
	return []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity}
}

// typed finds identifiers in a body.
var typed = regexp.MustCompile(`"([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}"`)

// kinds are the path parameters whose makers make the identifiers of a prefix.
var kinds = map[string]string{"api": "resource", "app": "app", "grp": "group", "org": "org", "rol": "role", "usr": "user"}

// borrowed are the calls in whose bodies one identifier is that of a thing of another organization or tenant.
func (p *pair) borrowed(own call) []call {
	raw, err := json.Marshal(own.body)
	if err != nil {
		shared.Fatal(err)
	}
	var calls []call
	for _, at := range typed.FindAllSubmatchIndex(raw, -1) {
		kind := kinds[string(raw[at[2]:at[3]])]
		if kind == "" {
			shared.Fatalf("nothing makes a sample of what %s names", raw[at[0]:at[1]])
		}
		for _, victim := range []*place{p.a.south, p.b.north} {
			theirs := victim.sample(httpapi.RouteInfo{Path: "{" + kind + "}"})[kind]
			if kind == "org" {
				theirs = victim.org
			}
			c := own
			c.body = string(raw[:at[0]+1]) + theirs + string(raw[at[1]-1:])
			c.ghost = string(raw[:at[0]+1]) + ghost(theirs) + string(raw[at[1]-1:])
			calls = append(calls, c)
		}
	}
	return calls
}

// alike compares each answer with the one for what does not exist: they must not differ.
func (p *pair) alike(t *testing.T, token string, own call, calls []call) {
	t.Helper()
	for _, c := range calls {
		nothing := c
		nothing.path = map[string]string{}
		for name, value := range c.path {
			nothing.path[name] = value
			if value != own.path[name] {
				nothing.path[name] = ghost(value)
			}
		}
		if c.ghost != "" {
			nothing.body = c.ghost
		} else if nothing.at() == c.at() {
			continue // named by a handle
		}
		got, want := p.send(p.A, token, c), p.send(p.A, token, nothing)
		delete(got.JSON, "request_id")
		delete(want.JSON, "request_id")
		if got.StatusCode != want.StatusCode || fmt.Sprint(got.JSON) != fmt.Sprint(want.JSON) {
			t.Errorf("%s tells that it is there: %d %s, not %d %s", c.at(), got.StatusCode, got.Raw, want.StatusCode, want.Raw)
		}
	}
}

// allowed asks as one who may, and reads what the log says of it.
func (p *pair) allowed(t *testing.T, token string, r httpapi.RouteInfo, at *place) {
	t.Helper()
	c := at.good(r)
	mark := p.ledger().newest()
	got := p.send(at.tenant, token, c)
	if got.StatusCode != r.Status {
		t.Errorf("%s %s: %d %s, not %d", r.Method, c.at(), got.StatusCode, got.Raw, r.Status)
		return
	}
	described := operationOf(r).Responses[strconv.Itoa(r.Status)].Headers["ETag"] != nil
	if sent := got.Header.Get("ETag") != ""; sent != described && untagged[r.ID] == "" {
		t.Errorf("%s: ETag described %t, sent %t", r.ID, described, sent)
	}
	places := []string{at.org, c.path["org"]}
	if id, ok := got.JSON["id"].(string); ok && strings.HasPrefix(id, "org_") {
		places = append(places, id)
	}
	p.told(t, r, mark, at.tenant.Handle, places)
}

// untagged are the operations that may answer without the ETag that they are described with, with the reason.
var untagged = map[string]string{"getAppShare": "the app was never shared"}

// silent are the operations that change something and write no event, with the reason.
var silent = map[string]string{}

// told checks that a change was written down, for the right tenant and organizations, and nothing else was.
func (p *pair) told(t *testing.T, r httpapi.RouteInfo, mark, tenant string, places []string) {
	t.Helper()
	all := p.ledger().since(mark)
	if changes := r.Method != http.MethodGet; changes == (len(all) == 0) && silent[r.ID] == "" {
		t.Errorf("%s wrote %d events: %v", r.ID, len(all), all)
	}
	for _, e := range all {
		right := false
		for _, org := range places {
			id, err := parseOrg(org)
			right = right || err == nil && id == e.Org
		}
		if e.Tenant != tenant || !right {
			t.Errorf("%s is told in the log of %s in %s: %+v", r.ID, e.Org, e.Tenant, e)
		}
		if strings.HasPrefix(e.Actor, "system") || strings.HasPrefix(e.Actor, "anonymous") {
			t.Errorf("%s has no actor: %+v", r.ID, e)
		}
	}
}

// parseOrg reads an organization's identifier as the database has it.
func parseOrg(s string) (string, error) {
	var id ids.Org
	err := id.UnmarshalText([]byte(s))
	return id.UUID().String(), err
}
