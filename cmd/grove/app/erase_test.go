package app_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/apptest"
	"grove/infra/db"
)

// census counts the rows of each tenant table, of one tenant and of all others.
func census(t *testing.T, conn *pgx.Conn, tenant string) (its, others map[string]string) {
	t.Helper()
	ctx := context.Background()
	rows, err := conn.Query(ctx, `
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'grove'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 30 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	its, others = map[string]string{}, map[string]string{}
	for _, table := range tables {
		var n int
		var digest string
		if err := conn.QueryRow(ctx, `SELECT count(*) FILTER (WHERE tenant_id = $1),
			count(*) FILTER (WHERE tenant_id <> $1) || ' ' || coalesce(sum(hashtextextended(to_jsonb(x)::text, 0)::numeric) FILTER (WHERE tenant_id <> $1), 0)
			FROM `+pgx.Identifier{"grove", table}.Sanitize()+` x`, tenant).Scan(&n, &digest); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			its[table] = fmt.Sprint(n)
		}
		others[table] = digest
	}
	return its, others
}

// live leaves rows in as many tables of a tenant as an ordinary day does.
func live(w *apptest.World, at apptest.Tenant) {
	token := w.Token(at)
	must := func(method, path string, body any) map[string]any { return w.Must(at, token, method, path, body) }
	type m = map[string]any
	above := "root"
	for _, handle := range []string{"region", "country", "city"} {
		must("POST", "/orgs", m{"name": handle, "handle": handle + "-x", "parent_id": must("GET", "/orgs/"+above, nil)["id"]})
		above = handle + "-x"
	}
	user := must("POST", "/orgs/city-x/users", m{"email": "jo@city.example", "password": apptest.Password})["id"].(string)
	group := must("POST", "/orgs/city-x/groups", m{"name": "Group"})["id"].(string)
	must("PUT", "/orgs/city-x/groups/"+group+"/members/"+user, nil)
	must("DELETE", "/orgs/city-x/groups/"+group+"/members/"+user, nil)
	must("POST", "/orgs/city-x/invitations", m{"email": "guest@city.example"})
	must("POST", "/orgs/city-x/users/"+user+"/password-link", m{"delivery": "link"})
	must("POST", "/orgs/city-x/domains", m{"name": "city.example"})
	w.Tokens(at, apptest.SignIn{})
}

// TestErasedTenantsLeaveNothing: when the retention is over, no table has a row of the tenant, and those of others are as they
// were; whatever stops the erasure, the next run goes on.
func TestErasedTenantsLeaveNothing(t *testing.T) {
	w := apptest.New(t, apptest.WithoutWorkers()) // jobs change rows of their own accord
	live(w, w.A)
	live(w, w.B)
	conn, err := pgx.Connect(context.Background(), w.DB.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tenant, err := w.Parts.Tenants.TenantByHandle(t.Context(), w.A.Handle)
	if err != nil {
		t.Fatal(err)
	}
	operate := func(method, path string) apptest.Response {
		return w.Do(w.Client(), method, apptest.Origin+"/platform/v1/tenants/"+tenant.ID.String()+path, nil, "Authorization", "Bearer "+apptest.PlatformKey)
	}
	before, _ := census(t, conn, tenant.ID.UUID().String())
	if len(before) < 25 {
		t.Fatalf("the tenant lives in %d tables only: %v", len(before), before)
	}
	if r := operate(http.MethodDelete, "?handle="+w.B.Handle); r.StatusCode != http.StatusUnprocessableEntity || r.Code() != "tenant.handle_mismatch" {
		t.Fatalf("another's handle: %d %s", r.StatusCode, r.Raw)
	}
	token := w.Token(w.A)
	if r := operate(http.MethodDelete, "?handle="+w.A.Handle); r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	if r := w.API(w.A, token, http.MethodGet, "/orgs/root", nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("a token of a deleted tenant: %d", r.StatusCode)
	}
	// While it can be restored, nobody can delete what happened.
	for _, table := range []string{"events", "event_chain", "event_concerns", "seat_entries"} {
		err := w.App.DB.InSystem(t.Context(), "test", func(ctx context.Context, tx db.SystemTx) error {
			n, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE tenant_id = $1`, tenant.ID)
			if err == nil && n > 0 {
				t.Errorf("%d rows of %s went", n, table)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	w.Clock.Advance(w.Config.TenantRetention)
	_, others := census(t, conn, tenant.ID.UUID().String())
	interrupted := 0
	for limit := time.Millisecond; ; limit += 5 * time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err := w.Parts.Tenants.EraseDue(ctx)
		cancel()
		if err == nil {
			break
		}
		if interrupted++; interrupted > 2000 {
			t.Fatal(err)
		}
	}
	if interrupted < 2 {
		t.Errorf("interrupted %d times only", interrupted)
	}
	left, after := census(t, conn, tenant.ID.UUID().String())
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for table, digest := range others {
		if after[table] != digest {
			t.Errorf("the erasure changed %s of another tenant", table)
		}
	}
	if _, err := w.Parts.Tenants.Load(t.Context(), tenant.ID); err == nil {
		t.Error("the tenant is still there")
	}
}
