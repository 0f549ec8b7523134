import { Avatar, Menu, SegmentedControl, Text, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { IconLayoutDashboard, IconLogout, IconUserCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useApi, useSession } from "./grove.tsx";
import { notifyProblem } from "./confirm.tsx";

/** The person: name, the other app, light or dark, and the way out. */
export function UserMenu() {
  const { t } = useTranslation();
  const { actingIn, person, session } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { app, base } = session.mount;
  const console = useApi().useQuery("get", "/v1/me", {}, { enabled: app === "account", staleTime: 60_000 }).data?.may_use_console;
  const org = actingIn ?? person?.orgId;
  const there = org ? `?org=${encodeURIComponent(org)}` : "";
  const name = person?.name ?? person?.email ?? "";
  return (
    <Menu>
      <Menu.Target>
        <UnstyledButton aria-label={t("user.menu", { name })} style={{ borderRadius: "50%" }}>
          <Avatar alt="" color="grove" name={name} size={34} src={person?.picture} variant="light" />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div style={{ padding: "8px 12px" }}>
          <Text className="clip" fw={600} fz="sm">{name}</Text>
          {person?.email && person.email !== name && <Text c="dimmed" className="clip" fz="xs">{person.email}</Text>}
        </div>
        {(app === "console" || console) && <Menu.Divider />}
        {app === "console" ? (
          <Menu.Item component="a" href={`${base}/account${there}`} leftSection={<IconUserCircle size={16} />}>{t("user.account")}</Menu.Item>
        ) : console && (
          <Menu.Item component="a" href={`${base}/console${there}`} leftSection={<IconLayoutDashboard size={16} />}>{t("user.console")}</Menu.Item>
        )}
        <Menu.Divider />
        <div style={{ padding: "6px 10px" }}>
          <SegmentedControl
            aria-label={t("user.scheme")} data={(["light", "dark", "auto"] as const).map((value) => ({ label: t(`scheme.${value}`), value }))}
            fullWidth onChange={(value) => setColorScheme(value as "auto")} size="xs" value={colorScheme}
          />
        </div>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void session.signOut().catch(notifyProblem)}>{t("user.signOut")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
