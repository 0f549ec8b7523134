import { useNavigate, useParams } from "@tanstack/react-router";
import { useApi } from "../ui/index.ts";

/** The organization of the page's address. `ref` is an id, a handle or `root`, as the API takes it. */
export function useOrg() {
  const { org: ref = "root" } = useParams({ strict: false });
  const query = useApi().useQuery("get", "/v1/orgs/{org}", { params: { path: { org: ref } } }, { staleTime: 60_000 });
  return { org: query.data, path: `/orgs/${ref}`, query, ref };
}

/** The id at the end of a detail page's address. */
export function useId(): string {
  return useParams({ strict: false }).id ?? "";
}

/** Goes to another page of the console by its address. */
export function useGo(): (to: string) => void {
  const navigate = useNavigate();
  return (to) => void navigate({ to });
}

/** Whether the API offers an action on a thing. A thing that lists none leaves the decision to the call. */
export function allows(thing: { allowed_actions?: string[] } | undefined, verb: string): boolean {
  const actions = thing?.allowed_actions;
  return actions === undefined || actions.some((a) => a === verb || a.endsWith(`.${verb}`) || a.endsWith(`:${verb}`));
}
