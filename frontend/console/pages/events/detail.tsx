import { Anchor, Code, Stack, Text, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Copyable, Facts, Time, useApi } from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";
import { type Event, useNames } from "./names.tsx";

/** Opens an event beside the page. */
export function EventLink({ event, onShow }: { event: Event; onShow: (event: Event) => void }) {
  return <UnstyledButton className="mono" fw={560} mih={24} onClick={() => onShow(event)} style={{ textDecoration: "underline dotted", textUnderlineOffset: 4 }}>{event.type}</UnstyledButton>;
}

/** One event whole, and the way to what else there is about whom it names. */
export function EventDetail({ event, onClose }: { event: Event; onClose: () => void }) {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  // The feed has what was written, and no names.
  const read = useApi().useQuery("get", "/v1/orgs/{org}/events/{event}", { params: { path: { event: event.id, org: ref } } }, { enabled: !event.names });
  const shown = read.data ?? event;
  const { actor, named, subject } = useNames([shown]);
  const things = shown.names ?? [];
  return (
    <>
      <Facts
        items={[
          { label: t("events.at"), value: <Time at={shown.at} /> },
          { label: t("events.actor"), value: <>{actor(shown)}{shown.actor.id && <Copyable value={shown.actor.id} />}</> },
          { label: t("events.subject"), value: <>{subject(shown)}<Copyable value={shown.subject} /></> },
          { label: t("field.id"), value: <Copyable value={shown.id} /> },
          { label: t("events.request"), value: shown.request_id && <Copyable value={shown.request_id} /> },
        ]}
      />
      {things.length > 0 && (
        <>
          <Text c="dimmed" fz="xs" mb={4} mt="lg">{t("events.more")}</Text>
          <Stack gap={6}>
            {things.map(({ id }) => (
              <div key={id}>
                {named(shown, id)}
                <Text c="dimmed" component="div" fz="xs">
                  <Anchor component={Link} fz="inherit" onClick={onClose} search={{ concerns: id } as never} to={`${path}/events`}>{t("events.happened")}</Anchor>
                  {/^(app|usr)_/.test(id) && <> · <Anchor component={Link} fz="inherit" onClick={onClose} search={{ actor: id } as never} to={`${path}/events`}>{t("events.did")}</Anchor></>}
                </Text>
              </div>
            ))}
          </Stack>
        </>
      )}
      <Text c="dimmed" fz="xs" mb={4} mt="lg">{t("events.data")}</Text>
      <Code block dir="ltr">{JSON.stringify(shown.data, null, 2)}</Code>
    </>
  );
}
