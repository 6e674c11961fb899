import { describe, expect, it } from "vitest";
import { sparkPath } from "./sparkPath";

const draw = (points: [number, number][], gap = 15) =>
  sparkPath(Float64Array.from(points.map(([x]) => x)), Float64Array.from(points.map(([, y]) => y)), 0, 100, 100, 20, gap);
const strokes = (path: string) => path.split("M").length - 1;

describe("sparkPath", () => {
  it("joins what follows closely", () => {
    expect(strokes(draw([[0, 1], [10, 2], [20, 3]]))).toBe(1);
  });

  it("draws no line across a gap in time, nor across a value that is not good", () => {
    expect(strokes(draw([[0, 1], [10, 2], [60, 3], [70, 2]]))).toBe(2);
    expect(strokes(draw([[0, 1], [10, NaN], [20, 3]]))).toBe(2);
  });

  it("leaves out what is older than the window, and is empty without values", () => {
    expect(draw([[-10, 5], [50, 1]])).toBe("M50.0 10.0h0");
    expect(draw([[10, NaN]])).toBe("");
    expect(draw([])).toBe("");
  });

  it("draws a flat signal through the middle", () => {
    expect(draw([[0, 1600], [10, 1600]])).toBe("M0.0 10.0h0L10.0 10.0");
  });
});
