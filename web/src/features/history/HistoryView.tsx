import { useElementSize } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { historyInterval } from "@/api/polling";
import { historyQuery } from "@/api/queries";
import type { DeviceDetail, HistoryQuery, Tag } from "@/api/types";
import { LinkButton } from "@/components/LinkButton";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { toSeries, writeSeries } from "@/features/explore/seriesUrl";
import { ExportButton } from "@/features/exports/ExportButton";
import { ImportButton } from "@/features/imports/ImportButton";
import { useUrlState } from "@/lib/urlState";
import { serverNow } from "@/live/clock";
import { Choices } from "./Choices";
import { readQuality } from "./qualities";
import { QualityChoice } from "./QualityChoice";
import { RangeControl } from "./RangeControl";
import { SeriesPanel } from "./SeriesPanel";
import { SOURCES } from "./sources";
import { TagChooser } from "./TagChooser";
import { useSinceBeginning } from "./useSinceBeginning";
import { between, isRelative, joinNames, pointsFor, readRange, splitNames, type TimeRange } from "@/lib/timeRange";
import classes from "./history.module.css";

const REFRESH_MS = 30_000;

/** Charts are drawn of numbers; what was chosen and is gone is left out. */
function chosenTags(device: DeviceDetail, names: readonly string[]): Tag[] {
  const drawn = device.tags.filter(({ kind }) => kind !== "text");
  const chosen = drawn.filter(({ name }) => names.includes(name));
  return chosen.length > 0 ? chosen : drawn.slice(0, 1);
}

/** Any time there was: one range for all charts, from the control or by dragging. All of it lives in the URL. */
export function HistoryView({ device }: { device: DeviceDetail }) {
  const [url, setUrl] = useUrlState<"from" | "to" | "tags" | "quality">();
  const { ref, width } = useElementSize();
  const asked = readRange(url.from, url.to, serverNow());
  const quality = readQuality(url.quality);
  const tags = chosenTags(device, splitNames(url.tags));
  // Nobody has chosen a range yet: the last day, or what there is of it.
  const covered = useSinceBeginning(asked, url.from ? [] : toSeries([{ deviceId: device.deviceId, tags: tags.map(({ name }) => name) }]), [device.createdAt]);
  const range = covered ?? asked;
  const onRange = useCallback((next: TimeRange) => setUrl({ from: next.from, to: isRelative(next) ? undefined : next.to }, true), [setUrl]);
  const onZoom = useCallback((from: number, to: number) => onRange(between(from, to, serverNow())), [onRange]);

  const query: HistoryQuery = { tag: tags.map(({ name }) => name), ...range, points: pointsFor(width), method: "minmax", quality };
  const found = useQuery({
    ...historyQuery(device.deviceId, query),
    enabled: width > 0 && covered !== null && tags.length > 0,
    refetchInterval: isRelative(range) && historyInterval(REFRESH_MS),
  });
  const history = found.data?.data;
  const several = history?.series ?? [];
  const meta = found.data?.meta;

  return (
    <div className={classes["view"]} ref={ref}>
      <Choices
        actions={
          <>
            <LinkButton to="/history" search={{ s: writeSeries([{ deviceId: device.deviceId, tags: tags.map(({ name }) => name) }]), from: url.from, to: url.to } as never} variant="default">
              Compare
            </LinkButton>
            <ImportButton deviceId={device.deviceId} />
            <ExportButton chosen={[{ deviceId: device.deviceId, tags: tags.map(({ name }) => name) }]} range={range} quality={quality} />
          </>
        }
      >
        <RangeControl range={range} onRange={onRange} />
        <QualityChoice quality={quality} onQuality={(next) => setUrl({ quality: next })} />
        <TagChooser device={device} chosen={tags} onChoose={(names) => setUrl({ tags: joinNames(names) })} />
      </Choices>
      {tags.length === 0 && <EmptyState title="Nothing to draw">The signals of this device are texts; they are in the raw data.</EmptyState>}
      {found.isError && !history && <ErrorState title="The history could not be read" error={found.error} onRetry={found.refetch} />}
      {found.isPending && tags.length > 0 && <SkeletonRows rows={1} height={340} />}
      {history &&
        tags.map((tag) => {
          const own = several.length > 0 ? several.find((each) => each.tag === tag.name)?.readings : history.tag === tag.name ? history.readings : undefined;
          return own && <SeriesPanel key={tag.id} device={device} tag={tag} readings={own} bySample={meta?.source === "raw"} from={history.from} to={history.to} onZoom={onZoom} />;
        })}
      <p className={classes["source"]} aria-live="polite">
        {meta && `Drawn from ${SOURCES[meta.source]}. `}
        {meta && <span className={classes["drag"]}>Drag over a chart to see a part of it closer.</span>}
      </p>
    </div>
  );
}
