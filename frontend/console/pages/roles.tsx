import { Badge, Group, SegmentedControl, TextInput, Textarea } from "@mantine/core";
import { IconShieldLock } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import { Copyable, FormDialog, Picker, Section, Time, foundAmong, notifyDone, useApi, useApiForm, useCan, useCursor, useGrove } from "../../ui/index.ts";
import { RoleAssignments } from "../assignments.tsx";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { useAvailableApps, useOwnApps } from "../names.ts";
import { ScopePicker, useScopes } from "../pickers.tsx";
import { allows, useGo, useId, useOrg } from "../useOrg.ts";

type Role = components["schemas"]["Role"];

function Audience({ role }: { role: Role }) {
  const { t } = useTranslation();
  const apps = useAvailableApps(useOrg().ref);
  if (role.audience.type === "organization") return <>{t("roles.wholeOrganization")}</>;
  return <>{apps.find((a) => a.id === role.audience.id)?.name ?? t("roles.app")}</>;
}

function Origin({ role }: { role: Role }) {
  const { t } = useTranslation();
  if (role.builtin) return <Badge color="gray">{t("state.builtin")}</Badge>;
  return role.inherited ? <Badge color="gray">{t("state.inherited")}</Badge> : null;
}

const audiences = ["all", "organization", "application"] as const;

export function RolesPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const writes = useCan("roles.write");
  const [creating, setCreating] = useState(false);
  const [audience, setAudience] = useState<(typeof audiences)[number]>("all");
  const cursor = useCursor(`${ref} ${audience}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/roles", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(audience !== "all" && { audience_type: audience }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (r) => <Group gap={8}><NameLink to={`${path}/roles/${r.id}`}>{r.name}</NameLink><Origin role={r} /></Group> },
        { key: "audience", title: t("field.audience"), render: (r) => <Audience role={r} />, wide: true },
        { key: "permissions", title: t("field.permissions"), render: (r) => r.permissions.length, wide: true, width: 120 },
        { key: "created", title: t("field.created"), render: (r) => <Time at={r.created_at} />, wide: true, width: 140 },
      ]}
      create={writes && { label: t("roles.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("roles.description")} list={list} title={t("nav.roles")}
      empty={{ body: t("roles.emptyBody"), icon: IconShieldLock, title: t("roles.empty") }}
      toolbar={
        <SegmentedControl
          aria-label={t("field.audience")} data={audiences.map((value) => ({ label: t(`rolesFilter.${value}`), value }))} onChange={(v) => setAudience(v as "all")}
          size="xs" value={audience}
        />
      }
    >
      {creating && <CreateRole onClose={() => setCreating(false)} />}
    </ListPage>
  );
}

/** Stands for every scope of the management API. */
const everyScope = "grove";

/** What a role may give: of an app's role only what the app is authorized for, else every scope that is known here. */
function useGivable(app: string | undefined) {
  const { ref } = useOrg();
  const all = useScopes(ref);
  const path = { app: app ?? "", org: ref };
  const authorized = useApi().useQuery("get", "/v1/orgs/{org}/apps/{app}/authorized-apis", { params: { path, query: { page_size: 200 } } }, { enabled: !!app });
  if (!app) return all;
  return (authorized.data?.items ?? []).map((a) => ({
    id: a.resource, name: a.name, scopes: a.scopes.includes(everyScope) ? (all.find((r) => r.id === a.resource)?.scopes ?? []) : a.scopes.map((name) => ({ name })),
  }));
}

function CreateRole({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const { api } = useGrove();
  const apps = useOwnApps(ref);
  // The root's, as the one app whose roles go to every organization. The account portal needs none.
  const builtin = apps.find((a) => a.builtin && a.client_id === "console");
  const audiences = [
    { label: t("roles.wholeOrganization"), value: "" },
    ...(builtin ? [{ label: builtin.name, note: t("roles.below"), value: builtin.id }] : []),
    ...apps.filter((a) => !a.builtin && a.role_audience === "application" && a.template !== "m2m").map((a) => ({ label: a.name, value: a.id })),
  ];
  const form = useApiForm({
    initialValues: { app: "", description: "", name: "", permissions: [] as string[] },
    send: async ({ app, description, name, permissions }) => {
      const body = { name: name.trim(), permissions, ...(description && { description }), ...(app && { audience: { id: app, type: "application" as const } }) };
      const role = await sent(api.POST("/v1/orgs/{org}/roles", { body, params: { path: { org: ref } } }));
      notifyDone(t("roles.created"));
      onClose();
      void go(`${path}/roles/${role.id}`);
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps, getValues, setValues } = form.form;
  const { app } = getValues();
  const groups = useGivable(app || undefined);
  const hint = t("roles.audienceHint");
  return (
    <FormDialog form={form} onClose={onClose} opened size="lg" submitLabel={t("roles.create")} title={t("roles.create")}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <Textarea autosize label={t("field.description")} maxLength={500} {...getInputProps("description")} />
      <Picker
        allowDeselect={false} description={app && app === builtin?.id ? `${hint} ${t("roles.below")}` : hint} label={t("field.audience")} {...getInputProps("app")} useFound={foundAmong(audiences)}
        onChange={(app) => setValues({ app: app ?? "", permissions: [] })}
      />
      <ScopePicker groups={groups} label={t("field.permissions")} {...getInputProps("permissions")} />
    </FormDialog>
  );
}

export function RolePage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const id = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const [editing, setEditing] = useState(false);
  const params = { path: { org: ref, role: id } };
  const role = query.useQuery("get", "/v1/orgs/{org}/roles/{role}", { params });
  return (
    <DetailPage
      activity={id}
      badge={(r) => <Origin role={r} />}
      edit={() => setEditing(true)}
      facts={(r) => [
        { label: t("field.audience"), value: <Audience role={r} /> },
        { label: t("field.description"), value: r.description || undefined },
        { label: t("field.id"), value: <Copyable value={r.id} /> },
        { label: t("field.created"), value: <Time at={r.created_at} /> },
      ]}
      list={{ label: t("nav.roles"), to: `${path}/roles` }}
      query={role}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/roles/{role}", { params });
          await go(`${path}/roles`);
        },
        body: t("roles.deleteBody"), label: t("roles.delete"),
      }}
      titleOf={(r) => r.name}
    >
      {(r) => (
        <>
          <Section description={t("roles.permissionsDescription")} title={t("field.permissions")}>
            <Group gap={6}>{r.permissions.map((p) => <Badge className="mono" color="gray" key={p}>{p}</Badge>)}{r.permissions.length === 0 && t("roles.noPermissions")}</Group>
          </Section>
          <RoleAssignments assignable={allows(r, "assign")} role={r.id} />
          {editing && <EditRole onClose={() => setEditing(false)} role={r} />}
        </>
      )}
    </DetailPage>
  );
}

function EditRole({ onClose, role }: { onClose: () => void; role: Role }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { description: role.description, name: role.name, permissions: role.permissions },
    send: async (body) => {
      await api.PATCH("/v1/orgs/{org}/roles/{role}", { body, params: { path: { org: ref, role: role.id } } });
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  const groups = useGivable(role.audience.type === "application" ? role.audience.id : undefined);
  return (
    <FormDialog form={form} onClose={onClose} opened size="lg" submitLabel={t("action.save")} title={role.name}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <Textarea autosize label={t("field.description")} maxLength={500} {...getInputProps("description")} />
      <ScopePicker groups={groups} label={t("field.permissions")} {...getInputProps("permissions")} />
    </FormDialog>
  );
}
