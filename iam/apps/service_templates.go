package apps

import (
	"cmp"
	"slices"

	"grove/infra/jose"
)

// The kinds of apps. A template is a start: the settings that it gives can be changed, within what its kind is.
const (
	templateFAPI     = "fapi"     // held to a security profile, whatever is changed
	templateM2M      = "m2m"      // nobody signs in
	templateMCP      = "mcp"      // a client of MCP servers: on people's machines, where it listens at any port
	templateMobile   = "mobile"   // on phones and desktops
	templateSPA      = "spa"      // in browsers
	templateStandard = "standard" // whatever its owner sets
	templateWeb      = "web"      // on a server
)

// Templates are the kinds of apps, in the order in which the guides list them.
func Templates() []string {
	return []string{templateSPA, templateWeb, templateMobile, templateM2M, templateStandard, templateFAPI, templateMCP}
}

// isNative reports whether apps of a template run on people's machines (RFC 8252).
func isNative(template string) bool { return template == templateMCP || template == templateMobile }

// preset gives a new app what its template says; everything but the client type can be changed later.
func preset(a *appRow) {
	a.ClientType, a.Enabled, a.OIDC.IDTokenAlg = clientConfidential, true, jose.ES256
	// Switching is open from the start: in which organizations an app works is for its share to say.
	a.GrantTypes = []string{GrantAuthorizationCode, GrantOrganizationSwitch, GrantRefreshToken}
	switch a.Template {
	case templateSPA, templateMobile:
		a.ClientType, a.OIDC.UserClaimsInIDToken = clientPublic, true
	case templateWeb:
		a.OIDC.UserClaimsInIDToken = true // libraries for these three seldom ask the userinfo endpoint by themselves
	case templateM2M:
		a.GrantTypes = []string{GrantClientCredentials}
	case templateFAPI:
		a.OIDC.Profile, a.OIDC.RequirePushed = ProfileFAPI2, true
		a.OIDC.AuthMethod = cmp.Or(a.OIDC.AuthMethod, AuthPrivateKeyJWT)
		a.OIDC.CertificateBound = a.OIDC.AuthMethod != AuthPrivateKeyJWT
		a.OIDC.DPoPBound = !a.OIDC.CertificateBound
	case templateMCP:
		// Clients of MCP servers know no organizations: the person chooses one at each sign-in.
		a.ClientType, a.GrantTypes = clientPublic, []string{GrantAuthorizationCode, GrantRefreshToken}
	}
}

// Preset returns the OAuth settings of a new app of a template.
func Preset(template string) AppOIDC {
	row := appRow{Template: template}
	preset(&row)
	return row.versioned().OIDC
}

// Credentials are how a new app proves who it is, where that is not by the secret that it is given.
type Credentials struct {
	AuthMethod       string  `json:"token_endpoint_auth_method,omitempty" enum:"private_key_jwt,self_signed_tls_client_auth,tls_client_auth" doc:"How a confidential client proves who it is from the start; left out: by a secret, or, for the template fapi, by private_key_jwt. It gets no secret then." example:"private_key_jwt"`
	JWKS             *JWKSet `json:"jwks,omitempty" doc:"The app's public keys, for private_key_jwt, or self_signed_tls_client_auth. Takes the place of jwks_uri."`
	JWKSURI          string  `json:"jwks_uri,omitempty" maxLength:"2048" doc:"Where the app publishes its public keys." example:"https://app.example.com/jwks.json"`
	CertificateDN    string  `json:"tls_client_auth_subject_dn,omitempty" maxLength:"1024" doc:"Whole subject of the certificate for tls_client_auth, as RFC 4514 writes it. Exactly one of the five is given for that method." example:"CN=payments,O=Example,C=DE"`
	CertificateDNS   string  `json:"tls_client_auth_san_dns,omitempty" maxLength:"253" doc:"DNS name among the certificate's alternative names." example:"client.example.com"`
	CertificateEmail string  `json:"tls_client_auth_san_email,omitempty" maxLength:"320" doc:"E-mail address among the certificate's alternative names." example:"client@example.com"`
	CertificateIP    string  `json:"tls_client_auth_san_ip,omitempty" maxLength:"45" doc:"IP address among the certificate's alternative names." example:"192.0.2.7"`
	CertificateURI   string  `json:"tls_client_auth_san_uri,omitempty" maxLength:"2048" doc:"URI among the certificate's alternative names." example:"spiffe://example.com/client"`
}

// over gives a new app its credentials, or says why they cannot be kept.
func (c Credentials) over(o *Settings) error {
	o.AuthMethod, o.JWKS, o.JWKSURI = c.AuthMethod, c.JWKS, c.JWKSURI
	o.CertificateDN, o.CertificateDNS, o.CertificateEmail, o.CertificateIP, o.CertificateURI = c.CertificateDN, c.CertificateDNS, c.CertificateEmail, c.CertificateIP, c.CertificateURI
	return o.checkKeys()
}

// bySecret reports whether a client with a method proves itself by a secret.
func bySecret(method string) bool { return !slices.Contains(ProfileMethods, method) }

// keepsSecret reports whether a new app is given a secret.
func (a appRow) keepsSecret() bool {
	return a.ClientType == clientConfidential && bySecret(a.OIDC.AuthMethod)
}
