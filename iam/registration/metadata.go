package registration

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"grove/iam/apps"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// The error codes of RFC 7591, section 3.2.2.
const (
	CodeMetadata              = "invalid_client_metadata"
	CodeRedirectURI           = "invalid_redirect_uri"
	CodeStatement             = "invalid_software_statement"
	CodeStatementUnapproved   = "unapproved_software_statement"
	CodeToken                 = "invalid_token" // RFC 6750, section 3.1
	maxName                   = 100             // characters, as of an app's name
	maxShown                  = 255             // bytes of what is kept and never used
	defaultAlg                = jose.RS256      // OpenID Connect Dynamic Client Registration 1.0, section 2
	implicit                  = "implicit"      // the grant type of what comes from the authorization endpoint alone
	applicationNative         = "native"
	applicationWeb            = "web"
	maxContacts, maxResponses = 10, 7
	maxDetailsTypes           = 50 // as many as an app may ask for of an API
)

// Refusal is an answer to an app that describes itself, in the words of RFC 7591, section 3.2.2. The description is written
// here, never taken from input.
type Refusal struct {
	Code        string
	Description string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Description }

func refuse(code, description string) *Refusal { return &Refusal{Code: code, Description: description} }

// Metadata is client metadata (RFC 7591, section 2; OpenID Connect Dynamic Client Registration 1.0, section 2). Members that
// are not known are ignored.
type Metadata struct {
	encryption
	ApplicationType        string       `json:"application_type,omitempty"`
	AuthMethod             string       `json:"token_endpoint_auth_method,omitempty"`
	AuthSigningAlg         string       `json:"token_endpoint_auth_signing_alg,omitempty"`
	BackchannelLogoutURI   string       `json:"backchannel_logout_uri,omitempty"`
	BackchannelDelivery    string       `json:"backchannel_token_delivery_mode,omitempty"` // OpenID Connect CIBA Core 1.0, section 4
	BackchannelNotify      string       `json:"backchannel_client_notification_endpoint,omitempty"`
	BackchannelRequestAlg  string       `json:"backchannel_authentication_request_signing_alg,omitempty"`
	BackchannelUserCode    bool         `json:"backchannel_user_code_parameter,omitempty"`
	BackchannelSession     bool         `json:"backchannel_logout_session_required,omitempty"`
	CertificateBound       bool         `json:"tls_client_certificate_bound_access_tokens,omitempty"` // RFC 8705, section 3.4
	CertificateDN          string       `json:"tls_client_auth_subject_dn,omitempty"`                 // RFC 8705, section 2.1.2, and the four that follow
	CertificateDNS         string       `json:"tls_client_auth_san_dns,omitempty"`
	CertificateEmail       string       `json:"tls_client_auth_san_email,omitempty"`
	CertificateIP          string       `json:"tls_client_auth_san_ip,omitempty"`
	CertificateURI         string       `json:"tls_client_auth_san_uri,omitempty"`
	ClientName             string       `json:"client_name,omitempty"`
	ClientURI              string       `json:"client_uri,omitempty"`
	Contacts               []string     `json:"contacts,omitempty"`
	DetailsTypes           []string     `json:"authorization_details_types,omitempty"` // that it asks for (RFC 9396, section 10)
	DPoPBound              bool         `json:"dpop_bound_access_tokens,omitempty"`
	FrontchannelLogoutURI  string       `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelSession    bool         `json:"frontchannel_logout_session_required,omitempty"`
	GrantTypes             []string     `json:"grant_types,omitempty"`
	IDTokenAlg             string       `json:"id_token_signed_response_alg,omitempty"`
	IntrospectionAlg       string       `json:"introspection_signed_response_alg,omitempty"`
	JWKS                   *apps.JWKSet `json:"jwks,omitempty"`
	JWKSURI                string       `json:"jwks_uri,omitempty"`
	LogoURI                string       `json:"logo_uri,omitempty"`
	PolicyURI              string       `json:"policy_uri,omitempty"`
	PostLogoutRedirectURIs []string     `json:"post_logout_redirect_uris,omitempty"`
	RedirectURIs           []string     `json:"redirect_uris,omitempty"`
	RequestObjectAlg       string       `json:"request_object_signing_alg,omitempty"`
	RequirePushed          bool         `json:"require_pushed_authorization_requests,omitempty"`
	RequireSignedRequest   bool         `json:"require_signed_request_object,omitempty"`
	ResponseAlg            string       `json:"authorization_signed_response_alg,omitempty"`
	ResponseTypes          []string     `json:"response_types,omitempty"`
	SectorIdentifierURI    string       `json:"sector_identifier_uri,omitempty"`
	SoftwareID             string       `json:"software_id,omitempty"`
	SoftwareStatement      string       `json:"software_statement,omitempty"`
	SoftwareVersion        string       `json:"software_version,omitempty"`
	SubjectType            string       `json:"subject_type,omitempty"`
	TosURI                 string       `json:"tos_uri,omitempty"`
	UserinfoAlg            string       `json:"userinfo_signed_response_alg,omitempty"`
}

// encryption is [apps.Encryption] without what it does not name.
type encryption struct {
	IDTokenEncryptionAlg       string `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptionEnc       string `json:"id_token_encrypted_response_enc,omitempty"`
	IntrospectionEncryptionAlg string `json:"introspection_encrypted_response_alg,omitempty"`
	IntrospectionEncryptionEnc string `json:"introspection_encrypted_response_enc,omitempty"`
	ResponseEncryptionAlg      string `json:"authorization_encrypted_response_alg,omitempty"`
	ResponseEncryptionEnc      string `json:"authorization_encrypted_response_enc,omitempty"`
	UserinfoEncryptionAlg      string `json:"userinfo_encrypted_response_alg,omitempty"`
	UserinfoEncryptionEnc      string `json:"userinfo_encrypted_response_enc,omitempty"`
}

// rules are what an app that describes itself may be.
type rules struct {
	source      string
	authMethod  string   // where it names none
	authMethods []string // that it may name
	grantTypes  []string
	profile     string // of apps.Settings; "" for none
	sector      bool   // whether it may name an address where its sector is listed: we read that, and not for everybody
}

var (
	grantsOfPeople = []string{apps.GrantAuthorizationCode, apps.GrantDeviceCode, apps.GrantOrganizationSwitch, apps.GrantRefreshToken, implicit}

	openRules = rules{source: apps.SourceRegistered, authMethod: apps.AuthBasic,
		authMethods: []string{apps.AuthBasic, apps.AuthNone, apps.AuthPost, apps.AuthPrivateKeyJWT, apps.AuthSecretJWT, apps.AuthSelfSignedTLS, apps.AuthTLS}, grantTypes: grantsOfPeople}
	// Who was trusted with a token may register a machine, and an app that asks people from elsewhere: strangers make the server send no
	// mail. What it may do is still for an administrator to say.
	tokenRules = rules{source: apps.SourceRegistered, authMethod: openRules.authMethod, authMethods: openRules.authMethods, sector: true,
		grantTypes: append([]string{apps.GrantCIBA, apps.GrantClientCredentials}, grantsOfPeople...)}
	// A published document keeps no secret (OAuth Client ID Metadata Document, section 4.1).
	documentRules = rules{source: apps.SourceDocument, authMethod: apps.AuthNone, authMethods: []string{apps.AuthNone, apps.AuthPrivateKeyJWT}, grantTypes: grantsOfPeople}
)

// held are the rules for apps that are held to a profile.
func (r rules) held(profile string) rules {
	if profile != "" {
		r.profile, r.authMethod, r.authMethods = profile, apps.AuthPrivateKeyJWT, apps.ProfileMethods
	}
	return r
}

// demand fills in what the profile asks for and the app did not say: a server may register more than was asked for, and says so
// in its answer (RFC 7591, section 3.2.1). What contradicts the profile is refused later, as for any app.
func (m *Metadata) demand(profile string) {
	d := apps.Settings{Profile: profile}.Demands()
	if !d.Any {
		return
	}
	code := slices.Contains(m.GrantTypes, apps.GrantAuthorizationCode)
	m.CertificateBound = m.CertificateBound || d.BoundCertificate
	m.DPoPBound = m.DPoPBound || !m.CertificateBound
	m.RequirePushed = m.RequirePushed || d.Pushed && code
	m.RequireSignedRequest = m.RequireSignedRequest || d.SignedRequest && code
	if m.IDTokenAlg == "" {
		m.IDTokenAlg = jose.ES256
	}
}

// registration judges metadata by the rules and fills in what they leave out (RFC 7591, section 2).
func (m *Metadata) registration(r rules) (apps.Registration, error) {
	if err := m.complete(r); err != nil {
		return apps.Registration{}, err
	}
	stored := slices.DeleteFunc(slices.Clone(m.GrantTypes), func(g string) bool { return g == implicit })
	if len(stored) == 0 {
		stored = []string{apps.GrantAuthorizationCode} // implicit alone: response_types has no code, so none is given
	}
	return apps.Registration{
		Source: r.source, Name: m.ClientName, LogoURI: m.LogoURI, AccessURL: m.ClientURI,
		Native: m.ApplicationType == applicationNative, Public: m.AuthMethod == apps.AuthNone, GrantTypes: stored,
		Settings: apps.Settings{
			Encryption: apps.Encryption(m.encryption), Pages: apps.Pages{PolicyURI: m.PolicyURI, TosURI: m.TosURI},
			AuthMethod: m.AuthMethod, AuthSigningAlg: m.AuthSigningAlg, BackchannelDelivery: m.BackchannelDelivery, BackchannelLogoutURI: m.BackchannelLogoutURI, BackchannelNotify: m.BackchannelNotify, BackchannelRequestAlg: m.BackchannelRequestAlg, DPoPBound: m.DPoPBound, FrontchannelLogoutURI: m.FrontchannelLogoutURI,
			IDTokenAlg: m.IDTokenAlg, IntrospectionAlg: m.IntrospectionAlg, JWKS: m.JWKS, JWKSURI: m.JWKSURI,
			PostLogoutRedirectURIs: m.PostLogoutRedirectURIs, RedirectURIs: m.RedirectURIs, RequestObjectAlg: m.RequestObjectAlg,
			RequirePushed: m.RequirePushed, RequireSignedRequest: m.RequireSignedRequest, ResponseAlg: m.ResponseAlg, ResponseTypes: m.ResponseTypes,
			SectorIdentifierURI: m.SectorIdentifierURI, SubjectType: m.SubjectType, UserinfoAlg: m.UserinfoAlg, Profile: r.profile,
			CertificateBound: m.CertificateBound, CertificateDN: m.CertificateDN, CertificateDNS: m.CertificateDNS, CertificateEmail: m.CertificateEmail, CertificateIP: m.CertificateIP, CertificateURI: m.CertificateURI,
		},
	}, nil
}

func (m *Metadata) complete(r rules) error {
	fill := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{apps.GrantAuthorizationCode}
	}
	m.demand(r.profile)
	fill(&m.ApplicationType, applicationWeb)
	fill(&m.AuthMethod, r.authMethod)
	fill(&m.IDTokenAlg, defaultAlg)
	fill(&m.SubjectType, apps.SubjectPublic)
	m.ClientName = m.name()
	for i, types := range m.ResponseTypes {
		words := strings.Fields(types)
		slices.Sort(words)
		m.ResponseTypes[i] = strings.Join(words, " ")
	}
	if len(m.ResponseTypes) == 0 && slices.Contains(m.GrantTypes, apps.GrantAuthorizationCode) {
		m.ResponseTypes = []string{"code"}
	}
	if m.ApplicationType == applicationWeb && m.AuthMethod == apps.AuthNone && slices.ContainsFunc(m.RedirectURIs, isPrivate) {
		m.ApplicationType = applicationNative // libraries of native apps leave it out
	}
	for _, rule := range []struct {
		member string
		good   bool
		detail string
	}{
		{"application_type", slices.Contains([]string{applicationNative, applicationWeb}, m.ApplicationType), "web or native"},
		{"token_endpoint_auth_method", slices.Contains(r.authMethods, m.AuthMethod), "one of " + strings.Join(r.authMethods, ", ")},
		{"grant_types", all(m.GrantTypes, r.grantTypes), "of " + strings.Join(r.grantTypes, ", ")},
		{"response_types", len(m.ResponseTypes) <= maxResponses && all(m.ResponseTypes, apps.Registrable), "of " + strings.Join(apps.Registrable, ", ")},
		{"response_types", m.agrees(), "those that go with grant_types (RFC 7591, section 2.1)"},
		{"subject_type", m.SubjectType == apps.SubjectPairwise || m.SubjectType == apps.SubjectPublic, "pairwise or public"},
		{"sector_identifier_uri", m.SectorIdentifierURI == "" || r.sector, "left out, unless the app registers with a token"},
		{"backchannel_token_delivery_mode", slices.Contains([]string{"", apps.DeliveryPing, apps.DeliveryPoll}, m.BackchannelDelivery), "poll or ping"},
		{"backchannel_authentication_request_signing_alg", m.BackchannelRequestAlg == "" || isAlg(m.BackchannelRequestAlg), anAlg},
		{"backchannel_user_code_parameter", !m.BackchannelUserCode, "false: user codes are not supported"},
		{"id_token_signed_response_alg", isAlg(m.IDTokenAlg), anAlg},
		{"token_endpoint_auth_signing_alg", m.AuthSigningAlg == "" || m.AuthSigningAlg == jose.HS256 || isAlg(m.AuthSigningAlg), anAlg + ", or HS256 with client_secret_jwt"},
		{"request_object_signing_alg", m.RequestObjectAlg == "" || isAlg(m.RequestObjectAlg), anAlg},
		{"authorization_signed_response_alg", m.ResponseAlg == "" || isAlg(m.ResponseAlg), anAlg},
		{"userinfo_signed_response_alg", m.UserinfoAlg == "" || isAlg(m.UserinfoAlg), anAlg},
		{"introspection_signed_response_alg", m.IntrospectionAlg == "" || isAlg(m.IntrospectionAlg), anAlg},
		{"redirect_uris", len(m.RedirectURIs) <= 50, "50 at the most"},
		{"post_logout_redirect_uris", len(m.PostLogoutRedirectURIs) <= 50, "50 at the most"},
		{"jwks", m.JWKS == nil || len(m.JWKS.Keys) >= 1 && len(m.JWKS.Keys) <= 10, "one to ten keys"},
		{"authorization_details_types", len(m.DetailsTypes) <= maxDetailsTypes && !slices.ContainsFunc(m.DetailsTypes, isLong), "50 short texts at the most"},
		{"contacts", len(m.Contacts) <= maxContacts && !slices.ContainsFunc(m.Contacts, isLong), "ten short texts at the most"},
		{"software_id", !isLong(m.SoftwareID), "a short text"},
		{"software_version", !isLong(m.SoftwareVersion), "a short text"},
		{"policy_uri", isPage(m.PolicyURI), "an absolute https address"},
		{"tos_uri", isPage(m.TosURI), "an absolute https address"},
	} {
		if !rule.good {
			return refuse(CodeMetadata, rule.member+" has to be "+rule.detail+".")
		}
	}
	return nil
}

// agrees reports whether what an app gets from one endpoint is what it may bring to the other (RFC 7591, section 2.1).
func (m *Metadata) agrees() bool {
	for _, types := range m.ResponseTypes {
		words := strings.Fields(types)
		if slices.Contains(words, "code") && !slices.Contains(m.GrantTypes, apps.GrantAuthorizationCode) ||
			(slices.Contains(words, "token") || slices.Contains(words, "id_token")) && !slices.Contains(m.GrantTypes, implicit) {
			return false
		}
	}
	return true
}

// name is the name that people see. What cannot be printed is left out: who registers picks it.
func (m *Metadata) name() string {
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, m.ClientName))
	if name == "" {
		name = "Unnamed application"
	}
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	return name
}

// metadataOf turns what is stored back into metadata. kept is what of it no app has.
func metadataOf(v apps.VersionedApp, kept Metadata) Metadata {
	o := v.OIDC
	m := Metadata{
		encryption: encryption(o.Encryption), ApplicationType: kept.ApplicationType, AuthMethod: o.AuthMethod, AuthSigningAlg: o.AuthSigningAlg, BackchannelLogoutURI: o.BackchannelLogoutURI,
		BackchannelSession: kept.BackchannelSession, ClientName: v.Name, ClientURI: v.AccessURL, Contacts: kept.Contacts, DetailsTypes: kept.DetailsTypes, DPoPBound: o.DPoPBound,
		FrontchannelLogoutURI: o.FrontchannelLogoutURI, FrontchannelSession: kept.FrontchannelSession, GrantTypes: o.GrantTypes,
		IDTokenAlg: o.IDTokenAlg, IntrospectionAlg: o.IntrospectionAlg, JWKS: o.JWKS, JWKSURI: o.JWKSURI, LogoURI: v.LogoURI, PolicyURI: o.PolicyURI,
		PostLogoutRedirectURIs: o.PostLogoutRedirectURIs, RedirectURIs: o.RedirectURIs, RequestObjectAlg: o.RequestObjectAlg, RequirePushed: o.RequirePushed,
		RequireSignedRequest: o.RequireSignedRequest, ResponseAlg: o.ResponseAlg, ResponseTypes: o.ResponseTypes, SoftwareID: kept.SoftwareID,
		SoftwareStatement: kept.SoftwareStatement, SoftwareVersion: kept.SoftwareVersion, SectorIdentifierURI: o.SectorIdentifierURI, SubjectType: o.SubjectType, TosURI: o.TosURI, UserinfoAlg: o.UserinfoAlg,
	}
	m.CertificateBound, m.CertificateDN, m.CertificateDNS, m.CertificateEmail, m.CertificateIP, m.CertificateURI = o.CertificateBound, o.CertificateDN, o.CertificateDNS, o.CertificateEmail, o.CertificateIP, o.CertificateURI
	m.BackchannelNotify, m.BackchannelRequestAlg = o.BackchannelNotify, o.BackchannelRequestAlg
	if slices.Contains(o.GrantTypes, apps.GrantCIBA) {
		m.BackchannelDelivery = o.BackchannelDelivery
	}
	if slices.ContainsFunc(m.ResponseTypes, func(t string) bool { return t != "code" }) {
		m.GrantTypes = append(slices.Clone(m.GrantTypes), implicit)
	}
	return m
}

// asRefusal turns a broken rule of an app's settings into one for the wire.
func asRefusal(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Fields) == 0 {
		return err
	}
	pointer := strings.TrimPrefix(f.Fields[0].Pointer, "/")
	member, index, _ := strings.Cut(pointer, "/")
	code, where := CodeMetadata, member
	switch member {
	case "name":
		where = "client_name"
	case "access_url":
		where = "client_uri"
	case "redirect_uris":
		code = CodeRedirectURI
	}
	if n, err := strconv.Atoi(index); err == nil {
		where += " (number " + strconv.Itoa(n+1) + ")"
	}
	return refuse(code, where+": "+f.Fields[0].Detail)
}

var anAlg = "one of " + strings.Join(jose.Algs(), ", ")

func isAlg(s string) bool { return slices.Contains(jose.Algs(), s) }

func isLong(s string) bool { return len(s) > maxShown }

// isPrivate reports whether a redirect URI is one that only a native app has (RFC 8252, section 7).
func isPrivate(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Scheme != "https" && u.Scheme != "http" || u.Scheme == "http" && isLoopback(u.Hostname()))
}

func isPage(s string) bool {
	u, err := url.Parse(s)
	return s == "" || err == nil && len(s) <= 2048 && u.Scheme == "https" && u.Host != "" && u.User == nil
}

func all(these, of []string) bool {
	return !slices.ContainsFunc(these, func(s string) bool { return !slices.Contains(of, s) })
}
