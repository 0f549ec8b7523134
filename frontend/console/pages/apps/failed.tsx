import { Badge, Code, Drawer, Group, Mark, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Copyable, DataTable, EmptyState, Facts, Section, Time, useApi, useCursor } from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";
import type { App } from "./detail.tsx";

type FailedRequest = components["schemas"]["FailedRequest"];
type Received = components["schemas"]["Received"];

/** The app's last requests that were refused, each with what to do about it. */
export function FailedRequests({ app }: { app: App }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const [shown, setShown] = useState<FailedRequest>();
  const cursor = useCursor(app.id);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/apps/{app}/failed-requests", { params: { path: { app: app.id, org: ref }, query: cursor.query } });
  return (
    <Section description={t("failed.description")} title={t("appTab.failed")}>
      <DataTable
        caption={t("appTab.failed")} cursor={cursor} list={list}
        columns={[
          { key: "endpoint", title: t("failed.endpoint"), render: (r) => <span className="mono">{r.endpoint}</span>, wide: true, width: 170 },
          {
            key: "error", title: t("failed.error"),
            render: (r) => <UnstyledButton className="mono" fw={560} onClick={() => setShown(r)} style={{ textDecoration: "underline dotted", textUnderlineOffset: 4 }}>{r.error}</UnstyledButton>,
          },
          { key: "fix", title: t("failed.fix"), render: (r) => r.fix, wide: true },
          { key: "at", title: t("events.at"), render: (r) => <Time at={r.created_at} />, width: 130 },
        ]}
        empty={<EmptyState body={t("failed.emptyBody")} icon={IconCircleCheck} title={t("failed.empty")} />}
      />
      <Drawer closeButtonProps={{ "aria-label": t("action.close") }} onClose={() => setShown(undefined)} opened={shown !== undefined} size="lg" title={<span className="mono">{shown?.error}</span>}>
        {shown && <Detail request={shown} />}
      </Drawer>
    </Section>
  );
}

function Detail({ request }: { request: FailedRequest }) {
  const { t } = useTranslation();
  return (
    <Stack gap="lg">
      <Facts
        items={[
          { label: t("failed.fix"), value: <Text fw={560} fz="inherit">{request.fix}</Text> },
          { label: t("failed.expected"), value: request.expected },
          { label: t("failed.rule"), value: request.rule },
          { label: t("failed.answered"), value: request.error_description },
          { label: t("failed.endpoint"), value: <span className="mono">{request.endpoint}</span> },
          { label: t("events.at"), value: <Time at={request.created_at} /> },
          { label: t("events.request"), value: request.request_id && <Copyable value={request.request_id} /> },
        ]}
      />
      {request.skipped > 0 && <Text c="dimmed" fz="sm">{t("failed.skipped", { count: request.skipped })}</Text>}
      <div>
        <Text fw={560} fz="sm" mb="xs">{t("failed.received")}</Text>
        <Stack gap="sm">{request.received.map((one, i) => <One key={i} one={one} />)}</Stack>
      </div>
    </Stack>
  );
}

/** The characters at the end that two texts share, beyond those at the beginning. */
const sharedEnd = (a: string, b: string, from: number) => {
  let n = 0;
  while (n < Math.min(a.length, b.length) - from && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
};

function One({ one }: { one: Received }) {
  const { t } = useTranslation();
  const { differs_at: from, nearest, value } = one;
  return (
    <div>
      <Group gap={6}>
        <Text className="mono" fz="sm">{one.name}</Text>
        <Badge color="gray">{t(`failedIn.${one.in as "body" | "header" | "object" | "query"}`)}</Badge>
      </Group>
      {value && nearest !== undefined && from !== undefined ? <Different from={from} nearest={nearest} value={value} /> : value && <Value>{value}</Value>}
      {one.note && <Text c="dimmed" fz="xs">{one.note}</Text>}
      {one.token && <Code block dir="ltr" mt={4}>{JSON.stringify(JSON.parse(one.token), null, 2)}</Code>}
    </div>
  );
}

function Value({ children }: { children: React.ReactNode }) {
  return <Text className="mono" dir="ltr" fz="sm" style={{ overflowWrap: "anywhere" }}>{children}</Text>;
}

/** Two addresses, of which that is marked in which they differ. */
function Different({ from, nearest, value }: { from: number; nearest: string; value: string }) {
  const { t } = useTranslation();
  const end = sharedEnd(value, nearest, from);
  const marked = (text: string) => (
    <Value>{text.slice(0, from)}<Mark>{text.slice(from, text.length - end)}</Mark>{text.slice(text.length - end)}</Value>
  );
  return (
    <>
      {marked(value)}
      <Text c="dimmed" fz="xs" mt={4}>{t("failed.nearest")}</Text>
      {marked(nearest)}
    </>
  );
}
