import { Button, Group, Modal, NativeSelect, Stack } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { explain } from "@/api/errors";
import { fetchFile } from "@/api/client";
import { usePrepareExport } from "@/api/mutations";
import { exportSizeQuery } from "@/api/queries";
import { DialogActions } from "@/components/DialogActions";
import { FormError } from "@/components/FormError";
import { useReturnFocus } from "@/components/useReturnFocus";
import { RangeControl } from "@/features/history/RangeControl";
import { QUALITIES } from "@/features/history/qualities";
import { formatCount, plural } from "@/lib/format";
import type { TimeRange } from "@/lib/timeRange";
import { DevicePicker } from "./DevicePicker";
import { Progress } from "./Progress";
import { FORMATS, isEmpty, toBody, type Chosen, type Draft, type Format, type Quality } from "./selection";
import classes from "./exports.module.css";

const TYPING_MS = 300;

interface Props {
  chosen: readonly Chosen[];
  range: TimeRange;
  quality: Quality;
  onClose: () => void;
}

/** Every sample of any devices over a range, as a file that the browser fetches by itself. */
export default function ExportDialog({ chosen, range, quality, onClose }: Props) {
  useReturnFocus();
  const [draft, setDraft] = useState<Draft>({ chosen, types: [], format: "csv", quality, ...range });
  const prepare = usePrepareExport();
  const running = prepare.data?.data;
  const start = () => prepare.mutate(toBody(draft), { onSuccess: ({ data }) => fetchFile(data.path) });
  return (
    <Modal opened onClose={onClose} title="Export history" size="xl" centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <Stack>
          <fieldset disabled={running !== undefined} className={classes["fieldset"]}>
            <Stack>
              <DevicePicker label="What is exported" chosen={draft.chosen} types={draft.types} onChange={(change) => setDraft({ ...draft, ...change })} />
              <RangeControl range={draft} onRange={(next) => setDraft({ ...draft, from: next.from, to: next.to })} />
              <Group align="end">
                <NativeSelect label="Format" size="md" value={draft.format} data={FORMATS} onChange={(event) => setDraft({ ...draft, format: event.currentTarget.value as Format })} />
                <NativeSelect label="Samples" size="md" value={draft.quality} data={QUALITIES} onChange={(event) => setDraft({ ...draft, quality: event.currentTarget.value as Quality })} />
                <Size draft={draft} />
              </Group>
            </Stack>
          </fieldset>
          <FormError error={prepare.error} />
          {running ? (
            <Progress key={running.id} prepared={running} onAgain={() => prepare.reset()} onClose={onClose} />
          ) : (
            <DialogActions>
              <Button variant="default" size="md" onClick={onClose}>
                Cancel
              </Button>
              <Button type="submit" size="md" disabled={isEmpty(draft)} loading={prepare.isPending}>
                Export
              </Button>
            </DialogActions>
          )}
        </Stack>
      </form>
    </Modal>
  );
}

/** About how much it will be, before it is begun. */
function Size({ draft }: { draft: Draft }) {
  const [settled] = useDebouncedValue(draft, TYPING_MS);
  const nothing = isEmpty(settled);
  const found = useQuery({ ...exportSizeQuery(toBody(settled)), enabled: !nothing });
  const size = found.data?.data;
  return (
    <p className={classes["size"]} aria-live="polite">
      {nothing && "Choose a device, a signal or a type"}
      {!nothing && found.isError && explain(found.error)}
      {!nothing && !found.isError && size && `About ${formatCount(size.rows)} samples of ${plural(size.series, "signal")}`}
    </p>
  );
}
