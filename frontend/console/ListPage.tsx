import { Anchor, Button } from "@mantine/core";
import { IconPlus, type TablerIcon } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type Column, type Cursor, DataTable, EmptyState, type ListState, PageHeader } from "../ui/index.ts";

/** A page that lists one kind of thing: heading, the button that makes one, filters, and the table. */
export function ListPage<T extends object>(props: {
  children?: ReactNode;
  columns: Column<T>[];
  /** The button that makes one; left out for people who may not. */
  create?: { label: string; onClick: () => void } | false;
  /** What else can be done here, beside that button. */
  more?: ReactNode;
  cursor: Cursor;
  description: string;
  empty: { body?: string; icon: TablerIcon; title: string };
  keyOf?: (item: T) => string;
  list: ListState<T>;
  title: string;
  toolbar?: ReactNode;
}) {
  const { children, columns, create, cursor, description, empty, keyOf, list, more, title, toolbar } = props;
  const button = (variant: string) => create && <Button leftSection={<IconPlus size={16} />} onClick={create.onClick} variant={variant}>{create.label}</Button>;
  return (
    <>
      <PageHeader actions={<>{more}{button("filled")}</>} description={description} title={title} />
      <DataTable caption={title} columns={columns} cursor={cursor} empty={<EmptyState {...empty} action={button("light")} />} keyOf={keyOf} list={list} toolbar={toolbar} />
      {children}
    </>
  );
}

/** The name in a list, which leads to the thing. */
export function NameLink({ children, to }: { children: ReactNode; to: string }) {
  return <Anchor c="var(--mantine-color-text)" component={Link} fw={560} fz="inherit" to={to} underline="hover">{children}</Anchor>;
}
