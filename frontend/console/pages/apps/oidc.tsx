import { Alert, Button, Checkbox, Group, MultiSelect, NumberInput, Select, Stack, Switch, TextInput, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { Loaded, ProblemAlert, Section, lasting, notifyDone, useApi, useApiForm, useGrove } from "../../../ui/index.ts";
import { allows, useOrg } from "../../useOrg.ts";
import { CertificateFields, certificateNames } from "./certificate.tsx";
import type { App } from "./detail.tsx";
import { EncryptionFields, encryptionOf, encryptionPatch, isEncrypted } from "./encryption.tsx";
import { isKeys, keysOf, lines } from "./keys.ts";
import { Profile, comply } from "./profile.tsx";

type AppOIDC = components["schemas"]["AppOIDC"];
type Request = components["schemas"]["UpdateAppOIDCRequest"];

const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const ciba = "urn:openid:params:grant-type:ciba";
const grants = [
  "authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code", ciba, "organization_switch", exchange,
  "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer", "password",
] as const;

/** The last word of a grant type, which is all of it but for those of later RFCs. */
const shortName = (grant: string) => grant.slice(grant.lastIndexOf(":") + 1) as "ciba" | "device_code" | "jwt-bearer" | "saml2-bearer" | "token-exchange" | Exclude<(typeof grants)[number], `urn:${string}`>;
/** All but code send tokens through the browser. */
const responseTypes = ["code", "code id_token", "code id_token token", "code token", "id_token", "id_token subject_token", "id_token token", "subject_token", "token"];
const algorithms = ["ES256", "EdDSA", "RS256", "PS256"];

const methods = ["client_secret", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"] as const;

/** How an app speaks OAuth 2.0 and OpenID Connect. */
export function Oidc({ app }: { app: App }) {
  const { ref } = useOrg();
  const query = useApi().useQuery("get", "/v1/orgs/{org}/apps/{app}/oidc", { params: { path: { app: app.id, org: ref } } });
  return <Loaded query={query}>{(oidc) => <OidcForm app={app} key={JSON.stringify(oidc)} oidc={oidc} />}</Loaded>;
}

function OidcForm({ app, oidc }: { app: App; oidc: AppOIDC }) {
  const { i18n, t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const readOnly = !allows(app, "update");
  const form = useApiForm({
    initialValues: {
      ...encryptionOf(oidc), access_token_format: oidc.access_token_format, access_token_seconds: oidc.access_token_seconds as number | string, allowed_origins: oidc.allowed_origins.join("\n"), grant_types: oidc.grant_types,
      assertion_reuse: oidc.assertion_reuse, backchannel_logout_uri: oidc.backchannel_logout_uri, backchannel_token_delivery_mode: oidc.backchannel_token_delivery_mode,
      backchannel_client_notification_endpoint: oidc.backchannel_client_notification_endpoint, backchannel_authentication_request_signing_alg: oidc.backchannel_authentication_request_signing_alg, dpop_bound_access_tokens: oidc.dpop_bound_access_tokens, frontchannel_logout_uri: oidc.frontchannel_logout_uri, id_token_alg: oidc.id_token_alg, id_token_seconds: oidc.id_token_seconds as number | string, introspection_signed_response_alg: oidc.introspection_signed_response_alg, userinfo_signed_response_alg: oidc.userinfo_signed_response_alg, jwks: oidc.jwks ? JSON.stringify(oidc.jwks, null, 2) : oidc.jwks_uri, post_logout_redirect_uris: oidc.post_logout_redirect_uris.join("\n"), pkce_optional: oidc.pkce_optional,
      pkce_plain: oidc.pkce_plain, policy_uri: oidc.policy_uri, tos_uri: oidc.tos_uri, redirect_uris: oidc.redirect_uris.join("\n"),
      refresh_token_seconds: oidc.refresh_token_seconds as number | string, request_object_signing_alg: oidc.request_object_signing_alg, require_dpop_nonce: oidc.require_dpop_nonce, response_types: oidc.response_types,
      require_pushed_authorization_requests: oidc.require_pushed_authorization_requests,
      authorization_signed_response_alg: oidc.authorization_signed_response_alg, require_signed_request_object: oidc.require_signed_request_object, skip_consent: oidc.skip_consent,
      sector_identifier_uri: oidc.sector_identifier_uri, subject_type: oidc.subject_type, user_claims_in_id_token: oidc.user_claims_in_id_token,
      profile: oidc.profile, tls_client_auth_san_dns: oidc.tls_client_auth_san_dns, tls_client_auth_san_email: oidc.tls_client_auth_san_email, tls_client_auth_san_ip: oidc.tls_client_auth_san_ip,
      tls_client_auth_san_uri: oidc.tls_client_auth_san_uri, tls_client_auth_subject_dn: oidc.tls_client_auth_subject_dn,
      tls_client_certificate_bound_access_tokens: oidc.tls_client_certificate_bound_access_tokens,
      id_token_audiences: oidc.id_token_audiences.join("\n"), token_binding: oidc.token_binding,
      token_endpoint_auth_method: oidc.token_endpoint_auth_method, token_exchange_audiences: oidc.token_exchange_audiences.join("\n"), token_endpoint_auth_signing_alg: oidc.token_endpoint_auth_signing_alg,
    },
    inputs: { jwks_uri: "jwks" },
    validate: { jwks: (v) => (isKeys(v) ? null : t("oidc.keysInvalid")) },
    send: async (v) => {
      const wanted: Request = {
        ...encryptionPatch(v), access_token_format: v.access_token_format as Request["access_token_format"], access_token_seconds: Number(v.access_token_seconds), allowed_origins: lines(v.allowed_origins), grant_types: v.grant_types as Request["grant_types"],
        assertion_reuse: v.assertion_reuse, backchannel_logout_uri: v.backchannel_logout_uri.trim(), backchannel_token_delivery_mode: v.backchannel_token_delivery_mode as Request["backchannel_token_delivery_mode"],
        backchannel_client_notification_endpoint: v.backchannel_client_notification_endpoint.trim(), backchannel_authentication_request_signing_alg: v.backchannel_authentication_request_signing_alg as Request["backchannel_authentication_request_signing_alg"], dpop_bound_access_tokens: v.dpop_bound_access_tokens, frontchannel_logout_uri: v.frontchannel_logout_uri.trim(), id_token_alg: v.id_token_alg as Request["id_token_alg"], id_token_seconds: Number(v.id_token_seconds), introspection_signed_response_alg: v.introspection_signed_response_alg as Request["introspection_signed_response_alg"],
        userinfo_signed_response_alg: v.userinfo_signed_response_alg as Request["userinfo_signed_response_alg"], post_logout_redirect_uris: lines(v.post_logout_redirect_uris), pkce_optional: v.pkce_optional,
        pkce_plain: v.pkce_plain, policy_uri: v.policy_uri.trim(), tos_uri: v.tos_uri.trim(), redirect_uris: lines(v.redirect_uris),
        refresh_token_seconds: Number(v.refresh_token_seconds), request_object_signing_alg: v.request_object_signing_alg as Request["request_object_signing_alg"], require_dpop_nonce: v.require_dpop_nonce, response_types: v.response_types as Request["response_types"],
        require_pushed_authorization_requests: v.require_pushed_authorization_requests,
        authorization_signed_response_alg: v.authorization_signed_response_alg as Request["authorization_signed_response_alg"], require_signed_request_object: v.require_signed_request_object, skip_consent: v.skip_consent,
        sector_identifier_uri: v.sector_identifier_uri.trim(), subject_type: v.subject_type as Request["subject_type"], user_claims_in_id_token: v.user_claims_in_id_token,
        ...Object.fromEntries(certificateNames.map((name) => [name, v[name].trim()])), profile: v.profile as Request["profile"],
        tls_client_certificate_bound_access_tokens: v.tls_client_certificate_bound_access_tokens, token_endpoint_auth_method: v.token_endpoint_auth_method as Request["token_endpoint_auth_method"],
        id_token_audiences: lines(v.id_token_audiences), token_binding: v.token_binding as Request["token_binding"], token_exchange_audiences: lines(v.token_exchange_audiences), token_endpoint_auth_signing_alg: v.token_endpoint_auth_signing_alg as Request["token_endpoint_auth_signing_alg"],
      };
      // Only what changed: some fields ask for more than apps.write.
      const changed = Object.entries(wanted).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(oidc[name as keyof AppOIDC]));
      const body: Request = { ...Object.fromEntries(changed), ...(form.form.isDirty("jwks") && keysOf(v.jwks)) };
      await api.PATCH("/v1/orgs/{org}/apps/{app}/oidc", { body, params: { path: { app: app.id, org: ref } } });
      form.form.resetDirty();
      notifyDone(t("done.saved"));
    },
  });
  const { getInputProps } = form.form;
  const values = form.form.getValues();
  const text = (name: string) => ({ autosize: true, dir: "ltr" as const, minRows: 2, readOnly, ...getInputProps(name) });
  const keys = <Textarea description={t("oidc.keysHint")} label={t("oidc.keys")} maxRows={16} {...text("jwks")} />;
  // A public client has them by the API only: they are shown to be taken away.
  const hasKeys = oidc.jwks !== undefined || oidc.jwks_uri !== "";
  return (
    <form noValidate onSubmit={form.submit}>
      <Stack gap="md">
        {form.problem && <ProblemAlert error={form.problem} />}
        {oidc.client_type === "confidential" && (
          <Profile
            error={form.form.errors.profile} onChange={(profile) => form.form.setValues({ ...comply(profile, values), profile: profile as AppOIDC["profile"] })} readOnly={readOnly}
            value={values.profile}
          />
        )}
        <Section description={t("oidc.addressesHint")} title={t("oidc.addresses")}>
          <Stack gap="md" maw={640}>
            <Textarea description={t("apps.onePerLine")} label={t("apps.redirectUris")} {...text("redirect_uris")} />
            <Textarea label={t("apps.postLogoutUris")} {...text("post_logout_redirect_uris")} />
            <TextInput description={t("oidc.backchannelHint")} dir="ltr" label={t("oidc.backchannel")} readOnly={readOnly} type="url" {...getInputProps("backchannel_logout_uri")} />
            <TextInput description={t("oidc.frontchannelHint")} dir="ltr" label={t("oidc.frontchannel")} readOnly={readOnly} type="url" {...getInputProps("frontchannel_logout_uri")} />
            <Textarea description={t("oidc.originsHint")} label={t("oidc.origins")} {...text("allowed_origins")} />
          </Stack>
        </Section>
        <Section title={t("oidc.grants")}>
          <Checkbox.Group aria-label={t("oidc.grants")} {...getInputProps("grant_types")}>
            <Stack gap={10}>
              {grants.map((grant) => <Checkbox description={t(`oidcGrant.${shortName(grant)}`)} disabled={readOnly} key={grant} label={shortName(grant)} value={grant} />)}
            </Stack>
          </Checkbox.Group>
          {values.grant_types.includes("password") && <Alert color="yellow" maw={640} mt="md" title={t("oidc.passwordTitle")} variant="light">{t("oidc.passwordWarning")}</Alert>}
          {oidc.client_type === "confidential" && form.form.getValues().grant_types.includes(exchange) && (
            <Textarea description={t("oidc.exchangeHint")} label={t("oidc.exchange")} maw={640} mt="md" {...text("token_exchange_audiences")} />
          )}
          {oidc.client_type === "confidential" && values.grant_types.includes(ciba) && (
            <Stack gap="md" maw={640} mt="md">
              <Select
                allowDeselect={false} data={(["poll", "ping"] as const).map((value) => ({ label: t(`oidcDelivery.${value}`), value }))} label={t("oidc.delivery")} readOnly={readOnly}
                {...getInputProps("backchannel_token_delivery_mode")}
              />
              {values.backchannel_token_delivery_mode === "ping" && (
                <TextInput description={t("oidc.notifyHint")} dir="ltr" label={t("oidc.notify")} readOnly={readOnly} type="url" {...getInputProps("backchannel_client_notification_endpoint")} />
              )}
              <Select
                allowDeselect={false} data={[{ label: t("oidc.unsigned"), value: "" }, ...algorithms]} description={t("oidc.backchannelAlgHint")} label={t("oidc.backchannelAlg")} readOnly={readOnly}
                {...getInputProps("backchannel_authentication_request_signing_alg")}
              />
            </Stack>
          )}
        </Section>
        {oidc.client_type === "confidential" && (
          <Section description={t("oidc.authHint")} title={t("oidc.auth")}>
            <Stack gap="md" maw={640}>
              <Select
                allowDeselect={false} data={methods.map((value) => ({ label: t(`oidcAuth.${value}`), value }))} label={t("oidc.authMethod")} readOnly={readOnly} {...getInputProps("token_endpoint_auth_method")}
                onChange={(method) => form.form.setValues({ token_endpoint_auth_method: method as string, ...(method === "client_secret_jwt" && { token_endpoint_auth_signing_alg: "" as const }) })}
              />
              {values.token_endpoint_auth_method === "tls_client_auth" && (
                <CertificateFields errors={form.form.errors} onChange={(names) => form.form.setValues(names)} readOnly={readOnly} values={values} />
              )}
              {keys}
              {form.form.getValues().token_endpoint_auth_method === "private_key_jwt" && (
                <>
                  <Select allowDeselect={false} data={[{ label: t("oidc.anyAlg"), value: "" }, ...algorithms]} label={t("oidc.authAlg")} readOnly={readOnly} {...getInputProps("token_endpoint_auth_signing_alg")} />
                  <Switch description={t("oidc.assertionReuseHint")} disabled={readOnly} label={t("oidc.assertionReuse")} {...getInputProps("assertion_reuse", { type: "checkbox" })} />
                </>
              )}
            </Stack>
          </Section>
        )}
        <Section description={t("oidc.pkceHint")} title={t("oidc.pkce")}>
          <Stack gap="md" maw={440}>
            {oidc.client_type === "confidential" && <Switch description={t("oidc.pkceOptionalHint")} disabled={readOnly} label={t("oidc.pkceOptional")} {...getInputProps("pkce_optional", { type: "checkbox" })} />}
            <MultiSelect
              data={responseTypes} label={t("oidc.responseTypes")} readOnly={readOnly} {...getInputProps("response_types")}
              description={t(form.form.getValues().response_types.some((type) => type.split(" ").includes("token")) ? "oidc.responseTypesWarning" : "oidc.responseTypesHint")}
            />
            <Switch description={t("oidc.parHint")} disabled={readOnly} label={t("oidc.par")} {...getInputProps("require_pushed_authorization_requests", { type: "checkbox" })} />
            {oidc.client_type === "confidential" && (
              <>
                <Switch description={t("oidc.signedHint")} disabled={readOnly} label={t("oidc.signed")} {...getInputProps("require_signed_request_object", { type: "checkbox" })} />
                <Select allowDeselect={false} data={[{ label: t("oidc.anyAlg"), value: "" }, ...algorithms]} label={t("oidc.requestAlg")} readOnly={readOnly} {...getInputProps("request_object_signing_alg")} />
              </>
            )}
            <Switch description={t("oidc.pkcePlainHint")} disabled={readOnly} label={t("oidc.pkcePlain")} {...getInputProps("pkce_plain", { type: "checkbox" })} />
          </Stack>
        </Section>
        <Section description={t("oidc.tokensHint")} title={t("oidc.tokens")}>
          <Stack gap="md" maw={440}>
            <Switch description={t("oidc.dpopHint")} disabled={readOnly} label={t("oidc.dpop")} {...getInputProps("dpop_bound_access_tokens", { type: "checkbox" })} />
            <Switch description={t("oidc.certificateBoundHint")} disabled={readOnly} label={t("oidc.certificateBound")} {...getInputProps("tls_client_certificate_bound_access_tokens", { type: "checkbox" })} />
            {(oidc.client_type === "public" || oidc.token_binding !== "") && (
              <Switch
                checked={values.token_binding === "cookie"} description={t("oidc.cookieHint")} disabled={readOnly} error={form.form.errors.token_binding} label={t("oidc.cookie")}
                onChange={(e) => form.form.setFieldValue("token_binding", e.currentTarget.checked ? "cookie" : "")}
              />
            )}
            <Switch description={t("oidc.dpopNonceHint")} disabled={readOnly} label={t("oidc.dpopNonce")} {...getInputProps("require_dpop_nonce", { type: "checkbox" })} />
            <Select
              allowDeselect={false} data={[{ label: t("oidc.likeIdTokens"), value: "" }, ...algorithms]} description={t("oidc.responseAlgHint")} label={t("oidc.responseAlg")} readOnly={readOnly}
              {...getInputProps("authorization_signed_response_alg")}
            />
            <Select allowDeselect={false} data={[{ label: t("oidc.notSigned"), value: "" }, ...algorithms]} label={t("oidc.userinfoAlg")} readOnly={readOnly} {...getInputProps("userinfo_signed_response_alg")} />
            <Select
              allowDeselect={false} data={[{ label: t("oidc.likeIdTokens"), value: "" }, ...algorithms]} description={t("oidc.introspectionAlgHint")} label={t("oidc.introspectionAlg")} readOnly={readOnly}
              {...getInputProps("introspection_signed_response_alg")}
            />
            <Select
              allowDeselect={false} data={(["jwt", "opaque"] as const).map((value) => ({ label: t(`oidcFormat.${value}`), value }))} description={t("oidc.accessFormatHint")} label={t("oidc.accessFormat")}
              readOnly={readOnly} {...getInputProps("access_token_format")}
            />
            <NumberInput allowDecimal={false} description={t("oidc.default", { time: lasting(oidc.default_access_token_seconds, i18n.language) })} label={t("oidc.accessSeconds")} max={86_400} min={0} readOnly={readOnly} suffix=" s" {...getInputProps("access_token_seconds")} />
            <NumberInput allowDecimal={false} description={t("oidc.default", { time: lasting(oidc.default_refresh_token_seconds, i18n.language) })} label={t("oidc.refreshSeconds")} max={31_536_000} min={0} readOnly={readOnly} suffix=" s" {...getInputProps("refresh_token_seconds")} />
            <NumberInput allowDecimal={false} description={t("oidc.idSecondsHint")} label={t("oidc.idSeconds")} max={86_400} min={0} readOnly={readOnly} suffix=" s" {...getInputProps("id_token_seconds")} />
            <Textarea description={t("oidc.idAudiencesHint")} label={t("oidc.idAudiences")} {...text("id_token_audiences")} />
            <Select allowDeselect={false} data={algorithms} label={t("oidc.alg")} readOnly={readOnly} {...getInputProps("id_token_alg")} />
            <Select
              allowDeselect={false} data={(["public", "pairwise"] as const).map((value) => ({ label: t(`oidcSubject.${value}`), value }))} description={t("oidc.subjectTypeHint")} label={t("oidc.subjectType")}
              readOnly={readOnly} {...getInputProps("subject_type")}
            />
            {values.subject_type === "pairwise" && (
              <TextInput description={t("oidc.sectorHint")} dir="ltr" label={t("oidc.sector")} readOnly={readOnly} type="url" {...getInputProps("sector_identifier_uri")} />
            )}
            <Switch description={t("oidc.userClaimsHint")} disabled={readOnly} label={t("oidc.userClaims")} {...getInputProps("user_claims_in_id_token", { type: "checkbox" })} />
            <Switch description={t("oidc.skipConsentHint")} disabled={readOnly} label={t("oidc.skipConsent")} {...getInputProps("skip_consent", { type: "checkbox" })} />
            <TextInput description={t("oidc.policyHint")} dir="ltr" label={t("oidc.policy")} readOnly={readOnly} type="url" {...getInputProps("policy_uri")} />
            <TextInput dir="ltr" label={t("oidc.terms")} readOnly={readOnly} type="url" {...getInputProps("tos_uri")} />
          </Stack>
        </Section>
        {(oidc.client_type === "confidential" || isEncrypted(oidc) || hasKeys) && (
          <Section description={t("oidc.encryptionHint")} title={t("oidc.encryption")}>
            <Stack gap="md" maw={640}>
              {oidc.client_type === "public" && keys}
              <EncryptionFields errors={form.form.errors} onChange={(changed) => form.form.setValues(changed)} readOnly={readOnly} values={values} />
            </Stack>
          </Section>
        )}
        {!readOnly && <Group><Button disabled={!form.form.isDirty()} loading={form.pending} type="submit">{t("action.save")}</Button></Group>}
      </Stack>
    </form>
  );
}
