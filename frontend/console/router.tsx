import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { Crash, type Grove, NotFound } from "../ui/index.ts";
import { ConsoleShell } from "./ConsoleShell.tsx";

/** The pages of one organization, below /orgs/{org}. Each is a file of its own, loaded when it is first opened. */
const pages = {
  "/": lazyRouteComponent(() => import("./pages/overview.tsx"), "OverviewPage"),
  "/api-resources": lazyRouteComponent(() => import("./pages/api-resources.tsx"), "ApiResourcesPage"),
  "/api-resources/$id": lazyRouteComponent(() => import("./pages/api-resources.tsx"), "ApiResourcePage"),
  "/apps": lazyRouteComponent(() => import("./pages/apps/list.tsx"), "AppsPage"),
  "/apps/$id": lazyRouteComponent(() => import("./pages/apps/detail.tsx"), "AppPage"),
  "/claims": lazyRouteComponent(() => import("./pages/claims.tsx"), "ClaimsPage"),
  "/domains": lazyRouteComponent(() => import("./pages/domains.tsx"), "DomainsPage"),
  "/events": lazyRouteComponent(() => import("./pages/events/index.tsx"), "EventsPage"),
  "/groups": lazyRouteComponent(() => import("./pages/groups.tsx"), "GroupsPage"),
  "/groups/$id": lazyRouteComponent(() => import("./pages/groups.tsx"), "GroupPage"),
  "/invitations": lazyRouteComponent(() => import("./pages/invitations.tsx"), "InvitationsPage"),
  "/keys": lazyRouteComponent(() => import("./pages/keys.tsx"), "KeysPage"),
  "/members": lazyRouteComponent(() => import("./pages/members.tsx"), "MembersPage"),
  "/members/$id": lazyRouteComponent(() => import("./pages/members.tsx"), "MemberPage"),
  "/organizations": lazyRouteComponent(() => import("./pages/organizations.tsx"), "OrganizationsPage"),
  "/roles": lazyRouteComponent(() => import("./pages/roles.tsx"), "RolesPage"),
  "/roles/$id": lazyRouteComponent(() => import("./pages/roles.tsx"), "RolePage"),
  "/sessions": lazyRouteComponent(() => import("./pages/sessions.tsx"), "SessionsPage"),
  "/settings": lazyRouteComponent(() => import("./pages/settings/index.tsx"), "SettingsPage"),
  "/settings/$id": lazyRouteComponent(() => import("./pages/settings/module.tsx"), "SettingsModulePage"),
  "/support": lazyRouteComponent(() => import("./pages/support.tsx"), "SupportAccessPage"),
  "/token-issuers": lazyRouteComponent(() => import("./pages/token-issuers.tsx"), "TokenIssuersPage"),
  "/token-issuers/$id": lazyRouteComponent(() => import("./pages/token-issuers.tsx"), "TokenIssuerPage"),
  "/users": lazyRouteComponent(() => import("./pages/users/list.tsx"), "UsersPage"),
  "/users/$id": lazyRouteComponent(() => import("./pages/users/detail.tsx"), "UserPage"),
};

/** The organization that the console opens on: the one that the token in use is for. */
const homeOf = ({ session }: Grove) => session.actingIn ?? session.person?.orgId ?? "root";

export function consoleRouter(grove: Grove) {
  const root = createRootRoute({ component: ConsoleShell, notFoundComponent: NotFound });
  const home = createRoute({
    beforeLoad: () => {
      throw redirect({ params: { org: homeOf(grove) }, to: "/orgs/$org" });
    },
    getParentRoute: () => root,
    path: "/",
  });
  const org = createRoute({ getParentRoute: () => root, path: "/orgs/$org" });
  const children = Object.entries(pages).map(([path, component]) => createRoute({ component, getParentRoute: () => org, path }));
  return createRouter({
    basepath: grove.mount.path,
    defaultErrorComponent: ({ error, reset }) => <Crash error={error} onRetry={reset} />,
    defaultPreload: "intent",
    routeTree: root.addChildren([home, org.addChildren(children)]),
    scrollRestoration: true,
  });
}
