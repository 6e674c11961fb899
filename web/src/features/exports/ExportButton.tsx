import { Button } from "@mantine/core";
import { Suspense } from "react";
import { Icon } from "@/components/icons";
import { lazyPart } from "@/components/lazyPart";
import { useUrlState } from "@/lib/urlState";
import type { Chosen, Quality } from "./selection";
import type { TimeRange } from "@/lib/timeRange";

const ExportDialog = lazyPart(() => import("./ExportDialog"));

interface Props {
  /** What the page shows: the dialog begins with it. */
  chosen?: readonly Chosen[];
  range?: TimeRange;
  quality?: Quality;
}

/** Opens the export; that it is open is in the URL. */
export function ExportButton({ chosen = [], range = { from: "-24h", to: "now" }, quality = "all" }: Props) {
  const [url, setUrl] = useUrlState<"export">();
  return (
    <>
      <Button variant="default" leftSection={<Icon name="download" size={18} />} onClick={() => setUrl({ export: "1" })}>
        Export
      </Button>
      <Suspense>{url.export && <ExportDialog chosen={chosen} range={range} quality={quality} onClose={() => setUrl({ export: undefined })} />}</Suspense>
    </>
  );
}
