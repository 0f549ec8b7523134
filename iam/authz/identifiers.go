package authz

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strings"

	"grove/infra/db"
	"grove/infra/kernel/fault"
)

// Issuers returns the addresses at which a tenant's tokens are issued. All that lies below one is the program's as well.
type Issuers func(ctx context.Context, tx db.Tx) ([]string, error)

// KeepClearOf registers where no API resource may claim to be: what is issued for nobody else has an issuer as its aud, and
// relying parties know a tenant by it. It is called once, before the program starts, and panics when called again.
func (s *Service) KeepClearOf(issuers Issuers) {
	if s.issuers != nil {
		panic("authz: KeepClearOf is set already")
	}
	s.issuers = issuers
}

// KeepScopesClearOf registers who knows the scopes that are no API's: of names it returns those that are taken. It is called once,
// before the program starts, and panics when called again.
func (s *Service) KeepScopesClearOf(taken func(ctx context.Context, tx db.Tx, names []string) ([]string, error)) {
	if s.scopesTaken != nil {
		panic("authz: KeepScopesClearOf is set already")
	}
	s.scopesTaken = taken
}

func (s *Service) checkScopesFree(ctx context.Context, tx db.Tx, names ...string) error {
	if s.scopesTaken == nil || len(names) == 0 {
		return nil
	}
	taken, err := s.scopesTaken(ctx, tx, names)
	if err == nil && len(taken) > 0 {
		err = errScopeTaken.With("Choose another name than "+taken[0]+": a scope of OpenID Connect has it.", nil)
	}
	return err
}

func (s *Service) checkIssuers(ctx context.Context, tx db.Tx, identifier string) error {
	own, err := s.OwnIssuer(ctx, tx, identifier)
	if err == nil && own {
		err = fault.CodeInvalid.At("/identifier", "Must be an address of the API's own: this one is an issuer of tokens, or lies below one.")
	}
	return err
}

// OwnIssuer reports whether an address is one at which tokens of the tenant, or of another of this installation, are issued, or lies
// below one.
func (s *Service) OwnIssuer(ctx context.Context, tx db.Tx, address string) (bool, error) {
	if s.issuers == nil {
		return false, nil
	}
	all, err := s.issuers(ctx, tx)
	return slices.ContainsFunc(all, func(issuer string) bool { return isBelow(address, issuer) }), err
}

// checkIdentifier wants an absolute URI without a fragment (RFC 8707, section 2), in one spelling, outside Grove's own names.
func checkIdentifier(s string) error {
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || u.Opaque == "" && u.Host == "" || u.User != nil || strings.ContainsAny(s, "# \"<>\\^`{|}") ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.HasPrefix(strings.ToLower(s), "urn:grove:") ||
		u.Scheme == "javascript" || u.Scheme == "data" {
		return fault.CodeInvalid.At("/identifier", "Must be an absolute URI without a fragment, such as https://api.example.com; urn:grove: is taken.")
	}
	return nil
}

// isBelow reports whether an address is another or lies below it, in any spelling that a relying party could take for it.
func isBelow(address, above string) bool {
	host, at := place(address)
	other, from := place(above)
	return host != "" && host == other && (at == from || strings.HasPrefix(at, strings.TrimSuffix(from, "/")+"/"))
}

// place is the host and the path of an address, without what makes one of them have many spellings: the scheme, its own
// port, case, escapes, dot segments and slashes.
func place(address string) (host, at string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", ""
	}
	host = strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port := u.Port(); port != "" && port != "80" && port != "443" {
		host += ":" + port
	}
	return host, strings.ToLower(path.Clean("/" + u.Path))
}
