/** One value that broke a rule: a JSON pointer (RFC 6901) into the body, or `query:`, `path:`, `header:` and a name. */
export interface ProblemField {
  pointer: string;
  code: string;
  detail: string;
}

/** A failed call (RFC 9457). Branch on `code`; `title` and `detail` are for people. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string | undefined;
  readonly requestId: string | undefined;
  readonly fields: readonly ProblemField[];

  constructor(init: { status: number; code: string; title: string; detail?: string; requestId?: string; fields?: readonly ProblemField[] }) {
    super(init.detail ?? init.title);
    this.name = "Problem";
    this.status = init.status;
    this.code = init.code;
    this.title = init.title;
    this.detail = init.detail;
    this.requestId = init.requestId;
    this.fields = init.fields ?? [];
  }

  /** Reads a response that is not a success: a problem, or the error of an OAuth endpoint (RFC 6749, section 5.2). Any other body still gives a Problem. */
  static async of(response: Response): Promise<Problem> {
    const fallback = { status: response.status, code: `http.${response.status}`, title: response.statusText || "Request failed" };
    if (!/[/+]json\b/.test(response.headers.get("content-type") ?? "")) return new Problem(fallback);
    try {
      const body = (await response.json()) as Record<string, unknown>;
      return new Problem({
        status: response.status,
        code: text(body["code"]) ?? text(body["error"]) ?? fallback.code,
        title: text(body["title"]) ?? fallback.title,
        detail: text(body["detail"]) ?? text(body["error_description"]),
        requestId: text(body["request_id"]),
        fields: Array.isArray(body["errors"]) ? (body["errors"] as ProblemField[]) : [],
      });
    } catch {
      return new Problem(fallback);
    }
  }

  /** Makes any thrown value a Problem; a network failure has status 0 and code `network`. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const network = error instanceof TypeError;
    return new Problem({ status: 0, code: network ? "network" : "unexpected", title: error instanceof Error ? error.message : String(error) });
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
