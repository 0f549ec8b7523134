package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/orgs/directory"
)

type pair struct {
	Ancestor   ids.Org `db:"ancestor_id"`
	Descendant ids.Org `db:"descendant_id"`
	Depth      int     `db:"depth"`
}

// closure reads the stored closure of a tenant.
func (b *bundle) closure(tenant httpapi.Tenant) (pairs map[pair]bool, err error) {
	pairs = map[pair]bool{}
	err = b.do(tenant, func(ctx context.Context, tx db.Tx) error {
		var misnamed int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM org_closure c JOIN organizations o ON o.tenant_id = c.tenant_id AND o.id = c.descendant_id
			WHERE c.tenant_id = $1 AND c.name_key <> o.name_key`, tenant.ID).Scan(&misnamed)
		if err != nil || misnamed > 0 {
			return fmt.Errorf("%d lines with other names: %w", misnamed, err)
		}
		rows, err := db.Collect[pair](ctx, tx, `SELECT ancestor_id, descendant_id, depth FROM org_closure WHERE tenant_id = $1`, tenant.ID)
		for _, p := range rows {
			pairs[p] = true
		}
		return err
	})
	return pairs, err
}

// model is the tree as a map from each node to its parent; the root's is zero.
type model map[ids.Org]ids.Org

func (m model) closure() map[pair]bool {
	pairs := map[pair]bool{}
	for node := range m {
		depth := 0
		for at := node; !at.IsZero(); at = m[at] {
			pairs[pair{at, node, depth}] = true
			depth++
		}
	}
	return pairs
}

func (m model) nodes() []ids.Org {
	return slices.SortedFunc(maps.Keys(m), func(a, b ids.Org) int { return slices.Compare([]byte(a.String()), []byte(b.String())) })
}

func (m model) within(node, top ids.Org) bool {
	for at := node; !at.IsZero(); at = m[at] {
		if at == top {
			return true
		}
	}
	return false
}

func (m model) hasChildren(node ids.Org) bool {
	for _, parent := range m {
		if parent == node {
			return true
		}
	}
	return false
}

func TestClosureEqualsTheModel(t *testing.T) {
	b := setup(t)
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		tenant, err := b.plant(fmt.Sprintf("round-%d", round))
		if err != nil {
			t.Fatal(err)
		}
		m := model{tenant.Root: {}}
		for step := range rapid.IntRange(1, 14).Draw(t, "steps") {
			node := rapid.SampledFrom(m.nodes()).Draw(t, "node")
			other := rapid.SampledFrom(m.nodes()).Draw(t, "other")
			switch rapid.SampledFrom([]string{"create", "create", "move", "move", "delete", "rename"}).Draw(t, "action") {
			case "rename":
				name := fmt.Sprintf("Renamed %d", step)
				err := b.do(tenant, func(ctx context.Context, tx db.Tx) error {
					_, err := b.orgs.UpdateTx(ctx, tx, node, 0, directory.Change{Name: &name})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			case "create":
				o, err := b.tryCreate(tenant, directory.NewOrg{Parent: node, Name: fmt.Sprintf("Org %d", step)})
				if err != nil {
					t.Fatal(err)
				}
				m[o.ID] = node
			case "move":
				err := b.do(tenant, func(ctx context.Context, tx db.Tx) error { _, err := b.orgs.MoveTx(ctx, tx, node, other); return err })
				refused := m[node].IsZero() || m.within(other, node)
				if refused != (err != nil) {
					t.Fatalf("move: %v, want refused: %v", err, refused)
				}
				if !refused {
					m[node] = other
				}
			case "delete":
				err := b.do(tenant, func(ctx context.Context, tx db.Tx) error {
					if _, err := b.orgs.SuspendTx(ctx, tx, node); err != nil {
						return err
					}
					return b.orgs.DeleteTx(ctx, tx, node, 0)
				})
				refused := m[node].IsZero() || m.hasChildren(node)
				if refused != (err != nil) {
					t.Fatalf("delete: %v, want refused: %v", err, refused)
				}
				if !refused {
					delete(m, node)
				}
			}
			got, err := b.closure(tenant)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, m.closure()) {
				t.Fatalf("step %d: the closure differs from the model", step)
			}
		}
	})
}

// TestWritersAtTheSameTime moves, creates and deletes in one small tree at once; the closure must fit the parents then.
func TestWritersAtTheSameTime(t *testing.T) {
	b := setup(t)
	orgs := []ids.Org{b.a.north.ID, b.a.berlin.ID, b.a.south.ID}
	for i := range 5 {
		orgs = append(orgs, b.create(t, b.a.Tenant, orgs[i%3], fmt.Sprintf("Node %d", i)).ID)
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 12 {
				node, other := orgs[(w*5+i)%len(orgs)], orgs[(w+i*3)%len(orgs)]
				var err error
				if i%3 == 0 {
					_, err = b.tryCreate(b.a.Tenant, directory.NewOrg{Parent: node, Name: fmt.Sprintf("Leaf %d %d", w, i)})
				} else {
					err = b.do(b.a.Tenant, func(ctx context.Context, tx db.Tx) error { _, err := b.orgs.MoveTx(ctx, tx, node, other); return err })
				}
				var f *fault.Error
				if err != nil && !errors.As(err, &f) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	m := model{}
	err := b.do(b.a.Tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, parent_id FROM organizations WHERE tenant_id = $1`, b.a.ID)
		if err != nil {
			return err
		}
		var id, parent ids.Org
		_, err = pgx.ForEachRow(rows, []any{&id, &parent}, func() error { m[id] = parent; return nil })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.closure(b.a.Tenant)
	if err != nil || !maps.Equal(got, m.closure()) {
		t.Fatalf("the closure differs from the parents: %v", err)
	}
}

// big fills a tenant with 100 branches of 99 leaves.
func (b *bundle) big(t *testing.T, tr tree) {
	t.Helper()
	err := b.do(tr.Tenant, func(ctx context.Context, tx db.Tx) error {
		// How long planting may take is not what is tested.
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		for _, sql := range []string{
			`INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), $2, 'b-' || n, 'Branch ' || n, 'branch ' || n, 'active', now(), now() FROM generate_series(1, 100) n`,
			`INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), b.id, b.handle || '-' || n, 'Leaf ' || n, 'leaf ' || n, 'active', now(), now()
				FROM organizations b, generate_series(1, 99) n WHERE b.tenant_id = $1 AND b.parent_id = $2 AND b.handle LIKE 'b-%'`,
			`INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth)
				SELECT $1, id, id, 0 FROM organizations WHERE tenant_id = $1 AND handle LIKE 'b-%'
				UNION ALL SELECT $1, parent_id, id, 1 FROM organizations WHERE tenant_id = $1 AND handle LIKE 'b-%'
				UNION ALL SELECT $1, $2, id, 2 FROM organizations WHERE tenant_id = $1 AND handle LIKE 'b-%-%'`,
		} {
			args := []any{tr.ID, tr.Root}
			if _, err := tx.Exec(ctx, sql, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.analyze(t)
}

func (b *bundle) analyze(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), b.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
}

// TestPageBelowAToken: a page of what lies below an organization costs what a page costs, the first and a later one, whatever else
// is below, and comes in the order of the names that hold now. What adds lines without names, as the program before did, is covered.
func TestPageBelowAToken(t *testing.T) {
	b := setup(t)
	plant := func(below ids.Org, handle string, n int) {
		err := b.do(b.a.Tenant, func(ctx context.Context, tx db.Tx) error {
			// How long planting may take is not what is tested.
			if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `
				INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), $2, $3 || '-' || n, 'Leaf ' || n, 'leaf ' || n, 'active', now(), now() FROM generate_series(1, $4) n`,
				tx.Tenant(), below, handle, n)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `
				INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth)
				SELECT $1, o.id, o.id, 0 FROM organizations o WHERE o.tenant_id = $1 AND o.parent_id = $2
				UNION ALL SELECT $1, c.ancestor_id, o.id, c.depth + 1 FROM organizations o, org_closure c
					WHERE o.tenant_id = $1 AND o.parent_id = $2 AND c.tenant_id = $1 AND c.descendant_id = $2`, tx.Tenant(), below)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	plant(b.a.berlin.ID, "few", 500)
	other := b.create(t, b.a.Tenant, b.a.south.ID, "Other")
	plant(other.ID, "many", 5000)
	b.analyze(t)
	read := func(token, query string) (pages int, body map[string]any) {
		var seen []pgx.TraceQueryStartData
		var r apikit.Response
		testkit.Eventually(t, "who asks is known, and one query is all", func() bool {
			seen = b.recorder.during(func() { r = b.api.Want(t, 200, "", token, "GET", "/t/acme/v1/orgs?page_size=50"+query, nil) })
			return len(seen) == 1
		})
		r.Into(t, &body)
		return b.pages(t, b.a.Tenant, seen[0]), body
	}
	few, many := b.token(b.a, b.a.berlin.ID), b.token(b.a, other.ID)
	least, _ := read(few, "")
	most, body := read(many, "")
	for n := range 20 {
		next := "&page_token=" + url.QueryEscape(body["next_page_token"].(string))
		var later int
		if later, body = read(many, next); later > least+least/4 {
			t.Fatalf("page %d of 5,000 organizations touches %d pages of the database, the first of 500 %d", n+2, later, least)
		}
	}
	if most > least+least/4 {
		t.Errorf("a page of 5,000 organizations touches %d pages of the database, one of 500 %d", most, least)
	}
	name := "A first one"
	err := b.do(b.a.Tenant, func(ctx context.Context, tx db.Tx) error {
		var leaf ids.Org
		if err := tx.QueryRow(ctx, `SELECT id FROM organizations WHERE tenant_id = $1 AND handle = 'many-4711'`, tx.Tenant()).Scan(&leaf); err != nil {
			return err
		}
		_, err := b.orgs.UpdateTx(ctx, tx, leaf, 0, directory.Change{Name: &name})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, body = read(many, "")
	if first := body["items"].([]any)[0].(map[string]any); first["name"] != name {
		t.Errorf("first is %v", first["name"])
	}
	testkit.CheckPlans(t, b.Database)
}

// pages returns how many pages of the database a statement touches.
func (b *bundle) pages(t *testing.T, tenant httpapi.Tenant, q pgx.TraceQueryStartData) int {
	t.Helper()
	var raw []byte
	err := b.do(tenant, func(ctx context.Context, tx db.Tx) error {
		if err := tx.QueryRow(ctx, `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) `+q.SQL, q.Args...).Scan(&raw); err != nil {
			return err
		}
		return errUndo
	})
	var plans []struct {
		Plan struct {
			Hit  int `json:"Shared Hit Blocks"`
			Read int `json:"Shared Read Blocks"`
		}
	}
	if err != errUndo || json.Unmarshal(raw, &plans) != nil || len(plans) != 1 {
		t.Fatal(err, string(raw))
	}
	return plans[0].Plan.Hit + plans[0].Plan.Read
}

func TestTenThousandOrganizations(t *testing.T) {
	b := setup(t)
	b.big(t, b.a)
	vendor := b.token(b.a, b.a.Root)
	ctx := context.Background()
	leaf, err := b.orgs.Resolve(ctx, b.a.Tenant, "b-50-50")
	if err != nil || len(leaf.Path) != 3 {
		t.Fatal(leaf, err)
	}
	get := func(path string) func() {
		return func() { b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs"+path, nil) }
	}
	// Who calls and where is in the cache from here on.
	for _, ref := range []string{"/" + b.a.Root.String(), "/b-50", "/b-50-50"} {
		get(ref)()
	}
	for name, c := range map[string]struct {
		f        func()
		mostRead int
	}{
		"ancestors": {get("/b-50-50/ancestors"), 200},
		"children":  {get("/b-50/children"), 2500},
		"list":      {get("?page_size=50"), 2500},
		"resolve": {func() {
			if _, err := b.orgs.Resolve(ctx, b.a.Tenant, "b-7-7"); err != nil {
				t.Fatal(err)
			}
		}, 100},
		"search": {get("?q=leaf+98&page_size=50"), 2500},
	} {
		seen := b.recorder.during(c.f)
		if len(seen) != 1 {
			t.Errorf("%s: %d queries", name, len(seen))
			continue
		}
		if n := b.pages(t, b.a.Tenant, seen[0]); n > c.mostRead {
			t.Errorf("%s touches %d pages of the database", name, n)
		}
	}
	count := func(org string) int {
		o, err := b.orgs.Resolve(ctx, b.a.Tenant, org)
		if err != nil {
			t.Fatal(err)
		}
		return len(b.recorder.during(func() {
			err := b.do(b.a.Tenant, func(ctx context.Context, tx db.Tx) error {
				_, err := b.orgs.MoveTx(ctx, tx, o.ID, b.a.south.ID)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}))
	}
	if one, many := count("b-3-3"), count("b-4"); one != many {
		t.Errorf("moving one takes %d statements, moving a hundred %d", one, many)
	}
	if moved, _ := b.closure(b.a.Tenant); len(moved) != 3*9900+2*100+1+3+2+2+100 {
		t.Errorf("%d lines in the closure", len(moved))
	}
	// What is found below an organization is looked for there: what others have of it costs nothing.
	for n := range 11 {
		count(fmt.Sprintf("b-%d", 10+n))
	}
	south := b.token(b.a, b.a.south.ID)
	read := map[string]int{}
	for _, query := range []string{"?q=b-7", "?q=no+such", "?q=leaf+98", ""} {
		ask := func() { b.api.Want(t, 200, "", south, "GET", "/t/acme/v1/orgs"+query, nil) }
		var statement pgx.TraceQueryStartData
		testkit.Eventually(t, "the caches have heard of the moves, and one query is all", func() bool {
			seen := b.recorder.during(ask)
			statement = seen[0]
			return len(seen) == 1
		})
		if read[query] = b.pages(t, b.a.Tenant, statement); read[query] > 12_000 {
			t.Errorf("%q touches %d pages of the database", query, read[query])
		}
	}
	if elsewhere, nowhere := read["?q=b-7"], read["?q=no+such"]; elsewhere > nowhere+nowhere/20 {
		t.Errorf("what is elsewhere only touches %d pages, what is nowhere %d", elsewhere, nowhere)
	}
	testkit.CheckPlans(t, b.Database)
}
