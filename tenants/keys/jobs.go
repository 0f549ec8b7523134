package keys

import (
	"context"
	"errors"
	"fmt"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

// upkeepArgs is the daily job that looks after all tenants' keys.
type upkeepArgs struct{}

// Kind names the job.
func (upkeepArgs) Kind() string { return "keys.upkeep" }

// JobScope is the platform's.
func (upkeepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

const upkeepPage = 500

// upkeep retires keys whose overlap is over, and wraps data keys anew that are under an older root key. One tenant's
// failure does not keep the others waiting.
func (s *Service) upkeep(ctx context.Context, _ upkeepArgs) error {
	var failures []error
	after := ids.Tenant{}
	for {
		tenants, err := s.tenants(ctx, after, upkeepPage)
		if err != nil {
			return errors.Join(append(failures, err)...)
		}
		for _, tenant := range tenants {
			if err := s.UpkeepTenant(ctx, tenant); err != nil {
				failures = append(failures, fmt.Errorf("keys: upkeep of %s: %w", tenant, err))
			}
		}
		if len(tenants) < upkeepPage {
			return errors.Join(failures...)
		}
		after = tenants[len(tenants)-1]
	}
}

// UpkeepTenant is the upkeep of one tenant's keys.
func (s *Service) UpkeepTenant(ctx context.Context, tenant ids.Tenant) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if err := s.rewrap(ctx, tx); err != nil {
			return err
		}
		retired, err := retireBefore(ctx, tx, tx.Now().Add(-Overlap))
		if err != nil || len(retired) == 0 {
			return err
		}
		root, err := selectRoot(ctx, tx)
		if err != nil {
			return err
		}
		for _, row := range retired {
			if err := s.events.Write(ctx, tx, eventRetired.Of(root, row.ID, createdData{Alg: row.Alg, KID: row.KID})); err != nil {
				return err
			}
		}
		return tx.Changed(ctx, Topic, "")
	})
}

func (s *Service) rewrap(ctx context.Context, tx db.Tx) error {
	wrapped, err := selectDataKey(ctx, tx)
	if err != nil || !s.root.NeedsRewrap(wrapped) {
		return err
	}
	key, err := s.root.UnwrapKey(wrapContext(tx.Tenant()), wrapped)
	if err != nil {
		return err
	}
	return replaceDataKey(ctx, tx, wrapped, s.root.WrapKey(wrapContext(tx.Tenant()), key))
}
