import { type JWTPayload, type JWTVerifyGetKey, createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";
import { Asker, type Introspection, Silence, isOpaque } from "./introspect.ts";

/** Says whose tokens an API takes. */
export interface ResourceConfig {
  /** The tenant's base, such as `https://id.example/t/acme`; tokens of its organizations are taken as well. */
  issuer: string;
  /** The identifier under which the API is registered; an https URL, so that clients find its metadata. */
  resource: string;
  /** That clients are told of. */
  scopes?: readonly string[];
  /** How opaque tokens are asked about; left out: they are not taken. */
  introspection?: Introspection;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  now?: () => Date;
}

/** What an access token says of its bearer. */
export interface Token {
  /** The person's id, or the client_id of an app that acts for itself. */
  subject: string;
  /** Whether it is about a person. */
  person: boolean;
  /** The app that has it. */
  clientId: string;
  /** The one organization that it is for. */
  orgId: string;
  /** Its short name. */
  orgHandle: string;
  /** Of the person, there. */
  roles: readonly string[];
  /** That the app may use. */
  scopes: readonly string[];
  /** When the person signed in; undefined for an app. */
  authTime: Date | undefined;
  /** How he signed in (OpenID Connect Core 1.0, section 2). */
  acr: string | undefined;
  /** Who acts for the person (RFC 8693, section 4.1); undefined for he himself. */
  actor: string | undefined;
  /** Nothing may be changed with it, whatever its scopes say: who acts for the person was allowed no more. */
  readOnly: boolean;
}

/** What a request needs. */
export interface Needs {
  /** All of them. */
  scopes?: readonly string[];
  /** How long ago the person may have signed in, in seconds; else his app is to ask him again (RFC 9470). */
  maxAge?: number;
  /** One of which the person has to have signed in by; else his app is to ask him for it (RFC 9470). */
  acrValues?: readonly string[];
  /**
   * Nothing is changed whatever the method, as by a search that is a POST. Else a token that is `readOnly` is good for GET, HEAD and OPTIONS
   * alone.
   */
  changesNothing?: boolean;
}

/** A request that is not let through, and what to tell its sender (RFC 6750, section 3; RFC 9728, section 5.1). */
export class Refusal extends Error {
  readonly status: 401 | 403;
  /** "" where nothing was presented. */
  readonly code: "" | "insufficient_scope" | "insufficient_user_authentication" | "invalid_token" | "request.forbidden";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;

  /** Without a challenge where no other token would help. */
  constructor(status: Refusal["status"], code: Refusal["code"], challenge?: string, options?: ErrorOptions) {
    super(code || "a token is needed", options);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.headers = { "Cache-Control": "no-store", "Content-Type": "application/json", ...(challenge ? { "WWW-Authenticate": challenge } : {}) };
    this.body = code ? JSON.stringify({ error: code }) : "{}";
  }
}

/** The tenant's metadata or keys cannot be read, or nobody answers about an opaque token, so that no token can be judged. */
export class Unavailable extends Error {
  readonly status = 503;
  readonly headers: Readonly<Record<string, string>>;

  constructor(cause: unknown) {
    super("the issuer's metadata or keys cannot be read, or it does not answer", { cause });
    this.name = "Unavailable";
    this.headers = { "Retry-After": String(cause instanceof Silence ? cause.seconds : 5) };
  }
}

const algorithms = ["ES256", "EdDSA", "PS256", "RS256"];
const wellKnown = "/.well-known/oauth-protected-resource";

/** The longest that reading the tenant's metadata or keys takes, in milliseconds. */
const limit = 5_000;

/** What the tenant's metadata leads to. */
interface Found {
  introspection: string | undefined;
  keys: JWTVerifyGetKey;
}

/** Verifies tokens for one API. Make one and keep it: it keeps the tenant's keys, and reads them again when they change. */
export class ResourceServer {
  /** Where the metadata belongs, on the host of the resource (RFC 9728, section 3.1). */
  readonly metadataPath: string;
  /** Tells clients which server's tokens are taken here, as JSON (RFC 9728, section 3.2). */
  readonly metadata: string;

  readonly #config: ResourceConfig;
  readonly #hint: string;
  readonly #asker: Asker | undefined;
  #found: Promise<Found> | undefined;

  /** Nothing is fetched before the first token comes. */
  constructor(config: ResourceConfig) {
    const at = URL.canParse(config.resource) ? new URL(config.resource) : undefined;
    if (!at || !/^https?:\/\/[^/?#]/i.test(config.resource) || !safe(at) || config.resource.includes("#")) {
      throw new TypeError("resource is not an https URL without a fragment (RFC 9728, section 1.2)");
    }
    if (!/^https?:\/\/[^/?#]+[^?#]*$/i.test(config.issuer)) throw new TypeError("issuer is not a URL without query and fragment (RFC 8414, section 2)");
    this.#config = config;
    this.#asker = config.introspection && new Asker(config.introspection);
    this.metadataPath = wellKnown + at.pathname.replace(/\/$/, "");
    this.#hint = at.origin + this.metadataPath;
    this.metadata = JSON.stringify({
      resource: config.resource,
      authorization_servers: [config.issuer],
      ...(config.scopes?.length ? { scopes_supported: config.scopes } : {}),
      bearer_methods_supported: ["header"],
    });
  }

  /**
   * Checks signature, type, issuer, audience and times of an access token (RFC 9068, section 4); an opaque one is asked about
   * (RFC 7662). Rejects with {@link Unavailable} where the keys cannot be read or nobody answers, with another error for a token that is
   * not good.
   */
  async verify(token: string): Promise<Token> {
    return this.#read(this.#asker && isOpaque(token) ? await this.#introspected(this.#asker, token) : await this.#verified(token));
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { keys } = await this.#remote();
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms,
        audience: this.#config.resource,
        currentDate: this.#now(),
        requiredClaims: ["client_id", "exp", "iat", "iss", "sub"],
        typ: "at+jwt", // an ID token is signed by the same keys
      });
      return payload;
    } catch (error) {
      throw unreachable(error) ? new Unavailable(error) : error;
    }
  }

  async #introspected(asker: Asker, token: string): Promise<JWTPayload> {
    const { fetch = globalThis.fetch, resource } = this.#config;
    const { introspection } = await this.#remote();
    const now = this.#now().getTime() / 1000;
    let claims: JWTPayload | undefined;
    try {
      if (!introspection) throw new Error("the issuer's metadata names no introspection_endpoint");
      claims = await asker.ask(token, now, (init) => fetch(introspection, { ...init, signal: AbortSignal.timeout(limit) }));
    } catch (error) {
      throw new Unavailable(error);
    }
    if (!claims || ![claims.aud].flat().includes(resource) || !(typeof claims.exp === "number" && now < claims.exp)) throw new Error("the token is not active, or not for this API");
    return claims;
  }

  #read(claims: JWTPayload): Token {
    // Organizations have issuers of their own below the tenant's, with the same keys.
    if (claims.iss !== this.#config.issuer && !claims.iss?.startsWith(`${this.#config.issuer}/o/`)) throw new Error("the token is of another issuer");
    if (claims["cnf"] !== undefined) throw new Error("the token is bound to a key, and this API takes no proofs");
    const actor = claims["act"] as { sub?: unknown } | undefined;
    return {
      subject: text(claims.sub) ?? "",
      person: claims["aut"] === "APPLICATION_USER",
      clientId: text(claims["client_id"]) ?? "",
      orgId: text(claims["org_id"]) ?? "",
      orgHandle: text(claims["org_handle"]) ?? "",
      roles: Array.isArray(claims["roles"]) ? claims["roles"].filter((r) => typeof r === "string") : [],
      scopes: (text(claims["scope"]) ?? "").split(" ").filter(Boolean),
      authTime: typeof claims["auth_time"] === "number" ? new Date(claims["auth_time"] * 1000) : undefined,
      acr: text(claims["acr"]),
      actor: text(actor?.sub),
      readOnly: claims["read_only"] !== undefined && claims["read_only"] !== false,
    };
  }

  /**
   * Returns the token of a request, given its Authorization headers and its method, if it has all that is needed. Rejects with a
   * {@link Refusal} to answer with, or with {@link Unavailable}. A request whose method is not told may change something.
   */
  async check(authorization: readonly string[], needs: Needs = {}, method = ""): Promise<Token> {
    const [given, ...more] = authorization;
    if (given === undefined) throw this.#refusal(401, "");
    const [, presented] = /^bearer +([^ ,]+) *$/i.exec(given) ?? [];
    if (presented === undefined || more.length > 0) throw this.#refusal(401, "invalid_token");
    let token: Token;
    try {
      token = await this.verify(presented);
    } catch (error) {
      throw error instanceof Unavailable ? error : this.#refusal(401, "invalid_token", {}, { cause: error });
    }
    const { acrValues, changesNothing = false, maxAge, scopes = [] } = needs;
    if (token.readOnly && !changesNothing && !["GET", "HEAD", "OPTIONS"].includes(method)) throw new Refusal(403, "request.forbidden"); // as Grove's own API does
    if (!scopes.every((scope) => token.scopes.includes(scope))) throw this.#refusal(403, "insufficient_scope", { scope: scopes.join(" ") });
    const stale = maxAge !== undefined && !(this.#now().getTime() - (token.authTime?.getTime() ?? 0) <= maxAge * 1000);
    const weak = acrValues !== undefined && !(token.acr !== undefined && acrValues.includes(token.acr));
    if (stale || weak) {
      throw this.#refusal(401, "insufficient_user_authentication", { ...(weak ? { acr_values: acrValues.join(" ") } : {}), ...(stale ? { max_age: String(maxAge) } : {}) });
    }
    return token;
  }

  #now(): Date {
    return this.#config.now?.() ?? new Date();
  }

  #refusal(status: Refusal["status"], code: Refusal["code"], more: Record<string, string> = {}, options?: ErrorOptions): Refusal {
    const parameters = { resource_metadata: this.#hint, ...(code ? { error: code } : {}), ...more };
    return new Refusal(status, code, `Bearer ${Object.entries(parameters).map(([name, value]) => `${name}="${value}"`).join(", ")}`, options);
  }

  /** The tenant's keys, and where it answers about tokens. A failure is not kept. */
  #remote(): Promise<Found> {
    return (this.#found ??= this.#discover().catch((error: unknown) => {
      this.#found = undefined;
      throw new Unavailable(error);
    }));
  }

  async #discover(): Promise<Found> {
    const { fetch = globalThis.fetch, issuer } = this.#config;
    const response = await fetch(`${issuer}/.well-known/openid-configuration`, { redirect: "error", signal: AbortSignal.timeout(limit) });
    if (!response.ok) throw new Error(`the issuer's metadata: ${response.status}`);
    const metadata = (await response.json()) as { introspection_endpoint?: unknown; issuer?: unknown; jwks_uri?: unknown };
    if (metadata.issuer !== issuer) throw new Error("the metadata is of another issuer");
    const at = new URL(String(metadata.jwks_uri));
    if (issuer.startsWith("https:") && at.protocol !== "https:") throw new Error("the issuer's jwks_uri is not an https URL");
    const introspection = text(metadata.introspection_endpoint);
    if (introspection && issuer.startsWith("https:") && !introspection.startsWith("https:")) throw new Error("the issuer's introspection_endpoint is not an https URL");
    return { introspection, keys: createRemoteJWKSet(at, { timeoutDuration: limit, [customFetch]: (url, init) => fetch(url, init as RequestInit) }) };
  }
}

/** Whether nobody on the way can change what comes from there. */
function safe(url: URL): boolean {
  return url.protocol === "https:" || (url.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname));
}

/** Whether it was the keys that failed, not the token. */
function unreachable(error: unknown): boolean {
  return !(error instanceof errors.JOSEError) || ["ERR_JOSE_GENERIC", "ERR_JWKS_INVALID", "ERR_JWKS_TIMEOUT"].includes(error.code);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
