package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/iam/authz/details"
	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// Token exchange (RFC 8693): who holds a person's access token changes it into one that is good for something else, such as a
// service that calls another one on behalf of the person who called it.
//
// The token that comes out stands on all that the one that went in stands on, and on that one itself, lives no longer, and brings
// no refresh token: nothing is stored. A client exchanges its own tokens, for less; and those that were made for an API that it serves
// ([apps.Settings] ExchangeAudiences), for what it is itself authorized for and the person's roles give.
const (
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"

	maxActBytes  = 1 << 10 // of act: a chain of some ten services
	maxExchanges = 10      // of one token for the next, in a row
)

// exchangedFor are the tokens that one was exchanged for, one after another, and the other clients whose they were: it stands on
// all of them.
type exchangedFor struct {
	origins []ids.App
	tokens  []ids.AccessToken
}

// after is what a token stands on that another one, of an app, is exchanged for by a client.
func (e exchangedFor) after(subject accessToken, from, client ids.App) exchangedFor {
	e.tokens = append(slices.Clone(e.tokens), subject.id)
	if from != client && !slices.Contains(e.origins, from) {
		e.origins = append(slices.Clone(e.origins), from)
	}
	return e
}

func (e exchangedFor) stand(of *sessions.Subjects) { of.Exchanged, of.Origins = e.tokens, e.origins }

func (e exchangedFor) render(c claims) claims {
	if len(e.tokens) > 0 {
		c = c.words("exchanged", texts(e.tokens))
	}
	if len(e.origins) > 0 {
		c = c.words("origin", texts(e.origins))
	}
	return c
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = one.String()
	}
	return out
}

// exchange is the grant urn:ietf:params:oauth:grant-type:token-exchange.
//
// Parameters: subject_token, subject_token_type, actor_token, actor_token_type, requested_token_type, resource, audience, scope,
// authorization_details.
func (s *Service) exchange(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	t := httpapi.TenantOf(ctx)
	if wanted := form.get("requested_token_type"); wanted != "" && wanted != typeAccessToken && wanted != typeJWT {
		return refuse(codeInvalidRequest, "requested_token_type must be that of an access token.")
	}
	requested, err := scopeList(form.get("scope"))
	if err != nil {
		return err
	}
	switch subjectType := form.get("subject_token_type"); {
	case subjectType == typeSAML:
		return s.exchangeForeign(ctx, w, client, form, s.readSAML)
	case subjectType == typeJWT && isForeign(t, form.get("subject_token")): // whose may_act is no matter of ours
		return s.exchangeForeign(ctx, w, client, form, s.jwtReader("JWT", "at+jwt"))
	case subjectType == typeJWT && isSubjectToken(form.get("subject_token")):
		return s.exchangeSubject(ctx, w, client, form, requested)
	}
	subject, err := s.exchanged(ctx, t, form, "subject_token")
	if err != nil {
		return err
	}
	if err := mayExchange(ctx, client, subject); err != nil {
		return err
	}
	if len(subject.exchange.tokens) >= maxExchanges {
		return refuse(codeInvalidRequest, "The token has been exchanged too often.")
	}
	from, err := s.client(ctx, t, subject.clientID)
	if err != nil {
		return orInvalid(err)
	}
	a := accessClaims{issuer: httpapi.IssuerOf(ctx).URL, client: client.Client, bound: client.bound(), act: subject.act,
		exchange: subject.exchange.after(subject, from.ID, client.ID)}
	actor := ""
	if form.has("actor_token", "actor_token_type") {
		if a.act, actor, err = s.actor(ctx, t, client, form, subject); err != nil {
			return err
		}
	}
	scopes, resources, err := exchangeable(client.Client, subject, form, requested, a.act != nil)
	if err != nil {
		return err
	}
	passed, err := passedDetails(client.Client, subject, resources)
	if err != nil {
		return orInvalid(err)
	}
	wanted, err := s.readDetails(ctx, client.Client, form, resources, details.Request{Org: subject.org, User: subject.user})
	if err != nil {
		return err
	}
	if passed, err = wanted.within(passed); err != nil {
		return err
	}
	if a.org, err = s.resolve(ctx, t, subject.org.String()); err != nil {
		return err
	}
	var p person
	err = s.DB.InTenant(asClient(ctx, client.Client), t.ID, func(ctx context.Context, tx db.Tx) error {
		g, err := s.exchangeTx(ctx, tx, client.Client, subject, subject.subjects(t, from), a.exchange)
		if err != nil {
			return err
		}
		g.Issuer, g.Details, g.Resources, g.Scopes = a.issuer, passed.String(), resources, scopes
		if p, err = s.personTx(ctx, tx, client.Client, g, scopes); err != nil {
			return err
		}
		if g.App != client.ID {
			p.attributes = passedAttributes(client.Client, subject)
		}
		if err := noneGranted(requested, p.scopes, missingGrant); err != nil || actor == "" {
			return err
		}
		return s.Events.Write(ctx, tx, eventTokenExchanged.Of(g.Org, g.ID, exchangeData{Actor: ids.Any(actor), App: client.ID, User: g.User}))
	})
	if err != nil {
		return err
	}
	if err := s.settleDetails(ctx, client.Client, &p); err != nil {
		return err
	}
	a.audience, a.details, a.scopes, a.epoch, a.person = p.audience, p.details, p.scopes, p.grant.Stamp, &p
	return s.respondAccess(ctx, w, a, typeAccessToken)
}

// exchanged reads one of the two tokens of a request: an access token of ours, about a person.
func (s *Service) exchanged(ctx context.Context, t httpapi.Tenant, form params, name string) (accessToken, error) {
	switch kind := form.get(name + "_type"); {
	case !form.has(name) || kind == "":
		return accessToken{}, refuse(codeInvalidRequest, name+" and "+name+"_type are required.")
	case kind != typeAccessToken && kind != typeJWT:
		return accessToken{}, refuse(codeInvalidRequest, name+"_type must be that of an access token or of a JWT.")
	}
	a, err := s.readAccess(ctx, t, form.get(name))
	if errors.Is(err, errToken) {
		err = errSubject
	}
	return a, err
}

// errSubject is the one answer for every token that is not good to be exchanged (RFC 8693, section 2.2.2).
var errSubject = refuse(codeInvalidRequest, "The token to be exchanged, or the actor's, is invalid, expired, revoked, or not one that this client may exchange.")

// orInvalid is the answer where something that a token stands on is gone.
func orInvalid(err error) error {
	if errors.Is(err, errClient) || errors.Is(err, errGrant) || errors.Is(err, errToken) {
		return errSubject
	}
	return err
}

// mayExchange reports whether a client may exchange a person's token: its own, or one made for an API that it serves. An
// organization's endpoints exchange that organization's tokens.
func mayExchange(ctx context.Context, client authenticatedClient, subject accessToken) error {
	may := !client.Public && slices.ContainsFunc(client.ExchangeAudiences, subject.claims.HasAudience)
	if subject.clientID == client.ClientID {
		may = subject.bound.satisfiedBy(client.shown)
	}
	if subject.user.IsZero() || !may || !atBase(ctx, subject.org) {
		return errSubject
	}
	return nil
}

// actor reads who acts for the subject. It returns act (section 4.1), the actor and below him who acted before, and the id of the
// person or app for the log.
func (s *Service) actor(ctx context.Context, t httpapi.Tenant, client authenticatedClient, form params, subject accessToken) (act json.RawMessage, id string, err error) {
	acting, err := s.exchanged(ctx, t, form, "actor_token")
	if err != nil {
		return nil, "", err
	}
	if acting.clientID != client.ClientID || !acting.bound.satisfiedBy(client.shown) || acting.act != nil {
		return nil, "", errSubject
	}
	if _, err := s.standing(ctx, t, acting); err != nil {
		return nil, "", orInvalid(err)
	}
	id = client.ID.String()
	c := newClaims().text("sub", acting.claims.Subject)
	if !acting.user.IsZero() {
		id = acting.user.String()
		c = c.text("client_id", acting.clientID)
	}
	if subject.act != nil {
		c = c.raw("act", subject.act)
	}
	if act = c.end(); len(act) > maxActBytes {
		return nil, "", refuse(codeInvalidRequest, "Too many have acted for each other.")
	}
	return act, id, nil
}

// exchangeable are the scopes and resources that a client may have for a token: for its own no more than that has, for
// another's what it is authorized for; what is about the person himself only as far as the token has it. Nobody acts for another
// at the management API, whose events name one actor.
func exchangeable(client apps.Client, subject accessToken, form params, requested []string, acting bool) (scopes, resources []string, err error) {
	own := subject.clientID == client.ClientID
	if resources, err = readResources(client, append(slices.Clone(form), form.renamed("audience", "resource")...)); err != nil {
		return nil, nil, err
	}
	managed := func(resource string) bool { return acting && resource == authz.ManagementAPI }
	if slices.ContainsFunc(resources, func(resource string) bool { return managed(resource) || own && !subject.claims.HasAudience(resource) }) {
		return nil, nil, errTarget
	}
	switch {
	case len(requested) > 0:
	case own || len(resources) == 0:
		requested = subject.scopes
	default:
		requested = scopesOf(client, resources)
	}
	scopes = slices.DeleteFunc(authorizedScopes(client, requested), func(scope string) bool {
		api, ok := client.APIOf(scope)
		switch {
		case scope == scopeOfflineAccess, managed(api.Identifier), !aimed(client, scope, resources):
			return true
		case own, !ok: // his own data is for nobody whom he did not give it to
			return !subject.hasScope(scope)
		}
		return false
	})
	return scopes, resources, nil
}

// exchangeTx returns the grant of the subject's token, as that of the new one: if the one still holds, and all that the other will
// stand on.
func (s *Service) exchangeTx(ctx context.Context, tx db.Tx, client apps.Client, subject accessToken, of sessions.Subjects, exchange exchangedFor) (grant, error) {
	g, err := findGrant(ctx, tx, subject.grant)
	if db.IsNoRows(err) {
		return g, errSubject
	}
	if err != nil {
		return g, err
	}
	g.impersonated(&of)
	standing, err := s.Sessions.Standing(ctx, tx, of)
	if err != nil {
		return g, err
	}
	of = g.subjects()
	of.App = client.ID
	exchange.stand(&of)
	next, err := s.Sessions.Standing(ctx, tx, of)
	if err != nil {
		return g, err
	}
	available, err := s.available(ctx, tx, client, g.Org)
	if err != nil {
		return g, err
	}
	if !standing.Good(subject.epoch) || next.Blocked || !available || g.User != subject.user || g.Org != subject.org {
		return g, errSubject
	}
	if g.App != client.ID {
		g.Claims = "" // his own data is for nobody whom he did not give it to
	}
	g.Stamp, g.ExpiresAt = next.Stamp, subject.claims.Expiry // which is before the grant's own
	return g, nil
}
