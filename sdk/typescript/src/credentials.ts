import { Problem } from "./problem.ts";

export interface ClientCredentials {
  /** The tenant's or organization's base: `https://id.example.com/t/acme`. */
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  /** Left out: all that the app is authorized for. */
  scopes?: readonly string[];
  /** The identifiers of the APIs that the token is for (RFC 8707). */
  resources?: readonly string[];
  fetch?: (request: Request) => Promise<Response>;
}

/** How long before its end a token counts as expired, in milliseconds: it has to arrive. */
const margin = 10_000;

/** The longest that a token request takes, in milliseconds. */
const limit = 15_000;

/**
 * Gets tokens for a machine-to-machine app (RFC 6749, section 4.4) and keeps each for its life. What it returns is the `accessToken` of
 * {@link GroveOptions}, and good for calls to other APIs as well. Calls at the same time share one request.
 */
export function clientCredentials(c: ClientCredentials): (renew?: boolean) => Promise<string> {
  const fetcher = c.fetch ?? ((request: Request) => globalThis.fetch(request));
  let pending: Promise<{ token: string; until: number }> | undefined;
  let until = 0;

  const take = async () => {
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    if (c.scopes) form.set("scope", c.scopes.join(" "));
    for (const resource of c.resources ?? []) form.append("resource", resource);
    const basic = `${encodeURIComponent(c.clientId)}:${encodeURIComponent(c.clientSecret)}`; // RFC 6749, section 2.3.1
    const response = await fetcher(new Request(`${c.baseUrl.replace(/\/$/, "")}/oauth2/token`, {
      body: form,
      headers: { Accept: "application/json", Authorization: `Basic ${btoa(basic)}` },
      method: "POST",
      redirect: "error",
      signal: AbortSignal.timeout(limit),
    }));
    if (!response.ok) throw await Problem.of(response);
    const answer = (await response.json()) as { access_token: string; expires_in: number };
    return { token: answer.access_token, until: Date.now() + answer.expires_in * 1000 - margin };
  };

  return async (renew = false) => {
    if (!pending || (until > 0 && (renew || Date.now() >= until))) {
      until = 0; // until the answer is there nobody asks again
      pending = take();
    }
    const mine = pending;
    try {
      const got = await mine;
      if (mine === pending) until = got.until;
      return got.token;
    } catch (error) {
      if (mine === pending) pending = undefined;
      throw error;
    }
  };
}
