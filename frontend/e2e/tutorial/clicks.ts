import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { linkTo } from "../live/world.ts";
import { type World, text } from "./world.ts";

/** What a step leaves to see, and what the reader types into the shell after it. */
interface Seen {
  see?: string;
  type?: string[];
}

const password = "a quiet river at dawn";

/** Fills in the hosted pages' forms until they lead back, and returns what they said. */
async function signIn(page: Page, username: string, secret: string): Promise<string> {
  const seen = [];
  const name = page.locator("form #username:not(.unseen):not([tabindex='-1'])");
  await name.or(page.locator("#password")).first().waitFor(); // whichever page comes
  if (await name.isVisible()) {
    seen.push(await text(page));
    await name.fill(username);
    await page.getByRole("button", { name: "Continue" }).click();
  }
  await page.locator("#password").waitFor();
  seen.push(await text(page));
  await page.locator("#password").fill(secret);
  await page.getByRole("button", { exact: true, name: "Sign in" }).click();
  return seen.join("\n");
}

/** Accepts an invitation and returns where it leads. */
async function accept(page: Page, link: string, given: string, family: string): Promise<void> {
  await page.goto(link);
  await page.getByLabel("First name").fill(given);
  await page.getByLabel("Last name").fill(family);
  await page.locator("#password").fill(password);
  await page.getByRole("button", { name: "Create account and join" }).click();
}

/** Waits for a console page that shows all of some words, and returns it. */
async function settled(page: Page, ...words: string[]): Promise<string> {
  for (const word of words) await page.getByText(word, { exact: true }).filter({ visible: true }).first().waitFor();
  await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
  return text(page);
}

const menu = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { exact: true, name }).click();

const at = (w: World, path: string) => w.here(`http://127.0.0.1:8080/t/acme${path}`);

async function createOrganization(page: Page, name: string, handle: string): Promise<void> {
  await page.getByRole("button", { exact: true, name: "Create organization" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Handle").fill(handle);
  await dialog.getByRole("button", { name: "Create organization" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

async function invite(page: Page, email: string, role: string): Promise<string> {
  await menu(page, "Invitations");
  await page.getByRole("button", { name: "Invite someone" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Email" }).fill(email);
  await dialog.getByRole("textbox", { name: "Roles" }).or(dialog.getByRole("combobox", { name: "Roles" })).first().click();
  await page.getByRole("option", { name: role }).first().click();
  await page.keyboard.press("Escape");
  if (!(await dialog.isVisible())) throw new Error("closing the list of roles closed the dialog");
  await dialog.getByRole("button", { name: "Send invitation" }).click();
  await dialog.waitFor({ state: "detached" });
  return settled(page, email);
}

async function copyTokens(page: Page): Promise<Seen> {
  await page.getByText("The tokens themselves").click();
  return { type: [await page.locator("#raw-access-token").innerText(), await page.locator("#raw-refresh-token").innerText()] };
}

const sample = (w: World) => w.here("http://127.0.0.1:8090/");

/** The clicks of docs/tutorial.md by the names of their markers. */
export const clicks: Record<string, (w: World) => Promise<Seen>> = {
  "sign-in": async (w) => {
    const dev = JSON.parse(readFileSync(join(w.folder, "data/dev.json"), "utf8")) as { admin_password: string; admin_username: string };
    const page = await w.page("admin");
    await page.goto(at(w, "/console"));
    await page.locator("#username").waitFor();
    await signIn(page, dev.admin_username, dev.admin_password);
    return { see: await settled(page, "Contoso", "Northwind") };
  },

  "create-organization": async (w) => {
    const page = await w.page("admin");
    await createOrganization(page, "Fabrikam", "fabrikam");
    await createOrganization(page, "Fabrikam Americas", "fabrikam-americas");
    return { see: await settled(page, "No child organizations") };
  },

  search: async (w) => {
    const page = await w.page("admin");
    await page.goto(at(w, "/console"));
    await page.getByRole("heading", { level: 1, name: "Acme" }).waitFor();
    await menu(page, "Organizations");
    const search = page.getByLabel(/^Search/).first();
    await search.fill("fabrikam b");
    await page.getByRole("link", { name: "Fabrikam Brazil" }).waitFor();
    await search.fill("");
    for (const name of ["Fabrikam", "Fabrikam Americas"]) {
      const item = page.getByRole("treeitem", { exact: true, name });
      await item.waitFor();
      await item.focus();
      await page.keyboard.press("ArrowRight");
    }
    await page.getByRole("treeitem", { name: "Fabrikam Brazil" }).waitFor();
    return { see: await text(page) };
  },

  "share-selected": async (w) => {
    const page = await w.page("admin");
    await menu(page, "Apps");
    await page.getByRole("button", { name: "Register app" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Field Notes Preview");
    await dialog.getByText("SPA", { exact: true }).click();
    await dialog.getByLabel("Redirect URIs").fill(`${sample(w)}callback`);
    await dialog.getByRole("button", { name: "Register app" }).click();
    await page.getByRole("heading", { level: 1, name: "Field Notes Preview" }).waitFor();
    await page.getByRole("tab", { name: "Sharing" }).click();
    await page.getByRole("radio", { exact: true, name: "Chosen organizations" }).check();
    await page.getByRole("combobox", { name: "Organizations" }).or(page.getByRole("textbox", { name: "Organizations" })).first().fill("fabrikam");
    await page.getByRole("option", { name: /^Fabrikam · fabrikam(?!-)/ }).click();
    await page.getByRole("button", { name: "Save changes" }).click();
    return { see: await settled(page, "Sharing saved") };
  },

  apps: async (w) => {
    const page = await w.page("admin");
    await menu(page, "Apps");
    const seen = [await settled(page, "Field Notes", "Field Notes Preview")];
    await menu(page, "Roles");
    seen.push(await settled(page, "Note editor", "Note reader"));
    await menu(page, "API resources");
    seen.push(await settled(page, "Field Notes API"));
    await page.getByRole("link", { name: "Field Notes API" }).click();
    seen.push(await settled(page, "fieldnotes.read"));
    return { see: seen.join("\n") };
  },

  "invite-administrator": async (w) => {
    const page = await w.page("admin");
    await page.goto(at(w, "/console/orgs/fabrikam"));
    await page.getByRole("heading", { level: 1, name: "Fabrikam" }).waitFor();
    return { see: await invite(page, "frida@fabrikam.example", "Administrator") };
  },

  "accept-administrator": async (w) => {
    const page = await w.page("frida");
    await accept(page, await linkTo(w.here("http://127.0.0.1:8080/dev/inbox"), "frida@fabrikam.example"), "Frida", "Silva");
    return { see: await settled(page, "Fabrikam Americas") };
  },

  "invite-colleague": async (w) => {
    const page = await w.page("frida");
    const seen = await invite(page, "emil@fabrikam.example", "Note reader");
    await menu(page, "Overview");
    await createOrganization(page, "Fabrikam Chile", "fabrikam-chile");
    return { see: `${seen}\n${await settled(page, "fabrikam-chile")}` };
  },

  boundaries: async (w) => {
    const page = await w.page("frida");
    await page.goto(at(w, "/console/orgs/contoso"));
    return { see: await settled(page, "This organization is not open to you") };
  },

  "accept-colleagues": async (w) => {
    const seen = [];
    for (const [person, given, family] of [["emil", "Emil", "Costa"], ["eva", "Eva", "Ruiz"]] as const) {
      const page = await w.page(person);
      await accept(page, await linkTo(w.here("http://127.0.0.1:8080/dev/inbox"), `${person}@fabrikam.example`), given, family);
      await page.waitForURL(/\/account/);
      seen.push(given, await settled(page, "Profile"));
    }
    return { see: seen.join("\n") };
  },

  "sign-in-by-domain": async (w) => {
    const page = await w.page("emil at the app");
    await page.goto(sample(w));
    await page.getByRole("link", { name: "Sign in" }).click();
    const pages = await signIn(page, "emil@fabrikam.example", password);
    await page.getByRole("button", { name: "Allow access" }).waitFor();
    return { see: `${pages}\n${await text(page)}` };
  },

  consent: async (w) => {
    const page = await w.page("emil at the app");
    await page.getByRole("button", { name: "Allow access" }).click();
    await page.locator("#access-token").waitFor();
    return { see: await text(page) };
  },

  "sign-in-by-org": async (w) => {
    const page = await w.page("eva at the app");
    await page.goto(sample(w));
    await page.getByLabel("Your organization").fill("fabrikam");
    await page.getByRole("button", { name: "Go" }).click();
    const pages = await signIn(page, "eva@fabrikam.example", password);
    await page.getByRole("button", { name: "Allow access" }).click();
    await page.locator("#access-token").waitFor();
    return { see: `${pages}\n${await text(page)}` };
  },

  "copy-tokens": async (w) => copyTokens(await w.page("emil at the app")),

  "switch-app": async (w) => {
    const page = await w.page("emil at the app");
    await page.getByLabel("Organization").fill("contoso");
    await page.getByRole("button", { name: "Switch" }).click();
    await page.getByText('"org_handle": "contoso"').waitFor();
    return { see: await page.locator("#access-token").innerText() + (await text(page)).replace(/^.*#access-token/s, "") };
  },

  "switch-account": async (w) => {
    const page = await w.page("emil");
    await page.goto(at(w, "/account/organizations"));
    await page.getByRole("row", { name: /Contoso/ }).getByRole("button", { name: "Switch" }).click();
    const row = page.getByRole("row", { name: /Contoso.*Current/ });
    await row.waitFor();
    return { see: await row.innerText() };
  },

  "remove-person": async (w) => {
    const page = await w.page("frida");
    await page.goto(at(w, "/console/orgs/fabrikam/members"));
    await page.getByRole("link", { name: "Emil Costa" }).click();
    await page.getByRole("heading", { level: 1, name: "Emil Costa" }).waitFor();
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Remove from the organization" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove from the organization" }).click();
    await page.getByRole("link", { name: "Emil Costa" }).waitFor({ state: "detached" });
    return { see: await settled(page, "Frida Silva") };
  },

  "removed-person": async (w) => {
    const page = await w.page("emil at the app");
    await page.goto(sample(w));
    await page.getByRole("button", { name: "Refresh" }).click();
    const seen = [await page.locator("#error").innerText()];
    await page.goto(`${sample(w)}login`);
    seen.push(await signIn(page, "emil@fabrikam.example", password));
    await page.getByRole("alert").waitFor();
    seen.push(await text(page));
    return { see: seen.join("\n") };
  },

  "copy-eva": async (w) => copyTokens(await w.page("eva at the app")),

  suspend: async (w) => {
    const page = await w.page("admin");
    await page.goto(at(w, "/console/orgs/fabrikam"));
    await page.getByRole("heading", { level: 1, name: "Fabrikam" }).waitFor();
    await menu(page, "Settings");
    await page.getByRole("button", { name: "Suspend organization" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Suspend organization" }).click();
    await page.getByText(/This organization is suspended\./).waitFor();
    return { see: await text(page) };
  },

  "suspended-person": async (w) => {
    const frida = await w.page("frida");
    await menu(frida, "Groups");
    await frida.getByText("Your session has ended").waitFor();
    const eva = await w.page("eva at the app");
    await eva.goto(`${sample(w)}login`);
    await signIn(eva, "eva@fabrikam.example", password);
    await eva.getByText("is suspended").first().waitFor();
    return { see: `${await text(frida)}\n${await text(eva)}` };
  },

  "resumed-person": async (w) => {
    const page = await w.page("eva at the app");
    await page.goto(`${sample(w)}login?org=fabrikam`);
    if (!(await page.locator("#access-token").isVisible())) await signIn(page, "eva@fabrikam.example", password);
    await page.locator("#access-token").waitFor();
    return { see: await text(page) };
  },

  events: async (w) => {
    const page = await w.page("frida");
    await page.goto(at(w, "/console/orgs/fabrikam/events"));
    await page.locator("#username").waitFor();
    await signIn(page, "frida@fabrikam.example", password);
    return { see: await settled(page, "org.resumed", "org.suspended", "user.deleted", "Emil Costa (removed)") };
  },
};
