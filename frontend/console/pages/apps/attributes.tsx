import { Button, Group, MultiSelect, Stack, Switch, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Loaded, ProblemAlert, Section, notifyDone, useApi, useApiForm, useGrove } from "../../../ui/index.ts";
import { allows, useOrg } from "../../useOrg.ts";
import { useClaims } from "../claims.tsx";
import type { App } from "./detail.tsx";

type AppOIDC = components["schemas"]["AppOIDC"];

/** What an app is told of the people who sign in to it. */
export function Attributes({ app }: { app: App }) {
  const { ref } = useOrg();
  const query = useApi().useQuery("get", "/v1/orgs/{org}/apps/{app}/oidc", { params: { path: { app: app.id, org: ref } } });
  return <Loaded query={query}>{(oidc) => <AttributesForm app={app} key={JSON.stringify([oidc.requested_attributes, oidc.access_token_attributes])} oidc={oidc} />}</Loaded>;
}

function AttributesForm({ app, oidc }: { app: App; oidc: AppOIDC }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const claims = useClaims(ref);
  const readOnly = !allows(app, "update");
  const form = useApiForm({
    initialValues: { access_token_attributes: oidc.access_token_attributes, requested_attributes: oidc.requested_attributes },
    send: async (body) => {
      // Only what changed: attributes of access tokens ask for more than apps.write.
      const changed = Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(oidc[name as keyof typeof body]));
      await api.PATCH("/v1/orgs/{org}/apps/{app}/oidc", { body: Object.fromEntries(changed), params: { path: { app: app.id, org: ref } } });
      form.form.resetDirty();
      notifyDone(t("done.saved"));
    },
  });
  const { errors, getInputProps, getValues, setFieldValue } = form.form;
  const { access_token_attributes: inTokens, requested_attributes: requested } = getValues();
  const names = requested.map((r) => r.claim);
  const titleOf = (name: string) => claims.find((c) => c.name === name)?.display_name;
  const options = (all: string[]) => [...new Set(all)].sort().map((value) => ({ label: titleOf(value) ? `${titleOf(value)} · ${value}` : value, value }));
  const known = claims.map((c) => c.name);
  const choose = (chosen: string[]) => {
    setFieldValue("requested_attributes", chosen.map((claim) => requested.find((r) => r.claim === claim) ?? { claim, mandatory: false }));
    if (chosen.length > 0) setFieldValue("access_token_attributes", inTokens.filter((claim) => chosen.includes(claim)));
  };
  const require = (claim: string, mandatory: boolean) => setFieldValue("requested_attributes", requested.map((r) => (r.claim === claim ? { claim, mandatory } : r)));
  return (
    <form noValidate onSubmit={form.submit}>
      <Stack gap="md">
        {form.problem && <ProblemAlert error={form.problem} />}
        <Section description={t("appAttributes.description")} title={t("appAttributes.title")}>
          <Stack gap="md" maw={640}>
            <MultiSelect
              data={options([...known, ...names])} description={t("appAttributes.addHint")} error={errors["requested_attributes"]} label={t("appAttributes.add")} limit={100}
              nothingFoundMessage={t("list.noMatch")} onChange={choose} readOnly={readOnly} searchable value={names}
            />
            {requested.length === 0 ? <Text c="dimmed" fz="sm">{t("appAttributes.none")}</Text> : (
              <Table aria-label={t("appAttributes.title")}>
                <Table.Tbody>
                  {requested.map(({ claim, mandatory }) => (
                    <Table.Tr key={claim}>
                      <Table.Td style={{ overflowWrap: "anywhere" }}>
                        <Text fz="sm">{titleOf(claim) ?? claim}</Text>
                        <Text c="dimmed" className="mono" fz="xs">{claim}</Text>
                      </Table.Td>
                      <Table.Td w={130}>
                        <Switch
                          aria-label={`${t("appAttributes.mandatory")}: ${titleOf(claim) ?? claim}`} checked={mandatory} disabled={readOnly} label={t("appAttributes.mandatory")}
                          onChange={(e) => require(claim, e.currentTarget.checked)}
                        />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            )}
            {requested.length > 0 && <Text c="dimmed" fz="sm">{t("appAttributes.mandatoryHint")}</Text>}
            {(requested.length > 0 || oidc.attributes_asked) && <Text c="dimmed" fz="sm">{t("appAttributes.asked")}</Text>}
            <MultiSelect
              data={options([...(names.length > 0 ? names : known), ...inTokens])} description={t("appAttributes.accessHint")} label={t("appAttributes.access")} limit={100} maxValues={20}
              nothingFoundMessage={t("list.noMatch")} readOnly={readOnly} searchable {...getInputProps("access_token_attributes")}
            />
          </Stack>
        </Section>
        {!readOnly && <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>}
      </Stack>
    </form>
  );
}
