import { Stack, Text, ThemeIcon } from "@mantine/core";
import type { TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";

/** What a list shows before it has anything: what would be here, and the way to make the first. */
export function EmptyState({ action, body, icon: Icon, title }: { action?: ReactNode; body?: string; icon: TablerIcon; title: string }) {
  return (
    <Stack align="center" gap={6} px="md" py={44} ta="center">
      <ThemeIcon mb={6} radius="xl" size={48} variant="light"><Icon aria-hidden="true" size={24} stroke={1.6} /></ThemeIcon>
      <Text fw={600}>{title}</Text>
      {body && <Text c="dimmed" fz="sm" maw={420}>{body}</Text>}
      {action && <div style={{ marginTop: 10 }}>{action}</div>}
    </Stack>
  );
}
