import { Anchor, Checkbox, CloseButton, Group, Input, MultiSelect, Select, type SelectProps, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi, useGrove } from "../ui/index.ts";
import { useRoles } from "./names.ts";
import classes from "./pickers.module.css";

interface Option {
  label: string;
  /** What tells it from others of the same name. */
  note?: string;
  value: string;
}

interface RemoteProps extends Pick<SelectProps, "aria-label" | "description" | "error" | "label" | "placeholder" | "required" | "w"> {
  onChange: (value: string | null) => void;
  value?: string | null;
}

/** A choice among more things than fit a list: the API searches by the beginning of what is typed. */
export function RemoteSelect({ onSearch, options, value = null, ...rest }: RemoteProps & { onSearch: (text: string) => void; options: Option[] }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Option>();
  const data = chosen && chosen.value === value && !options.some((o) => o.value === value) ? [chosen, ...options] : options;
  return (
    <Select
      {...rest} clearable data={data} filter={({ options: all }) => all} nothingFoundMessage={t("list.noMatch")} searchable value={value}
      onChange={(to) => {
        setChosen(data.find((o) => o.value === to));
        rest.onChange(to);
      }}
      renderOption={({ option }: { option: Option }) => (
        <div>
          {option.label}
          {option.note && <Text c="dimmed" fz="xs">{option.note}</Text>}
        </div>
      )}
      onSearchChange={(text) => onSearch(text === chosen?.label ? "" : text.trim())}
    />
  );
}

const few = (wanted: string) => ({ page_size: 20, ...(wanted && { q: wanted }) });

/** Somebody who belongs to the organization. */
export function MemberPicker({ org, ...rest }: RemoteProps & { org: string }) {
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search, 200);
  const found = useApi().useQuery("get", "/v1/orgs/{org}/members", { params: { path: { org }, query: few(wanted) } }, { placeholderData: keepPreviousData });
  const options = (found.data?.items ?? []).map((m) => ({ label: m.email && m.email !== m.display_name ? `${m.display_name} · ${m.email}` : m.display_name, value: m.user_id }));
  return <RemoteSelect {...rest} onSearch={setSearch} options={options} />;
}

/** A group of the organization. */
export function GroupPicker({ org, ...rest }: RemoteProps & { org: string }) {
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search, 200);
  const found = useApi().useQuery("get", "/v1/orgs/{org}/groups", { params: { path: { org }, query: few(wanted) } }, { placeholderData: keepPreviousData });
  return <RemoteSelect {...rest} onSearch={setSearch} options={(found.data?.items ?? []).map((g) => ({ label: g.name, value: g.id }))} />;
}

/** An organization at or below the one acted in. */
export function OrgPicker({ except = [], ...rest }: RemoteProps & { except?: string[] }) {
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search, 200);
  const found = useApi().useQuery("get", "/v1/orgs", { params: { query: few(wanted) } }, { placeholderData: keepPreviousData });
  const options = (found.data?.items ?? []).filter((o) => !except.includes(o.id)).map((o) => ({ label: `${o.name} · ${o.handle}`, note: o.path.map((step) => step.name).join(" / "), value: o.id }));
  return <RemoteSelect {...rest} onSearch={setSearch} options={options} />;
}

/** How many chosen organizations are shown by name. */
const maxNamed = 30;

/** Several organizations: those chosen so far, each removable, and a search that adds one. */
export function OrgsPicker({ description, error, except, label, onChange, value = [] }: {
  description?: string; error?: React.ReactNode; except: string; label: string; onChange: (ids: string[]) => void; value?: string[];
}) {
  const { t } = useTranslation();
  const { query } = useGrove();
  const names = useQueries({
    queries: value.slice(0, maxNamed).map((org) => ({ ...query.queryOptions("get", "/v1/orgs/{org}", { params: { path: { org } } }), staleTime: 60_000 })),
  });
  const without = (id: string) => onChange(value.filter((v) => v !== id));
  return (
    <div>
      <OrgPicker
        description={description} error={error} except={[except, ...value]} key={value.length} label={label} onChange={(id) => id && onChange([...value, id])}
        placeholder={t("orgs.pick")} value={null}
      />
      {value.length > 0 && (
        <ul className={classes.chosen}>
          {value.slice(0, maxNamed).map((id, i) => {
            const name = names[i]?.data?.name ?? id;
            return (
              <li key={id}>
                <span className="clip">{name}</span>
                <CloseButton aria-label={t("action.removeOf", { name })} onClick={() => without(id)} size="sm" />
              </li>
            );
          })}
          {value.length > maxNamed && <li><Text c="dimmed" fz="sm">{t("list.andMore", { count: value.length - maxNamed })}</Text></li>}
        </ul>
      )}
    </div>
  );
}

/** Every role that can be given here, those of apps below the app's name. */
export function RolesPicker({ org, ...rest }: { description?: string; error?: React.ReactNode; label: string; onChange: (ids: string[]) => void; org: string; value?: string[] }) {
  const { t } = useTranslation();
  const data = useRoleOptions(org);
  return <MultiSelect {...rest} clearable data={data} nothingFoundMessage={t("list.noMatch")} searchable />;
}

/** Some of an organization's groups. */
export function GroupsPicker({ org, value = [], ...rest }: { description?: string; error?: React.ReactNode; label: string; onChange: (ids: string[]) => void; org: string; value?: string[] }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search, 200);
  const [seen, setSeen] = useState<Option[]>([]);
  const found = useApi().useQuery("get", "/v1/orgs/{org}/groups", { params: { path: { org }, query: few(wanted.trim()) } }, { placeholderData: keepPreviousData });
  const options = (found.data?.items ?? []).map((g) => ({ label: g.name, value: g.id }));
  const chosen = seen.filter((o) => value.includes(o.value) && !options.some((g) => g.value === o.value));
  return (
    <MultiSelect
      {...rest} clearable data={[...chosen, ...options]} filter={({ options: all }) => all} nothingFoundMessage={t("list.noMatch")} onSearchChange={setSearch} searchable
      value={value}
      onChange={(ids) => {
        setSeen([...seen, ...options].filter((o) => ids.includes(o.value)));
        rest.onChange(ids);
      }}
    />
  );
}

export function useRoleOptions(org: string) {
  const { t } = useTranslation();
  const query = useApi();
  const params = { path: { org }, query: { page_size: 200 } };
  const roles = useRoles(org);
  const apps = query.useQuery("get", "/v1/orgs/{org}/available-apps", { params }).data?.items ?? [];
  const groups = new Map<string, Option[]>();
  for (const role of roles) {
    const group = role.audience.type === "organization" ? t("roles.wholeOrganization") : (apps.find((a) => a.id === role.audience.id)?.name ?? t("roles.app"));
    groups.set(group, [...(groups.get(group) ?? []), { label: role.name, value: role.id }]);
  }
  return [...groups].map(([group, items]) => ({ group, items }));
}

export interface ScopeGroup {
  id: string;
  name: string;
  scopes: { display_name?: string; name: string }[];
}

/** Every scope of every API that the organization has or inherits. */
export function useScopes(org: string, enabled = true): ScopeGroup[] {
  const { query } = useGrove();
  const params = { path: { org }, query: { page_size: 200 } };
  const resources = query.useQuery("get", "/v1/orgs/{org}/api-resources", { params }, { enabled }).data?.items ?? [];
  const scopes = useQueries({
    queries: resources.map((r) => query.queryOptions("get", "/v1/orgs/{org}/api-resources/{resource}/scopes", { params: { ...params, path: { org, resource: r.id } } })),
  });
  return resources.map((r, i) => ({ id: r.id, name: r.name, scopes: scopes[i]?.data?.items ?? [] }));
}

/** Scopes by API, each with a box, and a way to take all of an API at once. */
export function ScopePicker({ description, error, groups, label, onChange, value = [] }: {
  description?: string; error?: React.ReactNode; groups: ScopeGroup[]; label: string; onChange: (names: string[]) => void; value?: string[];
}) {
  const { t } = useTranslation();
  const shown = groups.filter((g) => g.scopes.length > 0);
  return (
    <Input.Wrapper component="fieldset" className={classes.fieldset} description={description} error={error} label={label} labelElement="div">
      <Stack className={classes.groups} gap="sm" mt={6}>
        {shown.map((group) => {
          const names = group.scopes.map((s) => s.name);
          const all = names.every((n) => value.includes(n));
          const others = value.filter((v) => !names.includes(v));
          return (
            <div key={group.id}>
              <Group justify="space-between" mb={4}>
                <Text fw={560} fz="sm">{group.name}</Text>
                <Anchor component="button" fz="xs" onClick={() => onChange(all ? others : [...others, ...names])} type="button">{all ? t("scopes.none") : t("scopes.all")}</Anchor>
              </Group>
              <div className={classes.grid}>
                {group.scopes.map((scope) => (
                  <Checkbox
                    checked={value.includes(scope.name)} classNames={{ label: "mono" }} key={scope.name} label={scope.name} size="xs"
                    onChange={(e) => onChange(e.currentTarget.checked ? [...value, scope.name] : value.filter((v) => v !== scope.name))}
                  />
                ))}
              </div>
            </div>
          );
        })}
        {shown.length === 0 && <Text c="dimmed" fz="sm">{t("scopes.nothing")}</Text>}
      </Stack>
    </Input.Wrapper>
  );
}
