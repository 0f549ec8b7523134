import * as oauth from "oauth4webapi";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sent } from "../../api/index.ts";
import { accessibility, launch, open, screens } from "../launch.js";
import { type World, settled, signIn, startWorld } from "./world.ts";

let browser: Browser;
let world: World;
let admin: Awaited<ReturnType<typeof open>>;
let page: Page;

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

const insecure = { [oauth.allowInsecureRequests]: true };
const dialog = () => page.getByRole("dialog");
const shot = async (name: string) => {
  const folder = process.env["SHOTS"];
  if (folder) await page.screenshot({ fullPage: true, path: `${folder}/${name}.png` });
};

/** Fills in the dialog for a new app, and returns the app once its page is open. */
async function register(kind: string, name: string, redirect: string, more?: () => Promise<void>) {
  await page.goto(`${world.dev.tenant_base}/console/orgs/${world.dev.root_org_id}/apps`);
  await settled(page);
  await page.getByRole("button", { name: "Register app" }).click();
  await dialog().getByRole("textbox", { exact: true, name: "Name" }).fill(name);
  await dialog().getByText(kind, { exact: true }).click();
  await dialog().getByRole("textbox", { name: "Redirect URIs" }).fill(redirect);
  await more?.();
  expect(await accessibility(page)).toEqual([]);
  await shot(`kind-${name}`);
  await dialog().getByRole("button", { name: "Register app" }).click();
  const saved = page.getByRole("button", { name: "I have saved them" });
  await saved.or(page.getByRole("heading", { level: 1, name })).first().waitFor();
  if (await saved.isVisible()) await saved.click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByRole("heading", { name: "Next steps" }).waitFor();
  await settled(page);
  expect(await accessibility(page)).toEqual([]);
  await shot(`next-${name}`);
  const { items } = await sent(world.api.GET("/v1/orgs/{org}/apps", { params: { path: { org: "root" }, query: { q: name } } }));
  const app = items[0];
  if (!app) throw new Error(`No app ${name}.`);
  return { ...app, oidc: await sent(world.api.GET("/v1/orgs/{org}/apps/{app}/oidc", { params: { path: { app: app.id, org: "root" } } })) };
}

/** What comes back to an address that nobody serves, once the admin has signed in at one and has let the app in. */
async function authorize(address: string, redirect: string): Promise<URL> {
  const person = await open(browser);
  const back = person.page.waitForRequest((request) => request.url().startsWith(redirect));
  await person.page.goto(address);
  await signIn(person.page, world.dev.admin_username, world.dev.admin_password);
  const allow = person.page.getByRole("button", { name: "Allow access" });
  await Promise.race([back, allow.waitFor().then(() => allow.click())]);
  const url = new URL((await back).url());
  await person.context.close();
  return url;
}

test("an app for FAPI 2.0 is registered with its keys, and works with a stock client as its profile wants it, only so", async () => {
  const issuer = new URL(world.dev.tenant_base);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const keys = await oauth.generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey("jwk", keys.publicKey)), kid: "one" };
  const redirect = "https://payments.example/cb";
  const app = await register("FAPI 2.0", "Payments", redirect, async () => {
    await dialog().getByText("pushed requests, bound tokens", { exact: false }).waitFor();
    // What is missing is said by the server, at its field.
    await dialog().getByRole("button", { name: "Register app" }).click();
    await dialog().getByText("Must hold the keys for private_key_jwt", { exact: false }).waitFor();
    await dialog().getByRole("textbox", { name: "Public keys" }).fill(JSON.stringify({ keys: [jwk] }));
  });
  expect(app.template).toBe("fapi");
  expect(app.oidc).toMatchObject({ dpop_bound_access_tokens: true, profile: "fapi2_security", require_pushed_authorization_requests: true, token_endpoint_auth_method: "private_key_jwt" });
  expect((await sent(world.api.GET("/v1/orgs/{org}/apps/{app}/secrets", { params: { path: { app: app.id, org: "root" } } }))).items).toEqual([]);

  const client: oauth.Client = { client_id: app.client_id };
  const proof = oauth.PrivateKeyJwt({ key: keys.privateKey, kid: "one" });
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
  const verifier = oauth.generateRandomCodeVerifier();
  const wanted = {
    client_id: app.client_id, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", redirect_uri: redirect, response_type: "code", scope: "openid",
  };
  // A request that is not pushed goes nowhere, and the app's page says why.
  const plain = await fetch(`${as.authorization_endpoint}?${new URLSearchParams(wanted)}`, { redirect: "manual" });
  expect(new URL(plain.headers.get("location") ?? redirect).searchParams.get("code")).toBeNull();
  const pushed = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, proof, wanted, { DPoP, ...insecure }));
  const back = await authorize(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: app.client_id, request_uri: pushed.request_uri })}`, redirect);
  const answer = oauth.validateAuthResponse(as, client, back, oauth.expectNoState);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(as, client, proof, answer, redirect, verifier, { DPoP, ...insecure }));
  expect(tokens.token_type).toBe("dpop");

  await page.getByRole("link", { name: "Where a request is refused" }).click();
  await page.getByRole("button", { name: "invalid_request" }).first().click();
  await dialog().getByText("FAPI 2.0", { exact: false }).or(dialog().getByText("RFC 9126", { exact: false })).first().waitFor();
});

test("a client of MCP servers comes back to any port of its machine, for the server that it names", async () => {
  const app = await register("MCP client", "Assistant", "http://127.0.0.1/callback");
  expect(app).toMatchObject({ client_type: "public", oidc: { grant_types: ["authorization_code", "refresh_token"] }, template: "mcp" });
  // The steps that the page shows, by the API.
  const at = { path: { org: "root" } };
  const server = await sent(world.api.POST("/v1/orgs/{org}/api-resources", { body: { identifier: "https://tools.example", name: "Tools", requires_authorization: false, scopes: [{ display_name: "Use", name: "tools.use" }] }, params: at }));
  await world.api.PUT("/v1/orgs/{org}/apps/{app}/authorized-apis", { body: { policy: "none", resource: server.id, scopes: ["tools.use"] }, params: { path: { app: app.id, org: "root" } } });
  const issuer = new URL(world.dev.tenant_base);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const client: oauth.Client = { client_id: app.client_id };
  const verifier = oauth.generateRandomCodeVerifier();
  const redirect = "http://127.0.0.1:51999/callback";
  const query = new URLSearchParams({
    client_id: app.client_id, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", redirect_uri: redirect, resource: "https://tools.example",
    response_type: "code", scope: "tools.use",
  });
  const back = await authorize(`${as.authorization_endpoint}?${query}`, redirect);
  const answer = oauth.validateAuthResponse(as, client, back, oauth.expectNoState);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), answer, redirect, verifier, insecure));
  const claims = JSON.parse(Buffer.from(tokens.access_token.split(".")[1] ?? "", "base64url").toString()) as { aud: string; org_id: string };
  expect([claims.aud].flat()).toEqual(["https://tools.example"]);
  expect(claims.org_id).toBe(world.dev.root_org_id);
});

test("an app of the standards alone is open to every setting, also on a phone", async () => {
  await page.setViewportSize(screens.phone);
  const app = await register("Standard", "Bespoke", "https://bespoke.example/cb");
  await page.setViewportSize(screens.desktop);
  expect(app).toMatchObject({ client_type: "confidential", oidc: { profile: "" }, template: "standard" });
  await page.getByRole("link", { name: "Choose its grants" }).click();
  await page.getByRole("heading", { name: "Security profile" }).waitFor();
});

test("a refused authorization request is shown with what came, what was expected, the rule and the fix, and no secret", async () => {
  const app = await register("Web", "Harbour Bell", "https://bell.example/callback");
  const query = new URLSearchParams({
    client_id: app.client_id, client_secret: "sesame-open-up", code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", login_hint: "eva@north.example",
    redirect_uri: "https://bell.example/calback?session=topsecret", response_type: "code", scope: "openid", state: "a-state-of-its-own",
  });
  const person = await open(browser);
  const refused = await person.page.goto(`${world.dev.tenant_base}/oauth2/authorize?${query}`);
  expect(refused?.status()).toBe(400);
  const stranger = await person.page.locator("body").innerText();
  expect(stranger).not.toContain("/callback"); // what is registered is nobody's business but the app's
  await person.context.close();

  await page.getByRole("tab", { name: "Failed requests" }).click();
  await page.getByRole("button", { name: "invalid_request" }).waitFor();
  await page.getByRole("button", { name: "invalid_request" }).click();
  const facts = dialog();
  for (const label of ["What to do", "What was expected", "Rule", "What was answered", "What was received"]) await facts.getByText(label, { exact: true }).waitFor();
  await facts.getByText("https://bell.example/callback", { exact: true }).first().waitFor();
  const shown = await facts.innerText();
  expect(shown).toContain("https://bell.example/cal");
  expect(shown).toMatch(/RFC \d{4}|OpenID Connect/);
  for (const secret of ["sesame-open-up", "topsecret", "a-state-of-its-own", "eva@north.example", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"]) expect(shown).not.toContain(secret);
  expect(await accessibility(page)).toEqual([]);
  await shot("failed-request");
  expect(admin.faults).toEqual([]);
});
