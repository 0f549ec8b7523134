package domains

import (
	"context"
	"slices"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/kernel/text"
)

// EmailDomain is an e-mail domain of an organization.
type EmailDomain struct {
	ID             ids.Domain `json:"id" doc:"The domain's entry."`
	Name           string     `json:"name" doc:"The domain: lower case, punycode." example:"acme.com"`
	VerifiedAt     *time.Time `json:"verified_at,omitempty" doc:"When the organization proved that the domain is its own; absent where it was mapped from above." example:"2026-11-23T09:00:00Z"`
	CreatedAt      time.Time  `json:"created_at" doc:"When the domain was mapped." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string   `json:"allowed_actions,omitzero" doc:"What the caller may do: unmap. In single representations only."`
}

// MapDomainRequest names a domain.
type MapDomainRequest struct {
	Name string `json:"name" minLength:"3" maxLength:"253" doc:"The domain, without @; international names in either form." example:"acme.com"`
}

// MapDomainInput asks for a domain.
type MapDomainInput struct {
	httpapi.OrgPath
	Body MapDomainRequest
}

// ListDomainsInput asks for an organization's domains.
type ListDomainsInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
}

// DomainInput names a domain of an organization.
type DomainInput struct {
	httpapi.OrgPath
	Domain ids.Domain `path:"domain" doc:"The domain's entry."`
}

func (s *Service) routes(a *httpapi.API) {
	const tag, base = "Domains", "/v1/orgs/{org}/domains"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[EmailDomain]]]{ID: "listDomains", Method: "GET", Path: base, Tag: tag,
		Summary: "List e-mail domains", Description: "Lists the organization's e-mail domains by name.", Status: 200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[EmailDomain]]{ID: "mapDomain", Method: "POST", Path: base, Tag: tag, Summary: "Map an e-mail domain",
		Description: "Lets people with addresses of the domain be found as the organization's at sign-in. Needs a token of the root, or that the organization, or one between the token's and it, has a domain that this one lies in: an organization cannot claim a domain by saying so, not for one below it either.",
		Status:      201, Needs: permWrite, Replay: s.replay, Errors: []fault.Code{errDuplicate, errNeedsProof, errPublic, errTaken}}, s.mapDomain)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[EmailDomain]]{ID: "getDomain", Method: "GET", Path: base + "/{domain}", Tag: tag,
		Summary: "Read an e-mail domain", Description: "Reads one e-mail domain of the organization.", Status: 200, Needs: permRead}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "unmapDomain", Method: "DELETE", Path: base + "/{domain}", Tag: tag, Summary: "Unmap an e-mail domain",
		Description: "People with addresses of the domain are no longer found by it. They may have no other way to their sign-in page: tell them first.",
		Status:      204, Needs: permWrite}, s.unmap)
}

func shown(d Domain) EmailDomain {
	return EmailDomain{ID: d.ID, Name: d.Name, VerifiedAt: d.VerifiedAt, CreatedAt: d.CreatedAt}
}

func out(c *httpapi.Call, d Domain) *httpapi.Entity[EmailDomain] {
	body := shown(d)
	body.AllowedActions = c.Allowed(map[string]perm.Permission{"unmap": permWrite})
	return httpapi.Versioned(body, d.Version)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *ListDomainsInput) (*httpapi.Out[page.Of[EmailDomain]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var rows []Domain
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		rows, err = selectPage(ctx, tx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	result := page.Cut(req, rows, func(d Domain) []string { return []string{d.Name} })
	return httpapi.List(c, page.Map(result, shown)), nil
}

func (s *Service) mapDomain(ctx context.Context, c *httpapi.Call, in *MapDomainInput) (*httpapi.Entity[EmailDomain], error) {
	var d Domain
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if err := checkWord(ctx, tx, c, in.Body.Name); err != nil {
			return err
		}
		d, err = s.MapTx(ctx, tx, c.Org.ID, in.Body.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out(c, d), nil
}

// checkWord refuses whose word is not enough for a domain without proof. The root's is for any. Another organization's is
// for what lies in a domain that it has, or one on the way down to the organization: without that, whoever may make an
// organization below his own would take any domain for it, and with the domain the sign-ins and invitations of others.
func checkWord(ctx context.Context, tx db.Tx, c *httpapi.Call, domain string) error {
	refused := errNeedsProof.With("Ask an administrator of the root organization to map the domain.", nil)
	if c.Actor.Org == c.Tenant.Root {
		return nil
	}
	name, err := text.Domain(domain)
	if err != nil {
		return refused
	}
	for _, parent, more := strings.Cut(name, "."); more; _, parent, more = strings.Cut(parent, ".") {
		d, err := selectByName(ctx, tx, parent)
		switch {
		case err == nil && slices.Contains(c.VisiblePath(), d.Org):
			return nil
		case err != nil && !db.IsNoRows(err):
			return err
		}
	}
	return refused
}

func (s *Service) load(ctx context.Context, c *httpapi.Call, id ids.Domain) (*httpapi.Entity[EmailDomain], error) {
	var d Domain
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		d, err = selectDomain(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, db.OrNotFound(err)
	}
	return out(c, d), nil
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[EmailDomain], error) {
	var id ids.Domain
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	return s.load(ctx, c, id)
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *DomainInput) (*httpapi.Entity[EmailDomain], error) {
	return s.load(ctx, c, in.Domain)
}

func (s *Service) unmap(ctx context.Context, c *httpapi.Call, in *DomainInput) (*httpapi.None, error) {
	err := s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) error { return s.UnmapTx(ctx, tx, in.Domain) })
	return &httpapi.None{}, err
}
