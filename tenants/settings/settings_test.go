package settings_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	orgdir "grove/orgs/directory"
	"grove/tenants/settings"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type windows struct {
	Days  []string `json:"days" maxItems:"7" doc:"Days of the week."`
	Label string   `json:"label" maxLength:"20" doc:"A label."`
	Max   int      `json:"max" minimum:"1" maximum:"100" doc:"The most."`
	Min   int      `json:"min" minimum:"1" maximum:"100" doc:"The least."`
	On    bool     `json:"on" doc:"Whether it is on."`
}

func (w windows) Validate() error {
	if w.Min > w.Max {
		return errors.New("min must not be above max")
	}
	return nil
}

var module = settings.Declare("test_windows", "Windows of time.", windows{Days: []string{"mon"}, Label: "default", Max: 10, Min: 1})

type bundle struct {
	*testkit.Database
	hub      *cache.Hub
	settings *settings.Service
	a, b     branch // two tenants with look-alike trees
}

type branch struct {
	httpapi.Tenant
	child, grandchild, sibling ids.Org
}

func setup(t *testing.T) *bundle {
	t.Helper()
	d := testkit.New(t, []fs.FS{db.Migrations(), events.Migrations(), settings.Migrations(), orgdir.Migrations()}, "", nil)
	hub := cache.NewHub(testkit.Quiet())
	b := &bundle{Database: d, hub: hub, settings: settings.New(d.DB, events.NewLog(nil), hub)}
	b.a, b.b = grow(t, d, "acme"), grow(t, d, "acme-2")
	return b
}

// grow plants root → child → grandchild, and a sibling of child.
func grow(t *testing.T, d *testkit.Database, handle string) branch {
	t.Helper()
	br := branch{Tenant: httpapi.Tenant{ID: ids.NewTenant(), Handle: handle, Root: ids.NewOrg()}, child: ids.NewOrg(), grandchild: ids.NewOrg(), sibling: ids.NewOrg()}
	err := d.InTenant(context.Background(), br.ID, func(ctx context.Context, tx db.Tx) error {
		paths := [][]ids.Org{{br.Root}, {br.Root, br.child}, {br.Root, br.child, br.grandchild}, {br.Root, br.sibling}}
		for i, path := range paths {
			org, parent := path[len(path)-1], ids.Org{}
			if len(path) > 1 {
				parent = path[len(path)-2]
			}
			name := string(rune('a' + i))
			if _, err := tx.Exec(ctx, `INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				VALUES ($1, $2, $3, $4, $4, $4, 'active', now(), now())`, br.ID, org, parent, name); err != nil {
				return err
			}
			for j, ancestor := range path {
				if _, err := tx.Exec(ctx, `INSERT INTO org_closure (tenant_id, ancestor_id, descendant_id, depth) VALUES ($1, $2, $3, $4)`,
					br.ID, ancestor, org, len(path)-1-j); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return br
}

func (b *bundle) change(tenant ids.Tenant, org ids.Org, patch string) error {
	return b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) error {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(patch), &fields); err != nil {
			return err
		}
		_, err := b.settings.ChangeTx(ctx, tx, org, module.Name(), settings.AnyVersion, fields)
		return err
	})
}

func (b *bundle) resolve(t *testing.T, tenant ids.Tenant, org ids.Org) (value windows, sources settings.Sources) {
	t.Helper()
	err := b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) (err error) {
		value, sources, err = module.Resolve(ctx, tx, org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value, sources
}

func TestNearestAncestorWinsFieldByField(t *testing.T) {
	b := setup(t)
	for _, step := range []struct {
		org   ids.Org
		patch string
	}{
		{b.a.Root, `{"max": 50, "label": "root", "days": ["mon", "tue"]}`},
		{b.a.child, `{"label": "child", "on": true}`},
		{b.a.grandchild, `{"max": 60}`},
	} {
		if err := b.change(b.a.ID, step.org, step.patch); err != nil {
			t.Fatal(err)
		}
	}
	value, sources := b.resolve(t, b.a.ID, b.a.grandchild)
	if want := (windows{Days: []string{"mon", "tue"}, Label: "child", Max: 60, Min: 1, On: true}); !reflect.DeepEqual(value, want) {
		t.Fatalf("got %+v, want %+v", value, want)
	}
	if want := (settings.Sources{"days": b.a.Root, "label": b.a.child, "on": b.a.child, "max": b.a.grandchild}); !reflect.DeepEqual(sources, want) {
		t.Fatalf("got %v, want %v", sources, want)
	}
	if value, _ := b.resolve(t, b.a.ID, b.a.sibling); value.Label != "root" || value.On {
		t.Fatalf("a sibling's settings leaked: %+v", value)
	}
	if value, sources := b.resolve(t, b.b.ID, b.b.grandchild); value.Label != "default" || len(sources) != 0 {
		t.Fatalf("another tenant's settings leaked: %+v %v", value, sources)
	}
	if value, _ := b.resolve(t, b.b.ID, b.a.child); value.Label != "default" {
		t.Fatalf("another tenant read them by id: %+v", value)
	}
	if err := b.change(b.a.ID, b.a.sibling, `{"label": "half \ud800"}`); err != nil {
		t.Fatalf("half a surrogate pair: %v", err)
	}
	// null inherits again; false and empty are values.
	if err := b.change(b.a.ID, b.a.child, `{"label": null, "on": false, "days": []}`); err != nil {
		t.Fatal(err)
	}
	value, sources = b.resolve(t, b.a.ID, b.a.grandchild)
	if value.Label != "root" || value.On || len(value.Days) != 0 || sources["on"] != b.a.child || sources["days"] != b.a.child {
		t.Fatalf("%+v %v", value, sources)
	}
}

func TestRefusedPatchesChangeNothing(t *testing.T) {
	b := setup(t)
	for name, patch := range map[string]string{
		"above the limit":      `{"max": 101}`,
		"below the limit":      `{"min": 0}`,
		"fraction":             `{"max": 1.5}`,
		"text for a number":    `{"max": "5"}`,
		"number for text":      `{"label": 5}`,
		"text too long":        `{"label": "` + strings.Repeat("x", 21) + `"}`,
		"list too long":        `{"days": ["1","2","3","4","5","6","7","8"]}`,
		"list of numbers":      `{"days": [1]}`,
		"unknown field":        `{"colour": "red"}`,
		"unknown field's null": `{"colour": null}`,
		"one of two is wrong":  `{"label": "good", "max": 1000}`,
		"fields contradict":    `{"min": 20, "max": 10}`,
		"text with NUL":        `{"label": "a\u0000"}`,
		"overflow":             `{"max": 1e400}`,
		"too many fields":      `{` + strings.Repeat(`"on": true, `, 3) + manyFields() + `}`,
	} {
		if err := b.change(b.a.ID, b.a.child, patch); !fault.CodeInvalid.Is(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if value, sources := b.resolve(t, b.a.ID, b.a.child); len(sources) != 0 || value.Label != "default" {
		t.Fatalf("%+v %v", value, sources)
	}
	if err := b.change(b.a.ID, b.b.child, `{"on": true}`); err == nil {
		t.Fatal("settings of another tenant's organization were written")
	}
}

func manyFields() string {
	var parts []string
	for i := range 70 {
		parts = append(parts, `"f`+strings.Repeat("x", i)+`": 1`)
	}
	return strings.Join(parts, ",")
}

func TestDeclareRefuses(t *testing.T) {
	type pointer struct {
		A *int `json:"a" doc:"A."`
	}
	type undocumented struct {
		A int `json:"a"`
	}
	for name, declare := range map[string]func(){
		"twice":            func() { settings.Declare("test_windows", "Windows of time.", windows{Max: 1, Min: 1}) },
		"bad name":         func() { settings.Declare("Bad-Name", "Windows.", windows{Max: 1, Min: 1}) },
		"refused defaults": func() { settings.Declare("test_refused", "Windows.", windows{Max: 1, Min: 2}) },
		"pointer":          func() { settings.Declare("test_pointer", "Pointers.", pointer{}) },
		"undocumented":     func() { settings.Declare("test_undocumented", "Nothing.", undocumented{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			declare()
		}()
	}
}

// listen lets memory be used until the test ends.
func (b *bundle) listen(t *testing.T) {
	t.Helper()
	b.OnChange(b.hub.Changed)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.hub.Run(ctx, b.SystemPool()) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := b.hub.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

type tree struct{ b *bundle }

func (d tree) TenantByHandle(_ context.Context, handle string) (httpapi.Tenant, error) {
	for _, t := range []branch{d.b.a, d.b.b} {
		if t.Handle == handle {
			return t.Tenant, nil
		}
	}
	return httpapi.Tenant{}, fault.ErrNotFound
}

func (d tree) TenantByHost(context.Context, string) (httpapi.Tenant, error) {
	return httpapi.Tenant{}, fault.ErrNotFound
}

func (d tree) Org(_ context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	for _, br := range []branch{d.b.a, d.b.b} {
		for _, path := range [][]ids.Org{{br.Root}, {br.Root, br.child}, {br.Root, br.child, br.grandchild}} {
			if last := path[len(path)-1]; br.ID == t.ID && ref == last.String() {
				return httpapi.Org{ID: last, Path: path, Status: "active"}, nil
			}
		}
	}
	return httpapi.Org{}, fault.ErrNotFound
}

func TestAPI(t *testing.T) {
	b := setup(t)
	api := apikit.New(t, b.Database, tree{b}, b.settings.Module())
	scopes := map[string]bool{"settings.read": true, "settings.write": true}
	vendor := api.Token(actor.Actor{Kind: actor.Client, Tenant: b.a.ID, Org: b.a.Root, App: ids.NewApp(), Scopes: scopes})
	customer := api.Token(actor.Actor{Kind: actor.Client, Tenant: b.a.ID, Org: b.a.child, App: ids.NewApp(), Scopes: scopes})
	reader := api.Token(actor.Actor{Kind: actor.Client, Tenant: b.a.ID, Org: b.a.Root, App: ids.NewApp(), Scopes: map[string]bool{"settings.read": true}})
	at := func(org ids.Org) string { return "/t/acme/v1/orgs/" + org.String() + "/settings/test_windows" }

	var got settings.Settings
	r := api.Want(t, 200, "", vendor, "GET", at(b.a.child), nil)
	r.Into(t, &got)
	if r.Header.Get("ETag") != `"1"` || got.Sources["max"] != "default" || got.Value["max"] != 10.0 || len(got.Own) != 0 || got.Schema["properties"] == nil ||
		len(got.AllowedActions) != 1 {
		t.Fatalf("%s %s", r.Header, r.Raw)
	}
	r = api.Want(t, 200, "", vendor, "PATCH", at(b.a.Root), `{"max": 70}`, "If-Match", `"1"`)
	if r.Header.Get("ETag") != `"2"` {
		t.Fatal(r.Header)
	}
	api.Want(t, 412, "resource.stale", vendor, "PATCH", at(b.a.Root), `{"max": 71}`, "If-Match", `"1"`)
	r = api.Want(t, 200, "", vendor, "PATCH", at(b.a.Root), `{"max": 70}`, "If-Match", `"2"`)
	if r.Header.Get("ETag") != `"2"` {
		t.Fatal("no change made a version")
	}
	api.Want(t, 200, "", vendor, "GET", at(b.a.child), nil).Into(t, &got)
	if got.Sources["max"] != b.a.Root.String() || got.Value["max"] != 70.0 {
		t.Fatalf("%+v", got)
	}
	api.Want(t, 200, "", customer, "GET", at(b.a.child), nil).Into(t, &got)
	if got.Sources["max"] != "inherited" {
		t.Fatalf("the customer sees who sets it: %+v", got.Sources)
	}
	r = api.Want(t, 422, "request.invalid", customer, "PATCH", at(b.a.child), `{"max": 12345678, "label": "hunter2-is-far-too-long"}`)
	if strings.Contains(string(r.Raw), "12345678") || strings.Contains(string(r.Raw), "hunter2") || !strings.Contains(string(r.Raw), `"/max"`) {
		t.Fatalf("%s", r.Raw)
	}
	if !strings.Contains(string(r.Raw), "Must be ") || strings.Contains(string(r.Raw), "expected ") {
		t.Errorf("not in words for people: %s", r.Raw)
	}
	api.Want(t, 422, "request.invalid", customer, "PATCH", at(b.a.child), `[]`)
	api.Want(t, 400, "request.malformed", customer, "PATCH", at(b.a.child), `{"max": `)
	api.Want(t, 404, "resource.not_found", customer, "PATCH", at(b.a.Root), `{"max": 1}`)
	api.Want(t, 404, "resource.not_found", vendor, "GET", at(b.b.child), nil)
	api.Want(t, 403, "request.forbidden", reader, "PATCH", at(b.a.child), `{"max": 1}`)
	api.Want(t, 404, "setting.unknown_module", vendor, "GET", "/t/acme/v1/orgs/"+b.a.child.String()+"/settings/nothing", nil)

	api.Want(t, 200, "", customer, "PATCH", at(b.a.child), `{"on": true}`)
	var list struct {
		Items []settings.SettingsModule `json:"items"`
	}
	api.Want(t, 200, "", customer, "GET", "/t/acme/v1/orgs/"+b.a.child.String()+"/settings", nil).Into(t, &list)
	if len(list.Items) != 2 || !list.Items[1].Overridden || list.Items[0].Overridden || list.Items[1].Description == "" {
		t.Fatalf("%+v", list)
	}
	var logged []string
	err := b.InTenant(context.Background(), b.a.ID, func(ctx context.Context, tx db.Tx) (err error) {
		logged, err = db.Scalars[string](ctx, tx, `SELECT type || ' ' || org_id::text FROM events WHERE tenant_id = $1 ORDER BY id`, b.a.ID)
		return err
	})
	if want := []string{"setting.changed " + b.a.Root.UUID().String(), "setting.changed " + b.a.child.UUID().String()}; err != nil || !reflect.DeepEqual(logged, want) {
		t.Fatalf("%v %v", logged, err)
	}
	testkit.CheckPlans(t, b.Database)
}
