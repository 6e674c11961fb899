import type { ImportFile } from "@/api/types";
import { explain } from "@/api/errors";
import { FormError } from "@/components/FormError";
import { HowFar, percentOf } from "@/components/HowFar";
import { formatBytes } from "@/lib/format";
import { DropArea } from "./ChooseFile";
import { useSent } from "./uploads";

/** A file on its way to the server, or one that has to be picked again because the page was loaded anew. */
export function Receiving({ file, onFile }: { file: ImportFile; onFile: (fileId: string) => void }) {
  const sent = useSent(file.id);
  const received = Math.max(sent?.received ?? 0, file.received);
  const came = `${formatBytes(received)} of ${formatBytes(file.size)}`;
  if (!sent) {
    return (
      <DropArea onFile={onFile}>
        <strong>{file.fileName}</strong> is not complete: {came} came. Choose the same file again to go on from there; another file begins anew.
      </DropArea>
    );
  }
  return (
    <>
      <HowFar label={`Upload of ${file.fileName}`} percent={percentOf(received, file.size)}>
        {file.fileName}: {came} uploaded
        {sent.waiting && `. ${explain(sent.waiting)}; it goes on by itself`}
      </HowFar>
      <FormError error={sent.failed} />
    </>
  );
}
