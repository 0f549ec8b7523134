package jose

import (
	"bytes"
	"compress/flate"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

const claims21 = `{"iss":"https://id.example","sub":"usr_1","aud":"api","exp":1795608000,"iat":1795435200}`

// refused asserts that the token is refused for the reason that the case is about.
func refused(t *testing.T, token string, opts VerifyOptions, want error) {
	t.Helper()
	payload, _, err := Verify(token, opts)
	if !errors.Is(err, want) || !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if payload != nil {
		t.Fatal("a refused token gave a payload")
	}
}

func TestAttack21_AlgNone(t *testing.T) {
	k := keys()[ES256]
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", " ES256", "es256", "ES256 ", "ES384"} {
		h := `{"alg":"` + alg + `","kid":"` + k.KID() + `","typ":"at+jwt"}`
		refused(t, enc(h)+"."+enc(claims21)+".", accessTokens(), ErrSignature)
		refused(t, forge(t, k, h, claims21), accessTokens(), ErrAlg)
	}
	for _, h := range []string{
		`{"kid":"` + k.KID() + `","typ":"at+jwt"}`,
		`{"alg":null,"kid":"` + k.KID() + `","typ":"at+jwt"}`,
		`{"alg":["ES256"],"kid":"` + k.KID() + `","typ":"at+jwt"}`,
		`{"ALG":"ES256","kid":"` + k.KID() + `","typ":"at+jwt"}`,
	} {
		refused(t, forge(t, k, h, claims21), accessTokens(), ErrAlg)
	}
}

func TestAttack21_SignatureStripped(t *testing.T) {
	token := sign(t, keys()[ES256], "at+jwt", claims21)
	h, p, s := parts(token)
	refused(t, h+"."+p, accessTokens(), ErrMalformed)
	refused(t, h+"."+p+".", accessTokens(), ErrSignature)
	refused(t, h+"."+p+"."+s[:len(s)-2], accessTokens(), ErrInvalid)
	refused(t, h+".."+s, accessTokens(), ErrSignature)
	refused(t, "."+p+"."+s, accessTokens(), ErrMalformed)
	refused(t, h+"."+p+"."+enc(""), accessTokens(), ErrSignature)
	refused(t, "", accessTokens(), ErrMalformed)
	refused(t, "..", accessTokens(), ErrSignature)
}

func TestAttack21_PublicKeyAsHMACSecret(t *testing.T) {
	for _, alg := range []string{RS256, ES256} {
		k := keys()[alg]
		der, err := x509.MarshalPKIXPublicKey(k.Public().CryptoKey())
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		secrets := [][]byte{nil, {0}, der, text, bytes.TrimSpace(text), k.PublicJWK(), []byte(k.KID())}
		for i, secret := range secrets {
			for _, name := range []string{"HS256", alg} {
				h := `{"alg":"` + name + `","kid":"` + k.KID() + `","typ":"at+jwt"}`
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(enc(h) + "." + enc(claims21)))
				token := enc(h) + "." + enc(claims21) + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
				want := ErrAlg
				if name == alg {
					want = ErrSignature
				}
				t.Run(fmt.Sprint(alg, name, i), func(t *testing.T) { refused(t, token, accessTokens(), want) })
			}
		}
	}
}

func TestAttack21_AlgOfAnotherKey(t *testing.T) {
	rs, ps := keys()[RS256], keys()[PS256]
	// The same RSA key bound to the other scheme: the signature is sound, the binding is not.
	asPS, err := NewKey(PS256, rs.private)
	if err != nil {
		t.Fatal(err)
	}
	token := forge(t, asPS, `{"alg":"PS256","kid":"`+rs.KID()+`","typ":"at+jwt"}`, claims21)
	refused(t, token, accessTokens(), ErrAlg)
	// A kid that names a key of another type.
	refused(t, forge(t, keys()[ES256], `{"alg":"ES256","kid":"`+ps.KID()+`","typ":"at+jwt"}`, claims21), accessTokens(), ErrAlg)
	refused(t, forge(t, keys()[ES256], `{"alg":"PS256","kid":"`+ps.KID()+`","typ":"at+jwt"}`, claims21), accessTokens(), ErrSignature)
	// The caller's own list narrows further.
	opts := accessTokens()
	opts.Algs = []string{ES256}
	refused(t, sign(t, rs, "at+jwt", claims21), opts, ErrAlg)
}

func TestAttack21_ECDSASignatureForms(t *testing.T) {
	k := keys()[ES256]
	h, p, s := parts(sign(t, k, "at+jwt", claims21))
	der, err := k.private.(*ecdsa.PrivateKey).Sign(rand.Reader, digest(h+"."+p), nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	order := k.private.(*ecdsa.PrivateKey).Params().N
	overflow := new(big.Int).Add(new(big.Int).SetBytes(raw[:32]), order)
	cases := map[string][]byte{
		"DER":              der,
		"r and s zero":     make([]byte, 64),
		"r zero":           append(make([]byte, 32), raw[32:]...),
		"s zero":           append(bytes.Clone(raw[:32]), make([]byte, 32)...),
		"r and s order":    append(order.FillBytes(make([]byte, 32)), order.FillBytes(make([]byte, 32))...),
		"all ones":         bytes.Repeat([]byte{0xff}, 64),
		"leading zero":     append([]byte{0}, raw...),
		"trailing zero":    append(bytes.Clone(raw), 0),
		"33 bytes a half":  append(append([]byte{0}, raw[:32]...), append([]byte{0}, raw[32:]...)...),
		"r plus the order": append(overflow.FillBytes(make([]byte, 33)), raw[32:]...),
		"swapped":          append(bytes.Clone(raw[32:]), raw[:32]...),
		"short":            raw[:63],
		"one byte":         {0},
	}
	for name, sig := range cases {
		t.Run(name, func(t *testing.T) {
			refused(t, h+"."+p+"."+base64.RawURLEncoding.EncodeToString(sig), accessTokens(), ErrSignature)
		})
	}
}

func TestAttack21_RSASignatureForms(t *testing.T) {
	rs, ps := keys()[RS256], keys()[PS256]
	private := ps.private.(*rsa.PrivateKey)
	h, p, s := parts(sign(t, ps, "at+jwt", claims21))
	long, err := rsa.SignPSS(rand.Reader, private, pssOptions.Hash, digest(h+"."+p), &rsa.PSSOptions{SaltLength: 64})
	if err != nil {
		t.Fatal(err)
	}
	none, err := rsa.SignPSS(rand.Reader, private, pssOptions.Hash, digest(h+"."+p), &rsa.PSSOptions{SaltLength: 1})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(s)
	for name, sig := range map[string][]byte{"long salt": long, "short salt": none, "leading zero": append([]byte{0}, raw...), "one": {1}} {
		t.Run(name, func(t *testing.T) {
			refused(t, h+"."+p+"."+base64.RawURLEncoding.EncodeToString(sig), accessTokens(), ErrSignature)
		})
	}
	h, p, _ = parts(sign(t, rs, "at+jwt", claims21))
	n := rs.Public().CryptoKey().(*rsa.PublicKey).N
	for name, sig := range map[string][]byte{
		"zero": make([]byte, 256), "one": append(make([]byte, 255), 1), "modulus": n.Bytes(),
		"modulus less one": new(big.Int).Sub(n, big.NewInt(1)).Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, h+"."+p+"."+base64.RawURLEncoding.EncodeToString(sig), accessTokens(), ErrSignature)
		})
	}
}

func TestAttack21_EdDSASignatureForms(t *testing.T) {
	h, p, s := parts(sign(t, keys()[EdDSA], "at+jwt", claims21))
	raw, _ := base64.RawURLEncoding.DecodeString(s)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	scalar := bytes.Clone(raw[32:])
	for i, j := 0, 31; i < j; i, j = i+1, j-1 {
		scalar[i], scalar[j] = scalar[j], scalar[i]
	}
	malleable := new(big.Int).Add(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
	for i, j := 0, 31; i < j; i, j = i+1, j-1 {
		malleable[i], malleable[j] = malleable[j], malleable[i]
	}
	for name, sig := range map[string][]byte{
		"zero": make([]byte, 64), "s plus the order": append(bytes.Clone(raw[:32]), malleable...), "65 bytes": append(bytes.Clone(raw), 0),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, h+"."+p+"."+base64.RawURLEncoding.EncodeToString(sig), accessTokens(), ErrSignature)
		})
	}
}

// A key, or the address of one, in the token is never used: neither to verify nor to look up.
func TestAttack21_KeysInTheHeader(t *testing.T) {
	victim := keys()[ES256]
	evil, err := Generate(ES256)
	if err != nil {
		t.Fatal(err)
	}
	chain := `["MIIBszCCAVmgAwIBAgIUE"]`
	for _, member := range []string{
		`,"jwk":` + string(evil.PublicJWK()),
		`,"jku":"https://evil.example/jwks"`,
		`,"jku":"http://169.254.169.254/latest/meta-data"`,
		`,"jku":"http://127.0.0.1:1/jwks"`,
		`,"x5u":"https://evil.example/cert"`,
		`,"x5u":"http://[::1]/cert"`,
		`,"x5c":` + chain,
		`,"x5t":"AAAA"`,
	} {
		refused(t, forge(t, evil, header(victim, member), claims21), accessTokens(), ErrSignature)
		refused(t, forge(t, evil, header(evil, member), claims21), accessTokens(), ErrKID)
		// The same members beside the right signature change nothing.
		if _, _, err := Verify(forge(t, victim, header(victim, member), claims21), accessTokens()); err != nil {
			t.Fatalf("%s: %v", member, err)
		}
	}
}

func TestAttack21_KID(t *testing.T) {
	k := keys()[ES256]
	asked := 0
	opts := accessTokens()
	inner := opts.Keys
	opts.Keys = func(kid string) (*PublicKey, bool) { asked++; return inner(kid) }
	for _, kid := range []string{
		"", " ", strings.Repeat("a", 257), strings.Repeat("a", 15<<10), "a b", "' OR 1=1 --", "a\\nb", "a\\u0000", "\\u202ea", "é",
	} {
		refused(t, forge(t, k, `{"alg":"ES256","kid":"`+kid+`","typ":"at+jwt"}`, claims21), opts, ErrInvalid)
	}
	refused(t, forge(t, k, `{"alg":"ES256","kid":"`+strings.Repeat("a", 1<<20)+`","typ":"at+jwt"}`, claims21), opts, ErrTooLarge)
	for _, member := range []string{``, `,"kid":null`, `,"kid":1`, `,"kid":["a"]`, `,"KID":"` + k.KID() + `"`} {
		refused(t, forge(t, k, `{"alg":"ES256","typ":"at+jwt"`+member+`}`, claims21), opts, ErrKID)
	}
	if asked != 0 {
		t.Fatal("a kid out of bounds reached the key lookup")
	}
	for _, kid := range []string{
		"../../../../dev/null", "/etc/passwd", "file:///dev/null", "https://evil.example/key", "a';DROP", k.KID() + "=", k.KID()[:42], "%00", "|id",
	} {
		refused(t, forge(t, k, `{"alg":"ES256","kid":"`+kid+`","typ":"at+jwt"}`, claims21), opts, ErrKID)
	}
}

// Each organization has its own look-up, so a sound token of another one names an unknown key.
func TestAttack21_KIDOfAnotherOrganization(t *testing.T) {
	a, b := keys()[ES256], keys()[EdDSA]
	optsA := VerifyOptions{Keys: lookup(a), Typ: []string{"at+jwt"}}
	refused(t, sign(t, b, "at+jwt", claims21), optsA, ErrKID)
	// B's key under A's kid.
	refused(t, forge(t, b, `{"alg":"EdDSA","kid":"`+a.KID()+`","typ":"at+jwt"}`, claims21), optsA, ErrAlg)
	other, err := Generate(ES256)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, forge(t, other, header(a, ""), claims21), optsA, ErrSignature)
}

func TestAttack21_Typ(t *testing.T) {
	k := keys()[ES256]
	for _, typ := range []string{"JWT", "text/at+jwt", "application/x/at+jwt", "application/", "at+jwt ", "id+jwt", "dpop+jwt", "logout+jwt", ""} {
		refused(t, forge(t, k, `{"alg":"ES256","kid":"`+k.KID()+`","typ":"`+typ+`"}`, claims21), accessTokens(), ErrTyp)
	}
	// Media types have no case, and application/ need not be said (RFC 7515, section 4.1.9).
	for _, typ := range []string{"AT+JWT", "at+JWT", "application/at+jwt", "Application/AT+jwt"} {
		_, h, err := Verify(forge(t, k, `{"alg":"ES256","kid":"`+k.KID()+`","typ":"`+typ+`"}`, claims21), accessTokens())
		if err != nil || h.Typ != "at+jwt" {
			t.Errorf("%s: %q, %v", typ, h.Typ, err)
		}
	}
	for _, member := range []string{``, `,"typ":null`, `,"typ":7`, `,"typ":["at+jwt"]`} {
		refused(t, forge(t, k, `{"alg":"ES256","kid":"`+k.KID()+`"`+member+`}`, claims21), accessTokens(), ErrTyp)
	}
	// No list accepts nothing, and "" accepts absence alone.
	opts := accessTokens()
	opts.Typ = nil
	refused(t, sign(t, k, "at+jwt", claims21), opts, ErrTyp)
	opts.Typ = []string{""}
	refused(t, forge(t, k, `{"alg":"ES256","kid":"`+k.KID()+`","typ":""}`, claims21), opts, ErrTyp)
	if _, _, err := Verify(forge(t, k, `{"alg":"ES256","kid":"`+k.KID()+`"}`, claims21), opts); err != nil {
		t.Fatal(err)
	}
}

func TestAttack21_CriticalHeaders(t *testing.T) {
	k := keys()[ES256]
	for _, member := range []string{
		`,"crit":["exp"]`, `,"crit":["unknown"],"unknown":1`, `,"crit":[]`, `,"crit":null`, `,"crit":"exp"`, `,"crit":["b64"],"b64":false`,
		`,"b64":false`, `,"b64":true`, `,"b64":null`, `,"enc":"A256GCM"`, `,"zip":"DEF"`, `,"\u0063rit":["x"]`,
	} {
		t.Run(member, func(t *testing.T) {
			refused(t, forge(t, k, header(k, member), claims21), accessTokens(), ErrCritical)
		})
	}
	// An unencoded payload, signed as RFC 7797 says.
	h := enc(header(k, `,"b64":false,"crit":["b64"]`))
	sig, err := k.signature([]byte(h + "." + claims21))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, h+"."+claims21+"."+base64.RawURLEncoding.EncodeToString(sig), accessTokens(), ErrInvalid)
}

func TestAttack21_JWEForJWS(t *testing.T) {
	k := keys()[RS256]
	token := sign(t, k, "at+jwt", claims21)
	var bomb bytes.Buffer
	w, _ := flate.NewWriter(&bomb, flate.BestCompression)
	_, _ = w.Write(make([]byte, 4<<20))
	_ = w.Close()
	for name, h := range map[string]string{
		"PBES2 with 10^9 rounds": `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000000,"p2s":"AAAA","kid":"` + k.KID() + `"}`,
		"RSA1_5":                 `{"alg":"RSA1_5","enc":"A128CBC-HS256","kid":"` + k.KID() + `"}`,
		"ECDH-ES, off the curve": `{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"kid":"` + k.KID() + `"}`,
		"dir, nested":            `{"alg":"dir","enc":"A256GCM","cty":"JWT","kid":"` + k.KID() + `"}`,
		"zip bomb":               `{"alg":"dir","enc":"A256GCM","zip":"DEF","kid":"` + k.KID() + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, enc(h)+"."+enc("key")+"."+enc("iv")+"."+enc("cipher")+"."+enc("tag"), accessTokens(), ErrMalformed)
			refused(t, enc(h)+"."+enc("key")+"."+enc("sig"), accessTokens(), ErrInvalid)
		})
	}
	refused(t, forge(t, k, header(k, `,"zip":"DEF"`), bomb.String()), accessTokens(), ErrCritical)
	// A token in a token is no object.
	refused(t, forge(t, k, header(k, `,"cty":"JWT"`), token), accessTokens(), ErrMalformed)
	refused(t, forge(t, k, header(k, ``), `"`+token+`"`), accessTokens(), ErrMalformed)
	refused(t, token+"."+enc("x")+"."+enc("y"), accessTokens(), ErrMalformed)
}

func TestAttack21_OtherSerialisations(t *testing.T) {
	h, p, s := parts(sign(t, keys()[ES256], "at+jwt", claims21))
	refused(t, `{"protected":"`+h+`","payload":"`+p+`","signature":"`+s+`"}`, accessTokens(), ErrMalformed)
	refused(t, `{"payload":"`+p+`","signatures":[{"protected":"`+h+`","signature":"`+s+`"}]}`, accessTokens(), ErrMalformed)
	token := h + "." + p + "." + s
	for _, text := range []string{
		"Bearer " + token, " " + token, token + " ", token + "\n", "\t" + token, token + "=", h + "=." + p + "." + s, h + "." + p + "=." + s,
		h[:4] + "\n" + h[4:] + "." + p + "." + s, h + "." + p + ".\r\n" + s, token + "\x00", strings.Replace(token, ".", "%2e", 1),
	} {
		refused(t, text, accessTokens(), ErrInvalid)
	}
}

// One signature has one text: the unused bits of the last character must be zero.
func TestAttack21_TrailingBits(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token := sign(t, keys()[ES256], "at+jwt", claims21)
	last := strings.IndexByte(alphabet, token[len(token)-1])
	for i := range 64 {
		if i != last {
			refused(t, token[:len(token)-1]+string(alphabet[i]), accessTokens(), ErrInvalid)
		}
	}
	h, p, s := parts(token)
	refused(t, h+"."+p+"."+strings.NewReplacer("-", "+", "_", "/").Replace(s+"-_"), accessTokens(), ErrMalformed)
}

func TestAttack21_DuplicateNames(t *testing.T) {
	k := keys()[ES256]
	for _, h := range []string{
		header(k, `,"alg":"none"`), header(k, `,"kid":"x"`), header(k, `,"typ":"JWT"`), header(k, `,"\u0061lg":"none"`), header(k, `,"a":{"b":1,"b":2}`),
	} {
		refused(t, forge(t, k, h, claims21), accessTokens(), ErrDuplicate)
	}
	var wide strings.Builder
	for i := range 40 {
		fmt.Fprintf(&wide, `"c%d":%d,`, i, i)
	}
	for _, c := range []string{
		`{"sub":"a","sub":"b"}`, `{"exp":1,"exp":9999999999}`, `{"sub":"a","s\u0075b":"b"}`, `{"act":{"sub":"a","sub":"b"}}`,
		`{"list":[{"a":1,"a":1}]}`, `{` + wide.String() + `"c3":1}`, `{` + wide.String() + `"z":1,"z":2}`, `{"":1,"":2}`,
	} {
		refused(t, forge(t, k, header(k, ""), c), accessTokens(), ErrDuplicate)
	}
	if _, _, err := Verify(forge(t, k, header(k, ""), `{`+wide.String()+`"a":{"c1":1},"A":2}`), accessTokens()); err != nil {
		t.Fatal(err)
	}
}

func TestAttack21_MalformedJSON(t *testing.T) {
	k := keys()[ES256]
	deep := func(open, shut string, n int) string {
		return `{"a":` + strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) + `}`
	}
	for _, c := range []string{
		``, `null`, `[]`, `"a"`, `1`, `{`, `{}{}`, `{} x`, `{"a":1}` + "\x00", `{"a":1,}`, `{'a':1}`, `{a:1}`, `{"a":01}`, `{"a":NaN}`,
		"\ufeff{}", "{\"a\":\"\xff\"}", `{"a":1}//`, `{"\ud800":1}`, `{"a":"` + "\n" + `"}`,
		deep("[", "]", 40), deep("[", "]", 4000), deep(`{"a":`, "}", 40),
	} {
		refused(t, forge(t, k, header(k, ""), c), accessTokens(), ErrInvalid)
	}
	refused(t, forge(t, k, header(k, `,"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), claims21), accessTokens(), ErrInvalid)
	for _, c := range []string{`{}`, " {\n\t\"a\" : [ 1 , { } , [ ] , \"]}\\\"\" , true , null , -1.5e3 ] } ", deep("[", "]", 30)} {
		if _, _, err := Verify(forge(t, k, header(k, ""), c), accessTokens()); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
}

func TestAttack21_Oversized(t *testing.T) {
	k := keys()[ES256]
	big := `{"a":"` + strings.Repeat("x", 64<<10) + `"}`
	refused(t, sign(t, k, "at+jwt", big), accessTokens(), ErrTooLarge)
	refused(t, strings.Repeat(".", 1<<20), accessTokens(), ErrTooLarge)
	opts := accessTokens()
	opts.MaxBytes = 128 << 10
	if _, _, err := Verify(sign(t, k, "at+jwt", big), opts); err != nil {
		t.Fatal(err)
	}
	opts.MaxBytes = 64
	refused(t, sign(t, k, "at+jwt", claims21), opts, ErrTooLarge)
}

func TestAttack21_TamperedPayload(t *testing.T) {
	for _, alg := range Algs() {
		h, p, s := parts(sign(t, keys()[alg], "at+jwt", claims21))
		refused(t, h+"."+enc(strings.Replace(claims21, "usr_1", "usr_2", 1))+"."+s, accessTokens(), ErrSignature)
		refused(t, enc(header(keys()[alg], `,"x":1`))+"."+p+"."+s, accessTokens(), ErrSignature)
	}
}

func TestAttack21_ZeroOptionsAcceptNothing(t *testing.T) {
	token := sign(t, keys()[ES256], "at+jwt", claims21)
	refused(t, token, VerifyOptions{}, ErrTyp)
	refused(t, token, VerifyOptions{Typ: []string{"at+jwt"}}, ErrKID)
	refused(t, token, VerifyOptions{Typ: []string{"at+jwt"}, Keys: func(string) (*PublicKey, bool) { return nil, true }}, ErrKID)
}

// The one path that does look at jwk trusts it for possession only, and under its own typ.
func TestAttack21_EmbeddedKey(t *testing.T) {
	k := keys()[ES256]
	opts := VerifyOptions{Typ: []string{"dpop+jwt"}}
	proof := func(typ, jwk string) string {
		return forge(t, k, `{"alg":"ES256","typ":"`+typ+`","jwk":`+jwk+`}`, `{"jti":"1"}`)
	}
	_, _, key, err := VerifyEmbedded(proof("dpop+jwt", string(k.PublicJWK())), opts)
	if err != nil || key.Thumbprint() != k.KID() {
		t.Fatal(err)
	}
	private := strings.TrimSuffix(string(k.PublicJWK()), "}") + `,"d":"AAAA"}`
	other := keys()[EdDSA]
	for name, token := range map[string]string{
		"another typ":   proof("at+jwt", string(k.PublicJWK())),
		"another key":   proof("dpop+jwt", string(other.PublicJWK())),
		"empty key":     proof("dpop+jwt", `{}`),
		"null":          proof("dpop+jwt", `null`),
		"oct":           proof("dpop+jwt", `{"kty":"oct","k":""}`),
		"off the curve": proof("dpop+jwt", `{"kty":"EC","crv":"P-256","x":"`+enc(strings.Repeat("\x01", 32))+`","y":"`+enc(strings.Repeat("\x01", 32))+`"}`),
		"private":       proof("dpop+jwt", private),
		"no key":        forge(t, k, `{"alg":"ES256","typ":"dpop+jwt"}`, `{}`),
		"only jku":      forge(t, k, `{"alg":"ES256","typ":"dpop+jwt","jku":"https://evil.example"}`, `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, _, err := VerifyEmbedded(token, opts); !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v", err)
			}
		})
	}
	opts.Keys = lookup(k)
	if _, _, _, err := VerifyEmbedded(proof("dpop+jwt", string(k.PublicJWK())), opts); err == nil {
		t.Fatal("options for two kinds of trust were accepted")
	}
}
