import { Button, Loader, Text, UnstyledButton } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ProblemAlert } from "./ProblemAlert.tsx";
import classes from "./TreeView.module.css";

export interface TreeSource<T> {
  /** Names the tree in the query cache. */
  key: readonly unknown[];
  children: (id: string, pageToken: string | undefined) => Promise<{ items: T[]; next_page_token?: string }>;
  idOf: (node: T) => string;
  /** Whether nothing is below a node, where that is known before it is opened. */
  leafOf?: (node: T) => boolean;
}

interface Shared<T> {
  label: (node: T) => string;
  onOpen: (node: T) => void;
  render: (node: T) => ReactNode;
  source: TreeSource<T>;
}

/**
 * A tree whose children load when their parent is opened, a page at a time, so that its size does not matter. Keyboard
 * as in the WAI-ARIA tree pattern: arrows move and open, Home and End jump, Enter follows.
 */
export function TreeView<T>({ name, root, ...shared }: Shared<T> & { name: string; root: T }) {
  const [focused, setFocused] = useState(shared.source.idOf(root));
  return (
    <ul aria-label={name} className={classes.tree} onKeyDown={move} role="tree">
      <Branch {...shared} depth={1} focused={focused} initially node={root} setFocused={setFocused} />
    </ul>
  );
}

function Branch<T>(props: Shared<T> & { depth: number; focused: string; initially?: boolean; node: T; setFocused: (id: string) => void }) {
  const { t } = useTranslation();
  const { depth, focused, initially, node, setFocused, ...shared } = props;
  const { label, onOpen, render, source } = shared;
  const id = source.idOf(node);
  const [open, setOpen] = useState(initially ?? false);
  const list = useInfiniteQuery({
    enabled: open,
    getNextPageParam: (last: { next_page_token?: string }) => last.next_page_token,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => source.children(id, pageParam),
    queryKey: [...source.key, id],
  });
  const children = list.data?.pages.flatMap((p) => p.items) ?? [];
  const leaf = list.isSuccess ? children.length === 0 : (source.leafOf?.(node) ?? false);
  return (
    <li
      aria-expanded={leaf ? undefined : open} aria-label={label(node)} aria-level={depth} className={classes.node} data-tree-item
      onClick={(e) => {
        e.stopPropagation();
        onOpen(node);
      }}
      onFocus={(e) => {
        e.stopPropagation();
        setFocused(id);
      }}
      onKeyDown={(e) => {
        if (e.target !== e.currentTarget) return;
        if (e.key === "Enter" || e.key === " ") {
          e.preventDefault();
          onOpen(node);
        }
        const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
        if ((e.key === "ArrowRight" || e.key === "ArrowLeft") && !leaf && open !== (e.key === forward)) {
          e.preventDefault();
          e.stopPropagation();
          setOpen(e.key === forward);
        }
      }}
      role="treeitem" tabIndex={focused === id ? 0 : -1}
    >
      <div className={classes.row} style={{ paddingInlineStart: (depth - 1) * 22 + 6 }}>
        <UnstyledButton
          aria-hidden="true" className={classes.toggle} data-leaf={leaf || undefined} data-open={open || undefined}
          onClick={(e) => {
            e.stopPropagation();
            setOpen(!open);
          }}
          tabIndex={-1}
        >
          <IconChevronRight size={15} />
        </UnstyledButton>
        <div className={classes.content}>{render(node)}</div>
      </div>
      {open && !leaf && (
        <ul className={classes.group} onClick={(e) => e.stopPropagation()} role="group">
          {list.isPending && !list.error && <li className={classes.note} role="none" style={{ paddingInlineStart: depth * 22 + 34 }}><Loader aria-label={t("list.loading")} size={14} /></li>}
          {list.error && <li className={classes.note} role="none"><ProblemAlert error={list.error} onRetry={() => void list.refetch()} /></li>}
          {children.map((child) => <Branch {...shared} depth={depth + 1} focused={focused} key={source.idOf(child)} node={child} setFocused={setFocused} />)}
          {list.hasNextPage && (
            <li className={classes.note} role="none" style={{ paddingInlineStart: depth * 22 + 24 }}>
              <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()} size="compact-sm" variant="subtle">{t("list.more")}</Button>
            </li>
          )}
        </ul>
      )}
      {open && leaf && depth === 1 && <Text c="dimmed" className={classes.note} fz="sm" ps={34}>{t("tree.empty")}</Text>}
    </li>
  );
}

function move(e: KeyboardEvent<HTMLUListElement>) {
  const items = [...e.currentTarget.querySelectorAll<HTMLElement>("[data-tree-item]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const here = items[at];
  if (!here) return;
  const rtl = document.documentElement.dir === "rtl";
  const to: Record<string, HTMLElement | null | undefined> = {
    ArrowDown: items[at + 1],
    ArrowUp: items[at - 1],
    End: items.at(-1),
    Home: items[0],
    [rtl ? "ArrowRight" : "ArrowLeft"]: here.parentElement?.closest<HTMLElement>("[data-tree-item]"),
    [rtl ? "ArrowLeft" : "ArrowRight"]: here.querySelector<HTMLElement>("[data-tree-item]"),
  };
  if (!(e.key in to)) return;
  e.preventDefault();
  to[e.key]?.focus();
}
