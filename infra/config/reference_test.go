package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"grove/infra/config"
)

var update = flag.Bool("update", false, "write the table of settings into docs/configuration.md")

// The table stands between these lines of docs/configuration.md.
const (
	tableBegin = "<!-- settings: written by go test ./infra/config -update -->\n"
	tableEnd   = "<!-- end of settings -->\n"
)

func TestReferenceIsInTheDocs(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "configuration.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegin)
	table, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+tableBegin+config.Reference()+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != config.Reference() {
		t.Errorf("%s is stale: run go test ./infra/config -update", path)
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	t.Parallel()
	secret := map[reflect.Type]bool{reflect.TypeFor[config.Key](): true, reflect.TypeFor[config.Secret](): true}
	seen := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		if !field.IsExported() {
			continue
		}
		env, doc := field.Tag.Get("env"), field.Tag.Get("doc")
		if !strings.HasPrefix(env, "GROVE_") || seen[env] {
			t.Errorf("%s: variable %q is missing or taken", field.Name, env)
		}
		seen[env] = true
		if !strings.HasSuffix(doc, ".") {
			t.Errorf("%s: doc %q is not a sentence", field.Name, doc)
		}
		if (field.Tag.Get("secret") != "") != secret[field.Type] {
			t.Errorf("%s: the secret tag and the type disagree", field.Name)
		}
		if !strings.Contains(config.Reference(), "| `"+env+"` |") {
			t.Errorf("%s is not in the reference", env)
		}
	}
}
