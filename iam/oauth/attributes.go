package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/authn"
	"grove/iam/consents"
	"grove/infra/db"
	"grove/infra/httpapi"
)

// A claim about a person passes four gates: a scope that was granted asks for it, or the request named it (OpenID Connect Core 1.0,
// sections 5.4 and 5.5); the app has it on its list, or has no list; he has a value; and he agreed, where people are asked. See
// docs/adr/0028.
//
// An app that is told by scope, as all were before there were lists, is not looked up again: what it was granted says what he agreed to.

// gate says whether an app may be told a claim.
type gate func(claim string) bool

func open(string) bool { return true }

// limited reports whether an app is told less than its scopes ask for, or more.
func limited(c apps.Client) bool { return c.ByAttribute() || len(c.AccessTokenAttributes) > 0 }

// gateTx is the gate of a grant's person for an app, and for those whose token it was exchanged for: what is not for one of them is not
// for who comes after.
func (s *Service) gateTx(ctx context.Context, tx db.Tx, client apps.Client, origins []apps.Client, g grant) (gate, error) {
	all := append([]apps.Client{client}, origins...)
	if !slices.ContainsFunc(all, limited) {
		return open, nil
	}
	asker := client // whom the person agreed to
	for _, c := range origins {
		if c.ID == g.App {
			asker = c
		}
	}
	said, err := s.saidTx(ctx, tx, g)
	return func(claim string) bool {
		switch {
		case slices.ContainsFunc(all, func(c apps.Client) bool { return !c.Requests(claim) }), slices.Contains(said.Declined, claim):
			return false
		case asker.SkipConsent && !asker.Demands().AskConsent, slices.Contains(said.Allowed, claim):
			return true
		}
		return (said.ByScope || !asker.ByAttribute()) && asks(asker.Dialect.Asked(said.Scopes), claim)
	}, err
}

func asks(claims []attributes.Told, name string) bool {
	return slices.ContainsFunc(claims, func(t attributes.Told) bool { return t.Name == name })
}

// saidTx is what a grant's person said of attributes: where he signed in, if it was switched from there.
func (s *Service) saidTx(ctx context.Context, tx db.Tx, g grant) (consents.Said, error) {
	org := g.Org
	if !g.First.IsZero() {
		first, err := findGrant(ctx, tx, g.First)
		if db.IsNoRows(err) {
			return consents.Said{}, nil
		}
		if err != nil {
			return consents.Said{}, err
		}
		org = first.Org
	}
	return s.Consents.Said(ctx, tx, g.User, org, g.App)
}

// What access tokens are told of a person travels with each request.
const (
	maxTokenAttribute  = 1 << 10 // bytes, as JSON
	maxTokenAttributes = 4 << 10
)

// attribute is a claim of an access token about its person.
type attribute struct {
	name  string
	value json.RawMessage
}

// tokenAttributesTx is what the app has in its access tokens, whatever their scopes. What is too long is left out.
func (s *Service) tokenAttributesTx(ctx context.Context, tx db.Tx, client apps.Client, g grant, roles []string, may gate) ([]attribute, error) {
	t := told{roles: roles, claims: client.Dialect.Claims(client.AccessTokenAttributes)}
	t.claims = slices.DeleteFunc(t.claims, func(c attributes.Told) bool { return attributes.Reserved(c.Name) || !may(c.Name) })
	if len(t.claims) == 0 {
		return nil, nil
	}
	if err := s.fillTx(ctx, tx, client, &t, g.User, g.Org); err != nil {
		return nil, err
	}
	var all []attribute
	left := maxTokenAttributes
	for _, c := range t.claims {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(t.add(newClaims(), c).end(), &members); err != nil {
			return nil, err
		}
		value, there := members[c.Name]
		if size := len(c.Name) + len(value); there && len(value) <= maxTokenAttribute && size <= left {
			all, left = append(all, attribute{c.Name, value}), left-size
		}
	}
	return all, nil
}

// passedAttributes are those of a token that one of another app's is made for: what the one was told of the person, as far as the other
// has it in its tokens.
func passedAttributes(client apps.Client, subject accessToken) (all []attribute) {
	for _, name := range client.AccessTokenAttributes {
		if value, there := subject.claims.Get(name); there && !attributes.Reserved(name) && client.Requests(name) {
			all = append(all, attribute{name, value})
		}
	}
	return all
}

// asked are the attributes that a request asks its person for one by one, and the scopes that these stand for on the page that asks.
func asked(client apps.Client, scopes []string, named byName) (all []authn.Attribute, instead []string) {
	byScope := client.Dialect.Asked(scopes)
	add := func(claims []attributes.Told) {
		for _, c := range claims {
			if client.Requests(c.Name) && !slices.ContainsFunc(all, func(a authn.Attribute) bool { return a.Name == c.Name }) {
				all = append(all, authn.Attribute{Told: c, Mandatory: client.Mandatory(c.Name), Needed: client.Needs(c.Name)})
			}
		}
	}
	if client.ByAttribute() {
		add(byScope)
		names := slices.Concat(slices.Collect(maps.Keys(named.IDToken)), slices.Collect(maps.Keys(named.Userinfo)))
		slices.Sort(names)
		add(client.Dialect.Named(names))
		for _, scope := range scopes {
			if _, api := client.APIOf(scope); !api && scope != scopeOpenID && client.Dialect.HasScope(scope) {
				instead = append(instead, scope)
			}
		}
	}
	add(slices.DeleteFunc(client.Dialect.Claims(client.AccessTokenAttributes), func(c attributes.Told) bool {
		return attributes.Reserved(c.Name) || !client.ByAttribute() && asks(byScope, c.Name)
	}))
	return all, instead
}

// origins are the apps whose tokens one was exchanged for. errToken says that one is gone.
func (s *Service) origins(ctx context.Context, t httpapi.Tenant, a accessToken) ([]apps.Client, error) {
	if len(a.exchange.origins) == 0 {
		return nil, nil
	}
	var names []string
	err := s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		names, err = clientIDs(ctx, tx, a.exchange.origins)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]apps.Client, len(names))
	for i, name := range names {
		if all[i], err = s.client(ctx, t, name); errors.Is(err, errClient) {
			err = errToken
		}
		if err != nil {
			return nil, err
		}
	}
	if len(all) < len(a.exchange.origins) {
		return nil, errToken
	}
	return all, nil
}
