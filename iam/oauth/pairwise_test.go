package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

// pairwise gives a client subjects of a sector; "" is that of its redirect URI.
func (w *world) pairwise(a *tenant, client, sector string) {
	w.change(a, client, func(c *apps.Client) {
		c.SubjectType, c.SectorIdentifierURI = apps.SubjectPairwise, sector
		c.PostLogoutRedirectURIs = []string{signedOut}
	})
}

// sub is what an ID token and everything else that goes with it say of who somebody is; they have to agree.
func (w *world) sub(a *tenant, client string, tokens answer) (sub, sid string) {
	w.t.Helper()
	id, access := w.read(tokens.text("id_token"), jose.ES256, "JWT"), w.claimsOf(tokens.text("access_token"))
	sid, _ = id.Text("sid")
	inAccess, _ := access.Text("sid")
	told := w.send(a, "POST", "/oauth2/introspect", w.as(a, client, url.Values{"token": {tokens.text("access_token")}}))
	kept := w.send(a, "POST", "/oauth2/introspect", w.as(a, client, url.Values{"token": {tokens.text("refresh_token")}}))
	for where, got := range map[string]string{"access token": access.Subject, "userinfo": w.info(a, tokens.text("access_token")).text("sub"),
		"introspection": told.text("sub"), "introspection of the refresh token": kept.text("sub")} {
		if got != id.Subject {
			w.t.Errorf("%s: sub is %q, in the ID token %q", where, got, id.Subject)
		}
	}
	if inAccess != sid || told.text("sid") != sid {
		w.t.Errorf("sid: %q, %q and %q", sid, inAccess, told.text("sid"))
	}
	if strings.HasPrefix(id.Subject, "pws_") && (told.body["username"] != nil || kept.body["username"] != nil) {
		w.t.Error("introspection tells the username")
	}
	return id.Subject, sid
}

// TestPairwiseSubject: within a sector a person has one sub wherever it is told, and another in each other sector.
func TestPairwiseSubject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.pairwise(w.a, "web", "")
	w.pairwise(w.a, "other", "https://sector.example/uris.json")
	first := w.signIn(w.a, "web")
	web, sid := w.sub(w.a, "web", first)
	other, otherSID := w.sub(w.a, "other", w.signIn(w.a, "other"))
	w.change(w.a, "web", func(c *apps.Client) { c.SubjectType = apps.SubjectPublic })
	public, publicSID := w.sub(w.a, "web", w.signIn(w.a, "web")) // as everybody knows him
	w.pairwise(w.a, "web", "")
	if public != w.a.user.String() || publicSID != w.a.session.String() {
		t.Errorf("public: %q %q", public, publicSID)
	}
	all := []string{web, other, public, sid, otherSID, publicSID}
	if slices.Sort(all); len(slices.Compact(all)) != 6 || !strings.HasPrefix(web, "pws_") || !strings.HasPrefix(sid, "pss_") {
		t.Errorf("subs and sids are not all different: %v", all)
	}
	again := w.refresh(w.a, "web", first.text("refresh_token"))
	if sub, _ := w.sub(w.a, "web", again); sub != web {
		t.Errorf("after a refresh: %q, before %q", sub, web)
	}
	w.newSession(w.a)
	if sub, newSID := w.sub(w.a, "web", w.signIn(w.a, "web")); sub != web || newSID == sid {
		t.Errorf("in another session: %q %q", sub, newSID)
	}
	w.pairwise(w.a, "other", "https://WEB.example/uris.json")
	if sub, _ := w.sub(w.a, "other", w.signIn(w.a, "other")); sub != web {
		t.Errorf("in the same sector: %q, not %q", sub, web)
	}
	// Whoever names the host of another organization's app learns nothing of its people.
	var owner ids.Org
	w.change(w.a, "other", func(c *apps.Client) { owner, c.Org = c.Org, ids.NewOrg() })
	if sub, _ := w.sub(w.a, "other", w.signIn(w.a, "other")); sub == web {
		t.Error("apps of two organizations have one sub")
	}
	w.change(w.a, "other", func(c *apps.Client) { c.Org = owner })
	// The token that it got is switched, exchanged and given back as any other.
	switched := w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {"organization_switch"}, "token": {again.text("access_token")}, "switching_organization": {w.a.south.String()}}))
	if sub, _ := w.sub(w.a, "web", switched); sub != web {
		t.Errorf("after a switch: %q", sub)
	}
	if err := w.authenticate(switched.text("access_token")); err == nil {
		t.Error("the token of an app is good at the management API")
	}
	w.send(w.a, "POST", "/oauth2/revoke", w.as(w.a, "web", url.Values{"token": {switched.text("access_token")}}))
	if w.active(w.a, switched.text("access_token")) {
		t.Error("a token that was given back is active")
	}
	d := w.send(w.a, "GET", "/.well-known/openid-configuration", nil)
	if types := d.body["subject_types_supported"].([]any); !slices.Contains(types, any("pairwise")) {
		t.Errorf("subject types: %v", types)
	}
}

// TestPairwiseHints: what an app knows a person by is what it can ask for him by.
func TestPairwiseHints(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.pairwise(w.a, "web", "")
	w.pairwise(w.a, "other", "https://sector.example/uris.json")
	tokens, others := w.signIn(w.a, "web"), w.signIn(w.a, "other")
	sub, _ := w.sub(w.a, "web", tokens)
	elsewhere, _ := w.sub(w.a, "other", others)
	var hinted ids.User
	w.person = func(req authn.Request) authn.Outcome { hinted = req.HintUser; return w.signedIn(w.a, w.a.north) }
	ask := func(changes ...string) url.Values {
		hinted = ids.User{}
		return w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", changes...).Encode(), nil))
	}
	if got := ask("id_token_hint", tokens.text("id_token")); !got.Has("code") || hinted != w.a.user {
		t.Errorf("hint: %v for %v", got, hinted)
	}
	if got := ask("id_token_hint", others.text("id_token")); got.Get("error") != "invalid_request" {
		t.Errorf("another app's hint: %v", got)
	}
	if got := ask("claims", `{"id_token":{"sub":{"value":"`+sub+`"}}}`); !got.Has("code") || hinted != w.a.user {
		t.Errorf("sub: %v for %v", got, hinted)
	}
	for name, value := range map[string]string{"another sector's": elsewhere, "made up": ids.PairwiseSubject(w.a.user).String()} {
		if got := ask("claims", `{"id_token":{"sub":{"value":"`+value+`"}}}`); got.Get("error") != "login_required" || hinted == w.a.user {
			t.Errorf("%s: %v for %v", name, got, hinted)
		}
	}
	if got := ask("claims", `{"id_token":{"sub":{"value":"`+w.a.user.String()+`"}}}`); got.Get("error") != "login_required" || !hinted.IsZero() {
		t.Errorf("the public sub: %v", got)
	}
	out := w.send(w.a, "GET", "/oauth2/logout?"+url.Values{"id_token_hint": {tokens.text("id_token")}}.Encode(), nil)
	_, sealed, _ := strings.Cut(out.Header.Get("Location"), "?request=")
	asked, err := w.oauth.OpenLogout(httpapi.InTenant(context.Background(), w.a.Tenant, httpapi.Issuer{URL: w.a.Base}), sealed)
	if err != nil || asked.User != w.a.user || asked.Session != w.a.session {
		t.Errorf("sign-out of %v, %v, %v: %d %s", asked.User, asked.Session, err, out.StatusCode, out.raw)
	}
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE apps SET oidc = '{"frontchannel_logout_uri": "https://web.example/out"}' WHERE tenant_id = $1 AND client_id = 'web'`, w.a.ID)
		return err
	})
	_, sid := w.sub(w.a, "web", tokens)
	frames, err := w.oauth.FrontchannelLogouts(context.Background(), w.a.ID, w.a.session)
	if err != nil || len(frames) != 1 || !strings.HasSuffix(frames[0], "&sid="+sid) {
		t.Errorf("frames: %v, %v", frames, err)
	}
}

// TestAttack03_PairwiseExchange: who exchanges another app's token knows the person by his own names.
func TestAttack03_PairwiseExchange(t *testing.T) {
	w := exchanging(t)
	w.pairwise(w.a, "web", "")
	w.pairwise(w.a, "other", "https://sector.example/uris.json")
	web, _ := w.sub(w.a, "web", w.signIn(w.a, "web"))
	other, _ := w.sub(w.a, "other", w.signIn(w.a, "other"))
	got := w.exchange("other", w.signIn(w.a, "web", "scope", "openid orders.read").text("access_token"))
	if got.StatusCode != http.StatusOK {
		t.Fatalf("exchange: %s", got.raw)
	}
	if sub := w.claimsOf(got.text("access_token")).Subject; sub != other || sub == web {
		t.Errorf("sub is %q, not %q", sub, other)
	}
}

// TestPairwiseLogoutToken: the app is told of a sign-out by the names that it knows.
func TestPairwiseLogoutToken(t *testing.T) {
	v := newVendor(t, apptest.Configure(func(o *app.Options) { o.Dev = true }))
	e := listen(t)
	v.Must(v.A, v.manage, "PATCH", "/orgs/root/apps/"+v.app["id"].(string)+"/oidc", map[string]any{"backchannel_logout_uri": e.URL + "/logout", "subject_type": "pairwise"})
	ctx := oidc.ClientContext(context.Background(), v.Client())
	provider, err := oidc.NewProvider(ctx, v.A.Base)
	if err != nil {
		t.Fatal(err)
	}
	read := func(token string) (*oidc.IDToken, string) {
		var c struct{ SID string }
		read, err := provider.Verifier(&oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, token)
		if err == nil {
			err = read.Claims(&c)
		}
		if err != nil {
			t.Fatal(err)
		}
		return read, c.SID
	}
	id, sid := read(v.Tokens(v.A, v.person("north")).JSON["id_token"].(string))
	session := v.Must(v.A, v.manage, "GET", "/orgs/north/sessions", nil)["items"].([]any)[0].(map[string]any)["id"].(string)
	v.Must(v.A, v.manage, "DELETE", "/orgs/north/sessions/"+session, nil)
	testkit.Eventually(t, "the app is told", func() bool { return len(e.all()) == 1 })
	if told, of := read(e.all()[0]); told.Subject != id.Subject || of != sid || id.Subject == v.user || sid == session {
		t.Errorf("told of %q %q, signed in %q %q", told.Subject, of, id.Subject, sid)
	}
}
