import { Button } from "@mantine/core";
import type { ImportFile } from "@/api/types";
import { TimeAgo } from "@/components/TimeAgo";
import { percentOf } from "@/components/HowFar";
import { formatBytes, formatCount } from "@/lib/format";
import classes from "./imports.module.css";

/** How a file stands, in a line. */
export function standing({ state, received, size, progress }: ImportFile): string {
  if (state === "receiving") return `${Math.floor(percentOf(received, size))} % of it came; pick it again to go on`;
  if (state === "received") return "Uploaded, not imported yet";
  if (state === "importing") return `Being imported, ${Math.floor(percentOf(progress.rows, progress.rowsTotal))} %`;
  if (state === "finished") return `${formatCount(progress.samples)} samples imported`;
  return state === "failed" ? "Could not be imported" : "Given up";
}

/** Files that wait, run or have ended in the last day. */
export function FilesHere({ files, onFile }: { files: readonly ImportFile[]; onFile: (fileId: string) => void }) {
  return (
    <section aria-label="Files that are here">
      <h3 className={classes["heading"]}>Files that are here</h3>
      <ul className={classes["files"]}>
        {files.map((file) => (
          <li key={file.id}>
            <div className={classes["fileName"]}>
              <strong>{file.fileName}</strong>
              <div className={classes["note"]}>
                {standing(file)}
                {file.deviceId && `, ${file.deviceId}`} · {formatBytes(file.size)}, {file.createdBy}, <TimeAgo at={file.updatedAt} />
              </div>
            </div>
            <Button variant="default" aria-label={`Show ${file.fileName}`} onClick={() => onFile(file.id)}>
              Show
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
