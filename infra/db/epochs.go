package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grove/infra/kernel/ids"
)

// Kind is the kind of thing that an epoch revokes.
type Kind string

// The kinds of revocable things.
const (
	KindClient     Kind = "client"
	KindConnection Kind = "connection"
	KindGrant      Kind = "grant"
	KindMembership Kind = "membership" // subject: ids.Pair(org, user)
	KindOrg        Kind = "org"
	KindSession    Kind = "session"
	KindSupport    Kind = "support_access"
	KindTenant     Kind = "tenant"
	KindToken      Kind = "token" // subject: the token's jti
	KindUser       Kind = "user"
)

// Raise ends everything that was issued for the subject so far; new things may be issued at once.
func (t Tx) Raise(ctx context.Context, kind Kind, subject uuid.UUID, reason string) error {
	return writeEpoch(ctx, t, t.tenant, kind, subject, "epochs.blocked", false, reason, t.now)
}

// Block ends everything that was issued for the subject and refuses anything new until Unblock.
func (t Tx) Block(ctx context.Context, kind Kind, subject uuid.UUID, reason string) error {
	return writeEpoch(ctx, t, t.tenant, kind, subject, "true", true, reason, t.now)
}

// Unblock lets new things be issued for the subject again. What was issued before stays dead.
func (t Tx) Unblock(ctx context.Context, kind Kind, subject uuid.UUID, reason string) error {
	return writeEpoch(ctx, t, t.tenant, kind, subject, "false", false, reason, t.now)
}

// BlockTenant ends everything of a tenant.
func (t SystemTx) BlockTenant(ctx context.Context, tenant ids.Tenant, reason string) error {
	return writeEpoch(ctx, t, tenant, KindTenant, tenant.UUID(), "true", true, reason, t.now)
}

// UnblockTenant lets things be issued for a tenant again.
func (t SystemTx) UnblockTenant(ctx context.Context, tenant ids.Tenant, reason string) error {
	return writeEpoch(ctx, t, tenant, KindTenant, tenant.UUID(), "false", false, reason, t.now)
}

// announcer is a transaction that can tell of a change.
type announcer interface {
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	note(change)
}

// change is what a transaction announces when it commits.
type change struct {
	topic  string
	tenant uuid.UUID
}

func (t Tx) note(c change)       { *t.told = append(*t.told, c) }
func (t SystemTx) note(c change) { *t.told = append(*t.told, c) }

// OnChange sets what this process does at once about a change that it made itself, before its caller hears that it was
// made; other processes hear of it by NOTIFY. It is called while the program is put together.
func (d *DB) OnChange(f func(topic string, tenant uuid.UUID)) { d.onChange = f }

func (d *DB) tell(told []change, err error) error {
	if err == nil && d.onChange != nil {
		for _, c := range told {
			d.onChange(c.topic, c.tenant)
		}
	}
	return err
}

// writeEpoch takes the next number of the one sequence. Several writers of one subject queue on its row, and the row
// keeps the greatest number. onConflict is one of three constants above, never input.
func writeEpoch(ctx context.Context, tx announcer, tenant ids.Tenant, kind Kind, subject uuid.UUID, onConflict string, blocked bool, reason string, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO epochs (tenant_id, subject, kind, epoch, blocked, reason, changed_at)
		VALUES ($1, $2, $3, nextval('epoch_numbers'), $4, $5, $6)
		ON CONFLICT (tenant_id, subject) DO UPDATE
		SET epoch = greatest(epochs.epoch, excluded.epoch), blocked = `+onConflict+`, reason = excluded.reason, changed_at = excluded.changed_at`,
		tenant, subject, string(kind), blocked, reason, now)
	if err != nil {
		return err
	}
	return notify(ctx, tx, string(kind), tenant, subject.String())
}

// Changed tells every process, when the transaction commits, that what it has cached under topic and key is stale.
func (t Tx) Changed(ctx context.Context, topic, key string) error {
	return notify(ctx, t, topic, t.tenant, key)
}

// Changed tells every process, when the transaction commits, that what it has cached under topic and key is stale.
func (t SystemTx) Changed(ctx context.Context, tenant ids.Tenant, topic, key string) error {
	return notify(ctx, t, topic, tenant, key)
}

// Channel is the name under which Postgres tells of changes: topic, tenant and key, parted by spaces.
const Channel = "grove_changed"

// Sessions, grants, memberships and tokens are checked in the database and cached nowhere. Announcing them would only
// make their commits queue on the one lock that NOTIFY takes.
func notify(ctx context.Context, tx announcer, topic string, tenant ids.Tenant, key string) error {
	switch Kind(topic) {
	case KindSession, KindGrant, KindSupport, KindToken, KindMembership:
		return nil
	}
	tx.note(change{topic: topic, tenant: tenant.UUID()})
	_, err := tx.Exec(ctx, `SELECT pg_notify($1, $2)`, Channel, topic+" "+tenant.UUID().String()+" "+key)
	return err
}
