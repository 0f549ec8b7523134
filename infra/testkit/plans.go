package testkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"grove/infra/db"
)

// plans remembers every statement that tests of this binary sent through the program's pools.
var plans = &planWatch{seen: map[statement]bool{}}

// statement is what was sent, and the role that sent it.
type statement struct{ role, sql string }

type planWatch struct {
	mu   sync.Mutex
	seen map[statement]bool
}

// TraceQueryStart notes the statement.
func (w *planWatch) TraceQueryStart(ctx context.Context, c *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	w.note(c, data.SQL)
	return ctx
}

// TraceQueryEnd does nothing.
func (w *planWatch) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart notes nothing: each query is traced.
func (w *planWatch) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery notes a statement of a batch.
func (w *planWatch) TraceBatchQuery(_ context.Context, c *pgx.Conn, data pgx.TraceBatchQueryData) {
	w.note(c, data.SQL)
}

// TraceBatchEnd does nothing.
func (w *planWatch) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

var watched = regexp.MustCompile(`(?i)^\s*(/\*.*?\*/\s*)?(select|insert|update|delete|with)\b`)

func (w *planWatch) note(c *pgx.Conn, sql string) {
	if !watched.MatchString(sql) || ofTest() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[statement{role: c.Config().RuntimeParams["role"], sql: sql}] = true
}

// ofTest reports whether the statement that is being sent is a test's own: whether what called the doors, which are what
// calls the driver, is in a test's file. Tracers that tests put in between stand above the driver.
func ofTest() bool {
	var callers [48]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for driver := false; ; {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "github.com/jackc/"):
			driver = true
		case driver && !strings.HasPrefix(f.Function, "grove/infra/db."):
			return strings.HasSuffix(f.File, "_test.go")
		}
		if !more {
			return false
		}
	}
}

// statements returns what was sent so far, always in the same order.
func (w *planWatch) statements() []statement {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]statement, 0, len(w.seen))
	for s := range w.seen {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b statement) int { return strings.Compare(a.sql+a.role, b.sql+b.role) })
	return all
}

// WholeOrg is what a comment of a statement says, with a reason behind it, that may read all that an organization has, by an
// index that finds it.
const WholeOrg = "whole organization:"

// scanAllowed is what a comment of a statement says, with a reason behind it, that may read all of a table. It names the
// table: what else the statement reads is judged like any other.
var scanAllowed = regexp.MustCompile(`/\* scan of (\w+) allowed: `)

// allowed returns the tables of which a statement may read all.
func allowed(sql string) []string {
	var tables []string
	for _, m := range scanAllowed.FindAllStringSubmatch(sql, -1) {
		tables = append(tables, m[1])
	}
	return tables
}

// CheckPlans explains every statement that the program has sent so far, as the role that sent it, and fails t for each that
// may read all that a tenant, or one of its organizations, has in a table: see [bounds], and [small] for what may be read
// so. The tables are taken to be large (see [enlarge]); nothing of it stays in d.
func CheckPlans(t *testing.T, d *Database) {
	t.Helper()
	found, checked, err := problems(d, plans.statements())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		t.Error(p)
	}
	if checked == 0 {
		t.Error("no statement was checked")
	}
	t.Logf("plans of %d statements checked", checked)
}

// problems says what is wrong with the plans of statements, and how many were looked at.
func problems(d *Database, statements []statement) (found []string, checked int, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Super)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close(ctx)
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := enlarge(ctx, tx); err != nil {
		return nil, 0, err
	}
	for _, setting := range []string{`SET LOCAL search_path = grove`, `SET LOCAL enable_seqscan = off`, `SET LOCAL plan_cache_mode = force_generic_plan`,
		`SET LOCAL jit = off`, `SET LOCAL grove.tenant_id = '00000000-0000-0000-0000-000000000001'`, `SET LOCAL grove.org_id = ''`} {
		if _, err := tx.Exec(ctx, setting); err != nil {
			return nil, 0, err
		}
	}
	indexes, err := readIndexes(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	for i, s := range statements {
		if s.role != db.RoleApp && s.role != db.RoleSystem {
			continue
		}
		plan, err := explain(ctx, tx, s, fmt.Sprintf("watched_%d", i))
		if lacks(err) {
			continue // it ran on a database of another test of this binary, with more modules in it
		}
		checked++
		if err != nil {
			found = append(found, fmt.Sprintf("no plan: %v\n%s", err, s.sql))
			continue
		}
		b := bounds{indexes: indexes, allowed: allowed(s.sql), wholeOrg: strings.Contains(s.sql, WholeOrg)}
		b.visit(plan, false)
		for _, said := range b.said {
			found = append(found, fmt.Sprintf("%s (%s):\n%s", said, s.role, s.sql))
		}
	}
	return found, checked, nil
}

// lacks reports whether a statement names a table or a function that is not there. A column that is not there is the
// statement's fault: a table comes with all its columns.
func lacks(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains([]string{"42P01", "42883"}, e.Code)
}

// explain returns the plan that serves all values of the statement's parameters, which is the one that the program's pools run.
func explain(ctx context.Context, tx pgx.Tx, s statement, name string) (*node, error) {
	// The savepoint is left alone: a statement that cannot be explained spoils nothing, and a role ends with it.
	inner, err := tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = inner.Rollback(ctx) }()
	if _, err := inner.Exec(ctx, `SET LOCAL ROLE `+s.role); err != nil {
		return nil, err
	}
	described, err := inner.Prepare(ctx, name, s.sql)
	if err != nil {
		return nil, err
	}
	nulls := strings.TrimSuffix(strings.Repeat("null,", len(described.ParamOIDs)), ",")
	if nulls != "" {
		nulls = "(" + nulls + ")"
	}
	var raw []byte
	if err := inner.QueryRow(ctx, `EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE `+name+nulls).Scan(&raw); err != nil {
		return nil, err
	}
	var plan []struct{ Plan *node }
	if err := json.Unmarshal(raw, &plan); err != nil {
		return nil, err
	}
	return plan[0].Plan, nil
}

// node is a node of a plan, as EXPLAIN tells it.
type node struct {
	Type         string  `json:"Node Type"`
	Relationship string  `json:"Parent Relationship"`
	Schema       string  `json:"Schema"`
	Relation     string  `json:"Relation Name"`
	Index        string  `json:"Index Name"`
	IndexCond    string  `json:"Index Cond"`
	Filter       string  `json:"Filter"`
	JoinFilter   string  `json:"Join Filter"`
	JoinType     string  `json:"Join Type"`
	Plans        []*node `json:"Plans"`
}

// Plans is the tracer that feeds CheckPlans, for programs that open their own pools.
func Plans() pgx.QueryTracer { return plans }
