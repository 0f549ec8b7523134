import { Badge, Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { IconDevices } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { DataTable, Device, EmptyState, PageHeader, ProblemAlert, Section, Time, notifyDone, useApiForm, useConfirm, useCursor, useGrove } from "../../ui/index.ts";

export function SecurityPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader description={t("account.securityDescription")} title={t("account.security")} />
      <Stack gap="md" maw={760}>
        <Password />
        <Sessions />
      </Stack>
    </>
  );
}

function Password() {
  const { t } = useTranslation();
  const { api, session } = useGrove();
  const form = useApiForm({
    initialValues: { current_password: "", new_password: "" },
    send: async (body) => {
      await api.POST("/v1/me/password", { body });
      form.reset();
      await session.accessToken(true);
      notifyDone(t("account.passwordChanged"));
    },
    validate: {
      current_password: (v) => (v ? null : t("field.required")),
      new_password: (v) => (v ? null : t("field.required")),
    },
  });
  const { getInputProps } = form.form;
  const toggle = { visibilityToggleButtonProps: { "aria-label": t("field.showPassword") } };
  return (
    <Section title={t("account.password")}>
      <form noValidate onSubmit={form.submit}>
        <Stack gap="md" maw={380}>
          {form.problem && <ProblemAlert error={form.problem} />}
          <PasswordInput autoComplete="current-password" label={t("field.currentPassword")} required {...toggle} {...getInputProps("current_password")} />
          <PasswordInput autoComplete="new-password" description={t("account.passwordHint")} label={t("field.newPassword")} required {...toggle} {...getInputProps("new_password")} />
          <Group><Button loading={form.pending} type="submit">{t("account.changePassword")}</Button></Group>
        </Stack>
      </form>
    </Section>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const { api, query } = useGrove();
  const confirm = useConfirm();
  const cursor = useCursor();
  const list = query.useQuery("get", "/v1/me/sessions", { params: { query: cursor.query } });
  const end = (session: string) =>
    confirm({
      act: async () => {
        await api.DELETE("/v1/me/sessions/{session}", { params: { path: { session } } });
      },
      body: t("account.endSessionBody"), confirm: t("account.endSession"), danger: true, done: t("account.sessionEnded"), title: t("account.endSession"),
    });
  const endOthers = () =>
    confirm({
      act: () => api.POST("/v1/me/sessions:end-others"),
      body: t("account.endOthersBody"), confirm: t("account.endOthers"), danger: true, done: t("account.othersEnded"), title: t("account.endOthers"),
    });
  return (
    <Section
      actions={(list.data?.items.length ?? 0) > 1 && <Button onClick={endOthers} size="xs" variant="default">{t("account.endOthers")}</Button>}
      description={t("account.sessionsDescription")}
      title={t("account.sessions")}
    >
      <DataTable
        caption={t("account.sessions")} cursor={cursor} empty={<EmptyState icon={IconDevices} title={t("account.noSessions")} />} list={list}
        columns={[
          {
            key: "device", title: t("account.device"),
            render: (s) => (
              <>
                <Group gap={8}><Device agent={s.user_agent} />{s.current && <Badge>{t("account.thisDevice")}</Badge>}</Group>
                <Text c="dimmed" component="div" fz="xs" hiddenFrom="sm"><span className="mono">{s.address}</span> · <Time at={s.last_seen_at} /></Text>
              </>
            ),
          },
          { key: "address", title: t("sessions.address"), render: (s) => <span className="mono">{s.address}</span>, wide: true, width: 140 },
          { key: "seen", title: t("account.lastSeen"), render: (s) => <Time at={s.last_seen_at} />, wide: true, width: 150 },
          {
            key: "actions", label: t("list.actions"), title: "", width: 110,
            render: (s) => !s.current && <Button onClick={() => end(s.id)} size="compact-sm" variant="default">{t("account.endSession")}</Button>,
          },
        ]}
      />
    </Section>
  );
}
