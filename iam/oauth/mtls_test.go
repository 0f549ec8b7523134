package oauth_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/oauth"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

var machine = url.Values{"grant_type": {"client_credentials"}, "client_id": {"m2m"}}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ca := w.mutual()
	w.known("m2m")
	between := w.holder(jose.PS256, &ca, authority)
	for _, alg := range jose.Algs() {
		for name, mine := range map[string]holder{"at once": w.holder(alg, &ca), "through another": w.holder(alg, &between)} {
			got := mine.token(machine)
			if got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" || w.boundTo(got.text("access_token")) != "" {
				t.Fatalf("%s, certified %s: %d %s", alg, name, got.StatusCode, got.raw)
			}
			seen := mine.send("POST", "/oauth2/introspect", url.Values{"client_id": {"m2m"}, "token": {got.text("access_token")}})
			gone := mine.send("POST", "/oauth2/revoke", url.Values{"client_id": {"m2m"}, "token": {got.text("access_token")}})
			if seen.body["active"] != true || gone.StatusCode != http.StatusOK || w.active(w.a, got.text("access_token")) {
				t.Errorf("%s: %s %d", alg, seen.raw, gone.StatusCode)
			}
		}
	}
	for _, alg := range jose.Algs() {
		mine, next := w.holder(alg, nil), w.holder(alg, nil)
		w.registered("m2m", alg, mine)
		if got := mine.token(machine); got.StatusCode != http.StatusOK {
			t.Errorf("self-signed, %s: %d %s", alg, got.StatusCode, got.raw)
		}
		// Another certificate for the same key is as good: nobody but the client could have shown it.
		if got := w.certified(mine.key, nil).token(machine); got.StatusCode != http.StatusOK {
			t.Errorf("self-signed anew, %s: %d %s", alg, got.StatusCode, got.raw)
		}
		w.registered("m2m", alg, next)
		client, _ := w.Client(context.Background(), w.a.ID, "m2m")
		w.change(w.a, "m2m", func(c *apps.Client) { c.Keys, c.JWKSURI = nil, "https://m2m.example/jwks" })
		w.published["https://m2m.example/jwks"] = client.Keys
		if got := next.token(machine); got.StatusCode != http.StatusOK {
			t.Errorf("published, %s: %d %s", alg, got.StatusCode, got.raw)
		}
		if got := mine.token(machine); got.text("error") != "invalid_client" {
			t.Errorf("no longer published, %s: %d %s", alg, got.StatusCode, got.raw)
		}
		w.registered("m2m", alg, mine)
		newer, _ := w.Client(context.Background(), w.a.ID, "m2m")
		w.newer = map[string][]*jose.PublicKey{"https://m2m.example/jwks": newer.Keys}
		w.change(w.a, "m2m", func(c *apps.Client) { c.Keys = nil })
		if got := mine.token(machine); got.StatusCode != http.StatusOK {
			t.Errorf("published just now, %s: %d %s", alg, got.StatusCode, got.raw)
		}
		w.newer = nil
		w.change(w.a, "m2m", func(c *apps.Client) { c.JWKSURI = "" })
	}
	// A person's request, pushed.
	w.known("web")
	mine := w.holder(jose.ES256, &ca)
	pushed := mine.send("POST", "/oauth2/par", request("web"))
	code := w.redirected(w.bring(w.a, "web", pushed.text("request_uri"))).Get("code")
	form := w.redemption(w.a, "web", code, "client_secret", "")
	if got := mine.token(form); got.StatusCode != http.StatusOK {
		t.Errorf("a code: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack20_Certificates: a certificate is taken from a client's own connection, of an authority for clients, with the client's name
// or key, while it is valid.
func TestAttack20_Certificates(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ca := w.mutual()
	stranger := w.holder(jose.ES256, nil, authority)
	w.known("m2m")
	good := w.holder(jose.ES256, &ca)
	leaf := w.holder(jose.ES256, &ca, func(c *x509.Certificate) { c.Subject.CommonName = "leaf" })
	between := w.holder(jose.ES256, &ca, authority)
	lost := w.holder(jose.ES256, &between)
	lost.chain = nil
	pretender := w.holder(jose.ES256, &stranger)
	pretender.chain = append(pretender.chain, good.chain...)
	named := func(name pkix.Name) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject = name }
	}
	for name, h := range map[string]holder{
		"none":                        w.nobody(),
		"another authority's":         w.holder(jose.ES256, &stranger),
		"with ours in the chain":      pretender,
		"self-signed":                 w.holder(jose.ES256, nil),
		"certified by another client": w.holder(jose.ES256, &leaf),
		"a lost step":                 lost,
		"the authority's own":         ca,
		"expired":                     w.holder(jose.ES256, &ca, func(c *x509.Certificate) { c.NotAfter = w.Clock.Now().Add(-time.Second) }),
		"not yet":                     w.holder(jose.ES256, &ca, func(c *x509.Certificate) { c.NotBefore = w.Clock.Now().Add(time.Minute) }),
		"for servers":                 w.holder(jose.ES256, &ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		"another name":                w.holder(jose.ES256, &ca, named(pkix.Name{CommonName: "other", Organization: []string{"Example"}})),
		"a name more":                 w.holder(jose.ES256, &ca, named(pkix.Name{CommonName: "payments", Organization: []string{"Example"}, Country: []string{"DE"}})),
		"a name less":                 w.holder(jose.ES256, &ca, named(pkix.Name{CommonName: "payments"})),
		"the name in another place":   w.holder(jose.ES256, &ca, named(pkix.Name{CommonName: "payments", OrganizationalUnit: []string{"Example"}})),
	} {
		ctx := h.shows()
		if h.cert == nil {
			ctx = context.Background()
		}
		got := w.sendAs(ctx, w.a, "POST", "/oauth2/token", machine)
		if got.StatusCode != http.StatusUnauthorized || got.text("error") != "invalid_client" || strings.Contains(got.raw, "certificate") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := good.token(machine); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	for name, form := range map[string]url.Values{
		"another client's":      {"grant_type": {"client_credentials"}, "client_id": {"web"}},
		"an unknown client's":   {"grant_type": {"client_credentials"}, "client_id": {"nobody"}},
		"no client's":           {"grant_type": {"client_credentials"}},
		"the client's, secret":  {"grant_type": {"client_credentials"}, "client_id": {"m2m"}, "client_secret": {w.a.secret}},
		"the client's, by JWT":  {"grant_type": {"client_credentials"}, "client_id": {"m2m"}, "client_assertion": {"a.e30.c"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}},
		"the other tenant's":    {"grant_type": {"client_credentials"}, "client_id": {"m2m"}, "x": {"y"}},
		"a browser app's, mute": {"grant_type": {"client_credentials"}, "client_id": {"spa"}},
	} {
		at := w.a
		if form.Has("x") {
			at = w.b
		}
		if got := w.sendAs(good.shows(), at, "POST", "/oauth2/token", form); got.StatusCode == http.StatusOK || got.text("access_token") != "" {
			t.Errorf("a certificate for %s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	// A self-signed one is as good as its key.
	mine, other := w.holder(jose.ES256, nil), w.holder(jose.ES256, nil)
	w.registered("m2m", jose.ES256, mine)
	for name, h := range map[string]holder{
		"another key":                 other,
		"of an authority, with names": good,
		"expired":                     w.certified(mine.key, nil, func(c *x509.Certificate) { c.NotAfter = w.Clock.Now().Add(-time.Second) }),
		"not yet":                     w.certified(mine.key, nil, func(c *x509.Certificate) { c.NotBefore = w.Clock.Now().Add(time.Minute) }),
	} {
		if got := h.token(machine); got.StatusCode != http.StatusUnauthorized || got.text("error") != "invalid_client" {
			t.Errorf("self-signed, %s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	// Without authorities of its own the installation takes nobody's, and not those of the machine.
	w.mutual(func(o *oauth.Options) { o.ClientCAs = nil })
	w.known("m2m")
	for name, h := range map[string]holder{"once ours": good, "the machine's": w.certified(good.key, &machinesCA)} {
		if got := h.token(machine); got.text("error") != "invalid_client" {
			t.Errorf("without authorities, %s: %d %s", name, got.StatusCode, got.raw)
		}
	}
}

// confirmation is cnf of a token.
func (w *world) confirmation(token string) map[string]string {
	w.t.Helper()
	raw, _ := w.claimsOf(token).Get("cnf")
	var cnf map[string]string
	_ = json.Unmarshal(raw, &cnf)
	return cnf
}

func TestCertificateBoundTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	mine, other := w.holder(jose.ES256, nil), w.holder(jose.ES256, nil)
	for _, client := range []string{"web", "other", "spa", "m2m"} {
		w.change(w.a, client, func(c *apps.Client) { c.CertificateBound = true })
	}
	refreshing := func(client, token string) url.Values {
		return w.as(w.a, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	}
	bound := func(what string, got answer, to holder) string {
		t.Helper()
		access := got.text("access_token")
		if got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" {
			t.Fatalf("%s: %d %s", what, got.StatusCode, got.raw)
		}
		if cnf := w.confirmation(access); len(cnf) != 1 || cnf["x5t#S256"] != to.x5t() {
			t.Fatalf("%s: bound to %v", what, cnf)
		}
		return access
	}
	for _, client := range []string{"spa", "web"} {
		form := w.redemption(w.a, client, w.code(w.a, client))
		if got := w.send(w.a, "POST", "/oauth2/token", form); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_request" {
			t.Errorf("%s, without a certificate: %d %s", client, got.StatusCode, got.raw)
		}
		got := mine.token(form)
		access := bound(client, got, mine)
		seen := w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {access}}))
		if cnf, _ := seen.body["cnf"].(map[string]any); cnf["x5t#S256"] != mine.x5t() || seen.text("token_type") != "Bearer" {
			t.Errorf("%s: introspection %s", client, seen.raw)
		}
		if info := mine.userinfo(access); info.StatusCode != http.StatusOK || info.text("sub") != w.a.user.String() {
			t.Errorf("%s: userinfo %d %s", client, info.StatusCode, info.raw)
		}
		again := other.token(refreshing(client, got.text("refresh_token")))
		if client == "spa" { // whose refresh tokens are as good as bearer tokens otherwise
			if again.text("error") != "invalid_grant" {
				t.Errorf("refresh with another certificate: %d %s", again.StatusCode, again.raw)
			}
			bound("refresh", mine.token(refreshing(client, got.text("refresh_token"))), mine)
			continue
		}
		bound("a confidential client's new certificate", again, other)
	}
	access := bound("client_credentials", mine.token(w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"}})), mine)
	if err := mine.manage(access); err != nil {
		t.Errorf("the management API: %v", err)
	}
	// A client that need not bind does not: it may show the certificate for another reason.
	w.change(w.a, "m2m", func(c *apps.Client) { c.CertificateBound = false })
	if got := mine.token(w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}})); got.StatusCode != http.StatusOK || w.confirmation(got.text("access_token")) != nil {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	// Nor is there a token in the address that could not be bound.
	w.change(w.a, "web", func(c *apps.Client) { c.ResponseTypes = []string{"code", "token"} })
	if got := w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "token").Encode(), nil); !strings.Contains(got.Header.Get("Location"), "error=unauthorized_client") {
		t.Errorf("a token in the address: %s", got.Header.Get("Location"))
	}
}

// TestAttack21_BoundToCertificate presents tokens that are bound to a certificate without it.
func TestAttack21_BoundToCertificate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	mine, other := w.holder(jose.ES256, nil), w.holder(jose.ES256, nil)
	twin := w.certified(mine.key, nil) // the same key, another certificate
	old := w.holder(jose.ES256, nil, func(c *x509.Certificate) { c.NotAfter = w.Clock.Now().Add(time.Minute) })
	for _, client := range []string{"web", "m2m"} {
		w.change(w.a, client, func(c *apps.Client) { c.CertificateBound = true })
	}
	access := mine.token(w.redemption(w.a, "web", w.code(w.a, "web"))).text("access_token")
	own := mine.token(w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"}})).text("access_token")
	for name, got := range map[string]answer{
		"none":        w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+access),
		"another":     other.userinfo(access),
		"its twin":    twin.userinfo(access),
		"in the form": other.send("POST", "/oauth2/userinfo", url.Values{"access_token": {access}}),
		"as if it were bound to a key": mine.send("GET", "/oauth2/userinfo", nil, "Authorization", "DPoP "+access, "DPoP",
			w.prover().proof("GET", "/oauth2/userinfo", map[string]any{"ath": ath(access)})),
	} {
		if got.StatusCode != http.StatusUnauthorized || !strings.Contains(strings.Join(got.Header.Values("WWW-Authenticate"), ","), `error="invalid_token"`) {
			t.Errorf("userinfo with %s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	ctx := httpapi.InTenant(context.Background(), w.a.Tenant, httpapi.Issuer{URL: w.a.Base})
	_, none := w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Method: "GET", URL: w.a.Base + "/v1/orgs/root", Scheme: "Bearer", Token: own})
	for name, err := range map[string]error{"none": none, "another": other.manage(own), "its twin": twin.manage(own)} {
		if !fault.CodeUnauthorized.Is(err) {
			t.Errorf("the management API with %s: %v", name, err)
		}
	}
	// Nor is it exchanged or carried to another organization.
	w.change(w.a, "web", func(c *apps.Client) { c.GrantTypes = append(c.GrantTypes, apps.GrantTokenExchange) })
	exchange := w.as(w.a, "web", url.Values{"grant_type": {apps.GrantTokenExchange}, "subject_token": {access}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}})
	if got := other.token(exchange); got.text("error") != "invalid_request" {
		t.Errorf("exchanged: %d %s", got.StatusCode, got.raw)
	}
	if got := mine.token(exchange); got.StatusCode != http.StatusOK || w.confirmation(got.text("access_token"))["x5t#S256"] != mine.x5t() {
		t.Errorf("not exchanged: %d %s", got.StatusCode, got.raw)
	}
	if got := other.token(w.switching("web", access, "south")); got.text("error") != "invalid_grant" {
		t.Errorf("carried over: %d %s", got.StatusCode, got.raw)
	}
	if got := mine.token(w.switching("web", access, "south")); got.StatusCode != http.StatusOK || w.confirmation(got.text("access_token"))["x5t#S256"] != mine.x5t() {
		t.Errorf("not carried over: %d %s", got.StatusCode, got.raw)
	}
	// Nor does anybody act by one.
	w.change(w.a, "web", func(c *apps.Client) {
		c.CertificateBound, c.GrantTypes = false, append(c.GrantTypes, "client_credentials")
	})
	exchange.Set("subject_token", w.signIn(w.a, "web").text("access_token"))
	w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound = true })
	exchange.Set("actor_token", mine.token(w.as(w.a, "web", url.Values{"grant_type": {"client_credentials"}})).text("access_token"))
	exchange.Set("actor_token_type", "urn:ietf:params:oauth:token-type:access_token")
	if got := other.token(exchange); got.text("error") != "invalid_request" {
		t.Errorf("acting: %d %s", got.StatusCode, got.raw)
	}
	if got := mine.token(exchange); got.StatusCode != http.StatusOK {
		t.Errorf("not acting: %d %s", got.StatusCode, got.raw)
	}
	// The app need not bind any more: what is bound stays so.
	w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound = false })
	if got := other.userinfo(access); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the setting was taken back: %d", got.StatusCode)
	}
	if got := mine.userinfo(access); got.StatusCode != http.StatusOK {
		t.Errorf("after the setting was taken back: %d %s", got.StatusCode, got.raw)
	}
	// Both ways of binding hold together.
	w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound = true })
	key := w.prover()
	got := mine.send("POST", "/oauth2/token", w.redemption(w.a, "web", w.code(w.a, "web")), "DPoP", key.proof("POST", "/oauth2/token", nil))
	access = got.text("access_token")
	if cnf := w.confirmation(access); got.text("token_type") != "DPoP" || cnf["x5t#S256"] != mine.x5t() || cnf["jkt"] != key.jkt() {
		t.Fatalf("%s %v", got.raw, cnf)
	}
	proven := func(h holder) int {
		return h.send("GET", "/oauth2/userinfo", nil, "Authorization", "DPoP "+access, "DPoP", key.proof("GET", "/oauth2/userinfo", map[string]any{"ath": ath(access)})).StatusCode
	}
	if proven(mine) != http.StatusOK || proven(other) != http.StatusUnauthorized || mine.userinfo(access).StatusCode != http.StatusUnauthorized {
		t.Error("a token that is bound twice needs less than both")
	}
	// A certificate that has run out proves nothing.
	access = old.token(w.redemption(w.a, "web", w.code(w.a, "web"))).text("access_token")
	w.Clock.Advance(2 * time.Minute)
	if got := old.userinfo(access); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("with a certificate that has run out: %d", got.StatusCode)
	}
	if got := old.token(w.redemption(w.a, "web", w.code(w.a, "web"))); got.text("error") != "invalid_request" {
		t.Errorf("bound to a certificate that has run out: %d %s", got.StatusCode, got.raw)
	}
}

func TestMTLSMetadata(t *testing.T) {
	t.Parallel()
	w := setup(t)
	methods := func() string {
		got := w.send(w.a, "GET", "/.well-known/oauth-authorization-server", nil)
		raw, _ := json.Marshal(got.body["token_endpoint_auth_methods_supported"])
		bound, _ := json.Marshal(got.body["tls_client_certificate_bound_access_tokens"])
		return string(raw) + string(bound)
	}
	if got := methods(); strings.Contains(got, "tls") || !strings.HasSuffix(got, "false") {
		t.Errorf("where no certificate can be shown: %s", got)
	}
	w.mutual(func(o *oauth.Options) { o.ClientCAs = nil })
	if got := methods(); !strings.Contains(got, `"self_signed_tls_client_auth"`) || strings.Contains(got, `"tls_client_auth"`) || !strings.HasSuffix(got, "true") {
		t.Errorf("without authorities: %s", got)
	}
	w.mutual()
	if got := methods(); !strings.Contains(got, `"tls_client_auth"`) {
		t.Errorf("with authorities: %s", got)
	}
	if got := w.send(w.a, "GET", "/.well-known/oauth-authorization-server", nil); got.body["mtls_endpoint_aliases"] != nil || strings.Contains(got.raw, "alias") {
		t.Errorf("aliases that nobody configured: %s", got.raw)
	}
	w.mutual(func(o *oauth.Options) { o.MTLSBaseURL = "https://mtls.example" })
	for path, base := range map[string]string{"/.well-known/oauth-authorization-server": "https://mtls.example/t/acme", "/o/north/.well-known/openid-configuration": "https://mtls.example/t/acme/o/north"} {
		got := w.send(w.a, "GET", path, nil)
		aliases, _ := got.body["mtls_endpoint_aliases"].(map[string]any)
		if aliases["token_endpoint"] != base+"/oauth2/token" || aliases["pushed_authorization_request_endpoint"] != base+"/oauth2/par" || aliases["userinfo_endpoint"] != base+"/oauth2/userinfo" ||
			got.text("token_endpoint") == aliases["token_endpoint"] || aliases["authorization_endpoint"] != nil || strings.Contains(got.raw, "invalid") {
			t.Errorf("%s: %s", path, got.raw)
		}
	}
	// What is made for an alias is good there, and another tenant's is not.
	key := w.prover()
	c := w.asserting(w.a, "m2m", jose.ES256)
	for at, want := range map[string]int{"https://mtls.example/t/acme": http.StatusOK, "https://mtls.example/t/umbra": http.StatusBadRequest, "https://evil.example/t/acme": http.StatusBadRequest} {
		form := c.form(c.assertion(c.key, nil))
		if got := w.send(w.a, "POST", "/oauth2/token", form, "DPoP", key.proof("POST", "/oauth2/token", map[string]any{"htu": at + "/oauth2/token"})); got.StatusCode != want {
			t.Errorf("a proof for %s: %d %s", at, got.StatusCode, got.raw)
		}
		form = c.form(c.assertion(c.key, map[string]any{"aud": at + "/oauth2/token"}))
		if got := w.send(w.a, "POST", "/oauth2/token", form); (got.StatusCode == http.StatusOK) != (want == http.StatusOK) {
			t.Errorf("an assertion for %s: %d %s", at, got.StatusCode, got.raw)
		}
	}
}
