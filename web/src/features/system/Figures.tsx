import type { SystemMetrics } from "@/api/types";
import { formatBytes, formatCount, humanise, NO_VALUE } from "@/lib/format";
import classes from "./system.module.css";

const rate = (value: number | undefined) =>
  value === undefined ? NO_VALUE : value < 100 ? value.toFixed(1) : formatCount(value);

function Figure({ name, value, unit, note }: { name: string; value: string; unit?: string; note?: string }) {
  return (
    <div className={classes["figure"]}>
      <dt>{name}</dt>
      <dd>
        <span className={`${classes["number"] ?? ""} from-server`}>{value}</span>
        {unit && <span className={classes["unit"]}>{unit}</span>}
        {note && <span className={classes["note"]}>{note}</span>}
      </dd>
    </div>
  );
}

/** Rates, storage, clients and the server's own use, each a number with its unit. */
export function Figures({ system }: { system: SystemMetrics }) {
  const { rates, storage, clients, process } = system;
  return (
    <dl className={classes["figures"]}>
      {Object.entries(rates).map(([name, value]) => (
        <Figure key={name} name={humanise(name.replace(/PerSecond$/, "").replace(/([A-Z])/g, " $1"))} value={rate(value)} unit="per second" />
      ))}
      <Figure name="Samples stored" value={formatCount(storage["samples"])} note={`${formatBytes(storage["historyBytes"])} on disk`} />
      <Figure name="Disk free" value={formatBytes(storage["freeBytes"])} note={`log ${formatBytes(storage["logBytes"])}`} />
      <Figure name="Viewers" value={formatCount(clients.socketio + clients.websocket)} note={`${clients.mqtt} MQTT clients`} />
      <Figure name="Server" value={process.cpuPercent.toFixed(0)} unit="% of a core" note={`${process.rssMb.toFixed(0)} MB memory`} />
    </dl>
  );
}
