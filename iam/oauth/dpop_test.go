package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// prover holds a key and makes DPoP proofs with it, by the standard library alone.
type prover struct {
	w   *world
	key *ecdsa.PrivateKey
}

func (w *world) prover() prover {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return prover{w, key}
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (p prover) coordinates() (x, y string) {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.w.t.Fatal(err)
	}
	return b64(point[1:33]), b64(point[33:])
}

func (p prover) jwk() map[string]any {
	x, y := p.coordinates()
	return map[string]any{"kty": "EC", "crv": "P-256", "x": x, "y": y}
}

// jkt is the thumbprint (RFC 7638, section 3).
func (p prover) jkt() string {
	x, y := p.coordinates()
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
	return b64(sum[:])
}

func ath(token string) string {
	sum := sha256.Sum256([]byte(token))
	return b64(sum[:])
}

// proof is a good one for a request below the tenant's base, with changes; nil takes a member out. Members of the header are
// named with a leading "^".
func (p prover) proof(method, target string, changes map[string]any) string {
	p.w.t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": p.jwk()}
	claims := map[string]any{"jti": ids.NewAccessToken().String(), "htm": method, "htu": p.w.a.Base + target, "iat": p.w.Clock.Now().Unix()}
	for name, value := range changes {
		into := claims
		if rest, ok := strings.CutPrefix(name, "^"); ok {
			into, name = header, rest
		}
		if into[name] = value; value == nil {
			delete(into, name)
		}
	}
	h, err := json.Marshal(header)
	if err != nil {
		p.w.t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		p.w.t.Fatal(err)
	}
	input := b64(h) + "." + b64(c)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.w.t.Fatal(err)
	}
	return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// token sends a form to the token endpoint with a proof.
func (p prover) token(form url.Values) answer {
	return p.w.send(p.w.a, "POST", "/oauth2/token", form, "DPoP", p.proof("POST", "/oauth2/token", nil))
}

func (p prover) userinfo(token string) answer {
	return p.w.send(p.w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "DPoP "+token, "DPoP", p.proof("GET", "/oauth2/userinfo", map[string]any{"ath": ath(token)}))
}

func (w *world) boundTo(token string) string {
	w.t.Helper()
	raw, _ := w.claimsOf(token).Get("cnf")
	var cnf map[string]string
	_ = json.Unmarshal(raw, &cnf)
	return cnf["jkt"]
}

func TestDPoP(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mine, other := w.prover(), w.prover()
	form := func(client, token string) url.Values {
		return w.as(w.a, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	}
	for _, client := range []string{"spa", "web"} {
		got := mine.token(w.redemption(w.a, client, w.code(w.a, client)))
		access := got.text("access_token")
		if got.StatusCode != http.StatusOK || got.text("token_type") != "DPoP" || w.boundTo(access) != mine.jkt() {
			t.Fatalf("%s: %d %s", client, got.StatusCode, got.raw)
		}
		seen := w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "web", url.Values{"token": {access}}))
		if cnf, _ := seen.body["cnf"].(map[string]any); seen.text("token_type") != "DPoP" || cnf["jkt"] != mine.jkt() {
			t.Errorf("%s: introspection %s", client, seen.raw)
		}
		if info := mine.userinfo(access); info.StatusCode != http.StatusOK || info.text("sub") != w.a.user.String() {
			t.Errorf("%s: userinfo %d %s", client, info.StatusCode, info.raw)
		}
		refresh := got.text("refresh_token")
		if client == "spa" { // whose refresh tokens are as good as bearer tokens otherwise
			for name, got := range map[string]answer{"no proof": w.refresh(w.a, client, refresh), "another key": other.token(form(client, refresh))} {
				if got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_grant" {
					t.Errorf("refresh with %s: %d %s", name, got.StatusCode, got.raw)
				}
			}
			if got := mine.token(form(client, refresh)); got.StatusCode != http.StatusOK || w.boundTo(got.text("access_token")) != mine.jkt() || got.text("token_type") != "DPoP" {
				t.Errorf("refresh: %d %s", got.StatusCode, got.raw)
			}
			continue
		}
		got = other.token(form(client, refresh))
		if got.StatusCode != http.StatusOK || w.boundTo(got.text("access_token")) != other.jkt() {
			t.Errorf("a confidential client's new key: %d %s", got.StatusCode, got.raw)
		}
		if got = w.refresh(w.a, client, got.text("refresh_token")); got.StatusCode != http.StatusOK || got.text("token_type") != "Bearer" || w.boundTo(got.text("access_token")) != "" {
			t.Errorf("without a key: %d %s", got.StatusCode, got.raw)
		}
	}
	machine := mine.token(w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}, "scope": {"grove"}}))
	if machine.text("token_type") != "DPoP" || w.boundTo(machine.text("access_token")) != mine.jkt() {
		t.Errorf("client_credentials: %s", machine.raw)
	}
	at := func(scheme, token, proof string) error {
		ctx := httpapi.InTenant(context.Background(), w.a.Tenant, httpapi.Issuer{URL: w.a.Base})
		_, err := w.oauth.Authenticate(ctx, w.a.Tenant, httpapi.Credentials{Method: "GET", URL: w.a.Base + "/v1/orgs/root", Scheme: scheme, Token: token, Proofs: []string{proof}})
		return err
	}
	access := machine.text("access_token")
	good := func(p prover) string { return p.proof("GET", "/v1/orgs/root", map[string]any{"ath": ath(access)}) }
	if err := at("dpop", access, good(mine)); err != nil {
		t.Errorf("the management API: %v", err)
	}
	for name, err := range map[string]error{"as a bearer token": at("Bearer", access, good(mine)), "with another key": at("DPoP", access, good(other)), "without ath": at("DPoP", access, mine.proof("GET", "/v1/orgs/root", nil))} {
		if !fault.CodeUnauthorized.Is(err) {
			t.Errorf("the management API, %s: %v", name, err)
		}
	}
}

func TestDPoPSwitch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mine, other := w.prover(), w.prover()
	access := mine.token(w.redemption(w.a, "spa", w.code(w.a, "spa"))).text("access_token")
	for name, got := range map[string]answer{"no proof": w.send(w.a, "POST", "/oauth2/token", w.switching("spa", access, "south")), "another key": other.token(w.switching("spa", access, "south"))} {
		if got.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	got := mine.token(w.switching("spa", access, "south"))
	if got.StatusCode != http.StatusOK || w.boundTo(got.text("access_token")) != mine.jkt() {
		t.Fatalf("%d %s", got.StatusCode, got.raw)
	}
	if got := w.refresh(w.a, "spa", got.text("refresh_token")); got.text("error") != "invalid_grant" {
		t.Errorf("the refresh token that came by the switch is not bound: %d %s", got.StatusCode, got.raw)
	}
}

// TestAttack21_Proofs sends every proof that is not for this request, this moment, this key and this once.
func TestAttack21_Proofs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Stop() // a second too late is sent within that second
	mine := w.prover()
	now := w.Clock.Now()
	private := mine.jwk()
	private["d"] = b64(make([]byte, 32))
	m := func(name string, value any) map[string]any { return map[string]any{name: value} }
	machine := func(proofs ...string) answer {
		var headers []string
		for _, p := range proofs {
			headers = append(headers, "DPoP", p)
		}
		return w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}}), headers...)
	}
	for name, changes := range map[string]map[string]any{
		"no typ": m("^typ", nil), "another typ": m("^typ", "JWT"), "alg none": m("^alg", "none"), "another alg": m("^alg", "RS256"), "HMAC": m("^alg", "HS256"),
		"no key": m("^jwk", nil), "a private key": m("^jwk", private), "another's key": m("^jwk", w.prover().jwk()), "crit": m("^crit", []string{"b64"}),
		"no method": m("htm", nil), "another method": m("htm", "GET"), "method in lower case": m("htm", "post"),
		"no address": m("htu", nil), "another path": m("htu", w.a.Base+"/oauth2/par"), "another tenant": m("htu", w.b.Base+"/oauth2/token"),
		"another host": m("htu", "https://evil.example/oauth2/token"), "a user in the address": m("htu", strings.Replace(w.a.Base, "://", "://x@", 1)+"/oauth2/token"),
		"no time": m("iat", nil), "of before": m("iat", now.Add(-61*time.Second).Unix()), "of later": m("iat", now.Add(61*time.Second).Unix()),
		"no id": m("jti", nil), "an empty id": m("jti", ""), "a long id": m("jti", strings.Repeat("x", 257)),
		"a time that is a text": m("iat", "now"), "a method that is a list": m("htm", []string{"POST"}),
	} {
		if got := machine(mine.proof("POST", "/oauth2/token", changes)); got.StatusCode != http.StatusBadRequest || got.text("error") != "invalid_dpop_proof" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	good := func() string { return mine.proof("POST", "/oauth2/token", nil) }
	for name, proofs := range map[string][]string{"two": {good(), good()}, "two in one": {good() + ", " + good()}, "nothing": {""}, "long": {strings.Repeat("a", 9000)}, "no JWT": {"a.b.c"},
		"another signature": {good()[:len(good())-4] + "AAAA"}} {
		if got := machine(proofs...); got.text("error") != "invalid_dpop_proof" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	for name, htu := range map[string]string{"with a query": w.a.Base + "/oauth2/token?a=b", "with a fragment": w.a.Base + "/oauth2/token#a", "in upper case": strings.Replace(w.a.Base, "https://id", "HTTPS://ID", 1) + "/oauth2/token"} {
		if got := machine(mine.proof("POST", "/oauth2/token", m("htu", htu))); got.StatusCode != http.StatusOK {
			t.Errorf("an address %s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	used := good()
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if machine(used).StatusCode == http.StatusOK {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("one proof was good for %d requests", won.Load())
	}
	access := mine.token(w.redemption(w.a, "web", w.code(w.a, "web"))).text("access_token")
	plain := w.signIn(w.a, "web").text("access_token")
	proof := func(token string) string { return mine.proof("GET", "/oauth2/userinfo", m("ath", ath(token))) }
	for name, headers := range map[string][]string{
		"bound, as a bearer token":      {"Authorization", "Bearer " + access, "DPoP", proof(access)},
		"bound, with another key":       {"Authorization", "DPoP " + access, "DPoP", w.prover().proof("GET", "/oauth2/userinfo", m("ath", ath(access)))},
		"not bound, as if it were":      {"Authorization", "DPoP " + plain, "DPoP", proof(plain)},
		"bound, without proof":          {"Authorization", "DPoP " + access},
		"bound, proof of another token": {"Authorization", "DPoP " + access, "DPoP", proof(plain)},
		"bound, proof without ath":      {"Authorization", "DPoP " + access, "DPoP", mine.proof("GET", "/oauth2/userinfo", nil)},
	} {
		got := w.send(w.a, "GET", "/oauth2/userinfo", nil, headers...)
		challenges := strings.Join(got.Header.Values("WWW-Authenticate"), ", ")
		if got.StatusCode != http.StatusUnauthorized || !strings.Contains(challenges, `DPoP algs="ES256`) || !strings.Contains(challenges, `error="invalid_`) {
			t.Errorf("%s: %d %s %s", name, got.StatusCode, got.raw, challenges)
		}
	}
	if got := w.send(w.a, "POST", "/oauth2/userinfo", url.Values{"access_token": {access}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("bound, in the form: %d %s", got.StatusCode, got.raw)
	}
	if got := w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", "Bearer "+plain, "DPoP", "junk"); got.StatusCode != http.StatusOK {
		t.Errorf("a bearer token beside a header that nobody asked for: %d %s", got.StatusCode, got.raw)
	}
}

// TestDPoPCode: a code that is bound to a key by the authorization request is of no use without it.
func TestDPoPCode(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mine, other := w.prover(), w.prover()
	for name, c := range map[string]func() string{
		"dpop_jkt": func() string { return w.code(w.a, "web", "dpop_jkt", mine.jkt()) },
		"a pushed proof": func() string {
			pushed := w.send(w.a, "POST", "/oauth2/par", w.as(w.a, "web", request("web")), "DPoP", mine.proof("POST", "/oauth2/par", nil))
			return w.redirected(w.bring(w.a, "web", pushed.text("request_uri"))).Get("code")
		},
	} {
		code := c()
		for why, got := range map[string]answer{"no proof": w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)), "another key": other.token(w.redemption(w.a, "web", code))} {
			if got.text("error") != "invalid_grant" {
				t.Errorf("%s, %s: %d %s", name, why, got.StatusCode, got.raw)
			}
		}
		got := mine.token(w.redemption(w.a, "web", code))
		if got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
		if got := other.token(w.as(w.a, "web", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.text("refresh_token")}})); got.StatusCode != http.StatusOK {
			t.Errorf("%s: the refresh token is bound to more than the client: %d %s", name, got.StatusCode, got.raw)
		}
	}
	if got := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "dpop_jkt", "short").Encode(), nil)); got.Get("error") != "invalid_request" {
		t.Errorf("no thumbprint: %v", got)
	}
	if got := w.send(w.a, "POST", "/oauth2/par", w.as(w.a, "web", request("web", "dpop_jkt", other.jkt())), "DPoP", mine.proof("POST", "/oauth2/par", nil)); got.text("error") != "invalid_dpop_proof" {
		t.Errorf("two keys: %d %s", got.StatusCode, got.raw)
	}
}

func TestDPoPNonce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mine := w.prover()
	w.change(w.a, "m2m", func(c *apps.Client) { c.DPoPBound, c.DPoPNonce = true, true })
	machine := func(headers ...string) answer {
		return w.send(w.a, "POST", "/oauth2/token", w.as(w.a, "m2m", url.Values{"grant_type": {"client_credentials"}}), headers...)
	}
	with := func(changes map[string]any) answer {
		return machine("DPoP", mine.proof("POST", "/oauth2/token", changes))
	}
	if got := machine(); got.text("error") != "invalid_request" || got.StatusCode != http.StatusBadRequest {
		t.Errorf("no proof: %d %s", got.StatusCode, got.raw)
	}
	asked := with(nil)
	nonce := asked.Header.Get("DPoP-Nonce")
	if asked.StatusCode != http.StatusBadRequest || asked.text("error") != "use_dpop_nonce" || nonce == "" {
		t.Fatalf("%d %s %q", asked.StatusCode, asked.raw, nonce)
	}
	// The clock of the client does not matter where it has our nonce.
	got := with(map[string]any{"nonce": nonce, "iat": w.Clock.Now().Add(-24 * time.Hour).Unix()})
	if got.StatusCode != http.StatusOK || got.text("token_type") != "DPoP" || got.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	for name, bad := range map[string]any{"empty": "", "another's": "bm9uY2U", "a list": []string{nonce}, "changed": nonce[:len(nonce)-2] + "xx"} {
		if got := with(map[string]any{"nonce": bad}); got.text("error") != "use_dpop_nonce" || got.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.raw)
		}
	}
	w.Clock.Advance(5*time.Minute + time.Second)
	if got := with(map[string]any{"nonce": nonce}); got.text("error") != "use_dpop_nonce" {
		t.Errorf("old: %d %s", got.StatusCode, got.raw)
	}
	if fresh := got.Header.Get("DPoP-Nonce"); fresh == "" {
		t.Error("an answer brings no next nonce")
	}
}
