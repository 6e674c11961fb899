import { Button, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTimeZone } from "@/api/hooks";
import { keys } from "@/api/queries";
import type { ImportFile } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { LinkButton } from "@/components/LinkButton";
import { formatTime, plural } from "@/lib/format";
import { LeftOutList } from "./LeftOutList";
import classes from "./imports.module.css";

/** What came of it, also what was left out, and the way to it. */
export function Finished({ file, onFile, onClose }: { file: ImportFile; onFile: (fileId: string | null) => void; onClose: () => void }) {
  const timeZone = useTimeZone();
  const queries = useQueryClient();
  const { samples, rows, firstAt, lastAt, leftOut } = file.progress;
  const over = file.state === "cancelled" ? "Given up" : "Imported";
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: keys.devices });
    void queries.invalidateQueries({ queryKey: keys.storage });
  }, [queries]);
  const range = firstAt && lastAt ? { view: "history", from: firstAt, to: new Date(Date.parse(lastAt) + 1_000).toISOString() } : { view: "history" };
  return (
    <Stack>
      <dl className={classes["facts"]} role="group" aria-label={`${over}: ${file.fileName}`}>
        <Fact name={over} value={plural(samples, "sample")} />
        <Fact name="From" value={plural(rows, "row")} />
        {file.deviceId && <Fact name="Device" value={file.deviceId} />}
        {firstAt && <Fact name={`First (${timeZone})`} value={formatTime(firstAt, timeZone)} />}
        {lastAt && <Fact name={`Last (${timeZone})`} value={formatTime(lastAt, timeZone)} />}
        <Fact name="Kept" value={file.keep ? "whatever their age" : "as long as others"} />
      </dl>
      <LeftOutList leftOut={leftOut} />
      <DialogActions>
        <Button variant="default" size="md" onClick={() => onFile(null)}>
          Import another file
        </Button>
        {file.deviceId && samples > 0 ? (
          <LinkButton size="md" to="/devices/$deviceId" params={{ deviceId: file.deviceId }} search={range as never}>
            Show its history
          </LinkButton>
        ) : (
          <Button size="md" onClick={onClose}>
            Close
          </Button>
        )}
      </DialogActions>
    </Stack>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
