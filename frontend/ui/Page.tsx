import { Anchor, Breadcrumbs, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { Link } from "@tanstack/react-router";
import { ProblemAlert } from "./ProblemAlert.tsx";
import classes from "./Page.module.css";

export interface Crumb {
  label: string;
  to: string;
}

const gap = "…";

/** Leaves out the middle of a long way, so that a deep place keeps a heading of one line. */
function shortened(crumbs: Crumb[]): (Crumb | typeof gap)[] {
  return crumbs.length > 4 ? [...crumbs.slice(0, 1), gap, ...crumbs.slice(-2)] : crumbs;
}

/** A page's heading: where it is, what it is, and what can be done here. Sets the document's title. */
export function PageHeader(props: { actions?: ReactNode; badge?: ReactNode; crumbs?: Crumb[]; description?: string; title: string }) {
  const { actions, badge, crumbs, description, title } = props;
  useEffect(() => {
    document.title = `${title} · Grove`;
  }, [title]);
  return (
    <header className={classes.header}>
      {crumbs && crumbs.length > 0 && (
        <Breadcrumbs className={classes.crumbs} separatorMargin={6}>
          {shortened(crumbs).map((c) => c === gap ? <Text c="dimmed" fz="sm" key="gap">{gap}</Text> : <Anchor component={Link} fz="sm" key={c.to} to={c.to as never} underline="hover">{c.label}</Anchor>)}
        </Breadcrumbs>
      )}
      <Group align="flex-start" gap="md" justify="space-between">
        <div className={classes.words}>
          <Group gap={10}><Title order={1}>{title}</Title>{badge}</Group>
          {description && <Text c="dimmed" maw={640} mt={2}>{description}</Text>}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
    </header>
  );
}

/** A card of a page, with a heading of its own. */
export function Section({ actions, children, description, title }: { actions?: ReactNode; children: ReactNode; description?: ReactNode; title: string }) {
  return (
    <Paper className={classes.section} component="section" radius="lg">
      <Group align="flex-start" className={classes.head} justify="space-between" mb="md">
        <div className={classes.words}>
          <Title order={2}>{title}</Title>
          {description && <Text c="dimmed" fz="sm">{description}</Text>}
        </div>
        {actions}
      </Group>
      {children}
    </Paper>
  );
}

/** Names and values of one thing. */
export function Facts({ items }: { items: { label: string; value: ReactNode }[] }) {
  return (
    <dl className={classes.facts}>
      {items.map((item) => (
        <div key={item.label}>
          <dt>{item.label}</dt>
          <dd>{item.value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Shows a query's result: placeholders, its failure, or the page made from its data. */
export function Loaded<T>({ children, query }: { children: (data: T) => ReactNode; query: { data?: T | undefined; error: unknown; refetch: () => unknown } }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ProblemAlert error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <Stack aria-busy="true" gap="sm">
      <Skeleton height={26} width={220} />
      <Skeleton height={14} maw="100%" width={360} />
      <Skeleton height={180} mt="sm" radius="lg" />
    </Stack>
  );
}
