import type { Device } from "@/api/types";

/** A device for tests: a loom that is well, with the given differences. */
export function device(deviceId: string, change: Partial<Device> = {}): Device {
  return {
    deviceId,
    id: deviceId,
    name: "",
    type: "loom",
    location: "",
    status: "active",
    online: true,
    unit: "mm",
    primaryTag: "width",
    decimals: 1,
    lastReading: null,
    alertStatus: "normal",
    activeAlerts: 0,
    stats: { avg24h: null, trend: null },
    limits: { normalMin: null, normalMax: null, alertMin: null, alertMax: null },
    staleAfterSeconds: 3,
    expectedIntervalSeconds: 1,
    area: "",
    createdAt: "2025-01-11T10:00:00.000Z",
    ...change,
  };
}
