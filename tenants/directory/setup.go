package directory

import (
	"context"
	"crypto/rand"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/secrets"
)

// SetupLife is how long a set-up token is good.
const SetupLife = time.Hour

const setupPrefix = "grv_setup"

var errSetup = fault.Declare(fault.Forbidden, "tenant.setup_refused", "The set-up token is not good",
	"It was used, is too old or is of another process. Restart grove serve for a new one.")

func setupRefused() error {
	return errSetup.With("It is mistyped, expired or used, or there is a tenant already.", nil)
}

// OfferSetup returns the token with which the first tenant can be founded, and until when; "" where there is a tenant. Every
// process is given the same one while it lasts. Only its hash is stored.
func (s *Service) OfferSetup(ctx context.Context, root *secrets.Root) (token string, until time.Time, err error) {
	err = s.db.InSystem(ctx, "offer the first set-up", func(ctx context.Context, tx db.SystemTx) error {
		// Who founds a tenant holds the row until it is there.
		old, found, err := lockSetup(ctx, tx)
		if err != nil {
			return err
		}
		if tenants, err := anyTenant(ctx, tx); err != nil || tenants {
			return err
		}
		if found && old.UsedAt == nil && tx.Now().Before(old.ExpiresAt) {
			if plain, hash := setupToken(root, old.Nonce); secrets.EqualHash(hash, old.Hash) {
				token, until = plain, old.ExpiresAt
				return nil
			}
		}
		offer := setupRow{Nonce: make([]byte, 16), ExpiresAt: tx.Now().Add(SetupLife)}
		_, _ = rand.Read(offer.Nonce) // never fails, by its documentation
		token, offer.Hash = setupToken(root, offer.Nonce)
		until = offer.ExpiresAt
		return putSetup(ctx, tx, offer)
	})
	return token, until, err
}

func setupToken(root *secrets.Root, nonce []byte) (plain string, hash []byte) {
	return secrets.TokenOf(setupPrefix, root.Derive("setup", nonce))
}

// SetupOpen reports whether a set-up token is good for something.
func (s *Service) SetupOpen(ctx context.Context) (open bool, err error) {
	err = s.db.InSystem(ctx, "ask whether the first set-up is open", func(ctx context.Context, tx db.SystemTx) error {
		row, found, err := selectSetup(ctx, tx)
		if err != nil || !found || row.UsedAt != nil || !tx.Now().Before(row.ExpiresAt) {
			return err
		}
		tenants, err := anyTenant(ctx, tx)
		open = !tenants
		return err
	})
	return open, err
}

// SetUp founds the first tenant for who holds the token, which is spent in the same transaction: of many who try at once one
// succeeds. A failure leaves the token good. The errors are those of Create, and tenant.setup_refused.
func (s *Service) SetUp(ctx context.Context, token string, in CreateTenant) (Tenant, error) {
	if !secrets.LooksLike(setupPrefix, token) {
		return Tenant{}, setupRefused()
	}
	hash := secrets.HashToken(token)
	// A stranger costs one read: no password is hashed for him.
	err := s.db.InSystem(ctx, "check a set-up token", func(ctx context.Context, tx db.SystemTx) error {
		row, found, err := selectSetup(ctx, tx)
		if err != nil {
			return err
		}
		tenants, err := anyTenant(ctx, tx)
		if err != nil {
			return err
		}
		if !found || tenants || !row.good(hash, tx.Now()) {
			return setupRefused()
		}
		return nil
	})
	if err != nil {
		return Tenant{}, err
	}
	ctx = actor.Into(ctx, actor.Actor{Kind: actor.Operator, Name: "first set-up"})
	return s.foundIf(ctx, in, func(ctx context.Context, tx db.Tx) error {
		switch first, err := useSetup(ctx, tx, hash); {
		case err != nil:
			return err
		case !first:
			return setupRefused()
		}
		return nil
	})
}

// setupRow is the one row of the table setup.
type setupRow struct {
	Nonce     []byte     `db:"nonce"`
	Hash      []byte     `db:"hash"`
	ExpiresAt time.Time  `db:"expires_at"`
	UsedAt    *time.Time `db:"used_at"`
}

func (r setupRow) good(hash []byte, now time.Time) bool {
	return r.UsedAt == nil && now.Before(r.ExpiresAt) && secrets.EqualHash(hash, r.Hash)
}

const sqlSetup = `SELECT nonce, hash, expires_at, used_at FROM setup WHERE id = 1`

// setupLock keeps two processes that start at once from making two tokens, of which one would be void.
const setupLock = 0x7365747570 // "setup"

func lockSetup(ctx context.Context, tx db.SystemTx) (setupRow, bool, error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, setupLock); err != nil {
		return setupRow{}, false, err
	}
	return foundSetup(db.CollectOne[setupRow](ctx, tx, sqlSetup+` FOR UPDATE`))
}

func selectSetup(ctx context.Context, tx db.SystemTx) (setupRow, bool, error) {
	return foundSetup(db.CollectOne[setupRow](ctx, tx, sqlSetup))
}

func foundSetup(row setupRow, err error) (setupRow, bool, error) {
	if db.IsNoRows(err) {
		return row, false, nil
	}
	return row, err == nil, err
}

func putSetup(ctx context.Context, tx db.SystemTx, row setupRow) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO setup (nonce, hash, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET nonce = $1, hash = $2, expires_at = $3, used_at = NULL`, row.Nonce, row.Hash, row.ExpiresAt)
	return err
}

// useSetup spends the token and reports whether this call did.
func useSetup(ctx context.Context, tx db.Tx, hash []byte) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE setup SET used_at = $2 WHERE id = 1 AND hash = $1 AND used_at IS NULL AND expires_at > $2`, hash, tx.Now())
	return n == 1, err
}

func anyTenant(ctx context.Context, tx db.SystemTx) (exists bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM tenants WHERE tenant_id IS NOT NULL)`).Scan(&exists)
	return exists, err
}
