import type { Alert, Level, Quality, Severity, Value } from "@/api/types";

/** One value in a `sensor-frame`: device, tag, time (ms UTC), value, quality, status against the limits. */
export type WireSample = [string, string, number, Value, Quality, Level];

export interface SensorFrame {
  position: number;
  samples: WireSample[];
}

export interface ConnectionStatus {
  status: string;
  timestamp: string;
  position?: number;
  sessionId?: string;
}

/** What acknowledges `subscribe-alerts`; with an error when alarms may not be seen. */
export interface Subscribed {
  /** For how long nothing has happened to an alarm and no device came or went. */
  quietMs?: number;
}

export type AlarmEventName = "alert-triggered" | "alert-acknowledged" | "alert-escalated" | "alert-resolved";

/** An alarm event: the seeds' fields, and where the server sends it the whole alert. */
export interface AlarmEvent extends Partial<Omit<Alert, "severity">> {
  alertId: string;
  deviceId: string;
  severity: Severity;
  message: string;
  timestamp: string;
}

export const ALARM_EVENTS: readonly AlarmEventName[] = [
  "alert-triggered",
  "alert-acknowledged",
  "alert-escalated",
  "alert-resolved",
];
