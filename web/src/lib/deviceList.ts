import type { Device, Level } from "@/api/types";
import { levelRank } from "./limits";

/** Everything about a device that a person may type. */
const text = (device: Device) =>
  `${device.name} ${device.deviceId} ${device.type} ${device.location} ${device.area}`.toLowerCase();

/** Devices in which every word of the search occurs, those whose name or id begins with it first. */
export function searchDevices(devices: readonly Device[], search: string): Device[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = devices.filter((device) => words.every((word) => text(device).includes(word)));
  const first = words[0];
  if (first === undefined) return found;
  const begins = (device: Device) =>
    Number(!(device.name.toLowerCase().startsWith(first) || device.deviceId.toLowerCase().startsWith(first)));
  return found.sort((a, b) => begins(a) - begins(b));
}

/** How bad a device is: its open alarms, else that it is silent. */
export function deviceLevel(device: Device): Level {
  if (device.alertStatus !== "normal" && device.alertStatus !== "unknown") return device.alertStatus;
  return device.status === "active" ? "normal" : "unknown";
}

export const isAbnormal = (device: Device): boolean => deviceLevel(device) !== "normal" && device.status !== "disabled";

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
export const byName = (a: Device, b: Device): number => names.compare(a.name || a.deviceId, b.name || b.deviceId);

export function worstFirst(a: Device, b: Device): number {
  return levelRank(deviceLevel(a)) - levelRank(deviceLevel(b)) || byName(a, b);
}

export interface TypeGroup {
  type: string;
  total: number;
  abnormal: number;
}

/** How many there are of each type, and how many of them are bad; the largest group first. */
export function groupByType(devices: readonly Device[]): TypeGroup[] {
  const groups = new Map<string, TypeGroup>();
  for (const device of devices) {
    const group = groups.get(device.type) ?? { type: device.type, total: 0, abnormal: 0 };
    group.total += 1;
    group.abnormal += Number(isAbnormal(device));
    groups.set(device.type, group);
  }
  return [...groups.values()].sort((a, b) => b.abnormal - a.abnormal || b.total - a.total || a.type.localeCompare(b.type));
}
