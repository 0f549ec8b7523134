package oauth

import (
	"context"
	"errors"
	"net/http"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// noLonger is what a client is told where something that a sign-in stands on ended while the person typed.
func noLonger(err error) error {
	if errors.Is(err, errGrant) {
		return refuse(codeAccessDenied, "The account, the organization or the application is not active.")
	}
	return err
}

// newGrant is what a person has authorized by a sign-in, to be stored.
func newGrant(client apps.Client, a authorization, done authn.Done) grant {
	return grant{ID: ids.NewGrant(), Org: done.Org, User: done.User, App: client.ID, Session: done.Session, Offline: contains(a.Scopes, scopeOfflineAccess),
		Issuer: a.Issuer, Claims: a.Claims, Details: a.Details.String(), Resources: a.Resources, Scopes: a.Scopes, Nonce: a.Nonce, JKT: a.JKT, AMR: done.AMR, AuthTime: done.AuthTime}
}

// createTx stores a new grant, if everything that it will stand on holds. errGrant says that something does not. ExpiresAt, where
// it is set, bounds its life. A page that is loaded anew asks again for what it had; the log is told of what the app gains only.
func (s *Service) createTx(ctx context.Context, tx db.Tx, client apps.Client, g *grant) error {
	if !atBase(ctx, g.Org) {
		return errGrant
	}
	session, good, err := s.Sessions.FindTx(ctx, tx, g.Session)
	if err != nil {
		return err
	}
	if !good || session.User != g.holder() {
		return errGrant
	}
	if session.Org != g.Org {
		g.SessionOrg = session.Org
	}
	until, enough, err := s.Sessions.SufficesIn(ctx, tx, session, g.Org)
	if err != nil {
		return err
	}
	if !enough {
		return errGrant.told("a setting of the organization's: sessions", "The person proved himself, and was last seen, within the times that the organization sets.",
			"Let the person sign in to the organization.")
	}
	latest := g.ExpiresAt
	g.ExpiresAt = tx.Now().Add(s.grantLife(client))
	if !g.Offline && until.Before(g.ExpiresAt) {
		g.ExpiresAt = until
	}
	if !latest.IsZero() && latest.Before(g.ExpiresAt) {
		g.ExpiresAt = latest
	}
	standing, err := s.Sessions.Standing(ctx, tx, g.subjects())
	if err != nil {
		return err
	}
	if standing.Blocked {
		return errGrant
	}
	g.Stamp = standing.Stamp
	user, err := s.Users.Load(ctx, tx, g.User)
	if err != nil {
		return err
	}
	g.UserOrg = user.Org
	gained, err := insertGrant(ctx, tx, *g)
	if err != nil || !gained {
		return err
	}
	list, err := g.details()
	if err != nil {
		return err
	}
	return s.Events.Write(ctx, tx, eventGrantCreated.Of(g.Org, g.ID, grantData{App: g.App, DetailsTypes: list.Types(), Resources: g.Resources, Scopes: g.Scopes, User: g.User}))
}

// redeemCode is the grant authorization_code (RFC 6749, section 4.1.3; RFC 7636, section 4.6).
func (s *Service) redeemCode(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	code, redirect, verifier := form.get("code"), form.get("redirect_uri"), form.get("code_verifier")
	switch {
	case code == "":
		return refuse(codeInvalidRequest, "code is required.").told("RFC 6749, section 4.1.3", "", "Send the code that came to the redirect URI.")
	case redirect == "":
		return refuse(codeInvalidRequest, "redirect_uri is required.").told("RFC 6749, section 4.1.3", "redirect_uri is the one of the authorization request.", "Send the same redirect_uri again with the code.")
	case verifier == "" && !client.PKCEOptional:
		return refuse(codeInvalidGrant, "code_verifier is required (RFC 7636).").told("RFC 7636, section 4.5", "", "Keep the verifier that the challenge was made of, and send it with the code.")
	case !secrets.LooksLike(prefixCode, code):
		return errGrant.told("RFC 6749, section 4.1.3", "code is one that this server made, whole.", "Send the parameter code as it came, decoded once.")
	}
	wanted, err := s.readDetails(ctx, client.Client, form, form.all("resource"), details.Request{})
	if err != nil {
		return err
	}
	hash := secrets.HashToken(code)
	issuer := httpapi.IssuerOf(ctx).URL
	var p person
	var refresh string
	refused := false
	err = s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		c, err := lockCode(ctx, tx, hash)
		switch {
		case db.IsNoRows(err):
			return errGrant.told("RFC 6749, section 4.1.2", "code was made by this server in the last minute.", "Start a new sign-in. A code of another tenant or installation is not known here.")
		case err != nil:
			return err
		case c.App != client.ID || c.Issuer != issuer || !atBase(ctx, c.Org):
			return errGrant.told("RFC 6749, section 4.1.3", "code was made for this app, at this issuer.", "Redeem the code with the client_id, and at the token endpoint of the issuer, of the authorization request.")
		case c.UsedAt != nil:
			// Somebody has it who should not: what the first use led to ends (RFC 6749, section 4.1.2).
			refused = true
			return s.endTx(ctx, tx, c.grant, reasonCodeReused)
		case !c.bound().satisfiedBy(client.shown):
			return errGrant.told("RFC 9449, section 10", "The request proves the key, or shows the certificate, that the code is bound to, and comes from the browser that it is bound to.", "Make the proof with the key whose thumbprint was sent as dpop_jkt; redeem the code in the browser that it came to.")
		case !tx.Now().Before(c.CodeExpiresAt):
			return errGrant.told("RFC 6749, section 4.1.2", "code is redeemed before it expires, within a minute at the most.", "Redeem the code at once when it comes; start a new sign-in for this one.")
		case c.RedirectURI != redirect:
			return errGrant.told("RFC 6749, section 4.1.3", "redirect_uri is the one of the authorization request, byte for byte.", "Use one setting for both requests.")
		case !verifierMatches(verifier, c.CodeChallenge):
			return verifierAdvice(verifier, c.CodeChallenge)
		}
		if err := orGrant(s.holds(ctx, tx, client.Client, c.grant)); err != nil {
			return err
		}
		if err := orGrant(useCode(ctx, tx, hash)); err != nil {
			return err
		}
		if err := s.bindRefreshTx(ctx, tx, client, &c.grant); err != nil {
			return err
		}
		if err := c.aim(client.Client, form); err != nil {
			return err
		}
		if err := c.narrow(wanted); err != nil {
			return err
		}
		if p, err = s.personTx(ctx, tx, client.Client, c.grant, c.Scopes); err != nil {
			return err
		}
		refresh, err = s.refreshTx(ctx, tx, client.Client, c.grant)
		return err
	})
	if err == nil && refused {
		err = errGrant.told("RFC 6749, section 4.1.2", "code is redeemed once.", "See what sends the callback twice: a page that is loaded again, a double effect in development, a retry. What the first use led to has ended.")
	}
	if err != nil {
		return err
	}
	return s.respond(ctx, w, client, p, refresh, p.grant.Nonce)
}

// orGrant is a check's own failure, or errGrant where the check says no. Never both: a database that is away must not look
// like a grant that is over, for which a client throws its token away.
func orGrant(ok bool, err error) error {
	if err == nil && !ok {
		return errGrant.told("RFC 6749, section 5.2", "What the grant stands on still holds: session, person, membership, organization, and that the app is available there.", "Let the person sign in again.")
	}
	return err
}
