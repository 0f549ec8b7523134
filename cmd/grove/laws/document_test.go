package laws_test

import (
	"slices"
	"strings"
	"testing"

	"grove/infra/kernel/fault"
)

// TestDocument: what a reader of the description needs, and no linter's own rules ask for. Every time has an example, and
// every list that a caller may send, or that is a page, has an end. A person never reads a regular expression. An operation lists
// the codes that it speaks of; that it lists those that it answers with is for apikit.CheckCode, in every test.
func TestDocument(t *testing.T) {
	seen := 0
	for name, s := range described.OpenAPI().Components.Schemas.Map() {
		sent := strings.HasSuffix(name, "Request")
		walk(name, s, func(where string, s *schema) {
			seen++
			if s.Format == "date-time" && len(s.Examples) == 0 {
				t.Errorf("%s has no example", where)
			}
			if s.Pattern != "" && s.PatternDescription == "" {
				t.Errorf("%s has a pattern without a patternDescription", where)
			}
			if paged := strings.HasSuffix(name, "List") && where == name+".items"; s.Type == "array" && (sent || paged) && s.MaxItems == nil {
				t.Errorf("%s has no maxItems", where)
			}
		})
	}
	for _, r := range described.Routes() {
		for _, c := range fault.Catalogue() {
			if strings.Contains(operationOf(r).Description, c.Name) && !slices.Contains(r.Errors, c.Name) {
				t.Errorf("%s speaks of %s, which its Errors do not name", r.ID, c.Name)
			}
		}
		for _, p := range operationOf(r).Parameters {
			if p.Schema.Type == "array" && p.Schema.MaxItems == nil {
				t.Errorf("%s: %s has no maxItems", r.ID, p.Name)
			}
			if p.Schema.Pattern != "" && p.Schema.PatternDescription == "" {
				t.Errorf("%s: %s has a pattern without a patternDescription", r.ID, p.Name)
			}
		}
	}
	if seen == 0 {
		t.Error("no schema was seen")
	}
}

// walk calls f for a schema and all that is written inside of it.
func walk(where string, s *schema, f func(where string, s *schema)) {
	f(where, s)
	for name, property := range s.Properties {
		walk(where+"."+name, property, f)
	}
	if s.Items != nil {
		walk(where+"[]", s.Items, f)
	}
}
