import { Button, Center, Group, Stack, Text, Title } from "@mantine/core";
import { Component, type ErrorInfo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Mark } from "./Brand.tsx";
import { ProblemAlert } from "./ProblemAlert.tsx";

/** A whole page that says what happened. */
export function FullPage({ action, body, children, title }: { action?: ReactNode; body?: string; children?: ReactNode; title: string }) {
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack align="center" gap="sm" maw={440} ta="center">
        <Mark size={44} />
        <Title mt="xs" order={1}>{title}</Title>
        {body && <Text c="dimmed">{body}</Text>}
        {children}
        {action && <Group mt="sm">{action}</Group>}
      </Stack>
    </Center>
  );
}

/** A failure while rendering, inside the shell or in its place. */
export function Crash({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return <ProblemAlert error={error} onRetry={onRetry} />;
}

function Broken({ error }: { error: unknown }) {
  const { t } = useTranslation();
  return (
    <FullPage action={<Button onClick={() => location.reload()}>{t("action.reload")}</Button>} title={t("problem.broken")}>
      <ProblemAlert error={error} />
    </FullPage>
  );
}

/** Catches what a page throws while rendering, so that a mistake never leaves an empty screen. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }

  override render() {
    return this.state.error === undefined ? this.props.children : <Broken error={this.state.error} />;
  }
}
