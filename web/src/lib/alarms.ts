import type { Alert } from "@/api/types";
import { levelOf, levelRank } from "./limits";

const waiting = (alert: Alert) => Number(alert.state !== "unacknowledged");

/** Unacknowledged before acknowledged, worst first, then the newest. */
export function byUrgency(a: Alert, b: Alert): number {
  return (
    waiting(a) - waiting(b) ||
    levelRank(levelOf(a.severity)) - levelRank(levelOf(b.severity)) ||
    b.triggeredAt.localeCompare(a.triggeredAt)
  );
}
