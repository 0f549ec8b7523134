import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/index.ts";
import { i18n } from "./i18n/index.ts";

const closeButtonProps = () => ({ "aria-label": i18n.t("action.close") });

/** Says that something worked, politely. */
export function notifyDone(message: string) {
  notifications.show({ closeButtonProps: closeButtonProps(), color: "grove", message });
}

/** Says that something failed. */
export function notifyProblem(error: unknown) {
  const problem = Problem.from(error);
  notifications.show({ autoClose: 8000, closeButtonProps: closeButtonProps(), color: "red", message: problem.detail ?? problem.title, title: problem.detail ? problem.title : undefined });
}

/**
 * Returns a function that asks before it acts. Focus starts on "Cancel" when the act is destructive. After a success
 * everything shown is asked for again.
 */
export function useConfirm() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  return (ask: { act: () => Promise<unknown>; body: string; confirm: string; danger?: boolean; done?: string; title: string }) => {
    modals.openConfirmModal({
      cancelProps: ask.danger ? { "data-autofocus": true } : undefined,
      children: <Text fz="sm">{ask.body}</Text>,
      closeButtonProps: { "aria-label": t("action.close") },
      confirmProps: { color: ask.danger ? "red.9" : undefined },
      labels: { cancel: t("action.cancel"), confirm: ask.confirm },
      onConfirm: () => {
        ask.act().then(() => {
          if (ask.done) notifyDone(ask.done);
          void queries.invalidateQueries();
        }, notifyProblem);
      },
      title: ask.title,
    });
  };
}
