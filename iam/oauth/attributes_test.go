package oauth_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/consents"
	"grove/iam/oauth"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// requests gives an app a list. A name with ! is mandatory.
func (w *world) requests(client string, claims ...string) {
	w.change(w.a, client, func(c *apps.Client) {
		c.RequestedAttributes = nil
		for _, claim := range claims {
			name, mandatory := strings.CutSuffix(claim, "!")
			c.RequestedAttributes = append(c.RequestedAttributes, apps.RequestedAttribute{Claim: name, Mandatory: mandatory})
		}
		c.AttributesAsked = true
	})
}

// agrees is what the person of the tenant says to an app in an organization.
func (w *world) agrees(client string, org ids.Org, scopes string, answer *consents.Answer) {
	w.t.Helper()
	app := w.clients[w.a.ID][client].ID
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return w.consents.GrantTx(ctx, tx, w.a.user, org, app, strings.Fields(scopes), nil, answer)
	})
}

// tells fails unless exactly these of some claims are there.
func (w *world) tells(where string, has func(string) bool, names ...string) {
	w.t.Helper()
	for _, name := range []string{"birthdate", "email", "email_verified", "family_name", "given_name", "name", "preferred_username", "department"} {
		if has(name) != slices.Contains(names, name) {
			w.t.Errorf("%s: %s is there: %v", where, name, has(name))
		}
	}
}

// both is what userinfo and the ID token tell.
func (w *world) both(where string, got answer, names ...string) {
	w.t.Helper()
	w.tells(where+", userinfo", inInfo(w.info(w.a, got.text("access_token"))), names...)
	w.tells(where+", ID token", inToken(w.read(got.text("id_token"), jose.ES256, "JWT")), names...)
}

func attributed(t *testing.T) *world {
	w := setup(t)
	w.describe(w.a, map[string]string{"birthdate": "1815-12-10", "department": "Engines"})
	if _, err := w.dialect.CreateClaim(context.Background(), w.a.ID, w.a.Root, attributes.CreateOIDCClaimRequest{Name: "department", Attribute: "attributes.department"}); err != nil {
		t.Fatal(err)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.UserClaimsInIDToken = true })
	return w
}

// TestRequestedAttributes: of what scopes ask for, and of what is named, an app is told what is on its list.
func TestRequestedAttributes(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = true })
	everything := []string{"birthdate", "email", "email_verified", "family_name", "given_name", "name", "preferred_username"}
	w.both("without a list", w.signIn(w.a, "web", "scope", "openid profile email"), everything...)
	w.requests("web", "given_name!", "email")
	w.both("both scopes", w.signIn(w.a, "web", "scope", "openid profile email"), "given_name", "email")
	w.both("one scope", w.signIn(w.a, "web", "scope", "openid profile"), "given_name")
	w.both("no scope", w.signIn(w.a, "web", "scope", "openid"))
	named := w.signIn(w.a, "web", "scope", "openid", "claims", `{"userinfo":{"email":null,"name":null},"id_token":{"email":null,"birthdate":null}}`)
	w.both("by name", named, "email")
	got := w.signIn(w.a, "web", "scope", "openid profile email")
	w.requests("web", "email")
	w.both("a list that became shorter", w.refresh(w.a, "web", got.text("refresh_token")), "email")
	w.tells("and at once", inInfo(w.info(w.a, got.text("access_token"))), "email")
}

// TestAttributesAgreedTo: where people are asked, an app is told what they agreed to, and a refresh no more than they agree to now.
func TestAttributesAgreedTo(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	const scope = "openid profile email"
	w.agrees("web", w.a.north, scope, nil)
	old := w.signIn(w.a, "web", "scope", scope)
	w.requests("web", "given_name!", "email", "name")
	w.both("who agreed to the scopes", w.refresh(w.a, "web", old.text("refresh_token")), "given_name", "email", "name")
	w.agrees("web", w.a.north, "openid", &consents.Answer{Allowed: []string{"given_name", "email"}, Declined: []string{"name"}, Instead: []string{"profile", "email"}})
	got := w.signIn(w.a, "web", "scope", scope)
	w.both("chosen", got, "given_name", "email")
	w.requests("web", "given_name!", "email", "name", "birthdate")
	w.both("one that he has not been asked for", got, "given_name", "email")

	w.agrees("web", w.a.north, "openid", &consents.Answer{Allowed: []string{"given_name"}, Declined: []string{"email"}})
	w.tells("narrowed, userinfo", inInfo(w.info(w.a, got.text("access_token"))), "given_name")
	next := w.refresh(w.a, "web", got.text("refresh_token"))
	w.both("narrowed, refreshed", next, "given_name")

	// What somebody said no to stays untold when the app has no list any more, or asks nobody any more.
	w.requests("web")
	w.tells("without a list", inInfo(w.info(w.a, next.text("access_token"))), "given_name")
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = true })
	w.tells("nobody is asked", inInfo(w.info(w.a, next.text("access_token"))), "given_name", "birthdate", "email_verified", "family_name", "preferred_username")
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = false })

	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM consents WHERE tenant_id = $1`, w.a.ID)
		return err
	})
	w.both("taken back", w.refresh(w.a, "web", next.text("refresh_token")))
}

// TestAttributesAfterASwitch: who switches to another organization has agreed where he signed in.
func TestAttributesAfterASwitch(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	w.requests("web", "given_name", "email")
	w.agrees("web", w.a.north, "openid", &consents.Answer{Allowed: []string{"email"}, Declined: []string{"given_name"}})
	got := w.signIn(w.a, "web", "scope", "openid profile email")
	there := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "token": {got.text("access_token")}, "switching_organization": {"south"}}))
	if there.StatusCode != 200 {
		t.Fatalf("%d %s", there.StatusCode, there.raw)
	}
	w.both("switched", there, "email")
	w.both("switched, refreshed", w.refresh(w.a, "web", there.text("refresh_token")), "email")
}

// TestAttributesAskedFor: what the sign-in is told to ask for.
func TestAttributesAskedFor(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	var req authn.Request
	w.person = func(r authn.Request) authn.Outcome { req = r; return w.signedIn(w.a, w.a.north) }
	check := func(when, attributes, instead string) {
		t.Helper()
		var all []string
		for _, a := range req.Attributes {
			name := a.Name
			if a.Mandatory {
				name += "!"
			}
			all = append(all, name)
		}
		if strings.Join(all, " ") != attributes || strings.Join(req.Instead, " ") != instead {
			t.Errorf("%s: %v instead of %v", when, all, req.Instead)
		}
	}
	w.code(w.a, "web")
	check("no list", "", "")
	w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenAttributes = []string{"department", "email"} })
	w.code(w.a, "web")
	check("in tokens, beyond the scopes", "department!", "")
	w.requests("web", "email!", "given_name", "department")
	w.code(w.a, "web")
	check("a list", "given_name email! department", "profile email")
	w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenAttributes = nil })
	w.code(w.a, "web", "scope", "openid orders.read", "claims", `{"userinfo":{"given_name":null,"name":null}}`)
	check("by name", "given_name", "profile")
	w.requests("web")
	w.code(w.a, "web", "scope", "openid email")
	check("a list that is gone", "email email_verified", "email")
}

// TestAccessTokenAttributes: they ignore scopes, are in opaque tokens and answers about them too, and never change what the token is.
func TestAccessTokenAttributes(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	ask := func(token string) answer {
		return w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {token}}))
	}
	w.change(w.a, "web", func(c *apps.Client) {
		c.AccessTokenAttributes = []string{"department", "birthdate", "roles", "nickname", "given_name"}
	})
	w.agrees("web", w.a.north, "orders.read", &consents.Answer{Allowed: []string{"department", "birthdate"}})
	got := w.signIn(w.a, "web", "scope", "orders.read")
	access := w.read(got.text("access_token"), jose.ES256, "at+jwt")
	w.tells("JWT", inToken(access), "department", "birthdate")
	if roles, _ := access.Get("roles"); !strings.HasPrefix(string(roles), `["role of `) {
		t.Errorf("roles: %s", roles)
	}
	about := ask(got.text("access_token"))
	w.tells("introspection", inInfo(about), "department", "birthdate")
	if about.text("username") != "ada" || about.text("department") != "Engines" {
		t.Errorf("introspection: %s", about.raw)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenAttributes = []string{"birthdate"} })
	w.tells("introspection by a shorter list", inInfo(ask(got.text("access_token"))), "birthdate")
	w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenFormat = apps.FormatOpaque })
	w.agrees("web", w.a.north, "", &consents.Answer{Declined: []string{"department"}})
	next := w.refresh(w.a, "web", got.text("refresh_token"))
	w.tells("opaque", inInfo(ask(next.text("access_token"))), "birthdate")

	// Too long for what every request carries.
	w.describe(w.a, map[string]string{"birthdate": strings.Repeat("1", 2000)})
	w.tells("too long", inInfo(ask(w.refresh(w.a, "web", next.text("refresh_token")).text("access_token"))))
	own := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"orders.read"}}))
	if about := ask(own.text("access_token")); about.body["active"] != true || about.text("username") != "" {
		t.Errorf("a machine's token: %s", about.raw)
	}
}

// TestAttack19_ReservedClaims: no claim of the tenant's own makes an access token something else, even one that was there before its name
// was reserved.
func TestAttack19_ReservedClaims(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = true })
	want := w.read(w.signIn(w.a, "web", "scope", "openid orders.read").text("access_token"), jose.ES256, "at+jwt")
	var names []string
	for _, name := range []string{"connection", "session_org", "exchanged", "origin", "act", "cnf", "narrowed", "userinfo_claims", "gid", "sid", "user_org", "roles", "epoch", "scope", "sub"} {
		if name != "roles" {
			if _, err := w.dialect.CreateClaim(context.Background(), w.a.ID, w.a.Root, attributes.CreateOIDCClaimRequest{Name: name, Attribute: "attributes." + name}); err == nil {
				t.Errorf("a claim of the name %s", name)
			}
			w.in(w.a, func(ctx context.Context, tx db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO oidc_claims (tenant_id, id, org_id, name, attribute, type, display_name, self_service, created_at, updated_at)
					VALUES ($1, $2, $3, $4, 'attributes.evil_' || $4, 'text', $4, false, $5, $5)`, w.a.ID, ids.NewOIDCClaim(), w.a.Root, name, tx.Now())
				return err
			})
		}
		names = append(names, name)
	}
	evil := map[string]string{}
	for _, name := range names {
		evil["evil_"+name] = "x"
	}
	w.describe(w.a, evil)
	w.in(w.a, func(ctx context.Context, tx db.Tx) error { return tx.Changed(ctx, "oidc_dialect", "") })
	w.serve(w.oauth.Dependencies, func(*oauth.Options) {})
	w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenAttributes = names })
	got := w.signIn(w.a, "web", "scope", "openid orders.read").text("access_token")
	if !w.active(w.a, got) {
		t.Fatal("the token is none any more")
	}
	is := w.read(got, jose.ES256, "at+jwt")
	for _, name := range names {
		before, had := want.Get(name)
		after, has := is.Get(name)
		if had != has || strings.Contains(string(after), `"x"`) || name == "roles" && string(before) != string(after) {
			t.Errorf("%s was %s and is %s", name, before, after)
		}
	}
}

// TestAttack19_ExchangedAttributes: an app that brings another one's token is told no more than that app is, and of the access token's
// own no more than is in it.
func TestAttack19_ExchangedAttributes(t *testing.T) {
	t.Parallel()
	w := exchanging(t)
	w.describe(w.a, map[string]string{"birthdate": "1815-12-10"})
	from := func() string {
		return w.signIn(w.a, "web", "scope", "openid profile email orders.read").text("access_token")
	}
	w.change(w.a, "other", func(c *apps.Client) { c.AccessTokenAttributes = []string{"birthdate", "email", "family_name"} })
	plain := w.exchange("other", from()).text("access_token")
	w.tells("no list anywhere, userinfo", inInfo(w.info(w.a, plain)))
	w.agrees("web", w.a.north, "openid profile email orders.read", nil)
	w.tells("by scope, userinfo", inInfo(w.info(w.a, plain)), "birthdate", "email", "email_verified", "family_name", "given_name", "name", "preferred_username")
	w.tells("no attributes in the subject's token", inToken(w.read(plain, jose.ES256, "at+jwt")))

	w.requests("web", "given_name", "email", "birthdate")
	w.change(w.a, "web", func(c *apps.Client) { c.AccessTokenAttributes = []string{"email", "given_name"} })
	w.agrees("web", w.a.north, "openid orders.read", &consents.Answer{Allowed: []string{"given_name", "email"}, Declined: []string{"birthdate"}, Instead: []string{"profile", "email"}})
	got := w.exchange("other", from()).text("access_token")
	w.tells("userinfo", inInfo(w.info(w.a, got)), "given_name", "email")
	w.tells("access token", inToken(w.read(got, jose.ES256, "at+jwt")), "email")
	w.requests("other", "birthdate", "email")
	w.tells("both lists, userinfo", inInfo(w.info(w.a, got)), "email")
	w.requests("other")
	w.requests("web", "given_name")
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = true })
	w.tells("the list of the first, who asks nobody", inInfo(w.info(w.a, got)), "given_name")
}

// counted counts how often consents are looked up.
type counted struct {
	oauth.Consents
	n int
}

func (c *counted) Said(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App) (consents.Said, error) {
	c.n++
	return c.Consents.Said(ctx, tx, user, org, app)
}

// TestAttributesCostNothingUnused: an app without list and without attributes in its tokens is looked up no more than before.
func TestAttributesCostNothingUnused(t *testing.T) {
	t.Parallel()
	w := attributed(t)
	count := &counted{Consents: w.consents}
	d := w.oauth.Dependencies
	d.Consents = count
	w.serve(d, func(*oauth.Options) {})
	got := w.signIn(w.a, "web")
	w.info(w.a, got.text("access_token"))
	got = w.refresh(w.a, "web", got.text("refresh_token"))
	w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}}))
	if count.n != 0 {
		t.Errorf("consents were looked up %d times", count.n)
	}
	w.requests("web", "email")
	w.refresh(w.a, "web", got.text("refresh_token"))
	if count.n != 1 {
		t.Errorf("with a list: %d times", count.n)
	}
}
