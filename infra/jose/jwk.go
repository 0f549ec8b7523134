package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

const (
	maxJWKBytes    = 8 << 10
	maxJWKSetBytes = 256 << 10
	maxJWKSetKeys  = 64
)

// ErrJWK is the base of every refusal of a JWK.
var ErrJWK = errors.New("jose: invalid JWK")

// PublicKey is a verification key bound to one algorithm. It is immutable.
type PublicKey struct {
	alg        string
	key        crypto.PublicKey
	kid        string
	thumbprint string
	members    string // crv, e, kty, n, x, y: the members of the thumbprint, in its order
}

// NewPublicKey binds a key to an algorithm: *ecdsa.PublicKey on P-256, ed25519.PublicKey, or
// *rsa.PublicKey of 2048 to 8192 bits. Its kid is the thumbprint.
func NewPublicKey(alg string, key crypto.PublicKey) (*PublicKey, error) {
	p := &PublicKey{alg: alg, key: key}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if alg != ES256 || key.Curve != elliptic.P256() {
			return nil, errKey
		}
		point, err := key.Bytes() // refuses a point off the curve
		if err != nil || len(point) != 65 {
			return nil, errKey
		}
		p.members = `"crv":"P-256","kty":"EC","x":"` + b64.EncodeToString(point[1:33]) + `","y":"` + b64.EncodeToString(point[33:]) + `"`
	case ed25519.PublicKey:
		if alg != EdDSA || len(key) != ed25519.PublicKeySize {
			return nil, errKey
		}
		p.members = `"crv":"Ed25519","kty":"OKP","x":"` + b64.EncodeToString(key) + `"`
	case *rsa.PublicKey:
		if alg != PS256 && alg != RS256 {
			return nil, errKey
		}
		if key.N == nil {
			return nil, errKey
		}
		bits := key.N.BitLen()
		if bits < minRSABits || bits > maxRSABits || key.E < minRSAExponent || key.E%2 == 0 || key.N.Bit(0) == 0 {
			return nil, errKey
		}
		e := big.NewInt(int64(key.E)).Bytes()
		p.members = `"e":"` + b64.EncodeToString(e) + `","kty":"RSA","n":"` + b64.EncodeToString(key.N.Bytes()) + `"`
	default:
		return nil, errKey
	}
	sum := sha256.Sum256([]byte("{" + p.members + "}")) // RFC 7638 section 3
	p.thumbprint = b64.EncodeToString(sum[:])
	p.kid = p.thumbprint
	return p, nil
}

// Alg returns the one algorithm that the key verifies.
func (p *PublicKey) Alg() string { return p.alg }

// CryptoKey returns the key as crypto/* knows it.
func (p *PublicKey) CryptoKey() crypto.PublicKey { return p.key }

// KID returns the key id: the thumbprint for our keys, the publisher's choice for a parsed JWK,
// and "" for a parsed JWK that names none.
func (p *PublicKey) KID() string { return p.kid }

// Thumbprint returns the RFC 7638 SHA-256 thumbprint, base64url, as cnf.jkt carries it (RFC 9449).
func (p *PublicKey) Thumbprint() string { return p.thumbprint }

// JWK returns the public key as JWK (RFC 7517) with alg, kid and use "sig".
func (p *PublicKey) JWK() json.RawMessage {
	kid, _ := json.Marshal(p.kid) // a string always marshals
	return json.RawMessage(`{"alg":"` + p.alg + `","kid":` + string(kid) + `,"use":"sig",` + p.members + `}`)
}

// Published is a key that others may see.
type Published interface {
	JWK() json.RawMessage // public members alone (RFC 7517)
}

// JWKSet returns the JWK set (RFC 7517 section 5) of the keys.
func JWKSet[K Published](keys ...K) json.RawMessage {
	out := []byte(`{"keys":[`)
	for i, k := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, k.JWK()...)
	}
	return append(out, "]}"...)
}

// ParsePublicJWK reads a stranger's public JWK for signatures. alg binds a JWK that names no alg;
// with both empty the key type decides (EC: ES256, OKP: EdDSA, RSA: RS256); with both given they
// must be equal. Private and symmetric keys, use other than "sig" and key_ops without "verify" are refused.
func ParsePublicJWK(raw []byte, alg string) (*PublicKey, error) {
	o, err := parsePublic(raw)
	if err != nil {
		return nil, err
	}
	if o.use != "" && o.use != "sig" || !opsAllow(o.object, "verify") {
		return nil, jwkError("is not for signatures")
	}
	if o.has("alg") {
		if alg != "" && o.alg != alg {
			return nil, jwkError("is for another algorithm")
		}
		alg = o.alg
	}
	key, natural, err := keyMembers(o.object, o.kty)
	if err != nil {
		return nil, err
	}
	if alg == "" {
		alg = natural
	}
	p, err := NewPublicKey(alg, key)
	if err != nil {
		return nil, jwkError("does not fit the algorithm")
	}
	p.kid = o.kid
	return p, nil
}

// publicJWK is a JWK whose members of every kind of key have been read.
type publicJWK struct {
	object
	alg, kid, kty, use string // "" where there is none
}

// parsePublic reads what all JWKs have, and refuses those with private or symmetric parts.
func parsePublic(raw []byte) (k publicJWK, err error) {
	if len(raw) > maxJWKBytes {
		return k, jwkError("too large")
	}
	if k.object, err = parseObject(raw); err != nil {
		return k, jwkError("malformed")
	}
	for _, private := range []string{"d", "dp", "dq", "k", "oth", "p", "q", "qi"} {
		if k.has(private) {
			return k, jwkError("has private members")
		}
	}
	for name, into := range map[string]*string{"alg": &k.alg, "kid": &k.kid, "kty": &k.kty, "use": &k.use} {
		var ok bool
		if *into, ok = k.str(name); !ok {
			return k, jwkError("malformed")
		}
	}
	if k.has("kid") && !validKID(k.kid) {
		return k, jwkError("has an invalid kid")
	}
	return k, nil
}

// ParseJWKSet reads a stranger's JWK set. Keys that are not usable for signatures here are left out,
// as RFC 7517 section 5 asks; an unreadable set or one with more than 64 keys is an error.
// alg is as for [ParsePublicJWK], save that keys naming another alg are left out.
func ParseJWKSet(raw []byte, alg string) ([]*PublicKey, error) {
	items, err := setItems(raw)
	if err != nil {
		return nil, err
	}
	keys := make([]*PublicKey, 0, len(items))
	for _, item := range items {
		if key, err := ParsePublicJWK(item, alg); err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// setItems are the members of a JWK set, unread.
func setItems(raw []byte) (items []json.RawMessage, err error) {
	if len(raw) > maxJWKSetBytes {
		return nil, jwkError("set is too large")
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, jwkError("set is malformed")
	}
	list, ok := o.get("keys")
	if !ok {
		return nil, jwkError("set has no keys")
	}
	if list[0] != '[' || json.Unmarshal(list, &items) != nil {
		return nil, jwkError("set is malformed")
	}
	if len(items) > maxJWKSetKeys {
		return nil, jwkError("set has too many keys")
	}
	return items, nil
}

// keyMembers builds the key of its parameters and says which algorithm such keys serve by default.
func keyMembers(o object, kty string) (crypto.PublicKey, string, error) {
	switch kty {
	case "EC":
		crv, _ := o.str("crv")
		x, y := o.bytes("x"), o.bytes("y")
		if crv != "P-256" || len(x) != 32 || len(y) != 32 {
			return nil, "", jwkError("is not on P-256")
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err != nil {
			return nil, "", jwkError("is not on its curve")
		}
		return key, ES256, nil
	case "OKP":
		crv, _ := o.str("crv")
		x := o.bytes("x")
		if crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, "", jwkError("is not on Ed25519")
		}
		return ed25519.PublicKey(x), EdDSA, nil
	case "RSA":
		n, e := o.bytes("n"), o.bytes("e")
		if len(n) == 0 || len(n) > maxRSABits/8 || n[0] == 0 || len(e) == 0 || len(e) > 4 || e[0] == 0 {
			return nil, "", jwkError("has invalid RSA members")
		}
		exponent := new(big.Int).SetBytes(e).Int64()
		if exponent > 1<<31-1 {
			return nil, "", jwkError("has invalid RSA members")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, RS256, nil
	}
	return nil, "", jwkError("has an unsupported kty")
}

// bytes decodes a member of base64url, nil if it is absent or not canonical.
func (o object) bytes(name string) []byte {
	s, ok := o.str(name)
	if !ok {
		return nil
	}
	b, err := decode(s)
	if err != nil {
		return nil
	}
	return b
}

// opsAllow reports whether a key may be used for one of some operations (RFC 7517, section 4.3).
func opsAllow(o object, wanted ...string) bool {
	raw, ok := o.get("key_ops")
	if !ok {
		return true
	}
	var ops []string
	return json.Unmarshal(raw, &ops) == nil && slices.ContainsFunc(ops, func(op string) bool { return slices.Contains(wanted, op) })
}

func jwkError(what string) error { return fmt.Errorf("%w: key %s", ErrJWK, what) }
