package authz

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
	"grove/infra/kernel/text"
	"grove/infra/module"
)

// found gives a new tenant the management API with its scopes, the built-in roles, and its first Administrator.
func (s *Service) found(ctx context.Context, tx db.Tx, f module.Founding) error {
	resource := resourceRow{ID: ids.NewAPIResource(), Org: f.Root, Identifier: ManagementAPI, Name: "Grove management API",
		NameKey: text.Key("Grove management API"), Requires: true, Builtin: true}
	if err := insertResource(ctx, tx, resource); err != nil {
		return fmt.Errorf("management API: %w", err)
	}
	var scopes []scopeRow
	for _, p := range perm.All() {
		scopes = append(scopes, scopeRow{ID: ids.NewScope(), Name: p.Name(), DisplayName: p.Name(), Description: p.Description()})
	}
	if err := insertScopes(ctx, tx, f.Root, resource.ID, scopes); err != nil {
		return fmt.Errorf("management scopes: %w", err)
	}
	administrator := roleRow{ID: f.AdminRole, Org: f.Root, Name: administratorName, NameKey: administratorKey, Description: "May do everything.",
		AudienceType: AudienceOrganization, AudienceID: f.Root.UUID(), Builtin: true}
	viewer := roleRow{ID: ids.NewRole(), Org: f.Root, Name: viewerName, NameKey: text.Key(viewerName), Description: "May see everything and change nothing.",
		AudienceType: AudienceOrganization, AudienceID: f.Root.UUID(), Builtin: true}
	for _, role := range []roleRow{administrator, viewer} {
		if err := insertRole(ctx, tx, role); err != nil {
			return fmt.Errorf("built-in role: %w", err)
		}
		var given []ids.Scope
		for _, scope := range scopes {
			if role.ID == administrator.ID || strings.HasSuffix(scope.Name, ".read") {
				given = append(given, scope.ID)
			}
		}
		if err := replacePermissions(ctx, tx, f.Root, role.ID, given); err != nil {
			return fmt.Errorf("permissions of a built-in role: %w", err)
		}
	}
	if f.Admin.User.IsZero() {
		return nil
	}
	first := assignmentRow{ID: ids.NewAssignment(), Org: f.Root, Role: f.AdminRole, PrincipalKind: PrincipalUser,
		PrincipalID: f.Admin.User.UUID(), Reach: ReachSubtree}
	if _, err := insertAssignment(ctx, tx, first); err != nil {
		return fmt.Errorf("first Administrator: %w", err)
	}
	return s.tell(ctx, tx, eventAssigned, first)
}

// catalogue names the permissions that this program knows. Another version of it may know others.
var catalogue = sync.OnceValue(func() string {
	h := sha256.New()
	for _, p := range perm.All() {
		_, _ = io.WriteString(h, p.Name()+"\n") // never fails
	}
	return hex.EncodeToString(h.Sum(nil))
})

// Sync brings the management API and the built-in roles of every tenant up to the program's permissions; a new version of
// the program may have more. It is run at start, costs one look into an index where nothing is new, and may run in several
// processes at once.
func (s *Service) Sync(ctx context.Context) error {
	names, descriptions := []string{}, map[string]string{}
	for _, p := range perm.All() {
		names = append(names, p.Name())
		descriptions[p.Name()] = p.Description()
	}
	return s.db.InSystem(ctx, "bring built-in roles up to the program's permissions", func(ctx context.Context, tx db.SystemTx) error {
		behind, err := anyBehind(ctx, tx, catalogue())
		if err != nil || !behind {
			return err
		}
		scopes, err := missingScopes(ctx, tx, names)
		if err != nil {
			return err
		}
		if len(scopes) > 0 {
			if err := addMissingScopes(ctx, tx, scopes, descriptions); err != nil {
				return err
			}
		}
		permissions, err := missingPermissions(ctx, tx)
		if err != nil {
			return err
		}
		if len(permissions) > 0 {
			if err := addMissingPermissions(ctx, tx, permissions); err != nil {
				return err
			}
		}
		return markSynced(ctx, tx, catalogue())
	})
}
