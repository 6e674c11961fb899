import { Button, FileButton } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type DragEvent } from "react";
import { importFilesQuery } from "@/api/queries";
import { FormError } from "@/components/FormError";
import { FilesHere } from "./FilesHere";
import { beginUpload } from "./uploads";
import classes from "./imports.module.css";

interface Props {
  onFile: (fileId: string) => void;
}

/** Where a file is dropped or picked, and those that are here already. */
export function ChooseFile({ onFile }: Props) {
  const files = useQuery(importFilesQuery()).data?.data.files ?? [];
  return (
    <div className={classes["choose"]}>
      <DropArea onFile={onFile}>
        CSV or Parquet with a column of times and a column for each signal, or a file that Andon exported. Columns, separators and times are
        recognised; nothing is imported before you have seen it.
      </DropArea>
      {files.length > 0 && <FilesHere files={files} onFile={onFile} />}
    </div>
  );
}

/** Takes a file by drop, by a click and by the keyboard, and begins to send it. */
export function DropArea({ onFile, children }: Props & { children: React.ReactNode }) {
  const queries = useQueryClient();
  const [over, setOver] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const take = async (file: File | null | undefined) => {
    if (!file) return;
    if (file.size === 0) {
      setError(new Error(`${file.name} is empty. Choose another file`));
      return;
    }
    setBusy(true);
    setError(null);
    try {
      onFile(await beginUpload(file, queries));
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  };
  const drag = (inside: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setOver(inside);
  };
  const drop = (event: DragEvent) => {
    drag(false)(event);
    void take(event.dataTransfer.files[0]);
  };
  return (
    <div className={classes["drop"]} data-over={over || undefined} data-testid="drop" onDragEnter={drag(true)} onDragOver={drag(true)} onDragLeave={drag(false)} onDrop={drop}>
      <p>{children}</p>
      <FileButton onChange={(file) => void take(file)} accept=".csv,.tsv,.txt,.parquet,.pq,text/csv">
        {(props) => (
          <Button {...props} size="md" loading={busy} data-autofocus>
            Choose a file
          </Button>
        )}
      </FileButton>
      <p className={classes["note"]}>or drop it here</p>
      <FormError error={error} />
    </div>
  );
}
