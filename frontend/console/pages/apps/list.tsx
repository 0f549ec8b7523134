import { Badge, Group, Stack, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconAppWindow, IconSearch, IconShare3 } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, DataTable, EmptyState, SecretDialog, Section, StateBadge, Time, useApi, useCan, useCursor } from "../../../ui/index.ts";
import { ListPage, NameLink } from "../../ListPage.tsx";
import { useOrg } from "../../useOrg.ts";
import { CreateApp, type Secrets, type Template, useShowNew } from "./create.tsx";
import { RegistrationTokens } from "./registration.tsx";

/** What people and machines sign in to: the organization's own apps, and those shared with it. */
export function AppsPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const showNew = useShowNew();
  const writes = useCan("apps.write");
  const [creating, setCreating] = useState(false);
  const [secrets, setSecrets] = useState<Secrets>();
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const cursor = useCursor(`${ref} ${wanted}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/apps", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(wanted && { q: wanted }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <Stack gap="xl">
      <div>
        <ListPage
          columns={[
            {
              key: "name", title: t("field.name"),
              render: (a) => (
                <Group gap={8}>
                  <NameLink to={`${path}/apps/${a.id}`}>{a.name}</NameLink>
                  {a.builtin && <Badge color="gray">{t("state.builtin")}</Badge>}
                  {a.source !== "managed" && <Badge color="yellow">{t(`appSource.${a.source as "document" | "registered"}`)}</Badge>}
                  {!a.enabled && <StateBadge state="disabled" />}
                </Group>
              ),
            },
            { key: "type", title: t("field.type"), render: (a) => t(`template.${a.template as Template}`, { defaultValue: a.template }), wide: true, width: 190 },
            { key: "client", title: t("field.clientId"), render: (a) => <Copyable value={a.client_id} />, wide: true },
            { key: "created", title: t("field.created"), render: (a) => <Time at={a.created_at} />, wide: true, width: 140 },
          ]}
          create={writes && { label: t("apps.create"), onClick: () => setCreating(true) }}
          cursor={cursor} description={t("apps.description")} list={list} title={t("nav.apps")}
          empty={wanted ? { icon: IconSearch, title: t("list.noMatch") } : { body: t("apps.emptyBody"), icon: IconAppWindow, title: t("apps.empty") }}
          toolbar={
            <TextInput
              aria-label={t("apps.search")} leftSection={<IconSearch size={16} />} maw={320} onChange={(e) => setSearch(e.currentTarget.value)}
              placeholder={t("apps.search")} value={search} w="100%"
            />
          }
        />
      </div>
      <SharedApps />
      {writes && <RegistrationTokens />}
      {creating && <CreateApp onClose={() => setCreating(false)} onSecrets={setSecrets} />}
      <SecretDialog
        onClose={() => {
          if (secrets) showNew(secrets.app);
          setSecrets(undefined);
        }}
        secrets={secrets?.values ?? []} title={t("apps.created")}
      />
    </Stack>
  );
}

function SharedApps() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/available-apps", { params: { path: { org: ref }, query: { ...cursor.query, how: "shared" } } });
  const shared = list.data && { ...list.data, items: list.data.items.filter((a) => !a.builtin) };
  if (cursor.page === 1 && (shared === undefined || (shared.items.length === 0 && !shared.next_page_token))) return null;
  return (
    <Section description={t("apps.sharedDescription")} title={t("apps.shared")}>
      <DataTable
        caption={t("apps.shared")} cursor={cursor} list={{ ...list, data: shared }}
        columns={[
          { key: "name", title: t("field.name"), render: (a) => <NameLink to={`${path}/apps/${a.id}`}>{a.name}</NameLink> },
          { key: "owner", title: t("apps.owner"), render: (a) => a.owner.name, wide: true },
          { key: "roles", title: t("nav.roles"), render: (a) => (a.roles === "all" ? t("apps.rolesAlong") : "–"), wide: true },
        ]}
        empty={<EmptyState icon={IconShare3} title={t("list.noMatch")} />}
      />
    </Section>
  );
}
