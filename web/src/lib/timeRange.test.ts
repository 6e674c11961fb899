import { describe, expect, it } from "vitest";
import { between, ends, joinNames, pointsFor, presetOf, readRange, shifted, splitNames, zoomed } from "./timeRange";

const NOW = Date.parse("2025-01-11T10:00:00Z");
const HOUR = 3_600_000;
const day = { from: "2025-01-10T00:00:00.000Z", to: "2025-01-10T10:00:00.000Z" };

describe("the range in the URL", () => {
  it("is the last day when it says nothing that is a range", () => {
    expect(readRange(undefined, undefined, NOW)).toEqual({ from: "-24h", to: "now" });
    expect(readRange("2025-01-10T00:00:00Z", "2025-01-09T00:00:00Z", NOW).from).toBe("-24h");
    expect(readRange("nonsense", undefined, NOW).from).toBe("-24h");
  });

  it("is relative to now, or two moments", () => {
    expect(ends({ from: "-7d", to: "now" }, NOW)).toEqual([NOW - 168 * HOUR, NOW]);
    expect(readRange(day.from, day.to, NOW)).toEqual(day);
    expect([presetOf({ from: "-7d", to: "now" }), presetOf({ from: "-2h", to: "now" }), presetOf(day)]).toEqual(["-7d", undefined, undefined]);
  });
});

describe("moving in time", () => {
  it("goes half a range at a time and not past now", () => {
    expect(shifted(day, -1, NOW)).toEqual({ from: "2025-01-09T19:00:00.000Z", to: "2025-01-10T05:00:00.000Z" });
    expect(shifted({ from: "-2h", to: "now" }, 1, NOW)).toEqual({ from: "2025-01-11T08:00:00.000Z", to: "2025-01-11T10:00:00.000Z" });
  });

  it("zooms around the middle", () => {
    expect(zoomed(day, 0.5, NOW)).toEqual({ from: "2025-01-10T02:30:00.000Z", to: "2025-01-10T07:30:00.000Z" });
  });

  it("takes a drag in either direction, and none that is shorter than a second", () => {
    expect(between(NOW - HOUR, NOW - 2 * HOUR, NOW)).toEqual(between(NOW - 2 * HOUR, NOW - HOUR, NOW));
    const [from, to] = ends(between(NOW - HOUR, NOW - HOUR + 3, NOW), NOW);
    expect(to - from).toBe(1_000);
  });
});

describe("what is asked for", () => {
  it("is a point for two pixels, in steps", () => {
    expect([pointsFor(320), pointsFor(1_190), pointsFor(1_210), pointsFor(9_000)]).toEqual([150, 600, 600, 1_500]);
  });

  it("keeps any names of signals", () => {
    expect(splitNames(joinNames(["a,b", "Node/Temp °C"]))).toEqual(["a,b", "Node/Temp °C"]);
    expect([splitNames(undefined), splitNames("%")]).toEqual([[], []]);
  });
});
