package db

import (
	"context"
	"errors"
	"time"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Claim is the Idempotency-Key of the request that a transaction works for.
type Claim struct {
	Actor     string
	Key       string
	Operation string
	Hash      []byte // SHA-256 over the request
	Operator  bool   // the platform operator's: kept beside the tenants, whichever of them it acts on
	begun     bool   // a transaction has worked for it
	done      bool
}

type claimKey struct{}

// WithClaim returns a context whose first event-writing transaction records the claim; nil for none.
func WithClaim(ctx context.Context, c *Claim) context.Context {
	return context.WithValue(ctx, claimKey{}, c)
}

func claimFrom(ctx context.Context) *Claim {
	c, _ := ctx.Value(claimKey{}).(*Claim)
	return c
}

var errTwin = errors.New("db: a twin is at work")

// How long, and how often, a request that has begun tries to go on while a twin is at work.
const (
	claimPatience = 5 * time.Second
	claimPause    = 5 * time.Millisecond // doubled from one try to the next
	claimPauseMax = 100 * time.Millisecond
)

// besideTwins runs a transaction for the request's Idempotency-Key. While a twin is in one, a request that begins is refused
// at once; one that has begun tries again and keeps no connection in between, so that of two that take turns, as the one
// reads and the other is to write, neither ends the other.
func (c *Claim) besideTwins(ctx context.Context, try func() error) error {
	err := try()
	waited, pause := time.Duration(0), claimPause
	for errors.Is(err, errTwin) && c.begun && waited < claimPatience {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		waited, pause = waited+pause, min(2*pause, claimPauseMax)
		err = try()
	}
	if errors.Is(err, errTwin) {
		return fault.CodeIdemRunning.With("Send the request again when the first one has been answered.", nil)
	}
	return err
}

// refuseTwin lets one transaction at a time work for the request's Idempotency-Key, so that whatever else two twins would
// meet at is not taken for somebody else's doing. For the other it is errTwin at once: to wait here would be to keep a
// connection from everybody else. It does nothing where the request carries no key.
func (t Tx) refuseTwin(ctx context.Context) error {
	if t.claim == nil {
		return nil
	}
	name := "claim " + t.claim.Actor + " " + t.claim.Key
	if !t.claim.Operator {
		name = "claim " + t.tenant.String() + " " + t.claim.Actor + " " + t.claim.Key
	}
	var free bool
	err := t.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))`, name).Scan(&free)
	if err == nil && !free {
		return errTwin
	}
	t.claim.begun = t.claim.begun || free
	return err
}

// claimLife is how long a key is kept.
const claimLife = 24 * time.Hour

// RecordClaim stores the request's Idempotency-Key with the subject of the effect, in the effect's own transaction,
// once. It does nothing where the request carries no key. The event writer calls it, so no capability has to.
func (t Tx) RecordClaim(ctx context.Context, subject string) error {
	if t.claim == nil || t.claim.done {
		return nil
	}
	n, err := t.insertClaim(ctx, *t.claim, subject)
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

func (t Tx) insertClaim(ctx context.Context, c Claim, subject string) (int64, error) {
	if c.Operator {
		// A tenant's transaction adds a line and reads none: FindClaim has deleted the one that is too old.
		return t.Exec(ctx, `
			INSERT INTO operator_keys (key, operation, request_hash, subject, created_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, c.Key, c.Operation, c.Hash, subject, t.now)
	}
	return t.Exec(ctx, `
		INSERT INTO idempotency_keys (tenant_id, actor, key, operation, request_hash, subject, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant_id, actor, key) DO UPDATE
		SET operation = excluded.operation, request_hash = excluded.request_hash, subject = excluded.subject, created_at = excluded.created_at
		WHERE idempotency_keys.created_at <= $8`,
		t.tenant, c.Actor, c.Key, c.Operation, c.Hash, subject, t.now, t.now.Add(-claimLife))
}

// Claimed is what was stored with a key.
type Claimed struct {
	Operation string `db:"operation"`
	Hash      []byte `db:"request_hash"`
	Subject   string `db:"subject"` // of the effect
}

// FindClaim returns what was stored with the key of a claim. It waits for nobody: what a twin has not committed is not there.
func (d *DB) FindClaim(ctx context.Context, tenant ids.Tenant, c *Claim) (stored Claimed, found bool, err error) {
	old := d.clock.Now().Add(-claimLife)
	var rows []Claimed // one at most
	if c.Operator {
		err = d.InSystem(ctx, "find the operator's idempotency key", func(ctx context.Context, tx SystemTx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM operator_keys WHERE key = $1 AND created_at <= $2`, c.Key, old); err != nil {
				return err
			}
			rows, err = Collect[Claimed](ctx, tx, `SELECT operation, request_hash, subject FROM operator_keys WHERE key = $1`, c.Key)
			return err
		})
	} else {
		rows, err = Collect[Claimed](ctx, d.Reader(tenant), `
			SELECT operation, request_hash, subject FROM idempotency_keys
			WHERE tenant_id = $1 AND actor = $2 AND key = $3 AND created_at > $4`, tenant, c.Actor, c.Key, old)
	}
	if err != nil || len(rows) == 0 {
		return Claimed{}, false, err
	}
	return rows[0], true, nil
}
