import { Button, Group, Radio, Stack, Switch, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Loaded, ProblemAlert, Section, Time, useApi, useApiForm, useConfirm, useGrove, notifyDone } from "../../../ui/index.ts";
import { OrgsPicker } from "../../pickers.tsx";
import { allows, useOrg } from "../../useOrg.ts";
import type { App } from "./detail.tsx";

type AppShare = components["schemas"]["AppShare"];
type Policy = components["schemas"]["ShareAppRequest"]["policy"];

const policies = ["none", "all", "selected", "subtree"] as const;

/** Who has an app besides the organization that owns it. */
export function Sharing({ app }: { app: App }) {
  const { ref } = useOrg();
  const query = useApi().useQuery("get", "/v1/orgs/{org}/apps/{app}/shares", { params: { path: { app: app.id, org: ref } } });
  return <Loaded query={query}>{(share) => <ShareForm app={app} key={share.updated_at ?? ""} share={share} />}</Loaded>;
}

function ShareForm({ app, share }: { app: App; share: AppShare }) {
  const { t } = useTranslation();
  const { org, ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const readOnly = !allows(app, "share");
  const initialValues = { organizations: share.organizations, policy: share.policy as Policy, roles: share.roles === "all" };
  const form = useApiForm({
    initialValues,
    send: async ({ organizations, policy, roles }) => {
      const named = policy === "selected" || policy === "subtree";
      const body = { policy, roles: roles && policy !== "none" ? ("all" as const) : ("none" as const), ...(named && { organizations }) };
      await api.PUT("/v1/orgs/{org}/apps/{app}/shares", { body, params: { path: { app: app.id, org: ref } } });
      notifyDone(t("share.saved"));
    },
    validate: { organizations: (v, all) => (v.length === 0 && (all.policy === "selected" || all.policy === "subtree") ? t("share.needsOrgs") : null) },
  });
  const { getInputProps, getValues } = form.form;
  const { organizations, policy, roles } = getValues();
  const narrows = policy !== share.policy ? share.policy !== "none" : share.organizations.some((o) => !organizations.includes(o)) || (share.roles === "all" && !roles);
  const save = (e: React.FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    if (!narrows) return form.submit(e);
    return confirm({ act: async () => form.submit(), body: t("share.narrowBody"), confirm: t("action.save"), danger: true, title: t("share.narrowTitle") });
  };
  return (
    <Section description={t("share.description")} title={t("appTab.sharing")}>
      <form noValidate onSubmit={save}>
        <Stack gap="lg" maw={640}>
          {form.problem && <ProblemAlert error={form.problem} />}
          <Radio.Group label={t("share.who")} {...getInputProps("policy")}>
            <Stack gap={10} mt={8}>
              {policies.map((value) => <Radio description={t(`shareHint.${value}`)} disabled={readOnly} key={value} label={t(`sharePolicy.${value}`)} value={value} />)}
            </Stack>
          </Radio.Group>
          {(policy === "selected" || policy === "subtree") && org && (
            <OrgsPicker description={t("share.orgsHint")} except={org.id} label={t("nav.organizations")} {...getInputProps("organizations")} />
          )}
          {policy !== "none" && <Switch description={t("share.rolesHint")} disabled={readOnly} label={t("share.roles")} {...getInputProps("roles", { type: "checkbox" })} />}
          <Group>
            {!readOnly && <Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button>}
            {share.updated_at && <Text c="dimmed" fz="xs">{t("field.updated")} <Time at={share.updated_at} /></Text>}
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
