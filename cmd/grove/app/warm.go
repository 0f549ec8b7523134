package app

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmTime bounds how long warming may hold up the start.
const warmTime = 10 * time.Second

// warm reads the tenants that the configuration names into the caches. What cannot be read is logged and read again at its
// first request.
func (a *App) warm(ctx context.Context) {
	if len(a.Config.WarmTenants) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	if err := a.Hub.Wait(ctx); err != nil {
		a.Log.WarnContext(ctx, "no tenant was read into memory: changes are not heard", "error", err)
		return
	}
	var group errgroup.Group
	group.SetLimit(4) // the pool is for requests too
	for _, handle := range a.Config.WarmTenants {
		group.Go(func() error {
			if err := a.warmTenant(ctx, handle); err != nil {
				a.Log.WarnContext(ctx, "a tenant was not read into memory", "tenant", handle, "error", err)
			}
			return nil
		})
	}
	_ = group.Wait()
}

func (a *App) warmTenant(ctx context.Context, handle string) error {
	t, err := a.Parts.Tenants.TenantByHandle(ctx, handle)
	if err != nil {
		return err
	}
	if _, err := a.Parts.Keys.JWKS(ctx, t.ID); err != nil {
		return err
	}
	_, err = a.Parts.Orgs.Resolve(ctx, t, "root")
	return err
}
