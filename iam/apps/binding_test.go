package apps_test

import (
	"context"
	"testing"

	"grove/iam/apps"
	"grove/infra/kernel/ids"
)

// TestTokenBinding: only apps that live in a browser, and get codes and nothing else, have tokens that are bound to it; a change ends what there was.
func TestTokenBinding(t *testing.T) {
	b := setup(t)
	update := func(id ids.App, in apps.UpdateAppOIDCRequest) error {
		_, err := b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, id, 0, in)
		return err
	}
	cookie, none, nonsense := apps.BindingCookie, "", "device"
	patch := func(binding *string) apps.UpdateAppOIDCRequest {
		return apps.UpdateAppOIDCRequest{TokenPatch: apps.TokenPatch{TokenBinding: binding}}
	}
	redirect := []string{"https://app.example.com/cb"}
	spa, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: redirect})
	for _, template := range []string{"web", "mobile", "standard", "m2m"} {
		in := apps.CreateAppRequest{Name: template, Template: template, RedirectURIs: redirect, AllowedOrigins: []string{"https://app.example.com"}}
		if template == "m2m" {
			in.RedirectURIs = nil
		}
		app, _ := b.create(t, b.A, b.A.Partner, in)
		wantCode(t, update(app.ID, patch(&cookie)), "request.invalid")
	}
	wantCode(t, update(spa.ID, patch(&nonsense)), "request.invalid")
	with := func(change func(*apps.UpdateAppOIDCRequest)) apps.UpdateAppOIDCRequest {
		in := patch(&cookie)
		change(&in)
		return in
	}
	for name, in := range map[string]apps.UpdateAppOIDCRequest{
		"no origin": with(func(in *apps.UpdateAppOIDCRequest) { in.AllowedOrigins = &[]string{} }),
		"device": with(func(in *apps.UpdateAppOIDCRequest) {
			in.GrantTypes = &[]string{"authorization_code", apps.GrantDeviceCode}
		}),
		"password":      with(func(in *apps.UpdateAppOIDCRequest) { in.GrantTypes = &[]string{"authorization_code", "password"} }),
		"front channel": with(func(in *apps.UpdateAppOIDCRequest) { in.ResponseTypes = &[]string{"code", "code token"} }),
	} {
		t.Log(name)
		wantCode(t, update(spa.ID, in), "request.invalid")
	}
	epoch := func() int64 {
		n, _ := b.epoch(t, b.A, spa.ID)
		return n
	}
	before := epoch()
	for i, change := range []struct {
		to   *string
		ends bool
	}{{&none, false}, {&cookie, true}, {&cookie, false}, {nil, false}, {&none, true}} {
		if err := update(spa.ID, patch(change.to)); err != nil {
			t.Fatal(err)
		}
		if now := epoch(); (now != before) != change.ends {
			t.Errorf("change %d: epoch %d after %d", i, now, before)
		} else {
			before = now
		}
	}
	if err := update(spa.ID, patch(&cookie)); err != nil {
		t.Fatal(err)
	}
	if c := b.client(t, b.A, spa.ClientID); c.TokenBinding != cookie || len(c.Origins) != 1 || c.Origins[0] != "https://app.example.com" {
		t.Errorf("%+v", c)
	}
	if may := b.apps.Origins(context.Background(), b.A.Tenant, "https://app.example.com"); !may.Allowed || !may.Cookies {
		t.Errorf("%+v", may)
	}
	// What would take the binding's ground away is refused as well.
	wantCode(t, update(spa.ID, apps.UpdateAppOIDCRequest{AllowedOrigins: &[]string{}}), "request.invalid")
}
