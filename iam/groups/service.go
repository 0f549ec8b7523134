package groups

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	filter "github.com/scim2/filter-parser/v2"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

// Group is a stored group.
type Group struct {
	ID          ids.Group `db:"id"`
	Org         ids.Org   `db:"org_id"`
	Name        string    `db:"name"`
	NameKey     string    `db:"name_key"`
	Description string    `db:"description"`
	CreatedAt   time.Time `db:"created_at"`
	UpdatedAt   time.Time `db:"updated_at"`
	Version     int64     `db:"version"`
}

// NewGroup is a group to be made.
type NewGroup struct {
	Org         ids.Org
	Name        string
	Description string
}

// CreateTx makes a group. Errors: group.name_taken, request.invalid.
func (s *Service) CreateTx(ctx context.Context, tx db.Tx, n NewGroup) (Group, error) {
	g := Group{ID: ids.NewGroup(), Org: n.Org, CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Version: 1}
	var err error
	if g.Name, g.NameKey, err = cleanName(n.Name); err != nil {
		return Group{}, err
	}
	if g.Description, err = cleanDescription(n.Description); err != nil {
		return Group{}, err
	}
	if err := named(insertGroup(ctx, tx, g)); err != nil {
		return Group{}, err
	}
	return g, s.events.Write(ctx, tx, eventCreated.Of(g.Org, g.ID, groupData{Name: g.Name}))
}

func named(err error) error {
	if db.IsUnique(err, "groups_name") {
		return errNameTaken.With("Choose another name: a group of this organization has it.", err)
	}
	return err
}

func cleanName(s string) (show, key string, err error) {
	show = strings.TrimSpace(s)
	key = text.Key(show)
	if key == "" || len(show) > 512 || strings.ContainsFunc(show, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", "", fault.CodeInvalid.At("/name", "Must be 1 to 512 bytes of printable characters.")
	}
	return show, key, nil
}

func cleanDescription(s string) (string, error) {
	if len(s) > 2000 || strings.ContainsRune(s, 0) {
		return "", fault.CodeInvalid.At("/description", "Must have at most 2000 bytes, none of them NUL.")
	}
	return s, nil
}

// Load returns a group of an organization, or fault.ErrNotFound.
func (s *Service) Load(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group) (Group, error) {
	return found(queryLoad(ctx, tx, org, id))
}

func found(g Group, err error) (Group, error) {
	if db.IsNoRows(err) {
		return Group{}, fault.ErrNotFound
	}
	return g, err
}

func (s *Service) lock(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, expect int64) (Group, error) {
	g, err := found(queryLock(ctx, tx, org, id))
	if err == nil && expect != 0 && expect != g.Version {
		err = fault.CodeStale.With("Read the group again and repeat the change.", nil)
	}
	return g, err
}

// UpdateTx changes a group's name or description; nil leaves it. expect is the version that the caller saw, 0 for any.
func (s *Service) UpdateTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, expect int64, name, description *string) (Group, error) {
	g, err := s.lock(ctx, tx, org, id, expect)
	if err != nil {
		return Group{}, err
	}
	before := g
	if name != nil {
		if g.Name, g.NameKey, err = cleanName(*name); err != nil {
			return Group{}, err
		}
	}
	if description != nil {
		if g.Description, err = cleanDescription(*description); err != nil {
			return Group{}, err
		}
	}
	if g == before {
		return g, nil
	}
	g.UpdatedAt = tx.Now()
	g.Version++
	if err := named(updateGroup(ctx, tx, g)); err != nil {
		return Group{}, err
	}
	return g, s.events.Write(ctx, tx, eventUpdated.Of(g.Org, g.ID, groupData{Name: g.Name}))
}

// take runs a change by which members of a group lose what it gives them.
func (s *Service) take(ctx context.Context, tx db.Tx, id ids.Group, anyway bool, change func() error) error {
	last, err := s.roles.TakeFromGroupTx(ctx, tx, id, anyway, change)
	if err == nil && last {
		err = errLast.With(httpapi.AdministratorStays, nil)
	}
	return err
}

// DeleteTx deletes a group, and with it what it gave its members. tx must see the whole tenant. Errors: resource.not_found,
// resource.stale, group.last_administrator, and those of [Roles], which see for anyway.
func (s *Service) DeleteTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, expect int64, anyway bool) error {
	g, err := s.lock(ctx, tx, org, id, expect)
	if err != nil {
		return err
	}
	return s.take(ctx, tx, id, anyway, func() error {
		if err := s.events.Write(ctx, tx, eventDeleted.Of(g.Org, g.ID, groupData{Name: g.Name})); err != nil {
			return err
		}
		if s.onDelete != nil {
			if err := s.onDelete(ctx, tx, org, id); err != nil {
				return err
			}
		}
		return deleteGroup(ctx, tx, id)
	})
}

// AddTx puts a person into a group; it changes nothing when he is in it. tx must see the whole tenant. Errors:
// group.not_a_member, and those of [Roles].
func (s *Service) AddTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, user ids.User) error {
	// The group's row is held, so that no role is assigned to it between the check and the end.
	g, err := s.lock(ctx, tx, org, id, 0)
	if err != nil {
		return err
	}
	// Roles are held before memberships, in the order in which those who remove a member take them.
	if err := s.roles.CheckGroupTx(ctx, tx, id); err != nil {
		return err
	}
	switch belongs, err := lockBelongs(ctx, tx, org, user); {
	case err != nil:
		return err
	case !belongs:
		return errNotMember.With("Only members of the organization can be in its groups.", nil)
	}
	n, err := insertMember(ctx, tx, g, user)
	if err != nil || n == 0 {
		return err
	}
	return s.events.Write(ctx, tx, eventMemberAdded.Of(org, id, memberData{User: user}))
}

// CheckTx refuses a group that the actor of ctx could not put anybody into. tx must see the whole tenant. Errors:
// resource.not_found, and those of [Roles].
func (s *Service) CheckTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group) error {
	if _, err := s.lock(ctx, tx, org, id, 0); err != nil {
		return err
	}
	return s.roles.CheckGroupTx(ctx, tx, id)
}

// JoinTx puts a member of the organization into a group that somebody who could do so has promised him. Error:
// resource.not_found.
func (s *Service) JoinTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, user ids.User) error {
	g, err := s.lock(ctx, tx, org, id, 0)
	if err != nil {
		return err
	}
	n, err := insertMember(ctx, tx, g, user)
	if err != nil || n == 0 {
		return err
	}
	return s.events.Write(ctx, tx, eventMemberAdded.Of(org, id, memberData{User: user}))
}

// RemoveTx takes a person out of a group. tx must see the whole tenant. Errors: as of DeleteTx.
func (s *Service) RemoveTx(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group, user ids.User, anyway bool) error {
	// Held as in AddTx.
	if _, err := s.lock(ctx, tx, org, id, 0); err != nil {
		return err
	}
	return s.take(ctx, tx, id, anyway, func() error {
		n, err := deleteMember(ctx, tx, id, user)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.ErrNotFound
		}
		return s.events.Write(ctx, tx, eventMemberRemoved.Of(org, id, memberData{User: user}))
	})
}

// RemoveFromAllTx takes a person out of every group of an organization.
func (s *Service) RemoveFromAllTx(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) error {
	left, err := deleteMemberships(ctx, tx, org, user)
	if err != nil {
		return err
	}
	for _, id := range left {
		if err := s.events.Write(ctx, tx, eventMemberRemoved.Of(org, id, memberData{User: user})); err != nil {
			return err
		}
	}
	return nil
}

// GroupsOf lists the groups of an organization that a person is in.
func (s *Service) GroupsOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) ([]ids.Group, error) {
	return queryGroupsOf(ctx, tx, user, org)
}

// maxNames bounds what a token says of groups.
const maxNames = 200

// NamesOf names the groups of an organization that a person is in, at most 200.
func (s *Service) NamesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) ([]string, error) {
	return queryNamesOf(ctx, tx, user, org)
}

var errUnindexed = errors.New("groups: a filter over what has no index")

// nameRange compiles a prefix and a SCIM filter (RFC 7644 section 3.4.2.2) to a closed range of comparable names.
func nameRange(q, expression string) (from, to string, err error) {
	from, to = text.Prefix(text.Key(q))
	if strings.TrimSpace(expression) == "" {
		return from, to, nil
	}
	parsed, err := filter.ParseFilter([]byte(strings.TrimSpace(expression)))
	if err == nil {
		from, to, err = narrow(from, to, parsed)
	}
	if err != nil {
		return "", "", errFilter.With("Compare displayName with eq or sw and a text, joined by and (RFC 7644 section 3.4.2.2).", err)
	}
	return from, to, nil
}

func narrow(from, to string, e filter.Expression) (string, string, error) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if e.Operator != filter.AND {
			return "", "", errUnindexed
		}
		from, to, err := narrow(from, to, e.Left)
		if err != nil {
			return "", "", err
		}
		return narrow(from, to, e.Right)
	case *filter.AttributeExpression:
		value, ok := e.CompareValue.(string)
		if !ok || value == "" || !strings.EqualFold(e.AttributePath.String(), "displayName") {
			return "", "", errUnindexed
		}
		key := text.Key(value)
		switch filter.CompareOperator(strings.ToLower(string(e.Operator))) {
		case filter.EQ:
			return max(from, key), min(to, key), nil
		case filter.SW:
			first, last := text.Prefix(key)
			return max(from, first), min(to, last), nil
		}
	}
	return "", "", errUnindexed
}
