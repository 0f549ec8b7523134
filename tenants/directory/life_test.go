package directory_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/apikit"
	"grove/tenants/directory"
)

const tenants = "/platform/v1/tenants"

func (b *bundle) status(t *testing.T, id ids.Tenant) string {
	t.Helper()
	found, err := b.tenants.Load(t.Context(), id)
	if fault.CodeTenantNotFound.Is(err) {
		return "gone"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(found.Status)
}

func (b *bundle) blocked(t *testing.T, id ids.Tenant) (blocked bool) {
	t.Helper()
	err := b.InTenant(context.Background(), id, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT coalesce(bool_or(blocked), false) FROM epochs WHERE tenant_id = $1 AND kind = 'tenant'`, tx.Tenant()).Scan(&blocked)
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocked
}

func TestDeletedUntilItIsErased(t *testing.T) {
	b := setup(t, false)
	b.Clock.Stop()
	acme, other := b.create(t, "acme"), b.create(t, "other")
	ctx := context.Background()
	if _, err := b.tenants.AddHost(ctx, acme.ID, "id.acme.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tenants.Delete(ctx, acme.ID, "other"); err == nil || b.status(t, acme.ID) != "active" {
		t.Fatalf("with another handle: %v", err)
	}
	deleted, err := b.tenants.Delete(ctx, acme.ID, "acme")
	if err != nil || deleted.EraseAt == nil || deleted.EraseAt.Sub(b.Clock.Now()) > 30*24*time.Hour || !b.blocked(t, acme.ID) {
		t.Fatalf("%+v %v", deleted, err)
	}
	again, err := b.tenants.Delete(ctx, acme.ID, "acme")
	if err != nil || !again.EraseAt.Equal(*deleted.EraseAt) {
		t.Errorf("twice: %+v %v", again, err)
	}
	for name, look := range map[string]func() error{
		"by handle": func() error { _, err := b.tenants.TenantByHandle(ctx, "acme"); return err },
		"by host":   func() error { _, err := b.tenants.TenantByHost(ctx, "id.acme.com"); return err },
		"by id":     func() error { _, err := b.tenants.ByID(ctx, acme.ID); return err },
	} {
		if err := look(); !fault.CodeTenantNotFound.Is(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	name := "Another"
	for what, try := range map[string]func() error{
		"update":  func() error { _, err := b.tenants.Update(ctx, acme.ID, 0, directory.Changes{Name: &name}); return err },
		"suspend": func() error { _, err := b.tenants.Suspend(ctx, acme.ID); return err },
		"resume":  func() error { _, err := b.tenants.Resume(ctx, acme.ID); return err },
		"host":    func() error { _, err := b.tenants.AddHost(ctx, acme.ID, "x.acme.com"); return err },
	} {
		var f *fault.Error
		if err := try(); !errors.As(err, &f) || f.Code.Name != "tenant.deleted" {
			t.Errorf("%s of a deleted tenant: %v", what, err)
		}
	}
	// Its name stays taken, and it is told apart in lists.
	if _, err := b.tenants.Create(ctx, directory.CreateTenant{Handle: "acme", Name: "X", Admin: directory.Admin{Email: "a@b.example", Password: "correct horse"}}); err == nil {
		t.Error("the handle of a deleted tenant was given away")
	}
	if all := string(b.api.Want(t, 200, "", apikit.PlatformKey, http.MethodGet, tenants, nil).Raw); strings.Contains(all, acme.ID.String()) || !strings.Contains(all, other.ID.String()) {
		t.Errorf("list: %s", all)
	}
	if gone := string(b.api.Want(t, 200, "", apikit.PlatformKey, http.MethodGet, tenants+"?status=deleted", nil).Raw); !strings.Contains(gone, acme.ID.String()) {
		t.Errorf("list of the deleted: %s", gone)
	}
	restored, err := b.tenants.Restore(ctx, acme.ID)
	if err != nil || restored.Status != directory.Active || restored.EraseAt != nil || b.blocked(t, acme.ID) {
		t.Fatalf("%+v %v", restored, err)
	}
	if err := b.tenants.EraseDue(ctx); err != nil || len(b.erased) != 0 {
		t.Errorf("erased %v %v", b.erased, err)
	}

	// One that was suspended comes back suspended.
	if _, err := b.tenants.Suspend(ctx, acme.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tenants.Delete(ctx, acme.ID, "acme"); err != nil {
		t.Fatal(err)
	}
	if restored, err := b.tenants.Restore(ctx, acme.ID); err != nil || restored.Status != directory.Suspended || !b.blocked(t, acme.ID) {
		t.Errorf("%+v %v", restored, err)
	}
	if got := strings.Join(b.events(t, acme.ID), " "); got != "tenant.created tenant.host_added tenant.deleted tenant.restored tenant.suspended tenant.deleted tenant.restored" {
		t.Errorf("events %s", got)
	}

	// The erasure is tried again until it is done, and cannot be stopped any more.
	if _, err := b.tenants.Delete(ctx, acme.ID, "acme"); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(30*24*time.Hour - time.Second)
	if err := b.tenants.EraseDue(ctx); err != nil || len(b.erased) != 0 {
		t.Errorf("before its time: %v %v", b.erased, err)
	}
	b.Clock.Advance(time.Minute)
	b.fail = errors.New("the power went")
	if err := b.tenants.EraseDue(ctx); !errors.Is(err, b.fail) || b.status(t, acme.ID) != "gone" {
		t.Errorf("%v, %s", err, b.status(t, acme.ID))
	}
	if _, err := b.tenants.Restore(ctx, acme.ID); !fault.CodeTenantNotFound.Is(err) {
		t.Errorf("restored while it is erased: %v", err)
	}
	b.fail = nil
	if err := b.tenants.EraseDue(ctx); err != nil || len(b.erased) != 2 || b.erased[0] != acme.ID {
		t.Errorf("%v %v", b.erased, err)
	}
	if err := b.tenants.EraseDue(ctx); err != nil || len(b.erased) != 2 || b.status(t, other.ID) != "active" {
		t.Errorf("again: %v %v", b.erased, err)
	}
	b.create(t, "acme")
}

func TestPlanAndRegion(t *testing.T) {
	b := setup(t, false)
	ctx := context.Background()
	made, err := b.tenants.Create(ctx, directory.CreateTenant{Handle: "acme", Name: "Acme", Plan: "free", Region: "eu-central", Admin: directory.Admin{Email: "a@b.example", Password: "correct horse"}})
	if err != nil || made.Plan != "free" || made.Region != "eu-central" {
		t.Fatalf("%+v %v", made, err)
	}
	plan, bad := "business", "two words"
	changed, err := b.tenants.Update(ctx, made.ID, made.Version, directory.Changes{Plan: &plan})
	if err != nil || changed.Plan != plan || changed.Name != "Acme" || changed.Region != "eu-central" {
		t.Errorf("%+v %v", changed, err)
	}
	if _, err := b.tenants.Update(ctx, made.ID, 0, directory.Changes{Plan: &bad}); err == nil {
		t.Error("a plan of two words")
	}
	if _, err := b.tenants.Update(ctx, made.ID, made.Version, directory.Changes{Plan: &plan}); !fault.CodeStale.Is(err) {
		t.Errorf("stale: %v", err)
	}
}
