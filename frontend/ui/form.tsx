import { Button, Group, Modal, Stack } from "@mantine/core";
import { type UseFormInput, type UseFormReturnType, useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem, type ProblemField } from "../api/index.ts";
import { ProblemAlert } from "./ProblemAlert.tsx";

/** Turns a JSON pointer into a form path: `/audience/type` becomes `audience.type`. */
export function fieldOf(pointer: string): string | undefined {
  const [, path] = /^#?\/(.+)$/.exec(pointer) ?? [];
  return path?.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
}

/**
 * Sorts a problem's fields into those that the form shows beside an input and those that it cannot place. `shown` may
 * name another input than the path does: a list of addresses is one input, whichever of them is wrong.
 */
export function placeErrors(fields: readonly ProblemField[], shown: (path: string) => boolean | string) {
  const placed: Record<string, string> = {};
  const rest: ProblemField[] = [];
  for (const field of fields) {
    const path = fieldOf(field.pointer);
    const at = path !== undefined && shown(path);
    if (path !== undefined && at) placed[typeof at === "string" ? at : path] ??= field.detail;
    else rest.push(field);
  }
  return { placed, rest };
}

export interface ApiForm<V extends Record<string, unknown>> {
  form: UseFormReturnType<V>;
  pending: boolean;
  problem: Problem | undefined;
  reset: () => void;
  submit: (event?: React.FormEvent<HTMLFormElement>) => void;
}

/** Brings what is wrong into view: in a long form it is far from the button. */
function showFailure() {
  const wrong = document.querySelector<HTMLElement>('form [aria-invalid="true"], form [role="alert"]');
  wrong?.scrollIntoView({ block: "center" });
  wrong?.focus({ preventScroll: true });
}

/**
 * A form whose `send` calls the API: while it runs the form is busy, and a problem lands beside the fields it names.
 * After a success everything shown is asked for again. `inputs` names the input of a field of the API that has another name.
 */
export function useApiForm<V extends Record<string, unknown>>(input: UseFormInput<V> & { initialValues: V; inputs?: Record<string, keyof V & string>; send: (values: V) => Promise<unknown> }): ApiForm<V> {
  const { inputs = {}, send, ...rest } = input;
  const queries = useQueryClient();
  const form = useForm<V>({ mode: "controlled", ...rest });
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [failures, setFailures] = useState(0);
  // Once it is on the page, however long that takes.
  useEffect(() => {
    if (failures > 0) showFailure();
  }, [failures]);
  const fail = () => setFailures((n) => n + 1);
  const run = async (values: V) => {
    setPending(true);
    setProblem(undefined);
    try {
      await send(values);
      void queries.invalidateQueries();
    } catch (error) {
      const failure = Problem.from(error);
      const { placed, rest: unplaced } = placeErrors(failure.fields, (path) => {
        const first = path.split(".")[0] ?? "";
        return first in values ? first : (inputs[first] ?? false);
      });
      form.setErrors(placed);
      if (Object.keys(placed).length === 0 || unplaced.length > 0) setProblem(failure);
      fail();
    } finally {
      setPending(false);
    }
  };
  return {
    form,
    pending,
    problem,
    reset: () => {
      form.reset();
      setProblem(undefined);
    },
    submit: (event) => form.onSubmit((values) => void run(values), fail)(event),
  };
}

/** A dialog with a form: title, fields, problem, and the two buttons. */
export function FormDialog<V extends Record<string, unknown>>(props: {
  children: ReactNode;
  form: ApiForm<V>;
  onClose: () => void;
  opened: boolean;
  size?: "lg" | "md";
  submitLabel: string;
  title: string;
}) {
  const { t } = useTranslation();
  const { children, form, onClose, opened, size = "md", submitLabel, title } = props;
  const close = () => {
    if (form.pending) return;
    form.reset();
    onClose();
  };
  return (
    <Modal closeButtonProps={{ "aria-label": t("action.close") }} onClose={close} opened={opened} size={size} title={title}>
      <form noValidate onSubmit={form.submit}>
        <Stack gap="md">
          {form.problem && <ProblemAlert error={form.problem} />}
          {children}
          <Group gap="xs" justify="flex-end" mt="xs">
            <Button onClick={close} variant="default">{t("action.cancel")}</Button>
            <Button loading={form.pending} type="submit">{submitLabel}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
