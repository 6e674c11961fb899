import { ActionIcon } from "@mantine/core";
import { useCallback, useEffect, useRef, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import type uPlot from "uplot";
import { historyQuery } from "@/api/queries";
import type { DeviceDetail, Tag } from "@/api/types";
import { withGaps } from "@/components/charts/gaps";
import { TimeChart } from "@/components/charts/TimeChart";
import { Icon } from "@/components/icons";
import { Panel } from "@/components/Page";
import { serverNow } from "@/live/clock";
import { liveStore } from "@/live/store";

const WINDOW_MS = 5 * 60_000;
const CAPACITY = 12_000;
const REDRAW_MS = 200;
const STALE_FACTOR = 3;

const range = (): [number, number] => [(serverNow() - WINDOW_MS) / 1_000, serverNow() / 1_000];

/** The last five minutes of a tag, moving; it can be paused to look at something. */
export function LiveChart({ device, tag }: { device: DeviceDetail; tag: Tag }) {
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
    <Panel title={paused ? "Paused" : "Live, last 5 minutes"} actions={pause}>
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
