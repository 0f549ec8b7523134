/** The typed client of the management API is the one that everybody gets: see sdk/typescript. */
export * from "../../sdk/typescript/src/index.ts";
