import type { Device } from "@/api/types";
import type { Sort } from "@/components/DataTable";
import { byName, isAbnormal, searchDevices, worstFirst } from "@/lib/deviceList";

/** What the URL says about the list. */
export interface Listing {
  q?: string;
  type?: string;
  /** `abnormal`, or one of the device's own states. */
  state?: string;
  /** Column key, `-` before it for descending. */
  sort?: string;
  page?: string;
}

export const PAGE_SIZE = 50;

export function parseSort(text: string | undefined): Sort {
  if (!text) return { key: "state", descending: false };
  return text.startsWith("-") ? { key: text.slice(1), descending: true } : { key: text, descending: false };
}

/** The default order is left out of the URL. */
export function formatSort({ key, descending }: Sort): string | undefined {
  if (key === "state" && !descending) return undefined;
  return (descending ? "-" : "") + key;
}

type Compare = (a: Device, b: Device) => number;

const words = (text: (device: Device) => string): Compare => (a, b) => text(a).localeCompare(text(b), "en", { numeric: true });

const ORDERS: Record<string, Compare> = {
  state: worstFirst,
  name: byName,
  type: words((device) => device.type),
  place: words((device) => device.area || device.location),
  seen: words((device) => device.lastReading?.timestamp ?? ""),
};

function inState(device: Device, state: string | undefined): boolean {
  if (!state) return true;
  return state === "abnormal" ? isAbnormal(device) : device.status === state;
}

/** The devices that the URL asks for, in its order. Ties go by name, so that rows do not jump. */
export function listDevices(devices: readonly Device[], { q = "", type, state, sort }: Listing): Device[] {
  const { key, descending } = parseSort(sort);
  const order = ORDERS[key] ?? worstFirst;
  const sign = descending ? -1 : 1;
  return searchDevices(devices, q)
    .filter((device) => (!type || device.type === type) && inState(device, state))
    .sort((a, b) => sign * order(a, b) || byName(a, b));
}

export interface PageOf<Row> {
  rows: Row[];
  page: number;
  pages: number;
}

/** One page of a list; a page number that is out of range is brought into it. */
export function pageOf<Row>(rows: readonly Row[], page: string | undefined, size = PAGE_SIZE): PageOf<Row> {
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const wanted = Math.min(pages, Math.max(1, Math.floor(Number(page ?? 1)) || 1));
  return { rows: rows.slice((wanted - 1) * size, wanted * size), page: wanted, pages };
}
