import { type CSSVariablesResolver, type MantineColorsTuple, createTheme, defaultVariantColorsResolver } from "@mantine/core";

/** Green-teal. Index 7 carries white text on light pages, index 4 dark text on dark ones; both pass AA. */
const grove: MantineColorsTuple = [
  "#e9f6f2", "#d3ece5", "#a6dacb", "#6fc8b2", "#34b79f", "#1c9d86", "#118a76", "#0b7a6b", "#08665a", "#065248",
];

/** Greys with a trace of green, so that surfaces and brand belong together. */
const gray: MantineColorsTuple = [
  "#f7f9f8", "#eff3f2", "#e3e9e7", "#d3dcd9", "#b6c3bf", "#8a9a95", "#586862", "#42514c", "#2a3733", "#10211d",
];

const dark: MantineColorsTuple = [
  "#dfe8e5", "#bccac5", "#9fb1ab", "#7d908a", "#33423e", "#26332f", "#17211f", "#0f1816", "#0b1211", "#070c0b",
];

export const theme = createTheme({
  autoContrast: true,
  black: "#10211d",
  colors: { dark, gray, grove },
  cursorType: "pointer",
  defaultRadius: "md",
  fontFamily: '"Inter Variable", ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  headings: {
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.3" },
      h2: { fontSize: "1.0625rem", lineHeight: "1.4" },
      h3: { fontSize: "0.9375rem", lineHeight: "1.4" },
    },
  },
  primaryColor: "grove",
  primaryShade: { dark: 4, light: 7 },
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  respectReducedMotion: true,
  // The stock resolver picks the text on a filled control for light pages only.
  variantColorResolver: (input) => {
    const colors = defaultVariantColorsResolver(input);
    const primary = (input.color ?? input.theme.primaryColor) === input.theme.primaryColor;
    return input.variant === "filled" && primary ? { ...colors, color: "var(--mantine-primary-color-contrast)" } : colors;
  },
  components: {
    ActionIcon: { defaultProps: { color: "gray", variant: "subtle" } },
    Badge: { defaultProps: { radius: "sm", tt: "none", fw: 550, variant: "light" }, styles: { root: { minWidth: "max-content" } } },
    Button: { defaultProps: { fw: 560 } },
    Drawer: { defaultProps: { padding: "lg", position: "right", size: "md" }, styles: { title: { fontWeight: 620 } } },
    Menu: { defaultProps: { position: "bottom-end", shadow: "md", width: 232 } },
    Modal: { defaultProps: { centered: true, padding: "lg", radius: "lg" }, styles: { title: { fontSize: "1rem", fontWeight: 620 } } },
    Tabs: { styles: { list: { flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }, tab: { flexShrink: 0 } } },
    NumberInput: { defaultProps: { clampBehavior: "none" } }, // what was typed stays, and is judged
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true } },
  },
});

/** What Mantine leaves to its defaults and AA needs darker, and the surfaces that the shell is made of. */
export const variables: CSSVariablesResolver = (t) => ({
  variables: { "--grove-header": "56px", "--grove-nav": "232px" },
  light: {
    "--grove-card": t.white,
    "--grove-edge": "#e3e9e7",
    "--grove-ground": "#f6f9f8",
    "--grove-hover": "#eff4f2",
    "--mantine-color-anchor": "#08695c",
    "--mantine-color-dimmed": "#586862",
    "--mantine-color-blue-light-color": "#1a56a8",
    "--mantine-color-error": "#b3261e",
    "--mantine-color-gray-light-color": "#42514c",
    "--mantine-color-orange-light-color": "#8a4200",
    "--mantine-color-placeholder": "#66766f",
    "--mantine-color-red-light-color": "#a61d17",
    "--mantine-color-yellow-light-color": "#755200",
  },
  dark: {
    "--grove-card": "#131d1b",
    "--grove-edge": "#25322e",
    "--grove-ground": "#0c1412",
    "--grove-hover": "#1a2623",
    "--mantine-color-anchor": "#5fd0ba",
    "--mantine-color-body": "#131d1b",
    "--mantine-color-dimmed": "#9fb1ab",
    "--mantine-color-blue-light-color": "#9cc7ff",
    "--mantine-color-error": "#ff9d94",
    "--mantine-color-gray-light": "#ffffff14",
    "--mantine-color-gray-light-color": "#bccac5",
    "--mantine-color-grove-light": "#34b79f29",
    "--mantine-color-grove-light-color": "#8fdcca",
    "--mantine-color-grove-light-hover": "#34b79f3d",
    "--mantine-color-orange-light": "#ff922b24",
    "--mantine-color-orange-light-color": "#ffb877",
    "--mantine-color-placeholder": "#8da099",
    "--mantine-color-red-light-color": "#ffb3ac",
    "--mantine-color-text": "#e3ece9",
  },
});
