import { once } from "node:events";
import { type RequestListener, createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import express from "express";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { metadataHandler, requireToken, tokenOf } from "../src/resource/node.ts";
import { type Needs, type ResourceServer, ResourceServer as Server, type Token, Unavailable, admit, metadata, protect } from "../src/resource/index.ts";
import { Issuer, api } from "./issuer.ts";

let issuer: Issuer;
const opened: { close: () => void }[] = [];

beforeAll(async () => {
  issuer = await Issuer.start();
});

afterAll(async () => {
  for (const server of opened) server.close();
  await issuer.stop();
});

const hint = 'Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"';

/** What came of a call: `token` where it was let through. */
interface Answer {
  status: number;
  challenge: string | null;
  token?: Token;
}

const answerOf = async (response: Response): Promise<Answer> => ({
  challenge: response.headers.get("WWW-Authenticate"),
  status: response.status,
  ...(response.ok ? { token: (await response.json()) as Token } : {}),
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  opened.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes`;
}

const withHeaders = (address: string, authorization: string[]) => new Request(address, { headers: authorization.map((a): [string, string] => ["Authorization", a]) });

/** Each way to protect an API gives a function that calls it with some Authorization headers. */
const ways: Record<string, (server: ResourceServer, needs: Needs) => Promise<(authorization: string[]) => Promise<Answer>>> = {
  Express: async (server, needs) => {
    const app = express();
    app.get("/notes", requireToken(server, needs), (request, response) => void response.json(tokenOf(request)));
    const address = await listen(app);
    return async (authorization) => answerOf(await fetch(withHeaders(address, authorization)));
  },
  "a handler of requests": async (server, needs) => {
    const handler = protect(server, needs, (_request, token, more: string) => Response.json({ ...token, more }));
    return async (authorization) => answerOf(await handler(withHeaders(api, authorization), "and more"));
  },
  Hono: async (server, needs) => {
    const app = new Hono<{ Variables: { token: Token } }>();
    app.use(async (c, next) => {
      const admitted = await admit(server, c.req.raw, needs);
      if (admitted instanceof Response) return admitted;
      c.set("token", admitted);
      return next();
    });
    app.get("/notes", (c) => c.json(c.get("token")));
    return async (authorization) => answerOf(await app.request(withHeaders(api, authorization)));
  },
};

describe.each(Object.keys(ways))("%s", (way) => {
  const make = (needs: Needs) => ways[way]!(issuer.server(), needs);

  test("a token with all scopes is let through", async () => {
    const call = await make({ scopes: ["notes.read", "notes.write"] });
    const { status, token } = await call([`bearer ${await issuer.token()}`]);
    expect(status).toBe(200);
    expect(token).toMatchObject({
      subject: "usr_1", person: true, clientId: "web", orgId: "org_1", orgHandle: "north", roles: ["Editor"], scopes: ["notes.read", "notes.write"], acr: "1",
      authTime: new Date(issuer.seconds(-3600) * 1000).toISOString(),
    });
  });

  test("a token of an organization's issuer, and an actor", async () => {
    const call = await make({});
    const token = await issuer.token({ act: { sub: "job" }, aut: "APPLICATION", auth_time: undefined, iss: `${issuer.base}/o/north`, roles: undefined }, "application/at+jwt");
    const answer = await call([`Bearer ${token}`]);
    expect(answer.token).toMatchObject({ actor: "job", person: false, roles: [] });
  });

  test("whatever is wrong is refused, with what is missing and where to get it", async () => {
    const call = await make({ scopes: ["notes.read"] });
    const good = await issuer.token();
    const invalid = `${hint}, error="invalid_token"`;
    const bearer = async (changes: Record<string, unknown>, typ?: string) => [`Bearer ${await issuer.token(changes, typ)}`];
    const cases: Record<string, [string[], number, string]> = {
      none: [[], 401, hint],
      rubbish: [["Bearer x"], 401, invalid],
      "no token": [["Bearer"], 401, invalid],
      twice: [[`Bearer ${good}`, `Bearer ${good}`], 401, invalid],
      "another scheme": [[`Basic ${good}`], 401, invalid],
      "tampered with": [[`Bearer ${good.slice(0, -8)}AAAAAAAA`], 401, invalid],
      unsigned: [[`Bearer ${btoa('{"alg":"none","typ":"at+jwt"}')}.${good.split(".")[1]}.`], 401, invalid],
      "an ID token": [await bearer({}, "JWT"), 401, invalid],
      "no type": [await bearer({}, ""), 401, invalid],
      "another audience": [await bearer({ aud: "https://api.example" }), 401, invalid],
      "another tenant's": [await bearer({ iss: `${issuer.base}2` }), 401, invalid],
      expired: [await bearer({ exp: issuer.seconds(-1) }), 401, invalid],
      "without an end": [await bearer({ exp: undefined }), 401, invalid],
      "of no client": [await bearer({ client_id: undefined }), 401, invalid],
      "bound to a key": [await bearer({ cnf: { jkt: "x" } }), 401, invalid],
      "bound, presented so": [[`DPoP ${await issuer.token({ cnf: { jkt: "x" } })}`], 401, invalid],
      "a scope less": [await bearer({ scope: "notes.readonly notes" }), 403, `${hint}, error="insufficient_scope", scope="notes.read"`],
    };
    for (const [name, [authorization, status, challenge]] of Object.entries(cases)) {
      expect(await call(authorization), name).toEqual({ challenge, status });
    }
  });

  test("who has signed in too long ago, or by too little, is to do it again (RFC 9470)", async () => {
    const again = `${hint}, error="insufficient_user_authentication"`;
    const fresh = await make({ maxAge: 300, scopes: ["notes.read"] });
    const bearer = async (changes: Record<string, unknown>) => [`Bearer ${await issuer.token(changes)}`];
    expect((await fresh(await bearer({ auth_time: issuer.seconds(-300) }))).status).toBe(200);
    for (const auth_time of [issuer.seconds(-301), undefined, 1e300, "now"]) {
      expect(await fresh(await bearer({ auth_time })), String(auth_time)).toEqual({ challenge: `${again}, max_age="300"`, status: 401 });
    }
    const strong = await make({ acrValues: ["2", "3"] });
    expect((await strong(await bearer({ acr: "3" }))).status).toBe(200);
    for (const acr of ["1", undefined]) expect(await strong(await bearer({ acr }))).toEqual({ challenge: `${again}, acr_values="2 3"`, status: 401 });
    const both = await make({ acrValues: ["2"], maxAge: 60 });
    expect((await both(await bearer({}))).challenge).toBe(`${again}, acr_values="2", max_age="60"`);
  });
});

test("a token for reading changes nothing, unless the handler says that it does not either", async () => {
  const server = issuer.server();
  const reading = await issuer.token({ act: { sub: "usr_9" }, read_only: true });
  const app = express();
  app.all("/notes", requireToken(server), (request, response) => void response.json(tokenOf(request)));
  app.all("/notes/search", requireToken(server, { changesNothing: true }), (request, response) => void response.json(tokenOf(request)));
  const address = await listen(app);
  const web = protect(server, {}, () => new Response());
  const search = protect(server, { changesNothing: true }, () => new Response());
  for (const [method, want] of Object.entries({ DELETE: 403, GET: 200, HEAD: 200, OPTIONS: 200, PATCH: 403, POST: 403, PROPFIND: 403, PUT: 403 })) {
    const init = { headers: { Authorization: `Bearer ${reading}` }, method };
    const response = await fetch(address, init);
    expect([method, response.status, response.headers.get("WWW-Authenticate")]).toEqual([method, want, null]);
    if (want === 403) expect(await response.text()).toBe('{"error":"request.forbidden"}');
    expect((await web(new Request(api, init))).status, method).toBe(want);
    expect((await fetch(`${address}/search`, init)).status, method).toBe(200);
    expect((await search(new Request(api, init))).status, method).toBe(200);
    const other = await fetch(address, { ...init, headers: { Authorization: `Bearer ${await issuer.token()}` } });
    expect(other.status, method).toBe(200);
  }
  expect(await server.verify(reading)).toMatchObject({ actor: "usr_9", readOnly: true });
  expect(await server.verify(await issuer.token())).toMatchObject({ readOnly: false });
  expect(await server.verify(await issuer.token({ read_only: "yes" }))).toMatchObject({ readOnly: true });
  const untold = server.check([`Bearer ${reading}`]);
  await expect(untold).rejects.toMatchObject({ code: "request.forbidden", status: 403 });
});

test("two Authorization headers in one request are refused by Express", async () => {
  const app = express();
  app.get("/notes", requireToken(issuer.server()), (_request, response) => void response.end());
  const { hostname, port } = new URL(await listen(app));
  const good = await issuer.token();
  const socket = connect(Number(port), hostname);
  socket.end(`GET /notes HTTP/1.1\r\nHost: api\r\nConnection: close\r\nAuthorization: Bearer ${good}\r\nAuthorization: Bearer ${good}\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  expect(text).toMatch(/^HTTP\/1\.1 401 /);
});

test("clients find the tenant by the metadata (RFC 9728)", async () => {
  const server = issuer.server();
  const want = { authorization_servers: [issuer.base], bearer_methods_supported: ["header"], resource: api, scopes_supported: ["notes.read"] };
  expect(server.metadataPath).toBe("/.well-known/oauth-protected-resource/notes");
  expect(await metadata(server).json()).toEqual(want);
  const app = express();
  app.get(server.metadataPath, metadataHandler(server));
  const response = await fetch(new URL(server.metadataPath, await listen(app)));
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(await response.json()).toEqual(want);
});

test("what is no resource, or no issuer, is not taken for one", () => {
  for (const resource of ["", "urn:notes", "http://api.example/", "https:///x", "https://api.example/#x", "notes"]) {
    expect(() => new Server({ issuer: issuer.base, resource }), resource).toThrow(TypeError);
  }
  for (const bad of ["", "acme", "https://id.example/t/acme?x", "ftp://id.example"]) expect(() => new Server({ issuer: bad, resource: api }), bad).toThrow(TypeError);
});

test("while the keys cannot be read nothing is let through, and nothing called bad", async () => {
  const good = `Bearer ${await issuer.token()}`;
  const server = issuer.server();
  const app = express();
  app.get("/notes", requireToken(server), (_request, response) => void response.end());
  app.use((error: Error, _request: express.Request, response: express.Response, _next: express.NextFunction) => void response.status(error instanceof Unavailable ? error.status : 500).end());
  const address = await listen(app);
  const status = async () => (await fetch(address, { headers: { Authorization: good } })).status;
  issuer.up = false;
  expect(await status()).toBe(503);
  await expect(admit(server, withHeaders(api, [good]))).rejects.toThrow(Unavailable);
  issuer.up = true;
  expect(await status()).toBe(200);
});

test("keys that cannot be read are no fault of the token", async () => {
  const server = issuer.server();
  const good = await issuer.token();
  issuer.keysUp = false;
  await expect(server.verify(good)).rejects.toThrow(Unavailable);
  await expect(server.verify("x")).rejects.not.toThrow(Unavailable);
  issuer.keysUp = true;
  expect((await server.verify(good)).subject).toBe("usr_1");
});

test("an algorithm that Grove does not use is not taken, even with a key of the tenant's", async () => {
  await issuer.rotate("ES512");
  await expect(issuer.server().verify(await issuer.token())).rejects.toMatchObject({ code: "ERR_JOSE_ALG_NOT_ALLOWED" });
  await issuer.rotate();
});

test("metadata of another issuer is refused", async () => {
  const server = new Server({ issuer: `${issuer.base}/o/north`, now: () => issuer.now, resource: api });
  await expect(server.verify(await issuer.token())).rejects.toThrow(Unavailable);
});

test("keys are fetched once for many tokens, and a flood of unknown keys does not become one at the tenant's", async () => {
  const server = issuer.server();
  const good = await issuer.token();
  const before = issuer.asked;
  await Promise.all(Array.from({ length: 50 }, () => server.verify(good)));
  expect(issuer.asked - before).toBe(2);
  const [, claims, signature] = good.split(".");
  for (let i = 0; i < 50; i++) await expect(server.verify(`${btoa(`{"alg":"ES256","kid":"x${i}","typ":"at+jwt"}`)}.${claims}.${signature}`)).rejects.toThrow();
  expect(issuer.asked - before).toBeLessThan(5);
});

test("a key that the tenant has changed to is read within a minute", async () => {
  const server = issuer.server();
  await server.verify(await issuer.token());
  await issuer.rotate();
  const newer = await issuer.token();
  vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
  try {
    expect((await server.verify(newer)).subject).toBe("usr_1");
  } finally {
    vi.useRealTimers();
  }
});
