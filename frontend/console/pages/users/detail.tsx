import { Alert, Badge, Checkbox, Group, PasswordInput, Radio, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconKey, IconLock, IconLockOpen, IconMailForward, IconTags, IconUserCheck, IconUserOff } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../../api/index.ts";
import { Copyable, FormDialog, SecretDialog, StateBadge, Time, notifyDone, useApiForm, useConfirm, useGrove } from "../../../ui/index.ts";
import { HeldRoles } from "../../assignments.tsx";
import { UserConsents } from "../../consents.tsx";
import { DetailPage } from "../../DetailPage.tsx";
import { UserSessions } from "../../sessions.tsx";
import { isLast, useIsAbove, useSelfWarning, useTaking } from "../../taking.ts";
import { allows, useGo, useId, useOrg } from "../../useOrg.ts";
import { EditAttributes } from "../settings/general.tsx";

type User = components["schemas"]["User"];

/** One resident: the record, roles and sessions, and everything that can be done to the account. */
export function UserPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const id = useId();
  const go = useGo();
  const confirm = useConfirm();
  const take = useTaking();
  const { api, query } = useGrove();
  const [dialog, setDialog] = useState<"attributes" | "edit" | "link" | "lock" | "password">();
  const params = { path: { org: ref, user: id } };
  const user = query.useQuery("get", "/v1/orgs/{org}/users/{user}", { params });
  const close = () => setDialog(undefined);
  const disable = () =>
    take({
      act: (query) => api.POST("/v1/orgs/{org}/users/{user}:disable", { params: { ...params, query } }), user: id,
      body: t("users.disableBody"), confirm: t("users.disable"), danger: true, done: t("done.saved"), title: t("users.disable"),
    });
  const enable = () =>
    confirm({ act: () => api.POST("/v1/orgs/{org}/users/{user}:enable", { params }), body: t("users.enableBody"), confirm: t("users.enable"), done: t("done.saved"), title: t("users.enable") });
  const unlock = () =>
    confirm({ act: () => api.POST("/v1/orgs/{org}/users/{user}:unlock", { params }), body: t("users.unlockBody"), confirm: t("users.unlock"), done: t("done.saved"), title: t("users.unlock") });
  return (
    <DetailPage
      activity={id} badge={(u) => <StateBadge state={u.locked_until ? "locked" : u.status} />}
      edit={() => setDialog("edit")}
      facts={(u) => [
        { label: t("field.username"), value: u.username },
        { label: t("field.email"), value: u.email && <Group gap={6}>{u.email}{u.email_verified && <Badge size="sm">{t("users.verified")}</Badge>}</Group> },
        { label: t("account.password"), value: u.has_password ? (u.must_change_password ? t("users.passwordMustChange") : t("users.passwordSet")) : t("users.passwordNone") },
        { label: t("field.locale"), value: u.locale },
        { label: t("field.id"), value: <Copyable value={u.id} /> },
        { label: t("field.created"), value: <Time at={u.created_at} /> },
        ...(u.lock_reason ? [{ label: t("users.lockReason"), value: u.lock_reason }] : []),
        ...(u.locked_until ? [{ label: t("users.lockedUntil"), value: <Time at={u.locked_until} /> }] : []),
        ...Object.entries(u.attributes).map(([label, value]) => ({ label, value })),
      ]}
      list={{ label: t("nav.users"), to: `${path}/users` }}
      menu={(u) => [
        allows(u, "reset_password") && { icon: IconKey, label: t("users.resetPassword"), onClick: () => setDialog("password") },
        u.status === "active" && allows(u, "reset_password") && { icon: IconMailForward, label: t("users.passwordLink"), onClick: () => setDialog("link") },
        allows(u, "update") && { icon: IconTags, label: t("attributes.edit"), onClick: () => setDialog("attributes") },
        u.status === "active" && allows(u, "lock") && { icon: IconLock, label: t("users.lock"), onClick: () => setDialog("lock") },
        (!!u.locked_until || u.status === "locked") && allows(u, "unlock") && { icon: IconLockOpen, label: t("users.unlock"), onClick: unlock },
        u.status !== "disabled" && allows(u, "disable") && { icon: IconUserOff, label: t("users.disable"), onClick: disable },
        u.status === "disabled" && allows(u, "enable") && { icon: IconUserCheck, label: t("users.enable"), onClick: enable },
      ]}
      query={user}
      remove={{
        act: async (query) => {
          await api.DELETE("/v1/orgs/{org}/users/{user}", { params: { ...params, query } });
          await go(`${path}/users`);
        },
        body: t("users.deleteBody"), label: t("users.delete"), user: id,
      }}
      titleOf={(u) => u.display_name}
    >
      {(u) => (
        <>
          <HeldRoles user={u.id} />
          <UserSessions user={u.id} />
          <UserConsents user={u.id} />
          {dialog === "edit" && <EditUser onClose={close} user={u} />}
          {dialog === "link" && <PasswordLink onClose={close} user={u} />}
          {dialog === "lock" && <LockUser onClose={close} user={u} />}
          {dialog === "password" && <ResetPassword onClose={close} user={u} />}
          {dialog === "attributes" && (
            <EditAttributes attributes={u.attributes} onClose={close} save={(attributes) => api.PATCH("/v1/orgs/{org}/users/{user}", { body: { attributes }, params })} />
          )}
        </>
      )}
    </DetailPage>
  );
}

function EditUser({ onClose, user }: { onClose: () => void; user: User }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const before = { email: user.email ?? "", family_name: user.family_name ?? "", given_name: user.given_name ?? "", locale: user.locale ?? "" };
  const form = useApiForm({
    initialValues: before,
    send: async (values) => {
      const changed = Object.entries(values).filter(([name, value]) => value !== before[name as keyof typeof before]);
      await api.PATCH("/v1/orgs/{org}/users/{user}", { body: Object.fromEntries(changed.map(([name, value]) => [name, value.trim() || null])), params: { path: { org: ref, user: user.id } } });
      notifyDone(t("done.saved"));
      onClose();
    },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("action.save")} title={user.display_name}>
      <Group grow>
        <TextInput data-autofocus label={t("field.givenName")} maxLength={128} {...getInputProps("given_name")} />
        <TextInput label={t("field.familyName")} maxLength={128} {...getInputProps("family_name")} />
      </Group>
      <TextInput description={t("users.emailHint")} label={t("field.email")} maxLength={254} type="email" {...getInputProps("email")} />
      <TextInput description={t("field.localeHint")} label={t("field.locale")} maxLength={35} placeholder="en" {...getInputProps("locale")} />
    </FormDialog>
  );
}

/** Gives the person a link to choose a password: by email, or to be handed over, which is shown once. */
function PasswordLink({ onClose, user }: { onClose: () => void; user: User }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const [link, setLink] = useState<string>();
  const form = useApiForm({
    initialValues: { delivery: user.email ? "email" : "link", expires_in_minutes: "1440", force: false },
    send: async ({ delivery, expires_in_minutes, force }) => {
      const body = { delivery: delivery as "email" | "link", expires_in_minutes: Number(expires_in_minutes), force };
      const made = await sent(api.POST("/v1/orgs/{org}/users/{user}/password-link", { body, params: { path: { org: ref, user: user.id } } }));
      if (made.link) return setLink(made.link);
      notifyDone(t("users.linkSent"));
      onClose();
    },
  });
  const { getInputProps, getValues } = form.form;
  if (link) return <SecretDialog note={t("users.linkOnce")} onClose={onClose} secrets={[{ label: t("users.passwordLink"), value: link }]} title={user.display_name} />;
  const { delivery, force } = getValues();
  const lives = [["60", "hour"], ["1440", "day"], ["10080", "week"], ...(delivery === "link" && (!user.has_password || force) ? [["-1", "ever"]] : [])] as [string, "day" | "ever" | "hour" | "week"][];
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t(delivery === "email" ? "users.linkSend" : "users.linkMake")} title={user.display_name}>
      <Text size="sm">{t("users.passwordLinkBody")}</Text>
      <Radio.Group label={t("users.linkDelivery")} {...getInputProps("delivery")}>
        <Stack gap={8} mt={6}>
          <Radio disabled={!user.email} label={user.email ? t("users.linkByEmail", { email: user.email }) : t("users.linkNoEmail")} value="email" />
          <Radio label={t("users.linkByHand")} value="link" />
        </Stack>
      </Radio.Group>
      <Select allowDeselect={false} data={lives.map(([value, name]) => ({ label: t(`users.linkLives.${name}`), value }))} label={t("users.linkLife")} {...getInputProps("expires_in_minutes")} />
      {user.has_password && <Checkbox description={t("users.linkForceHint")} label={t("users.linkForce")} {...getInputProps("force", { type: "checkbox" })} />}
    </FormDialog>
  );
}

function LockUser({ onClose, user }: { onClose: () => void; user: User }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const above = useIsAbove();
  const self = useSelfWarning()(user.id);
  const form = useApiForm({
    initialValues: { anyway: false, reason: "" },
    send: async ({ anyway, reason }) => {
      const query = anyway ? { without_administrator: true } : {};
      await api.POST("/v1/orgs/{org}/users/{user}:lock", { body: reason.trim() ? { reason } : {}, params: { path: { org: ref, user: user.id }, query } });
      notifyDone(t("done.saved"));
      onClose();
    },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("users.lock")} title={user.display_name}>
      {self && <Alert color="yellow" fw={550} p="xs" variant="light">{self}</Alert>}
      <Text size="sm">{t("users.lockBody")}</Text>
      {above && (isLast(form.problem) || form.form.getValues().anyway) && <Checkbox label={t("last.anyway")} {...form.form.getInputProps("anyway", { type: "checkbox" })} />}
      <TextInput data-autofocus description={t("users.lockReasonHint")} label={t("users.lockReason")} maxLength={256} {...form.form.getInputProps("reason")} />
    </FormDialog>
  );
}

function ResetPassword({ onClose, user }: { onClose: () => void; user: User }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { must_change_password: true, password: "" },
    send: async ({ must_change_password, password }) => {
      const body = password ? { must_change_password, password } : {};
      await api.POST("/v1/orgs/{org}/users/{user}:reset-password", { body, params: { path: { org: ref, user: user.id } } });
      notifyDone(t("users.passwordReset"));
      onClose();
    },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("users.resetPassword")} title={t("users.resetPassword")}>
      <Text fz="sm">{t("users.resetBody")}</Text>
      <PasswordInput
        autoComplete="new-password" data-autofocus description={t("users.resetHint")} label={t("field.newPassword")}
        visibilityToggleButtonProps={{ "aria-label": t("field.showPassword") }} {...getInputProps("password")}
      />
      <Checkbox label={t("users.mustChange")} {...getInputProps("must_change_password", { type: "checkbox" })} />
    </FormDialog>
  );
}
