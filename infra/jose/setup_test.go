package jose

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// keys holds one key per algorithm, made once: RSA keys are slow to make.
var keys = sync.OnceValue(func() map[string]*Key {
	all := map[string]*Key{}
	for _, alg := range Algs() {
		k, err := Generate(alg)
		if err != nil {
			panic(err)
		}
		all[alg] = k
	}
	return all
})

func lookup(known ...*Key) func(string) (*PublicKey, bool) {
	byKID := map[string]*PublicKey{}
	for _, k := range known {
		byKID[k.KID()] = k.Public()
	}
	return func(kid string) (*PublicKey, bool) {
		p, ok := byKID[kid]
		return p, ok
	}
}

// accessTokens are the options of a resource server that trusts every test key.
func accessTokens() VerifyOptions {
	k := keys()
	return VerifyOptions{Keys: lookup(k[ES256], k[EdDSA], k[PS256], k[RS256]), Typ: []string{"at+jwt"}}
}

func enc(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs any header and payload with k's own algorithm, as a hostile or broken issuer would.
func forge(t testing.TB, k *Key, header, payload string) string {
	t.Helper()
	input := enc(header) + "." + enc(payload)
	sig, err := k.signature([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func header(k *Key, more string) string {
	return `{"alg":"` + k.Alg() + `","kid":"` + k.KID() + `","typ":"at+jwt"` + more + `}`
}

func sign(t testing.TB, k *Key, typ, claims string) string {
	t.Helper()
	token, err := k.Sign(typ, []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func parts(token string) (header, payload, signature string) {
	p := strings.Split(token, ".")
	return p[0], p[1], p[2]
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
