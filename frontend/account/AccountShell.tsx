import { Alert } from "@mantine/core";
import { IconAppWindow, IconBuilding, IconShieldLock, IconUserCircle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Shell, useSession } from "../ui/index.ts";

export function AccountShell() {
  const { t } = useTranslation();
  const { lost } = useSession();
  const [told, setTold] = useState(false);
  return (
    <Shell
      banner={lost && !told && <Alert closeButtonLabel={t("action.close")} color="orange" onClose={() => setTold(true)} radius={0} role="status" title={t("account.lost")} withCloseButton>{t("account.lostBody")}</Alert>}
      label={t("app.account")}
      nav={[{
        items: [
          { exact: true, icon: IconUserCircle, label: t("account.profile"), to: "/" },
          { icon: IconShieldLock, label: t("account.security"), to: "/security" },
          { icon: IconAppWindow, label: t("account.apps"), to: "/apps" },
          { icon: IconBuilding, label: t("account.organizations"), to: "/organizations" },
        ],
      }]}
    />
  );
}
