import type { ReactNode } from "react";
import classes from "./DialogActions.module.css";

/** What a dialog can do, at its lower edge; it stays there while what is above is scrolled. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className={classes["actions"]}>{children}</div>;
}
