import type { JWTPayload } from "jose";

/**
 * How an API asks about opaque tokens (RFC 7662), as those of apps whose access_token_format is opaque. The API is a confidential app that
 * serves it: its identifier is among the app's token_exchange_audiences.
 */
export interface Introspection {
  clientId: string;
  clientSecret: string;
  /**
   * For how many seconds an answer is believed, a minute at the most; 0, or left out: each request asks, but for those
   * that come while the same token is being asked about. So long a token that was revoked is good.
   */
  cache?: number;
}

const keepInactive = 5; // seconds
const longest = 60; // seconds
const longestPause = 60; // seconds
const maxKept = 10_000; // answers of each kind
const maxToken = 16 << 10; // characters
const minToken = 50; // characters: a day, and something sealed
const prefix = "grv_at_";

// What strangers send is asked about as long as not too much of it turns out to be nothing: so many questions at once, and so many more
// each second. That is less than the server takes of one client, so that it still answers about tokens that were good before.
const maxStrange = 256;
const newStrange = 20;

/** Opaque tokens begin so. */
export const isOpaque = (token: string): boolean => token.startsWith(prefix);

/** There is no answer: it is worth to ask again in so many seconds. */
export class Silence extends Error {
  readonly seconds: number;

  constructor(message: string, seconds: number) {
    super(message);
    this.seconds = seconds;
  }
}

/**
 * Asks about tokens. Strangers can send as many as they like, so what they send neither fills it nor uses up what the server answers to one
 * client.
 */
export class Asker {
  readonly #introspection: Introspection;
  /** Good answers, and until when nobody asks again about others, by {@link digest}. */
  readonly #kept = new Map<string, { claims: JWTPayload; until: number }>();
  readonly #inactive = new Map<string, number>();
  /** Questions that are open. */
  readonly #open = new Map<string, Promise<JWTPayload | undefined>>();
  /** Questions of strangers that are open or came to nothing, and up to when they have become less. */
  #strange = 0;
  #earned = 0;
  /** The server has said that nobody is to ask before. */
  #paused = 0;

  constructor(introspection: Introspection) {
    if (!introspection.clientId || !introspection.clientSecret) throw new TypeError("introspection names no client with a secret");
    this.#introspection = introspection;
  }

  /**
   * Returns what the server says of an active token; undefined for any other. Rejects where there is no answer. Who wants to know the same
   * at the same time gets the same answer. `now` is in seconds.
   */
  async ask(token: string, now: number, request: (init: RequestInit) => Promise<Response>): Promise<JWTPayload | undefined> {
    if (token.length > maxToken || token.length < prefix.length + minToken || !/^[\w-]+$/.test(token)) return undefined;
    let question = this.#open.get(token);
    if (!question) {
      question = this.#answer(token, now, request).finally(() => this.#open.delete(token));
      this.#open.set(token, question);
    }
    return question;
  }

  /** What is known, or what the server says. */
  async #answer(token: string, now: number, request: (init: RequestInit) => Promise<Response>): Promise<JWTPayload | undefined> {
    const key = await digest(token);
    const known = this.#kept.get(key);
    if (known && now < known.until) return known.claims;
    if (now < (this.#inactive.get(key) ?? 0)) return undefined;
    if (now < this.#paused) throw new Silence("the introspection endpoint is not to be asked yet", Math.ceil(this.#paused - now));
    if (!known && !this.#admit(now)) throw new Silence("too many tokens that nobody knows", 1);
    let nothing = false;
    try {
      const claims = await this.#request(token, now, request);
      if (claims) {
        this.#keep(key, claims, now);
        return claims;
      }
      nothing = true;
      this.#kept.delete(key);
      if (this.#inactive.size >= maxKept) this.#inactive.clear(); // the worst is that some are asked about again
      this.#inactive.set(key, now + keepInactive);
      return undefined;
    } finally {
      if (!known && !nothing) this.#strange = Math.max(0, this.#strange - 1);
    }
  }

  /** Takes one of the questions that are there for strangers, and tells whether there was one. */
  #admit(now: number): boolean {
    if (now > this.#earned) {
      this.#strange = Math.max(0, this.#strange - (now - this.#earned) * newStrange);
      this.#earned = now;
    }
    if (this.#strange + 1 > maxStrange) return false;
    this.#strange++;
    return true;
  }

  async #request(token: string, now: number, request: (init: RequestInit) => Promise<Response>): Promise<JWTPayload | undefined> {
    const { clientId, clientSecret } = this.#introspection;
    const response = await request({
      body: new URLSearchParams({ token, token_type_hint: "access_token" }),
      headers: { Accept: "application/json", Authorization: `Basic ${btoa(`${encoded(clientId)}:${encoded(clientSecret)}`)}` },
      method: "POST",
      redirect: "error", // the secret goes nowhere else
    });
    if (response.status === 429 || response.status === 503) {
      const after = response.headers.get("Retry-After") ?? ""; // RFC 9110, section 10.2.3
      this.#paused = Math.max(this.#paused, now + Math.min(/^\d+$/.test(after) ? Number(after) : 1, longestPause));
      throw new Silence(`the introspection endpoint: ${response.status}`, Math.ceil(this.#paused - now));
    }
    if (response.status !== 200) throw new Error(`the introspection endpoint: ${response.status}`);
    const claims = (await response.json()) as JWTPayload & { active?: unknown };
    return claims.active === true ? claims : undefined;
  }

  /** Remembers a good answer, and where no answer is to be believed, that the token was good. */
  #keep(key: string, claims: JWTPayload, now: number): void {
    const until = Math.min(now + Math.min(this.#introspection.cache ?? 0, longest), claims.exp ?? 0);
    if (this.#kept.size >= maxKept) {
      for (const [old, { until: end }] of this.#kept) if (end <= now) this.#kept.delete(old);
    }
    // Nothing is forgotten that is still believed: where there is no room this one is asked about again.
    if (this.#kept.size < maxKept) this.#kept.set(key, { claims, until });
  }
}

/** What stands for a token, which may be long and is a secret. */
async function digest(token: string): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return String.fromCharCode(...new Uint8Array(sum));
}

/** RFC 6749, section 2.3.1. */
const encoded = (part: string): string => new URLSearchParams([["", part]]).toString().slice(1);
