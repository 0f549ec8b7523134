package apps_test

import (
	"fmt"
	"slices"
	"testing"

	"grove/iam/apps"
	"grove/infra/kernel/page"
)

// TestOriginsAreListed: an organization sees, in pages, which origins its apps allow and which apps those are; nobody else's.
func TestOriginsAreListed(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	const a, c, z = "https://a.example", "https://c.example", "https://z.example:8443"
	spa := func(name string, origins ...string) apps.VersionedApp {
		app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: name, Template: "spa", RedirectURIs: []string{"https://x.example/cb"}, AllowedOrigins: origins})
		return app
	}
	spa("first", c, a)
	second := spa("second", c, z)
	spa("third")
	b.create(t, b.A, b.A.Rivals, apps.CreateAppRequest{Name: "theirs", Template: "spa", RedirectURIs: []string{"https://theirs.example/cb"}})
	off := false
	if _, err := b.apps.Update(ctx, tenant, org, second.ID, 0, apps.UpdateAppRequest{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	list := func(size int) (all []apps.Origin) {
		req := page.Request{Size: size}
		for {
			got, err := b.apps.ListOrigins(ctx, tenant, org, req)
			if err != nil || len(got.Items) > size {
				t.Fatal(len(got.Items), err)
			}
			if all = append(all, got.Items...); got.Next == nil {
				return all
			}
			req.After = got.Next
		}
	}
	for _, size := range []int{1, 2, 50} {
		var told []string
		for _, o := range list(size) {
			text := fmt.Sprint(o.Origin, o.AppCount)
			for _, app := range o.Apps {
				text += fmt.Sprint(" ", app.Name, app.Enabled)
			}
			told = append(told, text)
		}
		if want := []string{a + "1 firsttrue", c + "2 firsttrue secondfalse", "https://x.example1 thirdtrue", z + "1 secondfalse"}; !slices.Equal(told, want) {
			t.Errorf("in pages of %d: %q", size, told)
		}
	}
	for i := range 25 {
		spa(fmt.Sprintf("crowd %02d", i), "https://crowd.example")
	}
	crowd := list(50)[slices.IndexFunc(list(50), func(o apps.Origin) bool { return o.Origin == "https://crowd.example" })]
	if crowd.AppCount != 25 || len(crowd.Apps) != 20 || crowd.Apps[19].Name != "crowd 19" {
		t.Errorf("%d, %+v", crowd.AppCount, crowd.Apps)
	}
	every, err := b.apps.List(ctx, tenant, org, apps.AppFilter{Origin: "https://crowd.example"}, page.Request{Size: 200})
	if err != nil || len(every.Items) != 25 {
		t.Errorf("%d, %v", len(every.Items), err)
	}
	none, err := b.apps.List(ctx, tenant, org, apps.AppFilter{Origin: "https://crowd"}, page.Request{Size: 200})
	if err != nil || len(none.Items) != 0 {
		t.Errorf("part of an origin is none: %d, %v", len(none.Items), err)
	}
	const path = "/t/acme/v1/orgs/partner/app-origins"
	b.api.Want(t, 200, "", b.api.Token(b.A.Client(b.A.Root, "apps.read")), "GET", path+"?page_size=2", nil)
	b.api.Want(t, 403, "", b.api.Token(b.A.Client(b.A.Root, "users.read")), "GET", path, nil)
}
