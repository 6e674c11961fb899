import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ApiError } from "@/api/errors";
import { useStopExport } from "@/api/mutations";
import { downloadQuery } from "@/api/queries";
import type { Download } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { FormError } from "@/components/FormError";
import { HowFar, percentOf } from "@/components/HowFar";
import { formatBytes, formatCount, plural } from "@/lib/format";

const ENDED = { stopped: "Stopped: the file is not complete", failed: "The server could not finish the file", expired: "The browser did not fetch the file in time" };

/** How far the file is that the browser fetches. It goes on while the dialog is closed. */
export function Progress({ prepared, onAgain, onClose }: { prepared: Download; onAgain: () => void; onClose: () => void }) {
  const found = useQuery(downloadQuery(prepared.id));
  const stop = useStopExport();
  const now = found.data?.data ?? prepared;
  const going = now.state === "ready" || now.state === "running";
  const lost = found.error instanceof ApiError && found.error.status === 404;
  return (
    <>
      <HowFar label={`Export of ${now.fileName}`} percent={now.state === "finished" ? 100 : percentOf(now.rows, Math.max(now.rows, now.rowsTotal))}>
        <span role={going ? undefined : "status"}>{words(now)}</span>
        {found.isError && !lost && ". The server cannot be reached; the browser says whether the file comes"}
        {lost && ". The server knows nothing of it any more"}
      </HowFar>
      {going && <FormError error={stop.error} />}
      <DialogActions>
        {going ? (
          <>
            <Button variant="default" size="md" loading={stop.isPending} onClick={() => stop.mutate(now.id, { onSettled: () => void found.refetch() })}>
              Stop
            </Button>
            <Button variant="default" size="md" onClick={onClose}>
              Close, it goes on
            </Button>
          </>
        ) : (
          <>
            <Button variant="default" size="md" onClick={onAgain}>
              {now.state === "finished" ? "Export more" : "Change and try again"}
            </Button>
            <Button size="md" onClick={onClose} data-autofocus>
              Close
            </Button>
          </>
        )}
      </DialogActions>
    </>
  );
}

function words(now: Download): string {
  const came = `${formatBytes(now.bytes)}, ${plural(now.rows, "row")}`;
  if (now.state === "ready") return `${now.fileName}: the browser asks for it`;
  if (now.state === "running") return `${now.fileName}: ${came} of about ${formatCount(now.rowsTotal)}`;
  if (now.state === "finished") return `${now.fileName}: ${came}. It lies where the browser keeps its downloads`;
  return `${ENDED[now.state]}. ${came} came`;
}
