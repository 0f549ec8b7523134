import { ActionIcon, Badge, Button, Group, SegmentedControl, Tooltip } from "@mantine/core";
import { IconPlus, IconShieldLock, IconTrash, IconUsers } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../api/index.ts";
import { DataTable, EmptyState, FormDialog, Section, Time, notifyDone, useApi, useApiForm, useCan, useCursor, useGrove } from "../ui/index.ts";
import { NameLink } from "./ListPage.tsx";
import { useMemberNames } from "./names.ts";
import { GroupPicker, MemberPicker, RolePicker } from "./pickers.tsx";
import { useTaking } from "./taking.ts";
import { useOrg } from "./useOrg.ts";

type HeldRole = components["schemas"]["HeldRole"];
type Principal = components["schemas"]["Principal"];
type Reach = "org" | "subtree";

function ReachControl(props: { onChange: (reach: Reach) => void; value?: Reach }) {
  const { t } = useTranslation();
  return (
    <SegmentedControl
      {...props} aria-label={t("reach.label")} data={[{ label: t("reach.org"), value: "org" }, { label: t("reach.subtree"), value: "subtree" }]} fullWidth size="xs"
      onChange={(value) => props.onChange(value as Reach)}
    />
  );
}

/** Who holds a role in this organization, with giving and taking it. */
export function RoleAssignments({ assignable, role }: { assignable: boolean; role: string }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const { api, query } = useGrove();
  const ask = useTaking();
  const [assigning, setAssigning] = useState(false);
  const cursor = useCursor(`${ref} ${role}`);
  const params = { path: { org: ref, role } };
  const list = query.useQuery("get", "/v1/orgs/{org}/roles/{role}/assignments", { params: { ...params, query: cursor.query } });
  const people = useMemberNames(ref, (list.data?.items ?? []).flatMap((a) => (a.principal.type === "user" ? [a.principal.id] : [])));
  const take = (assignment: { id: string; principal: Principal }) =>
    ask({
      act: (query) => api.DELETE("/v1/orgs/{org}/roles/{role}/assignments/{assignment}", { params: { path: { ...params.path, assignment: assignment.id }, query } }),
      ...(assignment.principal.type === "user" && { user: assignment.principal.id }),
      body: t("assignments.takeBody"), confirm: t("assignments.take"), danger: true, done: t("assignments.taken"), title: t("assignments.takeTitle"),
    });
  return (
    <Section
      actions={assignable && <Button leftSection={<IconPlus size={16} />} onClick={() => setAssigning(true)} size="xs">{t("assignments.give")}</Button>}
      description={t("assignments.description")} title={t("assignments.title")}
    >
      <DataTable
        caption={t("assignments.title")} cursor={cursor} empty={<EmptyState icon={IconUsers} title={t("assignments.empty")} />} list={list}
        columns={[
          {
            key: "who", title: t("assignments.who"),
            render: (a) => (
              <Group gap={8}>
                {a.principal.type === "group" ? <GroupName group={a.principal.id} /> : <NameLink to={`${path}/members/${a.principal.id}`}>{people.get(a.principal.id) ?? a.principal.id}</NameLink>}
                {a.principal.type === "group" && <Badge color="gray">{t("assignments.group")}</Badge>}
              </Group>
            ),
          },
          { key: "reach", title: t("reach.label"), render: (a) => t(`reach.${a.reach as Reach}`), wide: true },
          { key: "since", title: t("assignments.since"), render: (a) => <Time at={a.created_at} />, wide: true, width: 150 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 60,
            render: (a) => assignable && (
              <Tooltip label={t("assignments.take")}><ActionIcon aria-label={t("assignments.take")} onClick={() => take(a)}><IconTrash size={17} /></ActionIcon></Tooltip>
            ),
          },
        ]}
      />
      {assigning && <Assign onClose={() => setAssigning(false)} role={role} />}
    </Section>
  );
}

/** The name of a group, which an assignment tells by id only. */
function GroupName({ group }: { group: string }) {
  const { path, ref } = useOrg();
  const found = useApi().useQuery("get", "/v1/orgs/{org}/groups/{group}", { params: { path: { group, org: ref } } }, { retry: false, staleTime: 60_000 });
  return <NameLink to={`${path}/groups/${group}`}>{found.data?.name ?? group}</NameLink>;
}

function Assign({ onClose, role }: { onClose: () => void; role: string }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { principal: null as string | null, reach: "org" as Reach, type: "user" as "group" | "user" },
    send: async ({ principal, reach, type }) => {
      const body = { principal: { id: principal ?? "", type }, reach };
      await api.POST("/v1/orgs/{org}/roles/{role}/assignments", { body, params: { path: { org: ref, role } } });
      notifyDone(t("assignments.given"));
      onClose();
    },
    validate: { principal: (v) => (v ? null : t("field.required")) },
  });
  const { getInputProps, getValues, setValues } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("assignments.give")} title={t("assignments.give")}>
      <SegmentedControl
        aria-label={t("assignments.who")} data={[{ label: t("assignments.person"), value: "user" }, { label: t("assignments.group"), value: "group" }]} fullWidth size="xs"
        onChange={(type) => setValues({ principal: null, type: type as "user" })} value={getValues().type}
      />
      {getValues().type === "user"
        ? <MemberPicker key="user" label={t("assignments.person")} org={ref} required {...getInputProps("principal")} />
        : <GroupPicker key="group" label={t("assignments.group")} org={ref} required {...getInputProps("principal")} />}
      <ReachControl {...getInputProps("reach")} />
    </FormDialog>
  );
}

/** Every role that counts for a person here, each with how it is held. */
export function HeldRoles({ user }: { user: string }) {
  const { t } = useTranslation();
  const { org, path, ref } = useOrg();
  const { api, query } = useGrove();
  const ask = useTaking();
  const writes = useCan("roles.write");
  const [giving, setGiving] = useState(false);
  const cursor = useCursor(`${ref} ${user}`);
  const list = query.useQuery("get", "/v1/orgs/{org}/users/{user}/roles", { params: { path: { org: ref, user }, query: cursor.query } }, { enabled: useCan("roles.read") });
  const take = (held: HeldRole) =>
    ask({
      act: (query) => api.DELETE("/v1/orgs/{org}/roles/{role}/assignments/{assignment}", { params: { path: { assignment: held.assignment_id, org: ref, role: held.role_id }, query } }), user,
      body: t("assignments.takeBody"), confirm: t("assignments.take"), danger: true, done: t("assignments.taken"), title: t("assignments.takeOf", { name: held.name }),
    });
  return (
    <Section
      actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setGiving(true)} size="xs">{t("assignments.giveRole")}</Button>}
      description={t("assignments.heldDescription")} title={t("nav.roles")}
    >
      <DataTable
        caption={t("nav.roles")} cursor={cursor} empty={<EmptyState icon={IconShieldLock} title={t("users.noRoles")} />} keyOf={(r) => r.assignment_id} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (r) => <NameLink to={`${path}/roles/${r.role_id}`}>{r.name}</NameLink> },
          { key: "how", title: t("assignments.how"), render: (r) => t(`how.${r.how as "direct"}`, { defaultValue: r.how }), wide: true },
          { key: "reach", title: t("reach.label"), render: (r) => t(`reach.${r.reach as Reach}`), wide: true },
          {
            key: "actions", label: t("list.actions"), title: "", width: 60,
            render: (r) => writes && r.how === "direct" && r.org_id === org?.id && (
              <Tooltip label={t("assignments.take")}><ActionIcon aria-label={t("assignments.takeOf", { name: r.name })} onClick={() => take(r)}><IconTrash size={17} /></ActionIcon></Tooltip>
            ),
          },
        ]}
      />
      {giving && <GiveRole onClose={() => setGiving(false)} principal={{ id: user, type: "user" }} />}
    </Section>
  );
}

/** Gives one more role to a person or a group. */
export function GiveRole({ onClose, principal }: { onClose: () => void; principal: Principal }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { reach: "org" as Reach, role: null as string | null },
    send: async ({ reach, role }) => {
      await api.POST("/v1/orgs/{org}/roles/{role}/assignments", { body: { principal, reach }, params: { path: { org: ref, role: role ?? "" } } });
      notifyDone(t("assignments.given"));
      onClose();
    },
    validate: { role: (v) => (v ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("assignments.giveRole")} title={t("assignments.giveRole")}>
      <RolePicker label={t("assignments.role")} org={ref} required {...getInputProps("role")} />
      <ReachControl {...getInputProps("reach")} />
    </FormDialog>
  );
}
