package signals_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

type m = map[string]any

const (
	push = "urn:ietf:rfc:8935"
	poll = "urn:ietf:rfc:8936"

	callback = "https://notes.example/cb"

	ssf  = "https://schemas.openid.net/secevent/ssf/event-type/"
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
)

// world is a tenant with two organizations, a person in each, and an app that both have and that people sign in to.
type world struct {
	*apptest.World
	t            testing.TB
	manage       string
	north, south string
	eva, otto    string
	app          *receiver
}

// receiver is an app that may be told of what happens, and its token.
type receiver struct {
	w                    *world
	id, clientID, secret string
	token                string
}

func newWorld(t *testing.T, options ...apptest.Option) *world {
	t.Helper()
	w := &world{World: apptest.New(t, append(options, apptest.Configure(func(o *app.Options) { o.Dev = true }))...), t: t}
	w.manage = w.Token(w.A)
	w.north, w.south = w.org("north"), w.org("south")
	w.eva, w.otto = w.person("north", "eva"), w.person("south", "otto")
	w.app = w.receiver("root", "ssf.manage", "ssf.read")
	w.share(w.app, m{"policy": "all", "roles": "all"})
	return w
}

func (w *world) org(handle string) string {
	return w.Must(w.A, w.manage, "POST", "/orgs", m{"name": strings.ToUpper(handle), "handle": handle})["id"].(string)
}

func (w *world) person(org, name string) string {
	address := name + "@" + org + ".example"
	return w.Must(w.A, w.manage, "POST", "/orgs/"+org+"/users", m{"username": address, "email": address, "password": apptest.Password, "must_change_password": false})["id"].(string)
}

func (w *world) share(r *receiver, share m) {
	w.Must(w.A, w.manage, "PUT", "/orgs/root/apps/"+r.id+"/shares", share)
	r.renew() // sharing with fewer ends tokens
}

// receiver makes an app of an organization's that people sign in to, and that may do what scopes say.
func (w *world) receiver(org string, scopes ...string) *receiver {
	w.t.Helper()
	made := w.Must(w.A, w.manage, "POST", "/orgs/"+org+"/apps", m{"name": "Notes " + rand.Text(), "template": "web", "redirect_uris": []string{callback}})
	r := &receiver{w: w, id: made["id"].(string), clientID: made["client_id"].(string), secret: made["client_secret"].(string)}
	w.Must(w.A, w.manage, "PATCH", "/orgs/"+org+"/apps/"+r.id+"/oidc", m{"grant_types": []string{"authorization_code", "client_credentials", "refresh_token"}})
	resources := w.Must(w.A, w.manage, "GET", "/orgs/"+org+"/api-resources", nil)["items"].([]any)
	at := slices.IndexFunc(resources, func(one any) bool { return one.(m)["identifier"] == "urn:grove:api" })
	w.Must(w.A, w.manage, "PUT", "/orgs/"+org+"/apps/"+r.id+"/authorized-apis", m{"resource": resources[at].(m)["id"], "scopes": scopes, "policy": "rbac"})
	r.renew(scopes...)
	return r
}

// renew gets another token.
func (r *receiver) renew(scopes ...string) {
	t := r.w.A
	t.ClientID, t.ClientSecret = r.clientID, r.secret
	if len(scopes) == 0 {
		scopes = []string{"ssf.manage", "ssf.read"}
	}
	r.token = r.w.Token(t, scopes...)
}

// call sends a request to an address below the tenant's base.
func (r *receiver) call(method, path string, body any) apptest.Response {
	r.w.t.Helper()
	return r.w.Do(r.w.Client(), method, r.w.A.Base+path, body, "Authorization", "Bearer "+r.token)
}

// must is call for what has to be answered with a status.
func (r *receiver) must(status int, method, path string, body any) apptest.Response {
	r.w.t.Helper()
	got := r.call(method, path, body)
	if got.StatusCode != status {
		r.w.t.Fatalf("%s %s: %d %s", method, path, got.StatusCode, got.Raw)
	}
	return got
}

// stream makes a stream, and returns its identifier.
func (r *receiver) stream(body m) string {
	r.w.t.Helper()
	return r.must(201, "POST", "/ssf/streams", body).Text("stream_id")
}

// polled is what an answer to a poll brings, read as a receiver does.
func (r *receiver) polled(stream string, body m) (sets []set, more bool) {
	r.w.t.Helper()
	got := r.must(200, "POST", "/ssf/poll/"+stream, body)
	for jti, raw := range got.JSON["sets"].(m) {
		one := r.w.read(raw.(string))
		if one.ID != jti {
			r.w.t.Errorf("the token %s comes as %s", one.ID, jti)
		}
		sets = append(sets, one)
	}
	slices.SortFunc(sets, func(a, b set) int { return strings.Compare(a.ID, b.ID) })
	return sets, got.JSON["moreAvailable"] == true
}

// next polls until something comes, and acknowledges it.
func (r *receiver) next(stream string) (sets []set) {
	r.w.t.Helper()
	testkit.Eventually(r.w.t, "an event comes", func() bool {
		sets, _ = r.polled(stream, m{"returnImmediately": true})
		return len(sets) > 0
	})
	r.polled(stream, m{"ack": jtis(sets), "maxEvents": 0})
	return sets
}

func jtis(sets []set) []string {
	all := []string{}
	for _, one := range sets {
		all = append(all, one.ID)
	}
	return all
}

// set is a security event token.
type set struct {
	Issuer   string       `json:"iss"`
	ID       string       `json:"jti"`
	IssuedAt int64        `json:"iat"`
	Audience string       `json:"aud"`
	Txn      string       `json:"txn"`
	Subject  m            `json:"sub_id"`
	Events   map[string]m `json:"events"`
	claims   m
}

// kind is the type of the one event, and what it says.
func (s set) kind() (string, m) {
	for kind, event := range s.Events {
		return kind, event
	}
	return "", nil
}

// read verifies a token by the keys that the metadata names, as the framework has it.
func (w *world) read(raw string) (out set) {
	w.t.Helper()
	header, _, _ := strings.Cut(raw, ".")
	decoded, _ := base64.RawURLEncoding.DecodeString(header)
	var h struct{ Alg, Typ string }
	if err := json.Unmarshal(decoded, &h); err != nil || h.Alg != "RS256" || h.Typ != "secevent+jwt" {
		w.t.Fatalf("header %s", decoded)
	}
	keys := w.Do(w.Client(), "GET", w.A.Base+"/.well-known/ssf-configuration", nil).Text("jwks_uri")
	ctx := oidc.ClientContext(context.Background(), w.Client())
	payload, err := oidc.NewRemoteKeySet(ctx, keys).VerifySignature(ctx, raw)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &out); err != nil {
		w.t.Fatal(err)
	}
	_ = json.Unmarshal(payload, &out.claims)
	for _, name := range []string{"sub", "exp", "nonce"} {
		if out.claims[name] != nil {
			w.t.Errorf("a security event token has %s", name)
		}
	}
	if len(out.Events) != 1 || out.ID == "" || out.Txn == "" || out.IssuedAt == 0 {
		w.t.Errorf("token %s", payload)
	}
	return out
}

// ear is a receiver's address for pushes. It answers with the answers of a test, then with 202.
type ear struct {
	*httptest.Server
	mu      sync.Mutex
	answers []answer
	heard   []heard
}

type answer struct {
	status int
	body   string
}

type heard struct {
	header http.Header
	set    string
}

func listen(t testing.TB, answers ...answer) *ear {
	e := &ear{answers: answers}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, heard{r.Header.Clone(), string(raw)})
		a := answer{status: http.StatusAccepted}
		if len(e.answers) > 0 {
			a, e.answers = e.answers[0], e.answers[1:]
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(e.Close)
	return e
}

// after waits until n pushes came.
func (e *ear) after(t testing.TB, n int) []heard {
	t.Helper()
	testkit.Eventually(t, "a push comes", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.heard) >= n })
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func (e *ear) answer(answers ...answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers = answers
}

// super looks behind row-level security.
func (w *world) super(f func(context.Context, *pgx.Conn) error) {
	w.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, w.DB.Super)
	if err == nil {
		defer func() { _ = conn.Close(ctx) }()
		err = f(ctx, conn)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) scan(sql string, to ...any) {
	w.t.Helper()
	w.super(func(ctx context.Context, c *pgx.Conn) error { return c.QueryRow(ctx, sql).Scan(to...) })
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	w.super(func(ctx context.Context, c *pgx.Conn) error { _, err := c.Exec(ctx, sql, args...); return err })
}
