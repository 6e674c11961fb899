import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useTimeZone } from "@/api/hooks";
import type { Device, HistoryReading, Trend } from "@/api/types";
import { Icon, type IconName } from "@/components/icons";
import { SeverityMark } from "@/components/SeverityMark";
import { SPARK_MINUTES } from "@/components/Sparkline";
import { ValueInContext } from "@/components/ValueInContext";
import { beginning } from "@/lib/beginning";
import { deviceLevel } from "@/lib/deviceList";
import { formatTime, formatWithUnit } from "@/lib/format";
import { useNow, usePrimary } from "@/live/hooks";
import classes from "./DeviceCard.module.css";

const TRENDS: Record<Trend, { icon: IconName; text: string }> = {
  increasing: { icon: "up", text: "rising" },
  decreasing: { icon: "down", text: "falling" },
  stable: { icon: "flat", text: "steady" },
};

interface Props {
  device: Device;
  fetchedAt: number;
  /** The last minutes of its main value, before the page was opened. */
  past: readonly HistoryReading[] | undefined;
}

/** One device: its worst alarm level, its main value in context, and the way to its page. */
export const DeviceCard = memo(function DeviceCard({ device, fetchedAt, past }: Props) {
  const shown = usePrimary(device, fetchedAt);
  const timeZone = useTimeZone();
  const begin = beginning(device.createdAt, past?.[0]?.timestamp);
  const young = useNow() - begin < SPARK_MINUTES * 60_000;
  const level = device.status === "disabled" ? "normal" : deviceLevel(device);
  const trend = device.stats.trend ? TRENDS[device.stats.trend] : null;
  return (
    <article className={classes["card"]} data-level={level} data-device={device.deviceId}>
      <header className={classes["head"]}>
        <div className={classes["names"]}>
          <h2 className={classes["name"]}>
            <Link to="/devices/$deviceId" params={{ deviceId: device.deviceId }}>
              {device.name || device.deviceId}
            </Link>
          </h2>
          <p className={classes["place"]}>{device.location || device.area}</p>
        </div>
        {level !== "normal" && <SeverityMark level={level} size={22} />}
      </header>
      <ValueInContext
        shown={shown}
        unit={device.unit}
        decimals={device.decimals}
        limits={device.limits}
        spark={device.primaryTag !== null && { deviceId: device.deviceId, tag: device.primaryTag, past, begin, gapSeconds: device.staleAfterSeconds }}
      />
      <footer className={classes["foot"]}>
        <span>{young ? "mean" : "24 h mean"} {formatWithUnit(device.stats.avg24h, device.unit, device.decimals)}</span>
        {young && <span>since {formatTime(begin, timeZone, "minute")}</span>}
        {!young && trend && (
          <span className={classes["trend"]}>
            <Icon name={trend.icon} size={14} />
            {trend.text}
          </span>
        )}
      </footer>
    </article>
  );
});
