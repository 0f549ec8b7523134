import { ActionIcon, Button, Text, Tooltip } from "@mantine/core";
import { IconChecklist, IconCircleMinus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { components } from "../api/index.ts";
import { DataTable, EmptyState, Section, Time, useApi, useCan, useConfirm, useCursor, useGrove } from "../ui/index.ts";
import { useOrg } from "./useOrg.ts";

type AllowedApp = components["schemas"]["AllowedApp"];

/** What one person lets apps have in this organization, to be taken back one by one or at once. */
export function UserConsents({ user }: { user: string }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const reads = useCan("consents.read");
  const writes = useCan("consents.write");
  const cursor = useCursor(`${ref} ${user}`, 10);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/consents", { params: { path: { org: ref }, query: { ...cursor.query, user } } }, { enabled: reads });
  if (!reads) return null;
  const revoke = (consent: AllowedApp) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/consents/{consent}", { params: { path: { consent: consent.id, org: ref } } }),
      body: t("consents.revokeBody", { name: consent.app_name }), confirm: t("consents.revoke"), danger: true, done: t("consents.revoked"), title: t("consents.revokeTitle", { name: consent.app_name }),
    });
  const revokeAll = () =>
    confirm({
      act: () => api.POST("/v1/orgs/{org}/consents:revoke", { body: { user_id: user }, params: { path: { org: ref } } }),
      body: t("consents.revokeAllBody"), confirm: t("consents.revokeAll"), danger: true, done: t("consents.revoked"), title: t("consents.revokeAll"),
    });
  return (
    <Section
      actions={writes && (list.data?.items.length ?? 0) > 0 && <Button leftSection={<IconCircleMinus size={16} />} onClick={revokeAll} size="xs" variant="default">{t("consents.revokeAll")}</Button>}
      description={t("consents.description")} title={t("consents.title")}
    >
      <DataTable
        caption={t("consents.title")} cursor={cursor} empty={<EmptyState icon={IconChecklist} title={t("consents.empty")} />} list={list}
        columns={[
          { key: "app", title: t("consents.app"), render: (c) => <Text fw={560} fz="inherit">{c.app_name}</Text> },
          { key: "may", title: t("consents.may"), render: (c) => <May consent={c} /> },
          { key: "since", title: t("consents.since"), render: (c) => <Time at={c.created_at} />, wide: true, width: 150 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 60,
            render: (c) => writes && <Tooltip label={t("consents.revoke")}><ActionIcon aria-label={t("consents.revokeOf", { name: c.app_name })} onClick={() => revoke(c)}><IconCircleMinus size={17} /></ActionIcon></Tooltip>,
          },
        ]}
      />
    </Section>
  );
}

/** Scopes, claims and types by their names, as administrators know them. */
function May({ consent: c }: { consent: AllowedApp }) {
  const { t } = useTranslation();
  const lines = [
    { names: c.scopes, title: "" }, { names: c.attributes, title: t("consents.told") }, { names: c.declined_attributes, title: t("consents.untold") }, { names: c.authorization_details_types, title: t("consents.types") },
  ].filter(({ names }) => names.length > 0);
  return (
    <div style={{ overflowWrap: "anywhere" }}>
      {lines.map(({ names, title }) => <Text fz="sm" key={title}>{title && <Text c="dimmed" component="span" fz="sm">{title} </Text>}<span className="mono">{names.join(" ")}</span></Text>)}
    </div>
  );
}
