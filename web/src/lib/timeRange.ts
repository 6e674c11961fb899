/** The range that the history shows, as it stands in the URL: `from=-24h`, or two moments in ISO 8601. */
export interface TimeRange {
  from: string;
  to: string;
}

export const PRESETS = [
  { from: "-1h", label: "1 h" },
  { from: "-24h", label: "24 h" },
  { from: "-7d", label: "7 d" },
  { from: "-30d", label: "30 d" },
  { from: "-365d", label: "1 y" },
] as const;

const DEFAULT: TimeRange = { from: "-24h", to: "now" };
const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHORTEST_MS = 1_000;
const LONGEST_MS = 50 * 365 * 86_400_000;

/** ms UTC of one end; NaN for what is none. */
function moment(text: string, nowMs: number): number {
  if (text === "now") return nowMs;
  const relative = /^-(\d{1,6})([mhd])$/.exec(text);
  if (relative) return nowMs - Number(relative[1]) * (UNIT_MS[relative[2] ?? ""] ?? NaN);
  return /^\d{4}-/.test(text) ? Date.parse(text) : NaN;
}

/** Both ends in ms UTC. */
export const ends = ({ from, to }: TimeRange, nowMs: number): [number, number] => [moment(from, nowMs), moment(to, nowMs)];

/** What the URL says, or the last day when it says nothing that is a range. */
export function readRange(from: string | undefined, to: string | undefined, nowMs: number): TimeRange {
  const range = { from: from ?? DEFAULT.from, to: to ?? DEFAULT.to };
  const [first, last] = ends(range, nowMs);
  return first < last ? range : DEFAULT;
}

/** A range that moves with the clock. */
export const isRelative = ({ to }: TimeRange): boolean => to === "now";

/** The preset that a range is, if it is one. */
export const presetOf = (range: TimeRange): string | undefined =>
  isRelative(range) ? PRESETS.find(({ from }) => from === range.from)?.from : undefined;

/** Two moments as a range, not shorter than a second and not past now. */
export function between(fromMs: number, toMs: number, nowMs: number): TimeRange {
  const length = Math.min(Math.max(Math.abs(toMs - fromMs), SHORTEST_MS), LONGEST_MS);
  const end = Math.min(Math.max(Math.min(fromMs, toMs) + length, length), nowMs);
  const iso = (ms: number) => new Date(Math.round(ms)).toISOString();
  return { from: iso(Math.max(end - length, 0)), to: iso(end) };
}

/** Half a range earlier (-1) or later (1). */
export function shifted(range: TimeRange, direction: -1 | 1, nowMs: number): TimeRange {
  const [from, to] = ends(range, nowMs);
  const by = (direction * (to - from)) / 2;
  return between(from + by, to + by, nowMs);
}

/** Around its middle: 0.5 shows half of it, 2 twice as much. */
export function zoomed(range: TimeRange, factor: number, nowMs: number): TimeRange {
  const [from, to] = ends(range, nowMs);
  const [middle, half] = [(from + to) / 2, ((to - from) / 2) * factor];
  return between(middle - half, middle + half, nowMs);
}

/** How many points fill a chart of that width, in steps: a resized window does not ask anew for each pixel. */
export const pointsFor = (width: number): number => Math.min(Math.max(Math.round(width / 2 / 50) * 50, 100), 1_500);

/** Names of signals in the URL; they may hold anything. */
export const joinNames = (names: readonly string[]): string => names.map(encodeURIComponent).join(",");

export function splitNames(text: string | undefined): string[] {
  try {
    return (text ?? "").split(",").filter(Boolean).map(decodeURIComponent);
  } catch {
    return [];
  }
}
