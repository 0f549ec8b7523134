import { ActionIcon, Group, Paper, Skeleton, Table, Text, Tooltip } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ProblemAlert } from "./ProblemAlert.tsx";
import type { Cursor } from "./cursor.ts";
import classes from "./DataTable.module.css";

export interface Column<T> {
  key: string;
  /** The heading. Empty for a column of actions; then `label` names it for screen readers. */
  title: string;
  label?: string;
  render: (item: T) => ReactNode;
  /** Hidden below 768 pixels. */
  wide?: boolean;
  width?: number | string;
}

/** The part of a query's result that a table shows. */
export interface ListState<T> {
  data?: { items: T[]; next_page_token?: string } | undefined;
  error: unknown;
  isFetching: boolean;
  isPending: boolean;
  refetch: () => unknown;
}

/** A list of one page, with headings, placeholders while it loads, its failure, and the way to the next page. */
export function DataTable<T extends object>(props: {
  /** Says what the table lists, for screen readers. */
  caption: string;
  columns: Column<T>[];
  cursor: Cursor;
  empty: ReactNode;
  keyOf?: ((item: T) => string) | undefined;
  list: ListState<T>;
  toolbar?: ReactNode;
}) {
  const { caption, columns, cursor, empty, list, toolbar } = props;
  const keyOf = props.keyOf ?? ((item: T) => String((item as { id?: unknown }).id ?? items.indexOf(item)));
  const items = list.data?.items ?? [];
  const next = list.data?.next_page_token;
  const bare = !list.isPending && !list.error && items.length === 0 && cursor.page === 1;
  return (
    <Paper className={classes.card} radius="lg">
      {toolbar && <div className={classes.toolbar}>{toolbar}</div>}
      {list.error ? (
        <div className={classes.padded}><ProblemAlert error={list.error} onRetry={() => void list.refetch()} /></div>
      ) : bare ? (
        <div className={classes.padded}>{empty}</div>
      ) : (
        <div className={classes.scroll}>
          <Table aria-busy={list.isFetching} aria-label={caption} className={classes.table} highlightOnHover verticalSpacing={10}>
            <Table.Thead>
              <Table.Tr>
                {columns.map((c) => (
                  <Table.Th key={c.key} scope="col" visibleFrom={c.wide ? "sm" : undefined} w={c.width}>
                    {c.title || <span className={classes.unseen}>{c.label}</span>}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.isPending
                ? Array.from({ length: 6 }, (_, row) => (
                    <Table.Tr key={row}>
                      {columns.map((c) => (
                        <Table.Td key={c.key} visibleFrom={c.wide ? "sm" : undefined}><Skeleton height={14} my={4} width={c.title ? "70%" : 20} /></Table.Td>
                      ))}
                    </Table.Tr>
                  ))
                : items.map((item) => (
                    <Table.Tr key={keyOf(item)}>
                      {columns.map((c) => (
                        <Table.Td key={c.key} ta={c.title ? undefined : "end"} visibleFrom={c.wide ? "sm" : undefined}>{c.render(item)}</Table.Td>
                      ))}
                    </Table.Tr>
                  ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {(cursor.page > 1 || next) && <Pager cursor={cursor} next={next} />}
    </Paper>
  );
}

function Pager({ cursor, next }: { cursor: Cursor; next: string | undefined }) {
  const { t } = useTranslation();
  return (
    <Group className={classes.pager} component="nav" gap={6} justify="flex-end" aria-label={t("list.pages")}>
      <Text aria-live="polite" c="dimmed" fz="sm" me={6}>{t("list.page", { page: cursor.page })}</Text>
      <Tooltip label={t("list.previous")}>
        <ActionIcon aria-label={t("list.previous")} disabled={cursor.page === 1} onClick={cursor.back} variant="default">
          <IconChevronLeft className={classes.flip} size={16} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t("list.next")}>
        <ActionIcon aria-label={t("list.next")} disabled={!next} onClick={() => next && cursor.forward(next)} variant="default">
          <IconChevronRight className={classes.flip} size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
