package groups

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

const columns = `id, org_id, name, name_key, description, created_at, updated_at, version`

func queryLoad(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group) (Group, error) {
	return db.CollectOne[Group](ctx, tx, `SELECT `+columns+` FROM groups WHERE tenant_id = $1 AND org_id = $2 AND id = $3`, tx.Tenant(), org, id)
}

func queryLock(ctx context.Context, tx db.Tx, org ids.Org, id ids.Group) (Group, error) {
	return db.CollectOne[Group](ctx, tx, `SELECT `+columns+` FROM groups WHERE tenant_id = $1 AND org_id = $2 AND id = $3 FOR UPDATE`, tx.Tenant(), org, id)
}

func insertGroup(ctx context.Context, tx db.Tx, g Group) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO groups (tenant_id, id, org_id, name, name_key, description, created_at, updated_at, version, sys_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $7)`,
		tx.Tenant(), g.ID, g.Org, g.Name, g.NameKey, g.Description, g.CreatedAt, g.Version)
	return err
}

func updateGroup(ctx context.Context, tx db.Tx, g Group) error {
	_, err := tx.Exec(ctx, `
		UPDATE groups SET name = $3, name_key = $4, description = $5, updated_at = $6, version = $7 WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), g.ID, g.Name, g.NameKey, g.Description, g.UpdatedAt, g.Version)
	return err
}

func deleteGroup(ctx context.Context, tx db.Tx, id ids.Group) error {
	_, err := tx.Exec(ctx, `DELETE FROM groups WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

const zeroUUID = "00000000-0000-0000-0000-000000000000"

// queryList reads the groups whose comparable names lie in a closed range.
func queryList(ctx context.Context, tx db.Tx, org ids.Org, from, to string, req page.Request) ([]Group, error) {
	after := zeroUUID
	if !req.First() {
		after = req.Part(1)
	}
	return db.Collect[Group](ctx, tx, `
		SELECT `+columns+` FROM groups
		WHERE tenant_id = $1 AND org_id = $2 AND name_key >= $3 AND name_key <= $4 AND (name_key, id) > ($5, $6::uuid)
		ORDER BY name_key, id LIMIT $7`, tx.Tenant(), org, from, to, req.Part(0), after, req.Limit())
}

// Member is a person in a group.
type Member struct {
	User       ids.User  `db:"user_id"`
	Username   string    `db:"username"`
	Email      string    `db:"email"`
	GivenName  string    `db:"given_name"`
	FamilyName string    `db:"family_name"`
	AddedAt    time.Time `db:"added_at"`
}

func queryMembers(ctx context.Context, tx db.Tx, group ids.Group, req page.Request) ([]Member, error) {
	after := zeroUUID
	if !req.First() {
		after = req.Part(0)
	}
	return db.Collect[Member](ctx, tx, `
		SELECT g.user_id, u.username, u.email, u.given_name, u.family_name, g.added_at
		FROM group_members g JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id
		WHERE g.tenant_id = $1 AND g.group_id = $2 AND g.user_id > $3::uuid
		ORDER BY g.user_id LIMIT $4`, tx.Tenant(), group, after, req.Limit())
}

// lockBelongs reports whether a person belongs to an organization, and keeps the membership while the transaction lasts.
func lockBelongs(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (bool, error) {
	found, err := db.Scalars[bool](ctx, tx, `SELECT true FROM memberships WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3 FOR SHARE`,
		tx.Tenant(), org, user)
	if err != nil || len(found) > 0 {
		return len(found) > 0, err
	}
	found, err = db.Scalars[bool](ctx, tx, `SELECT true FROM users WHERE tenant_id = $1 AND org_id = $2 AND id = $3 FOR SHARE`, tx.Tenant(), org, user)
	return len(found) > 0, err
}

func insertMember(ctx context.Context, tx db.Tx, g Group, user ids.User) (int64, error) {
	return tx.Exec(ctx, `
		INSERT INTO group_members (tenant_id, id, org_id, group_id, user_id, added_at, sys_from) VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (tenant_id, group_id, user_id) DO NOTHING`,
		tx.Tenant(), ids.NewMembership(), g.Org, g.ID, user, tx.Now())
}

func deleteMember(ctx context.Context, tx db.Tx, group ids.Group, user ids.User) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM group_members WHERE tenant_id = $1 AND group_id = $2 AND user_id = $3`, tx.Tenant(), group, user)
}

func queryGroupsOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) ([]ids.Group, error) {
	return db.Scalars[ids.Group](ctx, tx, `
		SELECT group_id FROM group_members WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 ORDER BY group_id`, tx.Tenant(), user, org)
}

func deleteMemberships(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) ([]ids.Group, error) {
	return db.Scalars[ids.Group](ctx, tx, `
		DELETE FROM group_members WHERE tenant_id = $1 AND user_id = $2 AND org_id = $3 RETURNING group_id`, tx.Tenant(), user, org)
}

func queryNamesOf(ctx context.Context, tx db.Tx, user ids.User, org ids.Org) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		SELECT g.name FROM group_members m JOIN groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
		WHERE m.tenant_id = $1 AND m.user_id = $2 AND m.org_id = $3 ORDER BY g.name_key LIMIT $4`, tx.Tenant(), user, org, maxNames)
}
