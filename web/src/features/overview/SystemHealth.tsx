import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCan } from "@/api/hooks";
import { healthQuery } from "@/api/queries";
import type { Health, Level } from "@/api/types";
import { Panel } from "@/components/Page";
import { SeverityMark } from "@/components/SeverityMark";
import { humanise } from "@/lib/format";
import classes from "./SystemHealth.module.css";

const LEVEL: Record<Health, Level> = { healthy: "normal", degraded: "warning", unhealthy: "critical" };

/** Andon's own parts: quiet grey while they are well. */
export function SystemHealth() {
  const { data } = useQuery(healthQuery());
  const maySee = useCan("system:read");
  return (
    <Panel title="System health" flush actions={maySee && <Link to="/admin/system">Details</Link>}>
      <ul className={classes["list"]}>
        {Object.entries(data?.dependencies ?? {}).map(([name, { status, responseTime }]) => (
          <li key={name} className={classes["row"]}>
            <span>{humanise(name)}</span>
            <span className={`${classes["state"] ?? ""} from-server`}>
              {status === "healthy" ? "healthy" : <SeverityMark level={LEVEL[status]} size={16} label={status} />}
              <span className={classes["time"]}>{milliseconds(responseTime)}</span>
            </span>
          </li>
        ))}
      </ul>
      {!data && <p className={classes["none"]}>Not known yet.</p>}
    </Panel>
  );
}

function milliseconds(time: number): string {
  if (time < 0.1) return "< 0.1 ms";
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}
