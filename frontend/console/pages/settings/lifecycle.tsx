import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { FormDialog, Section, notifyDone, useApiForm, useConfirm, useGrove } from "../../../ui/index.ts";
import { OrgPicker } from "../../pickers.tsx";
import { allows, useGo } from "../../useOrg.ts";

type Organization = components["schemas"]["Organization"];

/** Stops the organization and all below it, or lets it work again. */
export function Suspension({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const confirm = useConfirm();
  const suspended = org.status === "suspended";
  const params = { path: { org: org.id } };
  const words = suspended ? ({ act: "resume", body: "resumeBody", done: "resumed", title: "resumeTitle" } as const) : ({ act: "suspend", body: "suspendBody", done: "suspended", title: "suspendTitle" } as const);
  const ask = () =>
    confirm({
      act: () => (suspended ? api.POST("/v1/orgs/{org}:resume", { params }) : api.POST("/v1/orgs/{org}:suspend", { params })),
      body: t(`settings.${words.body}`), confirm: t(`settings.${words.act}`), danger: !suspended, done: t(`settings.${words.done}`),
      title: t(`settings.${words.title}`, { name: org.name }),
    });
  if (!allows(org, words.act)) return null;
  return (
    <Section title={t(`settings.${words.act}`)}>
      <Group justify="space-between">
        <Text c="dimmed" fz="sm" maw={460}>{t(`settings.${words.body}`)}</Text>
        <Button color={suspended ? undefined : "red"} onClick={ask} variant={suspended ? "filled" : "light"}>{t(`settings.${words.act}`)}</Button>
      </Group>
    </Section>
  );
}

/** Puts the organization, with all below it, under another parent. */
export function Moving({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const [moving, setMoving] = useState(false);
  return (
    <Section title={t("settings.move")}>
      <Group justify="space-between">
        <Text c="dimmed" fz="sm" maw={460}>{t("settings.moveBody")}</Text>
        <Button onClick={() => setMoving(true)} variant="default">{t("settings.move")}</Button>
      </Group>
      {moving && <Move onClose={() => setMoving(false)} org={org} />}
    </Section>
  );
}

function Move({ onClose, org }: { onClose: () => void; org: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { parent_id: null as string | null },
    send: async ({ parent_id }) => {
      await api.POST("/v1/orgs/{org}:move", { body: { parent_id: parent_id ?? "" }, params: { path: { org: org.id } } });
      notifyDone(t("settings.moved"));
      onClose();
    },
    validate: { parent_id: (v) => (v ? null : t("field.required")) },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("settings.move")} title={t("settings.moveTitle", { name: org.name })}>
      <Text fz="sm">{t("settings.moveWarning")}</Text>
      <OrgPicker except={[org.id, org.parent_id ?? ""]} label={t("orgs.parent")} required {...form.form.getInputProps("parent_id")} />
    </FormDialog>
  );
}

/** Deletes the organization for good. Only a suspended one without children can be. */
export function Deletion({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const confirm = useConfirm();
  const go = useGo();
  const allowed = allows(org, "delete");
  const ask = () =>
    confirm({
      act: async () => {
        await api.DELETE("/v1/orgs/{org}", { params: { path: { org: org.id } } });
        await go(`/orgs/${org.parent_id ?? "root"}/organizations`);
      },
      body: t("settings.deleteBody"), confirm: t("settings.delete"), danger: true, done: t("done.deleted"), title: t("settings.deleteTitle", { name: org.name }),
    });
  return (
    <Section title={t("settings.delete")}>
      <Group justify="space-between">
        <Text c="dimmed" fz="sm" maw={460}>{allowed ? t("settings.deleteBody") : t("settings.deleteWhen")}</Text>
        <Button color="red" disabled={!allowed} onClick={ask} variant="light">{t("settings.delete")}</Button>
      </Group>
    </Section>
  );
}
