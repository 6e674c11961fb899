import { describe, expect, it } from "vitest";
import type { Limits } from "@/api/types";
import { changes, parseLimits, toTexts } from "./limitForm";

const LIMITS: Limits = { alertMin: 15, normalMin: 20, normalMax: 80, alertMax: 85 };

describe("editing limits", () => {
  it("gives back what it was given", () => {
    expect(parseLimits(toTexts(LIMITS))).toEqual({ limits: LIMITS });
  });

  it("takes an empty field as no limit on that side", () => {
    expect(parseLimits({ ...toTexts(LIMITS), alertMin: " " })).toEqual({ limits: { ...LIMITS, alertMin: null } });
  });

  it("takes a decimal comma", () => {
    expect(parseLimits({ ...toTexts(LIMITS), alertMax: "85,5" })).toEqual({ limits: { ...LIMITS, alertMax: 85.5 } });
  });

  it("names the field that is no number", () => {
    expect(parseLimits({ ...toTexts(LIMITS), normalMax: "hot" })).toEqual({ problems: { normalMax: "Write a number, such as 72.5" } });
  });

  it("names the field that breaks the order", () => {
    expect(parseLimits({ ...toTexts(LIMITS), normalMax: "10" })).toEqual({
      problems: { normalMax: "Must not be below “Normal from” (20)" },
    });
  });

  it("says what would change", () => {
    expect(changes(LIMITS, { ...LIMITS, alertMax: 90, alertMin: null })).toEqual(["Alarm below: 15 → none", "Alarm above: 85 → 90"]);
  });
});
