import { DirectionProvider, MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { setNonce } from "get-nonce";
import type { ReactNode } from "react";
import { I18nextProvider, useTranslation } from "react-i18next";
import { Problem } from "../api/index.ts";
import { SessionEnded } from "./auth/session.ts";
import { i18n } from "./i18n/index.ts";
import { theme, variables } from "./theme.ts";

/** The request's nonce, which embed.go wrote into the index. Browsers hide it from getAttribute. */
const nonce = document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
setNonce(nonce); // react-remove-scroll, below Mantine's dialogs

function lasting(error: unknown): boolean {
  const status = error instanceof Problem ? error.status : 0;
  return error instanceof SessionEnded || (status >= 400 && status < 500 && status !== 429);
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { refetchOnWindowFocus: false, retry: (count, error) => count < 2 && !lasting(error), staleTime: 10_000 },
      mutations: { retry: false },
    },
  });
}

export function Providers({ children, queries }: { children: ReactNode; queries: QueryClient }) {
  return (
    <I18nextProvider i18n={i18n}>
      <DirectionProvider>
        <MantineProvider cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce} theme={theme}>
          <QueryClientProvider client={queries}>
            <Dialogs>
              <Notifications position="bottom-right" />
              {children}
            </Dialogs>
          </QueryClientProvider>
        </MantineProvider>
      </DirectionProvider>
    </I18nextProvider>
  );
}

function Dialogs({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  return <ModalsProvider labels={{ cancel: t("action.cancel"), confirm: t("action.confirm") }}>{children}</ModalsProvider>;
}
