package jose

import (
	"slices"

	gojose "github.com/go-jose/go-jose/v4"
)

// Encryption (RFC 7516, compact form) is go-jose's; which algorithms and keys are taken is said here. There is no RSA1_5, whose padding
// tells tales (RFC 8725, section 3.2), no password, no key that both sides know, and no compression.

// EncryptionAlgs lists how the key of a message is agreed on or wrapped (RFC 7518, section 4), the best first.
func EncryptionAlgs() []string {
	return []string{string(gojose.ECDH_ES), string(gojose.ECDH_ES_A128KW), string(gojose.ECDH_ES_A256KW), string(gojose.RSA_OAEP_256), string(gojose.RSA_OAEP)}
}

// DefaultEnc is how messages are encrypted where nothing is said (OpenID Connect Dynamic Client Registration 1.0, section 2).
const DefaultEnc = string(gojose.A128CBC_HS256)

// Encs lists how messages are encrypted (RFC 7518, section 5).
func Encs() []string {
	return []string{string(gojose.A128GCM), string(gojose.A256GCM), DefaultEnc, string(gojose.A256CBC_HS512)}
}

// EncryptionKey is a public key to which messages are encrypted by one algorithm. It is immutable.
type EncryptionKey struct {
	alg string
	jwk gojose.JSONWebKey
}

// ParseEncryptionJWK reads a stranger's public JWK (RFC 7517) for one of [EncryptionAlgs]: EC on P-256 for ECDH-ES, or RSA of 2048 to 8192
// bits. Private and symmetric keys, and those that say that they are for something else, are refused.
func ParseEncryptionJWK(raw []byte, alg string) (*EncryptionKey, error) {
	o, err := parsePublic(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(EncryptionAlgs(), alg):
		return nil, jwkError("is for an unsupported algorithm")
	case o.has("alg") && o.alg != alg:
		return nil, jwkError("is for another algorithm")
	case o.use != "" && o.use != "enc" || !opsAllow(o.object, "deriveBits", "deriveKey", "encrypt", "wrapKey"):
		return nil, jwkError("is not for encryption")
	}
	key, natural, err := keyMembers(o.object, o.kty)
	if err != nil {
		return nil, err
	}
	if natural != naturalFor(alg) {
		return nil, jwkError("does not fit the algorithm")
	}
	if _, err := NewPublicKey(natural, key); err != nil { // its size
		return nil, jwkError("does not fit the algorithm")
	}
	return &EncryptionKey{alg: alg, jwk: gojose.JSONWebKey{Key: key, KeyID: o.kid}}, nil
}

// naturalFor names the keys that an algorithm takes, as [keyMembers] does.
func naturalFor(alg string) string {
	if alg == string(gojose.RSA_OAEP) || alg == string(gojose.RSA_OAEP_256) {
		return RS256
	}
	return ES256
}

// FindEncryptionKey returns the first key of a JWK set that an algorithm can use, one that says that it is for encryption before one that
// does not say; nil if there is none. An unreadable set is an error.
func FindEncryptionKey(set []byte, alg string) (*EncryptionKey, error) {
	items, err := setItems(set)
	if err != nil {
		return nil, err
	}
	var found *EncryptionKey
	for _, item := range items {
		key, err := ParseEncryptionJWK(item, alg)
		if err != nil {
			continue
		}
		if o, _ := parseObject(item); o.has("use") {
			return key, nil
		}
		if found == nil {
			found = key
		}
	}
	return found, nil
}

// Encrypt encrypts a payload by one of [Encs]. cty is "JWT" where the payload is one (RFC 7519, section 5.2), else "".
func (k *EncryptionKey) Encrypt(enc, cty string, payload []byte) (string, error) {
	options := &gojose.EncrypterOptions{}
	if cty != "" {
		options = options.WithContentType(gojose.ContentType(cty))
	}
	to := gojose.Recipient{Algorithm: gojose.KeyAlgorithm(k.alg), Key: k.jwk.Key, KeyID: k.jwk.KeyID}
	encrypter, err := gojose.NewEncrypter(gojose.ContentEncryption(enc), to, options)
	if err != nil {
		return "", err
	}
	message, err := encrypter.Encrypt(payload)
	if err != nil {
		return "", err
	}
	return message.CompactSerialize()
}
