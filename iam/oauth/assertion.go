package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/issuers"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Assertions as grants (RFC 7521): somebody whom an organization trusts (iam/issuers) says who a person is, and an app acts for him.
// The base that the request comes in by names the organization; nothing that the assertion says does. What comes of it is a grant
// without a session: no refresh token, no ID token, and no way to another organization.

// TrustedIssuers are whom organizations trust to speak for their people. iam/issuers.
type TrustedIssuers interface {
	Find(ctx context.Context, tx db.Tx, org ids.Org, format, issuer string) (issuers.Issuer, error)
	Person(ctx context.Context, tx db.Tx, i issuers.Issuer, subject string, emailVerified bool) (users.User, error)
}

// assertion is one that its issuer has made for us, just now and for this once.
type assertion struct {
	issuer   issuers.Issuer
	name     string // by which the issuer was found
	subject  string
	verified bool // the issuer has verified that the subject, an address, is the person's
	expires  time.Time
}

// Why an assertion is refused. What is told of it before it is known whose it is tells nothing.
const (
	ruleAudience = "The assertion is for somebody else: its audience has to be this organization's issuer or token endpoint, or an audience that the issuer is trusted with, and nothing besides."
	ruleBound    = "The assertion is bound to a key or certificate that this request does not prove to hold."
	ruleClaims   = "The assertion has a claim that makes it something else: act, may_act or events."
	ruleLacking  = "The person lacks a value that the application cannot do without: he has to sign in with a browser first, or his administrator to fill it in."
	ruleLife     = "The assertion has no end, is over or not yet good, or lives longer than the issuer is trusted with."
	ruleOnce     = "The assertion was used before."
	rulePerson   = "The assertion is about nobody for whom this client may act here."
	ruleTrusted  = "The assertion is not a signed one of an issuer that this organization trusts."
)

// notAsserted is why an assertion is no grant. The caller gives it the code of its own specification.
type notAsserted struct {
	rule  string
	cause error
}

func (e *notAsserted) Error() string { return e.rule }
func (e *notAsserted) Unwrap() error { return e.cause }

var errOtherwise = errors.New("oauth: what is believed of the issuer has changed")

// asCode turns a refused assertion into a protocol's error.
func asCode(err error, code string) error {
	var no *notAsserted
	if errors.As(err, &no) {
		return refuseBecause(code, no.rule, no.cause)
	}
	return err
}

// reader verifies an assertion of one format and uses it up. Every failure but one of the database is a notAsserted.
type reader func(ctx context.Context, client authenticatedClient, text string) (assertion, error)

// bring is the grant of an assertion. Parameters: assertion, scope, resource (RFC 8707).
func (s *Service) bring(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params, read reader) error {
	ctx := r.Context()
	if !form.has("assertion") {
		return refuse(codeInvalidRequest, "assertion is required.")
	}
	if form.has(paramDetails) {
		return errDetailsUnasked
	}
	a, err := read(ctx, client, form.get("assertion"))
	if err != nil {
		return asCode(err, codeInvalidGrant)
	}
	claims, err := s.grantAsserted(ctx, client, a, form, time.Time{})
	if err != nil {
		return asCode(err, codeInvalidGrant)
	}
	return s.respondAccess(ctx, w, claims, "")
}

// exchangeForeign is the token exchange of what a trusted issuer has signed (RFC 8693, section 2.1), by the rules of the grant above. What
// comes of it lives no longer than what went in. Parameters: those of exchange, without an actor.
func (s *Service) exchangeForeign(ctx context.Context, w http.ResponseWriter, client authenticatedClient, form params, read reader) error {
	if form.has("actor_token", "actor_token_type") {
		return refuse(codeInvalidRequest, "actor_token goes with a subject_token of this server.")
	}
	if form.has(paramDetails) {
		return errDetailsUnasked
	}
	a, err := read(ctx, client, form.get("subject_token"))
	if err != nil {
		return asCode(err, codeInvalidRequest)
	}
	claims, err := s.grantAsserted(ctx, client, a, append(form[:len(form):len(form)], form.renamed("audience", "resource")...), a.expires)
	if err != nil {
		return asCode(err, codeInvalidRequest)
	}
	return s.respondAccess(ctx, w, claims, typeAccessToken)
}

// trustedIssuer finds whom the base's organization trusts under a name.
func (s *Service) trustedIssuer(ctx context.Context, org ids.Org, format, name string) (found issuers.Issuer, err error) {
	err = s.DB.InTenant(ctx, httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		found, err = s.Issuers.Find(ctx, tx, org, format, name)
		return err
	})
	if fault.CodeNotFound.Is(err) {
		err = &notAsserted{ruleTrusted, err}
	}
	return found, err
}

// ownAudiences are the names that we have for whoever makes assertions out to us (RFC 7523, section 3).
func (s *Service) ownAudiences(ctx context.Context) []string {
	issuer := httpapi.IssuerOf(ctx).URL
	ours := []string{issuer, issuer + "/oauth2/token"}
	if alias := s.alias(ctx); alias != "" {
		ours = append(ours, alias+"/oauth2/token")
	}
	return ours
}

// checkAudience wants each audience to be ours, or one that the issuer is trusted with: what is good elsewhere as well could have come
// from there.
func (s *Service) checkAudience(ctx context.Context, i issuers.Issuer, audience []string) error {
	ours := append(s.ownAudiences(ctx), i.Audiences...)
	if len(audience) == 0 || slices.ContainsFunc(audience, func(a string) bool { return !contains(ours, a) }) {
		return &notAsserted{ruleAudience, errAssertionAudience}
	}
	return nil
}

// useAssertion remembers an assertion of an issuer until it is over, and refuses one that was used.
func (s *Service) useAssertion(ctx context.Context, i issuers.Issuer, id string, expires time.Time) error {
	first, err := s.firstUse(ctx, "issuer:"+i.ID.String(), id, expires.Add(assertionLeeway))
	if err == nil && !first {
		err = &notAsserted{ruleOnce, errAssertionReplayed}
	}
	return err
}

// grantAsserted lets a client act for the person whom an assertion is about. latest is when the tokens end at the latest; zero leaves it
// to the app. Parameters: scope, and the resources that were named.
func (s *Service) grantAsserted(ctx context.Context, client authenticatedClient, a assertion, form params, latest time.Time) (accessClaims, error) {
	no := func(err error) (accessClaims, error) { return accessClaims{}, err }
	t := httpapi.TenantOf(ctx)
	resources, err := readResources(client.Client, form)
	if err != nil {
		return no(err)
	}
	requested, err := scopeList(form.get("scope"))
	if err != nil {
		return no(err)
	}
	wanted := requested
	if len(requested) == 0 {
		wanted = scopesOf(client.Client, resources)
	}
	scopes := assertedScopes(client.Client, wanted)
	org, err := s.resolve(ctx, t, a.issuer.Org.String())
	if errors.Is(err, errGrant) || err == nil && org.Status != orgActive {
		err = &notAsserted{rulePerson, nil}
	}
	if err != nil {
		return no(err)
	}
	var p person
	err = s.DB.InTenant(asClient(ctx, client.Client), t.ID, func(ctx context.Context, tx db.Tx) error {
		user, err := s.Issuers.Person(ctx, tx, a.issuer, a.subject, a.verified)
		if fault.CodeNotFound.Is(err) {
			return &notAsserted{rulePerson, err}
		}
		if err != nil {
			return err
		}
		g := grant{ID: ids.NewGrant(), Org: org.ID, User: user.ID, UserOrg: user.Org, App: client.ID, Connection: a.issuer.ID, ExpiresAt: latest,
			Issuer: httpapi.IssuerOf(ctx).URL, Resources: resources, Scopes: scopes, AuthTime: tx.Now()}
		g.bind(client)
		if err := s.createAssertedTx(ctx, tx, client.Client, &g, a); err != nil {
			return err
		}
		if needed, _ := asked(client.Client, scopes, byName{}); len(authn.Lacks(needed, user)) > 0 {
			return &notAsserted{ruleLacking, nil}
		}
		if p, err = s.personTx(ctx, tx, client.Client, g, scopes); err != nil {
			return err
		}
		return noneGranted(requested, p.scopes, missingGrant)
	})
	if err != nil {
		return no(err)
	}
	return accessClaims{issuer: p.grant.Issuer, client: client.Client, bound: client.bound(), org: org, audience: p.audience, scopes: p.scopes, epoch: p.grant.Stamp,
		person: &p}, nil
}

// createAssertedTx stores a grant if all that it will stand on holds: the person and his place in the organization, the app and that it
// is available there, and the issuer, of which as much is believed as when the assertion was read.
func (s *Service) createAssertedTx(ctx context.Context, tx db.Tx, client apps.Client, g *grant, a assertion) error {
	standing, err := s.Sessions.Standing(ctx, tx, g.subjects())
	if err != nil {
		return err
	}
	// After the standing: a change from here on makes the stamp an old one.
	now, err := s.Issuers.Find(ctx, tx, g.Org, a.issuer.Format, a.name)
	if fault.CodeNotFound.Is(err) || err == nil && (now.ID != a.issuer.ID || now.Version != a.issuer.Version) {
		return &notAsserted{ruleTrusted, errOtherwise}
	}
	if err != nil {
		return err
	}
	member, err := s.Members.IsMember(ctx, tx, g.Org, g.User)
	if err != nil {
		return err
	}
	available, err := s.available(ctx, tx, client, g.Org)
	if err != nil {
		return err
	}
	if standing.Blocked || !member || !available {
		return &notAsserted{rulePerson, nil}
	}
	g.Stamp = standing.Stamp
	ends := tx.Now().Add(s.accessTTL(client))
	if g.ExpiresAt.IsZero() || ends.Before(g.ExpiresAt) {
		g.ExpiresAt = ends
	}
	if _, err := insertGrant(ctx, tx, *g); err != nil {
		return err
	}
	return s.Events.Write(ctx, tx, eventGrantCreated.Of(g.Org, g.ID, grantData{App: g.App, Connection: &g.Connection, Resources: g.Resources, Scopes: g.Scopes, User: g.User}))
}

// assertedScopes are what a client may ask for on behalf of somebody who was not asked: what is about him himself only where people are
// not asked anyway; and nothing that outlasts the token.
func assertedScopes(client apps.Client, requested []string) []string {
	return slices.DeleteFunc(authorizedScopes(client, requested), func(scope string) bool {
		_, api := client.APIOf(scope)
		return scope == scopeOfflineAccess || !api && !client.SkipConsent
	})
}

// respondAccess signs an access token and sends it alone. issued is the type of an exchanged one (RFC 8693, section 2.2.1); "" otherwise.
func (s *Service) respondAccess(ctx context.Context, w http.ResponseWriter, a accessClaims, issued string) error {
	access, seconds, err := s.signAccess(ctx, httpapi.TenantOf(ctx), a)
	if err != nil {
		return err
	}
	writeRaw(w, http.StatusOK, newClaims().text("access_token", access).text("issued_token_type", issued).text("token_type", tokenType(a.bound)).
		number("expires_in", seconds).words("scope", a.scopes).details(a.details).end())
	return nil
}
