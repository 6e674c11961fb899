import { useQuery } from "@tanstack/react-query";
import { statisticsQuery, trendQuery } from "@/api/queries";
import type { DeviceDetail, Tag } from "@/api/types";
import { Panel } from "@/components/Page";
import { formatCount, formatValue, NO_VALUE, unitSymbol } from "@/lib/format";
import type { RANGES } from "./ranges";
import classes from "./devicedetail.module.css";

interface Props {
  device: DeviceDetail;
  tag: Tag;
  range: (typeof RANGES)[number];
}

const ARROW = { increasing: "rising", decreasing: "falling", stable: "stable" } as const;

/** Figures of the chosen range. What is not known is a dash, never 0. */
export function Statistics({ device, tag, range }: Props) {
  const query = { tag: tag.name, from: `-${range.name}`, to: "now" };
  const found = useQuery({ ...statisticsQuery(device.deviceId, query), refetchInterval: 30_000 }).data?.data;
  const trend = useQuery({ ...trendQuery(device.deviceId, query), refetchInterval: 30_000 }).data?.data;
  const value = (each: number | null | undefined) => formatValue(each ?? null, tag.decimals);
  const slope = trend?.slopePerHour;
  const rows: [string, string, string?][] = [
    ["Mean", value(found?.mean)],
    ["Median", value(found?.median)],
    ["Standard deviation", value(found?.sd)],
    ["Lowest", value(found?.min)],
    ["Highest", value(found?.max)],
    ["5 % lie below", value(found?.p5)],
    ["95 % lie below", value(found?.p95)],
  ];
  return (
    <Panel title={`Statistics, last ${range.label}`}>
      <dl className={classes["statistics"]}>
        {rows.map(([name, shown]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <span className="from-server">{shown}</span> {shown !== NO_VALUE && <span className={classes["unit"]}>{unitSymbol(tag.unit)}</span>}
            </dd>
          </div>
        ))}
        <div>
          <dt>Trend</dt>
          <dd>
            {trend?.trend ? ARROW[trend.trend] : NO_VALUE}{" "}
            {trend?.trend !== "stable" && slope !== null && slope !== undefined && (
              <span className={classes["unit"]}>
                {formatValue(slope, tag.decimals + 1)} {unitSymbol(tag.unit)}/h
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>Samples</dt>
          <dd>{formatCount(found?.count)}</dd>
        </div>
        <div>
          <dt>Of good quality</dt>
          <dd>{found?.goodShare === null || found?.goodShare === undefined ? NO_VALUE : `${(100 * found.goodShare).toFixed(1)} %`}</dd>
        </div>
      </dl>
    </Panel>
  );
}
