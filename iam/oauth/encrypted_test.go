package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"grove/iam/apps"
	"grove/infra/jose"
)

// EncryptionKey is where clients publish their keys for encryption.
func (w *world) EncryptionKey(_ context.Context, address, _ string) (*jose.EncryptionKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key, ok := w.encryption[address]
	if !ok {
		return nil, errors.New("nobody answers")
	}
	return key, nil
}

// reader has the private key of a client that wants its answers encrypted.
type reader struct {
	t       *testing.T
	private *ecdsa.PrivateKey
	key     *jose.EncryptionKey
}

const keyAgreement = "ECDH-ES+A128KW"

func newReader(t *testing.T) reader {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := gojose.JSONWebKey{Key: private.Public(), KeyID: "mine", Use: "enc"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	key, err := jose.ParseEncryptionJWK(raw, keyAgreement)
	if err != nil {
		t.Fatal(err)
	}
	return reader{t, private, key}
}

// open decrypts what the client was told. cty is that of the header.
func (r reader) open(token, enc string) (payload, cty string) {
	r.t.Helper()
	message, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{keyAgreement}, []gojose.ContentEncryption{gojose.ContentEncryption(enc)})
	if err != nil {
		r.t.Fatalf("%v in %s", err, token)
	}
	raw, err := message.Decrypt(r.private)
	if err != nil {
		r.t.Fatal(err)
	}
	cty, _ = message.Header.ExtraHeaders["cty"].(string)
	return string(raw), cty
}

// jwt is open of what holds a token.
func (r reader) jwt(token, enc string) string {
	r.t.Helper()
	payload, cty := r.open(token, enc)
	if cty != "JWT" {
		r.t.Errorf("cty %q", cty)
	}
	return payload
}

// TestEncryptedAnswers: what a client wants encrypted is signed as ever, and then encrypted to its key.
func TestEncryptedAnswers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReader(t)
	keys := map[string]*jose.EncryptionKey{keyAgreement: r.key}
	w.change(w.a, "web", func(c *apps.Client) {
		c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc, c.EncryptionKeys = keyAgreement, "A256GCM", keys
	})
	signedIn := w.signIn(w.a, "web")
	id := w.read(r.jwt(signedIn.text("id_token"), "A256GCM"), jose.ES256, "JWT")
	if id.Issuer != w.a.Base || !reflect.DeepEqual(id.Audience, []string{"web"}) || text(id, "nonce") != "n" {
		t.Errorf("%+v", id)
	}
	if strings.Count(signedIn.text("access_token"), ".") != 2 {
		t.Error("the access token is encrypted, which APIs are to read")
	}

	bearer := "Bearer " + signedIn.text("access_token")
	userinfo := func() answer { return w.send(w.a, "GET", "/oauth2/userinfo", nil, "Authorization", bearer) }
	plain := userinfo()
	w.change(w.a, "web", func(c *apps.Client) { c.UserinfoEncryptionAlg, c.UserinfoEncryptionEnc = keyAgreement, "A128CBC-HS256" })
	got := userinfo()
	payload, cty := r.open(got.raw, "A128CBC-HS256")
	var told map[string]any
	if err := json.Unmarshal([]byte(payload), &told); err != nil || !reflect.DeepEqual(told, plain.body) || cty != "" || got.Header.Get("Content-Type") != "application/jwt" {
		t.Errorf("%v %v %q %s", err, told, cty, got.Header)
	}
	w.change(w.a, "web", func(c *apps.Client) { c.UserinfoAlg = jose.EdDSA })
	if c := w.read(r.jwt(userinfo().raw, "A128CBC-HS256"), jose.EdDSA, "JWT"); c.Subject != id.Subject {
		t.Errorf("%+v", c)
	}

	w.change(w.a, "other", func(c *apps.Client) {
		c.IntrospectionEncryptionAlg, c.IntrospectionEncryptionEnc, c.EncryptionKeys = keyAgreement, "A128GCM", keys
	})
	ask := func(accept string) answer {
		return w.send(w.a, "POST", "/oauth2/introspect", w.as(w.a, "other", url.Values{"token": {signedIn.text("access_token")}}), "Accept", accept)
	}
	if _, ok := w.read(r.jwt(ask("application/token-introspection+jwt").raw, "A128GCM"), jose.ES256, "token-introspection+jwt").Get("token_introspection"); !ok {
		t.Error("no answer")
	}
	if got := ask("application/json"); got.body["active"] != true {
		t.Errorf("who does not ask for a token gets JSON: %s", got.raw)
	}

	w.change(w.a, "web", func(c *apps.Client) {
		c.ResponseEncryptionAlg, c.ResponseEncryptionEnc, c.ResponseTypes = keyAgreement, "A256CBC-HS512", []string{"code", "code id_token"}
	})
	response := w.redirected(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_mode", "jwt").Encode(), nil)).Get("response")
	if c := w.read(r.jwt(response, "A256CBC-HS512"), jose.ES256, "JWT"); text(c, "code") == "" || text(c, "state") == "" {
		t.Errorf("%+v", c)
	}
	front := w.fragment(w.send(w.a, "GET", "/oauth2/authorize?"+request("web", "response_type", "code id_token").Encode(), nil))
	if c := w.read(r.jwt(front.Get("id_token"), "A256GCM"), jose.ES256, "JWT"); text(c, "c_hash") == "" {
		t.Errorf("%+v", c)
	}
}

// TestEncryptionKeyIsPublished: a key is read where the client publishes it. While it has none nothing goes out in the clear.
func TestEncryptionKeyIsPublished(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReader(t)
	const at = "https://app.example/jwks"
	w.change(w.a, "web", func(c *apps.Client) {
		c.IDTokenEncryptionAlg, c.IDTokenEncryptionEnc, c.JWKSURI = keyAgreement, jose.DefaultEnc, at
	})
	redeem := func() answer {
		return w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", w.code(w.a, "web")))
	}
	code := w.code(w.a, "web")
	again := func() answer { return w.send(w.a, "POST", "/oauth2/token", w.redemption(w.a, "web", code)) }
	again()
	got := again()
	if got.StatusCode != http.StatusServiceUnavailable || got.text("error") != "temporarily_unavailable" || got.text("id_token") != "" || got.text("access_token") != "" {
		t.Errorf("%d %s", got.StatusCode, got.raw)
	}
	w.mu.Lock()
	w.encryption[at] = r.key
	w.mu.Unlock()
	w.read(r.jwt(again().text("id_token"), jose.DefaultEnc), jose.ES256, "JWT") // nothing was used up
	w.read(r.jwt(redeem().text("id_token"), jose.DefaultEnc), jose.ES256, "JWT")
}

// TestEncryptedRequestObject: RFC 9101, section 6.1. What was encrypted is judged as any signed object; encryption alone proves nothing.
func TestEncryptedRequestObject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.asserting(w.a, "web", jose.ES256)
	to := func(a *tenant) *ecdsa.PublicKey {
		var set gojose.JSONWebKeySet
		if err := json.Unmarshal([]byte(w.send(a, "GET", "/oauth2/jwks", nil).raw), &set); err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			if key.Use == "enc" {
				return key.Key.(*ecdsa.PublicKey)
			}
		}
		t.Fatal("no key for encryption")
		return nil
	}
	seal := func(to *ecdsa.PublicKey, object string) string {
		e, err := gojose.NewEncrypter(gojose.A128GCM, gojose.Recipient{Algorithm: gojose.ECDH_ES, Key: to}, (&gojose.EncrypterOptions{}).WithContentType("JWT"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Encrypt([]byte(object))
		if err != nil {
			t.Fatal(err)
		}
		token, err := m.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := c.object("oauth-authz-req+jwt", c.key, nil)
	if got := w.redirected(c.by(seal(to(w.a), good))); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
	form := c.form(c.assertion(c.key, map[string]any{"aud": w.a.Base + "/oauth2/par"}))
	form.Set("request", seal(to(w.a), good))
	if got := w.redirected(w.bring(w.a, "web", w.send(w.a, "POST", "/oauth2/par", form).text("request_uri"))); got.Get("code") == "" {
		t.Errorf("pushed: %v", got)
	}
	parts := strings.Split(good, ".")
	for name, object := range map[string]string{
		"to another tenant": seal(to(w.b), good),
		"not signed":        seal(to(w.a), "eyJhbGciOiJub25lIn0."+parts[1]+"."),
		"bare claims":       seal(to(w.a), `{"client_id":"web"}`),
		"another's":         seal(to(w.a), c.object("oauth-authz-req+jwt", w.asserting(w.a, "other", jose.ES256).key, nil)),
		"encrypted twice":   seal(to(w.a), seal(to(w.a), good)),
		"five parts":        "a.b.c.d.e",
	} {
		if got := w.redirected(c.by(object, "redirect_uri", callback, "state", "s")); got.Get("error") != "invalid_request_object" || got.Get("code") != "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}
