import { Anchor, List } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Section } from "../../../ui/index.ts";
import { useOrg } from "../../useOrg.ts";
import type { Template } from "./create.tsx";
import type { App } from "./detail.tsx";

/** What is to be done with a new app of each kind, in this order, and where: a tab of its page, or a page of the organization. */
const steps = {
  fapi: ["prove", "push", "bind", "apis:apis", "failed:failed"],
  m2m: ["machine", "apis:apis", "failed:failed"],
  mcp: ["server:/api-resources", "apis:apis", "client", "described:/settings/client_registration", "failed:failed"],
  mobile: ["connect", "apis:apis", "share:sharing", "failed:failed"],
  spa: ["connect", "apis:apis", "share:sharing", "failed:failed"],
  standard: ["choose:oidc", "connect", "apis:apis", "share:sharing", "failed:failed"],
  web: ["connectSecret", "apis:apis", "share:sharing", "failed:failed"],
} as const satisfies Record<Template, string[]>;

type Step = (typeof steps)[Template][number];
type Name = Step extends infer S ? (S extends `${infer N}:${string}` ? N : S) : never;

/** What to do next, on the page of an app that was just registered. */
export function NextSteps({ app }: { app: App }) {
  const { t } = useTranslation();
  const { path } = useOrg();
  const { fresh } = useSearch({ strict: false }) as { fresh?: unknown };
  if (!fresh || !(app.template in steps)) return null;
  return (
    <Section description={t(`templateHint.${app.template as Template}`)} title={t("next.title")}>
      <List size="sm" spacing={8} type="ordered">
        {steps[app.template as Template].map((step) => {
          const [name, to] = step.split(":") as [Name, string?];
          const text = t(`next.${name}`);
          if (to === undefined) return <List.Item key={name}>{text}</List.Item>;
          const target = to.startsWith("/") ? { to: `${path}${to}` } : { search: { tab: to } as never, to: "." };
          return <List.Item key={name}><Anchor component={Link} fz="inherit" underline="always" {...target}>{text}</Anchor></List.Item>;
        })}
      </List>
    </Section>
  );
}
