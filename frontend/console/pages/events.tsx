import { Code, Drawer, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFilter, IconListSearch } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "../../api/index.ts";
import { Copyable, Facts, Time, useApi, useCursor } from "../../ui/index.ts";
import { ListPage } from "../ListPage.tsx";
import { useOrg } from "../useOrg.ts";

type Event = components["schemas"]["Event"];

export function EventsPage() {
  const { t } = useTranslation();
  const { ref } = useOrg();
  const [type, setType] = useState("");
  const [wanted] = useDebouncedValue(type.trim(), 300);
  const [shown, setShown] = useState<Event>();
  const cursor = useCursor(`${ref} ${wanted}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/events", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(wanted && { type: wanted }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        {
          key: "type", title: t("events.event"),
          render: (e) => <UnstyledButton className="mono" fw={560} onClick={() => setShown(e)} style={{ textDecoration: "underline dotted", textUnderlineOffset: 4 }}>{e.type}</UnstyledButton>,
        },
        { key: "actor", title: t("events.actor"), render: (e) => <span className="mono">{e.actor.id}</span>, wide: true },
        { key: "subject", title: t("events.subject"), render: (e) => <span className="mono">{e.subject?.id ?? "–"}</span>, wide: true },
        { key: "at", title: t("events.at"), render: (e) => <Time at={e.at} />, width: 150 },
      ]}
      cursor={cursor} description={t("events.description")} list={list} title={t("nav.events")}
      empty={{ body: wanted ? undefined : t("events.emptyBody"), icon: IconListSearch, title: wanted ? t("list.noMatch") : t("events.empty") }}
      toolbar={
        <TextInput
          aria-label={t("events.filter")} leftSection={<IconFilter size={16} />} maw={320} onChange={(e) => setType(e.currentTarget.value)}
          placeholder={t("events.filter")} value={type} w="100%"
        />
      }
    >
      <Drawer closeButtonProps={{ "aria-label": t("action.close") }} onClose={() => setShown(undefined)} opened={shown !== undefined} title={<span className="mono">{shown?.type}</span>}>
        {shown && <EventDetail event={shown} />}
      </Drawer>
    </ListPage>
  );
}

function EventDetail({ event }: { event: Event }) {
  const { t } = useTranslation();
  return (
    <>
      <Facts
        items={[
          { label: t("events.at"), value: <Time at={event.at} /> },
          { label: t("field.id"), value: <Copyable value={event.id} /> },
          { label: t("events.actor"), value: <Copyable value={event.actor.id} /> },
          { label: t("events.subject"), value: event.subject && <Copyable value={event.subject.id} /> },
        ]}
      />
      <Text c="dimmed" fz="xs" mb={4} mt="lg">{t("events.data")}</Text>
      <Code block dir="ltr">{JSON.stringify(event.data ?? {}, null, 2)}</Code>
    </>
  );
}
