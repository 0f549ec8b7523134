import { IconDevices } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Device, Time, useApi, useCan, useCursor } from "../../ui/index.ts";
import { ListPage, NameLink } from "../ListPage.tsx";
import { EndButton, useEndSession } from "../sessions.tsx";
import { useOrg } from "../useOrg.ts";

/** Who is signed in to the organization now. */
export function SessionsPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const end = useEndSession();
  const writes = useCan("sessions.write");
  const cursor = useCursor(ref);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/sessions", { params: { path: { org: ref }, query: cursor.query } }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        { key: "user", title: t("sessions.person"), render: (s) => <NameLink to={`${path}/members/${s.user_id}`}><MemberName user={s.user_id} /></NameLink> },
        { key: "device", title: t("account.device"), render: (s) => <Device agent={s.user_agent} />, wide: true },
        { key: "address", title: t("sessions.address"), render: (s) => <span className="mono">{s.address}</span>, wide: true },
        { key: "since", title: t("sessions.since"), render: (s) => <Time at={s.signed_in_at} />, wide: true, width: 140 },
        { key: "seen", title: t("account.lastSeen"), render: (s) => <Time at={s.last_seen_at} />, width: 140 },
        { key: "actions", label: t("list.actions"), title: "", width: 60, render: (s) => writes && <EndButton onClick={() => end(s.id)} /> },
      ]}
      cursor={cursor} description={t("sessions.description")} empty={{ body: t("sessions.emptyBody"), icon: IconDevices, title: t("sessions.empty") }} list={list}
      title={t("nav.sessions")}
    />
  );
}

/** A member's name, of whom a session tells the id only. */
function MemberName({ user }: { user: string }) {
  const { ref } = useOrg();
  const options = { enabled: useCan("members.read"), retry: false, staleTime: 60_000 };
  const member = useApi().useQuery("get", "/v1/orgs/{org}/members/{user}", { params: { path: { org: ref, user } } }, options);
  return <>{member.data?.display_name ?? user}</>;
}
