import { generateKeyPairSync } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sent } from "../../api/index.ts";
import { accessibility, launch, open, screens } from "../launch.js";
import { type World, settled, signIn, startWorld } from "./world.ts";

let browser: Browser;
let world: World;
let admin: Awaited<ReturnType<typeof open>>;
let page: Page;

const org = "root";
const rsa = { ...generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" }), kid: "one", use: "enc" };

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

const field = (name: string) => page.getByRole("textbox", { exact: true, name });
const choose = async (label: string, option: string) => {
  await page.getByRole("combobox", { exact: true, name: label }).or(field(label)).first().click();
  await page.getByRole("option", { exact: true, name: option }).click();
};
const save = () => page.getByRole("button", { exact: true, name: "Save changes" }).click();
const shot = async (name: string) => {
  const folder = process.env["SHOTS"];
  if (folder) await page.screenshot({ fullPage: true, path: `${folder}/${name}.png` });
};

/** An app with its OpenID Connect tab open, and what the API says of it. */
async function openApp(name: string, template: "spa" | "web") {
  const host = `https://${name.toLowerCase()}.example`;
  const made = await sent(world.api.POST("/v1/orgs/{org}/apps", { body: { name, redirect_uris: [`${host}/cb`], template }, params: { path: { org } } }));
  const at = { params: { path: { app: made.id, org } } };
  const show = async () => {
    await page.goto(`${world.dev.tenant_base}/console/orgs/${world.dev.root_org_id}/apps/${made.id}?tab=oidc`);
    await settled(page);
  };
  await show();
  return { at, read: () => sent(world.api.GET("/v1/orgs/{org}/apps/{app}/oidc", at)), show };
}

test("lifetimes say what the installation's default is", async () => {
  const app = await openApp("Clock", "web");
  const { default_access_token_seconds, default_refresh_token_seconds } = await app.read();
  expect([default_access_token_seconds, default_refresh_token_seconds]).toEqual([900, 30 * 86_400]);
  await page.getByText("0 is the installation's default, 15 minutes.").waitFor();
  await page.getByText("0 is the installation's default, 30 days.").waitFor();
  await shot("oidc-lifetimes");
});

test("formats of tokens and what people are known by are chosen, and only what changed is sent", async () => {
  const app = await openApp("Ledger", "web");
  await choose("Access tokens", "Opaque");
  await save();
  await expect.poll(app.read).toMatchObject({ access_token_format: "opaque", subject_type: "public" });
  await app.show();
  await choose("What people are known by (sub)", "A name of this sector (pairwise)");
  await save();
  await expect.poll(app.read).toMatchObject({ access_token_format: "opaque", sector_identifier_uri: "", subject_type: "pairwise" });
  await app.show();
  // The address of a sector is read when it is set, and what is wrong with it stands at its field.
  await field("Address of the sector").fill("http://ledger.example/sector.json");
  await save();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
  expect(await field("Address of the sector").getAttribute("aria-invalid")).toBe("true");
  expect(await app.read()).toMatchObject({ sector_identifier_uri: "" });
  expect(await accessibility(page)).toEqual([]);
});

test("what an app is told is encrypted, what is missing comes into view, and its keys can be taken away", async () => {
  const app = await openApp("Safe", "web");
  const keys = field("Public keys");
  await choose("ID tokens", "RSA-OAEP-256");
  await save();
  // The button is far below the keys.
  await page.getByText("Must hold a key to which RSA-OAEP-256 can encrypt (RSA of 2048 bits and more), unless the address of keys is given.").waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
  expect(await keys.evaluate((e) => [e === document.activeElement, e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight])).toEqual([true, true]);
  await shot("oidc-encryption-missing");
  await keys.fill("not a key");
  await save();
  await page.getByText("Must be an absolute https URI", { exact: false }).waitFor();
  expect([await keys.getAttribute("aria-invalid"), await page.getByRole("alert").count()]).toEqual(["true", 0]);
  await keys.fill(JSON.stringify({ keys: [rsa] }));
  for (const thing of ["Userinfo", "Answers about tokens", "Authorization responses (JARM)"]) await choose(thing, "RSA-OAEP");
  await save();
  const enc = "A128CBC-HS256";
  await expect.poll(app.read).toMatchObject({
    authorization_encrypted_response_alg: "RSA-OAEP", authorization_encrypted_response_enc: enc, id_token_encrypted_response_alg: "RSA-OAEP-256", id_token_encrypted_response_enc: enc,
    introspection_encrypted_response_alg: "RSA-OAEP", introspection_encrypted_response_enc: enc, userinfo_encrypted_response_alg: "RSA-OAEP", userinfo_encrypted_response_enc: enc,
  });
  expect((await app.read()).jwks?.keys).toMatchObject([{ kid: "one" }]);
  expect(await accessibility(page)).toEqual([]);
  await shot("oidc-encryption");

  await app.show();
  for (const thing of ["ID tokens", "Userinfo", "Answers about tokens", "Authorization responses (JARM)"]) await choose(thing, "Not encrypted");
  await keys.fill("");
  await save();
  await expect.poll(app.read).toMatchObject({ id_token_encrypted_response_alg: "", id_token_encrypted_response_enc: "", jwks_uri: "", userinfo_encrypted_response_alg: "" });
  expect((await app.read()).jwks).toBeUndefined();
  await app.show();
  expect(await keys.inputValue()).toBe("");
});

test("the grant of passwords is taken with a warning", async () => {
  const app = await openApp("Antique", "web");
  expect(await page.getByText("The app sees people’s passwords").count()).toBe(0);
  await page.getByRole("checkbox", { exact: true, name: "password" }).check();
  await page.getByText("RFC 9700 says that this grant must not be used.").waitFor();
  await shot("oidc-password");
  await save();
  await expect.poll(async () => (await app.read()).grant_types).toContain("password");
  await app.show();
  await page.getByText("The app sees people’s passwords").waitFor();
  expect(await accessibility(page)).toEqual([]);
});

test("a public app shows its encryption where it has any, so that it can be taken away", async () => {
  const app = await openApp("Leaflet", "spa");
  expect(await page.getByRole("heading", { name: "Encryption" }).count()).toBe(0);
  await world.api.PATCH("/v1/orgs/{org}/apps/{app}/oidc", { ...app.at, body: { id_token_encrypted_response_alg: "RSA-OAEP-256", jwks: { keys: [rsa] } } });
  await app.show();
  await shot("oidc-encryption-public");
  await choose("ID tokens", "Not encrypted");
  await field("Public keys").fill("");
  await save();
  await expect.poll(app.read).toMatchObject({ id_token_encrypted_response_alg: "", jwks_uri: "" });
  await page.getByRole("heading", { name: "Encryption" }).waitFor({ state: "detached" });
  expect(admin.faults).toEqual([]);
});

test("an app lists what it is told of people, who choose without a script, and their portal says what", async () => {
  const app = await openApp("Letters", "web");
  await page.getByRole("tab", { name: "Attributes" }).click();
  await page.getByText("No list: the app is told whatever its scopes ask for.").waitFor();
  const pick = async (label: string, typed: string, option: string) => {
    await page.getByRole("combobox", { exact: true, name: label }).fill(typed);
    await page.getByRole("option", { exact: true, name: option }).click();
    await page.keyboard.press("Escape");
  };
  await pick("Attributes", "preferred", "Username · preferred_username");
  await pick("Attributes", "given", "Given name · given_name");
  await page.getByRole("switch", { name: "Required: Username" }).click({ force: true });
  await pick("Attributes in access tokens", "given", "Given name · given_name");
  expect(await accessibility(page)).toEqual([]);
  await shot("app-attributes");
  await save();
  await expect.poll(app.read, { timeout: 15_000 }).toMatchObject({
    access_token_attributes: ["given_name"], attributes_asked: true,
    requested_attributes: [{ claim: "preferred_username", mandatory: true }, { claim: "given_name", mandatory: false }],
  });

  const { client_id } = await sent(world.api.GET("/v1/orgs/{org}/apps/{app}", app.at));
  const query = new URLSearchParams({
    client_id, code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", redirect_uri: "https://letters.example/cb", response_type: "code", scope: "openid profile",
  });
  const plain = await open(browser, { javaScriptEnabled: false, viewport: screens.phone });
  await plain.page.goto(`${world.dev.tenant_base}/oauth2/authorize?${query}`);
  await signIn(plain.page, world.dev.admin_username, world.dev.admin_password);
  const box = (name: RegExp) => plain.page.getByRole("checkbox", { name });
  expect(await box(/^Username/).isDisabled()).toBe(true);
  await box(/^Given name/).uncheck();
  await plain.page.route("https://letters.example/**", (route) => route.fulfill({ body: "back" }));
  await plain.page.getByRole("button", { name: "Allow access" }).click();
  await plain.page.waitForURL(/^https:\/\/letters\.example\/cb\?.*code=/);
  await plain.context.close();

  await page.goto(`${world.dev.tenant_base}/account/apps`);
  await settled(page);
  const row = page.getByRole("row").filter({ hasText: "Letters" });
  await row.getByText("Is told your: Username").last().waitFor();
  await row.getByText("Is not told your: Given name").last().waitFor();
  expect(await row.getByText("See your name and profile").count()).toBe(0);
  expect(await accessibility(page)).toEqual([]);
  await shot("portal-attributes");

  const allowed = async () => (await sent(world.api.GET("/v1/orgs/{org}/consents", { params: { path: { org: "root" } } }))).items.find((c) => c.app_name === "Letters");
  const consent = await allowed();
  await page.goto(`${world.dev.tenant_base}/console/orgs/${consent?.org_id}/users/${consent?.user_id}`);
  await settled(page);
  const seen = page.getByRole("row").filter({ hasText: "Letters" });
  await seen.getByText("Is not told given_name").last().waitFor();
  await seen.scrollIntoViewIfNeeded();
  expect(await accessibility(page)).toEqual([]);
  await shot("user-consents");
  await page.getByRole("button", { name: "Take back what Letters was allowed" }).click();
  await page.getByRole("dialog").getByRole("button", { exact: true, name: "Take back" }).click();
  await expect.poll(allowed, { timeout: 15_000 }).toBeUndefined();
}, 180_000);
