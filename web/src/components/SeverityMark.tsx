import type { Level } from "@/api/types";
import classes from "./SeverityMark.module.css";

export const LEVEL_NAMES: Record<Level, string> = {
  critical: "Critical",
  warning: "Warning",
  info: "Information",
  unknown: "No data",
  normal: "Normal",
};

/** Shape and letter tell the levels apart without colour. */
const SHAPES: Record<Exclude<Level, "normal">, { path: string; letter: string; y: number }> = {
  critical: { path: "M1 1h14v14H1z", letter: "C", y: 12 },
  warning: { path: "M8 .6 15.6 15H.4z", letter: "W", y: 13.4 },
  info: { path: "M8 .5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15z", letter: "i", y: 12 },
  unknown: { path: "M8 .2 15.8 8 8 15.8.2 8z", letter: "?", y: 11.8 },
};

interface Props {
  level: Level;
  size?: number;
  /** Say the level beside the mark; without it the mark itself carries the name. */
  label?: boolean | string;
  /** The level is said in words beside it already. */
  decorative?: boolean;
  /** An unacknowledged critical alarm may blink. */
  blink?: boolean;
}

/** Colour, shape and letter of a level. Normal has no colour and no mark: a space keeps the columns straight. */
export function SeverityMark({ level, size = 18, label = false, decorative = false, blink = false }: Props) {
  const text = typeof label === "string" ? label : LEVEL_NAMES[level];
  const shape = level === "normal" ? null : SHAPES[level];
  return (
    <span className={classes["mark"]} data-level={level}>
      <svg
        width={size}
        height={size}
        viewBox="0 0 16 16"
        className={blink && level === "critical" ? classes["blink"] : undefined}
        {...(label || decorative || !shape ? { "aria-hidden": true } : { role: "img", "aria-label": text })}
      >
        {shape && <path d={shape.path} className={classes["shape"]} strokeLinejoin="round" />}
        {shape && (
          <text x="8" y={shape.y} className={classes["letter"]} fontSize={level === "warning" ? 8 : 10.5}>
            {shape.letter}
          </text>
        )}
      </svg>
      {label && <span className={classes["label"]}>{text}</span>}
    </span>
  );
}
