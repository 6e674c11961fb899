import { describe, expect, it } from "vitest";
import { historyInterval } from "./polling";

const answered = (count: number) => ({ state: { data: { meta: { count } } } });

describe("how soon history is asked for again", () => {
  it("is as usual while there is something, and before the first answer", () => {
    expect(historyInterval(30_000)(answered(3))).toBe(30_000);
    expect(historyInterval(30_000)({ state: {} })).toBe(30_000);
  });

  it("is soon while there is nothing, for a new device is about to have its first sample", () => {
    expect(historyInterval(30_000)(answered(0))).toBeLessThan(5_000);
  });
});
