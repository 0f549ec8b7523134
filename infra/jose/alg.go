package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// Signature algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1).
const (
	EdDSA = "EdDSA" // Ed25519 only
	ES256 = "ES256" // the default
	HS256 = "HS256" // of VerifyHMAC alone: no public key has it
	PS256 = "PS256"
	RS256 = "RS256"
)

const (
	ed25519Size    = ed25519.SignatureSize
	es256Size      = 64   // r and s, 32 bytes each (RFC 7518 section 3.4)
	minRSABits     = 2048 // RFC 7518 section 3.3
	maxRSABits     = 8192 // bounds what a stranger's key costs to verify
	minRSAExponent = 65537
)

var pssOptions = &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash}

// Algs lists the supported algorithms, the default first.
func Algs() []string { return []string{ES256, EdDSA, PS256, RS256} }

func supported(alg string) bool {
	switch alg {
	case EdDSA, ES256, PS256, RS256:
		return true
	}
	return false
}

// verifySignature reports whether sig is alg's signature of input by key. A key of another type than
// alg needs is a false, never a panic.
func verifySignature(alg string, key crypto.PublicKey, input, sig []byte) bool {
	switch alg {
	case ES256:
		pub, ok := key.(*ecdsa.PublicKey)
		// Exactly r and s, so that a DER encoding of the same numbers is refused.
		if !ok || len(sig) != es256Size {
			return false
		}
		digest := sha256.Sum256(input)
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		return ecdsa.Verify(pub, digest[:], r, s)
	case EdDSA:
		pub, ok := key.(ed25519.PublicKey)
		return ok && len(pub) == ed25519.PublicKeySize && len(sig) == ed25519Size && ed25519.Verify(pub, input, sig)
	case PS256:
		pub, ok := key.(*rsa.PublicKey)
		if !ok {
			return false
		}
		digest := sha256.Sum256(input)
		return rsa.VerifyPSS(pub, crypto.SHA256, digest[:], sig, pssOptions) == nil
	case RS256:
		pub, ok := key.(*rsa.PublicKey)
		if !ok {
			return false
		}
		digest := sha256.Sum256(input)
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) == nil
	}
	return false
}
