package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"
)

// jwkOf writes a public key as a client publishes it.
func jwkOf(t testing.TB, key any, kid, use string, more ...string) []byte {
	t.Helper()
	raw, err := gojose.JSONWebKey{Key: key, KeyID: kid, Use: use}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range more {
		raw = append(bytes.TrimSuffix(raw, []byte("}")), ","+member+"}"...)
	}
	return raw
}

// strangers are the keys of a client: one for each kind.
func strangers(t testing.TB) (*ecdsa.PrivateKey, *rsa.PrivateKey) {
	t.Helper()
	return keys()[ES256].private.(*ecdsa.PrivateKey), keys()[RS256].private.(*rsa.PrivateKey)
}

// TestEncrypt: what is encrypted by any pair of algorithms is read by another library with the private key, and says what it is.
func TestEncrypt(t *testing.T) {
	ec, rsaKey := strangers(t)
	for _, alg := range EncryptionAlgs() {
		var private any = ec
		var public any = ec.Public()
		if strings.HasPrefix(alg, "RSA") {
			private, public = rsaKey, rsaKey.Public()
		}
		key, err := ParseEncryptionJWK(jwkOf(t, public, "mine", "enc"), alg)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		for _, enc := range Encs() {
			token, err := key.Encrypt(enc, "JWT", []byte("a.b.c"))
			if err != nil {
				t.Fatalf("%s %s: %v", alg, enc, err)
			}
			message, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(alg)}, []gojose.ContentEncryption{gojose.ContentEncryption(enc)})
			if err != nil {
				t.Fatalf("%s %s: %v", alg, enc, err)
			}
			if got, err := message.Decrypt(private); err != nil || string(got) != "a.b.c" {
				t.Errorf("%s %s: %q %v", alg, enc, got, err)
			}
			if message.Header.KeyID != "mine" || message.Header.ExtraHeaders["cty"] != "JWT" {
				t.Errorf("%s %s: %+v", alg, enc, message.Header)
			}
		}
		if token, err := key.Encrypt(DefaultEnc, "", []byte("{}")); err != nil || strings.Contains(headerOf(t, token), "cty") {
			t.Errorf("%s: %v", token, err)
		}
	}
}

func headerOf(t *testing.T, token string) string {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	raw, err := decode(first)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestEncryptionKeys: of a key set the one for encryption is taken; what is for something else, too small or secret never is.
func TestEncryptionKeys(t *testing.T) {
	ec, rsaKey := strangers(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		jwk []byte
		alg string
		ok  bool
	}{
		"for encryption":       {jwkOf(t, ec.Public(), "k", "enc"), "ECDH-ES", true},
		"without use":          {jwkOf(t, ec.Public(), "k", ""), "ECDH-ES", true},
		"with its algorithm":   {jwkOf(t, rsaKey.Public(), "k", "enc", `"alg":"RSA-OAEP-256"`), "RSA-OAEP-256", true},
		"of operations":        {jwkOf(t, rsaKey.Public(), "k", "", `"key_ops":["encrypt"]`), "RSA-OAEP", true},
		"for signatures":       {jwkOf(t, ec.Public(), "k", "sig"), "ECDH-ES", false},
		"of other operations":  {jwkOf(t, rsaKey.Public(), "k", "", `"key_ops":["verify"]`), "RSA-OAEP", false},
		"of another algorithm": {jwkOf(t, rsaKey.Public(), "k", "enc", `"alg":"RSA-OAEP"`), "RSA-OAEP-256", false},
		"of a signature's":     {jwkOf(t, rsaKey.Public(), "k", "enc", `"alg":"RS256"`), "RSA-OAEP-256", false},
		"of another kind":      {jwkOf(t, ec.Public(), "k", "enc"), "RSA-OAEP", false},
		"RSA1_5":               {jwkOf(t, rsaKey.Public(), "k", "enc"), "RSA1_5", false},
		"dir":                  {jwkOf(t, ec.Public(), "k", "enc"), "dir", false},
		"on another curve":     {jwkOf(t, other.Public(), "k", "enc"), "ECDH-ES", false},
		"of 1024 bits":         {jwkOf(t, small.Public(), "k", "enc"), "RSA-OAEP", false},
		"private":              {jwkOf(t, ec, "k", "enc"), "ECDH-ES", false},
		"symmetric":            {[]byte(`{"kty":"oct","k":"AAAA"}`), "ECDH-ES", false},
		"no key":               {[]byte(`[]`), "ECDH-ES", false},
	} {
		if _, err := ParseEncryptionJWK(c.jwk, c.alg); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrJWK) {
			t.Errorf("%s: %v", name, err)
		}
	}
	set := func(keys ...[]byte) []byte {
		return []byte(`{"keys":[` + string(bytes.Join(keys, []byte(","))) + `]}`)
	}
	for name, c := range map[string]struct {
		set  []byte
		want string
	}{
		"the one that says so":  {set(jwkOf(t, rsaKey.Public(), "r", "enc"), jwkOf(t, ec.Public(), "any", ""), jwkOf(t, ec.Public(), "enc", "enc")), "enc"},
		"one that says nothing": {set(jwkOf(t, ec.Public(), "sig", "sig"), jwkOf(t, ec.Public(), "any", "")), "any"},
		"none":                  {set(jwkOf(t, ec.Public(), "sig", "sig")), ""},
	} {
		key, err := FindEncryptionKey(c.set, "ECDH-ES")
		got := ""
		if key != nil {
			got = key.jwk.KeyID
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "[]", "{}", `{"keys":{}}`, `{"keys":[` + strings.Repeat("1,", 64) + `1]}`} {
		if _, err := FindEncryptionKey([]byte(bad), "ECDH-ES"); !errors.Is(err, ErrJWK) {
			t.Errorf("%.20s: %v", bad, err)
		}
	}
}

var secret = [32]byte{1, 2, 3}

func opener(t testing.TB) *DecryptionKey {
	t.Helper()
	k, err := NewDecryptionKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// seal encrypts to a key as a client's library would, with more members in the header.
func seal(t testing.TB, to any, alg gojose.KeyAlgorithm, enc gojose.ContentEncryption, payload string, zip bool, more map[string]any) string {
	t.Helper()
	o := &gojose.EncrypterOptions{}
	if zip {
		o.Compression = gojose.DEFLATE
	}
	for name, value := range more {
		o = o.WithHeader(gojose.HeaderKey(name), value)
	}
	e, err := gojose.NewEncrypter(enc, gojose.Recipient{Algorithm: alg, Key: to}, o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Encrypt([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	token, err := m.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestDecrypt: what clients encrypt to the key that we publish is read, by each algorithm that we name.
func TestDecrypt(t *testing.T) {
	k := opener(t)
	var published gojose.JSONWebKey
	if err := json.Unmarshal(k.JWK(), &published); err != nil || published.Use != "enc" || published.KeyID != k.KID() {
		t.Fatalf("%s %v", k.JWK(), err)
	}
	for _, alg := range DecryptionAlgs() {
		for _, enc := range Encs() {
			token := seal(t, published.Key, gojose.KeyAlgorithm(alg), gojose.ContentEncryption(enc), "a.b.c", false, map[string]any{"cty": "JWT", "kid": k.KID()})
			if got, err := k.Decrypt(token); err != nil || got != "a.b.c" || !IsEncrypted(token) {
				t.Errorf("%s %s: %q %v", alg, enc, got, err)
			}
		}
	}
	if again := opener(t); again.KID() != k.KID() {
		t.Error("another key of the same secret")
	}
	if _, err := NewDecryptionKey([32]byte{}); err == nil {
		t.Error("zero is a key")
	}
	if s := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(s, "D:") || !strings.Contains(s, k.KID()) {
		t.Error(s)
	}
}

// TestAttack21_EncryptedTokens: what an encrypted token's header asks for is never done: other algorithms, passwords, compression, keys of
// its own, extensions, points of other curves.
func TestAttack21_EncryptedTokens(t *testing.T) {
	k := opener(t)
	public := &k.private.PublicKey
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, rsaKey := strangers(t)
	jwt := map[string]any{"cty": "JWT"}
	good := seal(t, public, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, jwt)
	if _, err := k.Decrypt(good); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	with := func(change func(map[string]any)) string {
		var h map[string]any
		if err := json.Unmarshal([]byte(headerOf(t, good)), &h); err != nil {
			t.Fatal(err)
		}
		change(h)
		raw, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		return b64.EncodeToString(raw) + "." + strings.Join(parts[1:], ".")
	}
	bit := func(part int) string {
		changed := append([]string(nil), parts...)
		raw, _ := decode(changed[part])
		raw[0] ^= 1
		changed[part] = b64.EncodeToString(raw)
		return strings.Join(changed, ".")
	}
	for name, token := range map[string]string{
		"nothing":           "",
		"four dots":         "....",
		"a signed token":    "a.b.c",
		"six parts":         good + ".x",
		"not ours":          seal(t, &other.PublicKey, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, jwt),
		"RSA1_5":            seal(t, &rsaKey.PublicKey, gojose.RSA1_5, gojose.A128GCM, "a.b.c", false, jwt),
		"RSA-OAEP":          seal(t, &rsaKey.PublicKey, gojose.RSA_OAEP, gojose.A128GCM, "a.b.c", false, jwt),
		"dir":               seal(t, make([]byte, 16), gojose.DIRECT, gojose.A128GCM, "a.b.c", false, jwt),
		"A128KW":            seal(t, make([]byte, 16), gojose.A128KW, gojose.A128GCM, "a.b.c", false, jwt),
		"a password":        seal(t, []byte("password"), gojose.PBES2_HS256_A128KW, gojose.A128GCM, "a.b.c", false, jwt),
		"compressed":        seal(t, public, gojose.ECDH_ES, gojose.A128GCM, strings.Repeat("a", 1<<20), true, jwt),
		"no JWT":            seal(t, public, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, nil),
		"another key's id":  seal(t, public, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, map[string]any{"cty": "JWT", "kid": "other"}),
		"an extension":      seal(t, public, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, map[string]any{"cty": "JWT", "exp": 1}),
		"a key by address":  seal(t, public, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, map[string]any{"cty": "JWT", "jku": "http://127.0.0.1/"}),
		"too long":          seal(t, public, gojose.ECDH_ES, gojose.A128GCM, strings.Repeat("a", DefaultMaxBytes), false, jwt),
		"alg none":          with(func(h map[string]any) { h["alg"] = "none" }),
		"a huge count":      with(func(h map[string]any) { h["alg"], h["p2c"] = "PBES2-HS512+A256KW", 1_000_000_000 }),
		"another header":    with(func(h map[string]any) { h["typ"] = "JWT" }),
		"crit":              with(func(h map[string]any) { h["crit"] = []string{"cty"} }),
		"no point":          with(func(h map[string]any) { delete(h, "epk") }),
		"a point of P-384":  with(func(h map[string]any) { h["epk"] = json.RawMessage(jwkOf(t, other.Public(), "", "")) }),
		"a point off P-256": with(func(h map[string]any) { h["epk"].(map[string]any)["x"] = b64.EncodeToString(make([]byte, 32)) }),
		"the point's infinity": with(func(h map[string]any) {
			zero := b64.EncodeToString(make([]byte, 32))
			h["epk"].(map[string]any)["x"], h["epk"].(map[string]any)["y"] = zero, zero
		}),
		"another text": bit(3),
		"another tag":  bit(4),
		"another iv":   bit(2),
	} {
		if got, err := k.Decrypt(token); !errors.Is(err, ErrDecrypt) || got != "" {
			t.Errorf("%s: %.40q %v", name, got, err)
		}
	}
	if _, _, err := Verify(good, accessTokens()); !errors.Is(err, ErrMalformed) {
		t.Errorf("verified: %v", err)
	}
}

func FuzzDecrypt(f *testing.F) {
	k := opener(f)
	f.Add(seal(f, &k.private.PublicKey, gojose.ECDH_ES, gojose.A128GCM, "a.b.c", false, map[string]any{"cty": "JWT"}))
	f.Add("....")
	f.Add("e30.....")
	f.Fuzz(func(t *testing.T, token string) {
		if got, err := k.Decrypt(token); err != nil && (got != "" || !errors.Is(err, ErrDecrypt)) {
			t.Errorf("%q: %q %v", token, got, err)
		}
	})
}
