import { useQuery } from "@tanstack/react-query";
import { systemQuery } from "@/api/queries";
import type { SystemMetrics } from "@/api/types";
import { Page, Panel } from "@/components/Page";
import { SeverityMark } from "@/components/SeverityMark";
import { ErrorState, SkeletonRows } from "@/components/states";
import { formatDuration } from "@/lib/format";
import { Figures } from "./Figures";
import { DeadLetters } from "./DeadLetters";
import { Dependencies, Roles, Streams } from "./tables";
import classes from "./system.module.css";

const LEVEL = { healthy: "normal", degraded: "warning", unhealthy: "critical" } as const;

function Health({ system }: { system: SystemMetrics }) {
  const level = LEVEL[system.health];
  return (
    <span className="from-server">
      {level === "normal" ? "Healthy" : <SeverityMark level={level} label={system.health} />}, version {system.version}, up for{" "}
      {formatDuration(system.uptimeSeconds * 1_000)}
    </span>
  );
}

/** How Andon itself is doing. Refreshes every five seconds; old figures stay, marked, when the server is away. */
export default function SystemPage() {
  const system = useQuery(systemQuery());
  const data = system.data?.data;
  return (
    <Page title="System" aside={data && <Health system={data} />}>
      {system.isError && !data && <ErrorState title="The system's figures could not be read" error={system.error} onRetry={system.refetch} />}
      {system.isPending && <SkeletonRows rows={8} />}
      {data && (
        <div className={classes["page"]} data-old={system.isError || undefined}>
          <Figures system={data} />
          <Panel title="Roles" flush>
            <Roles roles={data.roles} />
          </Panel>
          <div className={classes["columns"]}>
            <Panel title="Streams and their readers" flush>
              <Streams streams={data.streams} />
            </Panel>
            <Panel title="What Andon stands on" flush>
              <Dependencies dependencies={data.dependencies} />
            </Panel>
          </div>
        </div>
      )}
      <DeadLetters />
    </Page>
  );
}
