package registration

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"grove/infra/jose"
)

// maxStatementAge is how old a statement without exp may be: one that is years old says nothing of today's software.
const maxStatementAge = 366 * 24 * time.Hour

const statementLeeway = time.Minute

var errStatement = refuse(CodeStatement, "The software statement is malformed, expired, or not signed by the issuer that is trusted here.")

// believe verifies a software statement (RFC 7591, section 2.3) and lets what it says take the place of what the app says.
func (s *Service) believe(ctx context.Context, p Policy, m *Metadata) error {
	statement := m.SoftwareStatement
	switch {
	case statement == "" && p.StatementRequired:
		return refuse(CodeStatementUnapproved, "A software statement is required here.")
	case statement == "":
		return nil
	case p.StatementIssuer == "":
		return refuse(CodeStatementUnapproved, "No issuer of software statements is trusted here.")
	}
	var failed error
	payload, _, err := jose.Verify(statement, jose.VerifyOptions{Typ: []string{"JWT", ""}, Candidates: func(h jose.Header) []*jose.PublicKey {
		keys, err := s.RemoteKeys.Keys(ctx, p.StatementJWKSURI, h.Alg, h.KID)
		failed = err
		return keys
	}})
	if err != nil {
		return errors.Join(errStatement, err, failed)
	}
	c, err := jose.ParseClaims(payload)
	if err != nil {
		return errors.Join(errStatement, err)
	}
	now := s.db.Clock().Now()
	switch {
	case c.Issuer != p.StatementIssuer:
		return refuse(CodeStatementUnapproved, "The issuer of the software statement is not trusted here.")
	case c.Expiry.IsZero() && (c.IssuedAt.IsZero() || now.Sub(c.IssuedAt) > maxStatementAge):
		return errStatement
	case !c.Expiry.IsZero() && now.After(c.Expiry.Add(statementLeeway)), !c.NotBefore.IsZero() && now.Before(c.NotBefore.Add(-statementLeeway)):
		return errStatement
	}
	if err := json.Unmarshal(payload, m); err != nil {
		return errors.Join(errStatement, err)
	}
	m.SoftwareStatement = statement // a statement within it says nothing
	return nil
}
