package users_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

const base = "/t/acme/v1/orgs/partner/users"

func TestUserLife(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	created := b.api.Do(t, token, http.MethodPost, base, `{"email":"Jo@Example.com","given_name":"Jo","password":"`+secret+`","attributes":{"team":"blue"}}`)
	var u users.UserBody
	created.Into(t, &u)
	if created.Status != 201 || u.Username != "Jo@Example.com" || u.EmailVerified || !u.HasPassword || !u.MustChangePassword || u.OrgID != b.A.Partner.ID {
		t.Fatalf("created %d %s", created.Status, created.Raw)
	}
	if r := b.api.Do(t, token, http.MethodPost, base, `{"username":"jo@example.COM"}`); r.Code() != "user.username_taken" {
		t.Errorf("twin: %s", r.Raw)
	}
	one := base + "/" + u.ID.String()
	etag := b.api.Do(t, token, http.MethodGet, one, nil).Header.Get("ETag")
	changed := b.api.Do(t, token, http.MethodPatch, one, `{"family_name":"Doe","given_name":null,"attributes":{"team":null,"desk":"4"}}`, "If-Match", etag)
	u = users.UserBody{}
	changed.Into(t, &u)
	if changed.Status != 200 || u.DisplayName != "Doe" || u.GivenName != "" || len(u.Attributes) != 1 || u.Attributes["desk"] != "4" {
		t.Errorf("changed %d %s", changed.Status, changed.Raw)
	}
	if r := b.api.Do(t, token, http.MethodPatch, one, `{"family_name":"Other"}`, "If-Match", etag); r.Status != 412 {
		t.Errorf("stale: %d", r.Status)
	}
	for _, verb := range []string{":disable", ":disable", ":enable", ":unlock"} {
		if r := b.api.Do(t, token, http.MethodPost, one+verb, nil); r.Status != 200 {
			t.Errorf("%s: %d %s", verb, r.Status, r.Raw)
		}
	}
	if r := b.api.Do(t, token, http.MethodPost, one+":reset-password", `{"password":"a new good secret","must_change_password":false}`); r.Status != 200 || strings.Contains(string(r.Raw), "secret") {
		t.Errorf("reset: %d %s", r.Status, r.Raw)
	}
	if _, err := b.signIn(b.A, "jo@example.com", "a new good secret"); err != nil {
		t.Error(err)
	}
	for _, body := range []string{`{"password":null}`, `{"must_change_password":null}`} { // whoever means a password has not reset it to none
		if r := b.api.Do(t, token, http.MethodPost, one+":reset-password", body); r.Status != 422 {
			t.Errorf("%s: %d %s", body, r.Status, r.Raw)
		}
	}
	if r := b.api.Do(t, token, http.MethodPost, one+":reset-password", `{}`); r.Status != 200 {
		t.Errorf("clear: %d %s", r.Status, r.Raw)
	}
	if _, err := b.signIn(b.A, "jo@example.com", "a new good secret"); err == nil {
		t.Error("a removed password opens")
	}
	if r := b.api.Do(t, token, http.MethodDelete, one, nil); r.Status != 204 {
		t.Errorf("delete: %d %s", r.Status, r.Raw)
	}
	if r := b.api.Do(t, token, http.MethodGet, one, nil); r.Status != 404 {
		t.Errorf("after delete: %d", r.Status)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		var blocked bool
		err := tx.QueryRow(ctx, `SELECT blocked FROM epochs WHERE tenant_id = $1 AND subject = $2`, tx.Tenant(), u.ID).Scan(&blocked)
		if !blocked {
			t.Error("a deleted person is not blocked")
		}
		types, again := db.Scalars[string](ctx, tx, `SELECT type FROM events WHERE tenant_id = $1 AND subject = $2 ORDER BY id`, tx.Tenant(), u.ID.String())
		if got, want := strings.Join(types, " "), "user.created user.updated user.disabled user.enabled user.password_changed user.password_changed user.deleted"; got != want {
			t.Errorf("events %s", got)
		}
		if err == nil {
			err = again
		}
		var leaked int
		if err == nil {
			err = tx.QueryRow(ctx, `SELECT count(*) FROM events WHERE tenant_id = $1 AND data::text LIKE '%argon%'`, tx.Tenant()).Scan(&leaked)
		}
		if leaked > 0 {
			t.Error("an event carries a hash")
		}
		return err
	})
	testkit.CheckPlans(t, b.Database)
}

func TestListFilters(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	for i := range 7 {
		b.create(t, b.A, b.A.Partner, fmt.Sprintf("a%d@example.com", i))
	}
	b.create(t, b.A, b.A.Partner, "Zoë")
	b.create(t, b.A, b.A.Branch, "a-branch@example.com")
	b.create(t, b.B, b.B.Partner, "a-other@example.com")
	other := b.create(t, b.A, b.A.Partner, "someone")
	b.api.Do(t, token, http.MethodPatch, base+"/"+other.ID.String(), `{"email":"a9@example.com"}`)
	b.api.Do(t, token, http.MethodPost, base+"/"+other.ID.String()+":disable", nil)
	named := b.create(t, b.A, b.A.Partner, "u4711")
	b.api.Do(t, token, http.MethodPatch, base+"/"+named.ID.String(), `{"given_name":"Emil  José","family_name":"Costa-Lee"}`)
	count := func(query string) string {
		r := b.api.Do(t, token, http.MethodGet, base+query, nil)
		if r.Status != 200 {
			return r.Code()
		}
		var list struct{ Items []users.UserBody }
		r.Into(t, &list)
		return fmt.Sprint(len(list.Items))
	}
	for query, want := range map[string]string{
		"":             "10",
		"?q=emil+j":    "1", // a name from any of its words on, and around
		"?q=COSTA":     "1",
		"?q=lee,+Emil": "1",
		"?q=osta":      "0",
		"?q=%25":       "0",
		filter(`userName sw "u"`) + "&q=jos%C3%A9": "1",
		filter(`emails sw "a"`) + "&q=costa":       "0",
		"?q=A":                                     "8",
		"?q=ZO%C3%8B":                              "1",
		"?q=nobody":                                "0",
		"?status=disabled":                         "1",
		"?status=active&q=a":                       "7",
		"?status=disabled&q=costa":                 "0",
		"?status=deleted":                          "request.invalid",
		"?sort=name":                               "request.invalid",
		filter(`userName eq "A3@example.com"`):     "1",
		filter(`userName sw "a"`):                  "7",
		filter(`emails.value sw "a"`):              "8",
		filter(`emails.value eq "a9@example.com" and userName sw "some"`): "1",
		filter(`userName sw "b" and userName sw "a"`):                     "0",
		filter(`userName sw "a"`) + "&q=a3":                               "1",
		filter(`emails sw "a"`) + "&q=some":                               "1",
		filter(`userName co "a"`):                                         "user.filter",
		filter(`userName eq "a" or userName eq "b"`):                      "user.filter",
		filter(`not (userName eq "a")`):                                   "user.filter",
		filter(`password eq "a"`):                                         "user.filter",
		filter(`userName eq 5`):                                           "user.filter",
		filter(`userName`):                                                "user.filter",
		filter(strings.Repeat("(", 200)):                                  "user.filter",
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	seen := map[ids.User]bool{}
	for path := base + "?page_size=2"; path != ""; {
		var page struct {
			Items []users.UserBody `json:"items"`
			Next  string           `json:"next_page_token"`
		}
		b.api.Do(t, token, http.MethodGet, path, nil).Into(t, &page)
		for _, u := range page.Items {
			if seen[u.ID] {
				t.Errorf("%s twice", u.Username)
			}
			seen[u.ID] = true
		}
		if path = ""; page.Next != "" {
			path = base + "?page_size=2&page_token=" + url.QueryEscape(page.Next)
		}
	}
	if len(seen) != 10 {
		t.Errorf("pages hold %d", len(seen))
	}
	testkit.CheckPlans(t, b.Database)
}

func filter(expression string) string { return "?filter=" + url.QueryEscape(expression) }

func TestAttack27_NothingButTheProfileIsWritable(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	u := b.create(t, b.A, b.A.Partner, "jo@example.com")
	one := base + "/" + u.ID.String()
	for _, field := range []string{`"email_verified":true`, `"id":"` + ids.NewUser().String() + `"`, `"org_id":"` + b.A.Root.ID.String() + `"`,
		`"status":"disabled"`, `"username":"root"`, `"roles":["x"]`, `"locked_until":null`, `"has_password":true`, `"version":9`, `"password":"whatever else"`} {
		if r := b.api.Do(t, token, http.MethodPatch, one, `{`+field+`}`); r.Status != 422 {
			t.Errorf("patch with %s: %d", field, r.Status)
		}
	}
	for _, field := range []string{`"email_verified":true`, `"id":"x"`, `"org_id":"x"`, `"status":"disabled"`, `"roles":["x"]`} {
		if r := b.api.Do(t, token, http.MethodPost, base, `{"username":"new",`+field+`}`); r.Status != 422 {
			t.Errorf("create with %s: %d", field, r.Status)
		}
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email_verified = true WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), u.ID)
		return err
	})
	b.api.Do(t, token, http.MethodPatch, one, `{"email":"boss@example.com"}`)
	if got := b.load(t, b.A, u.ID); got.EmailVerified || got.Email != "boss@example.com" || got.Username != "jo@example.com" {
		t.Errorf("another address stays verified: %+v", got)
	}
}

func TestAttack28_NobodyTakesOverAPersonAboveHimself(t *testing.T) {
	b := setup(t)
	chief := b.create(t, b.A, b.A.Partner, "chief@example.com")
	helper := b.create(t, b.A, b.A.Partner, "helper@example.com")
	peer := b.create(t, b.A, b.A.Partner, "peer@example.com")
	b.granted.give(chief.ID, b.A.Partner.ID, "users.read", "users.write")
	b.granted.give(helper.ID, b.A.Partner.ID, "users.write")
	b.granted.give(peer.ID, b.A.Partner.ID, "users.write")
	// The guest may more than the helper in an organization that only he belongs to.
	guest := b.create(t, b.A, b.A.Partner, "guest@example.com")
	b.granted.give(guest.ID, b.A.Root.ID, "users.read")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) VALUES ($1, $2, $3, $4, 'invited', $5)`,
			tx.Tenant(), ids.NewMembership(), b.A.Root.ID, guest.ID, tx.Now())
		return err
	})
	token := b.person(b.A, b.A.Partner, helper, "users.write")
	for _, victim := range []users.User{chief, guest} {
		one := base + "/" + victim.ID.String()
		for _, call := range [][3]string{{"POST", ":reset-password", `{"password":"now it is mine"}`}, {"POST", ":disable", ""},
			{"PATCH", "", `{"email":"helper@example.com"}`}, {"DELETE", "", ""}, {"POST", ":unlock", ""}} {
			var body any
			if call[2] != "" {
				body = call[2]
			}
			if r := b.api.Do(t, token, call[0], one+call[1], body); r.Code() != "user.above_actor" {
				t.Errorf("%s: %v: %d %s", victim.Username, call, r.Status, r.Raw)
			}
		}
	}
	if r := b.api.Do(t, token, http.MethodPost, base+"/"+peer.ID.String()+":disable", nil); r.Status != 200 {
		t.Errorf("a peer: %d %s", r.Status, r.Raw)
	}
	all := b.api.Token(b.A.Client(b.A.Root, "users.read", "users.write"))
	if r := b.api.Do(t, all, http.MethodPost, base+"/"+guest.ID.String()+":disable", nil); r.Status != 200 {
		t.Errorf("a client of the root: %d %s", r.Status, r.Raw)
	}
}

func TestAttack04_IdsResolveOnlyWhereTheyBelong(t *testing.T) {
	b := setup(t)
	own := b.create(t, b.A, b.A.Partner, "jo@example.com")
	for name, c := range map[string]struct {
		token, path string
		status      int
	}{
		"another tenant's":         {b.token(b.A, b.A.Root), base + "/" + b.create(t, b.B, b.B.Partner, "jo@example.com").ID.String(), 404},
		"a sibling organization's": {b.token(b.A, b.A.Root), base + "/" + b.create(t, b.A, b.A.Rivals, "jo@example.com").ID.String(), 404},
		"a child's":                {b.token(b.A, b.A.Root), base + "/" + b.create(t, b.A, b.A.Branch, "jo@example.com").ID.String(), 404},
		"a number":                 {b.token(b.A, b.A.Root), base + "/1", 422},
		"a bare uuid":              {b.token(b.A, b.A.Root), base + "/" + own.ID.UUID().String(), 422},
		"another kind":             {b.token(b.A, b.A.Root), base + "/" + ids.NewGroup().String(), 422},
		"a sibling's token":        {b.token(b.A, b.A.Rivals), base + "/" + own.ID.String(), 404},
		"another tenant's token":   {b.token(b.B, b.B.Root), base + "/" + own.ID.String(), 401},
		"no token":                 {"", base + "/" + own.ID.String(), 401},
		"own":                      {b.token(b.A, b.A.Root), base + "/" + own.ID.String(), 200},
	} {
		if r := b.api.Do(t, c.token, http.MethodGet, c.path, nil); r.Status != c.status {
			t.Errorf("%s: %d, want %d", name, r.Status, c.status)
		}
	}
}

func TestPasswordPolicy(t *testing.T) {
	for plain, ok := range map[string]bool{
		"short": false, "1234567": false, "password123": false, "PASSWORD123": false, "Ｐassword123": false, "jo.doe@example.com": false,
		"JO.DOE@EXAMPLE.COM": false, "jo.doe-user": true, "longenoughname": false, strings.Repeat("x", 1024): true, strings.Repeat("x", 1025): false,
		"        ": false, "ok \xff\xff\xff\xff ok": false, secret: true,
	} {
		if err := users.DefaultPasswords.Check(plain, "longenoughname", "jo.doe@example.com"); (err == nil) != ok {
			t.Errorf("%.20q: %v", plain, err)
		}
	}
}

func TestFoundingMakesTheFirstAdministratorAndHooksRunOnce(t *testing.T) {
	b := setup(t)
	var joined ids.User
	b.users.OnCreate(func(_ context.Context, _ db.Tx, u users.User) error { joined = u.ID; return nil })
	f := module.Founding{Root: b.A.Root.ID, Admin: module.FoundingAdmin{User: ids.NewUser(), Email: "admin@example.com", Username: "admin"}}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return b.users.Module().Found(ctx, tx, f) })
	if u := b.load(t, b.A, f.Admin.User); u.Org != b.A.Root.ID || u.Username != "admin" || joined != u.ID {
		t.Errorf("founded %+v", u)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second hook was taken")
		}
	}()
	b.users.OnCreate(nil)
}

// TestAttack38_NamesThatAreNoText: a form can hold bytes that are no text; they are refused before they reach a row.
func TestAttack38_NamesThatAreNoText(t *testing.T) {
	b := setup(t)
	for _, name := range []string{"\xff\xfe", "a\x00b", "a\r\nBcc: x", "\xc0\x80"} {
		err := b.InTenant(context.Background(), b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			_, err := b.users.CreateTx(ctx, tx, users.NewUser{Org: b.A.Partner.ID, Username: "jo", GivenName: name})
			return err
		})
		var f *fault.Error
		if !errors.As(err, &f) || f.Code.Kind != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestAttack24_UsernameLikeAnAddress: a username that compares like an address without being one would stand in its way.
func TestAttack24_UsernameLikeAnAddress(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	for _, name := range []string{"jo\uff20partner.example", "jo\ufe6bpartner.example", "a\uff20b@partner.example", "@", "\uff20"} {
		if r := b.api.Do(t, token, http.MethodPost, base, map[string]string{"username": name}); r.Status != 422 {
			t.Errorf("%q: %d %s", name, r.Status, r.Raw)
		}
	}
}

func TestRefusedInput(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Partner)
	for name, body := range map[string]string{
		"nothing": `{}`, "two addresses": `{"email":"a@example.com,b@example.com"}`, "several @": `{"username":"a@b@example.com"}`,
		"line break": `{"username":"a\r\nb"}`, "NUL": `{"username":"a\u0000b"}`, "blank": `{"username":"   "}`, "noncharacter": `{"username":"a\udbff\udfff"}`,
		"a name with control characters": `{"username":"a","given_name":"x\ny"}`, "common password": `{"username":"a","password":"password123"}`,
		"own name": `{"username":"longenoughname","password":"LongEnoughName"}`, "locale": `{"username":"a","locale":"<script>"}`,
		"attribute": `{"username":"a","attributes":{"":"x"}}`, "not JSON": `{`, "array": `[]`,
	} {
		if r := b.api.Do(t, token, http.MethodPost, base, body); r.Status != 422 && r.Status != 400 || strings.Contains(string(r.Raw), "password123") {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	var list struct{ Items []users.UserBody }
	b.api.Do(t, token, http.MethodGet, base, nil).Into(t, &list)
	if len(list.Items) != 0 {
		t.Errorf("%d people were made", len(list.Items))
	}
}
