import createQuery, { type OpenapiQueryClient } from "openapi-react-query";
import { type ReactNode, createContext, useContext, useSyncExternalStore } from "react";
import { type GroveClient, createGrove, type paths } from "../api/index.ts";
import type { Session } from "./auth/session.ts";
import type { Mount } from "./base.ts";

/** What every page needs: where it is, who is signed in, and the API. */
export interface Grove {
  api: GroveClient;
  mount: Mount;
  /** Typed query and mutation hooks: `query.useQuery("get", "/v1/orgs/{org}", { params: { path: { org } } })`. */
  query: OpenapiQueryClient<paths>;
  session: Session;
}

export function createContextOf(session: Session): Grove {
  const api = createGrove({ accessToken: (renew) => session.accessToken(renew), attempts: 1, baseUrl: session.mount.issuer });
  return { api, mount: session.mount, query: createQuery(api), session };
}

const Context = createContext<Grove | undefined>(undefined);

export function GroveProvider({ children, value }: { children: ReactNode; value: Grove }) {
  return <Context value={value}>{children}</Context>;
}

export function useGrove(): Grove {
  const grove = useContext(Context);
  if (!grove) throw new Error("useGrove needs a GroveProvider above it.");
  return grove;
}

/** The typed query hooks. */
export const useApi = () => useGrove().query;

/** Whether the token in use has a permission. The API decides; this only spares people buttons that would fail. */
export function useCan(permission: string): boolean {
  const { session } = useGrove();
  const scopes = useSyncExternalStore(session.subscribe, () => session.scopes);
  return scopes === undefined || scopes.has(permission);
}

/** The session's state; renders again when it changes. */
export function useSession() {
  const { session } = useGrove();
  const person = useSyncExternalStore(session.subscribe, () => session.person);
  const actingIn = useSyncExternalStore(session.subscribe, () => session.actingIn);
  const ended = useSyncExternalStore(session.subscribe, () => session.ended);
  return { actingIn, ended, joined: session.joined, lost: session.lost, person, session };
}
