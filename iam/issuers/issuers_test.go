package issuers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/iam/issuers"
	"grove/iam/users"
	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jose"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	"grove/infra/module"
	"grove/infra/saml/samltest"
	"grove/infra/testkit"
	"grove/infra/testkit/apikit"
	"grove/infra/testkit/treekit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type bundle struct {
	*testkit.Database
	treekit.Pair
	api     *apikit.Server
	issuers *issuers.Service
	people  *users.Service
}

func setup(t *testing.T) bundle {
	t.Helper()
	d := testkit.New(t, treekit.Migrations(t, "iam/users", "iam/groups", "orgs/members", "iam/authz", "iam/apps", "iam/issuers"), "issuers", nil)
	b := bundle{Database: d, Pair: treekit.Plant(t, d)}
	log := events.NewLog(nil)
	roles := authz.New(d.DB, log)
	roles.KeepClearOf(func(context.Context, db.Tx) ([]string, error) { return []string{"https://id.example/t"}, nil })
	b.people = users.New(d.DB, log, nil, roles)
	b.issuers = issuers.New(d.DB, log, b.people, roles)
	b.api = apikit.New(t, d, b.Pair, b.issuers.Module())
	clients := apps.New(d.DB, log, cache.NewHub(testkit.Quiet()), roles)
	for _, tree := range []treekit.Tree{b.A, b.B} {
		f := module.Founding{Tenant: tree.Tenant.ID, Root: tree.Root.ID, Handle: tree.Tenant.Handle, Name: "Acme", Base: tree.Tenant.Base, AdminRole: ids.NewRole()}
		for _, m := range []module.Manifest{roles.Module(), clients.Module()} {
			treekit.In(t, d, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) error { return m.Found(ctx, tx, f) })
		}
	}
	return b
}

// all is the context of a job that may do everything in a tenant.
func all(tree treekit.Tree) context.Context {
	return actor.Into(context.Background(), actor.ForJob(tree.Tenant.ID, "test", perm.All()...))
}

func (b bundle) person(t *testing.T, tree treekit.Tree, org ids.Org, name string, verified bool) ids.User {
	t.Helper()
	var u users.User
	treekit.In(t, b.Database, tree.Tenant.ID, func(ctx context.Context, tx db.Tx) (err error) {
		u, err = b.people.CreateTx(ctx, tx, users.NewUser{Org: org, Username: name, Email: name + "@corp.example", EmailVerified: verified})
		return err
	})
	return u.ID
}

func keys(t *testing.T) *apps.JWKSet {
	t.Helper()
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	set := &apps.JWKSet{Keys: []map[string]any{{}}}
	if err := json.Unmarshal(key.PublicJWK(), &set.Keys[0]); err != nil {
		t.Fatal(err)
	}
	return set
}

func (b bundle) epoch(t *testing.T, id ids.Connection) (number int64, blocked bool) {
	t.Helper()
	treekit.In(t, b.Database, b.A.Tenant.ID, func(ctx context.Context, tx db.Tx) error {
		err := tx.QueryRow(ctx, `SELECT epoch, blocked FROM epochs WHERE tenant_id = $1 AND subject = $2 AND kind = 'connection'`, tx.Tenant(), uuid.UUID(id.UUID())).Scan(&number, &blocked)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	return number, blocked
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
		if f := (*fault.Error)(nil); errors.As(err, &f) {
			got = f.Code.Name
		}
	}
	if got != code {
		t.Fatalf("got %q, want %q (%v)", got, code, err)
	}
}

func TestTrustedIssuer(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	ada, away := b.person(t, b.A, org, "ada", true), b.person(t, b.A, b.A.Root.ID, "root", true)
	in := issuers.CreateTokenIssuerRequest{Name: " Corp ", Issuer: "https://idp.example", JWKS: keys(t), SubjectMatch: issuers.MatchMapping,
		Subjects: []issuers.SubjectMapping{{Subject: "robot", User: ada}}}
	made, err := b.issuers.Create(ctx, tenant, org, in)
	wantCode(t, err, "")
	if made.Name != "Corp" || !made.Enabled || made.LifetimeSeconds != 3600 || made.SubjectClaim != "sub" || made.Format != "jwt" {
		t.Errorf("%+v", made)
	}
	for name, c := range map[string]struct {
		change func(*issuers.CreateTokenIssuerRequest)
		code   string
	}{
		"the same issuer":          {func(r *issuers.CreateTokenIssuerRequest) { r.Name = "Other" }, "token_issuer.duplicate"},
		"the same name":            {func(r *issuers.CreateTokenIssuerRequest) { r.Issuer, r.Name = "other", "CORP" }, "token_issuer.name_taken"},
		"one of this installation": {func(r *issuers.CreateTokenIssuerRequest) { r.Issuer = "https://ID.example/t/acme/o/x" }, "request.invalid"},
		"no name for an issuer":    {func(r *issuers.CreateTokenIssuerRequest) { r.Issuer = "a b" }, "request.invalid"},
		"no keys":                  {func(r *issuers.CreateTokenIssuerRequest) { r.JWKS = nil }, "request.invalid"},
		"two sources of keys":      {func(r *issuers.CreateTokenIssuerRequest) { r.JWKSURI = "https://idp.example/jwks" }, "request.invalid"},
		"keys in the clear":        {func(r *issuers.CreateTokenIssuerRequest) { r.JWKS, r.JWKSURI = nil, "http://idp.example/jwks" }, "request.invalid"},
		"a secret key": {func(r *issuers.CreateTokenIssuerRequest) {
			r.JWKS = &apps.JWKSet{Keys: []map[string]any{{"kty": "oct", "k": "AAAA"}}}
		}, "request.invalid"},
		"somebody from elsewhere":    {func(r *issuers.CreateTokenIssuerRequest) { r.Subjects[0].User = away }, "token_issuer.subject_unknown"},
		"a subject twice":            {func(r *issuers.CreateTokenIssuerRequest) { r.Subjects = append(r.Subjects, r.Subjects[0]) }, "request.invalid"},
		"a mapping that is not used": {func(r *issuers.CreateTokenIssuerRequest) { r.SubjectMatch = issuers.MatchEmail }, "request.invalid"},
		"certificates of JWTs":       {func(r *issuers.CreateTokenIssuerRequest) { r.Certificates = []string{"AAAA"} }, "request.invalid"},
		"SAML with keys":             {func(r *issuers.CreateTokenIssuerRequest) { r.Format = issuers.FormatSAML }, "request.invalid"},
		"SAML without a certificate": {func(r *issuers.CreateTokenIssuerRequest) { r.Format, r.JWKS = issuers.FormatSAML, nil }, "request.invalid"},
		"SAML of a weak key": {func(r *issuers.CreateTokenIssuerRequest) {
			r.Format, r.JWKS, r.Certificates = issuers.FormatSAML, nil, []string{samltest.RSA(t, 1024).Base64()}
		}, "request.invalid"},
		"SAML of an algorithm": {func(r *issuers.CreateTokenIssuerRequest) {
			r.Format, r.JWKS, r.Certificates, r.SigningAlg = issuers.FormatSAML, nil, []string{samltest.EC(t).Base64()}, "ES256"
		}, "request.invalid"},
		"an audience with a space": {func(r *issuers.CreateTokenIssuerRequest) { r.Audiences = []string{"a b"} }, "request.invalid"},
	} {
		try := in
		try.Name, try.Issuer, try.Subjects = "Try "+name, "https://try.example", []issuers.SubjectMapping{{Subject: "robot", User: ada}}
		switch name {
		case "the same issuer":
			try.Issuer = in.Issuer
		}
		c.change(&try)
		t.Log(name)
		_, err := b.issuers.Create(ctx, tenant, org, try)
		wantCode(t, err, c.code)
	}
	// One name can be that of an issuer of JWTs and of one of SAML assertions.
	partner := samltest.EC(t)
	pem := "-----BEGIN CERTIFICATE-----\n" + partner.Base64() + "\n-----END CERTIFICATE-----\n"
	saml, err := b.issuers.Create(ctx, tenant, org, issuers.CreateTokenIssuerRequest{Name: "Partner", Issuer: in.Issuer, Format: issuers.FormatSAML, Certificates: []string{pem, partner.Base64()},
		SubjectMatch: issuers.MatchUsername})
	wantCode(t, err, "")
	if saml.Format != issuers.FormatSAML || saml.SubjectClaim != issuers.SubjectNameID || len(saml.Certificates) != 1 || saml.Certificates[0] != partner.Base64() {
		t.Errorf("%+v", saml)
	}
	// Another organization, and another tenant, may trust the same one.
	in.SubjectMatch, in.Subjects = issuers.MatchEmail, nil
	_, err = b.issuers.Create(ctx, tenant, b.A.Rivals.ID, in)
	wantCode(t, err, "")
	_, err = b.issuers.Create(all(b.B), b.B.Tenant.ID, b.B.Partner.ID, in)
	wantCode(t, err, "")
	// What is changed ends what was issued; the name is nothing that anything stands on.
	before, _ := b.epoch(t, made.ID)
	name, alg, off, on := "Corporation", "ES256", false, true
	changed, err := b.issuers.Update(ctx, tenant, org, made.ID, made.Version, issuers.UpdateTokenIssuerRequest{Name: &name})
	wantCode(t, err, "")
	if after, _ := b.epoch(t, made.ID); after != before || changed.Name != name || changed.Version != 2 {
		t.Errorf("a new name: %d %d %+v", before, after, changed)
	}
	_, err = b.issuers.Update(ctx, tenant, org, made.ID, made.Version, issuers.UpdateTokenIssuerRequest{Name: &name})
	wantCode(t, err, "resource.stale")
	for _, c := range []struct {
		in      issuers.UpdateTokenIssuerRequest
		blocked bool
	}{
		{issuers.UpdateTokenIssuerRequest{SigningAlg: &alg}, false},
		{issuers.UpdateTokenIssuerRequest{JWKS: keys(t)}, false},
		{issuers.UpdateTokenIssuerRequest{Subjects: &[]issuers.SubjectMapping{}}, false},
		{issuers.UpdateTokenIssuerRequest{Enabled: &off}, true},
		{issuers.UpdateTokenIssuerRequest{Audiences: &[]string{"x"}}, true}, // while it is disabled
		{issuers.UpdateTokenIssuerRequest{Enabled: &on}, false},
	} {
		_, err := b.issuers.Update(ctx, tenant, org, made.ID, 0, c.in)
		wantCode(t, err, "")
		after, blocked := b.epoch(t, made.ID)
		if after <= before || blocked != c.blocked {
			t.Errorf("%+v: epoch %d after %d, blocked %t", c.in, after, before, blocked)
		}
		before = after
	}
	wantCode(t, b.issuers.Delete(ctx, tenant, org, made.ID, 0), "")
	if _, blocked := b.epoch(t, made.ID); !blocked {
		t.Error("what was issued by a deleted issuer lives on")
	}
	_, err = b.issuers.Load(ctx, tenant, org, made.ID)
	wantCode(t, err, "resource.not_found")
}

// TestAttack28_NobodyChoosesWhoSpeaksForThoseAbove: an issuer can be anybody, so whoever lacks one permission of the organization
// registers, changes and deletes none.
func TestAttack28_NobodyChoosesWhoSpeaksForThoseAbove(t *testing.T) {
	b := setup(t)
	tenant, org := b.A.Tenant.ID, b.A.Partner.ID
	in := issuers.CreateTokenIssuerRequest{Name: "Corp", Issuer: "https://idp.example", JWKS: keys(t), SubjectMatch: issuers.MatchUsername}
	made, err := b.issuers.Create(all(b.A), tenant, org, in)
	wantCode(t, err, "")
	var weaker []perm.Permission
	for _, p := range perm.All() {
		if p.Name() != "roles.write" {
			weaker = append(weaker, p)
		}
	}
	ctx := actor.Into(context.Background(), actor.ForJob(tenant, "weaker", weaker...))
	in.Name, in.Issuer = "Mine", "https://mine.example"
	_, err = b.issuers.Create(ctx, tenant, org, in)
	wantCode(t, err, "role.above_granter")
	before, _ := b.epoch(t, made.ID)
	off := false
	for _, change := range []issuers.UpdateTokenIssuerRequest{{JWKS: keys(t)}, {Issuer: &in.Issuer}, {Name: &in.Name}, {Enabled: &off}, {Audiences: &[]string{"x"}}} {
		_, err = b.issuers.Update(ctx, tenant, org, made.ID, 0, change)
		wantCode(t, err, "role.above_granter")
	}
	wantCode(t, b.issuers.Delete(ctx, tenant, org, made.ID, 0), "role.above_granter")
	if after, blocked := b.epoch(t, made.ID); after != before || blocked {
		t.Error("what was refused changed something")
	}
	// Another tenant's powers are none here.
	_, err = b.issuers.Create(all(b.B), tenant, org, in)
	wantCode(t, err, "role.above_granter")
}

// TestAttack24_OnlyResidents: whatever an issuer says, it means a resident of the organization that trusts it, and nobody else whose
// name or address is the same.
func TestAttack24_OnlyResidents(t *testing.T) {
	b := setup(t)
	tenant, org := b.A.Tenant.ID, b.A.Partner.ID
	ada, bob := b.person(t, b.A, org, "ada", true), b.person(t, b.A, org, "bob", false)
	away := b.person(t, b.A, b.A.Rivals.ID, "eve", true)
	b.person(t, b.A, b.A.Rivals.ID, "ada", true) // the same names elsewhere
	b.person(t, b.B, b.B.Partner.ID, "ada", true)
	find := func(match, subject string, verified bool) (found ids.User) {
		i := issuers.Issuer{Trust: issuers.Trust{SubjectMatch: match, Subjects: []issuers.SubjectMapping{{Subject: "robot", User: ada}, {Subject: "spy", User: away}}}, Org: org}
		treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
			u, err := b.issuers.Person(ctx, tx, i, subject, verified)
			if fault.CodeNotFound.Is(err) {
				return nil
			}
			found = u.ID
			return err
		})
		return found
	}
	for _, c := range []struct {
		match, subject string
		verified       bool
		want           ids.User
	}{
		{issuers.MatchEmail, "ada@corp.example", true, ada},
		{issuers.MatchEmail, "ADA@Corp.example", true, ada},
		{issuers.MatchEmail, "ada@corp.example", false, ids.User{}}, // not verified there
		{issuers.MatchEmail, "bob@corp.example", true, ids.User{}},  // not verified here
		{issuers.MatchEmail, "eve@corp.example", true, ids.User{}},
		{issuers.MatchEmail, "ada@corp.example@evil.example", true, ids.User{}},
		{issuers.MatchUsername, "ada", false, ada},
		{issuers.MatchUsername, "bob", false, bob},
		{issuers.MatchUsername, "ada@corp.example", false, ids.User{}},
		{issuers.MatchUsername, "eve", false, ids.User{}},
		{issuers.MatchUsername, "\x00", false, ids.User{}},
		{issuers.MatchUserID, ada.String(), false, ada},
		{issuers.MatchUserID, away.String(), false, ids.User{}},
		{issuers.MatchUserID, ada.UUID().String(), false, ids.User{}},
		{issuers.MatchMapping, "robot", false, ada},
		{issuers.MatchMapping, "Robot", false, ids.User{}},
		{issuers.MatchMapping, "spy", false, ids.User{}},
		{issuers.MatchMapping, "", false, ids.User{}},
		{"something else", "ada", true, ids.User{}},
	} {
		if got := find(c.match, c.subject, c.verified); got != c.want {
			t.Errorf("%s %q: %v, want %v", c.match, c.subject, got, c.want)
		}
	}
	again := b.person(t, b.A, org, "ada2", false)
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET email = 'ada@corp.example', email_key = 'ada@corp.example', email_verified = true WHERE tenant_id = $1 AND id = $2`, tx.Tenant(), again)
		return err
	})
	if got := find(issuers.MatchEmail, "ada@corp.example", true); !got.IsZero() {
		t.Error("one of two people with the same address is meant")
	}
}

func TestListTokenIssuers(t *testing.T) {
	b := setup(t)
	for i := range 3 {
		_, err := b.issuers.Create(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, issuers.CreateTokenIssuerRequest{Name: fmt.Sprintf("Issuer %d", i), Issuer: fmt.Sprintf("https://%d.example", i),
			JWKS: keys(t), SubjectMatch: issuers.MatchUsername})
		wantCode(t, err, "")
	}
	reads := b.api.Token(b.A.Client(b.A.Root, "connections.read"))
	var first, second page.Of[issuers.TokenIssuer]
	b.api.Want(t, 200, "", reads, "GET", "/t/acme/v1/orgs/partner/token-issuers?page_size=2", nil).Into(t, &first)
	b.api.Want(t, 200, "", reads, "GET", "/t/acme/v1/orgs/partner/token-issuers?page_size=2&page_token="+first.NextPageToken, nil).Into(t, &second)
	if len(first.Items) != 2 || len(second.Items) != 1 || second.Items[0].Name != "Issuer 2" || first.Items[0].JWKS != nil {
		t.Errorf("%+v %+v", first, second)
	}
	path := "/t/acme/v1/orgs/partner/token-issuers/" + first.Items[0].ID.String()
	if body := b.api.Want(t, 200, "", reads, "GET", path, nil); !strings.Contains(string(body.Raw), `"jwks"`) {
		t.Errorf("%s", body.Raw)
	}
	b.api.Want(t, 403, "", reads, "DELETE", path, nil, "If-Match", `"1"`)
	rivals := b.api.Token(b.A.Client(b.A.Rivals, "connections.read", "connections.write"))
	b.api.Want(t, 404, "resource.not_found", rivals, "GET", path, nil)
	b.api.Want(t, 404, "resource.not_found", reads, "GET", strings.Replace(path, "partner", "rivals", 1), nil)
	writes := b.api.Token(b.A.Client(b.A.Root, "connections.write"))
	b.api.Want(t, 428, "", writes, "DELETE", path, nil)
	testkit.CheckPlans(t, b.Database)
}
