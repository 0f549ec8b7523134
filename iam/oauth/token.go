package oauth

import (
	"context"
	"net/http"
	"slices"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

// token is the token endpoint (RFC 6749, section 3.2).
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	s.logged(w, r, atToken, resultIssued, s.answerToken)
}

func (s *Service) answerToken(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err == nil {
		err = s.grantToken(w, r, form)
	}
	if err != nil {
		s.refuseForm(w, r, atToken, form, err)
	}
}

func (s *Service) grantToken(w http.ResponseWriter, r *http.Request, form params) error {
	client, err := s.authenticateClient(r.Context(), r, form)
	if err != nil {
		return err
	}
	if client.DPoPNonce {
		w.Header().Set("DPoP-Nonce", s.nonce(r.Context()))
	}
	if client.DPoPBound && client.shown.jkt == "" {
		return errUnproven
	}
	if client.CertificateBound && client.shown.x5t == "" {
		return errUnbound
	}
	if err := checkBrowser(r, client); err != nil {
		return err
	}
	grantType := form.get("grant_type")
	var do func(http.ResponseWriter, *http.Request, authenticatedClient, params) error
	switch grantType {
	case "":
		return refuse(codeInvalidRequest, "grant_type is required.").told("RFC 6749, section 4", "", "Send grant_type in the body, as application/x-www-form-urlencoded.")
	case grantAuthorizationCode:
		do = s.redeemCode
	case grantCIBA:
		do = s.cibaToken
	case grantClientCredentials:
		do = s.clientCredentials
	case grantDeviceCode:
		do = s.deviceToken
	case grantJWTBearer:
		do = func(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
			return s.bring(w, r, client, form, s.jwtReader("", "JWT"))
		}
	case grantOrganizationSwitch:
		do = s.switchOrganization
	case grantPassword:
		do = s.passwordGrant
	case grantRefreshToken:
		do = s.refresh
	case grantSAMLBearer:
		do = func(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
			return s.bring(w, r, client, form, s.readSAML)
		}
	case grantTokenExchange:
		do = s.exchange
	default:
		return refuse(codeUnsupportedGrantType, "grant_type is not one of those that the server's metadata lists.").told("RFC 6749, section 5.2", "grant_type is one of those in grant_types_supported of the server's metadata.", "Correct the spelling of grant_type; extension grants are named by their whole URN.")
	}
	s.lineOf(r.Context()).asked(grantType)
	if !slices.Contains(client.GrantTypes, grantType) {
		return refuse(codeUnauthorizedClient, "This client may not use this grant type.").told("RFC 6749, section 5.2", "grant_type is one that the app may use: "+listed(client.GrantTypes),
			"Allow the grant type in the app's settings (OpenID Connect, Grant types), or use another.")
	}
	if err := checkProfileGrant(client, grantType); err != nil {
		return err
	}
	if err := s.canEncrypt(r.Context(), client.Client); err != nil {
		return err
	}
	return do(w, r, client, form)
}

// respond signs a person's tokens and sends them. It runs after the transaction: signing needs no connection.
func (s *Service) respond(ctx context.Context, w http.ResponseWriter, client authenticatedClient, p person, refresh, nonce string) error {
	t := httpapi.TenantOf(ctx)
	org, err := s.Orgs.Resolve(ctx, t, p.grant.Org.String())
	if fault.CodeNotFound.Is(err) {
		return errGrant
	}
	if err != nil {
		return err
	}
	if err := s.settleDetails(ctx, client.Client, &p); err != nil {
		return err
	}
	access, seconds, err := s.signAccess(ctx, t, accessClaims{issuer: p.grant.Issuer, client: client.Client, bound: client.bound(), org: org, audience: p.audience, details: p.details, scopes: p.scopes,
		epoch: p.grant.Stamp, person: &p})
	if err != nil {
		return err
	}
	body := newClaims().text("access_token", access).text("token_type", tokenType(client.bound())).number("expires_in", seconds).words("scope", p.scopes).
		details(p.details).text("refresh_token", refresh)
	if contains(p.scopes, scopeOpenID) {
		idToken, err := s.signID(ctx, t, p.grant.Issuer, client.Client, org, p, vouched{access: access, nonce: nonce})
		if err != nil {
			return err
		}
		body = body.text("id_token", idToken)
	}
	writeRaw(w, http.StatusOK, body.end())
	return nil
}

// tokenType is how a token is to be presented: with a proof of its key, or as it is.
func tokenType(b binding) string {
	if b.jkt != "" {
		return schemeDPoP
	}
	return "Bearer"
}
