import type { LiveValue } from "./store";

/**
 * `fresh`: show it as it is. `uncertain`: show it with a mark. `stale`: hatch it and say its age.
 * `none`: never seen, or no usable value.
 */
export type Freshness =
  | { kind: "fresh" | "uncertain"; ageMs: number }
  | { kind: "stale"; ageMs: number }
  | { kind: "none"; ageMs: null };

/** How fresh a value is at `now` (ms, server's clock). Without a connection nothing is fresh. */
export function freshness(value: LiveValue | null, now: number, staleAfterMs: number, connected: boolean): Freshness {
  if (value === null) return { kind: "none", ageMs: null };
  // A device whose clock is ahead must not get a negative age.
  const ageMs = Math.max(0, now - Math.min(value.timestamp, value.receivedAt));
  if (value.quality === "bad" && value.value === null) return { kind: "none", ageMs: null };
  const old = now - value.receivedAt > staleAfterMs;
  if (old || !connected || value.quality === "stale" || value.quality === "bad") return { kind: "stale", ageMs };
  return { kind: value.quality === "uncertain" ? "uncertain" : "fresh", ageMs };
}
