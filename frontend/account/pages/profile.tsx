import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import { Copyable, Facts, Loaded, PageHeader, ProblemAlert, Section, Time, notifyDone, notifyProblem, useApi, useApiForm, useGrove } from "../../ui/index.ts";

type AccountProfile = components["schemas"]["AccountProfile"];

/** The languages that pages and mails exist in. */
const languages = ["ar", "de", "en", "es", "fr", "it", "ja", "pt", "zh"];

export function ProfilePage() {
  const { t } = useTranslation();
  const me = useApi().useQuery("get", "/v1/me");
  return (
    <>
      <PageHeader description={t("account.profileDescription")} title={t("account.profile")} />
      <Loaded query={me}>
        {(person) => (
          <Stack gap="md" maw={760}>
            <Profile key={person.updated_at} me={person} />
            <Section title={t("account.signIn")}>
              <Facts
                items={[
                  { label: t("field.username"), value: person.username },
                  { label: t("field.email"), value: person.email },
                  { label: t("field.id"), value: <Copyable value={person.id} /> },
                  { label: t("account.since"), value: <Time at={person.created_at} /> },
                ]}
              />
            </Section>
            <Export />
          </Stack>
        )}
      </Loaded>
    </>
  );
}

function Profile({ me }: { me: AccountProfile }) {
  const { i18n, t } = useTranslation();
  const { api } = useGrove();
  const names = new Intl.DisplayNames([i18n.language], { type: "language" });
  const form = useApiForm({
    initialValues: { family_name: me.family_name ?? "", given_name: me.given_name ?? "", locale: me.locale ?? "" },
    send: async (body) => {
      await api.PATCH("/v1/me", { body });
      notifyDone(t("done.saved"));
    },
  });
  const { getInputProps } = form.form;
  const known = me.locale && !languages.includes(me.locale) ? [...languages, me.locale] : languages;
  return (
    <Section title={t("account.name")}>
      <form noValidate onSubmit={form.submit}>
        <Stack gap="md">
          {form.problem && <ProblemAlert error={form.problem} />}
          <Group grow>
            <TextInput autoComplete="given-name" label={t("field.givenName")} maxLength={128} {...getInputProps("given_name")} />
            <TextInput autoComplete="family-name" label={t("field.familyName")} maxLength={128} {...getInputProps("family_name")} />
          </Group>
          <Select
            allowDeselect={false} data={[{ label: t("account.noLocale"), value: "" }, ...known.map((value) => ({ label: names.of(value) ?? value, value }))]}
            description={t("account.localeHint")} label={t("field.locale")} maw={320} {...getInputProps("locale")}
          />
          <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>
        </Stack>
      </form>
    </Section>
  );
}

/** Everything that is kept about the person, as a file. */
function Export() {
  const { t } = useTranslation();
  const { api } = useGrove();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const data = await sent(api.GET("/v1/me/export"));
      const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
      const link = Object.assign(document.createElement("a"), { download: "account.json", href: url });
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title={t("account.export")}>
      <Group justify="space-between">
        <Text c="dimmed" fz="sm" maw={460}>{t("account.exportBody")}</Text>
        <Button leftSection={<IconDownload size={16} />} loading={busy} onClick={() => void save()} variant="default">{t("account.exportAct")}</Button>
      </Group>
    </Section>
  );
}
