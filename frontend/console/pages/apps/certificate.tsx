import { Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

/** The names of a certificate by which an app can be known: it has exactly one of them. */
export const certificateNames = ["tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_email", "tls_client_auth_san_ip"] as const;

export type CertificateName = (typeof certificateNames)[number];

const examples: Record<CertificateName, string> = {
  tls_client_auth_san_dns: "client.example.com", tls_client_auth_san_email: "client@example.com", tls_client_auth_san_ip: "192.0.2.7",
  tls_client_auth_san_uri: "spiffe://example.com/client", tls_client_auth_subject_dn: "CN=payments,O=Example,C=DE",
};

/** Which name of its certificate an app is known by, for tls_client_auth. */
export function CertificateFields(props: { errors: Record<string, React.ReactNode>; onChange: (values: Record<CertificateName, string>) => void; readOnly: boolean; values: Record<CertificateName, string> }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<CertificateName>(certificateNames.find((name) => props.values[name] !== "") ?? "tls_client_auth_subject_dn");
  const put = (name: CertificateName, value: string) => {
    setKind(name);
    props.onChange(Object.fromEntries(certificateNames.map((one) => [one, one === name ? value : ""])) as Record<CertificateName, string>);
  };
  return (
    <>
      <Select
        allowDeselect={false} data={certificateNames.map((value) => ({ label: t(`certificateName.${value}`), value }))} description={t("oidc.certificateHint")}
        label={t("oidc.certificate")} onChange={(v) => put((v ?? kind) as CertificateName, props.values[kind])} readOnly={props.readOnly} value={kind}
      />
      <TextInput
        description={kind === "tls_client_auth_subject_dn" ? t("oidc.subjectHint") : undefined} dir="ltr" error={props.errors[kind]} label={t(`certificateName.${kind}`)}
        onChange={(e) => put(kind, e.currentTarget.value)} placeholder={examples[kind]} readOnly={props.readOnly} value={props.values[kind]}
      />
    </>
  );
}
