package apps_test

import (
	"context"
	"testing"

	"grove/iam/apps"
	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/perm"
)

// shared is one app, shared with one organization.
type shared struct {
	app ids.App
	org ids.Org
}

func (s shared) IsSharedTx(_ context.Context, _ db.Tx, org ids.Org, app ids.App) (bool, error) {
	return s.app == app && s.org == org, nil
}

// TestAttack28_GrantsOfOwnApps: a customer's administrator makes no app that sees passwords or gets tokens through the browser.
func TestAttack28_GrantsOfOwnApps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, in := range map[string]apps.UpdateAppOIDCRequest{
		"passwords":        {GrantTypes: &[]string{apps.GrantAuthorizationCode, apps.GrantPassword}},
		"implicit":         {ResponseTypes: &[]string{"token"}},
		"hybrid":           {ResponseTypes: &[]string{"code", "code id_token"}},
		"acting as others": {ResponseTypes: &[]string{"id_token subject_token"}},
	} {
		for _, org := range []struct {
			id   ids.Org
			code string
		}{{b.A.Root.ID, ""}, {b.A.Partner.ID, "app.grant_types"}, {b.A.Branch.ID, "app.grant_types"}} {
			made, _, err := b.apps.Create(all(b.A), b.A.Tenant.ID, org.id, apps.CreateAppRequest{Name: name, Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(name)
			_, err = b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, org.id, made.ID, 0, in)
			wantCode(t, err, org.code)
		}
	}
}

// TestAttack01_TurnedOffAbove: what an organization above has turned off stays off, whoever below wants it on.
func TestAttack01_TurnedOffAbove(t *testing.T) {
	t.Parallel()
	b := setup(t)
	app, _ := b.create(t, b.A, b.A.Branch, apps.CreateAppRequest{Name: "Own", Template: "m2m"})
	as := func(org ids.Org) context.Context {
		scopes := map[string]bool{}
		for _, p := range perm.All() {
			scopes[p.Name()] = true
		}
		return actor.Into(context.Background(), actor.Actor{Kind: actor.User, Tenant: b.A.Tenant.ID, Org: org, User: ids.NewUser(), Scopes: scopes})
	}
	turn := func(org ids.Org, on bool, code string, by *ids.Org) {
		t.Helper()
		_, err := b.apps.Update(as(org), b.A.Tenant.ID, b.A.Branch.ID, app.ID, 0, apps.UpdateAppRequest{Enabled: &on})
		wantCode(t, err, code)
		got, err := b.apps.Load(as(org), b.A.Tenant.ID, b.A.Branch.ID, app.ID)
		if err != nil || (got.TurnedOffBy == nil) != (by == nil) || by != nil && *got.TurnedOffBy != *by {
			t.Fatalf("turned off by %v, not %v: %v", got.TurnedOffBy, by, err)
		}
	}
	root, partner, branch := b.A.Root.ID, b.A.Partner.ID, b.A.Branch.ID
	turn(branch, false, "", nil)
	turn(branch, true, "", nil)
	turn(branch, false, "", nil)
	turn(partner, false, "", &partner) // it was off already
	turn(branch, true, "app.turned_off_above", &partner)
	turn(root, false, "", &root)
	turn(partner, false, "", &root) // the higher word stands
	turn(partner, true, "app.turned_off_above", &root)
	turn(branch, false, "", &root)
	if c := b.client(t, b.A, app.ClientID); c.Enabled {
		t.Error("it is on")
	}
	turn(root, true, "", nil)
	turn(partner, false, "", &partner)
	turn(root, true, "", nil)
}

// TestSharedAppIsReadOnly: an organization reads what an app is that is shared with it, and changes nothing of it.
func TestSharedAppIsReadOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	app, _ := b.create(t, b.A, b.A.Root, apps.CreateAppRequest{Name: "Vendor's", Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
	b.apps.WithShares(shared{app.ID, b.A.Partner.ID})
	ctx, tenant := all(b.A), b.A.Tenant.ID
	for org, want := range map[ids.Org][2]string{b.A.Root.ID: {"", ""}, b.A.Partner.ID: {"", "app.shared"}, b.A.Rivals.ID: {"resource.not_found", "resource.not_found"}} {
		_, err := b.apps.See(ctx, tenant, org, app.ID)
		wantCode(t, err, want[0])
		name := "Mine"
		_, err = b.apps.Update(ctx, tenant, org, app.ID, 0, apps.UpdateAppRequest{Name: &name})
		wantCode(t, err, want[1])
		_, err = b.apps.UpdateOIDC(ctx, tenant, org, app.ID, 0, apps.UpdateAppOIDCRequest{RedirectURIs: &[]string{"https://b.example/cb"}})
		wantCode(t, err, want[1])
		_, err = b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{})
		wantCode(t, err, want[1])
		wantCode(t, b.apps.RevokeTokens(ctx, tenant, org, app.ID), want[1])
	}
	wantCode(t, b.apps.Delete(ctx, tenant, b.A.Partner.ID, app.ID, 0), "app.shared")
	wantCode(t, b.apps.Delete(ctx, tenant, b.A.Rivals.ID, app.ID, 0), "resource.not_found")
	off := false
	if _, err := b.apps.Update(ctx, tenant, b.A.Root.ID, app.ID, 0, apps.UpdateAppRequest{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	_, err := b.apps.See(ctx, tenant, b.A.Partner.ID, app.ID)
	wantCode(t, err, "resource.not_found")
}
