import type { SystemMetrics } from "@/api/types";
import { Figure, Figures as Group } from "@/components/Figure";
import { formatBytes, formatCount, humanise, NO_VALUE } from "@/lib/format";

const rate = (value: number | undefined) =>
  value === undefined ? NO_VALUE : value < 100 ? value.toFixed(1) : formatCount(value);

/** Rates, storage, clients and the server's own use, each a number with its unit. */
export function Figures({ system }: { system: SystemMetrics }) {
  const { rates, storage, clients, process } = system;
  return (
    <Group>
      {Object.entries(rates).map(([name, value]) => (
        <Figure key={name} name={humanise(name.replace(/PerSecond$/, "").replace(/([A-Z])/g, " $1"))} value={rate(value)} unit="per second" />
      ))}
      <Figure name="Samples stored" value={formatCount(storage["samples"])} note={`${formatBytes(storage["historyBytes"])} on disk`} />
      <Figure name="Disk free" value={formatBytes(storage["freeBytes"])} note={`log ${formatBytes(storage["logBytes"])}`} />
      <Figure name="Viewers" value={formatCount(clients.socketio + clients.websocket)} note={`${clients.mqtt} MQTT clients`} />
      <Figure name="Server" value={process.cpuPercent.toFixed(0)} unit="% of a core" note={`${process.rssMb.toFixed(0)} MB memory`} />
    </Group>
  );
}
