import { Alert } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "./grove.tsx";

/** Says once, above the page, how the person came to be in the organization that is open now. */
export function Told() {
  const { t } = useTranslation();
  const { joined, lost, person } = useSession();
  const [told, setTold] = useState(false);
  if (told || !(joined || lost)) return null;
  return (
    <Alert
      closeButtonLabel={t("action.close")} color={joined ? "green" : "orange"} onClose={() => setTold(true)} radius={0} role="status" withCloseButton
      title={joined ? t("session.joined", { name: person?.orgName ?? person?.orgHandle }) : t("session.lost")}
    >
      {!joined && t("session.lostBody")}
    </Alert>
  );
}
