package directory

import (
	"context"
	"errors"
	"time"

	"grove/infra/db"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Changes to a tenant; nil leaves a value.
type Changes struct {
	Name *string
	Plan *string
}

// Update changes a tenant's name or plan. version is the one that the caller expects, 0 for any.
func (s *Service) Update(ctx context.Context, id ids.Tenant, version int64, ch Changes) (Tenant, error) {
	if ch.Name != nil {
		if err := checkName(*ch.Name); err != nil {
			return Tenant{}, err
		}
	}
	if ch.Plan != nil {
		if err := checkWord("/plan", *ch.Plan); err != nil {
			return Tenant{}, err
		}
	}
	return s.change(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if version != 0 && version != t.Version {
			return t, fault.CodeStale.With("Read the tenant again and repeat the change.", nil)
		}
		before := t
		if ch.Name != nil {
			t.Name = *ch.Name
		}
		if ch.Plan != nil {
			t.Plan = *ch.Plan
		}
		if t == before {
			return t, nil
		}
		t, err := updateOwn(ctx, tx, t)
		if err != nil {
			return t, err
		}
		return t, s.announce(ctx, tx, eventUpdated.Of(t.Root, t.ID, updatedData{Name: t.Name, Plan: t.Plan}))
	})
}

// Suspend stops everything of a tenant at once. Suspending twice changes nothing.
func (s *Service) Suspend(ctx context.Context, id ids.Tenant) (Tenant, error) {
	return s.change(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if t.Status == Suspended {
			return t, nil
		}
		if err := tx.Block(ctx, db.KindTenant, t.ID.UUID(), eventSuspended.Name()); err != nil {
			return t, err
		}
		t.Status = Suspended
		t, err := updateOwn(ctx, tx, t)
		if err != nil {
			return t, err
		}
		return t, s.announce(ctx, tx, eventSuspended.Of(t.Root, t.ID, noData{}))
	})
}

// Resume lets a tenant work again; sessions and tokens from before stay dead. Resuming an active tenant changes nothing.
func (s *Service) Resume(ctx context.Context, id ids.Tenant) (Tenant, error) {
	return s.change(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if t.Status == Active {
			return t, nil
		}
		if err := tx.Unblock(ctx, db.KindTenant, t.ID.UUID(), eventResumed.Name()); err != nil {
			return t, err
		}
		t.Status = Active
		t, err := updateOwn(ctx, tx, t)
		if err == nil && s.wake != nil {
			err = s.wake(ctx, tx)
		}
		if err != nil {
			return t, err
		}
		return t, s.announce(ctx, tx, eventResumed.Of(t.Root, t.ID, noData{}))
	})
}

// Removal says how tenants go.
type Removal struct {
	Erase     func(ctx context.Context, tenant ids.Tenant) error // deletes everything but the tenant's own line; may be repeated
	Retention time.Duration                                      // how long a deleted tenant can be restored
}

// Delete stops everything of a tenant at once, as a suspension does, and has it erased when the retention is over. handle is
// the tenant's, repeated by who means it. Deleting twice changes nothing. Errors: tenant.handle_mismatch, tenant.not_found.
func (s *Service) Delete(ctx context.Context, id ids.Tenant, handle string) (Tenant, error) {
	return s.changeAny(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if handle != t.Handle {
			return t, errHandleMismatch.With("Repeat the handle of the tenant that is to go.", nil)
		}
		if t.Status == Deleted {
			return t, nil
		}
		if err := tx.Block(ctx, db.KindTenant, t.ID.UUID(), eventDeleted.Name()); err != nil {
			return t, err
		}
		until := tx.Now().Add(s.removal.Retention)
		t.WasSuspended, t.Status, t.EraseAt = t.Status == Suspended, Deleted, &until
		t, err := updateOwn(ctx, tx, t)
		if err != nil {
			return t, err
		}
		return t, s.announce(ctx, tx, eventDeleted.Of(t.Root, t.ID, deletedData{EraseAt: until}))
	})
}

// Restore brings a deleted tenant back as it was; sessions and tokens from before stay dead. Restoring one that is not deleted
// changes nothing. Error: tenant.not_found, also when its erasure has begun.
func (s *Service) Restore(ctx context.Context, id ids.Tenant) (Tenant, error) {
	return s.changeAny(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if t.Status != Deleted {
			return t, nil
		}
		t.Status = Active
		if t.WasSuspended {
			t.Status = Suspended
		} else if err := tx.Unblock(ctx, db.KindTenant, t.ID.UUID(), eventRestored.Name()); err != nil {
			return t, err
		}
		t.WasSuspended, t.EraseAt = false, nil
		t, err := updateOwn(ctx, tx, t)
		if err != nil {
			return t, err
		}
		return t, s.announce(ctx, tx, eventRestored.Of(t.Root, t.ID, noData{}))
	})
}

type eraseArgs struct{}

func (eraseArgs) Kind() string         { return "tenants.erase" }
func (eraseArgs) JobScope() jobs.Scope { return jobs.Scope{} }

func (s *Service) jobs(r *jobs.Registry) {
	jobs.Register(r, func(ctx context.Context, _ eraseArgs) error { return s.EraseDue(ctx) }, jobs.Timeout(time.Hour))
	jobs.Every(r, time.Hour, eraseArgs{})
}

const eraseBatch = 10

// EraseDue erases the tenants whose retention is over. One that was begun and not finished goes on: nothing is done in an order
// that a stop could break, and the tenant's own line goes last.
func (s *Service) EraseDue(ctx context.Context) error {
	var due []ids.Tenant
	err := s.db.InSystem(ctx, "find tenants to erase", func(ctx context.Context, tx db.SystemTx) (err error) {
		due, err = selectDue(ctx, tx, eraseBatch)
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range due {
		failed = append(failed, s.erase(ctx, id))
	}
	return errors.Join(failed...)
}

func (s *Service) erase(ctx context.Context, id ids.Tenant) error {
	err := s.db.InTenant(ctx, id, func(ctx context.Context, tx db.Tx) error {
		t, err := lockOwn(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case t.Status == Erasing:
			return nil
		case t.Status != Deleted || t.EraseAt == nil || t.EraseAt.After(tx.Now()):
			return errNotDue // restored meanwhile
		}
		t.Status = Erasing
		_, err = updateOwn(ctx, tx, t)
		return err
	})
	if errors.Is(err, errNotDue) || db.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.removal.Erase(ctx, id); err != nil {
		return err
	}
	return s.db.InSystem(ctx, "erase a tenant's line", func(ctx context.Context, tx db.SystemTx) error {
		return deleteErased(ctx, tx, id)
	})
}

var errNotDue = errors.New("directory: the tenant is not to be erased")

// change runs f on the locked line of a tenant that is there for its people, or suspended.
func (s *Service) change(ctx context.Context, id ids.Tenant, f func(context.Context, db.Tx, Tenant) (Tenant, error)) (Tenant, error) {
	return s.changeAny(ctx, id, func(ctx context.Context, tx db.Tx, t Tenant) (Tenant, error) {
		if t.Status == Deleted {
			return t, errRestore
		}
		return f(ctx, tx, t)
	})
}

// changeAny runs f on the locked line of a tenant that is not being erased.
func (s *Service) changeAny(ctx context.Context, id ids.Tenant, f func(context.Context, db.Tx, Tenant) (Tenant, error)) (t Tenant, err error) {
	err = s.db.InTenant(ctx, id, func(ctx context.Context, tx db.Tx) error {
		t, err = lockOwn(ctx, tx)
		if db.IsNoRows(err) || err == nil && t.Status == Erasing {
			return errNotFound
		}
		if err == nil {
			t, err = f(ctx, tx, t)
		}
		if err == nil {
			err = tx.RecordClaim(ctx, id.String()) // also of what changed nothing: a repetition is to do nothing even when it could
		}
		return err
	})
	return t, err
}
