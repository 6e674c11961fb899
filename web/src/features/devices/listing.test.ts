import { describe, expect, it } from "vitest";
import { device } from "@/testing/device";
import { formatSort, listDevices, pageOf, parseSort } from "./listing";

const devices = [
  device("b", { type: "press", lastReading: { value: 1, timestamp: "2025-01-01T00:00:02Z", quality: "good" } }),
  device("a", { alertStatus: "warning", lastReading: { value: 1, timestamp: "2025-01-01T00:00:01Z", quality: "good" } }),
  device("c", { status: "offline", online: false }),
];
const ids = (url: Parameters<typeof listDevices>[1]) => listDevices(devices, url).map((each) => each.deviceId);

describe("the list", () => {
  it("is worst first unless the URL says otherwise", () => {
    expect(ids({})).toEqual(["a", "c", "b"]);
    expect(ids({ sort: "name" })).toEqual(["a", "b", "c"]);
    expect(ids({ sort: "-name" })).toEqual(["c", "b", "a"]);
    expect(ids({ sort: "-seen" })).toEqual(["b", "a", "c"]);
    expect(ids({ sort: "nonsense" })).toEqual(["a", "c", "b"]);
  });

  it("is filtered by words, type and state", () => {
    expect(ids({ type: "press" })).toEqual(["b"]);
    expect(ids({ state: "abnormal" })).toEqual(["a", "c"]);
    expect(ids({ state: "offline" })).toEqual(["c"]);
    expect(ids({ q: "press" })).toEqual(["b"]);
  });
});

describe("the order in the URL", () => {
  it("is read and written alike, and the usual one is left out", () => {
    expect(formatSort(parseSort("-name"))).toBe("-name");
    expect(formatSort(parseSort(undefined))).toBeUndefined();
  });
});

describe("pages", () => {
  const rows = Array.from({ length: 25 }, (_, at) => at);

  it("cut a long list", () => {
    expect(pageOf(rows, "2", 10)).toEqual({ rows: rows.slice(10, 20), page: 2, pages: 3 });
  });

  it("out of range are brought into it", () => {
    expect(pageOf(rows, "99", 10).page).toBe(3);
    expect(pageOf(rows, "-4", 10).page).toBe(1);
    expect(pageOf(rows, "x", 10).page).toBe(1);
    expect(pageOf([], undefined)).toEqual({ rows: [], page: 1, pages: 1 });
  });
});
