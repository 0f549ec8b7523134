package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"grove/iam/issuers"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

// JWT bearer assertions as grants (RFC 7523, sections 2.1 and 3).
const grantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// jwtBearer is the grant of that name. Parameters: assertion, scope, resource (RFC 8707).
func (s *Service) jwtBearer(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	if !form.has("assertion") {
		return refuse(codeInvalidRequest, "assertion is required.")
	}
	if form.has(paramDetails) {
		return errDetailsUnasked
	}
	a, err := s.readJWT(ctx, client, form.get("assertion"), "", "JWT")
	if err != nil {
		return asCode(err, codeInvalidGrant)
	}
	claims, err := s.grantAsserted(ctx, client, a, form, time.Time{})
	if err != nil {
		return asCode(err, codeInvalidGrant)
	}
	return s.respondAccess(ctx, w, claims, "")
}

// exchangeForeign is the token exchange of a JWT of a trusted issuer (RFC 8693, section 2.1), by the rules of the grant above. What comes
// of it lives no longer than what went in. Parameters: those of exchange, without an actor.
func (s *Service) exchangeForeign(ctx context.Context, w http.ResponseWriter, client authenticatedClient, form params) error {
	if form.has("actor_token", "actor_token_type") {
		return refuse(codeInvalidRequest, "actor_token goes with a subject_token of this server.")
	}
	if form.has(paramDetails) {
		return errDetailsUnasked
	}
	a, err := s.readJWT(ctx, client, form.get("subject_token"), "", "JWT", "at+jwt")
	if err != nil {
		return asCode(err, codeInvalidRequest)
	}
	claims, err := s.grantAsserted(ctx, client, a, append(form[:len(form):len(form)], form.renamed("audience", "resource")...), a.expires)
	if err != nil {
		return asCode(err, codeInvalidRequest)
	}
	return s.respondAccess(ctx, w, claims, typeAccessToken)
}

// isForeign reports whether a token says of itself that it is a JWT of somebody else than the tenant. Nothing is verified.
func isForeign(t httpapi.Tenant, token string) bool {
	c, err := unverified(token)
	return err == nil && c.Issuer != t.Base && !strings.HasPrefix(c.Issuer, t.Base+"/")
}

// readJWT verifies that an issuer whom the base's organization trusts has made an assertion for us (RFC 7523, section 3), and uses it
// up. Every failure but one of the database is a notAsserted.
func (s *Service) readJWT(ctx context.Context, client authenticatedClient, token string, typ ...string) (assertion, error) {
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
		if to := confirmed(cnf); !to.any() || !to.satisfiedBy(client.shown) {
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
