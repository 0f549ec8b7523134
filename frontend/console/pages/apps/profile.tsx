import { List, Select, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Section } from "../../../ui/index.ts";

/** What a profile of the OpenID Foundation asks of the other settings; the server refuses what does not comply. */
const demands = {
  fapi1_advanced: { algorithms: ["ES256", "PS256"], certificate: true, consent: true, pushed: false, signed: true },
  fapi2_message_signing: { algorithms: ["ES256", "EdDSA", "PS256"], certificate: false, consent: false, pushed: true, signed: true },
  fapi2_security: { algorithms: ["ES256", "EdDSA", "PS256"], certificate: false, consent: false, pushed: true, signed: false },
} as const;

export type ProfileName = keyof typeof demands;

const names = ["fapi2_security", "fapi2_message_signing", "fapi1_advanced"] as const satisfies ProfileName[];
/** How an app with a profile may prove who it is. */
const methods = ["private_key_jwt", "self_signed_tls_client_auth", "tls_client_auth"];
const device = "urn:ietf:params:oauth:grant-type:device_code";
const ciba = "urn:openid:params:grant-type:ciba";

type Settings = {
  assertion_reuse: boolean;
  authorization_signed_response_alg: string;
  backchannel_authentication_request_signing_alg: string;
  dpop_bound_access_tokens: boolean;
  grant_types: string[];
  id_token_alg: string;
  introspection_signed_response_alg: string;
  pkce_optional: boolean;
  pkce_plain: boolean;
  request_object_signing_alg: string;
  require_pushed_authorization_requests: boolean;
  require_signed_request_object: boolean;
  response_types: string[];
  skip_consent: boolean;
  tls_client_certificate_bound_access_tokens: boolean;
  token_endpoint_auth_method: string;
  token_endpoint_auth_signing_alg: string;
  userinfo_signed_response_alg: string;
};

/** The settings that have to change for an app to comply, where there is one way to. Keys and addresses are the administrator's. */
export function comply(profile: string, now: Settings): Partial<Settings> {
  if (!(profile in demands)) return {};
  const d = demands[profile as ProfileName];
  const code = now.grant_types.includes("authorization_code");
  const allowed = (alg: string, otherwise: string) => (alg === "" || (d.algorithms as readonly string[]).includes(alg) ? alg : otherwise);
  return {
    assertion_reuse: false, pkce_optional: false, pkce_plain: false, response_types: ["code"],
    authorization_signed_response_alg: allowed(now.authorization_signed_response_alg, ""), id_token_alg: allowed(now.id_token_alg, "ES256"),
    introspection_signed_response_alg: allowed(now.introspection_signed_response_alg, ""), request_object_signing_alg: allowed(now.request_object_signing_alg, ""),
    token_endpoint_auth_signing_alg: allowed(now.token_endpoint_auth_signing_alg, ""), userinfo_signed_response_alg: allowed(now.userinfo_signed_response_alg, "ES256"),
    backchannel_authentication_request_signing_alg: allowed(now.backchannel_authentication_request_signing_alg, "ES256") || (now.grant_types.includes(ciba) ? "ES256" : ""),
    dpop_bound_access_tokens: now.dpop_bound_access_tokens || (!d.certificate && !now.tls_client_certificate_bound_access_tokens),
    grant_types: now.grant_types.filter((grant) => grant !== device && grant !== "password"),
    require_pushed_authorization_requests: now.require_pushed_authorization_requests || (d.pushed && code),
    require_signed_request_object: now.require_signed_request_object || (d.signed && code),
    skip_consent: now.skip_consent && !d.consent,
    tls_client_certificate_bound_access_tokens: now.tls_client_certificate_bound_access_tokens || d.certificate,
    token_endpoint_auth_method: methods.includes(now.token_endpoint_auth_method) ? now.token_endpoint_auth_method : "private_key_jwt",
  };
}

/** Which security profile an app is held to, and what that means. */
export function Profile({ onChange, readOnly, value, ...input }: { error?: React.ReactNode; onChange: (profile: string) => void; readOnly: boolean; value: string }) {
  const { t } = useTranslation();
  const chosen = value in demands ? (value as ProfileName) : undefined;
  const d = chosen && demands[chosen];
  return (
    <Section description={t("profile.hint")} title={t("profile.title")}>
      <Stack gap="md" maw={640}>
        <Select
          {...input} allowDeselect={false} data={[{ label: t("profile.none"), value: "" }, ...names.map((name) => ({ label: t(`profileName.${name}`), value: name }))]}
          description={t(chosen ? `profileHint.${chosen}` : "profile.noneHint")} label={t("profile.label")} onChange={(v) => onChange(v ?? "")} readOnly={readOnly} value={value}
        />
        {d && (
          <List aria-label={t("profile.demands")} size="sm" spacing={6}>
            <List.Item>{t("profile.auth")}</List.Item>
            <List.Item>{t("profile.algorithms", { list: d.algorithms.join(", ") })}</List.Item>
            <List.Item>{t("profile.codes")}</List.Item>
            <List.Item>{t(d.certificate ? "profile.boundCertificate" : "profile.bound")}</List.Item>
            {d.pushed && <List.Item>{t("profile.pushed")}</List.Item>}
            {d.signed && <List.Item>{t("profile.signed")}</List.Item>}
            {d.consent && <List.Item>{t("profile.consent")}</List.Item>}
            <List.Item>{t("profile.ends")}</List.Item>
          </List>
        )}
      </Stack>
    </Section>
  );
}
