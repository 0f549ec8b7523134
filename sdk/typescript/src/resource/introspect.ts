import type { JWTPayload } from "jose";

/**
 * How an API asks about opaque tokens (RFC 7662), as those of apps whose access_token_format is opaque. The API is a confidential app that
 * serves it: its identifier is among the app's token_exchange_audiences.
 */
export interface Introspection {
  clientId: string;
  clientSecret: string;
  /** For how many seconds an answer is believed, a minute at the most; 0, or left out: each request asks. So long a token that was revoked is good. */
  cache?: number;
}

const longest = 60; // seconds
const maxKept = 10_000; // answers
const maxToken = 16 << 10; // characters

/** Opaque tokens begin so. */
export const isOpaque = (token: string): boolean => token.startsWith("grv_at_");

/** Asks about tokens. Only good answers are kept: what strangers send fills nothing. */
export class Asker {
  readonly #introspection: Introspection;
  readonly #kept = new Map<string, { claims: JWTPayload; until: number }>();

  constructor(introspection: Introspection) {
    if (!introspection.clientId || !introspection.clientSecret) throw new TypeError("introspection names no client with a secret");
    this.#introspection = introspection;
  }

  /** Returns what the server says of an active token; undefined for any other. Rejects where there is no answer. `now` is in seconds. */
  async ask(token: string, now: number, request: (init: RequestInit) => Promise<Response>): Promise<JWTPayload | undefined> {
    if (token.length > maxToken) return undefined;
    const known = this.#kept.get(token);
    if (known && now < known.until) return known.claims;
    const { cache = 0, clientId, clientSecret } = this.#introspection;
    const response = await request({
      body: new URLSearchParams({ token, token_type_hint: "access_token" }),
      headers: { Accept: "application/json", Authorization: `Basic ${btoa(`${encoded(clientId)}:${encoded(clientSecret)}`)}` },
      method: "POST",
      redirect: "error", // the secret goes nowhere else
    });
    if (response.status !== 200) throw new Error(`the introspection endpoint: ${response.status}`);
    const claims = (await response.json()) as JWTPayload & { active?: unknown };
    if (claims.active !== true) return undefined;
    const until = Math.min(now + Math.min(cache, longest), claims.exp ?? 0);
    if (until > now) this.#keep(token, claims, until, now);
    return claims;
  }

  #keep(token: string, claims: JWTPayload, until: number, now: number): void {
    if (this.#kept.size >= maxKept) {
      for (const [old, { until: end }] of this.#kept) if (end <= now) this.#kept.delete(old);
    }
    // Nothing is forgotten that is still good: where there is no room this one is asked about again.
    if (this.#kept.size < maxKept) this.#kept.set(token, { claims, until });
  }
}

/** RFC 6749, section 2.3.1. */
const encoded = (part: string): string => new URLSearchParams([["", part]]).toString().slice(1);
