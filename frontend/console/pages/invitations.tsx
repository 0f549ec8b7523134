import { ActionIcon, MultiSelect, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { IconMailForward, IconMailOff } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { FormDialog, StateBadge, Time, notifyDone, useApiForm, useConfirm, useCursor, useGrove } from "../../ui/index.ts";
import { ListPage } from "../ListPage.tsx";
import { useOrg } from "../useOrg.ts";

type Invitation = components["schemas"]["Invitation"];

const states = ["all", "pending", "accepted", "expired", "revoked"] as const;

export function InvitationsPage() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const [state, setState] = useState<string>("all");
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
  return (
    <ListPage
      columns={[
        { key: "email", title: t("field.email"), render: (i) => i.email },
        { key: "state", title: t("field.state"), render: (i) => <StateBadge state={i.state} />, width: 120 },
        { key: "created", title: t("invitations.sent"), render: (i) => <Time at={i.created_at} />, wide: true, width: 150 },
        { key: "expires", title: t("invitations.expires"), render: (i) => <Time at={i.expires_at} />, wide: true, width: 150 },
        {
          key: "actions", label: t("list.actions"), title: "", width: 60,
          render: (i) =>
            i.state === "pending" && (
              <Tooltip label={t("invitations.revoke")}>
                <ActionIcon aria-label={t("invitations.revokeFor", { email: i.email })} onClick={() => revoke(i)}><IconMailOff size={17} /></ActionIcon>
              </Tooltip>
            ),
        },
      ]}
      create={{ label: t("invitations.create"), onClick: () => setInviting(true) }}
      cursor={cursor} description={t("invitations.description")} list={list} title={t("nav.invitations")}
      empty={{ body: t("invitations.emptyBody"), icon: IconMailForward, title: state === "all" ? t("invitations.empty") : t("list.noMatch") }}
      toolbar={
        <SegmentedControl
          aria-label={t("field.state")} onChange={setState} size="xs" value={state}
          data={states.map((value) => ({ label: value === "all" ? t("list.all") : t(`state.${value}`), value }))}
        />
      }
    >
      <Invite onClose={() => setInviting(false)} opened={inviting} />
    </ListPage>
  );
}

function Invite({ onClose, opened }: { onClose: () => void; opened: boolean }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { query } = useGrove();
  const roles = query.useQuery("get", "/v1/orgs/{org}/roles", { params: { path: { org: ref }, query: { page_size: 200 } } }, { enabled: opened });
  const invite = query.useMutation("post", "/v1/orgs/{org}/invitations");
  const form = useApiForm({
    initialValues: { email: "", roles: [] as string[] },
    send: async (body) => {
      await invite.mutateAsync({ body, params: { path: { org: ref } } });
      notifyDone(t("invitations.created"));
      form.reset();
      onClose();
    },
    validate: { email: (v) => (v.includes("@") ? null : t("field.emailInvalid")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened={opened} submitLabel={t("invitations.send")} title={t("invitations.create")}>
      <TextInput data-autofocus label={t("field.email")} required type="email" {...getInputProps("email")} />
      <MultiSelect
        clearable data={(roles.data?.items ?? []).map((r) => ({ label: r.name, value: r.id }))} description={t("invitations.rolesHint")} label={t("nav.roles")}
        searchable {...getInputProps("roles")}
      />
    </FormDialog>
  );
}
