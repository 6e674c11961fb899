import { describe, expect, it } from "vitest";
import type { RetentionPolicy, StorageTier } from "@/api/types";
import { dayProblem, decided, formatDays, isSame, losses, presetOf, shortened, toDraft, type Decided } from "./retention";

const policy = (rawDays: number | null, minuteDays: number | null = 90, hourDays: number | null = 730): RetentionPolicy => ({ rawDays, minuteDays, hourDays });
const plain: Decided = { policy: policy(7), overrides: [] };
const own = (deviceId: string, tag: string | null, each: RetentionPolicy) => ({ deviceId, tag, policy: each });

const tier = (name: StorageTier["tier"], oldest: string | null): StorageTier => ({
  tier: name,
  files: 1,
  rows: 10,
  bytes: 50,
  bytesPerRow: 5,
  oldest,
  newest: oldest,
  keptDays: 7,
  nextDropAt: null,
  nextDropBytes: 0,
});

describe("a draft of the retention", () => {
  it("says what it was made from", () => {
    const retention = { preset: null, presets: {}, policy: policy(7, null), overrides: [own("press-1", null, policy(null))] };
    expect(decided(toDraft(retention))).toEqual({ policy: retention.policy, overrides: retention.overrides });
  });

  it("is nothing while a number or a device is wrong", () => {
    const draft = toDraft({ preset: null, presets: {}, ...plain });
    expect(decided({ ...draft, own: { ...draft.own, rawDays: "x" } })).toBeNull();
    expect(decided({ ...draft, overrides: [{ deviceId: "", tag: "", ...draft.own }] })).toBeNull();
    expect([dayProblem(""), dayProblem("0.5"), dayProblem("0"), dayProblem("40000")].map(Boolean)).toEqual([false, false, true, true]);
  });

  it("knows a preset by its days, and whether anything changed", () => {
    expect(presetOf({ s2: policy(7), keep: policy(null, null, null) }, policy(null, null, null))).toBe("keep");
    expect(presetOf({ s2: policy(7) }, policy(8))).toBeUndefined();
    expect(isSame(plain, { ...plain, overrides: [] })).toBe(true);
    expect(isSame(plain, { ...plain, overrides: [own("press-1", null, policy(7))] })).toBe(false);
  });
});

describe("what is kept for a shorter time", () => {
  it("is a tier with fewer days, also than for ever", () => {
    expect(shortened(plain, { policy: policy(3, 90, 800), overrides: [] })).toEqual([{ target: null, tier: "raw", from: 7, to: 3 }]);
    expect(shortened({ policy: policy(null), overrides: [] }, plain)).toEqual([{ target: null, tier: "raw", from: null, to: 7 }]);
    expect(shortened(plain, { policy: policy(null), overrides: [] })).toEqual([]);
  });

  it("is a device that loses its own longer time", () => {
    const before = { ...plain, overrides: [own("press-1", null, policy(null))] };
    expect(shortened(before, plain)).toEqual([{ target: { deviceId: "press-1", tag: null }, tier: "raw", from: null, to: 7 }]);
  });

  it("is a signal that falls back to its device, not to the rest", () => {
    const device = own("press-1", null, policy(30));
    const before = { ...plain, overrides: [device, own("press-1", "force", policy(60))] };
    expect(shortened(before, { ...plain, overrides: [device] })).toEqual([
      { target: { deviceId: "press-1", tag: "force" }, tier: "raw", from: 60, to: 30 },
    ]);
  });
});

describe("what a shorter time deletes", () => {
  const now = Date.parse("2025-01-11T00:00:00Z");
  const shorter = shortened(plain, { policy: policy(3, 60), overrides: [] });

  it("is what is stored and older", () => {
    const found = losses(shorter, [tier("raw", "2025-01-05T00:00:00Z"), tier("1m", "2025-01-05T00:00:00Z")], now);
    expect(found.map((each) => [each.tier, new Date(each.before).toISOString()])).toEqual([["raw", "2025-01-08T00:00:00.000Z"]]);
  });

  it("is nothing of an empty tier, and everything when the storage cannot be asked", () => {
    expect(losses(shorter, [tier("raw", null)], now)).toEqual([]);
    expect(losses(shorter, undefined, now)).toHaveLength(2);
  });
});

describe("days in words", () => {
  it("takes the unit that reads best", () => {
    expect([null, 1, 7, 730, 365, 0.5].map(formatDays)).toEqual(["for ever", "1 day", "7 days", "2 years", "1 year", "12 hours"]);
  });
});
