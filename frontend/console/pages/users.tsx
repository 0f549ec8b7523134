import { Avatar, Group, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconShieldLock, IconUser } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { Copyable, DataTable, EmptyState, FormDialog, Section, StateBadge, Time, notifyDone, useApi, useApiForm, useCursor, useGrove } from "../../ui/index.ts";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { useGo, useId, useOrg } from "../useOrg.ts";

type User = components["schemas"]["User"];

const nameOf = (u: User) => [u.given_name, u.family_name].filter(Boolean).join(" ") || u.username;

/** A prefix search in SCIM's filter grammar; the value is a JSON string (RFC 7644, section 3.4.2.2). */
const startsWith = (value: string) => `userName sw ${JSON.stringify(value)}`;

export function UsersPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(`${ref} ${wanted}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/users", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(wanted && { filter: startsWith(wanted) }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        {
          key: "name", title: t("field.name"),
          render: (u) => (
            <Group gap={10} wrap="nowrap">
              <Avatar alt="" color="grove" name={nameOf(u)} size={30} variant="light" />
              <div style={{ minWidth: 0 }}>
                <NameLink to={`${path}/users/${u.id}`}>{nameOf(u)}</NameLink>
                <Text c="dimmed" className="clip" fz="xs">{u.email ?? u.username}</Text>
              </div>
            </Group>
          ),
        },
        { key: "username", title: t("field.username"), render: (u) => u.username, wide: true },
        { key: "state", title: t("field.state"), render: (u) => <StateBadge state={u.state} />, width: 120 },
        { key: "created", title: t("field.created"), render: (u) => <Time at={u.created_at} />, wide: true, width: 160 },
      ]}
      create={{ label: t("users.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("users.description")} list={list} title={t("nav.users")}
      empty={wanted ? { icon: IconSearch, title: t("list.noMatch") } : { body: t("users.emptyBody"), icon: IconUser, title: t("users.empty") }}
      toolbar={
        <TextInput
          aria-label={t("users.search")} leftSection={<IconSearch size={16} />} maw={320} onChange={(e) => setSearch(e.currentTarget.value)}
          placeholder={t("users.search")} value={search} w="100%"
        />
      }
    >
      <CreateUser onClose={() => setCreating(false)} opened={creating} />
    </ListPage>
  );
}

function CreateUser({ onClose, opened }: { onClose: () => void; opened: boolean }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const create = useApi().useMutation("post", "/v1/orgs/{org}/users");
  const form = useApiForm({
    initialValues: { email: "", family_name: "", given_name: "", username: "" },
    send: async ({ email, family_name, given_name, username }) => {
      const body = { username, ...(email && { email }), ...(given_name && { given_name }), ...(family_name && { family_name }) };
      const user = await create.mutateAsync({ body, params: { path: { org: ref } } });
      notifyDone(t("users.created"));
      go(`${path}/users/${user.id}`);
    },
    validate: { username: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened={opened} submitLabel={t("users.create")} title={t("users.create")}>
      <TextInput data-autofocus label={t("field.username")} required {...getInputProps("username")} />
      <TextInput label={t("field.email")} type="email" {...getInputProps("email")} />
      <Group grow>
        <TextInput label={t("field.givenName")} {...getInputProps("given_name")} />
        <TextInput label={t("field.familyName")} {...getInputProps("family_name")} />
      </Group>
    </FormDialog>
  );
}

export function UserPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const user = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const params = { path: { org: ref, user } };
  const cursor = useCursor(user);
  const roles = query.useQuery("get", "/v1/orgs/{org}/users/{user}/roles", { params: { ...params, query: cursor.query } });
  return (
    <DetailPage
      badge={(u) => <StateBadge state={u.state} />}
      facts={(u) => [
        { label: t("field.username"), value: u.username },
        { label: t("field.email"), value: u.email },
        { label: t("field.id"), value: <Copyable value={u.id} /> },
        { label: t("field.created"), value: <Time at={u.created_at} /> },
      ]}
      list={{ label: t("nav.users"), to: `${path}/users` }}
      query={query.useQuery("get", "/v1/orgs/{org}/users/{user}", { params })}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/users/{user}", { params });
          go(`${path}/users`);
        },
        body: t("users.deleteBody"), label: t("users.delete"),
      }}
      titleOf={nameOf}
    >
      {() => (
        <Section title={t("nav.roles")}>
          <DataTable
            caption={t("nav.roles")} cursor={cursor} list={roles}
            columns={[
              { key: "name", title: t("field.name"), render: (r) => <NameLink to={`${path}/roles/${r.id}`}>{r.name}</NameLink> },
              { key: "audience", title: t("field.audience"), render: (r) => r.audience.type },
            ]}
            empty={<EmptyState icon={IconShieldLock} title={t("users.noRoles")} />}
          />
        </Section>
      )}
    </DetailPage>
  );
}
