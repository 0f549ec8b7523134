import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconHierarchy2, IconMailForward, IconPlus, IconSettings } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { Copyable, DataTable, EmptyState, Facts, Loaded, PageHeader, Section, StateBadge, Time, useApi, useCan, useCursor } from "../../ui/index.ts";
import { NameLink } from "../ListPage.tsx";
import { allows, useOrg } from "../useOrg.ts";
import { CreateOrganization } from "./organizations.tsx";

/** One organization: where it stands in the tree, what it is, and what is directly below it. */
export function OverviewPage() {
  const { t } = useTranslation();
  const { path, query, ref } = useOrg();
  const api = useApi();
  const invites = useCan("invitations.write");
  const seats = useCan("seats.read");
  const [creating, setCreating] = useState(false);
  const ancestors = api.useQuery("get", "/v1/orgs/{org}/ancestors", { params: { path: { org: ref } } });
  return (
    <Loaded query={query}>
      {(org) => (
        <>
          <PageHeader
            actions={
              <Group gap="xs">
                {invites && <Button component={Link} leftSection={<IconMailForward size={16} />} to={`${path}/invitations`} variant="default">{t("overview.invite")}</Button>}
                {allows(org, "create_child") && <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>{t("orgs.create")}</Button>}
              </Group>
            }
            badge={<StateBadge state={org.effective_status} />} crumbs={(ancestors.data?.items ?? []).map((a) => ({ label: a.name, to: `/orgs/${a.id}` }))}
            description={org.description} title={org.name}
          />
          <Stack gap="md">
            <Section
              actions={
                allows(org, "update") && (
                  <Button component={Link} leftSection={<IconSettings size={16} />} size="xs" to={`${path}/settings`} variant="default">{t("nav.settings")}</Button>
                )
              }
              title={t("detail.facts")}
            >
              <Facts
                items={[
                  { label: t("field.handle"), value: <Copyable value={org.handle} /> },
                  { label: t("field.id"), value: <Copyable value={org.id} /> },
                  ...(seats ? [{ label: t("seats.title"), value: <SeatsLine org={ref} /> }] : []),
                  { label: t("field.created"), value: <Time at={org.created_at} /> },
                  { label: t("field.updated"), value: <Time at={org.updated_at} /> },
                  ...Object.entries(org.attributes).map(([label, value]) => ({ label, value })),
                ]}
              />
            </Section>
            <Children org={org} />
          </Stack>
          {creating && <CreateOrganization below={org} onClose={() => setCreating(false)} />}
        </>
      )}
    </Loaded>
  );
}

function Children({ org }: { org: components["schemas"]["Organization"] }) {
  const { t } = useTranslation();
  const cursor = useCursor(org.id, 10);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/children", { params: { path: { org: org.id }, query: cursor.query } });
  return (
    <Section description={t("overview.childrenHint")} title={t("overview.children")}>
      <DataTable
        caption={t("overview.children")} cursor={cursor} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (o) => <NameLink to={`/orgs/${o.id}`}>{o.name}</NameLink> },
          { key: "handle", title: t("field.handle"), render: (o) => o.handle, wide: true },
          { key: "state", title: t("field.state"), render: (o) => <StateBadge state={o.status} />, width: 120 },
        ]}
        empty={<EmptyState body={t("overview.noChildrenBody")} icon={IconHierarchy2} title={t("overview.noChildren")} />}
      />
    </Section>
  );
}

/** How many seats are taken, of how many. */
export function SeatsLine({ org }: { org: string }) {
  const { t } = useTranslation();
  const seats = useApi().useQuery("get", "/v1/orgs/{org}/seats", { params: { path: { org } } }).data;
  if (!seats) return null;
  const taken = seats.used + seats.reserved;
  return (
    <div>
      {seats.limit === null ? t("seats.unlimited", { count: taken }) : t("seats.of", { count: taken, limit: seats.limit })}
      {seats.reserved > 0 && <Text c="dimmed" component="span" fz="xs"> {t("seats.reserved", { count: seats.reserved })}</Text>}
      {seats.limit !== null && <Progress aria-label={t("seats.title")} maw={180} mt={4} size="sm" value={seats.limit === 0 ? 100 : (100 * taken) / seats.limit} />}
    </div>
  );
}
