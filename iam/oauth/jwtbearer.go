package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"grove/iam/issuers"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// JWT bearer assertions as grants (RFC 7523, sections 2.1 and 3).
const grantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// isForeign reports whether a token says of itself that it is a JWT of somebody else than the tenant. Nothing is verified.
func isForeign(t httpapi.Tenant, token string) bool {
	c, err := unverified(token)
	return err == nil && c.Issuer != t.Base && !strings.HasPrefix(c.Issuer, t.Base+"/")
}

// jwtReader reads assertions of some types.
func (s *Service) jwtReader(typ ...string) reader {
	return func(ctx context.Context, client authenticatedClient, token string) (assertion, error) {
		return s.readJWT(ctx, client, token, typ)
	}
}

// readJWT verifies that an issuer whom the base's organization trusts has made an assertion for us (RFC 7523, section 3), and uses it
// up.
func (s *Service) readJWT(ctx context.Context, client authenticatedClient, token string, typ []string) (assertion, error) {
	no := func(err error) (assertion, error) { return assertion{}, err }
	said, err := unverified(token)
	if err != nil || !isForeign(httpapi.TenantOf(ctx), token) {
		return no(&notAsserted{ruleTrusted, err})
	}
	issuer, err := s.trustedIssuer(ctx, baseOrg(ctx), issuers.FormatJWT, said.Issuer)
	if err != nil {
		return no(err)
	}
	c, err := s.verifyIssuer(ctx, issuer, token, typ)
	if err != nil {
		return no(&notAsserted{ruleTrusted, err})
	}
	now := s.DB.Clock().Now()
	if err := s.checkAudience(ctx, issuer, c.Audience); err != nil {
		return no(err)
	}
	if err := c.ValidateTimes(now, assertionLeeway); err != nil || c.Expiry.After(now.Add(issuer.Lifetime()+assertionLeeway)) {
		return no(&notAsserted{ruleLife, errors.Join(errAssertionLife, err)})
	}
	// Tokens of other kinds look like assertions: a logout token has events, one of delegation says who acts or may.
	for _, name := range []string{"act", "events", "may_act"} {
		if hasMember(c, name) {
			return no(&notAsserted{ruleClaims, nil})
		}
	}
	if cnf, bound := c.Get("cnf"); bound {
		if to := confirmed(cnf); !to.proved() || !to.satisfiedBy(client.shown) {
			return no(&notAsserted{ruleBound, nil})
		}
	}
	subject, ok := c.Text(issuer.SubjectClaim)
	if !ok || c.Subject == "" { // sub is required, whatever the person is found by
		return no(&notAsserted{rulePerson, errAssertionParties})
	}
	verified, _ := c.Get("email_verified")
	id := c.ID
	if id == "" {
		id = signedPart(token)
	}
	if err := s.useAssertion(ctx, issuer, id, c.Expiry); err != nil {
		return no(err)
	}
	return assertion{issuer: issuer, name: c.Issuer, subject: subject, verified: string(verified) == "true", expires: c.Expiry}, nil
}

// verifyIssuer verifies what an issuer has signed, by its registered keys and by the algorithm that it is pinned to.
func (s *Service) verifyIssuer(ctx context.Context, i issuers.Issuer, token string, typ []string) (*jose.Claims, error) {
	options := jose.VerifyOptions{AllowMissingKID: true, Typ: typ}
	if i.SigningAlg != "" {
		options.Algs = []string{i.SigningAlg}
	}
	var failed error
	options.Candidates = func(h jose.Header) []*jose.PublicKey {
		if i.JWKSURI == "" {
			return i.Keys
		}
		keys, err := s.RemoteKeys.Keys(ctx, i.JWKSURI, h.Alg, h.KID)
		failed = err
		return keys
	}
	payload, _, err := jose.Verify(token, options)
	if err != nil {
		return nil, errors.Join(err, failed)
	}
	return jose.ParseClaims(payload)
}

// signedPart stands for a token that has no jti. Its signature is left out: one text may have many.
func signedPart(token string) string {
	sum := sha256.Sum256([]byte(token[:strings.LastIndexByte(token, '.')]))
	return "signed:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// baseOrg is the organization at whose base a request came in: its own, or at the tenant's the root.
func baseOrg(ctx context.Context) ids.Org {
	if org := httpapi.IssuerOf(ctx).Org.ID; !org.IsZero() {
		return org
	}
	return httpapi.TenantOf(ctx).Root
}
