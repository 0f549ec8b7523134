package apps

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"grove/infra/jose"
	"grove/infra/kernel/list"
)

// The ways in which a client proves who it is (RFC 6749, section 2.3; RFC 7591, section 2).
const (
	AuthBasic         = "client_secret_basic"
	AuthNone          = "none"
	AuthPost          = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt"
	AuthSecret        = "client_secret"               // Grove's own: the secret, in header or body
	AuthSecretJWT     = "client_secret_jwt"           // OpenID Connect Core 1.0, section 9
	AuthSelfSignedTLS = "self_signed_tls_client_auth" // RFC 8705, section 2.2
	AuthTLS           = "tls_client_auth"             // RFC 8705, section 2.1
)

// The formats of access tokens.
const (
	FormatJWT    = "jwt" // RFC 9068
	FormatOpaque = "opaque"
)

// The ways in which an app hears that a person has answered (OpenID Connect CIBA Core 1.0, section 5).
const (
	DeliveryPing = "ping"
	DeliveryPoll = "poll"
)

// ResponseTypes are those that an app may be allowed (OpenID Connect Core 1.0, section 3), their words in order.
var ResponseTypes = []string{"code", "code id_token", "code id_token token", "code token", "id_token", "id_token subject_token", "id_token token", "subject_token", "token"}

// Registrable are those that an app may give itself: subject_token, by which somebody acts as another person, is for administrators to
// allow.
var Registrable = slices.DeleteFunc(slices.Clone(ResponseTypes), func(types string) bool { return strings.Contains(types, "subject_token") })

// Settings are how an app speaks OAuth 2.0 and OpenID Connect, as they are stored (apps.oidc), shown to the app's
// administrators, and read by the protocols. Names are those of client metadata (RFC 7591, section 2) where there are any.
//
// The zero value of each setting is what apps had before it was there, so that rows written earlier need no change; and
// none is a secret. What SQL asks for, grant types and browser origins, has columns of its own.
type Settings struct {
	Encryption
	Pages
	TokenSettings
	AccessTokenAttributes  []string             `json:"access_token_attributes" doc:"Claims about the person that access tokens have, whatever their scopes, and answers of introspection." example:"[\"department\"]"`
	AccessTokenFormat      string               `json:"access_token_format" doc:"jwt: APIs check access tokens by themselves (RFC 9068). opaque: nobody but the server reads them; APIs ask introspection." example:"jwt"`
	AccessTokenSeconds     int                  `json:"access_token_seconds" doc:"Lifetime of access tokens; 0 is the installation's default." example:"3600"`
	AssertionReuse         bool                 `json:"assertion_reuse" doc:"Whether a client assertion works again until it expires, against RFC 7523's advice." example:"false"`
	AttributesAsked        bool                 `json:"attributes_asked" doc:"Whether people are asked for attributes one by one, which begins with the first requested_attributes and does not end with them: what somebody said no to stays untold." example:"false"`
	AuthMethod             string               `json:"token_endpoint_auth_method" doc:"How the app proves who it is: client_secret takes the secret in header or body." example:"client_secret"`
	AuthSigningAlg         string               `json:"token_endpoint_auth_signing_alg" doc:"How its assertions are signed; empty where any of the server's algorithms is." example:"ES256"`
	BackchannelLogoutURI   string               `json:"backchannel_logout_uri" doc:"Where the app is told that a session is over; empty: nowhere." example:"https://app.example.com/backchannel-logout"`
	BackchannelDelivery    string               `json:"backchannel_token_delivery_mode" doc:"How the app learns that a person has answered its backchannel request (CIBA): it asks again (poll), or is told that there is something to ask for (ping)." example:"poll"`
	BackchannelNotify      string               `json:"backchannel_client_notification_endpoint" doc:"Where an app with the mode ping is told; empty: nowhere." example:"https://app.example.com/ciba"`
	BackchannelRequestAlg  string               `json:"backchannel_authentication_request_signing_alg" doc:"How its backchannel requests have to be signed; empty: they need not be." example:"ES256"`
	FrontchannelLogoutURI  string               `json:"frontchannel_logout_uri" doc:"What the browser opens in a frame when the person signs out; empty: nothing." example:"https://app.example.com/frontchannel-logout"`
	IDTokenSeconds         int                  `json:"id_token_seconds" doc:"Lifetime of ID tokens; 0: that of access tokens." example:"3600"`
	IDTokenAlg             string               `json:"id_token_alg" doc:"How ID tokens are signed." example:"ES256"`
	JWKS                   *JWKSet              `json:"jwks,omitempty" doc:"The app's public keys."`
	JWKSURI                string               `json:"jwks_uri" doc:"Where the app publishes its keys; empty where they are in jwks." example:"https://app.example.com/jwks.json"`
	PKCEOptional           bool                 `json:"pkce_optional" doc:"Whether a confidential client may ask for codes without a PKCE challenge." example:"false"`
	PKCEPlain              bool                 `json:"pkce_plain" doc:"Whether the PKCE method plain is taken, which hides nothing from whoever sees the request." example:"false"`
	CertificateBound       bool                 `json:"tls_client_certificate_bound_access_tokens" doc:"Whether the app's tokens are bound to the TLS certificate that it shows (RFC 8705)." example:"false"`
	CertificateDN          string               `json:"tls_client_auth_subject_dn" doc:"Subject of its certificate (RFC 4514); one of the five for tls_client_auth." example:"CN=payments,O=Example,C=DE"`
	CertificateDNS         string               `json:"tls_client_auth_san_dns" doc:"DNS name in its certificate." example:"client.example.com"`
	CertificateEmail       string               `json:"tls_client_auth_san_email" doc:"E-mail address in its certificate." example:"client@example.com"`
	CertificateIP          string               `json:"tls_client_auth_san_ip" doc:"IP address in its certificate." example:"192.0.2.7"`
	CertificateURI         string               `json:"tls_client_auth_san_uri" doc:"URI in its certificate." example:"spiffe://example.com/client"`
	PostLogoutRedirectURIs []string             `json:"post_logout_redirect_uris" doc:"Where people may be sent after sign-out." example:"[\"https://app.example.com/\"]"`
	Profile                string               `json:"profile" doc:"The security profile that the app is held to; empty for none." example:"fapi2_security"`
	RedirectURIs           []string             `json:"redirect_uris" doc:"Where authorization codes may be sent." example:"[\"https://app.example.com/callback\"]"`
	RefreshTokenSeconds    int                  `json:"refresh_token_seconds" doc:"Lifetime of refresh tokens; 0 is the installation's default." example:"86400"`
	ExchangeAudiences      []string             `json:"token_exchange_audiences" doc:"Identifiers of the APIs that the app serves: it may exchange people's tokens that were made for them (RFC 8693)." example:"[\"https://api.example.com\"]"`
	DPoPBound              bool                 `json:"dpop_bound_access_tokens" doc:"Whether the app has to bind its tokens to a key (RFC 9449)." example:"false"`
	DPoPNonce              bool                 `json:"require_dpop_nonce" doc:"Whether its proofs need a nonce of the server's (RFC 9449, section 8)." example:"false"`
	RequestedAttributes    []RequestedAttribute `json:"requested_attributes" doc:"All that the app is ever told of people; empty: whatever the scopes ask for that it requests."`
	RequestObjectAlg       string               `json:"request_object_signing_alg" doc:"How its request objects are signed; empty where any of the server's algorithms is." example:"ES256"`
	RequireSignedRequest   bool                 `json:"require_signed_request_object" doc:"Whether the app has to sign its authorization requests (RFC 9101)." example:"false"`
	RequirePushed          bool                 `json:"require_pushed_authorization_requests" doc:"Whether the app has to push its authorization requests (RFC 9126)." example:"false"`
	ResponseTypes          []string             `json:"response_types" doc:"What authorization responses may bring." example:"[\"code\"]"`
	ResponseAlg            string               `json:"authorization_signed_response_alg" doc:"How authorization responses are signed where the app asks for signed ones; empty: as ID tokens are." example:"ES256"`
	UserClaimsInIDToken    bool                 `json:"user_claims_in_id_token" doc:"Whether ID tokens have the claims of the scopes, such as name and email, where an access token comes along." example:"false"`
	UserinfoAlg            string               `json:"userinfo_signed_response_alg" doc:"How answers of the userinfo endpoint are signed; empty: not at all, as JSON." example:"ES256"`
	IntrospectionAlg       string               `json:"introspection_signed_response_alg" doc:"How answers about tokens are signed where the app asks for signed ones (RFC 9701); empty: as its ID tokens are." example:"ES256"`
	SectorIdentifierURI    string               `json:"sector_identifier_uri" doc:"Where the redirect URIs of all apps of its sector are listed; empty: the sector is the host of its own." example:"https://example.com/sector.json"`
	SubjectType            string               `json:"subject_type" doc:"Whether sub is the person's for all apps (public) or for those of the app's sector (pairwise)." example:"public"`
	SkipConsent            bool                 `json:"skip_consent" doc:"Whether people are not asked." example:"false"`
}

// AccessTokenTTL is how long access tokens live; 0 is the installation's default.
func (s Settings) AccessTokenTTL() time.Duration {
	return time.Duration(s.AccessTokenSeconds) * time.Second
}

// IDTokenTTL is how long ID tokens live; 0 is as long as access tokens.
func (s Settings) IDTokenTTL() time.Duration { return time.Duration(s.IDTokenSeconds) * time.Second }

// RefreshTokenTTL is how long refresh tokens live; 0 is the installation's default.
func (s Settings) RefreshTokenTTL() time.Duration {
	return time.Duration(s.RefreshTokenSeconds) * time.Second
}

// complete puts in what rows leave out that were stored before the setting was there.
func (s Settings) complete(clientType string) Settings {
	if len(s.ResponseTypes) == 0 {
		s.ResponseTypes = []string{"code"}
	}
	if s.AccessTokenFormat == "" {
		s.AccessTokenFormat = FormatJWT
	}
	if s.BackchannelDelivery == "" {
		s.BackchannelDelivery = DeliveryPoll
	}
	if s.SubjectType == "" {
		s.SubjectType = SubjectPublic
	}
	s.ExchangeAudiences = list.Distinct(s.ExchangeAudiences)
	s.IDTokenAudiences = list.Distinct(s.IDTokenAudiences)
	s.AccessTokenAttributes = list.Distinct(s.AccessTokenAttributes)
	if s.RequestedAttributes == nil {
		s.RequestedAttributes = []RequestedAttribute{}
	}
	switch {
	case s.AuthMethod != "":
	case clientType == clientPublic:
		s.AuthMethod = AuthNone
	default:
		s.AuthMethod = AuthSecret
	}
	return s
}

// JWKSet is a JWK Set (RFC 7517, section 5).
type JWKSet struct {
	Keys []map[string]any `json:"keys" minItems:"1" maxItems:"10" doc:"Public keys (RFC 7517, section 4): EC on P-256, Ed25519, or RSA of 2048 bits and more, each with a kid where there are several."`
}

// PublicKeys returns the keys that verify an app's signatures, an RSA key without alg once for each algorithm. Keys for
// encryption are left out. An error is of a key that is for neither.
func (s *JWKSet) PublicKeys() (keys []*jose.PublicKey, err error) {
	if s == nil {
		return nil, nil
	}
	for _, key := range s.Keys {
		raw, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		usable := slices.ContainsFunc(jose.EncryptionAlgs(), func(alg string) bool { _, err := jose.ParseEncryptionJWK(raw, alg); return err == nil })
		for _, alg := range jose.Algs() {
			k, err := jose.ParsePublicJWK(raw, alg)
			if err == nil {
				keys, usable = append(keys, k), true
			}
		}
		if !usable {
			return nil, errKeyUnusable
		}
	}
	return keys, nil
}

var errKeyUnusable = errors.New("apps: a key is not a public key for one of the algorithms")
