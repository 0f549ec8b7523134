package directory_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"grove/infra/kernel/fault"
	"grove/infra/secrets"
	"grove/tenants/directory"
)

func rootKey(t *testing.T, fill byte) *secrets.Root {
	t.Helper()
	root, err := secrets.NewRoot(bytes.Repeat([]byte{fill}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func (b *bundle) offer(t *testing.T, root *secrets.Root) string {
	t.Helper()
	token, until, err := b.tenants.OfferSetup(context.Background(), root)
	if err != nil || (token == "") != until.IsZero() {
		t.Fatal(token, until, err)
	}
	return token
}

func first(handle string) directory.CreateTenant {
	return directory.CreateTenant{Handle: handle, Name: "Acme", Admin: directory.Admin{Email: "jo@acme.com", Password: "correct horse"}}
}

func refused(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code.Name == "tenant.setup_refused"
}

func TestSetUp(t *testing.T) {
	b, ctx, root := setup(t, false), context.Background(), rootKey(t, 1)
	if open, err := b.tenants.SetupOpen(ctx); err != nil || open {
		t.Errorf("open before it was offered: %v %v", open, err)
	}
	token := b.offer(t, root)
	if again := b.offer(t, root); again != token {
		t.Error("another process is given another token")
	}
	if open, err := b.tenants.SetupOpen(ctx); err != nil || !open {
		t.Errorf("not open: %v %v", open, err)
	}
	if _, err := b.tenants.SetUp(ctx, token, first("admin")); err == nil || refused(err) {
		t.Errorf("a reserved handle: %v", err)
	}
	b.fail = errors.New("no keys")
	if _, err := b.tenants.SetUp(ctx, token, first("acme")); !errors.Is(err, b.fail) {
		t.Errorf("a founding that fails: %v", err)
	}
	b.fail = nil
	made, err := b.tenants.SetUp(ctx, token, first("acme"))
	if err != nil {
		t.Fatalf("after failures the token is spent: %v", err)
	}
	if got := b.events(t, made.ID); len(got) != 1 || got[0] != "tenant.created" {
		t.Errorf("events: %v", got)
	}
	if open, err := b.tenants.SetupOpen(ctx); err != nil || open {
		t.Errorf("open afterwards: %v %v", open, err)
	}
	if again := b.offer(t, root); again != "" {
		t.Error("offered although there is a tenant")
	}
}

// TestSetUpIsForItsHolderOnce: the one unauthenticated way to found a tenant takes nothing but a fresh token.
func TestSetUpIsForItsHolderOnce(t *testing.T) {
	t.Run("strangers", func(t *testing.T) {
		b, ctx := setup(t, false), context.Background()
		forged, _ := secrets.NewToken("grv_setup")
		if _, err := b.tenants.SetUp(ctx, forged, first("acme")); !refused(err) {
			t.Errorf("before any offer: %v", err)
		}
		token := b.offer(t, rootKey(t, 1))
		for name, wrong := range map[string]string{"nothing": "", "forged": forged, "cut short": token[:len(token)-1], "longer": token + "A", "lower case": strings.ToLower(token), "spaces": " " + token} {
			if _, err := b.tenants.SetUp(ctx, wrong, first("acme")); !refused(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(b.founded) != 0 {
			t.Error("something was founded")
		}
	})
	t.Run("late", func(t *testing.T) {
		b, ctx, root := setup(t, false), context.Background(), rootKey(t, 1)
		token := b.offer(t, root)
		b.Clock.Advance(directory.SetupLife)
		if _, err := b.tenants.SetUp(ctx, token, first("acme")); !refused(err) {
			t.Errorf("an expired token: %v", err)
		}
		fresh := b.offer(t, root)
		if fresh == token {
			t.Error("an expired token is offered again")
		}
		if _, err := b.tenants.SetUp(ctx, token, first("acme")); !refused(err) {
			t.Errorf("a token that was replaced: %v", err)
		}
		if _, err := b.tenants.SetUp(ctx, fresh, first("acme")); err != nil {
			t.Error(err)
		}
	})
	t.Run("beside another way", func(t *testing.T) {
		b, ctx := setup(t, false), context.Background()
		token := b.offer(t, rootKey(t, 1))
		b.create(t, "umbra") // on the command line
		if _, err := b.tenants.SetUp(ctx, token, first("acme")); !refused(err) {
			t.Errorf("there is a tenant: %v", err)
		}
	})
	t.Run("another root key", func(t *testing.T) {
		b, ctx := setup(t, false), context.Background()
		old := b.offer(t, rootKey(t, 1))
		if b.offer(t, rootKey(t, 2)) == old {
			t.Error("the token does not depend on the root key")
		}
		if _, err := b.tenants.SetUp(ctx, old, first("acme")); !refused(err) {
			t.Errorf("the token before: %v", err)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		b, ctx := setup(t, false), context.Background()
		token := b.offer(t, rootKey(t, 1))
		var mu sync.Mutex
		var group sync.WaitGroup
		won := 0
		for i := range 12 {
			group.Go(func() {
				_, err := b.tenants.SetUp(ctx, token, first("acme"+string(rune('a'+i))))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case !refused(err):
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won != 1 || len(b.founded) != 1 {
			t.Errorf("%d won, %d were founded", won, len(b.founded))
		}
	})
	t.Run("offers at once", func(t *testing.T) {
		b, root := setup(t, false), rootKey(t, 1)
		tokens := make([]string, 8)
		var group sync.WaitGroup
		for i := range tokens {
			group.Go(func() { tokens[i], _, _ = b.tenants.OfferSetup(context.Background(), root) })
		}
		group.Wait()
		for _, token := range tokens {
			if token == "" || token != tokens[0] {
				t.Errorf("tokens %v", tokens)
			}
		}
	})
	t.Run("what is stored", func(t *testing.T) {
		b := setup(t, false)
		token := b.offer(t, rootKey(t, 1))
		var stored string
		if err := b.SystemPool().QueryRow(context.Background(), `SELECT setup::text FROM setup`).Scan(&stored); err != nil || stored == "" || strings.Contains(stored, token) {
			t.Errorf("%q %v", stored, err)
		}
	})
}
