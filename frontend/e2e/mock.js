/** A tenant's answers, made up, for the tests of the pages alone. The product's own tests use the product. */

const issuerPath = "/t/northwind";

const hoursAgo = (/** @type {number} */ n) => new Date(Date.now() - n * 3_600_000).toISOString();

const names = [
  ["Ada", "Lindqvist"], ["Grace", "Okafor"], ["Mateo", "Álvarez"], ["Yuki", "Tanaka"], ["Priya", "Raman"], ["Noor", "Haddad"], ["Jonas", "Weber"],
  ["Inês", "Carvalho"], ["Chloé", "Martin"], ["Samuel", "Osei"], ["Lucia", "Ferrari"], ["Wei", "Zhang"],
];

const never = hoursAgo(2400);

const org = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string | undefined} */ parent_id, status = "active") => ({
  id, name, handle: name.toLowerCase().replaceAll(/[^a-z]+/g, "-"), ...(parent_id && { parent_id }), description: "", attributes: {}, status, effective_status: status,
  path: /** @type {{ handle: string; id: string; name: string }[]} */ ([]), is_root: id === "org_root", has_children: ["org_root", "org_iberia", "org_nordics"].includes(id), created_at: never, updated_at: hoursAgo(30),
});

const orgs = [
  org("org_root", "Northwind Logistics", undefined), org("org_iberia", "Northwind Iberia", "org_root"), org("org_nordics", "Northwind Nordics", "org_root"),
  org("org_harbor", "Harbor Freight Partners", "org_root", "suspended"), org("org_lisbon", "Lisbon Terminal", "org_iberia"), org("org_porto", "Porto Depot", "org_iberia"),
  org("org_oslo", "Oslo Hub", "org_nordics"), org("org_bergen", "Bergen Hub", "org_nordics"), org("org_malmo", "Malmö Hub", "org_nordics"), org("org_turku", "Turku Hub", "org_nordics"),
];
for (const o of orgs) {
  for (let above = orgs.find((x) => x.id === o.parent_id); above; above = orgs.find((x) => x.id === above?.parent_id)) {
    o.path.unshift({ handle: above.handle, id: above.id, name: above.name });
  }
}

const users = names.map(([given_name = "", family_name = ""], i) => {
  const username = `${given_name}.${family_name}`.normalize("NFD").replaceAll(/[^A-Za-z.]/g, "").toLowerCase();
  return {
    id: `usr_01jdb3n5z8${i}`, username, email: `${username}@northwind.example`, email_verified: true, given_name, family_name, display_name: `${given_name} ${family_name}`,
    attributes: {}, has_password: true, must_change_password: false, org_id: "org_root", status: i === 4 ? "disabled" : "active", ...(i === 7 && { locked_until: hoursAgo(-1) }),
    created_at: hoursAgo(40 * i + 3), updated_at: hoursAgo(2),
  };
});

const members = users.map(({ id, status, ...u }) => ({ ...u, user_id: id, status, kind: "resident", joined_at: u.created_at, roles: [] }));

const role = (/** @type {string} */ id, /** @type {string} */ name, /** @type {object} */ audience, /** @type {string[]} */ permissions) => ({
  id, name, audience, permissions, builtin: false, inherited: false, description: "", org_id: "org_root", created_at: hoursAgo(900), updated_at: hoursAgo(30),
});

const roles = [
  role("rol_admin", "Organization administrator", { type: "organization", id: "org_root" }, ["users.read", "users.write", "roles.read", "invitations.write"]),
  role("rol_planner", "Trip planner", { type: "application", id: "app_fleet" }, ["trips:read", "trips:plan"]),
];

const app = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string} */ template, /** @type {string} */ client_id) => ({
  id, name, template, client_id, client_type: template === "web" ? "confidential" : "public", builtin: false, enabled: true, role_audience: "application", access_url: "",
  description: "", logo_uri: "", org_id: "org_root", created_at: hoursAgo(900), updated_at: hoursAgo(30),
});

const apps = [app("app_fleet", "Fleet Planner", "web", "c_8f1b2d6a90e4"), app("app_driver", "Driver App", "mobile", "c_51d0c7a2f3b8")];

const invitations = ["pending", "pending", "accepted", "expired", "revoked"].map((state, i) => ({
  id: `inv_${i}`, email: `guest${i + 1}@partner.example`, inviter: "Ada Lindqvist", org_id: "org_root", state, roles: ["rol_planner"], created_at: hoursAgo(5 + 40 * i),
  updated_at: hoursAgo(5), expires_at: hoursAgo(40 * i - 160),
}));

const events = ["org.created", "invitation.created", "user.created", "role.assigned", "app.shared", "session.created", "user.password_changed"].map((type, i) => ({
  id: `evt_01jdb${i}`, type, actor: { type: "user", id: users[0]?.id ?? "" }, subject: users[i]?.id ?? "", org_id: "org_root", at: hoursAgo(i * 7 + 0.4),
  data: { changed: ["status"], reason: "requested" },
  names: [...new Set([users[0], users[i]])].map((u) => ({ id: u?.id ?? "", name: u?.display_name ?? "", org_id: "org_root", removed: false })),
}));

const session = (/** @type {string} */ id, /** @type {string} */ user_agent, /** @type {number} */ hours, current = false) => ({
  id, user_agent, current, address: "192.0.2.7", methods: ["pwd"], org_id: "org_root", user_id: users[0]?.id, signed_in_at: hoursAgo(hours + 1), last_seen_at: hoursAgo(hours), expires_at: hoursAgo(-40),
});

const sessions = [session("ses_1", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 0.1, true), session("ses_2", "Mozilla/5.0 (iPhone) Safari/604.1", 26)];

const resource = {
  id: "api_trips", name: "Trips API", identifier: "https://api.northwind.example/trips", builtin: false, inherited: false, org_id: "org_root", requires_authorization: true,
  created_at: hoursAgo(800), updated_at: hoursAgo(80),
};

const scopes = ["trips:plan", "trips:read"].map((name) => ({ id: `scp_${name}`, name, display_name: name, description: "" }));

/** A group of settings with a field of every kind, which no installation has to have. */
const settings = {
  module: "sign_in", own: { session_hours: 8 }, allowed_actions: ["update"],
  inherited: { factors: ["password"], remember_me: true, session_hours: 12, style: "plain" },
  inherited_sources: { factors: "inherited", remember_me: "default", session_hours: "default", style: "default" },
  schema: { description: "How people sign in.", properties: {
    factors: { description: "What people may prove themselves with.", items: { type: "string" }, type: "array" },
    remember_me: { description: "Whether people may stay signed in.", type: "boolean" },
    session_hours: { description: "How long a session lasts.", maximum: 720, minimum: 1, type: "integer", "x-stricter": "less" },
    style: { description: "What the page looks like.", enum: ["plain", "branded"], type: "string" },
  } },
  sources: { factors: "inherited", remember_me: "default", session_hours: "org_root", style: "default" },
  value: { factors: ["password"], remember_me: true, session_hours: 8, style: "plain" },
};

/** @type {Record<string, (id: string, url: URL) => unknown>} */
const answers = {
  "/me": () => ({ ...users[0], may_use_console: true }),
  "/me/apps": () => ({ items: [{ id: "app_fleet", name: "Fleet Planner", access_url: "https://fleet.northwind.example/" }] }),
  "/me/consents": () => ({ items: ["org_iberia", "org_nordics"].map((org_id) => ({
    id: `cns_${org_id}`, app_id: "app_fleet", app_name: "Fleet Planner", attributes: [{ claim: "given_name", title: "Given name" }], authorization_details: [], created_at: never, declined_attributes: [{ claim: "birthdate", title: "Birthday" }], org_id, scope_titles: [], scopes: ["openid", "trips:read"], updated_at: never,
  })) }),
  "/me/organizations": () => ({ items: orgs.slice(0, 3).map(({ handle, id, name, status }) => ({ current: id === "org_root", handle, id, name, status })) }),
  "/me/requests": () => ({ items: [{ answer_url: "https://id.northwind.example/login/request?token=x", app_id: "app_till", app_name: "Call centre", expires_at: new Date(Date.now() + 480_000).toISOString(), id: "bcr_1", message: "Transfer of 120 EUR to شركة" }] }),
  "/me/sessions": () => ({ items: sessions }),
  "/orgs": (_, url) => ({ items: orgs.filter((o) => `${o.name} ${o.handle}`.toLowerCase().includes(url.searchParams.get("q")?.toLowerCase() ?? "")) }),
  "/orgs/{}": (id) => orgs.find((o) => o.id === id || (id === "root" && o.id === "org_root")),
  "/orgs/{}/ancestors": (id) => {
    const path = [];
    for (let o = orgs.find((x) => x.id === id); o?.parent_id; ) {
      o = orgs.find((x) => x.id === o?.parent_id);
      if (o) path.unshift(o);
    }
    return { items: path };
  },
  "/orgs/{}/api-resources": () => ({ items: [resource] }),
  "/orgs/{}/api-resources/{}/scopes": () => ({ items: scopes }),
  "/orgs/{}/apps": () => ({ items: apps }),
  "/orgs/{}/apps/{}": () => apps[0],
  "/orgs/{}/available-apps": () => ({ items: apps.map((a) => ({ ...a, how: "owned", owner: { id: "org_root", name: "Northwind Logistics" }, roles: "all" })) }),
  "/orgs/{}/children": (id, url) => {
    const from = Number(url.searchParams.get("page_token") ?? 0);
    const all = orgs.filter((o) => o.parent_id === (id === "root" ? "org_root" : id));
    return { items: all.slice(from, from + 3), ...(all.length > from + 3 && { next_page_token: String(from + 3) }) };
  },
  "/orgs/{}/events": () => ({ items: events, next_page_token: "more" }),
  "/orgs/{}/groups": () => ({ items: [] }),
  "/orgs/{}/invitations": () => ({ items: invitations }),
  "/orgs/{}/members": () => ({ items: members }),
  "/orgs/{}/members/{}": () => members[0],
  "/orgs/{}/roles": () => ({ items: roles }),
  "/orgs/{}/roles/{}": () => roles[0],
  "/orgs/{}/roles/{}/assignments": () => ({ items: [{ id: "asg_1", org_id: "org_root", role_id: "rol_admin", reach: "subtree", principal: { id: users[0]?.id, type: "user" }, created_at: never }] }),
  "/orgs/{}/seats": () => ({ available: 13, limit: 25, reserved: 2, used: 10 }),
  "/orgs/{}/consents": () => ({ items: [{ app_id: "app_1", app_name: "Fleet Planner", attributes: ["email", "given_name"], authorization_details_types: [], created_at: "2026-11-03T08:00:00Z", declined_attributes: ["birthdate"], id: "con_1", org_id: "org_root", scopes: ["openid", "trips.read"], updated_at: "2026-11-03T08:00:00Z", user_id: "usr_1" }] }),
  "/orgs/{}/sessions": () => ({ items: sessions }),
  "/orgs/{}/settings": () => ({ items: [{ description: "How people sign in.", module: "sign_in", overridden: true }] }),
  "/orgs/{}/settings/{}": () => settings,
  "/orgs/{}/users": (_, url) => (url.searchParams.has("page_token") ? { items: users.slice(10) } : { items: users.slice(0, 10), next_page_token: "more" }),
  "/orgs/{}/users/{}": () => users[0],
  "/orgs/{}/users/{}/roles": () => ({ items: roles.map((r) => ({ assignment_id: `asg_${r.id}`, audience: r.audience, how: "direct", name: r.name, org_id: "org_root", reach: "org", role_id: r.id })) }),
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
