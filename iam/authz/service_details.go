package authz

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
)

// maxDetailsTypes bounds an API resource.
const maxDetailsTypes = 50

// VersionedDetailsType is an authorization details type with the version that If-Match names.
type VersionedDetailsType struct {
	AuthorizationDetailsType
	Version int64
}

func (r detailsTypeRow) versioned() VersionedDetailsType {
	return VersionedDetailsType{r.view(), r.Version}
}

// checkSchema compiles a schema as it will be compiled when it is used.
func checkSchema(kind string, schema map[string]any) error {
	raw, err := json.Marshal(schema)
	if err != nil || bytes.Contains(raw, []byte(`\u0000`)) { // which Postgres does not keep
		return errDetailsSchema.At("/schema", "Must be a JSON Schema.")
	}
	_, err = details.Compile(kind, raw)
	var p *details.SchemaProblem
	if errors.As(err, &p) {
		return errDetailsSchema.At("/schema"+p.At, "Must be a JSON Schema of draft 2020-12 within the limits; what stands at \""+p.At+"\" is "+p.Why+".")
	}
	return err
}

// ListDetailsTypes returns a page of the authorization details types of an API resource that org sees, by type.
func (s *Service) ListDetailsTypes(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, req page.Request) (result page.Result[AuthorizationDetailsType], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := loadResource(ctx, tx, org, resource); err != nil {
			return err
		}
		rows, err := listDetailsTypes(ctx, tx, resource, req.Part(0), req.Limit())
		result = page.Map(page.Cut(req, rows, func(r detailsTypeRow) []string { return []string{r.Type} }), detailsTypeRow.view)
		return err
	})
	return result, err
}

// ListVisibleDetailsTypes returns a page of the authorization details types, by type, of all API resources that org sees.
func (s *Service) ListVisibleDetailsTypes(ctx context.Context, tenant ids.Tenant, org ids.Org, req page.Request) (result page.Result[VisibleDetailsType], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := listVisibleDetailsTypes(ctx, tx, org, req.Part(0), req.Limit())
		result = page.Map(page.Cut(req, rows, func(r visibleDetailsTypeRow) []string { return []string{r.Type} }), func(r visibleDetailsTypeRow) VisibleDetailsType {
			return VisibleDetailsType{AuthorizationDetailsType: r.view(), ResourceID: r.Resource, ResourceName: r.ResourceName}
		})
		return err
	})
	return result, err
}

// LoadDetailsType returns an authorization details type of an API resource that org sees.
func (s *Service) LoadDetailsType(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, id ids.DetailsType) (found VersionedDetailsType, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := loadResource(ctx, tx, org, resource); err != nil {
			return err
		}
		row, err := findDetailsType(ctx, tx, resource, id)
		found = row.versioned()
		return db.OrNotFound(err)
	})
	return found, err
}

// visibleDetailsType is LoadDetailsType where the API resource is not named.
func (s *Service) visibleDetailsType(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.DetailsType) (found VersionedDetailsType, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := findVisibleDetailsType(ctx, tx, org, id)
		found = row.versioned()
		return db.OrNotFound(err)
	})
	return found, err
}

// AddDetailsType adds an authorization details type to an API resource that org defines.
func (s *Service) AddDetailsType(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, in CreateAuthorizationDetailsTypeRequest) (made VersionedDetailsType, err error) {
	row := detailsTypeRow{ID: ids.NewDetailsType(), Resource: resource, Type: in.Type, Schema: in.Schema, Version: 1}
	if in.Type == "" || strings.ContainsFunc(in.Type, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return made, fault.CodeInvalid.At("/type", "Must be printable ASCII but space, quote and backslash.")
	}
	if row.Name, _, err = cleanName("/name", in.Name); err != nil {
		return made, err
	}
	if row.Description, err = cleanText("/description", in.Description); err != nil {
		return made, err
	}
	if err := checkSchema(in.Type, in.Schema); err != nil {
		return made, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := lockOwnResource(ctx, tx, org, resource); err != nil {
			return err
		}
		n, err := countDetailsTypes(ctx, tx, resource)
		if err != nil {
			return err
		}
		if n >= maxDetailsTypes {
			return errDetailsTooMany.With("An API resource has at most 50 authorization details types.", nil)
		}
		if err := insertDetailsType(ctx, tx, org, row); err != nil {
			if db.IsUnique(err, "authorization_details_types_type") {
				return errDetailsTaken.With("A type means one thing in a tenant; choose another.", err)
			}
			return err
		}
		row.CreatedAt, row.UpdatedAt = tx.Now(), tx.Now()
		made = row.versioned()
		return s.tellDetails(ctx, tx, eventDetailsAdded.Of(org, row.ID, detailsTypeData{Resource: resource, Type: row.Type}), resource)
	})
	return made, err
}

// UpdateDetailsType changes what people read about a type, and its schema; the type itself never changes. version 0 is any.
//
// Tokens that are out keep what they carry until they end. New ones, of grants too, carry only what fits the schema then.
func (s *Service) UpdateDetailsType(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, id ids.DetailsType, version int64, in UpdateAuthorizationDetailsTypeRequest) (changed VersionedDetailsType, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnDetailsType(ctx, tx, org, resource, id, version)
		if err != nil {
			return err
		}
		if in.Name != nil {
			if row.Name, _, err = cleanName("/name", *in.Name); err != nil {
				return err
			}
		}
		if in.Description != nil {
			if row.Description, err = cleanText("/description", *in.Description); err != nil {
				return err
			}
		}
		if in.Schema != nil {
			if err := checkSchema(row.Type, *in.Schema); err != nil {
				return err
			}
			row.Schema = *in.Schema
		}
		if err := updateDetailsType(ctx, tx, row); err != nil {
			return err
		}
		row.UpdatedAt = tx.Now()
		row.Version++
		changed = row.versioned()
		return s.tellDetails(ctx, tx, eventDetailsUpdated.Of(org, id, detailsTypeData{Resource: resource, Type: row.Type}), resource)
	})
	return changed, err
}

// DeleteDetailsType removes a type that no app may ask for. version 0 is any.
func (s *Service) DeleteDetailsType(ctx context.Context, tenant ids.Tenant, org ids.Org, resource ids.APIResource, id ids.DetailsType, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := lockOwnDetailsType(ctx, tx, org, resource, id, version)
		if err != nil {
			return err
		}
		used, err := detailsTypeUsed(ctx, tx, resource, row.Type)
		if err != nil {
			return err
		}
		if used {
			return errDetailsUsed.With("Withdraw the type from every app first, in descendants too.", nil)
		}
		if err := deleteDetailsType(ctx, tx, id); err != nil {
			return err
		}
		return s.tellDetails(ctx, tx, eventDetailsRemoved.Of(org, id, detailsTypeData{Resource: resource, Type: row.Type}), resource)
	})
}

// lockOwnDetailsType returns a type that org may change, and keeps others from changing it.
func lockOwnDetailsType(ctx context.Context, tx db.Tx, org ids.Org, resource ids.APIResource, id ids.DetailsType, version int64) (detailsTypeRow, error) {
	if _, err := lockOwnResource(ctx, tx, org, resource); err != nil {
		return detailsTypeRow{}, err
	}
	row, err := findDetailsType(ctx, tx, resource, id)
	if err != nil {
		return row, db.OrNotFound(err)
	}
	return row, checkVersion(row.Version, version)
}

// tellDetails announces a change to who keeps types in memory, and writes it down.
func (s *Service) tellDetails(ctx context.Context, tx db.Tx, fact events.Fact, resource ids.APIResource) error {
	if err := tx.Changed(ctx, "authz", resource.String()); err != nil {
		return err
	}
	return s.events.Write(ctx, tx, fact)
}

// DetailsType returns what a type means in a tenant, ready to judge details. Error: resource.not_found.
func (s *Service) DetailsType(ctx context.Context, tenant ids.Tenant, kind string) (of details.Type, err error) {
	var row namedType
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		row, err = findNamedType(ctx, tx, kind)
		return db.OrNotFound(err)
	})
	if err != nil {
		return of, err
	}
	raw, err := json.Marshal(row.Schema)
	if err != nil {
		return of, err
	}
	of = details.Type{Kind: row.Type, Name: row.Name, Description: row.Description, API: row.Identifier}
	of.Schema, err = details.Compile(row.Type, raw)
	return of, err
}

// DetailsTypeNames returns the first of the authorization details types, in order, of the APIs that an organization defines or
// inherits.
func (s *Service) DetailsTypeNames(ctx context.Context, tenant ids.Tenant, org ids.Org, limit int) (names []string, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		names, err = typeNames(ctx, tx, org, limit)
		return err
	})
	return names, err
}
