package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/issuers"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

const (
	jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	jwtType   = "urn:ietf:params:oauth:token-type:jwt"
)

// above is somebody whom nobody is above.
type above struct{}

func (above) CheckScopesTx(context.Context, db.Tx, ids.Org, []string, bool) error { return nil }
func (above) OwnIssuer(context.Context, db.Tx, string) (bool, error)              { return false, nil }

// outsider is a trusted issuer of an organization, with which it knows people by username.
type outsider struct {
	w    *world
	a    *tenant
	org  ids.Org
	base string // below which its organization is
	at   string // the path of that
	id   ids.Connection
	name string
	key  *jose.Key
}

func (w *world) trusting(a *tenant, org ids.Org, path string, changes ...func(*issuers.CreateTokenIssuerRequest)) *outsider {
	w.t.Helper()
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		w.t.Fatal(err)
	}
	o := &outsider{w: w, a: a, org: org, base: a.Base + path, at: path, name: "https://idp.example", key: key}
	in := issuers.CreateTokenIssuerRequest{Name: "Corp", Issuer: o.name, JWKS: o.keys(key), SubjectMatch: issuers.MatchUsername}
	for _, change := range changes {
		change(&in)
	}
	made, err := w.issuers.Create(context.Background(), a.ID, org, in)
	if err != nil {
		w.t.Fatal(err)
	}
	o.id, o.name = made.ID, made.Issuer
	for _, client := range []string{"web", "other"} {
		w.change(a, client, func(c *apps.Client) {
			c.GrantTypes = append(slices.Clone(c.GrantTypes), jwtBearer, tokenExchange)
		})
	}
	return o
}

func (o *outsider) keys(key *jose.Key) *apps.JWKSet {
	set := &apps.JWKSet{Keys: []map[string]any{{}}}
	if err := json.Unmarshal(key.PublicJWK(), &set.Keys[0]); err != nil {
		o.w.t.Fatal(err)
	}
	return set
}

func (o *outsider) change(in issuers.UpdateTokenIssuerRequest) {
	o.w.t.Helper()
	if _, err := o.w.issuers.Update(context.Background(), o.a.ID, o.org, o.id, 0, in); err != nil {
		o.w.t.Fatal(err)
	}
}

// says is a good assertion with changes; nil takes a claim out.
func (o *outsider) says(changes map[string]any) string { return o.signs(o.key, "JWT", changes) }

func (o *outsider) signs(key *jose.Key, typ string, changes map[string]any) string {
	o.w.t.Helper()
	now := o.w.Clock.Now()
	claims := map[string]any{"iss": o.name, "sub": "ada", "aud": o.base, "exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix(), "jti": ids.NewAccessToken().String()}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token, err := key.SignJSON(typ, claims)
	if err != nil {
		o.w.t.Fatal(err)
	}
	return token
}

func (o *outsider) bring(client, assertion string, more ...string) answer {
	o.w.t.Helper()
	return o.token(client, url.Values{"grant_type": {jwtBearer}, "assertion": {assertion}, "scope": {"openid orders.read orders.write"}}, more...)
}

func (o *outsider) exchange(client, token string, more ...string) answer {
	o.w.t.Helper()
	return o.token(client, url.Values{"grant_type": {tokenExchange}, "subject_token": {token}, "subject_token_type": {jwtType}, "scope": {"openid orders.read orders.write"}}, more...)
}

func (o *outsider) token(client string, form url.Values, more ...string) answer {
	o.w.t.Helper()
	form = o.w.as(o.a, client, form)
	for i := 0; i < len(more); i += 2 {
		if form.Set(more[i], more[i+1]); more[i+1] == "" {
			form.Del(more[i])
		}
	}
	return o.w.send(o.a, "POST", o.at+"/oauth2/token", form)
}

func TestJWTBearer(t *testing.T) {
	w := setup(t)
	o := w.trusting(w.a, w.a.north, "/o/north")
	got := o.bring("web", o.says(nil))
	seconds, _ := got.body["expires_in"].(float64) // no more than is left of the grant, which began a moment before
	if got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" || got.text("scope") != "orders.read" || seconds < 840 || seconds > 900 {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	for _, name := range []string{"id_token", "issued_token_type", "refresh_token"} {
		if got.body[name] != nil {
			t.Errorf("it brings %s", name)
		}
	}
	token := got.text("access_token")
	claims := w.claimsOf(token)
	org, _ := claims.Text("org_id")
	if claims.Subject != w.a.user.String() || org != w.a.north.String() || claims.Issuer != o.base || !reflect.DeepEqual(claims.Audience, []string{orders}) || !w.active(w.a, token) {
		t.Errorf("%+v", claims)
	}
	for _, name := range []string{"acr", "amr", "auth_time", "sid"} {
		if _, has := claims.Get(name); has {
			t.Errorf("the token tells %s of a sign-in that nobody saw", name)
		}
	}
	w.events("grant.created", 1)
	// The owner's own app, which asks nobody, learns who it is.
	w.change(w.a, "web", func(c *apps.Client) { c.SkipConsent = true })
	open := o.bring("web", o.says(map[string]any{"aud": []string{o.base, o.base + "/oauth2/token"}}), "scope", "openid email offline_access")
	info := w.send(w.a, "GET", "/o/north/oauth2/userinfo", nil, "Authorization", "Bearer "+open.text("access_token"))
	if open.text("scope") != "openid email" || open.body["id_token"] != nil || info.text("email") != "ada@north.example" {
		t.Errorf("%s %s", open.raw, info.raw)
	}
	// Without a scope, everything of the resources that are named.
	if got := o.bring("web", o.says(nil), "scope", "", "resource", orders); got.text("scope") != "orders.read" {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	if got := o.bring("web", o.says(nil), "scope", "orders.write offline_access"); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_scope" {
		t.Errorf("nothing of what was asked for: %d %s", got.StatusCode, got.raw)
	}
	// A key that is published, and the algorithms and ways in which people are found.
	address, empty, email, emailClaim := "https://idp.example/jwks", "", issuers.MatchEmail, "email"
	for _, alg := range jose.Algs() {
		key, err := jose.Generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		w.published[address] = []*jose.PublicKey{key.Public()}
		o.change(issuers.UpdateTokenIssuerRequest{JWKSURI: &address, SigningAlg: &alg})
		if got := o.bring("web", o.signs(key, "JWT", nil)); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", alg, got.raw)
		}
	}
	o.change(issuers.UpdateTokenIssuerRequest{JWKS: o.keys(o.key), SigningAlg: &empty, SubjectMatch: &email, SubjectClaim: &emailClaim, Audiences: &[]string{"0oa1grove"}})
	if got := o.bring("web", o.says(map[string]any{"sub": "00u1", "email": "ada@north.example", "email_verified": true, "aud": "0oa1grove"})); got.StatusCode != http.StatusOK {
		t.Errorf("by address: %s", got.raw)
	}
	if got := o.bring("web", o.says(map[string]any{"sub": "00u1", "email": "ada@north.example", "email_verified": "true"})); got.StatusCode != http.StatusBadRequest {
		t.Errorf("by an address that is not verified there: %s", got.raw)
	}
}

// badAssertions are those that nothing is had for, whatever they are brought as.
func (o *outsider) badAssertions() map[string]string {
	w, now := o.w, o.w.Clock.Now()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	good := strings.Split(o.says(nil), ".")
	stranger, err := jose.Generate(jose.ES256)
	if err != nil {
		w.t.Fatal(err)
	}
	rsa, err := jose.Generate(jose.RS256)
	if err != nil {
		w.t.Fatal(err)
	}
	claim := func(name string, value any) string { return o.says(map[string]any{name: value}) }
	return map[string]string{
		"rubbish":                       "rubbish",
		"alg none":                      part(map[string]any{"alg": "none"}) + "." + good[1] + ".",
		"HMAC with the public key":      part(map[string]any{"alg": "HS256", "typ": "JWT"}) + "." + good[1] + "." + good[2],
		"no signature":                  good[0] + "." + good[1] + ".",
		"another's key":                 o.signs(stranger, "JWT", nil),
		"another algorithm":             o.signs(rsa, "JWT", nil),
		"its own key in the header":     part(map[string]any{"alg": "ES256", "jwk": json.RawMessage(stranger.PublicJWK())}) + "." + good[1] + "." + strings.Split(o.signs(stranger, "JWT", nil), ".")[2],
		"another type":                  o.signs(o.key, "logout+jwt", nil),
		"an issuer that is not trusted": claim("iss", "https://evil.example"),
		"its issuer with a slash":       claim("iss", o.name+"/"),
		"no issuer":                     claim("iss", nil),
		"no subject":                    claim("sub", nil),
		"a subject that is no text":     claim("sub", 7),
		"nobody here":                   claim("sub", "eve"),
		"no audience":                   claim("aud", nil),
		"another audience":              claim("aud", "https://api.example"),
		"another audience as well":      claim("aud", []string{o.base, "https://api.example"}),
		"a sibling's audience":          claim("aud", o.a.Base+"/o/south"),
		"the tenant's audience":         claim("aud", o.a.Base),
		"no end":                        claim("exp", nil),
		"an end that is no number":      claim("exp", "2030"),
		"over":                          claim("exp", now.Add(-time.Minute).Unix()),
		"living too long":               claim("exp", now.Add(2*time.Hour).Unix()),
		"not yet good":                  claim("nbf", now.Add(time.Minute).Unix()),
		"from the future":               claim("iat", now.Add(time.Minute).Unix()),
		"an endless jti":                claim("jti", strings.Repeat("j", 300)),
		"a logout token":                claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
		"somebody's who acts":           claim("act", map[string]any{"sub": "service"}),
		"for somebody to act":           claim("may_act", map[string]any{"sub": "service"}),
		"bound to a key":                claim("cnf", map[string]any{"jkt": "abc"}),
		"bound in an unknown way":       claim("cnf", map[string]any{"kid": "abc"}),
		"one of ours":                   claim("iss", o.base),
	}
}

// TestAttack20_JWTBearer: no assertion is believed that is not the trusted issuer's, for us, for now, and for once; as the grant
// itself and as the subject of an exchange.
func TestAttack20_JWTBearer(t *testing.T) {
	w := setup(t)
	o := w.trusting(w.a, w.a.north, "/o/north")
	for name, assertion := range o.badAssertions() {
		if got := o.bring("web", assertion); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if got := o.exchange("web", assertion); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_request" {
			t.Errorf("%s, exchanged: %d %s", name, got.StatusCode, got.raw)
		}
	}
	good := o.says(nil)
	if got := o.bring("other", good, "client_secret", "wrong"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a client that does not prove itself: %s", got.raw)
	}
	w.change(w.a, "other", func(c *apps.Client) { c.GrantTypes = []string{"authorization_code"} })
	if got := o.bring("other", good); got.text("error") != "unauthorized_client" {
		t.Errorf("a client without the grant type: %s", got.raw)
	}
	if got := o.bring("web", ""); got.text("error") != "invalid_request" {
		t.Errorf("no assertion: %s", got.raw)
	}
	// Another organization's endpoint, and another tenant's, trust nobody, or somebody else by the same name.
	south := w.trusting(w.a, w.a.south, "/o/south", func(in *issuers.CreateTokenIssuerRequest) { in.Name = "South" })
	foreign := w.trusting(w.b, w.b.north, "/o/north")
	for name, got := range map[string]answer{
		"a sibling's endpoint, for it":     south.bring("web", o.says(map[string]any{"aud": south.base})),
		"a sibling's people":               south.bring("web", south.says(nil)),
		"the tenant's endpoint":            w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "web", url.Values{"grant_type": {jwtBearer}, "assertion": {o.says(map[string]any{"aud": w.a.Base})}})),
		"another tenant's endpoint":        foreign.bring("web", o.says(map[string]any{"aud": foreign.base})),
		"another tenant's, by its own key": o.bring("web", foreign.says(map[string]any{"aud": o.base})),
	} {
		if got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	// Nothing of what was refused used the good one up, and of many who bring it at once one is believed.
	var believed atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if o.bring("web", good).StatusCode == http.StatusOK {
				believed.Add(1)
			}
		})
	}
	all.Wait()
	if believed.Load() != 1 {
		t.Errorf("an assertion was believed %d times", believed.Load())
	}
	if got := o.exchange("web", good); got.text("error") != "invalid_request" {
		t.Errorf("exchanged after it was used: %s", got.raw)
	}
	// Without a jti it is what was signed that is used once, however the signature is written.
	nameless := o.says(map[string]any{"jti": nil})
	if got := o.bring("web", nameless); got.StatusCode != http.StatusOK {
		t.Errorf("without jti: %s", got.raw)
	}
	at := strings.LastIndexByte(nameless, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(nameless[at:])
	if err != nil {
		t.Fatal(err)
	}
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	new(big.Int).Sub(order, new(big.Int).SetBytes(signature[32:])).FillBytes(signature[32:])
	for _, again := range []string{nameless, nameless[:at] + base64.RawURLEncoding.EncodeToString(signature)} {
		if got := o.bring("web", again); got.text("error") != "invalid_grant" || !strings.Contains(got.text("error_description"), "used before") {
			t.Errorf("again without jti: %s", got.raw)
		}
	}
	// An assertion that is bound is good for who proves to hold the key.
	p := w.prover()
	bound := o.says(map[string]any{"cnf": map[string]any{"jkt": p.jkt()}})
	form := w.as(w.a, "web", url.Values{"grant_type": {jwtBearer}, "assertion": {bound}, "scope": {"orders.read"}})
	got := w.send(w.a, "POST", "/o/north/oauth2/token", form, "DPoP", p.proof("POST", "/o/north/oauth2/token", nil))
	if got.text("token_type") != "DPoP" || w.boundTo(got.text("access_token")) == "" {
		t.Errorf("bound: %d %s", got.StatusCode, got.raw)
	}
	// What an assertion is the grant of leads to no other organization.
	token := o.bring("web", o.says(nil)).text("access_token")
	if got := w.send(w.a, "POST", "/oauth2/token", w.switching("web", token, "south")); got.text("error") != "invalid_grant" {
		t.Errorf("a switch: %s", got.raw)
	}
}

// TestAttack01_JWTBearerEnds: the end of anything that such a token stands on ends it, and what it was exchanged for.
func TestAttack01_JWTBearerEnds(t *testing.T) {
	w := setup(t)
	o := w.trusting(w.a, w.a.north, "/o/north")
	on, off, alg, any := true, false, jose.ES256, ""
	ends := w.revocations()
	ends["issuer disabled"] = func() func() {
		o.change(issuers.UpdateTokenIssuerRequest{Enabled: &off})
		return func() { o.change(issuers.UpdateTokenIssuerRequest{Enabled: &on}) }
	}
	ends["issuer changed"] = func() func() {
		o.change(issuers.UpdateTokenIssuerRequest{SigningAlg: &alg})
		return func() { o.change(issuers.UpdateTokenIssuerRequest{SigningAlg: &any}) }
	}
	ends["no member"] = func() func() {
		member := [2]string{w.a.north.String(), w.a.user.String()}
		w.members[member] = false
		return func() { w.members[member] = true }
	}
	issue := func() [3]string {
		first := o.bring("web", o.says(nil)).text("access_token")
		return [3]string{first, o.exchange("web", o.says(nil)).text("access_token"), w.exchange("web", first).text("access_token")}
	}
	for name, end := range ends {
		good := issue()
		for i, token := range good {
			if !w.active(w.a, token) {
				t.Fatalf("%s: token %d is not active before", name, i)
			}
		}
		restore := end()
		for i, token := range good {
			// A real directory of apps blocks the client's epoch when it disables it, sharing ends the grants when it takes an app away,
			// and members block the membership's.
			if name != "client disabled" && name != "app not shared" && name != "no member" && w.active(w.a, token) {
				t.Errorf("%s: token %d outlives it", name, i)
			}
		}
		if name != "issuer changed" {
			if got := o.bring("web", o.says(nil)); got.StatusCode == http.StatusOK {
				t.Errorf("%s: an assertion is believed all the same", name)
			}
			if got := o.exchange("web", o.says(nil)); got.StatusCode == http.StatusOK {
				t.Errorf("%s: an assertion is exchanged all the same", name)
			}
		}
		restore()
	}
	good := issue()
	w.in(w.a, func(ctx context.Context, tx db.Tx) error {
		return w.oauth.EndGrantsTx(ctx, tx, w.a.user, w.a.north, w.clients[w.a.ID]["web"].ID, "test")
	})
	for i, token := range good {
		if w.active(w.a, token) {
			t.Errorf("token %d outlives its grant", i)
		}
	}
	good = issue()
	if err := w.issuers.Delete(context.Background(), w.a.ID, w.a.north, o.id, 0); err != nil {
		t.Fatal(err)
	}
	for i, token := range good {
		if w.active(w.a, token) {
			t.Errorf("token %d outlives the trust in its issuer", i)
		}
	}
	if got := o.bring("web", o.says(nil)); got.text("error") != "invalid_grant" {
		t.Errorf("deleted: %s", got.raw)
	}
}

func TestTokenExchangeOfAForeignToken(t *testing.T) {
	w := setup(t)
	o := w.trusting(w.a, w.a.north, "/o/north")
	got := o.exchange("web", o.says(nil), "audience", orders)
	if got.StatusCode != http.StatusOK || got.text("issued_token_type") != accessType || got.text("scope") != "orders.read" || got.body["refresh_token"] != nil || got.body["expires_in"].(float64) > 300 {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	if got := o.exchange("web", o.signs(o.key, "at+jwt", nil)); got.StatusCode != http.StatusOK {
		t.Errorf("an access token: %s", got.raw)
	}
	if got := o.bring("web", o.signs(o.key, "at+jwt", nil)); got.text("error") != "invalid_grant" {
		t.Errorf("an access token as an assertion: %s", got.raw)
	}
	for name, c := range map[string]struct {
		more []string
		code string
	}{
		"as an access token of ours": {[]string{"subject_token_type", accessType}, "invalid_request"},
		"with an actor":              {[]string{"actor_token", "x", "actor_token_type", accessType}, "invalid_request"},
		"an unknown audience":        {[]string{"audience", "https://elsewhere.example"}, "invalid_target"},
		"for a refresh token":        {[]string{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"},
	} {
		if got := o.exchange("web", o.says(nil), c.more...); got.text("error") != c.code {
			t.Errorf("%s: %s", name, got.raw)
		}
	}
	w.events("token.exchanged", 0)
	w.events("grant.created", 2)
}
