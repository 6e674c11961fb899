import { describe, expect, it } from "vitest";
import { freshness } from "./staleness";
import type { LiveValue } from "./store";

const NOW = 1_000_000;
const STALE_AFTER = 5_000;
const value = (change: Partial<LiveValue> = {}): LiveValue => ({
  value: 1,
  timestamp: NOW - 1_000,
  receivedAt: NOW - 1_000,
  quality: "good",
  status: "normal",
  ...change,
});
const kind = (live: LiveValue | null, connected = true) => freshness(live, NOW, STALE_AFTER, connected).kind;

describe("freshness", () => {
  it("is fresh within its time and stale after it", () => {
    expect(kind(value())).toBe("fresh");
    expect(kind(value({ receivedAt: NOW - 5_001 }))).toBe("stale");
  });

  it("knows nothing of a tag that was never seen, and nothing is not a number", () => {
    expect(kind(null)).toBe("none");
    expect(kind(value({ quality: "bad", value: null }))).toBe("none");
  });

  it("goes stale at once without a connection, and when the source says so", () => {
    expect(kind(value(), false)).toBe("stale");
    expect(kind(value({ quality: "stale" }))).toBe("stale");
    expect(kind(value({ quality: "bad" }))).toBe("stale");
  });

  it("shows a doubtful value as doubtful", () => {
    expect(kind(value({ quality: "uncertain" }))).toBe("uncertain");
  });

  it("goes by when a value came: a device whose clock is an hour behind is not stale", () => {
    expect(kind(value({ timestamp: NOW - 3_600_000 }))).toBe("fresh");
  });

  it("gives no negative age to a device whose clock is ahead", () => {
    expect(freshness(value({ timestamp: NOW + 60_000, receivedAt: NOW }), NOW, STALE_AFTER, true).ageMs).toBe(0);
  });
});
