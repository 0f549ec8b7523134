package oauth

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/secrets"
)

// Response types (OAuth 2.0 Multiple Response Type Encoding Practices; OpenID Connect Core 1.0, sections 3.2 and 3.3). A code is what
// every app gets; tokens in the browser's address, which is where histories and scripts find them (RFC 9700, section 2.1.2),
// are for apps whose administrators allow the type.
const (
	typeCode         = "code"
	typeIDToken      = "id_token"
	typeSubjectToken = "subject_token" // Grove's own, see readImpersonation
	typeToken        = "token"
)

// readResponseType reads what is to come back, in any order, and in which mode. It fills a as far as it gets: an error travels as
// the answer would.
func readResponseType(client apps.Client, p params, a *authorization) error {
	types := strings.Fields(p.get("response_type"))
	slices.Sort(types)
	wanted := strings.Join(types, " ")
	known := slices.Contains(apps.ResponseTypes, wanted)
	front := known && wanted != typeCode
	mode := p.get("response_mode")
	if front {
		a.Mode = modeFragment
	}
	switch mode {
	case "":
	case modeJWT:
		a.Mode += suffixJWT
	case modeFormPost, modeFragment, modeFormPost + suffixJWT, modeFragment + suffixJWT:
		a.Mode = mode
	case modeQuery, modeQuery + suffixJWT:
		if front { // section 5 of the practices: a query is written down by every server on the way
			return refuse(codeInvalidRequest, "response_mode cannot be query where a token comes back.").told("OAuth 2.0 Multiple Response Type Encoding Practices, section 3", "", "Leave response_mode out, or use fragment or form_post.")
		}
		a.Mode = mode
	default:
		return refuse(codeInvalidRequest, "response_mode is not one of those that the server's metadata lists.").told("OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1", "", "Use one of response_modes_supported.")
	}
	switch {
	case wanted == "":
		return refuse(codeInvalidRequest, "response_type is required.").told("RFC 6749, section 3.1.1", "", "Send response_type=code.")
	case !known:
		return refuse(codeUnsupportedResponseType, "response_type is not one of those that the server's metadata lists.").told("RFC 6749, section 3.1.1", "response_type is one of response_types_supported.", "Send response_type=code.")
	case !slices.Contains(client.ResponseTypes, wanted):
		return refuse(codeUnauthorizedClient, "This client may not use this response type.").told("RFC 6749, section 4.1.2.1", "response_type is one that the app may use.", "Send response_type=code, or allow the other in the app's settings (OpenID Connect, Response types).")
	case slices.Contains(types, typeCode) && !slices.Contains(client.GrantTypes, grantAuthorizationCode):
		return refuse(codeUnauthorizedClient, "This client may not use the authorization code grant.").told("RFC 6749, section 4.1.2.1", "The app may use the grant type authorization_code.", "Allow the grant type in the app's settings (OpenID Connect, Grant types).")
	case slices.Contains(types, typeToken) && (client.DPoPBound || client.CertificateBound):
		return refuse(codeUnauthorizedClient, "This client's tokens are bound to a key or a certificate, which one in the address cannot be.")
	case client.TokenBinding != "" && wanted != typeCode:
		return refuse(codeUnauthorizedClient, "This client's tokens are bound to the browser, which those in the address cannot be.")
	case slices.Contains(types, typeIDToken) && !p.has("nonce"): // sections 3.2.2.1 and 3.3.2.11
		return refuse(codeInvalidRequest, "nonce is required where an ID token comes back.").told("OpenID Connect Core 1.0, section 3.2.2.1", "", "Send a random nonce, and compare it with that of the ID token.")
	}
	a.Types = types
	return nil
}

// stillAllowed reports whether the client may have what it asked for before the person was at the pages.
func (a authorization) stillAllowed(client apps.Client) bool {
	return slices.Contains(client.ResponseTypes, strings.Join(a.Types, " ")) && a.Profile == client.Profile
}

// wants reports whether one of the things comes back.
func (a authorization) wants(what string) bool { return slices.Contains(a.Types, what) }

// answer sends what the client has asked for.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, client apps.Client, a authorization, done authn.Done, b authn.Browser) {
	pairs, err := s.authorized(r.Context(), client, a, done, b)
	if err != nil {
		s.sendError(w, r, client, a, err)
		return
	}
	if contains(a.Scopes, scopeOpenID) {
		if state := sessionState(client.ClientID, a.RedirectURI, authn.BrowserState(w, r)); state != "" {
			pairs = append(pairs, param{"session_state", state})
		}
	}
	s.send(w, r, client, a, pairs...)
}

// authorized stores a grant and makes what goes back through the browser.
func (s *Service) authorized(ctx context.Context, client apps.Client, a authorization, done authn.Done, b authn.Browser) ([]param, error) {
	if err := a.settles(done.User, done.AMR); err != nil {
		return nil, err
	}
	t := httpapi.TenantOf(ctx)
	g := newGrant(client, a, done)
	g.signedInWith(client, b)
	own := !slices.Equal(a.Types, []string{typeSubjectToken}) // something for the person himself
	front := a.wants(typeToken) || a.wants(typeIDToken)
	var acting grant
	var pairs []param
	var code string
	var hash []byte
	if a.wants(typeCode) {
		code, hash = secrets.NewToken(prefixCode)
		pairs = append(pairs, param{typeCode, code})
	}
	var p person
	err := s.DB.InTenant(asPerson(ctx, g), t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if a.wants(typeSubjectToken) {
			if acting, err = s.impersonateTx(ctx, tx, client, a, done); err != nil {
				return err
			}
		}
		if !own {
			return nil
		}
		if err := s.createTx(ctx, tx, client, &g); err != nil {
			return noLonger(err)
		}
		if code != "" {
			if err := insertCode(ctx, tx, hash, g, a.RedirectURI, a.Challenge, tx.Now().Add(s.codeTTL(client))); err != nil {
				return err
			}
		}
		if front {
			g.alone = !a.wants(typeCode) && !a.wants(typeToken)
			p, err = s.personTx(ctx, tx, client, g, g.Scopes)
		}
		return err
	})
	if err == nil && a.wants(typeSubjectToken) {
		var subject string
		subject, err = s.signSubject(ctx, client, acting)
		pairs = append(pairs, param{typeSubjectToken, subject})
	}
	if err != nil || !front {
		return pairs, err
	}
	org, err := s.Orgs.Resolve(ctx, t, g.Org.String())
	if err != nil {
		return nil, err
	}
	if err := s.settleDetails(ctx, client, &p); err != nil {
		return nil, err
	}
	of := vouched{code: code, nonce: a.Nonce, state: a.State}
	if a.wants(typeToken) {
		var seconds int64
		of.access, seconds, err = s.signAccess(ctx, t, accessClaims{issuer: g.Issuer, client: client, org: org, audience: p.audience, details: p.details, scopes: p.scopes, epoch: g.Stamp, person: &p})
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, param{"access_token", of.access}, param{"token_type", tokenType(binding{})}, param{"expires_in", strconv.FormatInt(seconds, 10)},
			param{"scope", strings.Join(p.scopes, " ")})
		if len(p.details) > 0 {
			pairs = append(pairs, param{paramDetails, p.details.String()})
		}
	}
	if a.wants(typeIDToken) {
		idToken, err := s.signID(ctx, t, g.Issuer, client, org, p, of)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, param{typeIDToken, idToken})
	}
	return pairs, nil
}
