package oauth

import (
	"context"
	"errors"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/jose"
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

// canEncrypt asks for the key of a client's ID tokens before anything is used up, such as a code, for which there would be no answer then.
// What it finds is kept for a while.
func (s *Service) canEncrypt(ctx context.Context, client apps.Client) error {
	if client.IDTokenEncryptionAlg == "" {
		return nil
	}
	_, err := s.encryptionKey(ctx, client, client.IDTokenEncryptionAlg)
	return err
}

// encryptFor encrypts to the key that a client has registered for an algorithm. cty is "JWT" for a token, else "". Error: as encryptionKey.
func (s *Service) encryptFor(ctx context.Context, client apps.Client, alg, enc, cty string, payload []byte) (string, error) {
	key, err := s.encryptionKey(ctx, client, alg)
	if err != nil {
		return "", err
	}
	return key.Encrypt(enc, cty, payload)
}

// encryptionKey is the key that a client has registered for an algorithm. Error: temporarily_unavailable while it publishes none, or cannot be
// asked.
func (s *Service) encryptionKey(ctx context.Context, client apps.Client, alg string) (*jose.EncryptionKey, error) {
	key := client.EncryptionKeys[alg]
	var err error
	if key == nil && client.JWKSURI != "" {
		key, err = s.RemoteKeys.EncryptionKey(ctx, client.JWKSURI, alg)
	}
	if key == nil {
		return nil, refuseBecause(codeTemporarilyUnavailable, "The application has no key to which the answer could be encrypted.", errors.Join(errNoEncryptionKey, err)).
			told("OpenID Connect Core 1.0, section 10.2", "jwks or jwks_uri of the app has a key for "+alg+", of use enc.", "Publish a key for encryption, or take the setting of encryption away.")
	}
	return key, nil
}

// decrypted is a token that a client has sent: as it is, or what is in it if it was encrypted to us. Error: [jose.ErrDecrypt].
func (s *Service) decrypted(ctx context.Context, t httpapi.Tenant, token string) (string, error) {
	if !jose.IsEncrypted(token) {
		return token, nil
	}
	key, err := s.Keys.Opener(ctx, t.ID)
	if err != nil {
		return "", err
	}
	return key.Decrypt(token)
}
