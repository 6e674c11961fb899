import type { Value } from "@/api/types";
import { comesTwice } from "./zoned";

/** Unit names of the wire as they are written on an instrument. */
const SYMBOLS: Record<string, string> = {
  celsius: "°C",
  fahrenheit: "°F",
  kelvin: "K",
  percentage: "%",
  percent: "%",
  hz: "Hz",
  "units/hour": "units/h",
  degc: "°C",
  um: "µm",
};

export const unitSymbol = (unit: string | null | undefined): string => (unit ? (SYMBOLS[unit.toLowerCase()] ?? unit) : "");

const formats = new Map<number, Intl.NumberFormat>();

function numberFormat(decimals: number): Intl.NumberFormat {
  const found = formats.get(decimals);
  if (found) return found;
  const made = new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  formats.set(decimals, made);
  return made;
}

/** What stands where there is no value. Never 0. */
export const NO_VALUE = "–";

/** A value with fixed decimals, so that nothing jitters. */
export function formatValue(value: Value | undefined, decimals: number | null = 1): string {
  if (value === null || value === undefined) return NO_VALUE;
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (!Number.isFinite(value)) return NO_VALUE;
  return numberFormat(Math.min(Math.max(decimals ?? 1, 0), 10)).format(value);
}

export function formatWithUnit(value: Value | undefined, unit: string | null | undefined, decimals: number | null = 1): string {
  const text = formatValue(value, decimals);
  const symbol = unitSymbol(unit);
  return text === NO_VALUE || !symbol ? text : `${text}\u00a0${symbol}`;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count: all digits up to 99,999, then 1.2M. */
export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return NO_VALUE;
  return Math.abs(count) < 100_000 ? whole.format(count) : compact.format(count);
}

export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return NO_VALUE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const scaled = bytes / 1000 ** step;
  return `${scaled.toFixed(step === 0 || scaled >= 100 ? 0 : 1)}\u00a0${units[step] ?? ""}`;
}

/** A length of time in its two largest parts: "45 s", "3 min 05 s", "2 h 10 min", "4 d 3 h". */
export function formatDuration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const pad = (part: number) => String(part).padStart(2, "0");
  if (s < 3_600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${pad(Math.floor((s % 3_600) / 60))} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`;
}

/** The same in its largest part alone, for narrow places: "45 s", "3 min". */
export function formatAge(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

type Style = "time" | "minute" | "datetime" | "date" | "day";
const OPTIONS: Record<Style, Intl.DateTimeFormatOptions> = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  datetime: { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "short", day: "2-digit" },
  day: { month: "short", day: "2-digit" },
};
const OFFSET: Intl.DateTimeFormatOptions = { timeZoneName: "shortOffset" };
const dateFormats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(timeZone: string, name: Style | "offset"): Intl.DateTimeFormat {
  const key = `${name} ${timeZone}`;
  const format = dateFormats.get(key) ?? new Intl.DateTimeFormat("en-GB", { ...(name === "offset" ? OFFSET : OPTIONS[name]), timeZone });
  dateFormats.set(key, format);
  return format;
}

/** How far the site's clock is from UTC: "UTC+1". */
function offset(at: Date, timeZone: string): string {
  const found = dateFormat(timeZone, "offset").formatToParts(at).find(({ type }) => type === "timeZoneName");
  return (found?.value ?? "").replace("GMT", "UTC");
}

/** A time (ms or ISO) in the site's time zone; in the hour that comes twice when the clock is put back, with which it is. */
export function formatTime(time: number | string, timeZone: string, style: Style = "datetime"): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return NO_VALUE;
  const text = dateFormat(timeZone, style).format(at);
  return OPTIONS[style].hour && comesTwice(at.getTime(), timeZone) ? `${text} ${offset(at, timeZone)}` : text;
}

/** `high_pressure` as words: "High pressure". */
export function humanise(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "1 device", "12 devices". */
export const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
