import { Badge, Stack } from "@mantine/core";
import { IconAdjustments } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { DataTable, EmptyState, Loaded, PageHeader, Section, useApi, useCan, useCursor } from "../../../ui/index.ts";
import { NameLink } from "../../ListPage.tsx";
import { allows, useOrg } from "../../useOrg.ts";
import { Attributes, General, Seats } from "./general.tsx";
import { Deletion, Moving, Suspension } from "./lifecycle.tsx";

/** What can be changed about an organization itself, and the groups of settings that it and those below it live by. */
export function SettingsPage() {
  const { t } = useTranslation();
  const { query } = useOrg();
  return (
    <>
      <PageHeader description={t("settings.description")} title={t("nav.settings")} />
      <Loaded query={query}>
        {(org) => (
          <Stack gap="md" maw={760}>
            {allows(org, "update") && <General key={`${org.id} ${org.updated_at}`} org={org} />}
            {allows(org, "update") && <Attributes org={org} />}
            <Seats org={org} />
            <Modules />
            {allows(org, "move") && <Moving org={org} />}
            <Suspension org={org} />
            {!allows(org, "resume") && !allows(org, "suspend") ? null : <Deletion org={org} />}
          </Stack>
        )}
      </Loaded>
    </>
  );
}

function Modules() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/settings", { params: { path: { org: ref }, query: cursor.query } }, { enabled: useCan("settings.read") });
  if (list.data && list.data.items.length === 0 && cursor.page === 1) return null;
  return (
    <Section description={t("settings.modulesHint")} title={t("settings.modules")}>
      <DataTable
        caption={t("settings.modules")} cursor={cursor} keyOf={(m) => m.module} list={list}
        columns={[
          { key: "module", title: t("field.name"), render: (m) => <NameLink to={`${path}/settings/${m.module}`}>{t(`setting.${m.module}.name`, { defaultValue: m.module })}</NameLink> },
          { key: "source", title: t("settings.source"), render: (m) => m.overridden && <Badge>{t("settings.ownValues")}</Badge>, width: 160 },
        ]}
        empty={<EmptyState body={t("settings.noModulesBody")} icon={IconAdjustments} title={t("settings.noModules")} />}
      />
    </Section>
  );
}
