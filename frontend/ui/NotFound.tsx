import { Button } from "@mantine/core";
import { IconCompassOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyState } from "./EmptyState.tsx";

/** What a portal shows for an address that it does not have. */
export function NotFound() {
  const { t } = useTranslation();
  return <EmptyState action={<Button component={Link} to="/">{t("notFound.home")}</Button>} body={t("notFound.body")} icon={IconCompassOff} title={t("notFound.title")} />;
}
