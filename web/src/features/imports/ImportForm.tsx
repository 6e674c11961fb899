import { Button, Stack } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useCan, useTimeZone } from "@/api/hooks";
import { useImportFile } from "@/api/mutations";
import { devicesQuery, previewQuery } from "@/api/queries";
import type { ImportFile } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { FormError } from "@/components/FormError";
import { ErrorState, SkeletonRows } from "@/components/states";
import { ColumnChooser } from "./ColumnChooser";
import { HowToRead } from "./HowToRead";
import { newDraft, obstacle, toOrder, toRead } from "./order";
import { PreviewPanel } from "./PreviewPanel";
import { Destination } from "./Destination";
import classes from "./imports.module.css";

/** Typing shall not ask anew with every letter. */
const TYPING_MS = 400;

interface Props {
  file: ImportFile;
  deviceId: string;
  /** Beside the button that imports. */
  actions: ReactNode;
}

/** What was recognised in the file, what is to be done with it, and the way to do it. */
export function ImportForm({ file, deviceId, actions }: Props) {
  const timeZone = useTimeZone();
  const mayRegister = useCan("devices:write");
  const [draft, setDraft] = useState(() => newDraft(file.deviceId ?? deviceId, timeZone));
  const [settled] = useDebouncedValue(draft, TYPING_MS);
  const devices = useQuery(devicesQuery()).data?.data.devices ?? [];
  const known = devices.map((device) => device.deviceId);
  const [several, setSeveral] = useState(false);
  const read = toRead(settled, several && known.includes(settled.deviceId.trim()) ? settled.deviceId.trim() : "");
  const found = useQuery({ ...previewQuery(file.id, read), enabled: file.canBePreviewed });
  const preview = found.data?.data;
  if (preview && preview.devices.length > 1 !== several) setSeveral(!several);
  const run = useImportFile(file.id);
  // An export of one device says whose samples it holds.
  const ofFile = preview?.devices.length === 1 ? preview.devices[0] : undefined;
  const whole = draft.deviceId === "" && ofFile ? { ...draft, deviceId: ofFile } : draft;
  const inTheWay = preview && (preview.problem ? "" : obstacle(whole, preview, known, mayRegister));
  const complete = file.state !== "receiving";

  if (!file.canBePreviewed) {
    return (
      <>
        <p className={classes["note"]}>What is in the file is shown as soon as enough of it has come.</p>
        <DialogActions>{actions}</DialogActions>
      </>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (preview && inTheWay === null && complete) run.mutate(toOrder(whole, preview, !known.includes(whole.deviceId.trim()) && mayRegister));
      }}
    >
      <Stack>
        {file.problem && file.state === "failed" && <FormError error={new Error(`It was not imported. ${file.problem.message}. ${file.problem.cure ?? ""}`)} />}
        {found.isPending && <SkeletonRows rows={6} />}
        {found.isError && !preview && <ErrorState title="What is in the file could not be read" error={found.error} onRetry={found.refetch} />}
        {preview && (
          <>
            <PreviewPanel preview={preview} looking={found.isFetching} />
            <div className={classes["fields"]}>
              <Destination draft={whole} onChange={setDraft} known={known} inFile={preview.devices} mayRegister={mayRegister} />
            </div>
            <HowToRead draft={whole} preview={preview} onChange={setDraft} />
            {!preview.long && preview.timeColumn !== null && <ColumnChooser draft={whole} preview={preview} onChange={setDraft} />}
          </>
        )}
        <FormError error={run.error} />
        <DialogActions>
          <span className={classes["note"]} role="status">
            {inTheWay ?? (complete ? "" : "The import can begin when all of the file has come")}
          </span>
          {actions}
          <Button type="submit" size="md" loading={run.isPending} disabled={!preview || inTheWay !== null || !complete || found.isFetching}>
            Import
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
