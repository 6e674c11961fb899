import { useElementSize } from "@mantine/hooks";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { historyInterval } from "@/api/polling";
import { deviceQuery, devicesQuery, seriesHistoryQuery } from "@/api/queries";
import type { DeviceDetail, SeriesQuery } from "@/api/types";
import { LinkButton } from "@/components/LinkButton";
import { Page } from "@/components/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { DevicePicker } from "@/features/exports/DevicePicker";
import { ExportButton } from "@/features/exports/ExportButton";
import { Choices } from "@/features/history/Choices";
import { readQuality } from "@/features/history/qualities";
import { QualityChoice } from "@/features/history/QualityChoice";
import { RangeControl } from "@/features/history/RangeControl";
import { SeriesPanel } from "@/features/history/SeriesPanel";
import { SOURCES } from "@/features/history/sources";
import { useSinceBeginning } from "@/features/history/useSinceBeginning";
import { plural } from "@/lib/format";
import { between, isRelative, pointsFor, readRange, type TimeRange } from "@/lib/timeRange";
import { useUrlState } from "@/lib/urlState";
import { serverNow } from "@/live/clock";
import { readSeries, toSeries, writeSeries } from "./seriesUrl";
import classes from "./explore.module.css";

const REFRESH_MS = 30_000;

/** Signals of any devices over one range, one above the other. All of it lives in the URL: the link shows the same. */
export default function ExplorePage() {
  const [url, setUrl] = useUrlState<"s" | "from" | "to" | "quality">();
  const { ref, width } = useElementSize();
  const chosen = readSeries(url.s);
  const asked = readRange(url.from, url.to, serverNow());
  const quality = readQuality(url.quality);
  const onRange = useCallback((next: TimeRange) => setUrl({ from: next.from, to: isRelative(next) ? undefined : next.to }, true), [setUrl]);
  const onZoom = useCallback((from: number, to: number) => onRange(between(from, to, serverNow())), [onRange]);

  const devices = useQueries({ queries: chosen.map(({ deviceId }) => deviceQuery(deviceId)) });
  const details = new Map(devices.flatMap(({ data }) => (data ? [[data.data.deviceId, data.data] as const] : [])));
  const series = toSeries(chosen);
  // Nobody has chosen a range yet: the last day, or what there is of it.
  const covered = useSinceBeginning(asked, url.from ? [] : series, [...details.values()].map(({ createdAt }) => createdAt));
  const range = covered ?? asked;
  const query: SeriesQuery = { series, ...range, points: pointsFor(width), method: "minmax", quality };
  const found = useQuery({
    ...seriesHistoryQuery(query),
    enabled: width > 0 && covered !== null && series.length > 0,
    refetchInterval: isRelative(range) && historyInterval(REFRESH_MS),
  });
  const history = series.length > 0 ? found.data?.data : undefined;
  const source = found.data?.meta.source;

  return (
    <Page
      title="History"
      aside={series.length > 0 && history && plural(history.series.length, "signal")}
      actions={<ExportButton chosen={chosen} range={range} quality={quality} />}
    >
      <div className={classes["view"]} ref={ref}>
        <Choices open={series.length === 0}>
          <div className={classes["devices"]} data-more>
            <DevicePicker label="What is shown" withTypes={false} types={[]} chosen={chosen} onChange={(next) => setUrl({ s: writeSeries(next.chosen ?? chosen) }, true)} />
          </div>
          <RangeControl range={range} onRange={onRange} />
          <QualityChoice quality={quality} onQuality={(next) => setUrl({ quality: next })} />
        </Choices>
        {series.length === 0 && <NothingChosen />}
        {series.length > 0 && found.isError && <ErrorState title="The history could not be read" error={found.error} onRetry={found.refetch} />}
        {series.length > 0 && found.isPending && <SkeletonRows rows={Math.min(series.length, 3)} height={340} />}
        {history?.series.map((each) => <OneSeries key={`${each.deviceId} ${each.tag}`} device={details.get(each.deviceId)} series={each} bySample={source === "raw"} from={history.from} to={history.to} onZoom={onZoom} />)}
        <p className={classes["source"]} aria-live="polite">
          {history && source && `Drawn from ${SOURCES[source]}. `}
          {history && source && <span className={classes["drag"]}>Drag over a chart to see a part of all of them closer.</span>}
        </p>
      </div>
    </Page>
  );
}

/** An empty plant has nothing to choose from: the way on leads elsewhere. */
function NothingChosen() {
  const devices = useQuery(devicesQuery()).data?.data.devices;
  if (devices?.length === 0) {
    return (
      <EmptyState title="No devices yet" actions={<LinkButton to="/devices">To the devices</LinkButton>}>
        Their samples can be chosen and compared here once there are some.
      </EmptyState>
    );
  }
  return <EmptyState title="Nothing is chosen yet">Add a device above, then its signals. The address of this page keeps all of it: send it to show others the same.</EmptyState>;
}

interface OneProps {
  device: DeviceDetail | undefined;
  series: { tag: string; readings: Parameters<typeof SeriesPanel>[0]["readings"] };
  bySample: boolean;
  from: string;
  to: string;
  onZoom: (fromMs: number, toMs: number) => void;
}

/** Texts are in the raw data of their device: there is no line of them. */
function OneSeries({ device, series, ...rest }: OneProps) {
  const tag = device?.tags.find(({ name }) => name === series.tag);
  if (!device || !tag) return <SkeletonRows rows={1} height={340} />;
  if (tag.kind === "text") return null;
  return <SeriesPanel device={device} tag={tag} readings={series.readings} among {...rest} />;
}
