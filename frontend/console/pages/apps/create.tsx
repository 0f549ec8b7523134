import { Chip, Group, Select, Text, TextInput, Textarea } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../../api/index.ts";
import { FormDialog, notifyDone, useApiForm, useGrove } from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";
import { CertificateFields, certificateNames } from "./certificate.tsx";
import { isKeys, keysOf, lines } from "./keys.ts";

/** The kinds of app that can be registered, the most usual first. */
const templates = ["web", "spa", "mobile", "m2m", "standard", "fapi", "mcp"] as const;
/** How an app that is held to a profile may prove who it is. */
const methods = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"] as const;

export type Template = (typeof templates)[number];
export type Secrets = { app: string; values: { label: string; value: string }[] };
type Request = components["schemas"]["CreateAppRequest"];

/** Opens the page of an app that was just registered, which says what to do next. */
export function useShowNew() {
  const navigate = useNavigate();
  const { path } = useOrg();
  return (app: string) => void navigate({ search: { fresh: true } as never, to: `${path}/apps/${app}` });
}

export function CreateApp({ onClose, onSecrets }: { onClose: () => void; onSecrets: (s: Secrets) => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const showNew = useShowNew();
  const form = useApiForm({
    initialValues: {
      access_url: "", jwks: "", name: "", post_logout_redirect_uris: "", redirect_uris: "", template: "web" as Template, tls_client_auth_san_dns: "", tls_client_auth_san_email: "",
      tls_client_auth_san_ip: "", tls_client_auth_san_uri: "", tls_client_auth_subject_dn: "", token_endpoint_auth_method: "private_key_jwt" as (typeof methods)[number],
    },
    inputs: { jwks_uri: "jwks" },
    send: async (v) => {
      const body: Request = { name: v.name.trim(), template: v.template };
      if (v.template !== "m2m") {
        if (v.access_url) body.access_url = v.access_url.trim();
        Object.assign(body, { post_logout_redirect_uris: lines(v.post_logout_redirect_uris), redirect_uris: lines(v.redirect_uris) });
      }
      if (v.template === "fapi") {
        const certificate = certificateNames.filter((name) => v[name].trim() !== "").map((name) => [name, v[name].trim()]);
        Object.assign(body, { token_endpoint_auth_method: v.token_endpoint_auth_method }, v.token_endpoint_auth_method === "tls_client_auth" ? Object.fromEntries(certificate) : keysOf(v.jwks));
      }
      const app = await sent(api.POST("/v1/orgs/{org}/apps", { body, params: { path: { org: ref } } }));
      onClose();
      if (app.client_secret) {
        onSecrets({ app: app.id, values: [{ label: t("field.clientId"), value: app.client_id }, { label: t("field.clientSecret"), value: app.client_secret }] });
        return;
      }
      notifyDone(t("apps.created"));
      showNew(app.id);
    },
    validate: { jwks: (v, all) => (all.template !== "fapi" || isKeys(v) ? null : t("oidc.keysInvalid")), name: (v) => (v.trim() ? null : t("field.required")) },
  });
  const { errors, getInputProps, getValues, setValues } = form.form;
  const values = getValues();
  const { template } = values;
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("apps.create")} title={t("apps.create")}>
      <TextInput data-autofocus description={t("apps.nameHint")} label={t("field.name")} maxLength={100} required {...getInputProps("name")} />
      <div>
        <Chip.Group {...getInputProps("template")}>
          <Group aria-label={t("field.type")} gap={6} role="radiogroup">
            {templates.map((value) => <Chip key={value} radius="sm" size="xs" value={value}>{t(`templateShort.${value}`)}</Chip>)}
          </Group>
        </Chip.Group>
        <Text c="dimmed" fz="xs" mt={8}>{t(`templateHint.${template}`)}</Text>
      </div>
      {template !== "m2m" && (
        <Textarea
          autosize description={t(template === "mcp" ? "apps.loopback" : "apps.onePerLine")} dir="ltr" label={t("apps.redirectUris")} minRows={2}
          placeholder={template === "mcp" ? "http://127.0.0.1/callback" : "https://app.example.com/callback"} required={template !== "standard"} {...getInputProps("redirect_uris")}
        />
      )}
      {template === "fapi" && (
        <>
          <Select allowDeselect={false} data={methods.map((value) => ({ label: t(`oidcAuth.${value}`), value }))} label={t("oidc.auth")} {...getInputProps("token_endpoint_auth_method")} />
          {values.token_endpoint_auth_method === "tls_client_auth"
            ? <CertificateFields errors={errors} onChange={setValues} readOnly={false} values={values} />
            : <Textarea autosize description={t("oidc.keysHint")} dir="ltr" label={t("oidc.keys")} maxRows={10} minRows={2} required {...getInputProps("jwks")} />}
        </>
      )}
      {template !== "m2m" && template !== "mcp" && (
        <>
          <Textarea autosize dir="ltr" label={t("apps.postLogoutUris")} minRows={1} placeholder="https://app.example.com/" {...getInputProps("post_logout_redirect_uris")} />
          <TextInput description={t("apps.accessUrlHint")} dir="ltr" label={t("apps.accessUrl")} placeholder="https://app.example.com/" {...getInputProps("access_url")} />
        </>
      )}
    </FormDialog>
  );
}
