import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibility, frontend, launch, open, screens, serve } from "./launch.js";
import { mock } from "./mock.js";

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs a test in a tab of its own, signed in, and fails it on any error or policy violation. */
async function visit(
  path: string,
  run: (tab: { page: Awaited<ReturnType<typeof open>>["page"]; calls: Awaited<ReturnType<typeof mock>>["calls"] }) => Promise<void>,
  options: BrowserContextOptions & Parameters<typeof mock>[2] = {},
) {
  const { fail, ...context } = options;
  const tab = await open(browser, context);
  try {
    const { calls, issuer } = await mock(tab.page, server.origin, { fail });
    await tab.page.goto(issuer + path);
    await tab.page.getByRole("heading", { level: 1 }).waitFor();
    await run({ calls, page: tab.page });
    expect(tab.faults).toEqual([]);
  } finally {
    await tab.context.close();
  }
}

const everyPage = [
  "/account", "/account/apps", "/account/organizations", "/account/security", "/console/orgs/org_iberia", "/console/orgs/org_root/api-resources", "/console/orgs/org_root/apps",
  "/console/orgs/org_root/apps/app_fleet", "/console/orgs/org_root/events", "/console/orgs/org_root/groups", "/console/orgs/org_root/invitations",
  "/console/orgs/org_root/organizations", "/console/orgs/org_root/roles", "/console/orgs/org_root/roles/rol_admin", "/console/orgs/org_root/settings", "/console/orgs/org_root/settings/sign_in",
  "/console/orgs/org_root/users", "/console/orgs/org_root/users/usr_1",
];

describe.each([
  { colorScheme: "light", name: "light", viewport: screens.desktop },
  { colorScheme: "dark", name: "dark", viewport: screens.desktop },
  { colorScheme: "light", name: "phone", viewport: screens.phone },
] as const)("in $name", ({ colorScheme, viewport }) => {
  let tab: Awaited<ReturnType<typeof open>>;
  let issuer: string;

  beforeAll(async () => {
    tab = await open(browser, { colorScheme, viewport });
    ({ issuer } = await mock(tab.page, server.origin));
  });

  afterAll(() => tab.context.close());

  test.each(everyPage)("%s fits and, at full width, is accessible", async (path) => {
    const { faults, page } = tab;
    await page.goto(issuer + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
    if (viewport === screens.desktop) expect(await accessibility(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    expect(faults).toEqual([]);
  });
});

test("the console opens on the person's own organization, with a token in memory only", async () => {
  await visit("/console", async ({ calls, page }) => {
    await page.waitForURL(/\/t\/northwind\/console\/orgs\/org_root$/);
    expect(calls.find((c) => c.path.startsWith("/orgs"))?.headers["authorization"]).toBe("Bearer access");
    const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    expect(stored).not.toMatch(/access|refresh|verifier/);
  });
});

test("a reload comes back to the same page", async () => {
  await visit("/console/orgs/org_root/users?x=1", async ({ page }) => {
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
    expect(page.url()).toMatch(/\/users\?x=1$/);
  });
});

test("a field's problem lands beside the field, and the rest above the form", async () => {
  const problem = { code: "org.invite.duplicate", errors: [{ code: "x", detail: "Already invited.", pointer: "/email" }], request_id: "req_9", status: 409, title: "Already invited" };
  await visit("/console/orgs/org_root/invitations", async ({ calls, page }) => {
    await page.getByRole("button", { name: "Invite someone" }).click();
    const email = page.getByRole("textbox", { name: "Email" });
    await email.fill("guest@partner.example");
    await page.getByRole("button", { name: "Send invitation" }).click();
    await page.getByText("Already invited.").waitFor();
    expect(await email.getAttribute("aria-invalid")).toBe("true");
    expect(await accessibility(page)).toEqual([]);
    const sent = calls.find((c) => c.method === "POST" && c.path.endsWith("/invitations"));
    expect(JSON.parse(sent?.body ?? "")).toEqual({ delivery: "email", email: "guest@partner.example", expires_in_minutes: 0, groups: [], locale: "en", roles: [] });
    expect(sent?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
  }, { fail: (method, path) => (method === "POST" && path.endsWith("/invitations") ? { body: problem, status: 409 } : undefined) });
});

test("whoever did too much is told of what, and the way out", async () => {
  const problem = { code: "org.invite.too_many", detail: "This address was sent five mails within an hour.", request_id: "req_8", status: 429, title: "Too many invitations to this address" };
  await visit("/console/orgs/org_root/invitations", async ({ page }) => {
    await page.getByRole("row", { name: /guest1@/ }).getByRole("button", { name: "Send the invitation of guest1@partner.example again" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Send again" }).click();
    await page.getByText(problem.detail).waitFor();
    await page.getByText(problem.title).waitFor();
  }, { fail: (method, path) => (method === "POST" && path.endsWith(":resend") ? { body: problem, status: 429 } : undefined) });
});

test("what an app was allowed is told apart by organization", async () => {
  await visit("/account/apps", async ({ page }) => {
    for (const name of ["Northwind Iberia", "Northwind Nordics"]) {
      const row = page.getByRole("row").filter({ hasText: `In ${name}` });
      await row.getByRole("button", { name: `Withdraw what Fleet Planner may do in ${name}` }).click();
      await page.getByRole("dialog", { name: `Withdraw what Fleet Planner may do in ${name}` }).getByRole("button", { name: "Cancel" }).click();
    }
  });
});

test("a secret is shown once and only leaves by decision", async () => {
  await visit("/console/orgs/org_root/apps", async ({ page }) => {
    await page.getByRole("button", { name: "Register app" }).click();
    await page.getByRole("textbox", { exact: true, name: "Name" }).fill("Sample");
    await page.getByRole("dialog").getByRole("button", { name: "Register app" }).click();
    await page.getByText("gcs_2Xo9…example").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.getByText("gcs_2Xo9…example").isVisible()).toBe(true);
    await page.getByRole("button", { name: "I have saved them" }).click();
    await page.getByText("gcs_2Xo9…example").waitFor({ state: "detached" });
  });
});

test("the tree opens, walks and follows by keyboard alone", async () => {
  await visit("/console/orgs/org_root/organizations", async ({ page }) => {
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    await page.getByRole("treeitem", { name: "Northwind Iberia" }).waitFor();
    await page.getByRole("treeitem", { name: "Northwind Logistics" }).focus();
    await page.keyboard.press("ArrowDown");
    await expect.poll(focused).toBe("Northwind Iberia");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("treeitem", { name: "Lisbon Terminal" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await expect.poll(focused).toBe("Lisbon Terminal");
    await page.keyboard.press("ArrowLeft");
    await expect.poll(focused).toBe("Northwind Iberia");
    // Letters go to what begins with them, and what loads more stands in the row.
    await page.keyboard.press("n");
    await expect.poll(focused).toBe("Northwind Nordics");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("treeitem", { name: "Malmö Hub" }).waitFor();
    await page.keyboard.type("mal");
    await expect.poll(focused).toBe("Malmö Hub");
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe("Load more");
    await page.keyboard.press("Enter");
    await page.getByRole("treeitem", { name: "Turku Hub" }).waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Turku Hub");
    await page.keyboard.press("ArrowDown");
    await expect.poll(focused).toBe("Harbor Freight Partners");
    await page.keyboard.press("Home");
    await page.keyboard.press("End");
    await expect.poll(focused).toBe("Harbor Freight Partners");
    await page.keyboard.press("Enter");
    await page.waitForURL(/orgs\/org_harbor$/);
    await page.getByText("This organization is suspended.").waitFor();
  });
});

test("pages go forward and back by cursor", async () => {
  await visit("/console/orgs/org_root/users", async ({ page }) => {
    await page.getByRole("button", { name: "Next page" }).click();
    await page.getByText("Wei Zhang").waitFor();
    expect(await page.getByRole("button", { name: "Next page" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Previous page" }).click();
    await page.getByText("Ada Lindqvist").waitFor();
  });
});

test("switching takes a token for the other organization and goes there", async () => {
  await visit("/console/orgs/org_root", async ({ calls, page }) => {
    await page.getByRole("button", { name: /Switch/ }).click();
    await page.getByRole("option", { name: /Northwind Nordics/ }).click();
    await page.waitForURL(/orgs\/org_nordics$/);
    const form = new URLSearchParams(calls.filter((c) => c.path === "/oauth2/token").at(-1)?.body ?? "");
    expect(Object.fromEntries(form)).toMatchObject({ grant_type: "organization_switch", switching_organization: "org_nordics", token: "access" });
  });
});

test("only what changed is sent, and a setting can be inherited again", async () => {
  await visit("/console/orgs/org_root/settings/sign_in", async ({ calls, page }) => {
    await page.getByText("Set here").waitFor();
    await page.getByRole("button", { name: "Inherit again" }).click();
    await page.getByRole("checkbox", { name: "remember_me" }).uncheck();
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    expect(JSON.parse(calls.find((c) => c.method === "PATCH")?.body ?? "")).toEqual({ remember_me: false, session_hours: null });
  });
});

test("a change carries the version it was made from", async () => {
  await visit("/console/orgs/org_root/settings", async ({ calls, page }) => {
    await page.getByRole("textbox", { name: "Name" }).fill("Northwind Group");
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    expect(calls.find((c) => c.method === "PATCH")?.headers).toMatchObject({ "content-type": "application/merge-patch+json", "if-match": '"1"' });
  });
});

test("the hosted pages are accessible in both schemes and directions", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grove-login-"));
  try {
    execFileSync("go", ["test", "-count=1", "-run", "TestEveryPageInEveryLocale", "./login"], { cwd: frontend, env: { ...process.env, GROVE_LOGIN_PREVIEW: folder } });
    for (const [colorScheme, language] of [["light", "en"], ["dark", "ar"]] as const) {
      const { context, page } = await open(browser, { colorScheme, viewport: screens.phone });
      for (const file of readdirSync(folder).filter((f) => f.endsWith(`.${language}.html`))) {
        await page.goto(`file://${join(folder, file)}`);
        expect([file, await accessibility(page)]).toEqual([file, []]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
      }
      await context.close();
    }
  } finally {
    rmSync(folder, { force: true, recursive: true });
  }
});
