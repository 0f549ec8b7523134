import { Select, Text } from "@mantine/core";
import { IconCertificate } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, FormDialog, StateBadge, Time, notifyDone, useApi, useApiForm, useCan, useCursor, useGrove } from "../../ui/index.ts";
import { ListPage } from "../ListPage.tsx";
import { useOrg } from "../useOrg.ts";

const algorithms = ["ES256", "EdDSA", "RS256", "PS256"] as const;

/** The tenant's signing keys. */
export function KeysPage() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const writes = useCan("keys.write");
  const [rotating, setRotating] = useState(false);
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/keys", { params: { path: { org: ref }, query: cursor.query } });
  return (
    <ListPage
      columns={[
        { key: "kid", title: t("keys.kid"), render: (k) => <Copyable value={k.kid} /> },
        { key: "alg", title: t("oidc.alg"), render: (k) => k.alg, wide: true, width: 180 },
        { key: "state", title: t("field.state"), render: (k) => <StateBadge state={k.state} />, width: 120 },
        { key: "since", title: t("keys.since"), render: (k) => <Time at={k.state_at} />, wide: true, width: 150 },
      ]}
      create={writes && { label: t("keys.rotate"), onClick: () => setRotating(true) }}
      cursor={cursor} description={t("keys.description")} empty={{ icon: IconCertificate, title: t("keys.empty") }} list={list} title={t("nav.keys")}
    >
      {rotating && <Rotate onClose={() => setRotating(false)} />}
    </ListPage>
  );
}

function Rotate({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const form = useApiForm({
    initialValues: { alg: "ES256" as (typeof algorithms)[number] },
    send: async (body) => {
      await api.POST("/v1/orgs/{org}/keys:rotate", { body, params: { path: { org: ref } } });
      notifyDone(t("keys.rotated"));
      onClose();
    },
  });
  return (
    <FormDialog form={form} onClose={onClose} opened submitLabel={t("keys.rotate")} title={t("keys.rotate")}>
      <Text fz="sm">{t("keys.rotateBody")}</Text>
      <Select allowDeselect={false} data={algorithms} label={t("oidc.alg")} {...form.form.getInputProps("alg")} />
    </FormDialog>
  );
}
