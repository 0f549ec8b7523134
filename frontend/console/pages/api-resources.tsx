import { TextInput } from "@mantine/core";
import { IconApi, IconKey } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, DataTable, EmptyState, FormDialog, Section, Time, notifyDone, useApi, useApiForm, useCursor, useGrove } from "../../ui/index.ts";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { useGo, useId, useOrg } from "../useOrg.ts";

export function ApiResourcesPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/api-resources", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (r) => <NameLink to={`${path}/api-resources/${r.id}`}>{r.name}</NameLink> },
        { key: "identifier", title: t("field.identifier"), render: (r) => <Copyable value={r.identifier} />, wide: true },
        { key: "created", title: t("field.created"), render: (r) => <Time at={r.created_at} />, wide: true, width: 160 },
      ]}
      create={{ label: t("apiResources.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("apiResources.description")} list={list} title={t("nav.apiResources")}
      empty={{ body: t("apiResources.emptyBody"), icon: IconApi, title: t("apiResources.empty") }}
    >
      <CreateApiResource onClose={() => setCreating(false)} opened={creating} />
    </ListPage>
  );
}

function CreateApiResource({ onClose, opened }: { onClose: () => void; opened: boolean }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const create = useApi().useMutation("post", "/v1/orgs/{org}/api-resources");
  const form = useApiForm({
    initialValues: { identifier: "", name: "" },
    send: async (body) => {
      const resource = await create.mutateAsync({ body, params: { path: { org: ref } } });
      notifyDone(t("apiResources.created"));
      go(`${path}/api-resources/${resource.id}`);
    },
    validate: { identifier: (v) => (v.trim() ? null : t("field.required")), name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened={opened} submitLabel={t("apiResources.create")} title={t("apiResources.create")}>
      <TextInput data-autofocus label={t("field.name")} required {...getInputProps("name")} />
      <TextInput description={t("apiResources.identifierHint")} dir="ltr" label={t("field.identifier")} placeholder="https://api.example.com" required {...getInputProps("identifier")} />
    </FormDialog>
  );
}

export function ApiResourcePage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const resource = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const params = { path: { org: ref, resource } };
  const cursor = useCursor(resource);
  const scopes = query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}/scopes", { params: { ...params, query: cursor.query } });
  return (
    <DetailPage
      facts={(r) => [
        { label: t("field.identifier"), value: <Copyable value={r.identifier} /> },
        { label: t("field.id"), value: <Copyable value={r.id} /> },
        { label: t("field.created"), value: <Time at={r.created_at} /> },
      ]}
      list={{ label: t("nav.apiResources"), to: `${path}/api-resources` }}
      query={query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}", { params })}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/api-resources/{resource}", { params });
          go(`${path}/api-resources`);
        },
        body: t("apiResources.deleteBody"), label: t("apiResources.delete"),
      }}
      titleOf={(r) => r.name}
    >
      {() => (
        <Section title={t("apiResources.scopes")}>
          <DataTable
            caption={t("apiResources.scopes")} cursor={cursor} keyOf={(s) => s.name} list={scopes}
            columns={[
              { key: "name", title: t("field.name"), render: (s) => <span className="mono">{s.name}</span> },
              { key: "description", title: t("field.description"), render: (s) => s.description, wide: true },
            ]}
            empty={<EmptyState icon={IconKey} title={t("apiResources.noScopes")} />}
          />
        </Section>
      )}
    </DetailPage>
  );
}
