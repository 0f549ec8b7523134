package sessions_test

import (
	"context"
	"net/http"
	"testing"

	"grove/iam/sessions"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

// apiBundle is the API over two planted tenants.
type apiBundle struct {
	*testkit.Database
	treekit.Pair
	api      *apikit.Server
	sessions *sessions.Service
}

func setupAPI(t *testing.T) apiBundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/sessions"), "sessions_api", nil)
	b := apiBundle{Database: d, Pair: treekit.Plant(t, d), sessions: sessions.New(d.DB, events.NewLog(nil), sessions.Lifetimes{Absolute: life, Idle: idle})}
	b.api = apikit.New(t, d, b.Pair, b.sessions.Module())
	return b
}

func (b apiBundle) signIn(t *testing.T, tree treekit.Tree, org httpapi.Org, user ids.User) (out sessions.Session, secret string) {
	t.Helper()
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		if _, err := tx.Exec(ctx, `INSERT INTO users (tenant_id, id, org_id, username, username_key, status, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4, 'active', $5, $5) ON CONFLICT DO NOTHING`, tree.Tenant.ID, user, org.ID, user.String(), tx.Now()); err != nil {
			return err
		}
		out, secret, err = b.sessions.CreateTx(ctx, tx, sessions.NewSession{Org: org.ID, User: user, AMR: []string{"pwd"}, Address: "203.0.113.7"})
		return err
	})
	return out, secret
}

func (b apiBundle) good(t *testing.T, tenant ids.Tenant, secret string) bool {
	t.Helper()
	_, found, err := b.sessions.FindBySecret(context.Background(), tenant, secret)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAPI(t *testing.T) {
	b := setupAPI(t)
	jo, ann := ids.NewUser(), ids.NewUser()
	one, secretOne := b.signIn(t, b.A, b.A.Partner, jo)
	two, secretTwo := b.signIn(t, b.A, b.A.Partner, jo)
	three, secretThree := b.signIn(t, b.A, b.A.Partner, ann)
	elsewhere, secretElsewhere := b.signIn(t, b.A, b.A.Rivals, jo)
	token := b.api.Token(b.A.Client(b.A.Root, "sessions.read", "sessions.write"))
	const base = "/t/acme/v1/orgs/partner/sessions"

	list := func(query string) (out []ids.Session) {
		for pageToken := ""; ; {
			var got page.Of[sessions.UserSession]
			b.api.Want(t, http.StatusOK, "", token, http.MethodGet, base+"?page_size=1"+query+pageToken, nil).Into(t, &got)
			for _, s := range got.Items {
				out = append(out, s.ID)
			}
			if got.NextPageToken == "" {
				return out
			}
			pageToken = "&page_token=" + got.NextPageToken
		}
	}
	if got := list(""); len(got) != 3 || got[0] != three.ID || got[2] != one.ID {
		t.Errorf("list %v", got)
	}
	if got := list("&user=" + jo.String()); len(got) != 2 || got[0] != two.ID {
		t.Errorf("of one person %v", got)
	}
	var shown sessions.UserSession
	b.api.Want(t, http.StatusOK, "", token, http.MethodGet, base+"/"+one.ID.String(), nil).Into(t, &shown)
	if shown.UserID != jo || len(shown.AllowedActions) != 1 || shown.Methods[0] != "pwd" {
		t.Errorf("%+v", shown)
	}

	// Another organization's, another tenant's and unknown sessions are the same 404 and stay as they are.
	foreign, secretForeign := b.signIn(t, b.B, b.B.Partner, ids.NewUser())
	for _, id := range []ids.Session{elsewhere.ID, foreign.ID, ids.NewSession()} {
		b.api.Want(t, http.StatusNotFound, "resource.not_found", token, http.MethodGet, base+"/"+id.String(), nil)
		b.api.Want(t, http.StatusNotFound, "resource.not_found", token, http.MethodDelete, base+"/"+id.String(), nil)
	}
	b.api.Want(t, http.StatusUnprocessableEntity, "", token, http.MethodGet, base+"/"+jo.String(), nil)
	reader := b.api.Token(b.A.Client(b.A.Partner, "sessions.read"))
	b.api.Want(t, http.StatusForbidden, "", reader, http.MethodDelete, base+"/"+one.ID.String(), nil)

	b.api.Want(t, http.StatusNoContent, "", token, http.MethodDelete, base+"/"+three.ID.String(), nil)
	b.api.Want(t, http.StatusNotFound, "", token, http.MethodDelete, base+"/"+three.ID.String(), nil)
	if b.good(t, b.A.Tenant.ID, secretThree) || !b.good(t, b.A.Tenant.ID, secretOne) {
		t.Error("the wrong session ended")
	}
	ended := 0
	b.sessions.OnEndInOrg(func(_ context.Context, tx db.Tx, org ids.Org, user ids.User, reason string) error {
		if ended++; org != b.A.Partner.ID || user != jo || reason != sessions.ReasonAdministrator || tx.Tenant() != b.A.Tenant.ID {
			t.Errorf("grants of %s in %s, because of %s", user, org, reason)
		}
		return nil
	})
	for range 2 {
		b.api.Want(t, http.StatusNoContent, "", token, http.MethodPost, base+":end", sessions.EndSessionsRequest{UserID: jo}, "Idempotency-Key", "end-jo")
	}
	if b.good(t, b.A.Tenant.ID, secretOne) || b.good(t, b.A.Tenant.ID, secretTwo) || ended != 1 {
		t.Errorf("a session of the person lives, or his grants ended %d times", ended)
	}
	if !b.good(t, b.A.Tenant.ID, secretElsewhere) || !b.good(t, b.B.Tenant.ID, secretForeign) {
		t.Error("a session elsewhere ended")
	}
	if got := list(""); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}

// TestAttack28_SessionsOfThoseAbove: ending somebody's sessions asks what disabling him asks, in whichever way they are named;
// it is refused whole, and one's own are one's own to end. Of people without a session there, nothing is told.
func TestAttack28_SessionsOfThoseAbove(t *testing.T) {
	b := setupAPI(t)
	boss, jo, me := ids.NewUser(), ids.NewUser(), ids.NewUser()
	above := map[ids.User]bool{boss: true, me: true}
	b.sessions.OnEnd(func(_ context.Context, _ db.Tx, user ids.User) error {
		if above[user] {
			return fault.CodeForbidden.With("", nil)
		}
		return nil
	})
	of := map[ids.User]sessions.Session{}
	secrets := map[ids.User]string{}
	for _, user := range []ids.User{boss, jo, me} {
		of[user], secrets[user] = b.signIn(t, b.A, b.A.Partner, user)
	}
	a := b.A.Client(b.A.Root, "sessions.write")
	a.Kind, a.App, a.User = actor.User, ids.App{}, me
	token := b.api.Token(a)
	const base = "/t/acme/v1/orgs/partner/sessions"
	b.api.Want(t, http.StatusForbidden, "", token, http.MethodDelete, base+"/"+of[boss].ID.String(), nil)
	b.api.Want(t, http.StatusForbidden, "", token, http.MethodPost, base+":end", sessions.EndSessionsRequest{UserID: boss})
	if !b.good(t, b.A.Tenant.ID, secrets[boss]) {
		t.Error("what was refused ended a session")
	}
	b.api.Want(t, http.StatusNoContent, "", token, http.MethodPost, "/t/acme/v1/orgs/rivals/sessions:end", sessions.EndSessionsRequest{UserID: boss})
	for _, user := range []ids.User{jo, me} {
		b.api.Want(t, http.StatusNoContent, "", token, http.MethodPost, base+":end", sessions.EndSessionsRequest{UserID: user})
		if b.good(t, b.A.Tenant.ID, secrets[user]) {
			t.Error("a session lives")
		}
	}
}
