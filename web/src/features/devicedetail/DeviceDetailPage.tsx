import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ApiError } from "@/api/errors";
import { deviceQuery } from "@/api/queries";
import type { DeviceDetail } from "@/api/types";
import { Page, Panel } from "@/components/Page";
import { SeverityMark } from "@/components/SeverityMark";
import { EmptyState, ErrorState, SkeletonCards } from "@/components/states";
import { ValueInContext } from "@/components/ValueInContext";
import { HistoryView } from "@/features/history/HistoryView";
import { humanise } from "@/lib/format";
import { useUrlState } from "@/lib/urlState";
import { useSubscription, useTagShown } from "@/live/hooks";
import { DeviceAlarms } from "./DeviceAlarms";
import { HistoryChart } from "./HistoryChart";
import { LimitsPanel } from "./LimitsPanel";
import { LiveChart } from "./LiveChart";
import { findRange } from "./ranges";
import { RawData } from "./RawData";
import { Statistics } from "./Statistics";
import { Tags } from "./Tags";
import classes from "./devicedetail.module.css";

const STATUS = { active: "Online", offline: "Offline", unknown: "Never seen", disabled: "Disabled" } as const;

function Status({ device }: { device: DeviceDetail }) {
  const text = `${device.deviceId}, ${humanise(device.type)}, ${device.location}`;
  return (
    <>
      <span className="from-server">
        {device.status === "active" ? STATUS.active : <SeverityMark level="unknown" label={STATUS[device.status]} />}
      </span>{" "}
      · {text}
    </>
  );
}

/** One device: its value now, live and past, statistics, limits, alarms, raw data. Tag and range live in the URL. */
export default function DeviceDetailPage() {
  const { deviceId = "" } = useParams({ strict: false });
  const found = useQuery(deviceQuery(deviceId));
  const device = found.data?.data;
  useSubscription([deviceId]);
  if (!device) {
    const missing = found.error instanceof ApiError && found.error.status === 404;
    return (
      <Page title={deviceId} crumbs={[{ label: "Devices", to: "/devices" }]}>
        {found.isPending && <SkeletonCards count={4} height={260} />}
        {found.isError && !missing && <ErrorState title="The device could not be read" error={found.error} onRetry={found.refetch} />}
        {missing && (
          <EmptyState title={`There is no device ${deviceId}`} actions={<Link to="/devices">All devices</Link>}>
            It may have been deleted, or its name is written differently.
          </EmptyState>
        )}
      </Page>
    );
  }
  const crumbs = [{ label: "Plant", to: "/" }, { label: "Devices", to: "/devices" }];
  return (
    <Page title={device.name || device.deviceId} crumbs={crumbs} aside={<Status device={device} />}>
      {device.tags.length === 0 ? (
        <EmptyState title="No signals yet">
          {device.protocol === "sparkplug" ? "They come with the device's birth message." : "They appear with the first message of the device."}
        </EmptyState>
      ) : (
        <Views device={device} fetchedAt={found.dataUpdatedAt} />
      )}
    </Page>
  );
}

const VIEWS = [
  { value: "now", label: "Now" },
  { value: "history", label: "History" },
];

/** Now and the last days beside each other, or any time there was. */
function Views({ device, fetchedAt }: { device: DeviceDetail; fetchedAt: number }) {
  const [url, setUrl] = useUrlState<"view">();
  const view = url.view === "history" ? "history" : "now";
  return (
    <>
      <SegmentedControl
        className={classes["views"] ?? ""}
        aria-label="What to show"
        value={view}
        data={VIEWS}
        onChange={(next) => setUrl({ view: next === "now" ? undefined : next }, true)}
      />
      {view === "history" ? <HistoryView device={device} /> : <Signals device={device} fetchedAt={fetchedAt} />}
    </>
  );
}

function Signals({ device, fetchedAt }: { device: DeviceDetail; fetchedAt: number }) {
  const [url, setUrl] = useUrlState<"tag" | "range">();
  const tag = device.tags.find(({ name }) => name === url.tag) ?? device.tags[0];
  const range = findRange(url.range);
  if (!tag) return null;
  return (
    <>
      {device.tags.length > 1 && (
        <Tags device={device} fetchedAt={fetchedAt} chosen={tag} onChoose={(name) => setUrl({ tag: name })} />
      )}
      <div className={classes["top"]}>
        <Now device={device} tag={tag} fetchedAt={fetchedAt} />
        <LiveChart key={tag.id} device={device} tag={tag} />
        <LimitsPanel key={`limits ${tag.id}`} device={device} tag={tag} />
      </div>
      <div className={classes["middle"]}>
        <HistoryChart device={device} tag={tag} range={range} onRange={(name) => setUrl({ range: name })} />
        <Statistics device={device} tag={tag} range={range} />
      </div>
      <DeviceAlarms deviceId={device.deviceId} />
      <RawData device={device} tag={tag} range={range} />
    </>
  );
}

function Now({ device, tag, fetchedAt }: { device: DeviceDetail; tag: DeviceDetail["tags"][number]; fetchedAt: number }) {
  const shown = useTagShown(device, tag, fetchedAt);
  return (
    <Panel title={humanise(tag.name)}>
      <ValueInContext shown={shown} unit={tag.unit} decimals={tag.decimals} limits={tag.limits} size="lg" />
    </Panel>
  );
}
