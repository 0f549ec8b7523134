import { Badge, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

const colors: Record<string, string> = {
  accepted: "grove", active: "grove", disabled: "gray", expired: "gray", invited: "blue", locked: "orange", pending: "blue",
  revoked: "gray", suspended: "orange",
};

/** A state as a badge. The set of states is open: one that this page does not know is shown as it came. */
export function StateBadge({ state }: { state: string | undefined }) {
  const { i18n, t } = useTranslation();
  if (!state) return null;
  const key = `state.${state}`;
  return <Badge color={colors[state] ?? "gray"}>{i18n.exists(key) ? t(key as "state.active") : state}</Badge>;
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** A time in words, `3 hours ago`, with the exact time behind it. */
export function Time({ at }: { at: string | undefined }) {
  const { i18n } = useTranslation();
  if (!at) return <>–</>;
  const date = new Date(at);
  const seconds = (date.getTime() - Date.now()) / 1000;
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["minute" as const, 60];
  const words = new Intl.RelativeTimeFormat(i18n.language, { numeric: "auto" }).format(Math.round(seconds / length), unit);
  const exact = new Intl.DateTimeFormat(i18n.language, { dateStyle: "medium", timeStyle: "medium" }).format(date);
  return <Tooltip label={exact}><time dateTime={at} title={exact}>{words}</time></Tooltip>;
}

/** A length of time in words, in the greatest unit that has a whole number of them: 900 is `15 minutes`. A day is 24 hours. */
export function lasting(seconds: number, language: string) {
  const [unit, length] = ([["day", 86_400], ["hour", 3600], ["minute", 60]] as const).find(([name, size]) => seconds >= size * (name === "day" ? 2 : 1) && seconds % size === 0) ?? ["second" as const, 1];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(seconds / length);
}

const browsers: [RegExp, string][] = [[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/(Headless)?Chrome\//, "Chrome"], [/Safari\//, "Safari"], [/curl\//, "curl"]];
const systems: [RegExp, string][] = [[/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]];

/** A browser and its system in words, from its User-Agent; the whole of it in the tooltip. */
export function Device({ agent }: { agent: string | undefined }) {
  const { t } = useTranslation();
  const find = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(agent ?? ""))?.[1];
  const words = [find(browsers), find(systems)].filter(Boolean).join(" · ");
  return <span title={agent}>{words || agent?.slice(0, 40) || t("account.unknownDevice")}</span>;
}
