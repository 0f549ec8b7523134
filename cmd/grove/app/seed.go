package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"grove/iam/apps"
	"grove/iam/authz"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/page"
	"grove/infra/kernel/perm"
	tenantdir "grove/tenants/directory"
)

// SeedTenant says which tenant to found for development or tests.
type SeedTenant struct {
	AdminPassword string
	Handle        string
	Name          string
}

// Seeded is what there is to sign in with.
type Seeded struct {
	AdminUsername string
	ClientID      string
	ClientSecret  string
	Root          string
	Tenant        string
}

// managementClient is the name of the app with which tools manage the seeded tenant.
const managementClient = "Management client"

// SeedTenant founds a tenant with an administrator and a client that holds every management permission. The administrator
// keeps his password: it is made at random for this installation, and the programs that try it out sign in with it.
func (a *App) SeedTenant(ctx context.Context, s SeedTenant) (Seeded, error) {
	email := "admin@" + s.Handle + ".example"
	t, err := a.Parts.Tenants.Create(actor.Into(ctx, actor.Actor{Kind: actor.Operator, Name: "seed"}), tenantdir.CreateTenant{Handle: s.Handle, Name: s.Name,
		Admin: tenantdir.Admin{Email: email, Password: s.AdminPassword, KeepsPassword: true, GivenName: "Ada", FamilyName: "Admin"}})
	if err != nil {
		return Seeded{}, err
	}
	out := Seeded{AdminUsername: email, Root: t.Root.String(), Tenant: s.Handle}
	out.ClientID, out.ClientSecret, err = a.manage(ctx, t.ID, t.Root)
	return out, err
}

// manage makes the management client.
func (a *App) manage(ctx context.Context, tenant ids.Tenant, root ids.Org) (clientID, secret string, err error) {
	ctx = actor.Into(ctx, actor.ForJob(tenant, "seed", perm.All()...))
	made, secret, err := a.Parts.Apps.Create(ctx, tenant, root, apps.CreateAppRequest{Name: managementClient, Template: "m2m",
		Description: "For tools that manage this tenant."})
	if err != nil {
		return "", "", err
	}
	resources, err := a.Parts.Authz.ListResources(ctx, tenant, root, "", page.Request{Size: page.MaxSize})
	if err != nil {
		return "", "", err
	}
	for _, r := range resources.Items {
		if r.Identifier == authz.ManagementAPI {
			_, err = a.Parts.Apps.Authorize(ctx, tenant, root, made.ID, apps.AuthorizeAPIRequest{Resource: r.ID, Policy: "none", Scopes: []string{authz.AllScopes}})
		}
	}
	return made.ClientID, secret, err
}

// devTenant is the handle of the tenant that the development mode seeds.
const devTenant = "acme"

// Seed founds the development tenant once, with a tree of organizations, an API, an app and people, through the public API.
// more further organizations are added below "many".
// Where the tenant is there and clientSecret is not known, because a first start was cut off, a new secret is made.
func (a *App) Seed(ctx context.Context, client *http.Client, adminPassword, clientSecret string, more int) (Seeded, error) {
	t, err := a.Parts.Tenants.TenantByHandle(ctx, devTenant)
	if err == nil {
		return a.seeded(ctx, t.ID, t.Root, clientSecret)
	}
	if !fault.CodeTenantNotFound.Is(err) {
		return Seeded{}, err
	}
	s, err := a.SeedTenant(ctx, SeedTenant{Handle: devTenant, Name: "Acme", AdminPassword: adminPassword})
	if err != nil {
		return s, err
	}
	return s, a.demo(ctx, client, s, more)
}

func (a *App) seeded(ctx context.Context, tenant ids.Tenant, root ids.Org, clientSecret string) (Seeded, error) {
	out := Seeded{AdminUsername: "admin@" + devTenant + ".example", Root: root.String(), Tenant: devTenant}
	list, err := a.Parts.Apps.List(ctx, tenant, root, apps.AppFilter{Q: managementClient}, page.Request{Size: page.MaxSize})
	if err != nil {
		return out, err
	}
	for _, app := range list.Items {
		if app.Name != managementClient {
			continue
		}
		out.ClientID, out.ClientSecret = app.ClientID, clientSecret
		if clientSecret == "" {
			made, err := a.Parts.Apps.CreateSecret(actor.Into(ctx, actor.ForJob(tenant, "seed", perm.All()...)), tenant, root, app.ID, apps.CreateAppSecretRequest{})
			out.ClientSecret = made.ClientSecret
			return out, err
		}
		return out, nil
	}
	out.ClientID, out.ClientSecret, err = a.manage(ctx, tenant, root)
	return out, err
}

// demo fills the tenant as a vendor would: customers and their branches, a notes API and an app that every customer has.
func (a *App) demo(ctx context.Context, client *http.Client, s Seeded, more int) error {
	c, err := a.client(ctx, client, s)
	if err != nil {
		return err
	}
	type m = map[string]any
	var firstErr error
	post := func(path string, body m) m {
		if firstErr != nil {
			return m{}
		}
		out, err := c.call(ctx, http.MethodPost, path, body)
		if err != nil {
			firstErr = fmt.Errorf("%s: %w", path, err)
		}
		return out
	}
	put := func(path string, body m) {
		if firstErr == nil {
			if _, err := c.call(ctx, http.MethodPut, path, body); err != nil {
				firstErr = fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	northwind := post("/orgs", m{"name": "Northwind", "handle": "northwind", "description": "A customer with branches."})
	europe := post("/orgs", m{"name": "Northwind Europe", "handle": "northwind-europe", "parent_id": northwind["id"]})
	post("/orgs", m{"name": "Northwind Berlin", "handle": "northwind-berlin", "parent_id": europe["id"]})
	post("/orgs", m{"name": "Contoso", "handle": "contoso", "description": "Another customer."})
	api := post("/orgs/root/api-resources", m{"identifier": "https://notes.example", "name": "Notes API", "requires_authorization": true,
		"scopes": []m{{"name": "notes.read", "display_name": "Read notes"}, {"name": "notes.write", "display_name": "Write notes"}}})
	app := post("/orgs/root/apps", m{"name": "Notes", "template": "web", "description": "The sample app.", "access_url": "http://127.0.0.1:8090/",
		"redirect_uris": []string{"http://127.0.0.1:8090/callback"}, "post_logout_redirect_uris": []string{"http://127.0.0.1:8090/"}})
	id := fmt.Sprint(app["id"])
	put("/orgs/root/apps/"+id+"/authorized-apis", m{"resource": api["id"], "policy": "rbac", "scopes": []string{"notes.read", "notes.write"}})
	for name, scopes := range map[string][]string{"Reader": {"notes.read"}, "Editor": {"notes.read", "notes.write"}} {
		post("/orgs/root/roles", m{"name": name, "audience": m{"type": "application", "id": id}, "permissions": scopes})
	}
	put("/orgs/root/apps/"+id+"/shares", m{"policy": "all", "roles": "all"})
	for _, person := range [][3]string{{"northwind", "Nora", "North"}, {"northwind", "Niels", "North"}, {"contoso", "Cora", "Cont"}} {
		post("/orgs/"+person[0]+"/users", m{"username": fmt.Sprintf("%s@%s.example", strings.ToLower(person[1]), person[0]), "email": fmt.Sprintf("%s@%s.example", strings.ToLower(person[1]), person[0]),
			"given_name": person[1], "family_name": person[2]})
	}
	if more > 0 {
		many := post("/orgs", m{"name": "Many", "handle": "many"})
		parent, depth := many["id"], 1
		for i := range more {
			if i%500 == 0 {
				a.Log.InfoContext(ctx, "seeding organizations", "made", i, "of", more)
			}
			made := post("/orgs", m{"name": fmt.Sprintf("Organization %05d", i), "handle": fmt.Sprintf("many-%05d", i), "parent_id": parent})
			// The first five thousand lie two levels deep, the others in branches of ten levels, or as many as there may be.
			if i%1000 == 0 || i%100 == 0 && i < 5000 {
				parent, depth = many["id"], 1
			}
			if i%100 == 1 && depth+2 <= a.Config.OrgMaxDepth {
				parent, depth = made["id"], depth+1
			}
		}
	}
	return firstErr
}

// apiClient calls the API as any tool would.
type apiClient struct {
	base  string
	http  *http.Client
	token string
}

func (a *App) client(ctx context.Context, client *http.Client, s Seeded) (*apiClient, error) {
	c := &apiClient{base: a.Config.BaseURL + "/t/" + s.Tenant, http: client}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {authz.AllScopes}, "client_id": {s.ClientID}, "client_secret": {s.ClientSecret}}
	answer, err := c.send(ctx, http.MethodPost, "/oauth2/token", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return nil, err
	}
	c.token, _ = answer["access_token"].(string)
	return c, nil
}

func (c *apiClient) call(ctx context.Context, method, path string, body any) (map[string]any, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, method, "/v1"+path, "application/json", raw)
}

func (c *apiClient) send(ctx context.Context, method, path, contentType string, body []byte) (map[string]any, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil && len(raw) > 0 {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("status %d: %v: %v %v", resp.StatusCode, out["code"], out["detail"], out["errors"])
	}
	return out, nil
}
