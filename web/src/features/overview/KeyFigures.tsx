import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { dashboardQuery } from "@/api/queries";
import type { Dashboard, Level } from "@/api/types";
import { SeverityMark } from "@/components/SeverityMark";
import { formatCount, NO_VALUE } from "@/lib/format";
import classes from "./KeyFigures.module.css";

const HEALTH: Record<Dashboard["systemHealth"], { text: string; level: Level }> = {
  healthy: { text: "Healthy", level: "normal" },
  degraded: { text: "Degraded", level: "warning" },
  unhealthy: { text: "Unhealthy", level: "critical" },
};

/** The plant's key figures. What is not known is a dash, never a zero. */
export function KeyFigures() {
  const { data } = useQuery(dashboardQuery());
  const figures = data?.data;
  const alarms = figures?.alertsBySeverity;
  const health = figures ? HEALTH[figures.systemHealth] : null;
  return (
    <dl className={classes["figures"]}>
      <Figure label="Devices active" to="/devices" note={figures ? away(figures) : ""}>
        {formatCount(figures?.activeDevices)}
        <small> of {formatCount(figures?.totalDevices)}</small>
      </Figure>
      <Figure label="Open alarms" to="/alerts" note={alarms ? mix(alarms) : ""}>
        {alarms && alarms.critical > 0 && <SeverityMark level="critical" size={20} />}
        {formatCount(figures?.activeAlertsCount)}
      </Figure>
      <Figure label="Samples, last hour">{formatCount(figures?.dataPointsLastHour)}</Figure>
      <Figure label="System">
        {health && health.level !== "normal" && <SeverityMark level={health.level} size={20} />}
        {health?.text ?? NO_VALUE}
      </Figure>
      <Figure label="Discovered, not adopted" to="/devices">
        {formatCount(figures?.discoveredDevices)}
      </Figure>
    </dl>
  );
}

function away({ offlineDevices, unknownDevices }: Dashboard): string {
  const parts = [offlineDevices > 0 && `${offlineDevices} offline`, unknownDevices ? `${unknownDevices} never seen` : false];
  return parts.filter(Boolean).join(", ");
}

function mix({ critical, high, medium, low }: Dashboard["alertsBySeverity"]): string {
  const parts = [
    [critical, "critical"],
    [high, "high"],
    [medium, "medium"],
    [low, "low"],
  ] as const;
  return parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`).join(", ");
}

interface FigureProps {
  label: string;
  to?: string;
  /** May be empty for now: its line is kept. */
  note?: string;
  children: ReactNode;
}

function Figure({ label, to, note, children }: FigureProps) {
  return (
    <div className={classes["figure"]}>
      <dt className={classes["label"]}>{to ? <Link to={to}>{label}</Link> : label}</dt>
      <dd className={classes["number"]}>
        <span className="from-server">{children}</span>
        {note !== undefined && <span className={classes["note"]}>{note}</span>}
      </dd>
    </div>
  );
}
