package app_test

import (
	"cmp"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// floor is one line of the floor table: packages below a folder stand on a floor and import only from lower ones.
type floor struct {
	folder string
	level  int
	reason string
}

// floors from the ground up. The longest matching folder decides.
var floors = []floor{
	{"grove/infra/kernel", 0, "words that everything is said in"},
	{"grove/infra/jose", 1, "signatures know keys and nothing else"},
	{"grove/infra/saml", 1, "signatures know keys and nothing else"},
	{"grove/infra/secrets", 1, "sealing and hashing know bytes and nothing else"},
	{"grove/infra/config", 1, "settings know no one who reads them"},
	{"grove/infra/telemetry", 1, "everything may log"},
	{"grove/infra/notify", 1, "sending a message knows no tenant"},
	{"grove/infra/outbound", 2, "fetching knows no one who asks"},
	{"grove/infra/db", 2, "the doors stand on the kernel alone"},
	{"grove/infra/db/embedded", 1, "starting Postgres knows nothing of what is in it"},
	{"grove/infra/cache", 3, "hears of changes through the database"},
	{"grove/infra/jobs", 3, "jobs are rows"},
	{"grove/infra/events", 4, "events announce themselves by jobs"},
	{"grove/infra/httpapi", 4, "the API settles idempotency in the database"},
	{"grove/infra/module", 5, "a manifest names routes, jobs and events"},
	{"grove/infra/audit", 6, "a capability of the foundation"},
	{"grove/infra/upkeep", 6, "a capability of the foundation"},
	{"grove/infra/testkit", 6, "tests of every floor above"},
	{"grove/tenants", 10, "tenants know no organization's inside"},
	{"grove/orgs/directory", 20, "the tree is below people"},
	{"grove/iam/users", 30, "iam base"},
	{"grove/iam/groups", 31, "groups hold users"},
	{"grove/iam/authz", 31, "roles are held by users and groups"},
	{"grove/iam/apps", 32, "apps ask for scopes of API resources"},
	{"grove/iam/attributes", 31, "claims tell what users are"},
	{"grove/iam/sessions", 33, "the one standing check"},
	{"grove/iam/consents", 33, "what a person allowed an app"},
	{"grove/iam/issuers", 34, "whom outside an organization trusts"},
	{"grove/iam/administrators", 34, "the operator's view of one person"},
	{"grove/orgs/domains", 40, "other orgs"},
	{"grove/orgs/sharing", 40, "other orgs"},
	{"grove/orgs/support", 40, "other orgs"},
	{"grove/orgs/members", 40, "other orgs"},
	{"grove/orgs/invitations", 41, "accepting makes members"},
	{"grove/iam/registration", 42, "apps that describe themselves"},
	{"grove/iam/inspector", 42, "shows developers what protocols refused"},
	{"grove/iam/recovery", 42, "links by which people choose passwords"},
	{"grove/iam/authn", 50, "iam middle: the sign-in engine"},
	{"grove/iam/oauth", 60, "iam top: protocols"},
	{"grove/iam/account", 60, "iam top: the signed-in person"},
	{"grove/iam/signals", 61, "tells receivers, by the tokens and the names of iam/oauth"},
	{"grove/provisioning", 70, "tells the outside"},
	{"grove/billing", 70, "counts what others do"},
	{"grove/frontend", 80, "shows everything"},
	{"grove/frontend/login", 79, "templates know no handler"},
	{"grove/cmd", 90, "puts it together"},
	{"grove/infra/bench", 91, "measures the whole program"},
	{"grove/infra/release", 91, "builds the whole program"},
	{"grove/docs", 91, "runs what the pages say"},
}

func floorOf(pkg string) (floor, bool) {
	best := floor{level: -1}
	for _, f := range floors {
		if (pkg == f.folder || strings.HasPrefix(pkg, f.folder+"/")) && len(f.folder) > len(best.folder) {
			best = f
		}
	}
	return best, best.level >= 0
}

type pkgImports struct {
	path    string
	imports []string
}

func goList(t *testing.T) []pkgImports {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "grove/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkgImports
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) > 0 {
			all = append(all, pkgImports{words[0], words[1:]})
		}
	}
	slices.SortFunc(all, func(a, b pkgImports) int { return cmp.Compare(a.path, b.path) })
	return all
}

func violations(all []pkgImports) []string {
	var found []string
	for _, p := range all {
		own, ok := floorOf(p.path)
		if !ok {
			found = append(found, p.path+" stands on no floor")
			continue
		}
		for _, imported := range p.imports {
			if !strings.HasPrefix(imported, "grove/") {
				continue
			}
			other, _ := floorOf(imported)
			if other.folder != own.folder && other.level >= own.level {
				found = append(found, p.path+" ("+own.folder+") imports "+imported+": "+own.reason)
			}
		}
	}
	return found
}

func TestFloors(t *testing.T) {
	all := goList(t)
	for _, v := range violations(all) {
		t.Error(v)
	}
	// A line of the table that names nothing any more is a mistake too.
	for _, f := range floors {
		if !slices.ContainsFunc(all, func(p pkgImports) bool { return p.path == f.folder || strings.HasPrefix(p.path, f.folder+"/") }) {
			t.Errorf("the floor table names %s, which is not there", f.folder)
		}
	}
}

func TestFloorsCatchesMistakes(t *testing.T) {
	for name, p := range map[string]pkgImports{
		"upwards":  {"grove/infra/db", []string{"grove/orgs/directory"}},
		"sideways": {"grove/orgs/domains", []string{"grove/orgs/sharing"}},
		"no floor": {"grove/elsewhere", nil},
	} {
		if len(violations([]pkgImports{p})) != 1 {
			t.Errorf("%s was not caught", name)
		}
	}
}

// systemDoor lists who may cross tenants, and why.
var systemDoor = map[string]string{
	"grove/cmd/grove/app":     "erases what is only added to, of a tenant that goes",
	"grove/iam/authz":         "brings the built-in roles of all tenants up to the program's permissions",
	"grove/infra/db":          "declares the door",
	"grove/infra/events":      "seals all tenants' events",
	"grove/iam/authn":         "sweeps all tenants' expired flows",
	"grove/iam/inspector":     "sweeps all tenants' old entries",
	"grove/iam/oauth":         "sweeps all tenants' expired codes and tokens",
	"grove/iam/registration":  "sweeps all tenants' apps that registered themselves and were never used",
	"grove/iam/sessions":      "sweeps all tenants' expired sessions",
	"grove/iam/users":         "finds all tenants' failed sign-ins to tell of",
	"grove/infra/upkeep":      "keeps the foundation's own tables",
	"grove/tenants/directory": "is the list of tenants",
}

func TestSystemDoor(t *testing.T) {
	out, err := exec.Command("grep", "-rln", "--include=*.go", "--exclude=*_test.go", `\.InSystem(`, "../../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for file := range strings.Lines(string(out)) {
		dir := strings.TrimPrefix(strings.TrimSpace(file), "../../../")
		dir = "grove/" + dir[:strings.LastIndex(dir, "/")]
		seen[dir] = true
		if systemDoor[dir] == "" {
			t.Errorf("%s crosses tenants and is not on the list", dir)
		}
	}
	for dir := range systemDoor {
		if !seen[dir] && dir != "grove/infra/db" {
			t.Errorf("%s is on the list and does not cross tenants", dir)
		}
	}
}

// ownClients lists who may send HTTP requests without infra/outbound and its guard, and why.
var ownClients = map[string]string{
	"grove/cmd/grove":            "the development mode asks itself whether it is ready",
	"grove/cmd/grove/apptest":    "tests of the whole program are its client",
	"grove/docs/sample/app":      "is somebody else's program",
	"grove/infra/bench":          "loads servers that it started",
	"grove/infra/outbound":       "is the guarded client",
	"grove/infra/testkit/apikit": "tests of the API are its client",
	"grove/sdk/go/resource":      "runs in somebody else's API, and asks the issuer that it was set up with",
}

// TestAttack36_OneOutboundClient: addresses that others gave us are fetched by the guarded client and no other.
// TestDetailsAreSentences: what a broken rule says stands under the field that broke it, in front of a person.
func TestDetailsAreSentences(t *testing.T) {
	said := regexp.MustCompile(`\.(?:At\([^\n]*?, |With\()"((?:[^"\\]|\\.)*)"(\+|[,)])`)
	out, err := exec.Command("grep", "-rhE", "--include=*.go", "--exclude=*_test.go", "--exclude-dir=node_modules", `\.(At|With)\(`, "../../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := said.FindAllStringSubmatch(string(out), -1)
	if len(found) < 200 {
		t.Fatalf("only %d texts found", len(found))
	}
	for _, m := range found {
		text, whole := m[1], m[2] != "+"
		if text == "" { // the title says it all
			continue
		}
		if first, _ := utf8.DecodeRuneInString(text); !unicode.IsUpper(first) || whole && !strings.HasSuffix(text, ".") {
			t.Errorf("%q is no sentence", text)
		}
	}
}

func TestAttack36_OneOutboundClient(t *testing.T) {
	const unguarded = `\bhttp\.(DefaultClient|DefaultTransport|Client\{|Transport\{|Get\(|Head\(|Post\(|PostForm\()|new\(http\.(Client|Transport)\)`
	out, err := exec.Command("grep", "-rlE", "--include=*.go", "--exclude=*_test.go", "--exclude-dir=node_modules", unguarded, "../../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for file := range strings.Lines(string(out)) {
		dir := strings.TrimPrefix(strings.TrimSpace(file), "../../../")
		dir = "grove/" + dir[:strings.LastIndex(dir, "/")]
		seen[dir] = true
		if ownClients[dir] == "" {
			t.Errorf("%s sends requests without the guard of infra/outbound and is not on the list", dir)
		}
	}
	for dir := range ownClients {
		if !seen[dir] {
			t.Errorf("%s is on the list and sends no requests of its own", dir)
		}
	}
}
