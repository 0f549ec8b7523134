import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./locales/en.json";

/** The other languages, one file each beside en.json, loaded when a person's browser asks for them. */
const others = import.meta.glob<{ default: typeof en }>(["./locales/*.json", "!./locales/en.json"]);

const fallback = "en";

export const i18n = i18next.createInstance();

void i18n.use(initReactI18next).init({
  fallbackLng: fallback,
  interpolation: { escapeValue: false }, // React escapes
  lng: fallback,
  resources: { en: { translation: en } },
});

/** Switches to the first of the wanted languages that has a file, and sets the document's language and direction. */
export async function chooseLanguage(wanted: readonly string[]): Promise<void> {
  let language = fallback;
  for (const tag of wanted) {
    const base = tag.toLowerCase().split("-")[0] ?? "";
    const load = others[`./locales/${base}.json`];
    if (base === fallback) break;
    if (load) {
      i18n.addResourceBundle(base, "translation", (await load()).default);
      language = base;
      break;
    }
  }
  await i18n.changeLanguage(language);
  document.documentElement.lang = language;
  document.documentElement.dir = i18n.dir(language);
}
