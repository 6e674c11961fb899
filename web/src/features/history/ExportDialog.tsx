import { Button, Checkbox, Group, Modal, NativeSelect, Progress, Stack } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { downloadLarge, type DownloadProgress } from "@/api/client";
import type { DeviceDetail, HistoryQuery } from "@/api/types";
import { FormError } from "@/components/FormError";
import { useReturnFocus } from "@/components/useReturnFocus";
import { formatBytes, formatCount, humanise } from "@/lib/format";
import { QUALITIES } from "./qualities";
import { RangeControl } from "./RangeControl";
import type { TimeRange } from "./timeRange";
import classes from "./history.module.css";

const FORMATS = [
  { value: "csv", label: "CSV" },
  { value: "xlsx", label: "Excel" },
  { value: "parquet", label: "Parquet" },
  { value: "json", label: "JSON" },
];

interface Props {
  device: DeviceDetail;
  /** What the page shows: the dialog begins with it. */
  range: TimeRange;
  tags: readonly string[];
  quality: NonNullable<HistoryQuery["quality"]>;
  onClose: () => void;
}

/** Every sample of a range as a file, with how far it is and a way to stop. */
export default function ExportDialog({ device, onClose, ...shown }: Props) {
  useReturnFocus();
  const [format, setFormat] = useState("csv");
  const [range, setRange] = useState(shown.range);
  const [tags, setTags] = useState<string[]>([...shown.tags]);
  const [quality, setQuality] = useState<string>(shown.quality);
  const [progress, setProgress] = useState<DownloadProgress | null>(null);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const start = async () => {
    const stop = new AbortController();
    running.current = stop;
    setError(null);
    setProgress({ bytes: 0, lines: 0, totalRows: null });
    const options = { path: { device_id: device.deviceId }, query: { ...range, tag: tags, format, quality }, signal: stop.signal };
    try {
      await downloadLarge("/devices/{device_id}/export", options, `${device.deviceId}.${format}`, setProgress);
      onClose();
    } catch (failed) {
      if (!stop.signal.aborted) setError(failed);
      setProgress(null);
    }
  };
  return (
    <Modal opened onClose={onClose} title={`Export ${device.name || device.deviceId}`} size="xl" centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <Stack>
          <fieldset disabled={progress !== null} className={classes["fieldset"]}>
            <Stack>
              <Group align="end">
                <NativeSelect label="Format" value={format} data={FORMATS} onChange={(event) => setFormat(event.currentTarget.value)} data-autofocus />
                <NativeSelect label="Samples" value={quality} data={QUALITIES} onChange={(event) => setQuality(event.currentTarget.value)} />
              </Group>
              <RangeControl range={range} onRange={setRange} />
              <Checkbox.Group label="Signals" value={tags} onChange={setTags} className={classes["signals"] ?? ""}>
                <Group gap="md" mt={4} className={classes["signalList"] ?? ""}>
                  {device.tags.map((tag) => (
                    <Checkbox key={tag.id} value={tag.name} label={humanise(tag.name)} />
                  ))}
                </Group>
              </Checkbox.Group>
            </Stack>
          </fieldset>
          {progress && <HowFar progress={progress} inLines={format === "csv"} />}
          <FormError error={error} />
          <Group justify="flex-end">
            <Button variant="default" size="md" onClick={() => (progress ? running.current?.abort() : onClose())}>
              {progress ? "Stop" : "Cancel"}
            </Button>
            <Button type="submit" size="md" disabled={tags.length === 0} loading={progress !== null}>
              Export
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function HowFar({ progress, inLines }: { progress: DownloadProgress; inLines: boolean }) {
  const { bytes, lines, totalRows } = progress;
  const rows = totalRows === null ? "" : ` of about ${formatCount(totalRows)} rows`;
  const share = inLines && totalRows ? Math.min(100, (100 * lines) / totalRows) : null;
  return (
    <div role="status">
      {share !== null && <Progress value={share} aria-label="Rows that have come" />}
      {bytes === 0 ? `The server is writing the file${rows}` : `${formatBytes(bytes)}${inLines ? `, ${formatCount(lines)} rows` : ""}${rows}`}
    </div>
  );
}
