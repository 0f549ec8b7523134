package authz

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
)

// Permissions returns what an actor may do in an organization now. Of a person: what his roles give with a token of
// a.Org, and the token carries. Of a client: the management scopes that it is authorized for, and the token carries.
// An organization that does not lie within the token's is not visible.
func (s *Service) Permissions(ctx context.Context, a actor.Actor, o httpapi.Org) (held httpapi.Held, err error) {
	if !o.IsWithin(a.Org) && a.Kind != actor.System {
		return httpapi.Held{}, nil
	}
	p, err := powerOf(ctx, s.db.Reader(a.Tenant), a, o.ID)
	return httpapi.Held{Names: p.management(false), Visible: true}, err
}

// HeldTx returns the management permissions that the actor of ctx holds in an organization now, in the caller's transaction,
// which must see the whole tenant.
func (s *Service) HeldTx(ctx context.Context, tx db.Tx, org ids.Org) (map[string]bool, error) {
	p, err := powerOf(ctx, tx, actor.From(ctx), org)
	return p.management(false), err
}

// ScopesOf returns all scope names that the roles of a person give in an organization, those with reach subtree in an
// ancestor included.
func (s *Service) ScopesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) (map[string]bool, error) {
	rows, err := heldScopes(ctx, tx, user, org, []ids.Org{org})
	names := make(map[string]bool, len(rows))
	for _, row := range rows {
		names[row.Name] = true
	}
	return names, err
}

// RoleNames returns the names of a person's roles in an organization that an app may see in the roles claim, in order.
// audience is application or organization, as the app's role_audience says.
func (s *Service) RoleNames(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) ([]string, error) {
	rows, err := roleNames(ctx, tx, user, org, app, audience)
	_, roles := namesOf(rows)
	return roles, err
}

// HeldBy returns in one query what [Service.ScopesOf] and [Service.RoleNames] do.
func (s *Service) HeldBy(ctx context.Context, tx db.Tx, user ids.User, org ids.Org, app ids.App, audience string) (scopes map[string]bool, roles []string, err error) {
	rows, err := heldNames(ctx, tx, user, org, app, audience)
	scopes, roles = namesOf(rows)
	return scopes, roles, err
}

func namesOf(rows []heldName) (scopes map[string]bool, roles []string) {
	scopes, roles = make(map[string]bool, len(rows)), []string{}
	for _, row := range rows {
		if row.Role {
			roles = append(roles, row.Name)
		} else {
			scopes[row.Name] = true
		}
	}
	return scopes, roles
}

// power is what an actor holds in one organization: scope names, and whether with reach subtree.
type power struct {
	scopes []heldScope
}

// powerOf computes an actor's power in org, in one query.
func powerOf(ctx context.Context, tx db.Querier, a actor.Actor, org ids.Org) (power, error) {
	powers, err := powersOf(ctx, tx, a, []ids.Org{org})
	return powers[org], err
}

// powersOf computes an actor's power in each of the organizations, in one query.
func powersOf(ctx context.Context, tx db.Querier, a actor.Actor, orgs []ids.Org) (map[ids.Org]power, error) {
	if a.Tenant != tx.Tenant() {
		return nil, nil
	}
	var rows []heldScope
	var err error
	switch a.Kind {
	case actor.User:
		rows, err = heldScopes(ctx, tx, a.User, a.Org, orgs)
		rows = slices.DeleteFunc(rows, func(h heldScope) bool {
			return (h.Management && !a.Scopes[h.Name]) || (a.Org != h.Org && !h.Below)
		})
	case actor.Client:
		rows, err = clientScopes(ctx, tx, a.App, orgs)
		rows = slices.DeleteFunc(rows, func(h heldScope) bool { return !a.Scopes[h.Name] })
	case actor.System:
		for _, org := range orgs {
			for name := range a.Scopes {
				rows = append(rows, heldScope{Org: org, Name: name, Management: true, Below: true})
			}
		}
	}
	powers := make(map[ids.Org]power, len(orgs))
	for _, h := range rows {
		powers[h.Org] = power{append(powers[h.Org].scopes, h)}
	}
	return powers, err
}

// management returns the management permissions held, or only those held with reach subtree.
func (p power) management(below bool) map[string]bool {
	names := map[string]bool{}
	for _, h := range p.scopes {
		if h.Management && (h.Below || !below) {
			names[h.Name] = true
		}
	}
	return names
}

// other returns the scopes of other APIs held, or only those held with reach subtree.
func (p power) other(below bool) map[string]bool {
	names := map[string]bool{}
	for _, h := range p.scopes {
		if !h.Management && (h.Below || !below) {
			names[h.Name] = true
		}
	}
	return names
}

// position is where a page starts in a list ordered by name and id.
type position struct {
	key string
	id  uuid.UUID
}

func positionOf(r page.Request) position {
	id, _ := uuid.Parse(r.Part(1)) // "" on the first page is the zero UUID, before all others
	return position{key: r.Part(0), id: id}
}

func pgUUID(u uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: u, Valid: true} }

// cleanName returns a name to show and its comparable form.
func cleanName(pointer, s string) (show, key string, err error) {
	show = strings.TrimSpace(s)
	key = text.Key(show)
	if key == "" || strings.ContainsFunc(show, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", "", fault.CodeInvalid.At(pointer, "Must be printable characters, at least one of them no space.")
	}
	return show, key, nil
}

// cleanText refuses what cannot be stored or shown.
func cleanText(pointer, s string) (string, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		return "", fault.CodeInvalid.At(pointer, "Must be printable characters and line feeds.")
	}
	return s, nil
}

func checkVersion(have, want int64) error {
	if want != 0 && want != have {
		return fault.CodeStale.With("Read the resource again and repeat the change on what it is now.", nil)
	}
	return nil
}
