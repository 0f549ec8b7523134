package members_test

import (
	"context"
	"net/url"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"grove/iam/users"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

// TestSearch: a search finds residents and guests by username and address as they are now, and nobody who does not belong, whoever
// else there is in the tenant.
func TestSearch(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Root)
	b.user(t, b.A, b.A.Partner, "jo")
	b.user(t, b.A, b.A.Partner, "other")
	b.user(t, b.A, b.A.Rivals, "job") // belongs elsewhere
	b.user(t, b.B, b.B.Partner, "jon")
	guest, byEmail := b.user(t, b.A, b.A.Rivals, "joan"), b.user(t, b.A, b.A.Rivals, "guest")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		for user, email := range map[string]string{"other": "joey@example.com", "guest": "jonas@example.com"} {
			if _, err := tx.Exec(ctx, `UPDATE users SET email = $3, email_key = $3 WHERE tenant_id = $1 AND username_key = $2`, tx.Tenant(), user, email); err != nil {
				return err
			}
		}
		return nil
	})
	for _, u := range []string{guest.ID.String(), byEmail.ID.String()} {
		b.api.Want(t, 200, "", token, "PUT", base+"/"+u, nil)
	}
	found := func() {
		t.Helper()
		for query, want := range map[string][]string{
			"?q=jo":                           {"jo:resident", "other:resident", "joan:shared", "guest:shared"},
			"?q=JOA":                          {"joan:shared"},
			"?q=jona":                         {"guest:shared"},
			"?q=job":                          nil,
			"?q=jo&kind=shared":               {"joan:shared", "guest:shared"},
			"?q=jo&kind=resident":             {"jo:resident", "other:resident"},
			"?q=jo&user=" + guest.ID.String(): {"joan:shared"},
		} {
			if got := b.list(t, token, base+query); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
	}
	found()
	// A thousand guests more, and a thousand people elsewhere between those who are looked for.
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH made AS (
				INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), $2, 'x' || i, 'x' || i, 'active', now(), now() FROM generate_series(1, 1000) i RETURNING id)
			INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) SELECT $1, gen_random_uuid(), $3, id, 'shared', now() FROM made`,
			tx.Tenant(), b.A.Rivals.ID, b.A.Partner.ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO users (tenant_id, id, org_id, username, username_key, email, email_key, status, created_at, updated_at)
			SELECT $1, gen_random_uuid(), $2, 'joa' || i, 'joa' || i, 'jona' || i, 'jona' || i, 'active', now(), now() FROM generate_series(1, 1001) i`,
			tx.Tenant(), b.A.Rivals.ID)
		return err
	})
	found()
	// The organization where the guest resides changes him, and sees nothing of where he is a guest.
	err := b.InOrg(context.Background(), b.A.Tenant.ID, b.A.Rivals.ID, func(ctx context.Context, tx db.OrgTx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET username = 'Zoe', username_key = 'zoe', email_key = 'zoe@example.com' WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), guest.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{"?q=joan": nil, "?q=zoe": {"Zoe:shared"}, "?q=zoe@": {"Zoe:shared"}} {
		if got := b.list(t, token, base+query); !slices.Equal(got, want) {
			t.Errorf("renamed: %s: %v, want %v", query, got, want)
		}
	}
	b.api.Want(t, 204, "", token, "DELETE", base+"/"+guest.ID.String(), nil)
	if got := b.list(t, token, base+"?q=zoe"); got != nil {
		t.Errorf("removed: %v", got)
	}
	testkit.CheckPlans(t, b.Database)
}

// TestFoundByName: residents and guests are found by their names from each word on, as these are now; a guest who left keeps his name
// in the log of where he was, until he comes back.
func TestFoundByName(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Root)
	create := func(org httpapi.Org, username, given, family string) (u users.User) {
		t.Helper()
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
			u, err = b.users.CreateTx(ctx, tx, users.NewUser{Org: org.ID, Username: username, GivenName: given, FamilyName: family})
			return err
		})
		return u
	}
	create(b.A.Partner, "emil", "Emil", "Costa-Lee")
	guest, stranger := create(b.A.Rivals, "u4711", "Anna Maria", "Costa"), create(b.A.Rivals, "stranger", "Carl", "Costa")
	b.api.Want(t, 200, "", token, "PUT", base+"/"+guest.ID.String(), nil)
	want := func(all map[string][]string) {
		t.Helper()
		for q, want := range all {
			if got := b.list(t, token, base+"?q="+url.QueryEscape(q)); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", q, got, want)
			}
		}
	}
	want(map[string][]string{
		"costa": {"emil:resident", "u4711:shared"}, "lee, em": {"emil:resident"}, "maria c": {"u4711:shared"}, "Costa ANNA": {"u4711:shared"},
		"arl": nil, "carl": nil, "osta": nil, "-": nil, "%": nil, "u4": {"u4711:shared"},
	})
	// The organization where the guest resides changes him.
	rename := func(user ids.User, words string) {
		t.Helper()
		err := b.InOrg(context.Background(), b.A.Tenant.ID, b.A.Rivals.ID, func(ctx context.Context, tx db.OrgTx) error {
			_, err := tx.Exec(ctx, `UPDATE users SET family_name = 'Prado', name_words = $3 WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), user, words)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rename(guest.ID, "anna maria prado")
	rename(stranger.ID, "carl prado")
	want(map[string][]string{"costa": {"emil:resident"}, "prado": {"u4711:shared"}})

	left := func() (names []string) {
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
			names, err = db.Scalars[string](ctx, tx, `SELECT name FROM names_of_gone WHERE tenant_id = $1 AND org_id = $2 AND id = $3`, tx.Tenant(), b.A.Partner.ID, guest.ID)
			return err
		})
		return names
	}
	b.api.Want(t, 204, "", token, "DELETE", base+"/"+guest.ID.String(), nil)
	want(map[string][]string{"prado": nil, "u4": nil})
	if got := left(); !slices.Equal(got, []string{"Anna Maria Prado"}) {
		t.Errorf("left as %v", got)
	}
	b.api.Want(t, 200, "", token, "PUT", base+"/"+guest.ID.String(), nil)
	if got := left(); len(got) != 0 {
		t.Errorf("back, and gone as %v", got)
	}
	want(map[string][]string{"prado": {"u4711:shared"}})
	testkit.CheckPlans(t, b.Database)
}

// TestGuestsFoundByWhatTheyBecame: who becomes a member while his address changes is found by the new one.
func TestGuestsFoundByWhatTheyBecame(t *testing.T) {
	b := setup(t)
	token := b.token(b.A, b.A.Root)
	guest := b.user(t, b.A, b.A.Rivals, "joan")
	super, err := pgx.Connect(context.Background(), b.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = super.Close(context.Background()) }()
	done := make(chan error, 1)
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE users SET email = 'zoe@example.com', email_key = 'zoe@example.com' WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), guest.ID); err != nil {
			return err
		}
		go func() {
			done <- b.InTenant(context.Background(), b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
				_, err := b.members.AddTx(ctx, tx, b.A.Partner.ID, guest.ID, "invited")
				return err
			})
		}()
		testkit.Eventually(t, "the new membership waits", func() (waiting bool) {
			err := super.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
			return err == nil && waiting
		})
		return nil
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := b.list(t, token, base+"?q=zoe"); len(got) != 1 {
		t.Errorf("by the new address: %v", got)
	}
}

// TestOrganizationsOfAPerson: they come in pages, by name, and those with a part of the name or the handle.
func TestOrganizationsOfAPerson(t *testing.T) {
	b := setup(t)
	jo := b.user(t, b.A, b.A.Partner, "jo")
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		if _, err := b.members.AddTx(ctx, tx, b.A.Rivals.ID, jo.ID, "invited"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			WITH made AS (
				INSERT INTO organizations (tenant_id, id, parent_id, handle, name, name_key, status, created_at, updated_at)
				SELECT $1, gen_random_uuid(), $2, 'handle-' || i, 'Many ' || i, 'many ' || i, 'active', now(), now() FROM generate_series(1, 5) i RETURNING id)
			INSERT INTO memberships (tenant_id, id, org_id, user_id, kind, created_at) SELECT $1, gen_random_uuid(), id, $3, 'invited', now() FROM made`,
			tx.Tenant(), b.A.Root.ID, jo.ID)
		return err
	})
	for part, want := range map[string]int{"": 7, "ANY": 5, "handle-3": 1, "handle": 5, "rivals": 1, "%": 0, "branch": 0} {
		seen := map[string]bool{}
		treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
			for req := (page.Request{Size: 2}); ; {
				found, err := b.members.OrgsOf(ctx, tx, jo.ID, part, req)
				for _, o := range found.Items {
					seen[o.Handle] = true
				}
				if err != nil || found.Next == nil {
					return err
				}
				req.After = found.Next
			}
		})
		if len(seen) != want {
			t.Errorf("%q: %v, want %d", part, seen, want)
		}
	}
	testkit.CheckPlans(t, b.Database)
}
