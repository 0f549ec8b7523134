package authz

import (
	"context"
	"slices"
	"strings"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
)

// maxScopes bounds an API resource, so that its scopes fit a consent page and a role.
const maxScopes = 200

// VersionedResource is an API resource with the version that If-Match names.
type VersionedResource struct {
	APIResource
	Version int64
}

// reservedScopes mean something to every client (OpenID Connect Core, section 5.4 and 11) or to Grove.
var reservedScopes = map[string]bool{
	"account": true, "address": true, "email": true, AllScopes: true, "offline_access": true, "openid": true, "phone": true, "profile": true,
}

// IsReserved reports whether a scope name, in any case, is kept from APIs.
func IsReserved(name string) bool {
	name = strings.ToLower(name)
	return reservedScopes[name] || slices.ContainsFunc(perm.All(), func(p perm.Permission) bool { return p.Name() == name })
}

func checkScopeName(pointer, name string) error {
	if IsReserved(name) {
		return errScopeReserved.At(pointer, "Must be a name that neither OpenID Connect nor the management API uses.")
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return fault.CodeInvalid.At(pointer, "Must be printable ASCII but space, quote and backslash.")
	}
	return nil
}

func newScope(pointer string, in CreateAPIScopeRequest) (row scopeRow, err error) {
	if err := checkScopeName(pointer+"/name", in.Name); err != nil {
		return row, err
	}
	row = scopeRow{ID: ids.NewScope(), Name: in.Name, DisplayName: in.Name}
	if in.DisplayName != "" {
		if row.DisplayName, _, err = cleanName(pointer+"/display_name", in.DisplayName); err != nil {
			return row, err
		}
	}
	row.Description, err = cleanText(pointer+"/description", in.Description)
	return row, err
}

// ListResources returns a page of the API resources that org sees, by name; those that have q in their name, or in their identifier.
func (s *Service) ListResources(ctx context.Context, tenant ids.Tenant, org ids.Org, q string, req page.Request) (result page.Result[APIResource], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := listResources(ctx, tx, org, q, positionOf(req), req.Limit())
		cut := page.Cut(req, rows, func(r resourceRow) []string { return []string{r.NameKey, r.ID.UUID().String()} })
		result = page.Map(cut, func(r resourceRow) APIResource { return r.view(org) })
		return err
	})
	return result, err
}

// Resource returns an API resource that org sees.
func (s *Service) Resource(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.APIResource) (found VersionedResource, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := loadResource(ctx, tx, org, id)
		found = VersionedResource{row.view(org), row.Version}
		return err
	})
	return found, err
}

// ManagementResource returns the built-in API resource of a tenant.
func (s *Service) ManagementResource(ctx context.Context, tenant ids.Tenant) (id ids.APIResource, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		id, err = managementResource(ctx, tx)
		return db.OrNotFound(err)
	})
	return id, err
}

// CreateResource registers an API resource that org defines.
func (s *Service) CreateResource(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateAPIResourceRequest) (made VersionedResource, err error) {
	if err := checkIdentifier(in.Identifier); err != nil {
		return made, err
	}
	row := resourceRow{ID: ids.NewAPIResource(), Org: org, Identifier: in.Identifier, Requires: in.RequiresAuthorization == nil || *in.RequiresAuthorization,
		Registered: in.RegisteredClients, Version: 1}
	if row.Name, row.NameKey, err = cleanName("/name", in.Name); err != nil {
		return made, err
	}
	scopes, names := make([]scopeRow, len(in.Scopes)), make([]string, len(in.Scopes))
	for i, scope := range in.Scopes {
		if scopes[i], err = newScope("/scopes", scope); err != nil {
			return made, err
		}
		names[i] = scope.Name
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if err := s.checkIssuers(ctx, tx, row.Identifier); err != nil {
			return err
		}
		if err := insertResource(ctx, tx, row); err != nil {
			if db.IsUnique(err, "api_resources_identifier") {
				return errIdentifierTaken.With("Choose another identifier.", err)
			}
			return err
		}
		if err := s.checkScopesFree(ctx, tx, names...); err != nil {
			return err
		}
		if err := insertScopes(ctx, tx, org, row.ID, scopes); err != nil {
			return scopeTaken(err)
		}
		row.CreatedAt, row.UpdatedAt = tx.Now(), tx.Now()
		made = VersionedResource{row.view(org), row.Version}
		made.Scopes = make([]APIScope, len(scopes))
		for i, scope := range scopes {
			made.Scopes[i] = scope.view()
		}
		slices.SortFunc(made.Scopes, func(a, b APIScope) int { return strings.Compare(a.Name, b.Name) })
		return s.events.Write(ctx, tx, eventResourceCreated.Of(org, row.ID, resourceData{Identifier: row.Identifier, Name: row.Name, Scopes: names}))
	})
	return made, err
}

// UpdateResource changes an API resource that org defines. version 0 is any.
func (s *Service) UpdateResource(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.APIResource, version int64, in UpdateAPIResourceRequest) (changed VersionedResource, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnResource(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if err := checkVersion(row.Version, version); err != nil {
			return err
		}
		if in.Name != nil {
			if row.Name, row.NameKey, err = cleanName("/name", *in.Name); err != nil {
				return err
			}
		}
		if in.RequiresAuthorization != nil {
			row.Requires = *in.RequiresAuthorization
		}
		if in.RegisteredClients != nil {
			row.Registered = *in.RegisteredClients
		}
		if err := updateResource(ctx, tx, row); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "authz", id.String()); err != nil {
			return err
		}
		row.UpdatedAt = tx.Now()
		changed = VersionedResource{row.view(org), row.Version + 1}
		return s.events.Write(ctx, tx, eventResourceUpdated.Of(org, id, resourceData{Identifier: row.Identifier, Name: row.Name}))
	})
	return changed, err
}

// DeleteResource deletes an API resource that org defines and no app is authorized for. version 0 is any.
func (s *Service) DeleteResource(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.APIResource, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnResource(ctx, tx, org, id)
		if err != nil {
			return err
		}
		if err := checkVersion(row.Version, version); err != nil {
			return err
		}
		names, err := db.Scalars[string](ctx, tx, `SELECT name FROM api_scopes WHERE tenant_id = $1 AND resource_id = $2`, tx.Tenant(), id)
		if err != nil {
			return err
		}
		if err := deleteResource(ctx, tx, id); err != nil {
			if db.IsForeignKey(err, "app_apis_resource") {
				return errResourceUsed.With("Withdraw the authorization of every app first, in descendants too.", err)
			}
			return err
		}
		if err := s.scopesDeleted(ctx, tx, names); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "authz", id.String()); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventResourceDeleted.Of(org, id, resourceData{Identifier: row.Identifier, Name: row.Name}))
	})
}

// ListScopes returns a page of the scopes of an API resource that org sees, by name.
func (s *Service) ListScopes(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, req page.Request) (result page.Result[APIScope], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := loadResource(ctx, tx, org, resource); err != nil {
			return err
		}
		rows, err := listScopes(ctx, tx, resource, req.Part(0), req.Limit())
		result = page.Map(page.Cut(req, rows, func(r scopeRow) []string { return []string{r.Name} }), scopeRow.view)
		return err
	})
	return result, err
}

// ListVisibleScopes returns a page of the scopes, by name, of all API resources that org sees; those that begin with prefix.
func (s *Service) ListVisibleScopes(ctx context.Context, tenant ids.Tenant, org ids.Org, prefix string, req page.Request) (result page.Result[VisibleScope], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := listVisibleScopes(ctx, tx, org, prefix, req.Part(0), req.Limit())
		result = page.Map(page.Cut(req, rows, func(r visibleScopeRow) []string { return []string{r.Name} }), func(r visibleScopeRow) VisibleScope {
			return VisibleScope{APIScope: r.view(), ResourceID: r.Resource, ResourceName: r.ResourceName}
		})
		return err
	})
	return result, err
}

// Scope returns a scope whose API resource org sees.
func (s *Service) Scope(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.Scope) (found APIScope, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := findVisibleScope(ctx, tx, org, id)
		found = row.view()
		return db.OrNotFound(err)
	})
	return found, err
}

// ScopesNamed returns those of the scopes named that belong to an API resource of the tenant, by name, for who asks people about them.
func (s *Service) ScopesNamed(ctx context.Context, tx db.Tx, names []string) ([]APIScope, error) {
	rows, err := scopesNamed(ctx, tx, names)
	found := make([]APIScope, len(rows))
	for i, row := range rows {
		found[i] = row.view()
	}
	return found, err
}

// AddScope adds a scope to an API resource that org defines.
func (s *Service) AddScope(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, in CreateAPIScopeRequest) (made APIScope, err error) {
	row, err := newScope("", in)
	if err != nil {
		return made, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := lockOwnResource(ctx, tx, org, resource); err != nil {
			return err
		}
		n, err := countScopes(ctx, tx, resource)
		if err != nil {
			return err
		}
		if n >= maxScopes {
			return errScopeTooMany.With("An API resource has at most 200 scopes.", nil)
		}
		if err := s.checkScopesFree(ctx, tx, row.Name); err != nil {
			return err
		}
		if err := insertScopes(ctx, tx, org, resource, []scopeRow{row}); err != nil {
			return scopeTaken(err)
		}
		made = row.view()
		return s.events.Write(ctx, tx, eventScopeAdded.Of(org, row.ID, scopeData{Name: row.Name, Resource: resource}))
	})
	return made, err
}

// UpdateScope changes what people read about a scope; its name never changes.
func (s *Service) UpdateScope(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, id ids.Scope, in UpdateAPIScopeRequest) (changed APIScope, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnScope(ctx, tx, org, resource, id)
		if err != nil {
			return err
		}
		if in.DisplayName != nil {
			if row.DisplayName, _, err = cleanName("/display_name", *in.DisplayName); err != nil {
				return err
			}
		}
		if in.Description != nil {
			if row.Description, err = cleanText("/description", *in.Description); err != nil {
				return err
			}
		}
		if err := updateScope(ctx, tx, row); err != nil {
			return err
		}
		changed = row.view()
		return s.events.Write(ctx, tx, eventScopeUpdated.Of(org, id, scopeData{Name: row.Name, Resource: resource}))
	})
	return changed, err
}

// DeleteScope removes a scope that no app is authorized for; it leaves every role.
func (s *Service) DeleteScope(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, id ids.Scope) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnScope(ctx, tx, org, resource, id)
		if err != nil {
			return err
		}
		used, err := scopeUsed(ctx, tx, resource, row.Name)
		if err != nil {
			return err
		}
		if used {
			return errScopeUsed.With("Withdraw the scope from every app first, in descendants too.", nil)
		}
		if err := deleteScope(ctx, tx, id); err != nil {
			return err
		}
		if err := s.scopesDeleted(ctx, tx, []string{row.Name}); err != nil {
			return err
		}
		if err := tx.Changed(ctx, "authz", resource.String()); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventScopeRemoved.Of(org, id, scopeData{Name: row.Name, Resource: resource}))
	})
}

func loadResource(ctx context.Context, tx db.Tx, org ids.Org, id ids.APIResource) (resourceRow, error) {
	row, err := findResource(ctx, tx, org, id)
	return row, db.OrNotFound(err)
}

// lockOwnResource returns an API resource that org may change, and keeps others from changing it.
func lockOwnResource(ctx context.Context, tx db.Tx, org ids.Org, id ids.APIResource) (resourceRow, error) {
	if err := lockResource(ctx, tx, id); err != nil {
		return resourceRow{}, err
	}
	row, err := loadResource(ctx, tx, org, id)
	switch {
	case err != nil:
		return row, err
	case row.Builtin:
		return row, errResourceBuiltin.With("The management API is the same in every tenant.", nil)
	case row.Org != org:
		return row, errResourceInherited.With("Only the organization that defines the API resource changes it.", nil)
	}
	return row, nil
}

func lockOwnScope(ctx context.Context, tx db.Tx, org ids.Org, resource ids.APIResource, id ids.Scope) (scopeRow, error) {
	if _, err := lockOwnResource(ctx, tx, org, resource); err != nil {
		return scopeRow{}, err
	}
	row, err := findScope(ctx, tx, resource, id)
	return row, db.OrNotFound(err)
}

func scopeTaken(err error) error {
	if db.IsUnique(err, "api_scopes_name") {
		return errScopeTaken.With("A scope name means one thing in a tenant; choose another.", err)
	}
	return err
}
