import { ActionIcon, Badge, Button, Group, Switch, TextInput, Tooltip } from "@mantine/core";
import { IconApi, IconKey, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import {
  Copyable, DataTable, EmptyState, FormDialog, Section, Time, notifyDone, useApi, useApiForm, useCan, useConfirm, useCursor, useGrove,
} from "../../ui/index.ts";
import { DetailsTypes } from "./api-details-types.tsx";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { allows, useGo, useId, useOrg } from "../useOrg.ts";

type APIResource = components["schemas"]["APIResource"];
type APIScope = components["schemas"]["APIScope"];

function Origin({ resource }: { resource: APIResource }) {
  const { t } = useTranslation();
  if (resource.builtin) return <Badge color="gray">{t("state.builtin")}</Badge>;
  return resource.inherited ? <Badge color="gray">{t("state.inherited")}</Badge> : null;
}

export function ApiResourcesPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const writes = useCan("api_resources.write");
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/api-resources", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (r) => <Group gap={8}><NameLink to={`${path}/api-resources/${r.id}`}>{r.name}</NameLink><Origin resource={r} /></Group> },
        { key: "identifier", title: t("field.identifier"), render: (r) => <Copyable value={r.identifier} />, wide: true },
        { key: "created", title: t("field.created"), render: (r) => <Time at={r.created_at} />, wide: true, width: 140 },
      ]}
      create={writes && { label: t("apiResources.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("apiResources.description")} list={list} title={t("nav.apiResources")}
      empty={{ body: t("apiResources.emptyBody"), icon: IconApi, title: t("apiResources.empty") }}
    >
      {creating && <CreateApiResource onClose={() => setCreating(false)} />}
    </ListPage>
  );
}

function CreateApiResource({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { identifier: "", name: "", registered_clients: false, requires_authorization: true },
    send: async (body) => {
      const resource = await sent(api.POST("/v1/orgs/{org}/api-resources", { body, params: { path: { org: ref } } }));
      notifyDone(t("apiResources.created"));
      onClose();
      void go(`${path}/api-resources/${resource.id}`);
    },
    validate: { identifier: (v) => (v.trim() ? null : t("field.required")), name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("apiResources.create")} title={t("apiResources.create")}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <TextInput description={t("apiResources.identifierHint")} dir="ltr" label={t("field.identifier")} placeholder="https://api.example.com" required {...getInputProps("identifier")} />
      <Switch description={t("apiResources.requiresHint")} label={t("apiResources.requires")} {...getInputProps("requires_authorization", { type: "checkbox" })} />
      <Switch description={t("apiResources.strangersHint")} label={t("apiResources.strangers")} {...getInputProps("registered_clients", { type: "checkbox" })} />
    </FormDialog>
  );
}

export function ApiResourcePage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const resource = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const [editing, setEditing] = useState(false);
  const params = { path: { org: ref, resource } };
  return (
    <DetailPage
      badge={(r) => <Origin resource={r} />}
      edit={() => setEditing(true)}
      facts={(r) => [
        { label: t("field.identifier"), value: <Copyable value={r.identifier} /> },
        { label: t("apiResources.requires"), value: t(r.requires_authorization ? "list.yes" : "list.no") },
        { label: t("apiResources.strangers"), value: t(r.registered_clients ? "list.yes" : "list.no") },
        { label: t("field.id"), value: <Copyable value={r.id} /> },
        { label: t("field.created"), value: <Time at={r.created_at} /> },
      ]}
      list={{ label: t("nav.apiResources"), to: `${path}/api-resources` }}
      query={query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}", { params })}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/api-resources/{resource}", { params });
          await go(`${path}/api-resources`);
        },
        body: t("apiResources.deleteBody"), label: t("apiResources.delete"),
      }}
      titleOf={(r) => r.name}
    >
      {(r) => (
        <>
          <Scopes resource={r} />
          <DetailsTypes resource={r} />
          {editing && <EditApiResource onClose={() => setEditing(false)} resource={r} />}
        </>
      )}
    </DetailPage>
  );
}

function EditApiResource({ onClose, resource }: { onClose: () => void; resource: APIResource }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { name: resource.name, registered_clients: resource.registered_clients, requires_authorization: resource.requires_authorization },
    send: async (body) => {
      await api.PATCH("/v1/orgs/{org}/api-resources/{resource}", { body, params: { path: { org: ref, resource: resource.id } } });
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("action.save")} title={resource.name}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <Switch description={t("apiResources.requiresHint")} label={t("apiResources.requires")} {...getInputProps("requires_authorization", { type: "checkbox" })} />
      <Switch description={t("apiResources.strangersHint")} label={t("apiResources.strangers")} {...getInputProps("registered_clients", { type: "checkbox" })} />
    </FormDialog>
  );
}

function Scopes({ resource }: { resource: APIResource }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const [editing, setEditing] = useState<APIScope | "new">();
  const writes = allows(resource, "update");
  const cursor = useCursor(resource.id);
  const path = { org: ref, resource: resource.id };
  const list = query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}/scopes", { params: { path, query: cursor.query } });
  const remove = (scope: APIScope) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/api-resources/{resource}/scopes/{scope}", { params: { path: { ...path, scope: scope.id } } }),
      body: t("scopes.deleteBody"), confirm: t("scopes.delete"), danger: true, done: t("done.deleted"), title: t("scopes.deleteTitle", { name: scope.name }),
    });
  return (
    <Section
      actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")} size="xs">{t("scopes.create")}</Button>}
      title={t("apiResources.scopes")}
    >
      <DataTable
        caption={t("apiResources.scopes")} cursor={cursor} empty={<EmptyState icon={IconKey} title={t("apiResources.noScopes")} />} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (s) => <span className="mono">{s.name}</span> },
          { key: "display", title: t("scopes.displayName"), render: (s) => s.display_name, wide: true },
          { key: "description", title: t("field.description"), render: (s) => s.description, wide: true },
          {
            key: "actions", label: t("list.actions"), title: "", width: 100,
            render: (s) => writes && (
              <Group gap={4} wrap="nowrap">
                <Tooltip label={t("action.edit")}><ActionIcon aria-label={t("action.editOf", { name: s.name })} onClick={() => setEditing(s)}><IconPencil size={17} /></ActionIcon></Tooltip>
                <Tooltip label={t("action.delete")}><ActionIcon aria-label={t("action.removeOf", { name: s.name })} onClick={() => remove(s)}><IconTrash size={17} /></ActionIcon></Tooltip>
              </Group>
            ),
          },
        ]}
      />
      {editing && <EditScope onClose={() => setEditing(undefined)} resource={resource.id} scope={editing === "new" ? undefined : editing} />}
    </Section>
  );
}

function EditScope({ onClose, resource, scope }: { onClose: () => void; resource: string; scope: APIScope | undefined }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const path = { org: ref, resource };
  const form = useApiForm({
    initialValues: { description: scope?.description ?? "", display_name: scope?.display_name ?? "", name: scope?.name ?? "" },
    send: async ({ description, display_name, name }) => {
      if (scope) {
        await api.PATCH("/v1/orgs/{org}/api-resources/{resource}/scopes/{scope}", { body: { description, display_name }, params: { path: { ...path, scope: scope.id } } });
      } else {
        const body = { name: name.trim(), ...(display_name && { display_name }), ...(description && { description }) };
        await api.POST("/v1/orgs/{org}/api-resources/{resource}/scopes", { body, params: { path } });
      }
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  const label = scope ? t("action.save") : t("scopes.create");
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={label} title={scope?.name ?? t("scopes.create")}>
      <TextInput data-autofocus={!scope} description={t("scopes.nameHint")} dir="ltr" disabled={scope !== undefined} label={t("field.name")} placeholder="invoices.read" required {...getInputProps("name")} />
      <TextInput data-autofocus={!!scope} description={t("scopes.displayHint")} label={t("scopes.displayName")} maxLength={100} {...getInputProps("display_name")} />
      <TextInput label={t("field.description")} maxLength={500} {...getInputProps("description")} />
    </FormDialog>
  );
}
