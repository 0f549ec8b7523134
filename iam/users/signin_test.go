package users_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/secrets/password"
	"grove/infra/testkit/treekit"
)

func TestSignInAnswersAlike(t *testing.T) {
	b := setup(t)
	jo := b.create(t, b.A, b.A.Root, "jo@example.com")
	b.create(t, b.A, b.A.Root, "locked@example.com")
	disabled := b.create(t, b.A, b.A.Root, "disabled@example.com")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := b.users.DisableTx(ctx, tx, disabled, false); err != nil {
			return err
		}
		_, err := b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Root.ID, Username: "empty@example.com"})
		return err
	})
	for range users.DefaultLockout.MaxFailures {
		if _, err := b.signIn(b.A, "locked@example.com", "wrong password"); err == nil {
			t.Fatal("a wrong password was taken")
		}
	}
	var first string
	for name, try := range map[string][2]string{
		"unknown":          {"nobody@example.com", secret},
		"wrong":            {"jo@example.com", "wrong password"},
		"locked":           {"locked@example.com", secret},
		"disabled":         {"disabled@example.com", secret},
		"without password": {"empty@example.com", secret},
		"not a password":   {"jo@example.com", ""},
		"too long":         {"jo@example.com", string(make([]byte, 1025))},
		"other case":       {"jo@example.com", "Correct horse battery"},
	} {
		_, err := b.signIn(b.A, try[0], try[1])
		var said interface{ Error() string }
		if !errors.As(err, &said) {
			t.Fatalf("%s: signed in", name)
		}
		if first == "" {
			first = said.Error()[:len("user.credentials")]
		}
		if got := said.Error(); len(got) < len(first) || got[:len(first)] != "user.credentials" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if u, err := b.signIn(b.A, "JO@Example.com", secret); err != nil || u.ID != jo.ID {
		t.Errorf("the right password: %v", err)
	}
	if _, err := b.signIn(b.B, "jo@example.com", secret); err == nil {
		t.Error("signed in at another tenant")
	}
}

func TestAttack29_ParallelGuessesGetNoMoreAnswersThanTheLimit(t *testing.T) {
	b := setup(t)
	jo := b.create(t, b.A, b.A.Root, "jo@example.com")
	// Ten wrong guesses lock the account: however many run at the same time, no more are counted.
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			if _, err := b.signIn(b.A, "jo@example.com", "wrong password"); err == nil {
				t.Error("a wrong password was taken")
			}
		})
	}
	wg.Wait()
	if u := b.load(t, b.A, jo.ID); u.LockedUntil == nil || !u.LockedUntil.After(b.Clock.Now()) {
		t.Fatal("not locked after 60 failures")
	}
	if got := b.failures(t, jo.ID); got != [2]int{0, 1} {
		t.Fatalf("failures and locks %v after the first lock", got)
	}
	for range 40 {
		wg.Go(func() {
			if _, err := b.signIn(b.A, "jo@example.com", secret); err == nil {
				t.Error("a locked account was opened by the right password")
			}
		})
	}
	wg.Wait()
}

func (b bundle) failures(t *testing.T, id ids.User) (got [2]int) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		return tx.QueryRow(ctx, `SELECT failures, locks FROM sign_in_failures WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), id).Scan(&got[0], &got[1])
	})
	return got
}

func TestAttack29_OneCounterForEveryNameOfAnAccount(t *testing.T) {
	b := setup(t)
	b.create(t, b.A, b.A.Root, "jo@example.com")
	for i := range users.DefaultLockout.MaxFailures {
		login := []string{"jo@example.com", "JO@EXAMPLE.COM", " jo@example.com", "ｊo@example.com"}[i%4]
		if _, err := b.signIn(b.A, login, "wrong password"); err == nil {
			t.Fatal("a wrong password was taken")
		}
	}
	if _, err := b.signIn(b.A, "jo@example.com", secret); err == nil {
		t.Fatal("another spelling has its own counter")
	}
}

func TestLocksGrowAndSuccessForgets(t *testing.T) {
	b := setup(t)
	b.Clock.Stop()
	jo := b.create(t, b.A, b.A.Root, "jo@example.com")
	for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		for range users.DefaultLockout.MaxFailures {
			_, _ = b.signIn(b.A, "jo@example.com", "wrong password")
		}
		until := b.load(t, b.A, jo.ID).LockedUntil
		if until == nil {
			t.Fatalf("lock %d: none", i)
		}
		if got := until.Sub(b.Clock.Now()); got > want || got < want-10*time.Second {
			t.Errorf("lock %d lasts %v; want %v", i, got, want)
		}
		b.Clock.Advance(want)
	}
	if u, err := b.signIn(b.A, "jo@example.com", secret); err != nil || u.LockedUntil != nil {
		t.Fatalf("after the lock: %v", err)
	}
	if until := b.load(t, b.A, jo.ID).LockedUntil; until != nil {
		t.Error("success does not forget the lock")
	}
}

func TestConcurrentSignInsOfOnePersonAllSucceed(t *testing.T) {
	b := setup(t)
	jo := b.create(t, b.A, b.A.Root, "jo@example.com")
	// An old hash, which each sign-in wants to replace, and a failure to forget.
	old, err := password.New(password.Options{MaxQueue: 500, Params: password.Params{MemoryKiB: 128, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	phc, err := old.Hash(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return b.users.SetPasswordTx(ctx, tx, jo, phc) })
	_, _ = b.signIn(b.A, "jo@example.com", "wrong password")
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 30 {
		wg.Go(func() {
			if _, err := b.signIn(b.A, "jo@example.com", secret); err != nil {
				failed.Add(1)
				t.Log(err)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Fatalf("%d of 30 failed", failed.Load())
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		var now string
		err := tx.QueryRow(ctx, `SELECT phc FROM passwords WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), jo.ID).Scan(&now)
		if now == phc {
			t.Error("the hash was not made anew")
		}
		return err
	})
}

func TestAPasswordThatChangedMeanwhileDoesNotOpen(t *testing.T) {
	b := setup(t)
	jo := b.create(t, b.A, b.A.Root, "jo@example.com")
	other, err := b.users.HashPassword(t.Context(), b.A.Tenant.ID, ids.Org{}, "another good secret")
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(time.Second)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return b.users.SetPasswordTx(ctx, tx, jo, other) })
	if _, err := b.signIn(b.A, "jo@example.com", secret); err == nil {
		t.Error("the old password opens")
	}
	if _, err := b.signIn(b.A, "jo@example.com", "another good secret"); err != nil {
		t.Error(err)
	}
}

func TestFindForSignIn(t *testing.T) {
	b := setup(t)
	resident := b.create(t, b.A, b.A.Branch, "jo@example.com")
	verified := b.create(t, b.A, b.A.Root, "verified")
	squatter := b.create(t, b.A, b.A.Rivals, "squatter")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email = 'jo@example.com', email_key = 'jo@example.com', email_verified = (id = $2)
			WHERE tenant_id = $1 AND id IN ($2, $3)`, tx.Tenant(), verified.ID, squatter.ID)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) VALUES ($1, $2, $3, $4, 'invited', $5)`,
			tx.Tenant(), ids.NewMembership(), b.A.Branch.ID, verified.ID, tx.Now()); err != nil {
			return err
		}
		for name, c := range map[string]struct {
			login string
			org   ids.Org
			want  []ids.User
		}{
			"whole tenant: proved first":           {"jo@example.com", ids.Org{}, []ids.User{verified.ID, resident.ID}},
			"a member who has proved it, too":      {"jo@example.com", b.A.Branch.ID, []ids.User{verified.ID, resident.ID}},
			"the invited member by username":       {"verified", b.A.Branch.ID, []ids.User{verified.ID}},
			"the resident by verified address":     {"jo@example.com", b.A.Root.ID, []ids.User{verified.ID}},
			"an address not verified finds nobody": {"jo@example.com", b.A.Rivals.ID, nil},
			"nobody's":                             {"nobody@example.com", ids.Org{}, nil},
			"nothing":                              {"", ids.Org{}, nil},
			"NUL":                                  {"jo\x00", ids.Org{}, nil},
		} {
			got, err := b.users.FindForSignIn(ctx, tx, c.login, c.org)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			same := len(got) == len(c.want)
			for i := range got {
				same = same && got[i].ID == c.want[i]
			}
			if !same {
				t.Errorf("%s: found %d", name, len(got))
			}
		}
		return nil
	})
}
