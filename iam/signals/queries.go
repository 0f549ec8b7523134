package signals

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// The states of a stream (SSF 1.0, section 8.1.2).
const (
	disabled = "disabled"
	enabled  = "enabled"
	paused   = "paused"
)

const (
	pollMethod = "poll"
	pushMethod = "push"
)

// stream is a stored stream.
type stream struct {
	ID          ids.SignalStream `db:"id"`
	Org         ids.Org          `db:"org_id"`
	App         ids.App          `db:"app_id"`
	ClientID    string           `db:"client_id"`
	Issuer      string           `db:"issuer"`
	Base        ids.Org          `db:"base_org_id"`
	Description string           `db:"description"`
	Method      string           `db:"method"`
	Endpoint    string           `db:"endpoint"`
	Header      []byte           `db:"header"`
	Requested   []string         `db:"requested"`
	Status      string           `db:"status"`
	Reason      string           `db:"reason"`
	Held        bool             `db:"held"`
	Fed         int64            `db:"fed"`
	Next        int64            `db:"next"`
	Tries       int              `db:"tries"`
	FailingAt   *time.Time       `db:"failing_at"`
	Error       string           `db:"error"`
	ErrorAt     *time.Time       `db:"error_at"`
	TakenAt     time.Time        `db:"taken_at"`
	AskedAt     *time.Time       `db:"asked_at"`
	Lease       *uuid.UUID       `db:"lease"`
	LeaseUntil  *time.Time       `db:"lease_until"`
	CreatedAt   time.Time        `db:"created_at"`
	UpdatedAt   time.Time        `db:"updated_at"`
}

const sqlStream = `SELECT id, org_id, app_id, client_id, issuer, base_org_id, description, method, endpoint, header, requested, status, reason, held, fed, next,
	tries, failing_at, error, error_at, taken_at, asked_at, lease, lease_until, created_at, updated_at FROM signal_streams `

// streamsAt are an app's own at a base, the oldest first.
func streamsAt(ctx context.Context, tx db.Tx, app ids.App, issuer string) ([]stream, error) {
	return db.Collect[stream](ctx, tx, sqlStream+`WHERE tenant_id = $1 AND app_id = $2 AND issuer = $3 ORDER BY id`, tx.Tenant(), app, issuer)
}

func findStream(ctx context.Context, tx db.Tx, id ids.SignalStream) (stream, error) {
	return db.CollectOne[stream](ctx, tx, sqlStream+`WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
}

func lockStream(ctx context.Context, tx db.Tx, id ids.SignalStream) (stream, error) {
	return db.CollectOne[stream](ctx, tx, sqlStream+`WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, tx.Tenant(), id)
}

// countStreams counts an app's at all bases, and lets no other be made meanwhile.
func countStreams(ctx context.Context, tx db.Tx, app ids.App) (n int, err error) {
	if _, err := db.Scalars[bool](ctx, tx, `SELECT true FROM apps WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, tx.Tenant(), app); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM signal_streams WHERE tenant_id = $1 AND app_id = $2`, tx.Tenant(), app).Scan(&n)
	return n, err
}

func insertStream(ctx context.Context, tx db.Tx, st stream) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO signal_streams (tenant_id, id, org_id, app_id, client_id, issuer, base_org_id, description, method, endpoint, header, requested, status, reason, fed,
			taken_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', $14, $15, $15, $15)`,
		tx.Tenant(), st.ID, st.Org, st.App, st.ClientID, st.Issuer, st.Base, st.Description, st.Method, st.Endpoint, st.Header, st.Requested, st.Status, st.Fed, tx.Now())
	return err
}

// saveStream writes what changes of a stream that is locked.
func saveStream(ctx context.Context, tx db.Tx, st stream) error {
	_, err := tx.Exec(ctx, `
		UPDATE signal_streams SET description = $3, method = $4, endpoint = $5, header = $6, requested = $7, status = $8, reason = $9, held = $10, fed = $11, next = $12,
			tries = $13, failing_at = $14, error = $15, error_at = $16, taken_at = $17, asked_at = $18, lease = $19, lease_until = $20, updated_at = $21
		WHERE tenant_id = $1 AND id = $2`,
		tx.Tenant(), st.ID, st.Description, st.Method, st.Endpoint, st.Header, st.Requested, st.Status, st.Reason, st.Held, st.Fed, st.Next,
		st.Tries, st.FailingAt, st.Error, st.ErrorAt, st.TakenAt, st.AskedAt, st.Lease, st.LeaseUntil, st.UpdatedAt)
	return err
}

func deleteStream(ctx context.Context, tx db.Tx, id ids.SignalStream) error {
	_, err := tx.Exec(ctx, `DELETE FROM signal_streams WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), id)
	return err
}

// headOfChain is the number of the tenant's last sealed event.
func headOfChain(ctx context.Context, tx db.Tx) (head int64, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce((SELECT seq FROM event_chain WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1), 0)`, tx.Tenant()).Scan(&head)
	return head, err
}

// signal is one event that waits in a stream's queue.
type signal struct {
	ID      ids.SecurityEvent `db:"id"`
	Place   int64             `db:"place"`
	Kind    string            `db:"kind"`
	Txn     string            `db:"txn"`
	User    ids.User          `db:"user_id"`
	Session ids.Session       `db:"session_id"`
	Via     ids.Org           `db:"via_org_id"`
	InOrg   bool              `db:"in_org"`
	Data    json.RawMessage   `db:"data"`
	At      time.Time         `db:"at"`
	Created time.Time         `db:"created_at"`
}

func insertSignal(ctx context.Context, tx db.Tx, st stream, g signal) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO signal_queue (tenant_id, stream_id, place, id, org_id, kind, txn, user_id, session_id, via_org_id, in_org, data, at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		tx.Tenant(), st.ID, g.Place, g.ID, st.Org, g.Kind, g.Txn, g.User, g.Session, g.Via, g.InOrg, g.Data, g.At, tx.Now())
	return err
}

// waiting reads what waits in a stream, in order: everything, or of one type.
func waiting(ctx context.Context, tx db.Tx, id ids.SignalStream, kind string, limit int) ([]signal, error) {
	return db.Collect[signal](ctx, tx, `
		SELECT id, place, kind, txn, user_id, session_id, via_org_id, in_org, data, at, created_at FROM signal_queue
		WHERE tenant_id = $1 AND stream_id = $2 AND ($3 = '' OR kind = $3) ORDER BY place LIMIT $4`, tx.Tenant(), id, kind, limit)
}

// countWaiting counts what waits in a stream, as far as limit.
func countWaiting(ctx context.Context, tx db.Tx, id ids.SignalStream, limit int) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM signal_queue WHERE tenant_id = $1 AND stream_id = $2 LIMIT $3) q`, tx.Tenant(), id, limit).Scan(&n)
	return n, err
}

// dropSignals deletes what was taken, and counts it.
func dropSignals(ctx context.Context, tx db.Tx, id ids.SignalStream, jtis []uuid.UUID) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM signal_queue WHERE tenant_id = $1 AND stream_id = $2 AND id = ANY ($3)`, tx.Tenant(), id, jtis)
}

// dropWaiting deletes what waits: everything, or of one type.
func dropWaiting(ctx context.Context, tx db.Tx, id ids.SignalStream, kind string) error {
	_, err := tx.Exec(ctx, `DELETE FROM signal_queue WHERE tenant_id = $1 AND stream_id = $2 AND ($3 = '' OR kind = $3)`, tx.Tenant(), id, kind)
	return err
}

// firstPlace is the place of what comes next in a stream.
func firstPlace(ctx context.Context, tx db.Tx, id ids.SignalStream, otherwise int64) (place int64, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce((SELECT place FROM signal_queue WHERE tenant_id = $1 AND stream_id = $2 ORDER BY place LIMIT 1), $3)`, tx.Tenant(), id, otherwise).Scan(&place)
	return place, err
}

// exclusion is somebody of whom a receiver does not want to hear: zeros are anybody, anywhere.
type exclusion struct{ User, Org uuid.UUID }

func insertExclusion(ctx context.Context, tx db.Tx, st stream, x exclusion) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO signal_exclusions (tenant_id, stream_id, user_id, of_org_id, org_id, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		tx.Tenant(), st.ID, x.User, x.Org, st.Org, tx.Now())
	return err
}

func deleteExclusion(ctx context.Context, tx db.Tx, st stream, x exclusion) error {
	_, err := tx.Exec(ctx, `DELETE FROM signal_exclusions WHERE tenant_id = $1 AND stream_id = $2 AND user_id = $3 AND of_org_id = $4`, tx.Tenant(), st.ID, x.User, x.Org)
	return err
}

// countExclusions counts as far as limit.
func countExclusions(ctx context.Context, tx db.Tx, id ids.SignalStream, limit int) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM signal_exclusions WHERE tenant_id = $1 AND stream_id = $2 LIMIT $3) x`, tx.Tenant(), id, limit).Scan(&n)
	return n, err
}

// isExcluded reports whether a receiver does not want to hear of somebody in an organization.
func isExcluded(ctx context.Context, tx db.Tx, id ids.SignalStream, user ids.User, org ids.Org) (yes bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM signal_exclusions WHERE tenant_id = $1 AND stream_id = $2
		AND user_id = ANY ($3) AND of_org_id = ANY ($4))`, tx.Tenant(), id, []uuid.UUID{uuid.Nil, user.UUID()}, []uuid.UUID{uuid.Nil, org.UUID()}).Scan(&yes)
	return yes, err
}
