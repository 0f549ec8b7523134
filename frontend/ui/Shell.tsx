import { AppShell, Burger, Group, NavLink, ScrollArea } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { TablerIcon } from "@tabler/icons-react";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Brand } from "./Brand.tsx";
import { Told } from "./Told.tsx";
import { UserMenu } from "./UserMenu.tsx";
import classes from "./Shell.module.css";

export interface NavItem {
  icon: TablerIcon;
  label: string;
  to: string;
  /** Active only at exactly this address. */
  exact?: boolean;
}

export interface NavSection {
  items: NavItem[];
  label?: string;
}

/** The frame of both apps: top bar, left navigation (a sheet on a phone), and the page, or what is shown instead of it. */
export function Shell({ banner, instead, label, nav, tools }: { banner?: ReactNode; instead?: ReactNode; label: string; nav: NavSection[]; tools?: ReactNode }) {
  const { t } = useTranslation();
  const [opened, { close, toggle }] = useDisclosure(false);
  const path = useRouterState({ select: (s) => s.location.pathname });
  useEffect(close, [close, path]);
  return (
    <AppShell
      header={{ height: "var(--grove-header)" }}
      navbar={{ breakpoint: "sm", collapsed: { mobile: !opened }, width: "var(--grove-nav)" }}
      padding={0}
    >
      <a className={classes.skip} href="#main">{t("shell.skip")}</a>
      <AppShell.Header className={classes.header}>
        <Group gap="sm" wrap="nowrap">
          <Burger aria-expanded={opened} aria-label={t("shell.menu")} hiddenFrom="sm" onClick={toggle} opened={opened} size="sm" />
          <Brand label={label} />
        </Group>
        <Group className={classes.tools} gap="xs" wrap="nowrap">
          {tools}
          <UserMenu />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label={t("shell.navigation")} className={classes.navbar}>
        <AppShell.Section component={ScrollArea} grow type="never">
          {nav.map((section, i) => (
            <div className={classes.section} key={section.label ?? i}>
              {section.label && <div className={classes.label}>{section.label}</div>}
              {section.items.map(({ exact, icon: Icon, label: text, to }) => (
                <NavLink
                  activeOptions={{ exact: exact ?? false }} className={classes.link ?? ""} component={Link} key={to} label={text}
                  leftSection={<Icon aria-hidden="true" size={18} stroke={1.7} />} to={to}
                />
              ))}
            </div>
          ))}
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main className={classes.main} id="main" tabIndex={-1}>
        <Told />
        {banner}
        <div className={classes.page}>{instead ?? <Outlet />}</div>
      </AppShell.Main>
    </AppShell>
  );
}
