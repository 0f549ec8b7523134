package apps

import (
	"context"
	"slices"

	"grove/infra/db"
	"grove/infra/kernel/fault"
)

// BindingCookie is the binding of an app's codes and refresh tokens to the browser that the person signed in with. Bindings to a
// key and to a certificate have settings of their own, whose names are the RFCs'.
const BindingCookie = "cookie"

// TokenSettings are what an app's tokens are worth to whom.
type TokenSettings struct {
	IDTokenAudiences []string `json:"id_token_audiences" doc:"Whom ID tokens are for besides the app: other apps of its organization, and APIs that it defines." example:"[\"https://api.example.com\"]"`
	TokenBinding     string   `json:"token_binding" doc:"cookie: codes and refresh tokens are good only in the browser that the person signed in with; empty: they need no cookie." example:""`
}

// TokenPatch changes an app's [TokenSettings].
type TokenPatch struct {
	IDTokenAudiences *[]string `json:"id_token_audiences,omitempty" maxItems:"5" doc:"Whom ID tokens are for besides the app, all from now on: client_ids of apps, and identifiers of API resources, of the app's own organization. Their aud is a list then, and azp says to whom they were issued; who takes one has to look at both (OpenID Connect Core 1.0, section 3.1.3.7). Not for apps with a profile." example:"[\"https://api.example.com\"]"`
	TokenBinding     *string   `json:"token_binding,omitempty" enum:",cookie" doc:"cookie: codes and refresh tokens are good only in the browser that the person signed in with, which shows the server's cookie; scripts call the token endpoint with credentials, from one of allowed_origins, on the server's own site (such as app.example.com and id.example.com). For apps in a browser with codes and nothing else; access tokens are not bound by it, but by dpop_bound_access_tokens. Empty for none. A change ends what was issued before." example:""`
}

// bindable are the grants that an app may use whose tokens are bound to a cookie: all begin in a browser.
var bindable = []string{GrantAuthorizationCode, GrantOrganizationSwitch, GrantRefreshToken}

// checkBinding says why an app's tokens cannot be bound as it is.
func checkBinding(a appRow) error {
	no := func(rule string) error { return fault.CodeInvalid.At("/token_binding", rule) }
	switch {
	case a.OIDC.TokenBinding == "":
		return nil
	case a.OIDC.TokenBinding != BindingCookie:
		return no("Must be cookie or empty.")
	case a.ClientType != clientPublic || isNative(a.Template):
		return no("Must be empty for apps outside of browsers, to which nobody's cookie comes.")
	case slices.ContainsFunc(a.GrantTypes, func(g string) bool { return !slices.Contains(bindable, g) }):
		return no("Must be empty where the app may use other grant types than authorization_code, organization_switch and refresh_token, whose requests come from no browser.")
	case !slices.Equal(a.OIDC.complete(a.ClientType).ResponseTypes, []string{"code"}):
		return no("Must be empty where authorization responses bring tokens, which nothing binds.")
	case len(a.Origins) == 0:
		return no("Must be empty without allowed_origins: nobody could call the token endpoint.")
	}
	return nil
}

// checkAudiences refuses ID tokens for anybody outside of the app's own organization: who takes them there would let in whom another's
// app has signed in.
func checkAudiences(ctx context.Context, tx db.Tx, a appRow) error {
	strange, err := strangeAudiences(ctx, tx, a.Org, a.OIDC.IDTokenAudiences)
	if err == nil && (len(strange) > 0 || slices.Contains(a.OIDC.IDTokenAudiences, a.ClientID)) {
		err = errResourceUnknown.At("/id_token_audiences", "Must be client_ids of other apps, or identifiers of API resources, of this organization.")
	}
	return err
}

const reasonBinding = "app.token_binding_changed"

// setTokens changes what an app's tokens are worth. Under a new binding nothing lives on that was issued under another.
func (s *Service) setTokens(ctx context.Context, tx db.Tx, a *appRow, in UpdateAppOIDCRequest, fields []string) ([]string, error) {
	fields = setAll(fields, "id_token_audiences", &a.OIDC.IDTokenAudiences, in.IDTokenAudiences)
	if in.IDTokenAudiences != nil {
		if err := checkAudiences(ctx, tx, *a); err != nil {
			return nil, err
		}
	}
	had := a.OIDC.TokenBinding
	fields = set(fields, "token_binding", &a.OIDC.TokenBinding, in.TokenBinding)
	if a.OIDC.TokenBinding == had {
		return fields, nil
	}
	return fields, tx.Raise(ctx, db.KindClient, a.ID.UUID(), reasonBinding)
}
