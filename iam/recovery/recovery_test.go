package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"grove/iam/recovery"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/infra/secrets/password"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	secret = "correct horse battery"
	anew   = "a better horse battery"
	base   = "/t/acme/v1/orgs/partner/users"
)

// ranks names those above everybody.
type ranks map[ids.User]bool

func (r ranks) CheckUserTx(_ context.Context, _ db.Tx, _ []ids.Org, user ids.User) error {
	if r[user] {
		return fault.CodeForbidden.With("", nil)
	}
	return nil
}

func (ranks) LastAdministrator(context.Context, db.Tx, ids.Org, ids.User, bool) (bool, error) {
	return false, nil
}

// held is what every actor may do.
type held map[string]bool

func (h held) HeldTx(context.Context, db.Tx, ids.Org) (map[string]bool, error) { return h, nil }

type keys map[ids.Tenant]*secrets.DataKey

func (k keys) DataKey(_ context.Context, tenant ids.Tenant) (*secrets.DataKey, error) {
	return k[tenant], nil
}

type bundle struct {
	*testkit.Database
	treekit.Pair
	above    ranks
	held     held
	api      *apikit.Server
	recovery *recovery.Service
	users    *users.Service
	token    string
}

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/recovery", "orgs/members", "tenants/mails", "tenants/settings"), "recovery", nil, func(o *db.Options) { o.MaxConn = 16 })
	hasher, err := password.New(password.Options{MaxQueue: 500, Params: password.Params{MemoryKiB: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	root, err := secrets.NewRoot([]byte("a root key of the tests, 32 byte"))
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{Database: d, Pair: treekit.Plant(t, d), above: ranks{}, held: held{"users.write": true}}
	log, dataKeys := events.NewLog(nil), keys{}
	for _, tree := range []treekit.Tree{b.A, b.B} {
		dataKeys[tree.Tenant.ID], _ = root.NewDataKey(tree.Tenant.ID.String())
	}
	b.users = users.New(d.DB, log, hasher, b.above)
	b.recovery = recovery.New(d.DB, log, recovery.Ports{Keys: dataKeys, Roles: b.held, Sessions: sessions.New(d.DB, log, sessions.Lifetimes{}), Tenants: b.Pair, Users: b.users})
	b.api = apikit.New(t, d, b.Pair, b.users.Module(), b.recovery.Module())
	b.token = b.api.Token(b.A.Client(b.A.Partner, "users.read", "users.write"))
	return b
}

func (b bundle) create(t *testing.T, n users.NewUser) users.User {
	t.Helper()
	n.Org = b.A.Partner.ID
	var u users.User
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.CreateTx(ctx, tx, n)
		return err
	})
	return u
}

// person is one with a password.
func (b bundle) person(t *testing.T, username string) users.User {
	t.Helper()
	phc, err := b.users.HashPassword(t.Context(), b.A.Tenant.ID, ids.Org{}, secret)
	if err != nil {
		t.Fatal(err)
	}
	return b.create(t, users.NewUser{Username: username, PasswordHash: phc})
}

func (b bundle) ask(t *testing.T, u users.User, body string) (recovery.PasswordLink, apikit.Response) {
	t.Helper()
	r := b.api.Do(t, b.token, http.MethodPost, base+"/"+u.ID.String()+"/password-link", body)
	var made recovery.PasswordLink
	if r.Status == 201 {
		r.Into(t, &made)
	}
	return made, r
}

// hand makes a link to be handed over and returns its token.
func (b bundle) hand(t *testing.T, u users.User) string {
	t.Helper()
	made, r := b.ask(t, u, `{"delivery":"link"}`)
	_, token, ok := strings.Cut(made.Link, b.A.Tenant.Base+"/login/set-password?token=")
	if !ok {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	return token
}

func (b bundle) use(token string) error {
	return b.recovery.Use(context.Background(), b.A.Tenant.ID, token, anew)
}

func (b bundle) signsIn(t *testing.T, u users.User, plain string) bool {
	t.Helper()
	_, err := b.users.CheckPassword(t.Context(), b.A.Tenant.ID, []users.User{u}, plain)
	return err == nil
}

func (b bundle) load(t *testing.T, id ids.User) (u users.User) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.users.Load(ctx, tx, id)
		return err
	})
	return u
}

func code(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code.Name
	}
	return ""
}

func TestMailedLink(t *testing.T) {
	b := setup(t)
	b.Clock.Stop()
	jo := b.create(t, users.NewUser{Username: "jo", Email: "Jo@Partner.example", Locale: "de"})
	made, r := b.ask(t, jo, `{}`)
	if r.Status != 201 || made.Delivery != "email" || made.Link != "" || strings.Contains(string(r.Raw), "token") {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	if want := b.Clock.Now().Add(24 * time.Hour); made.ExpiresAt == nil || made.ExpiresAt.Sub(want).Abs() > time.Second {
		t.Errorf("expires at %v", made.ExpiresAt)
	}
	mail, err := b.recovery.Mail(t.Context(), b.A.Tenant.ID, jo.ID)
	if err != nil || mail.Email != "Jo@Partner.example" || !mail.First || mail.Locale != "de" || mail.Username != "jo" || mail.OrgName == "" {
		t.Fatalf("%+v %v", mail, err)
	}
	_, token, _ := strings.Cut(mail.Link, "token=")
	for range 3 { // scanners
		if p, err := b.recovery.Peek(t.Context(), b.A.Tenant.ID, token); err != nil || p.Username != "jo" {
			t.Fatalf("%+v %v", p, err)
		}
	}
	if err := b.recovery.Use(t.Context(), b.A.Tenant.ID, token, "short"); code(err) != "user.password" {
		t.Errorf("a weak password: %v", err)
	}
	if err := b.use(token); err != nil {
		t.Fatal(err)
	}
	if u := b.load(t, jo.ID); !u.EmailVerified || !u.HasPassword || u.MustChangePassword || !b.signsIn(t, u, anew) {
		t.Errorf("%+v", u)
	}
	if err := b.use(token); code(err) != "password_link.invalid" {
		t.Errorf("used again: %v", err)
	}
	testkit.CheckPlans(t, b.Database)
}

func TestForcedReset(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@partner.example")
	if _, r := b.ask(t, jo, `{"delivery":"link"}`); r.Status != 201 || !b.signsIn(t, jo, secret) {
		t.Fatalf("an offer took the password away: %s", r.Raw)
	}
	made, r := b.ask(t, jo, `{"delivery":"link","force":true,"expires_in_minutes":-1}`)
	if r.Status != 201 || made.ExpiresAt != nil || b.signsIn(t, jo, secret) {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	b.Clock.Advance(300 * 24 * time.Hour)
	_, token, _ := strings.Cut(made.Link, "token=")
	if err := b.use(token); err != nil || !b.signsIn(t, b.load(t, jo.ID), anew) {
		t.Error(err)
	}
	if u := b.load(t, jo.ID); u.EmailVerified {
		t.Error("a link that was handed over proves no address")
	}
}

func TestWhatCannotBeAskedFor(t *testing.T) {
	b := setup(t)
	jo, bare := b.person(t, "jo@partner.example"), b.create(t, users.NewUser{Username: "bare"})
	off := b.create(t, users.NewUser{Username: "off@partner.example"})
	b.api.Do(t, b.token, http.MethodPost, base+"/"+off.ID.String()+":disable", nil)
	boss := b.person(t, "boss@partner.example")
	b.above[boss.ID] = true
	stranger := users.User{ID: ids.NewUser()}
	for name, c := range map[string]struct {
		user users.User
		body string
		code string
	}{
		"no address":              {bare, `{}`, "request.invalid"},
		"mail for ever":           {jo, `{"expires_in_minutes":-1}`, "request.invalid"},
		"for ever, with password": {jo, `{"delivery":"link","expires_in_minutes":-1}`, "request.invalid"},
		"at once":                 {jo, `{"expires_in_minutes":0}`, "request.invalid"},
		"too long":                {jo, `{"expires_in_minutes":43201}`, "request.invalid"},
		"no such delivery":        {jo, `{"delivery":"sms"}`, "request.invalid"},
		"disabled":                {off, `{}`, "password_link.not_active"},
		"nobody":                  {stranger, `{}`, "resource.not_found"},
		"above the caller":        {boss, `{"delivery":"link","force":true}`, "user.above_actor"},
	} {
		if _, r := b.ask(t, c.user, c.body); r.Code() != c.code {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	if !b.signsIn(t, boss, secret) || !b.signsIn(t, jo, secret) {
		t.Error("what was refused took a password away")
	}
}

// TestAttack06_PasswordLinks: a link ends with the next one, with a change of the password, with its time, with its person's
// standing, and with its first use.
func TestAttack06_PasswordLinks(t *testing.T) {
	b := setup(t)
	path := func(u users.User, rest string) string { return base + "/" + u.ID.String() + rest }
	ends := map[string]func(u users.User){
		"another link": func(u users.User) { b.hand(t, u) },
		"taken back":   func(u users.User) { b.api.Do(t, b.token, http.MethodDelete, path(u, "/password-link"), nil) },
		"a password reset": func(u users.User) {
			b.api.Do(t, b.token, http.MethodPost, path(u, ":reset-password"), `{"password":"`+secret+`"}`)
		},
		"the password taken away": func(u users.User) {
			b.api.Do(t, b.token, http.MethodPost, path(u, ":reset-password"), `{}`)
		},
		"disabled":          func(u users.User) { b.api.Do(t, b.token, http.MethodPost, path(u, ":disable"), nil) },
		"locked":            func(u users.User) { b.api.Do(t, b.token, http.MethodPost, path(u, ":lock"), `{}`) },
		"deleted":           func(u users.User) { b.api.Do(t, b.token, http.MethodDelete, path(u, ""), nil) },
		"its time is over":  func(users.User) { b.Clock.Advance(24 * time.Hour) },
		"used in the wrong": nil,
	}
	for name, end := range ends {
		u := b.person(t, ids.NewUser().String()+"@partner.example")
		token := b.hand(t, u)
		b.Clock.Advance(time.Second)
		if end == nil {
			if err := b.recovery.Use(t.Context(), b.B.Tenant.ID, token, anew); code(err) != "password_link.invalid" {
				t.Errorf("at the other tenant: %v", err)
			}
			if err := b.use(token[:len(token)-1] + "x"); code(err) != "password_link.invalid" {
				t.Errorf("another token: %v", err)
			}
			if err := b.use(token); err != nil {
				t.Errorf("those used it up: %v", err)
			}
			continue
		}
		end(u)
		if err := b.use(token); code(err) != "password_link.invalid" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.recovery.Peek(t.Context(), b.A.Tenant.ID, token); code(err) != "password_link.invalid" {
			t.Errorf("%s: shown: %v", name, err)
		}
	}
	u := b.person(t, "jo@partner.example")
	token := b.hand(t, u)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if b.use(token) == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 12 used one link", won.Load())
	}
}

// TestAttack01_PasswordLinksOfTheSuspended: whatever the person belongs to is suspended, his link is refused and not used up.
func TestAttack01_PasswordLinksOfTheSuspended(t *testing.T) {
	b := setup(t)
	tenant := b.A.Tenant.ID
	type change = func(tx db.Tx, ctx context.Context, kind db.Kind, subject uuid.UUID, reason string) error
	set := func(change change, kind db.Kind, subject uuid.UUID) {
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error { return change(tx, ctx, kind, subject, "test") })
	}
	jo := b.create(t, users.NewUser{Username: "jo@partner.example"})
	if _, r := b.ask(t, jo, `{}`); r.Status != 201 {
		t.Fatal(r.Status)
	}
	mail, err := b.recovery.Mail(t.Context(), tenant, jo.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(mail.Link, "token=")
	for name, what := range map[string]struct {
		kind    db.Kind
		subject uuid.UUID
	}{"organization": {db.KindOrg, b.A.Partner.ID.UUID()}, "ancestor": {db.KindOrg, b.A.Root.ID.UUID()}, "tenant": {db.KindTenant, tenant.UUID()}} {
		set(db.Tx.Block, what.kind, what.subject)
		if p, err := b.recovery.Peek(t.Context(), tenant, token); code(err) != "org.suspended" || p.OrgName != "partner" || p.Username != "" {
			t.Errorf("%s: shown: %+v %v", name, p, err)
		}
		if err := b.use(token); code(err) != "org.suspended" {
			t.Errorf("%s: used: %v", name, err)
		}
		if _, err := b.recovery.Mail(t.Context(), tenant, jo.ID); code(err) != "org.suspended" {
			t.Errorf("%s: mailed: %v", name, err)
		}
		if b.load(t, jo.ID).HasPassword {
			t.Errorf("%s: he has a password", name)
		}
		set(db.Tx.Unblock, what.kind, what.subject)
	}
	set(db.Tx.Block, db.KindOrg, b.A.Rivals.ID.UUID())
	if err := b.use(token); err != nil {
		t.Errorf("resumed: %v", err)
	}
}

// TestAttack28_APasswordLinkEndsWithItsMakersPower: a link is no good, and is not used up, while its maker is gone, may not look
// after users any more, or stands below its person; however it reached the person.
func TestAttack28_APasswordLinkEndsWithItsMakersPower(t *testing.T) {
	b := setup(t)
	tenant := b.A.Tenant.ID
	maker := b.person(t, "maker@partner.example")
	client := b.A.Client(b.A.Partner, "users.write")
	asUser := client
	asUser.Kind, asUser.App, asUser.User = actor.User, ids.App{}, maker.ID
	epoch := func(f func(db.Tx, context.Context, db.Kind, uuid.UUID, string) error, kind db.Kind, subject uuid.UUID) {
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error { return f(tx, ctx, kind, subject, "test") })
	}
	member := ids.Pair(b.A.Partner.ID.UUID(), maker.ID.UUID())
	for name, c := range map[string]struct {
		as   actor.Actor
		end  func(person users.User)
		back func(person users.User)
	}{
		"the person rose":      {asUser, func(u users.User) { b.above[u.ID] = true }, func(u users.User) { delete(b.above, u.ID) }},
		"above a client":       {client, func(u users.User) { b.above[u.ID] = true }, func(u users.User) { delete(b.above, u.ID) }},
		"users are not his":    {asUser, func(users.User) { delete(b.held, "users.write") }, func(users.User) { b.held["users.write"] = true }},
		"he was disabled":      {asUser, func(users.User) { epoch(db.Tx.Block, db.KindUser, maker.ID.UUID()) }, func(users.User) { epoch(db.Tx.Unblock, db.KindUser, maker.ID.UUID()) }},
		"he left":              {asUser, func(users.User) { epoch(db.Tx.Block, db.KindMembership, member) }, func(users.User) { epoch(db.Tx.Unblock, db.KindMembership, member) }},
		"a client was removed": {client, func(users.User) { epoch(db.Tx.Block, db.KindClient, client.App.UUID()) }, func(users.User) { epoch(db.Tx.Unblock, db.KindClient, client.App.UUID()) }},
	} {
		b.token = b.api.Token(c.as)
		for _, delivery := range []string{"link", "email"} {
			u := b.create(t, users.NewUser{Username: ids.NewUser().String() + "@partner.example"})
			made, r := b.ask(t, u, `{"delivery":"`+delivery+`"}`)
			if r.Status != 201 {
				t.Fatalf("%s: %d %s", name, r.Status, r.Raw)
			}
			if delivery == "email" {
				mail, err := b.recovery.Mail(t.Context(), tenant, u.ID)
				if err != nil {
					t.Fatal(err)
				}
				made.Link = mail.Link
			}
			_, token, _ := strings.Cut(made.Link, "token=")
			c.end(u)
			if p, err := b.recovery.Peek(t.Context(), tenant, token); code(err) != "password_link.invalid" || p.Username != "" {
				t.Errorf("%s, by %s: shown: %v", name, delivery, err)
			}
			if err := b.use(token); code(err) != "password_link.invalid" {
				t.Errorf("%s, by %s: used: %v", name, delivery, err)
			}
			if _, err := b.recovery.Mail(t.Context(), tenant, u.ID); code(err) != "password_link.invalid" {
				t.Errorf("%s, by %s: mailed: %v", name, delivery, err)
			}
			c.back(u)
			if err := b.use(token); err != nil {
				t.Errorf("%s, by %s, and back: %v", name, delivery, err)
			}
		}
	}
	// Of a link from before, nobody knows who made it.
	u := b.create(t, users.NewUser{Username: "old"})
	token := b.hand(t, u)
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE password_links SET made_by = '{}' WHERE tenant_id = $1 AND user_id = $2`, tx.Tenant(), u.ID)
		return err
	})
	if err := b.use(token); code(err) != "password_link.invalid" {
		t.Errorf("from before: %v", err)
	}
}

// TestAttack36_NobodyIsFloodedWithMails: five mails within an hour, whoever asks; a link that is handed over sends none.
func TestAttack36_NobodyIsFloodedWithMails(t *testing.T) {
	b := setup(t)
	jo := b.person(t, "jo@partner.example")
	for range 5 {
		if _, r := b.ask(t, jo, `{}`); r.Status != 201 {
			t.Fatalf("%d %s", r.Status, r.Raw)
		}
	}
	before, err := b.recovery.Mail(t.Context(), b.A.Tenant.ID, jo.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, r := b.ask(t, jo, `{"force":true}`); r.Status != 429 || r.Code() != "password_link.too_many" {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	if after, err := b.recovery.Mail(t.Context(), b.A.Tenant.ID, jo.ID); err != nil || after.Link != before.Link || !b.signsIn(t, jo, secret) {
		t.Errorf("what was refused changed something: %v", err)
	}
	if _, r := b.ask(t, jo, `{"delivery":"link"}`); r.Status != 201 {
		t.Errorf("handed over: %s", r.Raw)
	}
	if _, err := b.recovery.Mail(t.Context(), b.A.Tenant.ID, jo.ID); code(err) != "password_link.invalid" {
		t.Errorf("a link that is handed over is mailed: %v", err)
	}
	b.Clock.Advance(time.Hour)
	if _, r := b.ask(t, jo, `{}`); r.Status != 201 {
		t.Errorf("an hour later: %s", r.Raw)
	}
	// Whoever makes the address another one does not get what was meant for the one before.
	b.api.Do(t, b.token, http.MethodPatch, base+"/"+jo.ID.String(), `{"email":"other@partner.example"}`)
	if _, err := b.recovery.Mail(t.Context(), b.A.Tenant.ID, jo.ID); code(err) != "password_link.invalid" {
		t.Errorf("mailed to another address: %v", err)
	}
}

// TestAttack36_ManyPeopleOfOneAddress: who makes people of a stranger's address, and deletes them again, does not flood it.
func TestAttack36_ManyPeopleOfOneAddress(t *testing.T) {
	b := setup(t)
	sent := 0
	for i := range 8 {
		u := b.create(t, users.NewUser{Username: fmt.Sprintf("many%d", i), Email: "stranger@mail.example"})
		for range 5 {
			if _, r := b.ask(t, u, `{}`); r.Status == 201 {
				sent++
			} else if r.Status != 429 || r.Code() != "password_link.too_many" {
				t.Fatalf("%d %s", r.Status, r.Raw)
			}
		}
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM users WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), u.ID)
			return err
		})
	}
	if sent != 20 {
		t.Errorf("%d mails within an hour", sent)
	}
	last := b.create(t, users.NewUser{Username: "last", Email: "stranger@mail.example"})
	if _, r := b.ask(t, last, `{"delivery":"link"}`); r.Status != 201 {
		t.Errorf("handed over: %d %s", r.Status, r.Raw)
	}
	b.Clock.Advance(time.Hour)
	if _, r := b.ask(t, last, `{}`); r.Status != 201 {
		t.Errorf("an hour later: %d %s", r.Status, r.Raw)
	}
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		var left int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM mails_sent WHERE tenant_id = $1`, tx.Tenant()).Scan(&left)
		if left != 1 {
			t.Errorf("%d mails are remembered", left)
		}
		return err
	})
}
