import { Alert, Button, Text } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/index.ts";

/** A failure in words: the problem's own title and detail, and the request id to quote to support. */
export function ProblemAlert({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const problem = Problem.from(error);
  const title = problem.code === "network" ? t("problem.network") : problem.status === 404 ? t("problem.notFound") : problem.title;
  const detail = problem.code === "network" ? t("problem.networkDetail") : problem.detail;
  return (
    <Alert color="red" icon={<IconAlertCircle />} radius="md" role="alert" title={title} variant="light">
      {detail && <Text fz="sm">{detail}</Text>}
      {problem.fields.map((f) => <Text fz="sm" key={f.pointer + f.code}><span className="mono">{f.pointer}</span> {f.detail}</Text>)}
      {problem.requestId && <Text c="dimmed" fz="xs" mt={4}>{t("problem.reference")} <span className="mono">{problem.requestId}</span></Text>}
      {onRetry && <Button color="red" mt="xs" onClick={onRetry} size="compact-sm" variant="light">{t("action.retry")}</Button>}
    </Alert>
  );
}
