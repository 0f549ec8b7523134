package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// layer is what one organization overrides of one module.
type layer struct {
	Org     ids.Org `db:"org_id"`
	Module  string  `db:"module"`
	Value   []byte  `db:"value"`
	Version int64   `db:"version"`
	Root    bool    `db:"root"` // the organization is the tenant's root
}

func (l layer) fields() (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(l.Value) == 0 {
		return fields, nil
	}
	if err := json.Unmarshal(l.Value, &fields); err != nil {
		return nil, fmt.Errorf("settings: %s of %s: %w", l.Module, l.Org, err)
	}
	return fields, nil
}

// selectLayers reads a module's overrides from the root down to the organization.
func selectLayers(ctx context.Context, tx db.Tx, org ids.Org, module string) ([]layer, error) {
	return db.Collect[layer](ctx, tx, `
		SELECT s.org_id, s.module, s.value, s.version, o.parent_id IS NULL AS root
		FROM org_closure c JOIN settings s ON s.tenant_id = c.tenant_id AND s.org_id = c.ancestor_id AND s.module = $3
		JOIN organizations o ON o.tenant_id = s.tenant_id AND o.id = s.org_id
		WHERE c.tenant_id = $1 AND c.descendant_id = $2 ORDER BY c.depth DESC`, tx.Tenant(), org, module)
}

// layerFor is a layer that holds in an organization.
type layerFor struct {
	For ids.Org `db:"descendant_id"`
	layer
}

// selectLayersOfEach reads a module's overrides for each of the organizations, from the root down.
func selectLayersOfEach(ctx context.Context, tx db.Tx, orgs []ids.Org, module string) ([]layerFor, error) {
	return db.Collect[layerFor](ctx, tx, `
		SELECT c.descendant_id, s.org_id, s.module, s.value, s.version, o.parent_id IS NULL AS root
		FROM org_closure c JOIN settings s ON s.tenant_id = c.tenant_id AND s.org_id = c.ancestor_id AND s.module = $3
		JOIN organizations o ON o.tenant_id = s.tenant_id AND o.id = s.org_id
		WHERE c.tenant_id = $1 AND c.descendant_id = ANY ($2) ORDER BY c.depth DESC`, tx.Tenant(), orgs, module)
}

// beforeFor is a moment of an organization's field.
type beforeFor struct {
	For    ids.Org   `db:"descendant_id"`
	Field  string    `db:"field"`
	Moment time.Time `db:"moment"`
}

// selectBefore reads, for each of the organizations and fields, the latest moment as many seconds before the end of a former value,
// there or above, as that value has.
func selectBefore(ctx context.Context, tx db.Tx, orgs []ids.Org, module string, fields []string) ([]beforeFor, error) {
	return db.Collect[beforeFor](ctx, tx, `
		SELECT c.descendant_id, f.field, max(h.sys_to - make_interval(secs => (h.value ->> f.field)::float8)) AS moment
		FROM org_closure c JOIN settings_history h ON h.tenant_id = c.tenant_id AND h.org_id = c.ancestor_id AND h.module = $3
		CROSS JOIN unnest($4::text[]) AS f (field)
		WHERE c.tenant_id = $1 AND c.descendant_id = ANY ($2) AND h.value ->> f.field IS NOT NULL
		GROUP BY c.descendant_id, f.field`, tx.Tenant(), orgs, module, fields)
}

// selectOwn reads the names of the modules that an organization overrides something of.
func selectOwn(ctx context.Context, tx db.Tx, org ids.Org) ([]string, error) {
	return db.Scalars[string](ctx, tx, `
		SELECT module FROM settings WHERE tenant_id = $1 AND org_id = $2 AND value <> '{}' ORDER BY module`, tx.Tenant(), org)
}

// lockOwn reads an organization's overrides of a module and locks them; the zero layer where there are none.
func lockOwn(ctx context.Context, tx db.Tx, org ids.Org, module string) (layer, error) {
	l, err := db.CollectOne[layer](ctx, tx, `
		SELECT org_id, module, value, version, false AS root FROM settings WHERE tenant_id = $1 AND org_id = $2 AND module = $3 FOR UPDATE`,
		tx.Tenant(), org, module)
	if db.IsNoRows(err) {
		return layer{Org: org, Module: module}, nil
	}
	return l, err
}

// saveOwn writes an organization's overrides, if they are still at the version that was read; 0 is none yet.
func saveOwn(ctx context.Context, tx db.Tx, l layer) (bool, error) {
	n, err := tx.Exec(ctx, `
		INSERT INTO settings (tenant_id, id, org_id, module, value, updated_at, sys_from)
		VALUES ($1, gen_random_uuid(), $2, $3, $4, $6, $6)
		ON CONFLICT ON CONSTRAINT settings_module DO UPDATE
		SET value = excluded.value, updated_at = excluded.updated_at, version = settings.version + 1
		WHERE settings.version = $5`,
		tx.Tenant(), l.Org, l.Module, l.Value, l.Version, tx.Now())
	return n == 1, err
}
