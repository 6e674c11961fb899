import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useCan } from "@/api/hooks";
import { retentionQuery } from "@/api/queries";
import type { HistoryStorage, Retention, RetentionOverride } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { Panel } from "@/components/Page";
import { ErrorState, SkeletonRows } from "@/components/states";
import { formatDays, TIERS } from "./retention";
import { RetentionForm } from "./RetentionForm";
import classes from "./storage.module.css";

const COLUMNS: Column<RetentionOverride>[] = [
  { key: "device", header: "Device", cell: ({ deviceId }) => deviceId },
  { key: "tag", header: "Signal", cell: ({ tag }) => tag ?? "All" },
  ...TIERS.map(({ field, label }) => ({ key: field, header: label, cell: ({ policy }: RetentionOverride) => formatDays(policy[field]) })),
];

/** How long history is kept; who may decide it can change it. `storage` undefined: not known now. */
export function RetentionPanel({ storage }: { storage: HistoryStorage | undefined }) {
  const mayDecide = useCan("system:write");
  const found = useQuery(retentionQuery());
  const [editing, setEditing] = useState(false);
  const retention = found.data?.data;
  const change = mayDecide && retention && !editing && (
    <Button variant="default" onClick={() => setEditing(true)}>
      Change
    </Button>
  );
  return (
    <Panel title="How long it is kept" actions={change}>
      {found.isError && !retention && <ErrorState title="How long history is kept could not be read" error={found.error} onRetry={found.refetch} />}
      {found.isPending && <SkeletonRows rows={2} />}
      {retention && !editing && <Kept retention={retention} />}
      {retention && editing && <RetentionForm retention={retention} storage={storage} onDone={() => setEditing(false)} />}
    </Panel>
  );
}

function Kept({ retention }: { retention: Retention }) {
  return (
    <div className={classes["form"]}>
      <dl className={classes["facts"]}>
        {TIERS.map(({ field, label }) => (
          <div key={field}>
            <dt>{label}</dt>
            <dd>{formatDays(retention.policy[field])}</dd>
          </div>
        ))}
      </dl>
      {retention.overrides.length > 0 && (
        <DataTable caption="Devices with a time of their own" columns={COLUMNS} rows={retention.overrides} rowKey={({ deviceId, tag }) => `${deviceId} ${tag ?? ""}`} />
      )}
      <p className={classes["note"]}>
        What is older goes for good, whole files at a time. Imported history stays whatever its age, unless it was imported to expire.
      </p>
    </div>
  );
}
