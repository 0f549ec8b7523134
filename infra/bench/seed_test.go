package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"grove/infra/db"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The tree that one statement makes is the one that parentOf tells of, with every pair of ancestor and descendant.
func TestSeed(t *testing.T) {
	t.Parallel()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "orgs/members"), "seed", nil)
	trees := treekit.Plant(t, d)
	const people, organizations = 1000, 900
	tenant := trees.A.Tenant
	treekit.In(t, d, tenant.ID, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO tenants (tenant_id, handle, name, name_key, root_org_id, status, created_at, updated_at)
			VALUES ($1, $2, $2, $2, $3, 'active', $4, $4)`, tenant.ID, tenant.Handle, tenant.Root, tx.Now())
		return err
	})
	if err := seed(t.Context(), &grove{Tenant: tenant.Handle, DatabaseURL: d.URL}, people, organizations); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), d.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for i := 1; i <= organizations; i++ {
		want := []string{orgHandle(i)}
		for p := parentOf(i); p != 0; p = parentOf(p) {
			want = append(want, orgHandle(p))
		}
		rows, err := conn.Query(t.Context(), `
			SELECT a.handle FROM grove.organizations o
			JOIN grove.org_closure c ON c.tenant_id = o.tenant_id AND c.descendant_id = o.id
			JOIN grove.organizations a ON a.tenant_id = c.tenant_id AND a.id = c.ancestor_id
			WHERE o.tenant_id = $1 AND o.handle = $2 ORDER BY c.depth`, tenant.ID.UUID(), orgHandle(i))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want)+1 || fmt.Sprint(got[:len(want)]) != fmt.Sprint(want) {
			t.Fatalf("organization %d lies below %v, want %v and the root", i, got, want)
		}
	}
	var members int
	var kind uuid.UUID
	err = conn.QueryRow(t.Context(), `SELECT count(*), min(m.org_id::text)::uuid FROM grove.memberships m
		JOIN grove.users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id AND u.username_key = $2
		WHERE m.tenant_id = $1`, tenant.ID.UUID(), username(people)).Scan(&members, &kind)
	if err != nil || members != 1 || kind != tenant.Root.UUID() {
		t.Errorf("the last person has %d memberships, of %s, %v", members, kind, err)
	}
}
