import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { frontend, launch, open } from "../launch.js";
import { freePort } from "../live/world.ts";
import { Shell } from "./shell.ts";

const repository = resolve(frontend, "..");

/** The machine that the tutorial is followed on: its addresses and folders stand in the place of the documented ones. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "grove-tutorial-"));
  readonly shell = new Shell(repository);
  readonly #pages = new Map<string, Awaited<ReturnType<typeof open>>>();
  readonly #replacements: [string, string][];
  #browser: Browser | undefined;
  #grove: ChildProcess | undefined;
  #log = "";

  private constructor(ports: [number, number, number]) {
    this.#replacements = [
      ["127.0.0.1:8080", `127.0.0.1:${ports[0]}`],
      ["127.0.0.1:8090", `127.0.0.1:${ports[1]}`],
      ["127.0.0.1:8091", `127.0.0.1:${ports[2]}`],
      [".grove", join(this.folder, "data")],
      ["go run ./docs/sample/api", `ADDR=127.0.0.1:${ports[2]} ${this.folder}/api`],
      ["go run ./docs/sample/app", `ADDR=127.0.0.1:${ports[1]} API=http://127.0.0.1:${ports[2]} ${this.folder}/app`],
    ];
  }

  static async make(): Promise<World> {
    const w = new World([await freePort(), await freePort(), await freePort()]);
    chmodSync(w.folder, 0o711); // root's database runs as another user, who has to get to its folder
    // TUTORIAL_BINARY tests a binary that is built already.
    w.#replacements.push(...(process.env["TUTORIAL_BINARY"] ? ([["make build", "true"], ["bin/grove", process.env["TUTORIAL_BINARY"]]] as [string, string][]) : []));
    for (const sample of ["api", "app"]) execFileSync("go", ["build", "-o", join(w.folder, sample), `./docs/sample/${sample}`], { cwd: repository });
    w.#browser = await launch();
    return w;
  }

  /** Puts this machine's addresses and folders into a text of the page. */
  here(text: string): string {
    return this.#replacements.reduce((t, [documented, real]) => t.replaceAll(documented, real), text);
  }

  /** Runs a block that stays in the foreground, such as the server's, and returns what it prints until it is ready. */
  async start(script: string): Promise<string> {
    // exec leaves the last command with the pid that is killed in the end.
    const lines = this.here(script).trim().split("\n");
    const last = lines.pop() ?? "";
    const child = spawn("bash", ["--noprofile", "--norc", "-ec", [...lines, `exec ${last}`].join("\n")], { cwd: repository, stdio: ["ignore", "pipe", "pipe"] });
    this.#grove = child;
    const ready = new Promise<void>((done, fail) => {
      const keep = (chunk: Buffer) => {
        this.#log += String(chunk);
        if (this.#log.includes("msg=ready")) done();
      };
      child.stdout.on("data", keep);
      child.stderr.on("data", keep);
      child.once("exit", (code) => fail(new Error(`it ended with ${code}:\n${this.#log}`)));
    });
    await ready;
    return this.#log;
  }

  /** The window of somebody, who has cookies of their own. */
  async page(person: string): Promise<Page> {
    let tab = this.#pages.get(person);
    if (!tab) {
      if (!this.#browser) throw new Error("no browser");
      tab = await open(this.#browser);
      this.#pages.set(person, tab);
    }
    return tab.page;
  }

  /** What must never have happened in any window: script errors, violations of the content security policy. */
  faults(): string[] {
    return [...this.#pages.values()].flatMap((tab) => tab.faults.splice(0));
  }

  /** What somebody looks at, for the report of a failure. */
  async scene(): Promise<string> {
    const parts = [];
    for (const [person, { page }] of this.#pages) parts.push(`${person} at ${page.url()}:\n${await text(page).catch(String)}`);
    return parts.join("\n\n").slice(0, 6000);
  }

  get log(): string {
    return this.#log;
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await this.shell.stop();
    const grove = this.#grove;
    if (grove && grove.exitCode === null) {
      const exited = once(grove, "exit");
      grove.kill("SIGTERM");
      await exited;
    }
    rmSync(this.folder, { force: true, recursive: true });
  }
}

/** What a page says. */
export async function text(page: Page): Promise<string> {
  const body = page.locator("body");
  const fields = await page.locator("input:visible").evaluateAll((all) => all.map((i) => (i as HTMLInputElement).value).join(" "));
  return `${await body.innerText()}\n${fields}`;
}
