import { describe, expect, it } from "vitest";
import type { Limits } from "@/api/types";
import { scaleOf, valueStatus } from "./limits";

const none: Limits = { normalMin: null, normalMax: null, alertMin: null, alertMax: null };
const furnace: Limits = { normalMin: 65, normalMax: 85, alertMin: 55, alertMax: 90 };

describe("valueStatus", () => {
  it("is normal up to and with a limit, a warning past the band, critical past an alarm limit", () => {
    const cases = [[55, "warning"], [54.9, "critical"], [65, "normal"], [85, "normal"], [85.1, "warning"], [90.1, "critical"]] as const;
    for (const [value, level] of cases) expect(valueStatus(value, furnace), String(value)).toBe(level);
  });

  it("is unknown without a value, and normal without limits", () => {
    expect(valueStatus(null, furnace)).toBe("unknown");
    expect(valueStatus(NaN, furnace)).toBe("unknown");
    expect(valueStatus(1e9, none)).toBe("normal");
  });
});

describe("scaleOf", () => {
  it("holds every limit and the value, however far out", () => {
    for (const value of [70, -500, 1_000]) {
      const [low, high] = scaleOf(furnace, value) ?? [NaN, NaN];
      expect(low).toBeLessThan(Math.min(55, value));
      expect(high).toBeGreaterThan(Math.max(90, value));
    }
  });

  it("leaves room on a side that has no limit", () => {
    const [low, high] = scaleOf({ ...none, normalMax: 60, alertMax: 70 }, 50) ?? [NaN, NaN];
    expect(low).toBeLessThan(50);
    expect(high).toBeGreaterThan(70);
  });

  it("is nothing without limits, and not empty with one", () => {
    expect(scaleOf(none, 5)).toBeNull();
    const [low, high] = scaleOf({ ...none, alertMax: 0 }, null) ?? [0, 0];
    expect(high).toBeGreaterThan(low);
  });
});
