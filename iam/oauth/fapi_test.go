package oauth_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/oauth"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

var profiles = []string{apps.ProfileFAPI1, apps.ProfileFAPI2, apps.ProfileFAPI2Signing}

// held is a client that is held to a profile and complies with it: it proves itself by private_key_jwt, and binds its tokens to a
// certificate.
type held struct {
	asserting
	holder
	profile string
}

func (w *world) held(client, profile, alg string) held {
	w.t.Helper()
	h := held{w.asserting(w.a, client, alg), w.holder(jose.ES256, nil), profile}
	w.change(w.a, client, func(c *apps.Client) {
		c.Profile, c.IDTokenAlg, c.CertificateBound = profile, jose.PS256, true
		c.RequirePushed, c.RequireSignedRequest = c.Demands().Pushed, c.Demands().SignedRequest
	})
	return h
}

func (h held) world() *world { return h.asserting.w }

// authentic adds a fresh assertion to a form.
func (h held) authentic(form url.Values) url.Values {
	form.Del("client_secret")
	for name, values := range h.form(h.assertion(h.asserting.key, nil)) {
		if name != "grant_type" {
			form[name] = values
		}
	}
	return form
}

// grant sends a form to the token endpoint.
func (h held) grant(form url.Values) answer { return h.holder.token(h.authentic(form)) }

// asks asks as the profile wants it, with changes of the parameters, and returns the answer of the authorization endpoint; that of
// the pushed one where it refuses.
func (h held) asks(changes map[string]any) answer {
	w := h.world()
	w.t.Helper()
	d := apps.Settings{Profile: h.profile}.Demands()
	all := map[string]any{}
	if d.SignedRequest {
		all["nbf"] = w.Clock.Now().Unix()
	}
	if d.SignedResponse {
		all["response_mode"] = "jwt"
	}
	for name, value := range changes {
		all[name] = value
	}
	var form url.Values
	if d.SignedRequest {
		form = url.Values{"request": {h.object("oauth-authz-req+jwt", h.asserting.key, all)}, "client_id": {h.id}}
	} else {
		form = request(h.id)
		for name, value := range all {
			if text, ok := value.(string); ok {
				form.Set(name, text)
			} else {
				form.Del(name)
			}
		}
	}
	if !d.Pushed {
		return w.send(w.a, "GET", "/oauth2/authorize?"+form.Encode(), nil)
	}
	pushed := h.holder.send("POST", "/oauth2/par", h.authentic(form))
	if pushed.StatusCode != http.StatusCreated {
		return pushed
	}
	return w.bring(w.a, h.id, pushed.text("request_uri"))
}

// outcome is what becomes of a request: a code or an error, signed or not. An error that the person is shown is a "page".
func (h held) outcome(got answer) (code, failure string, signed bool) {
	w := h.world()
	w.t.Helper()
	switch {
	case got.text("error") != "":
		return "", got.text("error"), false
	case got.StatusCode == http.StatusOK && strings.Contains(got.raw, `name="error" value="invalid_request"`):
		return "", "invalid_request", false
	case got.StatusCode == http.StatusBadRequest:
		return "", "page", false
	}
	to, err := url.Parse(got.Header.Get("Location"))
	if err != nil || got.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	values := to.Query()
	if to.Fragment != "" {
		values, _ = url.ParseQuery(to.Fragment)
	}
	if token := values.Get("response"); token != "" {
		c := w.read(token, jose.PS256, "JWT")
		return text(c, "code"), text(c, "error"), true
	}
	return values.Get("code"), values.Get("error"), false
}

func TestFAPI(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	for _, profile := range profiles {
		for _, alg := range (apps.Settings{Profile: profile}).Demands().Algs {
			h := w.held("web", profile, alg)
			code, failure, signed := h.outcome(h.asks(nil))
			if code == "" || signed != (apps.Settings{Profile: profile}).Demands().SignedResponse {
				t.Fatalf("%s, %s: %q, signed %v", profile, alg, failure, signed)
			}
			got := h.grant(w.redemption(w.a, "web", code))
			if got.StatusCode != http.StatusOK || w.confirmation(got.text("access_token"))["x5t#S256"] != h.x5t() {
				t.Fatalf("%s, %s: %d %s", profile, alg, got.StatusCode, got.raw)
			}
			w.read(got.text("id_token"), jose.PS256, "JWT")
			if info := h.userinfo(got.text("access_token")); info.StatusCode != http.StatusOK {
				t.Errorf("%s, %s: userinfo %d %s", profile, alg, info.StatusCode, info.raw)
			}
			seen := h.holder.send("POST", "/oauth2/introspect", h.authentic(url.Values{"token": {got.text("access_token")}}))
			if seen.body["active"] != true {
				t.Errorf("%s, %s: introspection %s", profile, alg, seen.raw)
			}
		}
	}
	// FAPI 2 is as content with a key, and with a certificate instead of an assertion.
	h := w.held("web", apps.ProfileFAPI2, jose.ES256)
	w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound, c.DPoPBound = false, true })
	key := w.prover()
	code, failure, _ := h.outcome(h.asks(nil))
	got := w.send(w.a, "POST", "/oauth2/token", h.authentic(w.redemption(w.a, "web", code)), "DPoP", key.proof("POST", "/oauth2/token", nil))
	if got.StatusCode != http.StatusOK || w.boundTo(got.text("access_token")) != key.jkt() {
		t.Errorf("bound to a key: %s %d %s", failure, got.StatusCode, got.raw)
	}
	mine := w.holder(jose.PS256, nil)
	w.registered("web", jose.PS256, mine)
	w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound, c.DPoPBound = true, false })
	pushed := mine.send("POST", "/oauth2/par", request("web"))
	code = w.redirected(w.bring(w.a, "web", pushed.text("request_uri"))).Get("code")
	if got := mine.token(w.redemption(w.a, "web", code, "client_secret", "")); got.StatusCode != http.StatusOK {
		t.Errorf("by a certificate alone: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack20_ProfileRequests sends requests of a client whose settings say less than its profile does.
func TestAttack20_ProfileRequests(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	now := w.Clock.Now()
	none := any(nil)
	for _, profile := range profiles {
		d := apps.Settings{Profile: profile}.Demands()
		h := w.held("web", profile, jose.ES256)
		// Everything that an administrator could have set, or a row could hold.
		lax := func() {
			w.change(w.a, "web", func(c *apps.Client) {
				c.AssertionReuse, c.PKCEOptional, c.PKCEPlain, c.RequirePushed, c.RequireSignedRequest, c.SkipConsent = true, true, true, false, false, true
				c.ResponseTypes, c.RedirectURIs = []string{"code", "code id_token"}, []string{callback, "http://127.0.0.1/cb"}
				c.GrantTypes = []string{"authorization_code", "refresh_token", "client_credentials", apps.GrantDeviceCode}
			})
		}
		lax()
		for name, c := range map[string]struct {
			changes map[string]any
			applies bool
		}{
			"hybrid":                       {map[string]any{"response_type": "code id_token"}, true},
			"no PKCE":                      {map[string]any{"code_challenge": none, "code_challenge_method": none}, !d.LesserPKCE},
			"plain PKCE":                   {map[string]any{"code_challenge": verifier, "code_challenge_method": "plain"}, true},
			"PKCE without a method":        {map[string]any{"code_challenge": verifier, "code_challenge_method": none}, true},
			"http":                         {map[string]any{"redirect_uri": "http://127.0.0.1/cb"}, true},
			"a response in the open":       {map[string]any{"response_mode": none}, d.SignedResponse},
			"a response by query":          {map[string]any{"response_mode": "query"}, d.SignedResponse},
			"a response by form":           {map[string]any{"response_mode": "form_post"}, d.SignedResponse},
			"no nonce":                     {map[string]any{"nonce": none}, d.NonceOrState},
			"no scope":                     {map[string]any{"scope": none}, d.NonceOrState},
			"no state":                     {map[string]any{"scope": "orders.read", "state": none}, d.NonceOrState},
			"no nbf":                       {map[string]any{"nbf": none}, d.SignedRequest},
			"nbf more than an hour ago":    {map[string]any{"nbf": now.Add(-61 * time.Minute).Unix()}, d.SignedRequest},
			"an object of more than 1 h":   {map[string]any{"nbf": now.Add(-10 * time.Minute).Unix(), "exp": now.Add(51 * time.Minute).Unix()}, d.SignedRequest},
			"an object without exp":        {map[string]any{"exp": none}, d.SignedRequest},
			"an object for somebody else":  {map[string]any{"aud": "https://other.example"}, d.SignedRequest},
			"an object for the token path": {map[string]any{"aud": w.a.Base + "/oauth2/token"}, d.SignedRequest},
		} {
			if !c.applies {
				continue
			}
			code, failure, _ := h.outcome(h.asks(c.changes))
			if code != "" || failure != "invalid_request" && failure != "invalid_request_object" && (failure != "page" || d.Pushed) {
				t.Errorf("%s, %s: %q %q", profile, name, code, failure)
			}
		}
		w.person = func(req authn.Request) authn.Outcome {
			if req.App.SkipConsent == d.AskConsent {
				t.Errorf("%s: consent is skipped: %v", profile, req.App.SkipConsent)
			}
			return w.signedIn(w.a, w.a.north)
		}
		if code, failure, _ := h.outcome(h.asks(nil)); code == "" {
			t.Errorf("%s: what complies: %q", profile, failure)
		}
		if code, failure, signed := h.outcome(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_mode", "").Encode(), nil)); code != "" || failure != "invalid_request" || signed != d.SignedResponse {
			t.Errorf("%s: neither pushed nor signed: %q %q, signed %v", profile, code, failure, signed)
		}
		object := w.redirected(h.by(h.object("oauth-authz-req+jwt", h.asserting.key, map[string]any{"nbf": now.Unix(), "response_mode": "query"})))
		if object.Get("code") != "" {
			t.Errorf("%s: by value: %v", profile, object)
		}
		if d.SignedRequest {
			unsigned := request("web", "response_mode", "jwt")
			if got := h.holder.send("POST", "/oauth2/par", h.authentic(unsigned)); got.text("error") != "invalid_request" {
				t.Errorf("%s: pushed, not signed: %d %s", profile, got.StatusCode, got.raw)
			}
		}
		// The client itself.
		for name, form := range map[string]url.Values{
			"a device's code": h.authentic(url.Values{"scope": {"openid"}}),
			"with a secret":   {"client_id": {"web"}, "client_secret": {w.a.secret}, "scope": {"openid"}},
		} {
			if got := h.holder.send("POST", "/oauth2/device_authorization", form); got.text("error") != "unauthorized_client" && got.text("error") != "invalid_client" {
				t.Errorf("%s, %s: %d %s", profile, name, got.StatusCode, got.raw)
			}
		}
		if got := h.grant(url.Values{"grant_type": {apps.GrantDeviceCode}, "device_code": {"x"}}); got.text("error") != "unauthorized_client" {
			t.Errorf("%s: a device's grant: %d %s", profile, got.StatusCode, got.raw)
		}
		w.change(w.a, "web", func(c *apps.Client) { c.GrantTypes = append(c.GrantTypes, apps.GrantCIBA) })
		for name, form := range map[string]url.Values{"not signed": h.authentic(url.Values{"scope": {"openid"}, "login_hint": {"ada"}, "binding_message": {"x"}}),
			"without a message": h.authentic(url.Values{"request": h.cibaObject(h.asserting.key, "JWT", map[string]any{"binding_message": nil})["request"]}),
			"of two hours":      h.authentic(url.Values{"request": h.cibaObject(h.asserting.key, "JWT", map[string]any{"nbf": now.Add(-2 * time.Hour).Unix()})["request"]})} {
			if got := h.holder.send("POST", "/oauth2/bc-authorize", form); got.text("error") != "invalid_request" {
				t.Errorf("%s, a backchannel request %s: %d %s", profile, name, got.StatusCode, got.raw)
			}
		}
		if got := h.holder.send("POST", "/oauth2/bc-authorize", h.authentic(url.Values{"request": h.cibaObject(h.asserting.key, "JWT", map[string]any{"login_hint": "for " + profile})["request"]})); got.text("auth_req_id") == "" {
			t.Errorf("%s, a backchannel request: %d %s", profile, got.StatusCode, got.raw)
		}
		machine := func(form url.Values) answer {
			form.Set("grant_type", "client_credentials")
			return h.holder.token(form)
		}
		if got := machine(h.authentic(url.Values{})); got.StatusCode != http.StatusOK {
			t.Errorf("%s: client_credentials: %d %s", profile, got.StatusCode, got.raw)
		}
		if got := w.send(w.a, "POST", "/oauth2/token", h.form(h.assertion(h.asserting.key, nil))); got.text("error") != "invalid_request" {
			t.Errorf("%s: without a certificate: %d %s", profile, got.StatusCode, got.raw)
		}
		w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound = false })
		if got := machine(h.authentic(url.Values{})); got.text("error") != "invalid_request" {
			t.Errorf("%s: bearer tokens: %d %s", profile, got.StatusCode, got.raw)
		}
		key := w.prover()
		got := w.send(w.a, "POST", "/oauth2/token", h.form(h.assertion(h.asserting.key, nil)), "DPoP", key.proof("POST", "/oauth2/token", nil))
		if (got.StatusCode == http.StatusOK) == d.BoundCertificate {
			t.Errorf("%s: bound to a key: %d %s", profile, got.StatusCode, got.raw)
		}
		w.change(w.a, "web", func(c *apps.Client) { c.CertificateBound = true })
		once := h.assertion(h.asserting.key, nil)
		if first, again := machine(h.form(once)), machine(h.form(once)); first.StatusCode != http.StatusOK || again.text("error") != "invalid_client" {
			t.Errorf("%s: an assertion again: %d %s", profile, again.StatusCode, again.raw)
		}
		for name, c := range map[string]struct {
			aud  any
			good bool
		}{"the issuer": {w.a.Base, true}, "a list": {[]string{w.a.Base}, !d.IssuerAudience}, "the token endpoint": {w.a.Base + "/oauth2/token", !d.IssuerAudience},
			"both": {[]string{w.a.Base, w.a.Base + "/oauth2/token"}, !d.IssuerAudience}, "the other tenant": {w.b.Base, false}} {
			if got := machine(h.form(h.assertion(h.asserting.key, map[string]any{"aud": c.aud}))); (got.StatusCode == http.StatusOK) != c.good || !c.good && got.text("error") != "invalid_client" {
				t.Errorf("%s, an assertion for %s: %d %s", profile, name, got.StatusCode, got.raw)
			}
		}
		for _, method := range []string{apps.AuthSecret, apps.AuthBasic, apps.AuthPost} {
			w.change(w.a, "web", func(c *apps.Client) { c.AuthMethod = method })
			got := machine(url.Values{"client_id": {"web"}, "client_secret": {w.a.secret}})
			if method == apps.AuthBasic {
				got = h.holder.send("POST", "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("web:"+w.a.secret)))
			}
			if got.StatusCode != http.StatusUnauthorized || got.text("error") != "invalid_client" {
				t.Errorf("%s, %s: %d %s", profile, method, got.StatusCode, got.raw)
			}
		}
		w.change(w.a, "web", func(c *apps.Client) { c.AuthMethod, c.Public = apps.AuthNone, true })
		if got := h.holder.send("POST", "/oauth2/par", request("web")); got.text("error") != "invalid_client" {
			t.Errorf("%s: a public client: %d %s", profile, got.StatusCode, got.raw)
		}
		w.change(w.a, "web", func(c *apps.Client) { c.Public = false })
	}
}

// TestAttack21_ProfileAlgs: no signature of a client that is held to a profile is by an algorithm that the profile forbids.
func TestAttack21_ProfileAlgs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	for _, profile := range profiles {
		d := apps.Settings{Profile: profile}.Demands()
		for _, alg := range jose.Algs() {
			allowed := strings.Contains(strings.Join(d.Algs, " "), alg)
			for _, registered := range []string{"", alg} { // whatever the settings name
				h := w.held("web", profile, alg)
				w.change(w.a, "web", func(c *apps.Client) {
					c.AuthSigningAlg, c.GrantTypes = registered, append(c.GrantTypes, "client_credentials")
				})
				got := h.holder.token(h.form(h.assertion(h.asserting.key, nil)))
				if (got.StatusCode == http.StatusOK) != allowed || !allowed && got.text("error") != "invalid_client" {
					t.Errorf("%s, an assertion by %s: %d %s", profile, alg, got.StatusCode, got.raw)
				}
				if !d.SignedRequest {
					continue
				}
				w.change(w.a, "web", func(c *apps.Client) { c.RequestObjectAlg = registered })
				object := h.by(h.object("oauth-authz-req+jwt", h.asserting.key, map[string]any{"nbf": w.Clock.Now().Unix(), "response_mode": "jwt"}))
				code, failure, _ := h.outcome(object)
				if wanted := allowed && !d.Pushed; (code != "") != wanted || !allowed && failure != "page" {
					t.Errorf("%s, an object by %s: %q %q", profile, alg, code, failure)
				}
			}
		}
	}
	// So with proofs, at the token endpoint and with the token.
	h := w.held("web", apps.ProfileFAPI2, jose.ES256)
	w.change(w.a, "web", func(c *apps.Client) {
		c.AuthSigningAlg, c.CertificateBound, c.DPoPBound, c.GrantTypes = "", false, true, []string{"client_credentials"}
	})
	pair, err := jose.Generate(jose.RS256)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(alg string) string {
		return w.signedProof(pair, alg, map[string]any{"htm": "POST", "htu": w.a.Base + "/oauth2/token"})
	}
	send := func(alg string) answer {
		return w.send(w.a, "POST", "/oauth2/token", h.form(h.assertion(h.asserting.key, nil)), "DPoP", proof(alg))
	}
	if got := send(jose.RS256); got.text("error") != "invalid_dpop_proof" {
		t.Errorf("a proof by RS256: %d %s", got.StatusCode, got.raw)
	}
	if got := send(jose.PS256); got.StatusCode != http.StatusOK {
		t.Errorf("a proof by PS256: %d %s", got.StatusCode, got.raw)
	}
}

// signedProof is a proof by a key of another kind.
func (w *world) signedProof(key *jose.Key, alg string, claims map[string]any) string {
	w.t.Helper()
	var jwk map[string]any
	if err := json.Unmarshal(key.PublicJWK(), &jwk); err != nil {
		w.t.Fatal(err)
	}
	delete(jwk, "alg")
	claims["jti"], claims["iat"] = ids.NewAccessToken().String(), w.Clock.Now().Unix()
	payload, _ := json.Marshal(claims)
	return w.signedAs(key, map[string]any{"typ": "dpop+jwt", "alg": alg, "jwk": jwk}, payload)
}

// signedAs signs by RS256 or PS256 with any header.
func (w *world) signedAs(key *jose.Key, header map[string]any, payload []byte) string {
	w.t.Helper()
	raw, err := key.MarshalPrivate()
	if err != nil {
		w.t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	named, _ := json.Marshal(header)
	input := b64(named) + "." + b64(payload)
	sum := sha256.Sum256([]byte(input))
	var how crypto.SignerOpts = crypto.SHA256
	if header["alg"] == jose.PS256 {
		how = &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash}
	}
	signature, err := private.(crypto.Signer).Sign(rand.Reader, sum[:], how)
	if err != nil {
		w.t.Fatal(err)
	}
	return input + "." + b64(signature)
}

// TestFAPI2KeepsRefreshTokens: they are not rotated, and end with what they stand on all the same.
func TestFAPI2KeepsRefreshTokens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual()
	for _, profile := range profiles {
		h := w.held("web", profile, jose.ES256)
		code, _, _ := h.outcome(h.asks(map[string]any{"scope": "openid offline_access orders.read"}))
		refresh := h.grant(w.redemption(w.a, "web", code)).text("refresh_token")
		use := func() answer {
			return h.grant(w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}))
		}
		got := use()
		if rotated := got.text("refresh_token") != ""; got.StatusCode != http.StatusOK || rotated != (profile == apps.ProfileFAPI1) {
			t.Errorf("%s: %d %s", profile, got.StatusCode, got.raw)
		}
		if profile == apps.ProfileFAPI1 {
			continue
		}
		// Each use keeps it alive: a week without one ends it.
		for range 3 {
			w.Clock.Advance(6 * 24 * time.Hour)
			if got := use(); got.StatusCode != http.StatusOK || got.text("access_token") == "" || got.text("refresh_token") != "" {
				t.Fatalf("%s: %d %s", profile, got.StatusCode, got.raw)
			}
		}
		if got := w.send(w.a, "POST", "/oauth2/token", h.authentic(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})); got.text("error") != "invalid_request" {
			t.Errorf("%s: without the certificate: %d %s", profile, got.StatusCode, got.raw)
		}
		w.Clock.Advance(8 * 24 * time.Hour)
		if got := use(); got.text("error") != "invalid_grant" {
			t.Errorf("%s: unused for more than a week: %d %s", profile, got.StatusCode, got.raw)
		}
		w.newSession(w.a)
	}
}

// TestProfileCodes: a code lives for a minute, however long the installation lets others live, and a person who began his sign-in
// under another profile begins anew.
func TestProfileCodes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.mutual(func(o *oauth.Options) { o.CodeTTL = 10 * time.Minute })
	h := w.held("web", apps.ProfileFAPI2, jose.ES256)
	code, _, _ := h.outcome(h.asks(nil))
	w.Clock.Advance(61 * time.Second)
	if got := h.grant(w.redemption(w.a, "web", code)); got.text("error") != "invalid_grant" {
		t.Errorf("after a minute: %d %s", got.StatusCode, got.raw)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.Profile, c.RequirePushed = "", false })
	flow := ids.NewFlow()
	w.person = func(req authn.Request) authn.Outcome {
		out := w.signedIn(w.a, w.a.north)
		done := *out.Done
		done.App, done.Issuer, done.Return = req.App.ID, req.Issuer, req.Return
		w.done[flow] = done
		return authn.Outcome{RedirectTo: w.a.Base + "/login"}
	}
	for profile, want := range map[string]int{"": http.StatusSeeOther, apps.ProfileFAPI2: http.StatusBadRequest} {
		w.change(w.a, "web", func(c *apps.Client) { c.Profile = "" })
		w.send(w.a, "GET", "/oauth2/authorize?"+request("web").Encode(), nil)
		w.change(w.a, "web", func(c *apps.Client) { c.Profile = profile })
		if got := w.send(w.a, "GET", "/oauth2/authorize/resume?flow="+flow.String(), nil); got.StatusCode != want {
			t.Errorf("profile %q: %d %s", profile, got.StatusCode, got.raw)
		}
	}
}
