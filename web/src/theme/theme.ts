import {
  createTheme,
  defaultVariantColorsResolver,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  type ModalProps,
  type VariantColorsResolver,
} from "@mantine/core";

/** Controls are slate: colour is kept for what is abnormal. */
const slate: MantineColorsTuple = [
  "#f2f4f6", "#e3e6ea", "#c8ced5", "#abb4be", "#8e99a6", "#727e8c", "#5a6673", "#46515d", "#343e49", "#232b34",
];
const dark: MantineColorsTuple = [
  "#e4e7ea", "#c3cad1", "#a4adb7", "#7b8591", "#4a525b", "#363c43", "#272b30", "#1f2327", "#191c1f", "#131517",
];

/** Filled controls take their colours from the tokens, so that both schemes have their contrast. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  if (input.variant !== "filled" || (input.color ?? "slate") !== "slate") return colors;
  return { ...colors, background: "var(--action)", hover: "var(--action-hover)", color: "var(--on-action)" };
};

export const theme = createTheme({
  primaryColor: "slate",
  primaryShade: { light: 8, dark: 2 },
  colors: { slate, dark },
  variantColorResolver,
  defaultRadius: "sm",
  radius: { xs: "3px", sm: "5px", md: "8px", lg: "12px", xl: "20px" },
  fontFamily: 'Inter, "Segoe UI Variable Text", "Segoe UI", system-ui, -apple-system, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "600", sizes: { h1: { fontSize: "1.375rem" }, h2: { fontSize: "1.0625rem" }, h3: { fontSize: "0.9375rem" } } },
  respectReducedMotion: true,
  cursorType: "pointer",
  // By name: the theme stands before the first page, and importing a component here would load it with its parts by then.
  components: {
    Modal: {
      // A dialog's heading is no banner of the page.
      defaultProps: { closeButtonProps: { "aria-label": "Close" }, attributes: { header: { role: "presentation" } } },
      styles: { title: { fontSize: "1.0625rem", fontWeight: 600 } },
    } satisfies { defaultProps: Partial<ModalProps>; styles: ModalProps["styles"] },
  },
});

/** Mantine's surfaces in our greys. */
export const cssVariables: CSSVariablesResolver = () => {
  const surfaces = {
    "--mantine-color-body": "var(--panel)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--ink-dim)",
    "--mantine-color-default": "var(--panel-raised)",
    "--mantine-color-default-hover": "var(--panel-hover)",
    "--mantine-color-default-border": "var(--line-strong)",
    "--mantine-color-placeholder": "var(--ink-dim)",
    "--mantine-color-error": "var(--critical)",
    "--mantine-color-anchor": "var(--ink)",
  };
  return { variables: {}, light: surfaces, dark: surfaces };
};
