import { ActionIcon, TextInput, Tooltip } from "@mantine/core";
import { IconTrash, IconWorld } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FormDialog, Time, notifyDone, useApiForm, useCan, useConfirm, useCursor, useGrove } from "../../ui/index.ts";
import { ListPage } from "../ListPage.tsx";
import { useOrg } from "../useOrg.ts";

/** The e-mail domains by which people are found as the organization's. */
export function DomainsPage() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const writes = useCan("domains.write");
  const [mapping, setMapping] = useState(false);
  const cursor = useCursor(ref);
  const list = query.useQuery("get", "/v1/orgs/{org}/domains", { params: { path: { org: ref }, query: cursor.query } });
  const unmap = (domain: { id: string; name: string }) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/domains/{domain}", { params: { path: { domain: domain.id, org: ref } } }),
      body: t("domains.unmapBody", { name: domain.name }), confirm: t("domains.unmap"), danger: true, done: t("domains.unmapped"), title: t("domains.unmapTitle"),
    });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("domains.domain"), render: (d) => <span className="mono">{d.name}</span> },
        { key: "created", title: t("field.created"), render: (d) => <Time at={d.created_at} />, wide: true, width: 160 },
        {
          key: "actions", label: t("list.actions"), title: "", width: 60,
          render: (d) => writes && (
            <Tooltip label={t("domains.unmap")}>
              <ActionIcon aria-label={t("action.removeOf", { name: d.name })} onClick={() => unmap(d)}><IconTrash size={17} /></ActionIcon>
            </Tooltip>
          ),
        },
      ]}
      create={writes && { label: t("domains.map"), onClick: () => setMapping(true) }}
      cursor={cursor} description={t("domains.description")} list={list} title={t("nav.domains")}
      empty={{ body: t("domains.emptyBody"), icon: IconWorld, title: t("domains.empty") }}
    >
      {mapping && <MapDomain onClose={() => setMapping(false)} />}
    </ListPage>
  );
}

function MapDomain({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { name: "" },
    send: async ({ name }) => {
      await api.POST("/v1/orgs/{org}/domains", { body: { name: name.trim() }, params: { path: { org: ref } } });
      notifyDone(t("domains.mapped"));
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("domains.map")} title={t("domains.map")}>
      <TextInput data-autofocus description={t("domains.hint")} dir="ltr" label={t("domains.domain")} placeholder="example.com" required {...form.form.getInputProps("name")} />
    </FormDialog>
  );
}
