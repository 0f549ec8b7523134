package recovery_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"grove/iam/users"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/tenants/settings"
)

func TestPasswordLinksLastAsLongAsTheOrganizationSays(t *testing.T) {
	b := setup(t)
	all := settings.New(b.DB, events.NewLog(nil), cache.NewHub(testkit.Quiet()))
	b.recovery.WithSettings(all)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := all.ChangeTx(ctx, tx, b.A.Root.ID, "password_links", settings.AnyVersion, map[string]json.RawMessage{
			"endless_links": json.RawMessage("false"), "life_seconds": json.RawMessage("7200"), "longest_seconds": json.RawMessage("3600")})
		return err
	})
	jo := b.create(t, users.NewUser{Username: "jo"})
	made, r := b.ask(t, jo, `{"delivery":"link"}`)
	if r.Status != 201 || made.ExpiresAt.Sub(b.Clock.Now()).Round(time.Minute) != time.Hour {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	for _, body := range []string{`{"delivery":"link","expires_in_minutes":61}`, `{"delivery":"link","expires_in_minutes":-1}`} {
		if _, r := b.ask(t, jo, body); r.Code() != "request.invalid" {
			t.Errorf("%s: %d %s", body, r.Status, r.Raw)
		}
	}
}
