import { Button } from "@mantine/core";
import { Suspense } from "react";
import { useCan } from "@/api/hooks";
import { Icon } from "@/components/icons";
import { lazyPart } from "@/components/lazyPart";
import { useUrlState } from "@/lib/urlState";

const ImportDialog = lazyPart(() => import("./ImportDialog"));

/** Opens the import, whose file is in the URL; nothing for those who may not write data. */
export function ImportButton({ deviceId = "", primary = false }: { deviceId?: string; primary?: boolean }) {
  const [url, setUrl] = useUrlState<"import">();
  const allowed = useCan("data:write");
  if (!allowed) return null;
  return (
    <>
      <Button {...(!primary && { variant: "default" })} leftSection={<Icon name="upload" size={18} />} onClick={() => setUrl({ import: "new" })}>
        Import
      </Button>
      <Suspense>
        {url.import && (
          <ImportDialog
            fileId={url.import === "new" ? null : url.import}
            deviceId={deviceId}
            onFile={(fileId) => setUrl({ import: fileId ?? "new" })}
            onClose={() => setUrl({ import: undefined })}
          />
        )}
      </Suspense>
    </>
  );
}
