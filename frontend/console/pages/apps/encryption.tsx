import { Group, Select } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";

type Patch = Pick<components["schemas"]["UpdateAppOIDCRequest"], keyof Values>;

const things = ["id_token", "userinfo", "introspection", "authorization"] as const;

type Thing = (typeof things)[number];
type Values = Record<`${Thing}_encrypted_response_${"alg" | "enc"}`, string>;

const algs = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256", "RSA-OAEP"];
const encs = ["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"];

const names = things.flatMap((thing) => [`${thing}_encrypted_response_alg`, `${thing}_encrypted_response_enc`] as const);

/** What of an app's settings says how it is told things. */
export const encryptionOf = (from: Values) => Object.fromEntries(names.map((name) => [name, from[name]])) as Values;

/** Whether the app is told anything encrypted. */
export const isEncrypted = (from: Values) => names.some((name) => from[name] !== "");

/** What a form says of it, for a request. */
export const encryptionPatch = (from: Values) => encryptionOf(from) as Patch;

/** For each thing that an app is told: how its key is made, and how it is encrypted. */
export function EncryptionFields(props: { errors: Record<string, React.ReactNode>; onChange: (values: Partial<Values>) => void; readOnly: boolean; values: Values }) {
  const { t } = useTranslation();
  return things.map((thing) => {
    const alg = `${thing}_encrypted_response_alg` as const;
    const enc = `${thing}_encrypted_response_enc` as const;
    return (
      <Group align="flex-start" gap="sm" grow key={thing}>
        <Select
          allowDeselect={false} data={[{ label: t("oidc.notEncrypted"), value: "" }, ...algs]} error={props.errors[alg]} label={t(`oidcEncrypted.${thing}`)} readOnly={props.readOnly} value={props.values[alg]}
          onChange={(v) => props.onChange({ [alg]: v ?? "", [enc]: v ? props.values[enc] || "A128CBC-HS256" : "" })}
        />
        {props.values[alg] !== "" && (
          <Select allowDeselect={false} data={encs} error={props.errors[enc]} label={t("oidc.enc")} onChange={(v) => props.onChange({ [enc]: v ?? "" })} readOnly={props.readOnly} value={props.values[enc]} />
        )}
      </Group>
    );
  });
}
