import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { openAlertsQuery } from "@/api/queries";
import type { Alert } from "@/api/types";
import { Panel } from "@/components/Page";
import { SeverityMark } from "@/components/SeverityMark";
import { ErrorState, SkeletonRows } from "@/components/states";
import { TimeAgo } from "@/components/TimeAgo";
import { byUrgency } from "@/lib/alarms";
import { levelOf } from "@/lib/limits";
import classes from "./AlarmList.module.css";

const SHOWN = 6;

/** The alarms to look at first. */
export function AlarmList() {
  const { data, error, isPending, refetch } = useQuery(openAlertsQuery());
  const alerts = data?.data.alerts ?? [];
  const first = [...alerts].sort(byUrgency).slice(0, SHOWN);
  return (
    <Panel title="Open alarms" flush actions={<Link to="/alerts">All alarms{alerts.length > SHOWN ? ` (${alerts.length})` : ""}</Link>}>
      {isPending && <SkeletonRows rows={3} height={56} />}
      {!data && error && <ErrorState title="The alarms cannot be shown" error={error} onRetry={refetch} />}
      {data && first.length === 0 && <p className={classes["none"]}><span className="from-server">No open alarms.</span></p>}
      <ul className={classes["list"]}>
        {first.map((alert) => (
          <AlarmRow key={alert.id} alert={alert} />
        ))}
      </ul>
    </Panel>
  );
}

function AlarmRow({ alert }: { alert: Alert }) {
  const level = levelOf(alert.severity);
  const waiting = alert.state === "unacknowledged" || alert.state === "rtn_unacknowledged";
  return (
    <li className={classes["row"]} data-level={level}>
      <SeverityMark level={level} size={20} blink={alert.state === "unacknowledged"} />
      <div className={classes["what"]}>
        <Link to="/alerts" search={{ id: alert.id } as never} className={classes["device"]}>
          {alert.deviceName || alert.deviceId}
        </Link>
        <span className={classes["since"]}>
          <TimeAgo at={alert.triggeredAt} as="for" />
        </span>
        <span className={classes["message"]}>{alert.message}</span>
        <span className={classes["state"]} data-waiting={waiting || undefined}>
          {stateText(alert)}
        </span>
      </div>
    </li>
  );
}

function stateText({ state, acknowledgedBy }: Alert): string {
  if (state === "unacknowledged") return "Unacknowledged";
  if (state === "rtn_unacknowledged") return "Returned, unacknowledged";
  return acknowledgedBy ? `Acknowledged by ${acknowledgedBy}` : "Acknowledged";
}
