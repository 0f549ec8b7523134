package testkit

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// plans remembers every statement that tests of this binary sent through the program's pools.
var plans = &planWatch{seen: map[string]bool{}}

type planWatch struct {
	mu   sync.Mutex
	seen map[string]bool
}

// TraceQueryStart notes the statement.
func (w *planWatch) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	w.note(data.SQL)
	return ctx
}

// TraceQueryEnd does nothing.
func (w *planWatch) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart notes nothing: each query is traced.
func (w *planWatch) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery notes a statement of a batch.
func (w *planWatch) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	w.note(data.SQL)
}

// TraceBatchEnd does nothing.
func (w *planWatch) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

var watched = regexp.MustCompile(`(?i)^\s*(select|insert|update|delete|with)\b`)

func (w *planWatch) note(sql string) {
	if !watched.MatchString(sql) || !strings.Contains(sql, "tenant_id") {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[sql] = true
}

// ScanAllowed in a comment of a statement says that it may read a whole table, and why.
const ScanAllowed = "scan allowed:"

// CheckPlans explains every statement seen so far as grove_app in d, with sequential scans made unattractive, and fails t
// for each that still scans a table with tenant_id: it has no index to use.
func CheckPlans(t *testing.T, d *Database) {
	t.Helper()
	plans.mu.Lock()
	statements := make([]string, 0, len(plans.seen))
	for sql := range plans.seen {
		statements = append(statements, sql)
	}
	plans.mu.Unlock()
	slices.Sort(statements)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, setting := range []string{`SET ROLE grove_app`, `SET search_path = grove`, `SET enable_seqscan = off`, `SET plan_cache_mode = force_generic_plan`,
		`SET grove.tenant_id = '00000000-0000-0000-0000-000000000001'`, `SET grove.org_id = ''`} {
		if _, err := conn.Exec(ctx, setting); err != nil {
			t.Fatal(err)
		}
	}
	checked := 0
	for i, sql := range statements {
		if strings.Contains(sql, ScanAllowed) {
			continue
		}
		tables, err := scans(ctx, conn, fmt.Sprintf("watched_%d", i), sql)
		if err != nil {
			// Statements of grove_system are not for grove_app to explain.
			continue
		}
		checked++
		for _, table := range tables {
			t.Errorf("scans all of %s:\n%s", table, sql)
		}
	}
	if checked == 0 {
		t.Error("no statement was checked")
	}
	t.Logf("plans of %d of %d statements checked", checked, len(statements))
}

func scans(ctx context.Context, conn *pgx.Conn, name, sql string) ([]string, error) {
	described, err := conn.Prepare(ctx, name, sql)
	if err != nil {
		return nil, err
	}
	nulls := strings.TrimSuffix(strings.Repeat("null,", len(described.ParamOIDs)), ",")
	if nulls != "" {
		nulls = "(" + nulls + ")"
	}
	var raw []byte
	if err := conn.QueryRow(ctx, `EXPLAIN (FORMAT JSON) EXECUTE `+name+nulls).Scan(&raw); err != nil {
		return nil, err
	}
	var plan any
	if err := json.Unmarshal(raw, &plan); err != nil {
		return nil, err
	}
	var found []string
	walk(plan, &found)
	return found, nil
}

func walk(node any, found *[]string) {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			walk(child, found)
		}
	case map[string]any:
		if n["Node Type"] == "Seq Scan" {
			*found = append(*found, fmt.Sprint(n["Relation Name"]))
		}
		for _, child := range n {
			walk(child, found)
		}
	}
}

// Plans is the tracer that feeds CheckPlans, for programs that open their own pools.
func Plans() pgx.QueryTracer { return plans }
