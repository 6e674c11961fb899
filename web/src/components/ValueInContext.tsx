import type { Level, Limits } from "@/api/types";
import type { Shown } from "@/live/hooks";
import { formatAge, formatValue, NO_VALUE, unitSymbol } from "@/lib/format";
import { LimitBar } from "./LimitBar";
import { Sparkline, type SparklineProps } from "./Sparkline";
import classes from "./ValueInContext.module.css";

interface Props {
  shown: Shown;
  unit: string | null;
  decimals: number | null;
  limits: Limits;
  size?: "md" | "lg";
  /** Without it the value stands alone: a chart is beside it. */
  spark?: SparklineProps | false;
}

/** Level of what is shown now: a value past its time is not normal, whatever it was. */
export function shownLevel({ value, freshness }: Shown): Level {
  if (value === null || freshness.kind === "none" || freshness.kind === "stale") return "unknown";
  return value.status;
}

/** A number in context: value, unit, its bar with band and limits, its last minutes; hatched with its age when stale. */
export function ValueInContext({ shown, unit, decimals, limits, size = "md", spark }: Props) {
  const level = shownLevel(shown);
  const { value, freshness } = shown;
  const number = typeof value?.value === "number" ? value.value : null;
  const usable = freshness.kind !== "none";
  return (
    <div className={classes["value"]} data-size={size}>
      <div className={classes["figure"]} data-level={level}>
        <span className={`${classes["number"] ?? ""} ${level === "unknown" && usable ? "hatched" : ""}`} data-testid="value">
          {usable ? formatValue(value?.value, decimals) : NO_VALUE}
        </span>
        {usable && <span className={classes["unit"]}>{unitSymbol(unit)}</span>}
        {spark === undefined && <FreshnessNote shown={shown} />}
      </div>
      <LimitBar value={usable ? number : null} limits={limits} level={level} stale={freshness.kind === "stale"} />
      {spark !== undefined && (
        <div className={classes["past"]}>
          {spark && <Sparkline {...spark} />}
          <FreshnessNote shown={shown} />
        </div>
      )}
    </div>
  );
}

/** Says in words that a value is old, doubtful or missing; nothing when it is fresh. */
export function FreshnessNote({ shown: { freshness } }: { shown: Shown }) {
  if (freshness.kind === "fresh") return null;
  const text = {
    none: "no data",
    stale: `${formatAge(freshness.ageMs ?? 0)} old`,
    uncertain: "uncertain",
  }[freshness.kind];
  return <span className={classes["note"]}>{text}</span>;
}
