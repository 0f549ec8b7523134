import { Badge, Group, Select, Stack, Switch, Tabs, TextInput, Textarea } from "@mantine/core";
import { IconCircleMinus, IconKeyOff, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Copyable, Facts, FormDialog, Section, StateBadge, Time, notifyDone, useApiForm, useCan, useConfirm, useGrove } from "../../../ui/index.ts";
import { DetailPage } from "../../DetailPage.tsx";
import { allows, showOpenTab, useGo, useId, useOrg, useTab } from "../../useOrg.ts";
import { Attributes } from "./attributes.tsx";
import { AuthorizedApis } from "./apis.tsx";
import { FailedRequests } from "./failed.tsx";
import { NextSteps } from "./next.tsx";
import { Oidc } from "./oidc.tsx";
import { AppSecrets } from "./secrets.tsx";
import { Sharing } from "./sharing.tsx";

export type App = components["schemas"]["App"];

const tabs = ["general", "oidc", "attributes", "secrets", "apis", "sharing", "failed"] as const;

export function AppPage() {
  const { t } = useTranslation();
  const { org, path, ref } = useOrg();
  const id = useId();
  const go = useGo();
  const confirm = useConfirm();
  const { api, query } = useGrove();
  const [editing, setEditing] = useState(false);
  const [tab, setTab] = useTab(tabs);
  const params = { path: { app: id, org: ref } };
  const consents = useCan("consents.write");
  const app = query.useQuery("get", "/v1/orgs/{org}/apps/{app}", { params });
  const enable = (enabled: boolean) =>
    confirm({
      act: () => api.PATCH("/v1/orgs/{org}/apps/{app}", { body: { enabled }, params }),
      body: enabled ? t("apps.enableBody") : t("apps.disableBody"), confirm: enabled ? t("apps.enable") : t("apps.disable"), danger: !enabled,
      done: t("done.saved"), title: enabled ? t("apps.enable") : t("apps.disable"),
    });
  const revokeTokens = () =>
    confirm({
      act: () => api.POST("/v1/orgs/{org}/apps/{app}:revoke-tokens", { params }),
      body: t("apps.revokeTokensBody"), confirm: t("apps.revokeTokens"), danger: true, done: t("apps.tokensRevoked"), title: t("apps.revokeTokens"),
    });
  const revokeConsents = () =>
    confirm({
      act: () => api.POST("/v1/orgs/{org}/apps/{app}:revoke-consents", { params }),
      body: t("apps.revokeConsentsBody"), confirm: t("apps.revokeConsents"), danger: true, done: t("consents.revoked"), title: t("apps.revokeConsents"),
    });
  return (
    <DetailPage
      activity={id} badge={(a) => (
        <Group gap={6}>
          <Badge color="gray">{t(`template.${a.template as "web"}`, { defaultValue: a.template })}</Badge>
          <StateBadge state={a.enabled ? "active" : "disabled"} />
          {a.turned_off_by && <Badge color="yellow">{t("apps.turnedOffAbove")}</Badge>}
          {org && a.org_id !== org.id && <Badge color="gray">{t("apps.sharedBadge")}</Badge>}
        </Group>
      )}
      edit={() => setEditing(true)}
      list={{ label: t("nav.apps"), to: `${path}/apps` }}
      menu={(a) => [
        allows(a, "update") && (a.enabled
          ? { icon: IconPlayerPause, label: t("apps.disable"), onClick: () => enable(false) }
          : { icon: IconPlayerPlay, label: t("apps.enable"), onClick: () => enable(true) }),
        allows(a, "update") && { icon: IconKeyOff, label: t("apps.revokeTokens"), onClick: revokeTokens },
        allows(a, "update") && consents && a.template !== "m2m" && { icon: IconCircleMinus, label: t("apps.revokeConsents"), onClick: revokeConsents },
      ]}
      query={app}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/apps/{app}", { params });
          await go(`${path}/apps`);
        },
        body: t("apps.deleteBody"), label: t("apps.delete"),
      }}
      titleOf={(a) => a.name}
    >
      {(a) => (
        <Tabs keepMounted={false} onChange={setTab} value={tab}>
          <Tabs.List mb="md" ref={showOpenTab}>
            {tabs.filter((name) => (name === "general" || !org || a.org_id === org.id) && (name !== "secrets" || a.client_type === "confidential") && (name !== "attributes" || a.template !== "m2m")).map((name) => <Tabs.Tab key={name} value={name}>{t(`appTab.${name}`)}</Tabs.Tab>)}
          </Tabs.List>
          <Tabs.Panel value="general"><General app={a} /></Tabs.Panel>
          <Tabs.Panel value="oidc"><Oidc app={a} /></Tabs.Panel>
          <Tabs.Panel value="attributes"><Attributes app={a} /></Tabs.Panel>
          <Tabs.Panel value="secrets"><AppSecrets app={a} /></Tabs.Panel>
          <Tabs.Panel value="apis"><AuthorizedApis app={a} /></Tabs.Panel>
          <Tabs.Panel value="sharing"><Sharing app={a} /></Tabs.Panel>
          <Tabs.Panel value="failed"><FailedRequests app={a} /></Tabs.Panel>
          {editing && <EditApp app={a} onClose={() => setEditing(false)} />}
        </Tabs>
      )}
    </DetailPage>
  );
}

/** What developers put into their app's settings, in the order in which they need it: names of the metadata (RFC 8414, section 2). */
const endpoints = [
  "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint",
  "introspection_endpoint", "revocation_endpoint", "global_token_revocation_endpoint", "registration_endpoint", "check_session_iframe",
] as const;

/** The metadata as any client reads it, so that what is shown is what is published. */
function Endpoints() {
  const { t } = useTranslation();
  const { session } = useGrove();
  const discovery = `${session.mount.issuer}/.well-known/openid-configuration`;
  const metadata = useQuery({
    queryFn: async ({ signal }) => {
      const answer = await fetch(discovery, { signal });
      if (!answer.ok) throw new Error(`${answer.status}`);
      return (await answer.json()) as Record<string, unknown>;
    },
    queryKey: [discovery],
  });
  const shown = endpoints.map((name) => ({ label: t(`endpoint.${name}`), value: metadata.data?.[name] })).filter((e) => typeof e.value === "string");
  return (
    <Section description={t("endpoint.description")} title={t("endpoint.title")}>
      <Facts
        items={[
          { label: t("apps.issuer"), value: <Copyable value={session.mount.issuer} /> },
          { label: t("endpoint.discovery"), value: <Copyable value={discovery} whole /> },
          ...shown.map((e) => ({ label: e.label, value: <Copyable value={e.value as string} whole /> })),
        ]}
      />
    </Section>
  );
}

function General({ app }: { app: App }) {
  const { t } = useTranslation();
  return (
    <Stack gap="md">
      <NextSteps app={app} />
      <Section title={t("detail.facts")}>
        <Facts
          items={[
            { label: t("field.clientId"), value: <Copyable value={app.client_id} /> },
            { label: t("field.id"), value: <Copyable value={app.id} /> },
            { label: t("apps.clientType"), value: t(`apps.${app.client_type === "public" ? "public" : "confidential"}`) },
            { label: t("apps.roleAudience"), value: t(app.role_audience === "organization" ? "roles.wholeOrganization" : "apps.ownRoles") },
            { label: t("apps.accessUrl"), value: app.access_url || undefined },
            { label: t("field.description"), value: app.description || undefined },
            { label: t("field.created"), value: <Time at={app.created_at} /> },
          ]}
        />
      </Section>
      <Endpoints />
    </Stack>
  );
}

function EditApp({ app, onClose }: { app: App; onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { access_url: app.access_url, description: app.description, discoverable: app.discoverable, logo_uri: app.logo_uri, name: app.name, role_audience: app.role_audience as "application" | "organization" },
    send: async ({ role_audience, ...body }) => {
      await api.PATCH("/v1/orgs/{org}/apps/{app}", { body: { ...body, ...(role_audience !== app.role_audience && { role_audience }) }, params: { path: { app: app.id, org: ref } } });
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps, getValues } = form.form;
  const losesRoles = app.role_audience === "application" && getValues().role_audience === "organization";
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("action.save")} title={app.name}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <Textarea autosize label={t("field.description")} maxLength={500} {...getInputProps("description")} />
      <TextInput description={t("apps.accessUrlHint")} dir="ltr" label={t("apps.accessUrl")} {...getInputProps("access_url")} />
      <Switch description={t("apps.discoverableHint")} label={t("apps.discoverable")} {...getInputProps("discoverable", { type: "checkbox" })} />
      <TextInput dir="ltr" label={t("apps.logo")} {...getInputProps("logo_uri")} />
      <Select
        allowDeselect={false} description={losesRoles ? t("apps.losesRoles") : t("apps.roleAudienceHint")} label={t("apps.roleAudience")}
        data={[{ label: t("apps.ownRoles"), value: "application" }, { label: t("roles.wholeOrganization"), value: "organization" }]}
        {...getInputProps("role_audience")}
      />
    </FormDialog>
  );
}
