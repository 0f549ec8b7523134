package directory

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// Status is an organization's own, whatever its ancestors' are.
type Status string

// The states of an organization.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// Org is an organization's row.
type Org struct {
	ID          ids.Org           `db:"id"`
	Parent      ids.Org           `db:"parent_id"` // zero for the root
	Handle      string            `db:"handle"`
	Name        string            `db:"name"`
	Description string            `db:"description"`
	Status      Status            `db:"status"`
	Attributes  map[string]string `db:"attributes"`
	CreatedAt   time.Time         `db:"created_at"`
	UpdatedAt   time.Time         `db:"updated_at"`
	Version     int64             `db:"version"`
}

// IsRoot reports whether the organization is the tenant's root.
func (o Org) IsRoot() bool { return o.Parent.IsZero() }

// viewRow is an organization with what is shown beside its row.
type viewRow struct {
	Org
	SortKey     string `db:"sort_key"` // what a list is ordered by, before the identifier
	HasChildren bool   `db:"has_children"`
	Stopped     bool   `db:"stopped"` // it or an ancestor is suspended
	Path        []step `db:"path"`    // the organizations above, the root first
}

// step is one of the organizations above another.
type step struct {
	ID     pgtype.UUID `json:"id"`
	Handle string      `json:"handle"`
	Name   string      `json:"name"`
}

const orgColumns = `o.id, o.parent_id, o.handle, o.name, o.description, o.status, o.attributes, o.created_at, o.updated_at, o.version`

// A child is looked for in the order of an index, and suspended ones among those above: an EXISTS would start at the whole
// table where few organizations have children, or at all suspended ones of the tenant.
const viewColumns = orgColumns + `,
	(SELECT true FROM organizations k WHERE k.tenant_id = $1 AND k.parent_id = o.id ORDER BY k.name_key LIMIT 1) IS NOT NULL AS has_children,
	(SELECT bool_or(s.status = 'suspended') FROM org_closure u JOIN organizations s ON s.tenant_id = u.tenant_id AND s.id = u.ancestor_id
		WHERE u.tenant_id = $1 AND u.descendant_id = o.id) AS stopped,
	(SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'handle', p.handle, 'name', p.name) ORDER BY u.depth DESC), '[]')
		FROM org_closure u JOIN organizations p ON p.tenant_id = u.tenant_id AND p.id = u.ancestor_id
		WHERE u.tenant_id = $1 AND u.descendant_id = o.id AND u.depth > 0) AS path`

// byName is what lists by name are sorted by, and byWords what was found is.
const (
	byName  = viewColumns + `, o.name_key AS sort_key`
	byWords = viewColumns + `, w.words AS sort_key`
)

type resolvedRow struct {
	ID      ids.Org   `db:"id"`
	Handle  string    `db:"handle"`
	Name    string    `db:"name"`
	Path    []ids.Org `db:"path"`
	Stopped bool      `db:"stopped"`
}

const resolveSelect = `
	SELECT o.id, o.handle, o.name, array_agg(c.ancestor_id ORDER BY c.depth DESC) AS path, bool_or(a.status = 'suspended') AS stopped
	FROM organizations o
	JOIN org_closure c ON c.tenant_id = o.tenant_id AND c.descendant_id = o.id
	JOIN organizations a ON a.tenant_id = c.tenant_id AND a.id = c.ancestor_id `

func resolveID(ctx context.Context, tx db.Tx, id ids.Org) (resolvedRow, error) {
	return db.CollectOne[resolvedRow](ctx, tx, resolveSelect+`WHERE o.tenant_id = $1 AND o.id = $2 GROUP BY o.tenant_id, o.id`, tx.Tenant(), id)
}

func resolveHandle(ctx context.Context, tx db.Tx, handle string) (resolvedRow, error) {
	return db.CollectOne[resolvedRow](ctx, tx, resolveSelect+`WHERE o.tenant_id = $1 AND o.handle = $2 GROUP BY o.tenant_id, o.id`, tx.Tenant(), handle)
}

func selectOrg(ctx context.Context, tx db.Tx, id ids.Org) (Org, error) {
	return db.CollectOne[Org](ctx, tx, `SELECT `+orgColumns+` FROM organizations o WHERE o.tenant_id = $1 AND o.id = $2`, tx.Tenant(), id)
}

func lockOrg(ctx context.Context, tx db.Tx, id ids.Org) (Org, error) {
	return db.CollectOne[Org](ctx, tx, `SELECT `+orgColumns+` FROM organizations o WHERE o.tenant_id = $1 AND o.id = $2 FOR UPDATE`, tx.Tenant(), id)
}

func selectView(ctx context.Context, tx db.Tx, id ids.Org) (viewRow, error) {
	return db.CollectOne[viewRow](ctx, tx, `SELECT `+byName+` FROM organizations o WHERE o.tenant_id = $1 AND o.id = $2`, tx.Tenant(), id)
}

func selectPath(ctx context.Context, tx db.Tx, id ids.Org) ([]ids.Org, error) {
	return db.Scalars[ids.Org](ctx, tx, `
		SELECT ancestor_id FROM org_closure WHERE tenant_id = $1 AND descendant_id = $2 ORDER BY depth DESC`, tx.Tenant(), id)
}

// filter narrows a list: what is found from From up to To, "" for everything, and a status, "" for any.
type filter struct {
	From, To, Status string
}

// ofStatus narrows a list to a status by name, because a plan for any status is made for the one that most are of.
var ofStatus = map[Status]string{
	Active:    `.status = 'active'`,
	Suspended: `.status = 'suspended'`,
}

// listing is a list in two statements: everything, by name, in the order of by, and what is found, by the words that find it.
type listing struct{ all, by, found string }

// A page goes on where the one before ended. Nothing is empty, so the first one follows (”, null). What several of its words
// would find is found by the first of them.
const (
	byNames = `o.name_key, o.id`
	named   = ` AND (` + byNames + `) > ($3, $4::uuid)`

	worded = ` JOIN organizations o ON o.tenant_id = w.tenant_id AND o.id = w.org_id WHERE w.tenant_id = $1`
	// An organization has few words, so that what was found before is soon passed.
	foundSoon = `/* scan of org_words allowed: whatever of one organization is found again is a few rows */ `
	matched   = ` AND (w.words, w.org_id) > ($3, $4::uuid) AND w.words >= $6 AND w.words < $7
		AND NOT EXISTS (SELECT FROM org_words f WHERE f.tenant_id = $1 AND f.org_id = w.org_id AND f.words >= $6 AND f.words < w.words)`
)

// Lists of the whole tree run along the indexes of names and words, and never see the tree.
var treeList = listing{
	all:   `SELECT ` + byName + ` FROM organizations o WHERE o.tenant_id = $1 AND $2::uuid IS NOT NULL` + named,
	by:    byNames,
	found: foundSoon + `SELECT ` + byWords + ` FROM org_words w` + worded + ` AND $2::uuid IS NOT NULL` + matched,
}

// What lies below one organization is looked for among that and nowhere else, so that neither what is found nor the time it takes
// tells of the rest of the tree: the list runs along the names in the closure, whatever its length, and a search reads the words of all
// that is below. OFFSET 0 keeps the planner from starting at the names or words of the whole tree.
const (
	belowTop = ` FROM (SELECT descendant_id FROM org_closure WHERE tenant_id = $1 AND ancestor_id = $2 OFFSET 0) c`
	itself   = ` CROSS JOIN LATERAL (SELECT * FROM organizations b WHERE b.tenant_id = $1 AND b.id = c.descendant_id OFFSET 0) o`
	lines    = `c.name_key, c.descendant_id`
)

var subtreeList = listing{
	all: `SELECT ` + byName + ` FROM org_closure c` + itself + ` WHERE c.tenant_id = $1 AND c.ancestor_id = $2 AND (` + lines + `) > ($3, $4::uuid)`,
	by:  lines,
	found: `/* whole organization: it has few words */ SELECT ` + byWords + belowTop + ` CROSS JOIN LATERAL (
			SELECT * FROM (SELECT * FROM org_words b WHERE b.tenant_id = $1 AND b.org_id = c.descendant_id OFFSET 0) b
			WHERE b.words >= $6 AND b.words < $7 ORDER BY b.words LIMIT 1) w` + itself +
		` WHERE (w.words, w.org_id) > ($3, $4::uuid)`,
}

var childrenList = listing{
	all:   `SELECT ` + byName + ` FROM organizations o WHERE o.tenant_id = $1 AND o.parent_id = $2` + named,
	by:    byNames,
	found: foundSoon + `SELECT ` + byWords + ` FROM org_words w` + worded + ` AND w.parent_id = $2` + matched,
}

// selectList reads a page of one of the lists; org is the root, the subtree's top or the parent.
func selectList(ctx context.Context, tx db.Tx, l listing, org ids.Org, f filter, req page.Request) ([]viewRow, error) {
	after, err := afterID(req.Part(1))
	if err != nil {
		return nil, err
	}
	all, found, args := l.all, l.found, []any{tx.Tenant(), org, req.Part(0), after, req.Limit()}
	if is := ofStatus[Status(f.Status)]; is != "" {
		all, found = all+` AND o`+is, found+` AND w`+is
	}
	if f.From == "" {
		return db.Collect[viewRow](ctx, tx, all+` ORDER BY `+l.by+` LIMIT $5`, args...)
	}
	return db.Collect[viewRow](ctx, tx, found+` ORDER BY w.words, w.org_id LIMIT $5`, append(args, f.From, f.To)...)
}

// selectAncestors reads the organizations above one, the root first.
func selectAncestors(ctx context.Context, tx db.Tx, id ids.Org) ([]viewRow, error) {
	return db.Collect[viewRow](ctx, tx, `
		SELECT `+byName+` FROM org_closure c JOIN organizations o ON o.tenant_id = c.tenant_id AND o.id = c.ancestor_id
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 AND c.depth > 0 ORDER BY c.depth DESC`, tx.Tenant(), id)
}

func siblingNameTaken(ctx context.Context, tx db.Tx, parent ids.Org, nameKey string) (taken bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM organizations WHERE tenant_id = $1 AND parent_id = $2 AND name_key = $3)`,
		tx.Tenant(), parent, nameKey).Scan(&taken)
	return taken, err
}

// lockTree keeps the shape of the tenant's tree until the transaction ends: shared for those who add a leaf or rename, alone for
// those who move or remove. What is read after it is as the writer before left it.
func lockTree(ctx context.Context, tx db.Tx, alone bool) error {
	_, err := tx.Exec(ctx, `
		SELECT CASE WHEN $2 THEN pg_advisory_xact_lock(k) ELSE pg_advisory_xact_lock_shared(k) END
		FROM hashtextextended('orgs.tree ' || $1::uuid::text, 0) AS k`, tx.Tenant(), alone)
	return err
}

type place struct {
	Depth   int  `db:"depth"`   // below the root
	Stopped bool `db:"stopped"` // it or an ancestor is suspended
	Within  bool `db:"within"`  // inside the other organization's subtree
}

// selectPlace says where an organization is in the tree, and whether other is it or above it.
func selectPlace(ctx context.Context, tx db.Tx, id, other ids.Org) (place, error) {
	return db.CollectOne[place](ctx, tx, `
		SELECT max(c.depth) AS depth, bool_or(a.status = 'suspended') AS stopped, coalesce(bool_or(c.ancestor_id = $3), false) AS within
		FROM org_closure c JOIN organizations a ON a.tenant_id = c.tenant_id AND a.id = c.ancestor_id
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 GROUP BY c.descendant_id`, tx.Tenant(), id, other)
}

// selectHeight is how far the subtree reaches below its top.
func selectHeight(ctx context.Context, tx db.Tx, top ids.Org) (height int, err error) {
	err = tx.QueryRow(ctx, `SELECT max(depth) FROM org_closure WHERE tenant_id = $1 AND ancestor_id = $2`, tx.Tenant(), top).Scan(&height)
	return height, err
}

// insertOrg reports false where the handle is taken.
func insertOrg(ctx context.Context, tx db.Tx, o Org, nameKey string) (bool, error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, description, status, attributes, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9, $9) ON CONFLICT ON CONSTRAINT organizations_handle DO NOTHING`,
		tx.Tenant(), o.ID, o.Parent, o.Handle, o.Name, nameKey, o.Description, o.Attributes, tx.Now())
	return n == 1, err
}

// insertLeaf adds a new organization to the closure: below itself, and below everything that its parent is below.
func insertLeaf(ctx context.Context, tx db.Tx, id, parent ids.Org, nameKey string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth, name_key)
		SELECT c.tenant_id, c.ancestor_id, $2::uuid, c.depth + 1, $4 FROM org_closure c WHERE c.tenant_id = $1 AND c.descendant_id = $3
		UNION ALL SELECT $1::uuid, $2::uuid, $2::uuid, 0, $4`, tx.Tenant(), id, parent, nameKey)
	return err
}

func updateOrg(ctx context.Context, tx db.Tx, o Org, nameKey string) (Org, error) {
	return db.CollectOne[Org](ctx, tx, `
		UPDATE organizations o SET handle = $3, name = $4, name_key = $5, description = $6, status = $7, attributes = $8,
			updated_at = $9, version = o.version + 1
		WHERE o.tenant_id = $1 AND o.id = $2 RETURNING `+orgColumns,
		tx.Tenant(), o.ID, o.Handle, o.Name, nameKey, o.Description, string(o.Status), o.Attributes, tx.Now())
}

func updateParent(ctx context.Context, tx db.Tx, id, parent ids.Org) (Org, error) {
	return db.CollectOne[Org](ctx, tx, `
		UPDATE organizations o SET parent_id = $3, updated_at = $4, version = o.version + 1
		WHERE o.tenant_id = $1 AND o.id = $2 RETURNING `+orgColumns, tx.Tenant(), id, parent, tx.Now())
}

// detach takes a subtree from everything above it, in the closure.
func detach(ctx context.Context, tx db.Tx, top ids.Org) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM org_closure c USING org_closure sub, org_closure up
		WHERE sub.tenant_id = $1 AND sub.ancestor_id = $2
		  AND up.tenant_id = $1 AND up.descendant_id = $2 AND up.depth > 0
		  AND c.tenant_id = $1 AND c.descendant_id = sub.descendant_id AND c.ancestor_id = up.ancestor_id`, tx.Tenant(), top)
	return err
}

// attach puts a detached subtree below a parent, in the closure.
func attach(ctx context.Context, tx db.Tx, top, parent ids.Org) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth, name_key)
		SELECT up.tenant_id, up.ancestor_id, sub.descendant_id, up.depth + sub.depth + 1, o.name_key
		FROM org_closure up CROSS JOIN org_closure sub JOIN organizations o ON o.tenant_id = $1 AND o.id = sub.descendant_id
		WHERE up.tenant_id = $1 AND up.descendant_id = $3 AND sub.tenant_id = $1 AND sub.ancestor_id = $2`, tx.Tenant(), top, parent)
	return err
}

func hasChildren(ctx context.Context, tx db.Tx, id ids.Org) (has bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM organizations WHERE tenant_id = $1 AND parent_id = $2)`, tx.Tenant(), id).Scan(&has)
	return has, err
}

// deleteOrg removes an organization; its lines of the closure go with it.
func deleteOrg(ctx context.Context, tx db.Tx, id ids.Org) error {
	_, err := tx.Exec(ctx, `DELETE FROM organizations WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}
