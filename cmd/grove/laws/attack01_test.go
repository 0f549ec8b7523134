package laws_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/apptest"
	"grove/infra/testkit"
)

// thing is something that can be switched off.
type thing struct {
	name   string
	off    func(l *life)
	on     func(l *life) // nil where there is no way back
	spares []string      // paths that go on; all others are dead
}

// Groups of paths.
var (
	ofApp     = []string{"ciba_begin", "device_begin", "par"}
	ofAppHome = []string{"assertion", "assertion_saml"} // both: the app's, where the person lives
	ofHome    = []string{"password_link"}               // where the person lives
	ofOrg     = []string{"invitation", "register"}
	ofMachine = []string{"client_credentials", "introspect_machine", "machine_api", "opaque_introspect_machine", "opaque_machine_api"}
	ofPerson  = []string{"api", "ciba", "code", "device", "exchange", "halfway", "hybrid", "introspect_access", "introspect_refresh", "me", "offline_api", "offline_refresh", "opaque_api", "opaque_introspect", "opaque_userinfo", "password", "refresh", "sign_in", "sso", "switch_in", "switch_out", "userinfo", "api_elsewhere"}
)

func both(groups ...[]string) []string { return slices.Concat(groups...) }

func (l *life) do(method, path string) {
	l.p.Must(l.root.tenant, l.root.manage, method, path, nil)
}

func (l *life) enable(app *place, id string, to bool) {
	l.p.Must(l.root.tenant, l.root.manage, "PATCH", app.at("/apps/%s", id), m{"enabled": to})
}

func (l *life) endSecret(org *place, app string) {
	secret := l.p.Must(l.root.tenant, l.root.manage, "GET", org.at("/apps/%s/secrets", app), nil)["items"].([]any)[0].(m)["id"].(string)
	l.do("DELETE", org.at("/apps/%s/secrets/%s", app, secret))
}

// things are all that can be switched off, and what must go on all the same.
var things = []thing{
	{"nothing", func(*life) {}, nil, both(ofApp, ofAppHome, ofHome, ofOrg, ofMachine, ofPerson)},
	{"ancestor suspended", func(l *life) { l.do("POST", l.top.at(":suspend")) }, func(l *life) { l.do("POST", l.top.at(":resume")) },
		both(ofApp, ofAppHome, ofHome, []string{"api_elsewhere"})},
	{"client deleted", func(l *life) { l.do("DELETE", l.root.at("/apps/%s", l.app)) }, nil, both(ofHome, ofOrg, ofMachine, []string{"me"})},
	{"client disabled", func(l *life) { l.enable(l.root, l.app, false) }, func(l *life) { l.enable(l.root, l.app, true) }, both(ofHome, ofOrg, ofMachine, []string{"me"})},
	// A code is worth nothing without the secret.
	{"client secret revoked", func(l *life) { l.endSecret(l.root, l.app) }, nil, both(ofHome, ofOrg, ofMachine, []string{"halfway", "hybrid", "me", "sign_in", "sso"})},
	{"consent revoked", (*life).endConsent, nil, both(ofApp, ofAppHome, ofHome, ofOrg, ofMachine, []string{"api_elsewhere", "halfway", "me", "sign_in", "switch_in"})},
	{"grant ended", (*life).endGrant, nil, both(ofApp, ofAppHome, ofHome, ofOrg, ofMachine, []string{"api_elsewhere", "ciba", "code", "device", "halfway", "hybrid", "me", "offline_api", "offline_refresh", "opaque_api", "opaque_introspect", "opaque_userinfo", "password", "sign_in", "sso", "switch_in"})},
	{"machine deleted", func(l *life) { l.do("DELETE", l.org.at("/apps/%s", l.machineApp)) }, nil, both(ofApp, ofAppHome, ofHome, ofOrg, ofPerson)},
	{"machine disabled", func(l *life) { l.enable(l.org, l.machineApp, false) }, func(l *life) { l.enable(l.org, l.machineApp, true) }, both(ofApp, ofAppHome, ofHome, ofOrg, ofPerson)},
	{"machine secret revoked", func(l *life) { l.endSecret(l.org, l.machineApp) }, nil, both(ofApp, ofAppHome, ofHome, ofOrg, ofPerson)},
	{"membership removed", func(l *life) { l.do("DELETE", l.org.at("/members/%s", l.who.id)) }, func(l *life) { l.do("PUT", l.org.at("/members/%s", l.who.id)) },
		both(ofApp, ofAppHome, ofHome, ofOrg, ofMachine, []string{"api_elsewhere"})},
	{"organization deleted", func(l *life) { l.do("POST", l.org.at(":suspend")); l.do("DELETE", l.org.at("")) }, nil, both(ofApp, ofAppHome, ofHome, []string{"api_elsewhere"})},
	{"organization suspended", func(l *life) { l.do("POST", l.org.at(":suspend")) }, func(l *life) { l.do("POST", l.org.at(":resume")) }, both(ofApp, ofAppHome, ofHome, []string{"api_elsewhere"})},
	{"session ended", (*life).endSession, nil, both(ofApp, ofAppHome, ofHome, ofOrg, ofMachine, []string{"api_elsewhere", "halfway", "offline_api", "offline_refresh", "opaque_api", "opaque_introspect", "opaque_userinfo", "password", "sign_in", "switch_in"})},
	{"tenant suspended", func(l *life) { l.platform(":suspend") }, func(l *life) { l.platform(":resume") }, nil},
	{"tokens revoked globally", (*life).revokeGlobally, nil, both(ofApp, ofAppHome, ofOrg, ofMachine, []string{"halfway", "password", "sign_in"})},
	{"user deleted", func(l *life) { l.do("DELETE", l.root.at("/users/%s", l.who.id)) }, nil, both(ofApp, ofOrg, ofMachine)},
	{"user disabled", func(l *life) { l.do("POST", l.root.at("/users/%s:disable", l.who.id)) }, func(l *life) { l.do("POST", l.root.at("/users/%s:enable", l.who.id)) },
		both(ofApp, ofOrg, ofMachine)},
}

func (l *life) endConsent() {
	for _, item := range l.p.Must(l.root.tenant, l.portal, "GET", "/me/consents", nil)["items"].([]any) {
		if c := item.(m); c["app_id"] == l.app && c["org_id"] == l.org.org {
			l.p.Must(l.root.tenant, l.portal, "DELETE", "/me/consents/"+c["id"].(string), nil)
			return
		}
	}
	shared.Fatal("there is no consent")
}

func (l *life) endGrant() {
	l.p.Do(l.p.plain(), "POST", l.root.tenant.Base+"/oauth2/revoke", url.Values{"token": {l.refresh}, "client_id": {l.client}, "client_secret": {l.secret}})
}

func (l *life) endSession() {
	got := l.p.Do(l.p.plain(), "POST", l.root.tenant.Base+"/oauth2/introspect",
		url.Values{"token": {l.access}, "client_id": {l.root.tenant.ClientID}, "client_secret": {l.root.tenant.ClientSecret}})
	l.do("DELETE", l.org.at("/sessions/%s", got.Text("sid")))
}

func (l *life) revokeGlobally() {
	got := l.p.Do(l.p.plain(), "POST", l.root.tenant.Base+"/oauth2/global-revocation", m{"sub_id": m{"format": "opaque", "id": l.who.id}}, bearer(l.root.manage)...)
	if got.StatusCode != 204 {
		shared.Fatalf("%d %s", got.StatusCode, got.Raw)
	}
}

func (l *life) platform(verb string) {
	for _, item := range l.p.operate("GET", "/tenants?q="+l.root.tenant.Handle, nil).JSON["items"].([]any) {
		if item.(m)["handle"] == l.root.tenant.Handle {
			l.p.operate("POST", "/tenants/"+item.(m)["id"].(string)+verb, nil)
			return
		}
	}
	shared.Fatal("there is no such tenant")
}

// soon is how long a change may take to be known on every node.
const soon = time.Second

// patience tries for as long as a change may take; on a busy machine, where answers are late, it takes longer by as much.
type patience struct {
	since   time.Time
	slowest time.Duration
}

func (p *patience) try(path path, l *life, n *apptest.World) bool {
	began := time.Now()
	defer func() { p.slowest = max(p.slowest, time.Since(began)) }()
	return path.try(l, n)
}

func (p *patience) over() bool { return time.Since(p.since) > soon+5*p.slowest }

// TestAttack01_DisabledThings switches each thing off at one node, and tries every path at another that knew the thing
// while it was on. What depends on the thing must be dead, all else must go on. Then the thing is switched on again: what
// was issued before stays dead, and a new sign-in works.
func TestAttack01_DisabledThings(t *testing.T) {
	p := world(t)
	far := apptest.Start(&shared, p.DB, apptest.WithoutWorkers())
	for _, thing := range things {
		t.Run(strings.ReplaceAll(thing.name, " ", "_"), func(t *testing.T) {
			lend(t)
			l := p.live()
			for _, path := range paths {
				if !path.once && !path.try(l, far) {
					t.Fatalf("%s does not work while all is on", path.name)
				}
			}
			thing.off(l)
			wait := patience{since: time.Now()}
			for _, path := range paths {
				alive := slices.Contains(thing.spares, path.name)
				for !alive && !path.once && wait.try(path, l, far) && !wait.over() {
					continue
				}
				if got := path.try(l, far); got != alive {
					t.Errorf("far: %s is alive: %t", path.name, got)
				}
				if !path.once {
					if got := path.try(l, p.World); got != alive {
						t.Errorf("near: %s is alive: %t", path.name, got)
					}
				}
			}
			if thing.on == nil {
				return
			}
			thing.on(l)
			l.after(t, thing, far)
		})
	}
}

// after looks at a thing that was switched on again.
func (l *life) after(t *testing.T, thing thing, node *apptest.World) {
	stale := []string{"api", "ciba", "device", "exchange", "introspect_access", "introspect_refresh", "refresh", "code", "userinfo", "switch_out", "machine_api", "offline_api", "offline_refresh", "opaque_api", "opaque_introspect", "opaque_introspect_machine", "opaque_machine_api", "opaque_userinfo"}
	for _, path := range paths {
		if slices.Contains(stale, path.name) && !slices.Contains(thing.spares, path.name) && path.try(l, node) {
			t.Errorf("%s came back to life", path.name)
		}
	}
	for _, path := range paths {
		if path.name != "sign_in" && path.name != "client_credentials" {
			continue
		}
		wait := patience{since: time.Now()}
		for !wait.try(path, l, node) {
			if wait.over() {
				t.Errorf("%s does not work again", path.name)
				break
			}
		}
	}
}

// TestAttack01_Jobs asks for mail while nobody works, suspends, and lets a node work: what is suspended sends nothing until
// it is resumed, and then at once; and what is deleted never does.
func TestAttack01_Jobs(t *testing.T) {
	database := apptest.Database(t)
	idle := apptest.Start(t, database, apptest.WithoutWorkers())
	shared.TB = t
	root := &place{World: idle, tenant: idle.A, handle: "root", manage: idle.Token(idle.A), org: idle.A.Root}
	top := root.child("top")
	places := map[string]*place{"active": root.child("active"), "below": top.child("below"), "deleted": root.child("deleted"), "suspended": root.child("suspended")}
	for _, org := range places {
		org.post(org.at("/invitations"), m{"email": "guest@" + org.handle + ".example"})
	}
	for _, org := range []*place{places["deleted"], places["suspended"], top} {
		org.post(org.at(":suspend"), nil)
	}
	root.Must(root.tenant, root.manage, "DELETE", places["deleted"].at(""), nil)
	busy := apptest.Start(t, database)
	linkTo(busy, "guest@active.example")
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, database.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	waiting := func() (n int) {
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM jobs.river_job WHERE kind = 'events.deliver' AND state IN ('available', 'running', 'retryable')`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	testkit.Eventually(t, "all jobs have been looked at", func() bool { return waiting() == 0 })
	for _, mail := range busy.Mail.Entries() {
		if mail.To != "guest@active.example" {
			t.Errorf("mail to %s", mail.To)
		}
	}
	for _, org := range []*place{places["suspended"], top} {
		org.post(org.at(":resume"), nil)
	}
	linkTo(busy, "guest@suspended.example")
	linkTo(busy, "guest@below.example")
	for _, mail := range busy.Mail.Entries() {
		if strings.Contains(mail.To, "deleted") {
			t.Errorf("mail to %s", mail.To)
		}
	}
}
