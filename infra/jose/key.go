package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

var errKey = errors.New("jose: key does not fit the algorithm")

// Key is a private signing key of one algorithm. It is immutable and safe for concurrent use.
// Its private part never appears in formatted output; see [Key.MarshalPrivate].
type Key struct {
	private crypto.Signer
	public  *PublicKey

	// Encoded protected headers by typ, replaced as a whole so that signing takes no lock.
	headers atomic.Pointer[map[string]string]
	mu      sync.Mutex // guards replacement of headers
}

// Generate makes a key for alg: P-256, Ed25519 or RSA with 2048 bits.
func Generate(alg string) (*Key, error) {
	var signer crypto.Signer
	var err error
	switch alg {
	case ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case PS256, RS256:
		signer, err = rsa.GenerateKey(rand.Reader, minRSABits)
	default:
		return nil, fmt.Errorf("jose: unsupported algorithm %q", alg)
	}
	if err != nil {
		return nil, fmt.Errorf("jose: generate: %w", err)
	}
	return NewKey(alg, signer)
}

// NewKey makes a key of a signer, which may live elsewhere (a KMS). The signer must return ASN.1
// signatures for ECDSA, as crypto.Signer demands.
func NewKey(alg string, signer crypto.Signer) (*Key, error) {
	if signer == nil {
		return nil, errKey
	}
	public, err := NewPublicKey(alg, signer.Public())
	if err != nil {
		return nil, err
	}
	return &Key{private: signer, public: public}, nil
}

// ParsePrivate reads what [Key.MarshalPrivate] wrote. The algorithm is not part of PKCS #8: an RSA
// key alone does not say whether it is for RS256 or PS256.
func ParsePrivate(alg string, der []byte) (*Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("jose: not a PKCS #8 private key") // the cause could quote key bytes
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errKey
	}
	return NewKey(alg, signer)
}

// MarshalPrivate returns the private key as PKCS #8 DER, to be sealed before it is stored.
// A key whose signer lives elsewhere cannot be marshalled.
func (k *Key) MarshalPrivate() ([]byte, error) {
	switch k.private.(type) {
	case *ecdsa.PrivateKey, ed25519.PrivateKey, *rsa.PrivateKey:
		der, err := x509.MarshalPKCS8PrivateKey(k.private)
		if err != nil {
			return nil, errors.New("jose: private key cannot be marshalled")
		}
		return der, nil
	}
	return nil, errors.New("jose: private key is held elsewhere")
}

// Alg returns the one algorithm that the key signs with.
func (k *Key) Alg() string { return k.public.alg }

// KID returns the key id: the RFC 7638 thumbprint.
func (k *Key) KID() string { return k.public.kid }

// Public returns the key that verifies.
func (k *Key) Public() *PublicKey { return k.public }

// PublicJWK returns the public key as JWK; see [PublicKey.JWK].
func (k *Key) PublicJWK() json.RawMessage { return k.public.JWK() }

func (k *Key) String() string             { return "jose.Key(" + k.public.alg + " " + k.public.kid + ")" }
func (k *Key) GoString() string           { return k.String() }
func (k *Key) LogValue() slog.Value       { return slog.StringValue(k.String()) }
func (k *Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }
