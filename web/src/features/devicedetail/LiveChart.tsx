import { ActionIcon } from "@mantine/core";
import { useCallback, useEffect, useRef, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import type uPlot from "uplot";
import { useTimeZone } from "@/api/hooks";
import { historyQuery } from "@/api/queries";
import type { DeviceDetail, Tag } from "@/api/types";
import { withGaps } from "@/components/charts/gaps";
import { TimeChart } from "@/components/charts/TimeChart";
import { Icon } from "@/components/icons";
import { Panel } from "@/components/Page";
import { beginning, windowOf } from "@/lib/beginning";
import { formatTime } from "@/lib/format";
import { serverNow } from "@/live/clock";
import { useNow } from "@/live/hooks";
import { liveStore } from "@/live/store";

const WINDOW_MS = 5 * 60_000;
const CAPACITY = 12_000;
const REDRAW_MS = 200;
const STALE_FACTOR = 3;

/** The last five minutes of a tag, or what there is while that is less, moving; it can be paused to look at something. */
export function LiveChart({ device, tag }: { device: DeviceDetail; tag: Tag }) {
  const timeZone = useTimeZone();
  const [paused, setPaused] = useState(false);
  const pausedRef = useRef(paused);
  useEffect(() => {
    pausedRef.current = paused;
  }, [paused]);
  const past = useQuery({
    ...historyQuery(device.deviceId, { tag: tag.name, from: "-5m", limit: 5_000 }),
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  }).data?.data.readings;
  const gapMs = Math.max(STALE_FACTOR * 1_000 * (tag.expectedIntervalSeconds ?? device.staleAfterSeconds), 2_000);

  const begin = beginning(device.createdAt, past?.[0]?.timestamp);
  const young = useNow() - begin < WINDOW_MS;
  const range = useCallback((): [number, number] => {
    const now = serverNow();
    return [(now - windowOf(WINDOW_MS, begin, now)) / 1_000, now / 1_000];
  }, [begin]);

  const onPlot = useCallback(
    (plot: uPlot) => {
      const { ring, release } = liveStore.hold(device.deviceId, tag.name, CAPACITY);
      if (past) {
        const points = past.map((reading) => ({
          time: Date.parse(reading.timestamp),
          value: typeof reading.value === "number" && reading.quality !== "bad" && reading.quality !== "stale" ? reading.value : NaN,
        }));
        liveStore.backfill(device.deviceId, tag.name, points);
      }
      const draw = () => {
        if (document.hidden || pausedRef.current) return;
        const { xs, ys } = withGaps(ring.xs, ring.ys, gapMs);
        plot.setData([xs, ys]);
      };
      draw();
      const timer = setInterval(draw, REDRAW_MS);
      return () => {
        clearInterval(timer);
        release();
      };
    },
    [device.deviceId, tag.name, past, gapMs],
  );

  const pause = (
    <ActionIcon
      variant="default"
      size={44}
      aria-label={paused ? "Go on" : "Pause"}
      aria-pressed={paused}
      onClick={() => setPaused(!paused)}
    >
      <Icon name={paused ? "play" : "pause"} />
    </ActionIcon>
  );
  return (
    <Panel title={paused ? "Paused" : `Live, ${young ? `since ${formatTime(begin, timeZone, "minute")}` : "last 5 minutes"}`} actions={pause}>
      <TimeChart
        label={`${tag.name} of ${device.name}, last five minutes`}
        limits={tag.limits}
        decimals={tag.decimals}
        range={range}
        onPlot={onPlot}
      />
    </Panel>
  );
}
