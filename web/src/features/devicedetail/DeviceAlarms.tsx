import { useQuery } from "@tanstack/react-query";
import { alertsQuery } from "@/api/queries";
import { Panel } from "@/components/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { AlertList } from "@/features/alerts/AlertList";

/** The device's alarms, open ones first, then what was. */
export function DeviceAlarms({ deviceId }: { deviceId: string }) {
  const found = useQuery(alertsQuery({ deviceId, status: "all", limit: 20 }));
  const alerts = found.data?.data.alerts;
  return (
    <Panel title="Alarms" flush>
      {found.isError && !alerts && <ErrorState title="The alarms could not be read" error={found.error} onRetry={found.refetch} />}
      {found.isPending && <SkeletonRows rows={3} />}
      {alerts?.length === 0 && <EmptyState title="No alarms yet" />}
      {alerts && alerts.length > 0 && <AlertList alerts={alerts} withDevice={false} />}
    </Panel>
  );
}
