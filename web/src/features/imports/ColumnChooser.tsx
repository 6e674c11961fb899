import { Checkbox, TextInput } from "@mantine/core";
import type { Preview } from "@/api/types";
import { humanise } from "@/lib/format";
import { takenColumns, toggled, valueColumns, type Draft } from "./order";
import classes from "./imports.module.css";

interface Props {
  draft: Draft;
  preview: Preview;
  onChange: (draft: Draft) => void;
}

/** Which columns become signals, and in which unit they are. */
export function ColumnChooser({ draft, preview, onChange }: Props) {
  const taken = takenColumns(draft, preview);
  return (
    <fieldset className={classes["columns"]}>
      <legend>Columns to import</legend>
      <ul>
        {valueColumns(preview).map(({ name, kind, example }) => (
          <li key={name}>
            <Checkbox
              label={name}
              description={`${humanise(kind)}${example ? `, such as ${example}` : ""}`}
              checked={taken.includes(name)}
              disabled={kind === "empty" && !taken.includes(name)}
              onChange={(event) => onChange({ ...draft, columns: toggled(draft, preview, name, event.currentTarget.checked) })}
            />
            <TextInput
              aria-label={`Unit of ${name}`}
              placeholder="Unit: the signal's own"
              disabled={!taken.includes(name)}
              spellCheck={false}
              value={draft.units[name] ?? ""}
              onChange={(event) => onChange({ ...draft, units: { ...draft.units, [name]: event.currentTarget.value } })}
            />
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
