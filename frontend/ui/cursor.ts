import { useState } from "react";

export const pageSize = 50;

/** The position in a list that is paged by cursor: the token of each page passed on the way here. */
export interface Cursor {
  query: { page_size: number; page_token?: string };
  /** Counted from 1. */
  page: number;
  back: () => void;
  forward: (token: string) => void;
  reset: () => void;
}

/**
 * Keeps the cursor of one list. `key` names what the list is filtered by: when it changes, the list starts at its first
 * page again, because a page token is bound to its call.
 */
export function useCursor(key = "", size = pageSize): Cursor {
  const [state, setState] = useState<{ key: string; tokens: string[] }>({ key, tokens: [] });
  const tokens = state.key === key ? state.tokens : [];
  const last = tokens.at(-1);
  return {
    query: { page_size: size, ...(last !== undefined && { page_token: last }) },
    page: tokens.length + 1,
    back: () => setState({ key, tokens: tokens.slice(0, -1) }),
    forward: (token) => setState({ key, tokens: [...tokens, token] }),
    reset: () => setState({ key, tokens: [] }),
  };
}

/** A list that is needed as a whole, read to its end. */
export async function toEnd<T>(read: (query: { page_size: number; page_token?: string }) => Promise<{ items: T[]; next_page_token?: string }>): Promise<T[]> {
  const items: T[] = [];
  for (let page_token: string | undefined; ; ) {
    const page = await read({ page_size: 200, ...(page_token && { page_token }) });
    items.push(...page.items);
    page_token = page.next_page_token;
    if (!page_token) return items;
  }
}
