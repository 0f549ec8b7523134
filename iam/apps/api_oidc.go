package apps

import (
	"context"
	"time"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

// UpdateAppOIDCRequest is a merge patch of an app's OAuth 2.0 and OpenID Connect settings.
type UpdateAppOIDCRequest struct {
	AttributesPatch
	EncryptionPatch
	PagesPatch
	TokenPatch
	RedirectURIs           *[]string `json:"redirect_uris,omitempty" maxItems:"50" doc:"All redirect URIs from now on; compared exactly." example:"[\"https://app.example.com/callback\"]"`
	PostLogoutRedirectURIs *[]string `json:"post_logout_redirect_uris,omitempty" maxItems:"50" doc:"All addresses after sign-out from now on; compared exactly." example:"[\"https://app.example.com/\"]"`
	AllowedOrigins         *[]string `json:"allowed_origins,omitempty" maxItems:"50" doc:"All browser origins (CORS) from now on." example:"[\"https://app.example.com\"]"`
	GrantTypes             *[]string `json:"grant_types,omitempty" minItems:"1" maxItems:"10" enum:"authorization_code,client_credentials,organization_switch,password,refresh_token,urn:ietf:params:oauth:grant-type:device_code,urn:ietf:params:oauth:grant-type:jwt-bearer,urn:ietf:params:oauth:grant-type:saml2-bearer,urn:ietf:params:oauth:grant-type:token-exchange,urn:openid:params:grant-type:ciba" doc:"All grant types from now on. client_credentials and urn:openid:params:grant-type:ciba (backchannel authentication) are for confidential clients; refresh_token goes with authorization_code, a device's code (RFC 8628), ciba or password; password (RFC 6749, section 4.3) is for old apps that cannot send people to a browser: the app sees the password, and RFC 9700, section 2.4, says that it must not be used; token exchange (RFC 8693) and assertions of trusted token issuers (jwt-bearer, RFC 7523; saml2-bearer, RFC 7522) are not for spa apps." example:"[\"authorization_code\",\"refresh_token\"]"`
	AccessTokenFormat      *string   `json:"access_token_format,omitempty" enum:"jwt,opaque" doc:"jwt: APIs check access tokens by themselves (RFC 9068), and the app can read them. opaque: nobody but the server reads them, and APIs ask introspection about each. Tokens that are out stay what they are." example:"jwt"`
	AccessTokenSeconds     *int      `json:"access_token_seconds,omitempty" minimum:"0" maximum:"86400" doc:"Lifetime of access tokens; 0 is the installation's default." example:"3600"`
	RefreshTokenSeconds    *int      `json:"refresh_token_seconds,omitempty" minimum:"0" maximum:"31536000" doc:"Lifetime of refresh tokens; 0 is the installation's default." example:"86400"`
	AssertionReuse         *bool     `json:"assertion_reuse,omitempty" doc:"Whether a client assertion (RFC 7523) works again until it expires: for clients that keep one. A thief's works as well." example:"false"`
	AuthMethod             *string   `json:"token_endpoint_auth_method,omitempty" enum:"client_secret,client_secret_basic,client_secret_jwt,client_secret_post,none,private_key_jwt,self_signed_tls_client_auth,tls_client_auth" doc:"How the app proves who it is at every endpoint; nothing else is taken. client_secret is the secret in header or body; client_secret_jwt signs an assertion with a secret that is made after this is set, because the server has to keep it (sealed); none is for public clients, and the only one for them. By TLS certificate (RFC 8705): self_signed_tls_client_auth with a key of jwks or jwks_uri, tls_client_auth with a name that one of the installation's authorities has certified." example:"private_key_jwt"`
	AuthSigningAlg         *string   `json:"token_endpoint_auth_signing_alg,omitempty" enum:",ES256,EdDSA,HS256,PS256,RS256" doc:"How assertions must be signed; empty for any of these that goes with the method: HS256 with client_secret_jwt, the others with private_key_jwt." example:"ES256"`
	BackchannelLogoutURI   *string   `json:"backchannel_logout_uri,omitempty" maxLength:"2048" doc:"Where the app is told that a session is over (OpenID Connect Back-Channel Logout 1.0), whatever ended it; empty for nowhere." example:"https://app.example.com/backchannel-logout"`
	BackchannelDelivery    *string   `json:"backchannel_token_delivery_mode,omitempty" enum:"ping,poll" doc:"How the app learns that a person has answered its backchannel request (OpenID Connect CIBA Core 1.0, section 5). poll: it asks the token endpoint again. ping: it is told at backchannel_client_notification_endpoint, and asks then." example:"poll"`
	BackchannelNotify      *string   `json:"backchannel_client_notification_endpoint,omitempty" maxLength:"2048" doc:"Where an app with the mode ping is told that a person has answered; empty for nowhere." example:"https://app.example.com/ciba"`
	BackchannelRequestAlg  *string   `json:"backchannel_authentication_request_signing_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How the app's backchannel requests have to be signed, with one of its keys; empty: they need not be, and a signed one may be by any of these." example:"ES256"`
	FrontchannelLogoutURI  *string   `json:"frontchannel_logout_uri,omitempty" maxLength:"2048" doc:"What the browser opens in a frame, with iss and sid, when the person signs out there (OpenID Connect Front-Channel Logout 1.0); at the origin of a redirect URI; empty for nothing. Browsers that keep other sites' cookies out of frames make it useless: the back channel always works." example:"https://app.example.com/frontchannel-logout"`
	IDTokenSeconds         *int      `json:"id_token_seconds,omitempty" minimum:"0" maximum:"86400" doc:"Lifetime of ID tokens; 0: that of access tokens." example:"3600"`
	IDTokenAlg             *string   `json:"id_token_alg,omitempty" enum:"ES256,EdDSA,PS256,RS256" doc:"How ID tokens are signed (id_token_signed_response_alg)." example:"ES256"`
	JWKS                   *JWKSet   `json:"jwks,omitempty" doc:"All public keys of the app from now on, with which its assertions and request objects are verified, and to which what it is told is encrypted. Takes the place of jwks_uri. A key that is taken out ends what was issued so far."`
	JWKSURI                *string   `json:"jwks_uri,omitempty" maxLength:"2048" doc:"Where the app publishes its keys (RFC 7517), read again every few minutes; empty for nowhere. Takes the place of jwks." example:"https://app.example.com/jwks.json"`
	CertificateBound       *bool     `json:"tls_client_certificate_bound_access_tokens,omitempty" doc:"Whether the app's tokens are bound to the TLS certificate that it shows, so that a stolen token is of no use (RFC 8705, section 3)." example:"false"`
	CertificateDN          *string   `json:"tls_client_auth_subject_dn,omitempty" maxLength:"1024" doc:"Whole subject of the certificate for tls_client_auth, as RFC 4514 writes it: the last part first, no space between the parts. Exactly one of the five is set for that method." example:"CN=payments,O=Example,C=DE"`
	CertificateDNS         *string   `json:"tls_client_auth_san_dns,omitempty" maxLength:"253" doc:"DNS name among the certificate's alternative names; a wildcard there is no match for others." example:"client.example.com"`
	CertificateEmail       *string   `json:"tls_client_auth_san_email,omitempty" maxLength:"320" doc:"E-mail address among the certificate's alternative names." example:"client@example.com"`
	CertificateIP          *string   `json:"tls_client_auth_san_ip,omitempty" maxLength:"45" doc:"IP address among the certificate's alternative names." example:"192.0.2.7"`
	CertificateURI         *string   `json:"tls_client_auth_san_uri,omitempty" maxLength:"2048" doc:"URI among the certificate's alternative names." example:"spiffe://example.com/client"`
	PKCEOptional           *bool     `json:"pkce_optional,omitempty" doc:"Whether authorization requests may leave PKCE out (RFC 7636): for old libraries of confidential clients only." example:"false"`
	PKCEPlain              *bool     `json:"pkce_plain,omitempty" doc:"Whether the PKCE method plain is taken besides S256: for clients that cannot hash." example:"false"`
	Profile                *string   `json:"profile,omitempty" enum:",fapi1_advanced,fapi2_security,fapi2_message_signing" doc:"A security profile of the OpenID Foundation that the app is held to: its other settings have to comply, and so has every request. Financial-grade API 1.0 Part 2 Advanced, FAPI 2.0 Security Profile, or that with FAPI 2.0 Message Signing. Choosing one ends what was issued before." example:""`
	ExchangeAudiences      *[]string `json:"token_exchange_audiences,omitempty" maxItems:"50" doc:"Identifiers of the APIs that the app serves, all from now on; each is one that its own organization defines. It may exchange people's tokens that were made for them (RFC 8693)." example:"[\"https://api.example.com\"]"`
	DPoPBound              *bool     `json:"dpop_bound_access_tokens,omitempty" doc:"Whether the app has to bind its tokens to a key that it proves to hold, so that a stolen token is of no use (RFC 9449)." example:"false"`
	DPoPNonce              *bool     `json:"require_dpop_nonce,omitempty" doc:"Whether its proofs at the token endpoint need a nonce of the server's, so that none can be made in advance (RFC 9449, section 8)." example:"false"`
	RequestObjectAlg       *string   `json:"request_object_signing_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How request objects must be signed; empty for any of these." example:"ES256"`
	RequireSignedRequest   *bool     `json:"require_signed_request_object,omitempty" doc:"Whether the app has to sign its authorization requests with one of its keys, so that nobody on their way can change them (RFC 9101)." example:"false"`
	RequirePushed          *bool     `json:"require_pushed_authorization_requests,omitempty" doc:"Whether the app has to push its authorization requests to the server before it sends the browser there (RFC 9126)." example:"false"`
	ResponseTypes          *[]string `json:"response_types,omitempty" minItems:"1" maxItems:"9" enum:"code,code id_token,code id_token token,code token,id_token,id_token subject_token,id_token token,subject_token,token" doc:"What authorization responses may bring. All from now on. Each but code sends tokens through the browser, where histories and scripts can find them (RFC 9700, section 2.1.2)." example:"[\"code\"]"`
	ResponseAlg            *string   `json:"authorization_signed_response_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How authorization responses are signed where the app asks for signed ones (JARM); empty: as its ID tokens are." example:"ES256"`
	UserClaimsInIDToken    *bool     `json:"user_claims_in_id_token,omitempty" doc:"Whether ID tokens have the claims of the scopes, such as name and email, where an access token comes along: for libraries that do not ask the userinfo endpoint, from which OpenID Connect Core 1.0, section 5.4, wants them then. An ID token also goes through browsers' addresses, as id_token_hint." example:"false"`
	UserinfoAlg            *string   `json:"userinfo_signed_response_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How answers of the userinfo endpoint are signed; empty: not at all, as JSON." example:"ES256"`
	IntrospectionAlg       *string   `json:"introspection_signed_response_alg,omitempty" enum:",ES256,EdDSA,PS256,RS256" doc:"How answers about tokens are signed where the app asks for signed ones (RFC 9701); empty: as its ID tokens are." example:"ES256"`
	SectorIdentifierURI    *string   `json:"sector_identifier_uri,omitempty" maxLength:"2048" doc:"An https address with a JSON array of the redirect URIs of all apps that are to know people by the same sub; it is read now, and has to list those of the app. Its host is the sector. Empty: the sector is the host of the app's redirect URIs." example:"https://example.com/sector.json"`
	SubjectType            *string   `json:"subject_type,omitempty" enum:"pairwise,public" doc:"public: sub is one for all apps. pairwise: apps of other sectors get another sub for the same person, so that they cannot compare notes (OpenID Connect Core 1.0, section 8). A change of it, or of the sector, ends what was issued before, and the app knows nobody again." example:"public"`
	SkipConsent            *bool     `json:"skip_consent,omitempty" doc:"Whether people are not asked: for the owner's own apps." example:"false"`
}

// AppOIDC is an app's OAuth 2.0 and OpenID Connect settings.
type AppOIDC struct {
	Settings
	ClientID       string   `json:"client_id" doc:"The app's name in OAuth." example:"k3v5mq2n7x4h6t8w9y2z5b7d3f"`
	ClientType     string   `json:"client_type" doc:"public or confidential; public clients use PKCE." example:"confidential"`
	AllowedOrigins []string `json:"allowed_origins" doc:"Browser origins that may call us (CORS)." example:"[\"https://app.example.com\"]"`
	DetailsTypes   []string `json:"authorization_details_types" doc:"The authorization details types that the app may ask for (RFC 9396, section 10), of all the APIs that it is authorized for." example:"[\"payment_initiation\"]"`
	GrantTypes     []string `json:"grant_types" doc:"The grant types that the app may use." example:"[\"authorization_code\"]"`

	DefaultAccessSeconds  int `json:"default_access_token_seconds" doc:"The installation's lifetime of access tokens: what an access_token_seconds of 0 comes to." example:"900"`
	DefaultRefreshSeconds int `json:"default_refresh_token_seconds" doc:"The installation's lifetime of refresh tokens: what a refresh_token_seconds of 0 comes to." example:"2592000"`
}

type updateAppOIDCInput struct {
	AppPath
	httpapi.Match
	Body UpdateAppOIDCRequest
}

func (s *Service) oidcRoutes(a *httpapi.API) {
	const path = "/v1/orgs/{org}/apps/{app}/oidc"
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AppOIDC]]{ID: "getAppOIDC", Method: "GET", Path: path, Tag: tagApps, Status: 200, Needs: PermRead,
		Summary: "Read an app's OAuth settings", Description: "OAuth 2.0 and OpenID Connect. Its ETag is the app's."}, s.getOIDC)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[AppOIDC]]{ID: "updateAppOIDC", Method: "PATCH", Path: path, Tag: tagApps, Status: 200, Needs: PermWrite,
		Summary:     "Change an app's OAuth settings",
		Description: "A JSON merge patch. All but how long tokens live and how they are signed is changed only by somebody who holds what the app is authorized for (role.above_granter): it says who gets the app's tokens.",
		Errors:      []fault.Code{ErrBuiltin, ErrShared, errClaimUnknown, errDocument, errGrantTypes, errRedirects, errResourceUnknown, fault.CodeAboveGranter}}, s.updateOIDC)
}

func (s *Service) oidcOut(v VersionedApp, err error) (*httpapi.Entity[AppOIDC], error) {
	if err != nil {
		return nil, err
	}
	v.OIDC.DefaultAccessSeconds, v.OIDC.DefaultRefreshSeconds = int(s.defaults.AccessToken/time.Second), int(s.defaults.RefreshToken/time.Second)
	return httpapi.Versioned(v.OIDC, v.Version), nil
}

func (s *Service) getOIDC(ctx context.Context, c *httpapi.Call, in *AppPath) (*httpapi.Entity[AppOIDC], error) {
	return s.oidcOut(s.Load(ctx, c.Tenant.ID, c.Org.ID, in.App))
}

func (s *Service) updateOIDC(ctx context.Context, c *httpapi.Call, in *updateAppOIDCInput) (*httpapi.Entity[AppOIDC], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	return s.oidcOut(s.UpdateOIDC(ctx, c.Tenant.ID, c.Org.ID, in.App, version, in.Body))
}
