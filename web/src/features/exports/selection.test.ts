import { describe, expect, it } from "vitest";
import { isEmpty, toBody, withDevice, withoutDevice, withTag, type Draft } from "./selection";

const DRAFT: Draft = {
  chosen: [
    { deviceId: "loom-001", tags: ["bbw_value", "vibration"] },
    { deviceId: "device-001", tags: null },
  ],
  types: ["press"],
  format: "csv",
  quality: "good",
  from: "-7d",
  to: "now",
};

describe("what is exported", () => {
  it("names each signal, or all of a device", () => {
    expect(toBody(DRAFT)).toEqual({
      series: ["loom-001:bbw_value", "loom-001:vibration", "device-001:*"],
      type: ["press"],
      format: "csv",
      quality: "good",
      from: "-7d",
      to: "now",
    });
  });

  it("takes a device once and lets it go again", () => {
    const once = withDevice(DRAFT.chosen, "device-002");
    expect(withDevice(once, "device-002")).toBe(once);
    expect(withDevice(once, "")).toBe(once);
    expect(withoutDevice(once, "loom-001").map(({ deviceId }) => deviceId)).toEqual(["device-001", "device-002"]);
  });

  it("makes all signals of a device one word", () => {
    const all = ["a", "b"];
    const one = withTag([{ deviceId: "d", tags: null }], "d", all, "a", false);
    expect(one).toEqual([{ deviceId: "d", tags: ["b"] }]);
    expect(withTag(one, "d", all, "a", true)).toEqual([{ deviceId: "d", tags: null }]);
  });

  it("knows when nothing is chosen", () => {
    expect(isEmpty({ ...DRAFT, chosen: [], types: [] })).toBe(true);
    expect(isEmpty({ ...DRAFT, chosen: [{ deviceId: "d", tags: [] }], types: [] })).toBe(true);
    expect(isEmpty({ ...DRAFT, chosen: [] })).toBe(false);
  });
});
