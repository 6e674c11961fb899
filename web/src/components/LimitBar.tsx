import type { Level, Limits } from "@/api/types";
import { scaleOf } from "@/lib/limits";
import classes from "./LimitBar.module.css";

interface Props {
  value: number | null;
  limits: Limits;
  level: Level;
  /** The value is not to be relied on: the pointer is drawn hollow. */
  stale?: boolean;
}

const percent = (value: number, [low, high]: [number, number]) =>
  `${Math.min(100, Math.max(0, ((value - low) / (high - low)) * 100)).toFixed(2)}%`;

/** Where a value stands: its normal band, its alarm limits, and a pointer. Decoration beside the number itself. */
export function LimitBar({ value, limits, level, stale = false }: Props) {
  const scale = scaleOf(limits, value);
  if (!scale) return <div className={classes["none"]} aria-hidden />;
  const { normalMin, normalMax, alertMin, alertMax } = limits;
  const bandFrom = percent(normalMin ?? alertMin ?? scale[0], scale);
  const bandTo = percent(normalMax ?? alertMax ?? scale[1], scale);
  const pointer = { left: value === null ? 0 : percent(value, scale) };
  return (
    <div className={classes["bar"]} aria-hidden>
      <div className={classes["band"]} style={{ left: bandFrom, width: `calc(${bandTo} - ${bandFrom})` }} />
      {alertMin !== null && <div className={classes["limit"]} style={{ left: percent(alertMin, scale) }} />}
      {alertMax !== null && <div className={classes["limit"]} style={{ left: percent(alertMax, scale) }} />}
      {value !== null && <div className={classes["pointer"]} data-level={level} data-stale={stale || undefined} style={pointer} />}
    </div>
  );
}
