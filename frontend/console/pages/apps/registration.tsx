import { ActionIcon, Anchor, Button, NumberInput, TextInput, Tooltip } from "@mantine/core";
import { IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sent } from "../../../api/index.ts";
import {
  DataTable, EmptyState, FormDialog, SecretDialog, Section, Time, useApi, useApiForm, useCan, useConfirm, useCursor, useGrove,
} from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";

/** The tokens with which apps register themselves with the organization, and the way to the settings that let them. */
export function RegistrationTokens() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const settings = useCan("settings.read");
  const [creating, setCreating] = useState(false);
  const [token, setToken] = useState<string>();
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/registration-tokens", { params: { path: { org: ref }, query: cursor.query } });
  const revoke = (id: string, name: string) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/registration-tokens/{token}", { params: { path: { org: ref, token: id } } }),
      body: t("registration.revokeBody"), confirm: t("registration.revoke"), danger: true, done: t("registration.revoked"), title: t("registration.revokeTitle", { name }),
    });
  return (
    <Section
      actions={<Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)} size="xs">{t("registration.create")}</Button>}
      description={<>{t("registration.description")} {settings && <Anchor component={Link} fz="inherit" to={`${path}/settings/client_registration`} underline="always">{t("registration.settings")}</Anchor>}</>}
      title={t("registration.title")}
    >
      <DataTable
        caption={t("registration.title")} cursor={cursor} empty={<EmptyState icon={IconKey} title={t("registration.empty")} />} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (r) => r.name },
          { key: "hint", title: t("secrets.ending"), render: (r) => <span className="mono">…{r.hint}</span>, wide: true },
          { key: "uses", title: t("registration.uses"), render: (r) => r.uses_left ?? t("registration.anyNumber"), width: 120 },
          { key: "expires", title: t("invitations.expires"), render: (r) => <Time at={r.expires_at} />, wide: true, width: 160 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 60,
            render: (r) => (
              <Tooltip label={t("registration.revoke")}>
                <ActionIcon aria-label={t("registration.revokeTitle", { name: r.name })} onClick={() => revoke(r.id, r.name)}><IconTrash size={17} /></ActionIcon>
              </Tooltip>
            ),
          },
        ]}
      />
      {creating && <CreateToken onClose={() => setCreating(false)} onToken={setToken} />}
      <SecretDialog onClose={() => setToken(undefined)} secrets={token ? [{ label: t("registration.token"), value: token }] : []} title={t("registration.created")} />
    </Section>
  );
}

function CreateToken({ onClose, onToken }: { onClose: () => void; onToken: (token: string) => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { expires_at: "", name: "", uses: 1 as number | string },
    send: async ({ expires_at, name, uses }) => {
      const body = { name: name.trim(), ...(uses !== "" && { uses: Number(uses) }), ...(expires_at && { expires_at: new Date(expires_at).toISOString() }) };
      const made = await sent(api.POST("/v1/orgs/{org}/registration-tokens", { body, params: { path: { org: ref } } }));
      onClose();
      onToken(made.token);
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("registration.create")} title={t("registration.create")}>
      <TextInput data-autofocus description={t("registration.nameHint")} label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <NumberInput allowDecimal={false} description={t("registration.usesHint")} label={t("registration.uses")} max={10_000} min={1} {...getInputProps("uses")} />
      <TextInput description={t("registration.expiresHint")} label={t("invitations.expires")} type="date" {...getInputProps("expires_at")} />
    </FormDialog>
  );
}
