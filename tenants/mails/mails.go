// Package mails bounds how often an address is mailed by all of a tenant together: whoever may make organizations, people and
// invitations would flood a stranger's mailbox by the vendor's sender. Each kind of mail has bounds of its own beside it.
package mails

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"grove/infra/db"
	"grove/infra/module"
)

// An address gets no more mails than this in the window.
const (
	most   = 20
	window = time.Hour
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are this package's own.
func Migrations() fs.FS { sub, _ := fs.Sub(migrations, "migrations"); return sub }

// Ledger is the capability; its rows are all that there is of it.
type Ledger struct{}

// Module is the capability's manifest.
func (Ledger) Module() module.Manifest {
	return module.Manifest{
		Name:       "tenants.mails",
		Migrations: Migrations(),
		Tables:     []module.Table{{Name: "mails_sent", Class: module.Transient, Owner: "tenant_id", Why: "counters of an hour; they start anew"}},
	}
}

// Claim notes that an address is mailed, and reports false, noting nothing, where it was mailed too often. Whoever asks at the same time
// for the same address waits until the transaction ends.
func Claim(ctx context.Context, tx db.Tx, emailKey string) (bool, error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "mails "+tx.Tenant().String()+" "+emailKey); err != nil {
		return false, err
	}
	since := tx.Now().Add(-window)
	n, err := tx.Exec(ctx, `
		INSERT INTO mails_sent (tenant_id, id, email_key, at) SELECT $1, gen_random_uuid(), $2, $3
		WHERE (SELECT count(*) FROM mails_sent m WHERE m.tenant_id = $1 AND m.email_key = $2 AND m.at > $4) < $5`, tx.Tenant(), emailKey, tx.Now(), since, most)
	if err != nil || n == 0 {
		return false, err
	}
	// Of what is over a little is forgotten with each.
	_, err = tx.Exec(ctx, `
		DELETE FROM mails_sent WHERE tenant_id = $1 AND id IN (
			SELECT id FROM mails_sent WHERE tenant_id = $1 AND at <= $2 ORDER BY at LIMIT 20 FOR UPDATE SKIP LOCKED)`, tx.Tenant(), since)
	return err == nil, err
}
