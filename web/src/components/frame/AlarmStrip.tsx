import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Level } from "@/api/types";
import { openAlertsQuery } from "@/api/queries";
import { byUrgency } from "@/lib/alarms";
import { NO_VALUE } from "@/lib/format";
import { levelOf } from "@/lib/limits";
import { TimeAgo } from "../TimeAgo";
import { LEVEL_NAMES, SeverityMark } from "../SeverityMark";
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
    <section className={classes["strip"]} aria-label="Alarm strip">
      <Link to="/alerts" className={`${classes["counts"] ?? ""} from-server`}>
        <span className="visually-hidden">Alarms:</span>
        {LEVELS.map((level) => {
          const count = counts.get(level) ?? 0;
          return (
            <span key={level} className={classes["count"]} data-level={count ? level : "normal"}>
              {count ? <SeverityMark level={level} size={16} decorative /> : <i className={classes["dot"]} data-shape={level} />}
              {data ? count : NO_VALUE}
              <span className="visually-hidden">{LEVEL_NAMES[level]}</span>
            </span>
          );
        })}
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
        <span className={`${classes["quiet"] ?? ""} from-server`}>{data ? "No open alarms" : isError ? "Alarms unknown" : ""}</span>
      )}
    </section>
  );
}
