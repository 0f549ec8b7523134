package db

import (
	"context"

	"grove/infra/kernel/fault"
)

// Claim is the Idempotency-Key of the request that a transaction works for.
type Claim struct {
	Actor     string
	Key       string
	Operation string
	Hash      []byte // SHA-256 over the request
	done      bool
}

type claimKey struct{}

// WithClaim returns a context whose first event-writing transaction records the claim.
func WithClaim(ctx context.Context, c *Claim) context.Context {
	return context.WithValue(ctx, claimKey{}, c)
}

func claimFrom(ctx context.Context) *Claim {
	c, _ := ctx.Value(claimKey{}).(*Claim)
	return c
}

// awaitTwin waits until no other transaction works for the request's Idempotency-Key, so that whatever else two twins would
// wait for each other at is not taken for somebody else's doing. It does nothing where the request carries no key.
func (t Tx) awaitTwin(ctx context.Context) error {
	if t.claim == nil {
		return nil
	}
	_, err := t.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "claim "+t.tenant.String()+" "+t.claim.Actor+" "+t.claim.Key)
	if isState(err, "55P03") {
		return fault.CodeIdemRunning.With("Send the request again when the first one has been answered.", err)
	}
	return err
}

// RecordClaim stores the request's Idempotency-Key with the subject of the effect, in the effect's own transaction,
// once. It does nothing where the request carries no key. The event writer calls it, so no capability has to.
func (t Tx) RecordClaim(ctx context.Context, subject string) error {
	if t.claim == nil || t.claim.done {
		return nil
	}
	n, err := t.Exec(ctx, `
		INSERT INTO idempotency_keys (tenant_id, actor, key, operation, request_hash, subject, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, actor, key) DO UPDATE
		SET operation = excluded.operation, request_hash = excluded.request_hash, subject = excluded.subject, created_at = excluded.created_at
		WHERE idempotency_keys.created_at <= excluded.created_at - interval '24 hours'`,
		t.tenant, t.claim.Actor, t.claim.Key, t.claim.Operation, t.claim.Hash, subject, t.now)
	if err != nil {
		return err
	}
	if n == 0 {
		// A twin committed first: this effect rolls back, and the twin's is the answer at the next try.
		return fault.CodeIdemRunning.With("Another request with this Idempotency-Key has just finished; send it again.", nil)
	}
	t.claim.done = true
	return nil
}

// FindClaim returns what was stored for a key: the operation, the request's hash and the effect's subject.
func (t Tx) FindClaim(ctx context.Context, actor, key string) (operation string, hash []byte, subject string, found bool, err error) {
	err = t.QueryRow(ctx, `
		SELECT operation, request_hash, subject FROM idempotency_keys
		WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at > $4::timestamptz - interval '24 hours'`,
		t.tenant, actor, key, t.now).Scan(&operation, &hash, &subject)
	if IsNoRows(err) {
		return "", nil, "", false, nil
	}
	return operation, hash, subject, err == nil, err
}
