import { describe, expect, it } from "vitest";
import { readSeries, toSeries, writeSeries } from "./seriesUrl";

const CHOSEN = [
  { deviceId: "loom-001", tags: ["bbw value, mm", "a:b"] },
  { deviceId: "line:1", tags: null },
];

describe("several signals in the URL", () => {
  it("come back as they were, whatever their names hold", () => {
    expect(toSeries(CHOSEN)).toEqual(["loom-001:bbw value, mm", "loom-001:a:b", "line:1:*"]);
    expect(readSeries(writeSeries(CHOSEN))).toEqual(CHOSEN);
  });

  it("are read as people write them", () => {
    expect(readSeries("loom-001:bbw_value,device-001:*")).toEqual([
      { deviceId: "loom-001", tags: ["bbw_value"] },
      { deviceId: "device-001", tags: null },
    ]);
  });

  it("keep a device of which no signal is left, and ask nothing of it", () => {
    const none = [{ deviceId: "loom-001", tags: [] }];
    expect(readSeries(writeSeries(none))).toEqual(none);
    expect(toSeries(none)).toEqual([]);
  });

  it("take all of a device before some of it, and leave out what is none", () => {
    expect(readSeries("a:x,a:*,a:y,:z,b,%:c")).toEqual([{ deviceId: "a", tags: null }]);
    expect(readSeries(undefined)).toEqual([]);
  });
});
