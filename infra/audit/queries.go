package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

const columns = `e.id, e.org_id, e.type, e.actor_kind, e.actor_id, e.impersonator_id, e.subject, e.data, e.request_id, e.at`

// find reads a page. Each filter is a condition of its own, so that the plan has the index that serves it.
func (s *Service) find(ctx context.Context, tenant ids.Tenant, org ids.Org, req page.Request, in *ListEventsInput) (rows []events.Event, err error) {
	before := ids.Event{}
	if !req.First() {
		if err := before.UnmarshalText([]byte(req.Part(0))); err != nil {
			return nil, fault.CodePageToken.With("Start again without a page token.", err)
		}
	}
	from, to := span(in.Since, in.Until, before)
	sql, id := `SELECT `+columns+` FROM events e WHERE e.tenant_id = $1 AND e.org_id = $2`, `e.id`
	args := []any{tenant, org, from, to, req.Limit()}
	if in.Concerns != "" {
		args = append(args, in.Concerns)
		id = `c.event_id`
		sql = `SELECT ` + columns + ` FROM event_concerns c JOIN events e ON e.tenant_id = c.tenant_id AND e.id = c.event_id
			WHERE c.tenant_id = $1 AND c.org_id = $2 AND c.thing = $6`
	}
	for _, f := range []struct{ column, value string }{{"actor_id", in.Actor}, {"subject", in.Subject}, {"type", in.Type}} {
		if f.value != "" {
			args = append(args, f.value)
			sql += ` AND e.` + f.column + ` = $` + strconv.Itoa(len(args))
		}
	}
	sql += ` AND ` + id + ` >= $3 AND ` + id + ` < $4 ORDER BY ` + id + ` DESC LIMIT $5`
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		rows, err = db.Collect[events.Event](ctx, tx, sql, args...)
		return err
	})
	return rows, err
}

// span returns the ids between which events of a time lie, the second one outside. Ids are times, and partitions are spans
// of ids: those outside are not touched. A zero time, and no id, is no bound.
func span(since, until time.Time, before ids.Event) (from, to uuid.UUID) {
	to = uuid.Max
	if !before.IsZero() {
		to = before.UUID()
	}
	if !until.IsZero() {
		if end := firstAt(until); bytes.Compare(end[:], to[:]) < 0 {
			to = end
		}
	}
	if !since.IsZero() {
		from = firstAt(since)
	}
	return from, to
}

// firstAt is the lowest UUIDv7 of a moment (RFC 9562 section 5.7), of the first or the last that there is for others.
func firstAt(t time.Time) (id uuid.UUID) {
	millis := uint64(min(max(t.UnixMilli(), 0), 1<<48-1))
	binary.BigEndian.PutUint64(id[:8], millis<<16|0x7000)
	id[8] = 0x80
	return id
}

func (s *Service) load(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Event) (e events.Event, err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		e, err = db.CollectOne[events.Event](ctx, tx, `
			SELECT `+columns+` FROM events e WHERE e.tenant_id = $1 AND e.org_id = $2 AND e.id = $3`, tenant, org, id)
		return err
	})
	if db.IsNoRows(err) {
		return e, fault.ErrNotFound
	}
	return e, err
}

type link struct {
	Seq  int64  `db:"seq"`
	Hash []byte `db:"hash"`
	events.Event
}

func (l link) hex() string { return hex.EncodeToString(l.Hash) }

func (s *Service) links(ctx context.Context, tenant ids.Tenant, org ids.Org, after int64, limit int) (rows []link, err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		rows, err = db.Collect[link](ctx, tx, `
			SELECT c.seq, c.hash, e.id, e.org_id, e.type, e.actor_kind, e.actor_id, e.impersonator_id, e.subject, e.data, e.request_id, e.at
			FROM event_chain c JOIN events e ON e.tenant_id = c.tenant_id AND e.id = c.event_id
			WHERE c.tenant_id = $1 AND c.org_id = $2 AND c.seq > $3 ORDER BY c.seq LIMIT $4`, tenant, org, after, limit)
		return err
	})
	return rows, err
}

// verifyStep is the number of links that one call checks.
const verifyStep = 5000

// Verify recomputes the tenant's chain after a sequence number. A changed, missing or added event breaks it.
func (s *Service) Verify(ctx context.Context, tenant ids.Tenant, after int64) (EventChainProof, error) {
	proof := EventChainProof{Intact: true, VerifiedTo: after}
	var rows []link
	var previous []byte
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		if after > 0 {
			err = tx.QueryRow(ctx, `SELECT hash FROM event_chain WHERE tenant_id = $1 AND seq = $2`, tenant, after).Scan(&previous)
			if db.IsNoRows(err) {
				return fault.ErrNotFound
			}
			if err != nil {
				return err
			}
		}
		rows, err = db.Collect[link](ctx, tx, `
			SELECT c.seq, c.hash, e.id, e.org_id, e.type, e.actor_kind, e.actor_id, e.impersonator_id, e.subject, e.data, e.request_id, e.at
			FROM event_chain c JOIN events e ON e.tenant_id = c.tenant_id AND e.id = c.event_id
			WHERE c.tenant_id = $1 AND c.seq > $2 ORDER BY c.seq LIMIT $3`, tenant, after, verifyStep)
		return err
	})
	if err != nil {
		return proof, err
	}
	for _, l := range rows {
		want := events.Link(previous, tenant, proof.VerifiedTo+1, l.Event)
		if l.Seq != proof.VerifiedTo+1 || !bytes.Equal(want, l.Hash) {
			proof.Intact, proof.BrokenAt = false, proof.VerifiedTo+1
			return proof, nil
		}
		proof.Checked++
		proof.VerifiedTo, previous = l.Seq, l.Hash
	}
	return proof, nil
}
