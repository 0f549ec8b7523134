import { ActionIcon, Button, TextInput, Tooltip } from "@mantine/core";
import { IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { sent } from "../../../api/index.ts";
import { DataTable, EmptyState, FormDialog, SecretDialog, Section, Time, useApiForm, useConfirm, useCursor, useGrove } from "../../../ui/index.ts";
import { allows, useOrg } from "../../useOrg.ts";
import type { App } from "./detail.tsx";

/** An app's secrets, of which several work at a time so that one can be rolled over. */
export function AppSecrets({ app }: { app: App }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const [creating, setCreating] = useState(false);
  const [secret, setSecret] = useState<string>();
  const writes = allows(app, "update");
  const cursor = useCursor(app.id);
  const params = { path: { app: app.id, org: ref } };
  const list = query.useQuery("get", "/v1/orgs/{org}/apps/{app}/secrets", { params: { ...params, query: cursor.query } });
  const revoke = (id: string, hint: string) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/apps/{app}/secrets/{secret}", { params: { path: { ...params.path, secret: id } } }),
      body: t("secrets.revokeBody"), confirm: t("secrets.revoke"), danger: true, done: t("secrets.revoked"), title: t("secrets.revokeTitle", { hint }),
    });
  return (
    <Section
      actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)} size="xs">{t("secrets.create")}</Button>}
      description={t("secrets.description")} title={t("appTab.secrets")}
    >
      <DataTable
        caption={t("appTab.secrets")} cursor={cursor} empty={<EmptyState icon={IconKey} title={t("secrets.empty")} />} list={list}
        columns={[
          { key: "hint", title: t("secrets.ending"), render: (s) => <span className="mono">…{s.hint}</span> },
          { key: "created", title: t("field.created"), render: (s) => <Time at={s.created_at} />, width: 160 },
          { key: "expires", title: t("invitations.expires"), render: (s) => (s.expires_at ? <Time at={s.expires_at} /> : t("secrets.never")), wide: true, width: 160 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 60,
            render: (s) => writes && (
              <Tooltip label={t("secrets.revoke")}>
                <ActionIcon aria-label={t("secrets.revokeTitle", { hint: s.hint })} onClick={() => revoke(s.id, s.hint)}><IconTrash size={17} /></ActionIcon>
              </Tooltip>
            ),
          },
        ]}
      />
      {creating && <CreateSecret app={app} onClose={() => setCreating(false)} onSecret={setSecret} />}
      <SecretDialog onClose={() => setSecret(undefined)} secrets={secret ? [{ label: t("field.clientSecret"), value: secret }] : []} title={t("secrets.created")} />
    </Section>
  );
}

function CreateSecret({ app, onClose, onSecret }: { app: App; onClose: () => void; onSecret: (secret: string) => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { expires_at: "" },
    send: async ({ expires_at }) => {
      const body = expires_at ? { expires_at: new Date(expires_at).toISOString() } : {};
      const made = await sent(api.POST("/v1/orgs/{org}/apps/{app}/secrets", { body, params: { path: { app: app.id, org: ref } } }));
      onClose();
      onSecret(made.client_secret);
    },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("secrets.create")} title={t("secrets.create")}>
      <TextInput data-autofocus description={t("secrets.expiresHint")} label={t("invitations.expires")} type="date" {...form.form.getInputProps("expires_at")} />
    </FormDialog>
  );
}
