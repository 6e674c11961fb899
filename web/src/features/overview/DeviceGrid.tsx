import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { seriesHistoryQuery } from "@/api/queries";
import type { Device, HistoryReading } from "@/api/types";
import { SPARK_MINUTES, SPARK_POINTS } from "@/components/Sparkline";
import { groupByType, isAbnormal, worstFirst, type TypeGroup } from "@/lib/deviceList";
import { humanise, plural } from "@/lib/format";
import { useUrlState } from "@/lib/urlState";
import { useSubscription } from "@/live/hooks";
import { DeviceCard } from "./DeviceCard";
import classes from "./DeviceGrid.module.css";

/** So many are shown and live; all are counted. */
const SHOWN = 24;
/** A type with fewer devices than this needs no button of its own. */
const GROUP_FROM = 3;

interface Props {
  devices: readonly Device[];
  fetchedAt: number;
}

/** Worst first: those that are bad, then as many of the others as fit; a thousand devices cost no more than these. */
export function DeviceGrid({ devices, fetchedAt }: Props) {
  const [{ type }, setUrl] = useUrlState<"type">();
  const groups = useMemo(() => groupByType(devices).filter(({ total }) => total >= GROUP_FROM), [devices]);
  const chosen = useMemo(
    () => devices.filter((device) => !type || device.type === type).sort(worstFirst),
    [devices, type],
  );
  const shown = chosen.slice(0, SHOWN);
  useSubscription(shown.map((device) => device.deviceId));
  const past = usePast(shown);
  return (
    <section aria-label="Devices, worst first" className={classes["section"]}>
      {groups.length > 0 && groups[0]?.total !== devices.length && (
        <div className={classes["groups"]} role="group" aria-label="Show one type">
          <GroupButton group={{ type: "", total: devices.length, abnormal: devices.filter(isAbnormal).length }} active={!type} onChoose={() => setUrl({ type: undefined })} />
          {groups.map((group) => (
            <GroupButton key={group.type} group={group} active={group.type === type} onChoose={() => setUrl({ type: group.type })} />
          ))}
        </div>
      )}
      <ul className={classes["grid"]}>
        {shown.map((device) => (
          <li key={device.deviceId}>
            <DeviceCard device={device} fetchedAt={fetchedAt} past={past.get(device.deviceId)} />
          </li>
        ))}
      </ul>
      {chosen.length > SHOWN && (
        <p className={classes["more"]}>
          {plural(chosen.length - SHOWN, "more device")}, {restOf(chosen)}.{" "}
          <Link to="/devices" search={(type ? { type } : {}) as never}>
            See the list
          </Link>
        </p>
      )}
    </section>
  );
}

/** The last minutes of the main value of each, in one request. */
function usePast(devices: readonly Device[]): ReadonlyMap<string, readonly HistoryReading[]> {
  const series = devices.flatMap(({ deviceId, primaryTag }) => (primaryTag === null ? [] : [`${deviceId}:${primaryTag}`])).sort();
  const found = useQuery({
    ...seriesHistoryQuery({ series, from: `-${SPARK_MINUTES}m`, buckets: SPARK_POINTS }),
    enabled: series.length > 0,
    staleTime: Infinity,
    // The live points end with their card; coming back, it asks for the past anew.
    gcTime: 0,
    refetchOnWindowFocus: false,
  }).data?.data.series;
  return useMemo(() => new Map(found?.map(({ deviceId, readings }) => [deviceId, readings])), [found]);
}

function restOf(chosen: readonly Device[]): string {
  const bad = chosen.slice(SHOWN).filter(isAbnormal).length;
  return bad === 0 ? "all normal" : `${bad} of them abnormal`;
}

function GroupButton({ group, active, onChoose }: { group: TypeGroup; active: boolean; onChoose: () => void }) {
  return (
    <button type="button" className={classes["group"]} aria-pressed={active} onClick={onChoose}>
      {group.type ? humanise(group.type) : "All"}
      <span className={classes["count"]}>{group.total}</span>
      {group.abnormal > 0 && <span className={classes["abnormal"]}>{group.abnormal} abnormal</span>}
    </button>
  );
}
