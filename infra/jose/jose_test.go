package jose

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"
)

func TestSignAndVerify(t *testing.T) {
	for _, alg := range Algs() {
		t.Run(alg, func(t *testing.T) {
			k := keys()[alg]
			token, err := k.SignJSON("at+jwt", map[string]any{"sub": "usr_1", "exp": now.Unix()})
			if err != nil {
				t.Fatal(err)
			}
			payload, h, err := Verify(token, accessTokens())
			if err != nil {
				t.Fatal(err)
			}
			if h.Alg != alg || h.KID != k.KID() || h.Typ != "at+jwt" {
				t.Fatalf("header %+v", h)
			}
			c, err := ParseClaims(payload)
			if err != nil || c.Subject != "usr_1" || !c.Expiry.Equal(now) {
				t.Fatalf("claims %+v, %v", c, err)
			}
		})
	}
}

func TestSignRefusesWhatVerifyWould(t *testing.T) {
	k := keys()[ES256]
	for _, claims := range []string{"", "{", "null", "[]", " {}"} {
		if _, err := k.Sign("at+jwt", []byte(claims)); err == nil {
			t.Errorf("signed %q", claims)
		}
	}
	for _, typ := range []string{"", `a"b`, "a b", strings.Repeat("a", 65), "é"} {
		if _, err := k.Sign(typ, []byte("{}")); err == nil {
			t.Errorf("signed typ %q", typ)
		}
	}
	if _, err := k.SignJSON("JWT", "text"); err == nil {
		t.Error("signed a string")
	}
	if _, err := k.SignJSON("JWT", func() {}); err == nil {
		t.Error("signed a function")
	}
}

// The header cache is bounded, and a header past the bound is as good.
func TestManyTypes(t *testing.T) {
	k, err := Generate(EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxTypHeaders {
		typ := fmt.Sprintf("t%d+jwt", i)
		if _, _, err := Verify(sign(t, k, typ, "{}"), VerifyOptions{Keys: lookup(k), Typ: []string{typ}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(*k.headers.Load()); n != maxTypHeaders {
		t.Fatalf("%d headers kept", n)
	}
}

func TestMarshalPrivate(t *testing.T) {
	for _, alg := range Algs() {
		k := keys()[alg]
		der, err := k.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePrivate(alg, der)
		if err != nil {
			t.Fatal(err)
		}
		if again.KID() != k.KID() || !bytes.Equal(again.PublicJWK(), k.PublicJWK()) {
			t.Fatalf("%s: another key came back", alg)
		}
		if _, _, err := Verify(sign(t, again, "at+jwt", "{}"), accessTokens()); err != nil {
			t.Fatal(err)
		}
		for _, other := range Algs() {
			if other[0] != alg[0] && (other[1:] != alg[1:] || other == ES256 || alg == ES256) {
				if _, err := ParsePrivate(other, der); err == nil {
					t.Errorf("a key for %s was read as %s", alg, other)
				}
			}
		}
	}
	if _, err := ParsePrivate(ES256, []byte("x")); err == nil {
		t.Error("garbage was read")
	}
	if _, err := Generate("HS256"); err == nil {
		t.Error("a symmetric key was made")
	}
}

func TestKeyNeverPrintsItsPrivatePart(t *testing.T) {
	k := keys()[ES256]
	want := k.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != want {
			t.Errorf("%s printed %s", verb, got)
		}
	}
	if b, _ := json.Marshal(k); string(b) != "{}" {
		t.Errorf("marshalled as %s", b)
	}
	var public map[string]any
	for _, alg := range Algs() {
		if err := json.Unmarshal(keys()[alg].PublicJWK(), &public); err != nil {
			t.Fatal(err)
		}
		if public["use"] != "sig" || public["alg"] != alg || public["kid"] != keys()[alg].KID() {
			t.Errorf("JWK %v", public)
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, ok := public[private]; ok {
				t.Errorf("JWK has %s", private)
			}
		}
	}
}

// RFC 7638 section 3.1.
func TestThumbprintVector(t *testing.T) {
	k, err := ParsePublicJWK([]byte(`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	if k.Thumbprint() != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" || k.KID() != "2011-04-29" || k.Alg() != RS256 {
		t.Fatalf("%s %s", k.Thumbprint(), k.KID())
	}
}

// RFC 7515 appendix A.3: ES256 with neither kid nor typ.
func TestES256Vector(t *testing.T) {
	key, err := ParsePublicJWK([]byte(`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	const token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	opts := VerifyOptions{Typ: []string{""}, Keys: func(kid string) (*PublicKey, bool) { return key, kid == "" }}
	refused(t, token, opts, ErrKID)
	opts.AllowMissingKID = true
	payload, _, err := Verify(token, opts)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseClaims(payload)
	if err != nil || c.Issuer != "joe" || !c.Expiry.Equal(time.Unix(1300819380, 0)) {
		t.Fatalf("%+v, %v", c, err)
	}
	if raw, ok := c.Get("http://example.com/is_root"); !ok || string(raw) != "true" {
		t.Fatalf("%s", raw)
	}
}

// RFC 8037 appendix A.4. Its payload is not an object, so only the signature is checked.
func TestEdDSAVector(t *testing.T) {
	key, err := ParsePublicJWK([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), "")
	if err != nil {
		t.Fatal(err)
	}
	if key.Thumbprint() != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" { // appendix A.3
		t.Fatal(key.Thumbprint())
	}
	sig, err := decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
	if err != nil || !verifySignature(EdDSA, key.key, []byte("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), sig) {
		t.Fatal("refused")
	}
}

func TestParsePublicJWKRefuses(t *testing.T) {
	es := string(keys()[ES256].PublicJWK())
	ec := func(more string) string { return strings.TrimSuffix(es, "}") + more + "}" }
	small := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
	if _, err := NewPublicKey(RS256, small); err == nil {
		t.Error("accepted RSA with 1024 bits")
	}
	large := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16383, 1), E: 65537}
	if _, err := NewPublicKey(RS256, large); err == nil {
		t.Error("accepted RSA with 16384 bits")
	}
	for name, c := range map[string]struct{ raw, alg string }{
		"another alg":      {es, RS256},
		"key for enc":      {strings.Replace(es, `"sig"`, `"enc"`, 1), ""},
		"sign only":        {ec(`,"key_ops":["sign"]`), ""},
		"private":          {ec(`,"d":"AA"`), ""},
		"duplicate":        {ec(`,"kty":"EC"`), ""},
		"oct":              {`{"kty":"oct","k":"AAAA"}`, ""},
		"P-384":            {strings.Replace(es, "P-256", "P-384", 1), ""},
		"X25519":           {`{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, ""},
		"short x":          {`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, ""},
		"RSA exponent":     {`{"kty":"RSA","e":"Aw","n":"` + enc(strings.Repeat("\xff", 256)) + `"}`, ""},
		"exponent of 2^32": {`{"kty":"RSA","e":"` + enc("\xff\xff\xff\xff") + `","n":"` + enc(strings.Repeat("\xff", 256)) + `"}`, ""},
		"no object":        {`[]`, ""},
		"too large":        {`{"kty":"EC","x":"` + strings.Repeat("A", 9<<10) + `"}`, ""},
	} {
		if _, err := ParsePublicJWK([]byte(c.raw), c.alg); !errors.Is(err, ErrJWK) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJWKSet(t *testing.T) {
	var public []*PublicKey
	for _, alg := range Algs() {
		public = append(public, keys()[alg].Public())
	}
	raw := string(JWKSet(public...))
	mixed := strings.TrimSuffix(raw, "]}") + `,{"kty":"oct","k":"AA"},{"kty":"future"},7]}`
	for _, text := range []string{raw, mixed} {
		parsed, err := ParseJWKSet([]byte(text), "")
		if err != nil || len(parsed) != len(public) {
			t.Fatalf("%d keys, %v", len(parsed), err)
		}
		for i := range parsed {
			if parsed[i].KID() != public[i].KID() || parsed[i].Thumbprint() != public[i].Thumbprint() {
				t.Fatal("another key came back")
			}
		}
	}
	only, err := ParseJWKSet([]byte(raw), PS256)
	if err != nil || len(only) != 1 || only[0].Alg() != PS256 {
		t.Fatalf("%v, %v", only, err)
	}
	many := `{"keys":[0` + strings.Repeat(",0", 64) + `]}`
	for _, text := range []string{``, `{}`, `[]`, `{"keys":null}`, `{"keys":{}}`, `{"keys":[],"keys":[]}`, many} {
		if _, err := ParseJWKSet([]byte(text), ""); !errors.Is(err, ErrJWK) {
			t.Errorf("%.20s: %v", text, err)
		}
	}
	if got := string(JWKSet[*PublicKey]()); got != `{"keys":[]}` {
		t.Fatal(got)
	}
}

// go-jose is the second opinion: it reads our tokens and keys, and we read its.
func TestAgainstGoJose(t *testing.T) {
	for _, alg := range Algs() {
		k := keys()[alg]
		var theirs gojose.JSONWebKey
		if err := theirs.UnmarshalJSON(k.PublicJWK()); err != nil {
			t.Fatal(err)
		}
		parsed, err := gojose.ParseSigned(sign(t, k, "at+jwt", claims21), []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		if payload, err := parsed.Verify(theirs); err != nil || string(payload) != claims21 {
			t.Fatalf("%s: %v", alg, err)
		}
		signer, err := gojose.NewSigner(
			gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: gojose.JSONWebKey{Key: k.private, KeyID: k.KID()}},
			(&gojose.SignerOptions{}).WithType("at+jwt"))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(claims21))
		if err != nil {
			t.Fatal(err)
		}
		token, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if payload, _, err := Verify(token, accessTokens()); err != nil || string(payload) != claims21 {
			t.Fatalf("%s: %v", alg, err)
		}
	}
}

// Whatever is signed comes back, and no change of one character does.
func TestPropertyOneCharacterOff(t *testing.T) {
	k := keys()[EdDSA]
	opts := accessTokens()
	rapid.Check(t, func(t *rapid.T) {
		claims := mustRapidJSON(t, rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "claims"))
		token, err := k.Sign("at+jwt", claims)
		if err != nil {
			t.Fatal(err)
		}
		payload, _, err := Verify(token, opts)
		if bytes.Contains(claims, []byte("\ufffd")) {
			return // a replacement character may or may not have been escaped
		}
		if err != nil || !bytes.Equal(payload, claims) {
			t.Fatalf("%v", err)
		}
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "byte")
		if token[at] == c {
			return
		}
		if _, _, err := Verify(token[:at]+string(c)+token[at+1:], opts); err == nil {
			t.Fatal("an altered token was accepted")
		}
	})
}

func mustRapidJSON(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzVerify: no text panics, and what is accepted under a known key was signed by it.
func FuzzVerify(f *testing.F) {
	k := keys()[ES256]
	good := sign(f, k, "at+jwt", claims21)
	f.Add(good)
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(forge(f, k, header(k, `,"crit":["x"]`), `{"a":[1,{"b":"\u00e9"}]}`))
	opts := VerifyOptions{Keys: lookup(k), Typ: []string{"at+jwt"}}
	f.Fuzz(func(t *testing.T, token string) {
		if _, _, err := Verify(token, opts); err == nil && token != good {
			t.Fatalf("forged: %q", token)
		}
		_, _, _, _ = VerifyEmbedded(token, VerifyOptions{Typ: []string{"dpop+jwt"}})
	})
}

// FuzzParseObject: the strict reader accepts only what encoding/json accepts, and reads the same members.
func FuzzParseObject(f *testing.F) {
	for _, s := range []string{`{}`, claims21, ` { "a" : [ {} , "\"" ] } `, `{"a":1,"a":2}`, `{"\u0061":"\\"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseObject(data)
		if err != nil {
			return
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(data, &m); err != nil || len(m) != len(o) {
			t.Fatalf("%v: %d and %d members", err, len(m), len(o))
		}
		for _, mem := range o {
			if !bytes.Equal(m[mem.name], mem.raw) {
				t.Fatalf("%q: %q and %q", mem.name, m[mem.name], mem.raw)
			}
		}
		_, _ = ParseClaims(data)
		_, _ = ParsePublicJWK(data, "")
	})
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range Algs() {
		k := keys()[alg]
		claims := []byte(claims21)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Sign("at+jwt", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	opts := accessTokens()
	for _, alg := range Algs() {
		token := sign(b, keys()[alg], "at+jwt", claims21)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Verify(token, opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
