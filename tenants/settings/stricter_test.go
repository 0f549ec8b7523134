package settings_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/testkit/apikit"
	"grove/tenants/settings"
)

type guards struct {
	Checked bool     `json:"checked" stricter:"true" doc:"Whether it is checked."`
	Endless bool     `json:"endless" stricter:"false" doc:"Whether it may last for ever."`
	Free    int      `json:"free" minimum:"0" maximum:"1000" doc:"Everybody's own affair."`
	Hosts   []string `json:"hosts" maxItems:"10" stricter:"fewer" doc:"Who is let in."`
	Length  int      `json:"length" minimum:"8" maximum:"64" stricter:"more" doc:"The least length."`
	Minutes int      `json:"minutes" minimum:"1" maximum:"1000" stricter:"less" doc:"The longest time."`
	Keys    string   `json:"keys" maxLength:"20" stricter:"fixed" by:"checked" doc:"By whose keys it is checked."`
	Mode    string   `json:"mode" enum:"off,token,open" stricter:"first" doc:"How open it is."`
}

var guarded = settings.Declare("test_guards", "What guards.", guards{Endless: true, Hosts: []string{}, Length: 8, Minutes: 100, Mode: "off"})

func (b *bundle) guard(tenant ids.Tenant, org ids.Org, patch string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(patch), &fields); err != nil {
		return err
	}
	return b.InTenant(context.Background(), tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := b.settings.ChangeTx(ctx, tx, org, "test_guards", settings.AnyVersion, fields)
		return err
	})
}

func (b *bundle) guardsOf(t *testing.T, org ids.Org) (value guards, from settings.Sources) {
	t.Helper()
	err := b.InTenant(context.Background(), b.a.ID, func(ctx context.Context, tx db.Tx) (err error) {
		value, from, err = guarded.Resolve(ctx, tx, org)
		if err != nil {
			return err
		}
		each, err := guarded.ResolveEach(ctx, tx, []ids.Org{org})
		if err == nil && !reflect.DeepEqual(each[org], value) {
			t.Errorf("one by one %+v, together %+v", value, each[org])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value, from
}

func TestBelowOnlyStricterValuesAreTaken(t *testing.T) {
	b := setup(t)
	looser := func(org ids.Org, patch, pointer string) {
		t.Helper()
		var f *fault.Error
		if err := b.guard(b.a.ID, org, patch); !errors.As(err, &f) || f.Code.Name != "setting.looser" || len(f.Fields) != 1 || f.Fields[0].Pointer != pointer {
			t.Errorf("%s: %v", patch, err)
		}
	}
	taken := func(org ids.Org, patch string) {
		t.Helper()
		if err := b.guard(b.a.ID, org, patch); err != nil {
			t.Errorf("%s: %v", patch, err)
		}
	}
	// A default binds like a value of the root's, which only the root itself may loosen; off binds nobody.
	looser(b.a.child, `{"minutes": 101}`, "/minutes")
	taken(b.a.child, `{"minutes": 100, "mode": "open", "hosts": ["own.example"], "free": 7}`)
	taken(b.a.Root, `{"minutes": 500, "length": 12, "checked": true, "endless": false, "mode": "token", "hosts": ["a.example", "b.example"]}`)
	for pointer, patch := range map[string]string{
		"/checked": `{"checked": false}`, "/endless": `{"endless": true}`, "/hosts": `{"hosts": ["a.example", "c.example"]}`,
		"/length": `{"length": 11}`, "/minutes": `{"minutes": 501}`, "/mode": `{"mode": "open", "free": 8}`,
	} {
		looser(b.a.sibling, patch, pointer)
	}
	if value, from := b.guardsOf(t, b.a.sibling); len(from) != 6 || value.Free != 0 || value.Mode != "token" {
		t.Errorf("what was refused changed something: %+v %v", value, from)
	}
	taken(b.a.sibling, `{"checked": true, "endless": false, "hosts": ["b.example"], "length": 12, "minutes": 499, "mode": "off"}`)
	looser(b.a.grandchild, `{"minutes": 101}`, "/minutes") // the child's own 100 holds

	// What was set before the root set something stricter is kept and is not in effect, while nothing else of it suffers.
	value, from := b.guardsOf(t, b.a.child)
	if value.Mode != "token" || !reflect.DeepEqual(value.Hosts, []string{"a.example", "b.example"}) || from["mode"] != b.a.Root || value.Free != 7 || value.Minutes != 100 {
		t.Errorf("%+v %v", value, from)
	}
	taken(b.a.child, `{"free": 8}`)
	taken(b.a.Root, `{"mode": null}`)
	if value, from := b.guardsOf(t, b.a.grandchild); value.Mode != "open" || from["mode"] != b.a.child {
		t.Errorf("%+v %v", value, from)
	}
}

// Who requires something says how: below the rest of it is fixed, whatever was set there before, and whichever comes first in a change.
func TestWhatIsRequiredAboveIsFixedBelow(t *testing.T) {
	b := setup(t)
	taken := func(org ids.Org, patch string) {
		t.Helper()
		if err := b.guard(b.a.ID, org, patch); err != nil {
			t.Errorf("%s: %v", patch, err)
		}
	}
	taken(b.a.child, `{"keys": "own"}`)
	taken(b.a.sibling, `{"keys": "own", "checked": true}`) // for itself
	if value, _ := b.guardsOf(t, b.a.sibling); value.Keys != "own" || !value.Checked {
		t.Errorf("%+v", value)
	}
	taken(b.a.Root, `{"keys": "root", "checked": true}`)
	for _, org := range []ids.Org{b.a.child, b.a.grandchild, b.a.sibling} {
		if value, from := b.guardsOf(t, org); value.Keys != "root" || from["keys"] != b.a.Root {
			t.Errorf("%+v %v", value, from)
		}
		var f *fault.Error
		for _, patch := range []string{`{"keys": "mine"}`, `{"keys": ""}`} {
			if err := b.guard(b.a.ID, org, patch); !errors.As(err, &f) || f.Code.Name != "setting.looser" || len(f.Fields) != 1 || f.Fields[0].Pointer != "/keys" {
				t.Errorf("%s: %v", patch, err)
			}
		}
	}
	taken(b.a.grandchild, `{"keys": "root"}`)
	taken(b.a.Root, `{"checked": null}`)
	if value, _ := b.guardsOf(t, b.a.child); value.Keys != "own" {
		t.Errorf("%+v", value)
	}
}

func TestDeclareRefusesOrdersThatDoNotFit(t *testing.T) {
	for name, declare := range map[string]func(){
		"text by less": func() {
			settings.Declare("test_order_a", "An order.", struct {
				A string `json:"a" stricter:"less" doc:"A."`
			}{})
		},
		"no minimum": func() {
			settings.Declare("test_order_b", "An order.", struct {
				A int `json:"a" stricter:"less" doc:"A."`
			}{})
		},
		"fixed by no such field": func() {
			settings.Declare("test_order_d", "An order.", struct {
				A string `json:"a" stricter:"fixed" by:"b" doc:"A."`
			}{})
		},
		"fixed by nothing": func() {
			settings.Declare("test_order_e", "An order.", struct {
				A string `json:"a" stricter:"fixed" doc:"A."`
			}{})
		},
		"no such order": func() {
			settings.Declare("test_order_c", "An order.", struct {
				A bool `json:"a" stricter:"yes" doc:"A."`
			}{})
		},
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

// TestReader: installed defaults take the declared ones' place, memory follows changes, and an organization's own door is not
// taken for the tenant's.
func TestReader(t *testing.T) {
	b := setup(t)
	reader := settings.Bind(b.settings, guarded, guards{Endless: true, Hosts: []string{}, Length: 8, Minutes: 2000, Mode: "off"})
	b.listen(t)
	minutes := func(org ids.Org) (minutes int) {
		t.Helper()
		err := b.InTenant(context.Background(), b.a.ID, func(ctx context.Context, tx db.Tx) error {
			value, err := reader.Resolve(ctx, tx, org)
			if err != nil {
				return err
			}
			each, err := reader.ResolveEach(ctx, tx, []ids.Org{org})
			if minutes = value.Minutes; err == nil && each[org].Minutes != minutes {
				t.Errorf("%d and %d", minutes, each[org].Minutes)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return minutes
	}
	if got := minutes(b.a.grandchild); got != 2000 {
		t.Errorf("got %d, want what is installed", got)
	}
	for _, want := range []int{900, 800} {
		if err := b.guard(b.a.ID, b.a.Root, `{"minutes": `+map[int]string{900: "900", 800: "800"}[want]+`}`); err != nil {
			t.Fatal(err)
		}
		if got := minutes(b.a.grandchild); got != want {
			t.Errorf("got %d, want %d at once", got, want)
		}
	}
	err := b.InOrg(context.Background(), b.a.ID, b.a.sibling, func(ctx context.Context, tx db.OrgTx) error {
		_, err := reader.Resolve(ctx, tx.Tx, b.a.sibling)
		return err
	})
	if err == nil {
		t.Error("read in a transaction that does not see the organizations above")
	}
}

func TestAPITellsWhatIsInherited(t *testing.T) {
	b := setup(t)
	api := apikit.New(t, b.Database, tree{b}, b.settings.Module())
	scopes := map[string]bool{"settings.read": true, "settings.write": true}
	vendor := api.Token(actor.Actor{Kind: actor.Client, Tenant: b.a.ID, Org: b.a.Root, App: ids.NewApp(), Scopes: scopes})
	customer := api.Token(actor.Actor{Kind: actor.Client, Tenant: b.a.ID, Org: b.a.child, App: ids.NewApp(), Scopes: scopes})
	at := func(org ids.Org) string { return "/t/acme/v1/orgs/" + org.String() + "/settings/test_guards" }
	api.Want(t, 200, "", customer, "PATCH", at(b.a.child), `{"minutes": 60}`)
	api.Want(t, 200, "", vendor, "PATCH", at(b.a.Root), `{"minutes": 30}`)
	var got settings.Settings
	api.Want(t, 200, "", customer, "GET", at(b.a.child), nil).Into(t, &got)
	if got.Value["minutes"] != 30.0 || got.Own["minutes"] != 60.0 || got.Inherited["minutes"] != 30.0 || got.Sources["minutes"] != "inherited" || got.InheritedSources["minutes"] != "inherited" {
		t.Errorf("%+v", got)
	}
	if field := got.Schema["properties"].(map[string]any)["minutes"].(map[string]any); field["x-stricter"] != "less" {
		t.Errorf("%v", field)
	}
	r := api.Want(t, 422, "setting.looser", customer, "PATCH", at(b.a.child), `{"minutes": 31}`)
	if !strings.Contains(string(r.Raw), `"/minutes"`) {
		t.Errorf("%s", r.Raw)
	}
	api.Want(t, 200, "", customer, "PATCH", at(b.a.child), `{"minutes": 20, "free": 3}`)
	api.Want(t, 200, "", customer, "PATCH", at(b.a.child), `{"minutes": null}`)
	var logged []string
	err := b.InTenant(context.Background(), b.a.ID, func(ctx context.Context, tx db.Tx) (err error) {
		logged, err = db.Scalars[string](ctx, tx, `SELECT data ->> 'changes' FROM events WHERE tenant_id = $1 ORDER BY id`, b.a.ID)
		return err
	})
	want := []string{
		`[{"new": 60, "old": null, "field": "minutes"}]`, `[{"new": 30, "old": null, "field": "minutes"}]`,
		`[{"new": 3, "old": null, "field": "free"}, {"new": 20, "old": 60, "field": "minutes"}]`, `[{"new": null, "old": 20, "field": "minutes"}]`,
	}
	if err != nil || !reflect.DeepEqual(logged, want) {
		t.Errorf("%v %q", err, logged)
	}
	api.Want(t, 422, "setting.looser", customer, "PATCH", at(b.a.child), `{"minutes": 31.0}`)
	for _, minutes := range []string{"20.0", "2e1", "20"} { // one number, however it is written
		api.Want(t, 200, "", customer, "PATCH", at(b.a.child), `{"minutes": `+minutes+`}`).Into(t, &got)
		if got.Own["minutes"] != 20.0 || got.Value["minutes"] != 20.0 {
			t.Errorf("%s: %+v", minutes, got)
		}
		api.Want(t, 200, "", customer, "PATCH", at(b.a.child), `{"minutes": null}`)
	}
}
