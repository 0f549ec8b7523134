import { Button, Group, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "@tanstack/react-router";
import { Facts, Loaded, PageHeader, Section, useApi, useCan } from "../../../ui/index.ts";
import { allows, useOrg } from "../../useOrg.ts";
import { Attributes, General, Seats } from "./general.tsx";
import { Deletion, Moving, Suspension } from "./lifecycle.tsx";
import { Shown, Source, fieldsOf } from "./module.tsx";

/** What can be changed about an organization itself, and the groups of settings that it and those below it live by. */
export function SettingsPage() {
  const { t } = useTranslation();
  const { query } = useOrg();
  const seats = useCan("seats.read");
  return (
    <>
      <PageHeader description={t("settings.description")} title={t("nav.settings")} />
      <Loaded query={query}>
        {(org) => (
          <Stack gap="md" maw={760}>
            {allows(org, "update") && <General key={`${org.id} ${org.updated_at}`} org={org} />}
            {allows(org, "update") && <Attributes org={org} />}
            {seats && <Seats org={org} />}
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

/** Every group of settings with what holds here. Groups are few; the list is read to its end. */
function Modules() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const list = useApi().useQuery("get", "/v1/orgs/{org}/settings", { params: { path: { org: ref }, query: { page_size: 100 } } }, { enabled: useCan("settings.read") });
  return list.data?.items.map((m) => <Module description={m.description} key={m.module} module={m.module} name={t(`setting.${m.module}.name`, { defaultValue: m.module })} />);
}

function Module({ description, module, name }: { description: string; module: string; name: string }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const query = useApi().useQuery("get", "/v1/orgs/{org}/settings/{module}", { params: { path: { module, org: ref } } });
  const settings = query.data;
  const words = allows(settings, "update") ? (["action.edit", "settings.edit"] as const) : (["settings.details", "settings.detailsOf"] as const);
  return (
    <Section
      actions={<Button aria-label={t(words[1], { name })} component={Link} size="xs" to={`${path}/settings/${module}`} variant="default">{t(words[0])}</Button>}
      description={description} title={name}
    >
      <Loaded query={query}>{(loaded) => (
        <Facts
          items={fieldsOf(loaded).map(([field, schema]) => ({
            label: t(`setting.${module}.${field}`, { defaultValue: field }),
            value: <Group gap={8}><Shown field={field} schema={schema} value={loaded.value[field]} /><Source source={loaded.sources[field]} /></Group>,
          }))}
        />
      )}</Loaded>
    </Section>
  );
}
