import type { Chosen } from "@/features/exports/selection";

const ALL = "*";

/** As the server takes them: `device:tag`, or `device:*` for all. A device of which no signal is left asks nothing. */
export const toSeries = (chosen: readonly Chosen[]): string[] =>
  chosen.flatMap(({ deviceId, tags }) => (tags === null ? [`${deviceId}:${ALL}`] : tags.map((tag) => `${deviceId}:${tag}`)));

/** `loom-001:bbw_value,loom-001:vibration,device-001:*` in the URL; both parts may hold anything, and are encoded. */
export const writeSeries = (chosen: readonly Chosen[]): string =>
  chosen
    .flatMap(({ deviceId, tags }) => {
      const names = tags === null ? [ALL] : tags.length === 0 ? [""] : tags.map(encodeURIComponent);
      return names.map((name) => `${encodeURIComponent(deviceId)}:${name}`);
    })
    .join(",");

/** What the URL says; what has no colon, or cannot be decoded, is no series. */
export function readSeries(text: string | undefined): Chosen[] {
  const found = new Map<string, string[] | null>();
  for (const [deviceId, tag] of (text ?? "").split(",").flatMap(parted)) {
    const tags = found.get(deviceId);
    if (tag === ALL) found.set(deviceId, null);
    else if (tags !== null) found.set(deviceId, [...(tags ?? []), ...(tag ? [tag] : [])]);
  }
  return [...found].map(([deviceId, tags]) => ({ deviceId, tags }));
}

function parted(series: string): [string, string][] {
  const at = series.indexOf(":");
  try {
    return at > 0 ? [[decodeURIComponent(series.slice(0, at)), decodeURIComponent(series.slice(at + 1))]] : [];
  } catch {
    return [];
  }
}
