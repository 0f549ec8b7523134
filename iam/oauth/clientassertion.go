package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/secrets"
)

// Client assertions (RFC 7523, section 2.2; OpenID Connect Core 1.0, section 9).
const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

	assertionLeeway = 30 * time.Second // between the client's clock and ours
	maxAssertionID  = 256              // bytes of jti
	maxAssertionTTL = time.Hour        // for so long a jti has to be remembered
)

var (
	errAssertionAudience = errors.New("oauth: an assertion for somebody else")
	errAssertionLife     = errors.New("oauth: an assertion that lives too long")
	errAssertionParties  = errors.New("oauth: issuer and subject of an assertion are not its client")
	errAssertionReplayed = errors.New("oauth: an assertion without jti, or one that was used before")
)

// assertedClientID reads who an assertion says it is from. Nothing is verified yet.
func assertedClientID(assertion string) (string, error) {
	c, err := unverified(assertion)
	if err != nil {
		return "", err
	}
	return c.Subject, nil
}

// unverified reads what a JWT says, to find the key that it has to be verified with or whose inspector it is for, and for nothing else.
func unverified(token string) (*jose.Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > jose.DefaultMaxBytes {
		return nil, jose.ErrMalformed
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, jose.ErrMalformed
	}
	return jose.ParseClaims(payload)
}

// checkAssertion verifies that a client signed an assertion for us, just now and for this once. Every failure but one of
// the database is errClient with its cause.
func (s *Service) checkAssertion(ctx context.Context, r *http.Request, client apps.Client, assertion string) error {
	verify := s.verifyClient
	if client.AuthMethod == apps.AuthSecretJWT {
		verify = s.verifySecret
	}
	c, err := verify(ctx, client, assertion, client.AuthSigningAlg, "", "JWT", "client-authentication+jwt")
	if err != nil {
		if client.AuthMethod == apps.AuthSecretJWT {
			return errClient.told("RFC 7523, section 3", "The assertion is a MAC (HS256) with a client secret of the app that has not expired.", "Sign with the whole secret, as it was shown.").because(err)
		}
		return errClient.told("RFC 7523, section 3", "The assertion is signed with a key that the app has registered (jwks or jwks_uri), by one of "+strings.Join(clientSigns(client), ", ")+".",
			"Sign with the private part of a registered key, and name its kid where there are several; register the key if it is new.").because(err)
	}
	now := s.DB.Clock().Now()
	issuer := httpapi.IssuerOf(ctx).URL
	// Each audience has to be a name of ours: an assertion that is good elsewhere as well could have come from there.
	ours := []string{issuer, issuer + "/oauth2/token", issuer + r.URL.Path}
	if alias := s.alias(ctx); alias != "" {
		ours = append(ours, alias+"/oauth2/token", alias+r.URL.Path)
	}
	switch {
	case c.Issuer != client.ClientID || c.Subject != client.ClientID:
		return errClient.told("RFC 7523, section 3", "iss and sub are the client_id.", "Set both to "+client.ClientID+".").because(errAssertionParties)
	case len(c.Audience) == 0 || slices.ContainsFunc(c.Audience, func(a string) bool { return !contains(ours, a) }) || !audienceAllowed(client, issuer, c):
		return errClient.told("RFC 7523, section 3", "aud is the issuer: "+issuer, "Set aud to the issuer, as the server's metadata writes it, and to nothing else.").because(errAssertionAudience)
	case c.Expiry.After(now.Add(maxAssertionTTL + assertionLeeway)):
		return errClient.told("RFC 7523, section 3", "exp is within the next hour.", "Make an assertion for each request, with exp a minute or so ahead.").because(errAssertionLife)
	}
	if err := c.ValidateTimes(now, assertionLeeway); err != nil {
		return errClient.told("RFC 7523, section 3", "The assertion has exp, which is not over, and nbf and iat are not in the future.", "Make an assertion for each request, and set the machine's clock.").because(err)
	}
	if client.AssertionReuse && !client.Demands().Any {
		return nil
	}
	first, err := s.firstUse(ctx, "assertion:"+client.ClientID, c.ID, c.Expiry.Add(assertionLeeway))
	if err == nil && !first {
		err = errClient.told("RFC 7523, section 3", "The assertion has a jti of at most 256 bytes that was never used before.", "Make a new assertion, with a new jti, for each request.").because(errAssertionReplayed)
	}
	return err
}

// clientSigns are the algorithms by which an app may sign its assertions.
func clientSigns(client apps.Client) []string {
	if allowed := clientAlgs(client, client.AuthSigningAlg); allowed != nil {
		return allowed
	}
	return jose.Algs()
}

// verifyClient verifies what a client signed with one of its registered keys, and returns the claims, still to be judged.
// alg "" stands for any.
func (s *Service) verifyClient(ctx context.Context, client apps.Client, token, alg string, typ ...string) (*jose.Claims, error) {
	// A client with one key, or one for each algorithm, need not name it (RFC 7515, section 4.1.4).
	options := jose.VerifyOptions{AllowMissingKID: true, Algs: clientAlgs(client, alg), Typ: typ}
	var failed error
	options.Candidates = func(h jose.Header) []*jose.PublicKey {
		if client.JWKSURI == "" {
			return client.Keys
		}
		keys, err := s.RemoteKeys.Keys(ctx, client.JWKSURI, h.Alg, h.KID)
		failed = err
		return keys
	}
	payload, _, err := jose.Verify(token, options)
	if err != nil {
		return nil, errors.Join(err, failed)
	}
	return jose.ParseClaims(payload)
}

// verifySecret is verifyClient for what a client signed with one of its secrets (client_secret_jwt). alg is HS256 or "".
func (s *Service) verifySecret(ctx context.Context, client apps.Client, token, _ string, typ ...string) (*jose.Claims, error) {
	secrets, err := s.Clients.HMACKeys(ctx, httpapi.TenantOf(ctx).ID, client)
	if err != nil {
		return nil, err
	}
	payload, _, err := jose.VerifyHMAC(token, secrets, jose.VerifyOptions{Typ: typ})
	if err != nil {
		return nil, err
	}
	return jose.ParseClaims(payload)
}

// firstUse remembers an identifier that may be used once until it expires, and reports whether this was the once. What it
// remembers stays, whatever becomes of the request: whoever holds a used assertion or proof gains nothing by a failure.
func (s *Service) firstUse(ctx context.Context, of, id string, expires time.Time) (first bool, err error) {
	if id == "" || len(id) > maxAssertionID {
		return false, nil
	}
	err = s.DB.InTenant(ctx, httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		first, err = insertUsed(ctx, tx, secrets.HashToken(of+"\x00"+id), expires)
		return err
	})
	return first, err
}
