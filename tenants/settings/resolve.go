package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// errDoor is for the programmer: what organizations above set would be taken for not set.
var errDoor = errors.New("settings: read in one organization's transaction, which does not see those above")

// resolved is a module as it holds in an organization.
type resolved struct {
	value   map[string]json.RawMessage // every field
	sources Sources
	held    map[string]bool // fields that the last layer sets looser than what holds above it
}

// merge lays the overrides over the defaults, the root's first. Fields that the module no longer has are left out, and so are
// values that are looser than those above, where the field may only become stricter.
func (d *declared) merge(defaults map[string]json.RawMessage, layers []layer) (resolved, error) {
	r := resolved{value: maps.Clone(defaults), sources: Sources{}}
	for _, l := range layers {
		own, err := l.fields()
		if err != nil {
			return r, err
		}
		r.held = map[string]bool{}
		above, set := maps.Clone(r.value), maps.Clone(r.sources)
		for field, raw := range own {
			if _, known := above[field]; !known {
				continue
			}
			if o, ordered := d.stricter[field]; ordered && !l.Root && o.held(field, above, set, raw) {
				r.held[field] = true
				continue
			}
			r.value[field], r.sources[field] = raw, l.Org
		}
	}
	return r, nil
}

// Resolve returns the values that hold in an organization, in one query up the tree. tx must be from the tenant's door:
// the ancestors' overrides are theirs.
func (m Module[T]) Resolve(ctx context.Context, tx db.Tx, org ids.Org) (T, Sources, error) {
	return resolve[T](ctx, tx, m.declared, m.defaults, org)
}

func resolve[T any](ctx context.Context, tx db.Tx, d *declared, defaults map[string]json.RawMessage, org ids.Org) (value T, sources Sources, err error) {
	if !tx.SeesTenant() {
		return value, nil, errDoor
	}
	layers, err := selectLayers(ctx, tx, org, d.name)
	if err != nil {
		return value, nil, err
	}
	r, err := d.merge(defaults, layers)
	if err != nil {
		return value, nil, err
	}
	return value, r.sources, decode(r.value, &value)
}

// ResolveEach returns the values that hold in each of the organizations, in one query. What Resolve says of tx holds here.
func (m Module[T]) ResolveEach(ctx context.Context, tx db.Tx, orgs []ids.Org) (map[ids.Org]T, error) {
	return resolveEach[T](ctx, tx, m.declared, m.defaults, orgs)
}

func resolveEach[T any](ctx context.Context, tx db.Tx, d *declared, defaults map[string]json.RawMessage, orgs []ids.Org) (map[ids.Org]T, error) {
	if !tx.SeesTenant() {
		return nil, errDoor
	}
	rows, err := selectLayersOfEach(ctx, tx, orgs, d.name)
	if err != nil {
		return nil, err
	}
	layers := map[ids.Org][]layer{}
	for _, r := range rows {
		layers[r.For] = append(layers[r.For], r.layer)
	}
	each := make(map[ids.Org]T, len(orgs))
	for _, org := range orgs {
		r, err := d.merge(defaults, layers[org])
		if err != nil {
			return nil, err
		}
		var value T
		if err := decode(r.value, &value); err != nil {
			return nil, err
		}
		each[org] = value
	}
	return each, nil
}

// Reader reads a module on hot paths: from memory, which forgets what changes, else in one query.
type Reader[T any] struct {
	module   *declared
	defaults map[string]json.RawMessage
	fixed    T
	kept     *cache.Cache[T] // nil: fixed holds everywhere
}

// Fixed is a reader of one value that holds everywhere.
func Fixed[T any](value T) Reader[T] { return Reader[T]{fixed: value} }

// Bind makes a module's reader. installed are the defaults of this installation, which take the place of the declared ones
// and may lie outside of the fields' limits. It is called while the program is put together, and panics on defaults that the
// module refuses.
func Bind[T any](s *Service, m Module[T], installed T) Reader[T] {
	defaults, err := m.fieldsOf(installed)
	if err != nil {
		panic(fmt.Sprintf("settings: installed defaults of %s: %v", m.name, err))
	}
	s.installed[m.name] = defaults
	return Reader[T]{module: m.declared, defaults: defaults, kept: Kept[T](s)}
}

// Kept makes a memory for what is worked out from an organization's settings, by its id. It forgets when settings or the tree change.
func Kept[V any](s *Service) *cache.Cache[V] {
	return cache.New[V](s.hub, 20_000, 10*time.Minute, Topic, "org")
}

// Resolve returns the values that hold in an organization; of the zero organization the defaults, after the same work. What
// Module.Resolve says of tx holds here.
func (r Reader[T]) Resolve(ctx context.Context, tx db.Tx, org ids.Org) (T, error) {
	if r.kept == nil {
		return r.fixed, nil
	}
	return r.kept.Get(ctx, tx.Tenant().UUID(), org.String(), func(ctx context.Context) (T, error) {
		value, _, err := resolve[T](ctx, tx, r.module, r.defaults, org)
		return value, err
	})
}

// ResolveEach returns the values that hold in each of the organizations, in one query.
func (r Reader[T]) ResolveEach(ctx context.Context, tx db.Tx, orgs []ids.Org) (map[ids.Org]T, error) {
	if r.kept == nil {
		each := make(map[ids.Org]T, len(orgs))
		for _, org := range orgs {
			each[org] = r.fixed
		}
		return each, nil
	}
	return resolveEach[T](ctx, tx, r.module, r.defaults, orgs)
}

// Before says what former values of fields, in seconds, ended while they held: for each of the organizations and fields the latest
// of the moments that lay as many seconds before such a value, set there or above, was replaced. What was no younger at that moment
// was over, and stays so under a greater value. What Module.Resolve says of tx holds here.
func (m Module[T]) Before(ctx context.Context, tx db.Tx, orgs []ids.Org, fields ...string) (map[ids.Org]map[string]time.Time, error) {
	if !tx.SeesTenant() {
		return nil, errDoor
	}
	rows, err := selectBefore(ctx, tx, orgs, m.name, fields)
	before := make(map[ids.Org]map[string]time.Time, len(rows))
	for _, r := range rows {
		if before[r.For] == nil {
			before[r.For] = map[string]time.Time{}
		}
		before[r.For][r.Field] = r.Moment
	}
	return before, err
}
