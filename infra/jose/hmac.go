package jose

import (
	"crypto/hmac"
	"crypto/sha256"
)

// minSecret is the least length of a key for HS256, in bytes (RFC 7518, section 3.2).
const minSecret = 32

// VerifyHMAC checks a compact JWS that whoever shares a secret with us has made (HS256), and returns its payload and header. No key of
// another kind ever comes here, and no secret anywhere else, so that neither can be taken for the other. Each of secrets is tried; one
// that is shorter than 32 bytes is none. opts.Keys and opts.Candidates must be nil; a kid says nothing.
func VerifyHMAC(token string, secrets [][]byte, opts VerifyOptions) ([]byte, Header, error) {
	if opts.Keys != nil || opts.Candidates != nil {
		return nil, Header{}, ErrKID
	}
	opts.hmac = true
	p, err := parse(token, opts)
	if err != nil {
		return nil, Header{}, err
	}
	sig, err := decode(p.signature)
	if err != nil {
		return nil, Header{}, err
	}
	good := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(p.input))
		good = hmac.Equal(mac.Sum(nil), sig) && len(secret) >= minSecret || good
	}
	if !good {
		return nil, Header{}, ErrSignature
	}
	payload, err := decode(p.payload)
	if err != nil {
		return nil, Header{}, err
	}
	if _, err := parseObject(payload); err != nil {
		return nil, Header{}, err
	}
	return payload, p.header, nil
}
