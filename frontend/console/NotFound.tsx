import { Button } from "@mantine/core";
import { IconCompassOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../ui/index.ts";

export function NotFound() {
  const { t } = useTranslation();
  return <EmptyState action={<Button component={Link} to="/">{t("notFound.home")}</Button>} body={t("notFound.body")} icon={IconCompassOff} title={t("notFound.title")} />;
}
