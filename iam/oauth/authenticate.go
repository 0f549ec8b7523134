package oauth

import (
	"context"
	"errors"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
)

// Authenticate turns an access token for the management API into an actor. It is the API's [httpapi.Authenticator].
//
// ID tokens, refresh tokens, other tenants' tokens, tokens for another audience and tokens of anything revoked get the
// same answer.
func (s *Service) Authenticate(ctx context.Context, t httpapi.Tenant, c httpapi.Credentials) (actor.Actor, error) {
	who, _, err := s.admit(ctx, t, c)
	return who, unauthenticated(err)
}

// admit also returns the client that the token was made for. errToken is any reason why the token is none for the management API.
func (s *Service) admit(ctx context.Context, t httpapi.Tenant, c httpapi.Credentials) (actor.Actor, apps.Client, error) {
	no := func(err error) (actor.Actor, apps.Client, error) { return actor.Actor{}, apps.Client{}, err }
	a, err := s.readAccess(ctx, t, c.Token)
	if err == nil && !a.claims.HasAudience(authz.ManagementAPI) {
		err = errToken
	}
	if err == nil {
		err = s.checkPresented(ctx, a, c)
	}
	if err != nil {
		return no(err)
	}
	client, err := s.standing(ctx, t, a)
	if err != nil {
		return no(err)
	}
	who := actor.Actor{Kind: actor.Client, Tenant: t.ID, Org: a.org, User: a.user, App: client.ID, Session: a.session, Grant: a.grant,
		Scopes: make(map[string]bool, len(a.scopes))}
	if !a.user.IsZero() {
		who.Kind = actor.User
	}
	if a.act != nil {
		if err := s.admitImpersonator(ctx, t, a, &who); err != nil {
			return no(err)
		}
	}
	for _, scope := range a.scopes {
		who.Scopes[scope] = true
	}
	return who, client, nil
}

func unauthenticated(err error) error {
	if err == nil {
		return nil
	}
	var refused *protocolError
	if errors.As(err, &refused) {
		return fault.CodeUnauthorized.With(refused.description, err)
	}
	if !errors.Is(err, errToken) {
		return err
	}
	return fault.CodeUnauthorized.With("The access token is invalid, expired, revoked, or not meant for this API.", err)
}

var _ httpapi.Authenticator = (*Service)(nil)
