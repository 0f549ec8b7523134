package directory_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/orgs/directory"
)

type listed struct {
	Items []directory.Organization `json:"items"`
	Next  string                   `json:"next_page_token"`
}

func (l listed) names() string {
	var names []string
	for _, o := range l.Items {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

func TestCreateAndRead(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID)
	var made, again, below directory.Organization
	body := map[string]any{"name": " Café  Zürich ", "attributes": map[string]string{"crm_id": "42"}}
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs", body, "Idempotency-Key", "k").Into(t, &made)
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs", body, "Idempotency-Key", "k").Into(t, &again)
	if made.ID != again.ID || made.Handle != "cafe-zurich" || made.ParentID == nil || *made.ParentID != b.a.Root || made.Attributes["crm_id"] != "42" ||
		made.EffectiveStatus != directory.Active || made.HasChildren || !slices.Contains(made.AllowedActions, "suspend") {
		t.Fatalf("%+v", made)
	}
	b.api.Want(t, 422, "idempotency.mismatch", vendor, "POST", "/t/acme/v1/orgs", map[string]any{"name": "Other"}, "Idempotency-Key", "k")
	b.api.Want(t, 201, "", vendor, "POST", "/t/acme/v1/orgs", map[string]any{"name": "Lausanne", "parent_id": made.ID}).Into(t, &below)
	if *below.ParentID != made.ID {
		t.Fatalf("%+v", below)
	}
	b.api.Want(t, 201, "", north, "POST", "/t/acme/v1/orgs", map[string]any{"name": "Hamburg"}).Into(t, &below)
	if *below.ParentID != b.a.north.ID {
		t.Fatalf("%+v", below)
	}
	for _, ref := range []string{made.ID.String(), "cafe-zurich"} {
		r := b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/"+ref, nil)
		r.Into(t, &again)
		if again.Name != "Café  Zürich" || !again.HasChildren || r.Header.Get("ETag") != `"1"` {
			t.Fatalf("%s", r.Raw)
		}
	}
	// The same name and handle are free in the other tenant, and below another parent under another handle.
	b.api.Want(t, 201, "", b.token(b.b, b.b.Root), "POST", "/t/acme-2/v1/orgs", body).Into(t, &again)
	if again.Handle != "cafe-zurich" {
		t.Fatalf("%+v", again)
	}
	b.api.Want(t, 201, "", north, "POST", "/t/acme/v1/orgs", body).Into(t, &again)
	if !strings.HasPrefix(again.Handle, "cafe-zurich-") {
		t.Fatalf("%+v", again)
	}
	if got := b.events(t, b.a.Tenant, made.ID); got != "org.created" {
		t.Fatal(got)
	}
}

func TestCreateRefuses(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID)
	for name, c := range map[string]struct {
		token  string
		body   any
		status int
		code   string
	}{
		"no name":                    {vendor, map[string]any{}, 422, "request.invalid"},
		"name of spaces":             {vendor, map[string]any{"name": "\u3000 "}, 422, "request.invalid"},
		"name with NUL":              {vendor, map[string]any{"name": "a\x00b"}, 422, "request.invalid"},
		"name too long":              {vendor, map[string]any{"name": strings.Repeat("é", 101)}, 422, "request.invalid"},
		"name that grows":            {vendor, map[string]any{"name": strings.Repeat("ﷺ", 100)}, 422, "request.invalid"},
		"sibling's name":             {vendor, map[string]any{"name": "nORTH "}, 409, "org.name_taken"},
		"sibling's name, full width": {vendor, map[string]any{"name": "Ｎorth"}, 409, "org.name_taken"},
		"handle taken":               {vendor, map[string]any{"name": "New", "handle": "berlin"}, 409, "org.handle_taken"},
		"handle of the root":         {vendor, map[string]any{"name": "New", "handle": "acme"}, 409, "org.handle_taken"},
		"handle root":                {vendor, map[string]any{"name": "New", "handle": "root"}, 422, "request.invalid"},
		"handle upper case":          {vendor, map[string]any{"name": "New", "handle": "New"}, 422, "request.invalid"},
		"handle with underscore":     {vendor, map[string]any{"name": "New", "handle": "org_new"}, 422, "request.invalid"},
		"handle with line break":     {vendor, map[string]any{"name": "New", "handle": "new\n"}, 422, "request.invalid"},
		"attribute not text":         {vendor, map[string]any{"name": "New", "attributes": map[string]any{"a": 1}}, 422, "request.invalid"},
		"attribute too long":         {vendor, map[string]any{"name": "New", "attributes": map[string]any{"a": strings.Repeat("x", 1001)}}, 422, "request.invalid"},
		"attribute with NUL":         {vendor, map[string]any{"name": "New", "attributes": map[string]any{"a": "\x00"}}, 422, "request.invalid"},
		"description with NUL":       {vendor, map[string]any{"name": "New", "description": "\x00"}, 422, "request.invalid"},
		"parent of another kind":     {vendor, map[string]any{"name": "New", "parent_id": ids.NewUser()}, 422, "request.invalid"},
		"parent unknown":             {vendor, map[string]any{"name": "New", "parent_id": ids.NewOrg()}, 404, "resource.not_found"},
		"parent of another tenant":   {vendor, map[string]any{"name": "New", "parent_id": b.b.north.ID}, 404, "resource.not_found"},
		"parent beside":              {north, map[string]any{"name": "New", "parent_id": b.a.south.ID}, 404, "resource.not_found"},
		"parent above":               {north, map[string]any{"name": "New", "parent_id": b.a.Root}, 404, "resource.not_found"},
		"unknown member":             {vendor, map[string]any{"name": "New", "status": "suspended"}, 422, "request.invalid"},
		"reader":                     {b.token(b.a, b.a.Root, "orgs.read"), map[string]any{"name": "New"}, 403, "request.forbidden"},
		"other tenant's token":       {b.token(b.b, b.b.Root), map[string]any{"name": "New"}, 401, "request.unauthenticated"},
		"no token":                   {"", map[string]any{"name": "New"}, 401, "request.unauthenticated"},
		"token without organization": {b.token(b.a, ids.Org{}), map[string]any{"name": "New"}, 404, "resource.not_found"},
		"half a body":                {vendor, `{"name": "Ne`, 400, "request.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			b.api.Want(t, c.status, c.code, c.token, "POST", "/t/acme/v1/orgs", c.body)
		})
	}
	for _, tr := range []tree{b.a, b.b} {
		var l listed
		b.api.Want(t, 200, "", b.token(tr, tr.Root), "GET", "/t/"+tr.Handle+"/v1/orgs", nil).Into(t, &l)
		if l.names() != "Acme, Berlin, North, South" {
			t.Fatalf("%s: %s", tr.Handle, l.names())
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	const maxDepth = 24
	b := setupOf(t, maxDepth)
	parent := b.a.Root
	for range maxDepth {
		parent = b.create(t, b.a.Tenant, parent, "Deeper").ID
	}
	vendor := b.token(b.a, b.a.Root)
	refused := b.api.Want(t, 409, "org.too_deep", vendor, "POST", "/t/acme/v1/orgs", map[string]any{"name": "Too deep", "parent_id": parent})
	if !strings.Contains(string(refused.Raw), "at most 24 levels") {
		t.Errorf("%s", refused.Raw)
	}
	var l listed
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/"+parent.String()+"/ancestors?page_size=15", nil).Into(t, &l)
	if len(l.Items) != 15 || l.Items[0].ID != b.a.Root || l.Next == "" {
		t.Fatalf("%d %+v", len(l.Items), l.Next)
	}
	top := l.Items[1].ID
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/"+parent.String()+"/ancestors?page_size=15&page_token="+l.Next, nil).Into(t, &l)
	if len(l.Items) != maxDepth-15 {
		t.Fatalf("%d", len(l.Items))
	}
	b.api.Want(t, 409, "org.too_deep", vendor, "POST", "/t/acme/v1/orgs/"+top.String()+":move", map[string]any{"parent_id": b.a.north.ID})
}

func TestListsAreBoundToTheTokensSubtree(t *testing.T) {
	b := setup(t)
	b.create(t, b.a.Tenant, b.a.north.ID, "Bergen")
	vendor, north, berlin := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID), b.token(b.a, b.a.berlin.ID)
	for _, c := range []struct{ token, query, want string }{
		{vendor, "/orgs", "Acme, Bergen, Berlin, North, South"},
		{north, "/orgs", "Bergen, Berlin, North"},
		{berlin, "/orgs", "Berlin"},
		{vendor, "/orgs?q=BER", "Bergen, Berlin"},
		{north, "/orgs?q=ber", "Bergen, Berlin"},
		{north, "/orgs?q=so", ""},
		{vendor, "/orgs?status=suspended", ""},
		{vendor, "/orgs/root/children", "North, South"},
		{vendor, "/orgs/north/children?q=berl", "Berlin"},
		{vendor, "/orgs/berlin/ancestors", "Acme, North"},
		{north, "/orgs/berlin/ancestors", "North"},
		{berlin, "/orgs/berlin/ancestors", ""},
	} {
		var l listed
		b.api.Want(t, 200, "", c.token, "GET", "/t/acme/v1"+c.query, nil).Into(t, &l)
		if l.names() != c.want {
			t.Errorf("%s: got %q, want %q", c.query, l.names(), c.want)
		}
	}
	for _, c := range []struct {
		token, path string
		status      int
		code        string
	}{
		{north, "/orgs/south", 404, "resource.not_found"},
		{north, "/orgs/root", 404, "resource.not_found"},
		{north, "/orgs/root/children", 404, "resource.not_found"},
		{north, "/orgs/" + b.b.north.ID.String(), 404, "resource.not_found"},
		{vendor, "/orgs/" + b.b.north.ID.String(), 404, "resource.not_found"},
		{vendor, "/orgs/" + b.b.north.ID.String() + "/children", 404, "resource.not_found"},
		{vendor, "/orgs/" + ids.NewUser().String(), 422, "request.invalid"},
		{vendor, "/orgs/north:bogus", 404, "resource.not_found"},
		{vendor, "/orgs/North", 404, "resource.not_found"},
		{vendor, "/orgs?q=%00", 422, "request.invalid"},
		{vendor, "/orgs?page_size=201", 422, "request.invalid"},
		{vendor, "/orgs?page_token=forged", 400, "request.page_token"},
		{vendor, "/orgs?sort=name", 422, "request.invalid"},
	} {
		b.api.Want(t, c.status, c.code, c.token, "GET", "/t/acme/v1"+c.path, nil)
	}
	// A customer does not learn what lies above.
	var own directory.Organization
	b.api.Want(t, 200, "", north, "GET", "/t/acme/v1/orgs/north", nil).Into(t, &own)
	if own.ParentID != nil || slices.Contains(own.AllowedActions, "delete") || slices.Contains(own.AllowedActions, "suspend") {
		t.Fatalf("%+v", own)
	}
	// A page's token is good for the same list only.
	var l listed
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs?page_size=2", nil).Into(t, &l)
	b.api.Want(t, 400, "request.page_token", vendor, "GET", "/t/acme/v1/orgs?page_size=2&q=b&page_token="+l.Next, nil)
	b.api.Want(t, 400, "request.page_token", b.token(b.b, b.b.Root), "GET", "/t/acme-2/v1/orgs?page_token="+l.Next, nil)
	var pages []string
	for token := ""; ; token = l.Next {
		l = listed{}
		b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs?page_size=2&page_token="+token, nil).Into(t, &l)
		pages = append(pages, l.names())
		if l.Next == "" {
			break
		}
	}
	if strings.Join(pages, " | ") != "Acme, Bergen | Berlin, North | South" {
		t.Fatal(pages)
	}
}

func TestUpdate(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID)
	var o directory.Organization
	r := b.api.Want(t, 200, "", north, "PATCH", "/t/acme/v1/orgs/north", `{"name": "Norden", "handle": "north", "attributes": {"a": "1", "b": "2"}}`, "If-Match", `"1"`)
	r.Into(t, &o)
	if o.Name != "Norden" || o.Attributes["b"] != "2" || r.Header.Get("ETag") != `"2"` {
		t.Fatalf("%s", r.Raw)
	}
	b.api.Want(t, 412, "resource.stale", north, "PATCH", "/t/acme/v1/orgs/north", `{"name": "Again"}`, "If-Match", `"1"`)
	b.api.Want(t, 412, "resource.stale", north, "PATCH", "/t/acme/v1/orgs/north", `{"name": "Again"}`, "If-Match", `forged`)
	o = directory.Organization{}
	b.api.Want(t, 200, "", north, "PATCH", "/t/acme/v1/orgs/north", `{"attributes": {"a": null}}`).Into(t, &o)
	if _, has := o.Attributes["a"]; has || o.Attributes["b"] != "2" {
		t.Fatalf("%+v", o.Attributes)
	}
	b.api.Want(t, 403, "org.only_from_above", north, "PATCH", "/t/acme/v1/orgs/north", `{"handle": "polar"}`)
	b.api.Want(t, 409, "org.handle_taken", vendor, "PATCH", "/t/acme/v1/orgs/north", `{"handle": "south"}`)
	b.api.Want(t, 409, "org.name_taken", vendor, "PATCH", "/t/acme/v1/orgs/north", `{"name": "south"}`)
	b.api.Want(t, 409, "org.root", vendor, "PATCH", "/t/acme/v1/orgs/root", `{"handle": "other"}`)
	b.api.Want(t, 200, "", vendor, "PATCH", "/t/acme/v1/orgs/root", `{"name": "Acme Group"}`)
	b.api.Want(t, 422, "request.invalid", vendor, "PATCH", "/t/acme/v1/orgs/north", `{"name": ""}`)
	b.api.Want(t, 404, "", north, "PATCH", "/t/acme/v1/orgs/south", `{"name": "Mine"}`)
	b.api.Want(t, 200, "", vendor, "PATCH", "/t/acme/v1/orgs/north", `{"handle": "polar"}`)
	testkit.Eventually(t, "the old handle is forgotten", func() bool {
		return b.api.Do(t, vendor, "GET", "/t/acme/v1/orgs/north", nil).Status == 404
	})
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/polar", nil)
	if got := b.events(t, b.a.Tenant, b.a.north.ID); got != "org.created org.updated org.updated org.updated" {
		t.Fatal(got)
	}
	if got := b.events(t, b.b.Tenant, b.b.north.ID); got != "org.created" {
		t.Fatal(got)
	}
}

func TestNameAvailability(t *testing.T) {
	b := setup(t)
	vendor := b.token(b.a, b.a.Root)
	for path, want := range map[string]bool{
		"/orgs/root/name-availability?name=NORTH": false, "/orgs/root/name-availability?name=Berlin": true,
		"/orgs/north/name-availability?name=berlin": false, "/orgs/south/name-availability?name=Berlin": true,
	} {
		var a directory.NameAvailability
		b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1"+path, nil).Into(t, &a)
		if a.Available != want || a.Handle == "" {
			t.Errorf("%s: %+v", path, a)
		}
	}
	b.api.Want(t, 422, "", vendor, "GET", "/t/acme/v1/orgs/root/name-availability", nil)
	b.api.Want(t, 422, "", vendor, "GET", "/t/acme/v1/orgs/root/name-availability?name=%00", nil)
	b.api.Want(t, 403, "", b.token(b.a, b.a.Root, "orgs.read"), "GET", "/t/acme/v1/orgs/root/name-availability?name=x", nil)
}

func (b *bundle) epoch(t *testing.T, tr tree, org ids.Org) (epoch int64, blocked bool) {
	t.Helper()
	err := b.do(tr.Tenant, func(ctx context.Context, tx db.Tx) error {
		err := tx.QueryRow(ctx, `SELECT epoch, blocked FROM epochs WHERE tenant_id = $1 AND subject = $2 AND kind = 'org'`, tr.ID, org).Scan(&epoch, &blocked)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return epoch, blocked
}

func TestLifeCycleIsFromAbove(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID)
	path := "/t/acme/v1/orgs/" + b.a.north.ID.String()
	for _, verb := range []string{":suspend", ":resume"} {
		b.api.Want(t, 403, "org.only_from_above", north, "POST", path+verb, nil)
		b.api.Want(t, 409, "org.root", vendor, "POST", "/t/acme/v1/orgs/root"+verb, nil)
		b.api.Want(t, 404, "", b.token(b.a, b.a.south.ID), "POST", path+verb, nil)
		b.api.Want(t, 403, "request.forbidden", b.token(b.a, b.a.Root, "orgs.read"), "POST", path+verb, nil)
	}
	b.api.Want(t, 403, "org.only_from_above", north, "DELETE", path, nil)
	b.api.Want(t, 403, "org.only_from_above", north, "POST", path+":move", map[string]any{"parent_id": b.a.berlin.ID})
	b.api.Want(t, 409, "org.root", vendor, "DELETE", "/t/acme/v1/orgs/root", nil)
	b.api.Want(t, 409, "org.root", vendor, "POST", "/t/acme/v1/orgs/root:move", map[string]any{"parent_id": b.a.north.ID})

	var o directory.Organization
	b.api.Want(t, 200, "", vendor, "POST", path+":suspend", nil).Into(t, &o)
	if o.Status != directory.Suspended || !slices.Contains(o.AllowedActions, "resume") {
		t.Fatalf("%+v", o)
	}
	first, blocked := b.epoch(t, b.a, b.a.north.ID)
	if !blocked {
		t.Fatal("not blocked")
	}
	b.api.Want(t, 200, "", vendor, "POST", path+":suspend", nil)
	if again, _ := b.epoch(t, b.a, b.a.north.ID); again != first {
		t.Fatal("the second suspension did something")
	}
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/berlin", nil).Into(t, &o)
	if o.Status != directory.Active || o.EffectiveStatus != directory.Suspended {
		t.Fatalf("%+v", o)
	}
	for _, ref := range []string{"north", "berlin", b.a.berlin.ID.String()} {
		testkit.Eventually(t, ref+" resolves as suspended", func() bool {
			org, err := b.orgs.Resolve(context.Background(), b.a.Tenant, ref)
			return err == nil && org.Status == "suspended"
		})
	}
	if org, _ := b.orgs.Resolve(context.Background(), b.a.Tenant, "south"); org.Status != "active" {
		t.Fatalf("the sibling: %+v", org)
	}
	if org, _ := b.orgs.Resolve(context.Background(), b.b.Tenant, "north"); org.Status != "active" {
		t.Fatalf("the other tenant's: %+v", org)
	}
	b.api.Want(t, 403, "org.suspended", vendor, "POST", "/t/acme/v1/orgs", map[string]any{"name": "New", "parent_id": b.a.berlin.ID})
	b.api.Want(t, 409, "org.has_children", vendor, "DELETE", path, nil)
	b.api.Want(t, 200, "", vendor, "POST", path+":resume", nil)
	if epoch, blocked := b.epoch(t, b.a, b.a.north.ID); blocked || epoch <= first {
		t.Fatal("resuming must unblock and keep what was issued before dead")
	}
	if got := b.events(t, b.a.Tenant, b.a.north.ID); got != "org.created org.suspended org.resumed" {
		t.Fatal(got)
	}
}

func TestDelete(t *testing.T) {
	b := setup(t)
	vendor := b.token(b.a, b.a.Root)
	path := "/t/acme/v1/orgs/" + b.a.berlin.ID.String()
	b.api.Want(t, 409, "org.not_suspended", vendor, "DELETE", path, nil)
	b.api.Want(t, 200, "", vendor, "POST", path+":suspend", nil)
	b.api.Want(t, 412, "resource.stale", vendor, "DELETE", path, nil, "If-Match", `"1"`)
	b.api.Want(t, 204, "", vendor, "DELETE", path, nil, "If-Match", `"2"`)
	if !slices.Equal(b.erased, []ids.Org{b.a.berlin.ID}) {
		t.Fatalf("erased %v", b.erased)
	}
	testkit.Eventually(t, "it is gone", func() bool { return b.api.Do(t, vendor, "GET", path, nil).Status == 404 })
	if _, blocked := b.epoch(t, b.a, b.a.berlin.ID); !blocked {
		t.Fatal("tokens of the deleted organization are not blocked")
	}
	if got := b.events(t, b.a.Tenant, b.a.north.ID); got != "org.created org.deleted" {
		t.Fatal(got)
	}
	b.api.Want(t, 200, "", b.token(b.b, b.b.Root), "GET", "/t/acme-2/v1/orgs/berlin", nil)
}

func TestMove(t *testing.T) {
	b := setup(t)
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID)
	path := "/t/acme/v1/orgs/"
	move := func(status int, code, token string, org, parent any) {
		t.Helper()
		b.api.Want(t, status, code, token, "POST", path+org.(ids.Org).String()+":move", map[string]any{"parent_id": parent})
	}
	move(409, "org.cycle", vendor, b.a.north.ID, b.a.north.ID)
	move(409, "org.cycle", vendor, b.a.north.ID, b.a.berlin.ID)
	move(404, "resource.not_found", vendor, b.a.north.ID, b.b.south.ID)
	move(404, "resource.not_found", vendor, b.b.north.ID, b.a.south.ID)
	move(404, "resource.not_found", north, b.a.berlin.ID, b.a.south.ID)
	move(404, "resource.not_found", vendor, b.a.north.ID, ids.NewOrg())
	move(404, "resource.not_found", vendor, b.a.north.ID, "nowhere")
	move(422, "request.invalid", vendor, b.a.north.ID, "")
	move(200, "", vendor, b.a.south.ID, "north")
	move(200, "", vendor, b.a.south.ID, "root")
	twin := b.create(t, b.a.Tenant, b.a.south.ID, "berlin")
	move(409, "org.name_taken", vendor, b.a.berlin.ID, b.a.south.ID)
	if err := b.do(b.a.Tenant, func(ctx context.Context, tx db.Tx) error {
		if _, err := b.orgs.UpdateTx(ctx, tx, twin.ID, 0, directory.Change{Name: ptr("Bern")}); err != nil {
			return err
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	move(200, "", vendor, b.a.north.ID, b.a.south.ID)
	testkit.Eventually(t, "the path is the new one", func() bool {
		org, err := b.orgs.Resolve(context.Background(), b.a.Tenant, "berlin")
		return err == nil && slices.Equal(org.Path, []ids.Org{b.a.Root, b.a.south.ID, b.a.north.ID, b.a.berlin.ID})
	})
	if epoch, blocked := b.epoch(t, b.a, b.a.north.ID); epoch == 0 || blocked {
		t.Fatal("what was issued before must end, and new things be issued")
	}
	if org, _ := b.orgs.Resolve(context.Background(), b.b.Tenant, "berlin"); len(org.Path) != 3 {
		t.Fatalf("the other tenant's: %+v", org)
	}
	if got := b.events(t, b.a.Tenant, b.a.north.ID); got != "org.created org.moved" {
		t.Fatal(got)
	}
	testkit.CheckPlans(t, b.Database)
}

func ptr[T any](v T) *T { return &v }

func TestSearch(t *testing.T) {
	b := setup(t)
	grow := func(parent ids.Org, name, handle string) directory.Org {
		o, err := b.tryCreate(b.a.Tenant, directory.NewOrg{Parent: parent, Name: name, Handle: handle})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	vendor, north := b.token(b.a, b.a.Root), b.token(b.a, b.a.north.ID)
	docks := grow(b.a.berlin.ID, "Northern Harbour & (Old) Docks", "docks")
	harbour := grow(b.a.south.ID, "South Harbour", "s-h-9")
	grow(harbour.ID, "Twin Twins Twin", "t")
	b.api.Want(t, 200, "", vendor, "POST", "/t/acme/v1/orgs/s-h-9:suspend", nil)
	both := "South Harbour, Northern Harbour & (Old) Docks"
	for _, c := range []struct{ token, query, want string }{
		{vendor, "?q=HARB", both}, // any word
		{vendor, "?q=harbour+++%26", "Northern Harbour & (Old) Docks"},
		{vendor, "?q=old)+docks", "Northern Harbour & (Old) Docks"},
		{vendor, "?q=(old", "Northern Harbour & (Old) Docks"},
		{vendor, "?q=dock", "Northern Harbour & (Old) Docks"},
		{vendor, "?q=arb", ""},
		{vendor, "?q=S-H-9", "South Harbour"}, // the handle
		{vendor, "?q=h-9", "South Harbour"},
		{vendor, "?q=south", "South, South Harbour"},
		{vendor, "?q=twin", "Twin Twins Twin"}, // once
		{vendor, "?q=%26", ""},
		{vendor, "?q=harb&status=suspended", "South Harbour"},
		{north, "?q=harb", "Northern Harbour & (Old) Docks"},
		{vendor, "/root/children?q=harb", ""},
		{vendor, "/south/children?q=harb", "South Harbour"},
		{vendor, "/south/children?q=harb&status=active", ""},
	} {
		var l listed
		b.api.Want(t, 200, "", c.token, "GET", "/t/acme/v1/orgs"+c.query, nil).Into(t, &l)
		if l.names() != c.want {
			t.Errorf("%s: got %q, want %q", c.query, l.names(), c.want)
		}
	}
	// Page by page it is the same.
	var l listed
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs?q=harb&page_size=1", nil).Into(t, &l)
	first, next := l.names(), l.Next
	l = listed{}
	b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs?q=harb&page_size=1&page_token="+next, nil).Into(t, &l)
	if first+", "+l.names() != both || l.Next != "" {
		t.Errorf("page by page: %q, %q", first, l.names())
	}
	// A hit says where it hangs, as far as the token sees.
	for token, want := range map[string]string{vendor: "Acme/North/Berlin", north: "North/Berlin", b.token(b.a, docks.ID): ""} {
		b.api.Want(t, 200, "", token, "GET", "/t/acme/v1/orgs?q=docks", nil).Into(t, &l)
		var path []string
		for _, step := range l.Items[0].Path {
			path = append(path, step.Name)
		}
		if got := strings.Join(path, "/"); got != want {
			t.Errorf("path %q, want %q", got, want)
		}
	}
	// What changes is found by what it is now.
	b.api.Want(t, 200, "", vendor, "PATCH", "/t/acme/v1/orgs/docks", map[string]any{"name": "Quays", "handle": "quay"})
	b.api.Want(t, 200, "", vendor, "POST", "/t/acme/v1/orgs/quay:move", map[string]any{"parent_id": b.a.south.ID})
	for query, want := range map[string]string{"?q=docks": "", "?q=qua": "Quays", "/south/children?q=quays": "Quays", "/berlin/children?q=quays": "", "?q=quay&status=active": "Quays"} {
		if b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs"+query, nil).Into(t, &l); l.names() != want {
			t.Errorf("%s: got %q, want %q", query, l.names(), want)
		}
	}
}

func TestAllowedActions(t *testing.T) {
	b := setup(t)
	vendor := b.token(b.a, b.a.Root)
	b.api.Want(t, 200, "", vendor, "POST", "/t/acme/v1/orgs/north:suspend", nil)
	for ref, want := range map[string]string{"north": "move resume update", "berlin": "move suspend update", "south": "create_child move suspend update"} {
		var o directory.Organization
		b.api.Want(t, 200, "", vendor, "GET", "/t/acme/v1/orgs/"+ref, nil).Into(t, &o)
		if got := strings.Join(o.AllowedActions, " "); got != want {
			t.Errorf("%s: %s, want %s", ref, got, want)
		}
	}
}
