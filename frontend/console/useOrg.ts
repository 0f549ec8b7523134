import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useApi } from "../ui/index.ts";

/** The organization of the page's address. `ref` is an id, a handle or `root`, as the API takes it. */
export function useOrg() {
  const { org: ref = "root" } = useParams({ strict: false });
  const query = useApi().useQuery("get", "/v1/orgs/{org}", { params: { path: { org: ref } } }, { staleTime: 60_000 });
  return { org: query.data, path: `/orgs/${ref}`, query, ref };
}

/** Whether the page is about the tenant's root, which alone has keys and the chain of events. */
export function useIsRoot(): boolean {
  return useOrg().org?.is_root === true;
}

/** The id at the end of a detail page's address. */
export function useId(): string {
  return useParams({ strict: false }).id ?? "";
}

/** Goes to another page of the console by its address; whoever deletes what a page is about waits until the page is left. */
export function useGo(): (to: string) => Promise<void> {
  const navigate = useNavigate();
  return (to) => navigate({ to });
}

/** Which of a page's tabs is open. It is kept in the address, so that a link and a reload come back to it. */
export function useTab<const T extends string>(tabs: readonly [T, ...T[]]): [T, (tab: string | null) => void] {
  const { tab } = useSearch({ strict: false }) as { tab?: unknown };
  const navigate = useNavigate();
  return [tabs.find((known) => known === tab) ?? tabs[0], (to) => void navigate({ replace: true, search: { tab: to } as never, to: "." })];
}

/** A list of tabs that is wider than a phone shows the open one. */
export function showOpenTab(list: HTMLElement | null) {
  list?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Whether the API offers an action on a thing. A thing that lists none leaves the decision to the call. */
export function allows(thing: { allowed_actions?: string[] } | undefined, verb: string): boolean {
  const actions = thing?.allowed_actions;
  return actions === undefined || actions.includes(verb);
}
