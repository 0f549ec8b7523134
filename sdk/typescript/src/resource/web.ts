import { type Needs, Refusal, type ResourceServer, type Token } from "./server.ts";

/** Returns the token of a request that has all that is needed, or the response that says what is missing and where to get it. */
export async function admit(server: ResourceServer, request: Request, needs: Needs = {}): Promise<Response | Token> {
  const given = request.headers.get("Authorization"); // several are joined by a comma, which no token has
  try {
    return await server.check(given === null ? [] : [given], needs, request.method);
  } catch (error) {
    if (error instanceof Refusal) return new Response(error.body, { headers: error.headers, status: error.status });
    throw error;
  }
}

/** Lets a handler have the requests that {@link admit} lets through. */
export function protect<Rest extends unknown[]>(server: ResourceServer, needs: Needs, handler: (request: Request, token: Token, ...rest: Rest) => Promise<Response> | Response) {
  return async (request: Request, ...rest: Rest): Promise<Response> => {
    const admitted = await admit(server, request, needs);
    return admitted instanceof Response ? admitted : handler(request, admitted, ...rest);
  };
}

/** The headers of the metadata. Anybody may read it, from any page. */
export const metadataHeaders = { "Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300", "Content-Type": "application/json" };

/** Answers a GET of the server's metadataPath (RFC 9728, section 3.2). */
export function metadata(server: ResourceServer): Response {
  return new Response(server.metadata, { headers: metadataHeaders });
}
