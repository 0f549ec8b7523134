import { Drawer, Stack, Tabs } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { PageHeader } from "../../../ui/index.ts";
import { useIsRoot, useTab } from "../../useOrg.ts";
import { EventDetail } from "./detail.tsx";
import { Chain, Feed } from "./feed.tsx";
import { Log } from "./log.tsx";
import type { Event } from "./names.tsx";

/** What happened in the organization: the log with filters, the feed that consumers read, and at the root the chain. */
export function EventsPage() {
  const { t } = useTranslation();
  const root = useIsRoot();
  const [tab, setTab] = useTab(["log", "feed"] as const);
  const [shown, setShown] = useState<Event>();
  return (
    <>
      <PageHeader description={t("events.description")} title={t("nav.events")} />
      <Tabs keepMounted={false} onChange={setTab} value={tab}>
        <Tabs.List mb="md">
          <Tabs.Tab value="log">{t("events.log")}</Tabs.Tab>
          <Tabs.Tab value="feed">{t("events.feed")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="log"><Log onShow={setShown} /></Tabs.Panel>
        <Tabs.Panel value="feed">
          <Stack gap="md">
            {root && <Chain />}
            <Feed onShow={setShown} />
          </Stack>
        </Tabs.Panel>
      </Tabs>
      <Drawer closeButtonProps={{ "aria-label": t("action.close") }} onClose={() => setShown(undefined)} opened={shown !== undefined} title={<span className="mono">{shown?.type}</span>}>
        {shown && <EventDetail event={shown} onClose={() => setShown(undefined)} />}
      </Drawer>
    </>
  );
}
