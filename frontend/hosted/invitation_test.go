package hosted_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
	"grove/orgs/invitations"
)

func TestInvitationOfAPersonWhoIsThere(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@one.example", b.A.Partner)
	b.person(t, "ann@one.example", b.A.Partner)
	base := b.A.Tenant.Base
	invite := func() {
		b.invited["inv"] = invitations.Peeked{OrgID: b.A.Rivals.ID, OrgName: "Rivals", Email: "Jo@one.example", ExistingUser: true, State: "pending"}
	}
	invite()
	w := b.browser(t)
	page := w.get(base + "/login/invitation?token=inv")
	asked := w.get(hrefOf(t, page, "sign_in=1"))
	if got := w.submit(asked, "password", "wrong"); got.Code != http.StatusUnprocessableEntity || len(b.accepted) != 0 {
		t.Errorf("wrong password: %d", got.Code)
	}
	if got := w.submit(asked); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("no password: %d", got.Code)
	}
	// The form for new people does not make a second person of him.
	_, form := asked.form(t, "given_name", "X", "family_name", "Y", "password", "a fine long secret")
	for _, mode := range []string{"join", "session", "", "other"} {
		w.do(http.MethodPost, "/t/acme/login/invitation?mode="+mode+"&token=inv", form)
	}
	if len(b.accepted) != 0 {
		t.Fatalf("accepted without a proof: %+v", b.accepted)
	}
	if got := w.submit(asked, "password", secret); got.Code != http.StatusSeeOther || len(b.accepted) != 1 || b.accepted[0].User != jo.ID || w.cookies[session] == "" {
		t.Fatalf("proved: %d %+v", got.Code, b.accepted)
	}
	// Signed in as somebody else: the password of the invited one is asked for.
	invite()
	other := b.browser(t)
	other.signIn("ann@one.example")
	if page := other.get(base + "/login/invitation?token=inv"); !strings.Contains(page.body, "sign_in=1") {
		t.Errorf("another person may accept: %s", page.body)
	}
	// Signed in as the one who is invited: one button.
	own := b.browser(t)
	own.signIn("jo@one.example")
	before := own.cookies[session]
	if got := own.submit(own.get(base + "/login/invitation?token=inv")); got.Code != http.StatusSeeOther || len(b.accepted) != 2 || own.cookies[session] != before {
		t.Errorf("one button: %d %+v", got.Code, b.accepted)
	}
}

// TestAttack35_InvitedFromElsewhere: where the address is of another organization's domain, the page is the same whether there is an
// account, and the account that this organization made is the one that accepts, by password or by session.
func TestAttack35_InvitedFromElsewhere(t *testing.T) {
	b := setup(t)
	eva := b.person(t, "eva@rivals.example", b.A.Rivals)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email_verified = false WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), eva.ID)
		return err
	})
	b.person(t, "nobody@rivals.example", b.A.Branch) // a name that anybody can be given
	b.domains = map[string]ids.Org{"rivals.example": b.A.Rivals.ID}
	invite := func(email string) {
		b.invited["inv"] = invitations.Peeked{OrgID: b.A.Partner.ID, OrgName: "Partner", Email: email, DomainOrg: b.A.Rivals.ID, ExistingUser: true, State: "pending"}
	}
	base := b.A.Tenant.Base
	var bodies []string
	for _, email := range []string{"eva@rivals.example", "none@rivals.example"} {
		invite(email)
		w := b.browser(t)
		page := w.get(base + "/login/invitation?token=inv")
		asked := w.get(hrefOf(t, page, "sign_in=1"))
		wrong := w.submit(asked, "password", "wrong")
		if wrong.Code != http.StatusUnprocessableEntity || !strings.Contains(page.body, "ask your own organization") || strings.Contains(page.body, "rivals</") {
			t.Errorf("%s: %d %s", email, wrong.Code, page.body)
		}
		bodies = append(bodies, csrfOf.ReplaceAllString(strings.ReplaceAll(page.body+asked.body+wrong.body, email, ""), ""))
	}
	if bodies[0] != bodies[1] {
		t.Errorf("it shows who has an account:\n%s\n%s", bodies[0], bodies[1])
	}
	invite("eva@rivals.example")
	w := b.browser(t)
	if got := w.submit(w.get(base+"/login/invitation?sign_in=1&token=inv"), "password", secret); got.Code != http.StatusSeeOther || len(b.accepted) != 1 || b.accepted[0].User != eva.ID {
		t.Fatalf("by password: %d %+v", got.Code, b.accepted)
	}
	invite("eva@rivals.example")
	if got := w.submit(w.get(base + "/login/invitation?token=inv")); got.Code != http.StatusSeeOther || len(b.accepted) != 2 {
		t.Errorf("by session: %d %+v", got.Code, b.accepted)
	}
	invite("nobody@rivals.example")
	other := b.browser(t)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email_verified = false WHERE tenant_id = $1 AND username_key = 'nobody@rivals.example'`, tx.Tenant())
		return err
	})
	if got := other.submit(other.get(base+"/login/invitation?sign_in=1&token=inv"), "password", secret); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("an account that somebody elsewhere made: %d", got.Code)
	}
}

// TestAttack35_AHandedOverLinkTellsNothing: whoever invites by a link that he hands over sees its page himself, which is the same for
// every address, whoever has it and whoever has its domain; and so is what comes of every answer that proves nothing.
func TestAttack35_AHandedOverLinkTellsNothing(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@one.example", b.A.Rivals)
	base := b.A.Tenant.Base
	b.domains = map[string]ids.Org{"rivals.example": b.A.Rivals.ID}
	invite := func(email string) {
		b.invited["inv"] = invitations.Peeked{OrgID: b.A.Partner.ID, OrgName: "Partner", Email: email, HandedOver: true, Passwords: users.DefaultPasswords, State: "pending"}
		if strings.HasSuffix(email, "@rivals.example") {
			v := b.invited["inv"]
			v.DomainOrg = b.A.Rivals.ID
			b.invited["inv"] = v
		}
	}
	var bodies []string
	for _, email := range []string{"jo@one.example", "nobody@one.example", "eva@rivals.example"} {
		invite(email)
		w := b.browser(t)
		page := w.get(base + "/login/invitation?token=inv")
		asked := w.get(hrefOf(t, page, "sign_in=1"))
		wrong := w.submit(asked, "password", "wrong")
		short := w.submit(page, "given_name", "X", "family_name", "Y", "password", "short")
		if page.Code != http.StatusOK || wrong.Code != http.StatusUnprocessableEntity || short.Code != http.StatusUnprocessableEntity || !strings.Contains(page.body, `name="given_name"`) {
			t.Errorf("%s: %d %d %d %s", email, page.Code, wrong.Code, short.Code, page.body)
		}
		bodies = append(bodies, csrfOf.ReplaceAllString(strings.ReplaceAll(page.body+asked.body+wrong.body+short.body, email, ""), ""))
	}
	if bodies[0] != bodies[1] || bodies[0] != bodies[2] {
		t.Errorf("it shows who has an account, or whose the domain is:\n%s\n%s\n%s", bodies[0], bodies[1], bodies[2])
	}
	invite("jo@one.example")
	w := b.browser(t)
	if got := w.submit(w.get(base+"/login/invitation?sign_in=1&token=inv"), "password", secret); got.Code != http.StatusSeeOther || len(b.accepted) != 1 || b.accepted[0].User != jo.ID {
		t.Errorf("who has an account: %d %+v", got.Code, b.accepted)
	}
	invite("nobody@one.example")
	other := b.browser(t)
	got := other.submit(other.get(base+"/login/invitation?token=inv"), "given_name", "X", "family_name", "Y", "password", "a fine long secret")
	if len(b.accepted) != 2 || !b.accepted[1].User.IsZero() {
		t.Errorf("who is new: %d %+v", got.Code, b.accepted)
	}
}
