import type { LeftOut } from "@/api/types";
import { plural } from "@/lib/format";
import classes from "./imports.module.css";

/** What was not imported, with row and column of the first of it. Nothing when all was. */
export function LeftOutList({ leftOut }: { leftOut: LeftOut }) {
  const { cells, rows, contradicted, columns, examples } = leftOut;
  const parts = [
    rows > 0 ? plural(rows, "row") : null,
    cells > 0 ? plural(cells, "cell") : null,
    columns.length > 0 ? `${plural(columns.length, "column")} that hold${columns.length === 1 ? "s" : ""} no numbers (${columns.slice(0, 10).join(", ")}${columns.length > 10 ? ", …" : ""})` : null,
  ].filter((part) => part !== null);
  const twice = contradicted > 0 ? `At least ${plural(contradicted, "row")} with the time of a later one and another value: the last counts` : null;
  if (parts.length === 0 && twice === null) return null;
  return (
    <div className={classes["leftOut"]}>
      {parts.length > 0 && `Left out: ${parts.join(", ")}`}
      {examples.length > 0 && (
        <ul>
          {examples.map((example) => (
            <li key={example}>{example}</li>
          ))}
        </ul>
      )}
      {twice !== null && <div>{twice}</div>}
    </div>
  );
}
