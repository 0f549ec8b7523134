package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Topic is the cache topic that is announced when an organization's settings change; the key is the organization's id.
const Topic = "settings"

// maxFields bounds a patch; no module is near.
const maxFields = 64

type changedData struct {
	Changes []change `json:"changes" audit:"public"`
	Fields  []string `json:"fields" audit:"public"`
	Module  string   `json:"module" audit:"public"`
}

// change is what an organization set of a field before and after; null is nothing of its own.
type change struct {
	Field string          `json:"field"`
	New   json.RawMessage `json:"new"`
	Old   json.RawMessage `json:"old"`
}

var eventChanged = events.Declare[changedData]("setting.changed", "An organization changed or reverted fields of its settings; each with what the organization itself set before and after.")

// Service reads and changes settings by module name.
type Service struct {
	db        *db.DB
	events    *events.Log
	hub       *cache.Hub
	installed map[string]map[string]json.RawMessage // defaults of this installation, by module
}

// New makes the service.
func New(d *db.DB, log *events.Log, hub *cache.Hub) *Service {
	return &Service{db: d, events: log, hub: hub, installed: map[string]map[string]json.RawMessage{}}
}

// defaultsOf are a module's defaults here.
func (s *Service) defaultsOf(d *declared) map[string]json.RawMessage {
	if installed, ok := s.installed[d.name]; ok {
		return installed
	}
	return d.defaults
}

// Effective is a module as it holds in an organization.
type Effective struct {
	Inherited        map[string]json.RawMessage // every field as it would hold if the organization itself set nothing
	InheritedSources Sources
	Own              map[string]json.RawMessage // the fields that the organization itself sets, in effect or not
	Sources          Sources
	Value            map[string]json.RawMessage // every field as it holds
	Version          int64                      // of what the organization itself sets; 0 where it never set anything

	held map[string]bool // own fields that are looser than what holds above
}

// Effective resolves a module by name, in one query. tx must be from the tenant's door.
func (s *Service) Effective(ctx context.Context, tx db.Tx, org ids.Org, module string) (Effective, error) {
	d, err := find(module)
	if err != nil {
		return Effective{}, err
	}
	return s.effective(ctx, tx, d, org)
}

func (s *Service) effective(ctx context.Context, tx db.Tx, d *declared, org ids.Org) (Effective, error) {
	if !tx.SeesTenant() {
		return Effective{}, errDoor
	}
	layers, err := selectLayers(ctx, tx, org, d.name)
	if err != nil {
		return Effective{}, err
	}
	e, above := Effective{Own: map[string]json.RawMessage{}}, layers
	if n := len(layers); n > 0 && layers[n-1].Org == org {
		own, err := layers[n-1].fields()
		if err != nil {
			return e, err
		}
		for field := range d.defaults { // what the module no longer has is nobody's concern
			if raw, set := own[field]; set {
				e.Own[field] = raw
			}
		}
		e.Version, above = layers[n-1].Version, layers[:n-1]
	}
	inherited, err := d.merge(s.defaultsOf(d), above)
	if err != nil {
		return e, err
	}
	now, err := d.merge(s.defaultsOf(d), layers)
	e.Inherited, e.InheritedSources, e.Value, e.Sources, e.held = inherited.value, inherited.sources, now.value, now.sources, now.held
	return e, err
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
	before := maps.Clone(fields)
	changed, err := d.apply(fields, patch)
	if err != nil {
		return Effective{}, err
	}
	if len(changed) == 0 {
		return s.effective(ctx, tx, d, org)
	}
	if own.Value, err = json.Marshal(fields); err != nil {
		return Effective{}, err
	}
	if ok, err := saveOwn(ctx, tx, own); err != nil {
		return Effective{}, err
	} else if !ok {
		return Effective{}, errStale
	}
	e, err := s.effective(ctx, tx, d, org)
	if err != nil {
		return e, err
	}
	if err := d.check(e.Value); err != nil {
		return e, err
	}
	data := changedData{Module: module, Fields: changed}
	var looser []fault.Field
	for _, field := range changed {
		data.Changes = append(data.Changes, change{Field: field, New: fields[field], Old: before[field]})
		if e.held[field] {
			looser = append(looser, fault.Field{Pointer: "/" + field, Code: errLooser.Name, Detail: "Must not be looser than what holds in the organizations above."})
		}
	}
	if len(looser) > 0 {
		return e, &fault.Error{Code: errLooser, Detail: "An organization can make these settings stricter than those above it, not looser.", Fields: looser}
	}
	fact := eventChanged.Of(org, org, data)
	return e, errors.Join(tx.Changed(ctx, Topic, org.String()), s.events.Write(ctx, tx, fact))
}

var errStale = fault.CodeStale.With("Read the settings again and repeat the change.", nil)

// apply changes fields as the patch says and returns the names of those that really change, sorted.
func (d *declared) apply(fields, patch map[string]json.RawMessage) ([]string, error) {
	if len(patch) > maxFields {
		return nil, fault.CodeInvalid.At("", "Must have at most 64 fields.")
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
