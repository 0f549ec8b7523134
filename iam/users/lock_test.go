package users_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/treekit"
)

func TestLockWithAReason(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	jo := b.create(t, b.A, b.A.Partner, "jo@example.com")
	one := base + "/" + jo.ID.String()
	var u users.UserBody
	locked := b.api.Do(t, token, http.MethodPost, one+":lock", `{"reason":" Lost the laptop "}`)
	locked.Into(t, &u)
	if locked.Status != 200 || u.Status != "locked" || u.LockReason != "Lost the laptop" {
		t.Fatalf("%d %s", locked.Status, locked.Raw)
	}
	if _, err := b.signIn(b.A, "jo@example.com", secret); err == nil {
		t.Error("a locked person signed in")
	}
	if !b.blocked(t, jo.ID) {
		t.Error("what was issued goes on")
	}
	if r := b.api.Do(t, token, http.MethodGet, base+"?status=locked", nil); !strings.Contains(string(r.Raw), jo.ID.String()) {
		t.Errorf("list: %s", r.Raw)
	}
	// Enabling is for the disabled: it opens no lock.
	if r := b.api.Do(t, token, http.MethodPost, one+":enable", nil); r.Status != 200 || !b.blocked(t, jo.ID) {
		t.Errorf("enable: %d %s", r.Status, r.Raw)
	}
	unlocked := b.api.Do(t, token, http.MethodPost, one+":unlock", nil)
	u = users.UserBody{}
	unlocked.Into(t, &u)
	if unlocked.Status != 200 || u.Status != "active" || u.LockReason != "" || b.blocked(t, jo.ID) {
		t.Errorf("%d %s", unlocked.Status, unlocked.Raw)
	}
	if _, err := b.signIn(b.A, "jo@example.com", secret); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct{ body, code string }{
		"a reason of controls": {`{"reason":"a\u0000b"}`, "request.invalid"},
		"a reason too long":    {`{"reason":"` + strings.Repeat("x", 257) + `"}`, "request.invalid"},
	} {
		if r := b.api.Do(t, token, http.MethodPost, one+":lock", c.body); r.Code() != c.code {
			t.Errorf("%s: %s", name, r.Raw)
		}
	}
	b.api.Do(t, token, http.MethodPost, one+":disable", nil)
	if r := b.api.Do(t, token, http.MethodPost, one+":lock", `{}`); r.Code() != "user.disabled" {
		t.Errorf("a disabled person: %s", r.Raw)
	}
}

// TestAttack28_LockIsForThoseBelow: who may manage people cannot shut out those above him, and nobody the last Administrator.
func TestAttack28_LockIsForThoseBelow(t *testing.T) {
	b := setup(t)
	helper, boss := b.create(t, b.A, b.A.Partner, "helper@example.com"), b.create(t, b.A, b.A.Partner, "boss@example.com")
	b.granted.give(boss.ID, b.A.Partner.ID, "orgs.write")
	one := base + "/" + boss.ID.String()
	weak := b.person(b.A, b.A.Partner, helper, "users.read", "users.write")
	bodies := map[string]any{":lock": `{}`, ":disable": nil}
	for verb, body := range bodies {
		if r := b.api.Do(t, weak, http.MethodPost, one+verb, body); r.Code() != "user.above_actor" {
			t.Errorf("%s: %d %s", verb, r.Status, r.Raw)
		}
	}
	b.granted.give(boss.ID, b.A.Partner.ID, "last")
	strong := b.person(b.A, b.A.Partner, helper, "users.read", "users.write", "last")
	for verb, body := range bodies {
		if r := b.api.Do(t, strong, http.MethodPost, one+verb, body); r.Code() != "user.last_administrator" {
			t.Errorf("%s of the last administrator: %d %s", verb, r.Status, r.Raw)
		}
	}
	if u := b.load(t, b.A, boss.ID); u.Status != users.StatusActive || b.blocked(t, boss.ID) {
		t.Errorf("what was refused changed something: %+v", u)
	}
	for _, verb := range []string{":lock", ":disable"} {
		b.api.Want(t, 200, "", strong, http.MethodPost, one+verb+"?without_administrator=true", bodies[verb])
	}
}

// TestAttack29_GuessesAreToldInOneEvent: failed sign-ins come to the log, and nobody fills it by guessing.
func TestAttack29_GuessesAreToldInOneEvent(t *testing.T) {
	b := setup(t)
	jo, other := b.create(t, b.A, b.A.Partner, "jo@example.com"), b.create(t, b.B, b.B.Partner, "jo@example.com")
	tell := func() {
		t.Helper()
		if err := b.users.TellFailures(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	guess := func(tree treekit.Tree, n int) {
		for range n {
			_, _ = b.signIn(tree, "jo@example.com", "wrong password")
		}
	}
	guess(b.A, 3)
	_, _ = b.signIn(b.A, "nobody@example.com", "wrong password")
	tell()
	tell()
	if got := b.told(t, b.A, jo.ID); got != "3" {
		t.Errorf("told of %q", got)
	}
	// Attempts while the account is locked count for nothing.
	guess(b.A, users.DefaultLockout.MaxFailures+50)
	guess(b.B, 1)
	tell()
	if got := b.told(t, b.A, jo.ID); got != "3 7" {
		t.Errorf("told of %q", got)
	}
	if got := b.told(t, b.B, other.ID); got != "1" {
		t.Errorf("the other tenant is told of %q", got)
	}
	// Who gets in after failures leaves them behind.
	b.Clock.Advance(time.Minute)
	guess(b.A, 2)
	if _, err := b.signIn(b.A, "jo@example.com", secret); err != nil {
		t.Fatal(err)
	}
	tell()
	if got := b.told(t, b.A, jo.ID); got != "3 7 2" {
		t.Errorf("told of %q", got)
	}
}

// told are the counts of a person's events of failed sign-ins.
func (b bundle) told(t *testing.T, tree treekit.Tree, id ids.User) string {
	t.Helper()
	var counts []string
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		counts, err = db.Scalars[string](ctx, tx, `SELECT data->>'count' FROM events WHERE tenant_id = $1 AND subject = $2 AND type = 'sign_in.failed' ORDER BY id`,
			tx.Tenant(), id.String())
		return err
	})
	return strings.Join(counts, " ")
}

// blocked reports whether everything that was issued to a person is dead.
func (b bundle) blocked(t *testing.T, id ids.User) (blocked bool) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		err := tx.QueryRow(ctx, `SELECT blocked FROM epochs WHERE tenant_id = $1 AND subject = $2`, tx.Tenant(), id).Scan(&blocked)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	return blocked
}
