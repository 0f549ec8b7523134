package registration

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/orgs/sharing"
	"grove/tenants/settings"
)

// Who may register apps.
const (
	registrationOff   = "off"
	registrationOpen  = "open"  // anybody
	registrationToken = "token" // who holds an initial access token
)

// Policy are an organization's settings for apps that describe themselves.
type Policy struct {
	Documents         []string `json:"client_id_documents" maxItems:"100" stricter:"fewer" doc:"Whose apps people may sign in to without registration, when their client_id is the address of a metadata document: origins such as https://app.example.com, https://*.example.com for every host below, or addresses whose path ends with a slash for all below that path. Empty: nobody's."`
	PKCEOptional      bool     `json:"pkce_optional" stricter:"false" doc:"Whether confidential apps that register themselves from now on may leave PKCE out of their authorization requests (pkce_optional of the app), as libraries do that are older than RFC 9700. Not under a profile."`
	Profile           string   `json:"registration_profile" enum:"fapi2_message_signing,fapi2_security,fapi1_advanced,none" stricter:"first" doc:"The security profile of the OpenID Foundation that apps which register themselves are held to. Those that are held to less are not let in until they register anew, nor are apps that a document describes. An app's own setting may ask for more."`
	Registration      string   `json:"dynamic_registration" enum:"off,token,open" stricter:"first" doc:"Whether apps may register themselves (RFC 7591): off; token, with an initial access token of this organization; open, by anybody."`
	StatementIssuer   string   `json:"software_statement_issuer" maxLength:"255" stricter:"fixed" by:"software_statement_required" doc:"Who signs software statements (RFC 7591, section 2.3): their iss. Empty: nobody. Where an organization above has software_statement_required, it says whose."`
	StatementJWKSURI  string   `json:"software_statement_jwks_uri" maxLength:"2048" stricter:"fixed" by:"software_statement_required" doc:"Where the keys of that issuer are published (RFC 7517). Where an organization above has software_statement_required, it says where."`
	StatementRequired bool     `json:"software_statement_required" stricter:"true" doc:"Whether apps register themselves with a software statement only."`
}

var policyModule = settings.Declare("client_registration", "Apps that describe themselves: agents and developer tools that no administrator registered.", Policy{Documents: []string{}, Profile: noProfile, Registration: registrationOff})

const noProfile = "none"

// profile is that of apps.Settings which apps that register themselves are held to.
func (p Policy) profile() string {
	if p.Profile == noProfile {
		return ""
	}
	return p.Profile
}

// Validate checks the fields against one another. It is called by tenants/settings.
func (p Policy) Validate() error {
	for _, entry := range p.Documents {
		if _, err := parseSource(entry); err != nil {
			return err
		}
	}
	if (p.StatementIssuer == "") != (p.StatementJWKSURI == "") {
		return errors.New("software_statement_issuer and software_statement_jwks_uri go together")
	}
	if p.StatementRequired && p.StatementIssuer == "" {
		return errors.New("software_statement_required needs software_statement_issuer")
	}
	if u, err := url.Parse(p.StatementJWKSURI); p.StatementJWKSURI != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil) {
		return errors.New("software_statement_jwks_uri is an absolute https address")
	}
	return nil
}

// source is one entry of Policy.Documents.
type source struct {
	scheme, host, path string
	below              bool // host is a suffix that begins with a dot
}

var errSource = errors.New("client_id_documents are origins such as https://app.example.com or https://*.example.com, or addresses that end with a slash; http is for this machine only")

func parseSource(s string) (source, error) {
	u, err := url.Parse(s)
	if err != nil || len(s) > 255 || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Host == "" || u.Opaque != "" || u.Path != "" && !strings.HasSuffix(u.Path, "/") ||
		u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) || strings.ToLower(u.Host) != u.Host {
		return source{}, errSource
	}
	if strings.Contains(strings.TrimPrefix(u.Host, "*."), "*") || strings.HasPrefix(u.Host, "*.") && strings.Count(u.Host, ".") < 2 {
		return source{}, errSource // *.com is everybody
	}
	host, below := strings.CutPrefix(u.Host, "*")
	return source{scheme: u.Scheme, host: host, path: u.Path, below: below}, nil
}

func (s source) covers(u *url.URL) bool {
	if u.Scheme != s.scheme || s.below && !strings.HasSuffix(u.Host, s.host) || !s.below && u.Host != s.host {
		return false
	}
	return strings.HasPrefix(u.Path, s.path)
}

// covers reports whether a document's address is on the list.
func (p Policy) covers(address string) bool {
	u, err := url.Parse(address)
	return err == nil && slices.ContainsFunc(p.Documents, func(entry string) bool {
		s, err := parseSource(entry)
		return err == nil && s.covers(u)
	})
}

// Offers says which ways an organization has for apps that describe themselves.
type Offers struct {
	Documents    bool // client ID metadata documents
	Registration bool // RFC 7591
}

// Offers returns what the metadata of an organization's base says.
func (s *Service) Offers(ctx context.Context, tenant ids.Tenant, org ids.Org) (o Offers, err error) {
	return s.offers.Get(ctx, tenant.UUID(), org.String(), func(ctx context.Context) (o Offers, err error) {
		p, err := s.policy(ctx, tenant, org)
		return Offers{Documents: len(p.Documents) > 0, Registration: p.Registration != registrationOff}, err
	})
}

func (s *Service) policy(ctx context.Context, tenant ids.Tenant, org ids.Org) (p Policy, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		p, _, err = policyModule.Resolve(ctx, tx, org)
		return err
	})
	return p, err
}

// AppIn answers whether org has an app: whether it owns it or it is shared with it, and for an app that describes itself also
// whether the organization lets such apps in.
func (s *Service) AppIn(ctx context.Context, tx db.Tx, client apps.Client, org ids.Org) (sharing.Availability, error) {
	in, err := s.Sharing.AppIn(ctx, tx, client, org)
	if err != nil || !in.Available || !client.DescribesItself() {
		return in, err
	}
	p, _, err := policyModule.Resolve(ctx, tx, org)
	if err != nil || !p.admits(client) {
		return sharing.Availability{}, err
	}
	return in, nil
}

// AppInEach returns which of the organizations AppIn finds the app available in, in two queries at most.
func (s *Service) AppInEach(ctx context.Context, tx db.Tx, client apps.Client, orgs []ids.Org) (map[ids.Org]bool, error) {
	in, err := s.Sharing.AppInEach(ctx, tx, client, orgs)
	if err != nil || len(in) == 0 || !client.DescribesItself() {
		return in, err
	}
	policies, err := policyModule.ResolveEach(ctx, tx, slices.Collect(maps.Keys(in)))
	if err != nil {
		return nil, err
	}
	for org, p := range policies {
		in[org] = in[org] && p.admits(client)
	}
	return in, nil
}

// admits reports whether an app that describes itself is let in.
func (p Policy) admits(client apps.Client) bool {
	if !client.Meets(p.profile()) {
		return false
	}
	if client.Source == apps.SourceDocument {
		return p.covers(client.ClientID)
	}
	return p.Registration != registrationOff
}

func isLoopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }
