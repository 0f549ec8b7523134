package events

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Sealer puts events into their tenants' chains. Any number of processes may run one; one works at a time.
type Sealer struct {
	db    *db.DB
	log   *slog.Logger
	batch int
}

// NewSealer makes a sealer.
func NewSealer(d *db.DB, log *slog.Logger) *Sealer { return &Sealer{db: d, log: log, batch: 2000} }

// sealEvery bounds how long an event is visible before it is in the chain.
const sealEvery = 500 * time.Millisecond

// Run seals until ctx ends.
func (s *Sealer) Run(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for {
		for {
			n, err := s.Seal(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "sealing events failed", "error", err)
			}
			if err != nil || n < s.batch {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

type unsealed struct {
	Tenant ids.Tenant `db:"tenant_id"`
	Event
}

type chainHead struct {
	Tenant ids.Tenant `db:"tenant_id"`
	Seq    int64      `db:"seq"`
	Hash   []byte     `db:"hash"`
}

// sealLock is the advisory lock of the one sealer that works.
const sealLock = 0x7365616c // "seal"

// Seal adds the events that became visible since the last call, at most one batch, and returns how many.
// An event is taken once every transaction older than its writer has ended, so the order can never change later.
func (s *Sealer) Seal(ctx context.Context) (int, error) {
	sealed := 0
	err := s.db.InSystem(ctx, "seal events", func(ctx context.Context, tx db.SystemTx) error {
		var mine bool
		var horizon string
		err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1), pg_snapshot_xmin(pg_current_snapshot())::text`, sealLock).Scan(&mine, &horizon)
		if err != nil || !mine {
			return err
		}
		fresh, err := db.Collect[unsealed](ctx, tx, `
			/* scan of events allowed: what was written since the last sealing */
			SELECT e.tenant_id, e.id, e.org_id, e.type, e.actor_kind, e.actor_id, e.impersonator_id, e.subject, e.data, e.request_id, e.at
			FROM events e
			WHERE e.written_by >= (SELECT sealed_before FROM event_sealer) AND e.written_by < $1::text::xid8
			  AND NOT EXISTS (SELECT FROM event_chain c WHERE c.tenant_id = e.tenant_id AND c.event_id = e.id)
			ORDER BY e.written_by, e.id LIMIT $2`, horizon, s.batch)
		if err != nil {
			return err
		}
		if err := s.link(ctx, tx, fresh); err != nil {
			return err
		}
		sealed = len(fresh)
		if sealed < s.batch {
			_, err = tx.Exec(ctx, `UPDATE event_sealer SET sealed_before = $1::text::xid8 WHERE sealed_before < $1::text::xid8`, horizon)
		}
		return err
	})
	return sealed, err
}

func (s *Sealer) link(ctx context.Context, tx db.SystemTx, fresh []unsealed) error {
	if len(fresh) == 0 {
		return nil
	}
	tenants := map[ids.Tenant]bool{}
	for _, e := range fresh {
		tenants[e.Tenant] = true
	}
	list := make([]uuid.UUID, 0, len(tenants))
	for t := range tenants {
		list = append(list, t.UUID())
	}
	heads, err := db.Collect[chainHead](ctx, tx, `
		SELECT t.tenant_id, c.seq, c.hash FROM unnest($1::uuid[]) AS t (tenant_id)
		CROSS JOIN LATERAL (SELECT seq, hash FROM event_chain WHERE tenant_id = t.tenant_id ORDER BY seq DESC LIMIT 1) c`, list)
	if err != nil {
		return err
	}
	last := map[ids.Tenant]chainHead{}
	for _, h := range heads {
		last[h.Tenant] = h
	}
	var (
		tenantIDs, eventIDs, orgIDs []uuid.UUID
		seqs                        []int64
		hashes                      [][]byte
	)
	for _, e := range fresh {
		head := last[e.Tenant]
		head.Seq++
		head.Hash = Link(head.Hash, e.Tenant, head.Seq, e.Event)
		last[e.Tenant] = head
		tenantIDs, eventIDs, orgIDs = append(tenantIDs, e.Tenant.UUID()), append(eventIDs, e.ID.UUID()), append(orgIDs, e.Org.UUID())
		seqs, hashes = append(seqs, head.Seq), append(hashes, head.Hash)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO event_chain (tenant_id, seq, event_id, org_id, hash)
		SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[])`, tenantIDs, seqs, eventIDs, orgIDs, hashes)
	return err
}

// Link is the hash of one link: SHA-256 over the link before, tenant, sequence number and every column of the event,
// each with its length in front, so that no two events have the same bytes.
func Link(previous []byte, tenant ids.Tenant, seq int64, e Event) []byte {
	h := sha256.New()
	var n [8]byte
	part := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part(previous)
	part([]byte(fmt.Sprint(seq)))
	for _, s := range []string{tenant.String(), e.ID.String(), e.Org.String(), e.Type, e.ActorKind, e.ActorID, e.Subject,
		e.RequestID, e.At.UTC().Format(time.RFC3339Nano)} {
		part([]byte(s))
	}
	part(e.Data)
	if !e.Impersonator.IsZero() { // at the end: events without one have the hash that they had before there were any
		part([]byte(e.Impersonator.String()))
	}
	return h.Sum(nil)
}
