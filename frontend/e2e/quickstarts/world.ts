import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { frontend, launch, open } from "../launch.js";
import { freePort, startWorld, type World as Running } from "../live/world.ts";
import { broken } from "../tutorial/page.ts";
import { Shell } from "../tutorial/shell.ts";
import { type Step, parse } from "./page.ts";

const repository = resolve(frontend, "..");
export const quickstarts = join(repository, "docs/quickstarts");

/** What the set-up has put there for the test of docs/clients.md. */
export const tools = join(repository, ".tools");

/** The ports of the pages: of Grove, of the sample API, and of the apps. */
const documented = ["8080", "8091", "3000", "4200", "5173", "8090", "3001", "4180", "5050", "8082", "8083"];

/** The environment of a reader's terminal: without what the test's own runner has put there, of which frameworks take notice. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(BASE_URL|DEV|MODE|NODE_ENV|PROD|SSR|TEST|VITE.*)$/.test(name))),
  BROWSER: "none",
  CI: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  NG_CLI_ANALYTICS: "false",
  PATH: `${tools}/bin:${process.env["PATH"]}:/usr/sbin`,
};

/** The machine on which somebody follows the quickstarts. Its ports and folders stand in the place of the documented ones. */
export class World {
  /** Where the terminal is opened: below it the apps find what their pages would install. */
  readonly folder: string;
  /** What the app has printed that was started last. */
  log = "";
  readonly #browser: Browser;
  readonly #grove: Running;
  readonly #here: [from: string, to: string][];
  readonly #shell: Shell;
  readonly #started: ChildProcess[] = [];
  readonly #tools = mkdtempSync(join(tmpdir(), "grove-quickstarts-"));

  private constructor(browser: Browser, grove: Running, ports: number[]) {
    this.#browser = browser;
    this.#grove = grove;
    const addr = new URL(grove.dev.tenant_base).host;
    this.#here = [
      ["127.0.0.1:8080", addr],
      [".grove/", `${grove.folder}/`],
      ["go run ./docs/sample/api", `ADDR=127.0.0.1:${ports[1]} ${this.#tools}/api`],
      ["npm install", `node ${import.meta.dirname}/install.js`],
      ["python3 -m venv .venv", `ln -s ${tools}/venv .venv`], // which has what the page names, or pip fetches it
      ...documented.map((port, i): [string, string] => [port, String(ports[i])]),
    ];
    execFileSync("go", ["build", "-o", join(this.#tools, "api"), "./docs/sample/api"], { cwd: repository });
    mkdirSync(join(quickstarts, "out"), { recursive: true });
    this.folder = mkdtempSync(join(quickstarts, "out", "test-"));
    this.#shell = new Shell(this.folder, environment);
  }

  /** Starts Grove and does what the pages expect to be done. */
  static async make(): Promise<World> {
    if (!existsSync(join(quickstarts, "node_modules"))) throw new Error("What the quickstarts install is not there: run scripts/setup --test first.");
    const ports = await Promise.all(documented.map(freePort));
    const [browser, grove] = await Promise.all([launch(), startWorld()]);
    const world = new World(browser, grove, ports);
    await world.follow(world.steps("README"));
    return world;
  }

  /** The steps of a page of docs/quickstarts. */
  steps(name: string): Step[] {
    return parse(readFileSync(join(quickstarts, `${name}.md`), "utf8"));
  }

  /** Puts this machine's ports and folders into a text of a page. */
  here(text: string): string {
    return this.#here.reduce((t, [from, to]) => t.replaceAll(from, to), text);
  }

  /** Does what a page says, and compares what there is to see. */
  async follow(steps: Step[]): Promise<void> {
    for (const step of steps) {
      switch (step.kind) {
        case "file":
          await this.#write(step.path, this.here(step.text));
          break;
        case "run": {
          const output = await this.run(this.here(step.script), `line ${step.at}`);
          const missing = broken(step.expected.map((l) => this.here(l)), output);
          if (missing !== undefined) throw new Error(`line ${step.at}: the page promises ${JSON.stringify(missing)}; there is:\n${output}`);
          break;
        }
        case "start":
          await this.#start(this.here(step.script), this.here(step.url));
          break;
      }
    }
  }

  /** Types a script into the terminal. */
  async run(script: string, what: string): Promise<string> {
    const { output, status } = await this.#shell.run(script);
    if (status !== 0) throw new Error(`${what} ended with ${status}:\n${output}`);
    return output;
  }

  async #write(path: string, text: string): Promise<void> {
    const at = join((await this.run("pwd", "pwd")).trim(), path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
  }

  /** Starts what stays in the foreground of a terminal of its own, and waits until it answers. */
  async #start(script: string, url: string): Promise<void> {
    const cwd = (await this.run("pwd", "pwd")).trim();
    const child = spawn("bash", ["--noprofile", "--norc", "-ec", script], { cwd, detached: true, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    this.#started.push(child);
    this.log = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (this.log += String(chunk)));
    for (let i = 0; ; i++) {
      const answers = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(30_000) }).then((r) => r.status < 500, () => false);
      if (answers) return;
      if (child.exitCode !== null || i === 1500) throw new Error(`nothing answers at ${url}:\n${this.log}`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  /** Opens a window of somebody who has not been here yet. */
  async window(): Promise<{ context: { close: () => Promise<void> }; faults: string[]; page: Page }> {
    const tab = await open(this.#browser);
    tab.page.setDefaultTimeout(60_000); // servers of development build what is asked for
    return tab;
  }

  /** Does something in a window of its own, and tells of a failure what there was to see. */
  async inWindow(work: (page: Page) => Promise<void>): Promise<void> {
    const { context, faults, page } = await this.window();
    try {
      await work(page);
      expect(faults).toEqual([]);
    } catch (error) {
      throw new Error(`${String(error)}\n\nat ${page.url()}:\n${await page.locator("body").innerText().catch(String)}\n${faults.join("\n")}\n\nthe app:\n${this.log.slice(-4000)}`, { cause: error });
    } finally {
      await context.close();
    }
  }

  /** Ends the apps that were started, and goes back to where the terminal was opened. */
  async endApps(): Promise<void> {
    for (const child of this.#started.splice(0)) {
      if (child.exitCode !== null || child.pid === undefined) continue;
      const exited = once(child, "exit");
      process.kill(-child.pid, "SIGTERM"); // what npm started is in its process group
      await exited;
    }
    await this.run(`cd ${JSON.stringify(this.folder)}`, "cd");
  }

  async stop(): Promise<void> {
    await this.endApps();
    await this.#browser.close();
    await this.#shell.stop();
    await this.#grove.stop();
    rmSync(this.folder, { force: true, recursive: true });
    rmSync(this.#tools, { force: true, recursive: true });
  }
}
