import { Group, Text } from "@mantine/core";

/** The mark: a shoot with two leaves. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg aria-hidden="true" focusable="false" height={size} viewBox="0 0 32 32" width={size}>
      <rect fill="#0b7a6b" height="32" rx="8" width="32" />
      <path
        d="M16 26V14m0 6c-4.5 0-7-2.5-7-7 4.5 0 7 2.5 7 7Zm0-4c0-4.5 2.5-8 7.5-9 .5 5.5-2.5 9-7.5 9Z"
        fill="none" stroke="#fff" strokeLinecap="round" strokeLinejoin="round" strokeWidth="2"
      />
    </svg>
  );
}

export function Brand({ label }: { label?: string }) {
  return (
    <Group gap={10} wrap="nowrap">
      <Mark />
      <Text component="span" fw={680} fz={16} lts="-0.02em">Grove</Text>
      {label && <Text c="dimmed" component="span" fz="sm" visibleFrom="sm">{label}</Text>}
    </Group>
  );
}
