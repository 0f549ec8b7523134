import { Anchor, Avatar, Button, Checkbox, Group, PasswordInput, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUser, IconUsersPlus } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sent } from "../../../api/index.ts";
import { FormDialog, StateBadge, Time, notifyDone, useApi, useApiForm, useCan, useCursor, useGrove } from "../../../ui/index.ts";
import { AddMany } from "../../AddMany.tsx";
import { ListPage, NameLink } from "../../ListPage.tsx";
import { useNames } from "../../names.ts";
import { type Row, namesIn } from "../../rows.ts";
import { useGo, useOrg } from "../../useOrg.ts";

const statuses = ["all", "active", "disabled", "locked"] as const;

/** The people whose records the organization holds. */
export function UsersPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const writes = useCan("users.write");
  const [status, setStatus] = useState<(typeof statuses)[number]>("all");
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const [creating, setCreating] = useState<"many" | "one">();
  const cursor = useCursor(`${ref} ${status} ${wanted}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/users", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(wanted && { q: wanted }), ...(status !== "all" && { status }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        {
          key: "name", title: t("field.name"),
          render: (u) => (
            <Group gap={10} wrap="nowrap">
              <Avatar alt="" color="grove" name={u.display_name} size={30} variant="light" />
              <div style={{ minWidth: 0 }}>
                <NameLink to={`${path}/users/${u.id}`}>{u.display_name}</NameLink>
                <Text c="dimmed" className="clip" fz="xs">{u.email ?? u.username}</Text>
              </div>
            </Group>
          ),
        },
        { key: "username", title: t("field.username"), render: (u) => u.username, wide: true },
        { key: "state", title: t("field.state"), render: (u) => <StateBadge state={u.locked_until ? "locked" : u.status} />, width: 120 },
        { key: "created", title: t("field.created"), render: (u) => <Time at={u.created_at} />, wide: true, width: 150 },
      ]}
      create={writes && { label: t("users.create"), onClick: () => setCreating("one") }}
      more={writes && <Button leftSection={<IconUsersPlus size={16} />} onClick={() => setCreating("many")} variant="default">{t("users.createMany")}</Button>}
      cursor={cursor} description={t("users.description")} list={list} title={t("nav.users")}
      empty={wanted || status !== "all" ? { icon: IconSearch, title: t("list.noMatch") } : { body: t("users.emptyBody"), icon: IconUser, title: t("users.empty") }}
      toolbar={
        <>
          <TextInput
            aria-label={t("users.search")} leftSection={<IconSearch size={16} />} maw={320} onChange={(e) => setSearch(e.currentTarget.value)}
            placeholder={t("users.search")} value={search} w="100%"
          />
          <SegmentedControl
            aria-label={t("field.state")} onChange={(v) => setStatus(v as "all")} size="xs" value={status}
            data={statuses.map((value) => ({ label: value === "all" ? t("list.all") : t(`state.${value}`), value }))}
          />
        </>
      }
    >
      {creating === "one" && <CreateUser onClose={() => setCreating(undefined)} />}
      {creating === "many" && <CreateUsers onClose={() => setCreating(undefined)} />}
    </ListPage>
  );
}

/** Many people at once, each of whom may be mailed a link to choose a password. */
function CreateUsers({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const names = useNames(ref);
  const [mailing, setMailing] = useState(true);
  const add = async ({ groups, roles: _, ...body }: Row, key: string) => {
    // Names that are nobody's come to light before anything is made.
    const joins = await names.groups(namesIn(groups));
    const user = await sent(api.POST("/v1/orgs/{org}/users", { body, headers: { "Idempotency-Key": key }, params: { path: { org: ref } } }));
    for (const group of joins) await api.PUT("/v1/orgs/{org}/groups/{group}/members/{user}", { params: { path: { group, org: ref, user: user.id } } });
    if (mailing && user.email) await api.POST("/v1/orgs/{org}/users/{user}/password-link", { body: { delivery: "email" }, params: { path: { org: ref, user: user.id } } });
  };
  return (
    <AddMany add={add} onClose={onClose} submitLabel={t("users.createMany")} title={t("users.createMany")} without={["roles"]}>
      <Checkbox checked={mailing} label={t("users.mailLinks")} onChange={(e) => setMailing(e.currentTarget.checked)} />
    </AddMany>
  );
}

function CreateUser({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { email: "", family_name: "", given_name: "", must_change_password: true, password: "", username: "" },
    send: async ({ must_change_password, password, ...names }) => {
      const given = Object.fromEntries(Object.entries(names).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
      const body = { ...given, ...(password && { must_change_password, password }) };
      const user = await sent(api.POST("/v1/orgs/{org}/users", { body, params: { path: { org: ref } } }));
      notifyDone(t("users.created"));
      onClose();
      void go(`${path}/users/${user.id}`);
    },
    validate: { email: (v, all) => (v.trim() || all.username.trim() ? null : t("field.required")) },
  });
  const { getInputProps, getValues } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("users.create")} title={t("users.create")}>
      <Text c="dimmed" fz="sm">
        {t("users.inviteHint")} <Anchor component={Link} fz="sm" to={`${path}/invitations`}>{t("users.inviteInstead")}</Anchor>
      </Text>
      <TextInput data-autofocus label={t("field.email")} maxLength={254} type="email" {...getInputProps("email")} />
      <TextInput description={t("users.usernameHint")} label={t("field.username")} maxLength={254} {...getInputProps("username")} />
      <Group grow>
        <TextInput label={t("field.givenName")} maxLength={128} {...getInputProps("given_name")} />
        <TextInput label={t("field.familyName")} maxLength={128} {...getInputProps("family_name")} />
      </Group>
      <PasswordInput
        autoComplete="new-password" description={t("users.passwordHint")} label={t("users.firstPassword")}
        visibilityToggleButtonProps={{ "aria-label": t("field.showPassword") }} {...getInputProps("password")}
      />
      {getValues().password && <Checkbox label={t("users.mustChange")} {...getInputProps("must_change_password", { type: "checkbox" })} />}
    </FormDialog>
  );
}
