import type { Alert } from "@/api/types";
import { formatWithUnit } from "@/lib/format";

/** "241.0 °C against 230.0 °C", or null when the alarm is not about a number. */
export function valueAgainstLimit(alert: Alert): string | null {
  if (alert.value === null || alert.alertType === "device_offline") return null;
  const value = formatWithUnit(alert.value, alert.unit);
  return alert.threshold === null ? value : `${value} against ${formatWithUnit(alert.threshold, alert.unit)}`;
}

/** The state as an operator says it. */
export function stateWords(alert: Alert): string {
  if (alert.state === "rtn_unacknowledged") return "Back to normal, not acknowledged";
  if (alert.status === "resolved") return alert.resolvedBy ? `Resolved by ${alert.resolvedBy}` : "Back to normal";
  if (alert.acknowledgedBy) return `Acknowledged by ${alert.acknowledgedBy}`;
  return alert.escalatedAt ? "Escalated: nobody has it" : "Nobody has it";
}

export const isOpen = (alert: Alert): boolean => alert.status !== "resolved" || alert.state === "rtn_unacknowledged";
export const needsAcknowledge = (alert: Alert): boolean => alert.state === "unacknowledged" || alert.state === "rtn_unacknowledged";
