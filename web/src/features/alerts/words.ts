import type { Alert } from "@/api/types";
import { formatWithUnit } from "@/lib/format";

export interface ValueAgainstLimit {
  value: string;
  /** "limit 230.0 °C" */
  limit: string | null;
}

/** What was measured and the limit that it broke, or null when the alarm is not about a number. */
export function valueAgainstLimit(alert: Alert): ValueAgainstLimit | null {
  if (alert.value === null || alert.alertType === "device_offline") return null;
  const limit = alert.threshold === null ? null : `limit ${formatWithUnit(alert.threshold, alert.unit)}`;
  return { value: formatWithUnit(alert.value, alert.unit), limit };
}

/** How long an alarm that is over lasted, ms. */
export function lasted(alert: Alert): number | null {
  return alert.resolvedAt === null ? null : Date.parse(alert.resolvedAt) - Date.parse(alert.triggeredAt);
}

/** The state as an operator says it. */
export function stateWords(alert: Alert): string {
  if (alert.state === "rtn_unacknowledged") return "Back to normal, not acknowledged";
  if (alert.status === "resolved") return alert.resolvedBy ? `Resolved by ${alert.resolvedBy}` : "Back to normal";
  if (alert.acknowledgedBy) return `Acknowledged by ${alert.acknowledgedBy}`;
  return alert.escalatedAt ? "Escalated: nobody has it" : "Nobody has it";
}

export const isOpen = (alert: Alert): boolean => alert.status !== "resolved" || alert.state === "rtn_unacknowledged";
/** What went back to normal is over once somebody has acknowledged it; there is nothing to resolve. */
export const canResolve = (alert: Alert): boolean => alert.status !== "resolved";
export const needsAcknowledge = (alert: Alert): boolean => alert.state === "unacknowledged" || alert.state === "rtn_unacknowledged";
