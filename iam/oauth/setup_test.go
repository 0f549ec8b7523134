package oauth_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/authz/details"
	"grove/iam/consents"
	"grove/iam/groups"
	"grove/iam/inspector"
	"grove/iam/issuers"
	"grove/iam/oauth"
	"grove/iam/registration"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/secrets"
	"grove/infra/testkit"
	orgdir "grove/orgs/directory"
	"grove/orgs/sharing"
	tenantdir "grove/tenants/directory"
	"grove/tenants/keys"
	"grove/tenants/settings"
)

// The example of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

const (
	callback  = "https://web.example/cb?from=grove"
	signedOut = "https://web.example/bye"
	grace     = 10 * time.Second
)

// world is the authorization server with two tenants that look alike, a directory of clients that a test can change, and
// a person at the browser who is signed in.
type world struct {
	*testkit.Database
	a, b     *tenant
	consents *consents.Service
	dialect  *attributes.Service
	hub      *cache.Hub
	issuers  *issuers.Service
	people   *users.Service
	oauth    *oauth.Service
	router   chi.Router
	sealer   *secrets.Sealer
	sessions *sessions.Service
	t        *testing.T

	mu         sync.Mutex
	away       string // what the database says in the middle of a request: an SQLSTATE
	clients    map[ids.Tenant]map[string]apps.Client
	types      map[string]details.Type // authorization details types of both tenants
	plugins    map[string]details.Processor
	members    map[[2]string]bool
	published  map[string][]*jose.PublicKey   // by address
	encryption map[string]*jose.EncryptionKey // by address
	renamed    map[string]string              // handles, and whose they are now
	newer      map[string][]*jose.PublicKey   // by address, for who looks again
	roles      map[ids.Org][]string           // scopes that the person's roles give
	sharing    map[ids.Org]bool               // where apps are not available
	person     func(authn.Request) authn.Outcome
	done       map[ids.Flow]authn.Done
}

type tenant struct {
	httpapi.Tenant
	north, south, branch ids.Org // branch lies below north
	user                 ids.User
	session              ids.Session
	secret               string // of the confidential clients
}

func setup(t *testing.T, hear ...bool) *world {
	t.Helper()
	folders := []fs.FS{db.Migrations(), events.Migrations(), tenantdir.Migrations(), keys.Migrations(), settings.Migrations(), orgdir.Migrations(), users.Migrations(),
		groups.Migrations(), authz.Migrations(), apps.Migrations(), attributes.Migrations(), sessions.Migrations(), issuers.Migrations(), consents.Migrations(), inspector.Migrations(), oauth.Migrations()}
	w := &world{Database: testkit.New(t, folders, "oauth", nil), hub: cache.NewHub(testkit.Quiet()), t: t,
		clients: map[ids.Tenant]map[string]apps.Client{}, types: map[string]details.Type{}, plugins: map[string]details.Processor{}, members: map[[2]string]bool{}, encryption: map[string]*jose.EncryptionKey{}, published: map[string][]*jose.PublicKey{}, roles: map[ids.Org][]string{}, sharing: map[ids.Org]bool{},
		done: map[ids.Flow]authn.Done{}}
	root, err := secrets.NewRoot(bytes.Repeat([]byte{7}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	log := events.NewLog(nil)
	w.sealer = secrets.NewSealer(root)
	w.sessions = sessions.New(w.DB, log, sessions.Lifetimes{Absolute: 24 * time.Hour, Idle: 24 * time.Hour})
	orgs := orgdir.New(w.DB, log, w.hub, nil, 20)
	signing := keys.New(w.DB, log, w.hub, root, nil)
	people := users.New(w.DB, log, nil, nil)
	w.people = people
	w.issuers = issuers.New(w.DB, log, people, above{})
	w.consents = consents.New(w.DB, log)
	w.dialect = attributes.New(w.DB, log, w.hub, authz.IsReserved)
	w.serve(oauth.Dependencies{Clients: w, Consents: w.consents, DB: w.DB, DetailsTypes: w, Dialects: w.dialect, Events: log, Groups: groups.New(w.DB, log, nil), Hub: w.hub, Issuers: w.issuers, Keys: signing, Log: testkit.Quiet(), Members: w, Orgs: orgs,
		Processors: w.plugins, Registration: strangers{}, RemoteKeys: w, Roles: w, Sealer: w.sealer, Sessions: w.sessions, Sharing: w, SignIn: w, Support: nobody{}, Users: people}, func(*oauth.Options) {})
	if len(hear) > 0 {
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		go w.hub.Run(ctx, w.SystemPool())
		testkit.Eventually(t, "the hub listens", w.hub.Live)
	}
	w.a, w.b = w.found("acme", orgs, signing, people), w.found("umbra", orgs, signing, people)
	if len(hear) > 0 {
		testkit.Heard(t, w.DB, w.hub) // of how the tenants were made
	}
	w.person = func(authn.Request) authn.Outcome { return w.signedIn(w.a, w.a.north) }
	return w
}

// serve makes the authorization server, with changes of its options.
func (w *world) serve(d oauth.Dependencies, change func(*oauth.Options)) {
	o := oauth.Options{AccessTokenTTL: 15 * time.Minute, CodeTTL: time.Minute, FlowTTL: 15 * time.Minute, RefreshGrace: grace, RefreshTokenIdleTTL: 7 * 24 * time.Hour, RefreshTokenTTL: 30 * 24 * time.Hour}
	change(&o)
	w.oauth, w.router = oauth.New(d, o), chi.NewRouter()
	w.oauth.Module().Protocols(w.router)
}

func (w *world) found(handle string, orgs *orgdir.Service, signing *keys.Service, people *users.Service) *tenant {
	w.t.Helper()
	secret, hash := secrets.NewToken("grv_cs")
	a := &tenant{secret: secret}
	f := module.Founding{Tenant: ids.NewTenant(), Root: ids.NewOrg(), Handle: handle, Name: "Vendor"}
	a.Tenant = httpapi.Tenant{ID: f.Tenant, Handle: handle, Root: f.Root, Base: "https://id.example/t/" + handle}
	w.in(a, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO tenants (tenant_id, handle, name, name_key, root_org_id, status, created_at, updated_at)
			VALUES ($1, $2, 'Vendor', 'vendor', $3, 'active', $4, $4)`, f.Tenant, handle, f.Root, tx.Now()); err != nil {
			return err
		}
		for _, found := range []func(context.Context, db.Tx, module.Founding) error{signing.Module().Found, orgs.Module().Found, w.dialect.Module().Found} {
			if err := found(ctx, tx, f); err != nil {
				return err
			}
		}
		for _, n := range []struct {
			name   string
			parent *ids.Org
			into   *ids.Org
		}{{"north", &f.Root, &a.north}, {"south", &f.Root, &a.south}, {"branch", &a.north, &a.branch}} {
			o, err := orgs.CreateTx(ctx, tx, orgdir.NewOrg{Parent: *n.parent, Name: n.name, Handle: n.name})
			if err != nil {
				return err
			}
			*n.into = o.ID
		}
		u, err := people.CreateTx(ctx, tx, users.NewUser{Org: a.north, Username: "ada", Email: "ada@north.example", EmailVerified: true, GivenName: "Ada", FamilyName: "\"Lovelace\""})
		if err != nil {
			return err
		}
		a.user = u.ID
		return nil
	})
	w.newSession(a)
	orders := apps.ClientAPI{Identifier: "https://orders.example", Policy: "rbac", Scopes: []string{"orders.read", "orders.write"}}
	manage := apps.ClientAPI{Identifier: authz.ManagementAPI, Policy: "rbac", Scopes: []string{"users.read", "users.write"}}
	people3 := []string{"authorization_code", "refresh_token", "organization_switch"}
	hashes := []apps.SecretHash{{Hash: hash}}
	w.clients[f.Tenant] = map[string]apps.Client{}
	for _, c := range []apps.Client{
		{ClientID: "web", Name: "Web", Settings: apps.Settings{RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{signedOut}}, GrantTypes: people3, SecretHashes: hashes, APIs: []apps.ClientAPI{orders}},
		{ClientID: "other", Name: "Other", Settings: apps.Settings{RedirectURIs: []string{callback}}, GrantTypes: people3, SecretHashes: hashes, APIs: []apps.ClientAPI{orders}},
		{ClientID: "spa", Name: "SPA", Public: true, Settings: apps.Settings{RedirectURIs: []string{callback}}, GrantTypes: people3, APIs: []apps.ClientAPI{orders}},
		{ClientID: "console", Name: "Console", Public: true, Builtin: true, GrantTypes: people3, APIs: []apps.ClientAPI{manage}},
		{ClientID: "m2m", Name: "Machine", GrantTypes: []string{"client_credentials", "organization_switch"}, SecretHashes: hashes, APIs: []apps.ClientAPI{orders, manage}},
	} {
		c.ID, c.Org, c.Enabled, c.RoleAudience, c.IDTokenAlg, c.AuthMethod, c.ResponseTypes = ids.NewApp(), f.Root, true, "application", "ES256", apps.AuthSecret, []string{"code"}
		if c.Public {
			c.AuthMethod = apps.AuthNone
		}
		w.clients[f.Tenant][c.ClientID] = c
		w.in(a, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO apps (tenant_id, id, org_id, client_id, name, name_key, template, client_type, grant_types, created_at, updated_at)
				VALUES ($1, $2, $3, $4, $5, $5, 'standard', 'confidential', $6, $7, $7)`, f.Tenant, c.ID, c.Org, c.ClientID, c.Name, c.GrantTypes, tx.Now())
			return err
		})
	}
	for org, scopes := range map[ids.Org][]string{a.north: {"orders.read", "users.read"}, a.south: {"orders.write"}, a.branch: {"orders.read"}} {
		w.roles[org] = scopes
	}
	w.members[[2]string{a.north.String(), a.user.String()}] = true
	w.members[[2]string{a.south.String(), a.user.String()}] = true
	return a
}

// newSession signs the person in anew.
func (w *world) newSession(a *tenant) {
	w.t.Helper()
	w.in(a, func(ctx context.Context, tx db.Tx) error {
		session, _, err := w.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: a.north, User: a.user, AMR: []string{"pwd"}})
		a.session = session.ID
		return err
	})
}

func (w *world) in(a *tenant, f func(context.Context, db.Tx) error) {
	w.t.Helper()
	if err := w.InTenant(context.Background(), a.ID, f); err != nil {
		w.t.Fatal(err)
	}
}

// Client is the directory of clients.
func (w *world) Client(_ context.Context, t ids.Tenant, clientID string) (apps.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.clients[t][clientID]
	if !ok {
		return c, fault.ErrNotFound
	}
	return c, nil
}

// HMACKeys are the secrets of clients that sign with them, which this directory keeps in the clear.
func (w *world) HMACKeys(_ context.Context, _ ids.Tenant, c apps.Client) (all [][]byte, err error) {
	for _, known := range c.SecretHashes {
		if len(known.Sealed) > 0 {
			all = append(all, known.Sealed)
		}
	}
	return all, nil
}

func (w *world) change(a *tenant, clientID string, f func(*apps.Client)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.clients[a.ID][clientID]
	f(&c)
	w.clients[a.ID][clientID] = c
}

// Keys is where clients publish their keys.
func (w *world) Keys(_ context.Context, address, _, kid string) ([]*jose.PublicKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if newer, ok := w.newer[address]; ok && kid != "" {
		return newer, nil
	}
	keys, ok := w.published[address]
	if !ok {
		return nil, errors.New("nobody answers")
	}
	return keys, nil
}

// IsMember says who belongs where.
func (w *world) IsMember(_ context.Context, _ db.Tx, org ids.Org, user ids.User) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.members[[2]string{org.String(), user.String()}], nil
}

// ScopesOf says what the person's roles give.
func (w *world) ScopesOf(_ context.Context, _ db.Tx, _ ids.User, org ids.Org) (map[string]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := map[string]bool{}
	for _, s := range w.roles[org] {
		held[s] = true
	}
	return held, nil
}

// Permissions are the scopes of the token, in the organization that it names and below.
func (w *world) Permissions(_ context.Context, a actor.Actor, o httpapi.Org) (httpapi.Held, error) {
	if !o.IsWithin(a.Org) {
		return httpapi.Held{}, nil
	}
	return httpapi.Held{Names: a.Scopes, Visible: true}, nil
}

// RoleNames makes one role of the scopes in an organization.
func (w *world) RoleNames(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, _ ids.App, _ string) ([]string, error) {
	held, err := w.ScopesOf(ctx, tx, user, org)
	names := []string{}
	for s := range maps.Keys(held) {
		names = append(names, "role of "+s)
	}
	slices.Sort(names)
	return names, err
}

// HeldBy is both.
func (w *world) HeldBy(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) (map[string]bool, []string, error) {
	scopes, err := w.ScopesOf(ctx, tx, user, org)
	roles, failed := w.RoleNames(ctx, tx, user, org, app, audience)
	return scopes, roles, errors.Join(err, failed)
}

// HeldTx: nobody may act as others in this world; [TestImpersonation] has people who may.
func (w *world) HeldTx(context.Context, db.Tx, ids.Org) (map[string]bool, error) { return nil, nil }

// nobody lets others act as its people.
type nobody struct{ oauth.Support }

// strangers lets no app describe itself; the tests of iam/registration run the whole program.
type strangers struct{ oauth.Registration }

func (strangers) Ensure(context.Context, ids.Tenant, ids.Org, ids.Org, string) error { return nil }

func (strangers) Offers(context.Context, ids.Tenant, ids.Org) (registration.Offers, error) {
	return registration.Offers{}, nil
}

// AppIn says that apps are shared with every organization that a test has not taken out.
func (w *world) AppIn(_ context.Context, _ db.Tx, _ apps.Client, org ids.Org) (sharing.Availability, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away != "" {
		return sharing.Availability{}, &pgconn.PgError{Code: w.away}
	}
	return sharing.Availability{Available: !w.sharing[org], Roles: true}, nil
}

// Begin is the person at the browser.
func (w *world) Begin(_ context.Context, _ httpapi.Tenant, req authn.Request, _ authn.Browser) (authn.Outcome, error) {
	out := w.person(req)
	if out.Done != nil {
		out.Done.App, out.Done.Issuer, out.Done.Return = req.App.ID, req.Issuer, req.Return
	}
	return out, nil
}

// ByPassword is the person who has given the app his password; [TestPasswordGrant] has a real one.
func (w *world) ByPassword(ctx context.Context, t httpapi.Tenant, req authn.Request, _, _ string, _ authn.Browser, then func(context.Context, db.Tx, authn.Done) error) (authn.Outcome, error) {
	out := w.person(req)
	if out.Done == nil {
		return out, nil
	}
	out.Done.App, out.Done.Issuer = req.App.ID, req.Issuer
	return out, w.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error { return then(ctx, tx, *out.Done) })
}

// Finish hands out once what a test has put there.
func (w *world) Finish(_ context.Context, _ httpapi.Tenant, id ids.Flow, _ authn.Browser) (authn.Done, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	done, ok := w.done[id]
	if !ok {
		return authn.Done{}, fault.ErrNotFound
	}
	delete(w.done, id)
	return done, nil
}

// Person finds whom a login means anywhere: memberships are not in this world's database.
func (w *world) Person(ctx context.Context, tx db.Tx, _ httpapi.Tenant, login string, _ ids.Org) (users.User, error) {
	found, err := w.people.FindForSignIn(ctx, tx, login, ids.Org{})
	if err != nil || len(found) == 0 {
		return users.User{}, err
	}
	return found[0], nil
}

func (w *world) signedIn(a *tenant, org ids.Org) authn.Outcome {
	return authn.Outcome{Done: &authn.Done{AMR: []string{"pwd"}, AuthTime: w.Clock.Now(), Org: org, Session: a.session, User: a.user}}
}

// answer is a response read whole.
type answer struct {
	*http.Response
	body map[string]any
	raw  string
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// send sends a request below the tenant's base, or an organization's where the path begins with /o/.
func (w *world) send(a *tenant, method, target string, form url.Values, headers ...string) answer {
	w.t.Helper()
	return w.sendAs(context.Background(), a, method, target, form, headers...)
}

// sendAs is send in a context that says what the sender shows.
func (w *world) sendAs(ctx context.Context, a *tenant, method, target string, form url.Values, headers ...string) answer {
	w.t.Helper()
	issuer := httpapi.Issuer{URL: a.Base}
	if rest, ok := strings.CutPrefix(target, "/o/"); ok {
		ref, path, _ := strings.Cut(rest, "/")
		org, err := w.oauth.Orgs.Resolve(context.Background(), a.Tenant, cmp.Or(w.renamed[ref], ref))
		if err != nil {
			w.t.Fatal(err)
		}
		issuer, target = httpapi.Issuer{URL: a.Base + "/o/" + ref, Org: org}, "/"+path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.router.ServeHTTP(rec, r.WithContext(httpapi.InTenant(ctx, a.Tenant, issuer)))
	out := answer{Response: rec.Result(), raw: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &out.body)
	return out
}

// request is a good authorization request of a client, with changes: a value replaces, "" takes out.
func request(client string, changes ...string) url.Values {
	q := url.Values{"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email orders.read orders.write"},
		"state": {"s t&a=t#e"}, "nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return q
}

// redirected reads where an answer sends the browser.
func (w *world) redirected(a answer) url.Values {
	w.t.Helper()
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("no redirect: %d %s", a.StatusCode, a.raw)
	}
	return to.Query()
}

// code runs a sign-in and returns the code.
func (w *world) code(a *tenant, client string, changes ...string) string {
	w.t.Helper()
	got := w.redirected(w.send(a, "GET", "/oauth2/authorize?"+request(client, changes...).Encode(), nil))
	if got.Get("code") == "" {
		w.t.Fatalf("no code: %v", got)
	}
	return got.Get("code")
}

// redemption is the form that redeems a code.
func (w *world) redemption(a *tenant, client, code string, changes ...string) url.Values {
	f := w.as(a, client, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}})
	for i := 0; i < len(changes); i += 2 {
		if f.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			f.Del(changes[i])
		}
	}
	return f
}

// as adds the client's credentials to a form.
func (w *world) as(a *tenant, client string, f url.Values) url.Values {
	f.Set("client_id", client)
	if c, _ := w.Client(context.Background(), a.ID, client); !c.Public {
		f.Set("client_secret", a.secret)
	}
	return f
}

// signIn runs the whole code flow and returns the token response.
func (w *world) signIn(a *tenant, client string, changes ...string) answer {
	w.t.Helper()
	redirect := request(client, changes...).Get("redirect_uri")
	got := w.send(a, "POST", "/oauth2/token", w.redemption(a, client, w.code(a, client, changes...), "redirect_uri", redirect))
	if got.StatusCode != http.StatusOK {
		w.t.Fatalf("no token: %d %s", got.StatusCode, got.raw)
	}
	return got
}

func (w *world) refresh(a *tenant, client, token string) answer {
	w.t.Helper()
	return w.send(a, "POST", "/oauth2/token", w.as(a, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}))
}

// active asks by introspection.
func (w *world) active(a *tenant, token string) bool {
	w.t.Helper()
	got := w.send(a, "POST", "/oauth2/introspect", w.as(a, "web", url.Values{"token": {token}}))
	if got.StatusCode != http.StatusOK {
		w.t.Fatalf("introspection: %d %s", got.StatusCode, got.raw)
	}
	return got.body["active"] == true
}
