import "@mantine/core/styles.layer.css";
import "./tokens.css";
import "./global.css";

export { cssVariables, theme } from "./theme";
