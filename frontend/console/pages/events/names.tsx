import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { components } from "../../../api/index.ts";
import { useCan } from "../../../ui/index.ts";
import { useMemberNames } from "../../names.ts";
import { useOrg } from "../../useOrg.ts";

export type Event = components["schemas"]["Event"];

/** The shape of an id of anything. */
export const isId = (text: string) => /^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/.test(text);

/** The pages of things, by the prefix of their ids: those of the organization's own. */
const pages: Record<string, string> = { api: "api-resources", app: "apps", con: "token-issuers", grp: "groups", rol: "roles", usr: "members" };

/** What the ids in events are called, and where they lead. */
export function useNames(events: Event[]) {
  const { t } = useTranslation();
  const { org, path, ref } = useOrg();
  const strangers = events.flatMap((e) => (e.names ?? []).filter((n) => n.id.startsWith("usr_") && !n.removed && n.org_id !== org?.id).map((n) => n.id));
  const seesMembers = useCan("members.read");
  const members = useMemberNames(ref, seesMembers ? strangers.slice(0, 200) : []);

  const label = (event: Event, id: string) => {
    const named = event.names?.find((n) => n.id === id);
    if (named) return named.removed ? t("events.removed", { name: named.name }) : named.name;
    if (id.startsWith("usr_")) return t("events.gone.user");
    return id.startsWith("app_") ? t("events.gone.app") : undefined;
  };

  const link = (event: Event, id: string) => {
    const named = event.names?.find((n) => n.id === id);
    const page = pages[id.slice(0, 3)];
    if (!named || named.removed) return undefined;
    if (id.startsWith("org_")) return `/orgs/${id}`;
    return page && (named.org_id === org?.id || members.has(id)) ? `${path}/${page}/${id}` : undefined;
  };

  /** A name; a link where there is a page about whom or what it names. */
  const named = (event: Event, id: string) => {
    const to = link(event, id);
    const text = label(event, id);
    if (!text) return <span className="mono">{id}</span>;
    return to ? <Anchor component={Link} fz="inherit" title={id} to={to} underline="always">{text}</Anchor> : <span title={id}>{text}</span>;
  };

  const by = (event: Event) => (event.actor.id && ["client", "user"].includes(event.actor.type) ? named(event, event.actor.id) : <span title={event.actor.id}>{t(`actor.${event.actor.type}`)}</span>);

  /** Who did it; who acted as somebody else comes first. */
  const actor = (event: Event) => (event.actor.impersonator_id ? <>{named(event, event.actor.impersonator_id)} {t("events.as")} {by(event)}</> : by(event));

  /** What it happened to: the subject, as far as it has a name, and what the event's data names. */
  const subject = (event: Event) => {
    const ids = [...(label(event, event.subject) ? [event.subject] : []), ...inside(event)];
    if (ids.length > 0) return <>{ids.map((id, i) => <span key={id}>{i > 0 && ", "}{named(event, id)}</span>)}</>;
    const own = ["name", "host", "kid", "page"].map((field) => event.data[field]).find((value) => typeof value === "string" && value !== "");
    return own ? <span title={event.subject}>{String(own)}</span> : <span className="mono">{event.subject}</span>;
  };

  return { actor, label, named, subject };
}

const rank = (id: string) => ["usr", "grp", "rol"].indexOf(id.slice(0, 3)) + 1 || 4;

/** The ids in the event's data that have names, people first. */
function inside(event: Event): string[] {
  const values = Object.values(event.data).flat();
  const ids = (event.names ?? []).map((n) => n.id).filter((id) => id !== event.subject && values.includes(id));
  return ids.sort((a, b) => rank(a) - rank(b));
}
