import type { DependencyHealth, Role, Stream } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { SeverityMark } from "@/components/SeverityMark";
import { formatBytes, formatCount, humanise, NO_VALUE } from "@/lib/format";

/** A reader that is further behind than this shows as a warning: at full load it is about a second. */
const LAG_WARNING = 1_000;

const roleLevel = (role: Role) => (role.state === "running" ? "normal" : role.state === "restarting" ? "warning" : "critical");

/** Names that are more than their first letter in capitals. */
const NAMES: Record<string, string> = { api: "API" };

const ROLES: Column<Role>[] = [
  { key: "name", header: "Role", cell: (role) => NAMES[role.name] ?? humanise(role.name) },
  {
    key: "state",
    header: "State",
    cell: (role) => (role.state === "running" ? "Running" : <SeverityMark level={roleLevel(role)} label={humanise(role.state)} />),
  },
  { key: "restarts", header: "Restarts", align: "end", wide: true, cell: (role) => role.restarts },
  { key: "pid", header: "Process", align: "end", wide: true, cell: (role) => role.pid ?? NO_VALUE },
  { key: "cpu", header: "CPU", align: "end", cell: (role) => (role.cpuPercent === null ? NO_VALUE : `${role.cpuPercent.toFixed(0)} %`) },
  { key: "memory", header: "Memory", align: "end", cell: (role) => (role.rssMb === null ? NO_VALUE : `${role.rssMb.toFixed(0)} MB`) },
  { key: "detail", header: "Detail", wide: true, cell: (role) => role.detail || NO_VALUE },
];

export function Roles({ roles }: { roles: readonly Role[] }) {
  return <DataTable caption="Roles" columns={ROLES} rows={roles} rowKey={(role) => role.name} rowLevel={roleLevel} />;
}

interface Reader {
  stream: Stream;
  group: string | null;
  lag: number | null;
}

const STREAMS: Column<Reader>[] = [
  { key: "stream", header: "Stream", cell: ({ stream }) => stream.stream },
  { key: "kept", header: "Kept", align: "end", cell: ({ stream }) => formatCount(stream.end === 0 ? 0 : stream.end - stream.first + 1) },
  { key: "size", header: "Size", align: "end", wide: true, cell: ({ stream }) => formatBytes(stream.bytes) },
  { key: "group", header: "Reader", cell: ({ group }) => group ?? NO_VALUE },
  { key: "lag", header: "Behind", align: "end", cell: ({ lag }) => (lag === null ? NO_VALUE : formatCount(lag)) },
];

/** One row for each reader of each stream. */
export function Streams({ streams }: { streams: readonly Stream[] }) {
  const rows = streams.flatMap((stream): Reader[] =>
    stream.groups.length === 0
      ? [{ stream, group: null, lag: null }]
      : stream.groups.map(({ group, lag }) => ({ stream, group, lag })),
  );
  return (
    <DataTable
      caption="Streams and their readers"
      columns={STREAMS}
      rows={rows}
      rowKey={({ stream, group }) => `${stream.stream} ${group ?? ""}`}
      rowLevel={({ lag }) => (lag !== null && lag > LAG_WARNING ? "warning" : undefined)}
    />
  );
}

type Named = DependencyHealth & { name: string };
const LEVEL = { healthy: "normal", degraded: "warning", unhealthy: "critical" } as const;

const DEPENDENCIES: Column<Named>[] = [
  { key: "name", header: "Dependency", cell: ({ name }) => humanise(name) },
  {
    key: "status",
    header: "State",
    cell: ({ status, error }) => (status === "healthy" ? "Healthy" : <SeverityMark level={LEVEL[status]} label={error ?? humanise(status)} />),
  },
  { key: "time", header: "Answers in", align: "end", cell: ({ responseTime }) => `${responseTime.toFixed(1)} ms` },
];

export function Dependencies({ dependencies }: { dependencies: Record<string, DependencyHealth> }) {
  const rows = Object.entries(dependencies).map(([name, health]) => ({ name, ...health }));
  return <DataTable caption="Dependencies" columns={DEPENDENCIES} rows={rows} rowKey={({ name }) => name} rowLevel={({ status }) => LEVEL[status]} />;
}
