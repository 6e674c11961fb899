import { describe, expect, it } from "vitest";
import { device } from "@/testing/device";
import { deviceLevel, groupByType, isAbnormal, searchDevices, worstFirst } from "./deviceList";

describe("worst first", () => {
  it("puts critical before warning, information, silent and normal, then goes by name with numbers as numbers", () => {
    const devices = [
      device("loom-10"),
      device("loom-9"),
      device("silent", { status: "offline" }),
      device("info", { alertStatus: "info" }),
      device("warning", { alertStatus: "warning" }),
      device("critical", { alertStatus: "critical" }),
    ];
    expect(devices.sort(worstFirst).map((each) => each.deviceId)).toEqual(["critical", "warning", "info", "silent", "loom-9", "loom-10"]);
  });

  it("takes a silent device for abnormal, a disabled one not", () => {
    expect(isAbnormal(device("a", { status: "offline" }))).toBe(true);
    expect(isAbnormal(device("a", { status: "unknown", alertStatus: "unknown" }))).toBe(true);
    expect(isAbnormal(device("a", { status: "disabled" }))).toBe(false);
    expect(deviceLevel(device("a", { status: "offline", alertStatus: "critical" }))).toBe("critical");
  });
});

describe("groups", () => {
  it("count all and how many are bad", () => {
    const looms = Array.from({ length: 10 }, (_, at) => device(`loom-${at}`, at === 3 ? { alertStatus: "warning" } : {}));
    expect(groupByType([...looms, device("press", { type: "press" })])).toEqual([
      { type: "loom", total: 10, abnormal: 1 },
      { type: "press", total: 1, abnormal: 0 },
    ]);
  });
});

describe("search", () => {
  const devices = [
    device("device-001", { name: "Furnace temperature", location: "assembly-line-1" }),
    device("pump-1", { name: "Feed pump", location: "furnace hall" }),
  ];
  const find = (text: string) => searchDevices(devices, text).map((each) => each.deviceId);

  it("wants every word, in any field", () => {
    expect(find("furnace LINE-1")).toEqual(["device-001"]);
    expect(find("")).toHaveLength(2);
    expect(find("lathe")).toEqual([]);
  });

  it("puts those first whose name or id begins with it", () => {
    expect(searchDevices([...devices].reverse(), "furnace").map((each) => each.deviceId)).toEqual(["device-001", "pump-1"]);
  });
});
