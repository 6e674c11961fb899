import { describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration, formatTime, formatValue, formatWithUnit, humanise, NO_VALUE, plural, unitSymbol } from "./format";

describe("values", () => {
  it("have fixed decimals, so that nothing jitters", () => {
    expect(formatValue(75, 1)).toBe("75.0");
    expect(formatValue(1600.004, 2)).toBe("1,600.00");
  });

  it("that are unknown are a dash, never 0", () => {
    for (const unknown of [null, undefined, NaN, Infinity]) expect(formatValue(unknown, 1)).toBe(NO_VALUE);
    expect(formatWithUnit(null, "celsius")).toBe(NO_VALUE);
    expect(formatCount(undefined)).toBe(NO_VALUE);
    expect(formatBytes(null)).toBe(NO_VALUE);
  });

  it("carry the unit as an instrument writes it", () => {
    expect(formatWithUnit(75.24, "celsius", 1)).toBe("75.2\u00a0°C");
    expect(unitSymbol("percentage")).toBe("%");
    expect(unitSymbol("N·m")).toBe("N·m");
  });

  it("may be texts and switches", () => {
    expect(formatValue("idle")).toBe("idle");
    expect(formatValue(true)).toBe("on");
  });
});

describe("counts and lengths", () => {
  it("are short", () => {
    expect(formatCount(48_213)).toBe("48,213");
    expect(formatCount(1_234_567)).toBe("1.2M");
    expect(formatBytes(1_536_000)).toBe("1.5\u00a0MB");
    expect(formatBytes(0)).toBe("0\u00a0B");
    expect(plural(1, "device")).toBe("1 device");
    expect(plural(0, "device")).toBe("0 devices");
    expect(humanise("high_pressure")).toBe("High pressure");
  });

  it("of time are said in their two largest parts", () => {
    expect(formatDuration(45_000)).toBe("45 s");
    expect(formatDuration(185_000)).toBe("3 min 05 s");
    expect(formatDuration(7_800_000)).toBe("2 h 10 min");
    expect(formatDuration(356_400_000)).toBe("4 d 3 h");
    expect(formatDuration(-5)).toBe("0 s");
  });
});

describe("times", () => {
  it("are the site's, not the browser's", () => {
    expect(formatTime("2025-01-11T23:30:00Z", "Europe/Berlin", "time")).toBe("00:30:00");
    expect(formatTime("2025-07-11T23:30:00Z", "America/New_York", "minute")).toBe("19:30");
  });

  it("in the hour that comes twice say which it is", () => {
    expect(formatTime("2026-10-24T23:59:59Z", "Europe/Berlin", "time")).toBe("01:59:59");
    expect(formatTime("2026-10-25T00:30:00Z", "Europe/Berlin", "minute")).toBe("02:30 UTC+2");
    expect(formatTime("2026-10-25T01:30:00Z", "Europe/Berlin")).toBe("25 Oct 2026, 02:30:00 UTC+1");
    expect(formatTime("2026-10-25T02:00:00Z", "Europe/Berlin", "minute")).toBe("03:00");
    expect(formatTime("2026-10-25T01:30:00Z", "Europe/Berlin", "day")).toBe("25 Oct");
    expect(formatTime("2026-04-04T15:15:00Z", "Australia/Lord_Howe", "minute")).toBe("01:45 UTC+10:30");
    expect(formatTime("2026-03-29T01:30:00Z", "Europe/Berlin", "minute")).toBe("03:30");
  });

  it("that are not times are a dash", () => {
    expect(formatTime("soon", "UTC")).toBe(NO_VALUE);
  });
});
