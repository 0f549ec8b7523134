package apps

import (
	"context"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// Keys are a tenant's. tenants/keys.
type Keys interface {
	// DataKey seals the tenant's secrets.
	DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error)
	// EnsureTx makes the signing keys of algorithms that there are none of yet.
	EnsureTx(ctx context.Context, tx db.Tx, algs ...string) error
}

// WithKeys tells the service who gives the keys under which secrets are sealed that have to be had again, and those that sign for
// apps. Without it no app proves itself by client_secret_jwt. It is called once, before the program starts.
func (s *Service) WithKeys(keys Keys) { s.keys = keys }

// place is what a sealed secret is bound to: it opens in its own row only.
func place(id uuid.UUID) []byte { return []byte("app_secrets.sealed " + id.String()) }

// sealed is a new secret as it is stored beside its hash: not at all, unless the app signs with it.
func sealed(key *secrets.DataKey, a appRow, id ids.Secret, plain string) []byte {
	if key == nil || a.OIDC.AuthMethod != AuthSecretJWT {
		return nil
	}
	return key.Seal([]byte(plain), place(id.UUID()))
}

// SealingKey gives the key of new secrets, nil where none can be sealed. It is asked for before a transaction.
func (s *Service) SealingKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error) {
	if s.keys == nil {
		return nil, nil
	}
	return s.keys.DataKey(ctx, tenant)
}

// HMACKeys returns the secrets with which a client signs its assertions, as far as they have not expired (OpenID Connect Core 1.0,
// sections 9 and 10.1). They are opened for one use and kept nowhere.
func (s *Service) HMACKeys(ctx context.Context, tenant ids.Tenant, c Client) ([][]byte, error) {
	key, err := s.SealingKey(ctx, tenant)
	if err != nil || key == nil || c.AuthMethod != AuthSecretJWT {
		return nil, err
	}
	now := s.db.Clock().Now()
	var open [][]byte
	for _, known := range c.SecretHashes {
		if len(known.Sealed) == 0 || !known.ExpiresAt.IsZero() && !now.Before(known.ExpiresAt) {
			continue
		}
		plain, err := key.Open(known.Sealed, place(known.ID))
		if err != nil {
			return nil, err
		}
		open = append(open, plain)
	}
	return open, nil
}

// setMethod keeps no secret in a form that can be opened where the app does not sign with it any more.
func (s *Service) setMethod(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error) {
	had := a.OIDC.AuthMethod
	fields = set(fields, "token_endpoint_auth_method", &a.OIDC.AuthMethod, in.AuthMethod)
	if a.OIDC.AuthMethod == AuthSecretJWT && s.keys == nil {
		return nil, fault.CodeInvalid.At("/token_endpoint_auth_method", "Must be another method: this program cannot seal secrets.")
	}
	if had != AuthSecretJWT || a.OIDC.AuthMethod == AuthSecretJWT {
		return fields, nil
	}
	return fields, forgetSealed(ctx, tx, a.ID)
}
