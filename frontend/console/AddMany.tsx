import { Alert, Badge, Button, FileButton, Group, Modal, Progress, ScrollArea, Stack, Table, Text, Textarea } from "@mantine/core";
import { IconFileTypeCsv } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/index.ts";
import { type Column, type Row, columns, maxRows, readRows } from "./rows.ts";

/** How many people are added at the same time. */
const parallel = 4;

type Outcome = { problem?: string };

/** A person to add, with the key by which the API knows a repetition. */
type Person = Row & { key: string };

/** Adds many people, of a list or a file, and reports on each. One that fails keeps no other from being added. */
export function AddMany({ add, children, onClose, submitLabel, title, without = [] }: {
  add: (row: Row, key: string) => Promise<unknown>; children?: ReactNode; onClose: () => void; submitLabel: string; title: string; without?: Column[];
}) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const allowed = columns.filter((c) => !without.includes(c));
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string>();
  const [rows, setRows] = useState<Person[]>([]);
  const [outcomes, setOutcomes] = useState<Record<number, Outcome>>({});
  const [running, setRunning] = useState(false);
  const done = Object.keys(outcomes).length;
  const failed = rows.filter((_, i) => outcomes[i]?.problem);
  const run = async (people: Person[]) => {
    setRows(people);
    setOutcomes({});
    setRunning(true);
    const waiting = people.map(({ key, ...row }, i) => ({ i, key, row }));
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { i, key, row } = next;
        let outcome: Outcome = {};
        try {
          await add(row, key);
        } catch (error) {
          outcome = { problem: reason(Problem.from(error)) };
        }
        setOutcomes((known) => ({ ...known, [i]: outcome }));
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    setRunning(false);
    void queries.invalidateQueries();
  };
  const start = () => {
    const read = readRows(text, allowed);
    if (read.error) return setProblem(t(`many.${read.error}`, { count: maxRows, name: read.name }));
    setProblem(undefined);
    void run(read.rows.map((row) => ({ ...row, key: crypto.randomUUID() })));
  };
  return (
    <Modal closeButtonProps={{ "aria-label": t("action.close") }} closeOnClickOutside={!running} closeOnEscape={!running} onClose={onClose} opened size="lg" title={title} withCloseButton={!running}>
      {rows.length === 0 ? (
        <Stack gap="md">
          {problem && <Alert color="red" role="alert" variant="light">{problem}</Alert>}
          <Textarea
            autosize data-autofocus description={t("many.hint", { columns: allowed.join(", "), count: maxRows })} dir="ltr" label={t("many.people")}
            maxRows={14} minRows={6} onChange={(e) => setText(e.currentTarget.value)} placeholder={"ann@example.com\nben@example.com"} value={text}
          />
          <FileButton accept=".csv,text/csv,text/plain" onChange={(file) => void file?.text().then(setText)}>
            {(props) => <Button {...props} leftSection={<IconFileTypeCsv size={16} />} me="auto" size="xs" variant="default">{t("many.file")}</Button>}
          </FileButton>
          {children}
          <Group gap="xs" justify="flex-end">
            <Button onClick={onClose} variant="default">{t("action.cancel")}</Button>
            <Button disabled={!text.trim()} onClick={start}>{submitLabel}</Button>
          </Group>
        </Stack>
      ) : (
        <Stack gap="md">
          <Text aria-live="polite" fz="sm">{running ? t("many.running", { count: rows.length, done }) : t("many.report", { added: rows.length - failed.length, count: rows.length })}</Text>
          {running && <Progress aria-label={title} value={(100 * done) / rows.length} />}
          <ScrollArea.Autosize mah={380}>
            <Table aria-label={t("many.people")}>
              <Table.Tbody>
                {rows.map((row, i) => (
                  <Table.Tr key={row.key}>
                    <Table.Td>
                      <Text className="clip" fz="sm">{row.email ?? row.username}</Text>
                      {outcomes[i]?.problem && <Text c="dimmed" fz="xs">{outcomes[i].problem}</Text>}
                    </Table.Td>
                    <Table.Td ta="end" w={120}>
                      {outcomes[i] && <Badge color={outcomes[i].problem ? "red" : "grove"} variant="light">{t(outcomes[i].problem ? "many.failed" : "many.added")}</Badge>}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </ScrollArea.Autosize>
          {!running && (
            <Group gap="xs" justify="flex-end">
              {failed.length > 0 && <Button onClick={() => void run(failed)} variant="default">{t("many.again", { count: failed.length })}</Button>}
              <Button onClick={onClose}>{t("action.close")}</Button>
            </Group>
          )}
        </Stack>
      )}
    </Modal>
  );
}

/** Why a person could not be added, in one sentence. */
function reason(problem: Problem) {
  const [field] = problem.fields;
  return field ? `${problem.title}: ${field.pointer.slice(1)}: ${field.detail}` : problem.message;
}
