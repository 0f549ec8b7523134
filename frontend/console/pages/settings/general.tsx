import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { Loaded, PageHeader, ProblemAlert, Section, notifyDone, useApiForm, useConfirm, useGrove } from "../../ui/index.ts";
import { allows, useOrg } from "../useOrg.ts";

type Organization = components["schemas"]["Organization"];

/** What can be changed about an organization itself. */
export function SettingsPage() {
  const { t } = useTranslation();
  const { query } = useOrg();
  return (
    <>
      <PageHeader description={t("settings.description")} title={t("nav.settings")} />
      <Loaded query={query}>
        {(org) => (
          <Stack gap="md" maw={760}>
            <General key={org.id} org={org} />
            <Suspension org={org} />
          </Stack>
        )}
      </Loaded>
    </>
  );
}

function General({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { handle: org.handle, name: org.name },
    send: async (body) => {
      await api.PATCH("/v1/orgs/{org}", { body, headers: { "Content-Type": "application/merge-patch+json" }, params: { path: { org: ref } } });
      form.form.resetDirty(body);
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
          <TextInput label={t("field.name")} required {...getInputProps("name")} />
          <TextInput description={t("orgs.handleHint")} dir="ltr" label={t("field.handle")} {...getInputProps("handle")} />
          <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>
        </Stack>
      </form>
    </Section>
  );
}

function Suspension({ org }: { org: Organization }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const suspended = org.state === "suspended";
  const params = { path: { org: ref } };
  const ask = () =>
    confirm({
      act: async () => {
        if (suspended) await api.POST("/v1/orgs/{org}:resume", { params });
        else await api.POST("/v1/orgs/{org}:suspend", { params });
        },
      body: suspended ? t("settings.resumeBody") : t("settings.suspendBody"),
      confirm: suspended ? t("settings.resume") : t("settings.suspend"),
      danger: !suspended,
      done: suspended ? t("settings.resumed") : t("settings.suspended"),
      title: suspended ? t("settings.resumeTitle", { name: org.name }) : t("settings.suspendTitle", { name: org.name }),
    });
  if (!allows(org, suspended ? "resume" : "suspend")) return null;
  return (
    <Section title={suspended ? t("settings.resume") : t("settings.suspend")}>
      <Group justify="space-between">
        <Text c="dimmed" fz="sm" maw={460}>{suspended ? t("settings.resumeBody") : t("settings.suspendBody")}</Text>
        <Button color={suspended ? undefined : "red"} onClick={ask} variant={suspended ? "filled" : "light"}>{suspended ? t("settings.resume") : t("settings.suspend")}</Button>
      </Group>
    </Section>
  );
}
