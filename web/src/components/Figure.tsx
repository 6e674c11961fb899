import type { ReactNode } from "react";
import classes from "./Figure.module.css";

/** Numbers beside each other, each with its name. */
export function Figures({ children }: { children: ReactNode }) {
  return <dl className={classes["figures"]}>{children}</dl>;
}

/** A number with its unit, and what belongs to it. */
export function Figure({ name, value, unit, note }: { name: string; value: string; unit?: string; note?: string }) {
  return (
    <div className={classes["figure"]}>
      <dt>{name}</dt>
      <dd>
        <span className={`${classes["number"] ?? ""} from-server`}>{value}</span>
        {unit && <span className={classes["unit"]}>{unit}</span>}
        {note && <span className={classes["note"]}>{note}</span>}
      </dd>
    </div>
  );
}
