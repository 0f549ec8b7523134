import { Button, Center, Loader, Modal, Stack, Text } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { FullPage } from "../ErrorBoundary.tsx";
import { ProblemAlert } from "../ProblemAlert.tsx";
import { useSession } from "../grove.tsx";

/** Shows its children to a signed-in person. Starts the sign-in, tells of its failure, and of a session's end. */
export function AuthGate({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const { ended, session } = useSession();
  const [state, setState] = useState<"ready" | "starting" | { error: unknown }>("starting");
  useEffect(() => {
    // A session starts once, however often this effect runs: the second call gets the first one's promise.
    session.ready().then(
      (ready) => ready && setState("ready"),
      (error: unknown) => setState({ error }),
    );
  }, [session]);
  const again = () => void session.authorize(session.mount.path);
  if (typeof state === "object") {
    return (
      <FullPage action={<Button onClick={again}>{t("auth.again")}</Button>} body={t("auth.failedBody")} title={t("auth.failed")}>
        <ProblemAlert error={state.error} />
      </FullPage>
    );
  }
  if (state === "starting") {
    return <Center component="main" mih="100dvh"><Loader aria-label={t("auth.signingIn")} role="status" size="sm" /></Center>;
  }
  const here = () => void session.authorize(location.pathname + location.search);
  return (
    <>
      {children}
      <Modal closeOnClickOutside={false} closeOnEscape={false} onClose={here} opened={ended} title={t("auth.ended")} withCloseButton={false}>
        <Stack>
          <Text fz="sm">{t("auth.endedBody")}</Text>
          <Button data-autofocus ms="auto" onClick={here}>{t("auth.again")}</Button>
        </Stack>
      </Modal>
    </>
  );
}
