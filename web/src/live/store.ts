import type { Level, Quality, Value } from "@/api/types";
import { Ring } from "./ring";
import type { WireSample } from "./wire";

/** The newest value of a tag. Times in ms UTC; `receivedAt` by the server's clock. */
export interface LiveValue {
  value: Value;
  timestamp: number;
  quality: Quality;
  status: Level;
  receivedAt: number;
}

export type DeviceValues = ReadonlyMap<string, LiveValue>;
type SampleListener = (time: number, value: number) => void;

interface Series {
  ring: Ring;
  holders: number;
  listeners: Set<SampleListener>;
}

const NOTHING: DeviceValues = new Map();
/** Numbers repaint at most this often (SCREENS: 5 times a second). */
export const REPAINT_MS = 200;
const MAX_DEVICES = 5_000;

const seriesKey = (deviceId: string, tag: string) => `${deviceId}\u0000${tag}`;

/** What a chart draws for a sample: NaN where there is no good number. */
function plotted(value: Value, quality: Quality): number {
  if (quality === "bad" || quality === "stale") return NaN;
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : NaN;
}

/**
 * Live values of the devices on the screen. Frames are taken in at once; the numbers that React sees change
 * at most 5 times a second. Charts listen to every sample. Memory is bounded: the newest value a tag, the
 * oldest device goes beyond `MAX_DEVICES`, and rings exist only while somebody holds them.
 */
export class LiveStore {
  private readonly newest = new Map<string, Map<string, LiveValue>>();
  private readonly published = new Map<string, DeviceValues>();
  private readonly dirty = new Set<string>();
  private readonly watchers = new Map<string, Set<() => void>>();
  private readonly series = new Map<string, Series>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private lastPaint = -Infinity;

  /**
   * Take in samples; `now` is by the server's clock. While catching up, and for the first value of a tag, what comes
   * may be old: it counts as received when it was taken, not now, or a silent device would look alive for a moment.
   */
  apply(samples: readonly WireSample[], now: number, catchingUp = false): void {
    for (const [deviceId, tag, timestamp, value, quality, status] of samples) {
      this.feed(deviceId, tag, timestamp, plotted(value, quality));
      const values = this.valuesOf(deviceId);
      const before = values.get(tag);
      if (before && before.timestamp > timestamp) continue;
      const receivedAt = before && !catchingUp ? now : Math.min(now, timestamp);
      values.set(tag, { value, timestamp, quality, status, receivedAt });
      this.dirty.add(deviceId);
    }
    this.schedule();
  }

  /** All tags of a device as last painted; the same object until something changed. */
  values(deviceId: string): DeviceValues {
    return this.published.get(deviceId) ?? NOTHING;
  }

  /** Calls back after each repaint in which a value of the device changed. */
  watch(deviceId: string, listener: () => void): () => void {
    const watching = this.watchers.get(deviceId) ?? new Set();
    this.watchers.set(deviceId, watching.add(listener));
    return () => {
      watching.delete(listener);
      if (watching.size === 0) this.watchers.delete(deviceId);
    };
  }

  /** A ring that is filled while it is held; holders of one tag share it. */
  hold(deviceId: string, tag: string, capacity: number, listener?: SampleListener): { ring: Ring; release: () => void } {
    const key = seriesKey(deviceId, tag);
    const series = this.series.get(key) ?? { ring: new Ring(capacity), holders: 0, listeners: new Set() };
    this.series.set(key, series);
    series.ring.reserve(capacity);
    series.holders += 1;
    if (listener) series.listeners.add(listener);
    return {
      ring: series.ring,
      release: () => {
        if (listener) series.listeners.delete(listener);
        series.holders -= 1;
        if (series.holders === 0) this.series.delete(key);
      },
    };
  }

  /** Put the past, oldest first, into a held ring in place of what it has of that time. The present value stays. */
  backfill(deviceId: string, tag: string, points: readonly { time: number; value: number }[]): void {
    const ring = this.series.get(seriesKey(deviceId, tag))?.ring;
    const last = points.at(-1);
    if (!ring || !last) return;
    ring.dropUntil(last.time);
    points.forEach(({ time, value }) => ring.push(time, value));
  }

  /** No longer watched: what comes after a pause must not be taken for a value that just arrived. */
  forget(deviceIds: readonly string[]): void {
    for (const id of deviceIds) {
      this.newest.delete(id);
      this.published.delete(id);
    }
  }

  clear(): void {
    this.newest.clear();
    this.published.clear();
    this.dirty.clear();
  }

  private valuesOf(deviceId: string): Map<string, LiveValue> {
    const found = this.newest.get(deviceId);
    if (found) return found;
    const oldest = this.newest.size >= MAX_DEVICES ? this.newest.keys().next().value : undefined;
    if (oldest !== undefined) {
      this.newest.delete(oldest);
      this.published.delete(oldest);
    }
    const made = new Map<string, LiveValue>();
    this.newest.set(deviceId, made);
    return made;
  }

  private feed(deviceId: string, tag: string, time: number, value: number): void {
    const series = this.series.get(seriesKey(deviceId, tag));
    if (!series) return;
    series.ring.push(time, value);
    series.listeners.forEach((listener) => listener(time, value));
  }

  private schedule(): void {
    if (this.timer !== null || this.dirty.size === 0) return;
    const wait = Math.max(0, this.lastPaint + REPAINT_MS - Date.now());
    this.timer = setTimeout(() => this.paint(), wait);
  }

  private paint(): void {
    this.timer = null;
    this.lastPaint = Date.now();
    const changed = [...this.dirty];
    this.dirty.clear();
    for (const deviceId of changed) this.published.set(deviceId, new Map(this.newest.get(deviceId)));
    for (const deviceId of changed) this.watchers.get(deviceId)?.forEach((listener) => listener());
  }
}

export const liveStore = new LiveStore();
