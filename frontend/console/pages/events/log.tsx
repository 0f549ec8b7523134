import { Autocomplete, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFilter, IconListSearch } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../../../api/index.ts";
import { DataTable, EmptyState, Picker, Time, few, foundIn, useApi, useCan, useCursor } from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";
import { EventLink } from "./detail.tsx";
import { type Event, isId, useNames } from "./names.tsx";

/** A day in the person's own time zone, as the start of it in UTC. */
const startOf = (day: string, plus = 0) => {
  const date = new Date(`${day}T00:00:00`);
  date.setDate(date.getDate() + plus);
  return date.toISOString();
};

const sides = ["concerns", "actor"] as const;

/** Whom or what the log is about, and from which side. It is kept in the address, so that other pages can lead to it. */
function useAbout() {
  const search = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const side = sides.find((s) => s === "actor" && isId(String(search[s]))) ?? "concerns";
  const id = isId(String(search[side])) ? String(search[side]) : undefined;
  const set = (to: string | undefined, of: string = side) => void navigate({ replace: true, search: (to ? { [of]: to } : {}) as never, to: "." });
  return { id, set, side };
}

export function Log({ onShow }: { onShow: (event: Event) => void }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const about = useAbout();
  const [filter, setFilter] = useState({ since: "", type: "", until: "" });
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(filter, 300);
  const cursor = useCursor(`${ref} ${about.side} ${about.id} ${JSON.stringify(wanted)}`);
  const query = {
    ...cursor.query, ...(wanted.type && { type: wanted.type }), ...(about.id && { [about.side]: about.id }),
    ...(wanted.since && { since: startOf(wanted.since) }), ...(wanted.until && { until: startOf(wanted.until, 1) }),
  };
  const list = useApi().useQuery("get", "/v1/orgs/{org}/events", { params: { path: { org: ref }, query } }, { placeholderData: keepPreviousData });
  const unknown = list.error !== null && Problem.from(list.error).fields.some((f) => f.pointer === "/type");
  const events = list.data?.items ?? [];
  const { actor, label, subject } = useNames(events);
  const types = [...new Set(events.map((e) => e.type))].sort();
  const set = (name: keyof typeof filter) => (value: string) => setFilter({ ...filter, [name]: value.trim() });
  const name = about.id && events.map((e) => (e.names?.some((n) => n.id === about.id) ? label(e, about.id ?? "") : undefined)).find(Boolean);
  return (
    <DataTable
      caption={t("nav.events")} cursor={cursor} list={unknown ? { ...list, data: { items: [] }, error: null } : list}
      columns={[
        {
          key: "type", title: t("events.event"),
          render: (e) => (
            <>
              <EventLink event={e} onShow={onShow} />
              <Text c="dimmed" component="div" fz="xs" hiddenFrom="sm">{actor(e)} → {subject(e)}</Text>
            </>
          ),
        },
        { key: "actor", title: t("events.actor"), render: actor, wide: true },
        { key: "subject", title: t("events.subject"), render: subject, wide: true },
        { key: "at", title: t("events.at"), render: (e) => <Time at={e.at} />, width: 130 },
      ]}
      empty={<EmptyState body={t("events.emptyBody")} icon={IconListSearch} title={about.id || Object.values(wanted).some(Boolean) ? t("list.noMatch") : t("events.empty")} />}
      toolbar={
        <>
          <About key={about.id} name={name} onChange={(to) => about.set(to ?? undefined)} value={about.id} />
          {about.id && /^(app|usr)_/.test(about.id) && (
            <SegmentedControl
              aria-label={t("events.side")} data={sides.map((value) => ({ label: t(value === "actor" ? "events.did" : "events.happened"), value }))}
              onChange={(side) => about.set(about.id, side)} size="xs" value={about.side}
            />
          )}
          <Autocomplete
            aria-label={t("events.filter")} data={types} error={unknown && t("events.unknownType")} leftSection={<IconFilter size={16} />} onBlur={() => set("type")(typed)} onChange={(text) => {
              setTyped(text);
              if (!text) set("type")("");
            }}
            onKeyDown={(e) => e.key === "Enter" && set("type")(typed)} onOptionSubmit={set("type")} placeholder={t("events.filter")} value={typed} w={200}
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

/** Somebody of the organization by name, also who is gone, or anybody and anything by id. */
function About({ name, onChange, value }: { name: string | undefined; onChange: (id: string | null) => void; value: string | undefined }) {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const query = useApi();
  const reads = useCan("members.read");
  const useFound = (typed: string) => {
    const asked = reads && !isId(typed);
    const belonging = query.useQuery("get", "/v1/orgs/{org}/members", { params: { path: { org: ref }, query: few(typed) } }, { enabled: asked, placeholderData: keepPreviousData });
    const members = foundIn(asked ? belonging.data : undefined, (m) => ({ label: m.display_name, note: m.email !== m.display_name ? m.email : undefined, value: m.user_id }));
    const named = typed !== "" && !isId(typed);
    const gone = query.useQuery("get", "/v1/orgs/{org}/removed-names", { params: { path: { org: ref }, query: { page_size: 20, q: typed } } }, { enabled: named, placeholderData: keepPreviousData });
    const removed = foundIn(named ? gone.data : undefined, (n) => ({ label: t("events.removed", { name: n.name }), value: n.id }));
    const options = [...members.options, ...removed.options];
    const known = [...(value ? [{ label: name ?? options.find((o) => o.value === value)?.label ?? value, value }] : []), ...(isId(typed) && typed !== value ? [{ label: typed, value: typed }] : [])];
    return { more: members.more || removed.more, options: [...known, ...options.filter((o) => !known.some((k) => k.value === o.value))] };
  };
  return <Picker aria-label={t("events.about")} onChange={onChange} placeholder={t("events.about")} useFound={useFound} value={value ?? null} w={240} />;
}
