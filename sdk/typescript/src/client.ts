import createClient, { type Client, type Middleware } from "openapi-fetch";
import { Problem } from "./problem.ts";
import type { paths } from "./schema.gen.ts";

export type GroveClient = Client<paths>;

export interface GroveOptions {
  /** The tenant's or organization's base, without `/v1`: `https://id.example.com/t/acme`. */
  baseUrl: string;
  /** Returns a valid access token. `renew` asks for a new one, after a call was refused with 401. See {@link clientCredentials}. */
  accessToken: (renew: boolean) => Promise<string>;
  /**
   * How often a call is tried, 3 by default: again when the server was too busy to take it, and a GET or POST also when the connection
   * broke. 1 leaves repeating to the caller.
   */
  attempts?: number;
  fetch?: (request: Request) => Promise<Response>;
}

/**
 * A typed client of the management API. A failure rejects with a {@link Problem}. A POST carries an Idempotency-Key; a
 * PATCH is a JSON merge patch (RFC 7396); a PATCH, PUT or DELETE carries the If-Match of the last GET of the same address,
 * so that nobody's change is lost unseen.
 */
export function createGrove(options: GroveOptions): GroveClient {
  const fetcher = options.fetch ?? ((request: Request) => globalThis.fetch(request));
  const client = createClient<paths>({
    baseUrl: options.baseUrl,
    fetch: async (request) => {
      const once = async (renew: boolean) => {
        const copy = request.clone();
        copy.headers.set("Authorization", `Bearer ${await options.accessToken(renew)}`);
        return repeating(copy, fetcher, options.attempts ?? 3);
      };
      const response = await once(false);
      return response.status === 401 ? once(true) : response;
    },
  });
  client.use(merging, conditional(), failing);
  return client;
}

/** What the server did nothing for is sent again, and what takes effect once where nobody knows. */
async function repeating(request: Request, fetcher: (request: Request) => Promise<Response>, attempts: number): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= attempts;
    let wait = (100 + Math.random() * 100) * 2 ** attempt; // milliseconds
    try {
      const response = await fetcher(request.clone());
      if (last || (response.status !== 429 && response.status !== 503)) return response;
      wait = Math.max(wait, 1000 * (Number(response.headers.get("Retry-After")) || 0));
      await response.body?.cancel();
    } catch (error) {
      if (last || !["GET", "POST"].includes(request.method)) throw error;
    }
    await pause(wait, request.signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((done, fail) => {
    const end = () => {
      clearTimeout(timer);
      fail(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      done();
    }, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
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

const failing: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await Problem.of(response);
    return undefined;
  },
};

/** The body of a successful answer that has one. */
export async function sent<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

interface Page<T> {
  items: T[];
  next_page_token?: string;
}

/**
 * Goes over a whole list, page after page:
 *
 *     for await (const user of every((page_token) => grove.GET("/v1/orgs/{org}/users", { params: { path: { org }, query: { page_token } } })))
 */
export async function* every<T>(list: (page_token: string | undefined) => Promise<{ data?: Page<T> }>): AsyncGenerator<T, void, undefined> {
  let token: string | undefined;
  do {
    const page = await sent(list(token));
    yield* page.items;
    token = page.next_page_token;
  } while (token);
}
