import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { type components, type GroveClient, Problem, sent } from "../api/index.ts";
import { toEnd, useApi, useCan, useGrove } from "../ui/index.ts";

type Role = components["schemas"]["Role"];

const same = (a: string, b: string) => a.localeCompare(b, undefined, { sensitivity: "accent" }) === 0;

/** Every role that can be given in an organization. */
const allRoles = (api: GroveClient, org: string): Promise<Role[]> => toEnd((query) => sent(api.GET("/v1/orgs/{org}/roles", { params: { path: { org }, query } })));

export function useRoles(org: string): Role[] {
  const { api } = useGrove();
  return useQuery({ enabled: useCan("roles.read"), queryFn: () => allRoles(api, org), queryKey: ["roles", org] }).data ?? [];
}

/** Every app that an organization has or that is shared with it. */
export function useAvailableApps(org: string) {
  const { api } = useGrove();
  const queryFn = () => toEnd((query) => sent(api.GET("/v1/orgs/{org}/available-apps", { params: { path: { org }, query } })));
  return useQuery({ enabled: useCan("apps.read"), queryFn, queryKey: ["available-apps", org] }).data ?? [];
}

/** Every app of an organization's own. */
export function useOwnApps(org: string) {
  const { api } = useGrove();
  return useQuery({ enabled: useCan("apps.read"), queryFn: () => toEnd((query) => sent(api.GET("/v1/orgs/{org}/apps", { params: { path: { org }, query } }))), queryKey: ["apps", org] }).data ?? [];
}

/** Every API that an organization has or inherits. */
export function useApiResources(org: string) {
  const { api } = useGrove();
  const queryFn = () => toEnd((query) => sent(api.GET("/v1/orgs/{org}/api-resources", { params: { path: { org }, query } })));
  return useQuery({ queryFn, queryKey: ["api-resources", org] }).data ?? [];
}

/** Finds groups and roles of an organization by their names, each asked for once. A name that is nobody's is a Problem. */
export function useNames(org: string) {
  const { api } = useGrove();
  const { t } = useTranslation();
  const known = useRef(new Map<string, Promise<string>>());
  const find = (kind: "groups" | "roles", name: string) => {
    const key = `${kind} ${name.toLowerCase()}`;
    const asked = known.current.get(key) ?? look(kind, name);
    known.current.set(key, asked);
    // What is not there now may be made before it is asked for again.
    asked.catch(() => known.current.delete(key));
    return asked;
  };
  const look = async (kind: "groups" | "roles", name: string) => {
    const path = { org };
    const items: { id: string; name: string }[] = kind === "groups"
      ? (await sent(api.GET("/v1/orgs/{org}/groups", { params: { path, query: { page_size: 200, q: name } } }))).items
      : await allRoles(api, org);
    const found = items.find((item) => same(item.name, name));
    if (!found) throw new Problem({ code: `many.${kind}`, status: 404, title: t(`many.unknown_${kind}`, { name }) });
    return found.id;
  };
  return {
    groups: (names: string[]) => Promise.all(names.map((name) => find("groups", name))),
    roles: (names: string[]) => Promise.all(names.map((name) => find("roles", name))),
  };
}

/** What members of an organization are called, by their ids. All are asked for together; whoever is no member is not there. */
export function useMemberNames(org: string, ids: string[]) {
  const user = [...new Set(ids)].sort();
  const list = useApi().useQuery(
    "get", "/v1/orgs/{org}/members", { params: { path: { org }, query: { page_size: 200, user } } },
    { enabled: user.length > 0, placeholderData: keepPreviousData, retry: false, staleTime: 60_000 },
  );
  return new Map(list.data?.items.map((m) => [m.user_id, m.display_name]));
}
