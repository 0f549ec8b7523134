import { ActionIcon, Alert, Button, Code, CopyButton, Group, Modal, Stack, Text, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy, IconKey } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import classes from "./Secret.module.css";

function Copy({ label, value }: { label: string; value: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton timeout={1600} value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t("action.copied") : label}>
          <ActionIcon aria-label={copied ? t("action.copied") : label} color={copied ? "grove" : "gray"} onClick={copy} size="sm">
            {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** An id or another short value to copy; whole is for addresses, whose ends tell them apart. */
export function Copyable({ value, whole = false }: { value: string; whole?: boolean }) {
  const { t } = useTranslation();
  return (
    <Group gap={4} wrap="nowrap" miw={0}>
      <span className={whole ? "mono" : `mono clip ${classes.value}`} dir="ltr" title={value}>{value}</span>
      <Copy label={t("action.copy")} value={value} />
    </Group>
  );
}

/** A box with a value to copy and its name. */
export function SecretBox({ label, value }: { label: string; value: string }) {
  const { t } = useTranslation();
  return (
    <div>
      <Text component="div" fw={550} fz="sm" mb={4}>{label}</Text>
      <div className={classes.box}>
        <Code className={classes.code} dir="ltr">{value}</Code>
        <Copy label={t("secret.copy", { label })} value={value} />
      </div>
    </div>
  );
}

/** Shows values that the API tells only once. Closing is a decision, not a stray click. */
export function SecretDialog({ note, onClose, secrets, title }: { note?: string; onClose: () => void; secrets: { label: string; value: string }[]; title: string }) {
  const { t } = useTranslation();
  return (
    <Modal closeOnClickOutside={false} closeOnEscape={false} onClose={onClose} opened={secrets.length > 0} title={title} withCloseButton={false}>
      <Stack>
        <Alert color="yellow" icon={<IconKey />} variant="light"><Text fz="sm">{note ?? t("secret.once")}</Text></Alert>
        {secrets.map((s) => <SecretBox key={s.label} {...s} />)}
        <Button ms="auto" onClick={onClose}>{t("secret.saved", { count: secrets.length })}</Button>
      </Stack>
    </Modal>
  );
}
