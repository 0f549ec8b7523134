import { Alert, Button } from "@mantine/core";
import { IconLink, IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../../api/index.ts";
import { DataTable, EmptyState, Section, Time, notifyProblem, useApi, useGrove } from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";
import { EventLink } from "./detail.tsx";
import type { Event } from "./names.tsx";

type FeedEntry = components["schemas"]["EventFeedEntry"];
type Proof = components["schemas"]["EventChainProof"];

/** The events in the order in which they became visible; the root's with their links of the chain. */
export function Feed({ onShow }: { onShow: (event: Event) => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const [after, setAfter] = useState<string[]>([]);
  const from = after.at(-1);
  const feed = useApi().useQuery("get", "/v1/orgs/{org}/event-feed", { params: { path: { org: ref }, query: { ...(from && { after: from }), page_size: 50 } } }, { placeholderData: keepPreviousData });
  const entries = feed.data?.entries ?? [];
  const next = entries.length === 50 ? feed.data?.cursor : undefined;
  return (
    <Section description={t("events.feedHint")} title={t("events.feed")}>
      <DataTable
        caption={t("events.feed")} empty={<EmptyState icon={IconLink} title={t("events.empty")} />} keyOf={(e) => String(e.seq)}
        cursor={{ back: () => setAfter(after.slice(0, -1)), forward: (token) => setAfter([...after, token]), page: after.length + 1, query: { page_size: 50 }, reset: () => setAfter([]) }}
        list={{ ...feed, data: feed.data && { items: entries, ...(next && { next_page_token: next }) } }}
        columns={[
          { key: "seq", title: t("events.seq"), render: (e) => e.seq, width: 80 },
          { key: "type", title: t("events.event"), render: (e) => <EventLink event={e.event} onShow={onShow} /> },
          ...(entries.some((e) => e.chain) ? [{ key: "hash", title: t("events.hash"), render: (e: FeedEntry) => e.chain && <>{e.chain.seq} <span className="mono" title={e.chain.hash}>{e.chain.hash.slice(0, 16)}…</span></>, wide: true }] : []),
          { key: "at", title: t("events.at"), render: (e) => <Time at={e.event.at} />, width: 130 },
        ]}
      />
    </Section>
  );
}

/** The most links that the API checks in one call. */
const step = 5000;

/** Recomputes the chain of the whole tenant's events, piece by piece. */
export function Chain() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const { api } = useGrove();
  const [busy, setBusy] = useState(false);
  const [proof, setProof] = useState<Proof>();
  const verify = async () => {
    setBusy(true);
    try {
      let checked = 0;
      let last: Proof = { checked: 0, intact: true, verified_to: 0 };
      do {
        last = await sent(api.GET("/v1/orgs/{org}/event-chain", { params: { path: { org: ref }, query: { after: last.verified_to } } }));
        checked += last.checked;
        setProof({ ...last, checked });
      } while (last.intact && last.checked === step);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section actions={<Button loading={busy} onClick={() => void verify()} size="xs" variant="default">{t("events.verify")}</Button>} description={t("events.chainHint")} title={t("events.chain")}>
      <div aria-live="polite">
        {proof && (
          <Alert color={proof.intact ? "grove" : "red"} icon={proof.intact ? <IconShieldCheck /> : <IconShieldX />} variant="light">
            {proof.intact ? t("events.intact", { count: proof.checked }) : t("events.broken", { seq: proof.broken_at })}
          </Alert>
        )}
      </div>
    </Section>
  );
}
