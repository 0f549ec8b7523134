package oauth

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"grove/iam/issuers"
	"grove/infra/httpapi"
	"grove/infra/saml"
)

// SAML 2.0 bearer assertions as grants (RFC 7522, sections 2.1 and 3).
const (
	grantSAMLBearer = "urn:ietf:params:oauth:grant-type:saml2-bearer"
	typeSAML        = "urn:ietf:params:oauth:token-type:saml2" // RFC 8693, section 3
)

const ruleConfirmed = "The assertion has no subject confirmation of the method bearer with this organization's token endpoint as its Recipient and an end."

// readSAML verifies that an issuer whom the base's organization trusts has made an assertion for us (RFC 7522, section 3), and uses it
// up. It comes as base64url.
func (s *Service) readSAML(ctx context.Context, _ authenticatedClient, text string) (assertion, error) {
	no := func(rule string, cause error) (assertion, error) { return assertion{}, &notAsserted{rule, cause} }
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return no(ruleTrusted, err)
	}
	said, err := saml.Parse(raw)
	if err != nil {
		return no(ruleTrusted, err)
	}
	issuer, err := s.trustedIssuer(ctx, baseOrg(ctx), issuers.FormatSAML, said.Issuer())
	if err != nil {
		return assertion{}, err
	}
	a, err := said.Verify(issuer.SigningCertificates)
	if err != nil {
		return no(ruleTrusted, err)
	}
	if err := s.checkAudience(ctx, issuer, a.Audiences); err != nil {
		return assertion{}, err
	}
	now := s.DB.Clock().Now()
	ends, ok := confirmedUntil(a, s.ownEndpoints(ctx))
	if !ok {
		return no(ruleConfirmed, nil)
	}
	if !ends.After(now.Add(-assertionLeeway)) || ends.After(now.Add(issuer.Lifetime()+assertionLeeway)) || a.NotBefore.After(now.Add(assertionLeeway)) {
		return no(ruleLife, errAssertionLife)
	}
	subject := a.NameID
	if issuer.SubjectClaim != issuers.SubjectNameID {
		subject = ""
		if values := a.Attributes[issuer.SubjectClaim]; len(values) == 1 { // of several nobody knows which is meant
			subject = values[0]
		}
	}
	if a.NameID == "" || subject == "" { // the subject is required, whatever the person is found by
		return no(rulePerson, errAssertionParties)
	}
	if err := s.useAssertion(ctx, issuer, a.ID, ends); err != nil {
		return assertion{}, err
	}
	// SAML has no word for an address that was verified: who trusts the issuer to name people by address says that they are.
	return assertion{issuer: issuer, name: a.Issuer, subject: subject, verified: true, expires: ends}, nil
}

// confirmedUntil is when an assertion ends that whoever bears it may bring to one of our endpoints (RFC 7522, section 3, points 4 and 5):
// the earlier of its conditions' end and the confirmation's.
func confirmedUntil(a saml.Assertion, endpoints []string) (time.Time, bool) {
	var best time.Time
	for _, c := range a.Bearer {
		ends := c.NotOnOrAfter
		switch {
		case !c.Data && a.NotOnOrAfter.IsZero(), c.Data && (ends.IsZero() || !slices.Contains(endpoints, c.Recipient) || !c.NotBefore.IsZero()):
			continue
		case !c.Data || !a.NotOnOrAfter.IsZero() && a.NotOnOrAfter.Before(ends):
			ends = a.NotOnOrAfter
		}
		if ends.After(best) {
			best = ends
		}
	}
	return best, !best.IsZero()
}

// ownEndpoints are the addresses of the token endpoint that a request came in at.
func (s *Service) ownEndpoints(ctx context.Context) []string {
	return slices.DeleteFunc(s.ownAudiences(ctx), func(a string) bool { return a == httpapi.IssuerOf(ctx).URL })
}
