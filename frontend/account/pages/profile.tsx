import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { Facts, Loaded, PageHeader, ProblemAlert, Section, notifyDone, useApi, useApiForm, useGrove } from "../../ui/index.ts";

type Me = components["schemas"]["Me"];

export function ProfilePage() {
  const { t } = useTranslation();
  const me = useApi().useQuery("get", "/v1/me");
  return (
    <>
      <PageHeader description={t("account.profileDescription")} title={t("account.profile")} />
      <Loaded query={me}>{(person) => <Profile key={person.id} me={person} />}</Loaded>
    </>
  );
}

function Profile({ me }: { me: Me }) {
  const { t } = useTranslation();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { family_name: me.family_name ?? "", given_name: me.given_name ?? "" },
    send: async (body) => {
      await api.PATCH("/v1/me", { body, headers: { "Content-Type": "application/merge-patch+json" } });
      form.form.resetDirty(body);
      notifyDone(t("done.saved"));
    },
  });
  const { getInputProps } = form.form;
  return (
    <Stack gap="md" maw={760}>
      <Section title={t("account.name")}>
        <form noValidate onSubmit={form.submit}>
          <Stack gap="md">
            {form.problem && <ProblemAlert error={form.problem} />}
            <Group grow>
              <TextInput autoComplete="given-name" label={t("field.givenName")} {...getInputProps("given_name")} />
              <TextInput autoComplete="family-name" label={t("field.familyName")} {...getInputProps("family_name")} />
            </Group>
            <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>
          </Stack>
        </form>
      </Section>
      <Section title={t("account.signIn")}>
        <Facts items={[{ label: t("field.username"), value: me.username }, { label: t("field.email"), value: me.email }]} />
      </Section>
    </Stack>
  );
}
