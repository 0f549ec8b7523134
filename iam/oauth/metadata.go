package oauth

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/registration"
	"grove/infra/httpapi"
	"grove/infra/jose"
)

// metadata is the authorization server's description of itself: OpenID Connect Discovery 1.0, section 3, and RFC 8414.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	UserinfoEndpoint         string   `json:"userinfo_endpoint"`
	JWKSURI                  string   `json:"jwks_uri"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	GlobalEndpoint           string   `json:"global_token_revocation_endpoint"` // draft-parecki-oauth-global-token-revocation-06
	GlobalAuthMethods        []string `json:"global_token_revocation_endpoint_auth_methods_supported"`
	PushedEndpoint           string   `json:"pushed_authorization_request_endpoint"` // RFC 9126
	DeviceEndpoint           string   `json:"device_authorization_endpoint"`         // RFC 8628, section 4
	BackchannelEndpoint      string   `json:"backchannel_authentication_endpoint"`   // OpenID Connect CIBA Core 1.0, section 4
	EndSessionEndpoint       string   `json:"end_session_endpoint"`
	CheckSessionIframe       string   `json:"check_session_iframe"`            // Session Management 1.0, section 3.3
	RegistrationEndpoint     string   `json:"registration_endpoint,omitempty"` // RFC 7591
	ClientDocuments          bool     `json:"client_id_metadata_document_supported"`
	ScopesSupported          []string `json:"scopes_supported"`
	ResponseTypes            []string `json:"response_types_supported"`
	ResponseModes            []string `json:"response_modes_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	SubjectTypes             []string `json:"subject_types_supported"`
	IDTokenAlgs              []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs            []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs    []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs       []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	ProofAlgs                []string `json:"dpop_signing_alg_values_supported"` // RFC 9449, section 5.1
	ChallengeMethods         []string `json:"code_challenge_methods_supported"`
	Claims                   []string `json:"claims_supported"`
	ClaimTypes               []string `json:"claim_types_supported"`
	ACRValues                []string `json:"acr_values_supported"`
	Prompts                  []string `json:"prompt_values_supported"`
	ClaimsParameter          bool     `json:"claims_parameter_supported"`
	RequestParameter         bool     `json:"request_parameter_supported"`
	RequestURIParameter      bool     `json:"request_uri_parameter_supported"`
	ResponseAlgs             []string `json:"authorization_signing_alg_values_supported"`  // JARM, section 4
	RequestAlgs              []string `json:"request_object_signing_alg_values_supported"` // RFC 9101
	BackchannelLogout        bool     `json:"backchannel_logout_supported"`                // Back-Channel Logout 1.0, section 2.1
	BackchannelSession       bool     `json:"backchannel_logout_session_supported"`
	FrontchannelLogout       bool     `json:"frontchannel_logout_supported"` // Front-Channel Logout 1.0, section 3
	FrontchannelSession      bool     `json:"frontchannel_logout_session_supported"`
	DeliveryModes            []string `json:"backchannel_token_delivery_modes_supported"` // CIBA
	BackchannelRequestAlgs   []string `json:"backchannel_authentication_request_signing_alg_values_supported"`
	UserCode                 bool     `json:"backchannel_user_code_parameter_supported"`
	UserinfoAlgs             []string `json:"userinfo_signing_alg_values_supported"`
	IntrospectionAlgs        []string `json:"introspection_signing_alg_values_supported"` // RFC 9701, section 7
	IDTokenEncryption        []string `json:"id_token_encryption_alg_values_supported"`
	IDTokenEncs              []string `json:"id_token_encryption_enc_values_supported"`
	UserinfoEncryption       []string `json:"userinfo_encryption_alg_values_supported"`
	UserinfoEncs             []string `json:"userinfo_encryption_enc_values_supported"`
	IntrospectionEncryption  []string `json:"introspection_encryption_alg_values_supported"` // RFC 9701, section 7
	IntrospectionEncs        []string `json:"introspection_encryption_enc_values_supported"`
	ResponseEncryption       []string `json:"authorization_encryption_alg_values_supported"` // JARM, section 4
	ResponseEncs             []string `json:"authorization_encryption_enc_values_supported"`
	RequestEncryption        []string `json:"request_object_encryption_alg_values_supported"` // RFC 9101
	RequestEncs              []string `json:"request_object_encryption_enc_values_supported"`
	IssInResponse            bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	CertificateBound         bool     `json:"tls_client_certificate_bound_access_tokens"`     // RFC 8705, section 3.3
	Aliases                  *aliases `json:"mtls_endpoint_aliases,omitempty"`                // RFC 8705, section 5
}

// aliases are the addresses of the endpoints where clients are asked for certificates.
type aliases struct {
	TokenEndpoint         string `json:"token_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	PushedEndpoint        string `json:"pushed_authorization_request_endpoint"`
	DeviceEndpoint        string `json:"device_authorization_endpoint"`
	BackchannelEndpoint   string `json:"backchannel_authentication_endpoint"`
}

// authMethods are the ways in which clients prove who they are in this installation.
func (o Options) authMethods() []string {
	methods := []string{apps.AuthBasic, apps.AuthPost, apps.AuthNone, apps.AuthPrivateKeyJWT, apps.AuthSecretJWT}
	if o.Certificates {
		methods = append(methods, apps.AuthSelfSignedTLS)
	}
	if o.Certificates && o.ClientCAs != nil {
		methods = append(methods, apps.AuthTLS)
	}
	return methods
}

// The marks stand for the issuer, its alias, and what its apps can be told of people, in the document, which is rendered once.
const (
	aliasMark  = "https://alias.invalid"
	claimsMark = "https://claims.invalid"
	issuerMark = "https://issuer.invalid"
	scopesMark = "https://scopes.invalid"
)

// document is metadata in pieces: each a text, and the mark whose value follows it; that of the last is "".
type document []piece

type piece struct{ text, mark string }

// documents are the metadata for each of the ways in which apps may describe themselves.
func (o Options) documents() map[registration.Offers]document {
	all := map[registration.Offers]document{}
	for _, offers := range []registration.Offers{{}, {Documents: true}, {Registration: true}, {Documents: true, Registration: true}} {
		all[offers] = documentOf(o.describe(offers))
	}
	return all
}

func documentOf(text string) (d document) {
	marks := regexp.MustCompile(regexp.QuoteMeta(issuerMark) + "|" + regexp.QuoteMeta(aliasMark) + `|"` + regexp.QuoteMeta(scopesMark) + `"|"` + regexp.QuoteMeta(claimsMark) + `"`)
	text = strings.TrimSuffix(text, "}")
	from := 0
	for _, at := range marks.FindAllStringIndex(text, -1) {
		d = append(d, piece{text[from:at[0]], strings.Trim(text[at[0]:at[1]], `"`)})
		from = at[1]
	}
	return append(d, piece{text: text[from:]})
}

// describe makes the document of this installation.
func (o Options) describe(offers registration.Offers) string {
	authMethods, authAlgs := o.authMethods(), append(jose.Algs(), jose.HS256)
	var at *aliases
	if o.MTLSBaseURL != "" {
		at = &aliases{TokenEndpoint: aliasMark + "/oauth2/token", UserinfoEndpoint: aliasMark + "/oauth2/userinfo", IntrospectionEndpoint: aliasMark + "/oauth2/introspect",
			RevocationEndpoint: aliasMark + "/oauth2/revoke", PushedEndpoint: aliasMark + "/oauth2/par", DeviceEndpoint: aliasMark + "/oauth2/device_authorization", BackchannelEndpoint: aliasMark + "/oauth2/bc-authorize"}
	}
	register := ""
	if offers.Registration {
		register = issuerMark + "/oauth2/register"
	}
	raw, err := json.Marshal(metadata{
		ClientDocuments:          offers.Documents,
		RegistrationEndpoint:     register,
		Issuer:                   issuerMark,
		AuthorizationEndpoint:    issuerMark + "/oauth2/authorize",
		TokenEndpoint:            issuerMark + "/oauth2/token",
		UserinfoEndpoint:         issuerMark + "/oauth2/userinfo",
		JWKSURI:                  issuerMark + "/oauth2/jwks",
		IntrospectionEndpoint:    issuerMark + "/oauth2/introspect",
		RevocationEndpoint:       issuerMark + "/oauth2/revoke",
		GlobalEndpoint:           issuerMark + "/oauth2/global-revocation",
		GlobalAuthMethods:        []string{"Bearer", schemeDPoP},
		PushedEndpoint:           issuerMark + "/oauth2/par",
		DeviceEndpoint:           issuerMark + "/oauth2/device_authorization",
		BackchannelEndpoint:      issuerMark + "/oauth2/bc-authorize",
		EndSessionEndpoint:       issuerMark + "/oauth2/logout",
		CheckSessionIframe:       issuerMark + "/oauth2/check_session",
		ScopesSupported:          []string{scopeOfflineAccess, scopesMark},
		ResponseTypes:            apps.ResponseTypes,
		ResponseModes:            []string{modeFormPost, modeFormPost + suffixJWT, modeFragment, modeFragment + suffixJWT, modeJWT, modeQuery, modeQuery + suffixJWT},
		GrantTypes:               []string{grantAuthorizationCode, grantCIBA, grantClientCredentials, grantDeviceCode, grantImplicit, grantJWTBearer, grantOrganizationSwitch, grantPassword, grantRefreshToken, grantSAMLBearer, grantTokenExchange},
		SubjectTypes:             []string{apps.SubjectPairwise, apps.SubjectPublic},
		IDTokenAlgs:              jose.Algs(),
		TokenAuthMethods:         authMethods,
		TokenAuthAlgs:            authAlgs,
		IntrospectionAuthMethods: slices.DeleteFunc(slices.Clone(authMethods), func(m string) bool { return m == apps.AuthNone }),
		IntrospectionAuthAlgs:    authAlgs,
		RevocationAuthMethods:    authMethods,
		RevocationAuthAlgs:       authAlgs,
		ProofAlgs:                jose.Algs(),
		ChallengeMethods:         []string{methodS256},
		Claims: []string{"acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nonce", "org_handle", "org_id", "org_name", "sid", "sub",
			claimsMark},
		ClaimTypes:         []string{"normal"},
		ACRValues:          acrValues,
		ClaimsParameter:    true,
		Prompts:            []string{"consent", "login", "none", "select_account"},
		RequestParameter:   true,
		ResponseAlgs:       jose.Algs(),
		RequestAlgs:        jose.Algs(),
		UserinfoAlgs:       jose.Algs(),
		IntrospectionAlgs:  jose.Algs(),
		BackchannelLogout:  true,
		BackchannelSession: true,
		DeliveryModes:      []string{apps.DeliveryPoll, apps.DeliveryPing}, BackchannelRequestAlgs: jose.Algs(),
		FrontchannelLogout: true, FrontchannelSession: true,
		IDTokenEncryption: jose.EncryptionAlgs(), IDTokenEncs: jose.Encs(),
		UserinfoEncryption: jose.EncryptionAlgs(), UserinfoEncs: jose.Encs(),
		IntrospectionEncryption: jose.EncryptionAlgs(), IntrospectionEncs: jose.Encs(),
		ResponseEncryption: jose.EncryptionAlgs(), ResponseEncs: jose.Encs(),
		RequestEncryption: jose.DecryptionAlgs(), RequestEncs: jose.Encs(),
		IssInResponse:    true,
		CertificateBound: o.Certificates,
		Aliases:          at,
	})
	if err != nil {
		panic(err) // strings and booleans always marshal
	}
	return string(raw)
}

// render adds the document to a buffer, with the issuer, its alias, the names of scopes and claims, and more members at its end. The first
// are URLs made of a configured origin and handles: they hold nothing that JSON escapes.
func (d document) render(to []byte, issuer, alias string, names *attributes.Dialect, more []byte) []byte {
	for _, p := range d {
		to = append(to, p.text...)
		switch p.mark {
		case aliasMark:
			to = append(to, alias...)
		case claimsMark:
			to = append(to, names.ClaimNames...)
		case issuerMark:
			to = append(to, issuer...)
		case scopesMark:
			to = append(to, names.ScopeNames...)
		}
	}
	return append(append(to, more...), '}')
}

// buffers are for documents of some kilobytes, which are asked for often and made anew each time.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// discovery answers /.well-known/openid-configuration and /.well-known/oauth-authorization-server.
func (s *Service) discovery(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	offers, err := s.Registration.Offers(ctx, httpapi.TenantOf(ctx).ID, baseOrg(ctx))
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	dialect, err := s.Dialects.Dialect(ctx, httpapi.TenantOf(ctx).ID, baseOrg(ctx))
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	types, err := s.typesTold(ctx)
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	*buffer = s.documents[offers].render((*buffer)[:0], httpapi.IssuerOf(ctx).URL, s.alias(ctx), dialect, types)
	writePublic(w, *buffer)
}

// jwks answers with the tenant's public keys (RFC 7517). The next key is among them well before it signs, so that a
// copy kept for the time that we allow never lacks a key.
func (s *Service) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := s.Keys.JWKS(r.Context(), httpapi.TenantOf(r.Context()).ID)
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	writePublic(w, set)
}

func writePublic(w http.ResponseWriter, body []byte) {
	h := w.Header()
	httpapi.Cacheable(h, "public, max-age=300")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
}
