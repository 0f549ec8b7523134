package oauth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// switchOrganization is the grant organization_switch: an access token of one organization is changed into one of
// another. Nothing is carried over but who the person is and how he signed in: membership, availability of the app,
// roles, scopes and how long a sign-in is proof enough
// are asked in the target, as at a sign-in there.
//
// The new token may be for whatever the grant of the one that is held is for, and brings a refresh token. So a token that was
// narrowed for one API, or exchanged, is none to switch with: that API would gain what was kept from it. And nobody switches to
// where he is.
//
// authorization_details are not carried over, and a person's cannot be asked for: he has agreed to them in one organization, about what
// is there. A client's own token is made anew, with those that the request names.
//
// Parameters: token (the access token held), switching_organization (id or handle), scope; of a client's own also authorization_details.
func (s *Service) switchOrganization(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	t := httpapi.TenantOf(ctx)
	switch {
	case !form.has("token"):
		return refuse(codeInvalidRequest, "token is required.")
	case !form.has("switching_organization"):
		return refuse(codeInvalidRequest, "switching_organization is required.")
	}
	requested, err := scopeList(form.get("scope"))
	if err != nil {
		return err
	}
	held, err := s.readAccess(ctx, t, form.get("token"))
	if errors.Is(err, errToken) || err == nil && (held.clientID != client.ClientID || !held.bound.satisfiedBy(client.shown)) {
		return errGrant
	}
	if err != nil {
		return err
	}
	if !held.connection.IsZero() {
		return refuse(codeInvalidGrant, "The token was issued for an assertion, whose issuer speaks for people of its organization alone.")
	}
	if held.narrowed || len(held.exchange.tokens) > 0 {
		return refuse(codeInvalidGrant, "The token is for less than was granted, by scope, resource or token exchange. Switch with one that is not.")
	}
	target, err := s.resolve(ctx, t, form.get("switching_organization"))
	if err != nil {
		return err
	}
	if target.ID == held.org {
		return refuse(codeInvalidGrant, "The token is of this organization already.")
	}
	if target.Status != orgActive || !atBase(ctx, target.ID) {
		return errGrant
	}
	if held.user.IsZero() {
		_, err := s.standing(ctx, t, held)
		if errors.Is(err, errToken) {
			return errGrant
		}
		if err != nil {
			return err
		}
		return s.respondClient(ctx, w, client, target, requested, form)
	}
	if form.has(paramDetails) {
		return refuse(codeInvalidDetails, "A person agrees to authorization_details in one organization: let him sign in to the other one.")
	}
	var p person
	var refresh string
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		p, refresh, err = s.switchTx(ctx, tx, client, held, target.ID, requested, form)
		return err
	})
	if err != nil {
		return err
	}
	return s.respond(ctx, w, client, p, refresh, "")
}

func (s *Service) switchTx(ctx context.Context, tx db.Tx, client authenticatedClient, held accessToken, target ids.Org, requested []string, form params) (person, string, error) {
	no := func(err error) (person, string, error) { return person{}, "", err }
	line, err := lockLine(ctx, tx, held.grant)
	if err != nil && !db.IsNoRows(err) {
		return no(err)
	}
	i := slices.IndexFunc(line, func(g grant) bool { return g.ID == held.grant && g.App == client.ID && g.User == held.user })
	if i < 0 {
		return no(errGrant)
	}
	from := line[i]
	if from.Browser != "" && from.Browser != client.shown.browser {
		return no(errGrant)
	}
	of := from.subjects()
	of.Token = held.id.UUID()
	standing, err := s.Sessions.Standing(ctx, tx, of)
	if err != nil {
		return no(err)
	}
	if held.act != nil && from.Impersonator.IsZero() {
		return no(errGrant)
	}
	member, err := s.Members.IsMember(ctx, tx, target, from.User)
	if err != nil {
		return no(err)
	}
	available, err := s.available(ctx, tx, client.Client, target)
	if err != nil {
		return no(err)
	}
	if !standing.Good(held.epoch) || !member || !available {
		return no(errGrant)
	}
	// Whatever the person agreed to for the app is the bound: a switch widens nothing.
	scopes := from.Scopes
	if len(requested) > 0 {
		scopes = slices.DeleteFunc(authorizedScopes(client.Client, requested), func(scope string) bool {
			return !contains(from.Scopes, scope)
		})
		if err := noneGranted(requested, scopes, missingGrant); err != nil {
			return no(err)
		}
	}
	g := grant{ID: ids.NewGrant(), Org: target, User: from.User, App: client.ID, Session: from.Session, Offline: from.Offline, ExpiresAt: from.ExpiresAt,
		From: from.ID, First: cmp.Or(from.First, from.ID), Issuer: httpapi.IssuerOf(ctx).URL, Claims: from.Claims, Resources: from.Resources, Scopes: scopes, AMR: from.AMR, AuthTime: from.AuthTime}
	g.bind(client)
	if !from.Impersonator.IsZero() {
		g.Impersonator, g.ImpersonatorOrg = from.Impersonator, from.ImpersonatorOrg
		if err := s.allowedTx(ctx, tx, client.Client, &g); err != nil {
			return no(errGrant.because(err))
		}
	}
	ctx = asPerson(ctx, g)
	if err := makeRoom(ctx, tx, line, target); err != nil {
		return no(err)
	}
	if err := s.createTx(ctx, tx, client.Client, &g); err != nil {
		return no(err)
	}
	if err := g.aim(client.Client, form); err != nil {
		return no(err)
	}
	p, err := s.personTx(ctx, tx, client.Client, g, scopes)
	if err != nil {
		return no(err)
	}
	if !g.Impersonator.IsZero() { // what lasts is for the person himself
		return p, "", s.Events.Write(ctx, tx, impersonated(g)...)
	}
	refresh, err := s.refreshTx(ctx, tx, client.Client, g)
	return p, refresh, err
}

// maxSwitched is how many grants of one line there are in one organization at a time. An app needs one of them, but may have asked
// several times at once, or not yet be done with what it had.
const maxSwitched = 5

// makeRoom takes out the oldest grants of a line that were switched to an organization, to leave room for one more. The app has
// newer ones that give as much, so nobody is told.
func makeRoom(ctx context.Context, tx db.Tx, line []grant, target ids.Org) error {
	there := slices.DeleteFunc(slices.Clone(line), func(g grant) bool { return g.From.IsZero() || g.Org != target })
	for _, g := range there[:max(len(there)-maxSwitched+1, 0)] {
		if err := takeOut(ctx, tx, g.ID); err != nil {
			return err
		}
		if err := tx.Block(ctx, db.KindGrant, g.ID.UUID(), reasonReplaced); err != nil {
			return err
		}
	}
	return nil
}
