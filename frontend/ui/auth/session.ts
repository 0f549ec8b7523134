import * as oauth from "oauth4webapi";
import type { Mount } from "../base.ts";

/** Everything that a page asks for: who the person is, a refresh token, and the management API. */
export const scope = "openid profile email offline_access grove";

const switchGrant = "organization_switch";

/** A token this near to its end, in milliseconds, is renewed before it is used. */
const leeway = 30_000;

const pendingPrefix = "grove.auth.";
const orgPrefix = "grove.org.";
const joinedPrefix = "grove.joined.";
const lostPrefix = "grove.lost.";

/** Who is signed in, from the ID token. */
export interface Person {
  sub: string;
  name?: string;
  email?: string;
  picture?: string;
  /** The organization that the tokens speak for. */
  orgId?: string;
  orgHandle?: string;
  orgName?: string;
}

/** What is kept in sessionStorage between leaving for the authorization server and coming back. */
interface Pending {
  verifier: string;
  nonce: string;
  returnTo: string;
  /** The organization that was asked for. */
  org?: string;
}

interface Tokens {
  access: string;
  /** What the token may do; undefined where the server did not say. */
  scopes: ReadonlySet<string> | undefined;
  expiresAt: number;
}

/** The browser, as far as a session needs it; tests pass their own. */
export interface Surroundings {
  fetch: typeof globalThis.fetch;
  go: (url: string) => void;
  href: () => string;
  now: () => number;
  replace: (path: string) => void;
  storage: Pick<Storage, "getItem" | "removeItem" | "setItem">;
}

export const browser = (): Surroundings => ({
  fetch: (input, init) => globalThis.fetch(input, init),
  go: (url) => location.assign(url),
  href: () => location.href,
  now: () => Date.now(),
  replace: (path) => history.replaceState(null, "", path),
  storage: sessionStorage,
});

/** The session is over: the person has to sign in again. */
export class SessionEnded extends Error {
  constructor() {
    super("The session has ended.");
    this.name = "SessionEnded";
  }
}

/**
 * The page's own sign-in: authorization code with PKCE (RFC 7636) as a public client. Tokens live in memory only; after
 * a reload the person's session cookie brings new ones without a question. Refreshing is single-flight, because a
 * rotated refresh token that is sent twice counts as stolen.
 */
export class Session {
  readonly mount: Mount;
  readonly #client: oauth.Client;
  readonly #around: Surroundings;
  readonly #listeners = new Set<() => void>();
  #server: Promise<oauth.AuthorizationServer> | undefined;
  #own: Tokens | undefined;
  #acting: (Tokens & { org: string }) | undefined;
  #refreshToken: string | undefined;
  #idToken: string | undefined;
  #person: Person | undefined;
  #renewing: Promise<void> | undefined;
  #switching: Promise<void> | undefined;
  #starting: Promise<boolean> | undefined;
  #ended = false;
  #joined = false;
  #lost = false;

  constructor(mount: Mount, around: Surroundings = browser()) {
    this.mount = mount;
    this.#around = around;
    this.#client = { client_id: mount.app };
  }

  get person(): Person | undefined {
    return this.#person;
  }

  /** Whether the person comes from accepting an invitation of the organization that is open now. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Whether the organization that this tab last worked in let the person in no more, so that another one is open now. */
  get lost(): boolean {
    return this.#lost;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The organization whose token is in use, when it is another than the person signed in to. */
  get actingIn(): string | undefined {
    return this.#acting?.org;
  }

  /** The scopes of the token in use. */
  get scopes(): ReadonlySet<string> | undefined {
    return (this.#acting ?? this.#own)?.scopes;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Starts the session, once: a code is good for one exchange. */
  ready(): Promise<boolean> {
    this.#starting ??= this.start();
    return this.#starting;
  }

  /**
   * Finishes a sign-in when the page was opened at its callback, else begins one. Resolves to true when the session is
   * ready and to false when the browser is on its way to the authorization server.
   */
  async start(): Promise<boolean> {
    const url = new URL(this.#around.href());
    if (url.origin + url.pathname !== this.mount.callback) {
      const org = url.searchParams.get("org");
      if (org) {
        this.#remember(org);
        url.searchParams.delete("org");
        if (url.searchParams.has("joined")) this.#around.storage.setItem(joinedPrefix + this.mount.path, org);
      }
      url.searchParams.delete("joined");
      await this.authorize(url.pathname + url.search + url.hash);
      return false;
    }
    const state = url.searchParams.get("state") ?? "";
    const raw = this.#around.storage.getItem(pendingPrefix + state);
    if (!state || !raw) {
      await this.authorize(this.mount.path);
      return false;
    }
    this.#around.storage.removeItem(pendingPrefix + state);
    const pending = JSON.parse(raw) as Pending;
    const server = await this.#discover();
    let params: URLSearchParams;
    try {
      params = oauth.validateAuthResponse(server, this.#client, url, state);
    } catch (error) {
      // The organization may be the reason: the person has left it, or it is suspended. The next try leaves it open.
      this.#remember(undefined);
      if (!(error instanceof oauth.AuthorizationResponseError && pending.org)) throw error;
      this.#around.storage.setItem(lostPrefix + this.mount.path, pending.org);
      await this.authorize(this.mount.path);
      return false;
    }
    const response = await oauth.authorizationCodeGrantRequest(
      server, this.#client, oauth.None(), params, this.mount.callback, pending.verifier, this.#options(),
    );
    const result = await oauth.processAuthorizationCodeResponse(server, this.#client, response, {
      expectedNonce: pending.nonce,
      requireIdToken: true,
    });
    this.#lost = this.#around.storage.getItem(lostPrefix + this.mount.path) !== null;
    this.#around.storage.removeItem(lostPrefix + this.mount.path);
    this.#keep(result);
    this.#joined = this.#around.storage.getItem(joinedPrefix + this.mount.path) === this.#person?.orgHandle;
    this.#around.storage.removeItem(joinedPrefix + this.mount.path);
    this.#around.replace(pending.returnTo);
    return true;
  }

  /** Leaves for the authorization endpoint; the person comes back to returnTo, a path of this page. */
  async authorize(returnTo: string): Promise<void> {
    const server = await this.#discover();
    if (!server.authorization_endpoint) throw new Error("The issuer names no authorization endpoint.");
    const state = oauth.generateRandomState();
    const org = this.#org();
    const pending: Pending = { verifier: oauth.generateRandomCodeVerifier(), nonce: oauth.generateRandomNonce(), returnTo, ...(org && { org }) };
    this.#around.storage.setItem(pendingPrefix + state, JSON.stringify(pending));
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      ...Object.fromEntries(url.searchParams),
      client_id: this.#client.client_id,
      code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
      nonce: pending.nonce,
      redirect_uri: this.mount.callback,
      response_type: "code",
      scope,
      state,
      ...(org && { org }),
    }).toString();
    this.#around.go(url.href);
  }

  /** Returns an access token that is valid now, of the organization acted in. */
  async accessToken(renew = false): Promise<string> {
    const acting = this.#acting;
    if (acting) {
      if (renew || this.#old(acting)) await this.switchOrganization(acting.org);
      return (this.#acting ?? acting).access;
    }
    return this.#ownToken(renew);
  }

  /** Takes a token for another organization (grant organization_switch), or goes back to the own one with undefined. */
  async switchOrganization(org: string | undefined): Promise<void> {
    const own = this.#person?.orgId;
    if (org === undefined || org === own) {
      this.#remember(own);
      this.#acting = undefined;
      this.#tell();
      return;
    }
    this.#switching ??= this.#switch(org).finally(() => (this.#switching = undefined));
    await this.#switching;
    if (this.#acting?.org !== org) await this.switchOrganization(org); // another switch was under way
  }

  /** Ends the session here and at the authorization server (OpenID Connect RP-Initiated Logout 1.0). */
  async signOut(): Promise<void> {
    const server = await this.#discover();
    const url = new URL(server.end_session_endpoint ?? `${this.mount.issuer}/oauth2/logout`);
    url.searchParams.set("client_id", this.#client.client_id);
    url.searchParams.set("post_logout_redirect_uri", new URL(this.mount.path, this.mount.issuer).href);
    if (this.#idToken) url.searchParams.set("id_token_hint", this.#idToken);
    this.#remember(undefined);
    this.#own = this.#acting = this.#refreshToken = this.#idToken = this.#person = undefined;
    this.#around.go(url.href);
  }

  async #ownToken(renew: boolean): Promise<string> {
    if (this.#ended || !this.#own) throw new SessionEnded();
    if (renew || this.#old(this.#own)) {
      this.#renewing ??= this.#refresh().finally(() => (this.#renewing = undefined));
      await this.#renewing;
    }
    return this.#own.access;
  }

  async #refresh(): Promise<void> {
    if (!this.#refreshToken) return this.#end();
    const server = await this.#discover();
    const response = await oauth.refreshTokenGrantRequest(server, this.#client, oauth.None(), this.#refreshToken, this.#options());
    try {
      this.#keep(await oauth.processRefreshTokenResponse(server, this.#client, response));
    } catch (error) {
      // A server that is busy has decided nothing.
      if (error instanceof oauth.ResponseBodyError && error.status < 500 && error.status !== 429) return this.#end();
      throw error;
    }
  }

  async #switch(org: string): Promise<void> {
    const server = await this.#discover();
    const response = await oauth.genericTokenEndpointRequest(
      server, this.#client, oauth.None(), switchGrant,
      { scope, switching_organization: org, token: await this.#ownToken(false) }, this.#options(),
    );
    const result = await oauth.processGenericTokenEndpointResponse(server, this.#client, response);
    this.#acting = { ...this.#tokens(result), org };
    this.#remember(org);
    this.#tell();
  }

  /** The organization that this tab works in, so that a reload comes back to it. */
  #org(): string | null {
    return this.#around.storage.getItem(orgPrefix + this.mount.path);
  }

  #remember(org: string | undefined): void {
    if (org) this.#around.storage.setItem(orgPrefix + this.mount.path, org);
    else this.#around.storage.removeItem(orgPrefix + this.mount.path);
  }

  #end(): never {
    this.#ended = true;
    this.#tell();
    throw new SessionEnded();
  }

  #keep(result: oauth.TokenEndpointResponse): void {
    this.#own = this.#tokens(result);
    this.#refreshToken = result.refresh_token ?? this.#refreshToken;
    this.#idToken = result.id_token ?? this.#idToken;
    const claims = oauth.getValidatedIdTokenClaims(result);
    if (claims) {
      const text = (name: string) => (typeof claims[name] === "string" ? (claims[name] as string) : undefined);
      this.#person = {
        sub: claims.sub, name: text("name"), email: text("email"), picture: text("picture"),
        orgId: text("org_id"), orgHandle: text("org_handle"), orgName: text("org_name"),
      };
    }
    this.#tell();
  }

  #tokens(result: oauth.TokenEndpointResponse): Tokens {
    return {
      access: result.access_token, expiresAt: this.#around.now() + (result.expires_in ?? 300) * 1000,
      scopes: result.scope === undefined ? undefined : new Set(result.scope.split(" ")),
    };
  }

  #old(tokens: Tokens): boolean {
    return tokens.expiresAt - leeway <= this.#around.now();
  }

  #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.mount.issuer);
    this.#server ??= oauth
      .discoveryRequest(issuer, this.#options())
      .then((response) => oauth.processDiscoveryResponse(issuer, response))
      .catch((error: unknown) => {
        this.#server = undefined;
        throw error;
      });
    return this.#server;
  }

  #options() {
    return { [oauth.customFetch]: this.#around.fetch, [oauth.allowInsecureRequests]: this.mount.issuer.startsWith("http:") };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
