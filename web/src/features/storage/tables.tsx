import { useTimeZone } from "@/api/hooks";
import type { ConsumerLag, StorageTier } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { SeverityMark } from "@/components/SeverityMark";
import { EmptyState } from "@/components/states";
import { formatBytes, formatCount, formatTime, humanise, NO_VALUE } from "@/lib/format";
import { serverNow } from "@/live/clock";
import { formatDays, tierLabel } from "./retention";
import classes from "./storage.module.css";

/** A reader that is further behind than this shows as a warning: at full load it is about a second. */
const LAG_WARNING = 1_000;

/** One row a tier: what it takes, from when to when, and what goes next. */
export function Tiers({ tiers }: { tiers: readonly StorageTier[] }) {
  const timeZone = useTimeZone();
  const time = (at: string | null) => (at === null ? NO_VALUE : formatTime(at, timeZone));
  const columns: Column<StorageTier>[] = [
    { key: "tier", header: "Tier", cell: ({ tier }) => tierLabel(tier) },
    { key: "rows", header: "Points", align: "end", cell: ({ rows }) => formatCount(rows) },
    { key: "bytes", header: "Size", align: "end", cell: ({ bytes }) => formatBytes(bytes) },
    { key: "each", header: "Bytes a point", align: "end", wide: true, cell: ({ bytesPerRow }) => (bytesPerRow === null ? NO_VALUE : bytesPerRow.toFixed(1)) },
    { key: "files", header: "Files", align: "end", wide: true, cell: ({ files }) => formatCount(files) },
    { key: "oldest", header: "Oldest", wide: true, cell: ({ oldest }) => time(oldest) },
    { key: "newest", header: "Newest", wide: true, cell: ({ newest }) => time(newest) },
    { key: "kept", header: "Kept", wide: true, cell: ({ keptDays }) => formatDays(keptDays) },
    { key: "next", header: "Dropped next", cell: (tier) => <NextDrop tier={tier} timeZone={timeZone} /> },
  ];
  return <DataTable caption={`What is stored, times in ${timeZone}`} columns={columns} rows={tiers} rowKey={({ tier }) => tier} />;
}

function NextDrop({ tier, timeZone }: { tier: StorageTier; timeZone: string }) {
  if (tier.nextDropAt === null) return <>Nothing</>;
  return (
    <>
      {formatBytes(tier.nextDropBytes)}
      <div className={classes["detail"]}>{Date.parse(tier.nextDropAt) <= serverNow() ? "due now" : formatTime(tier.nextDropAt, timeZone)}</div>
    </>
  );
}

const CONSUMERS: Column<ConsumerLag>[] = [
  { key: "group", header: "Reader", cell: ({ group }) => humanise(group) },
  { key: "stream", header: "Stream", cell: ({ stream }) => stream },
  { key: "partitions", header: "Partitions", align: "end", wide: true, cell: ({ partitions }) => partitions },
  { key: "lag", header: "Behind", align: "end", cell: ({ lag }) => <Behind lag={lag} /> },
  { key: "uncommitted", header: "Kept in the log", align: "end", wide: true, cell: ({ uncommitted }) => formatCount(uncommitted) },
];

function Behind({ lag }: { lag: number }) {
  return lag > LAG_WARNING ? <SeverityMark level="warning" label={formatCount(lag)} /> : <>{formatCount(lag)}</>;
}

/** One row for each reader of each stream; numbers are records. */
export function Consumers({ consumers }: { consumers: readonly ConsumerLag[] }) {
  if (consumers.length === 0) return <EmptyState title="Nobody reads the log yet" />;
  return (
    <DataTable
      caption="Readers of the log, in records"
      columns={CONSUMERS}
      rows={consumers}
      rowKey={({ group, stream }) => `${group} ${stream}`}
      rowLevel={({ lag }) => (lag > LAG_WARNING ? "warning" : undefined)}
    />
  );
}
