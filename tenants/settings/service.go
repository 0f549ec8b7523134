package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"grove/infra/db"
	"grove/infra/events"
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
	name     string
	typ      reflect.Type
	defaults map[string]json.RawMessage // by field
	schema   *huma.Schema               // of the whole struct; its properties are the fields
	registry huma.Registry
}

var (
	mu      sync.Mutex
	modules = map[string]*declared{}
)

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Declare registers a module. It is called from package-level variables only. T is a struct whose fields have JSON names,
// doc tags and limits as in an API body, and no pointers; defaults holds every field's default. Declare panics on
// anything else, on a name that is used twice, and on defaults that T itself refuses.
func Declare[T any](name string, defaults T) Module[T] {
	mu.Lock()
	defer mu.Unlock()
	if _, twice := modules[name]; twice || !nameForm.MatchString(name) {
		panic("settings: module declared twice or with a name that is not snake_case: " + name)
	}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic("settings: module " + name + " is not a struct")
	}
	for i := range t.NumField() {
		f := t.Field(i)
		jsonName, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Type.Kind() == reflect.Pointer || !nameForm.MatchString(jsonName) || options != "" || f.Tag.Get("doc") == "" {
			panic("settings: module " + name + ": field " + f.Name + " needs a snake_case json name without options, a doc tag and no pointer")
		}
	}
	d := &declared{name: name, typ: t, registry: huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)}
	d.schema = huma.SchemaFromType(d.registry, t)
	raw, err := json.Marshal(defaults)
	if err == nil {
		err = json.Unmarshal(raw, &d.defaults)
	}
	if err == nil {
		err = d.check(d.defaults)
	}
	if err != nil {
		panic(fmt.Sprintf("settings: defaults of %s: %v", name, err))
	}
	modules[name] = d
	return Module[T]{d}
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

// Resolve returns the values that hold in an organization, in one query up the tree. tx must be from the tenant's door:
// the ancestors' overrides are theirs.
func (m Module[T]) Resolve(ctx context.Context, tx db.Tx, org ids.Org) (T, Sources, error) {
	layers, err := selectLayers(ctx, tx, org, m.name)
	if err != nil {
		var none T
		return none, nil, err
	}
	return m.value(layers)
}

// ResolveEach returns the values that hold in each of the organizations, in one query. What Resolve says of tx holds here.
func (m Module[T]) ResolveEach(ctx context.Context, tx db.Tx, orgs []ids.Org) (map[ids.Org]T, error) {
	rows, err := selectLayersOfEach(ctx, tx, orgs, m.name)
	if err != nil {
		return nil, err
	}
	layers := map[ids.Org][]layer{}
	for _, r := range rows {
		layers[r.For] = append(layers[r.For], r.layer)
	}
	each := make(map[ids.Org]T, len(orgs))
	for _, org := range orgs {
		if each[org], _, err = m.value(layers[org]); err != nil {
			return nil, err
		}
	}
	return each, nil
}

func (m Module[T]) value(layers []layer) (value T, sources Sources, err error) {
	merged, sources, err := m.merge(layers)
	if err != nil {
		return value, nil, err
	}
	return value, sources, decode(merged, &value)
}

// merge lays the overrides over the defaults, the root's first. Fields that the module no longer has are left out.
func (d *declared) merge(layers []layer) (map[string]json.RawMessage, Sources, error) {
	merged, sources := maps.Clone(d.defaults), Sources{}
	for _, l := range layers {
		own, err := l.fields()
		if err != nil {
			return nil, nil, err
		}
		for field, raw := range own {
			if _, known := d.defaults[field]; known {
				merged[field], sources[field] = raw, l.Org
			}
		}
	}
	return merged, sources, nil
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
		return []fault.Field{{Pointer: pointer, Code: fault.CodeInvalid.Name, Detail: "not a field of this module"}}
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil || hasNUL(value) {
		return []fault.Field{{Pointer: "/" + field, Code: fault.CodeInvalid.Name, Detail: "a number that is too large, or a text with NUL"}}
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

// Topic is the cache topic that is announced when an organization's settings change; the key is the organization's id.
const Topic = "settings"

// maxFields bounds a patch; no module is near.
const maxFields = 64

type changedData struct {
	Module string   `json:"module" audit:"public"`
	Fields []string `json:"fields" audit:"public"`
}

var eventChanged = events.Declare[changedData]("setting.changed", "An organization changed or reverted fields of its settings.")

// Service reads and changes settings by module name.
type Service struct {
	db     *db.DB
	events *events.Log
}

// New makes the service.
func New(d *db.DB, log *events.Log) *Service { return &Service{db: d, events: log} }

// Effective is a module as it holds in an organization.
type Effective struct {
	Value   map[string]json.RawMessage // every field
	Own     map[string]json.RawMessage // the fields that the organization itself overrides
	Sources Sources
	Version int64 // of the organization's overrides; 0 where it never had any
}

// Effective resolves a module by name, in one query. tx must be from the tenant's door.
func (s *Service) Effective(ctx context.Context, tx db.Tx, org ids.Org, module string) (Effective, error) {
	d, err := find(module)
	if err != nil {
		return Effective{}, err
	}
	return d.effective(ctx, tx, org)
}

func (d *declared) effective(ctx context.Context, tx db.Tx, org ids.Org) (Effective, error) {
	layers, err := selectLayers(ctx, tx, org, d.name)
	if err != nil {
		return Effective{}, err
	}
	e := Effective{Own: map[string]json.RawMessage{}}
	if e.Value, e.Sources, err = d.merge(layers); err != nil {
		return e, err
	}
	for field, source := range e.Sources {
		if source == org {
			e.Own[field] = e.Value[field]
		}
	}
	if n := len(layers); n > 0 && layers[n-1].Org == org {
		e.Version = layers[n-1].Version
	}
	return e, nil
}

// AnyVersion stands for whatever version is there.
const AnyVersion int64 = -1

// ChangeTx applies a merge patch (RFC 7396) to an organization's overrides: a field's new value, or null to inherit it
// again. version is the one that the caller expects, or AnyVersion. tx must be from the tenant's door. The answer is
// request.invalid for a field or value that the module does not take, and then nothing is changed.
func (s *Service) ChangeTx(ctx context.Context, tx db.Tx, org ids.Org, module string, version int64, patch map[string]json.RawMessage) (Effective, error) {
	d, err := find(module)
	if err != nil {
		return Effective{}, err
	}
	own, err := lockOwn(ctx, tx, org, module)
	if err != nil {
		return Effective{}, err
	}
	if version != AnyVersion && version != own.Version {
		return Effective{}, errStale
	}
	fields, err := own.fields()
	if err != nil {
		return Effective{}, err
	}
	changed, err := d.apply(fields, patch)
	if err != nil {
		return Effective{}, err
	}
	if len(changed) == 0 {
		return d.effective(ctx, tx, org)
	}
	if own.Value, err = json.Marshal(fields); err != nil {
		return Effective{}, err
	}
	if ok, err := saveOwn(ctx, tx, own); err != nil {
		return Effective{}, err
	} else if !ok {
		return Effective{}, errStale
	}
	e, err := d.effective(ctx, tx, org)
	if err != nil {
		return e, err
	}
	if err := d.check(e.Value); err != nil {
		return e, err
	}
	fact := eventChanged.Of(org, org, changedData{Module: module, Fields: changed})
	return e, errors.Join(tx.Changed(ctx, Topic, org.String()), s.events.Write(ctx, tx, fact))
}

var errStale = fault.CodeStale.With("Read the settings again and repeat the change.", nil)

// apply changes fields as the patch says and returns the names of those that really change, sorted.
func (d *declared) apply(fields, patch map[string]json.RawMessage) ([]string, error) {
	if len(patch) > maxFields {
		return nil, fault.CodeInvalid.At("", "at most 64 fields")
	}
	var broken []fault.Field
	var changed []string
	for _, field := range slices.Sorted(maps.Keys(patch)) {
		raw := patch[field]
		was, has := fields[field]
		if string(bytes.TrimSpace(raw)) == "null" {
			// Any known or left-over field can be reverted; reverting twice is no change.
			if _, known := d.defaults[field]; !known && !has {
				broken = append(broken, d.checkField(field, raw)...)
			} else if has {
				delete(fields, field)
				changed = append(changed, field)
			}
			continue
		}
		broken = append(broken, d.checkField(field, raw)...)
		raw = normal(raw)
		if !has || !bytes.Equal(normal(was), raw) {
			fields[field] = raw
			changed = append(changed, field)
		}
	}
	if len(broken) > 0 {
		return nil, &fault.Error{Code: fault.CodeInvalid, Detail: "See errors for the fields that break a rule.", Fields: broken}
	}
	return changed, nil
}

// normal writes a value as Go does: without spaces, and without halves of surrogate pairs, which Postgres refuses.
func normal(raw json.RawMessage) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return raw
	}
	out, err := json.Marshal(value)
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
