import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { signIn } from "../live/world.ts";
import type { Step } from "./page.ts";
import { World, quickstarts } from "./world.ts";

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
  expect(page.url()).not.toContain("code="); // it is good once, and logs keep addresses
  await look();
  await action(page, "Sign out").click();
  await page.waitForURL(home);
  await action(page, "Sign in").click();
  await page.locator("#username").waitFor(); // Grove does not know him any more either
}

/** Follows a page, and then visits what it has made. */
const quickstart = (name: string, home: string, look?: (page: Page) => Promise<void>) =>
  world.inWindow(async (page) => {
    await world.follow(world.steps(name));
    await visit(page, world.here(home), () => look?.(page) ?? Promise.resolve());
  });

/** Goes through the hosted pages, those of them that come, until something of the app is there. */
async function arrive(page: Page, there: Locator): Promise<void> {
  const allow = page.getByRole("button", { name: "Allow access" });
  const name = page.locator("#username:not(.unseen):not([tabindex='-1'])");
  for (;;) {
    await allow.or(name).or(there).first().waitFor();
    if (await there.isVisible()) return;
    const asked = (await allow.isVisible()) ? allow : page.locator("#password");
    if (asked === allow) await allow.click();
    else await signIn(page, username, password);
    await asked.waitFor({ state: "detached" });
  }
}

/**
 * Follows a guide chapter by chapter, each of which ends in something that is built, and looks at what there is after those that are
 * named by their numbers.
 */
const guide = (name: string, looks: Record<number, (page: Page) => Promise<void>>) =>
  world.inWindow(async (page) => {
    const chapters: Step[][] = [];
    for (const step of world.steps(name)) {
      if (step.kind === "chapter") chapters.push([]);
      chapters.at(-1)?.push(step);
    }
    expect(chapters.length).toBe(9);
    for (const [i, steps] of chapters.entries()) {
      await page.goto("about:blank"); // nobody looks while a chapter is half written
      await world.follow(steps);
      await looks[i + 1]?.(page);
    }
  });

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

/** What a guide's app shows after its chapters; both guides build the same. */
function looks(home: string): Record<number, (page: Page) => Promise<void>> {
  const hello = (page: Page) => page.getByRole("heading", { name: "Hello, Mia Holm" });
  const memo = (page: Page) => page.getByText("Only northwind sees this note.").waitFor();
  const signOut = async (page: Page) => {
    await action(page, "Sign out").click();
    await action(page, "Sign in").waitFor();
  };
  return {
    2: async (page) => {
      await page.goto(home);
      await page.getByRole("heading", { name: "Memos" }).waitFor();
    },
    4: async (page) => {
      await page.goto(home);
      await action(page, "Sign in").click();
      await arrive(page, action(page, "Sign out"));
      await signOut(page);
    },
    5: async (page) => {
      await page.goto(home);
      await action(page, "Sign in").click();
      await arrive(page, page.getByText("You are mia@northwind.example, at Northwind."));
      await signOut(page);
    },
    6: async (page) => {
      await page.goto(home);
      await page.getByText("Everybody sees this.").waitFor();
      await page.goto(`${home}profile`);
      await arrive(page, hello(page));
      expect(page.url()).toBe(`${home}profile`);
    },
    7: async (page) => {
      const given: string[] = [];
      page.on("request", (r) => r.headers()["authorization"] && given.push(new URL(r.url()).host));
      await page.goto(`${home}memos`); // a reload: back without a password
      await memo(page);
      expect(new Set(given)).toEqual(new Set([world.here("127.0.0.1:8091")])); // the token goes to the API alone
      expect(await kept(page)).not.toContain("eyJ");
    },
    8: async (page) => {
      await page.goto(`${home}profile`);
      await arrive(page, hello(page));
      const [asked] = await Promise.all([page.waitForRequest(/\/oauth2\/token$/), action(page, "Renew").click()]);
      expect(asked.postData()).toContain("grant_type=refresh_token");
      await page.getByText("Your access was renewed.").waitFor();
      await action(page, "Memos").click();
      await memo(page);
      await signOut(page);
      await page.goto(`${home}profile`);
      await page.locator("#username").waitFor();
    },
  };
}

test("the React guide works chapter by chapter", async () => {
  await guide("react-guide", looks(world.here("http://localhost:5173/")));
});

test("the Next.js quickstart works as it stands", async () => {
  await quickstart("nextjs", "http://localhost:3000/", async (page) => {
    const own = (await page.context().cookies(page.url())).filter((c) => c.name.includes("session-token"));
    expect(own.map((c) => [c.httpOnly, c.sameSite, c.value.split(".")[0]])).toEqual(own.map(() => [true, "Lax", own[0]?.value.split(".")[0]]));
    expect(own.length).toBeGreaterThan(0);
    expect(await page.content()).not.toContain(".eyJ"); // no token goes to the browser
  });
});

test("the Spring Boot quickstart works as it stands", async ({ skip }) => {
  const parts = join(homedir(), ".m2/repository/org/springframework/boot/spring-boot/4.0.7");
  skip(!process.env["QUICKSTARTS"] && !existsSync(parts), "Spring Boot is not there: QUICKSTARTS=all has Maven fetch it");
  await quickstart("spring-boot", "http://localhost:8090/");
});

const angular = existsSync(join(quickstarts, "angular/node_modules"));
const noAngular = "Angular is not there: QUICKSTARTS=all scripts/setup --test installs it";

test("the Angular quickstart works as it stands", async ({ skip }) => {
  skip(!angular, noAngular);
  await quickstart("angular", "http://localhost:4200/", async (page) => expect(await kept(page)).not.toContain("eyJ"));
});

test("the Angular guide works chapter by chapter", async ({ skip }) => {
  skip(!angular, noAngular);
  await guide("angular-guide", looks(world.here("http://localhost:4200/")));
}, 900_000);
