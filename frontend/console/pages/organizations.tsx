import { Button, Group, Paper, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBuilding, IconHierarchy2, IconPlus, IconSearch } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import {
  DataTable, EmptyState, FormDialog, Loaded, PageHeader, StateBadge, Time, TreeView, notifyDone, useApi, useApiForm, useCursor, useGrove,
} from "../../ui/index.ts";
import { NameLink } from "../ListPage.tsx";
import { OrgPicker } from "../pickers.tsx";
import { allows, useGo, useOrg } from "../useOrg.ts";
import classes from "./organizations.module.css";

type Organization = components["schemas"]["Organization"];

export function OrganizationsPage() {
  const { t } = useTranslation();
  const { query } = useOrg();
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const [creating, setCreating] = useState(false);
  return (
    <>
      <PageHeader
        actions={allows(query.data, "create_child") && <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>{t("orgs.create")}</Button>}
        description={t("orgs.description")} title={t("nav.organizations")}
      />
      <TextInput
        aria-label={t("orgs.search")} leftSection={<IconSearch size={16} />} maw={360} mb="md" onChange={(e) => setSearch(e.currentTarget.value)}
        placeholder={t("orgs.searchHint")} value={search}
      />
      {wanted ? <Found wanted={wanted} /> : <Loaded query={query}>{(root) => <Tree key={root.id} root={root} />}</Loaded>}
      {creating && query.data && <CreateOrganization below={query.data} onClose={() => setCreating(false)} />}
    </>
  );
}

function Tree({ root }: { root: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const go = useGo();
  return (
    <Paper className={classes.tree} radius="lg">
      <TreeView
        label={(o) => o.name} name={t("nav.organizations")} onOpen={(o) => void go(`/orgs/${o.id}`)} root={root}
        render={(o) => (
          <Group gap={10} wrap="nowrap">
            <IconBuilding aria-hidden="true" className={classes.icon} size={17} stroke={1.6} />
            <span className={`clip ${classes.name}`}>{o.name}</span>
            <Text c="dimmed" className="clip" component="span" fz="xs" visibleFrom="xs">{o.handle}</Text>
            {o.status !== "active" && <StateBadge state={o.status} />}
          </Group>
        )}
        source={{
          children: async (id, pageToken) => {
            const query = { page_size: 50, ...(pageToken !== undefined && { page_token: pageToken }) };
            const { data } = await api.GET("/v1/orgs/{org}/children", { params: { path: { org: id }, query } });
            return data ?? { items: [] };
          },
          idOf: (o) => o.id,
          key: ["orgs", "tree"],
          leafOf: (o) => !o.has_children,
        }}
      />
    </Paper>
  );
}

function Found({ wanted }: { wanted: string }) {
  const { t } = useTranslation();
  const cursor = useCursor(wanted);
  const list = useApi().useQuery("get", "/v1/orgs", { params: { query: { ...cursor.query, q: wanted } } }, { placeholderData: keepPreviousData });
  return (
    <DataTable
      caption={t("nav.organizations")} cursor={cursor} empty={<EmptyState icon={IconHierarchy2} title={t("list.noMatch")} />} list={list}
      columns={[
        {
          key: "name", title: t("field.name"),
          render: (o) => (
            <>
              <NameLink to={`/orgs/${o.id}`}>{o.name}</NameLink>
              {o.path.length > 0 && <Text c="dimmed" fz="xs">{o.path.map((step) => step.name).join(" / ")}</Text>}
            </>
          ),
        },
        { key: "handle", title: t("field.handle"), render: (o) => o.handle, wide: true },
        { key: "state", title: t("field.state"), render: (o) => <StateBadge state={o.status} />, width: 120 },
        { key: "created", title: t("field.created"), render: (o) => <Time at={o.created_at} />, wide: true, width: 160 },
      ]}
    />
  );
}

/** Makes an organization below this one, or below another that the person picks. */
export function CreateOrganization({ below, onClose }: { below: Organization; onClose: () => void }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const go = useGo();
  const form = useApiForm({
    initialValues: { description: "", handle: "", name: "", parent_id: null as string | null },
    send: async ({ description, handle, name, parent_id }) => {
      const body = { name: name.trim(), parent_id: parent_id ?? below.id, ...(handle && { handle: handle.trim() }), ...(description && { description }) };
      const made = await sent(api.POST("/v1/orgs", { body }));
      notifyDone(t("orgs.created"));
      onClose();
      void go(`/orgs/${made.id}`);
    },
    validate: {
      handle: (v) => (/^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$/.test(v.trim()) ? null : t("orgs.handleInvalid")),
      name: (v) => (v.trim() ? null : t("field.required")),
    },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("orgs.create")} title={t("orgs.createIn", { name: below.name })}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <TextInput description={t("orgs.handleHint")} dir="ltr" label={t("field.handle")} maxLength={63} {...getInputProps("handle")} />
      <TextInput label={t("field.description")} maxLength={1000} {...getInputProps("description")} />
      <OrgPicker label={t("orgs.parent")} placeholder={below.name} {...getInputProps("parent_id")} />
    </FormDialog>
  );
}
