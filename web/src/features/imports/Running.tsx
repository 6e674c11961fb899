import { Stack } from "@mantine/core";
import type { ReactNode } from "react";
import type { ImportFile } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { HowFar, percentOf } from "@/components/HowFar";
import { formatCount, plural } from "@/lib/format";
import classes from "./imports.module.css";

/** An import that runs on the server, whoever looks. */
export function Running({ file, unreachable, actions }: { file: ImportFile; unreachable: boolean; actions: ReactNode }) {
  const { rows, rowsTotal, samples, waiting } = file.progress;
  return (
    <Stack>
      <HowFar label={`Import of ${file.fileName}`} percent={percentOf(rows, Math.max(rows, rowsTotal))}>
        {file.fileName} → {file.deviceId}: {formatCount(rows)} of {rowsTotal > 0 ? `about ${plural(rowsTotal, "row")}` : "its rows"}, {plural(samples, "sample")}
      </HowFar>
      <p className={classes["note"]} role="status">
        {unreachable ? "The server cannot be reached; the import goes on when it is back." : waiting ? `Waiting: ${waiting}.` : ""}
      </p>
      <p className={classes["note"]}>It runs on the server: this window may be closed. The result is listed here for a day.</p>
      <DialogActions>{actions}</DialogActions>
    </Stack>
  );
}
