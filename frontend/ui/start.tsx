import "./styles.ts";
import { type AnyRouter, RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ErrorBoundary } from "./ErrorBoundary.tsx";
import { Providers, createQueryClient } from "./Providers.tsx";
import { AuthGate } from "./auth/AuthGate.tsx";
import { Session } from "./auth/session.ts";
import { mountOf } from "./base.ts";
import { type Grove, GroveProvider, createContextOf } from "./grove.tsx";
import { chooseLanguage } from "./i18n/index.ts";

/** Starts one of the two apps in #root. */
export async function start(makeRouter: (grove: Grove) => AnyRouter): Promise<void> {
  const root = document.getElementById("root");
  if (!root) throw new Error("The page has no #root.");
  await chooseLanguage(navigator.languages);
  const session = new Session(mountOf(location));
  const grove = createContextOf(session);
  const queries = createQueryClient();
  // What one organization's token may see is not what another's may.
  let acting = session.actingIn;
  session.subscribe(() => {
    if (session.actingIn !== acting) void queries.invalidateQueries();
    acting = session.actingIn;
  });
  createRoot(root).render(
    <StrictMode>
      <Providers queries={queries}>
        <ErrorBoundary>
          <GroveProvider value={grove}>
            <AuthGate><Routes grove={grove} makeRouter={makeRouter} /></AuthGate>
          </GroveProvider>
        </ErrorBoundary>
      </Providers>
    </StrictMode>,
  );
}

let router: AnyRouter | undefined;

/** Makes the router when the session is ready, because only then the address is the one to show. */
function Routes({ grove, makeRouter }: { grove: Grove; makeRouter: (grove: Grove) => AnyRouter }) {
  router ??= makeRouter(grove);
  return <RouterProvider router={router} />;
}
