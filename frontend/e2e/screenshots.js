// Renders pages in light, dark and on a phone into e2e/out, to be looked at: `npm run screenshots [part of a name …]`.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { frontend, launch, open, screens, serve } from "./launch.js";
import { mock } from "./mock.js";

const wanted = process.argv.slice(2);
const chosen = (/** @type {string} */ name) => wanted.length === 0 || wanted.some((w) => name.includes(w));
const out = resolve(frontend, "e2e/out");
const previews = resolve(out, "login");
mkdirSync(previews, { recursive: true });

const looks = /** @type {const} */ ([
  { colorScheme: "light", name: "light", viewport: screens.desktop },
  { colorScheme: "dark", name: "dark", viewport: screens.desktop },
  { colorScheme: "light", name: "phone", viewport: screens.phone },
]);

/** @type {Record<string, { path: string, act?: (page: import("playwright-core").Page) => Promise<unknown> }>} */
const pages = {
  "account-apps": { path: "/account/apps" },
  "account-profile": { path: "/account" },
  "account-security": { path: "/account/security" },
  "console-apps": { path: "/console/orgs/org_root/apps" },
  "console-event": { act: (page) => page.getByRole("button", { name: "role.assigned" }).click(), path: "/console/orgs/org_root/events" },
  "console-groups": { path: "/console/orgs/org_root/groups" },
  "console-invitations": { path: "/console/orgs/org_root/invitations" },
  "console-invite": { act: (page) => page.getByRole("button", { name: "Invite someone" }).click(), path: "/console/orgs/org_root/invitations" },
  "console-overview": { path: "/console/orgs/org_iberia" },
  "console-settings": { path: "/console/orgs/org_root/settings" },
  "console-switcher": { act: (page) => page.getByRole("button", { name: /Switch/ }).click(), path: "/console/orgs/org_root" },
  "console-tree": {
    act: async (page) => {
      await page.getByRole("treeitem", { name: "Northwind Iberia" }).focus();
      await page.keyboard.press("ArrowRight");
      await page.getByRole("treeitem", { name: "Porto Depot" }).waitFor();
    },
    path: "/console/orgs/org_root/organizations",
  },
  "console-user": { path: "/console/orgs/org_root/users/usr_1" },
  "console-users": { path: "/console/orgs/org_root/users" },
};

execFileSync("go", ["test", "-count=1", "-run", "TestEveryPageInEveryLocale", "./login"], { cwd: frontend, env: { ...process.env, GROVE_LOGIN_PREVIEW: previews } });
const server = await serve();
const browser = await launch();
try {
  for (const look of looks) {
    const { context, faults, page } = await open(browser, look);
    const { issuer } = await mock(page, server.origin);
    for (const [name, { act, path }] of Object.entries(pages).filter(([n]) => chosen(n))) {
      await page.goto(issuer + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle");
      await act?.(page);
      await page.waitForTimeout(250);
      await page.screenshot({ path: resolve(out, `${name}.${look.name}.png`) });
    }
    for (const file of readdirSync(previews).filter((f) => /\.(ar|en|ja)\.html$/.test(f) && chosen(`login-${f}`))) {
      await page.goto(`file://${resolve(previews, file)}`);
      await page.screenshot({ path: resolve(out, `login-${file.replace(".html", "")}.${look.name}.png`) });
    }
    for (const fault of faults) console.error(`${look.name}: ${fault}`);
    await context.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
console.log(`See ${out}`);
