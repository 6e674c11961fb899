import { Autocomplete, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import type { Preview } from "@/api/types";
import { ENCODINGS, type Draft } from "./order";
import classes from "./imports.module.css";

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

interface Props {
  draft: Draft;
  preview: Preview;
  onChange: (draft: Draft) => void;
}

/** What cannot be found out by itself: the zone of times that name none, and for odd files the rest. */
export function HowToRead({ draft, preview, onChange }: Props) {
  const odd = preview.timeColumn === null || draft.timeColumn !== "" || draft.timeFormat !== "" || draft.encoding !== "utf-8" || preview.problem !== null;
  const zone = (preview.namesNoZone || preview.problem !== null) && (
    <Autocomplete
      label="Time zone of the file"
      description="Its times name none: where did the recorder's clock hang?"
      size="md"
      value={draft.timezone}
      data={ZONES}
      limit={20}
      spellCheck={false}
      onChange={(timezone) => onChange({ ...draft, timezone })}
    />
  );
  const skip = (preview.problem !== null || draft.skipBad || preview.leftOut.cells + preview.leftOut.rows > 0) && (
    <Checkbox
      label="Leave out what cannot be read"
      description="Cells and rows that are no numbers are counted and told"
      checked={draft.skipBad}
      onChange={(event) => onChange({ ...draft, skipBad: event.currentTarget.checked })}
    />
  );
  return (
    <>
      {zone && <div className={classes["fields"]}>{zone}</div>}
      {skip}
      <details className={classes["more"]} open={odd}>
        <summary>How the file is read</summary>
        <div className={classes["fields"]}>
          <NativeSelect
            label="Column of times"
            value={draft.timeColumn}
            data={[{ value: "", label: preview.timeColumn === null ? "Choose" : `Found: ${preview.timeColumn}` }, ...preview.columns.map(({ name }) => name)]}
            onChange={(event) => onChange({ ...draft, timeColumn: event.currentTarget.value })}
          />
          <TextInput
            label="Pattern of the times"
            placeholder="%m/%d/%Y %H:%M"
            description="Empty: ISO 8601, 31.12.2024 23:59, epoch"
            spellCheck={false}
            value={draft.timeFormat}
            onChange={(event) => onChange({ ...draft, timeFormat: event.currentTarget.value })}
          />
          {preview.format === "csv" && (
            <NativeSelect label="Encoding" description="Of the letters in it" value={draft.encoding} data={ENCODINGS} onChange={(event) => onChange({ ...draft, encoding: event.currentTarget.value })} />
          )}
        </div>
      </details>
    </>
  );
}
