import { NativeSelect, Pagination, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { alertHistoryQuery, alertsQuery } from "@/api/queries";
import type { AlertsMeta, Severity } from "@/api/types";
import { Page, Panel } from "@/components/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { useUrlState } from "@/lib/urlState";
import { AlertList } from "./AlertList";
import classes from "./alerts.module.css";

const PAGE_SIZE = 50;
const SEVERITIES = [
  { value: "", label: "Any severity" },
  { value: "critical", label: "Critical" },
  { value: "high", label: "High" },
  { value: "medium", label: "Medium" },
  { value: "low", label: "Low" },
];

function Counts({ meta }: { meta: AlertsMeta }) {
  const parts = [
    [meta.criticalAlerts, "critical"],
    [meta.highAlerts, "high"],
    [meta.mediumAlerts, "medium"],
    [meta.lowAlerts, "low"],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return <span className="from-server">{shown.join(", ") || "none"}</span>;
}

/** Active alarms and what was; the view, filters and page live in the URL. */
export default function AlertsPage() {
  const [url, setUrl] = useUrlState<"view" | "severity" | "device" | "page" | "id">();
  const history = url.view === "history";
  const page = Math.max(1, Number(url.page) || 1);
  const filter = {
    limit: PAGE_SIZE,
    offset: (page - 1) * PAGE_SIZE,
    ...(url.severity ? { severity: url.severity as Severity } : {}),
    ...(url.device ? { deviceId: url.device } : {}),
  };
  const active = useQuery({ ...alertsQuery({ ...filter, status: "active" }), enabled: !history });
  const past = useQuery({ ...alertHistoryQuery(filter), enabled: history });
  const found = history ? past : active;
  const total = found.data?.meta.totalAlerts ?? 0;

  return (
    <Page title="Alarms" aside={found.data && <Counts meta={found.data.meta} />}>
      <div className={classes["filters"]}>
        <SegmentedControl
          aria-label="Which alarms"
          size="md"
          value={history ? "history" : "active"}
          onChange={(view) => setUrl({ view: view === "active" ? undefined : view, page: undefined, id: undefined }, true)}
          data={[
            { value: "active", label: "Active" },
            { value: "history", label: "History" },
          ]}
        />
        <NativeSelect
          aria-label="Severity"
          size="md"
          value={url.severity ?? ""}
          onChange={(event) => setUrl({ severity: event.currentTarget.value, page: undefined })}
          data={SEVERITIES}
        />
      </div>
      {found.isError && !found.data && <ErrorState title="The alarms could not be read" error={found.error} onRetry={found.refetch} />}
      {found.isPending && <SkeletonRows rows={6} height={64} />}
      {found.data && found.data.data.alerts.length > 0 && (
        <Panel flush>
          <AlertList alerts={found.data.data.alerts} current={url.id} />
        </Panel>
      )}
      {found.data?.data.alerts.length === 0 && (
        <div className="from-server">
          <NoAlarms history={history} filtered={Boolean(url.severity ?? url.device)} />
        </div>
      )}
      {total > PAGE_SIZE && (
        <Pagination
          total={Math.ceil(total / PAGE_SIZE)}
          value={page}
          onChange={(next) => setUrl({ page: next === 1 ? undefined : String(next) }, true)}
          getControlProps={(control) => ({ "aria-label": `${control} page` })}
        />
      )}
    </Page>
  );
}

/** Among all of them, or among those that were asked for: of the others nothing is said. */
function NoAlarms({ history, filtered }: { history: boolean; filtered: boolean }) {
  if (filtered) return <EmptyState title="No such alarms">There may be others: look at any severity.</EmptyState>;
  if (history) return <EmptyState title="No alarms yet">Every alarm that was raised is kept here.</EmptyState>;
  return <EmptyState title="No active alarms">Nothing that sends is beyond its limits. Earlier alarms are under History.</EmptyState>;
}
