import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { createGrove, type GroveClient } from "../../api/index.ts";
import { frontend } from "../launch.js";

/** What `grove dev` writes down for tools. */
export interface Dev {
  account_url: string;
  admin_password: string;
  admin_username: string;
  client_id: string;
  client_secret: string;
  console_url: string;
  inbox_url: string;
  root_org_id: string;
  tenant_base: string;
}

/** A running product of this test's own, and the API as its management client sees it. */
export interface World {
  api: GroveClient;
  dev: Dev;
  /** Its data. */
  folder: string;
  stop: () => Promise<void>;
}

/** A port that nobody listens on at the moment, and that no connection is given meanwhile: it is below those that Linux hands out. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, "127.0.0.1");
    const free = await once(server, "listening").then(() => true, () => false);
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Starts `grove dev` with a data folder that goes with it. GROVE names another program than bin/grove. */
export async function startWorld(): Promise<World> {
  const program = process.env["GROVE"] ?? resolve(frontend, "../bin/grove");
  if (!existsSync(program)) throw new Error(`No ${program}: run make build first.`);
  const folder = mkdtempSync(join(tmpdir(), "grove-live-"));
  chmodSync(folder, 0o755); // as root, PostgreSQL runs as another user, who passes through here
  const child = spawn(program, ["dev", "--addr", `127.0.0.1:${await freePort()}`, "--data", folder], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let output = "";
  const ready = new Promise<void>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes("Grove is ready")) done();
      });
    }
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
    rmSync(folder, { force: true, recursive: true });
  };
  if ((await Promise.race([ready.then(() => "ready"), exited.then(() => "gone")])) === "gone") {
    rmSync(folder, { force: true, recursive: true });
    throw new Error(`grove dev ended early:\n${output}`);
  }
  const dev = JSON.parse(readFileSync(join(folder, "dev.json"), "utf8")) as Dev;
  return { api: management(dev), dev, folder, stop };
}

/** A client with the scopes of the seeded management client (RFC 6749, section 4.4). */
function management(dev: Dev): GroveClient {
  let token: Promise<string> | undefined;
  const take = async () => {
    const response = await fetch(`${dev.tenant_base}/oauth2/token`, {
      body: new URLSearchParams({ grant_type: "client_credentials", scope: "grove" }),
      headers: { Authorization: `Basic ${btoa(`${dev.client_id}:${dev.client_secret}`)}` },
      method: "POST",
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  return createGrove({
    accessToken: (renew) => {
      if (renew) token = undefined;
      return (token ??= take());
    },
    baseUrl: dev.tenant_base,
  });
}

/** Fills in the hosted pages until they lead back. */
export async function signIn(page: Page, username: string, password: string): Promise<void> {
  await page.locator("#username").fill(username);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("#password").fill(password);
  await page.getByRole("button", { exact: true, name: "Sign in" }).click();
}

/** Waits until a page of the console or the portal shows its data. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  const quiet = () => page.waitForFunction(() => document.querySelector("[aria-busy=true], [role=status]") === null);
  await quiet();
  await page.waitForLoadState("networkidle");
  await quiet(); // what was asked for with what came first
}

/** The newest link that was mailed to somebody. A job sends the mail: it is waited for. */
export async function linkTo(inbox: string, email: string): Promise<string> {
  for (const until = Date.now() + 30_000; Date.now() < until; ) {
    const mails = (await (await fetch(`${inbox}.json`)).json()) as { links: string[]; to: string }[];
    const link = mails.find((m) => m.to === email)?.links[0];
    if (link) return link;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`No mail to ${email}.`);
}
