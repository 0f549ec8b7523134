import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { Crash, type Grove } from "../ui/index.ts";
import { ConsoleShell } from "./ConsoleShell.tsx";
import { NotFound } from "./NotFound.tsx";

/** The pages of one organization, below /orgs/{org}. Each is a file of its own, loaded when it is first opened. */
const pages = {
  "/": lazyRouteComponent(() => import("./pages/overview.tsx"), "OverviewPage"),
  "/api-resources": lazyRouteComponent(() => import("./pages/api-resources.tsx"), "ApiResourcesPage"),
  "/api-resources/$id": lazyRouteComponent(() => import("./pages/api-resources.tsx"), "ApiResourcePage"),
  "/apps": lazyRouteComponent(() => import("./pages/apps.tsx"), "AppsPage"),
  "/apps/$id": lazyRouteComponent(() => import("./pages/apps.tsx"), "AppPage"),
  "/events": lazyRouteComponent(() => import("./pages/events.tsx"), "EventsPage"),
  "/groups": lazyRouteComponent(() => import("./pages/groups.tsx"), "GroupsPage"),
  "/groups/$id": lazyRouteComponent(() => import("./pages/groups.tsx"), "GroupPage"),
  "/invitations": lazyRouteComponent(() => import("./pages/invitations.tsx"), "InvitationsPage"),
  "/organizations": lazyRouteComponent(() => import("./pages/organizations.tsx"), "OrganizationsPage"),
  "/roles": lazyRouteComponent(() => import("./pages/roles.tsx"), "RolesPage"),
  "/roles/$id": lazyRouteComponent(() => import("./pages/roles.tsx"), "RolePage"),
  "/settings": lazyRouteComponent(() => import("./pages/settings.tsx"), "SettingsPage"),
  "/users": lazyRouteComponent(() => import("./pages/users.tsx"), "UsersPage"),
  "/users/$id": lazyRouteComponent(() => import("./pages/users.tsx"), "UserPage"),
};

/** The organization that the console opens on: the one the person signed in to. */
const homeOf = (grove: Grove) => grove.session.person?.orgId ?? "root";

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
