import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTimeZone } from "@/api/hooks";
import type { DeviceDetail, HistoryReading, Tag } from "@/api/types";
import { TimeChart } from "@/components/charts/TimeChart";
import { DataTable, type Column } from "@/components/DataTable";
import { Panel } from "@/components/Page";
import { EmptyState } from "@/components/states";
import { formatTime, formatValue, humanise, unitSymbol } from "@/lib/format";
import classes from "./history.module.css";
import { toLine } from "./line";

interface Props {
  device: DeviceDetail;
  tag: Tag;
  readings: readonly HistoryReading[];
  /** Each of them is a sample, not a sum of minutes or hours. */
  bySample: boolean;
  from: string;
  to: string;
  onZoom: (fromMs: number, toMs: number) => void;
  /** Among signals of other devices: the title names its own. */
  among?: boolean;
}

/** One signal over the range, as a chart and, when asked for, as a table of the same points. */
export function SeriesPanel({ device, tag, readings, bySample, from, to, onZoom, among = false }: Props) {
  const [asTable, setAsTable] = useState(false);
  const data = useMemo(() => toLine(readings, bySample), [readings, bySample]);
  const range = useMemo(() => (): [number, number] => [Date.parse(from) / 1_000, Date.parse(to) / 1_000], [from, to]);
  const title = `${among ? `${device.name || device.deviceId}: ` : ""}${humanise(tag.name)}${tag.unit ? `, ${unitSymbol(tag.unit)}` : ""}`;
  const toggle = readings.length > 0 && (
    <Button variant="default" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
      Table
    </Button>
  );
  return (
    <Panel title={title} actions={toggle}>
      {readings.length === 0 && <EmptyState title="Nothing in this range">Choose a wider range, another time, or samples of any quality.</EmptyState>}
      {readings.length > 0 && (
        <TimeChart
          label={`${tag.name} of ${device.name}, the chosen range`}
          limits={tag.limits}
          decimals={tag.decimals}
          range={range}
          data={data}
          onZoom={onZoom}
        />
      )}
      {data.length === 3 && <p className={classes["source"]}>Dashed: samples that are not good.</p>}
      {asTable && readings.length > 0 && <Points tag={tag} readings={readings} />}
    </Panel>
  );
}

function Points({ tag, readings }: { tag: Tag; readings: readonly HistoryReading[] }) {
  const timeZone = useTimeZone();
  const columns: Column<HistoryReading>[] = [
    { key: "time", header: `Time (${timeZone})`, width: "16rem", cell: ({ timestamp }) => formatTime(timestamp, timeZone) },
    { key: "value", header: "Value", align: "end", width: "9rem", cell: ({ value }) => formatValue(value, tag.decimals) },
    { key: "quality", header: "Quality", cell: ({ value, quality }) => (value === null ? "Nothing came" : humanise(quality)) },
  ];
  const measured = readings.map((reading, place) => ({ ...reading, place }));
  return (
    <div className={classes["points"]} tabIndex={0} role="region" aria-label={`Points of ${tag.name}`}>
      <DataTable caption={`Points of ${tag.name}`} columns={columns} rows={measured} rowKey={(reading) => String(reading.place)} />
    </div>
  );
}
