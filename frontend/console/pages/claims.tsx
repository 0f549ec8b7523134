import { ActionIcon, Badge, Button, Group, MultiSelect, Select, Switch, Tabs, TextInput, Tooltip } from "@mantine/core";
import { IconId, IconKey, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import {
  DataTable, EmptyState, FormDialog, PageHeader, notifyDone, toEnd, useApi, useApiForm, useCan, useConfirm, useCursor, useGrove,
} from "../../ui/index.ts";
import { useOrg, useTab } from "../useOrg.ts";

type Claim = components["schemas"]["OIDCClaim"];
type Scope = components["schemas"]["OIDCScope"];
type Kind = NonNullable<components["schemas"]["CreateOIDCClaimRequest"]["type"]>;

const kinds = ["text", "boolean", "number"] as const;
/** The attributes of the profile that a claim may be given. The tenant's own are typed. */
const ofProfile = ["display_name", "family_name", "given_name", "locale", "username"];

/** What apps can be told of people: claims, and the scopes by which they ask for them. */
export function ClaimsPage() {
  const { t } = useTranslation();
  const [tab, setTab] = useTab(["claims", "scopes"] as const);
  const [creating, setCreating] = useState(false);
  const writes = useCan("claims.write");
  const close = () => setCreating(false);
  return (
    <>
      <PageHeader
        actions={writes && <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>{t(tab === "claims" ? "claims.create" : "oidcScopes.create")}</Button>}
        description={t("claims.description")} title={t("nav.claims")}
      />
      <Tabs keepMounted={false} onChange={setTab} value={tab}>
        <Tabs.List mb="md">
          <Tabs.Tab value="claims">{t("claims.claims")}</Tabs.Tab>
          <Tabs.Tab value="scopes">{t("claims.scopes")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="claims"><Claims /></Tabs.Panel>
        <Tabs.Panel value="scopes"><Scopes /></Tabs.Panel>
      </Tabs>
      {creating && (tab === "claims" ? <EditClaim onClose={close} /> : <EditScope onClose={close} />)}
    </>
  );
}

/** Every claim that an organization has. */
export function useClaims(org: string): Claim[] {
  const { api } = useGrove();
  const queryFn = () => toEnd((query) => sent(api.GET("/v1/orgs/{org}/oidc-claims", { params: { path: { org }, query } })));
  return useQuery({ enabled: useCan("claims.read"), queryFn, queryKey: ["oidc-claims", org] }).data ?? [];
}

function Origin({ of }: { of: Claim | Scope }) {
  const { t } = useTranslation();
  if (of.builtin) return <Badge color="gray">{t("state.builtin")}</Badge>;
  return of.inherited ? <Badge color="gray">{t("state.inherited")}</Badge> : null;
}

/** The buttons at the end of a row. What was defined above is changed there, and what is built in stays. */
function Acts({ of, onEdit, onRemove }: { of: Claim | Scope; onEdit: () => void; onRemove: () => void }) {
  const { t } = useTranslation();
  if (!useCan("claims.write") || of.inherited) return null;
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={t("action.edit")}><ActionIcon aria-label={t("action.editOf", { name: of.name })} onClick={onEdit}><IconPencil size={17} /></ActionIcon></Tooltip>
      {!of.builtin && <Tooltip label={t("action.delete")}><ActionIcon aria-label={t("action.removeOf", { name: of.name })} onClick={onRemove}><IconTrash size={17} /></ActionIcon></Tooltip>}
    </Group>
  );
}

function Claims() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const [editing, setEditing] = useState<Claim>();
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/oidc-claims", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  const remove = (claim: Claim) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/oidc-claims/{claim}", { params: { path: { claim: claim.id, org: ref } } }),
      body: t("claims.deleteBody"), confirm: t("claims.delete"), danger: true, done: t("done.deleted"), title: t("scopes.deleteTitle", { name: claim.name }),
    });
  return (
    <>
      <DataTable
        caption={t("claims.claims")} cursor={cursor} empty={<EmptyState icon={IconId} title={t("claims.empty")} />} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (c) => <Group gap={8}><span className="mono">{c.name}</span><Origin of={c} /></Group> },
          { key: "display", title: t("claims.displayName"), render: (c) => c.display_name, wide: true },
          { key: "attribute", title: t("claims.attribute"), render: (c) => <span className="mono">{c.attribute}</span>, wide: true },
          { key: "type", title: t("claims.type"), render: (c) => t(`claimType.${c.type}`), wide: true, width: 120 },
          { key: "actions", label: t("list.actions"), title: "", width: 100, render: (c) => <Acts of={c} onEdit={() => setEditing(c)} onRemove={() => remove(c)} /> },
        ]}
      />
      {editing && <EditClaim claim={editing} onClose={() => setEditing(undefined)} />}
    </>
  );
}

function EditClaim({ claim, onClose }: { claim?: Claim; onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  // What OpenID Connect defines tells what Grove knows, unless it is one of the profile's own.
  const fixed = claim?.builtin === true && !claim.attribute.startsWith("attributes.") && !ofProfile.includes(claim.attribute);
  const form = useApiForm({
    initialValues: {
      attribute: claim?.attribute ?? "", display_name: claim?.display_name ?? "", name: claim?.name ?? "", self_service: claim?.self_service ?? false, type: (claim?.type ?? "text") as Kind,
    },
    send: async (v) => {
      const attribute = v.attribute.trim();
      if (claim) {
        // Only what changed: of what is built in, some parts are fixed.
        const body = {
          ...(v.display_name.trim() !== claim.display_name && { display_name: v.display_name.trim() || claim.name }), ...(attribute !== claim.attribute && { attribute }),
          ...(v.type !== claim.type && { type: v.type }), ...(v.self_service !== claim.self_service && { self_service: v.self_service }),
        };
        await api.PATCH("/v1/orgs/{org}/oidc-claims/{claim}", { body, params: { path: { claim: claim.id, org: ref } } });
      } else {
        const body = { attribute, name: v.name.trim(), self_service: v.self_service, type: v.type, ...(v.display_name.trim() && { display_name: v.display_name.trim() }) };
        await api.POST("/v1/orgs/{org}/oidc-claims", { body, params: { path: { org: ref } } });
      }
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { attribute: (v) => (v.trim() ? null : t("field.required")), name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={claim ? t("action.save") : t("claims.create")} title={claim?.name ?? t("claims.create")}>
      <TextInput data-autofocus={!claim} description={t("claims.nameHint")} dir="ltr" disabled={claim !== undefined} label={t("claims.name")} maxLength={128} placeholder="department" required {...getInputProps("name")} />
      <TextInput data-autofocus={!!claim} description={t("claims.displayHint")} label={t("claims.displayName")} maxLength={100} {...getInputProps("display_name")} />
      <TextInput
        description={t(fixed ? "claims.builtinHint" : "claims.attributeHint")} dir="ltr" disabled={fixed} label={t("claims.attribute")} maxLength={80} placeholder="attributes.department" required
        {...getInputProps("attribute")}
      />
      {!claim?.builtin && (
        <Select allowDeselect={false} data={kinds.map((value) => ({ label: t(`claimType.${value}`), value }))} label={t("claims.type")} {...getInputProps("type")} />
      )}
      {!fixed && <Switch description={t("claims.selfServiceHint")} label={t("claims.selfService")} {...getInputProps("self_service", { type: "checkbox" })} />}
    </FormDialog>
  );
}

/** How many claims of a scope are named in the list. */
const maxNamed = 4;

function Scopes() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const confirm = useConfirm();
  const [editing, setEditing] = useState<Scope>();
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/oidc-scopes", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  const remove = (scope: Scope) =>
    confirm({
      act: () => api.DELETE("/v1/orgs/{org}/oidc-scopes/{oidc_scope}", { params: { path: { oidc_scope: scope.id, org: ref } } }),
      body: t("oidcScopes.deleteBody"), confirm: t("oidcScopes.delete"), danger: true, done: t("done.deleted"), title: t("scopes.deleteTitle", { name: scope.name }),
    });
  const named = ({ claims }: Scope) => {
    const shown = claims.slice(0, maxNamed).join(", ");
    return claims.length > maxNamed ? t("oidcScopes.more", { count: claims.length - maxNamed, list: shown }) : shown || t("oidcScopes.none");
  };
  return (
    <>
      <DataTable
        caption={t("claims.scopes")} cursor={cursor} empty={<EmptyState icon={IconKey} title={t("oidcScopes.empty")} />} list={list}
        columns={[
          { key: "name", title: t("field.name"), render: (s) => <Group gap={8}><span className="mono">{s.name}</span><Origin of={s} /></Group> },
          { key: "display", title: t("claims.displayName"), render: (s) => s.display_name, wide: true },
          { key: "claims", title: t("claims.claims"), render: named, wide: true },
          { key: "actions", label: t("list.actions"), title: "", width: 100, render: (s) => <Acts of={s} onEdit={() => setEditing(s)} onRemove={() => remove(s)} /> },
        ]}
      />
      {editing && <EditScope onClose={() => setEditing(undefined)} scope={editing} />}
    </>
  );
}

function EditScope({ onClose, scope }: { onClose: () => void; scope?: Scope }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const claims = useClaims(ref);
  const form = useApiForm({
    initialValues: { claims: scope?.claims ?? [], description: scope?.description ?? "", display_name: scope?.display_name ?? "", name: scope?.name ?? "" },
    send: async (v) => {
      const display_name = v.display_name.trim();
      if (scope) {
        const body = { claims: v.claims, description: v.description, ...(display_name && { display_name }) };
        await api.PATCH("/v1/orgs/{org}/oidc-scopes/{oidc_scope}", { body, params: { path: { oidc_scope: scope.id, org: ref } } });
      } else {
        const body = { claims: v.claims, name: v.name.trim(), ...(v.description && { description: v.description }), ...(display_name && { display_name }) };
        await api.POST("/v1/orgs/{org}/oidc-scopes", { body, params: { path: { org: ref } } });
      }
      notifyDone(t("done.saved"));
      onClose();
    },
    validate: { name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { getInputProps } = form.form;
  const options = [...new Set([...claims.map((c) => c.name), ...form.form.getValues().claims])];
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={scope ? t("action.save") : t("oidcScopes.create")} title={scope?.name ?? t("oidcScopes.create")}>
      <TextInput data-autofocus={!scope} description={t("oidcScopes.nameHint")} dir="ltr" disabled={scope !== undefined} label={t("field.name")} maxLength={100} placeholder="staff" required {...getInputProps("name")} />
      <TextInput data-autofocus={!!scope} description={t("claims.displayHint")} label={t("claims.displayName")} maxLength={100} {...getInputProps("display_name")} />
      <TextInput label={t("field.description")} maxLength={500} {...getInputProps("description")} />
      {scope?.name !== "openid" && (
        <MultiSelect data={options} label={t("oidcScopes.claims")} limit={100} nothingFoundMessage={t("list.noMatch")} searchable {...getInputProps("claims")} />
      )}
    </FormDialog>
  );
}
