import type { Limits } from "@/api/types";

/** The limits as they are typed; empty means that there is none on that side. */
export type LimitTexts = Record<keyof Limits, string>;

export const FIELDS: readonly { name: keyof Limits; label: string }[] = [
  { name: "alertMin", label: "Alarm below" },
  { name: "normalMin", label: "Normal from" },
  { name: "normalMax", label: "Normal to" },
  { name: "alertMax", label: "Alarm above" },
];

export function toTexts(limits: Limits): LimitTexts {
  const text = (value: number | null) => (value === null ? "" : String(value));
  return {
    alertMin: text(limits.alertMin),
    normalMin: text(limits.normalMin),
    normalMax: text(limits.normalMax),
    alertMax: text(limits.alertMax),
  };
}

export type Problems = Partial<Record<keyof Limits, string>>;

/** The limits that were typed, or what is wrong with which field. They must rise from the lowest to the highest. */
export function parseLimits(texts: LimitTexts): { limits: Limits } | { problems: Problems } {
  const limits: Limits = { alertMin: null, normalMin: null, normalMax: null, alertMax: null };
  const problems: Problems = {};
  let last: { value: number; label: string } | null = null;
  for (const { name, label } of FIELDS) {
    const text = texts[name].trim().replace(",", ".");
    if (text === "") continue;
    const value = Number(text);
    if (!Number.isFinite(value)) problems[name] = "Write a number, such as 72.5";
    else if (last && value < last.value) problems[name] = `Must not be below “${last.label}” (${last.value})`;
    else {
      limits[name] = value;
      last = { value, label };
    }
  }
  return Object.keys(problems).length > 0 ? { problems } : { limits };
}

/** What would change, as words: "Alarm above: 85 → 90". */
export function changes(before: Limits, after: Limits): string[] {
  const show = (value: number | null) => (value === null ? "none" : String(value));
  return FIELDS.filter(({ name }) => before[name] !== after[name]).map(
    ({ name, label }) => `${label}: ${show(before[name])} → ${show(after[name])}`,
  );
}
