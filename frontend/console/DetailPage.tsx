import { ActionIcon, Menu, Stack } from "@mantine/core";
import { IconDots, IconTrash } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { type Crumb, Facts, Loaded, PageHeader, Section, useConfirm } from "../ui/index.ts";
import { allows } from "./useOrg.ts";

interface Thing {
  allowed_actions?: string[];
  name?: string;
}

/** A page about one thing: heading with the way back, its facts, what belongs to it, and deleting it. */
export function DetailPage<T extends Thing>(props: {
  actions?: (thing: T) => ReactNode;
  badge?: (thing: T) => ReactNode;
  children?: (thing: T) => ReactNode;
  facts: (thing: T) => { label: string; value: ReactNode }[];
  list: Crumb;
  query: { data?: T | undefined; error: unknown; refetch: () => unknown };
  remove?: { act: () => Promise<unknown>; body: string; label: string };
  titleOf: (thing: T) => string;
}) {
  const { t } = useTranslation();
  const confirm = useConfirm();
  const { actions, badge, children, facts, list, query, remove, titleOf } = props;
  return (
    <Loaded query={query}>
      {(thing) => (
        <>
          <PageHeader
            actions={
              <>
                {actions?.(thing)}
                {remove && allows(thing, "delete") && (
                  <Menu>
                    <Menu.Target><ActionIcon aria-label={t("action.more")} size="lg" variant="default"><IconDots size={18} /></ActionIcon></Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item
                        color="red" leftSection={<IconTrash size={16} />}
                        onClick={() => confirm({ ...remove, confirm: t("action.delete"), danger: true, done: t("done.deleted"), title: remove.label })}
                      >
                        {remove.label}
                      </Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                )}
              </>
            }
            badge={badge?.(thing)} crumbs={[list]} title={titleOf(thing)}
          />
          <Stack gap="md">
            <Section title={t("detail.facts")}><Facts items={facts(thing)} /></Section>
            {children?.(thing)}
          </Stack>
        </>
      )}
    </Loaded>
  );
}
