import { ActionIcon, Badge, Button, Group, MultiSelect, Select, Tooltip } from "@mantine/core";
import { IconApi, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { DataTable, EmptyState, FormDialog, Picker, Section, foundAmong, notifyDone, useApi, useApiForm, useConfirm, useCursor, useGrove } from "../../../ui/index.ts";
import { useApiResources } from "../../names.ts";
import { ScopePicker } from "../../pickers.tsx";
import { allows, useOrg } from "../../useOrg.ts";
import type { App } from "./detail.tsx";

type AuthorizedAPI = components["schemas"]["AuthorizedAPI"];

/** The APIs whose scopes an app may ask for. */
export function AuthorizedApis({ app }: { app: App }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const [editing, setEditing] = useState<AuthorizedAPI | "new">();
  const writes = allows(app, "update");
  const cursor = useCursor(app.id);
  const params = { path: { app: app.id, org: ref } };
  const list = query.useQuery("get", "/v1/orgs/{org}/apps/{app}/authorized-apis", { params: { ...params, query: cursor.query } });
  const withdraw = (a: AuthorizedAPI) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/apps/{app}/authorized-apis/{resource}", { params: { path: { ...params.path, resource: a.resource } } }),
      body: t("apis.withdrawBody"), confirm: t("apis.withdraw"), danger: true, done: t("done.saved"), title: t("apis.withdrawTitle", { name: a.name }),
    });
  return (
    <Section
      actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")} size="xs">{t("apis.authorize")}</Button>}
      description={t("apis.description")} title={t("appTab.apis")}
    >
      <DataTable
        caption={t("appTab.apis")} cursor={cursor} keyOf={(a) => a.resource} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (a) => a.name },
          {
            key: "scopes", title: t("apiResources.scopes"), wide: true,
            render: (a) => <Group gap={4}>{a.scopes.map((s) => <Badge className="mono" color="gray" key={s}>{s}</Badge>)}</Group>,
          },
          {
            key: "details", title: t("detailsTypes.title"), wide: true,
            render: (a) => <Group gap={4}>{a.authorization_details_types.map((d) => <Badge className="mono" color="gray" key={d}>{d}</Badge>)}</Group>,
          },
          { key: "policy", title: t("apis.policy"), render: (a) => t(`apis.${a.policy === "rbac" ? "rbac" : "open"}`), wide: true, width: 170 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 100,
            render: (a) => writes && (
              <Group gap={4} wrap="nowrap">
                <Tooltip label={t("action.edit")}><ActionIcon aria-label={t("action.editOf", { name: a.name })} onClick={() => setEditing(a)}><IconPencil size={17} /></ActionIcon></Tooltip>
                <Tooltip label={t("apis.withdraw")}><ActionIcon aria-label={t("apis.withdrawTitle", { name: a.name })} onClick={() => withdraw(a)}><IconTrash size={17} /></ActionIcon></Tooltip>
              </Group>
            ),
          },
        ]}
        empty={<EmptyState body={t("apis.emptyBody")} icon={IconApi} title={t("apis.empty")} />}
      />
      {editing && <Authorize app={app} current={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} taken={(list.data?.items ?? []).map((a) => a.resource)} />}
    </Section>
  );
}

function Authorize({ app, current, onClose, taken }: { app: App; current: AuthorizedAPI | undefined; onClose: () => void; taken: string[] }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const query = useApi();
  const page = { page_size: 200 };
  const resources = useApiResources(ref);
  const free = resources.filter((r) => r.id === current?.resource || !taken.includes(r.id)).map((r) => ({ label: r.name, note: r.identifier, value: r.id }));
  const form = useApiForm({
    initialValues: { authorization_details_types: current?.authorization_details_types ?? [], policy: (current?.policy ?? (app.template === "m2m" ? "none" : "rbac")) as "none" | "rbac", resource: current?.resource ?? "", scopes: current?.scopes ?? [] },
    send: async (body) => {
      await api.PUT("/v1/orgs/{org}/apps/{app}/authorized-apis", { body, params: { path: { app: app.id, org: ref } } });
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { resource: (v) => (v ? null : t("field.required")) },
  });
  const { getInputProps, getValues, setFieldValue } = form.form;
  const { resource } = getValues();
  const scopes = query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}/scopes", { params: { path: { org: ref, resource }, query: page } }, { enabled: resource !== "" });
  const types = query.useQuery("get", "/v1/orgs/{org}/api-resources/{resource}/authorization-details-types", { params: { path: { org: ref, resource }, query: page } }, { enabled: resource !== "" }).data?.items ?? [];
  const chosen = resources.find((r) => r.id === resource);
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("action.save")} title={current ? current.name : t("apis.authorize")}>
      <Picker
        allowDeselect={false} disabled={current !== undefined} label={t("apis.resource")} required {...getInputProps("resource")} useFound={foundAmong(free)}
        onChange={(value) => {
          setFieldValue("resource", value ?? "");
          setFieldValue("scopes", []);
          setFieldValue("authorization_details_types", []);
        }}
      />
      {chosen && <ScopePicker groups={[{ id: chosen.id, name: chosen.name, scopes: scopes.data?.items ?? [] }]} label={t("apiResources.scopes")} {...getInputProps("scopes")} />}
      {types.length > 0 && (
        <MultiSelect
          clearable data={types.map((d) => ({ label: `${d.name} · ${d.type}`, value: d.type }))} description={t("apis.detailsHint")} label={t("detailsTypes.title")}
          nothingFoundMessage={t("list.noMatch")} searchable {...getInputProps("authorization_details_types")}
        />
      )}
      <Select
        allowDeselect={false} data={[{ label: t("apis.rbac"), value: "rbac" }, { label: t("apis.open"), value: "none" }]}
        description={t("apis.policyHint")} label={t("apis.policy")} {...getInputProps("policy")}
      />
    </FormDialog>
  );
}
