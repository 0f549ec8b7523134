import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconDevices, IconLogout } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { DataTable, Device, EmptyState, Section, Time, useApi, useCan, useConfirm, useCursor, useGrove } from "../ui/index.ts";
import { useOrg } from "./useOrg.ts";

/** Asks and ends one session. */
export function useEndSession() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  return (session: string) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/sessions/{session}", { params: { path: { org: ref, session } } }),
      body: t("sessions.endBody"), confirm: t("sessions.end"), danger: true, done: t("sessions.ended"), title: t("sessions.endTitle"),
    });
}

/** Where one person is signed in to this organization. */
export function UserSessions({ user }: { user: string }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const end = useEndSession();
  const writes = useCan("sessions.write");
  const cursor = useCursor(`${ref} ${user}`, 10);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/sessions", { params: { path: { org: ref }, query: { ...cursor.query, user } } }, { enabled: useCan("sessions.read") });
  const endAll = () =>
    confirm({
      act: () => api.POST("/v1/orgs/{org}/sessions:end", { body: { user_id: user }, params: { path: { org: ref } } }),
      body: t("sessions.endAllBody"), confirm: t("sessions.endAll"), danger: true, done: t("sessions.ended"), title: t("sessions.endAll"),
    });
  return (
    <Section
      actions={writes && (list.data?.items.length ?? 0) > 0 && <Button leftSection={<IconLogout size={16} />} onClick={endAll} size="xs" variant="default">{t("sessions.endAll")}</Button>}
      title={t("nav.sessions")}
    >
      <DataTable
        caption={t("nav.sessions")} cursor={cursor} empty={<EmptyState icon={IconDevices} title={t("sessions.empty")} />} list={list}
        columns={[
          { key: "device", title: t("account.device"), render: (s) => <Device agent={s.user_agent} /> },
          { key: "address", title: t("sessions.address"), render: (s) => <span className="mono">{s.address}</span>, wide: true },
          { key: "methods", title: t("sessions.methods"), render: (s) => s.methods.map((m) => t(`method.${m as "pwd"}`, { defaultValue: m })).join(", "), wide: true },
          { key: "seen", title: t("account.lastSeen"), render: (s) => <Time at={s.last_seen_at} />, wide: true, width: 150 },
          { key: "actions", label: t("list.actions"), title: "", width: 60, render: (s) => writes && <EndButton onClick={() => end(s.id)} /> },
        ]}
      />
    </Section>
  );
}

export function EndButton({ onClick }: { onClick: () => void }) {
  const { t } = useTranslation();
  return <Tooltip label={t("sessions.end")}><ActionIcon aria-label={t("sessions.end")} onClick={onClick}><IconLogout size={17} /></ActionIcon></Tooltip>;
}

