import { useEffect, useRef } from "react";
import type { HistoryReading } from "@/api/types";
import { windowOf } from "@/lib/beginning";
import { serverNow } from "@/live/clock";
import { liveStore } from "@/live/store";
import { sparkPath } from "@/lib/sparkPath";
import classes from "./Sparkline.module.css";

/** How much of the past is shown, and in how many buckets it is asked for. */
export const SPARK_MINUTES = 10;
export const SPARK_POINTS = 90;

export interface SparklineProps {
  deviceId: string;
  tag: string;
  /** What came before the page was opened, oldest first. */
  past: readonly HistoryReading[] | undefined;
  /** When its history begins, ms UTC: the line spans what there is while that is less than ten minutes. */
  begin: number;
  /** A gap longer than this is a gap in the line. */
  gapSeconds: number;
}

const WIDTH = 240;
const HEIGHT = 34;
const WINDOW_MS = SPARK_MINUTES * 60_000;
const REDRAW_MS = 1_000;

/**
 * The last minutes of a signal, from history and then live. It draws itself straight into the SVG: no React
 * render a second. Decoration beside the number; the device's page has the chart and its table.
 */
export function Sparkline({ deviceId, tag, past, begin, gapSeconds }: SparklineProps) {
  const path = useRef<SVGPathElement>(null);

  useEffect(() => {
    const { ring, release } = liveStore.hold(deviceId, tag, 1_200);
    const gap = Math.max(gapSeconds * 1_000, (WINDOW_MS / SPARK_POINTS) * 2.5);
    const draw = () => {
      if (document.hidden) return;
      const now = serverNow();
      const span = windowOf(WINDOW_MS, begin, now);
      path.current?.setAttribute("d", sparkPath(ring.xs, ring.ys, now - span, span, WIDTH, HEIGHT, gap));
    };
    draw();
    const timer = setInterval(draw, REDRAW_MS);
    return () => {
      clearInterval(timer);
      release();
    };
  }, [deviceId, tag, begin, gapSeconds]);

  useEffect(() => {
    const good = past?.filter((reading) => reading.quality === "good" || reading.quality === "uncertain") ?? [];
    const points = good.map((reading) => ({ time: Date.parse(reading.timestamp), value: typeof reading.value === "number" ? reading.value : NaN }));
    liveStore.backfill(deviceId, tag, points);
  }, [deviceId, tag, past]);

  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes["spark"]} style={{ height: HEIGHT }} preserveAspectRatio="none" aria-hidden>
      <path ref={path} className={classes["line"]} />
    </svg>
  );
}
