import { Anchor, Badge, Button, Checkbox, Group, NumberInput, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Loaded, PageHeader, ProblemAlert, Section, notifyDone, useApi, useApiForm, useGrove } from "../../../ui/index.ts";
import { allows, useId, useOrg } from "../../useOrg.ts";

type Settings = components["schemas"]["Settings"];

interface Schema {
  description?: string;
  enum?: string[];
  items?: { type?: string };
  maximum?: number;
  minimum?: number;
  type?: string | string[];
}

/** A group of settings: a field for each property of its schema, with where its value comes from. */
export function SettingsModulePage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const module = useId();
  const query = useApi().useQuery("get", "/v1/orgs/{org}/settings/{module}", { params: { path: { module, org: ref } } });
  return (
    <>
      <PageHeader crumbs={[{ label: t("nav.settings"), to: `${path}/settings` }]} title={t(`setting.${module}.name`, { defaultValue: module })} />
      <Loaded query={query}>{(settings) => <ModuleForm key={JSON.stringify(settings.own)} settings={settings} />}</Loaded>
    </>
  );
}

function ModuleForm({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const [inherit, setInherit] = useState<string[]>([]);
  const fields = Object.entries((settings.schema["properties"] ?? {}) as Record<string, Schema>).filter(([name]) => !name.startsWith("$"));
  const readOnly = !allows(settings, "update");
  const form = useApiForm<Record<string, unknown>>({
    initialValues: { ...settings.value },
    send: async (values) => {
      const changed = Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(settings.value[name]));
      const body = Object.fromEntries([...changed, ...inherit.map((name) => [name, null] as const)]);
      await api.PATCH("/v1/orgs/{org}/settings/{module}", { body, params: { path: { module: settings.module, org: ref } } });
      notifyDone(t("done.saved"));
    },
  });
  return (
    <Section title={t("settings.values")}>
      <form noValidate onSubmit={form.submit}>
        <Stack gap="lg" maw={520}>
          {form.problem && <ProblemAlert error={form.problem} />}
          {fields.map(([name, schema]) => (
            <div key={name}>
              <Field form={form.form} label={t(`setting.${settings.module}.${name}`, { defaultValue: name })} name={name} readOnly={readOnly || inherit.includes(name)} schema={schema} />
              <Group gap={8} mt={4}>
                <Source source={inherit.includes(name) ? "inherited" : settings.sources[name]} />
                {!readOnly && name in settings.own && !inherit.includes(name) && (
                  <Anchor component="button" fz="xs" onClick={() => setInherit([...inherit, name])} type="button">{t("settings.inherit")}</Anchor>
                )}
              </Group>
            </div>
          ))}
          {!readOnly && <Group><Button disabled={!form.form.isDirty() && inherit.length === 0} loading={form.pending} type="submit">{t("action.save")}</Button></Group>}
        </Stack>
      </form>
    </Section>
  );
}

function Field({ form, label, name, readOnly, schema }: {
  form: ReturnType<typeof useApiForm<Record<string, unknown>>>["form"]; label: string; name: string; readOnly: boolean; schema: Schema;
}) {
  const common = { description: schema.description, disabled: readOnly, label };
  const type = [schema.type ?? "string"].flat()[0];
  if (type === "boolean") return <Checkbox {...common} {...form.getInputProps(name, { type: "checkbox" })} />;
  const input = form.getInputProps(name);
  if (schema.enum) return <Select {...common} allowDeselect={false} data={schema.enum.map(String)} {...input} />;
  if (type === "integer" || type === "number") return <NumberInput {...common} allowDecimal={type === "number"} max={schema.maximum} min={schema.minimum} {...input} />;
  if (type === "array") return <TagsInput {...common} {...input} />;
  return <TextInput {...common} {...input} />;
}

/** Where a value comes from: this organization, one above, or nobody. */
function Source({ source }: { source: string | undefined }) {
  const { t } = useTranslation();
  const { org } = useOrg();
  const named = source?.startsWith("org_") && source !== org?.id ? source : undefined;
  const above = useApi().useQuery("get", "/v1/orgs/{org}", { params: { path: { org: named ?? "" } } }, { enabled: named !== undefined, retry: false });
  if (source === undefined || source === "default") return <Text c="dimmed" fz="xs">{t("settings.default")}</Text>;
  if (source === "inherited") return <Text c="dimmed" fz="xs">{t("settings.inherited")}</Text>;
  if (named === undefined) return <Badge size="sm">{t("settings.setHere")}</Badge>;
  return <Text c="dimmed" fz="xs">{t("settings.inheritedFrom", { name: above.data?.name ?? named })}</Text>;
}
