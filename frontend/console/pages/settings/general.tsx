import { ActionIcon, Button, Group, NumberInput, Stack, Text, TextInput, Textarea } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Facts, FormDialog, ProblemAlert, Section, notifyDone, useApiForm, useGrove } from "../../../ui/index.ts";
import { allows } from "../../useOrg.ts";
import { SeatsLine } from "../overview.tsx";

type Organization = components["schemas"]["Organization"];

/** Name, description and, from above, the handle. */
export function General({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const fromAbove = allows(org, "move");
  const form = useApiForm({
    initialValues: { description: org.description, handle: org.handle, name: org.name },
    send: async ({ description, handle, name }) => {
      const body = { description, name: name.trim(), ...(handle !== org.handle && { handle: handle.trim() }) };
      await api.PATCH("/v1/orgs/{org}", { body, params: { path: { org: org.id } } });
      form.form.resetDirty();
      notifyDone(t("done.saved"));
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <Section title={t("settings.general")}>
      <form noValidate onSubmit={form.submit}>
        <Stack gap="md" maw={440}>
          {form.problem && <ProblemAlert error={form.problem} />}
          <TextInput label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
          <TextInput
            description={t(org.is_root ? "settings.handleOfRoot" : fromAbove ? "settings.handleHint" : "settings.handleFromAbove")} dir="ltr" disabled={!fromAbove} label={t("field.handle")}
            maxLength={63} {...getInputProps("handle")}
          />
          <Textarea autosize label={t("field.description")} maxLength={1000} minRows={2} {...getInputProps("description")} />
          <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>
        </Stack>
      </form>
    </Section>
  );
}

/** The vendor's own values, such as the id in a CRM. */
export function Attributes({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const [editing, setEditing] = useState(false);
  return (
    <Section
      actions={<Button leftSection={<IconPencil size={16} />} onClick={() => setEditing(true)} size="xs" variant="default">{t("action.edit")}</Button>}
      description={t("attributes.hint")} title={t("attributes.title")}
    >
      {Object.keys(org.attributes).length > 0
        ? <Facts items={Object.entries(org.attributes).map(([label, value]) => ({ label, value }))} />
        : <Text c="dimmed" fz="sm">{t("attributes.none")}</Text>}
      {editing && (
        <EditAttributes
          attributes={org.attributes} onClose={() => setEditing(false)}
          save={(attributes) => api.PATCH("/v1/orgs/{org}", { body: { attributes }, params: { path: { org: org.id } } })}
        />
      )}
    </Section>
  );
}

/** Edits names and values; sends only what changed, and null for what was removed (RFC 7396). */
export function EditAttributes({ attributes, onClose, save }: {
  attributes: Record<string, string>; onClose: () => void; save: (patch: Record<string, string | null>) => Promise<unknown>;
}) {
  const { t } = useTranslation();
  const form = useApiForm({
    initialValues: { rows: [...Object.entries(attributes).map(([name, value]) => ({ name, value })), { name: "", value: "" }] },
    send: async ({ rows }) => {
      const wanted = new Map(rows.filter((r) => r.name.trim()).map((r) => [r.name.trim(), r.value]));
      const gone = Object.keys(attributes).filter((name) => !wanted.has(name)).map((name) => [name, null] as const);
      await save(Object.fromEntries([...gone, ...[...wanted].filter(([name, value]) => attributes[name] !== value)]));
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { rows: { name: (name, { rows }, path) => (name.trim() || !rows[Number(path.split(".")[1])]?.value ? null : t("attributes.nameless")) } },
  });
  const { getInputProps, getValues, insertListItem, removeListItem } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("action.save")} title={t("attributes.title")}>
      {getValues().rows.map((row, i) => (
        <Group align="flex-start" gap={8} key={i} wrap="nowrap">
          <TextInput aria-label={t("attributes.name")} flex={1} maxLength={64} placeholder={t("attributes.name")} {...getInputProps(`rows.${i}.name`)} />
          <TextInput aria-label={t("attributes.value")} flex={1} maxLength={1000} placeholder={t("attributes.value")} {...getInputProps(`rows.${i}.value`)} />
          <ActionIcon aria-label={t("action.removeOf", { name: row.name })} onClick={() => removeListItem("rows", i)}><IconTrash size={16} /></ActionIcon>
        </Group>
      ))}
      <Group>
        <Button leftSection={<IconPlus size={14} />} onClick={() => insertListItem("rows", { name: "", value: "" })} size="compact-sm" variant="subtle">{t("attributes.add")}</Button>
      </Group>
    </FormDialog>
  );
}

/** How many people may belong to the organization. */
export function Seats({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { query } = useGrove();
  const [editing, setEditing] = useState(false);
  const seats = query.useQuery("get", "/v1/orgs/{org}/seats", { params: { path: { org: org.id } } }).data;
  if (!seats) return null;
  return (
    <Section
      actions={seats.allowed_actions?.includes("set_limit") && <Button onClick={() => setEditing(true)} size="xs" variant="default">{t("seats.set")}</Button>}
      description={t("seats.hint")} title={t("seats.title")}
    >
      <SeatsLine org={org.id} />
      {editing && <SetSeats limit={seats.limit} onClose={() => setEditing(false)} org={org} />}
    </Section>
  );
}

function SetSeats({ limit, onClose, org }: { limit: number | null; onClose: () => void; org: Organization }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { limit: (limit ?? "") as number | string },
    send: async (values) => {
      await api.PUT("/v1/orgs/{org}/seats/limit", { body: { limit: values.limit === "" ? null : Number(values.limit) }, params: { path: { org: org.id } } });
      notifyDone(t("done.saved"));
      onClose();
    },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("action.save")} title={t("seats.set")}>
      <NumberInput
        allowDecimal={false} allowNegative={false} data-autofocus description={t("seats.limitHint")} label={t("seats.limit")} max={10_000_000}
        {...form.form.getInputProps("limit")}
      />
    </FormDialog>
  );
}
