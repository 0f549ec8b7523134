import { AuthorizationResponseError, ResponseBodyError } from "oauth4webapi";
import { Problem } from "../api/index.ts";
import { i18n } from "./i18n/index.ts";

/** The 429 that whoever is quick meets, and that of a proxy before us. Every other says itself of what there was too much. */
const busy = ["http.429", "request.rate_limited"];

/** A failure in words for people: what the API says about what they did, and our own where it speaks to programs. */
export function wordsOf(error: unknown): { detail: string | undefined; problem: Problem; title: string } {
  const t = i18n.t.bind(i18n);
  const problem = Problem.from(error);
  if (problem.code === "network") return { detail: t("problem.networkDetail"), problem, title: t("problem.network") };
  if (busy.includes(problem.code) || (error instanceof ResponseBodyError && error.status === 429)) return { detail: t("problem.busyDetail"), problem, title: t("problem.busy") };
  if (problem.status === 404) return { detail: t("problem.notFoundDetail"), problem, title: t("problem.notFound") };
  if (problem.code === "request.forbidden") return { detail: t("problem.forbiddenDetail"), problem, title: t("problem.forbidden") };
  if (error instanceof AuthorizationResponseError) return { detail: t("auth.refusedDetail"), problem, title: t("auth.refused") };
  if (error instanceof ResponseBodyError) return { detail: t("auth.refusedOrgDetail"), problem, title: t("auth.refusedOrg") };
  return { detail: problem.detail, problem, title: problem.title };
}
