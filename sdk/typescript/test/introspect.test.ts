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

/** A token of the form of those that the server makes. */
const opaque = (name: string) => `grv_at_${Buffer.from(name.padEnd(40)).toString("base64url")}`;

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
  const token = await make().verify(opaque("x"));
  expect(token).toMatchObject({ clientId: "web", orgId: "org_1", person: true, roles: ["Editor"], scopes: ["notes.read"], subject: "usr_1" });
  expect(asked).toEqual([{ authorization: `Basic ${btoa("notes:s%2Fe+cret")}`, body: `token=${opaque("x")}&token_type_hint=access_token` }]);
});

test("an answer is believed for as long as was said, and no longer than the token is good", async () => {
  const server = make(10);
  for (const [after, good, times] of [[0, true, 1], [9, true, 1], [10, true, 2], [20, true, 3], [29, true, 3], [30, false, 4]] as const) {
    now = start + after;
    const got = await server.verify(opaque("x")).then(() => true, () => false);
    expect([after, got, asked.length]).toEqual([after, good, times]);
  }
  now = start;
  const each = make();
  await each.verify(opaque("x"));
  await each.verify(opaque("x"));
  expect(asked.length).toBe(6);
});

test.each([
  ["inactive", () => good({ active: false })], ["a text that is true", () => good({ active: "true" })], ["another API", () => good({ aud: "https://other.example" })],
  ["a longer API", () => good({ aud: [`${api}/x`] })], ["another issuer", () => good({ iss: "https://evil.example" })], ["an issuer that begins so", () => good({ iss: `${issuer}x` })],
  ["no issuer", () => good({ iss: undefined })], ["expired", () => good({ exp: start })], ["no expiry", () => good({ exp: undefined })], ["bound to a key", () => good({ cnf: { jkt: "x" } })],
])("%s: nobody is let in", async (_name, bad) => {
  answer = bad;
  const server = make(60);
  const refused = await admit(server, new Request(api, { headers: { Authorization: `Bearer ${opaque("x")}` } }));
  expect(refused).toMatchObject({ status: 401 });
});

test.each([
  ["a failure", () => new Response("{}", { status: 500 })], ["a wrong secret", () => new Response("{}", { status: 401 })], ["no JSON", () => new Response("active")],
  ["nothing", () => Response.json(null)], ["nobody there", () => { throw new TypeError("fetch failed"); }],
])("%s: nobody is let in, nothing is called bad, and nothing is remembered", async (_name, bad) => {
  answer = bad;
  const server = make(60);
  await expect(server.verify(opaque("x"))).rejects.toThrow(Unavailable);
  answer = () => good();
  expect((await server.verify(opaque("x"))).subject).toBe("usr_1");
});

test("a token without end is not asked about, and without a client none is taken", async () => {
  await expect(make().verify(opaque("x".repeat(17 << 10)))).rejects.not.toThrow(Unavailable);
  expect(asked).toEqual([]);
  expect(() => new ResourceServer({ introspection: { clientId: "notes", clientSecret: "" }, issuer, resource: api })).toThrow(TypeError);
});

test("whatever strangers send, the server is asked little, and people whose tokens are good stay in", async () => {
  const server = make(1);
  const goodOnes = [opaque("good"), opaque("new")];
  answer = () => (goodOnes.some((token) => asked.at(-1)?.body.includes(token)) ? good() : Response.json({ active: false }));
  const get = (token: string) => server.verify(token).then(() => 200, (error: unknown) => (error instanceof Unavailable ? 503 : 401));
  const count = () => asked.splice(0).length;
  expect([await get(opaque("good")), count()]).toEqual([200, 1]);
  for (const rubbish of ["grv_at_", "grv_at_x", `grv_at_${"x".repeat(49)}`, `${opaque("x")}=`, `${opaque("x")}\n`, `grv_at_${"é".repeat(60)}`]) expect(await get(rubbish), rubbish).toBe(401);
  expect(count()).toBe(0);
  for (let i = 0; i < 50; i++) expect(await get(opaque("same"))).toBe(401);
  expect(count()).toBe(1);
  for (let i = 0; i < 1000; i++) await get(opaque(`stranger ${i}`));
  expect(count()).toBe(255);
  now += 2;
  expect([await get(opaque("good")), count()]).toEqual([200, 1]);
  expect([await get(opaque("new")), count()]).toEqual([200, 1]);
  for (let i = 0; i < 1000; i++) await get(opaque(`another ${i}`));
  expect(count()).toBe(40);
  now += 5;
  expect([await get(opaque("same")), count()]).toEqual([401, 1]);
});

test("who wants to know the same while it is asked gets the same answer", async () => {
  const server = make();
  await Promise.all(Array.from({ length: 20 }, () => server.verify(opaque("x"))));
  expect(asked.length).toBe(1);
});

test("a server that is asked too much is left alone for as long as it says", async () => {
  const server = make(60);
  await server.verify(opaque("known"));
  answer = () => new Response("{}", { headers: { "Retry-After": "20" }, status: 429 });
  await expect(server.verify(opaque("x"))).rejects.toMatchObject({ headers: { "Retry-After": "20" }, status: 503 });
  answer = () => good();
  asked = [];
  now += 19;
  await expect(server.verify(opaque("y"))).rejects.toMatchObject({ headers: { "Retry-After": "1" } });
  expect((await server.verify(opaque("known"))).subject).toBe("usr_1");
  expect(asked).toEqual([]);
  now += 1;
  expect((await server.verify(opaque("y"))).subject).toBe("usr_1");
});

test("an opaque token for reading says so", async () => {
  answer = () => good({ read_only: true });
  expect(await make().verify(opaque("x"))).toMatchObject({ readOnly: true });
  expect(await admit(make(), new Request(api, { headers: { Authorization: `Bearer ${opaque("x")}` }, method: "POST" }))).toMatchObject({ status: 403 });
});
