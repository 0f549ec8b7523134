// @vitest-environment node
import { beforeEach, expect, test } from "vitest";
import { mountOf } from "../base.ts";
import { Session, SessionEnded, type Surroundings, scope } from "./session.ts";

const origin = "https://id.example.com";
const issuer = `${origin}/t/acme`;

const encode = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");

/** A small authorization server: it answers the four requests that a session makes, and remembers them. */
class Peer {
  href = `${issuer}/console/orgs/root?tab=1`;
  now = Date.now();
  nonce = "";
  grants: URLSearchParams[] = [];
  went: string[] = [];
  replaced: string[] = [];
  refreshFails: false | { error: string; status: number } = false;
  #stored = new Map<string, string>();
  #count = 0;

  around: Surroundings = {
    fetch: async (input, init) => {
      const url = String(input instanceof Request ? input.url : input);
      if (url.endsWith("/.well-known/openid-configuration")) {
        return Response.json({
          issuer, authorization_endpoint: `${issuer}/oauth2/authorize`, token_endpoint: `${issuer}/oauth2/token`,
          end_session_endpoint: `${issuer}/oauth2/logout`,
        });
      }
      const form = new URLSearchParams(String(init?.body));
      this.grants.push(form);
      if (form.get("grant_type") === "refresh_token" && this.refreshFails) {
        return Response.json({ error: this.refreshFails.error }, { status: this.refreshFails.status });
      }
      this.#count += 1;
      const claims = { iss: issuer, aud: "console", sub: "usr_1", exp: 9_999_999_999, iat: Math.floor(Date.now() / 1000), nonce: this.nonce, org_handle: "north", org_id: "org_own", name: "Ada" };
      return Response.json({
        access_token: `access-${this.#count}`, token_type: "Bearer", expires_in: 600, scope: "openid users.read", refresh_token: `refresh-${this.#count}`,
        ...(form.get("grant_type") === "authorization_code" && { id_token: `${encode({ alg: "RS256" })}.${encode(claims)}.c2ln` }),
      });
    },
    go: (url) => this.went.push(url),
    href: () => this.href,
    now: () => this.now,
    replace: (path) => this.replaced.push(path),
    storage: {
      getItem: (key) => this.#stored.get(key) ?? null,
      removeItem: (key) => this.#stored.delete(key),
      setItem: (key, value) => this.#stored.set(key, value),
    },
  };

  session = () => new Session(mountOf(new URL(this.href)), this.around);

  /** Goes to the authorization server and back, as a browser would. */
  async signedIn(): Promise<Session> {
    expect(await this.session().start()).toBe(false);
    const request = new URL(this.went.at(-1) ?? "").searchParams;
    this.nonce = request.get("nonce") ?? "";
    this.href = `${issuer}/console/callback?code=c0de&state=${request.get("state")}`;
    const session = this.session();
    expect(await session.start()).toBe(true);
    return session;
  }
}

let peer: Peer;
beforeEach(() => {
  peer = new Peer();
});

test("asks with PKCE, state and nonce, and returns to where the person was", async () => {
  const session = await peer.signedIn();
  const request = new URL(peer.went[0] ?? "").searchParams;
  expect(Object.fromEntries(request)).toMatchObject({
    client_id: "console", code_challenge_method: "S256", redirect_uri: `${issuer}/console/callback`, response_type: "code", scope,
  });
  expect(peer.replaced).toEqual(["/t/acme/console/orgs/root?tab=1"]);
  expect(session.person).toMatchObject({ name: "Ada", orgId: "org_own", sub: "usr_1" });
  expect(peer.grants[0]?.get("code_verifier")).toHaveLength(43);
});

test("a callback with a foreign state starts over and sends no code", async () => {
  peer.href = `${issuer}/console/callback?code=stolen&state=forged`;
  expect(await peer.session().start()).toBe(false);
  expect(peer.grants).toHaveLength(0);
});

test("a response with another nonce is refused", async () => {
  await peer.session().start();
  const state = new URL(peer.went[0] ?? "").searchParams.get("state");
  peer.nonce = "another";
  peer.href = `${issuer}/console/callback?code=c0de&state=${state}`;
  await expect(peer.session().start()).rejects.toThrow();
});

test("many calls at once refresh once and see the rotated token", async () => {
  const session = await peer.signedIn();
  peer.now += 590_000;
  const tokens = await Promise.all(Array.from({ length: 10 }, () => session.accessToken()));
  expect(new Set(tokens)).toEqual(new Set(["access-2"]));
  expect(peer.grants.filter((g) => g.get("grant_type") === "refresh_token")).toHaveLength(1);
  peer.now += 600_000;
  await session.accessToken();
  expect(peer.grants.at(-1)?.get("refresh_token")).toBe("refresh-2");
});

test("a refused refresh ends the session", async () => {
  const session = await peer.signedIn();
  peer.refreshFails = { error: "invalid_grant", status: 400 };
  await expect(session.accessToken(true)).rejects.toThrow(SessionEnded);
  expect(session.ended).toBe(true);
  await expect(session.accessToken()).rejects.toThrow(SessionEnded);
});

test("a server that is too busy to refresh ends nothing", async () => {
  const session = await peer.signedIn();
  peer.refreshFails = { error: "temporarily_unavailable", status: 429 };
  await expect(session.accessToken(true)).rejects.toThrow();
  expect(session.ended).toBe(false);
  peer.refreshFails = false;
  expect(await session.accessToken(true)).toBe("access-2");
});

test("an organization that lets the person in no more is left, once, and that is told", async () => {
  peer.href = `${issuer}/console/?org=north`;
  await peer.session().start();
  const refused = (n: number) => {
    const request = new URL(peer.went[n] ?? "").searchParams;
    return { org: request.get("org"), href: `${issuer}/console/callback?error=access_denied&iss=${encodeURIComponent(issuer)}&state=${request.get("state")}` };
  };
  expect(refused(0).org).toBe("north");
  peer.href = refused(0).href;
  expect(await peer.session().start()).toBe(false);
  const request = new URL(peer.went[1] ?? "").searchParams;
  expect(request.has("org")).toBe(false);
  peer.nonce = request.get("nonce") ?? "";
  peer.href = `${issuer}/console/callback?code=c0de&state=${request.get("state")}`;
  const session = peer.session();
  expect(await session.start()).toBe(true);
  expect(session.lost).toBe(true);
  expect(peer.replaced).toEqual(["/t/acme/console"]);
  peer.href = refused(1).href; // refused without an organization: no third try
  await peer.session().start();
  const last = new URL(peer.went.at(-1) ?? "").searchParams;
  peer.href = `${issuer}/console/callback?error=access_denied&state=${last.get("state")}`;
  await expect(peer.session().start()).rejects.toThrow();
});

test("who has just joined an organization is there, and is told once", async () => {
  peer.href = `${issuer}/console/?joined=1&org=north`;
  expect((await peer.signedIn()).joined).toBe(true);
  expect(new URL(peer.went[0] ?? "").searchParams.get("org")).toBe("north");
  expect(peer.replaced).toEqual(["/t/acme/console/"]);
  peer.href = `${issuer}/console/`;
  expect((await peer.signedIn()).joined).toBe(false);
});

test("acts in another organization and comes back", async () => {
  const session = await peer.signedIn();
  await session.switchOrganization("org_other");
  expect(Object.fromEntries(peer.grants.at(-1) ?? [])).toMatchObject({
    client_id: "console", grant_type: "organization_switch", scope, switching_organization: "org_other", token: "access-1",
  });
  expect([session.actingIn, await session.accessToken()]).toEqual(["org_other", "access-2"]);
  await session.switchOrganization(undefined);
  expect([session.actingIn, await session.accessToken()]).toEqual([undefined, "access-1"]);
});

test("an old token of another organization is taken anew", async () => {
  const session = await peer.signedIn();
  await session.switchOrganization("org_other");
  peer.now += 590_000;
  expect(await session.accessToken()).toBe("access-4"); // own token refreshed, then switched again
});

test("an organization in the address is asked for, and a reload comes back to the one acted in", async () => {
  peer.href = `${issuer}/console/?org=north`;
  const session = await peer.signedIn();
  expect(new URL(peer.went[0] ?? "").searchParams.get("org")).toBe("north");
  expect(peer.replaced).toEqual(["/t/acme/console/"]);
  await session.switchOrganization("org_other");
  peer.href = `${issuer}/console/orgs/org_other`;
  await peer.session().start();
  expect(new URL(peer.went.at(-1) ?? "").searchParams.get("org")).toBe("org_other");
});

test("knows what its token may do", async () => {
  expect((await peer.signedIn()).scopes).toEqual(new Set(["openid", "users.read"]));
});

test("signs out with the ID token as a hint", async () => {
  const session = await peer.signedIn();
  await session.signOut();
  const url = new URL(peer.went.at(-1) ?? "");
  expect(url.pathname).toBe("/t/acme/oauth2/logout");
  expect(url.searchParams.get("post_logout_redirect_uri")).toBe(`${issuer}/console`);
  expect(url.searchParams.get("id_token_hint")).toContain(".");
});
