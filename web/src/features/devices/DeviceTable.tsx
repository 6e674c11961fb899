import { Link } from "@tanstack/react-router";
import type { Device } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { LimitBar } from "@/components/LimitBar";
import { LEVEL_NAMES, SeverityMark } from "@/components/SeverityMark";
import { TimeAgo } from "@/components/TimeAgo";
import { FreshnessNote, shownLevel } from "@/components/ValueInContext";
import { deviceLevel } from "@/lib/deviceList";
import { formatValue, humanise, NO_VALUE, unitSymbol } from "@/lib/format";
import { usePrimary, useSubscription } from "@/live/hooks";
import classes from "./devices.module.css";
import { formatSort, parseSort } from "./listing";

interface Props {
  rows: readonly Device[];
  fetchedAt: number;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
}

/** One page of devices with their live values. */
export function DeviceTable({ rows, fetchedAt, sort, onSort }: Props) {
  useSubscription(rows.map((device) => device.deviceId));
  const columns: Column<Device>[] = [
    { key: "state", header: "State", sortable: true, cell: (device) => <State device={device} /> },
    { key: "name", header: "Device", sortable: true, cell: (device) => <Name device={device} /> },
    { key: "type", header: "Type", sortable: true, wide: true, cell: (device) => humanise(device.type) },
    { key: "place", header: "Place", sortable: true, wide: true, cell: (device) => <Place device={device} /> },
    { key: "value", header: "Value", align: "end", cell: (device) => <Value device={device} fetchedAt={fetchedAt} /> },
    { key: "bar", header: "Against limits", wide: true, cell: (device) => <Bar device={device} fetchedAt={fetchedAt} /> },
    { key: "seen", header: "Last sample", sortable: true, wide: true, cell: (device) => <Seen device={device} fetchedAt={fetchedAt} /> },
  ];
  return (
    <DataTable
      caption="Devices"
      columns={columns}
      rows={rows}
      rowKey={(device) => device.deviceId}
      sort={parseSort(sort)}
      onSort={(next) => onSort(formatSort(next))}
      rowLevel={(device) => (device.status === "disabled" ? "normal" : deviceLevel(device))}
    />
  );
}

const STATE_NAMES: Record<Device["status"], string> = { active: "Normal", offline: "Offline", unknown: "Never seen", disabled: "Disabled" };

function State({ device }: { device: Device }) {
  const level = deviceLevel(device);
  const quiet = level === "normal" || device.status === "disabled";
  const name = quiet || level === "unknown" ? STATE_NAMES[device.status] : LEVEL_NAMES[level];
  return (
    <span className={classes["state"]} data-level={quiet ? "normal" : level}>
      {!quiet && <SeverityMark level={level} decorative />}
      <span className={classes["stateName"]}>{name}</span>
    </span>
  );
}

function Name({ device }: { device: Device }) {
  return (
    <div className={classes["device"]}>
      <Link to="/devices/$deviceId" params={{ deviceId: device.deviceId }}>
        {device.name || device.deviceId}
      </Link>
      {device.name && device.name !== device.deviceId && <span className={classes["dim"]}>{device.deviceId}</span>}
    </div>
  );
}

function Place({ device }: { device: Device }) {
  return (
    <div className={classes["device"]}>
      {device.location || NO_VALUE}
      <span className={classes["dim"]}>{device.area}</span>
    </div>
  );
}

interface CellProps {
  device: Device;
  fetchedAt: number;
}

function Value({ device, fetchedAt }: CellProps) {
  const shown = usePrimary(device, fetchedAt);
  const level = shownLevel(shown);
  const usable = shown.freshness.kind !== "none";
  return (
    <>
      <span className={`${classes["value"] ?? ""} ${usable && level === "unknown" ? "hatched" : ""}`} data-level={level}>
        {usable ? formatValue(shown.value?.value, device.decimals) : NO_VALUE}
        <small>{usable ? unitSymbol(device.unit) : ""}</small>
      </span>
      {usable && <FreshnessNote shown={shown} />}
    </>
  );
}

function Bar({ device, fetchedAt }: CellProps) {
  const shown = usePrimary(device, fetchedAt);
  const value = typeof shown.value?.value === "number" ? shown.value.value : null;
  return (
    <div className={classes["bar"]}>
      <LimitBar value={value} limits={device.limits} level={shownLevel(shown)} stale={shown.freshness.kind === "stale"} />
    </div>
  );
}

function Seen({ device, fetchedAt }: CellProps) {
  const { value } = usePrimary(device, fetchedAt);
  return <span className={classes["dim"]}>{value ? <TimeAgo at={value.timestamp} /> : "never"}</span>;
}
