import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveStore } from "./store";
import type { WireSample } from "./wire";

const sample = (time: number, value: WireSample[3], quality: WireSample[4] = "good", device = "d"): WireSample => [
  device,
  "t",
  time,
  value,
  quality,
  "normal",
];

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

describe("LiveStore", () => {
  it("repaints a busy device at most 5 times a second, with its newest value", () => {
    const store = new LiveStore();
    const repaint = vi.fn();
    store.watch("d", repaint);
    for (let at = 0; at < 100; at += 1) {
      store.apply([sample(at, at)], at);
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(200);
    expect(repaint.mock.calls.length).toBeGreaterThanOrEqual(5);
    expect(repaint.mock.calls.length).toBeLessThanOrEqual(7);
    expect(store.values("d").get("t")?.value).toBe(99);
  });

  it("shows the value of a quiet device at once", () => {
    const store = new LiveStore();
    store.apply([sample(1, 7)], 1);
    vi.advanceTimersByTime(0);
    expect(store.values("d").get("t")?.value).toBe(7);
  });

  it("gives the same snapshot until a value of that device changes", () => {
    const store = new LiveStore();
    store.apply([sample(1, 1)], 1);
    vi.advanceTimersByTime(200);
    const before = store.values("d");
    store.apply([sample(1, 1, "good", "other")], 2);
    vi.advanceTimersByTime(200);
    expect(store.values("d")).toBe(before);
  });

  it("does not let a late sample replace the present value, but draws it where it belongs", () => {
    const store = new LiveStore();
    const { ring } = store.hold("d", "t", 10);
    store.apply([sample(20, 2), sample(10, 1)], 30);
    vi.advanceTimersByTime(200);
    expect(store.values("d").get("t")?.value).toBe(2);
    expect([...ring.ys]).toEqual([1, 2]);
  });

  it("draws a gap, not a number, for what is bad, stale, text or unknown", () => {
    const store = new LiveStore();
    const { ring } = store.hold("d", "t", 10);
    store.apply([sample(1, 5), sample(2, 6, "bad"), sample(3, 7, "stale"), sample(4, "text"), sample(5, null), sample(6, 8, "uncertain")], 6);
    expect([...ring.ys]).toEqual([5, NaN, NaN, NaN, NaN, 8]);
  });

  it("keeps points only while somebody holds them", () => {
    const store = new LiveStore();
    const first = store.hold("d", "t", 10);
    const second = store.hold("d", "t", 20);
    expect(second.ring).toBe(first.ring);
    first.release();
    store.apply([sample(1, 1)], 1);
    second.release();
    store.apply([sample(2, 2)], 2);
    expect(first.ring.length).toBe(1);
    expect(store.hold("d", "t", 10).ring.length).toBe(0);
  });

  it("takes the first value of a tag for as old as it says, and later ones as they come", () => {
    const store = new LiveStore();
    const received = () => store.values("d").get("t")?.receivedAt;
    store.apply([sample(100, 1)], 60_000);
    vi.advanceTimersByTime(200);
    expect(received()).toBe(100);
    store.apply([sample(200, 2)], 61_000);
    vi.advanceTimersByTime(200);
    expect(received()).toBe(61_000);
    store.apply([sample(300, 3)], 62_000, true);
    vi.advanceTimersByTime(200);
    expect(received()).toBe(300);
  });

  it("puts history in place of the live points of its time, and keeps those that came after it", () => {
    const store = new LiveStore();
    const { ring } = store.hold("d", "t", 10);
    store.apply([sample(15, 1.5), sample(25, 2.5), sample(35, 3.5)], 40);
    store.backfill("d", "t", [{ time: 10, value: 1 }, { time: 20, value: 2 }, { time: 30, value: NaN }]);
    expect([...ring.xs]).toEqual([10, 20, 30, 35]);
    store.backfill("d", "t", []);
    expect(ring.length).toBe(4);
  });

  it("holds a bounded number of devices", () => {
    const store = new LiveStore();
    for (let at = 0; at < 6_000; at += 1) store.apply([sample(at, at, "good", `device-${at}`)], at);
    vi.advanceTimersByTime(200);
    expect(store.values("device-0").size).toBe(0);
    expect(store.values("device-5999").size).toBe(1);
  });
});
