package authn

import (
	"context"
	"encoding/json"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

const (
	sqlInsert = `
		INSERT INTO flows (tenant_id, id, app_id, step, sealed, browser_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	sqlLoad = `
		SELECT sealed, browser_hash, version FROM flows
		WHERE tenant_id = $1 AND id = $2 AND completed_at IS NULL AND expires_at > $3`
	sqlSave = `
		UPDATE flows SET step = $4, sealed = $5, version = version + 1
		WHERE tenant_id = $1 AND id = $2 AND version = $3 AND completed_at IS NULL AND expires_at > $6`
	sqlComplete = `
		UPDATE flows SET completed_at = $4, sealed = ''
		WHERE tenant_id = $1 AND id = $2 AND version = $3 AND completed_at IS NULL AND expires_at > $4`

	// Across tenants, as grove_system.
	sqlSweep = `
		DELETE FROM flows WHERE (tenant_id, id) IN (
			SELECT tenant_id, id FROM flows WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
)

// flow is an open row.
type flow struct {
	id      ids.Flow
	key     *secrets.DataKey
	state   *State
	version int64
}

type flowRow struct {
	Sealed      []byte `db:"sealed"`
	BrowserHash []byte `db:"browser_hash"`
	Version     int64  `db:"version"`
}

// place is where a sealed state belongs: it opens in its own row only.
func place(id ids.Flow) []byte { return []byte("flows.sealed " + id.String()) }

func insertFlow(ctx context.Context, tx db.Tx, key *secrets.DataKey, st *State, step Step, b Browser, ttl time.Duration) (ids.Flow, error) {
	id := ids.NewFlow()
	raw, err := json.Marshal(st)
	if err != nil {
		return id, err
	}
	_, err = tx.Exec(ctx, sqlInsert, tx.Tenant(), id, st.App, string(step), key.Seal(raw, place(id)), secrets.HashToken(b.Secret), tx.Now(), tx.Now().Add(ttl))
	return id, err
}

func saveFlow(ctx context.Context, tx db.Tx, f *flow, step Step) error {
	raw, err := json.Marshal(f.state)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, sqlSave, tx.Tenant(), f.id, f.version, string(step), f.key.Seal(raw, place(f.id)), tx.Now())
	if err == nil && n == 0 {
		err = errRaced
	}
	f.version++
	return err
}

// completeFlow uses a flow up: of several that try, one succeeds.
func completeFlow(ctx context.Context, tx db.Tx, f *flow) error {
	n, err := tx.Exec(ctx, sqlComplete, tx.Tenant(), f.id, f.version, tx.Now())
	if err == nil && n == 0 {
		err = gone(nil)
	}
	return err
}

// open reads a flow that is the browser's own, and what its request needs to know.
func (s *Service) open(ctx context.Context, t httpapi.Tenant, id ids.Flow, b Browser) (*flow, error) {
	var row flowRow
	err := s.db.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) (err error) {
		row, err = db.CollectOne[flowRow](ctx, tx, sqlLoad, tx.Tenant(), id, tx.Now())
		return err
	})
	if db.IsNoRows(err) {
		return nil, gone(nil)
	}
	if err != nil {
		return nil, err
	}
	if b.Secret == "" || !secrets.MatchToken(b.Secret, row.BrowserHash) {
		return nil, gone(nil)
	}
	f := &flow{id: id, state: &State{}, version: row.Version}
	if f.key, err = s.ports.Keys.DataKey(ctx, t.ID); err != nil {
		return nil, err
	}
	raw, err := f.key.Open(row.Sealed, place(id))
	if err != nil {
		return nil, gone(err)
	}
	if err := json.Unmarshal(raw, f.state); err != nil {
		return nil, err
	}
	r := &run{browser: b, tenant: t}
	f.state.run = r
	r.client, err = s.ports.Apps.Client(ctx, t.ID, f.state.ClientID)
	if fault.CodeNotFound.Is(err) || (err == nil && r.client.ID != f.state.App) {
		return nil, gone(err)
	}
	if err != nil {
		return nil, err
	}
	return f, s.findSession(ctx, r)
}
