import { Autocomplete, NativeSelect, TextInput } from "@mantine/core";
import type { Draft } from "./order";

const MOST_SHOWN = 20;
const KEPT = [
  { value: "keep", label: "Whatever their age" },
  { value: "expire", label: "As long as other samples" },
];

interface Props {
  draft: Draft;
  onChange: (draft: Draft) => void;
  known: readonly string[];
  /** Devices that the file names. */
  inFile: readonly string[];
  mayRegister: boolean;
}

/** Whose samples they are, and how long they are kept. */
export function Destination({ draft, onChange, known, inFile, mayRegister }: Props) {
  const id = draft.deviceId.trim();
  const isNew = id !== "" && !known.includes(id);
  const hint = isNew ? (mayRegister ? "There is none of that name: it will be registered" : "There is no device of that name") : "One that is there, or a new name";
  return (
    <>
      <Autocomplete
        label="Device"
        description={inFile.length > 1 ? `The file names ${inFile.slice(0, 5).join(", ")}${inFile.length > 5 ? ", …" : ""}` : hint}
        value={draft.deviceId}
        data={[...new Set([...inFile, ...known])]}
        limit={MOST_SHOWN}
        spellCheck={false}
        size="md"
        onChange={(deviceId) => onChange({ ...draft, deviceId })}
      />
      {isNew && mayRegister && (
        <TextInput label="Type of the new device" description="As in furnace, loom, sensor" size="md" value={draft.type} onChange={(event) => onChange({ ...draft, type: event.currentTarget.value })} />
      )}
      <NativeSelect
        label="Samples are kept"
        description="Others go when their retention ends"
        size="md"
        value={draft.keep ? "keep" : "expire"}
        data={KEPT}
        onChange={(event) => onChange({ ...draft, keep: event.currentTarget.value === "keep" })}
      />
    </>
  );
}
