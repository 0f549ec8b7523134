package apps

import (
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// setKeys changes with which keys an app proves who it is. When a key goes, everything that was issued to the app so far
// ends, because nobody knows which of it the key was used for.
func (s *Service) setKeys(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error) {
	if in.JWKS == nil && in.JWKSURI == nil {
		return fields, nil
	}
	if in.JWKS != nil && in.JWKSURI != nil && *in.JWKSURI != "" {
		return nil, fault.CodeInvalid.At("/jwks_uri", "keys or the address of keys, not both (RFC 7591, section 2)")
	}
	had, err := a.OIDC.JWKS.publicKeys()
	if err != nil {
		return nil, err
	}
	moved := a.OIDC.JWKSURI
	if in.JWKS != nil {
		a.OIDC.JWKS, a.OIDC.JWKSURI = in.JWKS, ""
		fields = append(fields, "jwks")
	} else {
		if err := checkPage("/jwks_uri", *in.JWKSURI); err != nil {
			return nil, err
		}
		a.OIDC.JWKS, a.OIDC.JWKSURI = nil, *in.JWKSURI
		fields = append(fields, "jwks_uri")
	}
	have, err := a.OIDC.JWKS.publicKeys()
	if err != nil {
		return nil, fault.CodeInvalid.At("/jwks", "public keys only: EC on P-256, Ed25519, or RSA of 2048 bits and more, for signatures")
	}
	gone := moved != "" && moved != a.OIDC.JWKSURI || slices.ContainsFunc(had, func(old *jose.PublicKey) bool {
		return !slices.ContainsFunc(have, func(k *jose.PublicKey) bool { return k.Thumbprint() == old.Thumbprint() })
	})
	if !gone {
		return fields, nil
	}
	// A disabled app stays blocked: raising does not unblock.
	return fields, tx.Raise(ctx, db.KindClient, a.ID.UUID(), "app.key_revoked")
}
