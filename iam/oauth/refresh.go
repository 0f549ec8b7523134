package oauth

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/secrets"
)

// refresh is the grant refresh_token (RFC 6749, section 6) with rotation at every use and detection of reuse
// (RFC 9700, section 4.14).
//
// A family has one newest generation of refresh tokens. A token of the newest is answered with one of the next. The one that was
// so rotated is answered once more while the newest is unused and younger than the grace, for a response that was lost. Of
// the two that it was answered with one goes on. Anything older, later or more often means that two hold the family: it ends.
//
// A client whose profile is against rotation keeps its token: that is bound to how the client proves itself, and a rotated one
// could get lost (FAPI 2.0, section 5.3.2.1).
func (s *Service) refresh(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	plain := form.get("refresh_token")
	if plain == "" {
		return refuse(codeInvalidRequest, "refresh_token is required.").told("RFC 6749, section 6", "", "Send the refresh token of the last token response.")
	}
	narrower, err := scopeList(form.get("scope"))
	if err != nil {
		return err
	}
	if !secrets.LooksLike(prefixRefresh, plain) {
		return errGrant.told("RFC 6749, section 6", "refresh_token is one that this server made, whole.", "Send refresh_token as it came; an access token is none.")
	}
	wanted, err := s.readDetails(ctx, client.Client, form, form.all("resource"), details.Request{})
	if err != nil {
		return err
	}
	hash := secrets.HashToken(plain)
	issuer := httpapi.IssuerOf(ctx).URL
	var p person
	var next string
	refused := false
	err = s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		f, err := lockRefresh(ctx, tx, hash)
		switch {
		case db.IsNoRows(err):
			return errGrant.told("RFC 6749, section 6", "refresh_token is one that this server made and still knows.", "Let the person sign in again.")
		case err != nil:
			return err
		case f.App != client.ID || f.Issuer != issuer || !atBase(ctx, f.Org) || !f.bound().satisfiedBy(client.shown):
			return errGrant.told("RFC 6749, section 6", "refresh_token was made for this app, at this issuer, and comes with the key or certificate, and from the browser, that it is bound to.",
				"Refresh with the client_id, at the issuer, with the key and in the browser of the first request.")
		}
		generation, ok := s.nextGeneration(f, hash, tx.Now())
		if !ok {
			refused = true
			return s.endTx(ctx, tx, f.grant, reasonRefreshReused)
		}
		if !tx.Now().Before(f.TokenExpiresAt) {
			return errGrant.told("RFC 6749, section 6", "refresh_token has not expired.", "Let the person sign in again; refresh_token_seconds of the app says how long one lives.")
		}
		if err := orGrant(s.holds(ctx, tx, client.Client, f.grant)); err != nil {
			return err
		}
		scopes, err := narrow(client, f.Scopes, narrower)
		if err != nil {
			return err
		}
		f.narrowed = slices.ContainsFunc(f.Scopes, func(scope string) bool { return !contains(scopes, scope) })
		if err := f.aim(client.Client, form); err != nil {
			return err
		}
		if err := f.narrow(wanted); err != nil {
			return err
		}
		if p, err = s.personTx(ctx, tx, client.Client, f.grant, scopes); err != nil {
			return err
		}
		if err := stillOpens(scopes, p); err != nil {
			return err
		}
		if client.Demands().KeepRefresh && f.TokenGeneration == f.Generation {
			return extendRefresh(ctx, tx, hash, s.refreshExpiry(tx, f.grant))
		}
		next, err = s.rotateTx(ctx, tx, client.Client, f.grant, hash, generation)
		return err
	})
	if err == nil && refused {
		err = errGrant.told("RFC 9700, section 4.14.2", "Each refresh token is used once; the answer holds the next.", "Store the new refresh token of each answer before the old one is used again, and refresh from one place at a time. The family of this token has ended.")
	}
	if err != nil {
		return err
	}
	return s.respond(ctx, w, client, p, next, "")
}

// stillOpens refuses a refresh that asks for scopes of which the person's roles give none any more, nor details: the token would open
// nothing (RFC 6749, section 5.2). The refresh token stays what it is, for roles come back.
func stillOpens(wanted []string, p person) error {
	if len(p.details) > 0 {
		return nil
	}
	return noneGranted(wanted, p.scopes, missingGrant)
}

// nextGeneration decides whether a token may still be used, and of which generation its successor is. now is when its request began,
// which may be before that of a request which it waited for.
func (s *Service) nextGeneration(f storedRefresh, hash []byte, now time.Time) (int, bool) {
	switch {
	case f.TokenGeneration == f.Generation:
		return f.Generation + 1, true
	case f.TokenGeneration == f.Generation-1 && bytes.Equal(hash, f.RotatedHash) && !f.Repeated && f.RotatedAt != nil && s.options.RefreshGrace > 0 && now.Before(f.RotatedAt.Add(s.options.RefreshGrace)):
		return f.Generation, true
	}
	return 0, false
}

// narrow applies the scope parameter of a refresh: it may leave out, never add (RFC 6749, section 6). What is left out
// comes back at the next refresh; the grant is not changed.
func narrow(client authenticatedClient, granted, requested []string) ([]string, error) {
	if len(requested) == 0 {
		return granted, nil
	}
	var scopes []string
	for _, scope := range requested {
		opened := []string{scope}
		if scope == scopeGrove {
			opened = authorizedScopes(client.Client, []string{scopeGrove})
		}
		for _, s := range opened {
			if !contains(granted, s) {
				return nil, refuse(codeInvalidScope, "A scope goes beyond what was granted.").told("RFC 6749, section 6", "scope holds no more than was granted: "+strings.Join(granted, " "), "Leave scope out to get what was granted, or let the person sign in with more.")
			}
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}
