import { Avatar, Box, Button, Group, Stack, Text } from "@mantine/core";
import { IconAppWindow, IconBellQuestion, IconChecklist, IconExternalLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import sentences from "../../login/locales/en.json";
import { DataTable, EmptyState, PageHeader, Section, Time, toEnd, useApi, useConfirm, useCursor, useGrove } from "../../ui/index.ts";

type Consent = components["schemas"]["AccountConsent"];

/** The apps that the person can open, and what apps were allowed. */
export function AppsPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader description={t("account.appsDescription")} title={t("account.apps")} />
      <Stack gap="md" maw={860}>
        <Requests />
        <Apps />
        <Consents />
      </Stack>
    </>
  );
}

/** What apps ask of the person while he is not at their browser. It is answered on a page of its own, as from the mail. */
function Requests() {
  const { t } = useTranslation();
  const cursor = useCursor();
  const list = useApi().useQuery("get", "/v1/me/requests", { params: { query: cursor.query } }, { refetchInterval: 30_000 });
  if (!list.data?.items.length && !cursor.query.page_token) return null;
  return (
    <Section description={t("account.requestsDescription")} title={t("account.requests")}>
      <DataTable
        caption={t("account.requests")} cursor={cursor} empty={<EmptyState icon={IconBellQuestion} title={t("account.noRequests")} />} list={list}
        columns={[
          { key: "app", title: t("account.requestFrom"), render: (r) => <Text fw={560} fz="inherit">{r.app_name}</Text> },
          { key: "message", title: t("account.requestMessage"), render: (r) => <bdi style={{ overflowWrap: "anywhere" }}>{r.message}</bdi> },
          { key: "until", title: t("account.requestUntil"), render: (r) => <Time at={r.expires_at} />, wide: true, width: 130 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 110,
            render: (r) => <Button aria-label={t("account.answerOf", { name: r.app_name })} component="a" href={r.answer_url} size="compact-sm">{t("account.answer")}</Button>,
          },
        ]}
      />
    </Section>
  );
}

function Apps() {
  const { t } = useTranslation();
  const cursor = useCursor();
  const list = useApi().useQuery("get", "/v1/me/apps", { params: { query: cursor.query } });
  return (
    <Section title={t("account.yourApps")}>
      <DataTable
        caption={t("account.yourApps")} cursor={cursor} empty={<EmptyState body={t("account.noAppsBody")} icon={IconAppWindow} title={t("account.noApps")} />} list={list}
        columns={[
          {
            key: "name", title: t("field.name"),
            render: (a) => <Group gap={10} wrap="nowrap"><Avatar alt="" color="grove" name={a.name} radius="sm" size={28} variant="light" /><Text fw={560} fz="inherit">{a.name}</Text></Group>,
          },
          {
            key: "actions", label: t("list.actions"), title: "", width: 110,
            render: (a) => (
              <Button aria-label={t("account.openOf", { name: a.name })} component="a" href={a.access_url} rightSection={<IconExternalLink size={14} />} size="compact-sm" variant="default">
                {t("account.open")}
              </Button>
            ),
          },
        ]}
      />
    </Section>
  );
}

/** What an app may have exactly (RFC 9396): the type, and each member as the app has said it. */
function Detail({ detail }: { detail: Record<string, unknown> }) {
  const { type, ...members } = detail;
  const said = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return (
    <div style={{ overflowWrap: "anywhere" }}>
      <Text fw={560} fz="sm"><bdi>{said(type)}</bdi></Text>
      {Object.entries(members).map(([name, value]) => <Text c="dimmed" fz="sm" key={name}><bdi>{name}</bdi>: <bdi>{said(value)}</bdi></Text>)}
    </div>
  );
}

/** What the consent page says of the scopes that are no API's. */
const standard: Record<string, string> = sentences;

/** What an app is told of the person, or is not, where he chose. */
function Attributes({ list, title }: { list: Consent["attributes"]; title: string }) {
  if (list.length === 0) return null;
  return <Text fz="sm" style={{ overflowWrap: "anywhere" }}>{title} <Text c="dimmed" component="span" fz="sm">{list.map((a) => a.title).join(", ")}</Text></Text>;
}

/** What an app may have, in the sentences of the page that asked. */
function Allowed({ consent }: { consent: Consent }) {
  const { t } = useTranslation();
  return (
    <Stack gap={4} mt={2}>
      {consent.scopes.map((name) => {
        const said = consent.scope_titles.find((s) => s.name === name);
        return (
          <div key={name} title={name}>
            <Text fz="sm">{said?.title ?? standard[`scope.${name}`] ?? name}</Text>
            {said?.description && <Text c="dimmed" fz="xs">{said.description}</Text>}
          </div>
        );
      })}
      <Attributes list={consent.attributes} title={t("account.told")} />
      <Attributes list={consent.declined_attributes} title={t("account.untold")} />
      {consent.authorization_details.map((d) => <Detail detail={d} key={JSON.stringify(d)} />)}
    </Stack>
  );
}

/** Calls the organizations that the person belongs to by their names. One that is not known yet, or no more, has none. */
function useOrganizationNames() {
  const { api } = useGrove();
  const list = useQuery({ queryFn: () => toEnd((query) => sent(api.GET("/v1/me/organizations", { params: { query } }))), queryKey: ["organizations"] });
  return new Map(list.data?.map((o) => [o.id, o.name]));
}

function Consents() {
  const { t } = useTranslation();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const cursor = useCursor();
  const list = query.useQuery("get", "/v1/me/consents", { params: { query: cursor.query } });
  const names = useOrganizationNames();
  const revokeTitle = ({ app_name: name, org_id }: Consent) => {
    const org = names.get(org_id);
    return org === undefined ? t("account.revokeTitle", { name }) : t("account.revokeTitleIn", { name, org });
  };
  const revoke = (consent: Consent) =>
    confirm({
      act: () => api.DELETE("/v1/me/consents/{consent}", { params: { path: { consent: consent.id } } }),
      body: t("account.revokeBody", { name: consent.app_name }), confirm: t("account.revoke"), danger: true, done: t("account.revoked"), title: revokeTitle(consent),
    });
  return (
    <Section description={t("account.consentsDescription")} title={t("account.consents")}>
      <DataTable
        caption={t("account.consents")} cursor={cursor} empty={<EmptyState icon={IconChecklist} title={t("account.noConsents")} />} list={list}
        columns={[
          {
            key: "app", title: t("account.app"),
            render: (c) => (
              <>
                <Text fw={560} fz="inherit">{c.app_name}</Text>
                {names.has(c.org_id) && <Text c="dimmed" fz="xs">{t("account.in", { name: names.get(c.org_id) })}</Text>}
                <Box hiddenFrom="sm">
                  <Allowed consent={c} />
                  <Text c="dimmed" component="div" fz="xs" mt={4}>{t("account.allowed")} <Time at={c.updated_at} /></Text>
                </Box>
              </>
            ),
          },
          { key: "scopes", title: t("account.may"), render: (c) => <Allowed consent={c} />, wide: true },
          { key: "since", title: t("account.allowed"), render: (c) => <Time at={c.updated_at} />, wide: true, width: 140 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 110,
            render: (c) => <Button aria-label={revokeTitle(c)} onClick={() => revoke(c)} size="compact-sm" variant="default">{t("account.revoke")}</Button>,
          },
        ]}
      />
    </Section>
  );
}
