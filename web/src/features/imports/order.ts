import type { ImportOrder, Preview, ReadOptions } from "@/api/types";

/** What the form holds. `columns` null: those that were recognised; texts that are empty are found out. */
export interface Draft {
  deviceId: string;
  type: string;
  keep: boolean;
  timezone: string;
  timeColumn: string;
  timeFormat: string;
  encoding: string;
  skipBad: boolean;
  columns: string[] | null;
  units: Readonly<Record<string, string>>;
}

export const newDraft = (deviceId: string, timezone: string): Draft => ({
  deviceId,
  type: "sensor",
  keep: true,
  timezone,
  timeColumn: "",
  timeFormat: "",
  encoding: "utf-8",
  skipBad: false,
  columns: null,
  units: {},
});

export const ENCODINGS = [
  { value: "utf-8", label: "UTF-8" },
  { value: "latin-1", label: "Latin-1 (Western Europe)" },
  { value: "cp1252", label: "Windows-1252" },
  { value: "utf-16", label: "UTF-16" },
];

/** How the file is to be read, to look at it. Whose samples it holds matters only where it names several devices. */
export function toRead(draft: Draft, deviceId = ""): ReadOptions {
  const { columns, timeColumn, timeFormat, timezone, encoding, skipBad } = draft;
  return {
    columns: columns ?? [],
    timezone,
    encoding,
    skipBad,
    ...(deviceId && { deviceId }),
    ...(timeColumn && { timeColumn }),
    ...(timeFormat.trim() && { timeFormat: timeFormat.trim() }),
  };
}

/** What the server is told to do. A device that is not there is registered, where that is allowed. */
export function toOrder(draft: Draft, preview: Preview, create: boolean): ImportOrder {
  const taken = takenColumns(draft, preview);
  const units = Object.entries(draft.units)
    .map(([name, unit]) => [name, unit.trim()] as const)
    .filter(([name, unit]) => unit && taken.includes(name));
  return { ...toRead(draft), deviceId: draft.deviceId.trim(), keep: draft.keep, create, type: draft.type.trim() || "sensor", units: Object.fromEntries(units) };
}

/** The columns whose values are imported; none of a file with a sample a row, which names its own. */
export const takenColumns = (draft: Draft, preview: Preview): string[] => draft.columns ?? (preview.long ? [] : preview.signals);

/** Columns that can hold values: all but that of the times. */
export const valueColumns = (preview: Preview): Preview["columns"] =>
  preview.columns.filter(({ name, kind }) => name !== preview.timeColumn && (kind !== "time" || preview.timeColumn !== null));

/** A column more or less; in the file's order, and never nothing at all. */
export function toggled(draft: Draft, preview: Preview, name: string, wanted: boolean): string[] {
  const taken = takenColumns(draft, preview);
  const next = preview.columns.map((column) => column.name).filter((each) => (each === name ? wanted : taken.includes(each)));
  return next.length > 0 ? next : taken;
}

const SEPARATORS: Record<string, string> = { ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars" };

/** "CSV with semicolons, times in ‘time’, a column a signal". */
export function recognised(preview: Preview): string {
  const format = preview.format === "parquet" ? "Parquet" : `CSV${preview.separator ? ` with ${SEPARATORS[preview.separator] ?? preview.separator}` : ""}`;
  const time = preview.timeColumn === null ? "no column of times" : `times in “${preview.timeColumn}”`;
  if (preview.timeColumn === null) return `${format}, ${time}`;
  return `${format}, ${time}, ${preview.long ? "a sample a row, as Andon exports it" : "a signal a column"}`;
}

/** Why it cannot be imported now; null when it can. */
export function obstacle(draft: Draft, preview: Preview, known: readonly string[], mayRegister: boolean): string | null {
  const deviceId = draft.deviceId.trim();
  if (!deviceId) return "Choose the device that the samples belong to";
  if (!known.includes(deviceId) && !mayRegister) return `There is no device ${deviceId}, and registering one needs the permission devices:write`;
  if (preview.long && preview.devices.length > 0 && !preview.devices.includes(deviceId) && preview.devices.length < 2)
    return `The file holds samples of ${preview.devices.join(", ")}, and none of ${deviceId}`;
  return null;
}
