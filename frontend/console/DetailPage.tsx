import { ActionIcon, Button, Menu, Stack } from "@mantine/core";
import { IconDots, IconHistory, IconPencil, IconTrash, type TablerIcon } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { type Crumb, Facts, Loaded, PageHeader, Section, useCan } from "../ui/index.ts";
import { type Taking, useTaking } from "./taking.ts";
import { allows, useOrg } from "./useOrg.ts";

interface Thing {
  allowed_actions?: string[];
}

export interface MenuEntry {
  danger?: boolean;
  icon: TablerIcon;
  label: string;
  onClick: () => void;
}

/** A page about one thing: heading with the way back, its facts, what belongs to it, editing and deleting it. */
export function DetailPage<T extends Thing>(props: {
  /** The id of whom or what the page is about, where the log has something to say of it. */
  activity?: string;
  badge?: (thing: T) => ReactNode;
  children?: (thing: T) => ReactNode;
  /** Opens the dialog that changes the thing, where the API allows "update". */
  edit?: () => void;
  facts?: (thing: T) => { label: string; value: ReactNode }[];
  list: Crumb;
  /** What else can be done; an entry is left out by `false`. */
  menu?: (thing: T) => (MenuEntry | false)[];
  query: { data?: T | undefined; error: unknown; refetch: () => unknown };
  remove?: Pick<Taking, "act" | "body" | "done" | "user"> & { label: string; title?: string; verb?: string };
  titleOf: (thing: T) => string;
}) {
  const { t } = useTranslation();
  const take = useTaking();
  const { path } = useOrg();
  const reads = useCan("events.read");
  const { activity, badge, children, edit, facts, list, menu, query, remove, titleOf } = props;
  const removal = (thing: T): MenuEntry | false =>
    remove !== undefined && allows(thing, remove.verb ?? "delete") && {
      danger: true, icon: IconTrash, label: remove.label,
      onClick: () => take({ done: t("done.deleted"), title: `${remove.label}: ${titleOf(thing)}`, ...remove, confirm: remove.label, danger: true }),
    };
  return (
    <Loaded query={query}>
      {(thing) => (
        <>
          <PageHeader
            actions={
              <>
                {activity && reads && (
                  <Button component={Link} leftSection={<IconHistory size={16} />} search={{ concerns: activity } as never} to={`${path}/events`} variant="default">{t("detail.activity")}</Button>
                )}
                {edit && allows(thing, "update") && <Button leftSection={<IconPencil size={16} />} onClick={edit} variant="default">{t("action.edit")}</Button>}
                <MoreMenu entries={[...(menu?.(thing) ?? []), removal(thing)]} />
              </>
            }
            badge={badge?.(thing)} crumbs={[list]} title={titleOf(thing)}
          />
          <Stack gap="md">
            {facts && <Section title={t("detail.facts")}><Facts items={facts(thing)} /></Section>}
            {children?.(thing)}
          </Stack>
        </>
      )}
    </Loaded>
  );
}

/** The button with three dots and what it opens; nothing where there is nothing to do. */
export function MoreMenu({ entries, label }: { entries: (MenuEntry | false)[]; label?: string }) {
  const { t } = useTranslation();
  const shown = entries.filter((entry) => entry !== false);
  if (shown.length === 0) return null;
  return (
    <Menu>
      <Menu.Target><ActionIcon aria-label={label ?? t("action.more")} size="lg" variant="default"><IconDots size={18} /></ActionIcon></Menu.Target>
      <Menu.Dropdown>
        {shown.map(({ danger, icon: Icon, label: text, onClick }) => (
          <Menu.Item color={danger ? "red" : undefined} key={text} leftSection={<Icon size={16} />} onClick={onClick}>{text}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
