import { useEffect, useMemo, useSyncExternalStore } from "react";
import { valueStatus } from "@/lib/limits";
import type { Device, Limits, Reading, Tag } from "@/api/types";
import { secondTicker } from "./clock";
import { liveSocket, type Connection } from "./socket";
import { liveStore, type DeviceValues, type LiveValue } from "./store";
import { freshness, type Freshness } from "./staleness";

/** Keep these devices subscribed while the component is on the screen. */
export function useSubscription(deviceIds: readonly string[]): void {
  const key = deviceIds.join("\n");
  useEffect(() => (key ? liveSocket.subscriptions.add(key.split("\n")) : undefined), [key]);
}

/** The newest values of a device by tag, repainted at most 5 times a second. Does not subscribe by itself. */
export function useDeviceValues(deviceId: string): DeviceValues {
  return useSyncExternalStore(
    useMemo(() => (listener: () => void) => liveStore.watch(deviceId, listener), [deviceId]),
    () => liveStore.values(deviceId),
  );
}

export function useConnection(): Connection {
  return useSyncExternalStore(liveSocket.onConnection, liveSocket.getConnection);
}

/** Now by the server's clock, ms UTC, moving once a second. */
export function useNow(): number {
  return useSyncExternalStore(secondTicker.subscribe, secondTicker.get);
}

/** A tag with the last reading that the REST API gave. */
export interface Signal {
  deviceId: string;
  tag: string | null;
  reading: Reading | null;
  limits: Limits;
  staleAfterSeconds: number;
}

export interface Shown {
  value: LiveValue | null;
  freshness: Freshness;
}


/** A reading of the REST API as a live value. */
function fromReading(reading: Reading, limits: Limits, staleAfterMs: number, fetchedAt: number): LiveValue {
  const timestamp = Date.parse(reading.timestamp);
  // The server said that it was not stale when it answered, so it came within the stale time before that.
  const earliest = reading.quality === "stale" ? -Infinity : fetchedAt - staleAfterMs;
  const receivedAt = Math.min(Math.max(timestamp, earliest), fetchedAt);
  const usable = reading.quality === "good" || reading.quality === "uncertain";
  return { ...reading, timestamp, receivedAt, status: usable ? valueStatus(reading.value, limits) : "unknown" };
}

/**
 * What to show for one tag: the live value, or until the first one came the value of the REST answer
 * (`fetchedAt` ms), with how fresh it is now.
 */
export function useShown(signal: Signal, fetchedAt: number): Shown {
  const { deviceId, tag, reading, limits, staleAfterSeconds } = signal;
  const live = useDeviceValues(deviceId).get(tag ?? "");
  const now = useNow();
  const { state } = useConnection();
  const staleAfterMs = staleAfterSeconds * 1_000;
  const stored = useMemo(
    () => (reading ? fromReading(reading, limits, staleAfterMs, fetchedAt) : null),
    [reading, limits, staleAfterMs, fetchedAt],
  );
  const value = live && (!stored || live.timestamp >= stored.timestamp) ? live : stored;
  return { value, freshness: freshness(value, now, staleAfterMs, state !== "lost") };
}

/** `useShown` for the primary tag of a device. */
export function usePrimary(device: Device, fetchedAt: number): Shown {
  return useShown({ ...device, tag: device.primaryTag, reading: device.lastReading }, fetchedAt);
}

/** `useShown` for one tag of a device. */
export function useTagShown(device: Device, tag: Tag, fetchedAt: number): Shown {
  const interval = tag.isPrimary ? null : tag.expectedIntervalSeconds;
  const staleAfterSeconds = interval ? Math.max(3 * interval, 2) : device.staleAfterSeconds;
  const { limits, lastReading: reading } = tag;
  return useShown({ deviceId: device.deviceId, tag: tag.name, reading, limits, staleAfterSeconds }, fetchedAt);
}
