import { Alert, Button, Text } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { wordsOf } from "./words.ts";

/**
 * A failure in words, and the request id to quote to support. What trying again would not change has the way to the start
 * instead.
 */
export function ProblemAlert({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const { detail, problem, title } = wordsOf(error);
  const lasting = problem.status === 403 || problem.status === 404;
  return (
    <Alert color="red" icon={<IconAlertCircle />} radius="md" role="alert" title={title} variant="light">
      {detail && <Text fz="sm">{detail}</Text>}
      {problem.fields.map((f) => <Text fz="sm" key={f.pointer + f.code}><span className="mono">{f.pointer}</span> {f.detail}</Text>)}
      {problem.requestId && <Text c="dimmed" fz="xs" mt={4}>{t("problem.reference")} <span className="mono">{problem.requestId}</span></Text>}
      {onRetry && lasting && <Button color="red" component={Link} mt="xs" size="compact-sm" to="/" variant="light">{t("problem.start")}</Button>}
      {onRetry && !lasting && <Button color="red" mt="xs" onClick={onRetry} size="compact-sm" variant="light">{t("action.retry")}</Button>}
    </Alert>
  );
}
