package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Proof Key for Code Exchange (RFC 7636). Every client sends a challenge, public or not (RFC 9700, section 2.1.1), and
// S256 is the only method: plain would show the verifier to whoever sees the request.
const methodS256 = "S256"

const challengeLen = 43 // base64url of 32 bytes, without padding

// checkChallenge judges the parameters of an authorization request.
func checkChallenge(challenge, method string) error {
	switch {
	case challenge == "":
		return refuse(codeInvalidRequest, "code_challenge is required (RFC 7636).")
	case method != methodS256:
		// RFC 7636, section 4.3: an absent method means plain.
		return refuse(codeInvalidRequest, "code_challenge_method must be S256.")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(challenge) != challengeLen || len(raw) != sha256.Size {
		return refuse(codeInvalidRequest, "code_challenge is not the base64url form of a SHA-256.")
	}
	return nil
}

// verifierMatches judges the verifier of a token request against the challenge that the code is bound to. A verifier
// without a challenge, and a challenge without a verifier, are downgrades and refused alike (RFC 9700, section 4.8).
func verifierMatches(verifier, challenge string) bool {
	if challenge == "" || !validVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(challenge)) == 1
}

// validVerifier checks the form: 43 to 128 unreserved characters (RFC 7636, section 4.1).
func validVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
