package oauth

import (
	"context"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/ids"
)

// Rows stay this long after they expired: a late reuse is still recognised, and support can look.
const (
	codeRetention  = 24 * time.Hour
	tokenRetention = 30 * 24 * time.Hour // or as long as their grant, which an organization may keep for less
)

const (
	sweepBatch  = 5000
	tenantBatch = 500
)

type sweepArgs struct{}

func (sweepArgs) Kind() string         { return "oauth.sweep" }
func (sweepArgs) JobScope() jobs.Scope { return jobs.Scope{} }

// Sweep deletes codes, refresh tokens and grants that expired long ago, and identifiers that cannot be used again anyway, in
// all tenants.
func (s *Service) Sweep(ctx context.Context) error {
	for _, what := range []struct {
		sql  string
		keep time.Duration
	}{{sqlSweepCodes, codeRetention}, {sqlSweepRefresh, tokenRetention}, {sqlSweepDevices, 0}, {sqlSweepAttempts, attemptWindow}, {sqlSweepCIBA, cibaWindow}, {sqlSweepPushed, 0}, {sqlSweepUsed, 0}} {
		if err := s.sweep(ctx, what.sql, what.keep); err != nil {
			return err
		}
	}
	return s.sweepGrants(ctx)
}

// sweepGrants deletes, tenant by tenant, grants that ran out longer ago than their organization keeps them, with their tokens.
func (s *Service) sweepGrants(ctx context.Context) error {
	var tenants []ids.Tenant
	for after := (ids.Tenant{}); ; after = tenants[len(tenants)-1] {
		err := s.DB.InSystem(ctx, "go through the tenants, whose organizations keep grants for times of their own", func(ctx context.Context, tx db.SystemTx) (err error) {
			tenants, err = tenantsAfter(ctx, tx, after, tenantBatch)
			return err
		})
		for _, tenant := range tenants {
			if err == nil {
				err = s.sweepTenant(ctx, tenant)
			}
		}
		if err != nil || len(tenants) < tenantBatch {
			return err
		}
	}
}

// sweepTenant goes through the organizations, in the order of their identifiers.
func (s *Service) sweepTenant(ctx context.Context, tenant ids.Tenant) error {
	for after := (ids.Org{}); ; {
		var orgs []ids.Org
		swept := int64(sweepBatch)
		for swept == sweepBatch {
			err := s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
				if orgs, err = orgsAfter(ctx, tx, after, tenantBatch); err != nil {
					return err
				}
				each, err := authorizationsModule.ResolveEach(ctx, tx, orgs)
				if err != nil {
					return err
				}
				before := make([]time.Time, len(orgs))
				for i, org := range orgs {
					before[i] = tx.Now().Add(-time.Duration(each[org].KeptSeconds) * time.Second)
				}
				swept, err = tx.Exec(ctx, sqlSweepGrants, tx.Tenant(), orgs, before, sweepBatch)
				return err
			})
			if err != nil {
				return err
			}
		}
		if len(orgs) < tenantBatch {
			return nil
		}
		after = orgs[len(orgs)-1]
	}
}

func (s *Service) sweep(ctx context.Context, sql string, keep time.Duration) error {
	for {
		var n int64
		err := s.DB.InSystem(ctx, "delete what of the authorization server expired long ago", func(ctx context.Context, tx db.SystemTx) (err error) {
			n, err = tx.Exec(ctx, sql, tx.Now().Add(-keep), sweepBatch)
			return err
		})
		if err != nil || n < sweepBatch {
			return err
		}
	}
}
