package settings

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

// SettingsModule names a group of settings.
type SettingsModule struct {
	Description string `json:"description" doc:"What the group is for." example:"How long people stay signed in."`
	Module      string `json:"module" doc:"The group's name." example:"sessions"`
	Overridden  bool   `json:"overridden" doc:"Whether the organization itself sets some of its fields." example:"false"`
}

// Settings is a group of settings as it holds in an organization.
type Settings struct {
	Module           string            `json:"module" doc:"The group's name." example:"sessions"`
	Value            map[string]any    `json:"value" doc:"Every field with the value that holds."`
	Own              map[string]any    `json:"own" doc:"The fields that the organization itself sets. Where the value is another one than in value, it is looser than what an organization above sets, and not in effect."`
	Sources          map[string]string `json:"sources" doc:"For each field, the id of the organization that sets it, inherited where that one lies above the token's, or default."`
	Inherited        map[string]any    `json:"inherited" doc:"Every field with the value that would hold if the organization itself set nothing."`
	InheritedSources map[string]string `json:"inherited_sources" doc:"As sources, for the inherited values."`
	Schema           map[string]any    `json:"schema" doc:"JSON Schema of the group: types, limits and descriptions of its fields. A field with x-stricter can only be made stricter than what is inherited, everywhere but in the tenant's root: less and more are of numbers, true and false of booleans, first of an enum's values the earlier, fewer of lists one without further members. One with fixed cannot be changed at all where another field of the group, which its description names, is true above. An inherited default that is the strictest value there is does not bind."`
	AllowedActions   []string          `json:"allowed_actions" doc:"What the caller may do: update."`
}

// UpdateSettingsRequest is a merge patch of a group of settings.
type UpdateSettingsRequest map[string]json.RawMessage

// Schema is an object with any of the group's fields.
func (UpdateSettingsRequest) Schema(huma.Registry) *huma.Schema {
	limit := maxFields
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, MaxProperties: &limit,
		Description: "New values by field; null inherits the field again.", Examples: []any{map[string]any{"absolute_seconds": 28800, "idle_seconds": nil}}}
}

// ListSettingsInput asks for the groups of settings.
type ListSettingsInput struct {
	httpapi.OrgPath
	httpapi.PageQuery
}

// SettingsInput names a group of settings of an organization.
type SettingsInput struct {
	httpapi.OrgPath
	Module string `path:"module" maxLength:"64" doc:"The group's name." example:"sessions"`
}

// UpdateSettingsInput asks for a change of settings.
type UpdateSettingsInput struct {
	SettingsInput
	httpapi.Match
	Body UpdateSettingsRequest
}

func (s *Service) routes(a *httpapi.API) {
	const tag = "Settings"
	httpapi.Handle(a, httpapi.Route[httpapi.Out[page.Of[SettingsModule]]]{ID: "listSettings", Method: "GET", Path: "/v1/orgs/{org}/settings", Tag: tag,
		Summary: "List groups of settings", Description: "Lists the groups of settings by name, and which of them the organization overrides.",
		Status: 200, Needs: permRead}, s.list)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Settings]]{ID: "getSettings", Method: "GET", Path: "/v1/orgs/{org}/settings/{module}", Tag: tag,
		Summary:     "Read settings",
		Description: "Reads a group of settings as it holds in the organization. Each field that the organization does not set is inherited from the nearest ancestor that does, else it has its default.",
		Status:      200, Needs: permRead, Errors: []fault.Code{errUnknownModule}}, s.get)
	httpapi.Handle(a, httpapi.Route[httpapi.Entity[Settings]]{ID: "updateSettings", Method: "PATCH", Path: "/v1/orgs/{org}/settings/{module}", Tag: tag,
		Summary:     "Change settings",
		Description: "Sets single fields for the organization and everything below it that does not set them itself. null inherits the field again. Fields whose schema has x-stricter can only be made stricter than what is inherited (setting.looser), everywhere but in the tenant's root; a value that becomes looser than a new one above is kept, and is not in effect meanwhile. What is set holds at once.",
		Status:      200, Needs: permWrite, Errors: []fault.Code{errLooser, errUnknownModule}}, s.update)
}

func (s *Service) list(ctx context.Context, c *httpapi.Call, in *ListSettingsInput) (*httpapi.Out[page.Of[SettingsModule]], error) {
	req, err := c.Page(in.PageQuery)
	if err != nil {
		return nil, err
	}
	var own []string
	err = s.db.InOrg(ctx, c.Tenant.ID, c.Org.ID, func(ctx context.Context, tx db.OrgTx) (err error) {
		own, err = selectOwn(ctx, tx.Tx, c.Org.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	var rows []SettingsModule
	for _, g := range Groups() {
		if g.Name > req.Part(0) && len(rows) < req.Limit() {
			rows = append(rows, SettingsModule{Description: g.Description, Module: g.Name, Overridden: slices.Contains(own, g.Name)})
		}
	}
	return httpapi.List(c, page.Cut(req, rows, func(m SettingsModule) []string { return []string{m.Module} })), nil
}

func (s *Service) get(ctx context.Context, c *httpapi.Call, in *SettingsInput) (*httpapi.Entity[Settings], error) {
	var e Effective
	err := s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		e, err = s.Effective(ctx, tx, c.Org.ID, in.Module)
		return err
	})
	if err != nil {
		return nil, err
	}
	return shown(c, in.Module, e)
}

func (s *Service) update(ctx context.Context, c *httpapi.Call, in *UpdateSettingsInput) (*httpapi.Entity[Settings], error) {
	version, err := in.Version()
	if err != nil {
		return nil, err
	}
	// The ETag is one above the version, because settings that were never set have a representation too; see shown.
	version--
	var e Effective
	err = s.db.InTenant(ctx, c.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		e, err = s.ChangeTx(ctx, tx, c.Org.ID, in.Module, version, in.Body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return shown(c, in.Module, e)
}

func shown(c *httpapi.Call, name string, e Effective) (*httpapi.Entity[Settings], error) {
	d, err := find(name)
	if err != nil {
		return nil, err
	}
	out := Settings{Module: name, Own: map[string]any{}, Schema: map[string]any{},
		AllowedActions: c.Allowed(map[string]perm.Permission{"update": permWrite})}
	for field, raw := range e.Own {
		out.Own[field] = raw
	}
	out.Value, out.Sources = sourced(c, e.Value, e.Sources)
	out.Inherited, out.InheritedSources = sourced(c, e.Inherited, e.InheritedSources)
	raw, err := json.Marshal(d.schema)
	if err == nil {
		err = json.Unmarshal(raw, &out.Schema)
	}
	if err != nil {
		return nil, err
	}
	return httpapi.Versioned(out, e.Version+1), nil
}

// sourced says of each value which organization sets it, as far as the caller may see that.
func sourced(c *httpapi.Call, values map[string]json.RawMessage, from Sources) (map[string]any, map[string]string) {
	shown, sources := map[string]any{}, map[string]string{}
	for field, raw := range values {
		shown[field], sources[field] = raw, "default"
		if org, set := from[field]; set {
			sources[field] = "inherited"
			if slices.Contains(c.VisiblePath(), org) {
				sources[field] = org.String()
			}
		}
	}
	return shown, sources
}
