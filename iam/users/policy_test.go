package users_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/tenants/settings"
)

// withSettings lets organizations set policies. The returned function sets a field for one of them.
func withSettings(b bundle) func(tenant ids.Tenant, org ids.Org, module, field, value string) error {
	hub := cache.NewHub(testkit.Quiet())
	all := settings.New(b.DB, events.NewLog(nil), hub)
	b.users.WithSettings(all)
	return func(tenant ids.Tenant, org ids.Org, module, field, value string) error {
		return b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) error {
			_, err := all.ChangeTx(ctx, tx, org, module, settings.AnyVersion, map[string]json.RawMessage{field: json.RawMessage(value)})
			return err
		})
	}
}

func isLooser(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code.Name == "setting.looser"
}

func TestPasswordPolicyOfTheOrganization(t *testing.T) {
	b := setup(t)
	set := withSettings(b)
	for field, value := range map[string]string{"min_length": "12", "min_kinds": "3"} {
		if err := set(b.A.Tenant.ID, b.A.Partner.ID, "passwords", field, value); err != nil {
			t.Fatal(err)
		}
	}
	for field, value := range map[string]string{"min_length": "11", "min_kinds": "2"} {
		if err := set(b.A.Tenant.ID, b.A.Branch.ID, "passwords", field, value); !isLooser(err) {
			t.Errorf("%s %s below: %v", field, value, err)
		}
	}
	token := b.token(b.A, b.A.Partner)
	for plain, status := range map[string]int{
		"Twelve-of-4!": 201, "Eleven-of-4": 422, "only letters and spaces": 422, "Two Kinds And Others": 201, "ÄÖÜäöü123456": 201, "äöüßäöüßäöüß": 422,
	} {
		if r := b.api.Do(t, token, http.MethodPost, base, map[string]string{"username": ids.NewUser().String(), "password": plain}); r.Status != status {
			t.Errorf("%s: %d %s", plain, r.Status, r.Raw)
		}
	}
	if _, err := b.users.HashPassword(t.Context(), b.A.Tenant.ID, b.A.Branch.ID, "eight by8"); err == nil {
		t.Error("an organization below does not inherit the policy")
	}
	if _, err := b.users.HashPassword(t.Context(), b.A.Tenant.ID, b.A.Rivals.ID, "eight by8"); err != nil {
		t.Errorf("a sibling organization has the policy: %v", err)
	}
}

func TestLockoutOfTheOrganization(t *testing.T) {
	b := setup(t)
	b.Clock.Stop()
	set := withSettings(b)
	jo := b.create(t, b.A, b.A.Partner, "jo@example.com")
	for field, value := range map[string]string{"max_failures": "3", "first_lock_seconds": "600"} {
		if err := set(b.A.Tenant.ID, b.A.Partner.ID, "lockout", field, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := set(b.A.Tenant.ID, b.A.Branch.ID, "lockout", "max_failures", "4"); !isLooser(err) {
		t.Errorf("more failures below: %v", err)
	}
	for range 3 {
		if _, err := b.signIn(b.A, "jo@example.com", "wrong password"); err == nil {
			t.Fatal("a wrong password was taken")
		}
	}
	b.Clock.Advance(10*time.Minute - time.Second)
	if _, err := b.signIn(b.A, "jo@example.com", secret); err == nil {
		t.Error("not locked for as long as the organization says, after as many failures")
	}
	b.Clock.Advance(time.Second)
	if u, err := b.signIn(b.A, "jo@example.com", secret); err != nil || u.ID != jo.ID {
		t.Errorf("locked for longer than the organization says: %v", err)
	}
}
