package members

import (
	"context"
	"strconv"
	"time"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/text"
)

// Membership is one person's belonging to one organization.
type Membership struct {
	ID        ids.Membership `db:"id"`
	Org       ids.Org        `db:"org_id"`
	User      ids.User       `db:"user_id"`
	Kind      string         `db:"kind"`
	CreatedAt time.Time      `db:"created_at"`
}

const columns = `id, org_id, user_id, kind, created_at`

func queryFind(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (Membership, error) {
	return db.CollectOne[Membership](ctx, tx, `
		SELECT `+columns+` FROM memberships WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3`, tx.Tenant(), org, user)
}

// queryOfUser lists a person's memberships in the order of their organizations, so that those who change several wait
// for each other in one order.
func queryOfUser(ctx context.Context, tx db.Tx, user ids.User) ([]Membership, error) {
	return db.Collect[Membership](ctx, tx, `
		SELECT `+columns+` FROM memberships WHERE tenant_id = $1 AND user_id = $2 ORDER BY org_id`, tx.Tenant(), user)
}

// holdUser keeps a person from being deleted while the transaction lasts, and reports whether he is there.
func holdUser(ctx context.Context, tx db.Tx, user ids.User) (bool, error) {
	found, err := db.Scalars[bool](ctx, tx, `SELECT true FROM users WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE`, tx.Tenant(), user)
	return len(found) > 0, err
}

func insertMembership(ctx context.Context, tx db.Tx, m Membership) (int64, error) {
	return tx.Exec(ctx, `
		INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at, sys_from) VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (tenant_id, org_id, user_id) DO NOTHING`,
		tx.Tenant(), m.ID, m.Org, m.User, m.Kind, m.CreatedAt)
}

func deleteMembership(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM memberships WHERE tenant_id = $1 AND org_id = $2 AND user_id = $3`, tx.Tenant(), org, user)
}

// wasHere reports whether a person was removed from an organization before.
func wasHere(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (yes bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM epochs WHERE tenant_id = $1 AND subject = $2)`,
		tx.Tenant(), ids.Pair(org.UUID(), user.UUID())).Scan(&yes)
	return yes, err
}

// MemberOrg is an organization that a person belongs to. Its status is suspended also where an ancestor is.
type MemberOrg struct {
	ID      ids.Org `db:"id"`
	Handle  string  `db:"handle"`
	Name    string  `db:"name"`
	NameKey string  `db:"name_key"`
	Status  string  `db:"status"`
}

// queryOrgs reads a page of a person's organizations. part, where it is not empty, stands somewhere in the name or the handle.
func queryOrgs(ctx context.Context, tx db.Tx, user ids.User, part string, req page.Request) ([]MemberOrg, error) {
	after := zeroUUID
	if !req.First() {
		after = req.Part(1)
	}
	return db.Collect[MemberOrg](ctx, tx, `
		SELECT o.id, o.handle, o.name, o.name_key, CASE WHEN EXISTS (
			SELECT FROM org_closure c JOIN organizations a ON a.tenant_id = c.tenant_id AND a.id = c.ancestor_id
			WHERE c.tenant_id = o.tenant_id AND c.descendant_id = o.id AND a.status = 'suspended') THEN 'suspended' ELSE 'active' END AS status
		FROM memberships m JOIN organizations o ON o.tenant_id = m.tenant_id AND o.id = m.org_id
		WHERE m.tenant_id = $1 AND m.user_id = $2 AND (o.name_key, o.id) > ($3, $4::uuid)
		  AND ($5 = '' OR position($5 IN o.name_key) > 0 OR position($5 IN o.handle) > 0)
		ORDER BY o.name_key, o.id LIMIT $6`, tx.Tenant(), user, req.Part(0), after, part, req.Limit())
}

// Member is a membership with what is shown of the person.
type Member struct {
	Membership
	Username   string   `db:"username"`
	Email      string   `db:"email"`
	GivenName  string   `db:"given_name"`
	FamilyName string   `db:"family_name"`
	Status     string   `db:"status"`
	Roles      []string `db:"roles"`
}

// The roles are those held in the organization itself, directly or by a group.
const memberSQL = `
	SELECT m.id, m.org_id, m.user_id, m.kind, m.created_at, u.username, u.email, u.given_name, u.family_name, u.status,
	       ARRAY(SELECT r.name FROM role_assignments a JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
	             WHERE a.tenant_id = m.tenant_id AND a.org_id = m.org_id AND a.principal_id = m.user_id
	             UNION
	             SELECT r.name FROM group_members g
	             JOIN role_assignments a ON a.tenant_id = g.tenant_id AND a.principal_id = g.group_id AND a.org_id = g.org_id
	             JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
	             WHERE g.tenant_id = m.tenant_id AND g.user_id = m.user_id AND g.org_id = m.org_id ORDER BY 1) AS roles
	FROM memberships m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
	WHERE m.tenant_id = $1 AND m.org_id = $2`

func queryMember(ctx context.Context, tx db.Tx, org ids.Org, user ids.User) (Member, error) {
	return db.CollectOne[Member](ctx, tx, memberSQL+` AND m.user_id = $3`, tx.Tenant(), org, user)
}

const zeroUUID = "00000000-0000-0000-0000-000000000000"

// mostFound bounds what a search looks at: so many residents by username, by address and by name, and as many guests.
const mostFound = 1000

// The people that are searched for ($5 to $6 are keys of usernames and addresses, $7 to $8 words of names), residents and guests
// alike by the organization's own parts of the indexes, so that nothing that is asked tells of people who do not belong here, not
// even by the time that it takes.
const foundSQL = ` AND m.user_id IN (
	(SELECT n.id FROM users n WHERE n.tenant_id = $1 AND n.org_id = $2 AND n.username_key >= $5 AND n.username_key <= $6 ORDER BY n.username_key LIMIT $9)
	UNION (SELECT e.id FROM users e WHERE e.tenant_id = $1 AND e.org_id = $2 AND e.email_key >= $5 AND e.email_key <= $6 ORDER BY e.email_key LIMIT $9)
	UNION (SELECT w.user_id FROM user_words w WHERE w.tenant_id = $1 AND w.org_id = $2 AND w.words >= $7 AND w.words <= $8 ORDER BY w.words LIMIT $9)
	UNION (SELECT k.user_id FROM guest_words k WHERE k.tenant_id = $1 AND k.org_id = $2 AND k.words >= $5 AND k.words <= $6 ORDER BY k.words LIMIT $9)
	UNION (SELECT w.user_id FROM guest_words w WHERE w.tenant_id = $1 AND w.org_id = $2 AND w.words >= $7 AND w.words <= $8 ORDER BY w.words LIMIT $9))`

// ofKind narrows to a kind by name, because a plan for any kind is made for the one that most are of.
var ofKind = map[string]string{
	Invited:  ` AND m.kind = 'invited'`,
	Resident: ` AND m.kind = 'resident'`,
	Shared:   ` AND m.kind = 'shared'`,
}

// queryList reads a page. q, kind and only narrow it where they are not empty.
func queryList(ctx context.Context, tx db.Tx, org ids.Org, q, kind string, only []ids.User, req page.Request) ([]Member, error) {
	after := zeroUUID
	if !req.First() {
		after = req.Part(0)
	}
	sql, args := memberSQL+` AND m.id > $3::uuid`, []any{tx.Tenant(), org, after, req.Limit()}
	value := func(v any) string {
		args = append(args, v)
		return `$` + strconv.Itoa(len(args))
	}
	if key := text.Key(q); key != "" {
		first, last := text.Prefix(key)
		firstWords, lastWords := text.Prefix(users.NameWords(q))
		args = append(args, first, last, firstWords, lastWords, mostFound)
		sql += foundSQL
	}
	sql += ofKind[kind]
	if len(only) > 0 {
		sql += ` AND m.user_id = ANY(` + value(only) + `)`
	}
	return db.Collect[Member](ctx, tx, sql+` ORDER BY m.id LIMIT $4`, args...)
}
