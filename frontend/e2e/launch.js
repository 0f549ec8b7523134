import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

export const frontend = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Screens that every page must work on. */
export const screens = {
  desktop: { height: 860, width: 1360 },
  phone: { height: 780, width: 390 },
};

/** Starts Chromium: CHROMIUM names the program, else Debian's place. */
export function launch() {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`No Chromium at ${executablePath}: install the package "chromium", or set CHROMIUM.`);
  return chromium.launch({ args: ["--no-sandbox", "--disable-background-networking", "--disable-quic"], executablePath });
}

/** Serves the built pages with the product's own handlers. Stop with `stop()`. */
export async function serve() {
  const child = spawn("go", ["run", "./e2e/serve"], { cwd: frontend, stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const first = await Promise.race([once(createInterface(child.stdout), "line"), exited.then(() => undefined)]);
  if (!first) throw new Error("The pages' server did not start.");
  return {
    origin: String(first[0]),
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

/**
 * Opens a tab that collects what must never happen: errors, and violations of the content security policy.
 * @param {import("playwright-core").Browser} browser
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: screens.desktop, ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  return { context, faults, page };
}

/**
 * Returns what axe finds wrong by WCAG 2.2 A and AA, one line a rule.
 * @param {import("playwright-core").Page} page
 */
export async function accessibility(page) {
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} ${n.failureSummary?.split("\n")[1]?.trim() ?? ""}`).join("; ")}`);
}
