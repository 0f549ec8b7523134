import { request as send } from "node:http";
import { expect, test } from "vitest";
import { Problem, clientCredentials, createGrove, every, sent } from "../src/index.ts";
import { ResourceServer, admit } from "../src/resource/index.ts";

/**
 * GROVE_BASE, GROVE_CLIENT_ID and GROVE_CLIENT_SECRET are those of a management client of a running Grove; GROVE_ADDR is where to connect
 * to, if the base's host is not.
 */
const baseUrl = process.env["GROVE_BASE"];
const addr = process.env["GROVE_ADDR"];

/** fetch, at GROVE_ADDR: the one of Node always connects to the address's host. */
async function fetchThere(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  if (!addr) return fetch(request);
  const url = new URL(request.url);
  const body = Buffer.from(await request.arrayBuffer());
  const [host, port] = addr.split(":");
  return new Promise((done, fail) => {
    const there = send({ headers: { ...Object.fromEntries(request.headers), "Content-Length": body.length, Host: url.host }, host, method: request.method, path: url.pathname + url.search, port });
    there.on("error", fail).on("response", (answer) => {
      const chunks: Buffer[] = [];
      answer.on("error", fail).on("data", (c: Buffer) => chunks.push(c)).on("end", () => {
        const headers = Object.entries(answer.headersDistinct).flatMap(([name, values]) => (values ?? []).map((v): [string, string] => [name, v]));
        const empty = [204, 304].includes(answer.statusCode ?? 0);
        done(new Response(empty ? null : Buffer.concat(chunks), { headers, status: answer.statusCode ?? 0 }));
      });
    });
    there.end(body);
  });
}

const live = test.skipIf(!baseUrl); // go test ./cmd/grove/sdks runs these against a program of its own

const credentials = (clientId: string, clientSecret: string, more: { resources?: string[]; scopes?: string[] } = {}) =>
  clientCredentials({ baseUrl: baseUrl ?? "", clientId, clientSecret, fetch: fetchThere, ...more });
const own = () => credentials(process.env["GROVE_CLIENT_ID"] ?? "", process.env["GROVE_CLIENT_SECRET"] ?? "", { scopes: ["grove"] });
const client = () => createGrove({ accessToken: own(), baseUrl: baseUrl ?? "", fetch: fetchThere });

live("a backend keeps its customers' people", async () => {
  const grove = client();
  const { id: org } = await sent(grove.POST("/v1/orgs", { body: { name: "Customer of the TypeScript SDK" } }));
  for (let i = 0; i < 3; i++) {
    const create = () => sent(grove.POST("/v1/orgs/{org}/users", { body: { given_name: "Jo", username: `person${i}` }, headers: { "Idempotency-Key": `ts-user-${i}` }, params: { path: { org } } }));
    const made = await create();
    expect((await create()).id).toBe(made.id);
  }
  const seen = [];
  for await (const user of every((page_token) => grove.GET("/v1/orgs/{org}/users", { params: { path: { org }, query: { page_size: 2, page_token } } }))) seen.push(user.id);
  expect(seen).toHaveLength(3);

  const at = { path: { org, user: seen[0] ?? "" } };
  await grove.GET("/v1/orgs/{org}/users/{user}", { params: at });
  const other = client(); // another program changes the same person in between
  await other.PATCH("/v1/orgs/{org}/users/{user}", { body: { given_name: null }, params: at });
  const { given_name } = await sent(other.GET("/v1/orgs/{org}/users/{user}", { params: at }));
  expect(given_name || undefined).toBeUndefined();
  await expect(grove.PATCH("/v1/orgs/{org}/users/{user}", { body: { given_name: "Al" }, params: at })).rejects.toMatchObject({ code: "resource.stale", status: 412 });
  await expect(grove.GET("/v1/orgs/{org}/users/{user}", { params: { path: { org: "root", user: seen[0] ?? "" } } })).rejects.toBeInstanceOf(Problem);
  await other.DELETE("/v1/orgs/{org}/users/{user}", { params: at });
});

live("an API that a tenant has registered takes its tokens, and no others", async () => {
  const grove = client();
  const params = { path: { org: "root" } };
  const registered = await sent(grove.POST("/v1/orgs/{org}/api-resources", { body: { identifier: "https://api.example/typescript", name: "TypeScript", scopes: [{ name: "ts.read" }, { name: "ts.write" }] }, params }));
  const app = await sent(grove.POST("/v1/orgs/{org}/apps", { body: { name: "Caller", template: "m2m" }, params }));
  await grove.PUT("/v1/orgs/{org}/apps/{app}/authorized-apis", { body: { resource: registered.id, scopes: ["ts.read"] }, params: { path: { app: app.id, org: "root" } } });

  const server = new ResourceServer({ fetch: fetchThere, issuer: baseUrl ?? "", resource: registered.identifier });
  const call = async (token: string, scope: string) => admit(server, new Request(registered.identifier, { headers: { Authorization: `Bearer ${token}` } }), { scopes: [scope] });
  const token = await credentials(app.client_id, app.client_secret ?? "", { resources: [registered.identifier] })();
  expect(await call(token, "ts.read")).toMatchObject({ clientId: app.client_id, person: false, scopes: ["ts.read"], subject: app.client_id });
  expect(await call(token, "ts.write")).toMatchObject({ status: 403 });
  expect(await call(await own()(), "ts.read")).toMatchObject({ status: 401 });
});
