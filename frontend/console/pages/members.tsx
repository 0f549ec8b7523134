import { Avatar, Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUserCircle, IconUsers } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Copyable, StateBadge, Time, useApi, useCan, useCursor, useGrove } from "../../ui/index.ts";
import { HeldRoles } from "../assignments.tsx";
import { DetailPage } from "../DetailPage.tsx";
import { ListPage, NameLink } from "../ListPage.tsx";
import { UserConsents } from "../consents.tsx";
import { UserSessions } from "../sessions.tsx";
import { useGo, useId, useOrg } from "../useOrg.ts";

const kinds = ["all", "resident", "invited", "shared"] as const;

/** Everybody who belongs to the organization, wherever the person's record lives. */
export function MembersPage() {
  const { t } = useTranslation();
  const { path, ref } = useOrg();
  const go = useGo();
  const invites = useCan("invitations.write");
  const [kind, setKind] = useState<(typeof kinds)[number]>("all");
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const cursor = useCursor(`${ref} ${kind} ${wanted}`);
  const list = useApi().useQuery("get", "/v1/orgs/{org}/members", {
    params: { path: { org: ref }, query: { ...cursor.query, ...(wanted && { q: wanted }), ...(kind !== "all" && { kind }) } },
  }, { placeholderData: keepPreviousData });
  return (
    <ListPage
      columns={[
        {
          key: "name", title: t("field.name"),
          render: (m) => (
            <Group gap={10} wrap="nowrap">
              <Avatar alt="" color="grove" name={m.display_name} size={30} variant="light" />
              <div style={{ minWidth: 0 }}>
                <NameLink to={`${path}/members/${m.user_id}`}>{m.display_name}</NameLink>
                <Text c="dimmed" className="clip" fz="xs">{m.email ?? m.username}</Text>
              </div>
            </Group>
          ),
        },
        { key: "kind", title: t("members.kind"), render: (m) => t(`kind.${m.kind}`), wide: true, width: 160 },
        { key: "state", title: t("field.state"), render: (m) => <StateBadge state={m.status} />, wide: true, width: 120 },
        { key: "joined", title: t("members.joined"), render: (m) => <Time at={m.joined_at} />, wide: true, width: 150 },
      ]}
      create={invites && { label: t("invitations.create"), onClick: () => void go(`${path}/invitations`) }}
      cursor={cursor} description={t("members.description")} keyOf={(m) => m.user_id} list={list} title={t("nav.members")}
      empty={wanted || kind !== "all" ? { icon: IconSearch, title: t("list.noMatch") } : { body: t("members.emptyBody"), icon: IconUsers, title: t("members.empty") }}
      toolbar={
        <>
          <TextInput
            aria-label={t("users.search")} leftSection={<IconSearch size={16} />} maw={320} onChange={(e) => setSearch(e.currentTarget.value)}
            placeholder={t("users.search")} value={search} w="100%"
          />
          <SegmentedControl
            aria-label={t("members.kind")} onChange={(v) => setKind(v as "all")} size="xs" value={kind}
            data={kinds.map((value) => ({ label: value === "all" ? t("list.all") : t(`kind.${value}`), value }))}
          />
        </>
      }
    />
  );
}

export function MemberPage() {
  const { t } = useTranslation();
  const { org, path, ref } = useOrg();
  const user = useId();
  const go = useGo();
  const { api, query } = useGrove();
  const params = { path: { org: ref, user } };
  const member = query.useQuery("get", "/v1/orgs/{org}/members/{user}", { params });
  const resident = member.data?.kind === "resident";
  return (
    <DetailPage
      activity={user} badge={(m) => <StateBadge state={m.status} />}
      facts={(m) => [
        { label: t("field.username"), value: m.username },
        { label: t("field.email"), value: m.email },
        { label: t("members.kind"), value: t(`kind.${m.kind}`) },
        { label: t("members.joined"), value: <Time at={m.joined_at} /> },
        { label: t("field.id"), value: <Copyable value={m.user_id} /> },
        ...(resident
          ? [{ label: t("members.record"), value: <Button component={Link} leftSection={<IconUserCircle size={14} />} size="compact-xs" to={`${path}/users/${m.user_id}`} variant="default">{t("members.openRecord")}</Button> }]
          : []),
      ]}
      list={{ label: t("nav.members"), to: `${path}/members` }}
      query={member}
      remove={{
        act: async (query) => {
          await api.DELETE("/v1/orgs/{org}/members/{user}", { params: { ...params, query } });
          await go(`${path}/members`);
        },
        done: t(resident ? "done.accountDeleted" : "done.removed"), user,
        ...(resident && { title: t("members.deleteTitle", { name: member.data?.display_name ?? "" }) }),
        body: resident ? t("members.removeResidentBody") : t("members.removeBody", { name: org?.name ?? "" }), label: t("members.remove"), verb: "remove",
      }}
      titleOf={(m) => m.display_name}
    >
      {(m) => (
        <>
          <HeldRoles user={m.user_id} />
          <UserSessions user={m.user_id} />
          <UserConsents user={m.user_id} />
        </>
      )}
    </DetailPage>
  );
}
