import { Anchor, Checkbox, CloseButton, Group, Input, type SelectProps, Stack, Text } from "@mantine/core";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sent } from "../api/index.ts";
import { type Many, type One, type Option, Picker, few, foundAmong, foundIn, toEnd, useApi, useGrove } from "../ui/index.ts";
import { useAvailableApps, useRoles } from "./names.ts";
import classes from "./pickers.module.css";
import { useOrg } from "./useOrg.ts";

type Props = Pick<SelectProps, "aria-label" | "description" | "disabled" | "error" | "label" | "placeholder" | "required" | "w"> & (Many | One);

const keep = { placeholderData: keepPreviousData };

/** Somebody who belongs to the organization. */
export function MemberPicker({ org, ...rest }: Props & { org: string }) {
  const query = useApi();
  return (
    <Picker
      {...rest}
      useFound={(typed) => foundIn(query.useQuery("get", "/v1/orgs/{org}/members", { params: { path: { org }, query: few(typed) } }, keep).data, (m) => ({ label: m.display_name, note: m.email !== m.display_name ? m.email : undefined, value: m.user_id }))}
    />
  );
}

/** A group of the organization, or some. */
export function GroupPicker({ org, ...rest }: Props & { org: string }) {
  const query = useApi();
  return (
    <Picker
      {...rest}
      useFound={(typed) => foundIn(query.useQuery("get", "/v1/orgs/{org}/groups", { params: { path: { org }, query: few(typed) } }, keep).data, (g) => ({ label: g.name, note: g.description || undefined, value: g.id }))}
    />
  );
}

/** An organization at or below the one acted in. */
export function OrgPicker({ except = [], ...rest }: Props & { except?: string[] }) {
  const query = useApi();
  return (
    <Picker
      {...rest}
      useFound={(typed) => {
        const { more, options } = foundIn(query.useQuery("get", "/v1/orgs", { params: { query: few(typed) } }, keep).data, (o) => ({ label: `${o.name} · ${o.handle}`, note: o.path.map((step) => step.name).join(" / "), value: o.id }));
        return { more, options: options.filter((o) => !except.includes(o.value)) };
      }}
    />
  );
}

/** A role that can be given here, or some, each with the app or the organization that it is of. */
export function RolePicker({ org, ...rest }: Props & { org: string }) {
  const all = useRoleOptions(org);
  return <Picker {...rest} useFound={foundAmong(all)} />;
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

function useRoleOptions(org: string): Option[] {
  const { t } = useTranslation();
  const { org: here } = useOrg();
  const apps = useAvailableApps(org);
  const owner = (id: string) => (id === here?.id ? here.name : here?.path.find((step) => step.id === id)?.name);
  return useRoles(org).map((role) => {
    if (role.audience.type === "application") return { label: `${role.name} · ${apps.find((a) => a.id === role.audience.id)?.name ?? t("roles.app")}`, note: role.description || undefined, value: role.id };
    return { label: role.name, note: role.inherited && !role.builtin ? owner(role.org_id) : t("roles.wholeOrganization"), value: role.id };
  });
}

export interface ScopeGroup {
  id: string;
  name: string;
  scopes: { display_name?: string; name: string }[];
}

/** Every scope of every API that the organization has or inherits, by API. */
export function useScopes(org: string): ScopeGroup[] {
  const { api } = useGrove();
  const queryFn = () => toEnd((query) => sent(api.GET("/v1/orgs/{org}/api-scopes", { params: { path: { org }, query } })));
  const scopes = useQuery({ queryFn, queryKey: ["api-scopes", org] }).data ?? [];
  const groups = new Map<string, ScopeGroup>();
  for (const scope of scopes) {
    const group = groups.get(scope.resource_id) ?? { id: scope.resource_id, name: scope.resource_name, scopes: [] };
    group.scopes.push(scope);
    groups.set(scope.resource_id, group);
  }
  return [...groups.values()].sort((a, b) => a.name.localeCompare(b.name));
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
