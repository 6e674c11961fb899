import { describe, expect, it } from "vitest";
import type { HistoryReading } from "@/api/types";
import { toLine } from "./line";

const readings = (...points: [HistoryReading["value"], HistoryReading["quality"]][]): HistoryReading[] =>
  points.map(([value, quality], second) => ({ timestamp: new Date(second * 1_000).toISOString(), value, quality }));

describe("the line of a signal", () => {
  it("is parted where there is no value", () => {
    expect(toLine(readings([5, "good"], [null, "stale"], [6, "good"]), true)).toEqual([[0, 1, 2], [5, null, 6]]);
  });

  it("shows on and off as 1 and 0", () => {
    expect(toLine(readings([true, "good"], [false, "good"]), true)[1]).toEqual([1, 0]);
  });

  it("shows samples that are not good apart, joined to their neighbours", () => {
    const [, good, doubtful] = toLine(readings([1, "good"], [2, "good"], [3, "bad"], [4, "good"], [5, "good"]), true);
    expect(good).toEqual([1, 2, null, 4, 5]);
    expect(doubtful).toEqual([null, 2, 3, 4, null]);
  });

  it("does not join across nothing", () => {
    const [, , doubtful] = toLine(readings([1, "good"], [null, "stale"], [3, "uncertain"]), true);
    expect(doubtful).toEqual([null, null, 3]);
  });

  it("is one line of sums, whatever is in them", () => {
    expect(toLine(readings([1, "good"], [2, "bad"]), false)).toEqual([[0, 1], [1, 2]]);
  });
});
