import { describe, expect, it } from "vitest";
import { Ring } from "./ring";

const points = (ring: Ring) => [...ring.xs].map((time, at) => [time, ring.ys[at]]);

describe("Ring", () => {
  it("keeps points in the order of their time, however they come", () => {
    const ring = new Ring(10);
    for (const time of [30, 10, 20, 40]) ring.push(time, time / 10);
    expect(points(ring)).toEqual([[10, 1], [20, 2], [30, 3], [40, 4]]);
  });

  it("takes the same time again as a correction", () => {
    const ring = new Ring(10);
    ring.push(10, 1);
    ring.push(20, 2);
    ring.push(10, 9);
    expect(points(ring)).toEqual([[10, 9], [20, 2]]);
  });

  it("holds no more than its capacity, and drops the oldest", () => {
    const ring = new Ring(3);
    for (let time = 1; time <= 100; time += 1) ring.push(time, time);
    expect([...ring.xs]).toEqual([98, 99, 100]);
  });

  it("drops a late point that is older than all it has room for", () => {
    const ring = new Ring(3);
    for (const time of [10, 20, 30, 5]) ring.push(time, time);
    expect([...ring.xs]).toEqual([10, 20, 30]);
  });

  it("keeps what it has when it grows", () => {
    const ring = new Ring(2);
    for (const time of [1, 2, 3]) ring.push(time, time);
    ring.reserve(4);
    for (const time of [4, 5, 6]) ring.push(time, time);
    expect([...ring.xs]).toEqual([3, 4, 5, 6]);
  });
});
