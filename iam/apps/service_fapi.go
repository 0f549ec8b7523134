package apps

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"grove/infra/db"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// The security profiles of the OpenID Foundation that an app can be held to.
const (
	ProfileFAPI1        = "fapi1_advanced"        // Financial-grade API Security Profile 1.0, Part 2: Advanced
	ProfileFAPI2        = "fapi2_security"        // FAPI 2.0 Security Profile
	ProfileFAPI2Signing = "fapi2_message_signing" // with FAPI 2.0 Message Signing: authorization requests and responses
)

// strictest are the profiles, those first that ask for more.
var strictest = []string{ProfileFAPI2Signing, ProfileFAPI2, ProfileFAPI1, ""}

// Meets reports whether an app that is held to one profile does all that another asks for, or more.
func (s Settings) Meets(profile string) bool {
	had, wanted := slices.Index(strictest, s.Profile), slices.Index(strictest, profile)
	return had >= 0 && had <= wanted
}

// Demands are what a profile asks of an app's settings and of each of its requests. The zero value asks for nothing.
//
// What all profiles ask for has no member: a confidential client that proves itself by key or certificate, codes and no other
// response type, PKCE with S256 (but see LesserPKCE), tokens bound to a key or certificate, and https.
type Demands struct {
	Any              bool     // whether there is a profile at all
	Algs             []string // of signatures
	AskConsent       bool     // of people, the first time at least
	BoundCertificate bool     // tokens bound to a certificate: to a key alone is not enough
	IssuerAudience   bool     // client assertions for the issuer and nothing else, which is a string (FAPI 2.0, section 5.3.2.1)
	KeepRefresh      bool     // refresh tokens are not rotated
	LesserPKCE       bool     // PKCE in pushed requests; others do without where the app's setting pkce_optional says so
	NonceOrState     bool     // a nonce in requests for an ID token, state in others (FAPI 1.0 Part 1, section 5.2.2)
	Pushed           bool     // authorization requests (RFC 9126)
	SignedRequest    bool     // RFC 9101, with nbf, for an hour at the most
	SignedResponse   bool     // JARM
}

// Demands returns what the app's profile asks for. A profile that this program does not know asks for the most.
func (s Settings) Demands() Demands {
	fapi2 := Demands{Any: true, Algs: []string{jose.ES256, jose.EdDSA, jose.PS256}, IssuerAudience: true, KeepRefresh: true, Pushed: true}
	switch s.Profile {
	case "":
		return Demands{}
	case ProfileFAPI1:
		return Demands{Any: true, Algs: []string{jose.ES256, jose.PS256}, AskConsent: true, BoundCertificate: true, LesserPKCE: true, NonceOrState: true, SignedRequest: true, SignedResponse: true}
	case ProfileFAPI2:
		return fapi2
	}
	fapi2.SignedRequest, fapi2.SignedResponse = true, true
	return fapi2
}

// ProfileMethods are the ways in which an app with a profile may prove who it is (FAPI 1.0 Part 2, section 5.2.2; FAPI 2.0,
// section 5.3.2.1).
var ProfileMethods = []string{AuthPrivateKeyJWT, AuthSelfSignedTLS, AuthTLS}

// ProfileGrants are the grant types that an app with a profile may use. That of devices is left out: its requests cannot be pushed
// or signed, and nothing binds its codes. Those of CIBA are signed (FAPI: Client Initiated Backchannel Authentication Profile,
// section 5.2.2).
var ProfileGrants = []string{GrantAuthorizationCode, GrantCIBA, GrantClientCredentials, GrantOrganizationSwitch, GrantRefreshToken, GrantTokenExchange}

// checkProfile says why an app does not comply with its profile.
func checkProfile(a appRow) error {
	d, s := a.OIDC.Demands(), a.OIDC.complete(a.ClientType)
	if !d.Any {
		return nil
	}
	code := slices.Contains(a.GrantTypes, GrantAuthorizationCode)
	no := func(name, rule string) error {
		return fault.CodeInvalid.At("/"+name, "Must be "+rule+", for the profile "+s.Profile+".")
	}
	switch {
	case a.ClientType == clientPublic:
		return fault.CodeInvalid.At("/profile", "Must be empty for public clients, which cannot prove who they are.")
	case !slices.Contains(ProfileMethods, s.AuthMethod):
		return no("token_endpoint_auth_method", "one of "+strings.Join(ProfileMethods, ", "))
	case slices.ContainsFunc(a.GrantTypes, func(g string) bool { return !slices.Contains(ProfileGrants, g) }):
		return errGrantTypes.At("/grant_types", "Must be none but "+strings.Join(ProfileGrants, ", ")+", for the profile "+s.Profile+".")
	case !slices.Equal(s.ResponseTypes, []string{"code"}):
		return no("response_types", "code alone")
	case s.PKCEOptional && !d.LesserPKCE:
		return no("pkce_optional", "false")
	case s.PKCEPlain:
		return no("pkce_plain", "false")
	case s.AssertionReuse:
		return no("assertion_reuse", "false")
	case d.BoundCertificate && !s.CertificateBound:
		return no("tls_client_certificate_bound_access_tokens", "true")
	case !s.CertificateBound && !s.DPoPBound:
		return no("dpop_bound_access_tokens", "true, or tls_client_certificate_bound_access_tokens")
	case d.Pushed && code && !s.RequirePushed:
		return no("require_pushed_authorization_requests", "true")
	case d.SignedRequest && code && !s.RequireSignedRequest:
		return no("require_signed_request_object", "true")
	case s.BackchannelRequestAlg == "" && slices.Contains(a.GrantTypes, GrantCIBA):
		return no("backchannel_authentication_request_signing_alg", "set where the app may use ciba")
	case len(s.IDTokenAudiences) > 0:
		return no("id_token_audiences", "empty")
	case d.AskConsent && s.SkipConsent:
		return no("skip_consent", "false")
	}
	for _, signed := range [][2]string{{"authorization_signed_response_alg", s.ResponseAlg}, {"backchannel_authentication_request_signing_alg", s.BackchannelRequestAlg}, {"id_token_alg", s.IDTokenAlg}, {"introspection_signed_response_alg", s.IntrospectionAlg},
		{"request_object_signing_alg", s.RequestObjectAlg}, {"token_endpoint_auth_signing_alg", s.AuthSigningAlg}, {"userinfo_signed_response_alg", s.UserinfoAlg}} {
		if alg := signed[1]; alg != "" && !slices.Contains(d.Algs, alg) {
			return no(signed[0], "one of "+strings.Join(d.Algs, ", "))
		}
	}
	for i, uri := range s.RedirectURIs {
		if !strings.HasPrefix(uri, "https://") {
			return no("redirect_uris/"+strconv.Itoa(i), "an https URI")
		}
	}
	return nil
}

const reasonProfile = "app.profile_changed"

// setProfile changes the profile that an app is held to. Under a new one nothing lives on that was issued under weaker rules.
func (s *Service) setProfile(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error) {
	had := a.OIDC.Profile
	fields = set(fields, "profile", &a.OIDC.Profile, in.Profile)
	if a.OIDC.Profile == had || a.OIDC.Profile == "" {
		return fields, nil
	}
	return fields, tx.Raise(ctx, db.KindClient, a.ID.UUID(), reasonProfile)
}
