/** A tenant's answers, made up, for the tests of the pages alone. The product's own tests use the product. */

const issuerPath = "/t/northwind";

const hoursAgo = (/** @type {number} */ n) => new Date(Date.now() - n * 3_600_000).toISOString();

const names = [
  ["Ada", "Lindqvist"], ["Grace", "Okafor"], ["Mateo", "Álvarez"], ["Yuki", "Tanaka"], ["Priya", "Raman"], ["Noor", "Haddad"], ["Jonas", "Weber"],
  ["Inês", "Carvalho"], ["Chloé", "Martin"], ["Samuel", "Osei"], ["Lucia", "Ferrari"], ["Wei", "Zhang"],
];

const org = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string | undefined} */ parent_id, state = "active") => ({
  id, name, handle: name.toLowerCase().replaceAll(/[^a-z]+/g, "-"), ...(parent_id && { parent_id }), state, created_at: hoursAgo(2400), updated_at: hoursAgo(30),
});

const orgs = [
  org("org_root", "Northwind Logistics", undefined), org("org_iberia", "Northwind Iberia", "org_root"), org("org_nordics", "Northwind Nordics", "org_root"),
  org("org_harbor", "Harbor Freight Partners", "org_root", "suspended"), org("org_lisbon", "Lisbon Terminal", "org_iberia"), org("org_porto", "Porto Depot", "org_iberia"),
  org("org_oslo", "Oslo Hub", "org_nordics"),
];

const users = names.map(([given_name = "", family_name = ""], i) => {
  const username = `${given_name}.${family_name}`.normalize("NFD").replaceAll(/[^A-Za-z.]/g, "").toLowerCase();
  return {
    id: `usr_01jdb3n5z8${i}`, username, email: `${username}@northwind.example`, given_name, family_name,
    state: i === 4 ? "disabled" : i === 7 ? "locked" : "active", created_at: hoursAgo(40 * i + 3),
  };
});

const roles = [
  { id: "rol_admin", name: "Organization administrator", audience: { type: "organization", id: "org_root" }, permissions: ["users.read", "users.write", "roles.read", "invitations.write"], created_at: hoursAgo(2000) },
  { id: "rol_planner", name: "Trip planner", audience: { type: "application", id: "app_fleet" }, permissions: ["trips:read", "trips:plan"], created_at: hoursAgo(900) },
];

const apps = [
  { id: "app_fleet", name: "Fleet Planner", type: "web", client_id: "c_8f1b2d6a90e4", created_at: hoursAgo(900) },
  { id: "app_driver", name: "Driver App", type: "native", client_id: "c_51d0c7a2f3b8", created_at: hoursAgo(300) },
];

const invitations = ["pending", "pending", "accepted", "expired", "revoked"].map((state, i) => ({
  id: `inv_${i}`, email: `guest${i + 1}@partner.example`, state, roles: ["rol_planner"], created_at: hoursAgo(5 + 40 * i), expires_at: hoursAgo(40 * i - 160),
}));

const events = ["org.created", "user.invited", "user.created", "role.assigned", "app.shared", "session.started", "user.password.changed"].map((type, i) => ({
  id: `evt_01jdb${i}`, type, actor: { type: "user", id: users[0]?.id ?? "" }, subject: { type: "user", id: users[i]?.id ?? "" }, org_id: "org_root", at: hoursAgo(i * 7 + 0.4),
  data: { changed: ["state"], reason: "requested" },
}));

/** @type {Record<string, (id: string, url: URL) => unknown>} */
const answers = {
  "/me": () => users[0],
  "/me/organizations": () => ({ items: orgs.slice(0, 3).map(({ handle, id, name }) => ({ handle, id, name })) }),
  "/me/sessions": () => ({ items: [
    { id: "ses_1", created_at: hoursAgo(1), last_seen_at: hoursAgo(0.1), user_agent: "Firefox on Linux", current: true },
    { id: "ses_2", created_at: hoursAgo(90), last_seen_at: hoursAgo(26), user_agent: "Safari on iPhone" },
  ] }),
  "/orgs": (_, url) => ({ items: orgs.filter((o) => o.name.toLowerCase().includes(url.searchParams.get("q")?.toLowerCase() ?? "")) }),
  "/orgs/{}": (id) => orgs.find((o) => o.id === id || (id === "root" && o.id === "org_root")),
  "/orgs/{}/ancestors": (id) => {
    const path = [];
    for (let o = orgs.find((x) => x.id === id); o?.parent_id; ) {
      o = orgs.find((x) => x.id === o?.parent_id);
      if (o) path.unshift(o);
    }
    return { items: path };
  },
  "/orgs/{}/api-resources": () => ({ items: [{ id: "res_trips", name: "Trips API", identifier: "https://api.northwind.example/trips", created_at: hoursAgo(800) }] }),
  "/orgs/{}/apps": () => ({ items: apps }),
  "/orgs/{}/apps/{}": () => apps[0],
  "/orgs/{}/children": (id) => ({ items: orgs.filter((o) => o.parent_id === (id === "root" ? "org_root" : id)) }),
  "/orgs/{}/events": () => ({ items: events, next_page_token: "more" }),
  "/orgs/{}/groups": () => ({ items: [] }),
  "/orgs/{}/invitations": () => ({ items: invitations }),
  "/orgs/{}/roles": () => ({ items: roles }),
  "/orgs/{}/roles/{}": () => roles[0],
  "/orgs/{}/users": (_, url) => (url.searchParams.has("page_token") ? { items: users.slice(10) } : { items: users.slice(0, 10), next_page_token: "more" }),
  "/orgs/{}/users/{}": () => users[0],
  "/orgs/{}/users/{}/roles": () => ({ items: roles }),
};

const encode = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * Answers a page's requests below one tenant's base: sign-in without a question, and the management API.
 * @param {import("playwright-core").Page} page
 * @param {string} origin
 * @param {{ fail?: (method: string, path: string) => { status: number, body: object } | undefined }} [options]
 */
export async function mock(page, origin, options = {}) {
  const issuer = origin + issuerPath;
  /** @type {{ method: string, path: string, headers: Record<string, string>, body: string | null }[]} */
  const calls = [];
  let nonce = "";
  let client = "";
  await page.route(`${issuer}/**`, async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const path = url.pathname.slice(issuerPath.length);
    if (path === "/.well-known/openid-configuration") {
      const endpoint = (/** @type {string} */ name) => `${issuer}/oauth2/${name}`;
      return route.fulfill({ json: { issuer, authorization_endpoint: endpoint("authorize"), token_endpoint: endpoint("token"), end_session_endpoint: endpoint("logout") } });
    }
    if (path === "/oauth2/authorize") {
      nonce = url.searchParams.get("nonce") ?? "";
      client = url.searchParams.get("client_id") ?? "";
      const back = new URL(url.searchParams.get("redirect_uri") ?? "");
      back.search = new URLSearchParams({ code: "c0de", state: url.searchParams.get("state") ?? "" }).toString();
      return route.fulfill({ headers: { location: back.href }, status: 302 });
    }
    if (path === "/oauth2/token") {
      calls.push({ body: request.postData(), headers: request.headers(), method: "POST", path });
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: issuer, aud: client, sub: users[0]?.id, nonce, iat: now, exp: now + 600, name: "Ada Lindqvist", email: users[0]?.email, org_id: "org_root" };
      return route.fulfill({ json: { access_token: "access", token_type: "Bearer", expires_in: 600, refresh_token: "refresh", id_token: `${encode({ alg: "RS256" })}.${encode(claims)}.c2ln` } });
    }
    if (path.startsWith("/oauth2/")) return route.fulfill({ body: "signed out", contentType: "text/plain" });
    if (!path.startsWith("/v1/")) return route.continue();
    const below = path.slice("/v1".length);
    calls.push({ body: request.postData(), headers: request.headers(), method: request.method(), path: below });
    const failure = options.fail?.(request.method(), below);
    if (failure) return route.fulfill({ contentType: "application/problem+json", json: failure.body, status: failure.status });
    if (request.method() !== "GET") return route.fulfill({ json: { ...apps[0], client_secret: "gcs_2Xo9…example", id: "new_1" }, status: 201 });
    const parts = below.split("/");
    const key = below === "/orgs" || parts[1] === "me" ? below : parts.map((p, i) => (i === 2 || i === 4 ? "{}" : p)).join("/");
    const answer = answers[key]?.(decodeURIComponent(parts[2] ?? ""), url);
    return answer
      ? route.fulfill({ headers: { etag: '"1"' }, json: answer })
      : route.fulfill({ contentType: "application/problem+json", json: { code: "not_found", request_id: "req_1", status: 404, title: "Not found", type: "about:blank" }, status: 404 });
  });
  return { calls, issuer };
}
