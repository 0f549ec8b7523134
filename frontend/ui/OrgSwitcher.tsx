import { Avatar, Combobox, Loader, Text, UnstyledButton, useCombobox } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconCheck, IconSelector } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { notifyProblem } from "./confirm.tsx";
import { useApi, useCan, useSession } from "./grove.tsx";
import { few } from "./Picker.tsx";
import classes from "./OrgSwitcher.module.css";

interface Org {
  handle: string;
  id: string;
  name: string;
}

/**
 * Where to work: the organizations that the person belongs to, of which one is acted in, and those below it. Choosing one
 * of the first takes a token for it (grant organization_switch); the others are reached with the token in use.
 */
export function OrgSwitcher({ current, none = false, onGo }: { current: Org | undefined; none?: boolean; onGo: (id: string) => void }) {
  const { t } = useTranslation();
  const { actingIn, person, session } = useSession();
  const [search, setSearch] = useState("");
  const [typed] = useDebouncedValue(search.trim(), 200);
  const [busy, setBusy] = useState(false);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption(), onDropdownOpen: () => combobox.focusSearchInput() });
  const opened = combobox.dropdownOpened;
  const api = useApi();
  const acting = actingIn ?? person?.orgId;
  const mine = api.useQuery("get", "/v1/me/organizations", { params: { query: few(typed) } }, { enabled: opened, placeholderData: keepPreviousData });
  const below = api.useQuery("get", "/v1/orgs", { params: { query: few(typed) } }, { enabled: useCan("orgs.read") && opened, placeholderData: keepPreviousData });
  const own = mine.data?.items ?? [];
  const reached = (below.data?.items ?? []).filter((o) => !own.some((m) => m.id === o.id));
  const more = [mine, below].some((found) => found.data?.next_page_token !== undefined);
  useEffect(() => {
    if (opened) setSearch("");
  }, [opened]);
  const choose = async (id: string) => {
    combobox.closeDropdown();
    if (own.some((o) => o.id === id) && id !== acting) {
      setBusy(true);
      try {
        await session.switchOrganization(id);
      } catch (error) {
        notifyProblem(error);
        return;
      } finally {
        setBusy(false);
      }
    }
    onGo(id);
  };
  return (
    <Combobox onOptionSubmit={(id) => void choose(id)} position="bottom-end" shadow="md" store={combobox} width={300}>
      <Combobox.Target targetType="button" withAriaAttributes>
        <UnstyledButton aria-label={t("switcher.label", { name: current?.name ?? "" })} className={classes.button} onClick={() => combobox.toggleDropdown()}>
          {busy ? <Loader size={22} /> : <Avatar alt="" color="grove" name={current?.name ?? ""} radius="sm" size={22} variant="light" />}
          <Text className={`clip ${classes.name}`} component="span" fw={560} fz="sm">{current?.name ?? (none ? t("switcher.choose") : "…")}</Text>
          <IconSelector aria-hidden="true" size={15} />
        </UnstyledButton>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search aria-label={t("switcher.search")} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={t("switcher.search")} value={search} />
        <Combobox.Options aria-label={t("switcher.label", { name: current?.name ?? "" })} mah={360} style={{ overflowY: "auto" }} tabIndex={0}>
          {own.length > 0 && <Combobox.Group label={t("switcher.mine")}>{own.map((org) => <Choice acting={org.id === acting} key={org.id} org={org} />)}</Combobox.Group>}
          {reached.length > 0 && <Combobox.Group label={t("switcher.below")}>{reached.map((org) => <Choice key={org.id} org={org} />)}</Combobox.Group>}
          {more && <Text c="dimmed" fz="xs" px="xs" py={6}>{t("list.typeMore")}</Text>}
          {own.length + reached.length === 0 && <Combobox.Empty>{mine.isPending || below.isFetching ? <Loader size="xs" /> : t("switcher.none")}</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

function Choice({ acting = false, org }: { acting?: boolean; org: Org }) {
  return (
    <Combobox.Option active={acting} className={classes.option ?? ""} value={org.id}>
      <Avatar alt="" color="grove" name={org.name} radius="sm" size={26} variant="light" />
      <span className={classes.words}>
        <span className="clip">{org.name}</span>
        <Text c="dimmed" className="clip" component="span" fz="xs">{org.handle}</Text>
      </span>
      {acting && <IconCheck aria-hidden="true" size={16} />}
    </Combobox.Option>
  );
}
