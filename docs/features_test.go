// Package docs_test keeps the documentation honest: features.md may claim
// only what a test shows, and no row of it can disappear unnoticed.
package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// feature is one row of features.md.
type feature struct {
	id    string
	line  int // in features.md, from 1
	state string
	notes string // the last column as written: references, then what is missing
}

// states a row may have. All but open must name at least one test.
var states = []string{"done", "open", "partly"}

const header = "| id | title | state | shown by / what is missing |"

var (
	idPattern = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$`)
	spans     = regexp.MustCompile("`([^`]*)`")
	goRef     = regexp.MustCompile(`^([A-Za-z0-9_./-]+): ((?:Test|Fuzz)(?:[^a-z\s]\w*)?)$`)
	tsRef     = regexp.MustCompile(`^([A-Za-z0-9_./-]+\.(?:test|spec)\.tsx?): "([^"]+)"$`)
	missing   = regexp.MustCompile(`\bmissing: \S`)
)

// TestFeatures checks the committed list against the committed tests.
func TestFeatures(t *testing.T) {
	page, err := os.ReadFile("features.md")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := os.ReadFile("features.ids")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	rows, _ := parse(string(page))
	for _, row := range rows {
		count[row.state]++
	}
	t.Logf("%d rows: %d done, %d partly, %d open", len(rows), count["done"], count["partly"], count["open"])
	for _, problem := range check(string(page), string(ids), os.DirFS("..")) {
		t.Error(problem)
	}
}

// section is the first cell of a line about a part of a standard.
var section = regexp.MustCompile(`^ [0-9]+\.[0-9]`)

// TestPracticeNamesTests: what the pages on RFC 9700 and FAPI say is shown by tests that exist, each line by one at least.
func TestPracticeNamesTests(t *testing.T) {
	found := finder{repo: os.DirFS(".."), goTests: map[string]map[string]bool{}}
	for name, least := range map[string]int{"fapi.md": 30, "rfc9700.md": 25} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(page)) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) < 2 || !section.MatchString(cells[1]) {
				continue
			}
			lines++
			refs := spans.FindAllStringSubmatch(cells[len(cells)-2], -1)
			if len(cells) != 6 || len(refs) == 0 {
				t.Errorf("%s: not a line of four cells with a test: %s", name, line)
			}
			for _, ref := range refs {
				if err := found.test(ref[1]); err != nil {
					t.Errorf("%s, section %s: %v", name, cells[1], err)
				}
			}
		}
		if lines < least {
			t.Errorf("%s: %d lines", name, lines)
		}
	}
}

// check returns every mistake in page, in ids, and between the two; tests are
// looked up in repo, the root of the repository.
func check(page, ids string, repo fs.FS) []string {
	rows, problems := parse(page)
	found := finder{repo: repo, goTests: map[string]map[string]bool{}}
	first := map[string]int{}
	for _, row := range rows {
		report := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("features.md:%d: %s: ", row.line, row.id)+fmt.Sprintf(format, args...))
		}
		if !idPattern.MatchString(row.id) {
			report("not an id")
		}
		if line, ok := first[row.id]; ok {
			report("already on line %d", line)
		} else {
			first[row.id] = row.line
		}
		if !slices.Contains(states, row.state) {
			report("state %q is none of %s", row.state, strings.Join(states, ", "))
		}
		refs := spans.FindAllStringSubmatch(row.notes, -1)
		for _, ref := range refs {
			if err := found.test(ref[1]); err != nil {
				report("%v", err)
			}
		}
		if strings.Count(row.notes, "`") != 2*len(refs) {
			report("a backtick has no partner")
		}
		if row.state != "open" && len(refs) == 0 {
			report("%s, but names no test", row.state)
		}
		if says := missing.MatchString(row.notes); row.state == "partly" && !says {
			report("partly, but does not say what is missing")
		} else if row.state == "done" && says {
			report("done, but says what is missing")
		}
	}
	return append(problems, checkIDs(first, ids)...)
}

// checkIDs compares the rows with the committed list of ids: sorted, one a
// line, none twice.
func checkIDs(rows map[string]int, ids string) []string {
	var problems []string
	listed := map[string]bool{}
	previous := ""
	for i, id := range strings.Split(strings.TrimSuffix(ids, "\n"), "\n") {
		if id <= previous {
			problems = append(problems, fmt.Sprintf("features.ids:%d: %q does not sort after %q", i+1, id, previous))
		}
		previous = id
		listed[id] = true
		if _, ok := rows[id]; !ok {
			problems = append(problems, fmt.Sprintf("features.ids:%d: %s has no row in features.md", i+1, id))
		}
	}
	for id, line := range rows {
		if !listed[id] {
			problems = append(problems, fmt.Sprintf("features.md:%d: %s is not in features.ids", line, id))
		}
	}
	return problems
}

// parse reads the rows of every table. A table line that is not header,
// rule or row is a problem, so that a broken row is never skipped.
func parse(page string) (rows []feature, problems []string) {
	for i, line := range strings.Split(page, "\n") {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || line == header || line == "|---|---|---|---|" {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 6 || cells[5] != "" {
			problems = append(problems, fmt.Sprintf("features.md:%d: not a row of four cells: %s", i+1, line))
			continue
		}
		for c := range cells {
			cells[c] = strings.TrimSpace(cells[c])
		}
		if cells[2] == "" {
			problems = append(problems, fmt.Sprintf("features.md:%d: %s: no title", i+1, cells[1]))
		}
		rows = append(rows, feature{id: cells[1], line: i + 1, state: cells[3], notes: cells[4]})
	}
	return rows, problems
}

// finder looks tests up in the sources, reading each Go package once.
type finder struct {
	repo    fs.FS
	goTests map[string]map[string]bool // folder → top-level test functions
}

// test returns nil when ref names a test that exists.
func (f finder) test(ref string) error {
	if m := goRef.FindStringSubmatch(ref); m != nil {
		names, err := f.goPackage(m[1])
		if err != nil {
			return err
		}
		if !names[m[2]] {
			return fmt.Errorf("no func %s in the tests of %s", m[2], m[1])
		}
		return nil
	}
	if m := tsRef.FindStringSubmatch(ref); m != nil {
		return f.tsTest(m[1], m[2])
	}
	return fmt.Errorf("`%s` is not a test reference", ref)
}

// goPackage returns the test functions of one folder. It parses rather than
// matches text, so that a name in a comment or a string does not count.
func (f finder) goPackage(dir string) (map[string]bool, error) {
	if names, ok := f.goTests[dir]; ok {
		return names, nil
	}
	if !fs.ValidPath(dir) {
		return nil, fmt.Errorf("%s is not a folder of the repository", dir)
	}
	files, err := fs.Glob(f.repo, path.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no Go tests in %s", dir)
	}
	names := map[string]bool{}
	for _, file := range files {
		source, err := fs.ReadFile(f.repo, file)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range tree.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name != "TestMain" {
				names[fn.Name.Name] = true
			}
		}
	}
	f.goTests[dir] = names
	return names, nil
}

// tsTest looks for a call of test or it with exactly that title.
func (f finder) tsTest(file, title string) error {
	if !fs.ValidPath(file) {
		return fmt.Errorf("%s is not a file of the repository", file)
	}
	source, err := fs.ReadFile(f.repo, file)
	if err != nil {
		return fmt.Errorf("no test file %s", file)
	}
	call := regexp.MustCompile("(?m)^[^/\n]*\\b(?:test|it)\\(\\s*(?:\"" + regexp.QuoteMeta(title) + "\"|'" +
		regexp.QuoteMeta(title) + "'|`" + regexp.QuoteMeta(title) + "`)\\s*,")
	if !call.Match(source) {
		return fmt.Errorf("no test titled %q in %s", title, file)
	}
	return nil
}

// planted is a small repository for the mistakes below.
var planted = fstest.MapFS{
	"iam/apps/apps_test.go": {Data: []byte("package apps\n\nimport \"testing\"\n\n" +
		"// func TestCommented(t *testing.T) {}\n" +
		"const s = `\nfunc TestQuoted(t *testing.T) {}\n`\n\n" +
		"func FuzzParse(f *testing.F) {}\n\nfunc TestCreate(t *testing.T) {}\n\nfunc TestMain(m *testing.M) {}\n")},
	"iam/apps/service.go":         {Data: []byte("package apps\n\nfunc TestOutside() {}\n")},
	"iam/broken/broken_test.go":   {Data: []byte("package broken\n\nfunc {")},
	"frontend/e2e/signin.test.ts": {Data: []byte("test(\"signs in\", async () => {});\nit('signs out', () => {});\n// test(\"commented\", () => {});\ntest.skip(\"skipped\", () => {});\n")},
}

// TestCheckFindsPlantedMistakes shows that the checker sees each kind of
// mistake, and accepts what is right.
func TestCheckFindsPlantedMistakes(t *testing.T) {
	const ids = "a.one\na.two\n"
	const two = "\n| a.two | Two | open | |"
	for _, tc := range []struct {
		name, rows, ids string
		want            string // part of a problem; empty: none
	}{
		{name: "done with Go test", rows: "| a.one | One | done | `iam/apps: TestCreate` |" + two},
		{name: "done with fuzz test", rows: "| a.one | One | done | `iam/apps: FuzzParse` |" + two},
		{name: "done with TS tests", rows: "| a.one | One | done | `frontend/e2e/signin.test.ts: \"signs in\"`, `frontend/e2e/signin.test.ts: \"signs out\"` |" + two},
		{name: "open with a remark", rows: "| a.one | One | open | waits for two |" + two},
		{name: "partly with a remark", rows: "| a.one | One | partly | `iam/apps: TestCreate`; missing: the page |" + two},
		{name: "backtick alone", rows: "| a.one | One | done | `iam/apps: TestCreate` ` |" + two, want: "no partner"},
		{name: "cell missing", rows: "| a.one | One | open |" + two, want: "not a row of four cells"},
		{name: "cell too many", rows: "| a.one | One | open | x | y |" + two, want: "not a row of four cells"},
		{name: "done without test", rows: "| a.one | One | done | |" + two, want: "done, but names no test"},
		{name: "done with something missing", rows: "| a.one | One | done | `iam/apps: TestCreate`; missing: the page |" + two, want: "done, but says what is missing"},
		{name: "folder outside", rows: "| a.one | One | done | `../other: TestCreate` |" + two, want: "not a folder of the repository"},
		{name: "folder unknown", rows: "| a.one | One | done | `iam/none: TestCreate` |" + two, want: "no Go tests in iam/none"},
		{name: "Go test commented out", rows: "| a.one | One | done | `iam/apps: TestCommented` |" + two, want: "no func TestCommented"},
		{name: "Go test in a string", rows: "| a.one | One | done | `iam/apps: TestQuoted` |" + two, want: "no func TestQuoted"},
		{name: "Go test is a prefix", rows: "| a.one | One | done | `iam/apps: TestCrea` |" + two, want: "no func TestCrea"},
		{name: "Go test not in a test file", rows: "| a.one | One | done | `iam/apps: TestOutside` |" + two, want: "no func TestOutside"},
		{name: "Go test unknown among others", rows: "| a.one | One | done | `iam/apps: TestCreate`, `iam/apps: TestGone` |" + two, want: "no func TestGone"},
		{name: "Go tests do not parse", rows: "| a.one | One | done | `iam/broken: TestCreate` |" + two, want: "broken_test.go"},
		{name: "id malformed", rows: "| A one | One | open | |" + two, ids: "A one\na.two\n", want: "not an id"},
		{name: "id missing in list", rows: "| a.one | One | open | |" + two, ids: "a.two\n", want: "a.one is not in features.ids"},
		{name: "id twice in list", rows: "| a.one | One | open | |" + two, ids: "a.one\na.one\na.two\n", want: "does not sort after"},
		{name: "id twice in table", rows: "| a.one | One | open | |\n| a.one | Again | open | |" + two, want: "already on line 3"},
		{name: "ids unsorted", rows: "| a.one | One | open | |" + two, ids: "a.two\na.one\n", want: "does not sort after"},
		{name: "partly without remark", rows: "| a.one | One | partly | `iam/apps: TestCreate` |" + two, want: "does not say what is missing"},
		{name: "partly without test", rows: "| a.one | One | partly | missing: the page |" + two, want: "partly, but names no test"},
		{name: "reference malformed", rows: "| a.one | One | done | `iam/apps:TestCreate` |" + two, want: "not a test reference"},
		{name: "row dropped", rows: "| a.one | One | open | |", want: "a.two has no row"},
		{name: "state empty", rows: "| a.one | One | | |" + two, want: `state "" is none of`},
		{name: "state unknown", rows: "| a.one | One | Done | `iam/apps: TestCreate` |" + two, want: `state "Done" is none of`},
		{name: "test main is no test", rows: "| a.one | One | done | `iam/apps: TestMain` |" + two, want: "no func TestMain"},
		{name: "title empty", rows: "| a.one | | open | |" + two, want: "no title"},
		{name: "TS file unknown", rows: "| a.one | One | done | `frontend/e2e/gone.test.ts: \"signs in\"` |" + two, want: "no test file"},
		{name: "TS test commented out", rows: "| a.one | One | done | `frontend/e2e/signin.test.ts: \"commented\"` |" + two, want: `no test titled "commented"`},
		{name: "TS test skipped", rows: "| a.one | One | done | `frontend/e2e/signin.test.ts: \"skipped\"` |" + two, want: `no test titled "skipped"`},
		{name: "TS title is a part", rows: "| a.one | One | done | `frontend/e2e/signin.test.ts: \"signs\"` |" + two, want: `no test titled "signs"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.ids == "" {
				tc.ids = ids
			}
			problems := check(header+"\n|---|---|---|---|\n"+tc.rows+"\n", tc.ids, planted)
			switch {
			case tc.want == "" && len(problems) > 0:
				t.Errorf("unexpected: %s", strings.Join(problems, "; "))
			case tc.want != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, tc.want) }):
				t.Errorf("want a problem with %q, got %q", tc.want, problems)
			}
		})
	}
}
