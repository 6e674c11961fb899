import { describe, expect, it } from "vitest";
import { beginning, windowOf } from "./beginning";

const AT = Date.parse("2025-01-11T10:00:00Z");

describe("where a signal's history begins", () => {
  it("is the moment in which its device was added: the first seconds of a plant fill its charts too", () => {
    expect(beginning("2025-01-11T10:00:42.500Z", undefined)).toBe(AT + 42_500);
    expect(beginning("2025-01-11T10:00:42.500Z", "2025-01-11T10:05:00Z")).toBe(AT + 42_500);
  });

  it("is earlier with samples from before that", () => {
    expect(beginning("2025-01-11T12:00:00Z", "2025-01-11T10:00:42Z")).toBe(AT + 42_000);
  });
});

describe("a window that ends now", () => {
  it("has its whole length once there is as much", () => {
    expect(windowOf(600_000, AT, AT + 600_000)).toBe(600_000);
    expect(windowOf(600_000, AT, AT + 86_400_000)).toBe(600_000);
  });

  it("shows what there is while that is less", () => {
    expect(windowOf(600_000, AT, AT + 90_000)).toBe(90_000);
  });

  it("is never empty, whatever the clocks say", () => {
    expect(windowOf(600_000, AT, AT - 5_000)).toBeGreaterThan(0);
  });
});
