import { Badge, Group, Select, TagsInput, TextInput } from "@mantine/core";
import { IconShieldLock } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, FormDialog, Section, Time, notifyDone, useApi, useApiForm, useCursor, useGrove } from "../../ui/index.ts";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { useGo, useId, useOrg } from "../useOrg.ts";

export function RolesPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/roles", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (r) => <NameLink to={`${path}/roles/${r.id}`}>{r.name}</NameLink> },
        { key: "audience", title: t("field.audience"), render: (r) => <Badge color="gray">{r.audience.type}</Badge>, width: 160 },
        { key: "permissions", title: t("field.permissions"), render: (r) => r.permissions.length, wide: true, width: 120 },
        { key: "created", title: t("field.created"), render: (r) => <Time at={r.created_at} />, wide: true, width: 160 },
      ]}
      create={{ label: t("roles.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("roles.description")} list={list} title={t("nav.roles")}
      empty={{ body: t("roles.emptyBody"), icon: IconShieldLock, title: t("roles.empty") }}
    >
      <CreateRole onClose={() => setCreating(false)} opened={creating} />
    </ListPage>
  );
}

function CreateRole({ onClose, opened }: { onClose: () => void; opened: boolean }) {
  const { t } = useTranslation();
  const { org, path, ref } = useOrg();
  const go = useGo();
  const { query } = useGrove();
  const apps = query.useQuery("get", "/v1/orgs/{org}/apps", { params: { path: { org: ref }, query: { page_size: 200 } } }, { enabled: opened });
  const create = query.useMutation("post", "/v1/orgs/{org}/roles");
  const form = useApiForm({
    initialValues: { app: "", name: "", permissions: [] as string[] },
    send: async ({ app, name, permissions }) => {
      const audience = app ? { id: app, type: "application" } : { id: org?.id ?? ref, type: "organization" };
      const role = await create.mutateAsync({ body: { audience, name, permissions }, params: { path: { org: ref } } });
      notifyDone(t("roles.created"));
      go(`${path}/roles/${role.id}`);
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened={opened} submitLabel={t("roles.create")} title={t("roles.create")}>
      <TextInput data-autofocus label={t("field.name")} required {...getInputProps("name")} />
      <Select
        allowDeselect={false} description={t("roles.audienceHint")} label={t("field.audience")}
        data={[{ label: t("roles.wholeOrganization"), value: "" }, ...(apps.data?.items ?? []).map((a) => ({ label: a.name, value: a.id }))]}
        {...getInputProps("app")}
      />
      <TagsInput clearable label={t("field.permissions")} placeholder={t("roles.permissionsHint")} {...getInputProps("permissions")} />
    </FormDialog>
  );
}

export function RolePage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const role = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const params = { path: { org: ref, role } };
  return (
    <DetailPage
      facts={(r) => [
        { label: t("field.audience"), value: r.audience.type },
        { label: t("field.audienceId"), value: <Copyable value={r.audience.id} /> },
        { label: t("field.id"), value: <Copyable value={r.id} /> },
        { label: t("field.created"), value: <Time at={r.created_at} /> },
      ]}
      list={{ label: t("nav.roles"), to: `${path}/roles` }}
      query={query.useQuery("get", "/v1/orgs/{org}/roles/{role}", { params })}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/roles/{role}", { params });
          go(`${path}/roles`);
        },
        body: t("roles.deleteBody"), label: t("roles.delete"),
      }}
      titleOf={(r) => r.name}
    >
      {(r) => (
        <Section description={t("roles.permissionsDescription")} title={t("field.permissions")}>
          <Group gap={6}>{r.permissions.map((p) => <Badge className="mono" color="gray" key={p}>{p}</Badge>)}{r.permissions.length === 0 && t("roles.noPermissions")}</Group>
        </Section>
      )}
    </DetailPage>
  );
}
