package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"grove/iam/apps"
)

// Proof Key for Code Exchange (RFC 7636). Every client sends a challenge, public or not (RFC 9700, section 2.1.1), by S256,
// except as an administrator allows otherwise for an app.
const (
	methodPlain = "plain"
	methodS256  = "S256"
)

// readChallenge judges the parameters of an authorization request, and returns what the code is bound to: the challenge by
// S256, or "" where a client that need not send one did not.
func readChallenge(challenge, method string, allowed apps.Settings) (string, error) {
	switch {
	case challenge == "" && method == "" && allowed.PKCEOptional:
		return "", nil
	case challenge == "":
		return "", refuse(codeInvalidRequest, "code_challenge is required (RFC 7636).").told("RFC 7636, section 4.3", "code_challenge is the base64url form of the SHA-256 of a new code_verifier, and code_challenge_method is S256.",
			"Turn PKCE on in the client library; most do it by themselves once told that the method is S256.")
	case allowed.PKCEPlain && (method == methodPlain || method == ""): // section 4.3: an absent method means plain
		if !validVerifier(challenge) {
			return "", refuse(codeInvalidRequest, "code_challenge is not 43 to 128 unreserved characters.")
		}
		return s256(challenge), nil
	case method != methodS256:
		return "", refuse(codeInvalidRequest, "code_challenge_method must be S256.").told("RFC 9700, section 2.1.1", "code_challenge_method is S256; left out it means plain.", "Send code_challenge_method=S256, with the SHA-256 of the verifier as challenge.")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(raw) != sha256.Size || len(challenge) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return "", refuse(codeInvalidRequest, "code_challenge is not the base64url form of a SHA-256.").told("RFC 7636, section 4.2", "code_challenge is 43 characters: base64url, without padding, of the 32 bytes of a SHA-256.",
			"Encode the bytes of the hash, not its hexadecimal text, with - and _ and without =.")
	}
	return challenge, nil
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// verifierMatches judges the verifier of a token request against what the code is bound to. A verifier without a
// challenge, and a challenge without a verifier, are downgrades and refused alike (RFC 9700, section 4.8).
func verifierMatches(verifier, challenge string) bool {
	if challenge == "" {
		return verifier == ""
	}
	return validVerifier(verifier) && subtle.ConstantTimeCompare([]byte(s256(verifier)), []byte(challenge)) == 1
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
