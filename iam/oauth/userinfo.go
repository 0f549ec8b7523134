package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

var errBearer = refuse(codeInvalidToken, "The access token is invalid, expired or revoked.")

// userinfo is the endpoint of OpenID Connect Core 1.0, section 5.3.
func (s *Service) userinfo(w http.ResponseWriter, r *http.Request) {
	given, err := presentedToken(r)
	var c claims
	var client apps.Client
	if err == nil {
		c, client, err = s.userinfoClaims(r, given)
	}
	s.interaction(w, r, client)
	if err != nil {
		s.writeBearerError(w, r, s.noted(r, atUserinfo, params{{"access_token", given.Token}}, err))
		return
	}
	if client.UserinfoAlg == "" && client.UserinfoEncryptionAlg == "" {
		writeRaw(w, http.StatusOK, c.end())
		return
	}
	token, err := s.userinfoToken(r.Context(), client, c)
	if err != nil {
		s.writeBearerError(w, r, s.noted(r, atUserinfo, params{{"access_token", given.Token}}, err))
		return
	}
	writeAs(w, http.StatusOK, "application/jwt", []byte(token))
}

// userinfoToken signs or encrypts the claims, or both (section 5.3.2).
func (s *Service) userinfoToken(ctx context.Context, client apps.Client, c claims) (string, error) {
	alg, enc := client.UserinfoEncryptionAlg, client.UserinfoEncryptionEnc
	if client.UserinfoAlg == "" {
		return s.encryptFor(ctx, client, alg, enc, "", c.end())
	}
	signed, err := s.signFor(ctx, httpapi.TenantOf(ctx).ID, client, client.UserinfoAlg, typUserinfo, c)
	if err != nil {
		return "", err
	}
	return s.encrypted(ctx, client, alg, enc, signed)
}

// typUserinfo is the type of signed answers, for which no specification has one. Without iat and exp they are no ID tokens.
const typUserinfo = "JWT"

// userinfoClaims returns the claims and the client that is to have them.
func (s *Service) userinfoClaims(r *http.Request, given httpapi.Credentials) (claims, apps.Client, error) {
	no := func(err error) (claims, apps.Client, error) { return nil, apps.Client{}, err }
	ctx := r.Context()
	t := httpapi.TenantOf(ctx)
	a, err := s.readAccess(ctx, t, given.Token)
	if err == nil {
		err = s.checkPresented(ctx, a, given)
	}
	if errors.Is(err, errToken) || err == nil && (a.user.IsZero() || a.claims.Issuer != httpapi.IssuerOf(ctx).URL || !atBase(ctx, a.org)) {
		return no(errBearer.told("OpenID Connect Core 1.0, section 5.3.1", "The access token is a person's, of this issuer, not expired and not revoked; one that is bound comes with its proof or certificate.",
			"Refresh the token, and ask at the userinfo_endpoint of the issuer that made it. An ID token is no access token.").because(err))
	}
	if err != nil {
		return no(err)
	}
	client, err := s.client(ctx, t, a.clientID)
	if errors.Is(err, errClient) {
		return no(errBearer)
	}
	if err != nil {
		return no(err)
	}
	origins, err := s.origins(ctx, t, a)
	if errors.Is(err, errToken) {
		return no(errBearer)
	}
	if err != nil {
		return no(err)
	}
	c := newClaims().text("sub", a.claims.Subject)
	if client.UserinfoAlg != "" { // OpenID Connect Core 1.0, section 5.3.2
		c = c.text("iss", a.claims.Issuer).text("aud", client.ClientID)
	}
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		of := a.subjects(t, client)
		if _, err := a.impersonatedSubjects(ctx, tx, &of); errors.Is(err, errToken) {
			return errBearer
		} else if err != nil {
			return err
		}
		standing, err := s.Sessions.Standing(ctx, tx, of)
		if err != nil {
			return err
		}
		if !standing.Good(a.epoch) {
			return errBearer.told("RFC 7009, section 2", "What the token stands on still holds: session, grant, person, organization and app.", "Let the person sign in again.")
		}
		// The scope is told only to a token that is good.
		if !a.hasScope(scopeOpenID) {
			return refuse(codeInsufficientScope, "The token lacks the scope openid.").told("OpenID Connect Core 1.0, section 5.4", "", "Ask for the scope openid when the person signs in.")
		}
		named, may, err := s.mayTx(ctx, tx, client, origins, a)
		if err != nil {
			return err
		}
		told, err := s.tellTx(ctx, tx, client, a.user, a.org, a.scopes, named.Userinfo, nil, may)
		if fault.CodeNotFound.Is(err) {
			return errBearer
		}
		c = told.render(c)
		return err
	})
	if err != nil {
		return no(err)
	}
	for _, name := range []string{"org_id", "org_handle", "org_name"} {
		value, _ := a.claims.Text(name)
		c = c.text(name, value)
	}
	return c, client, nil
}

// mayTx are the claims that a token's grant names beside its scopes, and the gate for all of them. Most tokens need not look at it.
func (s *Service) mayTx(ctx context.Context, tx db.Tx, client apps.Client, origins []apps.Client, a accessToken) (named byName, may gate, err error) {
	_, any := a.claims.Get(claimNamed)
	if !any && !limited(client) && !slices.ContainsFunc(origins, limited) {
		return named, open, nil
	}
	g, err := findGrant(ctx, tx, a.grant)
	if db.IsNoRows(err) {
		return named, nil, errBearer
	}
	if err == nil && any {
		named, err = g.claims()
	}
	if err != nil {
		return named, nil, err
	}
	may, err = s.gateTx(ctx, tx, client, origins, g)
	return named, may, err
}

// presentedToken finds the access token in the header or, in a POST, in the form (RFC 6750, sections 2.1 and 2.2). In the
// address it is refused (RFC 9700, section 4.3.2).
func presentedToken(r *http.Request) (httpapi.Credentials, error) {
	no := func(err error) (httpapi.Credentials, error) { return httpapi.Credentials{}, err }
	query, err := parseParams(r.URL.RawQuery, maxQueryBytes)
	if err != nil {
		return no(err)
	}
	if query.has("access_token") {
		return no(refuse(codeInvalidRequest, "Send the access token in the Authorization header."))
	}
	c := httpapi.Credentials{Method: r.Method, Proofs: r.Header.Values("DPoP"), URL: httpapi.IssuerOf(r.Context()).URL + r.URL.Path}
	if r.Method == http.MethodPost && r.ContentLength != 0 && isForm(r.Header.Get("Content-Type")) {
		form, err := readForm(r)
		if err != nil {
			return no(err)
		}
		c.Scheme, c.Token = "Bearer", form.get("access_token")
	}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) > 1 || len(headers) == 1 && c.Token != "":
		return no(refuse(codeInvalidRequest, "Send the access token once."))
	case c.Token != "":
		return c, nil
	case len(headers) == 0:
		return no(refuse(codeNoToken, "Send Authorization: Bearer, or DPoP, with an access token."))
	}
	var ok bool
	if c.Scheme, c.Token, ok = httpapi.ParseAuthorization(headers[0]); !ok {
		return no(errBearer)
	}
	return c, nil
}
