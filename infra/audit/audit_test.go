package audit_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/infra/audit"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jobs"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type noted struct {
	N int `json:"n" audit:"public"`
}

var eventNoted = events.Declare[noted]("test.noted", "Something was noted.")

type world struct {
	*testkit.Database
	log    *events.Log
	sealer *events.Sealer
	audit  *audit.Service
}

var ctx = context.Background()

func newWorld(t *testing.T) world {
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations()}, "", nil)
	client, err := jobs.NewClient(jobs.NewRegistry(nil), jobs.Options{DB: d.DB, Log: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return world{d, events.NewLog(client), events.NewSealer(d.DB, testkit.Quiet()), audit.New(d.DB)}
}

func (w world) write(t *testing.T, tenant ids.Tenant, org ids.Org, numbers ...int) {
	t.Helper()
	err := w.InTenant(actor.Into(ctx, actor.ForJob(tenant, "test")), tenant, func(ctx context.Context, tx db.Tx) error {
		for _, n := range numbers {
			if err := w.log.Write(ctx, tx, eventNoted.Of(org, ids.NewUser(), noted{n})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) seal(t *testing.T) int {
	t.Helper()
	n, err := w.sealer.Seal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestChainOfEachTenantIsItsOwn(t *testing.T) {
	w := newWorld(t)
	a, b := ids.NewTenant(), ids.NewTenant()
	w.write(t, a, ids.NewOrg(), 1, 2, 3)
	w.write(t, b, ids.NewOrg(), 1)
	if n := w.seal(t); n != 4 {
		t.Fatalf("%d events were sealed, want 4", n)
	}
	if n := w.seal(t); n != 0 {
		t.Fatalf("%d events were sealed twice", n)
	}
	w.write(t, a, ids.NewOrg(), 4)
	w.seal(t)
	for tenant, want := range map[ids.Tenant]int{a: 4, b: 1} {
		proof, err := w.audit.Verify(ctx, tenant, 0)
		if err != nil || !proof.Intact || proof.Checked != want {
			t.Errorf("proof is %+v, %v; want %d intact links", proof, err, want)
		}
	}
	proof, err := w.audit.Verify(ctx, a, 2)
	if err != nil || !proof.Intact || proof.Checked != 2 || proof.VerifiedTo != 4 {
		t.Errorf("going on after 2: %+v, %v", proof, err)
	}
}

// TestTamperingShows: whatever a superuser does to a sealed event, the chain tells.
func TestTamperingShows(t *testing.T) {
	for name, tamper := range map[string]string{
		"data edited":   `UPDATE grove.events SET data = '{"n": 7}' WHERE data->>'n' = '2'`,
		"actor edited":  `UPDATE grove.events SET actor_id = 'somebody' WHERE data->>'n' = '2'`,
		"time edited":   `UPDATE grove.events SET at = at - interval '1 hour' WHERE data->>'n' = '2'`,
		"event deleted": `DELETE FROM grove.events WHERE data->>'n' = '2'`,
		"link deleted":  `DELETE FROM grove.event_chain WHERE seq = 2`,
		"links swapped": `UPDATE grove.event_chain c SET event_id = (SELECT id FROM grove.events WHERE data->>'n' = '3') WHERE seq = 2;
			`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tenant := ids.NewTenant()
			w.write(t, tenant, ids.NewOrg(), 1, 2, 3)
			w.seal(t)
			conn, err := pgx.Connect(ctx, w.Super)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(ctx)
			if name == "links swapped" {
				tamper = `ALTER TABLE grove.event_chain DROP CONSTRAINT event_chain_tenant_id_event_id_key; ` + tamper
			}
			if _, err := conn.Exec(ctx, tamper); err != nil {
				t.Fatal(err)
			}
			proof, err := w.audit.Verify(ctx, tenant, 0)
			if err != nil || proof.Intact || proof.BrokenAt != 2 {
				t.Fatalf("proof is %+v, %v", proof, err)
			}
		})
	}
}

// TestOlderWriterIsWaitedFor: an event whose transaction began earlier and commits later never lands before a cursor.
func TestOlderWriterIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	tenant, org := ids.NewTenant(), ids.NewOrg()
	wrote, commit, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- w.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
			err := w.log.Write(ctx, tx, eventNoted.Of(org, ids.NewUser(), noted{1}))
			close(wrote)
			<-commit
			return err
		})
	}()
	<-wrote
	w.write(t, tenant, org, 2)
	if n := w.seal(t); n != 0 {
		t.Fatalf("%d events were sealed while an older writer was open", n)
	}
	close(commit)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := w.seal(t); n != 2 {
		t.Fatalf("%d events were sealed, want 2", n)
	}
}

func TestEventsCannotBeChangedByTheProgram(t *testing.T) {
	w := newWorld(t)
	tenant := ids.NewTenant()
	w.write(t, tenant, ids.NewOrg(), 1)
	for _, sql := range []string{`UPDATE events SET subject = 'x' WHERE tenant_id = $1`, `DELETE FROM events WHERE tenant_id = $1`,
		`DELETE FROM event_chain WHERE tenant_id = $1`} {
		err := w.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, sql, tenant)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestDeclareRefusesFieldsWithoutAClass(t *testing.T) {
	mustPanic := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s was accepted", name)
			}
		}()
		f()
	}
	mustPanic("no class", func() {
		events.Declare[struct {
			Name string `json:"name"`
		}]("test.no_class", "")
	})
	mustPanic("a secret with a name", func() {
		events.Declare[struct {
			Name string `json:"name" audit:"secret"`
		}]("test.secret", "")
	})
	mustPanic("a name twice", func() { events.Declare[noted]("test.noted", "") })
}

func ExampleLink() {
	var first events.Event
	fmt.Println(len(events.Link(nil, ids.Tenant{}, 1, first)))
	// Output: 32
}
