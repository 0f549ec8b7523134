import type { IncomingMessage, ServerResponse } from "node:http";
import { type Needs, Refusal, type ResourceServer, type Token } from "./server.ts";
import { metadataHeaders } from "./web.ts";

const tokens = new WeakMap<IncomingMessage, Token>();

/** Returns the token of a request that came through {@link requireToken}. */
export function tokenOf(request: IncomingMessage): Token {
  const token = tokens.get(request);
  if (!token) throw new Error("the request did not come through requireToken");
  return token;
}

/**
 * Middleware of Express, Connect and the like: lets requests through that have all that is needed, and tells the others what is missing
 * and where to get it. Where no token can be judged, `next` gets the error, whose status is 503, with the headers to answer with.
 */
export function requireToken(server: ResourceServer, needs: Needs = {}) {
  return (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void => {
    server.check(request.headersDistinct["authorization"] ?? [], needs, request.method).then(
      (token) => {
        tokens.set(request, token);
        next();
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) return next(error);
        response.writeHead(error.status, error.headers).end(error.body);
      },
    );
  };
}

/** Answers a GET of the server's metadataPath (RFC 9728, section 3.2). */
export function metadataHandler(server: ResourceServer) {
  return (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, metadataHeaders).end(server.metadata);
  };
}
