import { useTranslation } from "react-i18next";
import type { Problem } from "../api/index.ts";
import { type Ask, useConfirm, useSession } from "../ui/index.ts";
import { useIsRoot, useOrg } from "./useOrg.ts";

/** Goes into the query of a call by which an organization may lose its last administrator. */
export interface Abandon {
  without_administrator?: true;
}

export interface Taking extends Omit<Ask, "act" | "otherwise" | "warning"> {
  act: (query: Abandon) => Promise<unknown>;
  /** The person who loses something. */
  user?: string;
}

/** Whether a call failed because an organization would be left without an administrator. */
export const isLast = (problem: Problem | undefined): boolean => problem?.code.endsWith(".last_administrator") === true;

/** Whether who is signed in acts from an organization above the page's, and so may leave it without an administrator. */
export function useIsAbove(): boolean {
  const { person } = useSession();
  const { org } = useOrg();
  const root = useIsRoot();
  return !root && org !== undefined && person?.orgId !== org.id;
}

/** The sentence for a dialog in which somebody acts against his own account. */
export function useSelfWarning(): (user: string | undefined) => string | undefined {
  const { t } = useTranslation();
  const { person } = useSession();
  return (user) => (user !== undefined && user === person?.sub ? t("last.you") : undefined);
}

/**
 * Asks before somebody loses what he may do here: it says so when that is who asks, and asks again, or says why not, when
 * nobody would be left to administer the organization.
 */
export function useTaking(): (ask: Taking) => void {
  const { t } = useTranslation();
  const confirm = useConfirm();
  const above = useIsAbove();
  const warn = useSelfWarning();
  const { org } = useOrg();
  const name = org?.name ?? "";
  return ({ act, user, ...ask }) =>
    confirm({
      ...ask, act: () => act({}), warning: warn(user),
      otherwise: (problem) => {
        if (!isLast(problem)) return undefined;
        const again = { act: () => act({ without_administrator: true }), danger: true, title: t("last.title"), warning: warn(user), ...(ask.done && { done: ask.done }) };
        return above ? { ...again, body: t("last.bodyAbove", { name }), confirm: t("last.anyway") } : { ...again, body: t("last.body", { name }) };
      },
    });
}
