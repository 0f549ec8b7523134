package details

import (
	"context"
	"maps"
	"slices"

	"grove/infra/kernel/ids"
)

// Processor knows the details of one type better than a JSON Schema can say. A program that is built on Grove brings one by embedding
// [Default] and writing the methods that it wants otherwise. It is asked again and again about the same details, at an authorization
// request, a pushed one and each token, so it changes nothing in the world. A [Problem] that it returns is told to the client; any other error is
// a failure of the server.
type Processor interface {
	// Validate refuses a detail that the schema has accepted.
	Validate(ctx context.Context, of Request, t Type, d Detail) error
	// Enrich adds to a detail what the server knows (RFC 9396, section 7.1), before anybody is asked for consent. What it returns is
	// of the same type and fits the schema.
	Enrich(ctx context.Context, of Request, t Type, d Detail) (Detail, error)
	// Subset reports whether asked allows nothing that granted does not (section 6.1).
	Subset(asked, granted Detail) bool
	// Describe says to a person what a detail allows, in a language as near to locale (BCP 47) as there is. Everything that the detail
	// says must be in it: it is all that the person agrees to.
	Describe(ctx context.Context, t Type, d Detail, locale string) (Description, error)
}

// Request says for whom details are judged.
type Request struct {
	Tenant   ids.Tenant
	ClientID string
	Org      ids.Org  // zero while the person has not signed in
	User     ids.User // zero while the person has not signed in, and for a client's own token
}

// Type is an authorization details type of an API.
type Type struct {
	Kind        string // the value of type
	Name        string // for people
	Description string // for people; may be empty
	API         string // identifier of the API resource that defines it
	Schema      *Schema
	Processor   Processor // nil is Default
}

// The problems of a type.
const (
	ProblemEnriched Problem = "authorization_details cannot be completed within the limits of their type."
	ProblemLocation Problem = "locations of authorization_details names something else than the API that defines the type."
)

func (t Type) processor() Processor {
	if t.Processor == nil {
		return Default{}
	}
	return t.Processor
}

// Check judges a detail by schema, locations and processor. locations, where a detail has it, names the API that defines the type, by its
// identifier, byte for byte (RFC 9396, section 2.2; RFC 8707).
func (t Type) Check(ctx context.Context, of Request, d Detail) error {
	if err := t.Schema.Check(d); err != nil {
		return err
	}
	if locations, said := d.members["locations"]; said {
		list, ok := texts(locations)
		if !ok || slices.ContainsFunc(list, func(l string) bool { return l != t.API }) {
			return ProblemLocation
		}
	}
	return t.processor().Validate(ctx, of, t, d)
}

// Enrich completes a detail that Check has accepted.
func (t Type) Enrich(ctx context.Context, of Request, d Detail) (Detail, error) {
	more, err := t.processor().Enrich(ctx, of, t, d)
	if err != nil || more.text == d.text {
		return d, err
	}
	if more.kind != t.Kind || len(more.text) > MaxBytes || t.Check(ctx, of, more) != nil {
		return d, ProblemEnriched
	}
	return more, nil
}

// Subset reports whether asked allows nothing that granted does not.
func (t Type) Subset(asked, granted Detail) bool {
	return asked.kind == granted.kind && (asked.text == granted.text || t.processor().Subset(asked, granted))
}

// Describe says to a person what a detail allows.
func (t Type) Describe(ctx context.Context, d Detail, locale string) (Description, error) {
	return t.processor().Describe(ctx, t, d, locale)
}

// Default is the processor of types that have no other.
type Default struct{}

// Validate accepts what the schema accepts.
func (Default) Validate(context.Context, Request, Type, Detail) error { return nil }

// Enrich adds nothing.
func (Default) Enrich(_ context.Context, _ Request, _ Type, d Detail) (Detail, error) { return d, nil }

// sets are the members of RFC 9396, section 2.2, whose order means nothing and of which less allows less.
var sets = []string{"actions", "datatypes", "locations", "privileges"}

// Subset compares with care, because a member that is left out may allow more: both have the same members, all of them equal, but
// that the lists of section 2.2 may be shorter. None of those may become empty.
func (Default) Subset(asked, granted Detail) bool {
	if len(asked.members) != len(granted.members) {
		return false
	}
	for name, value := range asked.members {
		has, ok := granted.members[name]
		if !ok {
			return false
		}
		if slices.Contains(sets, name) {
			less, okLess := texts(value)
			all, okAll := texts(has)
			if okLess && okAll && len(less) > 0 && !slices.ContainsFunc(less, func(s string) bool { return !slices.Contains(all, s) }) {
				continue
			}
		}
		a, errA := encode(value)
		b, errB := encode(has)
		if errA != nil || errB != nil || a != b {
			return false
		}
	}
	return true
}

// texts is a list of strings; false for anything else.
func texts(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, len(list))
	for i, one := range list {
		if out[i], ok = one.(string); !ok {
			return nil, false
		}
	}
	return out, true
}

// Description is what a person reads of a detail.
type Description struct {
	Title  string // what is asked for
	Text   string // more about it; may be empty
	Fields []Field
}

// Field is one line of a description.
type Field struct {
	Label  string
	Values []Value
}

// Value is one value of a field.
type Value struct {
	Text  string
	Truth bool // Text is "true" or "false", for which pages have words
}

// Describe names the type and lists all members but type, under the titles that the schema gives them: those first that it
// requires, in its order, then the others by name.
func (Default) Describe(_ context.Context, t Type, d Detail, _ string) (Description, error) {
	out := Description{Title: t.Name, Text: t.Description}
	rest := maps.Clone(d.members)
	delete(rest, "type")
	out.Fields = t.Schema.fields(nil, "", t.Schema.resolved([]map[string]any{t.Schema.root}), rest)
	return out, nil
}
