import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sent } from "../../api/index.ts";
import { accessibility, launch, open, screens } from "../launch.js";
import { type World, linkTo, settled, signIn, startWorld } from "./world.ts";

let browser: Browser;
let world: World;
let admin: Awaited<ReturnType<typeof open>>;
let page: Page;

const password = "a quiet river at dawn";

beforeAll(async () => {
  [browser, world] = await Promise.all([launch(), startWorld()]);
  admin = await open(browser);
  ({ page } = admin);
  await page.goto(world.dev.console_url);
  await signIn(page, world.dev.admin_username, world.dev.admin_password);
  await settled(page);
});

afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

const root = () => `/console/orgs/${world.dev.root_org_id}`;
const go = async (path: string, tab = page) => {
  await tab.goto(world.dev.tenant_base + path);
  await settled(tab);
};
const shot = async (name: string, tab = page) => {
  const folder = process.env["SHOTS"];
  if (folder) await tab.screenshot({ path: `${folder}/${name}.png` });
};
const dialog = () => page.getByRole("dialog");
const press = (name: string) => page.getByRole("button", { exact: true, name }).first().click();

async function createOrganization(name: string): Promise<string> {
  await press("Create organization");
  // All that is wrong is told at once.
  await dialog().getByRole("textbox", { name: "Handle" }).fill("Bad Handle!");
  await dialog().getByRole("button", { name: "Create organization" }).click();
  await dialog().getByText("with a letter or a digit at both ends", { exact: false }).waitFor();
  await dialog().getByText("This is needed").waitFor();
  await dialog().getByRole("textbox", { name: "Handle" }).fill("");
  await dialog().getByRole("textbox", { name: "Name" }).fill(name);
  await dialog().getByRole("button", { name: "Create organization" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  return new URL(page.url()).pathname.split("/").at(-1) ?? "";
}

test("an administrator signs in by code and PKCE, and a reload asks nothing", async () => {
  expect(page.url()).toBe(world.dev.tenant_base + root());
  await page.reload();
  await settled(page);
  expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("Acme");
});

test("an organization is made three levels deep, found by name, changed, suspended, resumed and moved", async () => {
  await go(root());
  const region = await createOrganization("Adatum");
  const country = await createOrganization("Adatum Europe");
  const city = await createOrganization("Adatum Lisbon");
  await go(`${root()}/organizations`);
  await page.getByRole("textbox", { name: "Search organizations" }).fill("adatum l");
  await page.getByRole("link", { name: "Adatum Lisbon" }).click();
  await page.getByRole("heading", { level: 1, name: "Adatum Lisbon" }).waitFor();
  await page.getByRole("link", { name: "Adatum Europe" }).waitFor();

  await go(`/console/orgs/${city}/settings`);
  await page.getByRole("textbox", { name: "Description" }).fill("Where the ships are.");
  await press("Save changes");
  await page.getByText("Saved", { exact: true }).waitFor();
  // A value without a name is not taken for nothing.
  await press("Edit");
  await dialog().getByRole("textbox", { name: "Value" }).fill("4");
  await dialog().getByRole("button", { name: "Save changes" }).click();
  await dialog().getByText("A value needs a name").waitFor();
  expect(await dialog().getByRole("textbox", { name: "Name" }).getAttribute("aria-invalid")).toBe("true");
  await dialog().getByRole("textbox", { name: "Name" }).fill("berths");
  await dialog().getByRole("button", { name: "Save changes" }).click();
  await page.getByText("berths").waitFor();
  await press("Suspend organization");
  await dialog().getByRole("button", { name: "Suspend organization" }).click();
  await page.getByText("This organization is suspended.").waitFor();
  await press("Resume organization");
  await dialog().getByRole("button", { name: "Resume organization" }).click();
  await page.getByText("This organization is suspended.").waitFor({ state: "detached" });
  await press("Move organization");
  await dialog().getByRole("combobox", { name: "Below" }).or(dialog().getByRole("textbox", { name: "Below" })).first().fill("Adatum");
  await page.getByRole("option", { name: /^Adatum · adatum/ }).click();
  await dialog().getByRole("button", { name: "Move organization" }).click();
  await page.getByText("Organization moved").waitFor();
  const moved = await sent(world.api.GET("/v1/orgs/{org}", { params: { path: { org: city } } }));
  expect(moved).toMatchObject({ description: "Where the ships are.", parent_id: region, status: "active" });
  expect(country).not.toBe(moved.parent_id);
});

test("an app is registered with a secret shown once, and shared with chosen organizations", async () => {
  await go(`${root()}/apps`);
  await press("Register app");
  await dialog().getByRole("textbox", { exact: true, name: "Name" }).fill("Harbour");
  await dialog().getByRole("textbox", { name: "Redirect URIs" }).fill("ftp://nowhere");
  await dialog().getByRole("button", { name: "Register app" }).click();
  await page.waitForFunction(() => document.querySelector("[role=dialog] textarea[aria-invalid=true]") !== null);
  await dialog().getByRole("textbox", { name: "Redirect URIs" }).fill("https://harbour.example/callback");
  await dialog().getByRole("button", { name: "Register app" }).click();
  await page.getByText(/^grv_cs_/).waitFor();
  await press("I have saved them");
  await page.getByRole("heading", { level: 1, name: "Harbour" }).waitFor();
  // What a developer needs is what is published.
  const published = (await (await fetch(`${world.dev.tenant_base}/.well-known/openid-configuration`)).json()) as Record<string, string>;
  for (const name of ["jwks_uri", "pushed_authorization_request_endpoint", "token_endpoint"]) await page.getByText(String(published[name]), { exact: true }).waitFor();

  await page.getByRole("tab", { name: "Sharing" }).click();
  await page.getByRole("radio", { exact: true, name: "Chosen organizations" }).check();
  await page.getByPlaceholder("Search organizations by name or handle").fill("Contoso");
  await page.getByRole("option", { name: /Contoso/ }).click();
  await page.getByRole("switch", { name: "Roles go along" }).click();
  await press("Save changes");
  await page.getByText("Sharing saved").waitFor();
  const contoso = await sent(world.api.GET("/v1/orgs/{org}/available-apps", { params: { path: { org: "contoso" } } }));
  const northwind = await sent(world.api.GET("/v1/orgs/{org}/available-apps", { params: { path: { org: "northwind" } } }));
  expect(contoso.items.find((a) => a.name === "Harbour")).toMatchObject({ how: "shared", roles: "all" });
  expect(northwind.items.some((a) => a.name === "Harbour")).toBe(false);

  await page.getByRole("tab", { name: "APIs" }).click();
  await press("Authorize an API");
  await dialog().getByRole("combobox", { name: "API" }).or(dialog().getByRole("textbox", { exact: true, name: "API" })).first().click();
  await page.getByRole("option", { name: /Notes API/ }).click();
  await dialog().getByRole("checkbox", { name: "notes.read" }).check();
  await dialog().getByRole("button", { name: "Save changes" }).click();
  await page.getByRole("cell", { name: "notes.read" }).waitFor();
});

test("an app is held to a security profile", async () => {
  const made = await sent(world.api.POST("/v1/orgs/{org}/apps", { body: { name: "Vault", redirect_uris: ["https://vault.example/cb"], template: "web" }, params: { path: { org: "root" } } }));
  const at = { params: { path: { app: made.id, org: "root" } } };
  await go(`${root()}/apps/${made.id}?tab=oidc`);
  const choose = async (label: string, option: string) => {
    await page.getByRole("combobox", { name: label }).or(page.getByRole("textbox", { exact: true, name: label })).first().click();
    await page.getByRole("option", { exact: true, name: option }).click();
  };
  await choose("Profile", "FAPI 2.0 Message Signing");
  await page.getByText("It signs its authorization requests", { exact: false }).waitFor();
  expect(await page.getByRole("switch", { name: "Take pushed requests only" }).isChecked()).toBe(true);
  expect(await page.getByRole("switch", { name: "Take signed requests only" }).isChecked()).toBe(true);
  expect(await page.getByRole("switch", { name: "Bind tokens to a key" }).isChecked()).toBe(true);
  // Its keys are the administrator's to give.
  await press("Save changes");
  await page.getByText("unless their address is given", { exact: false }).waitFor();
  await page.getByRole("textbox", { name: "Public keys" }).fill("https://vault.example/jwks.json");
  await press("Save changes");
  await page.getByText("Saved").first().waitFor();
  expect(await sent(world.api.GET("/v1/orgs/{org}/apps/{app}/oidc", at))).toMatchObject({ profile: "fapi2_message_signing", require_signed_request_object: true, token_endpoint_auth_method: "private_key_jwt" });
  // By the certificate of an authority, under one of its names.
  await choose("Method", "TLS certificate of an authority");
  await choose("Known by", "DNS name");
  await page.getByRole("textbox", { exact: true, name: "DNS name" }).fill("not a name");
  await press("Save changes");
  await page.getByText("Must be a DNS name.", { exact: true }).waitFor();
  await page.getByRole("textbox", { exact: true, name: "DNS name" }).fill("vault.example");
  await page.getByRole("switch", { name: "Bind tokens to a certificate" }).click();
  await press("Save changes");
  await expect.poll(() => sent(world.api.GET("/v1/orgs/{org}/apps/{app}/oidc", at))).toMatchObject({
    tls_client_auth_san_dns: "vault.example", tls_client_auth_subject_dn: "", tls_client_certificate_bound_access_tokens: true, token_endpoint_auth_method: "tls_client_auth",
  });
  // What the profile forbids is refused where it was set.
  await page.getByRole("switch", { name: "Take pushed requests only" }).click();
  await press("Save changes");
  await page.getByText("Must be true, for the profile fapi2_message_signing.", { exact: true }).waitFor();
  expect(await accessibility(page)).toEqual([]);
});

test("a role is made for an app, given to a group, and the group gets a member", async () => {
  await go(`${root()}/roles`);
  await press("Create role");
  await dialog().getByRole("textbox", { exact: true, name: "Name" }).fill("Pilot");
  await dialog().getByRole("combobox", { name: "Audience" }).or(dialog().getByRole("textbox", { name: "Audience" })).first().click();
  await page.getByRole("option", { name: "Harbour" }).click();
  await dialog().getByRole("checkbox", { name: "notes.read" }).check();
  await dialog().getByRole("button", { name: "Create role" }).click();
  await page.getByRole("heading", { level: 1, name: "Pilot" }).waitFor();

  await go(`${root()}/groups`);
  await press("Create group");
  await dialog().getByRole("textbox", { name: "Name" }).fill("Pilots");
  await dialog().getByRole("button", { name: "Create group" }).click();
  await page.getByRole("heading", { level: 1, name: "Pilots" }).waitFor();
  await press("Add a member");
  await dialog().getByRole("combobox", { name: "Person" }).or(dialog().getByRole("textbox", { name: "Person" })).first().click();
  await page.getByRole("option", { name: /admin@acme/ }).click();
  await dialog().getByRole("button", { name: "Add a member" }).click();
  await page.getByRole("link", { name: "Ada Admin" }).waitFor();
  await press("More actions");
  await page.getByRole("menuitem", { name: "Give a role" }).click();
  await dialog().getByRole("combobox", { name: "Role" }).or(dialog().getByRole("textbox", { name: "Role" })).first().fill("Pilot");
  await page.getByRole("option", { name: "Pilot" }).click();
  await dialog().getByRole("button", { name: "Give a role" }).click();
  await page.getByText("Role given").waitFor();
  await page.getByRole("link", { name: "Ada Admin" }).click();
  await page.getByText("Through a group").waitFor();
});

test("a role for the console is made at the root, and shows whoever has it below no more than it gives", async () => {
  await go(`${root()}/roles`);
  await press("Create role");
  await dialog().getByRole("textbox", { exact: true, name: "Name" }).fill("Auditor");
  await dialog().getByRole("combobox", { name: "Audience" }).or(dialog().getByRole("textbox", { name: "Audience" })).first().click();
  await page.getByRole("option", { name: "Harbour" }).waitFor();
  // Nobody signs in to a machine, and the account portal needs no role.
  expect((await page.getByRole("option").allInnerTexts()).filter((o) => /Management client|Account/.test(o))).toEqual([]);
  await page.getByRole("option", { name: "Console" }).click();
  await dialog().getByText("Can be assigned in every organization below, too.", { exact: false }).waitFor();
  for (const name of ["orgs.read", "members.read", "events.read"]) await dialog().getByRole("checkbox", { exact: true, name }).check();
  expect(await accessibility(page)).toEqual([]);
  await shot("role-of-console");
  await page.setViewportSize(screens.phone);
  await shot("role-of-console-phone");
  await page.setViewportSize(screens.desktop);
  await dialog().getByRole("button", { name: "Create role" }).click();
  await page.getByRole("heading", { level: 1, name: "Auditor" }).waitFor();

  const at = { path: { org: "contoso" } };
  const role = (await sent(world.api.GET("/v1/orgs/{org}/roles", { params: at }))).items.find((r) => r.name === "Auditor")?.id ?? "";
  const { id } = await sent(world.api.POST("/v1/orgs/{org}/users", { body: { must_change_password: false, password, username: "otto" }, params: at }));
  await sent(world.api.POST("/v1/orgs/{org}/roles/{role}/assignments", { body: { principal: { id, type: "user" } }, params: { path: { ...at.path, role } } }));
  const tab = await open(browser);
  await tab.page.goto(`${world.dev.console_url}?org=contoso`);
  await signIn(tab.page, "otto", password);
  await tab.page.getByRole("heading", { level: 1, name: "Contoso" }).waitFor();
  await settled(tab.page);
  expect(await tab.page.getByRole("navigation").first().getByRole("link").allInnerTexts()).toEqual(["Overview", "Organizations", "Members", "Events"]);
  expect(await tab.page.getByText("Seats").count()).toBe(0);
  await shot("overview-of-auditor", tab.page);
  expect(tab.faults).toEqual([]);
  await tab.context.close();
});

test("an invited administrator lands in the console of the own organization, invites nobody unseen, and switches", async () => {
  await go("/console/orgs/contoso/invitations");
  await press("Invite someone");
  await dialog().getByRole("textbox", { name: "Email" }).fill("dora@contoso.example");
  await dialog().getByRole("combobox", { name: "Roles" }).or(dialog().getByRole("textbox", { name: "Roles" })).first().click();
  await page.getByRole("option", { name: "Administrator" }).click();
  await page.keyboard.press("Escape");
  await dialog().getByRole("button", { name: "Send invitation" }).click();
  await page.getByText("dora@contoso.example").waitFor();

  const tab = await open(browser);
  await tab.page.goto(await linkTo(world.dev.inbox_url, "dora@contoso.example"));
  await tab.page.getByLabel("First name").fill("Dora");
  await tab.page.getByLabel("Last name").fill("Costa");
  await tab.page.locator("#password").fill(password);
  await tab.page.getByRole("button", { name: "Create account and join" }).click();
  await tab.page.getByRole("heading", { level: 1, name: "Contoso" }).waitFor();
  expect(await tab.page.getByRole("link", { name: "Signing keys" }).count()).toBe(0);
  await tab.page.goto(`${world.dev.tenant_base}/console/orgs/northwind`);
  await tab.page.getByText("This organization is not open to you").waitFor();
  await tab.page.getByRole("link", { name: "Go to your organization" }).click();
  await tab.page.getByRole("heading", { level: 1 }).waitFor();

  const user = (await sent(world.api.GET("/v1/orgs/{org}/members", { params: { path: { org: "contoso" } } }))).items.find((m) => m.email === "dora@contoso.example")?.user_id ?? "";
  await world.api.PUT("/v1/orgs/{org}/members/{user}", { params: { path: { org: "northwind", user } } });
  await go("/account/organizations", tab.page);
  await tab.page.getByRole("row", { name: /Northwind/ }).getByRole("button", { name: "Switch" }).click();
  await tab.page.getByText("You now act in Northwind").waitFor();
  await tab.page.reload();
  await settled(tab.page);
  await tab.page.getByRole("row", { name: /Northwind/ }).getByText("Current").waitFor();
  expect(tab.faults).toEqual([]);
  await tab.context.close();
});

const everyPage = [
  "", "/api-resources", "/apps", "/claims", "/claims?tab=scopes", "/domains", "/events", "/events?tab=feed", "/groups", "/invitations", "/keys", "/members", "/organizations", "/roles", "/sessions", "/settings", "/support", "/users",
];

/** Pages that have a shape of their own, for the slower looks. */
const shapes = ["", "/apps", "/claims", "/events", "/organizations", "/settings"];

test.each([
  { colorScheme: "light", name: "light", pages: everyPage, tabs: ["general", "oidc", "secrets", "apis", "sharing"], viewport: screens.desktop },
  { colorScheme: "dark", name: "dark and narrow", pages: shapes, tabs: ["sharing"], viewport: screens.phone },
] as const)("pages with real data are accessible and fit, $name", async ({ colorScheme, pages, tabs, viewport }) => {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize(viewport);
  const app = (await sent(world.api.GET("/v1/orgs/{org}/apps", { params: { path: { org: "root" } } }))).items.find((a) => a.name === "Harbour")?.id;
  const details = tabs.map((tab) => `${root()}/apps/${app}?tab=${tab}`);
  for (const path of [...pages.map((p) => root() + p), ...details, "/account", "/account/apps", "/account/organizations", "/account/security"]) {
    await go(path);
    expect([path, await accessibility(page)]).toEqual([path, []]);
    expect([path, await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)]).toEqual([path, 0]);
  }
  expect(admin.faults).toEqual([]);
});

test("a token issuer is trusted, says whom it means, is disabled and deleted", async () => {
  await go(`${root()}/token-issuers`);
  await press("Add token issuer");
  await dialog().getByRole("textbox", { name: "Name" }).fill("Build farm");
  await dialog().getByRole("textbox", { exact: true, name: "Issuer" }).fill("https://farm.example");
  await dialog().getByRole("textbox", { name: "Public keys" }).fill("https://farm.example/jwks.json");
  await dialog().getByRole("combobox", { name: "Person found by" }).click();
  await page.getByRole("option", { name: "A list" }).click();
  expect(await dialog().getByRole("textbox", { name: "Claim" }).inputValue()).toBe("sub");
  expect(await accessibility(page)).toEqual([]);
  await dialog().getByRole("button", { name: "Add token issuer" }).click();
  await page.getByRole("heading", { level: 1, name: "Build farm" }).waitFor();
  const made = (await sent(world.api.POST("/v1/orgs/{org}/users", { body: { username: "runner" }, params: { path: { org: world.dev.root_org_id } } }))).id;
  await page.getByRole("textbox", { name: "Who is meant" }).fill(`${made} system:serviceaccount:build:runner`);
  await press("Save changes");
  await page.getByText("Saved", { exact: true }).first().waitFor();
  await page.reload();
  await settled(page);
  expect(await page.getByRole("textbox", { name: "Who is meant" }).inputValue()).toBe(`${made} system:serviceaccount:build:runner`);
  expect(await accessibility(page)).toEqual([]);
  await press("More actions");
  await page.getByRole("menuitem", { name: "Disable token issuer" }).click();
  await dialog().getByRole("button", { name: "Disable token issuer" }).click();
  await page.getByText("Disabled", { exact: true }).waitFor();
  await go(`${root()}/token-issuers`);
  await page.getByRole("link", { name: "Build farm" }).click();
  await page.getByRole("heading", { level: 1, name: "Build farm" }).waitFor();
  await press("More actions");
  await page.getByRole("menuitem", { name: "Delete token issuer" }).click();
  await dialog().getByRole("button", { name: "Delete token issuer" }).click();
  await page.getByText("No token issuers yet").waitFor();
});

test("a claim of one's own is added, asked for by a scope, renamed and deleted; what is built in stays", async () => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(screens.desktop);
  await go(`${root()}/claims`);
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
  await shot("claims");
  expect(await row("email_verified").getByRole("button").count()).toBe(1);
  await press("Add claim");
  await dialog().getByRole("textbox", { name: "Name in tokens" }).fill("department");
  await dialog().getByRole("textbox", { name: "Tells" }).fill("department");
  await dialog().getByRole("button", { name: "Add claim" }).click();
  await dialog().getByText("Must be username", { exact: false }).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await dialog().getByRole("textbox", { name: "Tells" }).fill("attributes.department");
  await shot("claim");
  await dialog().getByRole("button", { name: "Add claim" }).click();
  await row("department").waitFor();
  await press("Edit email_verified");
  expect(await dialog().getByRole("textbox", { name: "Tells" }).isDisabled()).toBe(true);
  await dialog().getByRole("textbox", { name: "Display name" }).fill("Address was verified");
  await dialog().getByRole("button", { name: "Save changes" }).click();
  await row("email_verified").getByText("Address was verified").waitFor();

  await page.getByRole("tab", { name: "Scopes" }).click();
  expect(await row("openid").getByRole("button", { name: /Remove/ }).count()).toBe(0);
  await press("Add scope");
  await dialog().getByRole("textbox", { exact: true, name: "Name" }).fill("staff");
  await dialog().getByRole("combobox", { name: "Claims that it asks for" }).fill("depart");
  await page.getByRole("option", { name: "department" }).click();
  await page.keyboard.press("Escape");
  expect(await accessibility(page)).toEqual([]);
  await shot("scope");
  await dialog().getByRole("button", { name: "Add scope" }).click();
  await row("staff").getByText("department", { exact: true }).waitFor();
  await shot("scopes");
  expect((await sent(world.api.GET("/v1/orgs/{org}/oidc-scopes", { params: { path: { org: "root" } } }))).items.find((s) => s.name === "staff")?.claims).toEqual(["department"]);

  await page.getByRole("tab", { name: "Claims" }).click();
  await press("Remove department");
  await dialog().getByRole("button", { name: "Delete claim" }).click();
  await row("department").waitFor({ state: "detached" });
  await page.getByRole("tab", { name: "Scopes" }).click();
  await row("staff").getByText("None", { exact: true }).waitFor();
  await press("Remove staff");
  await dialog().getByRole("button", { name: "Delete scope" }).click();
  await row("staff").waitFor({ state: "detached" });
});

test("the chain of events holds", async () => {
  await page.setViewportSize(screens.desktop);
  await go(`${root()}/events?tab=feed`);
  await press("Check the chain");
  await page.getByText(/^Intact: \d+ links were checked\.$/).waitFor();
});

test("the log tells by name what happened to somebody and what he did, when he is gone as well", async () => {
  const params = { path: { org: world.dev.root_org_id } };
  const make = async (given_name: string) =>
    (await sent(world.api.POST("/v1/orgs/{org}/users", { body: { family_name: "Costa", given_name, username: given_name.toLowerCase() }, params }))).id;
  const [emil, eva] = [await make("Emil"), await make("Eva")];
  const viewer = (await sent(world.api.GET("/v1/orgs/{org}/roles", { params }))).items.find((r) => r.name === "Viewer")?.id ?? "";
  for (const id of [emil, eva]) {
    await sent(world.api.POST("/v1/orgs/{org}/roles/{role}/assignments", { body: { principal: { id, type: "user" } }, params: { path: { ...params.path, role: viewer } } }));
  }
  await world.api.DELETE("/v1/orgs/{org}/members/{user}", { params: { path: { ...params.path, user: emil } } });

  await page.setViewportSize(screens.desktop);
  await go(`${root()}/members/${eva}`);
  await page.getByRole("link", { name: "Activity" }).click();
  const rows = page.getByRole("row");
  await rows.filter({ hasText: "role.assigned" }).waitFor();
  expect((await rows.allInnerTexts()).slice(1).map((r) => r.split("\t").slice(0, 3))).toEqual([
    ["role.assigned", "Management client", "Eva Costa, Viewer"], ["member.added", "Management client", "Eva Costa"], ["user.created", "Management client", "Eva Costa"],
  ]);
  await rows.filter({ hasText: "role.assigned" }).getByRole("link", { name: "Eva Costa" }).click();
  await page.getByRole("heading", { level: 1, name: "Eva Costa" }).waitFor();

  await go(`${root()}/events`);
  await rows.filter({ hasText: "user.deleted" }).first().getByText("Emil Costa (removed)").filter({ visible: true }).waitFor();
  await page.getByRole("button", { name: "user.deleted" }).first().click();
  expect(await accessibility(page)).toEqual([]);
  await dialog().locator("div", { has: page.getByText("Emil Costa (removed)", { exact: true }) }).last().getByRole("link", { name: "Happened to" }).click();
  await rows.filter({ hasText: "role.unassigned" }).getByText("Emil Costa (removed), Viewer").filter({ visible: true }).first().waitFor();
  // Who is gone is found by his name, too.
  await go(`${root()}/events`);
  await page.getByRole("combobox", { name: "Person, or any ID" }).or(page.getByRole("textbox", { name: "Person, or any ID" })).first().fill("emil");
  await page.getByRole("option", { name: "Emil Costa (removed)" }).click();
  await rows.filter({ hasText: "role.unassigned" }).getByText("Emil Costa (removed), Viewer").filter({ visible: true }).first().waitFor();
  await page.getByText("Done by", { exact: true }).click();
  await page.getByText("Nothing matches").waitFor();

  // A type that there is not is no type of which nothing happened.
  const type = page.getByRole("combobox", { name: "Filter by type" }).or(page.getByRole("textbox", { name: "Filter by type" })).first();
  await go(`${root()}/events`);
  await type.fill("role.assinged");
  await page.keyboard.press("Enter");
  await page.getByText("There is no such event").waitFor();
  expect(await accessibility(page)).toEqual([]);
  await type.fill("role.assigned");
  await page.keyboard.press("Enter");
  await rows.filter({ hasText: "role.assigned" }).first().waitFor();
  await expect.poll(() => rows.filter({ hasText: "user.deleted" }).count()).toBe(0);

  // A phone shows who and whom as well.
  await page.setViewportSize(screens.phone);
  await go(`${root()}/events?concerns=${emil}`);
  await rows.filter({ hasText: "role.unassigned" }).getByText("Management client → Emil Costa (removed), Viewer").waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  expect(await accessibility(page)).toEqual([]);
  await page.setViewportSize(screens.desktop);
  expect(admin.faults).toEqual([]);
});
