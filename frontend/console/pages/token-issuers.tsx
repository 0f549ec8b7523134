import { Button, Group, NumberInput, Select, Stack, TextInput, Textarea } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconSignature } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import {
  Copyable, FormDialog, Section, StateBadge, Time, notifyDone, useApi, useApiForm, useCan, useConfirm, useCursor, useGrove,
} from "../../ui/index.ts";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { allows, useGo, useId, useOrg } from "../useOrg.ts";
import { isKeys, keysOf, lines } from "./apps/keys.ts";

type TokenIssuer = components["schemas"]["TokenIssuer"];
type Format = NonNullable<components["schemas"]["CreateTokenIssuerRequest"]["format"]>;
type Match = components["schemas"]["CreateTokenIssuerRequest"]["subject_match"];

const algorithms = ["ES256", "EdDSA", "PS256", "RS256"] as const;
const matches = ["email", "username", "user_id", "mapping"] as const;

/** Whose assertions the organization takes for its people. */
export function TokenIssuersPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const writes = useCan("connections.write");
  const [creating, setCreating] = useState(false);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/token-issuers", { params: { path: { org: ref }, query: cursor.query } });
  return (
    <ListPage
      columns={[
        { key: "name", title: t("field.name"), render: (i) => <NameLink to={`${path}/token-issuers/${i.id}`}>{i.name}</NameLink> },
        { key: "format", title: t("issuers.format"), render: (i) => t(`issuerFormat.${i.format as Format}`), wide: true, width: 120 },
        { key: "issuer", title: t("issuers.issuer"), render: (i) => <span className="mono">{i.issuer}</span>, wide: true },
        { key: "match", title: t("issuers.match"), render: (i) => t(`issuerMatch.${i.subject_match as Match}`), wide: true },
        { key: "state", title: t("field.state"), render: (i) => <StateBadge state={i.enabled ? "active" : "disabled"} />, width: 120 },
      ]}
      create={writes && { label: t("issuers.create"), onClick: () => setCreating(true) }}
      cursor={cursor} description={t("issuers.description")} list={list} title={t("nav.tokenIssuers")}
      empty={{ body: t("issuers.emptyBody"), icon: IconSignature, title: t("issuers.empty") }}
    >
      {creating && <EditIssuer onClose={() => setCreating(false)} />}
    </ListPage>
  );
}

export function TokenIssuerPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const issuer = useId();
  const go = useGo();
  const confirm = useConfirm();
  const { api, query } = useGrove();
  const [editing, setEditing] = useState(false);
  const params = { path: { issuer, org: ref } };
  const found = query.useQuery("get", "/v1/orgs/{org}/token-issuers/{issuer}", { params });
  const enable = (enabled: boolean) =>
    confirm({
      act: () => api.PATCH("/v1/orgs/{org}/token-issuers/{issuer}", { body: { enabled }, params }),
      body: t(enabled ? "issuers.enableBody" : "issuers.disableBody"), confirm: t(enabled ? "issuers.enable" : "issuers.disable"), danger: !enabled,
      done: t("done.saved"), title: t(enabled ? "issuers.enable" : "issuers.disable"),
    });
  return (
    <DetailPage
      badge={(i) => <StateBadge state={i.enabled ? "active" : "disabled"} />}
      edit={() => setEditing(true)}
      facts={(i) => [
        { label: t("issuers.issuer"), value: <Copyable value={i.issuer} /> },
        { label: t("issuers.audiences"), value: i.audiences.length > 0 ? i.audiences.join(", ") : t("issuers.ownAudience") },
        { label: t("issuers.format"), value: t(`issuerFormat.${i.format as Format}`) },
        i.format === "saml"
          ? { label: t("issuers.certificates"), value: t("issuers.certificateCount", { count: i.certificates?.length ?? 0 }) }
          : { label: t("issuers.keys"), value: i.jwks_uri ? <Copyable value={i.jwks_uri} /> : t("issuers.keyCount", { count: i.jwks?.keys.length ?? 0 }) },
        ...(i.format === "saml" ? [] : [{ label: t("issuers.alg"), value: i.signing_alg || t("oidc.anyAlg") }]),
        { label: t("issuers.claim"), value: <span className="mono">{i.subject_claim}</span> },
        { label: t("issuers.match"), value: t(`issuerMatch.${i.subject_match as Match}`) },
        { label: t("issuers.lifetime"), value: t("issuers.seconds", { count: i.max_lifetime_seconds }) },
        { label: t("field.id"), value: <Copyable value={i.id} /> },
        { label: t("field.created"), value: <Time at={i.created_at} /> },
      ]}
      list={{ label: t("nav.tokenIssuers"), to: `${path}/token-issuers` }}
      menu={(i) => [
        allows(i, "update") && (i.enabled
          ? { icon: IconPlayerPause, label: t("issuers.disable"), onClick: () => enable(false) }
          : { icon: IconPlayerPlay, label: t("issuers.enable"), onClick: () => enable(true) }),
      ]}
      query={found}
      remove={{
        act: async () => {
          await api.DELETE("/v1/orgs/{org}/token-issuers/{issuer}", { params });
          await go(`${path}/token-issuers`);
        },
        body: t("issuers.deleteBody"), label: t("issuers.delete"),
      }}
      titleOf={(i) => i.name}
    >
      {(i) => (
        <>
          {i.subject_match === "mapping" && <Mapping issuer={i} key={i.updated_at} />}
          {editing && <EditIssuer issuer={i} onClose={() => setEditing(false)} />}
        </>
      )}
    </DetailPage>
  );
}

/** Certificates are pasted one after another: as PEM, or as the base64 of a metadata document with an empty line between two. */
const certificatesOf = (text: string) =>
  text.replaceAll(/-----BEGIN [^-]+-----/g, "\n\n").replaceAll(/-----END [^-]+-----/g, "\n\n").split(/\n\s*\n/).map((part) => part.replaceAll(/\s/g, "")).filter(Boolean);

/** What somebody typed as keys or mapping, and what is stored, are texts of one form. */
const textOf = (issuer: TokenIssuer | undefined) => (issuer?.jwks ? JSON.stringify(issuer.jwks, null, 2) : (issuer?.jwks_uri ?? ""));

function EditIssuer({ issuer, onClose }: { issuer?: TokenIssuer; onClose: () => void }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: {
      certificates: issuer?.certificates?.join("\n\n") ?? "", format: (issuer?.format ?? "jwt") as Format,
      audiences: issuer?.audiences.join("\n") ?? "", issuer: issuer?.issuer ?? "", jwks: textOf(issuer), max_lifetime_seconds: (issuer?.max_lifetime_seconds ?? 3600) as number | string,
      name: issuer?.name ?? "", signing_alg: issuer?.signing_alg ?? "", subject_claim: issuer?.subject_claim ?? "sub", subject_match: (issuer?.subject_match ?? "email") as Match,
    },
    inputs: { jwks_uri: "jwks" },
    send: async (v) => {
      const body = {
        audiences: lines(v.audiences), issuer: v.issuer.trim(), max_lifetime_seconds: Number(v.max_lifetime_seconds), name: v.name.trim(),
        subject_claim: v.subject_claim.trim(), subject_match: v.subject_match,
        ...(v.format === "saml" ? { certificates: certificatesOf(v.certificates) } : { signing_alg: v.signing_alg as "" | (typeof algorithms)[number], ...keysOf(v.jwks) }),
      };
      if (issuer) {
        const changes = { ...body, ...(v.subject_match !== "mapping" && { subjects: [] }) };
        await api.PATCH("/v1/orgs/{org}/token-issuers/{issuer}", { body: changes, params: { path: { issuer: issuer.id, org: ref } } });
        notifyDone(t("done.saved"));
        onClose();
        return;
      }
      const made = await sent(api.POST("/v1/orgs/{org}/token-issuers", { body: { ...body, format: v.format }, params: { path: { org: ref } } }));
      notifyDone(t("issuers.created"));
      onClose();
      void go(`${path}/token-issuers/${made.id}`);
    },
    validate: {
      certificates: (v, all) => (all.format !== "saml" || certificatesOf(v).length > 0 ? null : t("field.required")),
      issuer: (v) => (v.trim() ? null : t("field.required")), jwks: (v, all) => (all.format === "saml" ? null : !v.trim() ? t("field.required") : isKeys(v) ? null : t("oidc.keysInvalid")),
      name: (v) => (v.trim() ? null : t("field.required")),
    },
  });
  const { getInputProps, getValues, setValues } = form.form;
  const { format } = getValues();
  const claimOf = (f: Format, match: Match) => (f === "saml" ? (match === "email" ? "mail" : "NameID") : match === "email" ? "email" : "sub");
  const label = t(issuer ? "action.save" : "issuers.create");
  return (
    <FormDialog form={form} onClose={onClose} opened size="lg" submitLabel={label} title={issuer?.name ?? t("issuers.create")}>
      <TextInput data-autofocus label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      {!issuer && (
        <Select
          allowDeselect={false} data={(["jwt", "saml"] as const).map((value) => ({ label: t(`issuerFormat.${value}`), value }))} label={t("issuers.format")} {...getInputProps("format")}
          onChange={(f) => setValues({ format: f as Format, subject_claim: claimOf(f as Format, getValues().subject_match) })}
        />
      )}
      <TextInput description={t(format === "saml" ? "issuers.entityHint" : "issuers.issuerHint")} dir="ltr" label={t("issuers.issuer")} placeholder="https://idp.example.com" required {...getInputProps("issuer")} />
      {format === "saml" ? (
        <Textarea autosize classNames={{ input: "mono" }} description={t("issuers.certificatesHint")} dir="ltr" label={t("issuers.certificates")} maxRows={12} minRows={3} required {...getInputProps("certificates")} />
      ) : (
        <>
          <Textarea autosize description={t("issuers.keysHint")} dir="ltr" label={t("issuers.keys")} maxRows={12} minRows={2} required {...getInputProps("jwks")} />
          <Select allowDeselect={false} data={[{ label: t("oidc.anyAlg"), value: "" }, ...algorithms]} label={t("issuers.alg")} {...getInputProps("signing_alg")} />
        </>
      )}
      <Select
        allowDeselect={false} data={matches.map((value) => ({ label: t(`issuerMatch.${value}`), value }))} description={t(format === "saml" && getValues().subject_match === "email" ? "issuers.samlEmailHint" : `issuerMatchHint.${getValues().subject_match}`)}
        label={t("issuers.match")} {...getInputProps("subject_match")}
        onChange={(match) => setValues({ subject_claim: claimOf(format, match as Match), subject_match: match as Match })}
      />
      <TextInput description={t(format === "saml" ? "issuers.attributeHint" : "issuers.claimHint")} dir="ltr" label={t("issuers.claim")} maxLength={100} {...getInputProps("subject_claim")} />
      <Textarea autosize description={t("issuers.audiencesHint")} dir="ltr" label={t("issuers.audiences")} minRows={2} {...getInputProps("audiences")} />
      <NumberInput allowDecimal={false} description={t("issuers.lifetimeHint")} label={t("issuers.lifetime")} max={86_400} min={60} suffix=" s" {...getInputProps("max_lifetime_seconds")} />
    </FormDialog>
  );
}

/** A line of the mapping is a person's identifier and, after a space, what the issuer calls him, which may hold spaces itself. */
const subjectsOf = (text: string) =>
  text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const [user = "", ...rest] = line.split(" ");
    return { subject: rest.join(" ").trim(), user_id: user };
  });

function Mapping({ issuer }: { issuer: TokenIssuer }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const readOnly = !allows(issuer, "update");
  const form = useApiForm({
    initialValues: { subjects: (issuer.subjects ?? []).map((s) => `${s.user_id} ${s.subject}`).join("\n") },
    send: async ({ subjects }) => {
      await api.PATCH("/v1/orgs/{org}/token-issuers/{issuer}", { body: { subjects: subjectsOf(subjects) }, params: { path: { issuer: issuer.id, org: ref } } });
      notifyDone(t("done.saved"));
    },
    validate: { subjects: (v) => (subjectsOf(v).every((s) => s.subject && s.user_id.startsWith("usr_")) ? null : t("issuers.mappingInvalid")) },
  });
  return (
    <Section description={t("issuers.mappingHint")} title={t("issuers.mapping")}>
      <form noValidate onSubmit={form.submit}>
        <Stack gap="md">
          <Textarea
            aria-label={t("issuers.mapping")} autosize className="mono" dir="ltr" maxRows={20} minRows={3} placeholder="usr_01j4x5t00070008000000000g1 runner@build" readOnly={readOnly}
            {...form.form.getInputProps("subjects")}
          />
          {!readOnly && <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>}
        </Stack>
      </form>
    </Section>
  );
}
