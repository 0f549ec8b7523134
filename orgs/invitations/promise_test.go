package invitations_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/iam/authz"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
)

// inviter makes a resident of an organization of tenant A who is a member of the partner and its Administrator, and returns
// him with a token of the partner.
func (b bundle) inviter(t *testing.T, name string, home httpapi.Org) (u users.User, token string) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: home.ID, Username: name}); err != nil {
			return err
		}
		if home.ID != b.A.Partner.ID {
			if err := b.members.JoinTx(ctx, tx, b.A.Partner.ID, u.ID, "invited"); err != nil {
				return err
			}
		}
		return b.authz.AssignTx(ctx, tx, authz.Assignment{Org: b.A.Partner.ID, Role: b.adminRole[b.A.Tenant.ID], PrincipalKind: authz.PrincipalUser,
			Principal: u.ID.UUID(), Reach: authz.ReachSubtree})
	})
	return u, b.api.Token(b.as(u, b.A.Partner, perm.Names(perm.All())...))
}

// as is a person's actor with a token of an organization that carries the scopes named.
func (b bundle) as(u users.User, org httpapi.Org, scopes ...string) actor.Actor {
	a := b.A.Client(org, scopes...)
	a.Kind, a.App, a.User = actor.User, ids.App{}, u.ID
	return a
}

// shown reads an invitation as an administrator sees it.
func (b bundle) shown(t *testing.T, id ids.Invitation) (inv invitations.InvitationBody) {
	t.Helper()
	b.api.Do(t, b.token(b.A), http.MethodGet, path(b.A, b.A.Partner)+"/"+id.String(), nil).Into(t, &inv)
	return inv
}

// refused tries an invitation in every way, and wants it refused, as often as it is tried, with nothing changed.
func (b bundle) refused(t *testing.T, name, why, link string, inv ids.Invitation) {
	t.Helper()
	people := b.count(t, b.A, `SELECT count(*) FROM users WHERE tenant_id = $1`)
	given := b.count(t, b.A, `SELECT count(*) FROM role_assignments WHERE tenant_id = $1`)
	seats := b.balance(t, b.A, b.A.Partner)
	for range 2 {
		if p, err := b.invitations.Peek(t.Context(), b.A.Tenant.ID, tokenIn(link)); code(err) != "org.invite.refused" || p.OrgName != "partner" || p.Email != "" {
			t.Errorf("%s: shown: %+v %v", name, p, err)
		}
		if _, err := b.accept(b.A, tokenIn(link)); code(err) != "org.invite.refused" {
			t.Errorf("%s: accepted: %v", name, err)
		}
	}
	if people != b.count(t, b.A, `SELECT count(*) FROM users WHERE tenant_id = $1`) || given != b.count(t, b.A, `SELECT count(*) FROM role_assignments WHERE tenant_id = $1`) ||
		seats != b.balance(t, b.A, b.A.Partner) {
		t.Errorf("%s: something is half done", name)
	}
	if got := b.shown(t, inv); got.State != "pending" || got.Refused != why {
		t.Errorf("%s: %s, refused because of %q", name, got.State, got.Refused)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'invitation.refused' AND subject = $2 AND data->>'reason' = $3`, inv.String(), why); n != 1 {
		t.Errorf("%s: %d events tell of it", name, n)
	}
}

// vendor acts from the root, and so may leave an organization without an Administrator.
func (b bundle) vendor() actor.Actor {
	a := actor.ForJob(b.A.Tenant.ID, "test", perm.All()...)
	a.Org = b.A.Root.ID
	return a
}

// TestAttack06_APromiseEndsWithWhoMadeIt: whatever ends the power of whoever invited ends what he promised, until he has it
// again or somebody else promises it.
func TestAttack06_APromiseEndsWithWhoMadeIt(t *testing.T) {
	b := setup(t)
	type change = func(ctx context.Context, tx db.Tx, u users.User) error
	for name, c := range map[string]struct {
		home      httpapi.Org
		why       string
		end, back change // back: undoes it; nil where nothing does
	}{
		"deleted": {b.A.Partner, "inviter_gone", func(ctx context.Context, tx db.Tx, u users.User) error { return b.users.DeleteTx(ctx, tx, u.ID, true) }, nil},
		"disabled": {b.A.Partner, "inviter_gone", func(ctx context.Context, tx db.Tx, u users.User) error {
			_, err := b.users.DisableTx(ctx, tx, u, true)
			return err
		}, func(ctx context.Context, tx db.Tx, u users.User) error {
			_, err := b.users.EnableTx(ctx, tx, u)
			return err
		}},
		"locked": {b.A.Partner, "inviter_gone", func(ctx context.Context, tx db.Tx, u users.User) error {
			_, err := b.users.LockTx(ctx, tx, u, "", true)
			return err
		}, func(ctx context.Context, tx db.Tx, u users.User) error {
			_, err := b.users.UnlockTx(ctx, tx, u)
			return err
		}},
		"removed": {b.A.Rivals, "inviter_gone", func(ctx context.Context, tx db.Tx, u users.User) error {
			return b.members.RemoveTx(ctx, tx, b.A.Partner.ID, u.ID, true)
		}, nil},
		"demoted": {b.A.Partner, "beyond_inviter", func(ctx context.Context, tx db.Tx, u users.User) error {
			return b.authz.UnassignAllTx(ctx, tx, b.A.Partner.ID, u.ID)
		}, func(ctx context.Context, tx db.Tx, u users.User) error {
			return b.authz.AssignTx(ctx, tx, authz.Assignment{Org: b.A.Partner.ID, Role: b.adminRole[b.A.Tenant.ID], PrincipalKind: authz.PrincipalUser,
				Principal: u.ID.UUID(), Reach: authz.ReachSubtree})
		}},
		"his organization is suspended": {b.A.Partner, "inviter_gone", func(ctx context.Context, tx db.Tx, _ users.User) error {
			return tx.Block(ctx, db.KindOrg, b.A.Partner.ID.UUID(), "test")
		}, func(ctx context.Context, tx db.Tx, _ users.User) error {
			return tx.Unblock(ctx, db.KindOrg, b.A.Partner.ID.UUID(), "test")
		}},
	} {
		u, token := b.inviter(t, name, c.home)
		in := func(f change) {
			treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
				if now, err := b.users.Load(ctx, tx, u.ID); err == nil {
					u = now
				}
				return f(actor.Into(ctx, b.vendor()), tx, u)
			})
		}
		address := ids.NewUser().String() + "@example.com"
		inv, r := b.ask(t, token, map[string]any{"email": address, "delivery": "link", "expires_in_minutes": -1, "roles": []ids.Role{b.adminRole[b.A.Tenant.ID]}})
		bare, _ := b.ask(t, token, map[string]any{"email": "bare." + address, "delivery": "link"})
		if r.Status != 201 {
			t.Fatalf("%s: %d %s", name, r.Status, r.Raw)
		}
		in(c.end)
		b.refused(t, name, c.why, inv.Link, inv.ID)
		b.refused(t, name+", without roles", c.why, bare.Link, bare.ID)
		if c.back != nil {
			in(c.back)
			if _, err := b.accept(b.A, tokenIn(inv.Link)); err != nil {
				t.Errorf("%s, and back: %v", name, err)
			}
		}
		// Somebody else promises it, and it is his promise from then on.
		var again invitations.InvitationBody
		b.api.Do(t, b.token(b.A), http.MethodPost, path(b.A, b.A.Partner)+"/"+bare.ID.String()+":resend", nil).Into(t, &again)
		if again.Refused != "" || again.Inviter != "admin@example.com" {
			t.Errorf("%s: sent again: %+v", name, again)
		}
		if _, err := b.accept(b.A, tokenIn(again.Link)); err != nil {
			t.Errorf("%s, sent again: %v", name, err)
		}
	}
}

// TestAttack06_WhatNobodyPromised: an invitation of which nobody knows who promised it is not good, one that the program made
// for itself is.
func TestAttack06_WhatNobodyPromised(t *testing.T) {
	b := setup(t)
	for by, want := range map[string]string{`{}`: "org.invite.refused", `{"kind":"anonymous"}`: "org.invite.refused", `{"kind":"user"}`: "org.invite.refused",
		`{"kind":"system","name":"tenants.found"}`: "", `{"kind":"operator","name":"operator"}`: ""} {
		inv, r := b.ask(t, b.token(b.A), map[string]any{"email": ids.NewUser().String() + "@example.com", "delivery": "link", "roles": []ids.Role{b.adminRole[b.A.Tenant.ID]}})
		if r.Status != 201 {
			t.Fatalf("%d %s", r.Status, r.Raw)
		}
		b.set(t, `UPDATE invitations SET promised_by = $3 WHERE tenant_id = $1 AND id = $2`, inv.ID, by)
		got, err := b.accept(b.A, tokenIn(inv.Link))
		if code(err) != want {
			t.Errorf("%s: %v", by, err)
		}
		if err == nil && b.count(t, b.A, `SELECT count(*) FROM role_assignments WHERE tenant_id = $1 AND principal_id = $2 AND reach = 'subtree'`, got.User.ID) != 1 {
			t.Errorf("%s: no Administrator", by)
		}
	}
}

// TestAttack28_ARoleThatGrewIsNotGiven: a role that gives more than whoever invited holds by now, or than his token could have
// promised, is not given by his invitation.
func TestAttack28_ARoleThatGrewIsNotGiven(t *testing.T) {
	b := setup(t)
	admin := actor.Into(t.Context(), b.as(b.admin[b.A.Tenant.ID], b.A.Root, perm.Names(perm.All())...))
	role, err := b.authz.CreateRole(admin, b.A.Tenant.ID, b.A.Partner.ID, authz.CreateRoleRequest{Name: "Clerk", Permissions: []string{"users.read"}})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := b.inviter(t, "hr", b.A.Partner)
	narrow := b.api.Token(b.as(u, b.A.Partner, "invitations.read", "invitations.write", "users.read"))
	inv, r := b.ask(t, narrow, map[string]any{"email": "jo@example.com", "delivery": "link", "roles": []ids.Role{role.ID}})
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	widen := func(names ...string) {
		if _, err := b.authz.UpdateRole(admin, b.A.Tenant.ID, b.A.Partner.ID, role.ID, 0, authz.UpdateRoleRequest{Permissions: &names}); err != nil {
			t.Fatal(err)
		}
	}
	widen("users.read", "users.write")
	b.refused(t, "a role that grew", "beyond_inviter", inv.Link, inv.ID)
	widen("users.read")
	if p, err := b.invitations.Peek(t.Context(), b.A.Tenant.ID, tokenIn(inv.Link)); err != nil || p.Email != "jo@example.com" || b.shown(t, inv.ID).Refused != "" {
		t.Errorf("as it was: %+v %v", p, err)
	}
	if _, err := b.accept(b.A, tokenIn(inv.Link)); err != nil {
		t.Error(err)
	}
}

// TestAttack28_AGroupThatGrewIsNotGiven: who makes an empty group and invites into it has no way into what somebody else gives
// the group later.
func TestAttack28_AGroupThatGrewIsNotGiven(t *testing.T) {
	b := setup(t)
	admin := actor.Into(t.Context(), b.as(b.admin[b.A.Tenant.ID], b.A.Root, perm.Names(perm.All())...))
	hr, err := b.authz.CreateRole(admin, b.A.Tenant.ID, b.A.Partner.ID, authz.CreateRoleRequest{Name: "HR", Permissions: []string{"invitations.read", "invitations.write", "users.read"}})
	if err != nil {
		t.Fatal(err)
	}
	var u users.User
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Partner.ID, Username: "hr"}); err != nil {
			return err
		}
		return b.authz.AssignTx(ctx, tx, authz.Assignment{Org: b.A.Partner.ID, Role: hr.ID, PrincipalKind: authz.PrincipalUser, Principal: u.ID.UUID(), Reach: authz.ReachSubtree})
	})
	group, goes := b.group(t, "Team"), b.group(t, "Goes")
	inv, r := b.ask(t, b.api.Token(b.as(u, b.A.Partner, perm.Names(perm.All())...)), map[string]any{"email": "jo@example.com", "delivery": "link", "expires_in_minutes": -1,
		"groups": []ids.Group{goes, group}})
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	given, err := b.authz.Assign(admin, b.A.Tenant.ID, b.A.Partner.ID, b.adminRole[b.A.Tenant.ID], authz.AssignRoleRequest{
		Principal: authz.Principal{Type: authz.PrincipalGroup, ID: group.String()}, Reach: authz.ReachSubtree})
	if err != nil {
		t.Fatal(err)
	}
	b.refused(t, "a group that was given more", "beyond_inviter", inv.Link, inv.ID)
	if n := b.count(t, b.A, `SELECT count(*) FROM group_members WHERE tenant_id = $1`); n != 0 {
		t.Errorf("%d people are in groups", n)
	}
	if err := b.authz.Unassign(admin, b.A.Tenant.ID, b.A.Partner.ID, b.adminRole[b.A.Tenant.ID], given.ID, false); err != nil {
		t.Fatal(err)
	}
	b.set(t, `DELETE FROM groups WHERE tenant_id = $1 AND id = $2`, goes)
	if _, err := b.accept(b.A, tokenIn(inv.Link)); err != nil {
		t.Errorf("as it was: %v", err)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM group_members WHERE tenant_id = $1 AND group_id = $2`, group); n != 1 {
		t.Errorf("%d people are in the group", n)
	}
}

// TestAttack06_DisabledWhileSomebodyAccepts: who is disabled after the page was sent, while it is being answered, lets nobody in.
func TestAttack06_DisabledWhileSomebodyAccepts(t *testing.T) {
	b := setup(t)
	u, token := b.inviter(t, "boss", b.A.Partner)
	inv, r := b.ask(t, token, map[string]any{"email": "jo@example.com", "delivery": "link", "roles": []ids.Role{b.adminRole[b.A.Tenant.ID]}})
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	super, err := pgx.Connect(t.Context(), b.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = super.Close(context.Background()) }()
	done := make(chan error, 1)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		u, err := b.users.HoldTx(actor.Into(ctx, b.vendor()), tx, b.A.Partner.ID, u.ID)
		if err == nil {
			_, err = b.users.DisableTx(actor.Into(ctx, b.vendor()), tx, u, true)
		}
		if err != nil {
			return err
		}
		go func() {
			_, err := b.accept(b.A, tokenIn(inv.Link))
			done <- err
		}()
		testkit.Eventually(t, "the acceptance waits for the inviter", func() bool {
			var waiting bool
			err := super.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
			return err == nil && waiting
		})
		return nil
	})
	if err := <-done; code(err) != "org.invite.refused" {
		t.Errorf("accepted: %v", err)
	}
	b.refused(t, "disabled meanwhile", "inviter_gone", inv.Link, inv.ID)
}
