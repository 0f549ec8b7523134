import createClient, { type Client, type Middleware } from "openapi-fetch";
import { Problem } from "./problem.ts";
import type { paths } from "./schema";

export type GroveClient = Client<paths>;

export interface GroveOptions {
  /** The tenant's or organization's base, without `/v1`: `https://id.example.com/t/acme`. */
  baseUrl: string;
  /** Returns a valid access token. `renew` asks for a new one, after a call was refused with 401. */
  accessToken: (renew: boolean) => Promise<string>;
  fetch?: typeof globalThis.fetch;
}

/**
 * A typed client of the management API. A failure rejects with a {@link Problem}. A POST carries an Idempotency-Key; a
 * PATCH is a JSON merge patch (RFC 7396); a PATCH, PUT or DELETE carries the If-Match of the last GET of the same address,
 * so that nobody's change is lost unseen.
 */
export function createGrove(options: GroveOptions): GroveClient {
  const fetcher = options.fetch ?? globalThis.fetch.bind(globalThis);
  const client = createClient<paths>({
    baseUrl: options.baseUrl,
    fetch: async (request) => {
      const attempt = async (renew: boolean) => {
        const copy = request.clone();
        copy.headers.set("Authorization", `Bearer ${await options.accessToken(renew)}`);
        return fetcher(copy);
      };
      const response = await attempt(false);
      return response.status === 401 ? attempt(true) : response;
    },
  });
  client.use(merging, conditional(), failing);
  return client;
}

const merging: Middleware = {
  onRequest({ request }) {
    if (request.method === "PATCH") request.headers.set("Content-Type", "application/merge-patch+json");
    return request;
  },
};

/** The most recent entity tags to keep; the oldest go first. */
const maxTags = 500;

function conditional(): Middleware {
  const tags = new Map<string, string>();
  return {
    onRequest({ request }) {
      if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
        request.headers.set("Idempotency-Key", crypto.randomUUID());
      }
      const tag = tags.get(request.url);
      if (tag && ["PATCH", "PUT", "DELETE"].includes(request.method) && !request.headers.has("If-Match")) {
        request.headers.set("If-Match", tag);
      }
      return request;
    },
    onResponse({ request, response }) {
      const tag = response.headers.get("ETag");
      if (request.method === "DELETE" || !tag) tags.delete(request.url);
      else if (response.ok && request.method !== "POST") {
        tags.delete(request.url);
        tags.set(request.url, tag);
        const oldest = tags.keys().next();
        if (tags.size > maxTags && !oldest.done) tags.delete(oldest.value);
      }
      return undefined;
    },
  };
}

/** The body of a successful answer that has one. */
export async function sent<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

const failing: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await Problem.of(response);
    return undefined;
  },
};
