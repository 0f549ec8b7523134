import { beforeEach, expect, test } from "vitest";
import { ResourceServer, Unavailable, admit } from "../src/resource/index.ts";

const api = "https://api.example/notes";
const issuer = "https://id.example/t/acme";
const start = 1_900_000_000;

let now: number;
let asked: { authorization: string | null; body: string }[];
let answer: () => Response;

const good = (changes: Record<string, unknown> = {}) =>
  Response.json({ active: true, aud: [api], aut: "APPLICATION_USER", client_id: "web", exp: start + 30, iss: `${issuer}/o/north`, org_id: "org_1", roles: ["Editor"], scope: "notes.read", sub: "usr_1", ...changes });

const make = (cache?: number) =>
  new ResourceServer({
    fetch: async (url, init) => {
      if (url.endsWith("/openid-configuration")) return Response.json({ introspection_endpoint: `${issuer}/introspect`, issuer, jwks_uri: `${issuer}/jwks` });
      const request = new Request(url, init);
      asked.push({ authorization: request.headers.get("Authorization"), body: await request.text() });
      expect([url, init.redirect, request.method]).toEqual([`${issuer}/introspect`, "error", "POST"]);
      return answer();
    },
    introspection: { clientId: "notes", clientSecret: "s/e cret", ...(cache === undefined ? {} : { cache }) },
    issuer,
    now: () => new Date(now * 1000),
    resource: api,
  });

beforeEach(() => {
  now = start;
  asked = [];
  answer = () => good();
});

test("an opaque token is asked about, by the API's own client", async () => {
  const token = await make().verify("grv_at_x");
  expect(token).toMatchObject({ clientId: "web", orgId: "org_1", person: true, roles: ["Editor"], scopes: ["notes.read"], subject: "usr_1" });
  expect(asked).toEqual([{ authorization: `Basic ${btoa("notes:s%2Fe+cret")}`, body: "token=grv_at_x&token_type_hint=access_token" }]);
});

test("an answer is believed for as long as was said, and no longer than the token is good", async () => {
  const server = make(10);
  for (const [after, good, times] of [[0, true, 1], [9, true, 1], [10, true, 2], [20, true, 3], [29, true, 3], [30, false, 4]] as const) {
    now = start + after;
    const got = await server.verify("grv_at_x").then(() => true, () => false);
    expect([after, got, asked.length]).toEqual([after, good, times]);
  }
  now = start;
  const each = make();
  await each.verify("grv_at_x");
  await each.verify("grv_at_x");
  expect(asked.length).toBe(6);
});

test.each([
  ["inactive", () => good({ active: false })], ["a text that is true", () => good({ active: "true" })], ["another API", () => good({ aud: "https://other.example" })],
  ["a longer API", () => good({ aud: [`${api}/x`] })], ["another issuer", () => good({ iss: "https://evil.example" })], ["an issuer that begins so", () => good({ iss: `${issuer}x` })],
  ["no issuer", () => good({ iss: undefined })], ["expired", () => good({ exp: start })], ["no expiry", () => good({ exp: undefined })], ["bound to a key", () => good({ cnf: { jkt: "x" } })],
])("%s: nobody is let in", async (_name, bad) => {
  answer = bad;
  const server = make(60);
  const refused = await admit(server, new Request(api, { headers: { Authorization: "Bearer grv_at_x" } }));
  expect(refused).toMatchObject({ status: 401 });
});

test.each([
  ["a failure", () => new Response("{}", { status: 500 })], ["a wrong secret", () => new Response("{}", { status: 401 })], ["no JSON", () => new Response("active")],
  ["nothing", () => Response.json(null)], ["nobody there", () => { throw new TypeError("fetch failed"); }],
])("%s: nobody is let in, nothing is called bad, and nothing is remembered", async (_name, bad) => {
  answer = bad;
  const server = make(60);
  await expect(server.verify("grv_at_x")).rejects.toThrow(Unavailable);
  answer = () => good();
  expect((await server.verify("grv_at_x")).subject).toBe("usr_1");
});

test("a token without end is not asked about, and without a client none is taken", async () => {
  await expect(make().verify(`grv_at_${"x".repeat(17 << 10)}`)).rejects.not.toThrow(Unavailable);
  expect(asked).toEqual([]);
  expect(() => new ResourceServer({ introspection: { clientId: "notes", clientSecret: "" }, issuer, resource: api })).toThrow(TypeError);
});
