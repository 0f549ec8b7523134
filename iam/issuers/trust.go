package issuers

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"grove/iam/apps"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/saml"
)

// What an issuer's assertions are: JWTs (RFC 7523) or SAML 2.0 assertions (RFC 7522).
const (
	FormatJWT  = "jwt"
	FormatSAML = "saml"
)

// How the person is found whom an assertion is about.
const (
	MatchEmail    = "email"
	MatchMapping  = "mapping"
	MatchUserID   = "user_id"
	MatchUsername = "username"
)

// Limits of one issuer.
const (
	maxAudiences   = 20
	maxIssuerBytes = 1024
	maxSubjects    = 200
	maxSubject     = 255
)

const (
	defaultLifetime = 3600
	subjectSub      = "sub"

	// SubjectNameID is the subject claim of SAML that is no attribute.
	SubjectNameID = "NameID"
)

// Trust is what an organization believes of an issuer, as it is stored and shown. None of it is secret.
type Trust struct {
	Audiences       []string         `json:"audiences" doc:"What aud may name besides the organization's own issuer and token endpoint." example:"[\"0oa1grove\"]"`
	Certificates    []string         `json:"certificates,omitzero" doc:"The certificates of a SAML issuer's keys: base64 of DER. In single representations only."`
	JWKS            *apps.JWKSet     `json:"jwks,omitempty" doc:"Its public keys. In single representations only."`
	JWKSURI         string           `json:"jwks_uri" doc:"Where it publishes its keys; empty where they are in jwks." example:"https://idp.example/jwks.json"`
	LifetimeSeconds int              `json:"max_lifetime_seconds" doc:"The longest time that an assertion may still have before it expires." example:"3600"`
	SigningAlg      string           `json:"signing_alg" doc:"How its assertions are signed; empty where any of the server's algorithms is." example:"RS256"`
	SubjectClaim    string           `json:"subject_claim" doc:"The claim that says whom an assertion is about." example:"sub"`
	SubjectMatch    string           `json:"subject_match" doc:"What that claim is of the person." example:"email"`
	Subjects        []SubjectMapping `json:"subjects,omitzero" doc:"Who is meant, where subject_match is mapping. In single representations only."`
}

// SubjectMapping says whom an issuer means by one value of its subject claim.
type SubjectMapping struct {
	Subject string   `json:"subject" minLength:"1" maxLength:"255" doc:"The claim's value, compared byte by byte." example:"system:serviceaccount:build:runner"`
	User    ids.User `json:"user_id" doc:"A person whose resident organization this is."`
}

// Issuer is an enabled issuer as the token endpoint sees it.
type Issuer struct {
	Trust
	ID     ids.Connection
	Format string
	Org    ids.Org
	Keys   []*jose.PublicKey // of jwks; those of jwks_uri are read when they are needed
	// SigningCertificates are those of a SAML issuer's keys. They are keys and no more: trust in one ends when it is taken away.
	SigningCertificates []*x509.Certificate
	Version             int64
}

// Lifetime is the longest time that an assertion may still have before it expires.
func (i Issuer) Lifetime() time.Duration { return time.Duration(i.LifetimeSeconds) * time.Second }

// Find returns the enabled issuer of an organization that an assertion names, or fault.ErrNotFound.
func (s *Service) Find(ctx context.Context, tx db.Tx, org ids.Org, format, issuer string) (Issuer, error) {
	if issuer == "" || len(issuer) > maxIssuerBytes {
		return Issuer{}, fault.ErrNotFound
	}
	r, err := byIssuer(ctx, tx, org, format, issuer)
	if err != nil {
		return Issuer{}, db.OrNotFound(err)
	}
	keys, _ := r.Trust.JWKS.PublicKeys() // looked at when they were stored
	found := Issuer{Trust: r.Trust, ID: r.ID, Format: r.Format, Org: r.Org, Keys: keys, Version: r.Version}
	for _, c := range r.Trust.Certificates {
		parsed, err := saml.ParseCertificate(c)
		if err != nil {
			return Issuer{}, err
		}
		found.SigningCertificates = append(found.SigningCertificates, parsed)
	}
	return found, nil
}

// Person finds whom an issuer means by a value of its subject claim: one resident of its organization, or fault.ErrNotFound. Where
// people are known by address, both sides must have verified it; emailVerified is what the issuer says.
func (s *Service) Person(ctx context.Context, tx db.Tx, i Issuer, subject string, emailVerified bool) (users.User, error) {
	if subject == "" || len(subject) > maxSubject {
		return users.User{}, fault.ErrNotFound
	}
	var found []users.User
	var err error
	switch i.SubjectMatch {
	case MatchEmail:
		if emailVerified {
			found, err = s.people.ByEmail(ctx, tx, subject)
		}
	case MatchMapping:
		at := slices.IndexFunc(i.Subjects, func(m SubjectMapping) bool { return m.Subject == subject })
		if at >= 0 {
			found, err = s.load(ctx, tx, i.Subjects[at].User)
		}
	case MatchUserID:
		var id ids.User
		if id.UnmarshalText([]byte(subject)) == nil {
			found, err = s.load(ctx, tx, id)
		}
	case MatchUsername:
		found, err = s.people.ByUsername(ctx, tx, i.Org, subject)
	}
	if err != nil {
		return users.User{}, err
	}
	found = slices.DeleteFunc(found, func(u users.User) bool { return u.Org != i.Org })
	if len(found) != 1 {
		return users.User{}, fault.ErrNotFound // of two with one address nobody is meant
	}
	return found[0], nil
}

func (s *Service) load(ctx context.Context, tx db.Tx, id ids.User) ([]users.User, error) {
	u, err := s.people.Load(ctx, tx, id)
	if fault.CodeNotFound.Is(err) {
		return nil, nil
	}
	return []users.User{u}, err
}

// check says why an issuer cannot be trusted as it is described.
func (s *Service) check(ctx context.Context, tx db.Tx, r *row) error {
	if err := s.checkIssuer(ctx, tx, r.Issuer); err != nil {
		return err
	}
	t := &r.Trust
	t.Audiences = list.Distinct(t.Audiences)
	for i, audience := range t.Audiences {
		if !isName(audience) {
			return fault.CodeInvalid.At("/audiences/"+strconv.Itoa(i), "Must be printable ASCII characters without spaces, at most 1024.")
		}
	}
	if err := checkKeys(r.Format, t); err != nil {
		return err
	}
	if t.SubjectClaim == "" || strings.ContainsFunc(t.SubjectClaim, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return fault.CodeInvalid.At("/subject_claim", "Must be the name of a claim: printable ASCII characters without spaces.")
	}
	return checkSubjects(ctx, tx, r)
}

// checkKeys wants the keys that go with the format.
func checkKeys(format string, t *Trust) error {
	if format == FormatSAML {
		return checkCertificates(t)
	}
	if len(t.Certificates) > 0 {
		return fault.CodeInvalid.At("/certificates", "Must be empty: certificates are for issuers of SAML assertions, those of JWTs have jwks or jwks_uri.")
	}
	if _, err := t.JWKS.PublicKeys(); err != nil {
		return fault.CodeInvalid.At("/jwks", "Must hold public keys only: EC on P-256, Ed25519, or RSA of 2048 bits and more, for signatures.")
	}
	if t.JWKSURI != "" {
		if err := apps.CheckEndpoint("/jwks_uri", t.JWKSURI); err != nil {
			return err
		}
	}
	if (t.JWKS == nil) == (t.JWKSURI == "") {
		return fault.CodeInvalid.At("/jwks", "Must hold the issuer's keys, or jwks_uri their address, and not both.")
	}
	return nil
}

func checkCertificates(t *Trust) error {
	if t.JWKS != nil || t.JWKSURI != "" {
		return fault.CodeInvalid.At("/certificates", "Issuers of SAML assertions must have certificates in place of jwks and jwks_uri.")
	}
	if t.SigningAlg != "" {
		return fault.CodeInvalid.At("/signing_alg", "Must be empty for SAML assertions, which are signed with SHA-256 or better by the certificate's key.")
	}
	if len(t.Certificates) == 0 {
		return fault.CodeInvalid.At("/certificates", "Must have at least one certificate of the issuer's keys.")
	}
	for i, text := range t.Certificates {
		c, err := saml.ParseCertificate(text)
		if err != nil {
			return fault.CodeInvalid.At("/certificates/"+strconv.Itoa(i), "Must be an X.509 certificate as PEM or base64 of DER, with an RSA key of 2048 bits or more or an EC key on P-256, P-384 or P-521.")
		}
		t.Certificates[i] = base64.StdEncoding.EncodeToString(c.Raw)
	}
	t.Certificates = list.Distinct(t.Certificates)
	return nil
}

func checkSubjects(ctx context.Context, tx db.Tx, r *row) error {
	t := &r.Trust
	if t.SubjectMatch != MatchMapping {
		if len(t.Subjects) > 0 {
			return fault.CodeInvalid.At("/subjects", "Must be empty unless subject_match is mapping.")
		}
		t.Subjects = []SubjectMapping{}
		return nil
	}
	seen, people := map[string]bool{}, []ids.User{}
	for i, m := range t.Subjects {
		if seen[m.Subject] || strings.ContainsFunc(m.Subject, unicode.IsControl) {
			return fault.CodeInvalid.At("/subjects/"+strconv.Itoa(i)+"/subject", "Must be printable characters, and each subject must be there once.")
		}
		seen[m.Subject], people = true, append(people, m.User)
	}
	people = list.Distinct(people)
	n, err := residents(ctx, tx, r.Org, people)
	if err == nil && n < len(people) {
		err = errNobody.At("/subjects", "Must be people whose resident organization is this one.")
	}
	return err
}

// checkIssuer refuses a name that no issuer has, and those of this installation: what it signs is no assertion of somebody else's.
func (s *Service) checkIssuer(ctx context.Context, tx db.Tx, issuer string) error {
	if !isName(issuer) {
		return fault.CodeInvalid.At("/issuer", "Must be printable ASCII characters without spaces, at most 1024.")
	}
	own, err := s.ranks.OwnIssuer(ctx, tx, issuer)
	if err == nil && own {
		err = fault.CodeInvalid.At("/issuer", "Must be an issuer outside of this installation.")
	}
	return err
}

// isName reports whether a text can be iss or aud: a URI, or another word without spaces (RFC 7519, section 2, StringOrURI).
func isName(s string) bool {
	if s == "" || len(s) > maxIssuerBytes || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return false
	}
	_, err := url.Parse(s)
	return err == nil || !strings.Contains(s, ":")
}
