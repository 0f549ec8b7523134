package sharing

import (
	"cmp"
	"context"
	"slices"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/list"
	"grove/infra/kernel/page"
	"grove/infra/module"
)

// The policies of a share.
const (
	PolicyAll      = "all"      // every organization below the owner, present and future
	PolicyNone     = "none"     // nobody
	PolicySelected = "selected" // the organizations named
	PolicySubtree  = "subtree"  // the organizations named and all below them, present and future
)

const (
	rolesAll  = "all"
	rolesNone = "none"
)

// Availability says whether an organization has an app, and whether it may assign the app's roles.
type Availability struct {
	Available bool
	Roles     bool
}

// AppIn answers, in one query at most, whether org has an app. It does not ask whether the app is enabled.
func (s *Service) AppIn(ctx context.Context, tx db.Tx, client apps.Client, org ids.Org) (Availability, error) {
	if client.Org == org {
		return Availability{Available: true, Roles: true}, nil
	}
	return availability(ctx, tx, client.ID, org)
}

// IsSharedTx reports whether another organization's app is shared with org.
func (s *Service) IsSharedTx(ctx context.Context, tx db.Tx, org ids.Org, app ids.App) (bool, error) {
	a, err := availability(ctx, tx, app, org)
	return a.Available, err
}

// notOwn is why org cannot change an app that it does not own.
func (s *Service) notOwn(ctx context.Context, tx db.Tx, org ids.Org, app ids.App) error {
	shared, err := s.IsSharedTx(ctx, tx, org, app)
	if err == nil && shared {
		return apps.ErrShared.With("The app's owner says who has it.", nil)
	}
	return cmp.Or(err, error(fault.ErrNotFound))
}

// ShareAllTx shares a new app with every organization below its owner, present and future, without roles.
func (s *Service) ShareAllTx(ctx context.Context, tx db.Tx, app ids.App, owner ids.Org) error {
	_, err := putShare(ctx, tx, owner, app, PolicyAll, rolesNone)
	if err != nil {
		return err
	}
	return s.events.Write(ctx, tx, eventShared.Of(owner, app, sharedData{Policy: PolicyAll, Roles: rolesNone}))
}

// AppInEach returns which of the organizations have an app, in one query. It does not ask whether the app is enabled.
func (s *Service) AppInEach(ctx context.Context, tx db.Tx, client apps.Client, orgs []ids.Org) (map[ids.Org]bool, error) {
	found, err := availableIn(ctx, tx, client.ID, orgs)
	in := make(map[ids.Org]bool, len(found)+1)
	for _, org := range found {
		in[org] = true
	}
	if slices.Contains(orgs, client.Org) {
		in[client.Org] = true
	}
	return in, err
}

// OpenableTx returns a page of the apps that org has and people may open, those with an address, by name; the console where it is
// asked for.
func (s *Service) OpenableTx(ctx context.Context, tx db.Tx, org ids.Org, console bool, req page.Request) (page.Result[AvailableApp], error) {
	narrowed := openable
	if !console {
		narrowed += notConsole
	}
	rows, err := availableApps(ctx, tx, org, narrowed, req)
	return page.Map(rows, func(r availableRow) AvailableApp { return r.view(org) }), err
}

// VersionedShare is a share with the version that If-Match names.
type VersionedShare struct {
	AppShare
	Version int64
}

func (r shareRow) view() VersionedShare {
	share := AppShare{Policy: r.Policy, Organizations: r.Targets, Roles: r.Roles}
	if share.Organizations == nil {
		share.Organizations = []ids.Org{}
	}
	if !r.UpdatedAt.IsZero() {
		share.UpdatedAt = &r.UpdatedAt
	}
	return VersionedShare{share, r.Version}
}

// Share returns the share of an app that org owns.
func (s *Service) Share(ctx context.Context, tenant ids.Tenant, org ids.Org, app ids.App) (found VersionedShare, err error) {
	err = s.db.InOrg(ctx, tenant, org, func(ctx context.Context, tx db.OrgTx) error {
		if _, err := findApp(ctx, tx.Tx, org, app); err != nil {
			return db.OrNotFound(err)
		}
		row, err := findShare(ctx, tx.Tx, app)
		found = row.view()
		return err
	})
	return found, err
}

// SetShare replaces the share of an app that org owns. What organizations lose by it ends with the commit. version 0 is any.
func (s *Service) SetShare(ctx context.Context, tenant ids.Tenant, org ids.Org, app ids.App, version int64, in ShareAppRequest) (changed VersionedShare, err error) {
	targets := list.Distinct(in.Organizations)
	named := in.Policy == PolicySelected || in.Policy == PolicySubtree
	switch {
	case named && len(targets) == 0:
		return changed, errPolicy.At("/organizations", "Must name at least one organization with the policies selected and subtree.")
	case !named && len(targets) > 0:
		return changed, errPolicy.At("/organizations", "Must be empty with the policies all and none.")
	case slices.ContainsFunc(targets, ids.Org.IsZero):
		return changed, errTarget.At("/organizations", "Must be identifiers of organizations.")
	}
	if in.Roles == "" || in.Policy == PolicyNone {
		in.Roles = rolesNone
	}
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		owner, err := lockApp(ctx, tx, org, app)
		if db.IsNoRows(err) {
			return s.notOwn(ctx, tx, org, app)
		}
		if err != nil {
			return err
		}
		if owner.Builtin {
			return apps.ErrBuiltin.With("The console and the account portal are in every organization.", nil)
		}
		before, err := findShare(ctx, tx, app)
		if err != nil {
			return err
		}
		if version != 0 && version != before.Version {
			return fault.CodeStale.With("Read the share again and repeat the change on what it is now.", nil)
		}
		after := shareRow{Policy: in.Policy, Roles: in.Roles, Targets: targets, UpdatedAt: tx.Now()}
		if after.Version, err = putShare(ctx, tx, org, app, in.Policy, in.Roles); err != nil {
			return err
		}
		if err := dropTargets(ctx, tx, app, targets); err != nil {
			return err
		}
		if len(targets) > 0 {
			n, err := addTargets(ctx, tx, app, org, targets)
			if err != nil {
				return err
			}
			if n < len(targets) {
				return errTarget.At("/organizations", "Must be organizations below the one that owns the app.")
			}
		}
		ended, err := s.end(ctx, tx, owner, before, after)
		if err != nil {
			return err
		}
		changed = after.view()
		event := eventShared
		if in.Policy == PolicyNone {
			event = eventUnshared
		}
		return s.events.Write(ctx, tx, event.Of(org, app, sharedData{Organizations: len(targets), Policy: in.Policy, Roles: in.Roles, RolesEnded: ended}))
	})
	return changed, err
}

// end takes away what a change of a share takes from organizations: the roles given there, and every token of the app,
// because epochs know an app and not an app in an organization. Elsewhere the app gets new ones at the next refresh by a
// session that still stands.
func (s *Service) end(ctx context.Context, tx db.Tx, app appRow, before, after shareRow) (ended int64, err error) {
	if !narrower(before, after) {
		return 0, nil
	}
	if ended, err = s.authz.UnassignUnsharedTx(ctx, tx, app.ID); err != nil {
		return 0, err
	}
	return ended, tx.Raise(ctx, db.KindClient, app.ID.UUID(), "app.unshared")
}

// narrower reports whether some organization may have lost the app, or its roles.
func narrower(before, after shareRow) bool {
	if before.Policy == PolicyNone {
		return false
	}
	if before.Roles == rolesAll && after.Roles != rolesAll {
		return true
	}
	if after.Policy == PolicyAll {
		return false
	}
	if before.Policy == PolicyAll || after.Policy == PolicyNone || before.Policy == PolicySubtree && after.Policy != PolicySubtree {
		return true
	}
	kept := make(map[ids.Org]bool, len(after.Targets))
	for _, id := range after.Targets {
		kept[id] = true
	}
	return slices.ContainsFunc(before.Targets, func(id ids.Org) bool { return !kept[id] })
}

// Available returns a page of the apps that org has, by name: those that it owns, those that are shared with it, or, where how is "", both.
func (s *Service) Available(ctx context.Context, tenant ids.Tenant, org ids.Org, how string, req page.Request) (result page.Result[AvailableApp], err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		rows, err := availableApps(ctx, tx, org, map[string]string{"owned": owned, "shared": shared}[how], req)
		result = page.Map(rows, func(r availableRow) AvailableApp { return r.view(org) })
		return err
	})
	return result, err
}

func (s *Service) found(ctx context.Context, tx db.Tx, _ module.Founding) error {
	return shareBuiltin(ctx, tx)
}
