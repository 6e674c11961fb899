import { Button, Group, Modal, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/errors";
import { useTakeFileAway } from "@/api/mutations";
import { importFileQuery } from "@/api/queries";
import type { ImportFile } from "@/api/types";
import { FormError } from "@/components/FormError";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/states";
import { useReturnFocus } from "@/components/useReturnFocus";
import { ChooseFile } from "./ChooseFile";
import { Finished } from "./Finished";
import { ImportForm } from "./ImportForm";
import { Receiving } from "./Receiving";
import { Running } from "./Running";
import { stopUpload } from "./uploads";

interface Props {
  /** The file that is looked at; null when none was chosen. */
  fileId: string | null;
  /** Where the samples go unless somebody chooses another. */
  deviceId: string;
  onFile: (fileId: string | null) => void;
  onClose: () => void;
}

/** A recording becomes history: choose a file, look at what was recognised, say where it goes, see what came of it. */
export default function ImportDialog({ fileId, deviceId, onFile, onClose }: Props) {
  useReturnFocus();
  return (
    <Modal opened onClose={onClose} title="Import history" size="min(60rem, 100%)" centered>
      {fileId === null ? <ChooseFile onFile={onFile} /> : <OneFile key={fileId} fileId={fileId} deviceId={deviceId} onFile={onFile} onClose={onClose} />}
    </Modal>
  );
}

function OneFile({ fileId, deviceId, onFile, onClose }: Props & { fileId: string }) {
  const found = useQuery(importFileQuery(fileId));
  const file = found.data?.data;
  if (!file) {
    const gone = found.error instanceof ApiError && found.error.status === 404;
    return (
      <>
        {found.isPending && <SkeletonRows rows={4} />}
        {gone && (
          <EmptyState title="This file is no longer here" actions={<Button onClick={() => onFile(null)}>Choose a file</Button>}>
            Files that nobody touches for a day are taken away. Samples that were imported stay.
          </EmptyState>
        )}
        {found.isError && !gone && <ErrorState title="How the import stands could not be read" error={found.error} onRetry={found.refetch} />}
      </>
    );
  }
  return (
    <Stack>
      {file.state === "receiving" && <Receiving file={file} onFile={onFile} />}
      {(file.state === "receiving" || file.state === "received" || file.state === "failed") && (
        <ImportForm key={file.id} file={file} deviceId={deviceId} actions={<TakeAway file={file} onFile={onFile} label="Give up" />} />
      )}
      {file.state === "importing" && <Running file={file} unreachable={found.isError} actions={<TakeAway file={file} onFile={onFile} label="Stop the import" ask />} />}
      {(file.state === "finished" || file.state === "cancelled") && <Finished file={file} onFile={onFile} onClose={onClose} />}
    </Stack>
  );
}

/** Takes the file away from the server; an import that runs is asked about first. */
function TakeAway({ file, label, ask = false, onFile }: { file: ImportFile; label: string; ask?: boolean; onFile: Props["onFile"] }) {
  const [asked, setAsked] = useState(false);
  const takeAway = useTakeFileAway();
  const go = () => {
    stopUpload(file.id);
    takeAway.mutate(file.id, { onSuccess: () => (ask ? undefined : onFile(null)) });
  };
  if (asked) {
    return (
      <Group>
        <span>Samples that came stay.</span>
        <Button variant="default" size="md" onClick={() => setAsked(false)}>
          Go on
        </Button>
        <Button size="md" loading={takeAway.isPending} onClick={go} data-autofocus>
          {label}
        </Button>
      </Group>
    );
  }
  return (
    <>
      <FormError error={takeAway.error} />
      <Button variant="default" size="md" loading={takeAway.isPending} onClick={() => (ask ? setAsked(true) : go())}>
        {label}
      </Button>
    </>
  );
}
