import { Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { download } from "@/api/client";
import { explain } from "@/api/errors";
import { useTimeZone } from "@/api/hooks";
import { historyInterval } from "@/api/polling";
import { historyQuery } from "@/api/queries";
import type { DeviceDetail, HistoryReading, Tag } from "@/api/types";
import { DataTable, type Column } from "@/components/DataTable";
import { Panel } from "@/components/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { formatTime, formatValue, humanise, unitSymbol } from "@/lib/format";
import type { RANGES } from "./ranges";
import classes from "./devicedetail.module.css";

interface Props {
  device: DeviceDetail;
  tag: Tag;
  range: (typeof RANGES)[number];
}

const NEWEST = 100;

/** The newest samples as they are stored, and the whole range as a file. */
export function RawData({ device, tag, range }: Props) {
  const timeZone = useTimeZone();
  const [busy, setBusy] = useState(false);
  const query = { tag: tag.name, from: `-${range.name}`, to: "now" };
  const found = useQuery({ ...historyQuery(device.deviceId, { ...query, limit: NEWEST, order: "desc" }), refetchInterval: historyInterval(10_000) });
  const readings = found.data?.data.readings;
  const columns: Column<HistoryReading>[] = [
    { key: "time", header: `Time (${timeZone})`, width: "16rem", cell: (reading) => formatTime(reading.timestamp, timeZone) },
    { key: "value", header: tag.unit ? `Value, ${unitSymbol(tag.unit)}` : "Value", align: "end", width: "9rem", cell: (reading) => formatValue(reading.value, tag.decimals) },
    { key: "quality", header: "Quality", cell: (reading) => humanise(reading.quality) },
  ];
  const save = async (format: "csv" | "json") => {
    setBusy(true);
    const path = { device_id: device.deviceId };
    try {
      await download("/devices/{device_id}/export", { path, query: { ...query, format } }, `${device.deviceId}.${format}`);
    } catch (error) {
      notifications.show({ message: explain(error) });
    } finally {
      setBusy(false);
    }
  };
  const actions = (
    <Group gap="xs">
      <Button variant="default" loading={busy} onClick={() => void save("csv")}>
        Export CSV
      </Button>
      <Button variant="default" loading={busy} onClick={() => void save("json")}>
        Export JSON
      </Button>
    </Group>
  );
  return (
    <Panel title={`Raw data, newest ${NEWEST} of the last ${range.label}`} actions={actions} flush>
      {found.isError && !readings && <ErrorState title="The samples could not be read" error={found.error} onRetry={found.refetch} />}
      {found.isPending && <SkeletonRows />}
      {readings?.length === 0 && <EmptyState title={`Nothing in the last ${range.label}`} />}
      {readings && readings.length > 0 && (
        <div className={classes["raw"]} tabIndex={0} role="region" aria-label="Newest samples">
          <DataTable caption="Newest samples" columns={columns} rows={readings} rowKey={(reading) => reading.timestamp} />
        </div>
      )}
    </Panel>
  );
}
