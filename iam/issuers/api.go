package issuers

import (
	"context"
	"slices"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

// CreateTokenIssuerRequest says whom an organization begins to trust.
type CreateTokenIssuerRequest struct {
	Name            string           `json:"name" minLength:"1" maxLength:"100" doc:"What the organization calls the issuer." example:"Build farm"`
	Format          string           `json:"format,omitempty" enum:"jwt,saml" default:"jwt" doc:"What its assertions are: JWTs (RFC 7523) or SAML 2.0 assertions (RFC 7522). It stays." example:"jwt"`
	Issuer          string           `json:"issuer" minLength:"1" maxLength:"1024" doc:"What its assertions have as iss, or the entity ID in their Issuer, compared byte by byte. An issuer outside of this installation." example:"https://idp.example"`
	Certificates    []string         `json:"certificates,omitempty" maxItems:"10" doc:"The certificates of a SAML issuer's signing keys, as PEM or as the base64 that metadata has; stored and shown as base64. Of a certificate its key counts, not its dates: what is not to be trusted any more is taken away." example:"[]"`
	Audiences       []string         `json:"audiences,omitempty" maxItems:"20" doc:"What aud may name besides the organization's own issuer and token endpoint. An assertion with any other audience is refused." example:"[\"0oa1grove\"]"`
	JWKS            *apps.JWKSet     `json:"jwks,omitempty" doc:"The public keys of an issuer of JWTs; one of jwks and jwks_uri."`
	JWKSURI         string           `json:"jwks_uri,omitempty" maxLength:"2048" doc:"Where it publishes its keys (RFC 7517), read again every few minutes." example:"https://idp.example/jwks.json"`
	LifetimeSeconds int              `json:"max_lifetime_seconds,omitempty" minimum:"60" maximum:"86400" default:"3600" doc:"The longest time that an assertion may still have before it expires. One that lives longer is refused." example:"3600"`
	SigningAlg      string           `json:"signing_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How assertions must be signed; empty for any of these." example:"RS256"`
	SubjectClaim    string           `json:"subject_claim,omitempty" minLength:"1" maxLength:"100" doc:"The claim that says whom an assertion is about, a text; sub unless it is given. Of a SAML assertion NameID, which is what it is unless it is given, or the Name of an attribute with one value." example:"sub"`
	SubjectMatch    string           `json:"subject_match" enum:"email,mapping,user_id,username" doc:"What that claim is of a person whose resident organization this is: a verified address (a JWT must have email_verified, too; for a SAML issuer you say that its addresses are), the username, the identifier here, or a value that subjects maps." example:"username"`
	Subjects        []SubjectMapping `json:"subjects,omitempty" maxItems:"200" doc:"Who is meant by which value, where subject_match is mapping." example:"[]"`
}

// UpdateTokenIssuerRequest is a merge patch of what an organization believes of an issuer.
type UpdateTokenIssuerRequest struct {
	Name            *string           `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"What the organization calls the issuer." example:"Build farm"`
	Enabled         *bool             `json:"enabled,omitempty" doc:"Whether its assertions are taken. Disabling ends what was issued by them." example:"true"`
	Issuer          *string           `json:"issuer,omitempty" minLength:"1" maxLength:"1024" doc:"What its assertions have as iss." example:"https://idp.example"`
	Audiences       *[]string         `json:"audiences,omitempty" maxItems:"20" doc:"What aud may name besides the organization's own issuer and token endpoint; all from now on." example:"[\"0oa1grove\"]"`
	Certificates    *[]string         `json:"certificates,omitempty" maxItems:"10" doc:"All certificates of a SAML issuer's keys from now on." example:"[]"`
	JWKS            *apps.JWKSet      `json:"jwks,omitempty" doc:"All public keys of the issuer from now on. Takes the place of jwks_uri."`
	JWKSURI         *string           `json:"jwks_uri,omitempty" maxLength:"2048" doc:"Where it publishes its keys. Takes the place of jwks." example:"https://idp.example/jwks.json"`
	LifetimeSeconds *int              `json:"max_lifetime_seconds,omitempty" minimum:"60" maximum:"86400" doc:"The longest time that an assertion may still have before it expires." example:"3600"`
	SigningAlg      *string           `json:"signing_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How assertions must be signed; empty for any of these." example:"RS256"`
	SubjectClaim    *string           `json:"subject_claim,omitempty" minLength:"1" maxLength:"100" doc:"The claim that says whom an assertion is about." example:"sub"`
	SubjectMatch    *string           `json:"subject_match,omitempty" enum:"email,mapping,user_id,username" doc:"What that claim is of the person." example:"username"`
	Subjects        *[]SubjectMapping `json:"subjects,omitempty" maxItems:"200" doc:"Who is meant by which value, all from now on." example:"[]"`
}

// TokenIssuer is an issuer whose assertions an organization takes for its people.
type TokenIssuer struct {
	ID      ids.Connection `json:"id" doc:"The issuer's identifier."`
	Name    string         `json:"name" doc:"What the organization calls it." example:"Build farm"`
	Format  string         `json:"format" doc:"What its assertions are: jwt (RFC 7523) or saml (RFC 7522)." example:"jwt"`
	Issuer  string         `json:"issuer" doc:"What its assertions have as iss." example:"https://idp.example"`
	Enabled bool           `json:"enabled" doc:"Whether its assertions are taken." example:"true"`
	Trust
	CreatedAt      time.Time `json:"created_at" doc:"When it was registered." example:"2026-11-23T09:00:00Z"`
	UpdatedAt      time.Time `json:"updated_at" doc:"When it was last changed." example:"2026-11-23T09:00:00Z"`
	AllowedActions []string  `json:"allowed_actions,omitzero" doc:"What the caller may do: delete, update. In single representations only."`
}

// Versioned is an issuer with its version.
type Versioned struct {
	TokenIssuer
	Version int64
}

func (in CreateTokenIssuerRequest) trust() Trust {
	t := Trust{Audiences: in.Audiences, Certificates: in.Certificates, JWKS: in.JWKS, JWKSURI: in.JWKSURI, LifetimeSeconds: in.LifetimeSeconds, SigningAlg: in.SigningAlg,
		SubjectClaim: in.SubjectClaim, SubjectMatch: in.SubjectMatch, Subjects: in.Subjects}
	if t.LifetimeSeconds == 0 {
		t.LifetimeSeconds = defaultLifetime
	}
	if t.SubjectClaim == "" {
		if t.SubjectClaim = subjectSub; in.Format == FormatSAML {
			t.SubjectClaim = SubjectNameID
		}
	}
	return t
}

// apply changes what a request names, and returns the names.
func (in UpdateTokenIssuerRequest) apply(r *row) (fields []string, err error) {
	t := &r.Trust
	if in.Name != nil {
		fields = append(fields, "name")
		if r.Name, r.NameKey, err = cleanName(*in.Name); err != nil {
			return nil, err
		}
	}
	if in.JWKS != nil {
		fields, t.JWKS, t.JWKSURI = append(fields, "jwks"), in.JWKS, ""
	}
	if in.JWKSURI != nil && (in.JWKS == nil || *in.JWKSURI != "") {
		fields, t.JWKSURI = append(fields, "jwks_uri"), *in.JWKSURI
		if in.JWKS == nil {
			t.JWKS = nil
		}
	}
	fields = set(fields, "enabled", &r.Enabled, in.Enabled)
	fields = set(fields, "issuer", &r.Issuer, in.Issuer)
	fields = set(fields, "max_lifetime_seconds", &t.LifetimeSeconds, in.LifetimeSeconds)
	fields = set(fields, "signing_alg", &t.SigningAlg, in.SigningAlg)
	fields = set(fields, "subject_claim", &t.SubjectClaim, in.SubjectClaim)
	fields = set(fields, "subject_match", &t.SubjectMatch, in.SubjectMatch)
	if in.Certificates != nil {
		fields, t.Certificates = append(fields, "certificates"), slices.Clone(*in.Certificates)
	}
	if in.Audiences != nil {
		fields, t.Audiences = append(fields, "audiences"), list.Distinct(*in.Audiences)
	}
	if in.Subjects != nil {
		fields, t.Subjects = append(fields, "subjects"), *in.Subjects
	}
	return fields, nil
}

func set[T any](fields []string, name string, to, from *T) []string {
	if from == nil {
		return fields
	}
	*to = *from
	return append(fields, name)
}

func (r row) view() TokenIssuer {
	return TokenIssuer{ID: r.ID, Name: r.Name, Format: r.Format, Issuer: r.Issuer, Enabled: r.Enabled, Trust: r.Trust, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

func (r row) brief() TokenIssuer {
	r.Trust.Certificates, r.Trust.JWKS, r.Trust.Subjects = nil, nil, nil
	return r.view()
}

func (r row) versioned() Versioned { return Versioned{r.view(), r.Version} }

// IssuerPath names an issuer that an organization trusts.
type IssuerPath struct {
	httpapi.OrgPath
	Issuer ids.Connection `path:"issuer" doc:"The issuer." example:"con_01j4x5t00070008000000000g4"`
}

type (
	listInput struct {
		httpapi.OrgPath
		httpapi.PageQuery
	}
	createInput struct {
		httpapi.OrgPath
		Body CreateTokenIssuerRequest
	}
	updateInput struct {
		IssuerPath
		httpapi.Match
		Body UpdateTokenIssuerRequest
	}
	deleteInput struct {
		IssuerPath
		httpapi.Match
	}
)

func (s *Service) routes(a *httpapi.API) {
	const tag, path = "Connections", "/v1/orgs/{org}/token-issuers"
	const above = " Only somebody who holds every permission in the organization, with reach subtree, does this (role.above_granter): the issuer can speak for everybody there."
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[TokenIssuer]]]{ID: "listTokenIssuers", Method: "GET", Path: path, Tag: tag, Status: 200, Needs: permRead,
		Summary: "List trusted token issuers", Description: "Whose assertions the organization takes for its people, by name, without keys and mappings."}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[TokenIssuer]]{ID: "createTokenIssuer", Method: "POST", Path: path, Tag: tag, Status: 201, Needs: permWrite,
		Summary:     "Trust a token issuer",
		Description: "Lets apps with the grant type urn:ietf:params:oauth:grant-type:jwt-bearer (RFC 7523) or urn:ietf:params:oauth:grant-type:saml2-bearer (RFC 7522), or token exchange, bring the issuer's assertions to the organization's token endpoint and act for the people whom they are about: residents of this organization." + above,
		Errors:      []fault.Code{errDuplicate, errNameTaken, errNobody, errTooMany, fault.CodeAboveGranter}, Replay: s.replay}, s.create)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[TokenIssuer]]{ID: "getTokenIssuer", Method: "GET", Path: path + "/{issuer}", Tag: tag, Status: 200, Needs: permRead,
		Summary: "Read a trusted token issuer", Description: "With its keys, and whom it means by which subject."}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[TokenIssuer]]{ID: "updateTokenIssuer", Method: "PATCH", Path: path + "/{issuer}", Tag: tag, Status: 200, Needs: permWrite,
		Summary:     "Change a trusted token issuer",
		Description: "A JSON merge patch. Any change but that of the name ends what was issued by it so far." + above,
		Errors:      []fault.Code{errDuplicate, errNameTaken, errNobody, fault.CodeAboveGranter}, MatchRequired: true}, s.update)
	httpapi.Handle(a, httpapi.Route[httpapi.None]{ID: "deleteTokenIssuer", Method: "DELETE", Path: path + "/{issuer}", Tag: tag, Status: 204, Needs: permWrite,
		Summary: "Trust a token issuer no longer", Description: "Ends everything that was issued by its assertions." + above, Errors: []fault.Code{fault.CodeAboveGranter}, MatchRequired: true}, s.delete)
}

func out(c *httpapi.Call, v Versioned, err error) (*httpapi.Entity[TokenIssuer], error) {
	if err != nil {
		return nil, err
	}
	v.AllowedActions = c.Allowed(map[string]perm.Permission{"delete": permWrite, "update": permWrite})
	return httpapi.Versioned(v.TokenIssuer, v.Version), nil
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *listInput) (*httpapi.Out[page.Of[TokenIssuer]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	result, err := s.List(ctx, c.Tenant.ID, c.Org.ID, req)
	if err != nil {
		return nil, err
	}
	return httpapi.List(c, result), nil
}

func (s *Service) create(ctx context.Context, c *httpapi.Call, in *createInput) (*httpapi.Entity[TokenIssuer], error) {
	v, err := s.Create(ctx, c.Tenant.ID, c.Org.ID, in.Body)
	return out(c, v, err)
}

func (s *Service) replay(ctx context.Context, c *httpapi.Call, subject string) (*httpapi.Entity[TokenIssuer], error) {
	var id ids.Connection
	if err := id.UnmarshalText([]byte(subject)); err != nil {
		return nil, err
	}
	v, err := s.Load(ctx, c.Tenant.ID, c.Org.ID, id)
	return out(c, v, err)
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *IssuerPath) (*httpapi.Entity[TokenIssuer], error) {
	v, err := s.Load(ctx, c.Tenant.ID, c.Org.ID, in.Issuer)
	return out(c, v, err)
}

func (s *Service) update(ctx context.Context, c *httpapi.Call, in *updateInput) (*httpapi.Entity[TokenIssuer], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	v, err := s.Update(ctx, c.Tenant.ID, c.Org.ID, in.Issuer, version, in.Body)
	return out(c, v, err)
}

func (s *Service) delete(ctx context.Context, c *httpapi.Call, in *deleteInput) (*httpapi.None, error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return &httpapi.None{}, s.Delete(ctx, c.Tenant.ID, c.Org.ID, in.Issuer, version)
}
