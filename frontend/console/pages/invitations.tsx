import { ActionIcon, Group, SegmentedControl, Select, Text, TextInput, Tooltip } from "@mantine/core";
import { IconMailForward, IconMailOff, IconRefresh } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { FormDialog, StateBadge, Time, notifyDone, useApiForm, useCan, useConfirm, useCursor, useGrove } from "../../ui/index.ts";
import { ListPage } from "../ListPage.tsx";
import { RolesPicker } from "../pickers.tsx";
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
  const [inviting, setInviting] = useState(false);
  const cursor = useCursor(`${ref} ${state}`);
  const list = query.useQuery("get", "/v1/orgs/{org}/invitations", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(state !== "all" && { state }) } },
  }, { placeholderData: keepPreviousData });
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
      act: () => api.POST("/v1/orgs/{org}/invitations/{invitation}:resend", { params: { path: { invitation: invitation.id, org: ref } } }),
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
              <Text c="dimmed" fz="xs">{t("invitations.by", { name: i.inviter })}</Text>
            </div>
          ),
        },
        { key: "state", title: t("field.state"), render: (i) => <StateBadge state={i.state} />, width: 120 },
        { key: "created", title: t("invitations.sent"), render: (i) => <Time at={i.created_at} />, wide: true, width: 150 },
        { key: "expires", title: t("invitations.expires"), render: (i) => <Time at={i.expires_at} />, wide: true, width: 150 },
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
      create={writes && { label: t("invitations.create"), onClick: () => setInviting(true) }}
      cursor={cursor} description={t("invitations.description")} list={list} title={t("nav.invitations")}
      empty={{ body: t("invitations.emptyBody"), icon: IconMailForward, title: state === "all" ? t("invitations.empty") : t("list.noMatch") }}
      toolbar={
        <SegmentedControl
          aria-label={t("field.state")} onChange={(v) => setState(v as "all")} size="xs" value={state}
          data={states.map((value) => ({ label: value === "all" ? t("list.all") : t(`state.${value}`), value }))}
        />
      }
    >
      {inviting && <Invite onClose={() => setInviting(false)} />}
    </ListPage>
  );
}

function Invite({ onClose }: { onClose: () => void }) {
  const { i18n, t } = useTranslation();
  const { org, ref } = useOrg();
  const { api } = useGrove();
  const names = new Intl.DisplayNames([i18n.language], { type: "language" });
  const form = useApiForm({
    initialValues: { email: "", locale: "en", roles: [] as string[] },
    send: async ({ email, ...body }) => {
      await api.POST("/v1/orgs/{org}/invitations", { body: { ...body, email: email.trim() }, params: { path: { org: ref } } });
      notifyDone(t("invitations.created"));
      onClose();
    },
    validate: { email: (v) => (v.includes("@") ? null : t("field.emailInvalid")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("invitations.send")} title={t("invitations.createIn", { name: org?.name ?? "" })}>
      <TextInput data-autofocus label={t("field.email")} maxLength={254} required type="email" {...getInputProps("email")} />
      <RolesPicker description={t("invitations.rolesHint")} label={t("nav.roles")} org={ref} {...getInputProps("roles")} />
      <Select
        allowDeselect={false} data={languages.map((value) => ({ label: names.of(value) ?? value, value }))} description={t("invitations.localeHint")}
        label={t("field.locale")} {...getInputProps("locale")}
      />
    </FormDialog>
  );
}
