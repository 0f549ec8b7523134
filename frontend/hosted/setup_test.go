package hosted_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/frontend/hosted"
	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/authz/details"
	"grove/iam/consents"
	"grove/iam/oauth"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/secrets"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
	"grove/orgs/members"
	"grove/orgs/sharing"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const secret = "correct horse battery"

// world stands for the capabilities around the pages.
type world struct {
	held      map[string]bool // scopes of everybody
	client    apps.Client
	domains   map[string]ids.Org
	key       *secrets.DataKey
	invited   map[string]invitations.Peeked // by token
	accepted  []invitations.Accept
	frames    []string // that apps want opened when a session ends
	framesErr error
	hinted    ids.Session     // of the sign-out that a client asks for
	members   map[string]bool // user and organization
	peeked    int
	users     *users.Service
	db        *db.DB
	engine    *authn.Service
}

func (w *world) Client(_ context.Context, _ ids.Tenant, clientID string) (apps.Client, error) {
	if clientID != w.client.ClientID {
		return apps.Client{}, fault.ErrNotFound
	}
	return w.client, nil
}

func (w *world) DataKey(context.Context, ids.Tenant) (*secrets.DataKey, error) { return w.key, nil }

func (w *world) OwnerOf(_ context.Context, _ db.Tx, domain string) (ids.Org, bool, error) {
	org, ok := w.domains[domain]
	return org, ok, nil
}

func (w *world) AppIn(context.Context, db.Tx, apps.Client, ids.Org) (sharing.Availability, error) {
	return sharing.Availability{Available: true}, nil
}

func (w *world) IsMember(_ context.Context, _ db.Tx, org ids.Org, user ids.User) (bool, error) {
	return w.members[user.String()+org.String()], nil
}

func (w *world) AppInEach(_ context.Context, _ db.Tx, _ apps.Client, orgs []ids.Org) (map[ids.Org]bool, error) {
	in := map[ids.Org]bool{}
	for _, org := range orgs {
		in[org] = true
	}
	return in, nil
}

func (w *world) OrgsOf(_ context.Context, _ db.Tx, user ids.User, part string, _ page.Request) (out page.Result[members.MemberOrg], err error) {
	for name := range w.members {
		if rest, ok := strings.CutPrefix(name, user.String()); ok {
			var org ids.Org
			if err := org.UnmarshalText([]byte(rest)); err != nil {
				return out, err
			}
			if strings.Contains(rest, part) {
				out.Items = append(out.Items, members.MemberOrg{ID: org, Name: rest})
			}
		}
	}
	return out, nil
}

func (w *world) Peek(_ context.Context, _ ids.Tenant, token string) (invitations.Peeked, error) {
	w.peeked++
	p, ok := w.invited[token]
	if !ok {
		return p, fault.ErrNotFound
	}
	return p, nil
}

func (w *world) Accept(ctx context.Context, tenant ids.Tenant, token string, in invitations.Accept) (out invitations.Accepted, err error) {
	p, ok := w.invited[token]
	if !ok {
		return out, fault.ErrNotFound
	}
	w.accepted = append(w.accepted, in)
	delete(w.invited, token)
	out.Org = p.OrgID
	err = w.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if !in.User.IsZero() {
			out.User, err = w.users.Load(ctx, tx, in.User)
			return err
		}
		out.User, err = w.users.CreateTx(ctx, tx, users.NewUser{Org: p.OrgID, Email: p.Email, EmailVerified: true, GivenName: in.GivenName, FamilyName: in.FamilyName})
		return err
	})
	return out, err
}

func (w *world) FrontchannelLogouts(context.Context, ids.Tenant, ids.Session) ([]string, error) {
	return w.frames, w.framesErr
}

func (w *world) OpenLogout(_ context.Context, sealed string) (oauth.LogoutRequest, error) {
	if sealed != "sealed" {
		return oauth.LogoutRequest{}, errors.New("cannot be opened")
	}
	return oauth.LogoutRequest{AppName: "Portal", RedirectURI: "https://app.example/bye", Session: w.hinted}, nil
}

// BeginCIBA knows one request.
func (w *world) BeginCIBA(ctx context.Context, token string, b authn.Browser) (string, error) {
	if token != "good" {
		return "", oauth.CodeCIBA.With("", nil)
	}
	out, err := w.engine.Begin(ctx, httpapi.TenantOf(ctx), authn.Request{App: w.client, Elsewhere: true, Issuer: httpapi.IssuerOf(ctx).URL, Message: "Pay <b>7</b>", Prompt: []string{authn.PromptConsent}}, b)
	return out.RedirectTo, err
}

// BeginDevice knows one device.
func (w *world) BeginDevice(ctx context.Context, userCode string, b authn.Browser) (string, error) {
	if userCode != "BCDF-GHJK" {
		return "", oauth.CodeDevice.With("", nil)
	}
	out, err := w.engine.Begin(ctx, httpapi.TenantOf(ctx), authn.Request{App: w.client, Issuer: httpapi.IssuerOf(ctx).URL, Prompt: []string{authn.PromptConsent}}, b)
	return out.RedirectTo, err
}

// DescribeDetails shows the amount, and the language that it is asked for.
func (w *world) DescribeDetails(_ context.Context, list details.List, locale string) (out []details.Description, err error) {
	for _, d := range list {
		amount, _ := d.Member("amount").(string)
		out = append(out, details.Description{Title: "Payment in " + locale, Fields: []details.Field{{Label: "Amount", Values: []details.Value{{Text: amount}}},
			{Label: "Urgent", Values: []details.Value{{Text: "true", Truth: true}}}}})
	}
	return out, nil
}

func (w *world) ScopesNamed(_ context.Context, _ db.Tx, names []string) (out []authz.APIScope, err error) {
	for _, name := range names {
		if name == "invoices.read" {
			out = append(out, authz.APIScope{Name: name, DisplayName: "See your invoices", Description: "And their state."})
		}
	}
	return out, nil
}

// SelfServed lets people fill in everything but their department.
func (w *world) SelfServed(_ context.Context, _ db.Tx, _ []ids.Org, names []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "attributes.department" }), nil
}

func (w *world) ScopesOf(context.Context, db.Tx, ids.User, ids.Org) (map[string]bool, error) {
	return w.held, nil
}

func (w *world) CheckUserTx(context.Context, db.Tx, []ids.Org, ids.User) error { return nil }

func (w *world) LastAdministrator(context.Context, db.Tx, ids.Org, ids.User, bool) (bool, error) {
	return false, nil
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	*world
	engine   *authn.Service
	handler  http.Handler
	sessions *sessions.Service
}

func setup(t testing.TB, o ...authn.Options) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "iam/authz", "iam/apps", "iam/sessions", "iam/consents", "iam/authn", "orgs/members"),
		"hosted", nil)
	hasher, err := password.New(password.Options{MaxQueue: 500, Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	root, err := secrets.NewRoot(bytes.Repeat([]byte{9}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	log := events.NewLog(nil)
	w := &world{held: map[string]bool{"orgs.read": true}, invited: map[string]invitations.Peeked{}, members: map[string]bool{}, db: d.DB}
	w.key, _ = root.NewDataKey("test")
	w.users = users.New(d.DB, log, hasher, w)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), world: w,
		sessions: sessions.New(d.DB, log, sessions.Lifetimes{Absolute: 24 * time.Hour, Idle: 2 * time.Hour})}
	engineOptions := authn.Options{FlowTTL: 15 * time.Minute}
	if len(o) > 0 {
		engineOptions = o[0]
	}
	w.client = apps.Client{ID: ids.NewApp(), Org: b.A.Root.ID, ClientID: "portal", Name: "Portal", Enabled: true, Settings: apps.Settings{SkipConsent: true}}
	treekit.In(t, d, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO apps (tenant_id, id, org_id, client_id, name, name_key, template, client_type, grant_types, created_at, updated_at)
			VALUES ($1, $2, $3, 'portal', 'portal', 'portal', 'web', 'public', '{authorization_code}', $4, $4)`, b.A.Tenant.ID, w.client.ID, w.client.Org, tx.Now())
		return err
	})
	b.engine = authn.New(d.DB, b.sessions, consents.New(d.DB, log), engineOptions,
		authn.Ports{Apps: w, Claims: w, Domains: w, Keys: w, Members: w, Orgs: b.Pair, Roles: w, Sharing: w, Users: w.users})
	w.engine = b.engine
	pages := hosted.New(hosted.Options{DB: d.DB, Engine: b.engine, Events: log, Invitations: w, Keys: w, Log: testkit.Quiet(), Orgs: b.Pair, Roles: w, Users: w.users})
	pages.For(w)
	api := httpapi.New(httpapi.Options{DB: d.DB, Directory: b.Pair, Log: testkit.Quiet(), Sealer: secrets.NewSealer(root), Version: "test"})
	pages.Module().Protocols(api.Base())
	b.handler = api.Handler()
	return b
}

// person makes a resident of the first organization who is a member of the others.
func (b bundle) person(t testing.TB, username string, orgs ...httpapi.Org) users.User {
	t.Helper()
	phc, err := b.users.HashPassword(context.Background(), b.A.Tenant.ID, ids.Org{}, secret)
	if err != nil {
		t.Fatal(err)
	}
	var u users.User
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: orgs[0].ID, Username: username, EmailVerified: true, PasswordHash: phc})
		return err
	})
	for _, org := range orgs {
		b.members[u.ID.String()+org.ID.String()] = true
	}
	return u
}

// browser keeps cookies by name and sends what a browser sends.
type browser struct {
	b       bundle
	t       testing.TB
	cookies map[string]string
	host    string
}

func (b bundle) browser(t testing.TB) *browser {
	return &browser{b: b, t: t, cookies: map[string]string{}, host: "https://id.example"}
}

type answer struct {
	*httptest.ResponseRecorder
	body string
}

func (w *browser) do(method, target string, form url.Values, headers ...string) answer {
	w.t.Helper()
	var body string
	if form != nil {
		body = form.Encode()
	}
	r := httptest.NewRequest(method, w.host+strings.TrimPrefix(target, "https://id.example"), strings.NewReader(body))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "null")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	w.b.handler.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
			continue
		}
		w.cookies[c.Name] = c.Value
	}
	if got := rec.Header().Get("Cache-Control"); got != "no-store" {
		w.t.Errorf("%s %s may be kept: %q", method, target, got)
	}
	if rec.Header().Get("Referrer-Policy") != "no-referrer" || rec.Header().Get("X-Frame-Options") != "DENY" {
		w.t.Errorf("%s %s: %v", method, target, rec.Header())
	}
	return answer{rec, rec.Body.String()}
}

func (w *browser) get(target string) answer { w.t.Helper(); return w.do(http.MethodGet, target, nil) }

var (
	actionOf = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	csrfOf   = regexp.MustCompile(`name="csrf" value="([^"]*)"`)
)

// form reads a page's form.
func (a answer) form(t testing.TB, pairs ...string) (action string, form url.Values) {
	t.Helper()
	at, csrf := actionOf.FindStringSubmatch(a.body), csrfOf.FindStringSubmatch(a.body)
	if at == nil || csrf == nil {
		t.Fatalf("no form (status %d): %s", a.Code, a.body)
	}
	form = url.Values{"csrf": {html.UnescapeString(csrf[1])}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return html.UnescapeString(at[1]), form
}

// submit fills in a page's form and sends it.
func (w *browser) submit(page answer, pairs ...string) answer {
	w.t.Helper()
	action, form := page.form(w.t, pairs...)
	return w.do(http.MethodPost, action, form)
}

// follow goes where a redirect says.
func (w *browser) follow(a answer) answer {
	w.t.Helper()
	if a.Code != http.StatusSeeOther {
		w.t.Fatalf("status %d: %s", a.Code, a.body)
	}
	return w.get(a.Header().Get("Location"))
}

// begin starts a flow as the protocol does and returns its page's address.
func (w *browser) begin(req authn.Request) string {
	w.t.Helper()
	t := w.b.A.Tenant
	r := httptest.NewRequest(http.MethodGet, t.Base+"/oauth2/authorize", nil)
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r = r.WithContext(httpapi.InTenant(r.Context(), t, httpapi.Issuer{URL: t.Base}))
	rec := httptest.NewRecorder()
	req.App, req.Issuer = w.b.client, t.Base
	if req.RedirectURI == "" {
		req.RedirectURI = "https://app.example/cb"
	}
	out, err := w.b.engine.Begin(r.Context(), t, req, authn.BrowserOf(rec, r))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range rec.Result().Cookies() {
		w.cookies[c.Name] = c.Value
	}
	if out.RedirectTo == "" {
		w.t.Fatalf("%+v", out)
	}
	return out.RedirectTo
}

// signIn goes through the pages and returns where they end.
func (w *browser) signIn(username string) string {
	w.t.Helper()
	page := w.follow(w.submit(w.get(w.begin(authn.Request{})), "username", username))
	end := w.submit(page, "password", secret)
	if end.Code != http.StatusSeeOther {
		w.t.Fatalf("status %d: %s", end.Code, end.body)
	}
	return end.Header().Get("Location")
}
