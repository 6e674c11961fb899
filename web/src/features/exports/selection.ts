import type { ExportBody } from "@/api/types";

/** Signals of one device; `tags` null: all that it has. */
export interface Chosen {
  deviceId: string;
  tags: readonly string[] | null;
}

export type Format = NonNullable<ExportBody["format"]>;
export type Quality = NonNullable<ExportBody["quality"]>;

export interface Draft {
  chosen: readonly Chosen[];
  /** All devices of these types too. */
  types: readonly string[];
  format: Format;
  quality: Quality;
  from: string;
  to: string;
}

export const FORMATS: { value: Format; label: string }[] = [
  { value: "csv", label: "CSV" },
  { value: "xlsx", label: "Excel" },
  { value: "parquet", label: "Parquet" },
  { value: "json", label: "JSON" },
];

/** What the server is asked for. */
export function toBody({ chosen, types, format, quality, from, to }: Draft): ExportBody {
  const series = chosen.flatMap(({ deviceId, tags }) => (tags === null ? [`${deviceId}:*`] : tags.map((tag) => `${deviceId}:${tag}`)));
  return { series, type: [...types], format, quality, from, to };
}

export const isEmpty = ({ chosen, types }: Draft): boolean => types.length === 0 && chosen.every(({ tags }) => tags?.length === 0);

export const withDevice = (chosen: readonly Chosen[], deviceId: string): readonly Chosen[] =>
  deviceId === "" || chosen.some((each) => each.deviceId === deviceId) ? chosen : [...chosen, { deviceId, tags: null }];

export const withoutDevice = (chosen: readonly Chosen[], deviceId: string): readonly Chosen[] => chosen.filter((each) => each.deviceId !== deviceId);

/** A signal more or less of a device that has these; all of them are "all". */
export function withTag(chosen: readonly Chosen[], deviceId: string, all: readonly string[], tag: string, wanted: boolean): readonly Chosen[] {
  return chosen.map((each) => {
    if (each.deviceId !== deviceId) return each;
    const had = each.tags ?? all;
    const tags = all.filter((name) => (name === tag ? wanted : had.includes(name)));
    return { deviceId, tags: tags.length === all.length ? null : tags };
  });
}
