import { IconAppWindow, IconBuilding, IconShieldLock, IconUserCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Shell } from "../ui/index.ts";

export function AccountShell() {
  const { t } = useTranslation();
  return (
    <Shell
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
