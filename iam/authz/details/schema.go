package details

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of a type's schema.
const (
	MaxSchemaBytes = 16 << 10

	maxPattern     = 256 // characters of a regular expression
	maxSchemaDepth = 32
	maxWork        = 3000 // what $ref names is counted each time
	workStep       = 1    // of a regular expression, which may be looked at for each character
	workSchema     = 10   // of a subschema, which may be looked at for each value: what takes about as long
)

const draft = "https://json-schema.org/draft/2020-12/schema"

// SchemaProblem says why a schema cannot be a type's. At is a JSON pointer into the schema.
type SchemaProblem struct{ At, Why string }

func (p *SchemaProblem) Error() string { return "details: schema" + p.At + ": " + p.Why }

// Schema is the JSON Schema (draft 2020-12) of a type, ready to judge. It does not change.
type Schema struct {
	compiled *jsonschema.Schema
	root     map[string]any
}

// Keywords of draft 2020-12 by what they hold. What is not here is refused, so that a slip of the pen is noticed, and so is what leads
// out of the schema or changes where $ref leads: $id, $anchor, $dynamicRef and their like; content is not looked into.
var (
	inPlace      = []string{"if", "then", "else", "not"}                                                                               // one schema, of the same value
	inPlaceLists = []string{"allOf", "anyOf", "oneOf"}                                                                                 // several
	inPlaceMaps  = []string{"$defs", "dependentSchemas"}                                                                               // several by name
	below        = []string{"items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains", "propertyNames"} // one, of what the value holds
	belowLists   = []string{"prefixItems"}
	belowMaps    = []string{"properties", "patternProperties"}
	plain        = []string{"$comment", "$ref", "const", "default", "dependentRequired", "deprecated", "description", "enum", "examples", "exclusiveMaximum",
		"exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties",
		"minimum", "multipleOf", "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly"}
)

// formats are those that are judged; another would be taken for anything.
var formats = []string{"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer",
	"time", "uri", "uri-reference", "uri-template", "uuid"}

// Compile reads the schema of a type. It judges a whole detail, type among its members.
//
// Unlike JSON Schema on its own, it is closed: where an object's schema says nothing of additionalProperties or
// unevaluatedProperties, members that it does not name are refused (RFC 9396, section 5). That goes for the detail and for what
// properties, items and their like hold in each other, not for what $ref, allOf, if and the like add. Error: *SchemaProblem.
func Compile(kind string, raw []byte) (*Schema, error) {
	if len(raw) > MaxSchemaBytes {
		return nil, &SchemaProblem{Why: fmt.Sprintf("longer than %d bytes", MaxSchemaBytes)}
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	root, ok := doc.(map[string]any)
	if err != nil || !ok {
		return nil, &SchemaProblem{Why: "not a JSON object"}
	}
	if is, named := root["$schema"]; named && is != draft {
		return nil, &SchemaProblem{At: "/$schema", Why: "not " + draft}
	}
	delete(root, "$schema")
	c := checker{root: root}
	if err := c.schema("", root, 0); err != nil {
		return nil, err
	}
	closed(root)
	properties, ok := root["properties"].(map[string]any)
	if !ok {
		properties = map[string]any{}
		root["properties"] = properties
	}
	if _, said := properties["type"]; !said {
		properties["type"] = map[string]any{"const": kind}
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(nowhere{})
	const name = "urn:grove:schema"
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, &SchemaProblem{Why: "not a schema of draft 2020-12"}
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		return nil, &SchemaProblem{At: invalidAt(err), Why: "not as draft 2020-12 wants it"}
	}
	return &Schema{compiled, root}, nil
}

// nowhere is where schemas are read from.
type nowhere struct{}

func (nowhere) Load(string) (any, error) { return nil, errors.New("details: a schema reads no other") }

// invalidAt finds what the schema of schemas complains of.
func invalidAt(err error) string {
	var invalid *jsonschema.SchemaValidationError
	var v *jsonschema.ValidationError
	if !errors.As(err, &invalid) || !errors.As(invalid.Err, &v) {
		return ""
	}
	for len(v.Causes) > 0 {
		v = v.Causes[0]
	}
	var at strings.Builder
	for _, token := range v.InstanceLocation {
		at.WriteString("/" + escaped(token))
	}
	return at.String()
}

func escaped(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

// checker walks through a schema before it is compiled.
type checker struct {
	root map[string]any
	work int
	open []string // the definitions that are being walked through
}

func (c *checker) spend(at string, n int) error {
	if c.work += n; c.work > maxWork {
		return &SchemaProblem{At: at, Why: "too much to judge: too many subschemas, or regular expressions that are too large"}
	}
	return nil
}

func (c *checker) schema(at string, v any, depth int) error {
	if err := c.spend(at, workSchema); err != nil {
		return err
	}
	if depth > maxSchemaDepth {
		return &SchemaProblem{At: at, Why: "nested too deeply"}
	}
	members, ok := v.(map[string]any)
	if !ok {
		if _, ok = v.(bool); !ok {
			return &SchemaProblem{At: at, Why: "not a schema"}
		}
		return nil
	}
	for name, value := range members {
		here := at + "/" + escaped(name)
		var err error
		switch {
		case name == "$ref":
			err = c.ref(here, value, depth)
		case name == "pattern":
			text, _ := value.(string)
			err = c.pattern(here, text)
		case name == "format":
			if text, _ := value.(string); !slices.Contains(formats, text) {
				err = &SchemaProblem{At: here, Why: "not a format that is known"}
			}
		case name == "$defs" && at != "":
			err = &SchemaProblem{At: here, Why: "definitions stand at the top of the schema"}
		case name == "$defs":
			// Each is walked through where it is used, which counts what it costs; one that nobody uses is looked at too.
			err = c.unused(here, value, depth)
		case slices.Contains(inPlace, name), slices.Contains(below, name):
			err = c.schema(here, value, depth+1)
		case slices.Contains(inPlaceLists, name), slices.Contains(belowLists, name):
			list, _ := value.([]any)
			for _, one := range list {
				if err = c.schema(here, one, depth+1); err != nil {
					break
				}
			}
		case slices.Contains(inPlaceMaps, name), slices.Contains(belowMaps, name):
			err = c.named(here, name, value, depth)
		case slices.Contains(plain, name):
			err = c.bounded(here, value, depth)
		case strings.HasPrefix(name, "x-"):
			err = c.bounded(here, value, depth)
		default:
			err = &SchemaProblem{At: here, Why: "not a keyword that can be used here"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) named(at, keyword string, value any, depth int) error {
	members, _ := value.(map[string]any)
	for name, one := range members {
		if keyword == "patternProperties" {
			if err := c.pattern(at, name); err != nil {
				return err
			}
		}
		if err := c.schema(at+"/"+escaped(name), one, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) unused(at string, value any, depth int) error {
	work := c.work
	defer func() { c.work = work }()
	return c.named(at, "$defs", value, depth)
}

// ref walks through what a reference names: a definition, and none that leads back to itself.
func (c *checker) ref(at string, value any, depth int) error {
	to, _ := value.(string)
	name, ok := strings.CutPrefix(to, "#/$defs/")
	defs, _ := c.root["$defs"].(map[string]any)
	definition, known := defs[name]
	switch {
	case !ok || !known || strings.ContainsAny(name, "~%/"):
		return &SchemaProblem{At: at, Why: "not the name of one of the schema's own definitions, as in #/$defs/amount"}
	case slices.Contains(c.open, name):
		return &SchemaProblem{At: at, Why: "leads back to itself"}
	}
	c.open = append(c.open, name)
	err := c.schema("/$defs/"+name, definition, depth+1)
	c.open = c.open[:len(c.open)-1]
	return err
}

// pattern counts the steps of a regular expression, of which each costs time for each character of a text.
func (c *checker) pattern(at, text string) error {
	if len(text) > maxPattern {
		return &SchemaProblem{At: at, Why: fmt.Sprintf("a regular expression of more than %d characters", maxPattern)}
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return &SchemaProblem{At: at, Why: "not a regular expression in the syntax of RE2"}
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return &SchemaProblem{At: at, Why: "not a regular expression in the syntax of RE2"}
	}
	return c.spend(at, workStep*len(program.Inst))
}

// bounded looks at values that are not schemas: numbers within the limits, nothing nested too deeply.
func (c *checker) bounded(at string, value any, depth int) error {
	if depth > maxSchemaDepth {
		return &SchemaProblem{At: at, Why: "nested too deeply"}
	}
	switch v := value.(type) {
	case json.Number:
		if checkNumber(string(v)) != nil {
			return &SchemaProblem{At: at, Why: "a number that is too long or too large"}
		}
	case []any:
		for _, one := range v {
			if err := c.bounded(at, one, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, one := range v {
			if err := c.bounded(at, one, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// closed closes a schema that does not say whether it is open, and those of what its values hold. It does not go where a schema is
// only one of several of the same value: there each would refuse what the others name.
func closed(v any) {
	members, ok := v.(map[string]any)
	if !ok {
		return
	}
	_, additional := members["additionalProperties"]
	_, unevaluated := members["unevaluatedProperties"]
	for _, name := range []string{"items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"} {
		closed(members[name])
	}
	list, _ := members["prefixItems"].([]any)
	for _, one := range list {
		closed(one)
	}
	for _, name := range belowMaps {
		all, _ := members[name].(map[string]any)
		for _, one := range all {
			closed(one)
		}
	}
	if !additional && !unevaluated {
		members["unevaluatedProperties"] = false
	}
}

// ProblemSchema is a detail that is not as its type's schema wants it.
const ProblemSchema Problem = "authorization_details does not fit its type: a member is missing, not known, or has a value that is not allowed."

// Check judges a detail. Error: ProblemSchema, with where and by which keyword in the chain for the log, without values.
func (s *Schema) Check(d Detail) error {
	err := s.compiled.Validate(d.members)
	if err == nil {
		return nil
	}
	var v *jsonschema.ValidationError
	where := ""
	if errors.As(err, &v) {
		for len(v.Causes) > 0 {
			v = v.Causes[0]
		}
		where = fmt.Sprintf("%q by %v", v.InstanceLocation, v.ErrorKind.KeywordPath())
	}
	return fmt.Errorf("%w (%s)", ProblemSchema, where)
}
