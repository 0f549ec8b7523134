package apps

import (
	"context"

	"grove/infra/db"
	"grove/infra/kernel/fault"
)

// setter changes what belongs together among an app's settings, and ends what was issued where it stood on what is gone. It adds
// the names of what it has changed.
type setter func(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error)

// setKeys changes with which keys an app proves who it is. When a key goes, everything that was issued to the app so far
// ends, because nobody knows which of it the key was used for.
func (s *Service) setKeys(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error) {
	if in.JWKS == nil && in.JWKSURI == nil {
		return fields, nil
	}
	if in.JWKS != nil && in.JWKSURI != nil && *in.JWKSURI != "" {
		return nil, fault.CodeInvalid.At("/jwks_uri", "Must be empty where jwks has the keys (RFC 7591, section 2).")
	}
	was := a.OIDC
	if in.JWKS != nil {
		a.OIDC.JWKS, a.OIDC.JWKSURI = in.JWKS, ""
		fields = append(fields, "jwks")
	} else {
		a.OIDC.JWKS, a.OIDC.JWKSURI = nil, *in.JWKSURI
		fields = append(fields, "jwks_uri")
	}
	if err := a.OIDC.checkKeys(); err != nil {
		return nil, err
	}
	if !keysGone(was, a.OIDC) {
		return fields, nil
	}
	// A disabled app stays blocked: raising does not unblock.
	return fields, tx.Raise(ctx, db.KindClient, a.ID.UUID(), "app.key_revoked")
}

// checkKeys says why an app's keys cannot be kept.
func (o Settings) checkKeys() error {
	if err := CheckEndpoint("/jwks_uri", o.JWKSURI); err != nil {
		return err
	}
	if o.JWKS != nil && o.JWKSURI != "" {
		return fault.CodeInvalid.At("/jwks_uri", "Must be empty where jwks has the keys (RFC 7591, section 2).")
	}
	if _, err := o.JWKS.PublicKeys(); err != nil {
		return fault.CodeInvalid.At("/jwks", "Must hold public keys only: EC on P-256, Ed25519, or RSA of 2048 bits and more, for signatures or encryption.")
	}
	return nil
}
