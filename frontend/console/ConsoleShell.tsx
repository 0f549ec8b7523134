import { Alert, Button, Group } from "@mantine/core";
import { Spotlight } from "@mantine/spotlight";
import {
  IconApi, IconAppWindow, IconBuildingOff, IconCertificate, IconDevices, IconHierarchy2, IconHome, IconId, IconLifebuoy, IconListSearch, IconMailForward, IconSearch, IconSettings, IconShieldLock,
  IconShieldOff, IconSignature, IconUser, IconUsers, IconUsersGroup, IconWorld,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/index.ts";
import { EmptyState, type NavItem, type NavSection, OrgSwitcher, Shell, useSession } from "../ui/index.ts";
import { useGo, useIsRoot, useOrg } from "./useOrg.ts";

/** Each shows a part of the settings' page. */
const partsOfSettings = ["orgs.write", "seats.read", "settings.read"];

/** The pages of an organization that the token in use may read. */
function useNav(path: string): NavSection[] {
  const { t } = useTranslation();
  const root = useIsRoot();
  const { session } = useSession();
  const may = (permission: string) => session.scopes === undefined || session.scopes.has(permission);
  const items = (...all: (NavItem & { needs?: string })[]) => all.filter(({ needs }) => needs === undefined || may(needs)).map(({ needs: _, ...item }) => item);
  const sections: NavSection[] = [
    {
      items: items(
        { exact: true, icon: IconHome, label: t("nav.overview"), to: path },
        { icon: IconHierarchy2, label: t("nav.organizations"), needs: "orgs.read", to: `${path}/organizations` },
      ),
    },
    {
      items: items(
        { icon: IconUsers, label: t("nav.members"), needs: "members.read", to: `${path}/members` },
        { icon: IconUser, label: t("nav.users"), needs: "users.read", to: `${path}/users` },
        { icon: IconUsersGroup, label: t("nav.groups"), needs: "groups.read", to: `${path}/groups` },
        { icon: IconMailForward, label: t("nav.invitations"), needs: "invitations.read", to: `${path}/invitations` },
        { icon: IconDevices, label: t("nav.sessions"), needs: "sessions.read", to: `${path}/sessions` },
      ),
      label: t("nav.people"),
    },
    {
      items: items(
        { icon: IconAppWindow, label: t("nav.apps"), needs: "apps.read", to: `${path}/apps` },
        { icon: IconApi, label: t("nav.apiResources"), needs: "api_resources.read", to: `${path}/api-resources` },
        { icon: IconId, label: t("nav.claims"), needs: "claims.read", to: `${path}/claims` },
        { icon: IconShieldLock, label: t("nav.roles"), needs: "roles.read", to: `${path}/roles` },
        { icon: IconSignature, label: t("nav.tokenIssuers"), needs: "connections.read", to: `${path}/token-issuers` },
      ),
      label: t("nav.access"),
    },
    {
      items: items(
        { icon: IconWorld, label: t("nav.domains"), needs: "domains.read", to: `${path}/domains` },
        { icon: IconListSearch, label: t("nav.events"), needs: "events.read", to: `${path}/events` },
        // Nobody is above the root, who could act as its people.
        root ? { icon: IconCertificate, label: t("nav.keys"), needs: "keys.read", to: `${path}/keys` } : { icon: IconLifebuoy, label: t("nav.support"), needs: "support_access.read", to: `${path}/support` },
        ...(partsOfSettings.some(may) ? [{ icon: IconSettings, label: t("nav.settings"), needs: "orgs.read", to: `${path}/settings` }] : []),
      ),
      label: t("nav.manage"),
    },
  ];
  return sections.filter((s) => s.items.length > 0);
}

/** The console's frame: navigation of the organization in the address, the switcher, and Ctrl+K to go anywhere. */
export function ConsoleShell() {
  const { t } = useTranslation();
  const { actingIn, person, session } = useSession();
  const { org, path, query } = useOrg();
  const go = useGo();
  const idle = !mayDoAnything(session.scopes);
  const foreign = query.error !== null && Problem.from(query.error).status === 404;
  const home = `/orgs/${actingIn ?? person?.orgId ?? "root"}`;
  const sections = useNav(foreign ? home : path);
  const nav = idle ? [] : sections;
  const actions = nav.flatMap((s) => s.items).map(({ icon: Icon, label, to }) => ({ id: to, label, leftSection: <Icon size={18} stroke={1.7} />, onClick: () => go(to) }));
  return (
    <>
      <Shell
        banner={org?.effective_status === "suspended" && <Alert color="orange" radius={0}>{t("org.suspendedBanner")}</Alert>}
        instead={idle ? <NoRole /> : foreign ? <Foreign home={home} /> : undefined}
        label={t("app.console")} nav={nav}
        tools={<OrgSwitcher current={org} none={idle || foreign} onGo={(id) => void go(`/orgs/${id}`)} />}
      />
      <Spotlight
        actions={actions} highlightQuery nothingFound={t("spotlight.nothing")} shortcut="mod + K"
        searchProps={{ "aria-label": t("spotlight.search"), leftSection: <IconSearch size={18} />, placeholder: t("spotlight.search") }}
      />
    </>
  );
}

/** Scopes that say who somebody is. Every other one of the console's is a permission. */
const ofPersons = ["account", "email", "offline_access", "openid", "profile"];

const mayDoAnything = (scopes: ReadonlySet<string> | undefined) => scopes === undefined || [...scopes].some((s) => !ofPersons.includes(s));

/** Shown to people for whom the console has nothing in the organization that they act in. */
function NoRole() {
  const { t } = useTranslation();
  const { session } = useSession();
  return (
    <EmptyState
      action={<Button component="a" href={`${session.mount.base}/account`}>{t("user.account")}</Button>} body={t("org.noRoleBody")} icon={IconShieldOff} title={t("org.noRole")}
    />
  );
}

/** Shown for an organization that does not exist, or that the token in use does not reach. */
function Foreign({ home }: { home: string }) {
  const { t } = useTranslation();
  const { session } = useSession();
  const buttons = (
    <Group gap="xs" justify="center">
      <Button component={Link} to={home}>{t("org.home")}</Button>
      <Button component="a" href={`${session.mount.base}/account`} variant="default">{t("user.account")}</Button>
    </Group>
  );
  return <EmptyState action={buttons} body={t("org.foreignBody")} icon={IconBuildingOff} title={t("org.foreign")} />;
}
