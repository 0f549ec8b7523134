package sessions_test

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// The statement by which the binary before lapses_at signs people in.
const sqlInsertBefore = `
	INSERT INTO sessions (tenant_id, id, org_id, user_id, secret_hash, amr, auth_time, stamp, user_agent, address, began_at, created_at, last_seen_at, expires_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11, $12)`

// TestUpgrade: the binary before goes on signing people in beside this one, what it made is good here, and nobody is told of what
// expired in its time.
func TestUpgrade(t *testing.T) {
	old := fstest.MapFS{}
	names, err := fs.Glob(sessions.Migrations(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name < "20261130T0700" {
			data, err := fs.ReadFile(sessions.Migrations(), name)
			if err != nil {
				t.Fatal(err)
			}
			old[name] = &fstest.MapFile{Data: data}
		}
	}
	b := setupOn(t, migrations(old))
	signIn := func(began time.Time) (id ids.Session, secret string) {
		id = ids.NewSession()
		secret, hash := secrets.NewToken("grv_ses")
		in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
			_, err := tx.Exec(ctx, sqlInsertBefore, tx.Tenant(), id, b.a.branch, b.a.user, hash, []string{"pwd"}, began, 0, "", "", began, began.Add(life))
			return err
		})
		return id, secret
	}
	now := b.Clock.Now()
	signIn(now.Add(-life - time.Hour))
	_, before := signIn(now.Add(-time.Hour))
	if _, err := db.Migrate(context.Background(), b.Super, migrations(sessions.Migrations())); err != nil {
		t.Fatal(err)
	}
	made, beside := signIn(now)
	for name, secret := range map[string]string{"before": before, "beside": beside} {
		if !b.good(t, b.a.tenant, secret) {
			t.Errorf("what was made %s is not good", name)
		}
	}
	b.sweep(t)
	if live, ended := b.count(t, b.a.tenant, countLive), b.count(t, b.a.tenant, countEnded); live != 2 || ended != 0 {
		t.Errorf("%d are live, and %d were told of", live, ended)
	}
	in(t, b.Database, b.a.tenant, func(ctx context.Context, tx db.Tx) error {
		list, err := b.sessions.OfUser(ctx, tx, b.a.user, 10)
		if len(list) != 2 || list[0].ID != made {
			t.Errorf("listed: %v", list)
		}
		return err
	})
	b.Clock.Advance(idle)
	if b.good(t, b.a.tenant, beside) {
		t.Error("good after its idle time")
	}
	b.Clock.Advance(life)
	if b.sweep(t); b.count(t, b.a.tenant, countEnded) != 2 {
		t.Errorf("%d were told of", b.count(t, b.a.tenant, countEnded))
	}
}
