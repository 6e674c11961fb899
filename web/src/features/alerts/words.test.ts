import { describe, expect, it } from "vitest";
import type { Alert } from "@/api/types";
import { isOpen, lasted, needsAcknowledge, stateWords, valueAgainstLimit } from "./words";

const ALERT: Alert = {
  id: "alert-001", deviceId: "oven-1", deviceName: "Curing oven", tag: "temperature", type: "high_temperature",
  alertType: "threshold_exceeded", message: "Temperature above threshold", severity: "high", level: "warning", value: 241,
  threshold: 230, unit: "celsius", status: "active", state: "unacknowledged", lifecycle: "triggered",
  triggeredAt: "2026-01-11T10:00:00.000Z", acknowledgedAt: null, acknowledgedBy: null, resolvedAt: null, resolvedBy: null,
  escalatedAt: null, lastValue: 241, lastValueAt: null, comments: [], guidance: "",
};

describe("an alarm in words", () => {
  it("shows the value against its limit, with the unit", () => {
    expect(valueAgainstLimit(ALERT)).toEqual({ value: "241.0\u00a0°C", limit: "limit 230.0\u00a0°C" });
  });

  it("shows no value for a silent device", () => {
    expect(valueAgainstLimit({ ...ALERT, alertType: "device_offline", value: 31 })).toBeNull();
  });

  it("knows how long it lasted once it is over", () => {
    expect(lasted(ALERT)).toBeNull();
    expect(lasted({ ...ALERT, resolvedAt: "2026-01-11T10:03:05.000Z" })).toBe(185_000);
  });

  it("says who has it", () => {
    expect(stateWords(ALERT)).toBe("Nobody has it");
    expect(stateWords({ ...ALERT, escalatedAt: "2026-01-11T10:05:00.000Z" })).toBe("Escalated: nobody has it");
    expect(stateWords({ ...ALERT, status: "acknowledged", state: "acknowledged", acknowledgedBy: "admin" })).toBe("Acknowledged by admin");
  });

  it("keeps an alarm open that went back to normal before anybody acknowledged it", () => {
    const back: Alert = { ...ALERT, status: "resolved", state: "rtn_unacknowledged", resolvedAt: "2026-01-11T10:01:00.000Z" };
    expect(isOpen(back)).toBe(true);
    expect(needsAcknowledge(back)).toBe(true);
    expect(stateWords(back)).toBe("Back to normal, not acknowledged");
  });
});
