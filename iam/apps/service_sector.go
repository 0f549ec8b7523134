package apps

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/outbound"
)

// The types of subjects (OpenID Connect Core 1.0, section 8).
const (
	SubjectPairwise = "pairwise"
	SubjectPublic   = "public"
)

const (
	// reasonSubjects is why what was issued to an app ends when people get other names for it: nobody could tell whose a token is.
	reasonSubjects = "app.subjects_changed"

	maxSectorBytes = 64 << 10
	maxSectorURIs  = 1000

	sectorRule = "Must be an https address that answers with a JSON array of redirect URIs, those of the app among them (OpenID Connect Core 1.0, section 8.1)."
)

// Sector is within which apps know people by the same names (section 8.1): a host in lower case; "" where names are the same for all.
func (s Settings) Sector() string {
	switch {
	case s.SubjectType != SubjectPairwise:
		return ""
	case s.SectorIdentifierURI != "":
		return hostOf(s.SectorIdentifierURI)
	case len(s.RedirectURIs) > 0 && !isLoopback(hostOf(s.RedirectURIs[0])): // that is every vendor's
		return hostOf(s.RedirectURIs[0])
	}
	return ""
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// checkSubjects says why an app's people cannot be named in the way that it wants.
func checkSubjects(s Settings) error {
	if err := CheckEndpoint("/sector_identifier_uri", s.SectorIdentifierURI); err != nil {
		return err
	}
	if s.SubjectType != "" && s.SubjectType != SubjectPairwise && s.SubjectType != SubjectPublic {
		return fault.CodeInvalid.At("/subject_type", "Must be pairwise or public.")
	}
	if s.SubjectType != SubjectPairwise || s.SectorIdentifierURI != "" {
		return nil
	}
	sector := s.Sector()
	if sector == "" || slices.ContainsFunc(s.RedirectURIs, func(uri string) bool { return hostOf(uri) != sector }) {
		return fault.CodeInvalid.At("/sector_identifier_uri", "Must be set, unless all redirect URIs of the app have one host of its own, which is its sector then.")
	}
	return nil
}

// Outbound is the client for addresses that others gave us. infra/outbound.
type Outbound interface {
	Get(ctx context.Context, address, accept string, limit int64) (outbound.Answer, error)
}

// WithOutbound tells the service who reads sector_identifier_uri. Without it no app has one. It is called once, before the program starts.
func (s *Service) WithOutbound(o Outbound) { s.outbound = o }

// sector is what was read at a sector_identifier_uri.
type sector struct {
	looked bool // false: the change needs no look
	uri    string
	list   []string
}

// readSector reads where a change of settings makes it necessary. It is called before the transaction.
func (s *Service) readSector(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.App, in UpdateAppOIDCRequest) (read sector, err error) {
	if in.SectorIdentifierURI == nil && in.RedirectURIs == nil && in.SubjectType == nil {
		return read, nil
	}
	found, err := s.Load(ctx, tenant, org, id)
	if errors.Is(err, fault.ErrNotFound) {
		return read, nil // the change says why it cannot be made
	}
	if err != nil {
		return read, err
	}
	known := found.OIDC.RedirectURIs
	read = sector{looked: true, uri: found.OIDC.SectorIdentifierURI, list: known}
	isKnown := in.RedirectURIs == nil || !slices.ContainsFunc(*in.RedirectURIs, func(uri string) bool { return !slices.Contains(known, uri) })
	if isKnown && (in.SectorIdentifierURI == nil || *in.SectorIdentifierURI == read.uri) {
		return read, nil // what the address listed when it was read
	}
	if in.SectorIdentifierURI != nil {
		read.uri = *in.SectorIdentifierURI
	}
	read.list, err = s.sectorURIs(ctx, read.uri)
	return read, err
}

// check compares an app's redirect URIs with what was read, if anything was.
func (read sector) check(s Settings) error {
	switch {
	case !read.looked || s.SectorIdentifierURI == "":
		return nil
	case read.uri != s.SectorIdentifierURI:
		return fault.CodeStale.With("Read the app again and repeat the change on what it is now.", nil)
	case slices.ContainsFunc(s.RedirectURIs, func(uri string) bool { return !slices.Contains(read.list, uri) }):
		return fault.CodeInvalid.At("/sector_identifier_uri", sectorRule)
	}
	return nil
}

// CheckSector reads the sector_identifier_uri of an app that describes itself, if it has one. It is called before the transaction.
func (s *Service) CheckSector(ctx context.Context, of Settings) error {
	list, err := s.sectorURIs(ctx, of.SectorIdentifierURI)
	if err != nil {
		return err
	}
	return sector{true, of.SectorIdentifierURI, list}.check(of)
}

var errNoOutbound = errors.New("apps: nobody reads addresses")

func (s *Service) sectorURIs(ctx context.Context, address string) (list []string, err error) {
	if address == "" {
		return nil, nil
	}
	if err := CheckEndpoint("/sector_identifier_uri", address); err != nil {
		return nil, err
	}
	no := func(err error) ([]string, error) {
		return nil, errors.Join(fault.CodeInvalid.At("/sector_identifier_uri", sectorRule), err)
	}
	if s.outbound == nil {
		return no(errNoOutbound)
	}
	answer, err := s.outbound.Get(ctx, address, "application/json", maxSectorBytes)
	if err != nil {
		return no(err)
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return no(err)
	}
	if len(list) > maxSectorURIs {
		return no(nil)
	}
	return list, nil
}
