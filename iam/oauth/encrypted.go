package oauth

import (
	"context"
	"errors"

	"grove/iam/apps"
)

// Encrypted answers (RFC 7516): what a client is told, for it alone to read, wherever it passes through. What is signed is signed first
// (RFC 7519, section 11.2).

var errNoEncryptionKey = errors.New("oauth: the client publishes no key for its algorithm of encryption")

// encrypted is a signed token as a client wants it: as it is where alg is "".
func (s *Service) encrypted(ctx context.Context, client apps.Client, alg, enc, signed string) (string, error) {
	if alg == "" {
		return signed, nil
	}
	return s.encryptFor(ctx, client, alg, enc, "JWT", []byte(signed))
}

// encryptFor encrypts to the key that a client has registered for an algorithm. cty is "JWT" for a token, else "". Error:
// temporarily_unavailable while the client publishes no such key, or cannot be asked.
func (s *Service) encryptFor(ctx context.Context, client apps.Client, alg, enc, cty string, payload []byte) (string, error) {
	key := client.EncryptionKeys[alg]
	var err error
	if key == nil && client.JWKSURI != "" {
		key, err = s.RemoteKeys.EncryptionKey(ctx, client.JWKSURI, alg)
	}
	if key == nil {
		return "", refuseBecause(codeTemporarilyUnavailable, "The application has no key to which the answer could be encrypted.", errors.Join(errNoEncryptionKey, err)).
			told("OpenID Connect Core 1.0, section 10.2", "jwks or jwks_uri of the app has a key for "+alg+", of use enc.", "Publish a key for encryption, or take the setting of encryption away.")
	}
	return key.Encrypt(enc, cty, payload)
}
