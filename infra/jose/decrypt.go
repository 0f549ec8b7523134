package jose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

// ErrDecrypt is every refusal of an encrypted message. It does not say why: whoever sends forged ones learns nothing (RFC 7516, section 11.5).
var ErrDecrypt = errors.New("jose: not a message that was encrypted to this key")

// DecryptionAlgs lists the algorithms of [DecryptionKey].
func DecryptionAlgs() []string { return EncryptionAlgs()[:3] }

// DecryptionKey opens what was encrypted to us by ECDH-ES on P-256. It is immutable, and never shows its private part.
type DecryptionKey struct {
	private *ecdsa.PrivateKey
	public  *PublicKey
}

// NewDecryptionKey makes a key of 32 secret bytes, the same one each time. Of 2^32 secrets about one is no key: an error.
func NewDecryptionKey(secret [32]byte) (*DecryptionKey, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret[:])
	if err != nil {
		return nil, errKey
	}
	public, err := NewPublicKey(ES256, &private.PublicKey)
	if err != nil {
		return nil, err
	}
	return &DecryptionKey{private: private, public: public}, nil
}

// KID returns the key id: the RFC 7638 thumbprint.
func (k *DecryptionKey) KID() string { return k.public.kid }

// JWK returns the public key as JWK (RFC 7517) with use "enc". It names no alg: a sender may choose among [DecryptionAlgs].
func (k *DecryptionKey) JWK() json.RawMessage {
	return json.RawMessage(`{"kid":"` + k.public.kid + `","use":"enc",` + k.public.members + `}`)
}

// IsEncrypted reports whether a token has the form of an encrypted one, whatever is in it.
func IsEncrypted(token string) bool { return strings.Count(token, ".") == 4 }

// encryptedMembers are those that a header may have. Others, crit and zip among them, change what a message means or what it costs.
var encryptedMembers = []string{"alg", "apu", "apv", "cty", "enc", "epk", "kid", "typ"}

// Decrypt opens a message of at most [DefaultMaxBytes] whose payload is a JWT, and returns that JWT, still to be verified. Error: [ErrDecrypt].
func (k *DecryptionKey) Decrypt(token string) (string, error) {
	encoded, _, _ := strings.Cut(token, ".")
	if len(token) > DefaultMaxBytes || !IsEncrypted(token) {
		return "", ErrDecrypt
	}
	raw, err := decode(encoded)
	if err != nil {
		return "", ErrDecrypt
	}
	header, err := parseObject(raw)
	if err != nil {
		return "", ErrDecrypt
	}
	kid, okKID := header.str("kid")
	cty, okCty := header.str("cty")
	if slices.ContainsFunc(header, func(m member) bool { return !slices.Contains(encryptedMembers, m.name) }) ||
		!okKID || kid != "" && kid != k.KID() || !okCty || !strings.EqualFold(cty, "JWT") {
		return "", ErrDecrypt
	}
	message, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.ECDH_ES, gojose.ECDH_ES_A128KW, gojose.ECDH_ES_A256KW},
		[]gojose.ContentEncryption{gojose.A128GCM, gojose.A256GCM, gojose.A128CBC_HS256, gojose.A256CBC_HS512})
	if err != nil {
		return "", ErrDecrypt
	}
	payload, err := message.Decrypt(k.private)
	if err != nil {
		return "", ErrDecrypt
	}
	return string(payload), nil
}

func (k *DecryptionKey) String() string             { return "jose.DecryptionKey(" + k.public.kid + ")" }
func (k *DecryptionKey) GoString() string           { return k.String() }
func (k *DecryptionKey) LogValue() slog.Value       { return slog.StringValue(k.String()) }
func (k *DecryptionKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }
