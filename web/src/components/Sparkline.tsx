import { useEffect, useRef } from "react";
import { useQuery } from "@tanstack/react-query";
import { historyQuery } from "@/api/queries";
import { serverNow } from "@/live/clock";
import { liveStore } from "@/live/store";
import { sparkPath } from "@/lib/sparkPath";
import classes from "./Sparkline.module.css";

interface Props {
  deviceId: string;
  tag: string;
  /** How much of the past is shown. */
  minutes?: number;
  /** A gap longer than this is a gap in the line. */
  gapSeconds: number;
  height?: number;
}

const WIDTH = 240;
const POINTS = 90;
const REDRAW_MS = 1_000;

/**
 * The last minutes of a signal, from history and then live. It draws itself straight into the SVG: no React
 * render a second. Decoration beside the number; the device's page has the chart and its table.
 */
export function Sparkline({ deviceId, tag, minutes = 10, gapSeconds, height = 34 }: Props) {
  const path = useRef<SVGPathElement>(null);
  const past = useQuery({
    ...historyQuery(deviceId, { tag, from: `-${minutes}m`, buckets: POINTS }),
    staleTime: Infinity,
    // The live points end with the component; coming back, it asks for the past anew.
    gcTime: 0,
    refetchOnWindowFocus: false,
  }).data?.data.readings;

  useEffect(() => {
    const windowMs = minutes * 60_000;
    const step = windowMs / POINTS;
    const { ring, release } = liveStore.hold(deviceId, tag, 1_200);
    const gap = Math.max(gapSeconds * 1_000, step * 2.5);
    const draw = () => {
      if (document.hidden) return;
      path.current?.setAttribute("d", sparkPath(ring.xs, ring.ys, serverNow() - windowMs, windowMs, WIDTH, height, gap));
    };
    draw();
    const timer = setInterval(draw, REDRAW_MS);
    return () => {
      clearInterval(timer);
      release();
    };
  }, [deviceId, tag, minutes, gapSeconds, height]);

  useEffect(() => {
    const good = past?.filter((reading) => reading.quality === "good" || reading.quality === "uncertain") ?? [];
    const points = good.map((reading) => ({ time: Date.parse(reading.timestamp), value: typeof reading.value === "number" ? reading.value : NaN }));
    liveStore.backfill(deviceId, tag, points);
  }, [deviceId, tag, past]);

  return (
    <svg viewBox={`0 0 ${WIDTH} ${height}`} className={classes["spark"]} style={{ height }} preserveAspectRatio="none" aria-hidden>
      <path ref={path} className={classes["line"]} />
    </svg>
  );
}
