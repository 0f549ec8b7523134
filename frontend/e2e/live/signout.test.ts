import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sent } from "../../api/index.ts";
import { accessibility, frontend, launch, open } from "../launch.js";
import { type World, settled, signIn, startWorld } from "./world.ts";

let browser: Browser;
let world: World;
let app: Server;
let home: string;
let told: string[] = [];

const library = readFileSync(resolve(frontend, "../docs/quickstarts/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"));

/** An app in the browser that watches its session with oidc-client-ts, as it comes from npm. */
const page = (client: string) => `<!doctype html><title>Watching</title><script src="/library.js"></script><script>
  const settings = { authority: ${JSON.stringify(world.dev.tenant_base)}, checkSessionIntervalInSeconds: 1, client_id: ${JSON.stringify(client)}, monitorSession: true,
    redirect_uri: location.origin + "/", scope: "openid", silent_redirect_uri: location.origin + "/silent", automaticSilentRenew: false };
  const manager = new oidc.UserManager(settings);
  if (location.pathname === "/silent") manager.signinSilentCallback();
  else {
    manager.events.addUserSignedOut(() => { document.title = "Signed out"; });
    if (location.search.includes("code=")) manager.signinCallback().then(() => { document.title = "Signed in"; }, (e) => { document.title = e.message; });
    else manager.signinRedirect();
  }
</script>`;

beforeAll(async () => {
  [browser, world] = await Promise.all([launch(), startWorld()]);
  let client = "";
  app = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? "/", home);
    if (pathname === "/library.js") return void response.setHeader("Content-Type", "text/javascript").end(library);
    response.setHeader("Content-Type", "text/html");
    if (pathname !== "/logout") return void response.end(page(client));
    told.push(search);
    response.end("<!doctype html><title>Bye</title>");
  }).listen(0, "127.0.0.1");
  await once(app, "listening");
  home = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  const path = { org: "root" };
  const made = await sent(world.api.POST("/v1/orgs/{org}/apps", { body: { name: "Watching", redirect_uris: [`${home}/`, `${home}/silent`], template: "spa" }, params: { path } }));
  client = made.client_id;
  await sent(world.api.PATCH("/v1/orgs/{org}/apps/{app}/oidc", { body: { frontchannel_logout_uri: `${home}/logout`, skip_consent: true }, params: { path: { app: made.id, ...path } } }));
});

afterAll(async () => {
  await browser?.close();
  app?.close();
  await world?.stop();
});

test("an app sees in its own page that the person signed out in another, and the browser tells it", async () => {
  const { context, page: watching } = await open(browser);
  await watching.goto(home);
  await signIn(watching, world.dev.admin_username, world.dev.admin_password);
  await watching.waitForFunction(() => document.title === "Signed in");

  const other = await context.newPage();
  await other.goto(world.dev.account_url);
  await settled(other);
  expect(await watching.title()).toBe("Signed in");
  await other.goto(`${world.dev.tenant_base}/login/logout`);
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByRole("heading", { name: "You are signed out" }).waitFor();
  expect(told).toHaveLength(1);
  const said = new URLSearchParams(told[0]);
  expect(said.get("iss")).toBe(world.dev.tenant_base);
  expect(said.get("sid")).toMatch(/^ses_/);
  await watching.waitForFunction(() => document.title === "Signed out");
});

test("a sign-out does not wait for an app that never answers", async () => {
  told = [];
  const { context, page: person } = await open(browser);
  await person.goto(home);
  await signIn(person, world.dev.admin_username, world.dev.admin_password);
  await person.waitForFunction(() => document.title === "Signed in");
  await context.route(`${home}/logout*`, () => {});
  await person.goto(`${world.dev.tenant_base}/login/logout`);
  await person.getByRole("button", { name: "Sign out" }).click();
  await person.getByRole("heading", { name: "Signing you out" }).waitFor();
  expect(await accessibility(person)).toEqual([]);
  const folder = process.env["SHOTS"];
  if (folder) await person.screenshot({ path: `${folder}/signing-out.png` });
  await person.getByRole("heading", { name: "You are signed out" }).waitFor();
  expect(told).toEqual([]);
});
