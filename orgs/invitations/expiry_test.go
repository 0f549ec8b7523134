package invitations_test

import (
	"net/http"
	"testing"

	"grove/orgs/invitations"
)

func TestSeatsAreReservedUsedAndFreed(t *testing.T) {
	b := setup(t)
	if r := b.api.Do(t, b.token(b.A), http.MethodPut, "/t/acme/v1/orgs/partner/seats/limit", `{"limit":2}`); r.Status != 200 {
		t.Fatalf("limit: %d %s", r.Status, r.Raw)
	}
	first, _ := b.invite(t, b.A, b.A.Partner, "a@example.com")
	_, token := b.invite(t, b.A, b.A.Partner, "b@example.com")
	if r := b.try(t, b.A, b.A.Partner, "c@example.com"); r.Code() != "seats.exhausted" {
		t.Errorf("a third: %d %s", r.Status, r.Raw)
	}
	// The seat of the invitation becomes the member's, although none is free.
	joined, err := b.accept(b.A, token)
	if err != nil {
		t.Fatal(err)
	}
	one := path(b.A, b.A.Partner) + "/" + first.ID.String()
	for _, want := range []int{204, 409} {
		if r := b.api.Do(t, b.token(b.A), http.MethodDelete, one, nil); r.Status != want {
			t.Errorf("revoke: %d, want %d", r.Status, want)
		}
	}
	if r := b.api.Do(t, b.token(b.A), http.MethodPost, one+":resend", nil); r.Code() != "org.invite.not_pending" {
		t.Errorf("resend a revoked one: %d", r.Status)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "0 reserved, 1 used" {
		t.Error(got)
	}
	if r := b.api.Do(t, b.token(b.A), http.MethodDelete, "/t/acme/v1/orgs/partner/members/"+joined.User.ID.String(), nil); r.Status != 204 {
		t.Errorf("remove: %d %s", r.Status, r.Raw)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "0 reserved, 0 used" {
		t.Error(got)
	}
}

func TestExpiry(t *testing.T) {
	b := setup(t)
	inv, _ := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	expire := func() {
		t.Helper()
		if err := b.invitations.Expire(t.Context(), b.A.Tenant.ID, b.A.Partner.ID, inv.ID); err != nil {
			t.Fatal(err)
		}
	}
	expire()
	one := path(b.A, b.A.Partner) + "/" + inv.ID.String()
	state := func() string {
		var i invitations.InvitationBody
		b.api.Do(t, b.token(b.A), http.MethodGet, one, nil).Into(t, &i)
		return i.State
	}
	if state() != "pending" {
		t.Error("expired before its time")
	}
	b.Clock.Advance(lifetime)
	if state() != "expired" {
		t.Error("pending after its time")
	}
	if _, err := b.invitations.Mail(t.Context(), b.A.Tenant.ID, inv.ID); code(err) != "org.invite.invalid" {
		t.Errorf("a link that leads nowhere: %v", err)
	}
	expire()
	expire()
	if got := b.balance(t, b.A, b.A.Partner); got != "0 reserved, 0 used" {
		t.Error(got)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'invitation.expired'`); n != 1 {
		t.Errorf("%d events", n)
	}
	// Sent again, it is pending and takes a seat again.
	if r := b.api.Do(t, b.token(b.A), http.MethodPost, one+":resend", nil); r.Status != 200 || state() != "pending" {
		t.Errorf("resend: %d %s", r.Status, r.Raw)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "1 reserved, 0 used" {
		t.Error(got)
	}
	// One whose time is over gives way to a new one, before any job has run.
	b.Clock.Advance(lifetime)
	again, token := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	if again.ID == inv.ID || state() != "expired" {
		t.Error("the old one stays")
	}
	if r := b.api.Do(t, b.token(b.A), http.MethodPost, one+":resend", nil); r.Code() != "org.invite.duplicate" {
		t.Errorf("resend beside a pending one: %d %s", r.Status, r.Raw)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "1 reserved, 0 used" {
		t.Error(got)
	}
	if _, err := b.accept(b.A, token); err != nil {
		t.Error(err)
	}
	for query, want := range map[string]int{"": 2, "?state=expired": 1, "?state=accepted": 1, "?state=pending": 0} {
		var list struct{ Items []invitations.InvitationBody }
		b.api.Do(t, b.token(b.A), http.MethodGet, path(b.A, b.A.Partner)+query, nil).Into(t, &list)
		if len(list.Items) != want {
			t.Errorf("%s: %d", query, len(list.Items))
		}
	}
}

func TestRepetitionAfterAnExpiredInvitationIsAnsweredByTheNewOne(t *testing.T) {
	b := setup(t)
	old, _ := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	b.Clock.Advance(lifetime)
	body := map[string]any{"email": "jo@example.com", "roles": []any{}}
	var made, again invitations.InvitationBody
	for _, into := range []*invitations.InvitationBody{&made, &again} {
		b.api.Want(t, 201, "", b.token(b.A), http.MethodPost, path(b.A, b.A.Partner), body, "Idempotency-Key", "jo").Into(t, into)
	}
	if made.ID == old.ID || again.ID != made.ID {
		t.Errorf("%s was in the way, %s was made, and the repetition says %s", old.ID, made.ID, again.ID)
	}
}
