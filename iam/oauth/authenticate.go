package oauth

import (
	"context"
	"errors"

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
	a, err := s.readAccess(ctx, t, c.Token)
	// Where one acts for another, events would name the wrong one.
	if err == nil && (a.act != nil || !a.claims.HasAudience(authz.ManagementAPI)) {
		err = errToken
	}
	if err == nil {
		err = s.checkPresented(ctx, a, c)
	}
	if err != nil {
		return actor.Actor{}, unauthenticated(err)
	}
	client, err := s.standing(ctx, t, a)
	if err != nil {
		return actor.Actor{}, unauthenticated(err)
	}
	who := actor.Actor{Kind: actor.Client, Tenant: t.ID, Org: a.org, User: a.user, App: client.ID, Session: a.session, Grant: a.grant,
		Scopes: make(map[string]bool, len(a.scopes))}
	if !a.user.IsZero() {
		who.Kind = actor.User
	}
	for _, scope := range a.scopes {
		who.Scopes[scope] = true
	}
	return who, nil
}

func unauthenticated(err error) error {
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
