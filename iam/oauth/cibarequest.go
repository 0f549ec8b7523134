package oauth

import (
	"context"
	"errors"
	"slices"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/jose"
)

// Signed authentication requests (OpenID Connect CIBA Core 1.0, section 7.1.1).

var (
	errCIBAMember   = errors.New("oauth: a signed backchannel request with a member of the wrong kind")
	errCIBALife     = errors.New("oauth: a signed backchannel request without exp, iat or nbf, or that lives too long")
	errCIBAReplayed = errors.New("oauth: a signed backchannel request without jti, or one that was used before")
)

func badCIBA(cause error) error {
	return refuseBecause(codeInvalidRequest, "request is not an authentication request that this application has signed for this server, or it is over or was used (OpenID Connect CIBA Core 1.0, section 7.1.1).", cause).
		told("OpenID Connect CIBA Core 1.0, section 7.1.1", "request is signed with a key that the app has registered; iss is the client_id, aud the issuer, exp within the next hour, iat and nbf are there, and jti was never used.",
			"Let a library sign each request anew, just before it is sent.")
}

// openedCIBA returns the parameters that a request stands for: those of its signed object and nothing else, or its own.
func (s *Service) openedCIBA(ctx context.Context, client apps.Client, p params) (params, error) {
	object := p.get("request")
	switch {
	case object == "" && (client.BackchannelRequestAlg != "" || client.Demands().Any):
		return nil, refuse(codeInvalidRequest, "This application has to sign its backchannel requests (OpenID Connect CIBA Core 1.0, section 7.1.1).").
			told("backchannel_authentication_request_signing_alg", "", "Send the parameters as a signed object in request.")
	case object == "":
		return p, nil
	case p.has(cibaMembers...):
		return nil, refuse(codeInvalidRequest, "Beside request no parameters are taken but those of client authentication (OpenID Connect CIBA Core 1.0, section 7.1.1).")
	}
	c, err := s.verifyClient(ctx, client, object, client.BackchannelRequestAlg, "", "JWT")
	if err == nil {
		err = s.checkCIBA(ctx, client, c)
	}
	if err != nil {
		return nil, badCIBA(err)
	}
	of := params{{"client_id", client.ClientID}}
	for _, name := range cibaMembers {
		raw, there := c.Get(name)
		if !there {
			continue
		}
		value, ok := memberValue(name, raw)
		if !ok {
			return nil, badCIBA(errCIBAMember)
		}
		of = append(of, param{name, value})
	}
	first, err := s.firstUse(ctx, "ciba:"+client.ClientID, c.ID, c.Expiry.Add(assertionLeeway))
	if err == nil && !first {
		err = badCIBA(errCIBAReplayed)
	}
	return of, err
}

// checkCIBA judges the claims about the object itself. A subject is refused: with one it could be a client assertion.
func (s *Service) checkCIBA(ctx context.Context, client apps.Client, c *jose.Claims) error {
	now := s.DB.Clock().Now()
	switch {
	case c.Issuer != client.ClientID || c.Subject != "":
		return errRequestParties
	case !slices.Contains(c.Audience, httpapi.IssuerOf(ctx).URL):
		return errRequestAudience
	case c.Expiry.IsZero() || c.IssuedAt.IsZero() || c.NotBefore.IsZero() || c.Expiry.After(now.Add(maxRequestTTL+assertionLeeway)) || c.Expiry.After(c.NotBefore.Add(maxRequestTTL)):
		return errCIBALife
	case c.ID == "":
		return errCIBAReplayed
	}
	return c.ValidateTimes(now, assertionLeeway)
}
