import { type ComboboxParsedItem, MultiSelect, Select, type SelectProps, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

export interface Option {
  label: string;
  /** What tells it from others of the same name. */
  note?: string | undefined;
  value: string;
}

/** The first of those that match, and whether there are more than these. */
export interface Found {
  more: boolean;
  options: Option[];
}

interface Common extends Pick<SelectProps, "allowDeselect" | "aria-label" | "description" | "disabled" | "error" | "label" | "placeholder" | "required" | "w"> {
  /** A hook that finds what matches what is typed, which may be nothing yet. It is told what is chosen, too. */
  useFound: (typed: string, chosen: string[]) => Found;
}

export interface One {
  many?: false;
  onChange: (value: string | null) => void;
  value?: string | null;
}

export interface Many {
  many: true;
  onChange: (values: string[]) => void;
  value?: string[];
}

/** How many are asked for at a time. */
export const few = (typed: string) => ({ page_size: 20, ...(typed && { q: typed }) });

/** What a page of a list found. */
export const foundIn = <T,>(page: { items: T[]; next_page_token?: string } | undefined, option: (item: T) => Option): Found => ({
  more: page?.next_page_token !== undefined, options: (page?.items ?? []).map(option),
});

/** Those of a list that is here as a whole. What is chosen keeps its name, wherever in the list it stands. */
export const foundAmong = (all: Option[]) => (typed: string, chosen: string[]): Found => {
  const matching = all.filter((o) => `${o.label} ${o.note ?? ""}`.toLowerCase().includes(typed.toLowerCase()));
  const first = matching.slice(0, 50);
  return { more: matching.length > 50, options: [...all.filter((o) => chosen.includes(o.value) && !first.includes(o)), ...first] };
};

const more = " more";

/** A choice, of one or of many, among more things than fit a list: what is typed is searched for, and it says where there are more. */
export function Picker({ useFound, ...props }: Common & (Many | One)) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed, 200);
  const [seen, setSeen] = useState<Option[]>([]);
  const values = [props.value ?? []].flat();
  const found = useFound(wanted, values);
  const chosen = seen.filter((o) => values.includes(o.value));
  const options = [...chosen.filter((o) => !found.options.some((f) => f.value === o.value)), ...found.options];
  const keep = (to: string[]) => setSeen([...chosen, ...found.options].filter((o) => to.includes(o.value)));
  const common = {
    clearable: props.allowDeselect !== false, data: [...options, ...(found.more ? [{ disabled: true, label: t("list.typeMore"), value: more }] : [])], filter: ({ options: all }: { options: ComboboxParsedItem[] }) => all, nothingFoundMessage: t("list.noMatch"),
    // The name of what is chosen stands there until something else is typed.
    onSearchChange: (text: string) => setTyped(!props.many && options.some((o) => o.value === props.value && o.label === text) ? "" : text.trim()),
    renderOption: ({ option }: { option: Option }) =>
      option.value === more ? <Text c="dimmed" component="span" fz="xs">{option.label}</Text> : (
        <div>
          {option.label}
          {option.note && <Text c="dimmed" fz="xs">{option.note}</Text>}
        </div>
      ),
    searchable: true,
  };
  if (props.many) {
    const { allowDeselect, many, onChange, value = [], ...rest } = props;
    return <MultiSelect {...rest} {...common} onChange={(to) => (keep(to), onChange(to))} value={value} />;
  }
  const { many, onChange, value = null, ...rest } = props;
  return <Select {...rest} {...common} onChange={(to) => (keep(to ? [to] : []), onChange(to))} value={value} />;
}
