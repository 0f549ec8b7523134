import { Button, Group, Stack } from "@mantine/core";
import { IconHierarchy2, IconMailForward, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, DataTable, EmptyState, Facts, Loaded, PageHeader, Section, StateBadge, Time, useApi, useCursor } from "../../ui/index.ts";
import { NameLink } from "../ListPage.tsx";
import { useOrg } from "../useOrg.ts";
import { CreateOrganization } from "./organizations.tsx";

/** One organization: where it stands in the tree, what it is, and what is directly below it. */
export function OverviewPage() {
  const { t } = useTranslation();
  const { path, query, ref } = useOrg();
  const api = useApi();
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(ref, 10);
  const ancestors = api.useQuery("get", "/v1/orgs/{org}/ancestors", { params: { path: { org: ref } } });
  const children = api.useQuery("get", "/v1/orgs/{org}/children", { params: { path: { org: ref }, query: cursor.query } });
  return (
    <Loaded query={query}>
      {(org) => (
        <>
          <PageHeader
            actions={
              <Group gap="xs">
                <Button component={Link} leftSection={<IconMailForward size={16} />} to={`${path}/invitations`} variant="default">{t("overview.invite")}</Button>
                <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>{t("orgs.create")}</Button>
              </Group>
            }
            badge={<StateBadge state={org.state} />} crumbs={(ancestors.data?.items ?? []).map((a) => ({ label: a.name, to: `/orgs/${a.id}` }))} title={org.name}
          />
          <Stack gap="md">
            <Section title={t("detail.facts")}>
              <Facts
                items={[
                  { label: t("field.handle"), value: <Copyable value={org.handle} /> },
                  { label: t("field.id"), value: <Copyable value={org.id} /> },
                  { label: t("field.created"), value: <Time at={org.created_at} /> },
                  { label: t("field.updated"), value: <Time at={org.updated_at} /> },
                ]}
              />
            </Section>
            <Section description={t("overview.childrenHint")} title={t("overview.children")}>
              <DataTable
                caption={t("overview.children")} cursor={cursor} list={children}
                columns={[
                  { key: "name", title: t("field.name"), render: (o) => <NameLink to={`/orgs/${o.id}`}>{o.name}</NameLink> },
                  { key: "handle", title: t("field.handle"), render: (o) => o.handle, wide: true },
                  { key: "state", title: t("field.state"), render: (o) => <StateBadge state={o.state} />, width: 120 },
                ]}
                empty={<EmptyState body={t("overview.noChildrenBody")} icon={IconHierarchy2} title={t("overview.noChildren")} />}
              />
            </Section>
          </Stack>
          <CreateOrganization onClose={() => setCreating(false)} opened={creating} />
        </>
      )}
    </Loaded>
  );
}
