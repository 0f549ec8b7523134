import { Badge, Button, Group, Text } from "@mantine/core";
import { IconBuilding } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { DataTable, EmptyState, PageHeader, StateBadge, notifyDone, notifyProblem, useApi, useCursor, useSession } from "../../ui/index.ts";

/** The organizations that the person belongs to, and acting in another of them. */
export function OrganizationsPage() {
  const { t } = useTranslation();
  const { actingIn, person, session } = useSession();
  const cursor = useCursor();
  const list = useApi().useQuery("get", "/v1/me/organizations", { params: { query: cursor.query } });
  const [busy, setBusy] = useState<string>();
  const current = actingIn ?? person?.orgId;
  const switchTo = (org: { id: string; name: string }) => {
    setBusy(org.id);
    session.switchOrganization(org.id).then(() => notifyDone(t("account.switched", { name: org.name })), notifyProblem).finally(() => setBusy(undefined));
  };
  return (
    <>
      <PageHeader description={t("account.organizationsDescription")} title={t("account.organizations")} />
      <DataTable
        caption={t("account.organizations")} cursor={cursor} empty={<EmptyState icon={IconBuilding} title={t("account.noOrganizations")} />} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (o) => <Group gap={8}><Text component="span" fw={560} fz="inherit">{o.name}</Text>{o.id === current && <Badge>{t("account.current")}</Badge>}</Group> },
          { key: "state", title: t("field.state"), render: (o) => <StateBadge state={o.status} />, wide: true, width: 120 },
          { key: "handle", title: t("field.handle"), render: (o) => o.handle, wide: true },
          {
            key: "actions", label: t("list.actions"), title: "", width: 110,
            render: (o) => o.id !== current && <Button loading={busy === o.id} onClick={() => switchTo(o)} size="compact-sm" variant="default">{t("account.switch")}</Button>,
          },
        ]}
      />
    </>
  );
}
