package metering_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"grove/billing/metering"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type bundle struct {
	*testkit.Database
	treekit.Pair
	api   *apikit.Server
	seats *metering.Service
}

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "billing/metering"), "metering", nil)
	b := bundle{Database: d, Pair: treekit.Plant(t, d), seats: metering.New(d.DB, events.NewLog(nil))}
	b.api = apikit.New(t, d, b.Pair, b.seats.Module())
	return b
}

func (b bundle) do(f func(context.Context, db.Tx) error) error {
	return b.InTenant(context.Background(), b.A.Tenant.ID, f)
}

func (b bundle) limit(t testing.TB, n int) {
	t.Helper()
	if err := b.do(func(ctx context.Context, tx db.Tx) error {
		_, err := b.seats.SetLimitTx(ctx, tx, b.A.Partner.ID, 0, &n)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) balance(t testing.TB) (got metering.Balance) {
	t.Helper()
	if err := b.do(func(ctx context.Context, tx db.Tx) (err error) {
		got, err = b.seats.BalanceOf(ctx, tx, b.A.Partner.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// check compares the balance with what the entries add up to.
func (b bundle) check(t fatal) {
	t.Helper()
	err := b.do(func(ctx context.Context, tx db.Tx) error {
		var reserved, used int
		if err := tx.QueryRow(ctx, `
			SELECT count(*) FILTER (WHERE to_account = 'reserved') - count(*) FILTER (WHERE from_account = 'reserved'),
			       count(*) FILTER (WHERE to_account = 'used') - count(*) FILTER (WHERE from_account = 'used')
			FROM seat_entries WHERE tenant_id = $1 AND org_id = $2`, tx.Tenant(), b.A.Partner.ID).Scan(&reserved, &used); err != nil {
			return err
		}
		got, err := b.seats.BalanceOf(ctx, tx, b.A.Partner.ID)
		if err == nil && (got.Reserved != reserved || got.Used != used) {
			t.Fatalf("balance %d reserved, %d used; entries %d and %d", got.Reserved, got.Used, reserved, used)
		}
		if got.Limit != nil && got.Taken() > *got.Limit {
			t.Fatalf("%d taken of %d", got.Taken(), *got.Limit)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
}

type fatal interface {
	Helper()
	Fatalf(string, ...any)
}

func exhausted(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code.Name == "seats.exhausted"
}

// Whatever is done in whatever order, the entries add up to the balances, each holder has at most one seat, and the
// model of the ledger agrees.
func TestPropertyEntriesAddUpToBalances(t *testing.T) {
	b := setup(t)
	const limit = 4
	b.limit(t, limit)
	holders := make([]uuid.UUID, 6)
	for i := range holders {
		holders[i] = uuid.New()
	}
	model := map[uuid.UUID]string{}
	taken := func() (n int) {
		for _, account := range model {
			if account != "" {
				n++
			}
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			h := rapid.SampledFrom(holders).Draw(t, "holder")
			other := rapid.SampledFrom(holders).Draw(t, "other")
			action := rapid.SampledFrom([]string{"reserve", "take", "commit", "release"}).Draw(t, "action")
			err := b.do(func(ctx context.Context, tx db.Tx) error {
				switch action {
				case "reserve":
					return b.seats.Reserve(ctx, tx, b.A.Partner.ID, h, "test")
				case "take":
					return b.seats.Take(ctx, tx, b.A.Partner.ID, h, "test")
				case "commit":
					return b.seats.Commit(ctx, tx, b.A.Partner.ID, h, other, "test")
				}
				return b.seats.Release(ctx, tx, b.A.Partner.ID, h, "test")
			})
			full := false
			switch {
			case action == "reserve" && model[h] == "":
				if full = taken() == limit; !full {
					model[h] = "reserved"
				}
			case action == "take":
				if full = model[h] == "" && taken() == limit; !full {
					model[h] = "used"
				}
			case action == "commit":
				if full = model[h] != "reserved" && model[other] == "" && taken() == limit; !full {
					if model[h] == "reserved" {
						model[h] = ""
					}
					model[other] = "used"
				}
			case action == "release":
				model[h] = ""
			}
			if full != exhausted(err) || (!full && err != nil) {
				t.Fatalf("%s: %v; full: %v", action, err, full)
			}
			b.check(t)
			if got := b.takenNow(); got != taken() {
				t.Fatalf("%s: %d taken, the model has %d", action, got, taken())
			}
		}
	})
	testkit.CheckPlans(t, b.Database)
}

func (b bundle) takenNow() int {
	n := -1
	_ = b.do(func(ctx context.Context, tx db.Tx) error {
		got, err := b.seats.BalanceOf(ctx, tx, b.A.Partner.ID)
		n = got.Taken()
		return err
	})
	return n
}

func TestParallelReservationsNeverExceedTheLimit(t *testing.T) {
	b := setup(t)
	b.limit(t, 10)
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			err := b.do(func(ctx context.Context, tx db.Tx) error {
				return b.seats.Reserve(ctx, tx, b.A.Partner.ID, uuid.New(), "test")
			})
			switch {
			case err == nil:
				won.Add(1)
			case exhausted(err):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := b.balance(t); won.Load() != 10 || lost.Load() != 50 || got.Reserved != 10 {
		t.Errorf("%d won, %d lost, %d reserved", won.Load(), lost.Load(), got.Reserved)
	}
	b.check(t)
}

func TestOneHolderReservesOnceInParallel(t *testing.T) {
	b := setup(t)
	h := uuid.New()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := b.do(func(ctx context.Context, tx db.Tx) error {
				return b.seats.Reserve(ctx, tx, b.A.Partner.ID, h, "test")
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := b.balance(t); got.Reserved != 1 {
		t.Errorf("%d reserved", got.Reserved)
	}
}

func TestTheLimitComesFromAbove(t *testing.T) {
	b := setup(t)
	all := []string{"seats.read", "seats.write"}
	above, own := b.api.Token(b.A.Client(b.A.Root, all...)), b.api.Token(b.A.Client(b.A.Partner, all...))
	const path = "/t/acme/v1/orgs/partner/seats"
	var seats metering.Seats
	b.api.Do(t, own, http.MethodGet, path, nil).Into(t, &seats)
	if seats.Limit != nil || seats.Available != nil || seats.Used != 0 {
		t.Errorf("at first %+v", seats)
	}
	for name, c := range map[string]struct {
		token, body string
		status      int
		code        string
	}{
		"the organization itself": {own, `{"limit":1000}`, 403, "seats.limit_from_above"},
		"without the permission":  {b.api.Token(b.A.Client(b.A.Root, "seats.read")), `{"limit":5}`, 403, "request.forbidden"},
		"a sibling":               {b.api.Token(b.A.Client(b.A.Rivals, all...)), `{"limit":5}`, 404, "resource.not_found"},
		"another tenant":          {b.api.Token(b.B.Client(b.B.Root, all...)), `{"limit":5}`, 401, "request.unauthenticated"},
		"negative":                {above, `{"limit":-1}`, 422, "request.invalid"},
		"a fraction":              {above, `{"limit":1.5}`, 422, "request.invalid"},
		"nothing":                 {above, `{}`, 422, "request.invalid"},
	} {
		if r := b.api.Do(t, c.token, http.MethodPut, path+"/limit", c.body); r.Status != c.status || r.Code() != c.code {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	r := b.api.Do(t, above, http.MethodPut, path+"/limit", `{"limit":2}`)
	if r.Into(t, &seats); r.Status != 200 || *seats.Limit != 2 || *seats.Available != 2 || len(seats.AllowedActions) != 1 {
		t.Errorf("set: %d %s", r.Status, r.Raw)
	}
	etag := r.Header.Get("ETag")
	for range 2 {
		if err := b.do(func(ctx context.Context, tx db.Tx) error {
			return b.seats.Take(ctx, tx, b.A.Partner.ID, uuid.New(), "test")
		}); err != nil {
			t.Fatal(err)
		}
	}
	if r := b.api.Do(t, above, http.MethodPut, path+"/limit", `{"limit":1}`); r.Code() != "seats.limit_below_use" {
		t.Errorf("below use: %d", r.Status)
	}
	if r := b.api.Do(t, above, http.MethodPut, path+"/limit", `{"limit":null}`, "If-Match", etag); r.Status != 200 {
		t.Errorf("no limit: %d %s", r.Status, r.Raw)
	}
	if r := b.api.Do(t, above, http.MethodPut, path+"/limit", `{"limit":9}`, "If-Match", etag); r.Status != 412 {
		t.Errorf("stale: %d", r.Status)
	}
	if r := b.api.Do(t, above, http.MethodPut, "/t/acme/v1/orgs/root/seats/limit", `{"limit":9}`); r.Status != 403 {
		t.Errorf("the root's own: %d", r.Status)
	}
}
