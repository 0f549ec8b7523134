package invitations_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/iam/authz"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
)

func code(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code.Name
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestInviteAndAccept(t *testing.T) {
	b := setup(t)
	admin := b.adminRole[b.A.Tenant.ID]
	inv, token := b.invite(t, b.A, b.A.Partner, "Jo@Example.com", admin)
	if inv.State != "pending" || inv.Inviter != "admin@example.com" || !slices.Equal(inv.AllowedActions, []string{"resend", "revoke"}) {
		t.Errorf("invited %+v", inv)
	}
	mail, err := b.invitations.Mail(t.Context(), b.A.Tenant.ID, inv.ID)
	if err != nil || mail.Email != "Jo@Example.com" || !strings.HasPrefix(mail.Link, "https://id.example/t/acme/login/invitation?token=grv_inv_") ||
		mail.ExpiresIn.Hours() > 72 || mail.ExpiresIn.Hours() < 71.9 || mail.OrgName != "partner" {
		t.Errorf("mail %+v %v", mail, err)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "1 reserved, 0 used" {
		t.Error(got)
	}
	// A scanner that follows the link changes nothing.
	for range 3 {
		p, err := b.invitations.Peek(t.Context(), b.A.Tenant.ID, token)
		if err != nil || p.ExistingUser || p.OrgID != b.A.Partner.ID || p.Email != "Jo@Example.com" || p.State != "pending" {
			t.Fatalf("peek %+v %v", p, err)
		}
	}
	if _, err := b.invitations.Accept(t.Context(), b.A.Tenant.ID, token, invitations.Accept{Password: "jo@example.com"}); code(err) != "user.password" {
		t.Errorf("the address as password: %v", err)
	}
	got, err := b.accept(b.A, token)
	if err != nil || got.Org != b.A.Partner.ID || !got.User.EmailVerified || got.User.Org != b.A.Partner.ID || got.User.DisplayName() != "Jo Doe" {
		t.Fatalf("accepted %+v %v", got, err)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "0 reserved, 1 used" {
		t.Error(got)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		for _, org := range []httpapi.Org{b.A.Partner, b.A.Branch} {
			scopes, err := b.authz.ScopesOf(ctx, tx, got.User.ID, org.ID)
			if err != nil || !scopes["invitations.write"] {
				t.Errorf("%s: the administrator lacks permissions: %v", org.Handle, err)
			}
		}
		if scopes, err := b.authz.ScopesOf(ctx, tx, got.User.ID, b.A.Root.ID); err != nil || len(scopes) > 0 {
			t.Errorf("permissions above: %v %v", scopes, err)
		}
		kind := ""
		if err := tx.QueryRow(ctx, `SELECT kind FROM memberships WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), got.User.ID).Scan(&kind); err != nil || kind != "resident" {
			t.Errorf("member as %s: %v", kind, err)
		}
		actors, err := db.Scalars[string](ctx, tx, `SELECT type || ' ' || actor_kind FROM events WHERE tenant_id = $1 AND subject = $2 ORDER BY id`, tx.Tenant(), inv.ID.String())
		if want := []string{"invitation.created user", "invitation.accepted user"}; !slices.Equal(actors, want) {
			t.Errorf("events %v", actors)
		}
		return err
	})
	if _, err := b.users.CheckPassword(t.Context(), b.A.Tenant.ID, b.find(t, "jo@example.com"), secret); err != nil {
		t.Errorf("sign-in: %v", err)
	}
	testkit.CheckPlans(t, b.Database)
}

func TestAttack06_OneAnswerForEveryTokenThatIsNoGood(t *testing.T) {
	b := setup(t)
	_, used := b.invite(t, b.A, b.A.Partner, "used@example.com")
	if _, err := b.accept(b.A, used); err != nil {
		t.Fatal(err)
	}
	revoked, revokedToken := b.invite(t, b.A, b.A.Partner, "revoked@example.com")
	if r := b.api.Do(t, b.token(b.A), http.MethodDelete, path(b.A, b.A.Partner)+"/"+revoked.ID.String(), nil); r.Status != 204 {
		t.Fatalf("revoke: %d", r.Status)
	}
	resent, old := b.invite(t, b.A, b.A.Partner, "resent@example.com")
	if r := b.api.Do(t, b.token(b.A), http.MethodPost, path(b.A, b.A.Partner)+"/"+resent.ID.String()+":resend", nil); r.Status != 200 {
		t.Fatalf("resend: %d %s", r.Status, r.Raw)
	}
	fresh := b.mailed(t, b.A, resent.ID)
	_, expired := b.invite(t, b.A, b.A.Partner, "expired@example.com")
	_, foreign := b.invite(t, b.B, b.B.Partner, "foreign@example.com")
	// One second past its time.
	b.Clock.Advance(lifetime)
	_, live := b.invite(t, b.A, b.A.Partner, "live@example.com")
	detail := ""
	for name, token := range map[string]string{
		"used": used, "revoked": revokedToken, "before the last sending": old, "expired": expired, "expired after resending": fresh,
		"another tenant's": foreign, "nothing": "", "no token": "grv_inv_x", "one character changed": flip(live), "of another kind": strings.Replace(live, "grv_inv", "grv_ses", 1),
		"with a tail": live + "\n", "upper case": strings.ToUpper(live), "the id": resent.ID.String(), "NUL": live + "\x00", "long": strings.Repeat("a", 100_000),
	} {
		_, err := b.accept(b.A, token)
		_, peek := b.invitations.Peek(t.Context(), b.A.Tenant.ID, token)
		for _, err := range []error{err, peek} {
			var f *fault.Error
			if !errors.As(err, &f) || f.Code.Name != "org.invite.invalid" || f.Code.Kind != fault.Gone {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if detail == "" {
				detail = f.Detail
			}
			if f.Detail != detail {
				t.Errorf("%s: another text", name)
			}
		}
	}
	if _, err := b.accept(b.A, live); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM users WHERE tenant_id = $1`); n != 3 {
		t.Errorf("%d people, want the administrator and two", n)
	}
}

func flip(token string) string {
	at := len(token) / 2
	c := byte('A')
	if token[at] == c {
		c = 'B'
	}
	return token[:at] + string(c) + token[at+1:]
}

func TestAttack06_TheRowDecidesOrganizationAddressAndRoles(t *testing.T) {
	b := setup(t)
	inv, token := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	got, err := b.accept(b.A, token)
	if err != nil || got.User.Email != "jo@example.com" || got.User.Username != "jo@example.com" || got.Org != b.A.Partner.ID {
		t.Fatalf("%+v %v", got, err)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM role_assignments WHERE tenant_id = $1 AND principal_id = $2`, got.User.ID); n != 0 {
		t.Errorf("%d roles out of nothing", n)
	}
	var stored []byte
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT token_hash FROM invitations WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), inv.ID).Scan(&stored)
	})
	if len(stored) != 32 || strings.Contains(token, string(stored)) {
		t.Error("the row must hold a hash only")
	}
	r := b.api.Do(t, b.token(b.A), http.MethodGet, path(b.A, b.A.Partner), nil)
	if strings.Contains(string(r.Raw), "grv_inv") || strings.Contains(string(r.Raw), "token_hash") {
		t.Error("the API shows the token")
	}
}

func TestAttack06_OfManyWhoAcceptOneWins(t *testing.T) {
	b := setup(t)
	_, token := b.invite(t, b.A, b.A.Partner, "jo@example.com", b.adminRole[b.A.Tenant.ID])
	results := make(chan error, 100)
	start := make(chan struct{})
	for range cap(results) {
		go func() {
			<-start
			_, err := b.accept(b.A, token)
			results <- err
		}()
	}
	close(start)
	won := 0
	for range cap(results) {
		switch err := <-results; code(err) {
		case "":
			won++
		case "org.invite.invalid", "org.invite.sign_in":
		default:
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "0 reserved, 1 used" {
		t.Error(got)
	}
	for what, sql := range map[string]string{
		"users":       `SELECT count(*) FROM users WHERE tenant_id = $1 AND email_key = 'jo@example.com'`,
		"memberships": `SELECT count(*) FROM memberships m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id WHERE m.tenant_id = $1 AND u.email_key = 'jo@example.com'`,
		"events":      `SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'invitation.accepted'`,
	} {
		if n := b.count(t, b.A, sql); n != 1 {
			t.Errorf("%d %s", n, what)
		}
	}
}

func TestTwoInvitationsOfOneAddressMakeOneAccount(t *testing.T) {
	b := setup(t)
	_, first := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	_, second := b.invite(t, b.A, b.A.Rivals, "jo@example.com")
	results := make(chan error, 2)
	for _, token := range []string{first, second} {
		go func() { _, err := b.accept(b.A, token); results <- err }()
	}
	got := []string{code(<-results), code(<-results)}
	slices.Sort(got)
	if !slices.Equal(got, []string{"", "org.invite.sign_in"}) {
		t.Errorf("%v", got)
	}
}

func TestAnExistingPersonSignsInToAccept(t *testing.T) {
	b := setup(t)
	_, token := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	first, err := b.accept(b.A, token)
	if err != nil {
		t.Fatal(err)
	}
	_, otherToken := b.invite(t, b.A, b.A.Partner, "other@example.com")
	other, err := b.accept(b.A, otherToken)
	if err != nil {
		t.Fatal(err)
	}
	inv, token := b.invite(t, b.A, b.A.Rivals, "JO@example.com", b.adminRole[b.A.Tenant.ID])
	if p, err := b.invitations.Peek(t.Context(), b.A.Tenant.ID, token); err != nil || !p.ExistingUser {
		t.Errorf("peek %+v %v", p, err)
	}
	if _, err := b.accept(b.A, token); code(err) != "org.invite.sign_in" {
		t.Errorf("a second account for one address: %v", err)
	}
	as := func(user ids.User) error {
		_, err := b.invitations.Accept(t.Context(), b.A.Tenant.ID, token, invitations.Accept{User: user})
		return err
	}
	if err := as(other.User.ID); code(err) != "org.invite.other_person" {
		t.Errorf("another person: %v", err)
	}
	if err := as(ids.NewUser()); code(err) != "org.invite.invalid" {
		t.Errorf("nobody: %v", err)
	}
	b.set(t, `UPDATE users SET email_verified = false WHERE tenant_id = $1 AND id = $2`, first.User.ID)
	if err := as(first.User.ID); code(err) != "org.invite.other_person" {
		t.Errorf("the address is not proved: %v", err)
	}
	b.set(t, `UPDATE users SET email_verified = true, status = 'disabled' WHERE tenant_id = $1 AND id = $2`, first.User.ID)
	if err := as(first.User.ID); code(err) != "org.invite.other_person" {
		t.Errorf("disabled: %v", err)
	}
	b.set(t, `UPDATE users SET status = 'active' WHERE tenant_id = $1 AND id = $2`, first.User.ID)
	if err := as(first.User.ID); err != nil {
		t.Fatal(err)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		orgs, err := b.members.OrgsOf(ctx, tx, first.User.ID, "", page.Request{Size: page.MaxSize})
		if len(orgs.Items) != 2 {
			t.Errorf("%d organizations", len(orgs.Items))
		}
		return err
	})
	var shown invitations.InvitationBody
	b.api.Do(t, b.token(b.A), http.MethodGet, path(b.A, b.A.Rivals)+"/"+inv.ID.String(), nil).Into(t, &shown)
	if shown.State != "accepted" || shown.UserID == nil || *shown.UserID != first.User.ID || len(shown.AllowedActions) != 0 {
		t.Errorf("accepted %+v", shown)
	}
	if got := b.balance(t, b.A, b.A.Rivals); got != "0 reserved, 1 used" {
		t.Error(got)
	}
}

func (b bundle) set(t *testing.T, sql string, args ...any) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, sql, append([]any{tx.Tenant()}, args...)...)
		return err
	})
}

func TestRefusedInvitations(t *testing.T) {
	b := setup(t)
	b.invite(t, b.A, b.A.Partner, "jo@example.com")
	foreignRole := b.adminRole[b.B.Tenant.ID]
	for name, c := range map[string]struct {
		email, code string
		roles       []ids.Role
	}{
		"twice":                      {"JO@EXAMPLE.COM", "org.invite.duplicate", nil},
		"two addresses":              {"a@example.com,b@example.com", "request.invalid", nil},
		"with a name":                {"Jo <jo@example.com>", "request.invalid", nil},
		"header injection":           {"jo@example.com\r\nBcc: x@example.com", "request.invalid", nil},
		"no domain":                  {"jo@", "request.invalid", nil},
		"a role of another tenant":   {"new@example.com", "role.unknown", []ids.Role{foreignRole}},
		"a role that does not exist": {"new@example.com", "role.unknown", []ids.Role{ids.NewRole()}},
	} {
		if r := b.try(t, b.A, b.A.Partner, c.email, c.roles...); r.Code() != c.code {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	if r := b.try(t, b.A, b.A.Root, "admin@example.com"); r.Code() != "org.invite.already_member" {
		t.Errorf("a member: %d %s", r.Status, r.Raw)
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "1 reserved, 0 used" {
		t.Errorf("refusals took seats: %s", got)
	}
}

// TestAttack35_AddressesOfAnotherOrganizationsDomain: who has an account where the domain belongs is invited by anybody and
// accepts with it, though nobody there has made him prove the address; who has none gets none elsewhere. The answer to who invites
// and what the link shows are the same for both.
func TestAttack35_AddressesOfAnotherOrganizationsDomain(t *testing.T) {
	b := setup(t)
	b.domains["rivals.example"] = b.A.Rivals.ID
	var eva, twin users.User
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if eva, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Rivals.ID, Username: "eva@rivals.example"}); err != nil {
			return err
		}
		twin, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Branch.ID, Username: "eva@rivals.example"})
		return err
	})
	shown := map[string]invitations.Peeked{}
	answers := map[string]invitations.InvitationBody{}
	tokens := map[string]string{}
	for _, address := range []string{"eva@rivals.example", "nobody@rivals.example"} {
		inv, token := b.invite(t, b.A, b.A.Partner, address)
		peeked, err := b.invitations.Peek(t.Context(), b.A.Tenant.ID, token)
		if err != nil {
			t.Fatal(err)
		}
		tokens[address] = token
		inv.ID, inv.Email, peeked.Invitation, peeked.Email = ids.Invitation{}, "", ids.Invitation{}, ""
		inv.CreatedAt, inv.UpdatedAt, inv.ExpiresAt, peeked.ExpiresAt = time.Time{}, time.Time{}, nil, nil
		answers[address], shown[address] = inv, peeked
		if _, err := b.accept(b.A, token); code(err) != "org.invite.sign_in" {
			t.Errorf("%s: a new account: %v", address, err)
		}
		if _, err := b.invitations.Accept(t.Context(), b.A.Tenant.ID, token, invitations.Accept{User: twin.ID}); code(err) != "org.invite.other_person" {
			t.Errorf("%s: who was only given the name: %v", address, err)
		}
	}
	if !reflect.DeepEqual(answers["eva@rivals.example"], answers["nobody@rivals.example"]) || !reflect.DeepEqual(shown["eva@rivals.example"], shown["nobody@rivals.example"]) {
		t.Errorf("it shows who has an account:\n%+v\n%+v", answers, shown)
	}
	got, err := b.invitations.Accept(t.Context(), b.A.Tenant.ID, tokens["eva@rivals.example"], invitations.Accept{User: eva.ID})
	if err != nil || got.User.ID != eva.ID || got.Org != b.A.Partner.ID {
		t.Errorf("%+v %v", got, err)
	}
	// Where the domain belongs, the account is new.
	_, token := b.invite(t, b.A, b.A.Rivals, "jo@rivals.example")
	if made, err := b.accept(b.A, token); err != nil || made.User.Org != b.A.Rivals.ID {
		t.Errorf("the domain's own: %+v %v", made, err)
	}
}

func TestAttack28_NobodyInvitesAboveHimself(t *testing.T) {
	b := setup(t)
	admin := b.adminRole[b.A.Tenant.ID]
	weak := b.api.Token(actor.Actor{Kind: actor.User, Tenant: b.A.Tenant.ID, Org: b.A.Root.ID, User: b.admin[b.A.Tenant.ID].ID,
		Scopes: map[string]bool{"invitations.write": true, "invitations.read": true}})
	r := b.api.Do(t, weak, http.MethodPost, path(b.A, b.A.Partner), map[string]any{"email": "jo@example.com", "roles": []ids.Role{admin}})
	if r.Code() != "role.above_granter" {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	// Somebody who is Administrator of the partner only, and not of what lies below it, gives no more.
	_, token := b.invite(t, b.A, b.A.Partner, "flat@example.com")
	flat, err := b.accept(b.A, token)
	if err != nil {
		t.Fatal(err)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return b.authz.AssignTx(ctx, tx, authz.Assignment{Org: b.A.Partner.ID, Role: admin, PrincipalKind: authz.PrincipalUser, Principal: flat.User.ID.UUID(), Reach: authz.ReachOrg})
	})
	a := actor.Actor{Kind: actor.User, Tenant: b.A.Tenant.ID, Org: b.A.Partner.ID, User: flat.User.ID, Scopes: map[string]bool{}}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		a.Scopes, err = b.authz.ScopesOf(ctx, tx, flat.User.ID, b.A.Partner.ID)
		return err
	})
	r = b.api.Do(t, b.api.Token(a), http.MethodPost, path(b.A, b.A.Partner), map[string]any{"email": "jo@example.com", "roles": []ids.Role{admin}})
	if r.Code() != "role.above_granter" {
		t.Errorf("reach: %d %s", r.Status, r.Raw)
	}
}

func TestASuspendedOrganizationTakesNobody(t *testing.T) {
	b := setup(t)
	_, token := b.invite(t, b.A, b.A.Branch, "jo@example.com")
	b.set(t, `UPDATE organizations SET status = 'suspended' WHERE tenant_id = $1 AND id = $2`, b.A.Partner.ID)
	if _, err := b.accept(b.A, token); code(err) != "org.suspended" {
		t.Errorf("below a suspended one: %v", err)
	}
	b.set(t, `UPDATE organizations SET status = 'active' WHERE tenant_id = $1 AND id = $2`, b.A.Partner.ID)
	if _, err := b.accept(b.A, token); err != nil {
		t.Errorf("resumed: %v", err)
	}
}

// TestInvitedByAnApp: nobody is said to have invited.
func TestInvitedByAnApp(t *testing.T) {
	b := setup(t)
	machine := actor.Actor{Kind: actor.Client, Tenant: b.A.Tenant.ID, Org: b.A.Root.ID, App: ids.NewApp(), Scopes: map[string]bool{"invitations.write": true}}
	r := b.api.Do(t, b.api.Token(machine), http.MethodPost, path(b.A, b.A.Partner), map[string]any{"email": "jo@example.com"})
	var inv invitations.InvitationBody
	r.Into(t, &inv)
	mail, err := b.invitations.Mail(t.Context(), b.A.Tenant.ID, inv.ID)
	if r.Status != 201 || inv.Inviter != "" || err != nil || mail.Inviter != "" || mail.OrgName == "" {
		t.Errorf("%d %s: %+v %v", r.Status, r.Raw, mail, err)
	}
}

func TestInvitationsOfOthersAreNotThere(t *testing.T) {
	b := setup(t)
	inv, _ := b.invite(t, b.A, b.A.Partner, "jo@example.com")
	for name, c := range map[string]struct{ token, path string }{
		"a sibling organization": {b.token(b.A), path(b.A, b.A.Rivals)},
		"another tenant":         {b.token(b.B), path(b.B, b.B.Partner)},
	} {
		one := c.path + "/" + inv.ID.String()
		for _, call := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"POST", ":resend"}} {
			if r := b.api.Do(t, c.token, call[0], one+call[1], nil); r.Status != 404 {
				t.Errorf("%s: %v: %d", name, call, r.Status)
			}
		}
	}
	if got := b.balance(t, b.A, b.A.Partner); got != "1 reserved, 0 used" {
		t.Error(got)
	}
}

func TestARoleThatWentMeanwhileIsLeftOut(t *testing.T) {
	b := setup(t)
	role := ids.NewRole()
	b.set(t, `INSERT INTO roles (tenant_id, id, org_id, name, name_key, audience_type, audience_id, created_at, updated_at)
		VALUES ($1, $2, $3, 'Clerk', 'clerk', 'organization', $3, now(), now())`, role, b.A.Partner.ID)
	_, token := b.invite(t, b.A, b.A.Partner, "jo@example.com", role, b.adminRole[b.A.Tenant.ID])
	b.set(t, `DELETE FROM roles WHERE tenant_id = $1 AND id = $2`, role)
	got, err := b.accept(b.A, token)
	if err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, b.A, `SELECT count(*) FROM role_assignments WHERE tenant_id = $1 AND principal_id = $2`, got.User.ID); n != 1 {
		t.Errorf("%d roles", n)
	}
}
