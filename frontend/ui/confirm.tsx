import { Alert, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/index.ts";
import { i18n } from "./i18n/index.ts";
import { wordsOf } from "./words.ts";

const closeButtonProps = () => ({ "aria-label": i18n.t("action.close") });

/** Says that something worked, politely. */
export function notifyDone(message: string) {
  notifications.show({ closeButtonProps: closeButtonProps(), color: "grove", message });
}

/** Says that something failed. */
export function notifyProblem(error: unknown) {
  const { detail, title } = wordsOf(error);
  notifications.show({ autoClose: 8000, closeButtonProps: closeButtonProps(), color: "red", message: detail ?? title, title: detail ? title : undefined });
}

export interface Ask {
  act: () => Promise<unknown>;
  body: string;
  /** What the button says; without it there is nothing to do but to read. */
  confirm?: string;
  danger?: boolean;
  done?: string;
  /** What to ask next after a failure, instead of telling it. */
  otherwise?: (problem: Problem) => Ask | undefined;
  title: string;
  /** What deserves a second look. */
  warning?: string | undefined;
}

/**
 * Returns a function that asks before it acts. Focus starts on "Cancel" when the act is destructive. After a success
 * everything shown is asked for again.
 */
export function useConfirm() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const open = (ask: Ask) => {
    modals.openConfirmModal({
      cancelProps: ask.danger ? { "data-autofocus": true } : undefined,
      children: (
        <Stack gap="sm">
          {ask.warning && <Alert color="yellow" fw={550} p="xs" variant="light">{ask.warning}</Alert>}
          <Text fz="sm">{ask.body}</Text>
        </Stack>
      ),
      closeButtonProps: { "aria-label": t("action.close") },
      confirmProps: ask.confirm ? { color: ask.danger ? "red.9" : undefined } : { display: "none" },
      labels: { cancel: t(ask.confirm ? "action.cancel" : "action.close"), confirm: ask.confirm },
      onConfirm: () => {
        ask.act().then(() => {
          if (ask.done) notifyDone(ask.done);
          void queries.invalidateQueries();
        }, (error: unknown) => {
          const next = ask.otherwise?.(Problem.from(error));
          if (next) open(next);
          else notifyProblem(error);
        });
      },
      title: ask.title,
    });
  };
  return open;
}
