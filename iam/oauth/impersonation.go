package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/secrets"
	"grove/orgs/support"
)

// Impersonation: somebody acts as another person, and everything says so ([ADR 0033]).
//
// It takes two steps. Who wants to act signs in with the response type subject_token and names the person by requested_subject; what
// comes back is a subject token, which is about that person and whose may_act names who may act (RFC 8693, section 4.4). The app
// exchanges it, once, with proof of the one who acts: an ID token or access token of his as the actor_token. The access token's act
// (section 4.1) names him, whatever is made of it later, and there is never a refresh token.
//
// He needs the permission users.impersonate where the person lives, may do what the person may, and, unless he lives there or below
// himself, that organization's word (orgs/support). A guest does not.
//
// [ADR 0033]: docs/adr/0033-impersonation.md
const (
	typSubject     = "subject+jwt" // our own
	typeIDTokenURI = "urn:ietf:params:oauth:token-type:id_token"

	claimReadOnly = "read_only"

	subjectLife       = 3 * time.Minute // of a subject token
	impersonationLife = time.Hour       // of all that comes of one

	reasonSubjectReused = "subject_token_reused"
)

var (
	permImpersonate = perm.Declare("users.impersonate", "Act as the people of an organization who may do no more than oneself, through apps that allow it; below one's own organization only while that one lets it happen (support access).")

	eventImpersonated = events.Declare[impersonatedData]("user.impersonated", "Somebody got a token by which he acts as another person. The events of what he does with it name both. It is in the log of the person's organization, and in that of his own where that is another.")

	errImpersonation = refuse(codeAccessDenied, "Nobody may act as this person here and now.").told("Grove's impersonation (ADR 0033)",
		"requested_subject is a person at or below the organization that is signed in to, who may do no more than who wants to act as him; who wants it holds users.impersonate there; the app is available there; and who does not live there or below has that organization's word: it has opened support access.",
		"See whether the person's organization has opened support access, which roles both hold, and whether the app is shared with it.")
	errRequestedSubject = refuse(codeInvalidRequest, "requested_subject is required where a subject token comes back: the id of a person.").told("Grove's impersonation (ADR 0033)", "",
		"Send requested_subject with the sub that the app knows the person by.")
	errImpersonateScope = refuse(codeInvalidScope, "The scope users.impersonate is required where a subject token comes back.").told("Grove's impersonation (ADR 0033)",
		"scope has users.impersonate, and the app is authorized for it.", "Authorize the app for users.impersonate of the management API (tab APIs), and ask for that scope.")
	errImpersonator = refuse(codeInvalidRequest, "actor_token is required, and has to be an ID token or an access token, of this client and this sign-in, of who may act.").told("RFC 8693, section 2.1",
		"actor_token is of the person whom may_act of the subject token names.", "Ask for response_type=id_token subject_token, and send the ID token as actor_token.")
)

type impersonatedData struct {
	App          ids.App            `json:"app_id" audit:"public"`
	Impersonator ids.User           `json:"impersonator_id" audit:"public"`
	ReadOnly     bool               `json:"read_only" audit:"public"`
	Support      *ids.SupportAccess `json:"support_access_id,omitempty" audit:"public"`
	User         ids.User           `json:"user_id" audit:"public"`
}

// readImpersonation reads whom the person at the browser wants to act as.
func (s *Service) readImpersonation(ctx context.Context, client apps.Client, p params, a *authorization) error {
	if !a.wants(typeSubjectToken) {
		return nil
	}
	named, err := s.namingFor(ctx, httpapi.TenantOf(ctx).ID, client)
	if err != nil {
		return err
	}
	a.ActAs, err = named.person(p.get("requested_subject"))
	switch {
	case err != nil || a.ActAs.IsZero():
		return errRequestedSubject
	case !contains(a.Scopes, permImpersonate.Name()):
		return errImpersonateScope
	}
	return nil
}

// impersonateTx stores the grant by which the person who has signed in acts as the one whom he asked for. Errors: [errImpersonation].
func (s *Service) impersonateTx(ctx context.Context, tx db.Tx, client apps.Client, a authorization, done authn.Done) (grant, error) {
	user, err := s.Users.Load(ctx, tx, a.ActAs)
	if fault.CodeNotFound.Is(err) {
		return grant{}, errImpersonation
	}
	if err != nil {
		return grant{}, err
	}
	g := newGrant(client, a, done)
	g.User, g.Org, g.Impersonator, g.ImpersonatorOrg = user.ID, user.Org, done.User, done.Org
	g.Offline, g.Nonce, g.Claims, g.Details, g.JKT = false, "", "", "", ""
	g.Scopes = slices.DeleteFunc(assertedScopes(client, a.Scopes), func(scope string) bool { return scope == permImpersonate.Name() })
	g.ExpiresAt = tx.Now().Add(impersonationLife)
	if err := s.allowedTx(ctx, tx, client, &g); err != nil {
		return g, err
	}
	err = s.createTx(ctx, tx, client, &g)
	if errors.Is(err, errGrant) {
		err = errImpersonation.because(err)
	}
	return g, err
}

// allowedTx refuses a grant whose impersonator may not act as its person in its organization (errImpersonation), and fills in by whose
// word he may. It is asked again for every other organization that he would act in.
func (s *Service) allowedTx(ctx context.Context, tx db.Tx, client apps.Client, g *grant) error {
	member, err := s.Members.IsMember(ctx, tx, g.Org, g.User)
	if err != nil {
		return err
	}
	available, err := s.available(ctx, tx, client, g.Org)
	if err != nil {
		return err
	}
	if !member || !available || g.User == g.Impersonator {
		return errImpersonation
	}
	if err := s.permittedTx(ctx, tx, *g); err != nil {
		return err
	}
	access, open, err := s.Support.OpenFor(ctx, tx, g.Org, g.Impersonator)
	if err == nil && !open {
		err = errImpersonation
	}
	g.Support, g.ReadOnly = access.ID, access.Mode != support.ModeFull
	if !access.ID.IsZero() && access.ExpiresAt.Before(g.ExpiresAt) {
		g.ExpiresAt = access.ExpiresAt
	}
	return err
}

// permittedTx refuses unless who acts holds the permission in the grant's organization, and may do all that its person may.
func (s *Service) permittedTx(ctx context.Context, tx db.Tx, g grant) error {
	ctx = actor.Into(ctx, impersonator(httpapi.TenantOf(ctx).ID, g))
	held, err := s.Roles.HeldTx(ctx, tx, g.Org)
	if err != nil {
		return err
	}
	if !held[permImpersonate.Name()] {
		return errImpersonation
	}
	err = s.Users.CheckRankOf(ctx, tx, g.User)
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Code.Kind == fault.Forbidden {
		err = errImpersonation.because(err)
	}
	return err
}

// impersonator is who acts by a grant, with all that his roles give: what matters is who he is, not by which app he came.
func impersonator(tenant ids.Tenant, g grant) actor.Actor {
	a := actor.Actor{Kind: actor.User, Tenant: tenant, Org: g.ImpersonatorOrg, User: g.Impersonator, App: g.App, Session: g.Session, Scopes: map[string]bool{}}
	for _, p := range perm.All() {
		a.Scopes[p.Name()] = true
	}
	return a
}

// signSubject makes the subject token of a grant.
func (s *Service) signSubject(ctx context.Context, client apps.Client, g grant) (string, error) {
	t := httpapi.TenantOf(ctx)
	known, err := s.namingFor(ctx, t.ID, client)
	if err != nil {
		return "", err
	}
	key, err := s.Keys.Signer(ctx, t.ID, "")
	if err != nil {
		return "", err
	}
	now := s.DB.Clock().Now()
	return key.Sign(typSubject, newClaims().text("iss", g.Issuer).text("sub", known.subject(g.User)).text("aud", g.Issuer).text("client_id", client.ClientID).
		number("exp", now.Add(subjectLife).Unix()).number("iat", now.Unix()).text("jti", ids.NewAccessToken().String()).words("scope", g.Scopes).text("org_id", g.Org.String()).
		text("gid", g.ID.String()).raw("may_act", newClaims().text("sub", known.subject(g.Impersonator)).end()).end())
}

// isSubjectToken reports whether a token of ours says of itself that it is a subject token. Nothing is verified.
func isSubjectToken(token string) bool {
	c, err := unverified(token)
	if err != nil {
		return false
	}
	_, names := c.Get("may_act")
	return names
}

// exchangeSubject redeems a subject token.
func (s *Service) exchangeSubject(ctx context.Context, w http.ResponseWriter, client authenticatedClient, form params, requested []string) error {
	t := httpapi.TenantOf(ctx)
	c, err := s.verify(ctx, t, form.get("subject_token"), typSubject)
	if err == nil {
		err = c.ValidateTimes(s.DB.Clock().Now(), 0)
	}
	var id ids.Grant
	if err == nil {
		err = parseInto(c, "gid", &id)
	}
	if err == nil {
		if of, _ := c.Text("client_id"); of != client.ClientID {
			err = errToken
		}
	}
	if err != nil {
		return orInvalid(errors.Join(errToken, err))
	}
	acting, session, err := s.actingPerson(ctx, t, client, form)
	if err != nil {
		return err
	}
	if form.has(paramDetails) {
		return refuse(codeInvalidDetails, "A person agrees to authorization_details himself.")
	}
	resources, err := readResources(client.Client, append(slices.Clone(form), form.renamed("audience", "resource")...))
	if err != nil {
		return err
	}
	var p person
	reused := false
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		g, err := findGrant(ctx, tx, id)
		switch {
		case db.IsNoRows(err):
			return errSubject
		case err != nil:
			return err
		case g.App != client.ID || g.Impersonator.IsZero() || g.Issuer != httpapi.IssuerOf(ctx).URL:
			return errSubject
		case g.Impersonator != acting || g.Session != session:
			return errImpersonator
		}
		fresh, err := insertUsed(ctx, tx, secrets.HashToken(typSubject+" "+g.ID.String()), g.ExpiresAt)
		if err != nil {
			return err
		}
		ctx = asPerson(ctx, g)
		if !fresh { // somebody has it who should not, as with a code
			reused = true
			return s.endTx(ctx, tx, g, reasonSubjectReused)
		}
		if good, err := s.holds(ctx, tx, client.Client, g); err != nil || !good {
			return errors.Join(err, errSubject)
		}
		if err := s.permittedTx(ctx, tx, g); err != nil {
			return err
		}
		scopes := g.Scopes
		if len(requested) > 0 {
			scopes = slices.DeleteFunc(authorizedScopes(client.Client, requested), func(scope string) bool { return !contains(g.Scopes, scope) })
		}
		g.Resources = resources
		if p, err = s.personTx(ctx, tx, client.Client, g, scopes); err != nil {
			return err
		}
		if err := noneGranted(requested, p.scopes, missingGrant); err != nil {
			return err
		}
		return s.Events.Write(ctx, tx, impersonated(g)...)
	})
	if err == nil && reused {
		err = errSubject
	}
	if err != nil {
		return err
	}
	org, err := s.resolve(ctx, t, p.grant.Org.String())
	if err != nil {
		return err
	}
	return s.respondAccess(ctx, w, accessClaims{issuer: p.grant.Issuer, client: client.Client, bound: client.bound(), org: org, audience: p.audience, scopes: p.scopes, epoch: p.grant.Stamp,
		person: &p}, typeAccessToken)
}

func impersonated(g grant) []events.Fact {
	data := impersonatedData{App: g.App, Impersonator: g.Impersonator, ReadOnly: g.ReadOnly, User: g.User}
	if !g.Support.IsZero() {
		data.Support = &g.Support
	}
	facts := []events.Fact{eventImpersonated.Of(g.Org, g.User, data)}
	if g.ImpersonatorOrg != g.Org {
		facts = append(facts, eventImpersonated.Of(g.ImpersonatorOrg, g.User, data))
	}
	return facts
}

// actingPerson reads who redeems a subject token, and his session.
func (s *Service) actingPerson(ctx context.Context, t httpapi.Tenant, client authenticatedClient, form params) (ids.User, ids.Session, error) {
	no := func(err error) (ids.User, ids.Session, error) { return ids.User{}, ids.Session{}, err }
	if form.get("actor_token_type") != typeIDTokenURI {
		a, err := s.exchanged(ctx, t, form, "actor_token")
		if err == nil && (a.clientID != client.ClientID || a.act != nil || a.user.IsZero() || !a.bound.satisfiedBy(client.shown)) {
			err = errImpersonator
		}
		if err == nil {
			_, err = s.standing(ctx, t, a)
		}
		if err != nil {
			return no(errImpersonator.because(err))
		}
		return a.user, a.session, nil
	}
	c, err := s.readHint(ctx, t, form.get("actor_token"))
	if err == nil && issuedTo(c) != client.ClientID { // it may be for others besides, whose proof it is not
		err = errToken
	}
	if err == nil {
		err = c.ValidateTimes(s.DB.Clock().Now(), 0)
	}
	if err != nil {
		return no(errImpersonator.because(err))
	}
	user, session, err := s.hinted(ctx, t, c)
	if err == nil && (user.IsZero() || session.IsZero()) {
		err = errToken
	}
	if err != nil {
		return no(errImpersonator.because(err))
	}
	return user, session, nil
}

// impersonatedSubjects adds to what a token stands on what stands behind who acts as its person. errToken: its grant is gone.
func (a accessToken) impersonatedSubjects(ctx context.Context, q db.Querier, of *sessions.Subjects) (grant, error) {
	if a.act == nil || a.grant.IsZero() {
		return grant{}, nil
	}
	g, err := findGrant(ctx, q, a.grant)
	if db.IsNoRows(err) {
		err = errToken
	}
	g.impersonated(of)
	return g, err
}

// actOf is act of a token by which somebody acts as another person, nil where nobody does.
func (g grant) actOf(known naming) json.RawMessage {
	if g.Impersonator.IsZero() {
		return nil
	}
	return newClaims().text("sub", known.subject(g.Impersonator)).end()
}

// admitImpersonator lets somebody who acts as another person in at the management API, where events name both. Other tokens with act
// are none for it: they would name the wrong one. He has to hold the permission still, and may do all that the person may.
func (s *Service) admitImpersonator(ctx context.Context, t httpapi.Tenant, a accessToken, who *actor.Actor) error {
	var of sessions.Subjects
	g, err := a.impersonatedSubjects(ctx, s.DB.Reader(t.ID), &of)
	if err != nil {
		return err
	}
	if g.Impersonator.IsZero() || len(a.exchange.tokens) > 0 {
		return errToken
	}
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error { return s.permittedTx(ctx, tx, g) })
	if errors.Is(err, errImpersonation) {
		err = errToken
	}
	who.Impersonator, who.ImpersonatorOrg, who.Support, who.ReadOnly = g.Impersonator, g.ImpersonatorOrg, g.Support, g.ReadOnly
	return err
}
