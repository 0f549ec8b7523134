import { Anchor, Badge, Button, Checkbox, Group, NumberInput, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Loaded, PageHeader, ProblemAlert, Section, lasting, notifyDone, useApi, useApiForm, useGrove } from "../../../ui/index.ts";
import { allows, useId, useOrg } from "../../useOrg.ts";

type Settings = components["schemas"]["Settings"];

interface Schema {
  description?: string;
  enum?: string[];
  items?: { type?: string };
  maximum?: number;
  minimum?: number;
  type?: string | string[];
  "x-stricter"?: "less" | "more" | "true" | "false" | "first" | "fewer" | "fixed";
}

/** The fields of a group, as its schema has them. */
export function fieldsOf(settings: Settings): [string, Schema][] {
  return Object.entries((settings.schema["properties"] ?? {}) as Record<string, Schema>).filter(([name]) => !name.startsWith("$"));
}

/** A group of settings: a field for each property of its schema, with where its value comes from. */
export function SettingsModulePage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const module = useId();
  const query = useApi().useQuery("get", "/v1/orgs/{org}/settings/{module}", { params: { path: { module, org: ref } } });
  return (
    <>
      <PageHeader crumbs={[{ label: t("nav.settings"), to: `${path}/settings` }]} description={query.data?.schema["description"] as string | undefined} title={t(`setting.${module}.name`, { defaultValue: module })} />
      <Loaded query={query}>{(settings) => <ModuleForm key={JSON.stringify(settings.own)} settings={settings} />}</Loaded>
    </>
  );
}

function ModuleForm({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const { org, ref } = useOrg();
  const { api } = useGrove();
  const [inherit, setInherit] = useState<string[]>([]);
  const fields = fieldsOf(settings);
  const readOnly = !allows(settings, "update");
  const form = useApiForm<Record<string, unknown>>({
    initialValues: { ...settings.value, ...settings.own },
    send: async (values) => {
      const changed = Object.entries(values).filter(([name, value]) => !inherit.includes(name) && JSON.stringify(value) !== JSON.stringify(settings.own[name] ?? settings.value[name]));
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
                {name in settings.own && !inherit.includes(name) && <Badge size="sm">{t("settings.setHere")}</Badge>}
                <Text c="dimmed" component="span" fz="xs">{t(name in settings.own ? "settings.otherwise" : "settings.holds")}</Text>
                <Shown field={name} schema={schema} value={settings.inherited[name]} />
                <Source source={settings.inherited_sources[name]} />
                {!readOnly && name in settings.own && !inherit.includes(name) && (
                  <Anchor
                    aria-label={t("settings.inheritOf", { name: t(`setting.${settings.module}.${name}`, { defaultValue: name }) })} component="button" fz="xs"
                    onClick={() => { setInherit([...inherit, name]); form.form.setFieldValue(name, settings.inherited[name]); }} type="button"
                  >
                    {t("settings.inherit")}
                  </Anchor>
                )}
              </Group>
              {name in settings.own && settings.sources[name] !== org?.id && (
                <Text fw={600} fz="xs" mt={4}>{t("settings.held")}</Text>
              )}
              {schema["x-stricter"] && <Text c="dimmed" fz="xs" mt={4}>{t(`stricter.${schema["x-stricter"]}`)}</Text>}
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
  const { t } = useTranslation();
  const common = { description: schema.description, disabled: readOnly, label };
  const type = [schema.type ?? "string"].flat()[0];
  if (type === "boolean") return <Checkbox {...common} {...form.getInputProps(name, { type: "checkbox" })} />;
  const input = form.getInputProps(name);
  if (schema.enum) return <Select {...common} allowDeselect={false} data={schema.enum.map((value) => ({ label: t(`settingValue.${name}.${value}`, { defaultValue: value }), value }))} {...input} />;
  if (type === "integer" || type === "number") return <NumberInput suffix={isTime(name) ? " s" : undefined} {...common} allowDecimal={type === "number"} max={schema.maximum} min={schema.minimum} {...input} />;
  if (type === "array") return <TagsInput {...common} {...input} />;
  return <TextInput {...common} {...input} />;
}

const isTime = (field: string) => field.endsWith("_seconds");

/** A value as people read it. */
export function Shown({ field, schema, value }: { field: string; schema: Schema; value: unknown }) {
  const { i18n, t } = useTranslation();
  if (typeof value === "boolean") return <Text component="span" fz="sm">{t(value ? "settings.yes" : "settings.no")}</Text>;
  if (isTime(field) && typeof value === "number") return <Text component="span" fz="sm">{lasting(value, i18n.language)}</Text>;
  const text = schema.enum ? t(`settingValue.${field}.${String(value)}`, { defaultValue: String(value) }) : [value].flat().join(", ");
  if (text === "") return <Text c="dimmed" component="span" fz="sm">{t("settings.nothing")}</Text>;
  return <Text component="span" dir={schema.enum ? undefined : "auto"} fz="sm" style={{ overflowWrap: "anywhere" }}>{text}</Text>;
}

/** Where a value comes from: this organization, one above, or nobody. */
export function Source({ source }: { source: string | undefined }) {
  const { t } = useTranslation();
  const { org } = useOrg();
  const named = source?.startsWith("org_") && source !== org?.id ? source : undefined;
  const above = useApi().useQuery("get", "/v1/orgs/{org}", { params: { path: { org: named ?? "" } } }, { enabled: named !== undefined, retry: false });
  if (source === undefined || source === "default") return <Text c="dimmed" fz="xs">{t("settings.default")}</Text>;
  if (source === "inherited") return <Text c="dimmed" fz="xs">{t("settings.inherited")}</Text>;
  if (named === undefined) return <Badge size="sm">{t("settings.setHere")}</Badge>;
  return <Text c="dimmed" fz="xs">{t("settings.inheritedFrom", { name: above.data?.name ?? named })}</Text>;
}
