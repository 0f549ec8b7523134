import { Badge, Select, TextInput } from "@mantine/core";
import { IconAppWindow } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, FormDialog, SecretDialog, Time, notifyDone, useApi, useApiForm, useCursor, useGrove } from "../../ui/index.ts";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { useGo, useId, useOrg } from "../useOrg.ts";

/** The kinds of app that can be registered here. */
const types = ["web", "spa", "native", "machine"] as const;

type Secrets = { label: string; value: string }[];

export function AppsPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const [creating, setCreating] = useState(false);
  const [secrets, setSecrets] = useState<Secrets>([]);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/apps", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (a) => <NameLink to={`${path}/apps/${a.id}`}>{a.name}</NameLink> },
        { key: "type", title: t("field.type"), render: (a) => <Badge color="gray">{a.type}</Badge>, width: 140 },
        { key: "client", title: t("field.clientId"), render: (a) => a.client_id && <Copyable value={a.client_id} />, wide: true },
        { key: "created", title: t("field.created"), render: (a) => <Time at={a.created_at} />, wide: true, width: 160 },
      ]}
      create={{ label: t("apps.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("apps.description")} list={list} title={t("nav.apps")}
      empty={{ body: t("apps.emptyBody"), icon: IconAppWindow, title: t("apps.empty") }}
    >
      <CreateApp onClose={() => setCreating(false)} onSecrets={setSecrets} opened={creating} />
      <SecretDialog onClose={() => setSecrets([])} secrets={secrets} title={t("apps.created")} />
    </ListPage>
  );
}

function CreateApp({ onClose, onSecrets, opened }: { onClose: () => void; onSecrets: (s: Secrets) => void; opened: boolean }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const create = useApi().useMutation("post", "/v1/orgs/{org}/apps");
  const form = useApiForm({
    initialValues: { name: "", type: "web" },
    send: async (body) => {
      const app = await create.mutateAsync({ body, params: { path: { org: ref } } });
      onClose();
      if (!app.client_secret) {
        notifyDone(t("apps.created"));
        go(`${path}/apps/${app.id}`);
        return;
      }
      onSecrets([{ label: t("field.clientId"), value: app.client_id ?? app.id }, { label: t("field.clientSecret"), value: app.client_secret }]);
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened={opened} submitLabel={t("apps.create")} title={t("apps.create")}>
      <TextInput data-autofocus label={t("field.name")} required {...getInputProps("name")} />
      <Select allowDeselect={false} data={types.map((value) => ({ label: t(`appType.${value}`), value }))} label={t("field.type")} {...getInputProps("type")} />
    </FormDialog>
  );
}

export function AppPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const app = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const params = { path: { app, org: ref } };
  return (
    <DetailPage
      badge={(a) => <Badge color="gray">{a.type}</Badge>}
      facts={(a) => [
        { label: t("field.clientId"), value: a.client_id && <Copyable value={a.client_id} /> },
        { label: t("field.id"), value: <Copyable value={a.id} /> },
        { label: t("field.created"), value: <Time at={a.created_at} /> },
      ]}
      list={{ label: t("nav.apps"), to: `${path}/apps` }}
      query={query.useQuery("get", "/v1/orgs/{org}/apps/{app}", { params })}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/apps/{app}", { params });
          go(`${path}/apps`);
        },
        body: t("apps.deleteBody"), label: t("apps.delete"),
      }}
      titleOf={(a) => a.name}
    />
  );
}
