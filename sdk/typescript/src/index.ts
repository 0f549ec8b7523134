export { createGrove, every, sent, type GroveClient, type GroveOptions } from "./client.ts";
export { clientCredentials, type ClientCredentials } from "./credentials.ts";
export { Problem, type ProblemField } from "./problem.ts";
export type { components, paths } from "./schema.gen.ts";
