import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { signIn } from "../live/world.ts";
import { World } from "./world.ts";

const password = "a quiet river at dawn";
const username = "mia@northwind.example";

let world: World;

beforeAll(async () => {
  world = await World.make();
});

afterEach(() => world?.endApps());
afterAll(() => world?.stop());

const action = (page: Page, name: string) => page.getByRole("button", { exact: true, name }).or(page.getByRole("link", { exact: true, name })).first();

/** Signs in at an app, reads the notes, and signs out. */
async function visit(page: Page, home: string, look: () => Promise<void> = async () => {}): Promise<void> {
  await page.goto(home);
  await action(page, "Sign in").click();
  await signIn(page, username, password);
  await page.getByRole("button", { name: "Allow access" }).click();
  await page.getByRole("heading", { name: "Hello, Mia Holm" }).waitFor();
  await page.getByText("You are mia@northwind.example, at Northwind.").waitFor();
  await page.getByText("Only northwind sees this note.").waitFor();
  expect(new URL(page.url()).search).toBe(""); // no code is left in the address
  await look();
  await action(page, "Sign out").click();
  await page.waitForURL(home);
  await action(page, "Sign in").click();
  await page.locator("#username").waitFor(); // Grove does not know him any more either
}

/** Follows a page, and then visits what it has made. */
async function quickstart(name: string, home: string, look?: (page: Page) => Promise<void>): Promise<void> {
  const { context, faults, page } = await world.window();
  try {
    await world.follow(world.steps(name));
    await visit(page, world.here(home), () => look?.(page) ?? Promise.resolve());
    expect(faults).toEqual([]);
  } catch (error) {
    throw new Error(`${String(error)}\n\nat ${page.url()}:\n${await page.locator("body").innerText().catch(String)}\n${faults.join("\n")}`, { cause: error });
  } finally {
    await context.close();
  }
}

/** What a page keeps where other scripts find it. */
const kept = (page: Page) => page.evaluate(() => JSON.stringify([{ ...window.localStorage }, { ...window.sessionStorage }, document.cookie]));

test("the React quickstart works as it stands", async () => {
  await quickstart("react", "http://localhost:5173/", async (page) => expect(await kept(page)).not.toContain("eyJ"));
});

test("the quickstart for JavaScript without a build works as it stands", async () => {
  await quickstart("javascript", "http://localhost:5173/", async (page) => expect(await kept(page)).not.toContain("eyJ"));
});

test("the Node.js quickstart works as it stands", async () => {
  await quickstart("nodejs", "http://localhost:3000/", async (page) => {
    const [cookie, ...more] = (await page.context().cookies(page.url())).filter((c) => c.name === "quickstart");
    expect([cookie?.httpOnly, cookie?.sameSite, more]).toEqual([true, "Lax", []]);
    // An answer that belongs to no question of this browser, or to another one.
    const at = (path: string) => new URL(path, page.url());
    const unasked = await fetch(at("/callback?code=x&state=y"), { redirect: "manual" });
    expect([unasked.status, unasked.headers.get("Location")]).toEqual([303, "/"]);
    const asked = await fetch(at("/login"), { redirect: "manual" });
    const headers = { Cookie: asked.headers.get("Set-Cookie")?.split(";")[0] ?? "" };
    expect((await fetch(at("/callback?code=x&state=y"), { headers, redirect: "manual" })).status).toBe(502);
    expect((await fetch(at("/notes"), { headers, redirect: "manual" })).headers.get("Location")).toBe("/login");
  });
});
