package apps

import "time"

// Settings are how an app speaks OAuth 2.0 and OpenID Connect, as they are stored (apps.oidc), shown to the app's
// administrators, and read by the protocols. Names are those of client metadata (RFC 7591, section 2) where there are any.
//
// The zero value of each setting is what apps had before it was there, so that rows written earlier need no change; and
// none is a secret. What SQL asks for, grant types and browser origins, has columns of its own.
type Settings struct {
	AccessTokenSeconds     int      `json:"access_token_seconds" doc:"Lifetime of access tokens; 0 is the installation's default." example:"3600"`
	IDTokenAlg             string   `json:"id_token_alg" doc:"How ID tokens are signed." example:"ES256"`
	PKCEOptional           bool     `json:"pkce_optional" doc:"Whether a confidential client may ask for codes without a PKCE challenge." example:"false"`
	PKCEPlain              bool     `json:"pkce_plain" doc:"Whether the PKCE method plain is taken, which hides nothing from whoever sees the request." example:"false"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris" doc:"Where people may be sent after sign-out." example:"[\"https://app.example.com/\"]"`
	RedirectURIs           []string `json:"redirect_uris" doc:"Where authorization codes may be sent." example:"[\"https://app.example.com/callback\"]"`
	RefreshTokenSeconds    int      `json:"refresh_token_seconds" doc:"Lifetime of refresh tokens; 0 is the installation's default." example:"86400"`
	SkipConsent            bool     `json:"skip_consent" doc:"Whether people are not asked." example:"false"`
}

// AccessTokenTTL is how long access tokens live; 0 is the installation's default.
func (s Settings) AccessTokenTTL() time.Duration {
	return time.Duration(s.AccessTokenSeconds) * time.Second
}

// RefreshTokenTTL is how long refresh tokens live; 0 is the installation's default.
func (s Settings) RefreshTokenTTL() time.Duration {
	return time.Duration(s.RefreshTokenSeconds) * time.Second
}
