import { ActionIcon, Alert, Radio, Select, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { IconLifebuoy, IconLock } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { FormDialog, StateBadge, Time, notifyDone, useApiForm, useCan, useConfirm, useCursor, useGrove, useSession } from "../../ui/index.ts";
import { ListPage } from "../ListPage.tsx";
import { useOrg } from "../useOrg.ts";

type Access = components["schemas"]["SupportAccess"];

const hours = [1, 8, 24, 168, 720] as const;

/** When those above the organization may act as its people. Only who is signed in to the organization itself opens it. */
export function SupportAccessPage() {
  const { t } = useTranslation();
  const { org, ref } = useOrg();
  const { api, query } = useGrove();
  const { actingIn, person } = useSession();
  const confirm = useConfirm();
  const writes = useCan("support_access.write");
  const own = org !== undefined && (actingIn ?? person?.orgId) === org.id;
  const [opening, setOpening] = useState(false);
  const cursor = useCursor(ref);
  const list = query.useQuery("get", "/v1/orgs/{org}/support-access", { params: { path: { org: ref }, query: cursor.query } });
  const close = (access: Access) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/support-access/{access}", { params: { path: { access: access.id, org: ref } } }),
      body: t("support.closeBody"), confirm: t("support.close"), danger: true, done: t("support.closed"), title: t("support.closeTitle"),
    });
  const state = (a: Access) => (a.open ? "active" : a.closed_at ? "revoked" : "expired");
  return (
    <ListPage
      columns={[
        {
          key: "reason", title: t("support.reason"),
          render: (a) => (
            <div>
              <Text fw={560} fz="inherit">{a.reason || t("support.noReason")}</Text>
              <Text c="dimmed" fz="xs">{t(`support.mode.${a.mode}`)}, <Time at={a.closed_at ?? a.expires_at} /></Text>
            </div>
          ),
        },
        { key: "state", title: t("field.state"), render: (a) => <StateBadge state={state(a)} />, width: 104 },
        { key: "created", title: t("field.created"), render: (a) => <Time at={a.created_at} />, wide: true, width: 160 },
        {
          key: "actions", label: t("list.actions"), title: "", width: 60,
          render: (a) => writes && a.open && (
            <Tooltip label={t("support.close")}>
              <ActionIcon aria-label={t("support.close")} onClick={() => close(a)}><IconLock size={17} /></ActionIcon>
            </Tooltip>
          ),
        },
      ]}
      create={writes && own && !org.is_root && { label: t("support.open"), onClick: () => setOpening(true) }}
      cursor={cursor} description={t("support.description")} list={list} title={t("nav.support")}
      empty={{ body: t("support.emptyBody"), icon: IconLifebuoy, title: t("support.empty") }}
      toolbar={writes && !own && <Alert color="gray" variant="light">{t("support.notOwn")}</Alert>}
    >
      {opening && <OpenAccess onClose={() => setOpening(false)} />}
    </ListPage>
  );
}

function OpenAccess({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { expires_in_minutes: String(24 * 60), mode: "read_only" as Access["mode"], reason: "" },
    send: async ({ expires_in_minutes, mode, reason }) => {
      await api.POST("/v1/orgs/{org}/support-access", { body: { expires_in_minutes: Number(expires_in_minutes), mode, reason: reason.trim() }, params: { path: { org: ref } } });
      notifyDone(t("support.opened"));
      onClose();
    },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("support.open")} title={t("support.open")}>
      <TextInput data-autofocus description={t("support.reasonHint")} label={t("support.reason")} maxLength={500} {...form.form.getInputProps("reason")} />
      <Radio.Group label={t("support.what")} {...form.form.getInputProps("mode")}>
        <Stack gap="xs" mt={6}>
          {(["read_only", "full"] as const).map((mode) => <Radio description={t(`support.modeHint.${mode}`)} key={mode} label={t(`support.mode.${mode}`)} value={mode} />)}
        </Stack>
      </Radio.Group>
      <Select allowDeselect={false} data={hours.map((h) => ({ label: t(`support.hours.${h}`), value: String(h * 60) }))} label={t("support.howLong")} {...form.form.getInputProps("expires_in_minutes")} />
    </FormDialog>
  );
}
