import { describe, expect, it } from "vitest";
import { choose, chooseAll, chosen, EMPTY } from "./selection";

const order = ["a", "b", "c", "d"];

describe("choosing alarms", () => {
  it("toggles one row", () => {
    const once = choose(EMPTY, order, "b", false);
    expect(chosen(once, order)).toEqual(["b"]);
    expect(chosen(choose(once, order, "b", false), order)).toEqual([]);
  });

  it("takes all between with shift, in both directions", () => {
    expect(chosen(choose(choose(EMPTY, order, "b", false), order, "d", true), order)).toEqual(["b", "c", "d"]);
    expect(chosen(choose(choose(EMPTY, order, "d", false), order, "b", true), order)).toEqual(["b", "c", "d"]);
  });

  it("clears the range when the row it began with was cleared", () => {
    const all = chooseAll(order, true);
    expect(chosen(choose(choose(all, order, "b", false), order, "c", true), order)).toEqual(["a", "d"]);
  });

  it("forgets rows that have left the list", () => {
    expect(chosen(chooseAll(order, true), ["c", "x"])).toEqual(["c"]);
  });
});
