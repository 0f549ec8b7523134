package laws_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/jose"
	"grove/infra/notify/inbox"
	"grove/infra/saml/samltest"
)

// life is a tenant in which a person and a machine are at work: everything that can be issued has been issued.
type life struct {
	p                       *pair
	root, top, org, other   *place // org is below top; other is beside top; the person lives in the root
	who                     person
	app, client, secret     string
	machine                 apptest.Tenant
	machineApp              string
	access, refresh, portal string // the app's and the portal's tokens for org
	elsewhere               string // the app's token for other, of another browser
	offline, offlineRefresh string // for org too, and not bound to the session
	sealed, machineSealed   string // what offline and machineToken are, as opaque tokens
	code                    string // not redeemed
	machineToken            string
	browser                 *visitor  // signed in to org
	halfway                 *visitor  // asked for the password
	link                    string    // an invitation to org
	passwordLink            string    // by which the person chooses a password
	deviceCode              string    // approved for org, not redeemed
	cibaID                  string    // of a request that was approved for org, not redeemed
	registration            string    // an initial access token of org
	issuer                  *jose.Key // of one whose assertions the root trusts
	samlIssuer              *samltest.Signer
}

// grantsOfPeople are all grant types but the one by which nobody acts for a person.
var grantsOfPeople = []string{"authorization_code", assertionGrant, cibaGrant, deviceGrant, "organization_switch", "password", "refresh_token", samlGrant, exchangeGrant}

const (
	assertionGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	cibaGrant      = "urn:openid:params:grant-type:ciba"
	deviceGrant    = "urn:ietf:params:oauth:grant-type:device_code"
	samlGrant      = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	exchangeGrant  = "urn:ietf:params:oauth:grant-type:token-exchange"
)

const callback = "https://notes.example/cb"

// found makes a tenant with a management client.
func (p *pair) found() *place {
	handle := unique("tenant")
	made, err := p.App.SeedTenant(context.Background(), app.SeedTenant{Handle: handle, Name: handle, AdminPassword: apptest.Password})
	if err != nil {
		shared.Fatal(err)
	}
	t := apptest.Tenant{Base: apptest.Origin + "/t/" + handle, ClientID: made.ClientID, ClientSecret: made.ClientSecret, Handle: handle, Root: made.Root}
	return &place{World: p.World, tenant: t, handle: "root", manage: p.Token(t), org: t.Root, kept: map[string]map[string]string{}}
}

func (p *pair) live() *life {
	l := &life{p: p, root: p.found()}
	l.top, l.other = l.root.child("top"), l.root.child("other")
	l.org = l.top.child("org")
	made := l.root.post("/orgs/root/apps", m{"name": "Notes", "template": "web", "redirect_uris": []string{callback}})
	l.app, l.client, l.secret = made["id"].(string), made["client_id"].(string), made["client_secret"].(string)
	of := "/orgs/root/apps/" + l.app
	p.Must(l.root.tenant, l.root.manage, "PATCH", of+"/oidc", m{"grant_types": grantsOfPeople, "response_types": []string{"code", "code id_token token"}})
	l.root.put(of+"/authorized-apis", m{"resource": l.root.managementAPI(), "policy": "rbac", "scopes": []string{"groups.read"}})
	l.root.put(of+"/shares", m{"policy": "all", "roles": "all"})
	l.who = l.root.person()
	for _, org := range []*place{l.org, l.other} {
		org.put(org.at("/members/%s", l.who.id), nil)
		org.post(org.at("/roles/%s/assignments", org.builtin("Viewer")), m{"principal": m{"type": "user", "id": l.who.id}})
	}
	l.machine = l.org.machine()
	l.machineApp = l.org.find(l.org.at("/apps"), "client_id", l.machine.ClientID)
	l.machineToken = p.Token(l.machine)
	l.opaque(l.org.at("/apps/%s", l.machineApp))
	l.machineSealed = p.Token(l.machine)
	l.link = l.invite()
	l.browser, l.halfway = visit(p.World), visit(p.World)
	tokens := p.Tokens(l.root.tenant, l.signIn(l.browser, l.org))
	l.access, l.refresh = tokens.Text("access_token"), tokens.Text("refresh_token")
	s := l.org.signIn(l.who)
	s.Browser = l.browser.browser
	l.portal = p.Tokens(l.root.tenant, s).Text("access_token")
	o := l.signIn(l.browser, l.org)
	o.Scope += " offline_access"
	tokens = p.Tokens(l.root.tenant, o)
	l.offline = tokens.Text("access_token")
	l.opaque(of)
	tokens = l.token(p.World, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Text("refresh_token")}})
	l.sealed, l.offlineRefresh = tokens.Text("access_token"), tokens.Text("refresh_token")
	for token, opaque := range map[string]bool{l.machineToken: false, l.machineSealed: true, l.offline: false, l.sealed: true} {
		if strings.HasPrefix(token, "grv_at_") != opaque {
			shared.Fatalf("opaque is not %t: %s", opaque, token)
		}
	}
	l.elsewhere = p.Tokens(l.root.tenant, l.signIn(visit(p.World), l.other)).Text("access_token")
	l.code = p.Code(l.root.tenant, l.signIn(l.browser, l.org)).Get("code")
	l.halfway.open(l.authorize()).answer("username", l.who.username)
	l.passwordLink = l.root.post(l.root.at("/users/%s/password-link", l.who.id), m{"delivery": "link"})["link"].(string)
	p.Must(l.root.tenant, l.root.manage, "PATCH", l.org.at("/settings/client_registration"), m{"dynamic_registration": "token"})
	l.registration = l.org.post(l.org.at("/registration-tokens"), m{"name": "Partners"})["token"].(string)
	l.deviceCode = l.approveDevice()
	l.cibaID = l.approveCIBA()
	l.trustIssuer()
	return l
}

// opaque lets the access tokens of an app be opaque from now on.
func (l *life) opaque(app string) {
	l.p.Must(l.root.tenant, l.root.manage, "PATCH", app+"/oidc", m{"access_token_format": "opaque"})
}

// base is that of the organization.
func (l *life) base() string { return l.root.tenant.Base + "/o/" + l.org.org }

// trustIssuer registers somebody whose assertions about people the root believes (RFC 7523).
func (l *life) trustIssuer() {
	var err error
	if l.issuer, err = jose.Generate(jose.ES256); err != nil {
		shared.Fatal(err)
	}
	l.root.post(l.root.at("/token-issuers"), m{"name": "Farm", "issuer": "https://farm.example", "subject_match": "user_id", "jwks": m{"keys": []json.RawMessage{l.issuer.PublicJWK()}}})
	l.samlIssuer = samltest.EC(&shared)
	l.root.post(l.root.at("/token-issuers"), m{"name": "Partner", "issuer": "https://partner.example", "format": "saml", "subject_match": "user_id", "certificates": []string{l.samlIssuer.Base64()}})
}

// assertion is a new one about the person.
func (l *life) assertion() string {
	now := l.p.Clock.Now()
	signed, err := l.issuer.SignJSON("JWT", m{"iss": "https://farm.example", "sub": l.who.id, "aud": l.root.tenant.Base, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
	if err != nil {
		shared.Fatal(err)
	}
	return signed
}

// samlAssertion is a new one about the person, as SAML (RFC 7522) has it.
func (l *life) samlAssertion() string {
	ends, endpoint := l.p.Clock.Now().Add(time.Minute).UTC().Format(time.RFC3339), l.root.tenant.Base+"/oauth2/token"
	return base64.RawURLEncoding.EncodeToString([]byte(l.samlIssuer.Sign(&shared, `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" Version="2.0" ID="_`+rand.Text()+`">`+
		`<Issuer>https://partner.example</Issuer><Subject><NameID>`+l.who.id+`</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`+
		`<SubjectConfirmationData Recipient="`+endpoint+`" NotOnOrAfter="`+ends+`"/></SubjectConfirmation></Subject>`+
		`<Conditions><AudienceRestriction><Audience>`+endpoint+`</Audience></AudienceRestriction></Conditions></Assertion>`)))
}

// approveDevice lets a device begin at the organization's base, and says yes in the browser.
func (l *life) approveDevice() string {
	began := l.p.Do(l.p.plain(), "POST", l.base()+"/oauth2/device_authorization", l.form("scope", "openid profile groups.read"))
	v := *l.browser
	v.open(l.base()+"/device").answer("user_code", began.Text("user_code")).agree()
	if v.last.StatusCode != 200 || v.last.Request.URL.Query().Get("done") != "approved" {
		shared.Fatalf("the device is not approved: %s %d %s", v.last.Request.URL, v.last.StatusCode, v.last.Raw)
	}
	return began.Text("device_code")
}

// approveCIBA lets the app ask from elsewhere, at the organization's base, and says yes by the link of the mail.
func (l *life) approveCIBA() string {
	began := l.p.Do(l.p.plain(), "POST", l.base()+"/oauth2/bc-authorize", l.form("scope", "openid profile groups.read", "login_hint", l.who.username))
	v := *l.browser
	v.open(mailedLink(l.p.World, l.who.username, "/login/request")).agree()
	if v.last.StatusCode != 200 || v.last.Request.URL.Query().Get("done") != "approved" {
		shared.Fatalf("the request is not approved: %s %d %s", v.last.Request.URL, v.last.StatusCode, v.last.Raw)
	}
	return began.Text("auth_req_id")
}

func (l *life) signIn(v *visitor, org *place) apptest.SignIn {
	return apptest.SignIn{Browser: v.browser, ClientID: l.client, ClientSecret: l.secret, Org: org.org, RedirectURI: callback, Scope: "openid profile groups.read",
		Username: l.who.username, Password: apptest.Password}
}

func (l *life) authorize(more ...string) string {
	return authorize(l.root.tenant.Base, l.client, callback, append([]string{"org", l.org.org, "scope", "openid profile groups.read"}, more...)...)
}

// invite sends an invitation to the organization and returns the link in the mail.
func (l *life) invite() string { return l.org.invitationLink(unique("guest") + "@guest.example") }

// invitationLink invites somebody and waits for the mail.
func (p *place) invitationLink(address string) string {
	p.post(p.at("/invitations"), m{"email": address})
	return linkTo(p.World, address)
}

// linkTo waits for the newest mail to an address and returns its link.
func linkTo(w *apptest.World, address string) string {
	return mailedLink(w, address, "/login/invitation")
}

// mailedLink waits for the newest mail to an address and returns its link to a page.
func mailedLink(w *apptest.World, address, page string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	mail, err := w.Mail.Wait(ctx, addressed(address))
	if err != nil {
		shared.Fatalf("no mail to %s: %v", address, err)
	}
	for _, link := range mail.Links {
		if strings.Contains(link, page) {
			return link
		}
	}
	shared.Fatalf("no link in %s", mail.Text)
	return ""
}

// token asks the token endpoint, at a node, as the app.
func (l *life) token(node *apptest.World, form url.Values) apptest.Response {
	form.Set("client_id", l.client)
	form.Set("client_secret", l.secret)
	return node.Do(node.Client(), "POST", l.root.tenant.Base+"/oauth2/token", form)
}

// active introspects, as the tenant's management client or as the app.
func (l *life) active(node *apptest.World, token string, asApp bool) bool {
	form := url.Values{"token": {token}, "client_id": {l.root.tenant.ClientID}, "client_secret": {l.root.tenant.ClientSecret}}
	if asApp {
		form.Set("client_id", l.client)
		form.Set("client_secret", l.secret)
	}
	got := node.Do(node.Client(), "POST", l.root.tenant.Base+"/oauth2/introspect", form)
	return got.StatusCode == 200 && got.JSON["active"] == true
}

func (l *life) change(from string, to *place) url.Values {
	return url.Values{"grant_type": {"organization_switch"}, "token": {from}, "switching_organization": {to.org}, "scope": {"openid groups.read"}}
}

// at is the browser of a visitor, at a node.
func (v *visitor) at(node *apptest.World) *visitor {
	moved := *v
	moved.World, moved.browser = node, node.Client()
	moved.browser.Jar = v.browser.Jar
	return &moved
}

// path is one of the ways in which something is minted or accepted.
type path struct {
	name string
	once bool // what it uses is used up
	try  func(l *life, node *apptest.World) bool
}

func ok(r apptest.Response) bool { return r.StatusCode == 200 }

// paths are all ways. Those that use something up come last.
var paths = []path{
	{"api", false, func(l *life, n *apptest.World) bool {
		return ok(n.API(l.root.tenant, l.access, "GET", l.org.at("/groups"), nil))
	}},
	{"api_elsewhere", false, func(l *life, n *apptest.World) bool {
		return ok(n.API(l.root.tenant, l.elsewhere, "GET", l.other.at("/groups"), nil))
	}},
	{"client_credentials", false, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "POST", l.root.tenant.Base+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"groups.read"},
			"client_id": {l.machine.ClientID}, "client_secret": {l.machine.ClientSecret}}))
	}},
	{"assertion", false, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {assertionGrant}, "assertion": {l.assertion()}}))
	}},
	{"assertion_saml", false, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {samlGrant}, "assertion": {l.samlAssertion()}}))
	}},
	{"ciba_begin", false, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "POST", l.root.tenant.Base+"/oauth2/bc-authorize", l.form("scope", "openid groups.read", "login_hint", unique("guest"))))
	}},
	{"device_begin", false, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "POST", l.root.tenant.Base+"/oauth2/device_authorization", l.form("scope", "openid groups.read")))
	}},
	{"exchange", false, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {exchangeGrant}, "subject_token": {l.access},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "scope": {"groups.read"}}))
	}},
	{"hybrid", false, func(l *life, n *apptest.World) bool {
		to := l.browser.at(n).open(l.authorize("prompt", "none", "response_type", "code id_token token")).location()
		sent, _ := url.ParseQuery(to.Fragment)
		return sent.Get("code") != "" && sent.Get("id_token") != "" && sent.Get("access_token") != ""
	}},
	{"introspect_access", false, func(l *life, n *apptest.World) bool { return l.active(n, l.access, false) }},
	{"introspect_machine", false, func(l *life, n *apptest.World) bool { return l.active(n, l.machineToken, false) }},
	{"introspect_refresh", false, func(l *life, n *apptest.World) bool { return l.active(n, l.refresh, true) }},
	{"machine_api", false, func(l *life, n *apptest.World) bool {
		return ok(n.API(l.root.tenant, l.machineToken, "GET", l.org.at("/groups"), nil))
	}},
	{"me", false, func(l *life, n *apptest.World) bool { return ok(n.API(l.root.tenant, l.portal, "GET", "/me", nil)) }},
	{"offline_api", false, func(l *life, n *apptest.World) bool {
		return ok(n.API(l.root.tenant, l.offline, "GET", l.org.at("/groups"), nil))
	}},
	{"opaque_api", false, func(l *life, n *apptest.World) bool {
		return ok(n.API(l.root.tenant, l.sealed, "GET", l.org.at("/groups"), nil))
	}},
	{"opaque_introspect", false, func(l *life, n *apptest.World) bool { return l.active(n, l.sealed, false) }},
	{"opaque_introspect_machine", false, func(l *life, n *apptest.World) bool { return l.active(n, l.machineSealed, false) }},
	{"opaque_machine_api", false, func(l *life, n *apptest.World) bool {
		return ok(n.API(l.root.tenant, l.machineSealed, "GET", l.org.at("/groups"), nil))
	}},
	{"opaque_userinfo", false, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "GET", l.root.tenant.Base+"/oauth2/userinfo", nil, bearer(l.sealed)...))
	}},
	{"par", false, func(l *life, n *apptest.World) bool {
		asked := mustParse(l.authorize()).Query()
		asked.Set("client_secret", l.secret)
		return n.Do(n.Client(), "POST", l.root.tenant.Base+"/oauth2/par", asked).Text("request_uri") != ""
	}},
	{"password", false, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {"password"}, "username": {l.who.username}, "password": {apptest.Password}, "org": {l.org.org}, "scope": {"openid groups.read"}}))
	}},
	{"password_link", false, func(l *life, n *apptest.World) bool { return ok(visit(n).see(l.passwordLink)) }},
	{"register", false, func(l *life, n *apptest.World) bool {
		return n.Do(n.Client(), "POST", l.base()+"/oauth2/register", m{"client_name": "Partner", "redirect_uris": []string{callback}}, bearer(l.registration)...).StatusCode == 201
	}},
	{"sso", false, func(l *life, n *apptest.World) bool {
		return l.browser.at(n).open(l.authorize("prompt", "none")).code() != ""
	}},
	{"userinfo", false, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "GET", l.root.tenant.Base+"/oauth2/userinfo", nil, bearer(l.access)...))
	}},
	{"switch_in", true, func(l *life, n *apptest.World) bool { return ok(l.token(n, l.change(l.elsewhere, l.org))) }},
	{"switch_out", true, func(l *life, n *apptest.World) bool { return ok(l.token(n, l.change(l.access, l.other))) }},
	{"code", true, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {"authorization_code"}, "code": {l.code}, "redirect_uri": {callback}, "code_verifier": {verifier}}))
	}},
	{"ciba", true, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "POST", l.base()+"/oauth2/token", l.form("grant_type", cibaGrant, "auth_req_id", l.cibaID)))
	}},
	{"device", true, func(l *life, n *apptest.World) bool {
		return ok(n.Do(n.Client(), "POST", l.base()+"/oauth2/token", l.form("grant_type", deviceGrant, "device_code", l.deviceCode)))
	}},
	{"halfway", true, func(l *life, n *apptest.World) bool {
		return l.halfway.at(n).answer("password", apptest.Password).agree().code() != ""
	}},
	{"invitation", true, func(l *life, n *apptest.World) bool {
		v := visit(n).open(l.link).answer("given_name", "Gus", "family_name", "Guest", "password", apptest.Password)
		at := v.last.Request.URL.Path
		return strings.Contains(at, "/account") || strings.Contains(at, "/console")
	}},
	{"sign_in", true, func(l *life, n *apptest.World) bool {
		return visit(n).open(l.authorize()).answer("username", l.who.username).answer("password", apptest.Password).agree().code() != ""
	}},
	{"offline_refresh", true, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.offlineRefresh}}))
	}},
	{"refresh", true, func(l *life, n *apptest.World) bool {
		return ok(l.token(n, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {l.refresh}}))
	}},
}

// agree says yes where the page asks.
func (v *visitor) agree() *visitor {
	if strings.Contains(string(v.last.Raw), `name="decision" value="allow"`) {
		return v.answer("decision", "allow")
	}
	return v
}

func addressed(to string) func(inbox.Entry) bool {
	return func(e inbox.Entry) bool { return e.To == to }
}
