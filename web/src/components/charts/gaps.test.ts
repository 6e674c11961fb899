import { describe, expect, it } from "vitest";
import { withGaps } from "./gaps";

describe("gaps in a chart", () => {
  it("draws neighbours as one line", () => {
    expect(withGaps([1_000, 2_000], [5, 6], 3_000)).toEqual({ xs: [1, 2], ys: [5, 6] });
  });

  it("breaks the line where nothing came for too long", () => {
    expect(withGaps([1_000, 9_000], [5, 6], 3_000)).toEqual({ xs: [1, 4, 9], ys: [5, null, 6] });
  });

  it("breaks the line at a value that is not good", () => {
    expect(withGaps([1_000, 2_000, 3_000], [5, NaN, 6], 3_000).ys).toEqual([5, null, 6]);
  });

  it("is empty when there is nothing", () => {
    expect(withGaps([], [], 1)).toEqual({ xs: [], ys: [] });
  });
});
