import { TextInput } from "@mantine/core";
import { IconUser, IconUsersGroup } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, DataTable, EmptyState, FormDialog, Section, Time, notifyDone, useApi, useApiForm, useCursor, useGrove } from "../../ui/index.ts";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { useGo, useId, useOrg } from "../useOrg.ts";

export function GroupsPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/groups", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (g) => <NameLink to={`${path}/groups/${g.id}`}>{g.name}</NameLink> },
        { key: "created", title: t("field.created"), render: (g) => <Time at={g.created_at} />, width: 180 },
      ]}
      create={{ label: t("groups.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("groups.description")} list={list} title={t("nav.groups")}
      empty={{ body: t("groups.emptyBody"), icon: IconUsersGroup, title: t("groups.empty") }}
    >
      <CreateGroup onClose={() => setCreating(false)} opened={creating} />
    </ListPage>
  );
}

function CreateGroup({ onClose, opened }: { onClose: () => void; opened: boolean }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const create = useApi().useMutation("post", "/v1/orgs/{org}/groups");
  const form = useApiForm({
    initialValues: { name: "" },
    send: async (body) => {
      const group = await create.mutateAsync({ body, params: { path: { org: ref } } });
      notifyDone(t("groups.created"));
      go(`${path}/groups/${group.id}`);
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened={opened} submitLabel={t("groups.create")} title={t("groups.create")}>
      <TextInput data-autofocus label={t("field.name")} required {...form.form.getInputProps("name")} />
    </FormDialog>
  );
}

export function GroupPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const group = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const params = { path: { group, org: ref } };
  const cursor = useCursor(group);
  const members = query.useQuery("get", "/v1/orgs/{org}/groups/{group}/members", { params: { ...params, query: cursor.query } });
  return (
    <DetailPage
      facts={(g) => [{ label: t("field.id"), value: <Copyable value={g.id} /> }, { label: t("field.created"), value: <Time at={g.created_at} /> }]}
      list={{ label: t("nav.groups"), to: `${path}/groups` }}
      query={query.useQuery("get", "/v1/orgs/{org}/groups/{group}", { params })}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/groups/{group}", { params });
          go(`${path}/groups`);
        },
        body: t("groups.deleteBody"), label: t("groups.delete"),
      }}
      titleOf={(g) => g.name}
    >
      {() => (
        <Section title={t("groups.members")}>
          <DataTable
            caption={t("groups.members")} cursor={cursor} list={members}
            columns={[
              { key: "username", title: t("field.username"), render: (u) => <NameLink to={`${path}/users/${u.id}`}>{u.username}</NameLink> },
              { key: "email", title: t("field.email"), render: (u) => u.email, wide: true },
            ]}
            empty={<EmptyState icon={IconUser} title={t("groups.noMembers")} />}
          />
        </Section>
      )}
    </DetailPage>
  );
}
