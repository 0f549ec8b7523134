export type { Introspection } from "./introspect.ts";
export { Refusal, ResourceServer, Unavailable, type Needs, type ResourceConfig, type Token } from "./server.ts";
export { admit, metadata, protect } from "./web.ts";
