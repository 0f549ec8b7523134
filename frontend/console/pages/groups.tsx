import { ActionIcon, Button, TextInput, Textarea, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus, IconSearch, IconShieldLock, IconUser, IconUserMinus, IconUsersGroup } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import { Copyable, DataTable, EmptyState, FormDialog, Section, Time, notifyDone, useApi, useApiForm, useCan, useCursor, useGrove } from "../../ui/index.ts";
import { GiveRole } from "../assignments.tsx";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { MemberPicker } from "../pickers.tsx";
import { useTaking } from "../taking.ts";
import { allows, useGo, useId, useOrg } from "../useOrg.ts";

type Group = components["schemas"]["Group"];

export function GroupsPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const { api } = useGrove();
  const writes = useCan("groups.write");
  const [creating, setCreating] = useState(false);
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const cursor = useCursor(`${ref} ${wanted}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/groups", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(wanted && { q: wanted }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (g) => <NameLink to={`${path}/groups/${g.id}`}>{g.name}</NameLink> },
        { key: "description", title: t("field.description"), render: (g) => g.description, wide: true },
        { key: "created", title: t("field.created"), render: (g) => <Time at={g.created_at} />, width: 150 },
      ]}
      create={writes && { label: t("groups.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("groups.description")} list={list} title={t("nav.groups")}
      empty={wanted ? { icon: IconSearch, title: t("list.noMatch") } : { body: t("groups.emptyBody"), icon: IconUsersGroup, title: t("groups.empty") }}
      toolbar={
        <TextInput
          aria-label={t("groups.search")} leftSection={<IconSearch size={16} />} maw={320} onChange={(e) => setSearch(e.currentTarget.value)}
          placeholder={t("groups.search")} value={search} w="100%"
        />
      }
    >
      {creating && (
        <GroupForm
          label={t("groups.create")} onClose={() => setCreating(false)}
          save={async ({ description, name }) => {
            const body = { name, ...(description && { description }) };
            const group = await sent(api.POST("/v1/orgs/{org}/groups", { body, params: { path: { org: ref } } }));
            notifyDone(t("groups.created"));
            void go(`${path}/groups/${group.id}`);
          }}
        />
      )}
    </ListPage>
  );
}

function GroupForm({ group, label, onClose, save }: { group?: Group; label: string; onClose: () => void; save: (v: { description: string; name: string }) => Promise<unknown> }) {
  const { t } = useTranslation();
  const form = useApiForm({
    initialValues: { description: group?.description ?? "", name: group?.name ?? "" },
    send: async (values) => {
      await save({ ...values, name: values.name.trim() });
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={label} title={group?.name ?? label}>
      <TextInput data-autofocus label={t("field.name")} required {...getInputProps("name")} />
      <Textarea autosize label={t("field.description")} {...getInputProps("description")} />
    </FormDialog>
  );
}

export function GroupPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const id = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const grants = useCan("roles.write");
  const [dialog, setDialog] = useState<"edit" | "role">();
  const close = () => setDialog(undefined);
  const params = { path: { group: id, org: ref } };
  return (
    <DetailPage
      activity={id}
      edit={() => setDialog("edit")}
      facts={(g) => [
        { label: t("field.description"), value: g.description || undefined },
        { label: t("field.id"), value: <Copyable value={g.id} /> },
        { label: t("field.created"), value: <Time at={g.created_at} /> },
      ]}
      list={{ label: t("nav.groups"), to: `${path}/groups` }}
      menu={() => [grants && { icon: IconShieldLock, label: t("assignments.giveRole"), onClick: () => setDialog("role") }]}
      query={query.useQuery("get", "/v1/orgs/{org}/groups/{group}", { params })}
      remove={{
        act: async (query) => {
          await api.DELETE("/v1/orgs/{org}/groups/{group}", { params: { ...params, query } });
          await go(`${path}/groups`);
        },
        body: t("groups.deleteBody"), label: t("groups.delete"),
      }}
      titleOf={(g) => g.name}
    >
      {(g) => (
        <>
          <Members group={g} />
          {dialog === "role" && <GiveRole onClose={close} principal={{ id, type: "group" }} />}
          {dialog === "edit" && (
            <GroupForm
              group={g} label={t("action.save")} onClose={close}
              save={async ({ description, name }) => {
                await api.PATCH("/v1/orgs/{org}/groups/{group}", { body: { description: description || null, name }, params });
                notifyDone(t("done.saved"));
              }}
            />
          )}
        </>
      )}
    </DetailPage>
  );
}

function Members({ group }: { group: Group }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const { api, query } = useGrove();
  const take = useTaking();
  const [adding, setAdding] = useState(false);
  const writes = allows(group, "update");
  const cursor = useCursor(group.id);
  const params = { path: { group: group.id, org: ref } };
  const list = query.useQuery("get", "/v1/orgs/{org}/groups/{group}/members", { params: { ...params, query: cursor.query } });
  const remove = (user: string, name: string) =>
    take({
      act: (query) => api.DELETE("/v1/orgs/{org}/groups/{group}/members/{user}", { params: { path: { ...params.path, user }, query } }), user,
      body: t("groups.removeBody"), confirm: t("groups.remove"), danger: true, done: t("done.saved"), title: t("groups.removeTitle", { name }),
    });
  return (
    <Section
      actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)} size="xs">{t("groups.add")}</Button>}
      title={t("groups.members")}
    >
      <DataTable
        caption={t("groups.members")} cursor={cursor} empty={<EmptyState icon={IconUser} title={t("groups.noMembers")} />} keyOf={(m) => m.user_id} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (m) => <NameLink to={`${path}/members/${m.user_id}`}>{m.display_name}</NameLink> },
          { key: "email", title: t("field.email"), render: (m) => m.email ?? m.username, wide: true },
          { key: "since", title: t("groups.since"), render: (m) => <Time at={m.added_at} />, wide: true, width: 150 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 60,
            render: (m) => writes && (
              <Tooltip label={t("groups.remove")}>
                <ActionIcon aria-label={t("action.removeOf", { name: m.display_name })} onClick={() => remove(m.user_id, m.display_name)}><IconUserMinus size={17} /></ActionIcon>
              </Tooltip>
            ),
          },
        ]}
      />
      {adding && <AddMember group={group.id} onClose={() => setAdding(false)} />}
    </Section>
  );
}

function AddMember({ group, onClose }: { group: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { user: null as string | null },
    send: async ({ user }) => {
      await api.PUT("/v1/orgs/{org}/groups/{group}/members/{user}", { params: { path: { group, org: ref, user: user ?? "" } } });
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { user: (v) => (v ? null : t("field.required")) },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("groups.add")} title={t("groups.add")}>
      <MemberPicker description={t("groups.addHint")} label={t("assignments.person")} org={ref} required {...form.form.getInputProps("user")} />
    </FormDialog>
  );
}
