package oauth

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// told is what an app is told of a person: claims, and what they are told from.
type told struct {
	claims []attributes.Told
	only   map[string][]json.RawMessage // the values that a claim may have which was asked for by name; none: any
	groups []string
	roles  []string
	user   users.User
}

// tellTx reads what the scopes let an app know of a person in an organization (OpenID Connect Core 1.0, section 5.4), and what it has
// asked for by name, as far as it may be told. roles are those that are known already; nil where nobody has asked yet.
func (s *Service) tellTx(ctx context.Context, tx db.Tx, client apps.Client, user ids.User, org ids.Org, scopes []string, named map[string][]json.RawMessage, roles []string, may gate) (t told, err error) {
	t = told{claims: client.Dialect.Asked(scopes), roles: roles, only: map[string][]json.RawMessage{}}
	for _, c := range client.Dialect.Named(slices.Sorted(maps.Keys(named))) {
		if !slices.ContainsFunc(t.claims, func(by attributes.Told) bool { return by.Name == c.Name }) {
			t.claims, t.only[c.Name] = append(t.claims, c), named[c.Name]
		}
	}
	t.claims = slices.DeleteFunc(t.claims, func(c attributes.Told) bool { return !may(c.Name) })
	return t, s.fillTx(ctx, tx, client, &t, user, org)
}

// fillTx reads what the claims are told from.
func (s *Service) fillTx(ctx context.Context, tx db.Tx, client apps.Client, t *told, user ids.User, org ids.Org) (err error) {
	if t.user, err = s.Users.Load(ctx, tx, user); err != nil {
		return err
	}
	if t.roles == nil && t.tells(attributes.Roles) {
		if t.roles, err = s.Roles.RoleNames(ctx, tx, user, org, client.ID, client.RoleAudience); err != nil {
			return err
		}
	}
	if t.tells(attributes.Groups) {
		t.groups, err = s.Groups.NamesOf(ctx, tx, user, org)
	}
	return err
}

func (t told) tells(attribute string) bool {
	return slices.ContainsFunc(t.claims, func(c attributes.Told) bool { return c.Attribute == attribute })
}

// render adds the claims. What a person has no value of is left out (section 5.3.2).
func (t told) render(c claims) claims {
	for _, told := range t.claims {
		if values := t.only[told.Name]; len(values) == 0 || oneOfValues(t.add(newClaims(), told).end(), told.Name, values) {
			c = t.add(c, told)
		}
	}
	return c
}

func (t told) add(c claims, told attributes.Told) claims {
	u := t.user
	switch told.Attribute {
	case attributes.Address:
		return address(c, told.Name, u.Attributes)
	case attributes.EmailVerified:
		if u.Email != "" {
			c = c.flag(told.Name, u.EmailVerified)
		}
		return c
	case attributes.Groups:
		return c.list(told.Name, t.groups)
	case attributes.PhoneNumberVerified:
		if u.Attributes["phone_number"] != "" {
			c = c.flag(told.Name, false) // nobody has verified one yet
		}
		return c
	case attributes.Roles:
		return c.list(told.Name, t.roles)
	case attributes.UpdatedAt:
		return c.number(told.Name, u.UpdatedAt.Unix())
	}
	return typed(c, told, told.Value(u))
}

// typed adds a text as what it has to be in JSON; one that is no such thing is left out.
func typed(c claims, told attributes.Told, value string) claims {
	switch {
	case !told.Fits(value):
		return c
	case told.Type == attributes.TypeBoolean:
		return c.flag(told.Name, value == "true")
	case told.Type == attributes.TypeNumber:
		return c.raw(told.Name, []byte(value))
	}
	return c.text(told.Name, value)
}

// address adds the address claim (section 5.1.1), made of a person's own attributes.
func address(c claims, name string, own map[string]string) claims {
	a := newClaims()
	var lines []string
	for _, part := range attributes.AddressParts {
		if value := own[part]; value != "" {
			a, lines = a.text(part, value), append(lines, value)
		}
	}
	if len(lines) == 0 {
		return c
	}
	return c.raw(name, a.text("formatted", strings.Join(lines, "\n")).end())
}
