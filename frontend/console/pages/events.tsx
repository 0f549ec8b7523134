import { Alert, Autocomplete, Button, Code, Drawer, Group, Stack, Tabs, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFilter, IconLink, IconListSearch, IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type components, sent } from "../../api/index.ts";
import { Copyable, DataTable, EmptyState, Facts, PageHeader, Section, Time, notifyProblem, useApi, useCursor, useGrove } from "../../ui/index.ts";
import { useMemberNames } from "../names.ts";
import { useIsRoot, useOrg, useTab } from "../useOrg.ts";

type Event = components["schemas"]["Event"];
type FeedEntry = components["schemas"]["EventFeedEntry"];
type Proof = components["schemas"]["EventChainProof"];

/** What happened in the organization: the log with filters, the feed that consumers read, and at the root the chain. */
export function EventsPage() {
  const { t } = useTranslation();
  const root = useIsRoot();
  const [tab, setTab] = useTab(["log", "feed"] as const);
  const [shown, setShown] = useState<Event>();
  return (
    <>
      <PageHeader description={t("events.description")} title={t("nav.events")} />
      <Tabs keepMounted={false} onChange={setTab} value={tab}>
        <Tabs.List mb="md">
          <Tabs.Tab value="log">{t("events.log")}</Tabs.Tab>
          <Tabs.Tab value="feed">{t("events.feed")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="log"><Log onShow={setShown} /></Tabs.Panel>
        <Tabs.Panel value="feed">
          <Stack gap="md">
            {root && <Chain />}
            <Feed onShow={setShown} />
          </Stack>
        </Tabs.Panel>
      </Tabs>
      <Drawer closeButtonProps={{ "aria-label": t("action.close") }} onClose={() => setShown(undefined)} opened={shown !== undefined} title={<span className="mono">{shown?.type}</span>}>
        {shown && <EventDetail event={shown} />}
      </Drawer>
    </>
  );
}

function EventLink({ event, onShow }: { event: Event; onShow: (event: Event) => void }) {
  return <UnstyledButton className="mono" fw={560} onClick={() => onShow(event)} style={{ textDecoration: "underline dotted", textUnderlineOffset: 4 }}>{event.type}</UnstyledButton>;
}

/** A day in the person's own time zone, as the start of it in UTC. */
const startOf = (day: string, plus = 0) => {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + plus);
  return date.toISOString();
};

const id = /^[a-z]{2,8}_[0-9a-z]{26}$/;

function Log({ onShow }: { onShow: (event: Event) => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const [filter, setFilter] = useState({ since: "", subject: "", type: "", until: "" });
  const [wanted] = useDebouncedValue(filter, 300);
  const cursor = useCursor(`${ref} ${JSON.stringify(wanted)}`);
  const query = {
    ...cursor.query, ...(wanted.type.trim() && { type: wanted.type.trim() }), ...(id.test(wanted.subject.trim()) && { subject: wanted.subject.trim() }),
    ...(wanted.since && { since: startOf(wanted.since) }), ...(wanted.until && { until: startOf(wanted.until, 1) }),
  };
  const list = useApi().useQuery("get", "/v1/orgs/{org}/events", { params: { path: { org: ref }, query } }, { placeholderData: keepPreviousData });
  const actor = useActors(list.data?.items ?? []);
  const types = [...new Set((list.data?.items ?? []).map((e) => e.type))].sort();
  const set = (name: keyof typeof filter) => (value: string) => setFilter({ ...filter, [name]: value });
  return (
    <DataTable
      caption={t("nav.events")} cursor={cursor} list={list}
      columns={[
        { key: "type", title: t("events.event"), render: (e) => <EventLink event={e} onShow={onShow} /> },
        { key: "actor", title: t("events.actor"), render: (e) => <span title={e.actor.id}>{actor(e)}</span>, wide: true },
        { key: "subject", title: t("events.subject"), render: (e) => <span className="mono">{e.subject}</span>, wide: true },
        { key: "at", title: t("events.at"), render: (e) => <Time at={e.at} />, width: 130 },
      ]}
      empty={<EmptyState body={t("events.emptyBody")} icon={IconListSearch} title={Object.values(wanted).some(Boolean) ? t("list.noMatch") : t("events.empty")} />}
      toolbar={
        <>
          <Autocomplete
            aria-label={t("events.filter")} data={types} leftSection={<IconFilter size={16} />} onChange={set("type")} placeholder={t("events.filter")} value={filter.type} w={220}
          />
          <TextInput
            aria-label={t("events.filterSubject")} error={filter.subject.trim() !== "" && !id.test(filter.subject.trim())} onChange={(e) => set("subject")(e.currentTarget.value)}
            placeholder={t("events.filterSubject")} value={filter.subject} w={260}
          />
          <Group gap={6}>
            <TextInput aria-label={t("events.since")} onChange={(e) => set("since")(e.currentTarget.value)} type="date" value={filter.since} />
            <Text c="dimmed" fz="sm">{t("events.until")}</Text>
            <TextInput aria-label={t("events.until")} onChange={(e) => set("until")(e.currentTarget.value)} type="date" value={filter.until} />
          </Group>
        </>
      }
    />
  );
}

/** Who did it: a member by name, anybody else by kind. */
function useActors(events: Event[]) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const names = useMemberNames(ref, events.flatMap(({ actor }) => (actor.type === "user" && actor.id ? [actor.id] : [])));
  return ({ actor }: Event) => names.get(actor.id ?? "") ?? t(`actor.${actor.type}`);
}

function EventDetail({ event }: { event: Event }) {
  const { t } = useTranslation();
  const actor = useActors([event]);
  return (
    <>
      <Facts
        items={[
          { label: t("events.at"), value: <Time at={event.at} /> },
          { label: t("events.actor"), value: <>{actor(event)}{event.actor.id && <Copyable value={event.actor.id} />}</> },
          { label: t("events.subject"), value: <Copyable value={event.subject} /> },
          { label: t("field.id"), value: <Copyable value={event.id} /> },
          { label: t("events.request"), value: event.request_id && <Copyable value={event.request_id} /> },
        ]}
      />
      <Text c="dimmed" fz="xs" mb={4} mt="lg">{t("events.data")}</Text>
      <Code block dir="ltr">{JSON.stringify(event.data, null, 2)}</Code>
    </>
  );
}

/** The events in the order in which they became visible; the root's with their links of the chain. */
function Feed({ onShow }: { onShow: (event: Event) => void }) {
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
function Chain() {
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
