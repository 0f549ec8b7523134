import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { signIn } from "../live/world.ts";
import type { Step } from "../quickstarts/page.ts";
import { World, quickstarts, tools } from "../quickstarts/world.ts";

const password = "a quiet river at dawn";
const username = "mia@northwind.example";

let world: World;

beforeAll(async () => {
  world = await World.make();
});

afterEach(() => world?.endApps());
afterAll(() => world?.stop());

/** The steps of a chapter of docs/clients.md. */
function chapter(title: string): Step[] {
  const steps = world.steps("../clients");
  const from = steps.findIndex((s) => s.kind === "chapter" && s.title === title);
  if (from < 0) throw new Error(`there is no chapter ${title}`);
  const to = steps.findIndex((s, i) => i > from && s.kind === "chapter");
  return steps.slice(from, to < 0 ? undefined : to);
}

/** Signs Mia in at Grove's pages, and lets the app act for her. */
async function enter(page: Page): Promise<void> {
  await signIn(page, username, password);
  await page.getByRole("button", { name: "Allow access" }).click();
}

const link = (page: Page, name: string) => page.getByRole("link", { exact: true, name });

/** Visits an app that has links to sign in, renew and sign out. */
async function visit(page: Page, home: string, look: (token: "first" | "renewed") => Promise<void>): Promise<void> {
  await page.goto(home);
  await link(page, "Sign in").click();
  await enter(page);
  await page.getByRole("heading", { name: "Hello, Mia Holm" }).waitFor();
  await page.getByText("You are mia@northwind.example, at Northwind.").waitFor();
  await look("first");
  await link(page, "Renew").click();
  await look("renewed");
  await link(page, "Sign out").click();
  await page.waitForURL(home);
  await link(page, "Sign in").click();
  await page.locator("#username").waitFor(); // Grove does not know her any more either
}

test("the page names the versions that are tested", () => {
  const text = (path: string) => readFileSync(join(quickstarts, path), "utf8");
  const page = text("../clients.md");
  const npm = ["package.json", "angular/package.json"].flatMap((path) => Object.entries((JSON.parse(text(path)) as { dependencies: Record<string, string> }).dependencies));
  for (const [name, version] of npm) {
    const row = new RegExp(`^\\| (?:Auth\\.js \\()?${name}\\)? \\| (\\S+) \\|`, "m").exec(page);
    if (row) expect(`${name} ${row[1]}`).toBe(`${name} ${version}`);
  }
  const go = text("../../go.mod");
  const module = (path: string) => new RegExp(`${path} v(\\S+)`).exec(go)?.[1];
  expect(page).toContain(`| coreos/go-oidc, x/oauth2 | ${module("github.com/coreos/go-oidc/v3")}, ${module("golang.org/x/oauth2")} |`);
  for (const [name, version] of npm) if (/^(openid-client|oauth4webapi|next-auth)$/.test(name)) expect(page).toContain(`| ${version} |`);
});

test("oauth4webapi signs in with pushed requests and tokens that are bound to a key", () =>
  world.inWindow(async (page) => {
    await world.follow(chapter("oauth4webapi"));
    const bound = new Set<string>();
    await visit(page, world.here("http://localhost:3001/"), async (which) => {
      const said = await page.getByText(`The ${which} token is DPoP, active, and bound to`).innerText();
      bound.add(/bound to ([\w-]{43})\./.exec(said)?.[1] ?? said);
    });
    expect(bound.size).toBe(1);
  }));

test("Authlib signs in, refreshes and signs out", async ({ skip }) => {
  skip(!existsSync(join(tools, "venv/bin/flask")), "Authlib is not there: scripts/setup --test installs it where Python 3 has venv");
  await world.inWindow(async (page) => {
    await world.follow(chapter("Authlib"));
    await visit(page, world.here("http://localhost:5050/"), async (which) => {
      if (which === "renewed") await page.getByText("Your access was renewed.").waitFor();
    });
  });
});

test("oauth2-proxy signs in before an app, refreshes and signs out", async ({ skip }) => {
  skip(!existsSync(join(tools, "bin/oauth2-proxy")), "oauth2-proxy is not there: scripts/setup --test builds it where the Go module proxy has it");
  await world.inWindow(async (page) => {
    await world.follow([...chapter("An app behind a gateway"), ...chapter("oauth2-proxy")]);
    const home = world.here("http://localhost:4180/");
    await page.goto(home);
    await page.getByRole("button", { name: "Sign in" }).click();
    await enter(page);
    await page.getByText("You are mia@northwind.example.").waitFor();
    const token = page.locator("#token");
    const first = await token.innerText();
    await expect.poll(async () => (await page.reload(), token.innerText())).not.toBe(first);
    const out = (await world.run('echo "$ISSUER/oauth2/logout?client_id=$CLIENT_ID&post_logout_redirect_uri="', "the address")).trim() + home;
    await page.goto(`${home}oauth2/sign_out?rd=${encodeURIComponent(out)}`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(home);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("#username").waitFor();
  });
});

test("Apache mod_auth_openidc signs in before an app, refreshes, signs out, and hears of the end of the session", async ({ skip }) => {
  skip(!existsSync("/usr/lib/apache2/modules/mod_auth_openidc.so"), "mod_auth_openidc is not there: scripts/setup --test installs it where apt-get can");
  await world.inWindow(async (page) => {
    await world.follow([...chapter("An app behind a gateway"), ...chapter("Apache mod_auth_openidc")]);
    const home = world.here("http://localhost:8082/");
    const app = page.getByText("You are mia@northwind.example.");
    await page.goto(home);
    await enter(page);
    await app.waitFor();
    const told = async (query: string) => {
      const answer = await page.request.get(`${home}signed-in?info=json${query}`);
      return (await answer.json()) as { access_token: string; userinfo: { name: string; org_name: string } };
    };
    const first = await told("");
    expect([first.userinfo.name, first.userinfo.org_name]).toEqual(["Mia Holm", "Northwind"]);
    expect((await told("&access_token_refresh_interval=0")).access_token).not.toBe(first.access_token);
    await page.goto(`${home}signed-in?logout=${encodeURIComponent(home)}`);
    await signIn(page, username, password); // it is the app again, and Grove asks who it is
    await app.waitFor();
    await world.run(`api POST /orgs/northwind/sessions:end "{\\"user_id\\": \\"$(api GET '/orgs/northwind/users?q=mia' | jq -r '.items[0].id')\\"}"`, "ending her sessions");
    await expect.poll(async () => (await page.goto(home), page.url())).toContain("/login");
  });
});
