package invitations_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
	"grove/tenants/settings"
)

func TestInvitationsLastAsLongAsTheOrganizationSays(t *testing.T) {
	b := setup(t)
	all := settings.New(b.DB, events.NewLog(nil), cache.NewHub(testkit.Quiet()))
	b.invitations.WithSettings(all)
	set := func(org ids.Org, patch map[string]json.RawMessage) {
		t.Helper()
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			_, err := all.ChangeTx(ctx, tx, org, "invitations", settings.AnyVersion, patch)
			return err
		})
	}
	admin := b.token(b.A)
	lasts := func(i invitations.InvitationBody) time.Duration {
		return i.ExpiresAt.Sub(b.Clock.Now()).Round(time.Minute)
	}
	endless, _ := b.ask(t, admin, map[string]any{"email": "endless@example.com", "delivery": "link", "expires_in_minutes": -1})
	set(b.A.Root.ID, map[string]json.RawMessage{"endless_links": json.RawMessage("false"), "life_seconds": json.RawMessage("3600"), "longest_seconds": json.RawMessage("7200")})
	usual, _ := b.ask(t, admin, map[string]any{"email": "jo@example.com"})
	longer, _ := b.ask(t, admin, map[string]any{"email": "jo2@example.com", "expires_in_minutes": 120})
	if lasts(usual) != time.Hour || lasts(longer) != 2*time.Hour {
		t.Errorf("usual %s, longer %s", lasts(usual), lasts(longer))
	}
	for name, body := range map[string]map[string]any{
		"longer than the longest": {"email": "x@example.com", "expires_in_minutes": 121},
		"for ever":                {"email": "x@example.com", "expires_in_minutes": -1, "delivery": "link"},
	} {
		if _, r := b.ask(t, admin, body); r.Code() != "request.invalid" {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	// What is sent again follows the settings too.
	var again invitations.InvitationBody
	r := b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Partner)+"/"+endless.ID.String()+":resend", nil)
	r.Into(t, &again)
	if r.Status != 200 || again.ExpiresAt == nil || lasts(again) != 2*time.Hour {
		t.Errorf("sent again: %d %s", r.Status, r.Raw)
	}
}
