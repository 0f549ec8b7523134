package apps_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/infra/testkit"
	"grove/infra/testkit/treekit"
)

func TestTemplates(t *testing.T) {
	b := setup(t)
	redirect := []string{"https://app.example.com:443/cb", "https://app.example.com/other", "http://localhost:3000/cb"}
	for template, want := range map[string]struct {
		public bool
		grants string
		native bool
	}{
		"spa":      {true, "authorization_code organization_switch refresh_token", false},
		"mobile":   {true, "authorization_code organization_switch refresh_token", true},
		"web":      {false, "authorization_code organization_switch refresh_token", false},
		"standard": {false, "authorization_code organization_switch refresh_token", false},
		"m2m":      {false, "client_credentials", false},
		"mcp":      {true, "authorization_code refresh_token", true},
	} {
		in := apps.CreateAppRequest{Name: template, Template: template, RedirectURIs: redirect}
		if template == "m2m" {
			in.RedirectURIs = nil
		}
		made, secret := b.create(t, b.A, b.A.Partner, in)
		c := b.client(t, b.A, made.ClientID)
		if c.Public != want.public || strings.Join(c.GrantTypes, " ") != want.grants || c.AccessTokenTTL() != 0 || c.RefreshTokenTTL() != 0 ||
			c.Native != want.native || !c.Enabled || c.Builtin || c.ID != made.ID || c.Org != b.A.Partner.ID {
			t.Errorf("%s: %+v", template, c)
		}
		if want.public != (secret == "") || want.public != (len(c.SecretHashes) == 0) {
			t.Errorf("%s: a secret for a public client, or none for a confidential one", template)
		}
		if !want.public && (!secrets.LooksLike("grv_cs", secret) || !secrets.MatchToken(secret, c.SecretHashes[0].Hash) || !c.SecretHashes[0].ExpiresAt.IsZero()) {
			t.Errorf("%s: the secret does not match its hash", template)
		}
		if (len(made.OIDC.AllowedOrigins) > 0) != (template == "spa") {
			t.Errorf("%s: origins %v", template, made.OIDC.AllowedOrigins)
		}
		// No identifier of another kind can ever be a client_id.
		if len(made.ClientID) != 26 || strings.Contains(made.ClientID, "_") {
			t.Errorf("client_id %q", made.ClientID)
		}
		_, err := b.apps.Client(context.Background(), b.B.Tenant.ID, made.ClientID)
		wantCode(t, err, "resource.not_found")
	}
}

func TestBuiltinApps(t *testing.T) {
	b := setup(t)
	console, account := b.client(t, b.A, "console"), b.client(t, b.A, "account")
	if !console.Builtin || !console.Public || !console.SkipConsent || !console.MayUse(apps.GrantOrganizationSwitch) || console.RedirectURIs[0] != b.A.Tenant.Base+"/console/callback" {
		t.Fatalf("%+v", console)
	}
	if len(console.APIs) != 1 || console.APIs[0].Identifier != authz.ManagementAPI || console.APIs[0].Policy != "rbac" || !slices.Contains(console.APIs[0].Scopes, "apps.write") {
		t.Fatalf("%+v", console.APIs)
	}
	if len(account.APIs) != 0 || account.RedirectURIs[0] != b.A.Tenant.Base+"/account/callback" {
		t.Fatalf("%+v", account)
	}
	off := false
	ctx, tenant, root := all(b.A), b.A.Tenant.ID, b.A.Root.ID
	_, err := b.apps.Update(ctx, tenant, root, console.ID, 0, apps.UpdateAppRequest{Enabled: &off})
	wantCode(t, err, "app.builtin")
	_, err = b.apps.UpdateOIDC(ctx, tenant, root, console.ID, 0, apps.UpdateAppOIDCRequest{RedirectURIs: &[]string{"https://evil.example"}})
	wantCode(t, err, "app.builtin")
	_, err = b.apps.CreateSecret(ctx, tenant, root, console.ID, apps.CreateAppSecretRequest{})
	wantCode(t, err, "app.builtin")
	wantCode(t, b.apps.RevokeTokens(ctx, tenant, root, console.ID), "app.builtin")
	wantCode(t, b.apps.Delete(ctx, tenant, root, console.ID, 0), "app.builtin")
}

func TestSettingsThatDoNotGoTogether(t *testing.T) {
	b := setup(t)
	tenant, org := b.A.Tenant.ID, b.A.Partner.ID
	uris := []string{"https://app.example.com/cb"}
	for name, c := range map[string]struct {
		in   apps.CreateAppRequest
		code string
	}{
		"no redirect URI":    {apps.CreateAppRequest{Name: "x", Template: "spa"}, "app.redirect_uri_required"},
		"script as logo":     {apps.CreateAppRequest{Name: "x", Template: "m2m", LogoURI: "javascript:alert(1)"}, "request.invalid"},
		"data as access URL": {apps.CreateAppRequest{Name: "x", Template: "m2m", AccessURL: "data:text/html,x"}, "request.invalid"},
		"http logo":          {apps.CreateAppRequest{Name: "x", Template: "m2m", LogoURI: "http://app.example.com/x.png"}, "request.invalid"},
		"origin with a path": {apps.CreateAppRequest{Name: "x", Template: "spa", RedirectURIs: uris, AllowedOrigins: []string{"https://app.example.com/"}}, "request.invalid"},
		"origin *":           {apps.CreateAppRequest{Name: "x", Template: "spa", RedirectURIs: uris, AllowedOrigins: []string{"*"}}, "request.invalid"},
		"origin null":        {apps.CreateAppRequest{Name: "x", Template: "spa", RedirectURIs: uris, AllowedOrigins: []string{"null"}}, "request.invalid"},
		"http origin":        {apps.CreateAppRequest{Name: "x", Template: "spa", RedirectURIs: uris, AllowedOrigins: []string{"http://app.example.com"}}, "request.invalid"},
		"post-logout script": {apps.CreateAppRequest{Name: "x", Template: "spa", RedirectURIs: uris, PostLogoutRedirectURIs: []string{"javascript:alert(1)"}}, "request.invalid"},
		"name of controls":   {apps.CreateAppRequest{Name: "\x00", Template: "m2m"}, "request.invalid"},
	} {
		_, _, err := b.apps.Create(all(b.A), tenant, org, c.in)
		t.Log(name)
		wantCode(t, err, c.code)
	}
	spa, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: uris})
	m2m, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	for name, c := range map[string]struct {
		app    ids.App
		grants []string
	}{
		"client_credentials of a public client": {spa.ID, []string{"authorization_code", "client_credentials"}},
		"sign-in of a machine":                  {m2m.ID, []string{"authorization_code"}},
		"refresh without a code":                {m2m.ID, []string{"client_credentials", "refresh_token"}},
		"ciba of a public client":               {spa.ID, []string{"authorization_code", apps.GrantCIBA}},
		"ciba of a machine":                     {m2m.ID, []string{"client_credentials", apps.GrantCIBA}},
		"a password of a machine's":             {m2m.ID, []string{"client_credentials", apps.GrantPassword}},
		"token exchange in a browser":           {spa.ID, []string{"authorization_code", apps.GrantTokenExchange}},
	} {
		_, err := b.apps.UpdateOIDC(all(b.A), tenant, org, c.app, 0, apps.UpdateAppOIDCRequest{GrantTypes: &c.grants})
		t.Log(name)
		wantCode(t, err, "app.grant_types")
	}
	antique, _ := b.create(t, b.A, b.A.Root, apps.CreateAppRequest{Name: "antique", Template: "spa", RedirectURIs: uris})
	if _, err := b.apps.UpdateOIDC(all(b.A), tenant, b.A.Root.ID, antique.ID, 0, apps.UpdateAppOIDCRequest{GrantTypes: &[]string{apps.GrantPassword, apps.GrantRefreshToken}}); err != nil {
		t.Errorf("passwords, and staying signed in by them: %v", err)
	}
	yes := true
	_, err := b.apps.UpdateOIDC(all(b.A), tenant, org, spa.ID, 0, apps.UpdateAppOIDCRequest{PKCEOptional: &yes})
	wantCode(t, err, "request.invalid")
	ping, alg, at := apps.DeliveryPing, "ES256", "https://app.example.com/ciba#x"
	for _, in := range []apps.UpdateAppOIDCRequest{{BackchannelDelivery: &ping}, {BackchannelRequestAlg: &alg}, {BackchannelNotify: &at}} {
		_, err := b.apps.UpdateOIDC(all(b.A), tenant, org, m2m.ID, 0, in)
		wantCode(t, err, "request.invalid")
	}
	_, _, err = b.apps.Create(all(b.A), tenant, org, apps.CreateAppRequest{Name: " SPA", Template: "m2m"})
	wantCode(t, err, "app.name_taken")
	b.create(t, b.A, b.A.Rivals, apps.CreateAppRequest{Name: "SPA", Template: "m2m"})
	b.create(t, b.B, b.B.Partner, apps.CreateAppRequest{Name: "SPA", Template: "m2m"})
	page, err := b.apps.List(all(b.A), tenant, org, apps.AppFilter{}, first)
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("what was refused left something: %+v %v", page, err)
	}
}

// TestAttack01_DisabledAppEndsWhatWasIssued: disabling and deleting block the client, losing a secret or an API ends its
// tokens, and so does taking them back, each with the commit.
func TestAttack01_DisabledAppEndsWhatWasIssued(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	enable := func(on bool) {
		if _, err := b.apps.Update(ctx, tenant, org, app.ID, 0, apps.UpdateAppRequest{Enabled: &on}); err != nil {
			t.Fatal(err)
		}
	}
	enable(false)
	off, blocked := b.epoch(t, b.A, app.ID)
	if !blocked || b.client(t, b.A, app.ClientID).Enabled {
		t.Fatal("a disabled app is not blocked")
	}
	made, err := b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.apps.RevokeSecret(ctx, tenant, org, app.ID, made.ID); err != nil {
		t.Fatal(err)
	}
	revoked, blocked := b.epoch(t, b.A, app.ID)
	if revoked <= off || !blocked {
		t.Fatal("revoking a secret does not end tokens, or enables the app")
	}
	wantCode(t, b.apps.RevokeTokens(ctx, tenant, org, app.ID), "")
	again, blocked := b.epoch(t, b.A, app.ID)
	if again <= revoked || !blocked {
		t.Fatal("revoking its tokens does not end them, or enables the app")
	}
	wantCode(t, b.apps.RevokeTokens(ctx, tenant, b.A.Rivals.ID, app.ID), "resource.not_found")
	if beside, _ := b.epoch(t, b.A, app.ID); beside != again {
		t.Fatal("somebody else revoked its tokens")
	}
	enable(true)
	on, blocked := b.epoch(t, b.A, app.ID)
	if on <= again || blocked {
		t.Fatal("an enabled app is still blocked, or its old tokens live again")
	}
	resource, _ := b.authz.ManagementResource(ctx, tenant)
	authorize := func(scopes ...string) {
		if _, err := b.apps.Authorize(ctx, tenant, org, app.ID, apps.AuthorizeAPIRequest{Resource: resource, Policy: "none", Scopes: scopes}); err != nil {
			t.Fatal(err)
		}
	}
	authorize("apps.read")
	authorize("apps.read", "apps.write")
	if wider, _ := b.epoch(t, b.A, app.ID); wider != on {
		t.Fatal("more scopes end tokens")
	}
	authorize("apps.write")
	narrower, _ := b.epoch(t, b.A, app.ID)
	if narrower <= on {
		t.Fatal("fewer scopes do not end tokens")
	}
	wantCode(t, b.apps.RevokeTokens(ctx, tenant, org, app.ID), "")
	if ended, blocked := b.epoch(t, b.A, app.ID); ended <= narrower || blocked {
		t.Fatal("its tokens live, or it may have no new ones")
	}
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO roles (tenant_id, id, org_id, name, name_key, audience_type, audience_id, created_at, updated_at)
			VALUES ($1, $2, $3, 'x', 'x', 'application', $4, $5, $5)`, tenant, ids.NewRole(), org, app.ID, tx.Now())
		return err
	})
	wantCode(t, b.apps.Delete(ctx, tenant, org, app.ID, 99), "resource.stale")
	wantCode(t, b.apps.Delete(ctx, tenant, org, app.ID, 0), "")
	if _, blocked := b.epoch(t, b.A, app.ID); !blocked {
		t.Fatal("a deleted app is not blocked")
	}
	_, err = b.apps.Client(ctx, tenant, app.ClientID)
	wantCode(t, err, "resource.not_found")
	treekit.In(t, b.Database, tenant, func(ctx context.Context, tx db.Tx) error {
		left, err := db.Scalars[string](ctx, tx, `SELECT name FROM roles WHERE tenant_id = $1 AND audience_id = $2`, tenant, app.ID)
		if len(left) > 0 {
			t.Error("its roles are left")
		}
		return err
	})
}

func TestSecrets(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	spa, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: []string{"https://a.example/cb"}})
	past, later := b.Clock.Now(), b.Clock.Now().Add(time.Hour)
	_, err := b.apps.CreateSecret(ctx, tenant, org, spa.ID, apps.CreateAppSecretRequest{})
	wantCode(t, err, "app.public_client")
	_, err = b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{ExpiresAt: &past})
	wantCode(t, err, "request.invalid")
	made, err := b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{ExpiresAt: &later})
	if err != nil || !strings.HasSuffix(made.ClientSecret, made.Hint) {
		t.Fatalf("%+v %v", made, err)
	}
	if hashes := b.client(t, b.A, app.ClientID).SecretHashes; len(hashes) != 2 || !hashes[1].ExpiresAt.Equal(later) || !secrets.MatchToken(made.ClientSecret, hashes[1].Hash) {
		t.Fatalf("%+v", hashes)
	}
	for range 3 {
		_, err = b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{})
		wantCode(t, err, "")
	}
	_, err = b.apps.CreateSecret(ctx, tenant, org, app.ID, apps.CreateAppSecretRequest{})
	wantCode(t, err, "app.too_many_secrets")
	// Nobody else's.
	wantCode(t, b.apps.RevokeSecret(ctx, tenant, b.A.Rivals.ID, app.ID, made.ID), "resource.not_found")
	wantCode(t, b.apps.RevokeSecret(ctx, tenant, org, spa.ID, made.ID), "resource.not_found")
	wantCode(t, b.apps.RevokeSecret(all(b.B), b.B.Tenant.ID, b.B.Partner.ID, app.ID, made.ID), "resource.not_found")
	wantCode(t, b.apps.RevokeSecret(ctx, tenant, org, app.ID, made.ID), "")
	if len(b.client(t, b.A, app.ClientID).SecretHashes) != 4 {
		t.Fatal("a revoked secret is still there")
	}
}

func TestAuthorizedAPIs(t *testing.T) {
	b := setup(t)
	ctx, tenant := all(b.A), b.A.Tenant.ID
	open := false
	api, err := b.authz.CreateResource(ctx, tenant, b.A.Partner.ID, authz.CreateAPIResourceRequest{Identifier: "urn:partner:api", Name: "Partner",
		Scopes: []authz.CreateAPIScopeRequest{{Name: "partner.read"}}})
	if err != nil {
		t.Fatal(err)
	}
	free, err := b.authz.CreateResource(ctx, tenant, b.A.Partner.ID, authz.CreateAPIResourceRequest{Identifier: "urn:partner:open", Name: "Open", RequiresAuthorization: &open,
		Scopes: []authz.CreateAPIScopeRequest{{Name: "open.read"}}})
	if err != nil {
		t.Fatal(err)
	}
	web, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "web", Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
	rival, _ := b.create(t, b.A, b.A.Rivals, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	management, _ := b.authz.ManagementResource(ctx, tenant)
	foreign, _ := b.authz.ManagementResource(all(b.B), b.B.Tenant.ID)
	nobody := actor.Into(context.Background(), actor.ForJob(tenant, "nobody"))
	for name, c := range map[string]struct {
		ctx  context.Context
		org  ids.Org
		app  ids.App
		in   apps.AuthorizeAPIRequest
		code string
	}{
		"roles are a must":     {ctx, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: api.ID, Policy: "none", Scopes: []string{"partner.read"}}, "app.policy_rbac_required"},
		"scope of another API": {ctx, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: api.ID, Scopes: []string{"open.read"}}, "request.invalid"},
		"alias of another API": {ctx, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: api.ID, Scopes: []string{"grove"}}, "request.invalid"},
		"sibling's API":        {ctx, b.A.Rivals.ID, rival.ID, apps.AuthorizeAPIRequest{Resource: api.ID, Scopes: []string{"partner.read"}}, "app.resource_unknown"},
		"other tenant's API":   {ctx, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: foreign, Scopes: []string{"apps.read"}}, "app.resource_unknown"},
		"sibling's app":        {ctx, b.A.Partner.ID, rival.ID, apps.AuthorizeAPIRequest{Resource: api.ID, Scopes: []string{"partner.read"}}, "resource.not_found"},
		"more than he holds":   {nobody, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: management, Scopes: []string{"apps.read"}}, "role.above_granter"},
		"everything, to come":  {nobody, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: management, Scopes: []string{"grove"}}, "role.above_granter"},
		"own API":              {nobody, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: api.ID, Scopes: []string{"partner.read"}}, ""},
		"without roles":        {nobody, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: free.ID, Policy: "none", Scopes: []string{"open.read"}}, ""},
	} {
		_, err := b.apps.Authorize(c.ctx, tenant, c.org, c.app, c.in)
		t.Log(name)
		wantCode(t, err, c.code)
	}
	_, err = b.apps.Authorize(ctx, tenant, b.A.Partner.ID, web.ID, apps.AuthorizeAPIRequest{Resource: management, Scopes: []string{"grove"}})
	wantCode(t, err, "")
	by := map[string]apps.ClientAPI{}
	for _, a := range b.client(t, b.A, web.ClientID).APIs {
		by[a.Identifier] = a
	}
	if by["urn:partner:api"].Policy != "rbac" || by["urn:partner:open"].Policy != "none" || !slices.Contains(by[authz.ManagementAPI].Scopes, "roles.write") {
		t.Fatalf("%+v", by)
	}
	// Who holds less may not say where the codes of the stronger app go, nor give it tokens of its own.
	_, err = b.apps.UpdateOIDC(nobody, tenant, b.A.Partner.ID, web.ID, 0, apps.UpdateAppOIDCRequest{RedirectURIs: &[]string{"https://evil.example/cb"}})
	wantCode(t, err, "role.above_granter")
	_, err = b.apps.UpdateOIDC(nobody, tenant, b.A.Partner.ID, web.ID, 0, apps.UpdateAppOIDCRequest{GrantTypes: &[]string{"authorization_code", "client_credentials"}})
	wantCode(t, err, "role.above_granter")
	// An app exchanges tokens for APIs of its own organization only.
	for identifier, code := range map[string]string{"urn:partner:api": "", authz.ManagementAPI: "app.resource_unknown", "urn:nobody": "app.resource_unknown"} {
		_, err = b.apps.UpdateOIDC(ctx, tenant, b.A.Partner.ID, web.ID, 0, apps.UpdateAppOIDCRequest{ExchangeAudiences: &[]string{identifier}})
		wantCode(t, err, code)
		_, err = b.apps.UpdateOIDC(ctx, tenant, b.A.Rivals.ID, rival.ID, 0, apps.UpdateAppOIDCRequest{ExchangeAudiences: &[]string{identifier}})
		wantCode(t, err, "app.resource_unknown")
	}
	if got := b.client(t, b.A, web.ClientID).ExchangeAudiences; !slices.Equal(got, []string{"urn:partner:api"}) {
		t.Errorf("serves %v", got)
	}
	// Who defines an API that is deleted anew does not hand its tokens to the app that served the old one.
	passing, err := b.authz.CreateResource(ctx, tenant, b.A.Partner.ID, authz.CreateAPIResourceRequest{Identifier: "urn:passing", Name: "Passing"})
	wantCode(t, err, "")
	_, err = b.apps.UpdateOIDC(ctx, tenant, b.A.Partner.ID, web.ID, 0, apps.UpdateAppOIDCRequest{ExchangeAudiences: &[]string{"urn:partner:api", "urn:passing"}})
	wantCode(t, err, "")
	if got := b.client(t, b.A, web.ClientID).ExchangeAudiences; len(got) != 2 {
		t.Errorf("serves %v", got)
	}
	wantCode(t, b.authz.DeleteResource(ctx, tenant, b.A.Partner.ID, passing.ID, 0), "")
	_, err = b.authz.CreateResource(ctx, tenant, b.A.Rivals.ID, authz.CreateAPIResourceRequest{Identifier: "urn:passing", Name: "Passing"})
	wantCode(t, err, "")
	if got := b.client(t, b.A, web.ClientID).ExchangeAudiences; !slices.Equal(got, []string{"urn:partner:api"}) {
		t.Errorf("serves another organization's API: %v", got)
	}
	_, err = b.apps.UpdateOIDC(nobody, tenant, b.A.Partner.ID, web.ID, 0, apps.UpdateAppOIDCRequest{ExchangeAudiences: &[]string{"urn:partner:api"}})
	wantCode(t, err, "role.above_granter")
	wantCode(t, b.apps.Withdraw(ctx, tenant, b.A.Partner.ID, web.ID, foreign), "resource.not_found")
	wantCode(t, b.apps.Withdraw(ctx, tenant, b.A.Partner.ID, web.ID, management), "")
}

func TestRoleAudienceDeletesTheAppsRoles(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "m2m", Template: "m2m"})
	_, err := b.authz.CreateRole(ctx, tenant, org, authz.CreateRoleRequest{Name: "Clerk", Audience: &authz.RoleAudience{Type: "application", ID: app.ID.String()}})
	wantCode(t, err, "")
	_, err = b.authz.CreateRole(ctx, tenant, org, authz.CreateRoleRequest{Name: "Other", Audience: &authz.RoleAudience{Type: "application", ID: app.ID.String()},
		Permissions: []string{"apps.read"}})
	wantCode(t, err, "role.scope_not_authorized")
	audience := "organization"
	_, err = b.apps.Update(ctx, tenant, org, app.ID, 0, apps.UpdateAppRequest{RoleAudience: &audience})
	wantCode(t, err, "")
	page, err := b.authz.ListRoles(ctx, tenant, org, authz.RoleFilter{AudienceType: "application"}, first)
	if err != nil || len(page.Items) != 0 {
		t.Fatalf("%+v %v", page, err)
	}
}

func TestOriginsAndCacheFollowChanges(t *testing.T) {
	b := setup(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.hub.Run(ctx, b.SystemPool()) }()
	defer func() { cancel(); <-done }()
	testkit.Eventually(t, "the cache listens", b.hub.Live)
	const origin = "https://app.example.com"
	ok := func(tree treekit.Tree) bool { return b.apps.Origins(context.Background(), tree.Tenant, origin).Allowed }
	if ok(b.A) {
		t.Fatal("allowed before any app")
	}
	app, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "spa", Template: "spa", RedirectURIs: []string{origin + "/cb"}})
	testkit.Eventually(t, "the origin is allowed", func() bool { return ok(b.A) })
	if ok(b.B) || b.apps.Origins(context.Background(), b.A.Tenant, origin+".evil.example").Allowed || b.apps.Origins(context.Background(), b.A.Tenant, "null").Allowed {
		t.Fatal("another tenant or origin is allowed")
	}
	if !b.client(t, b.A, app.ClientID).Enabled {
		t.Fatal("disabled")
	}
	off := false
	if _, err := b.apps.Update(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, app.ID, 0, apps.UpdateAppRequest{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the disabled app is forgotten", func() bool { return !ok(b.A) && !b.client(t, b.A, app.ClientID).Enabled })
}

func TestOverHTTP(t *testing.T) {
	b := setup(t)
	token := b.api.Token(b.A.Client(b.A.Root, "apps.read", "apps.write"))
	const base = "/t/acme/v1/orgs/partner/apps"
	web := map[string]any{"name": "Web", "template": "web", "redirect_uris": []string{"https://a.example/cb"}}
	first := b.api.Want(t, 201, "", token, "POST", base, web, "Idempotency-Key", "k1")
	var app apps.CreatedApp
	first.Into(t, &app)
	if app.ClientSecret == "" || first.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s", first.Raw)
	}
	b.api.Want(t, 409, "idempotency.secret_already_shown", token, "POST", base, web, "Idempotency-Key", "k1")
	spa := map[string]any{"name": "SPA", "template": "spa", "redirect_uris": []string{"https://a.example/cb"}}
	for range 2 {
		b.api.Want(t, 201, "", token, "POST", base, spa, "Idempotency-Key", "k2")
	}
	one := base + "/" + app.ID.String()
	if got := b.api.Want(t, 200, "", token, "GET", one, nil); strings.Contains(string(got.Raw), "secret") {
		t.Fatalf("%s", got.Raw)
	}
	b.api.Want(t, 404, "", token, "GET", "/t/acme/v1/orgs/rivals/apps/"+app.ID.String(), nil)
	b.api.Want(t, 404, "", b.api.Token(b.B.Client(b.B.Root, "apps.read")), "GET", "/t/bcme/v1/orgs/partner/apps/"+app.ID.String(), nil)
	b.api.Want(t, 401, "", b.api.Token(b.B.Client(b.B.Root, "apps.read")), "GET", one, nil)
	b.api.Want(t, 403, "", b.api.Token(b.A.Client(b.A.Root, "apps.read")), "DELETE", one, nil)
	b.api.Want(t, 412, "resource.stale", token, "PATCH", one, map[string]any{"name": "Web 2"}, "If-Match", `"7"`)
	b.api.Want(t, 200, "", token, "PATCH", one, map[string]any{"name": "Web 2"}, "If-Match", `"1"`)
	for name, body := range map[string]string{
		"built in":        `{"builtin":true}`,
		"client_id":       `{"client_id":"console"}`,
		"client type":     `{"client_type":"public"}`,
		"owner":           `{"org_id":"` + b.A.Root.ID.String() + `"}`,
		"name too long":   `{"name":"` + strings.Repeat("x", 101) + `"}`,
		"wrong type":      `{"enabled":"yes"}`,
		"unknown role":    `{"role_audience":"both"}`,
		"not JSON at all": `{`,
	} {
		if r := b.api.Do(t, token, "PATCH", one, body); r.Status != http.StatusUnprocessableEntity && r.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, r.Status, r.Raw)
		}
	}
	b.api.Want(t, 422, "", token, "PATCH", one+"/oidc", `{"grant_types":["magic"]}`)
	b.api.Want(t, 422, "", token, "PATCH", one+"/oidc", `{"id_token_alg":"none"}`)
	b.api.Want(t, 422, "", token, "PATCH", one+"/oidc", `{"access_token_seconds":-1}`)
	b.api.Want(t, 200, "", token, "PATCH", one+"/oidc", `{"id_token_alg":"RS256","access_token_seconds":600}`)
	made := b.api.Want(t, 201, "", token, "POST", one+"/secrets", `{}`, "Idempotency-Key", "k3")
	b.api.Want(t, 409, "idempotency.secret_already_shown", token, "POST", one+"/secrets", `{}`, "Idempotency-Key", "k3")
	var secret apps.CreatedAppSecret
	made.Into(t, &secret)
	if got := b.api.Want(t, 200, "", token, "GET", one+"/secrets", nil); strings.Contains(string(got.Raw), secret.ClientSecret) || !strings.Contains(string(got.Raw), secret.Hint) {
		t.Fatalf("%s", got.Raw)
	}
	b.api.Want(t, 204, "", token, "DELETE", one+"/secrets/"+secret.ID.String(), nil)
	b.api.Want(t, 200, "", token, "GET", one+"/authorized-apis", nil)
	b.api.Want(t, 200, "", token, "GET", base+"?page_size=1", nil)
	b.api.Want(t, 204, "", token, "DELETE", one, nil)
	b.api.Want(t, 404, "", token, "GET", one, nil)
}

func TestZPlans(t *testing.T) { testkit.CheckPlans(t, setup(t).Database) }

// TestListFilters: what an organization's apps are found by.
func TestListFilters(t *testing.T) {
	b := setup(t)
	ctx, tenant, org := all(b.A), b.A.Tenant.ID, b.A.Partner.ID
	made := map[string]apps.VersionedApp{}
	for name, template := range map[string]string{"Große Rechnung": "web", "Rechnungen": "m2m", "Reports": "m2m", "100% gross": "m2m"} {
		in := apps.CreateAppRequest{Name: name, Template: template}
		if template == "web" {
			in.RedirectURIs = []string{"https://app.example/cb"}
		}
		made[name], _ = b.create(t, b.A, b.A.Partner, in)
	}
	b.create(t, b.A, b.A.Rivals, apps.CreateAppRequest{Name: "Rechnung", Template: "m2m"})
	off := false
	if _, err := b.apps.Update(ctx, tenant, org, made["Reports"].ID, 0, apps.UpdateAppRequest{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    apps.AppFilter
		want []string
	}{
		{apps.AppFilter{}, []string{"100% gross", "Große Rechnung", "Rechnungen", "Reports"}},
		{apps.AppFilter{Q: "rechnung"}, []string{"Große Rechnung", "Rechnungen"}},
		{apps.AppFilter{Q: " GROSSE"}, []string{"Große Rechnung"}},
		{apps.AppFilter{Q: "0%"}, []string{"100% gross"}},
		{apps.AppFilter{Q: "_e"}, nil},
		{apps.AppFilter{Q: made["Reports"].ClientID}, []string{"Reports"}},
		{apps.AppFilter{Q: "r", Template: "m2m", Status: "enabled"}, []string{"100% gross", "Rechnungen"}},
		{apps.AppFilter{Status: "disabled"}, []string{"Reports"}},
	} {
		page, err := b.apps.List(ctx, tenant, org, c.f, first)
		var names []string
		for _, app := range page.Items {
			names = append(names, app.Name)
		}
		if err != nil || !slices.Equal(names, c.want) {
			t.Errorf("%+v: %q %v, want %q", c.f, names, err, c.want)
		}
	}
}
