package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Module is a declared group of settings with values of type T.
type Module[T any] struct{ *declared }

// Validator is what T may implement to check fields against one another. The error's text is shown to the caller and
// must not repeat values.
type Validator interface{ Validate() error }

// Sources says for each field, by its JSON name, which organization set it; fields at their default are missing.
type Sources map[string]ids.Org

// declared is a module whatever its type.
type declared struct {
	name        string
	description string
	typ         reflect.Type
	defaults    map[string]json.RawMessage // by field
	stricter    map[string]order           // of the fields that organizations below may only make stricter
	schema      *huma.Schema               // of the whole struct; its properties are the fields
	registry    huma.Registry
}

var (
	mu      sync.Mutex
	modules = map[string]*declared{}
)

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Declare registers a module, with a sentence on what it is for. It is called from package-level variables only. T is a
// struct whose fields have JSON names, doc tags and limits as in an API body, and no pointers; a field that organizations
// below may only make stricter says by a stricter tag what that is (see order). defaults holds every field's default.
// Declare panics on anything else, on a name that is used twice, and on defaults that T itself refuses.
func Declare[T any](name, description string, defaults T) Module[T] {
	mu.Lock()
	defer mu.Unlock()
	if _, twice := modules[name]; twice || !nameForm.MatchString(name) || description == "" {
		panic("settings: module declared twice, without a description or with a name that is not snake_case: " + name)
	}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic("settings: module " + name + " is not a struct")
	}
	d := &declared{name: name, description: description, typ: t, registry: huma.NewMapRegistry("#/", huma.DefaultSchemaNamer), stricter: map[string]order{}}
	d.schema = huma.SchemaFromType(d.registry, t)
	d.schema.Description = description
	for i := range t.NumField() {
		f := t.Field(i)
		jsonName, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Type.Kind() == reflect.Pointer || !nameForm.MatchString(jsonName) || options != "" || f.Tag.Get("doc") == "" {
			panic("settings: module " + name + ": field " + f.Name + " needs a snake_case json name without options, a doc tag and no pointer")
		}
		if tag := f.Tag.Get("stricter"); tag != "" {
			field := d.schema.Properties[jsonName]
			o := order{how: tag, schema: field, by: f.Tag.Get("by")}
			if by := d.schema.Properties[o.by]; !o.fits() || o.by != "" && (by == nil || by.Type != huma.TypeBoolean) {
				panic("settings: module " + name + ": field " + f.Name + " cannot be stricter by " + tag)
			}
			d.stricter[jsonName] = o
			field.Extensions = map[string]any{extensionStricter: tag}
		}
	}
	var err error
	if d.defaults, err = d.fieldsOf(defaults); err != nil {
		panic(fmt.Sprintf("settings: defaults of %s: %v", name, err))
	}
	modules[name] = d
	return Module[T]{d}
}

// Group is a module as its documentation shows it.
type Group struct {
	Name        string
	Description string
	Fields      []FieldInfo
}

// FieldInfo is a field as its documentation shows it.
type FieldInfo struct {
	Name        string
	Description string
	Default     json.RawMessage
	Stricter    string // the stricter tag; "": organizations below decide freely
	Schema      *huma.Schema
}

// Groups lists the declared modules with their fields, both by name.
func Groups() []Group {
	mu.Lock()
	defer mu.Unlock()
	var all []Group
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		d := modules[name]
		g := Group{Name: name, Description: d.description}
		for _, field := range slices.Sorted(maps.Keys(d.defaults)) {
			schema := d.schema.Properties[field]
			g.Fields = append(g.Fields, FieldInfo{Name: field, Description: schema.Description, Default: d.defaults[field], Stricter: d.stricter[field].by, Schema: schema})
		}
		all = append(all, g)
	}
	return all
}

// Names lists the declared modules by name.
func Names() []string {
	mu.Lock()
	defer mu.Unlock()
	return slices.Sorted(maps.Keys(modules))
}

func find(name string) (*declared, error) {
	mu.Lock()
	defer mu.Unlock()
	if d := modules[name]; d != nil {
		return d, nil
	}
	return nil, errUnknownModule.With("List the settings for the modules that there are.", nil)
}

// Name returns the module's name, as in /settings/{module}.
func (m Module[T]) Name() string { return m.name }

// fieldsOf returns the fields of a value of the module's struct that the module takes.
func (d *declared) fieldsOf(value any) (fields map[string]json.RawMessage, err error) {
	raw, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(raw, &fields)
	}
	if err == nil {
		err = d.check(fields)
	}
	return fields, err
}

func decode(fields map[string]json.RawMessage, into any) error {
	raw, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// checkField checks one override against the limits of its field.
func (d *declared) checkField(field string, raw json.RawMessage) []fault.Field {
	schema := d.schema.Properties[field]
	if schema == nil {
		pointer := ""
		if len(field) <= 64 && nameForm.MatchString(field) {
			pointer = "/" + field
		}
		return []fault.Field{{Pointer: pointer, Code: fault.CodeInvalid.Name, Detail: "Must be left out: this module has no such field."}}
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil || hasNUL(value) {
		return []fault.Field{{Pointer: "/" + field, Code: fault.CodeInvalid.Name, Detail: "Must be a number that fits, or a text without NUL."}}
	}
	result := &huma.ValidateResult{}
	huma.Validate(d.registry, schema, huma.NewPathBuffer([]byte{}, 0), huma.ModeWriteToServer, value, result)
	var broken []fault.Field
	for _, err := range result.Errors {
		detail := "breaks the field's limits"
		if e, ok := err.(*huma.ErrorDetail); ok {
			detail = e.Message
		}
		broken = append(broken, fault.Field{Pointer: "/" + field, Code: fault.CodeInvalid.Name, Detail: detail})
	}
	return broken
}

// check decodes values strictly into the struct and asks its Validate.
func (d *declared) check(values map[string]json.RawMessage) error {
	into := reflect.New(d.typ)
	if err := decode(values, into.Interface()); err != nil {
		return fault.CodeInvalid.With("A value does not fit its field.", err)
	}
	v, ok := into.Interface().(Validator)
	if !ok {
		return nil
	}
	if err := v.Validate(); err != nil {
		return fault.CodeInvalid.At("", err.Error())
	}
	return nil
}

// normal writes a value as Go does: without spaces, without the fraction of a whole number, as in 1000.0, and without halves of
// surrogate pairs, which Postgres refuses.
func normal(raw json.RawMessage) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return raw
	}
	out, err := json.Marshal(whole(value))
	if err != nil {
		return raw
	}
	return out
}

// hasNUL looks for the one character that Postgres does not keep.
func hasNUL(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, hasNUL)
	case map[string]any:
		for key, member := range v {
			if hasNUL(key) || hasNUL(member) {
				return true
			}
		}
	}
	return false
}

// whole writes the numbers in a value that are whole as integers.
func whole(value any) any {
	switch v := value.(type) {
	case json.Number:
		// Beyond 2^53 a float may stand for another number.
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f)
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = whole(v[name])
		}
	}
	return value
}
