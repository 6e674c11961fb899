import { describe, expect, it } from "vitest";
import type { Preview } from "@/api/types";
import { newDraft, obstacle, recognised, takenColumns, toggled, toOrder, toRead, valueColumns } from "./order";

const WIDE: Preview = {
  format: "csv",
  separator: ";",
  rows: 60,
  columns: [
    { name: "time", kind: "time", example: "2014-03-01 10:00:00" },
    { name: "temperature", kind: "number", example: "20" },
    { name: "on", kind: "boolean", example: "true" },
    { name: "operator", kind: "text", example: "AB" },
  ],
  long: false,
  timeColumn: "time",
  namesNoZone: true,
  signals: ["temperature", "on"],
  devices: [],
  first: [],
  leftOut: { cells: 0, rows: 0, contradicted: 0, columns: ["operator"], examples: [] },
  problem: null,
};
const LONG: Preview = { ...WIDE, long: true, signals: [], devices: ["press-1"], columns: WIDE.columns.slice(0, 1) };
const DRAFT = newDraft("press-1", "Europe/Berlin");

describe("what is to be imported", () => {
  it("asks for nothing that is found out by itself", () => {
    expect(toRead(DRAFT)).toEqual({ columns: [], timezone: "Europe/Berlin", encoding: "utf-8", skipBad: false });
    expect(toRead({ ...DRAFT, timeColumn: "t", timeFormat: " %d " }, "press-1")).toMatchObject({ deviceId: "press-1", timeColumn: "t", timeFormat: "%d" });
  });

  it("tells units of the columns that are taken alone", () => {
    const draft = { ...DRAFT, units: { temperature: " bar ", operator: "x", on: "" } };
    expect(toOrder(draft, WIDE, true)).toMatchObject({ deviceId: "press-1", create: true, type: "sensor", keep: true, units: { temperature: "bar" } });
  });

  it("takes a column more or less, in the file's order, and never none", () => {
    expect(takenColumns(DRAFT, WIDE)).toEqual(["temperature", "on"]);
    expect(toggled(DRAFT, WIDE, "operator", true)).toEqual(["temperature", "on", "operator"]);
    expect(toggled({ ...DRAFT, columns: ["on"] }, WIDE, "temperature", true)).toEqual(["temperature", "on"]);
    expect(toggled({ ...DRAFT, columns: ["on"] }, WIDE, "on", false)).toEqual(["on"]);
    expect(valueColumns(WIDE).map(({ name }) => name)).toEqual(["temperature", "on", "operator"]);
  });

  it("says what was recognised", () => {
    expect(recognised(WIDE)).toBe("CSV with semicolons, times in “time”, a signal a column");
    expect(recognised({ ...LONG, format: "parquet", separator: null })).toContain("Parquet, times in “time”, a sample a row");
    expect(recognised({ ...WIDE, timeColumn: null })).toBe("CSV with semicolons, no column of times");
  });

  it("says what is in the way", () => {
    expect(obstacle({ ...DRAFT, deviceId: " " }, WIDE, [], true)).toContain("Choose the device");
    expect(obstacle(DRAFT, WIDE, [], false)).toContain("devices:write");
    expect(obstacle(DRAFT, WIDE, [], true)).toBeNull();
    expect(obstacle({ ...DRAFT, deviceId: "x" }, LONG, ["x"], true)).toContain("none of x");
    expect(obstacle(DRAFT, LONG, ["press-1"], true)).toBeNull();
  });
});
