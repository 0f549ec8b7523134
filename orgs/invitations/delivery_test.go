package invitations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/groups"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
)

func (b bundle) ask(t *testing.T, token string, body map[string]any, headers ...string) (invitations.InvitationBody, apikit.Response) {
	t.Helper()
	r := b.api.Do(t, token, http.MethodPost, path(b.A, b.A.Partner), body, headers...)
	var inv invitations.InvitationBody
	if r.Status == 201 {
		r.Into(t, &inv)
	}
	return inv, r
}

func tokenIn(link string) string {
	_, token, _ := strings.Cut(link, "token=")
	return token
}

// TestHandedOverLink: the link is in the answer that makes it, and nowhere else.
func TestHandedOverLink(t *testing.T) {
	b := setup(t)
	admin := b.token(b.A)
	inv, r := b.ask(t, admin, map[string]any{"email": "jo@example.com", "delivery": "link", "expires_in_minutes": -1})
	if r.Status != 201 || inv.ExpiresAt != nil || !strings.HasPrefix(inv.Link, b.A.Tenant.Base+"/login/invitation?token=grv_inv_") {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	one := path(b.A, b.A.Partner) + "/" + inv.ID.String()
	for _, at := range []string{one, path(b.A, b.A.Partner)} {
		if got := b.api.Do(t, admin, http.MethodGet, at, nil); strings.Contains(string(got.Raw), "token=") {
			t.Errorf("%s shows the link again", at)
		}
	}
	if _, err := b.invitations.Mail(t.Context(), b.A.Tenant.ID, inv.ID); code(err) != "org.invite.invalid" {
		t.Errorf("it is mailed as well: %v", err)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM events WHERE tenant_id = $1 AND data::text LIKE '%grv_inv%'`); n != 0 {
		t.Error("the log has the link")
	}
	// Sent again, there is another link.
	var again invitations.InvitationBody
	b.api.Do(t, admin, http.MethodPost, one+":resend", nil).Into(t, &again)
	if again.Link == "" || again.Link == inv.Link || again.ExpiresAt != nil {
		t.Errorf("%+v", again)
	}
	b.Clock.Advance(900 * 24 * time.Hour)
	if _, err := b.accept(b.A, tokenIn(inv.Link)); code(err) != "org.invite.invalid" {
		t.Errorf("the link before: %v", err)
	}
	if _, err := b.accept(b.A, tokenIn(again.Link)); err != nil {
		t.Error(err)
	}
}

func TestLifeOfAnInvitation(t *testing.T) {
	b := setup(t)
	admin := b.token(b.A)
	inv, r := b.ask(t, admin, map[string]any{"email": "jo@example.com", "expires_in_minutes": 30})
	if r.Status != 201 || inv.ExpiresAt == nil || inv.ExpiresAt.Sub(b.Clock.Now()).Round(time.Minute) != 30*time.Minute {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	b.Clock.Advance(30 * time.Minute)
	if got, _ := b.ask(t, admin, map[string]any{"email": "jo@example.com"}); got.ExpiresAt == nil || got.ExpiresAt.Sub(b.Clock.Now()).Round(time.Minute) != lifetime {
		t.Errorf("the installation's: %+v", got)
	}
	for name, body := range map[string]map[string]any{
		"a mail for ever": {"email": "x@example.com", "expires_in_minutes": -1},
		"too long":        {"email": "x@example.com", "expires_in_minutes": 129601},
		"before now":      {"email": "x@example.com", "expires_in_minutes": -2, "delivery": "link"},
		"by pigeon":       {"email": "x@example.com", "delivery": "pigeon"},
	} {
		if _, r := b.ask(t, admin, body); r.Code() != "request.invalid" {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
}

// TestAttack24_HandedOverLinkProvesNoAddress: who invites somebody else's address, and takes the link himself, does not come to
// have it verified, by which he would be found as that person elsewhere.
func TestAttack24_HandedOverLinkProvesNoAddress(t *testing.T) {
	b := setup(t)
	inv, _ := b.ask(t, b.token(b.A), map[string]any{"email": "chief@rivals.example", "delivery": "link"})
	got, err := b.accept(b.A, tokenIn(inv.Link))
	if err != nil || got.User.EmailVerified {
		t.Fatalf("%+v %v", got, err)
	}
	mailed, token := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	if mailed.Link != "" {
		t.Error("the link of a mail is in the answer")
	}
	if got, err := b.accept(b.A, token); err != nil || !got.User.EmailVerified {
		t.Errorf("%+v %v", got, err)
	}
}

// group makes a group of the partner, which gives its members roles.
func (b bundle) group(t *testing.T, name string, roles ...ids.Role) ids.Group {
	t.Helper()
	teams := groups.New(b.DB, events.NewLog(nil), b.authz)
	var g groups.Group
	ctx := actor.Into(context.Background(), actor.ForJob(b.A.Tenant.ID, "test"))
	err := b.InTenant(ctx, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		g, err = teams.CreateTx(ctx, tx, groups.NewGroup{Org: b.A.Partner.ID, Name: name})
		if err != nil {
			return err
		}
		for _, role := range roles {
			if _, err := tx.Exec(ctx, `INSERT INTO role_assignments (tenant_id, id, org_id, role_id, principal_kind, principal_id, reach, created_at)
				VALUES ($1, $2, $3, $4, 'group', $5, 'subtree', $6)`, tx.Tenant(), ids.NewAssignment(), b.A.Partner.ID, role, g.ID, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return g.ID
}

func TestInvitedIntoGroups(t *testing.T) {
	b := setup(t)
	stays, goes := b.group(t, "Stays"), b.group(t, "Goes")
	inv, r := b.ask(t, b.token(b.A), map[string]any{"email": "jo@example.com", "groups": []ids.Group{stays, goes, stays}})
	if r.Status != 201 || len(inv.Groups) != 2 {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM groups WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), goes)
		return err
	})
	got, err := b.accept(b.A, b.mailed(t, b.A, inv.ID))
	if err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM group_members WHERE tenant_id = $1 AND group_id = $2 AND user_id = $3`, stays, got.User.ID); n != 1 {
		t.Error("not in the group")
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'group.member_added'`); n != 1 {
		t.Errorf("%d events of joining", n)
	}
}

// TestAttack28_InvitationsIntoGroupsAbove: nobody promises a group that gives more than he holds, nor one of another organization.
func TestAttack28_InvitationsIntoGroupsAbove(t *testing.T) {
	b := setup(t)
	powerful, plain := b.group(t, "Powerful", b.adminRole[b.A.Tenant.ID]), b.group(t, "Plain")
	weak := b.api.Token(b.A.Client(b.A.Partner, "invitations.read", "invitations.write"))
	if _, r := b.ask(t, weak, map[string]any{"email": "jo@example.com", "groups": []ids.Group{powerful}}); r.Status != 403 {
		t.Errorf("a group above: %d %s", r.Status, r.Raw)
	}
	if _, r := b.ask(t, weak, map[string]any{"email": "jo@example.com", "groups": []ids.Group{ids.NewGroup()}}); r.Status != 404 {
		t.Errorf("no group: %d %s", r.Status, r.Raw)
	}
	elsewhere := b.api.Do(t, b.token(b.A), http.MethodPost, path(b.A, b.A.Rivals), map[string]any{"email": "jo@example.com", "groups": []ids.Group{plain}})
	if elsewhere.Status != 404 {
		t.Errorf("another organization's group: %d %s", elsewhere.Status, elsewhere.Raw)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "0 reserved, 0 used" {
		t.Errorf("what was refused took a seat: %s", got)
	}
	if _, r := b.ask(t, weak, map[string]any{"email": "jo@example.com", "groups": []ids.Group{plain}}); r.Status != 201 {
		t.Errorf("a group that gives nothing: %d %s", r.Status, r.Raw)
	}
}

// TestAttack36_NobodyIsFloodedWithInvitations: neither by sending again, nor by revoking and inviting anew, nor by the
// organizations of a tenant together; none of which learns by it how often others invite, or keeps them from it.
func TestAttack36_NobodyIsFloodedWithInvitations(t *testing.T) {
	b := setup(t)
	admin := b.token(b.A)
	elsewhere := func(org httpapi.Org) apikit.Response {
		return b.api.Do(t, admin, http.MethodPost, path(b.A, org), map[string]any{"email": "jo@example.com"})
	}
	inv, _ := b.ask(t, admin, map[string]any{"email": "jo@example.com"})
	one := path(b.A, b.A.Partner) + "/" + inv.ID.String()
	for range 3 {
		if r := b.api.Do(t, admin, http.MethodPost, one+":resend", nil); r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Raw)
		}
	}
	b.api.Do(t, admin, http.MethodDelete, one, nil)
	again, r := b.ask(t, admin, map[string]any{"email": "jo@example.com"})
	if r.Status != 201 {
		t.Fatalf("the fifth mail: %d %s", r.Status, r.Raw)
	}
	if r := b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Partner)+"/"+again.ID.String()+":resend", nil); r.Code() != "org.invite.too_many" || r.Status != 429 {
		t.Errorf("sent again: %d %s", r.Status, r.Raw)
	}
	first := elsewhere(b.A.Rivals)
	if first.Status != 201 {
		t.Errorf("by another organization: %d %s", first.Status, first.Raw)
	}
	if r := b.api.Do(t, b.token(b.B), http.MethodPost, path(b.B, b.B.Partner), map[string]any{"email": "jo@example.com"}); r.Status != 201 {
		t.Errorf("by another tenant: %d %s", r.Status, r.Raw)
	}
	// Where all together have had twenty mails sent, the next organization is answered as ever, and its own log alone says that nobody
	// is mailed.
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM invitations WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), b.A.Rivals.ID); err != nil { // as with its organization
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO mails_sent (tenant_id, id, email_key, at) SELECT $1, gen_random_uuid(), 'jo@example.com', $2 FROM generate_series(1, 14)`,
			tx.Tenant(), tx.Now())
		return err
	})
	made := elsewhere(b.A.Branch)
	var unsent invitations.InvitationBody
	made.Into(t, &unsent)
	if shape(made) != shape(first) {
		t.Errorf("the twenty-first is answered otherwise:\n%s\n%s", made.Raw, first.Raw)
	}
	withheld := func() int {
		return b.count(t, b.A, `SELECT count(*) FROM events WHERE tenant_id = $1 AND org_id = $2 AND type = 'invitation.withheld'`, b.A.Branch.ID)
	}
	if _, err := b.invitations.Mail(t.Context(), b.A.Tenant.ID, unsent.ID); code(err) != "org.invite.invalid" || withheld() != 1 {
		t.Errorf("mailed: %v, told of %d times", err, withheld())
	}
	for i := range 5 {
		r := b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Branch)+"/"+unsent.ID.String()+":resend", nil)
		if (r.Status == 200) != (i < 4) {
			t.Errorf("what is not mailed counts: sending %d: %d %s", i+2, r.Status, r.Raw)
		}
	}
	b.Clock.Advance(time.Hour)
	if r := b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Branch)+"/"+unsent.ID.String()+":resend", nil); r.Status != 200 {
		t.Errorf("an hour later: %d %s", r.Status, r.Raw)
	}
	if mail, err := b.invitations.Mail(t.Context(), b.A.Tenant.ID, unsent.ID); err != nil || mail.Email != "jo@example.com" || withheld() != 5 {
		t.Errorf("an hour later: %+v %v, told of %d times", mail, err, withheld())
	}
	// Five sendings of last week that are taken back, or accepted, now are none of this hour; and what was sent in this hour
	// counts whatever became of it.
	old, _ := b.ask(t, admin, map[string]any{"email": "old@example.com"})
	for range 4 {
		b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Partner)+"/"+old.ID.String()+":resend", nil)
	}
	b.Clock.Advance(2 * time.Hour)
	b.api.Do(t, admin, http.MethodDelete, path(b.A, b.A.Partner)+"/"+old.ID.String(), nil)
	for i := range 6 {
		next, r := b.ask(t, admin, map[string]any{"email": "old@example.com"})
		if tooMany := r.Code() == "org.invite.too_many"; tooMany != (i == 5) {
			t.Errorf("mail %d of this hour: %d %s", i+1, r.Status, r.Raw)
		}
		b.api.Do(t, admin, http.MethodDelete, path(b.A, b.A.Partner)+"/"+next.ID.String(), nil)
	}
	// Links are bounded for each organization, and not by what others do.
	for i := range 6 {
		next, r := b.ask(t, admin, map[string]any{"email": "old@example.com", "delivery": "link"})
		if tooMany := r.Code() == "org.invite.too_many"; tooMany != (i == 5) {
			t.Errorf("link %d of this hour: %d %s", i+1, r.Status, r.Raw)
		}
		b.api.Do(t, admin, http.MethodDelete, path(b.A, b.A.Partner)+"/"+next.ID.String(), nil)
	}
	if r := b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Rivals), map[string]any{"email": "old@example.com", "delivery": "link"}); r.Status != 201 {
		t.Errorf("a link of another organization: %d %s", r.Status, r.Raw)
	}
	// All at once, when there is room for two mails more.
	for i := range 10 {
		address := fmt.Sprintf("many%d@example.com", i)
		inv, _ := b.ask(t, admin, map[string]any{"email": address})
		again := func() apikit.Response {
			return b.api.Do(t, admin, http.MethodPost, path(b.A, b.A.Partner)+"/"+inv.ID.String()+":resend", nil)
		}
		again()
		again()
		var sent atomic.Int32
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if again().Status == 200 {
					sent.Add(1)
				}
			})
		}
		all.Wait()
		if sent.Load() != 2 {
			t.Errorf("%s: %d more mails than three", address, sent.Load())
		}
	}
}

// shape is an answer's status and the names in its body.
func shape(r apikit.Response) string {
	var body map[string]any
	_ = json.Unmarshal(r.Raw, &body)
	return fmt.Sprint(r.Status, slices.Sorted(maps.Keys(body)))
}

// TestAttack35_AHandedOverLinkTellsNothing: whoever invites by a link that he hands over learns neither from it nor by accepting it
// himself whether the address is somebody's in another organization, or whose its domain is. Who has an account joins with it.
func TestAttack35_AHandedOverLinkTellsNothing(t *testing.T) {
	b := setup(t)
	b.domains["rivals.example"] = b.A.Rivals.ID
	var jo, kim users.User
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		jo, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Rivals.ID, Username: "jo@one.example", Email: "jo@one.example", EmailVerified: true})
		if err == nil {
			_, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Rivals.ID, Username: "eva@rivals.example", Email: "eva@rivals.example", EmailVerified: true})
		}
		if err == nil {
			kim, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Rivals.ID, Username: "kim@one.example", Email: "kim@one.example", EmailVerified: true})
		}
		return err
	})
	admin := b.token(b.A)
	for _, address := range []string{"jo@one.example", "nobody@one.example", "eva@rivals.example", "nobody@rivals.example"} {
		inv, r := b.ask(t, admin, map[string]any{"email": address, "delivery": "link"})
		peeked, err := b.invitations.Peek(t.Context(), b.A.Tenant.ID, tokenIn(inv.Link))
		if r.Status != 201 || err != nil || peeked.ExistingUser || !peeked.HandedOver {
			t.Fatalf("%s: %d %+v %v", address, r.Status, peeked, err)
		}
		made, err := b.accept(b.A, tokenIn(inv.Link))
		if err != nil || made.User.Org != b.A.Partner.ID || made.User.EmailVerified {
			t.Errorf("%s: %+v %v", address, made, err)
		}
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		known, err := b.users.ByEmail(ctx, tx, "jo@one.example")
		if len(known) != 1 || known[0].ID != jo.ID {
			t.Errorf("the address is of %+v", known)
		}
		return err
	})
	inv, _ := b.ask(t, admin, map[string]any{"email": "KIM@one.example", "delivery": "link"})
	if got, err := b.invitations.Accept(t.Context(), b.A.Tenant.ID, tokenIn(inv.Link), invitations.Accept{User: kim.ID}); err != nil || got.User.ID != kim.ID {
		t.Errorf("with the account: %+v %v", got, err)
	}
}
