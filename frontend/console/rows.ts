import Papa from "papaparse";

/** What a column may say. The header of a file names it so; a list without a header is of email addresses. */
export const columns = ["email", "username", "given_name", "family_name", "locale", "groups", "roles"] as const;

export type Column = (typeof columns)[number];

export type Row = Partial<Record<Column, string>>;

/** How many people are taken at once. */
export const maxRows = 100;

export type Rows = { error: "columns" | "empty" | "tooMany"; name?: string; rows?: undefined } | { error?: undefined; rows: Row[] };

/** Reads email addresses, one a line or parted by commas, or a CSV file (RFC 4180) whose first line names its columns. */
export function readRows(text: string, allowed: readonly Column[] = columns): Rows {
  const lines = Papa.parse<string[]>(text.replace(/^\uFEFF/, ""), { skipEmptyLines: "greedy" }).data.map((line) => line.map((cell) => cell.trim()));
  const [header = [], ...body] = lines;
  if (header.some((cell) => cell.includes("@"))) return bounded(lines.flat().filter(Boolean).map((email) => ({ email })));
  const names = header.map((name) => name.toLowerCase().replaceAll(/[\s-]+/g, "_"));
  const unknown = names.find((name) => !allowed.includes(name as Column));
  if (unknown !== undefined) return { error: "columns", name: unknown };
  return bounded(body.map((line) => Object.fromEntries(names.map((name, i) => [name, line[i] ?? ""]).filter(([, value]) => value)) as Row));
}

function bounded(rows: Row[]): Rows {
  if (rows.length === 0) return { error: "empty" };
  return rows.length > maxRows ? { error: "tooMany" } : { rows };
}

/** The names in a cell such as `Sales|Support`. */
export const namesIn = (cell = "") => cell.split("|").map((name) => name.trim()).filter(Boolean);
