import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sent } from "../../api/index.ts";
import { accessibility, launch, open } from "../launch.js";
import { type World, linkTo, settled, signIn, startWorld } from "./world.ts";

let browser: Browser;
let world: World;
let page: Page;

const password = "a quiet river at dawn";
const org = "contoso";

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
  await page.goto(`${world.dev.tenant_base}/console/orgs/${contoso}${path}`);
  await settled(page);
};
const dialog = () => page.getByRole("dialog");
const press = (name: string) => page.getByRole("button", { exact: true, name }).first().click();
const shot = async (name: string) => {
  const folder = process.env["SHOTS"];
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
};

let contoso = "";

test("many people are created from a file, with a report on each", async () => {
  contoso = (await sent(world.api.GET("/v1/orgs/{org}", { params: { path: { org } } }))).id;
  await sent(world.api.POST("/v1/orgs/{org}/groups", { body: { name: "Night shift" }, params: { path: { org } } }));
  await go("/users");
  await press("Create many");
  await dialog().getByRole("textbox", { name: "People" }).fill("email,shoe size\nann@many.example,44");
  await dialog().getByRole("button", { name: "Create many" }).click();
  await dialog().getByText("There is no column shoe_size.").waitFor();
  await dialog().locator("input[type=file]").setInputFiles({
    buffer: Buffer.from("email,given_name,groups\nann@many.example,Ann,Night shift\nben@many.example,Ben,Nobody's\nann@many.example,Ann,\ncy@many.example,Cy,\n"),
    mimeType: "text/csv", name: "people.csv",
  });
  await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>("[role=dialog] textarea")?.value.startsWith("email,given_name"));
  await shot("many-form");
  expect(await accessibility(page)).toEqual([]);
  await dialog().getByRole("button", { name: "Create many" }).click();
  await dialog().getByText("2 of 4 added.").waitFor();
  await dialog().getByText("There is no group Nobody's.").waitFor();
  await shot("many-report");
  expect(await accessibility(page)).toEqual([]);
  await press("Close");
  const users = await sent(world.api.GET("/v1/orgs/{org}/users", { params: { path: { org }, query: { q: "ann@many" } } }));
  expect(users.items).toHaveLength(1);
  const link = await linkTo(world.dev.inbox_url, "ann@many.example");
  expect(link).toContain("/login/set-password?token=");
});

test("a person chooses a password by the link that was mailed", async () => {
  const { page: person } = await open(browser);
  await person.goto(await linkTo(world.dev.inbox_url, "ann@many.example"));
  await person.getByRole("heading", { name: "Choose a new password" }).waitFor();
  await person.getByLabel("Choose a password").fill("password");
  await person.getByRole("button", { name: "Save and continue" }).click();
  await person.getByRole("alert").waitFor();
  if (process.env["SHOTS"]) await person.screenshot({ path: `${process.env["SHOTS"]}/set-password.png` });
  await person.getByLabel("Choose a password").fill(password);
  await person.getByRole("button", { name: "Save and continue" }).click();
  await signIn(person, "ann@many.example", password);
  await person.getByRole("heading", { level: 1 }).waitFor();
  await person.context().close();
});

test("an account is locked with a reason, and a link is handed over", async () => {
  const found = await sent(world.api.GET("/v1/orgs/{org}/users", { params: { path: { org }, query: { q: "cy@many" } } }));
  await go(`/users/${found.items[0]?.id}`);
  await press("More actions");
  await page.getByRole("menuitem", { name: "Lock user" }).click();
  await dialog().getByRole("textbox", { name: "Reason of the lock" }).fill("Left the laptop on a train");
  await shot("lock");
  await dialog().getByRole("button", { name: "Lock user" }).click();
  await page.getByText("Left the laptop on a train").waitFor();
  await shot("locked");
  await press("More actions");
  await page.getByRole("menuitem", { name: "Unlock user" }).click();
  await dialog().getByRole("button", { name: "Unlock user" }).click();
  await page.getByText("Left the laptop on a train").waitFor({ state: "detached" });

  await press("More actions");
  await page.getByRole("menuitem", { name: "Link to set a password" }).click();
  await dialog().getByRole("radio", { name: "Show it to me; I hand it over" }).check();
  await shot("link-form");
  expect(await accessibility(page)).toEqual([]);
  await dialog().getByRole("button", { name: "Make the link" }).click();
  await dialog().getByText("/login/set-password?token=").waitFor();
  await shot("link-once");
  await press("I have saved it");
});

test("the last administrator of a customer is not removed by accident", async () => {
  const path = { org };
  const admin = await sent(world.api.POST("/v1/orgs/{org}/users", { body: { email: "sole@many.example", given_name: "Sole" }, params: { path } }));
  const roles = await sent(world.api.GET("/v1/orgs/{org}/roles", { params: { path } }));
  const role = roles.items.find((r) => r.name === "Administrator")?.id ?? "";
  await sent(world.api.POST("/v1/orgs/{org}/roles/{role}/assignments", { body: { principal: { id: admin.id, type: "user" } }, params: { path: { ...path, role } } }));
  await go(`/members/${admin.id}`);
  await press("More actions");
  await page.getByRole("menuitem", { name: "Remove from the organization" }).click();
  await dialog().getByRole("button", { name: "Remove from the organization" }).click();
  await dialog().getByText("This is the last administrator").waitFor();
  await dialog().getByText("Nobody in Contoso could administer it any more").waitFor();
  await shot("last-administrator");
  expect(await accessibility(page)).toEqual([]);
  // Whoever is gone is not asked for again.
  const missed: string[] = [];
  page.on("response", (r) => r.status() === 404 && missed.push(r.url()));
  await dialog().getByRole("button", { name: "Leave it without an administrator" }).click();
  await page.getByText("Account deleted").waitFor();
  await settled(page);
  expect(missed).toEqual([]);

  // Whoever acts against himself is told so, and at the root nobody is heard.
  const me = (await sent(world.api.GET("/v1/orgs/{org}/users", { params: { path: { org: "root" }, query: { q: world.dev.admin_username } } }))).items[0]?.id;
  await page.goto(`${world.dev.tenant_base}/console/orgs/root/members/${me}`);
  await settled(page);
  await press("More actions");
  await page.getByRole("menuitem", { name: "Remove from the organization" }).click();
  await dialog().getByText("This is you.").waitFor();
  await shot("this-is-you");
  await dialog().getByRole("button", { name: "Remove from the organization" }).click();
  await dialog().getByText("would be left without an administrator. Make somebody else Administrator first.").waitFor();
  await dialog().getByRole("button", { exact: true, name: "Close" }).last().click();
});

test("an invitation is handed over, into a group", async () => {
  for (let i = 1; i <= 22; i++) await sent(world.api.POST("/v1/orgs/{org}/groups", { body: { name: `Berth ${i}` }, params: { path: { org } } }));
  await go("/invitations");
  await press("Invite someone");
  await dialog().getByRole("textbox", { name: "Email" }).fill("dee@many.example");
  // A role says what it is of; of groups there are more than the first, which the server finds.
  await dialog().getByRole("combobox", { name: "Roles" }).or(dialog().getByRole("textbox", { name: "Roles" })).first().click();
  await page.getByRole("option", { name: /^Administrator\s*The whole organization$/ }).waitFor();
  await page.getByRole("option", { name: /^Editor · Notes$/ }).waitFor();
  await shot("invite-roles");
  await page.keyboard.press("Escape");
  const groups = dialog().getByRole("combobox", { name: "Groups" }).or(dialog().getByRole("textbox", { name: "Groups" })).first();
  await groups.click();
  await page.getByRole("option", { name: "There are more: type to find them" }).waitFor();
  expect(await page.getByRole("option", { name: "Night shift" }).count()).toBe(0);
  await shot("invite-groups");
  await groups.fill("night");
  await page.getByRole("option", { name: "Night shift" }).click();
  await page.keyboard.press("Escape");
  await dialog().getByRole("radio", { name: "Show it to me; I hand it over" }).check();
  await shot("invite-form");
  expect(await accessibility(page)).toEqual([]);
  await dialog().getByRole("button", { name: "Make the link" }).click();
  const shown = dialog().getByText("/login/invitation?token=");
  await shown.waitFor();
  const link = (await shown.innerText()).trim();
  await press("I have saved it");
  const { page: guest } = await open(browser);
  await guest.goto(link);
  await guest.getByLabel("First name").fill("Dee");
  await guest.getByLabel("Last name").fill("Lane");
  await guest.getByLabel("Choose a password").fill(password);
  await guest.getByRole("button", { name: "Create account and join" }).click();
  await guest.getByRole("heading", { level: 1 }).waitFor();
  await guest.context().close();
  const joined = await sent(world.api.GET("/v1/orgs/{org}/users", { params: { path: { org }, query: { q: "dee@many" } } }));
  expect(joined.items[0]).toMatchObject({ email_verified: false, given_name: "Dee" });
});

test("the inbox of development shows mails without a complaint of the browser", async () => {
  const tab = await open(browser);
  await tab.page.goto(world.dev.inbox_url);
  await tab.page.getByText("ann@many.example").first().waitFor();
  await tab.page.getByText("Show as HTML").first().click();
  await tab.page.locator("iframe").first().contentFrame().getByRole("link").first().waitFor();
  await tab.page.waitForLoadState("networkidle");
  expect(tab.faults).toEqual([]);
  await tab.context.close();
});
