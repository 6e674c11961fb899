import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Level } from "@/api/types";
import { openAlertsQuery } from "@/api/queries";
import { byUrgency } from "@/lib/alarms";
import { levelOf } from "@/lib/limits";
import { TimeAgo } from "../TimeAgo";
import { SeverityMark } from "../SeverityMark";
import classes from "./AlarmStrip.module.css";

const LEVELS = ["critical", "warning", "info"] as const;

/** How many alarms are open, by level, and the one to look at first. On every page. */
export function AlarmStrip() {
  const { data, isError } = useQuery(openAlertsQuery());
  const alerts = data?.data.alerts ?? [];
  const counts = new Map<Level, number>();
  for (const alert of alerts) counts.set(levelOf(alert.severity), (counts.get(levelOf(alert.severity)) ?? 0) + 1);
  const first = [...alerts].sort(byUrgency)[0];
  return (
    <section className={classes["strip"]} aria-label="Open alarms">
      <Link to="/alerts" className={classes["counts"]} aria-label={summary(counts, data === undefined, isError)}>
        {LEVELS.map((level) => (
          <span key={level} className={classes["count"]} data-level={counts.get(level) ? level : "normal"} aria-hidden>
            {counts.get(level) ? <SeverityMark level={level} size={16} /> : <i className={classes["dot"]} data-shape={level} />}
            {data ? (counts.get(level) ?? 0) : "–"}
          </span>
        ))}
      </Link>
      {first ? (
        <Link to="/alerts" search={{ id: first.id } as never} className={classes["first"]} data-level={levelOf(first.severity)}>
          <SeverityMark level={levelOf(first.severity)} blink={first.state === "unacknowledged"} />
          <span className={classes["device"]}>{first.deviceName || first.deviceId}</span>
          <span className={classes["message"]}>{first.message}</span>
          <span className={classes["since"]}>
            <TimeAgo at={first.triggeredAt} as="for" />
          </span>
        </Link>
      ) : (
        <span className={classes["quiet"]}>{data ? "No open alarms" : isError ? "Alarms unknown" : ""}</span>
      )}
    </section>
  );
}

function summary(counts: ReadonlyMap<Level, number>, loading: boolean, failed: boolean): string {
  if (loading) return failed ? "Alarms: not known" : "Alarms: loading";
  return `Alarms: ${LEVELS.map((level) => `${counts.get(level) ?? 0} ${level}`).join(", ")}`;
}
