import { expect, test, vi } from "vitest";
import { Problem, clientCredentials, createGrove, every, sent } from "../src/index.ts";

const baseUrl = "https://id.example/t/acme";

/** A client of a server that gives these answers, one after the other, and the requests that it got. */
function against(...answers: (Response | Error)[]) {
  const seen: Request[] = [];
  const renewed: boolean[] = [];
  const api = createGrove({
    accessToken: (renew) => {
      renewed.push(renew);
      return Promise.resolve(renew ? "new" : "old");
    },
    baseUrl,
    fetch: (request) => {
      seen.push(request);
      const answer = answers.shift();
      if (answer instanceof Response) return Promise.resolve(answer);
      return Promise.reject(answer ?? new Error("more requests than answers"));
    },
  });
  return { api, renewed, seen };
}

const org = { path: { org: "root" } };
const ok = (body: unknown, headers: Record<string, string> = {}) => Response.json(body, { headers });
const problem = (status: number, headers: Record<string, string> = {}) =>
  Response.json({ code: "x.y", detail: "Why.", errors: [{ code: "c", detail: "d", pointer: "/name" }], request_id: "r1", title: "X" }, { headers: { ...headers, "Content-Type": "application/problem+json" }, status });

test("a call goes to the operation's address with the token, and a refused token is renewed once", async () => {
  const { api, renewed, seen } = against(problem(401), ok({ handle: "root" }), problem(401), problem(401));
  expect((await sent(api.GET("/v1/orgs/{org}", { params: org }))).handle).toBe("root");
  expect(seen.map((r) => [r.url, r.headers.get("Authorization")])).toEqual([[`${baseUrl}/v1/orgs/root`, "Bearer old"], [`${baseUrl}/v1/orgs/root`, "Bearer new"]]);
  await expect(api.GET("/v1/orgs/{org}", { params: org })).rejects.toMatchObject({ code: "x.y", status: 401 });
  expect(renewed).toEqual([false, true, false, true]);
});

test("a failure is a Problem, whatever the body", async () => {
  const { api } = against(problem(422), new Response("<html>", { status: 502 }), Response.json({ error: "invalid_client", error_description: "No." }, { status: 400 }));
  const call = () => api.GET("/v1/orgs/{org}", { params: org });
  await expect(call()).rejects.toMatchObject({ code: "x.y", detail: "Why.", fields: [{ pointer: "/name" }], requestId: "r1", status: 422 });
  await expect(call()).rejects.toMatchObject({ code: "http.502", status: 502 });
  await expect(call()).rejects.toMatchObject({ code: "invalid_client", detail: "No.", status: 400 });
  expect(Problem.from(new TypeError("failed"))).toMatchObject({ code: "network", status: 0 });
});

test("a POST has one Idempotency-Key over its repetitions, a PATCH is a merge patch with the tag that was last read", async () => {
  const { api, seen } = against(new TypeError("broken"), problem(503, { "Retry-After": "0" }), ok({}), ok({}, { ETag: '"1"' }), ok({}, { ETag: '"2"' }), ok({}));
  await api.POST("/v1/orgs", { body: { name: "Fabrikam" } });
  const keys = seen.map((r) => r.headers.get("Idempotency-Key"));
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(keys).size).toBe(1);
  await api.GET("/v1/orgs/{org}", { params: org });
  for (let i = 0; i < 2; i++) await api.PATCH("/v1/orgs/{org}", { body: { name: "Acme" }, params: org });
  expect(seen.slice(4).map((r) => [r.headers.get("If-Match"), r.headers.get("Content-Type")])).toEqual([['"1"', "application/merge-patch+json"], ['"2"', "application/merge-patch+json"]]);
});

test("what may have taken effect is not repeated, and nothing more than twice", async () => {
  const { api, seen } = against(new TypeError("broken"), problem(500), ...Array.from({ length: 3 }, () => problem(429)));
  await expect(api.PATCH("/v1/orgs/{org}", { body: { name: "Acme" }, params: org })).rejects.toThrow("broken");
  await expect(api.GET("/v1/orgs/{org}", { params: org })).rejects.toMatchObject({ status: 500 });
  expect(seen).toHaveLength(2);
  await expect(api.GET("/v1/orgs/{org}", { params: org })).rejects.toMatchObject({ status: 429 });
  expect(seen).toHaveLength(5);
});

test("whoever ends a call does not wait for its repetition", async () => {
  const { api } = against(problem(503, { "Retry-After": "600" }));
  const ending = new AbortController();
  const call = api.GET("/v1/orgs/{org}", { params: org, signal: ending.signal });
  setTimeout(() => ending.abort(), 10);
  await expect(call).rejects.toThrow(/abort/i);
});

test("a list is gone over page after page", async () => {
  const { api, seen } = against(ok({ items: [{ id: "1" }, { id: "2" }], next_page_token: "t" }), ok({ items: [{ id: "3" }] }));
  const ids = [];
  for await (const user of every((page_token) => api.GET("/v1/orgs/{org}/users", { params: { ...org, query: { page_size: 2, page_token } } }))) ids.push(user.id);
  expect(ids).toEqual(["1", "2", "3"]);
  expect(seen.map((r) => new URL(r.url).search)).toEqual(["?page_size=2", "?page_size=2&page_token=t"]);
});

test("a machine's token is asked for once, kept for its life, and asked for again after a failure", async () => {
  let answer = () => Response.json({ error: "invalid_client" }, { status: 401 });
  const seen: { authorization: string | null; body: string }[] = [];
  const token = clientCredentials({
    baseUrl: `${baseUrl}/`, clientId: "a:b", clientSecret: "c d", resources: ["https://x.example", "https://y.example"], scopes: ["one", "two"],
    fetch: async (request) => {
      seen.push({ authorization: request.headers.get("Authorization"), body: await request.text() });
      expect(request.url).toBe(`${baseUrl}/oauth2/token`);
      return answer();
    },
  });
  await expect(token()).rejects.toMatchObject({ code: "invalid_client", status: 401 });
  answer = () => Response.json({ access_token: `t${seen.length}`, expires_in: 60 });
  expect(await Promise.all([token(), token(), token(true)])).toEqual(["t2", "t2", "t2"]);
  expect(seen[1]).toEqual({ authorization: `Basic ${btoa("a%3Ab:c%20d")}`, body: "grant_type=client_credentials&scope=one+two&resource=https%3A%2F%2Fx.example&resource=https%3A%2F%2Fy.example" });
  expect(await token()).toBe("t2");
  vi.useFakeTimers({ now: Date.now() + 51_000, toFake: ["Date"] });
  try {
    expect(await token()).toBe("t3");
    expect(await token(true)).toBe("t4");
    expect(await token()).toBe("t4");
  } finally {
    vi.useRealTimers();
  }
});
