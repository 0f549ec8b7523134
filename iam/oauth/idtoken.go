package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/jose"
	"grove/infra/kernel/ids"
)

const typIDToken = "JWT"

// vouched is what an ID token binds to the sign-in (OpenID Connect Core 1.0, sections 2 and 3.3.2.11): what goes with it, and the
// nonce of the authorization request; at a refresh there is none (section 12.2). "" is left out.
type vouched struct{ access, code, nonce, state string }

// signID makes the ID token.
func (s *Service) signID(ctx context.Context, t httpapi.Tenant, issuer string, client apps.Client, org httpapi.Org, p person, of vouched) (string, error) {
	key, err := s.Keys.Signer(ctx, t.ID, client.IDTokenAlg)
	if err != nil {
		return "", err
	}
	known, err := s.namingFor(ctx, t.ID, client)
	if err != nil {
		return "", err
	}
	now := s.DB.Clock().Now()
	c := newClaims().text("iss", issuer).text("sub", known.subject(p.grant.User))
	if len(client.IDTokenAudiences) == 0 {
		c = c.text("aud", client.ClientID)
	} else { // section 2: azp says to whom it is issued
		c = c.list("aud", append([]string{client.ClientID}, client.IDTokenAudiences...))
	}
	c = c.text("azp", client.ClientID).number("exp", now.Add(s.idTTL(client)).Unix()).number("iat", now.Unix()).number("auth_time", p.grant.AuthTime.Unix()).
		text("nonce", of.nonce).text("at_hash", leftHash(key.Alg(), of.access)).text("c_hash", leftHash(key.Alg(), of.code)).
		text("s_hash", leftHash(key.Alg(), of.state)).list("amr", p.grant.AMR).text("acr", acrOf(p.grant.AMR)).
		text("sid", known.session(p.grant.Session)).
		text("org_id", org.ID.String()).text("org_handle", org.Handle).text("org_name", org.Name)
	signed, err := key.Sign(typIDToken, p.told.render(c).end())
	if err != nil {
		return "", err
	}
	return s.encrypted(ctx, client, client.IDTokenEncryptionAlg, client.IDTokenEncryptionEnc, signed)
}

// leftHash is at_hash, c_hash (section 3.1.3.6) and s_hash (FAPI 1.0 Advanced, section 5.2.2.1): the left half of the digest by the
// hash of the algorithm.
func leftHash(alg, token string) string {
	if token == "" {
		return ""
	}
	if alg == jose.EdDSA {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// readHint verifies an id_token_hint: ours, for whichever client, signed by a key that we still publish. It may be expired;
// it is a hint and proves nothing about now. A client that got it encrypted may encrypt it to us (OpenID Connect Core 1.0, section 3.1.2.1).
func (s *Service) readHint(ctx context.Context, t httpapi.Tenant, token string) (*jose.Claims, error) {
	token, err := s.decrypted(ctx, t, token)
	if err != nil {
		return nil, errors.Join(errToken, err)
	}
	c, err := s.verify(ctx, t, token, typIDToken)
	if err != nil {
		return nil, err
	}
	if c.IssuedAt.IsZero() || c.IssuedAt.After(s.DB.Clock().Now().Add(time.Minute)) || !c.HasAudience(issuedTo(c)) {
		return nil, errToken
	}
	return c, nil
}

// issuedTo is the client that asked for an ID token of ours, whoever else it is for.
func issuedTo(c *jose.Claims) string {
	azp, _ := c.Text("azp")
	return azp
}

// hinted is whom, and which session, a hint is about: zero for a session that it does not name.
func (s *Service) hinted(ctx context.Context, t httpapi.Tenant, c *jose.Claims) (user ids.User, session ids.Session, err error) {
	known, err := s.namingOf(ctx, t.ID, issuedTo(c), c.Subject)
	if err != nil {
		return user, session, err
	}
	if user, err = known.person(c.Subject); err != nil {
		return user, session, err
	}
	if sid, ok := c.Text("sid"); ok {
		session, err = known.sessionOf(sid)
	}
	return user, session, err
}
