import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, SignJWT, exportJWK, generateKeyPair } from "jose";
import { ResourceServer } from "../src/resource/index.ts";

export const api = "https://api.example/notes";

/** A tenant, as far as an API sees one: metadata and keys. */
export class Issuer {
  readonly now = new Date(1_900_000_000_000);
  /** Whether it answers, and its keys can be read. */
  up = true;
  keysUp = true;
  /** How many requests came. */
  asked = 0;
  readonly #http: Server;
  #alg = "";
  #key!: CryptoKey;
  #kid = 0;
  #jwks = "";

  private constructor() {
    this.#http = createServer((request, response) => {
      this.asked++;
      response.setHeader("Content-Type", "application/json");
      if (!this.up || (!this.keysUp && request.url?.endsWith("/jwks"))) response.writeHead(503).end("{}");
      else if (request.url?.endsWith("/jwks")) response.end(this.#jwks);
      else response.end(JSON.stringify({ issuer: this.base, jwks_uri: `${this.base}/jwks` }));
    });
  }

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    await issuer.rotate();
    issuer.#http.listen(0, "127.0.0.1");
    await once(issuer.#http, "listening");
    return issuer;
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/t/acme`;
  }

  async rotate(alg = "ES256"): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    this.#alg = alg;
    this.#key = privateKey;
    this.#jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg, kid: String(++this.#kid), use: "sig" }] });
  }

  seconds(from: number): number {
    return this.now.getTime() / 1000 + from;
  }

  /** A good token for a person, with changes; undefined takes a claim out. */
  token(changes: Record<string, unknown> = {}, typ: string | undefined = "at+jwt"): Promise<string> {
    const claims = {
      iss: this.base, aud: [api], sub: "usr_1", aut: "APPLICATION_USER", client_id: "web", org_id: "org_1", org_handle: "north", roles: ["Editor"],
      scope: "notes.read notes.write", exp: this.seconds(60), iat: this.seconds(0), jti: "t1", auth_time: this.seconds(-3600), acr: "1", ...changes,
    };
    return new SignJWT(claims).setProtectedHeader({ alg: this.#alg, kid: String(this.#kid), ...(typ ? { typ } : {}) }).sign(this.#key);
  }

  server(): ResourceServer {
    return new ResourceServer({ issuer: this.base, now: () => this.now, resource: api, scopes: ["notes.read"] });
  }

  async stop(): Promise<void> {
    this.#http.close();
    await once(this.#http, "close");
  }
}
