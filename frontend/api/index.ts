export { createGrove, sent, type GroveClient, type GroveOptions } from "./client.ts";
export { Problem, type ProblemField } from "./problem.ts";
export type { components, paths } from "./schema";
