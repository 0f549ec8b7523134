package attributes

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Types of claims, as JSON has them.
const (
	TypeBoolean = "boolean"
	TypeList    = "list" // of texts
	TypeNumber  = "number"
	TypeObject  = "object"
	TypeText    = "text"
)

// Attributes of a person that are no text of the profile. The others are named by [users.User]'s JSON, and attributes.NAME is
// one of the tenant's own.
const (
	Address             = "address" // made of the tenant's own street_address, locality, region, postal_code and country
	DisplayName         = "display_name"
	Email               = "email"
	EmailVerified       = "email_verified"
	FamilyName          = "family_name"
	GivenName           = "given_name"
	Groups              = "groups"
	Locale              = "locale"
	PhoneNumberVerified = "phone_number_verified"
	Roles               = "roles"
	UpdatedAt           = "updated_at"
	Username            = "username"

	OwnPrefix = "attributes."
)

// Told is a claim, as the protocols know it.
type Told struct {
	Name        string `db:"name"`
	Attribute   string `db:"attribute"`
	Type        string `db:"type"`
	DisplayName string `db:"display_name"`
	SelfService bool   `db:"self_service"` // people fill it in themselves where an app needs it
	Builtin     bool   `db:"builtin"`
}

// Dialect is what the apps of one organization can be told. It is shared by all who read it: do not change it.
type Dialect struct {
	// ScopeNames and ClaimNames are the names of all, sorted, as the elements of a JSON array.
	ScopeNames, ClaimNames string

	claims map[string]Told
	scopes map[string][]Told
}

// Dialect returns what the apps of an organization can be told: what it and the organizations above it define. It is kept in
// memory until one of these changes.
func (s *Service) Dialect(ctx context.Context, tenant ids.Tenant, org ids.Org) (*Dialect, error) {
	return s.dialects.Get(ctx, tenant.UUID(), org.String(), func(ctx context.Context) (d *Dialect, err error) {
		err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
			claims, err := db.Collect[Told](ctx, tx, sqlTold, tx.Tenant(), org)
			if err != nil {
				return err
			}
			scopes, err := db.Collect[askedRow](ctx, tx, sqlAsked, tx.Tenant(), org)
			d = newDialect(claims, scopes)
			return err
		})
		return d, err
	})
}

func newDialect(claims []Told, scopes []askedRow) *Dialect {
	d := &Dialect{claims: map[string]Told{}, scopes: map[string][]Told{}}
	for _, c := range claims {
		d.claims[c.Name] = c
	}
	for _, s := range scopes {
		asked := []Told{}
		for _, name := range s.Claims {
			if c, ok := d.claims[name]; ok {
				asked = append(asked, c)
			}
		}
		d.scopes[s.Name] = asked
	}
	d.ClaimNames, d.ScopeNames = names(d.claims), names(d.scopes)
	return d
}

// HasScope reports whether a scope asks for claims, or is openid.
func (d *Dialect) HasScope(name string) bool {
	if d == nil {
		return false
	}
	_, ok := d.scopes[name]
	return ok
}

// Asked returns the claims that scopes ask for, each once.
func (d *Dialect) Asked(scopes []string) []Told {
	if d == nil {
		return nil
	}
	var asked []Told
	for _, scope := range scopes {
		for _, c := range d.scopes[scope] {
			if !slices.ContainsFunc(asked, func(a Told) bool { return a.Name == c.Name }) {
				asked = append(asked, c)
			}
		}
	}
	return asked
}

// Named returns those of the claims that a scope asks for.
func (d *Dialect) Named(names []string) (found []Told) {
	for _, name := range names {
		if _, ok := d.ScopeFor(name, nil); ok {
			found = append(found, d.claims[name])
		}
	}
	return found
}

// Claims returns those of the claims that there are, whether a scope asks for them or not.
func (d *Dialect) Claims(names []string) (found []Told) {
	if d == nil {
		return nil
	}
	for _, name := range names {
		if c, ok := d.claims[name]; ok {
			found = append(found, c)
		}
	}
	return found
}

// ScopeFor returns a scope that asks for a claim: one of those named if there is one, else the one that asks for the fewest.
func (d *Dialect) ScopeFor(claim string, scopes []string) (scope string, ok bool) {
	if d == nil {
		return "", false
	}
	for _, name := range slices.Sorted(maps.Keys(d.scopes)) {
		switch asked := d.scopes[name]; {
		case !slices.ContainsFunc(asked, func(a Told) bool { return a.Name == claim }):
		case slices.Contains(scopes, name):
			return name, true
		case !ok || len(asked) < len(d.scopes[scope]):
			scope, ok = name, true
		}
	}
	return scope, ok
}

// Of returns the claims that tell one of the attributes.
func (d *Dialect) Of(attributes []string) []Told {
	var found []Told
	for _, c := range d.claims {
		if slices.Contains(attributes, c.Attribute) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b Told) int { return strings.Compare(a.Name, b.Name) })
	return found
}

func names[V any](of map[string]V) string {
	raw, err := json.Marshal(slices.Sorted(maps.Keys(of)))
	if err != nil {
		panic(err) // texts always marshal
	}
	return strings.Trim(string(raw), "[]")
}

// Value is the text that a person has of a claim's attribute; "" where he has none, or where it is no text of the profile.
func (t Told) Value(u users.User) string {
	switch t.Attribute {
	case DisplayName:
		return u.DisplayName()
	case Email:
		return u.Email
	case FamilyName:
		return u.FamilyName
	case GivenName:
		return u.GivenName
	case Locale:
		return u.Locale
	case Username:
		return u.Username
	}
	if name, own := strings.CutPrefix(t.Attribute, OwnPrefix); own {
		return u.Attributes[name]
	}
	return ""
}
