import { Progress } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./HowFar.module.css";

interface Props {
  /** Names the bar. */
  label: string;
  /** 0 to 100; null when nobody knows how much it will be. */
  percent: number | null;
  /** What came so far, in words. */
  children: ReactNode;
}

/** How far something long is. It is told in steps of ten: a screen reader must not speak without end. */
export function HowFar({ label, percent, children }: Props) {
  const told = percent === null ? "" : `${label}: ${Math.floor(percent / 10) * 10} %`;
  return (
    <div className={classes["far"]}>
      {percent !== null && <Progress value={percent} aria-label={label} size="md" transitionDuration={0} />}
      <div className={classes["words"]}>{children}</div>
      <span className="visually-hidden" role="status">
        {told}
      </span>
    </div>
  );
}

export const percentOf = (part: number, whole: number): number => (whole > 0 ? Math.min(100, (100 * part) / whole) : 0);
