import { Loader, Text, UnstyledButton } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
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
 * as in the WAI-ARIA tree pattern: arrows move and open, Home and End jump, letters go to the next node that begins with
 * them, Enter follows. What loads more is a node among the others, and hands the focus on to the first one that it brings.
 */
export function TreeView<T>({ name, root, ...shared }: Shared<T> & { name: string; root: T }) {
  const [focused, setFocused] = useState(shared.source.idOf(root));
  const typed = useRef({ at: 0, text: "" });
  return (
    <ul aria-label={name} className={classes.tree} onKeyDown={(e) => move(e, typed.current)} role="tree">
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
  const group = useRef<HTMLUListElement>(null);
  const from = useRef<number>(undefined);
  const { fetchNextPage, isFetchingNextPage } = list;
  useEffect(() => {
    if (from.current === undefined || isFetchingNextPage) return;
    const first = group.current?.querySelectorAll<HTMLElement>(":scope > [data-tree-item]")[from.current];
    from.current = undefined;
    if (document.activeElement === document.body || group.current?.contains(document.activeElement)) first?.focus();
  }, [isFetchingNextPage]);
  const more = () => {
    if (isFetchingNextPage) return;
    from.current = children.length;
    void fetchNextPage();
  };
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
        <ul className={classes.group} onClick={(e) => e.stopPropagation()} ref={group} role="group">
          {list.isPending && !list.error && <li className={classes.note} role="none" style={{ paddingInlineStart: depth * 22 + 34 }}><Loader aria-label={t("list.loading")} size={14} /></li>}
          {list.error && <li className={classes.note} role="none"><ProblemAlert error={list.error} onRetry={() => void list.refetch()} /></li>}
          {children.map((child) => <Branch {...shared} depth={depth + 1} focused={focused} key={source.idOf(child)} node={child} setFocused={setFocused} />)}
          {list.hasNextPage && (
            <li
              aria-busy={isFetchingNextPage} aria-level={depth + 1} className={classes.node} data-tree-item onClick={more}
              onFocus={(e) => {
                e.stopPropagation();
                setFocused(`${id} more`);
              }}
              onKeyDown={(e) => {
                if (e.key !== "Enter" && e.key !== " ") return;
                e.preventDefault();
                more();
              }}
              role="treeitem" tabIndex={focused === `${id} more` ? 0 : -1}
            >
              <div className={`${classes.row} ${classes.more}`} style={{ paddingInlineStart: depth * 22 + 34 }}>
                {t("list.more")}{isFetchingNextPage && <Loader aria-label={t("list.loading")} size={14} />}
              </div>
            </li>
          )}
        </ul>
      )}
      {open && leaf && depth === 1 && <Text c="dimmed" className={classes.note} fz="sm" ps={34}>{t("tree.empty")}</Text>}
    </li>
  );
}

/** How long letters that are typed one after the other are one search, in milliseconds. */
const typing = 700;

function move(e: KeyboardEvent<HTMLUListElement>, typed: { at: number; text: string }) {
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
  if (e.key.length === 1 && e.key !== " " && !e.ctrlKey && !e.metaKey && !e.altKey) {
    typed.text = e.timeStamp - typed.at < typing ? typed.text + e.key.toLowerCase() : e.key.toLowerCase();
    typed.at = e.timeStamp;
    // One letter goes on to the next node, several stay where they fit.
    const order = [...items.slice(at), ...items.slice(0, at)];
    if (typed.text.length === 1) order.push(...order.splice(0, 1));
    to[e.key] = order.find((item) => item.ariaLabel?.toLowerCase().startsWith(typed.text)) ?? here;
  } else typed.text = "";
  if (e.defaultPrevented || !(e.key in to)) return;
  e.preventDefault();
  to[e.key]?.focus();
}
