import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sent } from "../../api/index.ts";
import { accessibility, launch, open, screens } from "../launch.js";
import { type World, settled, signIn, startWorld } from "./world.ts";

let browser: Browser;
let world: World;
let page: Page;
let app: { client_id: string; client_secret?: string; id: string };

const org = "root";
const callback = "https://shop.example/callback";
const password = "a quiet river at dawn";
const details = [{ amount: "12.50 EUR", steps: ["pay", "status"], to: "Harbour \"North\" & Sons", type: "order_payment", urgent: true }];

beforeAll(async () => {
  [browser, world] = await Promise.all([launch(), startWorld()]);
  ({ page } = await open(browser));
  await page.goto(world.dev.console_url);
  await signIn(page, world.dev.admin_username, world.dev.admin_password);
  await settled(page);
});

afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

const go = async (path: string) => {
  await page.goto(`${world.dev.tenant_base}/console/orgs/${world.dev.root_org_id}${path}`);
  await settled(page);
};
const dialog = () => page.getByRole("dialog");
const press = (name: string) => page.getByRole("button", { exact: true, name }).first().click();
const shot = async (name: string, tab = page) => {
  const folder = process.env["SHOTS"];
  if (folder) await tab.screenshot({ fullPage: true, path: `${folder}/${name}.png` });
};

test("a type is defined on an API and allowed to an app", async () => {
  const api = await sent(world.api.POST("/v1/orgs/{org}/api-resources", {
    body: { identifier: "https://orders.example", name: "Orders API", requires_authorization: false, scopes: [{ name: "orders.read" }] }, params: { path: { org } },
  }));
  app = await sent(world.api.POST("/v1/orgs/{org}/apps", { body: { name: "Shop", redirect_uris: [callback], template: "web" }, params: { path: { org } } }));
  await go(`/api-resources/${api.id}`);
  await press("Add type");
  await dialog().getByRole("textbox", { exact: true, name: "Type" }).fill("order_payment");
  await dialog().getByRole("textbox", { exact: true, name: "Name" }).fill("Pay an order");
  await dialog().getByRole("textbox", { name: "Description" }).fill("Money leaves your account.");
  const schema = dialog().getByRole("textbox", { name: "JSON Schema" });
  await schema.fill("{");
  await dialog().getByRole("button", { name: "Add type" }).click();
  await dialog().getByText("A JSON object.").waitFor();
  await schema.fill('{"properties": {"amount": {"$ref": "https://evil.example/"}}}');
  await dialog().getByRole("button", { name: "Add type" }).click();
  await dialog().getByText(/what stands at "\/properties\/amount\/\$ref"/).waitFor();
  await schema.fill(JSON.stringify({
    properties: { amount: { title: "Amount", type: "string" }, steps: { items: { type: "string" }, title: "Steps" }, to: { title: "Payee", type: "string" }, urgent: { title: "Urgent", type: "boolean" } },
    required: ["to", "amount"], type: "object",
  }, null, 2));
  await shot("details-type-form");
  expect(await accessibility(page)).toEqual([]);
  await dialog().getByRole("button", { name: "Add type" }).click();
  await page.getByRole("cell", { name: "order_payment" }).waitFor();
  await shot("details-types");

  await go(`/apps/${app.id}`);
  await page.getByRole("tab", { name: "APIs" }).click();
  await press("Authorize an API");
  await dialog().getByRole("combobox", { name: "API" }).or(dialog().getByRole("textbox", { exact: true, name: "API" })).first().click();
  await page.getByRole("option", { name: /Orders API/ }).click();
  await dialog().getByRole("combobox", { name: "Authorization details types" }).or(dialog().getByRole("textbox", { name: "Authorization details types" })).first().click();
  await page.getByRole("option", { name: /order_payment/ }).click();
  await page.keyboard.press("Escape");
  await dialog().getByRole("combobox", { name: "A token gets" }).or(dialog().getByRole("textbox", { name: "A token gets" })).first().click();
  await page.getByRole("option", { name: "Everything asked for" }).click();
  await shot("details-allow");
  await dialog().getByRole("button", { name: "Save changes" }).click();
  await page.getByRole("cell", { name: "order_payment" }).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await shot("details-allowed");
  await page.getByRole("button", { name: "Edit Orders API" }).click();
  await dialog().getByText("Pay an order · order_payment").waitFor();
  await page.keyboard.press("Escape");
});

test("a person agrees to exactly what is shown, and sees it in the account", async () => {
  await sent(world.api.POST("/v1/orgs/{org}/users", {
    body: { email: "eva@orders.example", must_change_password: false, password, username: "eva@orders.example" }, params: { path: { org } },
  }));
  const { context, page: person } = await open(browser);
  await context.route(`${callback}**`, (route) => route.fulfill({ body: "back", contentType: "text/plain" }));
  const query = new URLSearchParams({
    authorization_details: JSON.stringify(details), client_id: app.client_id, code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
    redirect_uri: callback, response_type: "code", scope: "openid",
  });
  await person.goto(`${world.dev.tenant_base}/oauth2/authorize?${query}`);
  await signIn(person, "eva@orders.example", password);
  await person.getByText("Shop asks you to agree to exactly this:").waitFor();
  await person.getByRole("heading", { name: "Pay an order" }).waitFor();
  for (const text of ["Money leaves your account.", "12.50 EUR", 'Harbour "North" & Sons', "Yes"]) await person.getByText(text, { exact: true }).waitFor();
  expect(await person.locator(".details dt").allInnerTexts()).toEqual(["Payee", "Amount", "Steps", "Urgent"]);
  for (const [name, screen] of Object.entries(screens)) {
    for (const colorScheme of ["light", "dark"] as const) {
      await person.setViewportSize(screen);
      await person.emulateMedia({ colorScheme });
      expect(await accessibility(person)).toEqual([]);
      await shot(`consent-details-${name}-${colorScheme}`, person);
    }
  }
  await person.getByRole("button", { name: "Allow access" }).click();
  await person.waitForURL(`${callback}**`);
  const code = new URL(person.url()).searchParams.get("code") ?? "";
  const response = await fetch(`${world.dev.tenant_base}/oauth2/token`, {
    body: new URLSearchParams({ code, code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", grant_type: "authorization_code", redirect_uri: callback }),
    headers: { Authorization: `Basic ${btoa(`${app.client_id}:${app.client_secret}`)}` }, method: "POST",
  });
  expect(await response.json()).toMatchObject({ authorization_details: details, scope: "openid" });

  // The same again is no question; another amount is.
  const again = await context.request.get(`${world.dev.tenant_base}/oauth2/authorize?${query}&prompt=none`, { maxRedirects: 0 });
  expect(again.headers()["location"]).toMatch(/^https:\/\/shop\.example\/callback\?code=/);
  query.set("authorization_details", JSON.stringify([{ ...details[0], amount: "99.00 EUR" }]));
  await person.goto(`${world.dev.tenant_base}/oauth2/authorize?${query}`);
  await person.getByText("99.00 EUR", { exact: true }).waitFor();

  await person.setViewportSize(screens.desktop);
  await person.emulateMedia({ colorScheme: "light" });
  await person.goto(`${world.dev.tenant_base}/account/apps`);
  await settled(person);
  await person.getByText("amount: 12.50 EUR").filter({ visible: true }).waitFor();
  await person.getByText('to: Harbour "North" & Sons').filter({ visible: true }).waitFor();
  // What was allowed is told as it was asked, and a phone leaves nothing of it out, nor where a session is.
  await person.getByText("Confirm who you are").filter({ visible: true }).waitFor();
  expect(await accessibility(person)).toEqual([]);
  await shot("account-details", person);
  await person.setViewportSize(screens.phone);
  for (const text of ["Confirm who you are", "amount: 12.50 EUR"]) await person.getByText(text).filter({ visible: true }).waitFor();
  expect(await accessibility(person)).toEqual([]);
  await shot("account-details-phone", person);
  await person.goto(`${world.dev.tenant_base}/account/security`);
  await settled(person);
  await person.getByRole("row").getByText("127.0.0.1").filter({ visible: true }).waitFor();
  await person.getByRole("row").getByText(/now|this minute|seconds? ago|minutes? ago/).filter({ visible: true }).first().waitFor();
  expect(await person.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  await shot("account-sessions-phone", person);
  await person.emulateMedia({ colorScheme: "dark" });
  await shot("account-sessions-phone-dark", person);
  await context.close();
});
