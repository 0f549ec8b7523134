package oauth

import (
	"context"
	"strings"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// JWT-secured authorization responses (JARM, OAuth 2.0 JWT Secured Authorization Response Mode, final): the response as a JWT
// of ours, so that nobody on its way through the browser can change it or mix it up with another server's.
const (
	modeJWT     = "jwt" // of the mode that is usual for the response type
	suffixJWT   = ".jwt"
	typResponse = "JWT"
)

// plainMode splits a response mode into how the response travels and whether it is signed.
func plainMode(mode string) (plain string, signed bool) {
	return strings.CutSuffix(mode, suffixJWT)
}

// signResponse makes the one parameter that takes the place of all others (section 2.3.1).
func (s *Service) signResponse(ctx context.Context, client apps.Client, issuer string, pairs []param) ([]param, error) {
	life, err := s.responseLife(ctx)
	if err != nil {
		return nil, err
	}
	c := newClaims().text("iss", issuer).text("aud", client.ClientID).number("exp", s.DB.Clock().Now().Add(life).Unix())
	for _, p := range pairs {
		c = c.text(p.name, p.value)
	}
	token, err := s.signFor(ctx, httpapi.TenantOf(ctx).ID, client, client.ResponseAlg, typResponse, c)
	if err == nil {
		token, err = s.encrypted(ctx, client, client.ResponseEncryptionAlg, client.ResponseEncryptionEnc, token)
	}
	return []param{{"response", token}}, err
}

// signFor signs what a client is told, with the algorithm that it has registered for the purpose or, where that is "", for its ID
// tokens.
func (s *Service) signFor(ctx context.Context, tenant ids.Tenant, client apps.Client, alg, typ string, c claims) (string, error) {
	if alg == "" {
		alg = client.IDTokenAlg
	}
	key, err := s.Keys.Signer(ctx, tenant, alg)
	if err != nil {
		return "", err
	}
	return key.Sign(typ, c.end())
}
