package attributes

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
)

// maxOwn is how many claims, and how many scopes, an organization may define.
const maxOwn = 200

// protocol are the claims of tokens that say what happened, or what the token is: none of them tells an attribute of a person
// (RFC 7519, section 4.1; RFC 9068; RFC 7662; OpenID Connect Core 1.0, section 2, and its companions; Grove's own).
var protocol = []string{"acr", "act", "active", "amr", "at_hash", "aud", "aut", "auth_time", "authorization_details", "azp", "c_hash", "client_id", "cnf", "connection",
	"entitlements", "epoch", "events", "exchanged", "exp", "gid", "iat", "isk", "iss", "jti", "may_act", "narrowed", "nbf", "nonce", "org_handle", "org_id", "org_name",
	"origin", "read_only", "s_hash", "scope", "session_org", "sid", "sub", "sub_jwk", "token_introspection", "token_type", "user_org", "userinfo_claims", "username", "_claim_names", "_claim_sources"}

// Reserved reports whether access tokens, or answers about them, have a claim of their own of a name: one about the person never takes
// its place.
func Reserved(name string) bool {
	name = strings.ToLower(name)
	return name == Roles || slices.Contains(protocol, name)
}

// free are the attributes of the profile that a claim may be given. What was verified, and what roles and groups say, has its claims.
var free = []string{DisplayName, FamilyName, GivenName, Locale, Username}

// ListClaims returns a page of the claims that org has, by name.
func (s *Service) ListClaims(ctx context.Context, tenant ids.Tenant, org ids.Org, req page.Request) (result page.Result[OIDCClaim], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := listClaims(ctx, tx, org, req)
		result = page.Map(page.Cut(req, rows, func(r claimRow) []string { return []string{r.Name} }), func(r claimRow) OIDCClaim { return r.view(org) })
		return err
	})
	return result, err
}

// Claim returns a claim that org has.
func (s *Service) Claim(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.OIDCClaim) (r claimRow, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		r, err = findClaim(ctx, tx, org, id)
		return db.OrNotFound(err)
	})
	return r, err
}

// CreateClaim lets org's apps be told an attribute.
func (s *Service) CreateClaim(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateOIDCClaimRequest) (r claimRow, err error) {
	r = claimRow{ID: ids.NewOIDCClaim(), Org: org, Name: in.Name, Attribute: in.Attribute, Type: in.Type, SelfService: in.SelfService, Version: 1}
	if r.Type == "" {
		r.Type = TypeText
	}
	if slices.Contains(protocol, strings.ToLower(r.Name)) {
		return r, errReserved.At("/name", "Must be a name that no token uses for something else.")
	}
	if in.DisplayName == "" {
		in.DisplayName = in.Name
	}
	if r.DisplayName, err = cleanName(in.DisplayName); err != nil {
		return r, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		n, err := countClaims(ctx, tx, org)
		if err != nil {
			return err
		}
		if n >= maxOwn {
			return errTooMany.With("Delete a claim first.", nil)
		}
		if err := checkAttribute(ctx, tx, r); err != nil {
			return err
		}
		if err := taken(insertClaim(ctx, tx, r)); err != nil {
			return err
		}
		r.CreatedAt, r.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.Changed(ctx, topic, ""); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventClaimCreated.Of(org, r.ID, r.data()))
	})
	return r, err
}

// UpdateClaim changes what a claim tells. version 0 is any.
func (s *Service) UpdateClaim(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.OIDCClaim, version int64, in UpdateOIDCClaimRequest) (r claimRow, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if r, err = s.ownClaim(ctx, tx, org, id, version); err != nil {
			return err
		}
		was := r
		if in.Attribute != nil {
			r.Attribute = *in.Attribute
		}
		if in.Type != nil {
			r.Type = *in.Type
		}
		if in.SelfService != nil {
			r.SelfService = *in.SelfService
		}
		if in.DisplayName != nil {
			if r.DisplayName, err = cleanName(*in.DisplayName); err != nil {
				return err
			}
		}
		if r == was {
			return nil
		}
		if r.Attribute != was.Attribute || r.Type != was.Type || r.SelfService && !was.SelfService {
			if was.Builtin && (!changeable(was.Attribute) || r.Type != was.Type) {
				return errBuiltin.With("This claim tells what Grove knows; only its name for people can be changed.", nil)
			}
			if err := checkAttribute(ctx, tx, r); err != nil {
				return err
			}
		}
		if err := taken(updateClaim(ctx, tx, r)); err != nil {
			return err
		}
		r.UpdatedAt = tx.Now()
		r.Version++
		if err := tx.Changed(ctx, topic, ""); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventClaimUpdated.Of(org, id, r.data()))
	})
	return r, err
}

// DeleteClaim takes a claim away, from every scope too. version 0 is any.
func (s *Service) DeleteClaim(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.OIDCClaim, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		r, err := s.ownClaim(ctx, tx, org, id, version)
		if err != nil {
			return err
		}
		if r.Builtin {
			return errBuiltin.With("Take it out of the scopes that ask for it instead.", nil)
		}
		if err := deleteClaim(ctx, tx, r); err != nil {
			return err
		}
		if s.onClaim != nil {
			if err := s.onClaim(ctx, tx, r.Name); err != nil {
				return err
			}
		}
		if err := tx.Changed(ctx, topic, ""); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventClaimDeleted.Of(org, id, r.data()))
	})
}

func (s *Service) ownClaim(ctx context.Context, tx db.Tx, org ids.Org, id ids.OIDCClaim, version int64) (claimRow, error) {
	r, err := lockClaim(ctx, tx, org, id)
	switch {
	case err != nil:
		return r, db.OrNotFound(err)
	case r.Org != org:
		return r, errInherited.With("Change it in the organization that defines it.", nil)
	case version != 0 && version != r.Version:
		return r, fault.CodeStale.With("Read the claim again and repeat the change on what it is now.", nil)
	}
	return r, nil
}

func (r claimRow) data() claimData { return claimData{Attribute: r.Attribute, Name: r.Name} }

// changeable reports whether an attribute is one that any claim may tell.
func changeable(attribute string) bool {
	name, own := strings.CutPrefix(attribute, OwnPrefix)
	if !own {
		return slices.Contains(free, attribute)
	}
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkAttribute judges what a claim is to tell.
func checkAttribute(ctx context.Context, tx db.Tx, r claimRow) error {
	if !changeable(r.Attribute) {
		return fault.CodeInvalid.At("/attribute", "Must be username, display_name, given_name, family_name, locale, or attributes. and the name of one of your own.")
	}
	if r.SelfService && (r.Attribute == Username || r.Attribute == DisplayName) {
		return fault.CodeInvalid.At("/self_service", "Must be false: nobody fills this in himself.")
	}
	told, err := attributeTold(ctx, tx, r.Org, r.Attribute, r.ID)
	if err == nil && told {
		err = errAttributeTaken.With("Put that claim into the scope instead.", nil)
	}
	return err
}

func taken(err error) error {
	switch {
	case db.IsUnique(err, "oidc_claims_name"):
		return errClaimTaken.With("Choose another name: it means one thing in the whole tenant.", err)
	case db.IsUnique(err, "oidc_claims_attribute"):
		return errAttributeTaken.With("Put that claim into the scope instead.", err)
	case db.IsUnique(err, "oidc_scopes_name"):
		return errScopeTaken.With("Choose another name: it means one thing in the whole tenant.", err)
	}
	return err
}

func cleanName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return "", fault.CodeInvalid.At("/display_name", "Must be printable characters, at least one of them no space.")
	}
	return s, nil
}

// ListScopes returns a page of the scopes that org has, by name.
func (s *Service) ListScopes(ctx context.Context, tenant ids.Tenant, org ids.Org, req page.Request) (result page.Result[OIDCScope], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := listScopes(ctx, tx, org, req)
		result = page.Map(page.Cut(req, rows, func(r scopeRow) []string { return []string{r.Name} }), func(r scopeRow) OIDCScope { return r.view(org) })
		return err
	})
	return result, err
}

// Scope returns a scope that org has.
func (s *Service) Scope(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.OIDCScope) (r scopeRow, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		r, err = findScope(ctx, tx, org, id)
		return db.OrNotFound(err)
	})
	return r, err
}

// CreateScope lets org's apps ask for claims by a new name.
func (s *Service) CreateScope(ctx context.Context, tenant ids.Tenant, org ids.Org, in CreateOIDCScopeRequest) (r scopeRow, err error) {
	r = scopeRow{ID: ids.NewOIDCScope(), Org: org, Name: in.Name, Version: 1}
	if s.reserved(r.Name) {
		return r, errReserved.At("/name", "Must be a name that neither OpenID Connect nor the management API uses.")
	}
	if in.DisplayName == "" {
		in.DisplayName = in.Name
	}
	if r.DisplayName, err = cleanName(in.DisplayName); err != nil {
		return r, err
	}
	if r.Description, err = cleanText(in.Description); err != nil {
		return r, err
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		n, err := countScopes(ctx, tx, org)
		if err != nil {
			return err
		}
		if n >= maxOwn {
			return errTooMany.With("Delete a scope first.", nil)
		}
		clash, err := ofAPI(ctx, tx, r.Name)
		if err != nil {
			return err
		}
		if clash {
			return errScopeTaken.With("An API has a scope of this name.", nil)
		}
		if r.Claims, err = known(ctx, tx, org, in.Claims); err != nil {
			return err
		}
		if err := taken(insertScope(ctx, tx, r)); err != nil {
			return err
		}
		r.CreatedAt, r.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.Changed(ctx, topic, ""); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventScopeCreated.Of(org, r.ID, r.data()))
	})
	return r, err
}

// known returns names sorted, if org has claims of these names.
func known(ctx context.Context, tx db.Tx, org ids.Org, names []string) ([]string, error) {
	wanted := list.Distinct(names)
	found, err := knownClaims(ctx, tx, org, wanted)
	if err != nil {
		return nil, err
	}
	for _, name := range wanted {
		if !slices.Contains(found, name) {
			return nil, errUnknown.At("/claims", "Must be names of claims that the organization has.")
		}
	}
	if found == nil {
		found = []string{}
	}
	return found, nil
}

// UpdateScope changes what a scope asks for. version 0 is any.
func (s *Service) UpdateScope(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.OIDCScope, version int64, in UpdateOIDCScopeRequest) (r scopeRow, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if r, err = s.ownScope(ctx, tx, org, id, version); err != nil {
			return err
		}
		if in.DisplayName != nil {
			if r.DisplayName, err = cleanName(*in.DisplayName); err != nil {
				return err
			}
		}
		if in.Description != nil {
			if r.Description, err = cleanText(*in.Description); err != nil {
				return err
			}
		}
		if in.Claims != nil {
			if r.Builtin && r.Name == "openid" && len(*in.Claims) > 0 {
				return errBuiltin.With("The scope openid asks for no claims: it says that OpenID Connect is spoken.", nil)
			}
			if r.Claims, err = known(ctx, tx, org, *in.Claims); err != nil {
				return err
			}
		}
		if in.DisplayName == nil && in.Description == nil && in.Claims == nil {
			return nil
		}
		if err := updateScope(ctx, tx, r); err != nil {
			return err
		}
		r.UpdatedAt = tx.Now()
		r.Version++
		if err := tx.Changed(ctx, topic, ""); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventScopeUpdated.Of(org, id, r.data()))
	})
	return r, err
}

// DeleteScope takes a scope away. version 0 is any.
func (s *Service) DeleteScope(ctx context.Context, tenant ids.Tenant, org ids.Org, id ids.OIDCScope, version int64) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		r, err := s.ownScope(ctx, tx, org, id, version)
		if err != nil {
			return err
		}
		if r.Builtin {
			return errBuiltin.With("Take the claims out of it instead.", nil)
		}
		if err := deleteScope(ctx, tx, id); err != nil {
			return err
		}
		if s.onScope != nil {
			if err := s.onScope(ctx, tx, r.Name); err != nil {
				return err
			}
		}
		if err := tx.Changed(ctx, topic, ""); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventScopeDeleted.Of(org, id, r.data()))
	})
}

func (s *Service) ownScope(ctx context.Context, tx db.Tx, org ids.Org, id ids.OIDCScope, version int64) (scopeRow, error) {
	r, err := lockScope(ctx, tx, org, id)
	switch {
	case err != nil:
		return r, db.OrNotFound(err)
	case r.Org != org:
		return r, errInherited.With("Change it in the organization that defines it.", nil)
	case version != 0 && version != r.Version:
		return r, fault.CodeStale.With("Read the scope again and repeat the change on what it is now.", nil)
	}
	return r, nil
}

func (r scopeRow) data() scopeData { return scopeData{Claims: r.Claims, Name: r.Name} }

func cleanText(s string) (string, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' }) {
		return "", fault.CodeInvalid.At("/description", "Must be printable characters.")
	}
	return s, nil
}
