import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { Crash, type Grove, NotFound } from "../ui/index.ts";
import { AccountShell } from "./AccountShell.tsx";
import { AppsPage } from "./pages/apps.tsx";
import { OrganizationsPage } from "./pages/organizations.tsx";
import { ProfilePage } from "./pages/profile.tsx";
import { SecurityPage } from "./pages/security.tsx";

export function accountRouter(grove: Grove) {
  const root = createRootRoute({ component: AccountShell, notFoundComponent: NotFound });
  const page = (path: string, component: () => React.ReactNode) => createRoute({ component, getParentRoute: () => root, path });
  return createRouter({
    basepath: grove.mount.path,
    defaultErrorComponent: ({ error, reset }) => <Crash error={error} onRetry={reset} />,
    routeTree: root.addChildren([page("/", ProfilePage), page("/apps", AppsPage), page("/organizations", OrganizationsPage), page("/security", SecurityPage)]),
    scrollRestoration: true,
  });
}
