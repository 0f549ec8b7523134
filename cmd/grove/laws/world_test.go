package laws_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/httpapi"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	shared.end()
	testkit.Stop()
	os.Exit(code)
}

// host is the testing.TB of the one world that most tests here share: it outlives each of them and fails the one that runs.
type host struct {
	testing.TB
	after []func()
	two   *pair
}

var shared host

func (h *host) Cleanup(f func()) { h.after = append(h.after, f) }

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "grove-laws-")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (h *host) end() {
	for i := len(h.after) - 1; i >= 0; i-- {
		h.after[i]()
	}
}

// pair is the world: two tenants with the same trees, people and things.
type pair struct {
	*apptest.World
	a, b *tree
}

// world starts the shared world, or lends it to the next test.
func world(t *testing.T) *pair {
	t.Helper()
	shared.TB = t
	if shared.two == nil {
		w := apptest.New(&shared)
		shared.two = &pair{World: w, a: plant(w, w.A), b: plant(w, w.B)}
	}
	return shared.two
}

// lend makes failures those of a subtest until it ends.
func lend(t *testing.T) {
	outer := shared.TB
	shared.TB = t
	t.Cleanup(func() { shared.TB = outer })
}

// tree is one tenant: root, north and south below it, branch below north.
type tree struct {
	root, north, south, branch *place
}

// place is one organization, and how to make things in it.
type place struct {
	*apptest.World
	tenant apptest.Tenant
	handle string
	manage string // a token of the tenant's management client
	org    string
	parent *place
	kept   map[string]map[string]string // samples that may be used again, by path
}

func plant(w *apptest.World, t apptest.Tenant) *tree {
	manage := w.Token(t)
	root := &place{World: w, tenant: t, handle: "root", manage: manage, org: t.Root, kept: map[string]map[string]string{}}
	north := root.child("north")
	return &tree{root: root, north: north, south: root.child("south"), branch: north.child("branch")}
}

// child makes an organization below.
func (p *place) child(handle string) *place {
	id := p.post("/orgs", m{"name": strings.ToUpper(handle[:1]) + handle[1:], "handle": handle, "parent_id": p.org})["id"].(string)
	return &place{World: p.World, tenant: p.tenant, handle: handle, manage: p.manage, org: id, parent: p, kept: map[string]map[string]string{}}
}

type m = map[string]any

func (p *place) post(path string, body any) m { return p.Must(p.tenant, p.manage, "POST", path, body) }

func (p *place) put(path string, body any) m { return p.Must(p.tenant, p.manage, "PUT", path, body) }

// at is the path of something in the organization, below /v1.
func (p *place) at(format string, args ...any) string {
	return "/orgs/" + p.org + fmt.Sprintf(format, args...)
}

var counted atomic.Int64

// unique makes a word that nothing else has.
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, counted.Add(1)) }

// person is somebody with a password.
type person struct{ id, username string }

// person makes a resident of the organization.
func (p *place) person() person {
	name := unique("jo") + "@" + p.handle + ".example"
	body := m{"username": name, "email": name, "given_name": "Jo", "family_name": "Doe", "password": apptest.Password, "must_change_password": false}
	return person{id: p.post(p.at("/users"), body)["id"].(string), username: name}
}

// administrator makes a resident who holds every permission in the organization and below.
func (p *place) administrator() person {
	who := p.person()
	p.post(p.at("/roles/%s/assignments", p.builtin("Administrator")), m{"principal": m{"type": "user", "id": who.id}, "reach": "subtree"})
	return who
}

func (p *place) builtin(role string) string {
	return p.find(p.at("/roles"), "name", role)
}

// managementAPI is the id of the API resource whose scopes are the permissions.
func (p *place) managementAPI() string {
	return p.find(p.at("/api-resources"), "identifier", "urn:grove:api")
}

// find reads the id of the thing in a list whose member has a value.
func (p *place) find(path, member, value string) string {
	for _, item := range p.Must(p.tenant, p.manage, "GET", path+"?page_size=200", nil)["items"].([]any) {
		if item.(m)[member] == value {
			return item.(m)["id"].(string)
		}
	}
	shared.Fatalf("%s: nothing has %s %s", path, member, value)
	return ""
}

// signIn is a person at the account portal, in this organization.
func (p *place) signIn(who person) apptest.SignIn {
	return apptest.SignIn{Org: p.org, Username: who.username, Password: apptest.Password}
}

// speaker is a token of an administrator's of the organization, at its console.
func (p *place) speaker() string {
	s := p.signIn(p.administrator())
	s.ClientID = "console"
	return p.Tokens(p.tenant, s).Text("access_token")
}

// tokenOf signs a person in to this organization by the account portal.
func (p *place) tokenOf(who person) string {
	return p.Tokens(p.tenant, p.signIn(who)).Text("access_token")
}

// machine makes a client of the organization's own that holds all permissions there and below.
func (p *place) machine() apptest.Tenant {
	made := p.post(p.at("/apps"), m{"name": unique("Machine"), "template": "m2m"})
	p.put(p.at("/apps/%s/authorized-apis", made["id"]), m{"resource": p.managementAPI(), "policy": "none", "scopes": []string{"grove"}})
	t := p.tenant
	t.ClientID, t.ClientSecret = made["client_id"].(string), made["client_secret"].(string)
	return t
}

// described is what the program offers.
var described = app.Describe("")

// bearer is the header of a token; none where it is "".
func bearer(token string) []string {
	if token == "" {
		return nil
	}
	return []string{"Authorization", "Bearer " + token}
}

// call is one request to an operation.
type call struct {
	route  httpapi.RouteInfo
	path   map[string]string
	body   any
	header []string
	query  string // with its question mark
	as     string // the token of who alone may do it, whatever else he holds
	ghost  string // the body with an identifier of nothing, where the body is what differs
}

// send sends it to a tenant, with a token.
func (p *pair) send(t apptest.Tenant, token string, c call) apptest.Response {
	base := t.Base
	if c.route.Access == httpapi.Operator {
		base = apptest.Origin
	}
	return p.Do(p.plain(), c.route.Method, base+c.at()+c.query, c.body, append(bearer(cmp.Or(c.as, token)), c.header...)...)
}

// at is the address below the base.
func (c call) at() string {
	path := c.route.Path
	for name, value := range c.path {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

var quick *http.Client

// plain is a client without cookies worth keeping, for all calls of the API.
func (p *pair) plain() *http.Client {
	if quick == nil {
		quick = p.Client()
		quick.Jar = nil
		shared.Cleanup(quick.CloseIdleConnections)
	}
	return quick
}

// TestPlans comes last: it explains every statement that the tests before it have sent. Each must have an index to use.
func TestPlans(t *testing.T) {
	testkit.CheckPlans(t, world(t).DB)
}
