import type { Level, Limits, Severity, Value } from "@/api/types";

const outside = (value: number, low: number | null, high: number | null) =>
  (low !== null && value < low) || (high !== null && value > high);

/** `critical` beyond an alert limit, `warning` outside the normal band; `unknown` for what is not a number. */
export function valueStatus(value: Value, limits: Limits): Level {
  if (typeof value === "boolean" || typeof value === "string") return "normal";
  if (value === null || Number.isNaN(value)) return "unknown";
  if (outside(value, limits.alertMin, limits.alertMax)) return "critical";
  return outside(value, limits.normalMin, limits.normalMax) ? "warning" : "normal";
}

/** The two severity vocabularies on one scale. */
export function levelOf(severity: Severity): "critical" | "warning" | "info" {
  if (severity === "critical") return "critical";
  return severity === "low" ? "info" : "warning";
}

const RANK: Record<Level, number> = { critical: 0, warning: 1, info: 2, unknown: 3, normal: 4 };

/** Sort order, worst first. */
export const levelRank = (level: Level): number => RANK[level];

export const worst = (a: Level, b: Level): Level => (levelRank(a) <= levelRank(b) ? a : b);

export function hasLimits(limits: Limits): boolean {
  return Object.values(limits).some((limit) => limit !== null);
}

/**
 * The range that a bar shows: the limits with a margin, widened to hold the value. Null when there is no
 * limit at all: a bar without limits says nothing.
 */
export function scaleOf(limits: Limits, value: number | null): [number, number] | null {
  const known = Object.values(limits).filter((limit): limit is number => typeof limit === "number");
  if (known.length === 0) return null;
  let low = Math.min(...known);
  let high = Math.max(...known);
  const span = high - low || Math.abs(high) || 1;
  // An open side gets room of its own.
  if (limits.alertMin === null && limits.normalMin === null) low = high - span * 2;
  if (limits.alertMax === null && limits.normalMax === null) high = low + span * 2;
  const margin = (high - low) * 0.12;
  low -= margin;
  high += margin;
  if (value !== null && Number.isFinite(value)) {
    low = Math.min(low, value - margin);
    high = Math.max(high, value + margin);
  }
  return [low, high];
}
