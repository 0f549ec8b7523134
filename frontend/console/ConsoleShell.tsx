import { Alert } from "@mantine/core";
import { Spotlight } from "@mantine/spotlight";
import {
  IconApi, IconAppWindow, IconHierarchy2, IconHome, IconListSearch, IconMailForward, IconSearch, IconSettings, IconShieldLock, IconUser,
  IconUsersGroup,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { type NavSection, OrgSwitcher, Shell } from "../ui/index.ts";
import { useGo, useOrg } from "./useOrg.ts";

function useNav(path: string): NavSection[] {
  const { t } = useTranslation();
  return [
    {
      items: [
        { exact: true, icon: IconHome, label: t("nav.overview"), to: path },
        { icon: IconHierarchy2, label: t("nav.organizations"), to: `${path}/organizations` },
      ],
    },
    {
      items: [
        { icon: IconUser, label: t("nav.users"), to: `${path}/users` },
        { icon: IconUsersGroup, label: t("nav.groups"), to: `${path}/groups` },
        { icon: IconMailForward, label: t("nav.invitations"), to: `${path}/invitations` },
      ],
      label: t("nav.people"),
    },
    {
      items: [
        { icon: IconAppWindow, label: t("nav.apps"), to: `${path}/apps` },
        { icon: IconApi, label: t("nav.apiResources"), to: `${path}/api-resources` },
        { icon: IconShieldLock, label: t("nav.roles"), to: `${path}/roles` },
      ],
      label: t("nav.access"),
    },
    {
      items: [
        { icon: IconListSearch, label: t("nav.events"), to: `${path}/events` },
        { icon: IconSettings, label: t("nav.settings"), to: `${path}/settings` },
      ],
      label: t("nav.manage"),
    },
  ];
}

/** The console's frame: navigation of the organization in the address, the switcher, and Ctrl+K to go anywhere. */
export function ConsoleShell() {
  const { t } = useTranslation();
  const { org, path } = useOrg();
  const go = useGo();
  const nav = useNav(path);
  const actions = nav.flatMap((s) => s.items).map(({ icon: Icon, label, to }) => ({ id: to, label, leftSection: <Icon size={18} stroke={1.7} />, onClick: () => go(to) }));
  return (
    <>
      <Shell
        banner={org?.state === "suspended" && <Alert color="orange" radius={0}>{t("org.suspendedBanner")}</Alert>}
        label={t("app.console")} nav={nav}
        tools={<OrgSwitcher current={org} onSwitched={(to) => go(`/orgs/${to.id}`)} />}
      />
      <Spotlight
        actions={actions} highlightQuery nothingFound={t("spotlight.nothing")} shortcut="mod + K"
        searchProps={{ "aria-label": t("spotlight.search"), leftSection: <IconSearch size={18} />, placeholder: t("spotlight.search") }}
      />
    </>
  );
}
