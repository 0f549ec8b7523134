import { ActionIcon, Badge, Button, Group, Radio, SegmentedControl, Select, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { IconMailForward, IconMailOff, IconRefresh, IconUsersPlus } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import { FormDialog, SecretDialog, StateBadge, Time, notifyDone, useApiForm, useCan, useConfirm, useCursor, useGrove } from "../../ui/index.ts";
import { AddMany } from "../AddMany.tsx";
import { ListPage } from "../ListPage.tsx";
import { useNames, useRoles } from "../names.ts";
import { GroupPicker, RolePicker } from "../pickers.tsx";
import { type Row, namesIn } from "../rows.ts";
import { useOrg } from "../useOrg.ts";

type Invitation = components["schemas"]["Invitation"];

/** The languages that mails exist in. */
const languages = ["en", "ar", "de", "es", "fr", "it", "ja", "pt", "zh"];

const states = ["all", "pending", "accepted", "expired", "revoked"] as const;

export function InvitationsPage() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const writes = useCan("invitations.write");
  const [state, setState] = useState<(typeof states)[number]>("all");
  const [inviting, setInviting] = useState<"many" | "one">();
  const [link, setLink] = useState<Link>();
  const cursor = useCursor(`${ref} ${state}`);
  const list = query.useQuery("get", "/v1/orgs/{org}/invitations", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(state !== "all" && { state }) } },
  }, { placeholderData: keepPreviousData });
  const roles = useRoles(ref);
  const given = (i: Invitation) => roles.filter((r) => i.roles.includes(r.id)).map((r) => r.name);
  const revoke = (invitation: Invitation) =>
    confirm({
      act: async () => {
        await api.DELETE("/v1/orgs/{org}/invitations/{invitation}", { params: { path: { invitation: invitation.id, org: ref } } });
      },
      body: t("invitations.revokeBody", { email: invitation.email }),
      confirm: t("invitations.revoke"),
      danger: true,
      done: t("invitations.revoked"),
      title: t("invitations.revokeTitle"),
    });
  const resend = (invitation: Invitation) =>
    confirm({
      act: async () => {
        const again = await sent(api.POST("/v1/orgs/{org}/invitations/{invitation}:resend", { params: { path: { invitation: invitation.id, org: ref } } }));
        if (again.link) setLink({ email: again.email, value: again.link });
      },
      body: t("invitations.resendBody", { email: invitation.email }), confirm: t("invitations.resend"), done: t("invitations.created"), title: t("invitations.resendTitle"),
    });
  return (
    <ListPage
      columns={[
        {
          key: "email", title: t("field.email"),
          render: (i) => (
            <div>
              <Text fw={560} fz="inherit">{i.email}</Text>
              <Text c="dimmed" fz="xs">{i.inviter ? t("invitations.by", { name: i.inviter }) : t("invitations.byApp")}</Text>
              {given(i).length > 0 && <Group gap={4} mt={2}>{given(i).map((name) => <Badge color="gray" key={name} size="sm">{name}</Badge>)}</Group>}
              {i.refused && <Text c="var(--mantine-color-red-light-color)" fz="xs">{t(`invitations.refused.${i.refused}`)}</Text>}
            </div>
          ),
        },
        { key: "state", title: t("field.state"), render: (i) => <StateBadge state={i.state} />, width: 104 },
        { key: "created", title: t("invitations.sent"), render: (i) => <Time at={i.created_at} />, wide: true, width: 150 },
        { key: "expires", title: t("invitations.expires"), render: (i) => (i.expires_at ? <Time at={i.expires_at} /> : t("secrets.never")), wide: true, width: 150 },
        {
          key: "actions", label: t("list.actions"), title: "", width: 100,
          render: (i) => writes && (i.state === "pending" || i.state === "expired") && (
            <Group gap={4} justify="flex-end" wrap="nowrap">
              <Tooltip label={t("invitations.resend")}>
                <ActionIcon aria-label={t("invitations.resendFor", { email: i.email })} onClick={() => resend(i)}><IconRefresh size={17} /></ActionIcon>
              </Tooltip>
              {i.state === "pending" && (
                <Tooltip label={t("invitations.revoke")}>
                  <ActionIcon aria-label={t("invitations.revokeFor", { email: i.email })} onClick={() => revoke(i)}><IconMailOff size={17} /></ActionIcon>
                </Tooltip>
              )}
            </Group>
          ),
        },
      ]}
      create={writes && { label: t("invitations.create"), onClick: () => setInviting("one") }}
      more={writes && <Button leftSection={<IconUsersPlus size={16} />} onClick={() => setInviting("many")} variant="default">{t("invitations.createMany")}</Button>}
      cursor={cursor} description={t("invitations.description")} list={list} title={t("nav.invitations")}
      empty={{ body: t("invitations.emptyBody"), icon: IconMailForward, title: state === "all" ? t("invitations.empty") : t("list.noMatch") }}
      toolbar={
        <SegmentedControl
          aria-label={t("field.state")} onChange={(v) => setState(v as "all")} size="xs" value={state}
          data={states.map((value) => ({ label: value === "all" ? t("list.all") : t(`state.${value}`), value }))}
        />
      }
    >
      {inviting === "one" && <Invite onClose={() => setInviting(undefined)} onLink={setLink} />}
      {inviting === "many" && <InviteMany onClose={() => setInviting(undefined)} />}
      <SecretDialog note={t("invitations.linkOnce")} onClose={() => setLink(undefined)} secrets={link ? [{ label: link.email, value: link.value }] : []} title={t("invitations.link")} />
    </ListPage>
  );
}

/** Many people at once, by email. */
function InviteMany({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const names = useNames(ref);
  const add = async ({ email = "", groups, locale, roles }: Row, key: string) => {
    const body = { email, groups: await names.groups(namesIn(groups)), roles: await names.roles(namesIn(roles)), ...(locale && { locale }) };
    await api.POST("/v1/orgs/{org}/invitations", { body, headers: { "Idempotency-Key": key }, params: { path: { org: ref } } });
  };
  return <AddMany add={add} onClose={onClose} submitLabel={t("invitations.createMany")} title={t("invitations.createMany")} without={["username", "given_name", "family_name"]} />;
}

/** A link to hand over, which is shown once. */
type Link = { email: string; value: string };

function Invite({ onClose, onLink }: { onClose: () => void; onLink: (link: Link) => void }) {
  const { i18n, t } = useTranslation();
  const { org, ref } = useOrg();
  const { api } = useGrove();
  const names = new Intl.DisplayNames([i18n.language], { type: "language" });
  const form = useApiForm({
    initialValues: { delivery: "email", email: "", expires_in_minutes: "0", groups: [] as string[], locale: "en", roles: [] as string[] },
    send: async ({ delivery, email, expires_in_minutes, ...rest }) => {
      const body = { ...rest, delivery: delivery as "email" | "link", email: email.trim(), expires_in_minutes: Number(expires_in_minutes) };
      const made = await sent(api.POST("/v1/orgs/{org}/invitations", { body, params: { path: { org: ref } } }));
      onClose();
      if (made.link) onLink({ email: made.email, value: made.link });
      else notifyDone(t("invitations.created"));
    },
    validate: { email: (v) => (v.includes("@") ? null : t("field.emailInvalid")) },
  });
  const { getInputProps, getValues } = form.form;
  const byHand = getValues().delivery === "link";
  const lives = [["0", "default"], ["60", "hour"], ["1440", "day"], ["10080", "week"], ["43200", "month"], ...(byHand ? [["-1", "ever"]] : [])] as [string, "day" | "default" | "ever" | "hour" | "month" | "week"][];
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t(byHand ? "users.linkMake" : "invitations.send")} title={t("invitations.createIn", { name: org?.name ?? "" })}>
      <TextInput data-autofocus label={t("field.email")} maxLength={254} required type="email" {...getInputProps("email")} />
      <RolePicker description={t("invitations.rolesHint")} label={t("nav.roles")} many org={ref} {...getInputProps("roles")} />
      <GroupPicker description={t("invitations.groupsHint")} label={t("nav.groups")} many org={ref} {...getInputProps("groups")} />
      <Radio.Group label={t("users.linkDelivery")} {...getInputProps("delivery")}>
        <Stack gap={8} mt={6}>
          <Radio label={t("invitations.byEmail")} value="email" />
          <Radio label={t("users.linkByHand")} value="link" />
        </Stack>
      </Radio.Group>
      <Select allowDeselect={false} data={lives.map(([value, name]) => ({ label: t(`invitations.lives.${name}`), value }))} label={t("users.linkLife")} {...getInputProps("expires_in_minutes")} />
      <Select
        allowDeselect={false} data={languages.map((value) => ({ label: names.of(value) ?? value, value }))} description={t("invitations.localeHint")}
        label={t("field.locale")} {...getInputProps("locale")}
      />
    </FormDialog>
  );
}
