package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/secrets"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var (
	permRead  = perm.Declare("things.read", "Read things.")
	permWrite = perm.Declare("things.write", "Write things.")
)

// world is a directory, an authenticator and an authorizer in one: tenant acme with the organizations root and north.
type world struct {
	tenant httpapi.Tenant
	north  httpapi.Org
	held   map[string]bool
	user   ids.User
}

func (w *world) TenantByHandle(_ context.Context, handle string) (httpapi.Tenant, error) {
	if handle != "acme" {
		return httpapi.Tenant{}, fault.CodeTenantNotFound.With("", nil)
	}
	return w.tenant, nil
}

func (w *world) TenantByHost(context.Context, string) (httpapi.Tenant, error) {
	return httpapi.Tenant{}, fault.CodeTenantNotFound.With("", nil)
}

func (w *world) Org(_ context.Context, _ httpapi.Tenant, ref string) (httpapi.Org, error) {
	if ref != "north" && ref != w.north.ID.String() {
		return httpapi.Org{}, fault.ErrNotFound
	}
	return w.north, nil
}

func (w *world) Authenticate(_ context.Context, _ httpapi.Tenant, c httpapi.Credentials) (actor.Actor, error) {
	if c.Token != "good" {
		return actor.Actor{}, fault.CodeUnauthorized.With("", nil)
	}
	return actor.Actor{Kind: actor.User, User: w.user, Tenant: w.tenant.ID, Org: w.north.ID}, nil
}

func (w *world) Permissions(context.Context, actor.Actor, httpapi.Org) (httpapi.Held, error) {
	return httpapi.Held{Names: w.held, Visible: w.held != nil}, nil
}

type createThingInput struct {
	httpapi.OrgPath
	Body createThingRequest
}

type createThingRequest struct {
	Name     string     `json:"name" minLength:"1" maxLength:"20"`
	Password string     `json:"password" minLength:"12"`
	Color    string     `json:"color,omitempty" enum:"red,blue"`
	Code     string     `json:"code,omitempty" pattern:"^[a-z]+$" patternDescription:"lower-case letters"`
	Count    int        `json:"count,omitempty" maximum:"1000000"`
	Owners   []ids.User `json:"owners,omitempty" maxItems:"1"`
	Until    time.Time  `json:"until,omitempty"`
}

type thing struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type changeThingInput struct {
	httpapi.OrgPath
	User ids.User `path:"user"`
	Body changeThingRequest
}

type changeThingRequest struct {
	Name  *string               `json:"name,omitempty"`
	Note  httpapi.Field[string] `json:"note,omitempty"`
	Users []ids.User            `json:"users,omitempty"`
}

type listThingsInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
	Color string   `query:"color"`
	Owner ids.User `query:"owner"`
}

func serve(t *testing.T, w *world, d *db.DB, fail func(name string) error, options ...func(*httpapi.Options)) http.Handler {
	t.Helper()
	return serveWith(t, w, d, func(_ context.Context, name string) error {
		if fail == nil {
			return nil
		}
		return fail(name)
	}, options...)
}

func serveWith(t *testing.T, w *world, d *db.DB, work func(ctx context.Context, name string) error, options ...func(*httpapi.Options)) http.Handler {
	t.Helper()
	root, err := secrets.NewRoot(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	o := httpapi.Options{Authenticator: w, Authorizer: w, DB: d, Directory: w, Log: testkit.Quiet(), PlatformKey: strings.Repeat("k", 32),
		Sealer: secrets.NewSealer(root), Origins: func(_ context.Context, _ httpapi.Tenant, origin string) httpapi.CrossOrigin {
			return httpapi.CrossOrigin{Allowed: origin == "https://app.example" || origin == "https://bound.example", Cookies: origin == "https://bound.example"}
		}}
	for _, f := range options {
		f(&o)
	}
	a := httpapi.New(o)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[thing]]{ID: "createThing", Method: "POST", Path: "/v1/orgs/{org}/things", Tag: "Things", Summary: "Create", Description: "For tests.", Status: 201, Needs: permWrite,
		Replay: func(_ context.Context, _ *httpapi.Call, subject string) (*httpapi.Entity[thing], error) {
			return httpapi.Versioned(thing{Name: "replayed " + subject}, 3), nil
		}},
		func(ctx context.Context, c *httpapi.Call, in *createThingInput) (*httpapi.Entity[thing], error) {
			if err := work(ctx, in.Body.Name); err != nil {
				return nil, err
			}
			return httpapi.Versioned(thing{ID: in.Body.Name, Name: in.Body.Name}, 3), nil
		})
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[thing]]]{ID: "listThings", Method: "GET", Path: "/v1/orgs/{org}/things", Tag: "Things", Summary: "List", Description: "For tests.", Status: 200, Needs: permRead},
		func(ctx context.Context, c *httpapi.Call, in *listThingsInput) (*httpapi.Out[page.Of[thing]], error) {
			req, err := c.Page(in.PageQuery)
			if err != nil {
				return nil, err
			}
			rows := []thing{{Name: "a"}, {Name: "b"}, {Name: "c"}}[len(req.After):]
			return httpapi.List(c, page.Cut(req, rows, func(x thing) []string { return []string{x.Name} })), nil
		})
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "changeThing", Method: "DELETE", Path: "/v1/orgs/{org}/things/{user}", Tag: "Things", Summary: "Delete", Description: "For tests.", Status: 204, Needs: permWrite, MatchRequired: true},
		func(ctx context.Context, c *httpapi.Call, in *struct {
			httpapi.OrgPath
			httpapi.Match
			User ids.User `path:"user"`
		}) (*httpapi.None, error) {
			_, err := in.Version()
			return nil, err
		})
	httpapi.Handle(a, httpapi.Route[httpapi.Out[thing]]{ID: "getThing", Method: "GET", Path: "/v1/orgs/{org}/things/{user}", Tag: "Things", Summary: "Read", Description: "For tests.", Status: 200, Needs: permRead},
		func(context.Context, *httpapi.Call, *struct {
			httpapi.OrgPath
			User ids.User `path:"user"`
		}) (*httpapi.Out[thing], error) {
			return httpapi.Reply(thing{}), nil
		})
	httpapi.Handle(a, httpapi.Route[httpapi.Out[thing]]{ID: "patchThing", Method: "PATCH", Path: "/v1/orgs/{org}/things/{user}", Tag: "Things", Summary: "Change", Description: "For tests.", Status: 200, Needs: permWrite},
		func(context.Context, *httpapi.Call, *changeThingInput) (*httpapi.Out[thing], error) {
			return httpapi.Reply(thing{}), nil
		})
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "platformThing", Method: "GET", Path: "/platform/v1/things", Tag: "Things", Summary: "Operate", Description: "For tests.", Status: 204, Access: httpapi.Operator},
		func(context.Context, *httpapi.Call, *struct{}) (*httpapi.None, error) { return nil, nil })
	a.Base().Post("/oauth2/token", func(http.ResponseWriter, *http.Request) {})
	return a.Handler()
}

func newWorld() *world {
	root, north := ids.NewOrg(), ids.NewOrg()
	return &world{user: ids.NewUser(), tenant: httpapi.Tenant{ID: ids.NewTenant(), Handle: "acme", Root: root, Base: "http://id.example/t/acme"},
		north: httpapi.Org{ID: north, Handle: "north", Path: []ids.Org{root, north}}, held: map[string]bool{"things.read": true, "things.write": true}}
}

type reply struct {
	*httptest.ResponseRecorder
	Problem httpapi.Problem
}

func call(h http.Handler, method, target, body string, headers ...string) reply {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := reply{ResponseRecorder: w}
	_ = json.Unmarshal(w.Body.Bytes(), &out.Problem)
	return out
}

const things = "/t/acme/v1/orgs/north/things"

func TestInputIsNeverEchoed(t *testing.T) {
	h := serve(t, newWorld(), nil, func(name string) error {
		if name == "db" {
			return errors.New("pq: hunter2 leaked from the driver")
		}
		return nil
	})
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"too short a password": {`{"name":"x","password":"hunter2"}`, 422, "request.invalid"},
		"missing sibling":      {`{"password":"hunter2hunter2"}`, 422, "request.invalid"},
		"broken JSON":          {`{"password":"hunter2`, 400, "request.malformed"},
		"unknown member":       {`{"name":"x","password":"longenoughpassword","hunter2":1}`, 422, "request.invalid"},
		"wrong type":           {`{"name":["hunter2"],"password":"longenoughpassword"}`, 422, "request.invalid"},
		"internal error":       {`{"name":"db","password":"longenoughpassword"}`, 500, "server.internal"},
		"no body":              {``, 400, "request.malformed"},
	} {
		got := call(h, "POST", things, c.body)
		if got.Code != c.status || got.Problem.Code != c.code {
			t.Errorf("%s: %d %s: %s", name, got.Code, got.Problem.Code, got.Body)
		}
		if strings.Contains(got.Body.String(), "hunter2") {
			// A property's own name may be told; it is what the caller has to take out.
			if name != "unknown member" {
				t.Errorf("%s echoes input: %s", name, got.Body)
			}
		}
		if ct := got.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: content type %s", name, ct)
		}
		if got.Problem.RequestID == "" || got.Problem.RequestID != got.Header().Get("X-Request-Id") {
			t.Errorf("%s: request id %q", name, got.Problem.RequestID)
		}
	}
}

// TestSentences: what is said of a value can be shown under its field, and says what the value must be.
func TestSentences(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	owner := newWorld().user.String()
	for _, c := range []struct{ body, pointer, detail string }{
		{`"name":""`, "/name", "Must not be empty."},
		{`"name":"` + strings.Repeat("x", 21) + `"`, "/name", "Must have at most 20 characters."},
		{`"name":7`, "/name", "Must be a text."},
		{`"password":"short"`, "/password", "Must have at least 12 characters."},
		{`"color":"hunter2"`, "/color", "Must be one of: red, blue."},
		{`"code":"Hunter2!"`, "/code", "Must be lower-case letters."},
		{`"count":1000001`, "/count", "Must be 1000000 or less."},
		{`"count":1.5`, "/count", "Must be a whole number."},
		{`"owners":["` + owner + `","` + owner + `"]`, "/owners", "Must have at most 1 entry."},
		{`"owners":["usr_hunter2"]`, "/owners/0", "Must be an identifier: usr_ and 26 letters and digits."},
		{`"owners":["` + owner[:29] + `z"]`, "/owners/0", "Must be an identifier: usr_ and 26 letters and digits."},
		{`"until":"hunter2"`, "/until", "Must be a time as RFC 3339 writes it, such as 2026-11-30T09:00:00Z."},
		{`"hunter":2`, "/hunter", "There is no such field here."},
	} {
		body := `{` + c.body
		for _, other := range []string{`"name":"x"`, `"password":"longenoughpassword"`} {
			if member, _, _ := strings.Cut(other, ":"); !strings.HasPrefix(c.body, member) {
				body += "," + other
			}
		}
		got := call(h, "POST", things, body+"}")
		if want := (httpapi.ProblemField{Pointer: c.pointer, Code: "request.invalid", Detail: c.detail}); got.Code != 422 || len(got.Problem.Errors) != 1 || got.Problem.Errors[0] != want {
			t.Errorf("%s: %d %+v", c.body, got.Code, got.Problem.Errors)
		}
	}
	for target, want := range map[string]httpapi.ProblemField{
		things + "?colour=red":       {Pointer: "query:colour", Detail: "There is no such parameter."},
		things + "?page_size=many":   {Pointer: "query:page_size", Detail: "Must be a whole number."},
		things + "?page_size=201":    {Pointer: "query:page_size", Detail: "Must be 200 or less."},
		things + "?owner=usr_hunter": {Pointer: "query:owner", Detail: "Must be an identifier: usr_ and 26 characters."},
	} {
		got := call(h, "GET", target, "")
		want.Code = "request.invalid"
		if got.Code != 422 || len(got.Problem.Errors) != 1 || got.Problem.Errors[0] != want {
			t.Errorf("%s: %d %+v", target, got.Code, got.Problem.Errors)
		}
	}
}

func TestWhoMayCall(t *testing.T) {
	w := newWorld()
	h := serve(t, w, nil, nil)
	for name, c := range map[string]struct {
		target string
		auth   string
		held   map[string]bool
		status int
	}{
		"good":                      {things, "Bearer good", w.held, 200},
		"no token":                  {things, "", w.held, 401},
		"bad token":                 {things, "Bearer bad", w.held, 401},
		"two spaces":                {things, "Bearer  good", w.held, 401},
		"another scheme":            {things, "Basic good", w.held, 401},
		"lacks the permission":      {things, "Bearer good", map[string]bool{}, 403},
		"may not see":               {things, "Bearer good", nil, 404},
		"no such organization":      {"/t/acme/v1/orgs/south/things", "Bearer good", w.held, 404},
		"no such tenant":            {"/t/evil/v1/orgs/north/things", "Bearer good", w.held, 404},
		"no such address":           {"/t/acme/v1/nothing", "Bearer good", w.held, 404},
		"no such method":            {things, "Bearer good", w.held, 405},
		"unknown parameter":         {things + "?colour=red", "Bearer good", w.held, 422},
		"parameter twice":           {things + "?page_size=5&page_size=5", "Bearer good", w.held, 422},
		"page too large":            {things + "?page_size=201", "Bearer good", w.held, 422},
		"operator's with a token":   {"/platform/v1/things", "Bearer good", w.held, 401},
		"operator's with the key":   {"/platform/v1/things", "Bearer " + strings.Repeat("k", 32), w.held, 204},
		"operator's below a tenant": {"/t/acme/platform/v1/things", "Bearer good", w.held, 401},
	} {
		w.held = c.held
		method := "GET"
		if name == "no such method" {
			method = "PUT"
		}
		got := call(h, method, c.target, "", "Authorization", c.auth)
		if got.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", name, got.Code, c.status, got.Body)
		}
	}
	w.held = map[string]bool{}
	r := httptest.NewRequest("GET", things, nil)
	r.Header["Authorization"] = []string{"Bearer good", "Bearer other"}
	two := httptest.NewRecorder()
	if h.ServeHTTP(two, r); two.Code != 401 {
		t.Errorf("two headers: %d %s", two.Code, two.Body)
	}
}

func TestPathIdsAreChecked(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	for _, bad := range []string{"usr_a", ids.NewOrg().String(), ids.NewUser().String() + ":suspend", ids.NewUser().String() + "%3Asuspend", "..%2f..", strings.Repeat("u", 3000)} {
		if got := call(h, "DELETE", things+"/"+bad, "", "If-Match", `"1"`); got.Code != 422 && got.Code != 404 {
			t.Errorf("%.60s: %d", bad, got.Code)
		}
	}
}

func TestPreconditions(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	target := things + "/" + ids.NewUser().String()
	for match, want := range map[string]int{"": 428, `"1"`: 204, "*": 204, "1": 412, `W/"1"`: 412, `"0"`: 412, `"x"`: 412} {
		var headers []string
		if match != "" {
			headers = []string{"If-Match", match}
		}
		if got := call(h, "DELETE", target, "", headers...); got.Code != want {
			t.Errorf("If-Match %s: %d, want %d", match, got.Code, want)
		}
	}
	if got := call(h, "POST", things, `{"name":"x","password":"longenoughpassword"}`); got.Header().Get("ETag") != `"3"` || got.Code != 201 {
		t.Errorf("ETag %q, status %d", got.Header().Get("ETag"), got.Code)
	}
}

// TestAttack26_PageTokens: a token is good for its own list, tenant, organization, reader and filters only.
func TestAttack26_PageTokens(t *testing.T) {
	w := newWorld()
	h := serve(t, w, nil, nil)
	var first page.Of[thing]
	got := call(h, "GET", things+"?page_size=1&color=red", "")
	if err := json.Unmarshal(got.Body.Bytes(), &first); err != nil || first.NextPageToken == "" {
		t.Fatalf("%v: %s", err, got.Body)
	}
	token := first.NextPageToken
	if got := call(h, "GET", things+"?page_size=2&color=red&page_token="+token, ""); got.Code != 200 {
		t.Errorf("its own list refuses the token: %d %s", got.Code, got.Body)
	}
	for name, query := range map[string]string{
		"other filter": "?color=blue&page_token=" + token,
		"no filter":    "?page_token=" + token,
		"altered":      "?color=red&page_token=" + token[:len(token)-2] + "AA",
		"made up":      "?color=red&page_token=WyJhIl0",
	} {
		if got := call(h, "GET", things+query, ""); got.Code != 400 || got.Problem.Code != "request.page_token" {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	own := *w
	for who, change := range map[string]func(){
		"another organization": func() { w.north.ID = ids.NewOrg() },
		"another person":       func() { w.user = ids.NewUser() },
		"another tenant":       func() { w.tenant.ID = ids.NewTenant() },
	} {
		change()
		if got := call(h, "GET", things+"?page_size=1&color=red&page_token="+token, ""); got.Code != 400 {
			t.Errorf("%s takes the token: %d", who, got.Code)
		}
		*w = own
	}
}

func TestIdempotencyKeyBounds(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations()}, "", nil)
	h := serve(t, newWorld(), d.DB, nil)
	if got := call(h, "POST", things, `{"name":"x","password":"longenoughpassword"}`, "Idempotency-Key", strings.Repeat("k", 256)); got.Code != 422 {
		t.Errorf("a long key: %d", got.Code)
	}
	if got := call(h, "POST", things, `{"name":"x","password":"longenoughpassword"}`, "Idempotency-Key", "one"); got.Code != 201 {
		t.Errorf("a good key: %d %s", got.Code, got.Body)
	}
}

// TestTwinInProgress: the twin of a request that is not done yet, wherever in it the two would meet, is told that it is not.
func TestTwinInProgress(t *testing.T) {
	d := testkit.New(t, []fs.FS{db.Migrations()}, "", nil)
	w := newWorld()
	var h http.Handler
	var twin, stranger reply
	send := func(name, key string) reply {
		return call(h, "POST", things, `{"name":"`+name+`","password":"longenoughpassword"}`, "Idempotency-Key", key)
	}
	work := func(ctx context.Context, name string) error {
		return d.InTenant(ctx, w.tenant.ID, func(context.Context, db.Tx) error {
			if name == "slow" && twin.ResponseRecorder == nil {
				twin = send("slow", "one")
				stranger = send("quick", "two")
			}
			return nil
		})
	}
	h = serveWith(t, w, d.DB, work)
	if first := send("slow", "one"); first.Code != 201 {
		t.Errorf("the first: %d %s", first.Code, first.Body)
	}
	if twin.Code != 409 || twin.Problem.Code != "idempotency.in_progress" {
		t.Errorf("the twin: %d %s", twin.Code, twin.Body)
	}
	if stranger.Code != 201 {
		t.Errorf("another request: %d %s", stranger.Code, stranger.Body)
	}
}

// TestBusyIsSentAgain: what a database could not do in time may be sent again, and says when.
func TestBusyIsSentAgain(t *testing.T) {
	for state, want := range map[string]int{"40001": 503, "40P01": 503, "55P03": 503, "57014": 503, "57P01": 503, "22012": 500} {
		h := serve(t, newWorld(), nil, func(string) error { return fmt.Errorf("rule: %w", &pgconn.PgError{Code: state}) })
		got := call(h, "POST", things, `{"name":"x","password":"longenoughpassword"}`)
		if got.Code != want || (got.Header().Get("Retry-After") != "") != (want == 503) || want == 503 && got.Problem.Code != "server.unavailable" {
			t.Errorf("%s: %d %v %s", state, got.Code, got.Header(), got.Body)
		}
	}
}

// TestBodies: a body where none is taken is refused, and so is null for what cannot be removed; where a thing was made is told.
func TestBodies(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	one := things + "/" + newUser
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		pointer            string
	}{
		"a body of a DELETE":        {"DELETE", one, `-i`, 400, ""},
		"a body of a GET":           {"GET", things, `{}`, 400, ""},
		"null for a value":          {"PATCH", one, `{"name":null}`, 422, "/name"},
		"null for what may be gone": {"PATCH", one, `{"note":null}`, 200, ""},
		"null where one is made":    {"POST", things, `{"name":"x","password":null}`, 422, "/password"},
		"a patch":                   {"PATCH", one, `{"name":"y","note":"z"}`, 200, ""},
		"null for nothing":          {"PATCH", one, `{"nothing":null}`, 422, "/nothing"},
		"no object":                 {"PATCH", one, `[null]`, 422, ""},
		"an id of another kind":     {"PATCH", one, `{"users":["` + newUser + `","org_01j4x5t00070008000000000g0"]}`, 422, "/users/1"},
		"an id that is none":        {"PATCH", one, `{"users":["usr_01j4x5t00070008000000000gz"]}`, 422, "/users/0"},
	} {
		got := call(h, c.method, c.path, c.body, "If-Match", "*")
		if got.Code != c.status || c.pointer != "" && (len(got.Problem.Errors) != 1 || got.Problem.Errors[0].Pointer != c.pointer) {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	for body, status := range map[string]int{"": 200, "{}": 400} {
		r := httptest.NewRequest("GET", things, struct{ io.Reader }{strings.NewReader(body)}) // whose length is not told
		r.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); r.ContentLength != -1 || w.Code != status {
			t.Errorf("a body %q of %d bytes: %d %s", body, r.ContentLength, w.Code, w.Body)
		}
	}
	made := call(h, "POST", things, `{"name":"x","password":"longenoughpassword"}`)
	if at := made.Header().Get("Location"); at != "http://id.example"+things+"/x" {
		t.Errorf("made at %q", at)
	}
}

const newUser = "usr_01j4x5t00070008000000000g0"

// TestMediaTypes: a code of its own tells a client that builds its requests wrongly from one that was given wrong data.
func TestMediaTypes(t *testing.T) {
	h := serve(t, newWorld(), nil, nil)
	got := call(h, "POST", things, `name=x`, "Content-Type", "application/x-www-form-urlencoded")
	if got.Code != 415 || got.Problem.Code != "request.media_type" || got.Problem.Status != 415 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestAttack27_SecondSpelling: no member of a body reaches a rule without having been shown to the schema, by being
// written twice, or in another case, beside one that the schema likes.
func TestAttack27_SecondSpelling(t *testing.T) {
	h := serve(t, newWorld(), nil, func(name string) error {
		if name != "x" {
			t.Errorf("the rule got %q", name)
		}
		return nil
	})
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"once":                  {`{"name":"x","password":"longenoughpassword"}`, 201},
		"another case":          {`{"NAME":"y","password":"longenoughpassword"}`, 422},
		"both cases":            {`{"name":"x","NAME":"y","password":"longenoughpassword"}`, 422},
		"a letter that folds":   {`{"name":"x","pa\u017fsword":"a","password":"longenoughpassword"}`, 422},
		"twice":                 {`{"name":"y","name":"x","password":"longenoughpassword"}`, 400},
		"twice, escaped":        {`{"name":"y","\u006eame":"x","password":"longenoughpassword"}`, 400},
		"twice, further down":   {`{"name":"x","password":"longenoughpassword","z":[{"a":1,"a":2}]}`, 400},
		"not UTF-8":             {"{\"name\":\"\xff\",\"password\":\"longenoughpassword\"}", 400},
		"deep":                  {`{"name":` + strings.Repeat("[", 100_000), 400},
		"deep and whole":        {`{"name":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, 400},
		"names as values":       {`{"name":"x","password":"longenoughpassword"} `, 201},
		"nothing after it":      {`{"name":"x","password":"longenoughpassword"} {}`, 400},
		"a bracket of its own":  {`]`, 400},
		"the end of the object": {`{"name"`, 400},
	} {
		if got := call(h, "POST", things, c.body); got.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", name, got.Code, c.status, got.Body)
		}
	}
}

func TestIncompleteRoutesStopTheStart(t *testing.T) {
	handler := func(context.Context, *httpapi.Call, *struct{}) (*httpapi.None, error) { return nil, nil }
	for name, route := range map[string]httpapi.Route[httpapi.None]{
		"no permission":          {ID: "x", Method: "GET", Path: "/v1/orgs/{org}/x", Tag: "X", Summary: "X", Description: "X.", Status: 200},
		"no summary":             {ID: "x", Method: "GET", Path: "/v1/orgs/{org}/x", Tag: "X", Status: 200, Needs: permRead},
		"no status":              {ID: "x", Method: "GET", Path: "/v1/orgs/{org}/x", Tag: "X", Summary: "X", Description: "X.", Needs: permRead},
		"operator's outside":     {ID: "x", Method: "GET", Path: "/v1/x", Tag: "X", Summary: "X", Description: "X.", Status: 200, Access: httpapi.Operator},
		"permission without org": {ID: "x", Method: "GET", Path: "/v1/x", Tag: "X", Summary: "X", Description: "X.", Status: 200, Needs: permRead},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			httpapi.Handle(httpapi.New(httpapi.Options{Log: testkit.Quiet()}), route, handler)
		}()
	}
}
