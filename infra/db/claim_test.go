package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

func TestClaimIsKeptWithTheEffectOnly(t *testing.T) {
	d := newDB(t)
	for name, made := range map[string]db.Claim{
		"a person's":     {Actor: "user:x", Key: "k", Operation: "op", Hash: []byte{1}},
		"the operator's": {Actor: "operator:operator", Key: "k", Operation: "op", Hash: []byte{1}, Operator: true},
	} {
		t.Run(name, func(t *testing.T) {
			home := ids.NewTenant()
			record := func(stop error) error {
				tenant, c := home, made
				if c.Operator {
					tenant = ids.NewTenant() // whichever he acts on
				}
				return d.InTenant(db.WithClaim(ctx, &c), tenant, func(ctx context.Context, tx db.Tx) error {
					if err := tx.RecordClaim(ctx, "subject"); err != nil {
						return err
					}
					return stop
				})
			}
			found := func() bool {
				got, found, err := d.FindClaim(ctx, home, &made)
				if err != nil || found && (got.Operation != "op" || got.Subject != "subject" || len(got.Hash) != 1) {
					t.Errorf("%v %v", got, err)
				}
				return found
			}
			_ = record(errors.New("stop"))
			if found() {
				t.Fatal("a claim outlived its transaction")
			}
			if err := record(nil); err != nil || !found() {
				t.Fatal("a claim was not kept", err)
			}
			if err := record(nil); !fault.CodeIdemRunning.Is(err) {
				t.Fatalf("a second claim of the same key: %v", err)
			}
			d.Clock.Advance(25 * time.Hour)
			if found() {
				t.Fatal("a claim is older than a day and still answered")
			}
			if err := record(nil); err != nil {
				t.Fatal("an old key cannot be used again", err)
			}
		})
	}
}

// TestTwinsKeepNoConnection: while one transaction works for an Idempotency-Key, many more with the same key are refused at
// once, and those of other tenants find a connection.
func TestTwinsKeepNoConnection(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.MaxConn, o.LockTimeout, o.StatementTimeout = 4, 20*time.Second, 20*time.Second })
	tenant, stranger := ids.NewTenant(), ids.NewTenant()
	claim := func(ctx context.Context) context.Context {
		return db.WithClaim(ctx, &db.Claim{Actor: "user:x", Key: "k", Operation: "op", Hash: []byte{1}})
	}
	nothing := func(context.Context, db.Tx) error { return nil }
	err := d.InTenant(claim(ctx), tenant, func(context.Context, db.Tx) error {
		soon, cancel := context.WithTimeout(ctx, 10*time.Second) // less than the time that a statement waits for a lock
		defer cancel()
		var twins sync.WaitGroup
		for range 32 {
			twins.Go(func() {
				if err := d.InTenant(claim(soon), tenant, nothing); !fault.CodeIdemRunning.Is(err) {
					t.Errorf("a twin: %v", err)
				}
			})
		}
		for range 8 {
			if err := d.InTenant(soon, stranger, nothing); err != nil {
				t.Errorf("another tenant: %v", err)
			}
		}
		twins.Wait()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// twin is a request with a key that reads in one transaction and has its effect in the next.
type twin struct {
	d      *testkit.Database
	tenant ids.Tenant
	ctx    context.Context
}

func newTwin(d *testkit.Database, tenant ids.Tenant) twin {
	return twin{d, tenant, db.WithClaim(ctx, &db.Claim{Actor: "user:x", Key: "k", Operation: "op", Hash: []byte{1}})}
}

func (w twin) read(during func()) error {
	return w.d.InTenant(w.ctx, w.tenant, func(context.Context, db.Tx) error { during(); return nil })
}

func (w twin) write() error {
	return w.d.InTenant(w.ctx, w.tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO things (tenant_id, id, org_id, name) VALUES ($1, $2, $3, 'made')`, w.tenant, ids.NewEvent(), ids.NewOrg()); err != nil {
			return err
		}
		return tx.RecordClaim(ctx, "subject")
	})
}

// TestTwinsTakeTurns: a request that has read is not refused because its twin reads when it is to write, and waits without
// keeping a connection; one of the two has the effect.
func TestTwinsTakeTurns(t *testing.T) {
	d := newDB(t, func(o *db.Options) { o.MaxConn = 4 })
	tenant := ids.NewTenant()
	first, second := newTwin(d, tenant), newTwin(d, tenant)
	if err := first.read(func() {}); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	err := second.read(func() {
		before := d.Stats().AcquireCount()
		go func() { wrote <- first.write() }()
		testkit.Eventually(t, "the first tries again", func() bool { return len(wrote) > 0 || d.Stats().AcquireCount() > before+2 })
	})
	if err != nil {
		t.Errorf("the second, as it read: %v", err)
	}
	if err := <-wrote; err != nil {
		t.Errorf("the first was refused for its twin: %v", err)
	}
	if err := second.write(); !fault.CodeIdemRunning.Is(err) {
		t.Errorf("the second has an effect, too: %v", err)
	}
	for range 20 { // whatever the order
		tenant, answers := ids.NewTenant(), make([]error, 2)
		var both sync.WaitGroup
		for i := range answers {
			both.Go(func() {
				w := newTwin(d, tenant)
				if answers[i] = w.read(func() {}); answers[i] == nil {
					answers[i] = w.write()
				}
			})
		}
		both.Wait()
		made := names(t, func(f func(context.Context, db.Tx) error) error { return d.InTenant(ctx, tenant, f) })
		if (answers[0] == nil) == (answers[1] == nil) || len(made) != 1 {
			t.Errorf("%v: %d effects", answers, len(made))
		}
	}
}
