import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTimeZone } from "@/api/hooks";
import { historyInterval } from "@/api/polling";
import { historyQuery } from "@/api/queries";
import type { DeviceDetail, History, Tag } from "@/api/types";
import { withGaps } from "@/components/charts/gaps";
import { TimeChart, type ChartData } from "@/components/charts/TimeChart";
import { Panel } from "@/components/Page";
import { EmptyState, ErrorState } from "@/components/states";
import { useSinceBeginning } from "@/features/history/useSinceBeginning";
import { formatTime } from "@/lib/format";
import { RANGES, type RangeName } from "./ranges";
import classes from "./devicedetail.module.css";

const BUCKETS = 500;
const DAY_S = 86_400;
/** Empty buckets between two points that are still one line. */
const GAP_BUCKETS = 2.5;

const number = (value: unknown) => (typeof value === "number" ? value : NaN);

/** The answer of the API as columns: average, and lowest and highest of each bucket. */
export function columns(history: History, gapSeconds: number): ChartData {
  const { readings } = history;
  const times = readings.map((reading) => Date.parse(reading.timestamp));
  const gapMs = 1_000 * Math.max(gapSeconds, GAP_BUCKETS * (history.bucketSeconds ?? 0));
  const line = withGaps(times, readings.map((reading) => number(reading.value)), gapMs);
  if (history.resolution === "raw") return [line.xs, line.ys];
  const edge = (name: "min" | "max") => withGaps(times, readings.map((reading) => number(reading[name])), gapMs).ys;
  return [line.xs, line.ys, edge("min"), edge("max")];
}

interface Props {
  device: DeviceDetail;
  tag: Tag;
  range: (typeof RANGES)[number];
  onRange: (name: RangeName) => void;
}

/** What was, from an hour to a month: the average of each bucket within its lowest and highest. */
export function HistoryChart({ device, tag, range, onRange }: Props) {
  const timeZone = useTimeZone();
  const asked = { from: `-${range.name}`, to: "now" };
  const covered = useSinceBeginning(asked, [`${device.deviceId}:${tag.name}`], [device.createdAt]);
  const query = { tag: tag.name, ...(covered ?? asked), buckets: BUCKETS };
  const found = useQuery({ ...historyQuery(device.deviceId, query), enabled: covered !== null, refetchInterval: historyInterval(30_000) });
  const since = covered && covered.from !== asked.from ? `, since ${formatTime(covered.from, timeZone, range.seconds > DAY_S ? "datetime" : "minute")}` : "";
  const history = found.data?.data;
  const gap = 3 * (tag.expectedIntervalSeconds ?? device.staleAfterSeconds);
  const data = useMemo(() => (history ? columns(history, gap) : undefined), [history, gap]);
  const [from, to] = [history?.from, history?.to];
  const shown = useMemo(
    () => (): [number, number] => [Date.parse(from ?? "") / 1_000, Date.parse(to ?? "") / 1_000],
    [from, to],
  );
  const picker = (
    <SegmentedControl
      aria-label="Time range"
      size="sm"
      value={range.name}
      onChange={(name) => onRange(name)}
      data={RANGES.map(({ name, label }) => ({ value: name, label }))}
    />
  );

  return (
    <Panel title={`History${since}`} actions={picker}>
      {found.isError && !history && <ErrorState title="The history could not be read" error={found.error} onRetry={found.refetch} />}
      {!history && !found.isError && <div className={classes["chartSpace"]} aria-hidden />}
      {history && history.readings.length === 0 && (
        <EmptyState title={`Nothing in the last ${range.label}`}>Choose a longer range, or wait for the device to send.</EmptyState>
      )}
      {history && data && history.readings.length > 0 && (
        <TimeChart
          label={`${tag.name} of ${device.name}, last ${range.label}`}
          limits={tag.limits}
          decimals={tag.decimals}
          range={shown}
          data={data}
        />
      )}
    </Panel>
  );
}
