import { Avatar, Combobox, Loader, Text, UnstyledButton, useCombobox } from "@mantine/core";
import { IconCheck, IconSelector } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi, useSession } from "./grove.tsx";
import { notifyProblem } from "./confirm.tsx";
import classes from "./OrgSwitcher.module.css";

/**
 * The organizations that the person belongs to. Choosing one takes a token for it (grant organization_switch) and then
 * calls onSwitched, which moves the page there.
 */
export function OrgSwitcher({ current, onSwitched }: { current: { id: string; name: string } | undefined; onSwitched: (org: { id: string; name: string }) => void }) {
  const { t } = useTranslation();
  const { session } = useSession();
  const [search, setSearch] = useState("");
  const [busy, setBusy] = useState(false);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption(), onDropdownOpen: () => combobox.focusSearchInput() });
  const opened = combobox.dropdownOpened;
  const mine = useApi().useQuery("get", "/v1/me/organizations", { params: { query: { page_size: 200 } } }, { enabled: opened });
  const wanted = search.trim().toLowerCase();
  const shown = (mine.data?.items ?? []).filter((o) => o.name.toLowerCase().includes(wanted) || o.handle.includes(wanted));
  useEffect(() => {
    if (opened) setSearch("");
  }, [opened]);
  const choose = async (id: string) => {
    const org = shown.find((o) => o.id === id);
    combobox.closeDropdown();
    if (!org || org.id === current?.id) return;
    setBusy(true);
    try {
      await session.switchOrganization(org.id);
      onSwitched(org);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Combobox onOptionSubmit={(id) => void choose(id)} position="bottom-end" shadow="md" store={combobox} width={280}>
      <Combobox.Target targetType="button" withAriaAttributes>
        <UnstyledButton aria-label={t("switcher.label", { name: current?.name ?? "" })} className={classes.button} onClick={() => combobox.toggleDropdown()}>
          {busy ? <Loader size={22} /> : <Avatar alt="" color="grove" name={current?.name ?? ""} radius="sm" size={22} variant="light" />}
          <Text className={`clip ${classes.name}`} component="span" fw={560} fz="sm">{current?.name ?? "…"}</Text>
          <IconSelector aria-hidden="true" size={15} />
        </UnstyledButton>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search aria-label={t("switcher.search")} onChange={(e) => setSearch(e.currentTarget.value)} placeholder={t("switcher.search")} value={search} />
        <Combobox.Options aria-label={t("switcher.mine")} mah={320} style={{ overflowY: "auto" }}>
          {shown.map((org) => (
            <Combobox.Option active={org.id === current?.id} className={classes.option ?? ""} key={org.id} value={org.id}>
              <Avatar alt="" color="grove" name={org.name} radius="sm" size={26} variant="light" />
              <span className={classes.words}>
                <span className="clip">{org.name}</span>
                <Text c="dimmed" className="clip" component="span" fz="xs">{org.handle}</Text>
              </span>
              {org.id === current?.id && <IconCheck aria-hidden="true" size={16} />}
            </Combobox.Option>
          ))}
          {shown.length === 0 && <Combobox.Empty>{mine.isPending ? <Loader size="xs" /> : t("switcher.none")}</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
