import { ActionIcon, Button, Group, TextInput, Textarea, Tooltip } from "@mantine/core";
import { IconFileDescription, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { DataTable, EmptyState, FormDialog, Section, notifyDone, useApiForm, useConfirm, useCursor, useGrove } from "../../ui/index.ts";
import { allows, useOrg } from "../useOrg.ts";

type APIResource = components["schemas"]["APIResource"];
type DetailsType = components["schemas"]["AuthorizationDetailsType"];

/** A JSON object, or nothing where the text is none. */
function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** What apps may ask for at an API in more than scopes can say (RFC 9396). */
export function DetailsTypes({ resource }: { resource: APIResource }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const [editing, setEditing] = useState<DetailsType | "new">();
  const writes = allows(resource, "update");
  const cursor = useCursor(resource.id);
  const path = { org: ref, resource: resource.id };
  const list = query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}/authorization-details-types", { params: { path, query: cursor.query } });
  const remove = (type: DetailsType) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/api-resources/{resource}/authorization-details-types/{details_type}", { params: { path: { ...path, details_type: type.id } } }),
      body: t("detailsTypes.deleteBody"), confirm: t("detailsTypes.delete"), danger: true, done: t("done.deleted"), title: t("scopes.deleteTitle", { name: type.name }),
    });
  return (
    <Section
      actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")} size="xs">{t("detailsTypes.create")}</Button>}
      description={t("detailsTypes.description")} title={t("detailsTypes.title")}
    >
      <DataTable
        caption={t("detailsTypes.title")} cursor={cursor} empty={<EmptyState icon={IconFileDescription} title={t("detailsTypes.empty")} />} list={list}
        columns={[
          { key: "type", title: t("detailsTypes.type"), render: (d) => <span className="mono">{d.type}</span> },
          { key: "name", title: t("field.name"), render: (d) => d.name, wide: true },
          { key: "description", title: t("field.description"), render: (d) => d.description, wide: true },
          {
            key: "actions", label: t("list.actions"), title: "", width: 100,
            render: (d) => writes && (
              <Group gap={4} wrap="nowrap">
                <Tooltip label={t("action.edit")}><ActionIcon aria-label={t("action.editOf", { name: d.name })} onClick={() => setEditing(d)}><IconPencil size={17} /></ActionIcon></Tooltip>
                <Tooltip label={t("action.delete")}><ActionIcon aria-label={t("action.removeOf", { name: d.name })} onClick={() => remove(d)}><IconTrash size={17} /></ActionIcon></Tooltip>
              </Group>
            ),
          },
        ]}
      />
      {editing && <EditDetailsType onClose={() => setEditing(undefined)} resource={resource.id} type={editing === "new" ? undefined : editing} />}
    </Section>
  );
}

const blank = JSON.stringify({ properties: { amount: { title: "Amount", type: "string" } }, required: ["amount"], type: "object" }, null, 2);

function EditDetailsType({ onClose, resource, type }: { onClose: () => void; resource: string; type: DetailsType | undefined }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const path = { org: ref, resource };
  const form = useApiForm({
    initialValues: { description: type?.description ?? "", name: type?.name ?? "", schema: type ? JSON.stringify(type.schema, null, 2) : blank, type: type?.type ?? "" },
    send: async (v) => {
      const body = { description: v.description, name: v.name, schema: objectOf(v.schema) ?? {} };
      if (type) {
        await api.PATCH("/v1/orgs/{org}/api-resources/{resource}/authorization-details-types/{details_type}", { body, params: { path: { ...path, details_type: type.id } } });
      } else {
        await api.POST("/v1/orgs/{org}/api-resources/{resource}/authorization-details-types", { body: { ...body, type: v.type.trim() }, params: { path } });
      }
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: {
      name: (v) => (v.trim() ? null : t("field.required")),
      schema: (v) => (objectOf(v) ? null : t("detailsTypes.schemaInvalid")),
      type: (v) => (v.trim() ? null : t("field.required")),
    },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={type ? t("action.save") : t("detailsTypes.create")} title={type?.name ?? t("detailsTypes.create")}>
      <TextInput data-autofocus={!type} description={t("detailsTypes.typeHint")} dir="ltr" disabled={type !== undefined} label={t("detailsTypes.type")} maxLength={255} placeholder="payment_initiation" required {...getInputProps("type")} />
      <TextInput data-autofocus={!!type} description={t("scopes.displayHint")} label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <TextInput description={t("scopes.displayHint")} label={t("field.description")} maxLength={500} {...getInputProps("description")} />
      <Textarea
        autosize classNames={{ input: "mono" }} description={t("detailsTypes.schemaHint")} dir="ltr" label={t("detailsTypes.schema")} maxRows={18} minRows={8} required
        spellCheck={false} {...getInputProps("schema")}
      />
    </FormDialog>
  );
}
